# SPDX-License-Identifier: Apache-2.0
"""Loads the library into this process, and hands it on to the processes that it starts."""

import importlib.util
import os
import re
import stat
import sys
import zlib
from typing import List, Optional

import _catrust_start as start
from catrust import LibraryError, NotPossible, TooLate

INSTEAD = ("start the program with `python -m catrust` or catrust-run, or call "
           "`python -m catrust enable` once for the virtual environment")
# libssl3.so is part of NSS, so it does not count. Wheels rename their copies: libssl-81ffa89e.so.3.
LIBSSL = re.compile(r"libssl(-[0-9a-f]+)?\.so(\.|$)")


def library() -> str:
    """The path of libcatrust.so: what CATRUST_LIB names (as for catrust-run), or else the one beside this file."""
    return os.path.realpath(os.environ.get("CATRUST_LIB") or start.LIBRARY)


def mapped_file(line: str) -> str:
    """The file that a line of start.mapped() names, or "". A file that was replaced since is marked "(deleted)"."""
    fields = line.split(None, 5)
    return re.sub(r" \(deleted\)$", "", fields[5]) if len(fields) > 5 else ""


def mapped_files() -> List[str]:
    """The files that this process has mapped, without repetitions, in the order of their addresses."""
    return list(dict.fromkeys(mapped_file(line) for line in start.mapped().splitlines() if line.count("/") > 0))


def loaded() -> Optional[str]:
    """The path of the library, if this process has it."""
    found = [path for path in mapped_files() if os.path.basename(path) == "libcatrust.so"]
    return found[0] if found else None


def ssl_file() -> Optional[str]:
    """The file of the module _ssl. None: this Python has no ssl module, or a built-in one."""
    spec = importlib.util.find_spec("_ssl")
    return spec.origin if spec and spec.has_location else None


def has_static_ssl() -> bool:
    """Is OpenSSL linked into this Python, so that no other library can intercept its functions?"""
    if "_ssl" in sys.builtin_module_names:
        return True
    path = ssl_file()
    if path is None:
        return False
    with open(path, "rb") as module:
        # An ELF file contains the name of each library that it needs, with a zero byte before and after it.
        return re.search(rb"\0libssl(-[0-9a-f]+)?\.so[^\0]*\0", module.read()) is None


def inject(children: bool) -> None:
    """See catrust.inject()."""
    if sys.platform != "linux":
        raise NotPossible("catrust works on Linux only, and this is %s" % sys.platform)
    if start.is_disabled():
        return
    if loaded() is None:
        libssl = [path for path in mapped_files() if LIBSSL.match(os.path.basename(path))]
        if has_static_ssl():
            raise NotPossible("this Python (%s) has OpenSSL built in, where inject() can't reach it; %s: this reaches "
                              "the files of certificates that it reads" % (sys.executable, INSTEAD.split(",")[0]))
        if libssl:
            raise TooLate("%s is in use already (%s): call inject() before anything imports ssl; or %s" % (
                libssl[0], "ssl was imported" if "_ssl" in sys.modules else "the program or one of its modules "
                "has loaded it", INSTEAD))
        try:
            start.load(library())
        except FileNotFoundError:
            raise LibraryError("%s is not there; install catrust again" % library()) from None
        except OSError as e:
            raise LibraryError("%s: %s; install catrust again, from the wheel for this system" % (
                library(), e)) from None
    # PyInstaller removes its unpacked files when the program ends, and children may live longer.
    if children and not hasattr(sys, "_MEIPASS"):
        start.preload(preloadable(library()))


def is_open_to_others(place: str) -> bool:
    """May another user replace files in this folder?

    The rules are those of trust directories. root's group and the user's own group (its number is the user's, as
    useradd makes it) have no other members. With an ACL, the bits of the group apply to every user that it names.
    """
    there = os.stat(place)
    if there.st_uid not in (0, os.geteuid()):
        return True
    if there.st_mode & stat.S_ISVTX:
        return False
    own_group = there.st_gid == 0 or there.st_gid == there.st_uid >= 1000
    try:
        os.getxattr(place, "system.posix_acl_access")
        own_group = False
    except OSError:
        pass
    return bool(there.st_mode & (stat.S_IWOTH if own_group else stat.S_IWOTH | stat.S_IWGRP))


def make_folder(place: str) -> None:
    """Makes a folder that only the user can read, unless another process has just made it."""
    try:
        os.mkdir(place, 0o700)
    except FileExistsError:
        pass


def preloadable(path: str) -> str:
    """path, or a link to it if path has a space, a colon or a dollar sign, which ld.so does not allow.

    The link is in the user's cache, and catrust-run uses the same one. No other user may be able to replace it.
    """
    if not re.search("[ :$]", path):
        return path
    cache = os.environ.get("XDG_CACHE_HOME", "")
    if not cache.startswith("/"):
        cache = os.path.expanduser("~/.cache")
    why = "%s can't be preloaded: ld.so allows no space, colon or dollar sign in its path" % path
    if re.search("[ :$]", cache) or not cache.startswith("/"):
        raise LibraryError("%s, and %s can't have a link to it" % (why, cache))
    folder = os.path.join(cache, "catrust", "by-python-%08x" % zlib.crc32(os.fsencode(path)))
    try:
        for place in (os.path.dirname(cache), cache, os.path.dirname(folder), folder):
            if not os.path.isdir(place):
                make_folder(place)
            if is_open_to_others(place):
                raise LibraryError("%s, and others may write to %s, where a link to it would be" % (why, place))
        link = os.path.join(folder, "libcatrust.so")
        try:
            os.symlink(path, link)
        except FileExistsError:
            pass
        if os.readlink(link) != path:
            raise LibraryError("%s, and %s, which should be a link to it, is not" % (why, link))
    except OSError as e:
        raise LibraryError("%s, and no link to it can be made: %s" % (why, e)) from None
    return link
