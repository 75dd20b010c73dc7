# SPDX-License-Identifier: Apache-2.0
"""CATRUST_STRICT=relax forgives errors of X509_V_FLAG_X509_STRICT if a chain ends at a corporate anchor, and only
then; everything else is as strict as before."""

import functools
import json

from lab import lab
from lab.policy import Case, LEAF, Pki, element, elements

NAME = "www.corp.example"
RELAX = {"CATRUST_STRICT": "relax"}
STRICT = "c.verify_flags |= ssl.VERIFY_X509_STRICT\n"
NOT_STRICT = "c.verify_flags &= ~ssl.VERIFY_X509_STRICT\n"


def version_1(tbs):
    """Without the version, which then is the first."""
    return element(0x30, b"".join(whole for whole, _ in elements(tbs[1])[1:]))


def other_algorithm(tbs):
    """The inner field says sha384, while the outer one says sha256."""
    parts = [whole for whole, _ in elements(tbs[1])]
    parts[2] = bytes.fromhex("300a06082a8648ce3d040303")
    return element(0x30, b"".join(parts))


@functools.lru_cache(None)
def pki():
    return Pki()


def names(more=""):
    return LEAF + "subjectAltName = DNS:%s\n%s" % (NAME, more)


# Each makes a chain; returns (root, leaf). The codes are those of OpenSSL 3.0 and of later versions.
def leaf_of(root, **options):
    return root, pki().leaf(root + "-leaf", root, "DNS:" + NAME, **options)


def odd_leaf(root, *args, **options):
    return pki().ca(root), pki().odd(root + "-leaf", root, *args, **options)


FORGIVEN = {
    "a path length, and no CA": ((80,), lambda: leaf_of(
        pki().ca("f80"), more="basicConstraints = critical,CA:FALSE,pathlen:0")),
    "a path length without keyCertSign": ((81,), lambda: leaf_of(
        pki().ca("f81"), more="basicConstraints = critical,CA:TRUE,pathlen:0")),
    "a leaf without authority key identifier": ((85,), lambda: leaf_of(
        pki().ca("f85"), without=["authorityKeyIdentifier"])),
    "a root without subject key identifier": ((86,), lambda: leaf_of(
        pki().ca("f86", without=["subjectKeyIdentifier", "authorityKeyIdentifier"]),
        more="authorityKeyIdentifier = DER:3006800401020304")),
    "an empty subject, and names that are not critical": ((88,), lambda: odd_leaf("f88", names(), "/")),
    "basicConstraints not critical": ((89,), lambda: leaf_of(
        pki().ca("f89", more="basicConstraints = CA:TRUE"))),
    "a root without key usage": ((92,), lambda: leaf_of(pki().ca("f92", without=["keyUsage"]))),
    "extensions in version 1": ((93,), lambda: odd_leaf("f93", names(), change=version_1)),
    "all that old corporate CAs lack": ((89, 92, 86, 85), lambda: leaf_of(
        flawed("fall"), without=["authorityKeyIdentifier", "subjectKeyIdentifier"])),
}


def flawed(stem, issuer=None, **options):
    """A CA with many errors that can be forgiven."""
    return pki().ca(stem, issuer, without=["keyUsage", "subjectKeyIdentifier", "authorityKeyIdentifier"],
                    **{"more": "basicConstraints = CA:TRUE", **options})


def bad_signature(stem):
    root, leaf = leaf_of(flawed(stem), without=["authorityKeyIdentifier"])
    der = bytearray(lab.openssl("x509", "-in", pki().cert(leaf), "-outform", "DER"))
    # Its last byte belongs to the second number of an ECDSA signature.
    der[-1] ^= 1
    lab.write(pki().cert(leaf), lab.openssl("x509", "-inform", "DER", data=bytes(der)))
    return root, leaf


def through(root, sub, **options):
    return root, pki().leaf(sub + "-leaf", sub, "DNS:" + NAME, without=["authorityKeyIdentifier"], **options)


NEVER = {
    # 20: an anchor whose key has signed nothing of the chain is left out, if no key identifier names it.
    "signature": ((7, 20), lambda: bad_signature("n7")),
    "not yet valid": ((9,), lambda: leaf_of(flawed("n9"), days=(5, 90))),
    "expired": ((10,), lambda: leaf_of(flawed("n10"), days=(-9, -5))),
    "expired root": ((10, 20), lambda: leaf_of(flawed("n10r", days=(-9, -5)))),
    "another name": ((62,), lambda: (flawed("n62"), pki().leaf("n62-leaf", "n62", "DNS:elsewhere.example"))),
    "purpose": ((26,), lambda: leaf_of(flawed("n26"), more="extendedKeyUsage = clientAuth")),
    "path length": ((25,), lambda: through(flawed("n25", more="basicConstraints = CA:TRUE,pathlen:0"), pki().ca(
        "n25-sub", "n25", without=["authorityKeyIdentifier"]))),
    # That it may sign certificates all the same (82) is found by the strict mode alone, which stays for that, and finds
    # the first flaw of the leaf before.
    "issued by no CA": ((24, 79, 85), lambda: through(flawed("n24"), pki().ca(
        "n24-sub", "n24", more="basicConstraints = critical,CA:FALSE"))),
    "issued without keyCertSign": ((24, 79, 32), lambda: through(flawed("n32"), pki().ca(
        "n32-sub", "n32", more="keyUsage = critical,cRLSign"))),
    # The same: 79 is found by the strict mode alone.
    "version 1 CA": ((79, 24, 85), lambda: (pki().odd("n79", None, ""), pki().leaf(
        "n79-leaf", "n79", "DNS:" + NAME, without=["authorityKeyIdentifier"]))),
    "two signature algorithms": ((78, 7), lambda: odd_leaf("n78", names(), change=other_algorithm)),
    "a leaf that may sign certificates": ((82,), lambda: leaf_of(
        flawed("n82"), more="keyUsage = critical,digitalSignature,keyCertSign")),
    "nobody's": ((84, 87), lambda: odd_leaf("n84", LEAF, "/")),
    "no alternative name in the extension": ((87,), lambda: odd_leaf("n87", LEAF + "subjectAltName = DER:3000\n")),
    # Known to the strict mode too (90, 91), but first of all OpenSSL does not know them as critical extensions.
    "authority key identifier critical": ((34,), lambda: leaf_of(
        flawed("n90"), more="authorityKeyIdentifier = critical,DER:3006800401020304")),
    "subject key identifier critical": ((34,), lambda: leaf_of(
        flawed("n91", more="basicConstraints = CA:TRUE\nsubjectKeyIdentifier = critical,DER:040401020304"))),
    "names not permitted by the CA itself": ((47,), lambda: leaf_of(
        flawed("n47", more="basicConstraints = CA:TRUE\nnameConstraints = critical,permitted;DNS:corp.invalid"))),
}


@functools.lru_cache(None)
def made(table, what):
    codes, make = {"forgiven": FORGIVEN, "never": NEVER}[table][what]
    root, leaf = make()
    return codes, pki().trustdir({"": [root]}), pki().chain(leaf), root


class Strict(Case):
    @classmethod
    def setUpClass(cls):
        text = lab.run("import ssl; print(ssl.OPENSSL_VERSION_INFO >= (3,))").out
        cls.finds = text.strip() == "True"

    def check(self, chain, result, dirs, setup=STRICT, env=None, name=NAME, kinds=("client", "generic")):
        self.shakes([(chain, name, result)], dirs, kinds, env=env, setup=setup)

    FINDS = r"""
A = json.loads(sys.argv[1])
c = load(context("client")(), "cafile", A["root"])
exec(A["setup"])
print(json.dumps(shake(c, A["chain"], A["name"])))
"""

    def is_found(self, chain, root):
        """Does this OpenSSL mind, without the shim?"""
        return self.value(self.FINDS, {"root": pki().cert(root), "chain": chain, "name": NAME, "setup": STRICT}, shim=False) != "ok"

    def flaws(self):
        """Those of FORGIVEN that this OpenSSL looks for."""
        for what in FORGIVEN:
            codes, path, chain, root = made("forgiven", what)
            # OpenSSL 4.0 no longer looks for these.
            if codes not in ((88,), (89,)) or self.is_found(chain, root):
                yield what, codes, path, chain, root

    def test_forgiven(self):
        if not self.finds:
            self.skipTest("OpenSSL 1.1.1 looks for none of these")
        for what, codes, path, chain, _ in self.flaws():
            with self.subTest(what):
                self.check(chain, codes, [path])
                self.check(chain, codes, [path], env={"CATRUST_STRICT": "keep"})
                self.check(chain, "ok", [path], env=RELAX)
                # It is the strict mode alone that minds.
                self.check(chain, "ok", [path], NOT_STRICT)

    def test_never_forgiven(self):
        for what in NEVER:
            codes, path, chain, _ = made("never", what)
            name = None if codes[0] in (84, 87) else NAME
            with self.subTest(what):
                if not self.finds and codes[0] in (78, 82, 84, 87):
                    continue
                self.check(chain, codes, [path], env=RELAX, name=name)

    def test_the_system_of_the_never_forgiven(self):
        """Apart from the error in its name, each would be accepted."""
        made("never", "signature")
        _, path, chain, root = made("never", "another name")
        self.check(chain, "ok", [path], env=RELAX, name="elsewhere.example")
        good = pki().leaf("n7-good", "n7", "DNS:" + NAME, without=["authorityKeyIdentifier"])
        self.check(pki().chain(good), "ok", [pki().trustdir({"": ["n7"]})], env=RELAX)

    def test_untrusted(self):
        _, _, chain, _ = made("forgiven", "all that old corporate CAs lack")
        self.check(chain, (20, 19), [lab.trustdir("corp-root.pem")], env=RELAX)

    def test_only_the_word_itself(self):
        if not self.finds:
            self.skipTest("OpenSSL 1.1.1 looks for none of these")
        codes, path, chain, _ = made("forgiven", "a root without key usage")
        for value in "", "0", "1", "Relax", "relaxed", "relax ":
            with self.subTest(value):
                self.check(chain, codes, [path], env={"CATRUST_STRICT": value}, kinds=["client"])

    def test_chains_of_the_program_are_not_forgiven(self):
        if not self.finds:
            self.skipTest("OpenSSL 1.1.1 looks for none of these")
        for what, codes, path, chain, root in self.flaws():
            dirs = [lab.trustdir("corp-root.pem")]
            for how in "cafile", "str":
                setup = STRICT + "load(c, %r, %r)" % (how, pki().cert(root))
                with self.subTest(what, how=how):
                    self.check(chain, codes, dirs, setup, env=RELAX)
                    # The very same CA where the directory vouches for it too.
                    self.check(chain, "ok", [path], setup, env=RELAX)

    def test_the_programs_copy_of_an_anchor_that_does_not_count(self):
        """An anchor forgives nothing outside its scope, or in a client that gets no anchors."""
        if not self.finds:
            self.skipTest("OpenSSL 1.1.1 looks for none of these")
        codes, path, chain, root = made("forgiven", "a root without key usage")
        setup = STRICT + "load(c, 'cafile', %r)" % pki().cert(root)
        self.check(chain, "ok", [pki().trustdir({"corp.example": [root]})], setup, env=RELAX)
        self.check(chain, codes, [pki().trustdir({"other.example": [root]})], setup, env=RELAX)
        self.check(chain, codes, [path], setup, env={**RELAX, "CATRUST_CONTEXTS": "public"})

    def test_chain_to_the_program_through_a_corporate_name(self):
        """An anchor with the same name but another key does not make the program's chain a corporate one."""
        if not self.finds:
            self.skipTest("OpenSSL 1.1.1 looks for none of these")
        codes, _, chain, root = made("forgiven", "a root without key usage")
        pki().ca("same-name", cn="CA " + root)
        self.check(chain, codes, [pki().trustdir({"": ["same-name"]})], env=RELAX,
                   setup=STRICT + "load(c, 'cafile', %r)" % pki().cert(root))

    def test_within_a_scope(self):
        _, _, chain, root = made("forgiven", "all that old corporate CAs lack")
        self.check(chain, "ok", [pki().trustdir({"corp.example": [root]})], env=RELAX)
        self.check(chain, 47, [pki().trustdir({"other.example": [root]})], env=RELAX)

    def test_an_anchor_vouches_for_what_another_may_not(self):
        """As without strict mode: errors on the way to one anchor are forgiven like those on the way to the other."""
        root = flawed("fu")
        sub = pki().ca("fu-sub", root)
        dirs = [pki().trustdir({"other.example": [sub], "": [root]})]
        chain = pki().chain(pki().leaf("fu-leaf", sub, "DNS:" + NAME))
        self.check(chain, "ok", dirs, NOT_STRICT)
        self.check(chain, "ok", dirs, env=RELAX)
        self.check(chain, (85, 86, 89, 92) if self.finds else "ok", dirs)
        # What is never forgiven is not forgiven there either.
        for what, options in (("old", {"days": (-9, -5)}), ("client", {"more": "extendedKeyUsage = clientAuth"})):
            chain = pki().chain(pki().leaf("fu-" + what, sub, "DNS:" + NAME, **options))
            self.check(chain, (10, 26, 47), dirs, env=RELAX)

    OWN_WAY = lab.PRELUDE + r"""
c = context("client")(cafile=sys.argv[2])
c.verify_flags |= ssl.VERIFY_X509_STRICT
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as s, c.wrap_socket(s, server_hostname=sys.argv[3]) as t:
    chain = getattr(t._sslobj, "get_verified_chain", lambda: [])()
    print(json.dumps([dict(x[0] for x in one.get_info()["subject"])["commonName"] for one in chain]))
"""

    def test_what_the_program_trusts_by_another_way(self):
        """An anchor's error does not block what a public CA vouches for; the program sees that CA's chain."""
        root = flawed("fo")
        pki().ca("fo-public")
        pki().ca("fo-cross", "fo-public", cn="CA fo", key="fo")
        chain = pki().chain(pki().leaf("fo-leaf", "fo-cross", "DNS:" + NAME), "fo-cross")
        own = STRICT + "load(c, 'cafile', %r)" % pki().cert("fo-public")
        for folder in "", "corp.example", "other.example":
            dirs = [pki().trustdir({folder: [root]})]
            self.check(chain, "ok", dirs, own)
            self.check(chain, "ok", dirs, own, env=RELAX)
            if self.finds:
                self.check(chain, (85, 86, 89, 92), dirs)
            with lab.server(chain, key=chain) as server:
                result = lab.run(self.OWN_WAY, [server.port, pki().cert("fo-public"), NAME], shim=True, dirs=dirs)
            self.assertEqual((0, ""), (result.code, result.err))
            if result.out.strip() != "[]" and self.finds:
                self.assertEqual(["a leaf", "CA fo", "CA fo-public"], json.loads(result.out))
        # One anchor that may not vouch, and behind it one that has the flaw.
        low = pki().ca("fo-low", "fo-cross")
        chain = pki().chain(pki().leaf("fo-low-leaf", low, "DNS:" + NAME), low, "fo-cross")
        self.check(chain, "ok", [pki().trustdir({"other.example": [low], "": [root]})], own)

    def test_intermediate_as_anchor(self):
        root = flawed("fi")
        sub = flawed("fi-sub", root)
        leaf = pki().leaf("fi-leaf", sub, "DNS:" + NAME, without=["authorityKeyIdentifier"])
        dirs = [pki().trustdir({"": [sub]})]
        for chain in pki().chain(leaf), pki().alone(leaf):
            self.check(chain, "ok", dirs, env=RELAX)
            if self.finds:
                self.check(chain, (85, 86, 89, 92), dirs)

    def test_anchor_below_the_programs_own_root(self):
        """The program's own trust counts, apart from an error in the leaf; in the chain that ends at the anchor, the
        error is forgiven."""
        if not self.finds:
            self.skipTest("OpenSSL 1.1.1 looks for none of these")
        sub = pki().ca("fb-sub", pki().ca("fb"))
        leaf = pki().leaf("fb-leaf", sub, "DNS:" + NAME, without=["authorityKeyIdentifier"])
        own = STRICT + "load(c, 'cafile', %r)" % pki().cert("fb")
        dirs = [pki().trustdir({"": [sub]})]
        self.check(pki().chain(leaf), 85, dirs, own)
        self.check(pki().chain(leaf), "ok", dirs, own, env=RELAX)
        self.check(pki().chain(leaf), 85, [pki().trustdir({"other.example": [sub]})], own, env=RELAX)

    def test_certificate_of_one_server_as_anchor(self):
        """The order of the certificates in the chain, including those that the server sent."""
        if not self.finds:
            self.skipTest("OpenSSL 1.1.1 looks for none of these")
        sub = pki().ca("fp-sub", pki().ca("fp"))
        leaf = pki().leaf("fp-leaf", sub, "DNS:" + NAME, without=["authorityKeyIdentifier"])
        partial = STRICT + "c.verify_flags |= 0x80000"
        for folder, result in ("", "ok"), ("corp.example", "ok"), ("other.example", 47):
            dirs = [pki().trustdir({folder: [leaf]})]
            self.check(pki().chain(leaf), result, dirs, partial, env=RELAX)
            self.check(pki().chain(leaf), 85, dirs, partial)
            # By itself, there is no issuer that it would have to name.
            self.check(pki().alone(leaf), result, dirs, partial)

    def test_as_python_3_13_does_by_itself(self):
        if lab.python_version() < (3, 13):
            self.skipTest("Python before 3.13 is not strict")
        codes, path, chain, _ = made("forgiven", "all that old corporate CAs lack")
        self.check(chain, codes, [path], "", kinds=["default"])
        self.check(chain, "ok", [path], "", env=RELAX, kinds=["default"])

    PYOPENSSL = lab.PRELUDE + r"""
from OpenSSL import SSL, crypto
seen = []
def observe(connection, cert, code, depth, ok):
    seen.append([code, ok])
    return ok
c = SSL.Context(getattr(SSL, "TLS_CLIENT_METHOD", SSL.SSLv23_METHOD))
c.set_verify(SSL.VERIFY_PEER, observe)
c.get_cert_store().set_flags(crypto.X509StoreFlags.X509_STRICT)
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 30)
s.setblocking(True)
t = SSL.Connection(c, s)
t.set_connect_state()
try:
    t.do_handshake()
    result = "ok"
except SSL.Error as e:
    result = str(e)
print(json.dumps([result, seen, SSL._lib.SSL_get_verify_result(t._ssl)]))
"""

    def test_program_with_its_own_callback(self):
        """The program does not see forgiven errors, neither in its callback nor in the result."""
        lab.need(modules=["OpenSSL"])
        codes, path, chain, _ = made("forgiven", "all that old corporate CAs lack")
        with lab.server(chain, key=chain) as server:
            for env in ({}, RELAX) if self.finds else (RELAX,):
                result = lab.run(self.PYOPENSSL, [server.port], shim=True, dirs=[path], env=env)
                self.assertEqual((0, ""), (result.code, result.err))
                got, seen, code = json.loads(result.out)
                if env:
                    self.assertEqual(("ok", 0), (got, code))
                    self.assertEqual([[0, 1]], [list(x) for x in {tuple(x) for x in seen}])
                else:
                    self.assertIn("certificate verify failed", got)
                    self.assertIn(code, codes)

    def test_program_that_accepts_an_error_keeps_it(self):
        """A callback that accepts an expired certificate sees the error, and the result names it, whatever was
        forgiven before and after."""
        lab.need(modules=["OpenSSL"])
        _, path, chain, _ = made("never", "expired")
        # pyOpenSSL's own wrapper of callbacks clears the error: one without it.
        program = self.PYOPENSSL.replace("s = socket", r"""
@SSL._ffi.callback("int(int, X509_STORE_CTX *)")
def accept(ok, ctx):
    seen.append([SSL._lib.X509_STORE_CTX_get_error(ctx), ok])
    return 1
SSL._lib.SSL_CTX_set_verify(c._context, SSL.VERIFY_PEER, accept)
s = socket""", 1)
        with lab.server(chain, key=chain) as server:
            result = lab.run(program, [server.port], shim=True, dirs=[path], env=RELAX)
        self.assertEqual((0, ""), (result.code, result.err))
        got, seen, code = json.loads(result.out)
        self.assertEqual(("ok", 10), (got, code))
        self.assertEqual([[10, 0]], [x for x in seen if not x[1]])


if __name__ == "__main__":
    lab.main()
