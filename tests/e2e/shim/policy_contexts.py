# SPDX-License-Identifier: Apache-2.0
"""Who gets the anchors, CATRUST_CONTEXTS=public, and whose files count as the user's: permissions."""

import functools
import os
import ssl
import unittest

from lab import lab
from lab.policy import Case, Pki

NAME = "www.corp.example"
PUBLIC = {"CATRUST_CONTEXTS": "public"}
# Of those that every public bundle has.
KNOWN = ["ISRG Root X1", "DigiCert Global Root G2", "Amazon Root CA 1", "GTS Root R1",
         "USERTrust RSA Certification Authority", "Go Daddy Root Certificate Authority - G2"]


@functools.lru_cache(None)
def pki():
    p = Pki()
    p.ca("root")
    p.ca("own")
    p.leaf("www", "root", "DNS:" + NAME)
    p.leaf("own-www", "own", "DNS:" + NAME)
    return p


@functools.lru_cache(None)
def system_roots():
    """The machine's public roots by CN, as PEM, if they are known; the test's own process reads them."""
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for path in "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt":
        if os.path.exists(path):
            c.load_verify_locations(path)
            break
    found = {}
    for names, der in zip(c.get_ca_certs(), c.get_ca_certs(True)):
        cn = dict(pair[0] for pair in names["subject"]).get("commonName")
        if cn in KNOWN:
            found[cn] = ssl.DER_cert_to_PEM_cert(der).encode()
    return found


def hashed(*pems):
    path = lab.folder("capath")
    for i, pem in enumerate(pems):
        lab.write(os.path.join(path, "%d.pem" % i), pem)
    lab.openssl("rehash", path)
    return path


class Contexts(Case):
    @classmethod
    def setUpClass(cls):
        cls.dirs = [pki().trustdir({"": ["root"]})]
        cls.www, cls.own = pki().chain("www"), pki().chain("own-www")

    def pinned(self, setup, own="ok", **options):
        self.shakes([(self.www, NAME, 20), (self.own, NAME, own)], self.dirs, env=PUBLIC, setup=setup, **options)

    def open(self, setup, own="ok", **options):
        self.shakes([(self.www, NAME, "ok"), (self.own, NAME, own)], self.dirs, env=PUBLIC, setup=setup, **options)

    def bundle(self, count=None):
        if len(system_roots()) < 5:
            self.skipTest("no public bundle on this machine")
        names = sorted(system_roots())
        return [system_roots()[name] for name in names[:count]]

    def test_nothing_loaded(self):
        self.pinned("", own=20, kinds=["client", "generic"])

    def test_private_file(self):
        for how in "cafile", "str", "bytes":
            self.pinned("load(c, %r, %r)" % (how, pki().cert("own")), kinds=["client", "generic"])
        # create_default_context loads the defaults only where it is given nothing.
        self.shakes([(self.www, NAME, 20), (self.own, NAME, "ok")], self.dirs, ["default"], PUBLIC,
                    "c = ssl.create_default_context(cafile=%r)" % pki().cert("own"))

    def test_private_folder(self):
        self.pinned("load(c, 'capath', %r)" % hashed(pki().pem("own")), kinds=["client", "generic"])

    def test_private_file_and_folder_together(self):
        self.pinned("c.load_verify_locations(%r, %r)" % (pki().cert("own"), hashed(pki().pem("own"))),
                    kinds=["client", "generic"])

    def test_the_corporate_ca_itself(self):
        self.shakes([(self.www, NAME, "ok"), (self.own, NAME, 20)], self.dirs, ["client", "generic"], PUBLIC,
                    "load(c, 'cafile', %r)" % pki().cert("root"))

    def test_default_paths(self):
        for call in "load_default_certs()", "set_default_verify_paths()":
            self.open("c.%s" % call, own=20, kinds=["client", "generic"])
        self.open("", own=20, kinds=["default"])

    def test_default_paths_with_nothing_there(self):
        """The contents count, not the place."""
        env = {**PUBLIC, "SSL_CERT_FILE": "/nowhere/file", "SSL_CERT_DIR": "/nowhere"}
        self.shakes([(self.www, NAME, 20)], self.dirs, ["default"], env)

    def test_default_paths_that_are_private(self):
        """SSL_CERT_FILE names only a private CA: the program is pinned to it."""
        env = {**PUBLIC, "SSL_CERT_FILE": pki().cert("own"), "SSL_CERT_DIR": "/nowhere"}
        self.shakes([(self.www, NAME, 20), (self.own, NAME, "ok")], self.dirs, ["default"], env)

    def test_both_in_either_order(self):
        own = "load(c, 'cafile', %r)" % pki().cert("own")
        self.open("c.load_default_certs(); " + own, kinds=["client", "generic"])
        self.open(own + "; c.load_default_certs()", kinds=["client", "generic"])
        self.open("load(c, 'cafile', %r); assert shake(c, %r, %r) == 20; c.load_default_certs()" % (
            pki().cert("own"), self.www, NAME), kinds=["client", "generic"])

    def test_public_bundle_by_content(self):
        for name in "cacert.pem", "anything.txt":
            path = lab.write(os.path.join(lab.folder(), name), b"".join(self.bundle()))
            for how in "cafile", "str":
                self.open("load(c, %r, %r)" % (how, path), own=20, kinds=["client", "generic"])
            self.open("load(c, 'cafile', %r); load(c, 'str', %r)" % (pki().cert("own"), path),
                      kinds=["client", "generic"])

    def test_public_folder(self):
        self.open("load(c, 'capath', %r)" % hashed(*self.bundle()), own=20, kinds=["client", "generic"])

    def test_systems_own_folder(self):
        if not os.path.isdir("/etc/ssl/certs") or len(self.bundle()) < 3:
            self.skipTest("no /etc/ssl/certs")
        self.open("load(c, 'capath', '/etc/ssl/certs')", own=20, kinds=["client", "generic"])

    def test_certifi(self):
        lab.need(modules=["certifi"])
        if not os.path.exists(lab.run("import certifi; print(certifi.where())").out.strip()):
            self.skipTest("certifi without its bundle")
        self.open("import certifi; load(c, 'cafile', certifi.where())", own=20, kinds=["client", "generic"])

    def test_two_public_roots_are_a_pin(self):
        two = lab.write(os.path.join(lab.folder(), "two.pem"), b"".join(self.bundle(2)) + pki().pem("own"))
        self.pinned("load(c, 'cafile', %r)" % two, kinds=["client", "generic"])
        three = lab.write(os.path.join(lab.folder(), "three.pem"), b"".join(self.bundle(3)) + pki().pem("own"))
        self.open("load(c, 'cafile', %r)" % three, kinds=["client", "generic"])

    def test_name_of_a_bundle_is_nothing(self):
        for name in "cacert.pem", "ca-certificates.crt":
            path = lab.write(os.path.join(lab.folder("certifi"), name), pki().pem("own"))
            self.pinned("load(c, 'cafile', %r)" % path, kinds=["client", "generic"])

    def test_names_of_public_roots_are_nothing(self):
        """A private CA may have any name."""
        p, pems = pki(), []
        ca = "basicConstraints = critical,CA:TRUE\n"
        for i, subject in enumerate(("/C=US/O=Internet Security Research Group/CN=ISRG Root X1",
                                     "/C=US/O=DigiCert Inc/OU=www.digicert.com/CN=DigiCert Global Root G2",
                                     "/C=US/O=Amazon/CN=Amazon Root CA 1",
                                     "/C=US/O=Google Trust Services LLC/CN=GTS Root R1")):
            pems.append(p.pem(p.odd("posing%d" % i, None, ca, subject)))
        path = lab.write(os.path.join(lab.folder(), "posing.pem"), b"".join(pems) + p.pem("own"))
        self.pinned("load(c, 'cafile', %r)" % path, kinds=["client", "generic"])
        self.pinned("load(c, 'capath', %r)" % hashed(*pems, p.pem("own")), kinds=["client", "generic"])

    def test_other_values_mean_all(self):
        for value in "", "all", "Public", "1":
            self.shakes([(self.www, NAME, "ok"), (self.own, NAME, "ok")], self.dirs, ["client", "generic"],
                        {"CATRUST_CONTEXTS": value}, "load(c, 'cafile', %r)" % pki().cert("own"))

    def test_pinned_store_stays_pinned_when_the_directory_changes(self):
        program = r"""
A = json.loads(sys.argv[1])
c = context(A["kind"])()
load(c, "cafile", A["own"])
out = [shake(c, A["www"], A["name"])]
open(os.environ["CATRUST_DIR"] + "/more.pem", "wb").write(open(A["own"], "rb").read())
time.sleep(1)
print(json.dumps(out + [shake(c, A["www"], A["name"]), shake(c, A["chain"], A["name"])]))
"""
        for kind in "client", "generic":
            got = self.value(program, {"kind": kind, "own": pki().cert("own"), "www": self.www, "name": NAME,
                                       "chain": self.own}, dirs=[pki().trustdir({"": ["root"]})], env=PUBLIC)
            self.assertEqual([20, 20, "ok"], got)

    def test_curl(self):
        lab.need(programs=["curl"])
        if "OpenSSL" not in lab.run(["curl", "--version"]).out.splitlines()[0]:
            self.skipTest("curl without OpenSSL")
        dirs = [lab.trustdir("corp-root.pem")]
        with lab.server() as server:
            self.got_page(lab.run(["curl", "-sS", server.url], shim=True, dirs=dirs, env=PUBLIC))
            private = ["curl", "-sS", "--capath", "/nowhere", "--cacert", lab.cert("other-root.pem"), server.url]
            self.refused(lab.run(private, shim=True, dirs=dirs, env=PUBLIC), "SSL certificate (problem|OpenSSL verify result)")
            self.got_page(lab.run(private, shim=True, dirs=dirs))

    def test_requests(self):
        lab.need(modules=["requests", "certifi"])
        dirs = [lab.trustdir("corp-root.pem")]
        program = "import requests, sys; print(requests.get(sys.argv[1], verify=eval(sys.argv[2])).text)"
        with lab.server() as server:
            self.got_page(lab.run(program, [server.url, "True"], shim=True, dirs=dirs, env=PUBLIC))
            private = [server.url, repr(lab.cert("other-root.pem"))]
            self.refused(lab.run(program, private, shim=True, dirs=dirs, env=PUBLIC))
            self.got_page(lab.run(program, private, shim=True, dirs=dirs))


class Permissions(Case):
    """A file or folder that others can write to is skipped, with a message."""

    WRITABLE = "other users may write to it"
    OWNER = "belongs neither"

    def trust(self, dirs, line=None, env=None, scope=False):
        """line None: the anchor counts."""
        self.shakes([(pki().chain("www"), NAME, "ok" if line is None else 20)], dirs, ["client"], env,
                    lines=[line] if line else [])

    def one(self, layout=None, mode=0o755, file_mode=0o644, **change):
        path = pki().trustdir(layout or {"": ["root"]})
        os.chmod(os.path.join(path, "root.pem"), file_mode)
        os.chmod(path, mode)
        return path

    def test_modes(self):
        for mode, file_mode, line in ((0o755, 0o644, None), (0o700, 0o600, None), (0o555, 0o444, None),
                                      (0o777, 0o644, self.WRITABLE), (0o757, 0o644, self.WRITABLE),
                                      (0o1777, 0o644, None), (0o755, 0o666, self.WRITABLE),
                                      (0o755, 0o646, self.WRITABLE), (0o1777, 0o666, self.WRITABLE)):
            with self.subTest(folder=oct(mode), file=oct(file_mode)):
                path = self.one(mode=mode, file_mode=file_mode)
                self.trust([path], line)
                self.trust([path], env={"CATRUST_ALLOW_WRITABLE": "1"})
                if file_mode == 0o666:
                    self.trust([os.path.join(path, "root.pem")], self.WRITABLE)

    def test_owners(self):
        if os.geteuid() != 0:
            self.skipTest("only root can give files away")
        for which in "", "root.pem":
            path = self.one()
            os.chown(os.path.join(path, which), 65534, -1)
            self.trust([path], self.OWNER)
            self.trust([path], env={"CATRUST_ALLOW_WRITABLE": "1"})
        path = self.one(file_mode=0o664)
        os.chown(os.path.join(path, "root.pem"), 0, 12345)
        self.trust([path], self.WRITABLE)

    def test_another_user(self):
        """Root's files and the user's own count, but not a third user's."""
        lab.need(user="nobody")
        program = "import sys; " + lab.PRELUDE + "\nprint(get(ssl.create_default_context(), sys.argv[1]))"
        root = lab.read(lab.cert("corp-root.pem"))
        with lab.server() as server:
            for uid, line in (0, None), (65534, None), (12345, self.OWNER):
                path = lab.folder("ca.d")
                os.chown(lab.write(os.path.join(path, "root.pem"), root), uid, -1)
                result = lab.run(program, [server.port], shim=True, dirs=[path], user="nobody", group="nogroup")
                if line is None:
                    self.got_page(result)
                else:
                    self.refused(result)
                    self.assertIn(line, result.err)

    def test_scoped_folder(self):
        path = pki().trustdir({"corp.example": ["root"]})
        self.trust([path])
        os.chmod(os.path.join(path, "corp.example"), 0o777)
        self.trust([path], r"/corp\.example: skipped")

    def test_scoped_folder_that_others_may_write_to_narrows_and_widens_nothing(self):
        path = pki().trustdir({"corp.example": ["root"], "far.example": ["root"]})
        os.chmod(os.path.join(path, "corp.example"), 0o777)
        self.shakes([(pki().chain("www"), NAME, 47)], [path], ["client"], lines=[r"/corp\.example: skipped"])

    def test_what_a_link_leads_to_counts(self):
        writable = self.one(file_mode=0o666)
        path = lab.folder("ca.d")
        os.symlink(os.path.join(writable, "root.pem"), os.path.join(path, "link.pem"))
        self.trust([path], r"/link\.pem: skipped")
        link = os.path.join(lab.folder("links"), "ca.d")
        os.symlink(self.one(mode=0o777), link)
        self.trust([link], self.WRITABLE)

    def namespace(self, script, path, lines=()):
        """Runs script, and then one handshake, in a mount namespace of its own."""
        lab.need(programs=["unshare", "mount"])
        wrap = ["unshare", "-m", "--propagation", "private", "sh", "-ec"]
        if lab.run(wrap + [script, "sh", path]).code != 0:
            self.skipTest("no mount namespace here")
        program = lab.PRELUDE + "\nprint(json.dumps(attempt(get, ssl.create_default_context(), sys.argv[1])))"
        with lab.server() as server:
            result = lab.run(wrap + [script + '; LD_PRELOAD=%s exec "$2" -c "$3" "$4"' % lab.shim(), "sh", path,
                                     lab.PYTHON, program, server.port], dirs=[path])
        self.assertEqual(0, result.code, result)
        self.lines(result.err, lines)
        return lab.PAGE.strip() in result.out

    def config_map(self, mode):
        """Like the kubelet: files in a dated folder, a link ..data to the folder, and links to the files through
        ..data."""
        path = lab.folder("ca.d")
        os.mkdir(os.path.join(path, "..2024_01_01"))
        lab.write(os.path.join(path, "..2024_01_01/corp.pem"), lab.read(lab.cert("corp-root.pem")))
        os.symlink("..2024_01_01", os.path.join(path, "..data"))
        os.symlink("..data/corp.pem", os.path.join(path, "corp.pem"))
        os.chmod(os.path.join(path, "..2024_01_01"), mode)
        os.chmod(path, mode)
        return path

    READ_ONLY = 'mount --bind "$1" "$1"; mount -o remount,bind,ro "$1"'

    def test_config_map_on_a_read_only_mount(self):
        for mode in 0o777, 0o1777:
            self.assertTrue(self.namespace(self.READ_ONLY, self.config_map(mode)))

    def test_the_same_on_a_writable_mount(self):
        self.assertFalse(self.namespace('mount --bind "$1" "$1"', self.config_map(0o777), [self.WRITABLE]))

    def test_read_only_mount_of_somebody_elses_file(self):
        if os.geteuid() != 0:
            self.skipTest("only root can give files away")
        path = self.config_map(0o777)
        os.chown(os.path.join(path, "..data/corp.pem"), 65534, -1)
        self.assertFalse(self.namespace(self.READ_ONLY, path, [self.OWNER]))


class LibraryContexts(lab.Case):
    """OpenSSL's library contexts: a program that has one of its own. The shim neither needs nor touches another."""

    @classmethod
    def setUpClass(cls):
        lab.need(programs=["cc"])
        if ssl.OPENSSL_VERSION_INFO < (3,):
            raise unittest.SkipTest("OpenSSL 1.1.1 has no library contexts")
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "library_context.c")
        cls.program = os.path.join(lab.folder("built"), "library_context")
        built = lab.run(["cc", "-O1", "-g", "-o", cls.program, source, "-lssl", "-lcrypto"])
        if built.code != 0:
            raise RuntimeError(built.err)

    def output(self, mode, shim=True):
        done = lab.run([self.program, mode, lab.cert("server-chain.pem"), lab.cert("server.key")], shim=shim,
                       dirs=[lab.trustdir("corp-root.pem")])
        self.assertEqual((0, ""), (done.code, done.err))
        return done.out.splitlines()

    def test_global_context_is_shut(self):
        self.assertNotEqual(["0"], self.output("shut", shim=False))
        self.assertEqual(["0"], self.output("shut"))

    def test_global_context_is_not_touched(self):
        nothing = "the global context has nothing"
        self.assertEqual(nothing, self.output("untouched", shim=False)[1])
        self.assertEqual(["0", nothing], self.output("untouched"))

    def test_own_context_is_freed(self):
        self.assertEqual(["0", "0", "0"], self.output("freed"))


if __name__ == "__main__":
    lab.main()
