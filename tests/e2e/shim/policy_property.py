# SPDX-License-Identifier: Apache-2.0
"""A server verifies under the shim if and only if it verifies with a store that the test builds by the documented rules.
A server that verifies without the shim also verifies with it.

The tests mix anchors, scopes, settings, the program's own trust, and servers at random. The test builds its store in
another process, without the shim. It follows libcatrust(7) and uses no code of the shim: it has its own name matching,
and calls the OpenSSL of the Python under test through ctypes.

The rules leave some things open, so a few cases may have either result. First, the order of the store: of two
certificates with one name and key, OpenSSL takes the first as the issuer, and may find no further issuer from there.
Second, whether an anchor that may not vouch for a name is available as an intermediate below a CA that the program
itself trusts. Third, whether another anchor is found if the first one has a flaw.

  CATRUST_SEED    a number, or "random" (default: always the same); a failure prints it
  CATRUST_ROUNDS  trust directories (default 8, at night 32), each with CASES servers
"""

import functools
import ipaddress
import json
import os
import random
import urllib.parse

from lab import lab
from lab.policy import Case, Pki

SEED = os.environ.get("CATRUST_SEED", "8")
SEED = random.SystemRandom().randrange(1 << 32) if SEED == "random" else int(SEED)
ROUNDS = int(os.environ.get("CATRUST_ROUNDS", "32" if lab.NIGHTLY else "8"))
CASES = 40
PARTIAL_CHAIN, STRICT = 0x80000, 0x20
ALWAYS_CHECK_SUBJECT, NEVER_CHECK_SUBJECT = 0x1, 0x20  # flags for host names

SRV, XMPP = "otherName:1.3.6.1.5.5.7.8.7", "otherName:1.3.6.1.5.5.7.8.5"
# What servers are called: alternative names, and the CN.
NAMES = [
    (["DNS:www.corp.example"], "a leaf"),
    (["DNS:*.corp.example"], "a leaf"),
    (["DNS:www.other.example"], "a leaf"),
    (["DNS:www.corp.example", "DNS:www.other.example"], "a leaf"),
    (["IP:10.1.2.3"], "no host"),
    (["IP:10.1.2.3"], "www.corp.example"),
    ([], "www.corp.example"),
    ([], "*.corp.example"),
    ([], "intranet"),
    ([], "10.1.2.3"),
    ([], "www.other.example."),
    ([], "x-.other.example"),
    ([], "a b.corp.example"),
    ([], "a b.other.example"),
    ([], "our server"),
    (["email:root@corp.example"], "our server"),
    (["DNS:www.corp.example"], "www.other.example"),
    (["DNS:www.corp.example"], "www.corp.example"),
    (["DNS:www.corp.example"], "10.1.2.3"),
    (["DNS:www.corp.example"], "intranet"),
    (["DNS:www.corp.example", "DNS:www.other.example"], "WWW"),
    (["DNS:localhost.corp.example"], "localhost"),
    (["DNS:*.corp.example"], "*.corp.example"),
    (["DNS:www.corp.example", "URI:https://user@www.corp.example:443/"], "a leaf"),
    (["DNS:www.corp.example", "URI:https://www.corp.example@www.other.example/"], "a leaf"),
    (["DNS:www.corp.example", "URI:https://10.1.2.3/"], "a leaf"),
    (["DNS:www.corp.example", "email:root@other.example"], "a leaf"),
    (["DNS:www.corp.example", SRV + ";IA5:_imaps.other.example"], "a leaf"),
    (["DNS:www.corp.example", XMPP + ";UTF8:other.example"], "a leaf"),
    (["DNS:www.corp.example", "otherName:1.3.6.1.4.1.311.20.2.3;UTF8:dc1@other.example"], "a leaf"),
]
FOLDERS = ["", "", "", "corp.example", "other.example", "www.corp.example", "10.0.0.0_8", "intranet", "nobody.example"]

# The CAs. root, again, old and expired have one name and two keys; cross, sub-cross and flawed-cross are what the public
# root has made of the company's keys. The strict mode refuses flawed, which has certified low, and flawed-sub.
CAS = ["root", "again", "rekeyed", "expired", "public", "cross", "sub", "sub-cross", "sub-expired", "flawed",
       "flawed-cross", "flawed-sub", "low"]
# Who issues leaves, and what servers may send beside them.
ISSUERS = {
    "root": [[], ["root"], ["cross"], ["expired"]],
    "rekeyed": [[], ["rekeyed"], ["root"]],
    "public": [[]],
    "sub": [[], ["sub"], ["sub", "root"], ["sub", "cross"], ["sub-cross"], ["sub-expired", "sub"]],
    "flawed": [[], ["flawed"], ["flawed-cross"]],
    "flawed-sub": [[], ["flawed-sub"], ["flawed-sub", "root"]],
    "low": [[], ["low"], ["low", "flawed"], ["low", "flawed-cross"]],
    None: [[]],  # by themselves
}


@functools.lru_cache(None)
def pki():
    p = Pki()
    p.ca("root")
    p.ca("again", cn="CA root", key="root")
    p.ca("rekeyed", cn="CA root")
    p.ca("expired", cn="CA root", key="root", days=(-30, -9))
    p.ca("public")
    p.ca("cross", "public", cn="CA root", key="root")
    p.ca("sub", "root")
    p.ca("sub-cross", "public", cn="CA sub", key="sub")
    p.ca("sub-expired", "root", cn="CA sub", key="sub", days=(-30, -9))
    p.ca("flawed", without=["keyUsage"], more="basicConstraints = CA:TRUE")
    p.ca("flawed-cross", "public", cn="CA flawed", key="flawed")
    p.ca("flawed-sub", "root", without=["keyUsage"], more="basicConstraints = CA:TRUE")
    p.ca("low", "flawed")
    return p


def leaf(issuer, number):
    """Leaves are made when they are first needed."""
    stem = "leaf-%s-%d" % (issuer, number)
    if not os.path.exists(pki().cert(stem)):
        names, cn = NAMES[number]
        pki().leaf(stem, issuer, *names, cn=cn)
    return stem


# The documented rules.

def address(text):
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def covers(folder, kind, name):
    """May an anchor in that folder vouch for the name?"""
    if folder == "":
        return True
    network = ipaddress.ip_network(folder.replace("_", "/")) if folder[0].isdigit() else None
    if kind == "IP":
        return network is not None and address(name) in network
    return network is None and (name == folder or name.endswith("." + folder))


def named(name):
    """(kind, name) of an alternative name, or None if it names no server."""
    kind, text = name.split(":", 1)
    if kind == "URI":
        text = urllib.parse.urlsplit(text).hostname
        return ("IP" if address(text) else "DNS", text)
    if kind == "email":
        return "DNS", text.rsplit("@", 1)[1]
    if kind == "otherName":
        oid, _, text = name.partition(";")
        text = text.split(":", 1)[1]
        return ("DNS", text.split(".", 1)[1]) if oid == SRV else ("DNS", text) if oid == XMPP else None
    return kind, text


def common_name(folders, cn, names):
    """True: in a scope; False: outside all scopes; None: not a host, or a DNS name begins with it."""
    if " " in cn.rsplit(".", 1)[-1]:
        return None
    if any(covers(folder, "IP" if address(cn) else "DNS", cn) for folder in folders):
        return True
    first = [name[4:].split(".")[0].lower() for name in names if name[:4] == "DNS:" and "." in name]
    return None if cn.lower() in first and cn != "localhost" else False


def vouches(folders, number):
    """May an anchor in these folders vouch for a server? Every name counts, and at least one must be a DNS name, an
    address or a CN."""
    if "" in folders:
        return True
    names, cn = NAMES[number]
    cn_counts = common_name(folders, cn, names)
    covered = [any(covers(folder, *one) for folder in folders) for one in map(named, names) if one]
    return False not in (*covered, cn_counts) and \
        (cn_counts is True or any(name[:3] in ("DNS", "IP:") for name in names))


def store_by_hand(world, case):
    """(the program's own certificates, the anchors that may vouch, those that may not)."""
    own = ["public"] if case["own"] == "defaults" else case["own"]
    # Not one of these stores has public CAs, whatever it was loaded from.
    if world["contexts"] == "public":
        return own, [], []
    there = {stem: vouches(folders, case["number"])
             for stem, folders in sorted(world["anchors"].items()) if "expired" not in stem}
    return own, [stem for stem in there if there[stem]], [stem for stem in there if not there[stem]]


# Builds each store and verifies with the OpenSSL of this Python. Prints whether the chain is good, and if so, whether it
# ends at one of the anchors: its last certificate, or a leaf that is trusted itself.
BY_HAND = r"""
import ctypes, json, re, _ssl, sys
from ctypes import byref, c_char_p, c_int, c_long, c_ulong, c_void_p
path = [line.split()[-1] for line in open("/proc/self/maps") if re.search(r"/libcrypto\.so", line)]
if not path:
    print("no libcrypto")
    sys.exit()
lib = ctypes.CDLL(path[0])
def function(name, result, *parameters):
    f = getattr(lib, name)
    f.restype, f.argtypes = result, parameters
    return f
P = c_void_p
bio_new = function("BIO_new_mem_buf", P, c_char_p, c_int)
bio_free = function("BIO_free", c_int, P)
read = function("PEM_read_bio_X509", P, P, P, P, P)
free = function("X509_free", None, P)
mark = function("X509_add1_trust_object", c_int, P, P)
object_of = function("OBJ_txt2obj", P, c_char_p, c_int)
same = function("X509_cmp", c_int, P, P)
store_new = function("X509_STORE_new", P)
store_add = function("X509_STORE_add_cert", c_int, P, P)
store_free = function("X509_STORE_free", None, P)
sk_new = function("OPENSSL_sk_new_null", P)
sk_push = function("OPENSSL_sk_push", c_int, P, P)
sk_free = function("OPENSSL_sk_free", None, P)
sk_num = function("OPENSSL_sk_num", c_int, P)
sk_value = function("OPENSSL_sk_value", P, P, c_int)
ctx_new = function("X509_STORE_CTX_new", P)
ctx_init = function("X509_STORE_CTX_init", c_int, P, P, P, P)
ctx_default = function("X509_STORE_CTX_set_default", c_int, P, c_char_p)
ctx_flags = function("X509_STORE_CTX_set_flags", None, P, c_ulong)
ctx_chain = function("X509_STORE_CTX_get0_chain", P, P)
ctx_untrusted = function("X509_STORE_CTX_get_num_untrusted", c_int, P)
ctx_free = function("X509_STORE_CTX_free", None, P)
verify = function("X509_verify_cert", c_int, P)
server_auth = object_of(b"serverAuth", 0)

def cert(pem):
    bio = bio_new(pem.encode(), -1)
    x = read(bio, None, None, None)
    bio_free(bio)
    assert x
    return x

def one(case, pems):
    store, sent, ctx = store_new(), sk_new(), ctx_new()
    own = [cert(pems[stem]) for stem in case["own"]]
    anchors = [cert(pems[stem]) for stem in case["anchors"]]
    others = [cert(pems[stem]) for stem in case["sent"]]
    leaf = cert(pems[case["leaf"]])
    for x in anchors:
        assert mark(x, server_auth) == 1
    # A certificate that the program has itself is no anchor.
    ours = [x for x in anchors if all(same(x, y) for y in own)]
    for x in own + ours if case["own_first"] else ours + own:
        store_add(store, x)
    for x in others:
        sk_push(sent, x)
    assert ctx_init(ctx, store, leaf, sent) == 1 and ctx_default(ctx, b"ssl_server") == 1
    ctx_flags(ctx, 0x8000 | case["flags"])  # Python sets TRUSTED_FIRST
    good = verify(ctx) == 1
    chain = ctx_chain(ctx)
    top = sk_value(chain, sk_num(chain) - 1 if ctx_untrusted(ctx) else 0) if good else None
    ends_at_anchor = good and any(same(top, x) == 0 for x in anchors)
    ctx_free(ctx)
    sk_free(sent)
    store_free(store)
    for x in own + anchors + others + [leaf]:
        free(x)
    return [good, ends_at_anchor]

data = json.load(sys.stdin)
print(json.dumps([one(case, data["pems"]) for case in data["cases"]]))
"""

# The program, without the shim or under it: one handshake for each case.
PROGRAM = r"""
A = json.load(sys.stdin)
def own_trust(c, case):
    if case["own"] == "defaults":
        c.load_default_certs()
    elif case["own"]:
        load(c, case["how"], case["file"])
results = []
for case in A:
    c = context(case["kind"])()
    c.verify_flags &= ~(0x80000 | 0x20)
    c.verify_flags |= case["flags"]
    if case["host_flags"]:
        c._host_flags |= case["host_flags"]
    if case["name"] is None:
        unnamed(c)
    if case["late"]:
        shake(c, case["chain"], case["name"])
    own_trust(c, case)
    results.append(shake(c, case["chain"], case["name"]))
print(json.dumps(results))
"""


@functools.lru_cache(None)
def has_host_flags():
    return lab.run("import ssl; print(hasattr(ssl.SSLContext, '_host_flags'))").out.strip() == "True"


def random_world(r, number):
    """A trust directory, and the settings. In every four, one has a server's certificate that a CA has issued, and
    one has, in relaxed mode, a CA with a scope below a flawed CA without one."""
    leaves = [(issuer, r.randrange(len(NAMES))) for issuer in (None, r.choice(list(ISSUERS)))]
    chosen = r.sample(CAS + [leaf(*one) for one in leaves], r.choice((0, 1, 2, 2, 3, 3)))
    anchors = {stem: sorted({r.choice(FOLDERS) for _ in range(r.choice((1, 1, 2)))}) for stem in chosen}
    strict, contexts = r.choice(("keep", "relax")), r.choice(("all", "all", "public"))
    if number % 4 == 0:
        anchors[leaf(*leaves[1])] = [r.choice(FOLDERS)]
    elif number % 4 == 1:
        anchors.update(low=[r.choice(FOLDERS[3:])], flawed=[""])
        strict, contexts = "relax", "all"
    return {"anchors": anchors, "strict": strict, "contexts": contexts,
            "pins": [one for one in leaves if leaf(*one) in anchors]}


def random_case(r, world):
    near = [stem for stem in world["anchors"] if stem in ISSUERS]
    issuer, number = r.choice(near if near and r.random() < .5 else list(ISSUERS)), r.randrange(len(NAMES))
    if world["pins"] and r.random() < .4:
        issuer, number = r.choice(world["pins"])
    names, _ = NAMES[number]
    own = r.choice(([], [], "defaults", ["public"], *([r.sample(CAS, r.choice((1, 1, 2)))] * 2)))
    how = r.choice(("cafile", "str", "capath"))
    host_flags = r.choice((0, 0, ALWAYS_CHECK_SUBJECT, ALWAYS_CHECK_SUBJECT | NEVER_CHECK_SUBJECT))
    return {"issuer": issuer, "number": number, "leaf": leaf(issuer, number), "sent": r.choice(ISSUERS[issuer]),
            "own": own, "how": how, "kind": r.choice(("client", "generic")),
            "flags": r.choice((0, 0, 0, PARTIAL_CHAIN, STRICT, STRICT | PARTIAL_CHAIN)), "late": r.random() < .25,
            "host_flags": host_flags if has_host_flags() else 0,
            "name": names[0].split(":", 1)[1].replace("*", "any") if names and names[0][:5] != "email" else None}


class Property(Case):
    def setUp(self):
        print("CATRUST_SEED=%d CATRUST_ROUNDS=%d" % (SEED, ROUNDS), end=" ... ", flush=True)

    def run_cases(self, cases, shim, world=None):
        """The program's result for each case."""
        env = {"SSL_CERT_FILE": pki().cert("public"), "SSL_CERT_DIR": "/nowhere"}
        dirs = [lab.folder("empty")]
        if world:
            env.update(CATRUST_STRICT=world["strict"], CATRUST_CONTEXTS=world["contexts"], CATRUST_LOG="off")
            dirs = [pki().trustdir({})]
            for stem, folders in world["anchors"].items():
                pki().trustdir({folder: [stem] for folder in folders}, dirs[0])
        data = json.dumps([{**case, "chain": self.chain(case), "file": self.own_file(case)} for case in cases])
        return self.value(PROGRAM, shim=shim, dirs=dirs, env=env, lines=None, stdin=data.encode(), timeout=300)

    @staticmethod
    def chain(case):
        path = pki().path("sent-%s.pem" % "+".join([case["leaf"], *case["sent"]]))
        if not os.path.exists(path):
            lab.write(path, lab.read(pki().path(case["leaf"] + ".key")) + pki().pem(case["leaf"], *case["sent"]))
        return path

    @staticmethod
    def own_file(case):
        if case["own"] == "defaults" or not case["own"]:
            return None
        path = pki().path("own-%s.pem" % "+".join(case["own"]))
        if not os.path.exists(path):
            lab.write(path, pki().pem(*case["own"]))
        if case["how"] != "capath":
            return path
        path = pki().path("own-%s" % "+".join(case["own"]))
        if not os.path.exists(path):
            pki().trustdir({"": case["own"]}, path)
            lab.openssl("rehash", path)
        return path

    @staticmethod
    def ways(world, case):
        """(each choice that the rules leave open for the whole store; the store without the anchors, and with some
        of them)."""
        own, anchors, others = store_by_hand(world, case)

        def way(some, more=(), own_first=True, own=own):
            return {"own": own, "anchors": some, "sent": case["sent"] + list(more), "leaf": case["leaf"],
                    "own_first": own_first}

        beside = [[], others, others[::-1], *([stem] for stem in others)] if others else [[]]
        # A certificate that the program loads late replaces an equal anchor.
        orders = [own, own[::-1]] if case["late"] and len(own) > 1 else [own]
        whole = [way(anchors, more, own_first, order) for more in beside for order in orders
                 for own_first in ((True, False) if own and anchors else (True,))]
        some = [[stem] for stem in anchors] + [[stem for stem in anchors if stem != left] for left in anchors]
        parts = [(part, [*others, *(stem for stem in anchors if stem not in part)]) for part in ([], *some)]
        # If a CA of the program does not complete a chain itself, it is no better than a certificate that was sent.
        return whole, [way([])] + [way(part, more) for part, more in parts] + [
            way(part, [*own, *more], own=[]) for part, more in [(anchors, others), *parts] if own]

    def by_hand(self, worlds_and_cases):
        """(must the rules accept it? may they?) for each case."""
        asked, counts = [], []
        for world, case in worlds_and_cases:
            whole, parts = self.ways(world, case)
            counts.append((len(whole), len(parts)))
            asked += [{**way, "flags": flags} for way in whole + parts
                      for flags in (case["flags"], case["flags"] & ~STRICT)]
        stems = {stem for one in asked for stem in (*one["own"], *one["anchors"], *one["sent"], one["leaf"])}
        data = json.dumps({"cases": asked, "pems": {stem: pki().pem(stem).decode() for stem in stems}})
        result = lab.run(BY_HAND, stdin=data.encode(), timeout=300)
        self.assertEqual((0, ""), (result.code, result.err))
        if result.out.strip() == "no libcrypto":
            self.skipTest("OpenSSL is built into this Python")
        answers = iter(json.loads(result.out))
        bounds = []
        for (world, _), (whole, parts) in zip(worlds_and_cases, counts):
            # CATRUST_STRICT=relax: findings of form count for nothing where a chain ends at an anchor.
            good = [strict[0] or (world["strict"] == "relax" and form[0] and form[1])
                    for strict, form in ((next(answers), next(answers)) for _ in range(whole + parts))]
            # What the program trusts by itself, it goes on trusting.
            bounds.append((all(good[:whole]) or good[whole], any(good)))
        return bounds

    def test_as_a_store_built_by_hand(self):
        r = random.Random(SEED)
        worlds = [random_world(r, number) for number in range(ROUNDS)]
        cases = [[random_case(r, world) for _ in range(CASES)] for world in worlds]
        wanted = self.by_hand([(world, case) for world, more in zip(worlds, cases) for case in more])
        # Without the shim, the directory has no effect, so one process runs all cases.
        before = self.run_cases([case for more in cases for case in more], shim=False)
        wrong = []
        for i, (world, more) in enumerate(zip(worlds, cases)):
            for j, got in enumerate(self.run_cases(more, True, world)):
                (must, may), was = wanted[i * CASES + j], before[i * CASES + j]
                if (must and got != "ok") or (got == "ok" and not may):
                    wrong.append("%s under the shim, %s by hand: %s %s" % (got, "ok" if must else "not ok", world,
                                                                           more[j]))
                if was == "ok" and got != "ok":
                    wrong.append("ok without the shim, %s under it: %s %s" % (got, world, more[j]))
        self.assertEqual("", "\n".join(wrong[:4]), "%d of %d; CATRUST_SEED=%d" % (len(wrong), len(wanted), SEED))
        # Otherwise the test would show little: both results must be frequent, and few cases open.
        self.assertGreater(sum(must for must, _ in wanted), len(wanted) // 8)
        self.assertGreater(sum(not may for _, may in wanted), len(wanted) // 8)
        self.assertGreater(sum(must and was != "ok" for (must, _), was in zip(wanted, before)), len(wanted) // 32)
        self.assertLess(sum(must != may for must, may in wanted), len(wanted) // 6)


if __name__ == "__main__":
    lab.main()
