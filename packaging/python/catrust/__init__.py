# SPDX-License-Identifier: Apache-2.0
"""Programs trust a company's own CAs, without touching the programs.

As the first lines of a program, before anything imports ssl:

    import catrust
    catrust.inject()

From then on, the TLS clients of this process also trust the CAs in /etc/catrust/ca.d and
~/.config/catrust/ca.d, or in the directories that CATRUST_DIR names. `python -m catrust app.py` does this
without a change of the program, and `python -m catrust enable` does it for a whole virtual environment.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from catrust._status import Status

__all__ = ["Error", "LibraryError", "NotPossible", "TooLate", "inject", "status"]


class Error(RuntimeError):
    """catrust can't reach this process. The text says why, and what to do instead."""


class LibraryError(Error):
    """libcatrust.so is missing, damaged, or not for this system."""


class NotPossible(Error):
    """inject() can't work in this Python: it has OpenSSL built in, or does not run on Linux."""


class TooLate(Error):
    """ssl, or another module that uses OpenSSL, has been imported already."""


def inject(children: bool = True) -> None:
    """Makes the TLS clients of this process trust the CAs of the trust directories.

    Call it before anything imports ssl. It changes nothing if it was called before, or if catrust-run or an
    enabled environment has already loaded the library.

    children: the programs that this one starts trust the CAs as well. Their environment gets LD_PRELOAD.

    With CATRUST_DISABLE=1 it does nothing. It raises TooLate, NotPossible or LibraryError. The program can go
    on after each of them, and then trusts what it trusts without catrust.
    """
    from catrust import _inject

    _inject.inject(children)


def status() -> "Status":
    """What this process trusts because of catrust, and which of the TLS libraries that it has loaded are reached.

    str() of the result is a text for people. The call reads files and runs the command catrust, which takes some
    milliseconds.
    """
    from catrust import _status

    return _status.of_this_process()
