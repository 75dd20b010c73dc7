# SPDX-License-Identifier: Apache-2.0
"""Programs trust a company's own CAs, without touching the programs.

As the first lines of a program, before anything imports ssl:

    import catrust
    catrust.inject()

From then on TLS clients of this process trust, beside what they trust anyway, the CAs in /etc/catrust/ca.d
and ~/.config/catrust/ca.d, or in the directories that CATRUST_DIR names. `python -m catrust app.py` does the
same for a program that stays as it is, and `python -m catrust enable` for all of a virtual environment.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from catrust._status import Status

__all__ = ["Error", "LibraryError", "NotPossible", "TooLate", "inject", "status"]


class Error(RuntimeError):
    """Why this process can't be reached, and what to do instead."""


class LibraryError(Error):
    """libcatrust.so is missing, damaged, or not for this system."""


class NotPossible(Error):
    """In this Python nothing can be injected: it has OpenSSL built in, or is not on Linux."""


class TooLate(Error):
    """ssl, or another module that uses OpenSSL, has been imported already."""


def inject(children: bool = True) -> None:
    """Makes the TLS clients of this process trust the CAs of the trust directories.

    To be called before anything imports ssl. It may be called again, and in a process that has the library
    by catrust-run or by an enabled environment: it then changes nothing more.

    children: programs that this one starts trust them as well. Their environment gets LD_PRELOAD.

    With CATRUST_DISABLE=1 it does nothing. Raises TooLate, NotPossible or LibraryError; the program can go on
    after each of them, and trusts what it trusts without catrust.
    """
    from catrust import _inject

    _inject.inject(children)


def status() -> "Status":
    """What this process trusts by catrust, and which of its TLS libraries are reached, as far as it has loaded them.

    str() of it is a text for people. It reads files and runs the command catrust, for some milliseconds.
    """
    from catrust import _status

    return _status.of_this_process()
