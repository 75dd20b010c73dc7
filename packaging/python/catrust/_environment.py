# SPDX-License-Identifier: Apache-2.0
"""Switches catrust on for a whole environment, by one .pth file in its site-packages (see the module site)."""

import os
import re
import site
import subprocess
import sys
import sysconfig
import tempfile
from typing import List, Optional

import _catrust_start as start
import catrust
from catrust import Error, _inject, _status

# This name sorts before the .pth files of other modules, which may use TLS.
NAME = "_catrust.pth"
MARK = "# Written by `python -m catrust enable`; `python -m catrust disable` removes it.\n"
# It is one line, because site runs single lines. It ignores a missing module: catrust was uninstalled then.
LINE = ("import sys; exec('try:\\n import _catrust_start\\nexcept ImportError:\\n pass\\n"
        "else:\\n _catrust_start.start(%s)')\n")


def folders() -> List[str]:
    """The folders whose .pth files this Python reads."""
    found = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    if hasattr(site, "getsitepackages"):  # not in environments of virtualenv before version 20
        found += site.getsitepackages()
    if site.ENABLE_USER_SITE:
        found.append(site.getusersitepackages())
    return list(dict.fromkeys(os.path.realpath(path) for path in found))


def files() -> List[str]:
    """The files that enable() has written for this Python."""
    found = [os.path.join(folder, NAME) for folder in folders()]
    return [path for path in found if os.path.exists(path)]


def is_environment() -> bool:
    """Does this Python belong to a virtual environment?"""
    return sys.prefix != sys.base_prefix or hasattr(sys, "real_prefix")


def trial(code: str) -> "subprocess.CompletedProcess[bytes]":
    """Runs code in a new Python like this one, without the library in its environment."""
    clean = {name: value for name, value in os.environ.items() if name not in ("CATRUST_DISABLE", "LD_PRELOAD")}
    return subprocess.run([sys.executable, "-c", code], env=clean, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def refuse(done: "subprocess.CompletedProcess[bytes]") -> None:
    """Raises an Error with the last line of a trial's stderr, if the trial failed."""
    if done.returncode != 0:
        lines = done.stderr.decode(errors="replace").strip().splitlines() or ["it ended with %d" % done.returncode]
        raise Error("nothing was changed: " + re.sub(r"^catrust\.\w+: ", "", lines[-1]))


def enable(children: bool, system: bool) -> int:
    """Makes every Python of this environment load the library when it starts. Returns the exit status."""
    if not is_environment() and not system:
        raise Error("%s is not in a virtual environment. `enable --system` makes every program of this Python trust "
                    "the CAs, for all users of it" % sys.executable)
    folder = os.path.dirname(os.path.realpath(start.__file__))
    if folder not in folders():
        raise Error("catrust is not installed in %s: it is in %s. Install it there first (pip install catrust)" % (
            sys.prefix, folder))
    if children and re.search("[ :$]", start.LIBRARY):
        raise Error("--children: ld.so allows no space, colon or dollar sign in the path of a library, and there is "
                    "one in %s" % start.LIBRARY)
    # This is tried in another process, because a broken library could crash this one.
    refuse(trial("import catrust; catrust.inject(); import ssl"))
    path, text = os.path.join(folder, NAME), MARK + LINE % ("children=True" if children else "")
    before = text_of(path)
    write(path, text)
    done = trial("from catrust import _inject; import sys; sys.exit(_inject.loaded() is None)")
    if done.returncode != 0:
        if before is None:
            os.unlink(path)
        else:
            write(path, before)
        refuse(done)
    print("enabled: Python in %s trusts the CAs of the trust directories from its next start on (%s)" % (
        sys.prefix, path))
    return 0


def text_of(path: str) -> Optional[str]:
    """The content of the file, or None if it is missing or can't be read."""
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return None


def write(path: str, text: str) -> None:
    """Writes a file whole or not at all. Does nothing if it already has this text."""
    if text_of(path) == text:
        return
    number, new = tempfile.mkstemp(dir=os.path.dirname(path), prefix=NAME + ".")
    try:
        with os.fdopen(number, "w") as file:
            file.write(text)
        os.chmod(new, 0o644)
        os.replace(new, path)
    except BaseException:
        os.unlink(new)
        raise


def disable() -> int:
    """Undoes enable(). Returns the exit status."""
    found = files()
    for path in found:
        os.unlink(path)
        print("disabled: %s is removed" % path)
    if not found:
        print("%s is not enabled" % sys.prefix)
    return 0


def problem() -> Optional[str]:
    """Why this Python does not trust the CAs although its environment is enabled, or None."""
    if start.is_disabled():
        return "switched off by CATRUST_DISABLE"
    if sys.flags.no_site:
        return "this Python was started with -S, which reads no .pth file"
    try:
        start.check(start.LIBRARY)
    except OSError as e:
        return "%s: %s: install catrust again" % (start.LIBRARY, e.strerror or e)
    return None if _inject.loaded() else "the library is not in this process"


def status() -> int:
    """Prints whether this environment is enabled, and what is trusted. Returns 1 if it is not, or has a problem."""
    found = files()
    why = problem() if found else "`python -m catrust enable` enables it"
    print("Python    %s, %s" % (sys.prefix, "enabled by " + found[0] if found else "not enabled: %s" % why))
    if found and why:
        print("problem   " + why)
    # Loads what a program that uses ssl has loaded, so that the status shows it.
    try:
        __import__("_ssl")
    except ImportError:
        pass
    print(_status.of_this_process())
    return 1 if why else 0


__all__ = ["catrust", "disable", "enable", "status"]
