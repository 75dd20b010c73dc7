# SPDX-License-Identifier: Apache-2.0
"""python -m catrust: runs a Python program, or switches an environment on and off."""

import os
import subprocess
import sys
from typing import List

import _catrust_start as start
from catrust import Error, _environment, _inject

USAGE = """\
usage: python -m catrust PROGRAM.py [ARGUMENT...]
       python -m catrust -m MODULE [ARGUMENT...]
       python -m catrust -c CODE [ARGUMENT...]
       python -m catrust enable [--children] [--system]
       python -m catrust disable
       python -m catrust status

Runs a Python program so that it and its children trust the CAs of the trust directories: those in
CATRUST_DIR, or /etc/catrust/ca.d and ~/.config/catrust/ca.d. (catrust-run does so for every program.)

enable   makes every Python that is started in this virtual environment trust them, by one file
         in its site-packages
           --children  what these start trusts them as well: LD_PRELOAD is set for it
           --system    this Python is in no virtual environment, and that is meant
disable  removes this file
status   says whether the environment is enabled, what is trusted, and what is reached

exit status: that of the program; 125 catrust failed; of status, 1 if it is not enabled.
"""
FAILED = 125


def run(argv: List[str]) -> None:
    """Replaces this process by a new Python that runs argv with the library preloaded."""
    if not start.is_disabled():
        path = _inject.library()
        try:
            start.check(path)
        except OSError as e:
            raise Error("%s: %s: the program would run without it, and does not; install catrust again" % (
                path, e.strerror or e)) from None
        start.preload(_inject.preloadable(path))
    # Passes -W, -X and similar options on to the program.
    flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, *flags, *argv])


def main(argv: List[str]) -> int:
    """Does what argv says; returns the exit status."""
    if not argv or argv[0] in ("-h", "--help"):
        (sys.stdout if argv else sys.stderr).write(USAGE)
        return 0 if argv else FAILED
    word, options = argv[0], argv[1:]
    known = {"enable": ["--children", "--system"], "disable": [], "status": []}
    # To run a program that is called status, write ./status.
    if word in known:
        for option in options:
            if option not in known[word]:
                raise Error("%s has no option %s; see python -m catrust --help" % (word, option))
        if word == "enable":
            return _environment.enable(children="--children" in options, system="--system" in options)
        return _environment.disable() if word == "disable" else _environment.status()
    if word in ("-m", "-c") and not options:
        raise Error("%s needs an argument; see python -m catrust --help" % word)
    if word.startswith("-") and word not in ("-m", "-c", "-"):
        raise Error("there is no option %s; see python -m catrust --help" % word)
    run(argv)
    return FAILED


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (Error, OSError) as e:
        sys.stderr.write("catrust: %s\n" % e)
        sys.exit(FAILED)
