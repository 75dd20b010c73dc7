# SPDX-License-Identifier: Apache-2.0
"""What catrust.status() says."""

import ctypes
import json
import mmap
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from typing import Dict, List, NamedTuple, Optional, Tuple

import _catrust_start as start
from catrust import _inject

LIBRARIES = re.compile(r"lib(ssl|gnutls)(-[0-9a-f]+)?\.so(\.|$)")
# The messages of a linked-in TLS library contain names of its source files. These identify it.
LINKED_IN = [(b"ssl/handshake_client.cc", "BoringSSL"), (b"ssl/statem/statem_clnt.c", "OpenSSL"),
             (b"s2n_connection.c", "s2n-tls"), (b"/rustls-", "rustls")]
LINKED_IN_READS = {"OpenSSL"}
LISTING_TIMEOUT = 60.0


class Anchor(NamedTuple):
    """A certificate that is trusted."""

    subject: str
    scopes: Optional[List[str]]  # the names that it may vouch for; None: every name
    not_after: str  # ISO 8601
    file: str
    warnings: List[str]


class TlsLibrary(NamedTuple):
    """A TLS library that this process has loaded, or a file with one in it."""

    path: str
    name: str
    reached: bool
    why: str  # how it is reached; or why it is not, and what to do


class Status(NamedTuple):
    """See catrust.status()."""

    library: Optional[str]  # the path of libcatrust.so in this process; None: it is not there
    disabled: bool  # by CATRUST_DISABLE
    children: bool  # LD_PRELOAD hands the library on
    tls: List[TlsLibrary]
    anchors: Optional[List[Anchor]]  # None: not known, because the command catrust is missing
    problems: List[str]  # files that were skipped, and why

    def __str__(self) -> str:
        """Some lines for people."""
        lines = ["library   %s" % (self.library or "not in this process")]
        if self.disabled:
            lines.append("          switched off by CATRUST_DISABLE")
        lines.append("children  %s" % ("reached by LD_PRELOAD" if self.children else "not reached by this process"))
        for found in self.tls:
            lines.append("TLS       %s (%s): %s, %s" % (
                found.name, found.path, "reached" if found.reached else "not reached", found.why))
        if not self.tls:
            lines.append("TLS       nothing is loaded yet")
        if self.anchors is None:
            lines.append("trusted   not known: the command catrust is not there")
        for anchor in self.anchors or []:
            lines.append("trusted   %s, for %s, until %s (%s)" % (
                anchor.subject, ", ".join(anchor.scopes) if anchor.scopes else "every name", anchor.not_after[:10],
                anchor.file))
        if self.anchors == []:
            lines.append("trusted   nothing: the trust directories are empty")
        lines += ["problem   " + problem for problem in self.problems]
        return "\n".join(lines)


def tool() -> Optional[str]:
    """The path of the command catrust in this environment, or else of the first one in PATH."""
    for folder in (sysconfig.get_path("scripts"), os.path.dirname(sys.executable or "")):
        path = os.path.join(folder, "catrust")
        if os.access(path, os.X_OK):
            return path
    return shutil.which("catrust")


def listing() -> Tuple[Optional[List[Anchor]], List[str]]:
    """The anchors that `catrust list` prints, and the problems that it reports."""
    command = tool()
    if command is None:
        return None, []
    done = subprocess.run([command, "list", "--json"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=LISTING_TIMEOUT)
    try:
        listed = json.loads(done.stdout.decode(errors="replace"))
    except ValueError:
        return None, done.stderr.decode(errors="replace").splitlines()
    anchors = [Anchor(c["subject"], c["scopes"], c["not_after"], c["file"], [w["text"] for w in c["warnings"]])
               for c in listed["certificates"]]
    return anchors, listed["skipped"]


def owner(address: Optional[int]) -> Optional[str]:
    """The file that is mapped at address."""
    for line in start.mapped().splitlines():
        first, last = (int(end, 16) for end in line.split(None, 1)[0].split("-"))
        if address is not None and first <= address < last:
            return _inject.mapped_file(line) or None
    return None


def seen_first(symbol: str) -> Optional[str]:
    """The file whose function of this name the dynamic linker finds first, or None."""
    try:
        return owner(ctypes.cast(getattr(ctypes.CDLL(None), symbol), ctypes.c_void_p).value)
    except AttributeError:
        return None


def linked_in(path: str) -> Optional[str]:
    """The name of the TLS library that is linked into this file, if there is one."""
    try:
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return next((name for mark, name in LINKED_IN if data.find(mark) >= 0), None)
    except (OSError, ValueError):
        return None  # the file was removed, or it is empty


def of_file(path: str, library: Optional[str], preloaded: bool, first: Dict[str, Optional[str]]) -> Optional[TlsLibrary]:
    """What path has to do with TLS, or None if it has nothing to do with it."""
    if path == library:
        return None
    match = LIBRARIES.match(os.path.basename(path))
    if match:
        name = "GnuTLS" if match.group(1) == "gnutls" else "OpenSSL"
        if library is None:
            return TlsLibrary(path, name, False, "the library is not in this process: " + _inject.INSTEAD)
        if first[name] != library:
            return TlsLibrary(path, name, False, "%s comes before the library: %s" % (first[name], _inject.INSTEAD))
        return TlsLibrary(path, name, True, "as every server's certificate is verified")
    # This finds nothing in libcrypto, which contains no TLS.
    linked = linked_in(path)
    if linked is None:
        return None
    if linked not in LINKED_IN_READS:
        return TlsLibrary(path, linked, False, "it is linked in: `catrust-run --env` sets variables for some of these")
    if preloaded:
        return TlsLibrary(path, linked, True, "by the public bundles that it reads, with anchors that have no scope")
    return TlsLibrary(path, linked, False, "it is linked in: start the program with `python -m catrust` or catrust-run")


def of_this_process() -> Status:
    """See catrust.status()."""
    library = _inject.loaded()
    first = {"OpenSSL": seen_first("X509_verify_cert"), "GnuTLS": seen_first("gnutls_certificate_verify_peers2")}
    # If the library comes before libc (LD_PRELOAD, /etc/ld.so.preload), it sees which files the process opens.
    preloaded = library is not None and seen_first("fopen") == library
    anchors, problems = listing()
    found = [of_file(path, library, preloaded, first) for path in _inject.mapped_files()]
    children = any(os.path.basename(entry) == "libcatrust.so"
                   for entry in re.split("[ :]", os.environ.get("LD_PRELOAD", "")))
    return Status(library, start.is_disabled(), children, [one for one in found if one], anchors, problems)
