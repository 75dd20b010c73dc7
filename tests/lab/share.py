# SPDX-License-Identifier: Apache-2.0
"""For e2e/shim/share*.py and bench/share: share.c for every OpenSSL at hand, and files as nobody should have them."""

import base64
import glob
import os
import random
import re

from lab import lab

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "share.c")
FLAGS = ["-std=gnu11", "-D_GNU_SOURCE", "-O2", "-g", "-Wall", "-Wextra", "-Werror"]
# Of tests/more; the first is this machine's own.
PACKAGES = {"system": None, "1.1": "libssl1.1", "3.5": "libssl3.5", "newer 3": "libssl3t64", "4": "libssl4"}


def _build(folder, name, libraries):
    out = os.path.join(folder, name.replace(" ", "-"))
    done = lab.run(["cc", *FLAGS, "-o", out, SOURCE, *libraries, "-lpthread"])
    if done.code != 0:
        raise RuntimeError(done.err)
    return out


def program(folder):
    """share.c with this machine's OpenSSL."""
    return [_build(folder, "system", ["-lssl", "-lcrypto"])]


def programs(folder, others=lab.NIGHTLY):
    """name → argv of share.c with that OpenSSL, and why others are left out."""
    found, why, libc = {}, [], lab.other_openssl("libc6")
    for name, package in PACKAGES.items():
        if package and not others:
            lab.left_out("share, other releases' OpenSSL")
            break
        libraries, start = ["-lssl", "-lcrypto"], []
        if package:
            where = lab.other_openssl(package)
            if where is None:
                why.append("no " + package)
                continue
            libraries = glob.glob(where + "/libssl.so.*") + glob.glob(where + "/libcrypto.so.*") + [
                "-Wl,--disable-new-dtags", "-Wl,-rpath," + where, "-Wl,--allow-shlib-undefined"]
            # Newer libraries need a newer C library than this machine's.
            start = [*glob.glob(libc + "/ld-linux-*.so.*"), "--library-path", libc] if libc else []
        out = _build(folder, name, libraries)
        done = lab.run([*start, out, "version", "-"])
        if done.code == 0:
            found[name] = [*start, out]
        else:
            why.append("%s does not run here: %s" % (name, done.err))
    return found, why


def odd_files(seed=10):
    """name → bytes: files as nobody should have them, about 170."""
    pick = random.Random(seed)
    pem = {name: lab.read(lab.cert(name + ".pem")) for name in ("corp-root", "corp-sub", "other-root", "server")}
    der = {name: lab.openssl("x509", "-in", lab.cert(name + ".pem"), "-outform", "DER") for name in pem}
    root, sub, other = pem["corp-root"], pem["corp-sub"], pem["other-root"]
    three = root + sub + other
    key = lab.read(lab.cert("corp-root.key"))
    folder = lab.folder("made")
    rsa = os.path.join(folder, "rsa.key")
    lab.openssl("genrsa", "-out", rsa, "2048")
    lab.openssl("req", "-x509", "-new", "-key", rsa, "-subj", "/CN=An RSA root", "-days", "3000",
                "-out", folder + "/rsa.pem")
    lab.openssl("req", "-x509", "-newkey", "ed25519", "-nodes", "-keyout", folder + "/ed.key",
                "-subj", "/CN=An Ed25519 root", "-days", "3000", "-out", folder + "/ed.pem")
    encrypted = lab.openssl("rsa", "-in", rsa, "-aes128", "-passout", "pass:secret", "-traditional")
    trusted = lab.openssl("x509", "-in", lab.cert("corp-root.pem"), "-trustout", "-addtrust", "serverAuth",
                          "-setalias", "an alias")
    rejects = lab.openssl("x509", "-in", lab.cert("other-root.pem"), "-trustout", "-addreject", "serverAuth")
    lab.write(folder + "/index.txt", "")
    lab.write(folder + "/crl.cnf", "[ca]\ndefault_ca=c\n[c]\ndatabase=%s/index.txt\ndefault_md=sha256\n" % folder)
    crl = lab.openssl("ca", "-config", folder + "/crl.cnf", "-gencrl", "-crldays", "30", "-keyfile",
                      lab.cert("corp-root.key"), "-cert", lab.cert("corp-root.pem"))
    pkcs7 = lab.openssl("crl2pkcs7", "-nocrl", "-certfile", lab.cert("server-full.pem"))
    lines = root.splitlines(keepends=True)
    unknown_key = der["corp-root"].replace(bytes.fromhex("2a8648ce3d0201"), bytes.fromhex("2a8648ce3d0277"))
    files = {
        "empty": b"",
        "newline": b"\n",
        "text": b"no certificate\n",
        "nul": b"\0",
        "one": root,
        "sub": sub,
        "three": three,
        "twice": root + root,
        "rsa": lab.read(folder + "/rsa.pem"),
        "ed25519": lab.read(folder + "/ed.pem"),
        "kinds": root + lab.read(folder + "/rsa.pem") + lab.read(folder + "/ed.pem"),
        "same-name": lab.read( lab.cert("corp-root-old.pem")) + root,
        "leaf": pem["server"],
        "der": der["corp-root"],
        "der-two": der["corp-root"] + der["corp-sub"],
        "pem-der": root + der["corp-sub"],
        "crlf": three.replace(b"\n", b"\r\n"),
        "cr": three.replace(b"\n", b"\r"),
        "bom": b"\xef\xbb\xbf" + three,
        "bom-16": three.decode().encode("utf-16"),
        "bom-inside": root + b"\xef\xbb\xbf" + sub,
        "no-last-newline": three.rstrip(),
        "no-newline-between": root.rstrip() + sub,
        "comments": b"# one\n" + root + b"subject=/CN=x\n\n" + sub,
        "long-comment": b"x" * 5000 + b"\n" + root,
        "long-comment-253": b"x" * 253 + root,
        "long-comment-254": b"x" * 254 + root,
        "long-comment-255": b"x" * 255 + root,
        "spaces": root.replace(b"\n", b" \n"),
        "tabs-before": root.replace(b"\n", b"\n\t"),
        "indented": b"  " + root,
        "blank-lines": root.replace(b"\n", b"\n\n"),
        "one-line": lines[0] + b"".join(line.strip() for line in lines[1:-1]) + b"\n" + lines[-1],
        "lines-of-76": lines[0] + b"".join(_wrapped(b"".join(line.strip() for line in lines[1:-1]), 76)) + lines[-1],
        "lines-of-100": lines[0] + b"".join(_wrapped(b"".join(line.strip() for line in lines[1:-1]), 100)) + lines[-1],
        "nul-first": b"\0" + three,
        "nul-inside": root + b"a\0b\n" + sub,
        "nul-in-base64": root[:200] + b"\0" + root[201:],
        "nul-last": three + b"\0",
        "key": key,
        "key-first": key + root,
        "key-last": root + key,
        "key-alone-rsa": lab.read(rsa),
        "encrypted-key": encrypted,
        "encrypted-key-and-root": root + encrypted + sub,
        "trusted": trusted,
        "trusted-and-more": trusted + sub + rejects,
        "rejects": rejects,
        "trusted-twice": root + trusted,
        "crl": crl,
        "crl-first": crl + root,
        "crl-last": three + crl,
        "crl-twice": crl + crl,
        "pkcs7": pkcs7,
        "pkcs7-and-root": pkcs7 + root,
        "label-x509": three.replace(b"CERTIFICATE", b"X509 CERTIFICATE"),
        "label-unknown": three.replace( b"CERTIFICATE", b"CERTIFIKAT"),
        "label-lower": three.replace(b"CERTIFICATE", b"certificate"),
        "label-differs": root.replace(b"END CERTIFICATE", b"END TRUSTED CERTIFICATE"),
        "unknown-and-root": b"-----BEGIN FOO-----\nAAAA\n-----END FOO-----\n" + root,
        "parameters": b"-----BEGIN EC PARAMETERS-----\n" b"BggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n" + root,
        "begin-only": lines[0],
        "begin-twice": lines[0] + root,
        "end-only": lines[-1] + root,
        "no-body": lines[0] + lines[-1],
        "no-body-and-root": lines[0] + lines[-1] + root,
        "bad-base64": root.replace(b"M", b"*", 1) + sub,
        "bad-base64-last": sub + root.replace(lines[3], b"****\n"),
        "padding-inside": root.replace(lines[2], b"AAA=\n"),
        "header": root.replace(lines[0], lines[0] + b"Key: value\n\n"),
        "header-proc-type": root.replace(lines[0], lines[0] +
            b"Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC," + b"0" * 32 + b"\n\n"),
        "header-mic": root.replace( lines[0], lines[0] + b"Proc-Type: 4,MIC-ONLY\n\n"),
        "unknown-key": _pem(unknown_key) + sub,
        "unknown-key-alone": _pem(unknown_key),
        "trailing-der": _pem(der["corp-root"] + b"\0\0"),
        "not-a-certificate": root + _pem(b"\x30\x03\x02\x01\x05"),
        "empty-sequence": _pem(b"\x30\x00") + root,
        "latin-1": "ä".encode("latin-1") + three,
        "many": three * 40,
        "too-many": b"".join([sub] * 2001),
        "large": b"#" * (4 << 20) + b"\n" + root,
        "nearly-large": b"#\n" * ((2 << 20) - 2000) + root,
    }
    for at in sorted(pick.sample(range(1, len(three)), 30)):
        files["cut-%d" % at] = three[:at]
    for i in range(30):
        at = pick.randrange(len(three))
        files["byte-%d" % i] = three[:at] + bytes([pick.randrange(256)]) + three[at + 1:]
    for i in range(30):
        at, name = pick.randrange(len(der["corp-root"])), "corp-root"
        changed = bytearray(der[name])
        changed[at] = pick.choice([0, 0x80, 0xff, changed[at] ^ 1, changed[at] ^ 0x20])
        files["der-%d" % i] = sub + _pem(bytes(changed))
    return files


def bundles(folder):
    """A server of two CAs, and bundles for it: file of its chain, of its key, of another CA, and {name: bytes}.

    A CA that is renewed has the same name and key; OpenSSL takes the first that will do. And a name is the same in
    other letters, with other spaces, and as another type of string."""
    def make(stem, *options):
        lab.openssl("req", "-x509", "-key", os.path.join(folder, "ca.key"), "-days", "3000",
                    "-addext", "basicConstraints=critical,CA:TRUE", "-out", os.path.join(folder, stem), *options)
        return lab.read(os.path.join(folder, stem))

    for key in "ca", "sub", "leaf":
        lab.openssl("genrsa", "-out", os.path.join(folder, key + ".key"), "2048")
    name = "/C=DE/O=Example  Company/CN=The Root of All"
    first = make("first.pem", "-subj", name)
    renewed, again = make("renewed.pem", "-subj", name), make("again.pem", "-subj", name)
    letters = make("letters.pem", "-utf8", "-subj", "/C=DE/O= example COMPANY /CN=the root  of all")
    for stem, ca, ca_name in ("sub", "first", "A CA below"), ("leaf", "sub", "localhost"):
        request = os.path.join(folder, stem + ".csr")
        lab.openssl("req", "-new", "-key", os.path.join(folder, stem + ".key"), "-subj", "/CN=" + ca_name, "-out", request)
        extensions = lab.write(os.path.join(folder, stem + ".ext"), "subjectAltName=DNS:localhost\n" if stem == "leaf"
                               else "basicConstraints=critical,CA:TRUE\n")
        lab.openssl("x509", "-req", "-in", request, "-CA", os.path.join(folder, ca + ".pem"), "-CAkey",
                    os.path.join(folder, ("ca" if ca == "first" else ca) + ".key"), "-set_serial", "77", "-days", "900",
                    "-extfile", extensions, "-out", os.path.join(folder, stem + ".pem"))
    leaf, sub = (lab.read(os.path.join(folder, stem + ".pem")) for stem in ("leaf", "sub"))
    public = lab.read("/etc/ssl/certs/ca-certificates.crt")
    other = lab.read(lab.cert("other-root.pem"))
    few = b"".join(re.findall(b"-----BEGIN.*?END CERTIFICATE-----\n", public, re.S)[:12])
    chain = lab.write(os.path.join(folder, "chain.pem"), leaf + sub)
    return chain, os.path.join(folder, "leaf.key"), lab.write(os.path.join(folder, "other.pem"), other), {
        "root-last": public + first,
        "root-first": first + few,
        "none": few,
        "renewed": few + first + renewed + again,
        "renewed-first": renewed + few + first,
        "renewed-only": few + renewed,
        "twice": first + few + first,
        "letters": few + letters,
        "letters-and-first": letters + few + first,
        "sub": few + sub,
        "sub-and-root": sub + few + first,
        "leaf": few + leaf,
        "crlf": (few + first).replace(b"\n", b"\r\n"),
        "other": other + few + first,
    }


def _wrapped(data, width):
    return [data[i:i + width] + b"\n" for i in range(0, len(data), width)]


def _pem(der):
    body = b"".join(_wrapped(base64.b64encode(der), 64))
    return b"-----BEGIN CERTIFICATE-----\n" + body + b"-----END CERTIFICATE-----\n"
