# SPDX-License-Identifier: Apache-2.0
"""Every row of shim/hooks.def, through a C program (table.c) that calls each function."""

import os
import re

from lab import lab

HERE = os.path.dirname(os.path.abspath(__file__))
SHIM = os.path.join(HERE, "..", "..", "..", "shim")


class Table(lab.Case):
    def test_each_function_does_what_it_does_without(self):
        """It returns the same, and the client's store has the same certificates."""
        lab.need(programs=["cc"])
        program = os.path.join(lab.folder("table"), "table")
        built = lab.run(["cc", "-O1", "-Wall", "-Wextra", "-Werror", "-Wno-deprecated-declarations", "-I" + SHIM,
                         "-o", program, os.path.join(HERE, "table.c"), "-lssl", "-lcrypto"])
        self.assertEqual((0, ""), (built.code, built.err))
        path = lab.folder("capath")
        file = lab.write(os.path.join(path, "ca.pem"), lab.read(lab.cert("other-root.pem")))
        lab.openssl("rehash", path)
        tables = []
        for shim in False, True:
            result = lab.run([program, file, path], shim=shim, dirs=[lab.trustdir("corp-root.pem")],
                             env={"SSL_CERT_FILE": file, "SSL_CERT_DIR": path})
            self.assertEqual((0, ""), (result.code, result.err), result)
            tables.append([line.split() for line in result.out.splitlines()])
        rows = re.findall(r"^HOOK_(?:SSL|X509)\([A-Z]+, (\w+),", lab.read(os.path.join(SHIM, "hooks.def")).decode(), re.M)
        self.assertEqual(rows, [name for name, _, _ in tables[0]])
        for name, returned, _ in tables[0]:
            self.assertGreater(int(returned), 0, name)
        self.assertEqual(tables[0], tables[1])


if __name__ == "__main__":
    lab.main()
