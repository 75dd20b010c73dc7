# SPDX-License-Identifier: Apache-2.0
"""Scopes: ca.d/corp.example/root.pem may vouch for corp.example and the names below it, and for nothing else."""

import functools
import json
import os

from lab import lab
from lab.policy import Case, KINDS, Pki, ROOT

OK, SCOPE, UNKNOWN, OTHER_NAME, NO_HOST = "ok", 47, 20, 62, "not a host name"
PARTIAL_CHAIN = 0x80000  # as Python 3.13 and later set it

SRV, XMPP = "otherName:1.3.6.1.5.5.7.8.7;", "otherName:1.3.6.1.5.5.7.8.5;"
# stem, names, CN: what the leaves of the tests are called. The first name is the one that is asked for.
LEAVES = [
    ("corp", ["DNS:corp.example"], "a leaf"),
    ("www", ["DNS:www.corp.example"], "a leaf"),
    ("deep", ["DNS:a.b.corp.example"], "a leaf"),
    ("upper", ["DNS:WWW.CORP.EXAMPLE"], "a leaf"),
    ("wild", ["DNS:*.corp.example"], "a leaf"),
    ("evilcorp", ["DNS:evilcorp.example"], "a leaf"),
    ("longer", ["DNS:corp.example.evil.example"], "a leaf"),
    ("shorter", ["DNS:example"], "a leaf"),
    ("wildabove", ["DNS:*.example"], "a leaf"),
    ("other", ["DNS:www.other.example"], "a leaf"),
    ("both", ["DNS:www.corp.example", "DNS:www.other.example"], "a leaf"),
    ("withip", ["DNS:www.corp.example", "IP:10.1.2.3"], "a leaf"),
    ("ip10", ["IP:10.1.2.3"], "no host"),
    ("ip11", ["IP:11.1.2.3"], "no host"),
    ("ip6", ["IP:fd00::5"], "no host"),
    ("ip6other", ["IP:fe80::5"], "no host"),
    ("idn", ["DNS:www.xn--bcher-kva.example"], "a leaf"),
    ("cn-www", [], "www.corp.example"),
    ("cn-other", [], "www.other.example"),
    ("cn-beside-dns", ["DNS:www.corp.example"], "www.other.example"),
    ("cn-beside-ip", ["IP:10.1.2.3"], "www.other.example"),
    ("cn-short", [], "intranet"),
    ("cn-short-beside-ip", ["IP:10.1.2.3"], "intranet"),
    ("cn-wild", [], "*.corp.example"),
    ("cn-ip10", [], "10.1.2.3"),
    ("cn-ip10-beside-ip", ["IP:10.1.2.3"], "10.1.2.3"),
    ("cn-ip11-beside-ip", ["IP:10.1.2.3"], "11.1.2.3"),
    ("cn-final-dot", [], "www.corp.example."),
    ("cn-other-final-dot", [], "www.other.example."),
    ("cn-other-space", [], "a b.other.example"),
    ("cn-words", [], "our test server"),
    ("only-email", ["email:root@corp.example"], "our test server"),
    ("only-uri", ["URI:https://www.corp.example/"], "our test server"),
    ("cn-short-beside-dns", ["DNS:www.corp.example"], "intranet"),
    ("cn-ip10-beside-dns", ["DNS:www.corp.example"], "10.1.2.3"),
    ("cn-localhost-beside-dns", ["DNS:localhost.corp.example"], "localhost"),
    ("cn-first-label", ["DNS:server01.corp.example"], "SERVER01"),
    ("cn-first-label-of-other", ["DNS:www.corp.example", "DNS:server01.other.example"], "server01"),
    ("cn-wild-beside-dns", ["DNS:*.corp.example"], "*.corp.example"),
    ("uri", ["DNS:www.corp.example", "URI:https://user@www.corp.example:8443/x", "URI:urn:uuid:1"], "a leaf"),
    ("uri-other", ["DNS:www.corp.example", "URI:https://www.corp.example@www.other.example/"], "a leaf"),
    ("uri-ip10", ["DNS:www.corp.example", "URI:https://10.1.2.3/"], "a leaf"),
    ("uri-bad", ["DNS:www.corp.example", "URI:www.corp.example/"], "a leaf"),
    ("email", ["DNS:www.corp.example", "email:root@mail.corp.example"], "a leaf"),
    ("email-other", ["DNS:www.corp.example", "email:root@other.example"], "a leaf"),
    ("srv", ["DNS:www.corp.example", SRV + "IA5:_imaps.corp.example"], "a leaf"),
    ("srv-other", ["DNS:www.corp.example", SRV + "IA5:_imaps.other.example"], "a leaf"),
    ("xmpp", ["DNS:www.corp.example", XMPP + "UTF8:corp.example"], "a leaf"),
    ("xmpp-other", ["DNS:www.corp.example", XMPP + "UTF8:other.example"], "a leaf"),
    # As of domain controllers.
    ("upn", ["DNS:www.corp.example", "otherName:1.3.6.1.4.1.311.20.2.3;UTF8:dc1@other.example",
             "otherName:1.3.6.1.4.1.311.25.1;OCT:0123456789abcdef"], "a leaf"),
]
# Those that a folder for corp.example is enough for.
CORP = ["corp", "www", "deep", "upper", "wild", "cn-www", "cn-wild", "cn-first-label", "cn-wild-beside-dns", "uri", "email",
        "srv", "xmpp", "upn"]


def asked(names, cn):
    """The name to ask for, or None if the test must use none."""
    if not names or names == ["DNS:*.example"] or names[0].split(":")[0] in ("email", "URI"):  # OpenSSL matches no host with these
        return None
    return names[0].split(":", 1)[1].replace("*", "any")


@functools.lru_cache(None)
def pki():
    p = Pki()
    p.ca("root")
    p.ca("sub", "root")
    p.ca("renewed", cn="CA root", key="root")
    p.ca("public")
    p.ca("cross", "public", cn="CA root", key="root")
    for stem, names, cn in LEAVES:
        p.leaf(stem, "root", *names, cn=cn)
    for stem in "www", "other":
        p.leaf("sub-" + stem, "sub", "DNS:%s.example" % ("www.corp" if stem == "www" else "www.other"))
        p.leaf("self-" + stem, None, "DNS:%s.example" % ("www.corp" if stem == "www" else "www.other"), cn=stem)
    return p


class Names(Case):
    def table(self, layout, accepted, kinds=("client",)):
        """All leaves with one trust directory: those in accepted are accepted, all others are out of scope. A
        scope's contents do not depend on the kind of context, so most tables use one: each default context reads the
        system's CAs."""
        dirs = [pki().trustdir(layout)]
        self.shakes([(pki().chain(stem), asked(names, cn), OK if stem in accepted else SCOPE)
                     for stem, names, cn in LEAVES], dirs, kinds)

    def test_without_the_shim_none_is_trusted(self):
        got = self.value("""
print(json.dumps([shake(unnamed(context("client")()), chain, name) for chain, name in json.loads(sys.argv[1])]))
""", [(pki().chain(stem), asked(names, cn)) for stem, names, cn in LEAVES], shim=False)
        self.assertEqual([UNKNOWN] * len(LEAVES), got)

    def test_top_folder_is_for_all_names(self):
        self.table({"": ["root"]}, [stem for stem, _, _ in LEAVES])

    def test_domain(self):
        self.table({"corp.example": ["root"]}, CORP, KINDS)

    def test_domain_in_capitals(self):
        self.table({"Corp.EXAMPLE": ["root"]}, CORP)

    def test_host(self):
        self.table({"www.corp.example": ["root"]}, ["www", "upper", "cn-www", "uri", "upn"])

    def test_host_without_a_dot(self):
        """It counts if a folder has its name."""
        self.table({"Intranet": ["root"]}, ["cn-short"])
        self.table({"intranet": ["root"], "10.1.2.3": ["root"]},
                   ["ip10", "cn-ip10", "cn-ip10-beside-ip", "cn-short", "cn-short-beside-ip"])

    def test_internationalised_domain(self):
        self.table({"xn--bcher-kva.example": ["root"]}, ["idn"])

    def test_addresses(self):
        self.table({"10.0.0.0_8": ["root"]}, ["ip10", "cn-ip10", "cn-ip10-beside-ip"])
        self.table({"10.1.2.3": ["root"]}, ["ip10", "cn-ip10", "cn-ip10-beside-ip"])
        self.table({"10.1.2.2_31": ["root"]}, ["ip10", "cn-ip10", "cn-ip10-beside-ip"])
        self.table({"10.1.2.2": ["root"]}, [])
        self.table({"fd00__8": ["root"]}, ["ip6"])
        self.table({"fd00__5_128": ["root"]}, ["ip6"])
        self.table({"fd00::5": ["root"]}, ["ip6"])

    def test_common_names_that_openssl_takes_for_no_host(self):
        """OpenSSL's name constraints ignore them, but its matching of host names does not."""
        cns = ["www.other.example.", "x-.other.example", "x.-other.example", "www.other.example-", "a+b.other.example"]
        pairs = [(pki().chain(pki().leaf("cn-odd%d" % i, "root", cn=cn.replace("+", "\\+"))), cn)
                 for i, cn in enumerate(cns)]
        for folder in "corp.example", "10.0.0.0_8", "intranet":
            self.shakes([(chain, cn, (SCOPE, NO_HOST)) for chain, cn in pairs], [pki().trustdir({folder: ["root"]})])
        # OpenSSL 4.0 ignores common names, and refuses some of these as the name of a host.
        self.shakes([(chain, cn, (OK, OTHER_NAME, NO_HOST)) for chain, cn in pairs], [pki().trustdir({"": ["root"]})])

    def test_common_name_counts_whatever_the_client_says(self):
        """Its flags for host names change nothing, because there are clients that check the CN themselves."""
        if lab.run("import ssl; print(hasattr(ssl.SSLContext, '_host_flags'))").out.strip() != "True":
            self.skipTest("no such flag in Python 3.6")
        chain = pki().chain("cn-beside-dns")
        for flag in "ALWAYS", "NEVER":
            setup = "c._host_flags = ssl._ssl.HOSTFLAG_%s_CHECK_SUBJECT" % flag
            self.shakes([(chain, "www.corp.example", SCOPE), (pki().chain("www"), "www.corp.example", OK)],
                        [pki().trustdir({"corp.example": ["root"]})], setup=setup)
            self.shakes([(chain, "www.corp.example", OK)],
                        [pki().trustdir({"corp.example": ["root"], "other.example": ["root"]})], setup=setup)

    def test_clients_that_look_at_no_name(self):
        """They accept one server of the scope in place of another; but a certificate without server names is outside
        every scope."""
        dirs = [pki().trustdir({"corp.example": ["root"]})]
        wanted = [("www", OK), ("other", SCOPE), ("cn-words", SCOPE), ("only-email", SCOPE), ("only-uri", SCOPE)]
        self.shakes([(pki().chain(stem), None, result) for stem, result in wanted], dirs)
        self.shakes([(pki().chain(stem), "www.other.example", result) for stem, result in wanted], dirs,
                    setup="c.check_hostname = False")

    def test_several_folders_are_a_union(self):
        self.table({"corp.example": ["root"], "10.0.0.0_8": ["root"]},
                   [*CORP, "withip", "ip10", "cn-ip10", "cn-ip10-beside-ip", "cn-ip10-beside-dns", "uri-ip10"])
        self.table({"corp.example": ["root"], "other.example": ["root"]},
                   [*CORP, "cn-beside-dns", "both", "other", "cn-other", "cn-other-space", "cn-first-label-of-other",
                    "uri-other", "email-other", "srv-other", "xmpp-other"])
        self.table({"corp.example": ["root"], "intranet": ["root"], "localhost": ["root"]},
                   [*CORP, "cn-short", "cn-short-beside-dns", "cn-localhost-beside-dns"])

    def test_top_folder_wins(self):
        self.table({"": ["root"], "corp.example": ["root"]}, [stem for stem, _, _ in LEAVES])

    def test_two_directories(self):
        """Scopes in two directories add up, like folders in one directory."""
        first, second = pki().trustdir({"corp.example": ["root"]}), pki().trustdir({"other.example": ["root"]})
        top = pki().trustdir({"": ["root"]})
        both = pki().chain("both")
        self.shakes([(both, "www.corp.example", SCOPE)], [first])
        self.shakes([(both, "www.corp.example", OK)], [first, second])
        self.shakes([(both, "www.corp.example", OK), (pki().chain("ip11"), "11.1.2.3", OK)], [first, top])

    def test_bad_folder_is_trusted_for_nothing(self):
        www = pki().chain("www")
        for name in "corp_example", "*.corp.example", "corp..example", "-corp.example", "10.0.0.0_33", \
                "10.1.0.0_8", "0.0.0.0_0", "__1":
            with self.subTest(name):
                self.shakes([(www, "www.corp.example", UNKNOWN), (pki().chain("ip10"), "10.1.2.3", UNKNOWN)],
                            [pki().trustdir({name: ["root"], "": ["public"]})], ["client"],
                            lines=["neither a domain nor a range"])

    def test_other_anchors_are_not_narrowed(self):
        """A scope applies only to its anchor."""
        dirs = [pki().trustdir({"corp.example": ["root"], "": ["sub"]})]
        self.shakes([(pki().chain("sub-other"), "www.other.example", OK),
                     (pki().chain("other"), "www.other.example", SCOPE)], dirs)


class Anchors(Case):
    """What a scope's folder may contain."""

    def pair(self, prefix=""):
        return pki().chain(prefix + "www"), pki().chain(prefix + "other")

    def test_root_above_a_chain(self):
        www, other = self.pair("sub-")
        self.shakes([(www, "www.corp.example", OK), (other, "www.other.example", SCOPE)],
                    [pki().trustdir({"corp.example": ["root"]})])

    def test_intermediate(self):
        www, other = self.pair("sub-")
        dirs = [pki().trustdir({"corp.example": ["sub"]})]
        self.shakes([(www, "www.corp.example", OK), (other, "www.other.example", SCOPE),
                     (pki().alone("sub-www"), "www.corp.example", OK),
                     (pki().alone("sub-other"), "www.other.example", SCOPE),
                     (pki().chain("www"), "www.corp.example", UNKNOWN)], dirs)

    def test_self_signed_server(self):
        www, other = self.pair("self-")
        dirs = [pki().trustdir({"corp.example": ["self-www", "self-other"]})]
        self.shakes([(www, "www.corp.example", OK), (other, "www.other.example", SCOPE)], dirs)

    def test_certificate_of_one_server(self):
        """A CA issued it, so OpenSSL accepts it as an anchor only in partial chains, whatever the server sends with
        it."""
        setup = "c.verify_flags |= %d" % PARTIAL_CHAIN
        for folder, result in ("corp.example", SCOPE), ("other.example", OK), ("", OK):
            self.shakes([(chain, "www.other.example", result) for chain in
                         (pki().alone("sub-other"), pki().chain("sub-other"), pki().chain("sub-other", "sub", "root"))],
                        [pki().trustdir({folder: ["sub-other"]})], setup=setup)

    def test_unscoped_root_above_a_scoped_intermediate(self):
        """The root may vouch for every name, so nothing is narrowed; and in the other direction."""
        www, other = self.pair("sub-")
        self.shakes([(www, "www.corp.example", OK), (other, "www.other.example", OK),
                     (pki().alone("sub-other"), "www.other.example", OK)],
                    [pki().trustdir({"corp.example": ["sub"], "": ["root"]})])
        self.shakes([(www, "www.corp.example", OK), (other, "www.other.example", OK),
                     (pki().chain("other"), "www.other.example", SCOPE)],
                    [pki().trustdir({"corp.example": ["root"], "": ["sub"]})])

    def test_scoped_root_above_a_scoped_intermediate(self):
        """An anchor that may vouch for the name vouches for it."""
        self.shakes([(self.pair("sub-")[1], "www.other.example", OK), (self.pair("sub-")[0], "www.corp.example", OK),
                     (pki().chain("other"), "www.other.example", OK), (pki().chain("www"), "www.corp.example", SCOPE)],
                    [pki().trustdir({"corp.example": ["sub"], "other.example": ["root"]})])

    def test_same_key_in_two_scopes(self):
        """Two certificates of one CA, for different names: each vouches for its own."""
        for layout in ({"corp.example": ["root"], "other.example": ["renewed"]},
                       {"corp.example": ["renewed"], "other.example": ["root"]}):
            self.shakes([(pki().chain("www"), "www.corp.example", OK), (pki().chain("other"), "www.other.example", OK),
                         (pki().chain("ip11"), "11.1.2.3", SCOPE)], [pki().trustdir(layout)])


class OwnTrust(Case):
    """If the program itself trusts a CA, the CA is not narrowed."""

    def unchanged(self, layout, own, chains, attached=True, kinds=("client", "generic")):
        dirs = [pki().trustdir(layout)]
        hashed = lab.folder("capath")
        for stem in own:
            lab.write(os.path.join(hashed, stem + ".pem"), pki().pem(stem))
        lab.openssl("rehash", hashed)
        bundle = lab.write(os.path.join(lab.folder(), "own.pem"), pki().pem(*own))
        before = "assert shake(c, %r, 'www.corp.example') == 'ok'\n" % pki().chain("www") if attached else ""
        for how in "cafile", "str", "bytes", "capath":
            if how == "bytes" and len(own) > 1:
                continue
            own_load = "load(c, %r, %r)" % (how, hashed if how == "capath" else bundle)
            for when, setup in ("before", own_load), ("after", before + own_load):
                with self.subTest(how=how, when=when):
                    self.shakes([(chain, name, OK) for chain, name in chains], dirs, kinds, setup=setup)

    def test_same_certificate(self):
        self.unchanged({"corp.example": ["root"]}, ["root"],
                       [(pki().chain("other"), "www.other.example"), (pki().chain("ip11"), "11.1.2.3"),
                        (pki().chain("www"), "www.corp.example")])

    def test_another_certificate_of_the_same_key(self):
        self.unchanged({"corp.example": ["root"]}, ["renewed"], [(pki().chain("other"), "www.other.example")])

    def test_root_above_a_scoped_intermediate(self):
        self.unchanged({"corp.example": ["sub"]}, ["root"],
                       [(pki().chain("sub-other"), "www.other.example"), (pki().chain("other"), "www.other.example")],
                       attached=False)

    def test_root_above_by_a_cross_certificate(self):
        """The program trusts the public root, which has certified the scoped root's key."""
        self.unchanged({"corp.example": ["root"]}, ["public"],
                       [(pki().chain("other", "cross"), "www.other.example")])

    def test_what_openssl_would_not_take_from_the_root_above(self):
        """The program's own root has a weak key: if it could not vouch for a name before, it can't here."""
        p = pki()
        lab.openssl("genrsa", "-out", p.path("weak.key"), "1024")
        p.make("weakroot", "CA weakroot", p.extensions(ROOT, (), ""), key="weak")
        p.ca("weaksub", "weakroot")
        p.leaf("weaksub-other", "weaksub", "DNS:www.other.example")
        chain = p.chain("weaksub-other")
        dirs = [p.trustdir({"corp.example": ["weaksub"]})]
        load = "load(c, 'cafile', %r)" % p.cert("weakroot")
        self.shakes([(chain, "www.other.example", 67)], dirs, setup=load)
        self.shakes([(chain, "www.other.example", OK)], dirs, setup=load + "; c.set_ciphers('DEFAULT:@SECLEVEL=0')")

    def test_another_ca_of_the_program_changes_nothing(self):
        dirs = [pki().trustdir({"corp.example": ["root"]})]
        for how in "cafile", "str":
            self.shakes([(pki().chain("other"), "www.other.example", SCOPE),
                         (pki().chain("www"), "www.corp.example", OK)], dirs,
                        setup="load(c, %r, %r)" % (how, pki().cert("public")))

    def test_intermediate_of_the_program_without_its_root(self):
        """If something can't vouch for anything without the shim, it can't with it."""
        setup = "c.verify_flags &= ~getattr(ssl, 'VERIFY_X509_PARTIAL_CHAIN', 0x80000); load(c, 'cafile', %r)" % \
            pki().cert("cross")
        # OpenSSL may choose either of the two, and finds no issuer (2) for the intermediate.
        self.shakes([(pki().chain("other"), "www.other.example", (SCOPE, 2))],
                    [pki().trustdir({"corp.example": ["root"]})], setup=setup)

    def test_partial_chain_of_the_program(self):
        """If a program accepts intermediates as anchors, it trusts the CA by its own intermediate."""
        setup = "c.verify_flags |= 0x80000; load(c, 'cafile', %r)" % pki().cert("cross")
        self.shakes([(pki().chain("other"), "www.other.example", OK)],
                    [pki().trustdir({"corp.example": ["root"]})], setup=setup)


class Violation(Case):
    """What the user sees."""

    def test_text(self):
        for program, name in (("c = ssl.create_default_context()", "127.0.0.1"),
                              ("c = context('generic')()", "localhost")):
            with lab.server() as server:
                result = lab.run(lab.PRELUDE + program + "\nprint(json.dumps(attempt(get, c, sys.argv[1], %r)))" % name,
                                 [server.port], shim=True, dirs=[self.scoped()])
            self.assertEqual(0, result.code, result)
            self.assertIn("permitted subtree violation", result.out)
            self.assertIn('"code": 47', result.out)
            self.assertEqual("", result.err)
            self.assertEqual(0, server.good)

    @staticmethod
    def scoped(scope="corp.example"):
        path = lab.folder("ca.d")
        os.mkdir(os.path.join(path, scope))
        lab.write(os.path.join(path, scope, "root.pem"), lab.read(lab.cert("corp-root.pem")))
        return path

    PYOPENSSL = lab.PRELUDE + r"""
from OpenSSL import SSL
seen = []
def observe(connection, cert, code, depth, ok):
    seen.append([code, depth, ok, cert.get_subject().CN])
    return {"observe": ok, "accept": True, "refuse": False}[sys.argv[2]]
c = SSL.Context(getattr(SSL, "TLS_CLIENT_METHOD" if sys.argv[3] == "client" else "", SSL.SSLv23_METHOD))
c.set_verify(SSL.VERIFY_PEER, observe)
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 30)
s.setblocking(True)
t = SSL.Connection(c, s)
t.set_connect_state()
try:
    t.do_handshake()
    result = "ok"
except SSL.Error as e:
    result = str(e)
print(json.dumps([result, seen]))
"""

    def pyopenssl(self, what, kind, dirs, shim=True):
        with lab.server() as server:
            result = lab.run(self.PYOPENSSL, [server.port, what, kind], shim=shim, dirs=dirs)
        self.assertEqual((0, ""), (result.code, result.err))
        return json.loads(result.out)

    def test_observing_callback_sees_it_and_does_not_switch_it_off(self):
        lab.need(modules=["OpenSSL"])
        for kind in "client", "generic":
            result, seen = self.pyopenssl("observe", kind, [self.scoped()])
            self.assertIn("certificate verify failed", result)
            self.assertEqual([[47, 0, 0, "localhost"]], seen)

    def test_accepting_callback_accepts_it_as_any_error(self):
        lab.need(modules=["OpenSSL"])
        for kind in "client", "generic":
            result, seen = self.pyopenssl("accept", kind, [self.scoped()])
            self.assertEqual("ok", result)
            self.assertIn([47, 0, 0, "localhost"], seen)
            self.assertEqual(1, sum(code != 0 for code, _, _, _ in seen))
            result, seen = self.pyopenssl("accept", kind, None, shim=False)
            self.assertEqual("ok", result)
            self.assertIn(20, [code for code, _, _, _ in seen])

    def test_refusing_callback_still_refuses(self):
        lab.need(modules=["OpenSSL"])
        result, _ = self.pyopenssl("refuse", "client", [self.scoped("localhost"), lab.trustdir("corp-root.pem")])
        self.assertIn("certificate verify failed", result)

    def test_observing_callback_in_scope(self):
        lab.need(modules=["OpenSSL"])
        dirs = [self.scoped("localhost"), self.scoped("127.0.0.1"), self.scoped("::1")]
        result, seen = self.pyopenssl("observe", "client", dirs)
        self.assertEqual("ok", result)
        self.assertEqual([0], sorted({code for code, _, _, _ in seen}))


class Programs(Case):
    """The same rule in programs that use OpenSSL in other ways."""

    @classmethod
    def setUpClass(cls):
        cls.server = lab.server()
        cls.server.__enter__()
        cls.other = lab.server("server-direct")
        cls.other.__enter__()
        cls.addClassCleanup(cls.server.__exit__, None, None, None)
        cls.addClassCleanup(cls.other.__exit__, None, None, None)
        cls.out = [Violation.scoped()]
        cls.all = [Violation.scoped("localhost"), Violation.scoped("127.0.0.1"), Violation.scoped("::1")]

    def both(self, program, args=None, untrusted=None, violation="permitted subtree violation"):
        args = [self.server.url] if args is None else args
        self.refused(lab.run(program, args, dirs=self.all), untrusted)
        self.got_page(lab.run(program, args, shim=True, dirs=self.all))
        self.refused(lab.run(program, args, shim=True, dirs=self.out), violation)

    def test_asyncio(self):
        self.both("""
            import asyncio, ssl, sys
            async def main():
                port = int(sys.argv[1])
                r, w = await asyncio.open_connection("127.0.0.1", port, ssl=ssl.create_default_context())
                w.write(b"GET / HTTP/1.0\\r\\n\\r\\n")
                print((await r.read()).decode())
            asyncio.run(main())
            """, [self.server.port])

    def test_requests(self):
        lab.need(modules=["requests"])
        self.both("import requests, sys; print(requests.get(sys.argv[1]).text)")

    def test_aiohttp(self):
        lab.need(modules=["aiohttp"])
        self.both("""
            import aiohttp, asyncio, sys
            async def main():
                async with aiohttp.ClientSession() as session:
                    async with session.get(sys.argv[1]) as answer:
                        print(await answer.text())
            asyncio.run(main())
            """)

    def curl(self):
        lab.need(programs=["curl"])
        if "OpenSSL" not in lab.run(["curl", "--version"]).out.splitlines()[0]:
            self.skipTest("curl without OpenSSL")
        return ["curl", "-sS"]

    def test_curl(self):
        self.both(self.curl(), untrusted="unable to get local issuer certificate")

    def test_two_hosts_in_one_curl(self):
        """Its store is cached and shared by both connections; a scope accepts one and not the other."""
        p = pki()
        bad, good = p.chain("sub-other"), lab.cert("server-direct.pem")
        path = p.trustdir({"corp.example": ["root"]})
        for name in "localhost", "127.0.0.1", "::1":
            os.makedirs(os.path.join(path, name))
            lab.write(os.path.join(path, name, "lab.pem"), lab.read(lab.cert("corp-root.pem")))
        with lab.server(good) as one, lab.server(bad, key=p.path("sub-other.key")) as two, \
                lab.server(p.chain("sub-www"), key=p.path("sub-www.key")) as three:
            urls = [one.url, "https://www.other.example:%d/" % two.port, "https://www.corp.example:%d/" % three.port]
            resolve = [word for s, name in ((two, "www.other.example"), (three, "www.corp.example"))
                       for word in ("--resolve", "%s:%d:127.0.0.1" % (name, s.port))]
            for order in urls, urls[::-1], [urls[0], urls[1], urls[0], urls[2]]:
                result = lab.run([*self.curl(), "-w", "%{ssl_verify_result} %{http_code}\n", *resolve, *order],
                                 shim=True, dirs=[path])
                got = [line for line in result.out.splitlines() if line[0].isdigit()]
                self.assertEqual([("47 000" if url == urls[1] else "0 200") for url in order], got, result)


class Perl(Case):
    """In most of its schemes, IO::Socket::SSL accepts a CN that is a host name, besides DNS names."""

    PROGRAM = """use IO::Socket::SSL;
        my $s = IO::Socket::SSL->new(PeerHost => "127.0.0.1", PeerPort => $ARGV[0], SSL_verifycn_name => $ARGV[1],
            SSL_verifycn_scheme => $ARGV[2], $ARGV[3] ? (SSL_ca_file => $ARGV[3]) : ()) or die "$SSL_ERROR\\n";
        print $s "GET / HTTP/1.0\\r\\n\\r\\n"; print while <$s>;"""

    def setUp(self):
        lab.need(programs=["perl"])
        if lab.run(["perl", "-MIO::Socket::SSL", "-e", "1"]).code != 0:
            self.skipTest("no IO::Socket::SSL")

    def ask(self, server, name, scheme, *more, **options):
        return lab.run(["perl", "-e", self.PROGRAM, server.port, name, scheme, *more], **options)

    def test_common_name_that_is_a_host(self):
        p = pki()
        chain = p.chain(p.leaf("perl-localhost", "root", "DNS:x.corp.example", cn="localhost"))
        scoped, both, top = (p.trustdir({folder: ["root"] for folder in folders}) for folders in
                             (["corp.example"], ["corp.example", "localhost"], [""]))
        with lab.server(chain, key=chain) as server:
            for scheme in "default", "smtp", "ldap", "imap":
                with self.subTest(scheme):
                    # What the program does by itself, and with an anchor for every name.
                    self.got_page(self.ask(server, "localhost", scheme, p.cert("root")))
                    self.got_page(self.ask(server, "localhost", scheme, shim=True, dirs=[top]))
                    self.refused(self.ask(server, "localhost", scheme, shim=True, dirs=[scoped]), "verify failed")
                    self.got_page(self.ask(server, "localhost", scheme, shim=True, dirs=[both]))

    def test_common_name_that_a_dns_name_begins_with(self):
        p = pki()
        chain, dirs = p.chain("cn-first-label"), [p.trustdir({"corp.example": ["root"]})]
        with lab.server(chain, key=chain) as server:
            for name in "server01", "server01.corp.example":
                self.refused(self.ask(server, name, "default", dirs=dirs), "verify failed")
                self.got_page(self.ask(server, name, "default", shim=True, dirs=dirs))


if __name__ == "__main__":
    lab.main()
