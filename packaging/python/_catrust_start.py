# SPDX-License-Identifier: Apache-2.0
"""Loads libcatrust.so into this Python, at each start of Python in an enabled environment.

To keep the start short, it imports only modules that Python has imported already. The package catrust
uses the same functions to load the library.
"""

import os
import sys

LIBRARY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "catrust", "libcatrust.so")
started = False


def is_disabled() -> bool:
    """Has the user switched everything off with CATRUST_DISABLE?"""
    return os.environ.get("CATRUST_DISABLE", "") not in ("", "0")


def mapped() -> str:
    """The kernel's list of what this process has mapped (proc(5), maps). Empty without /proc."""
    try:
        with open("/proc/self/maps", "rb") as maps:
            return os.fsdecode(maps.read())
    except OSError:
        return ""


def check(path: str) -> None:
    """Raises an OSError if path is missing, or is not a complete 64-bit ELF file.

    The dynamic loader does not check the size. If an installation was cut off, it would crash, and Python
    with it. The table of sections is at the end of a file (elf(5): e_shoff, e_shentsize, e_shnum).
    """
    with open(path, "rb") as library:
        header = library.read(64)
        size = os.fstat(library.fileno()).st_size
    table = int.from_bytes(header[40:48], "little")
    row, rows = (int.from_bytes(header[at:at + 2], "little") for at in (58, 60))
    if header[:5] != b"\x7fELF\x02" or size < table + row * rows:
        raise OSError("the file is damaged")


def load(path: str) -> None:
    """Loads the library, so that libraries which are loaded later call its functions. Raises an OSError on failure.

    It is loaded as if it were an extension module, which is twenty times faster than ctypes. The import then
    fails, because it is not one, but the library stays loaded.
    """
    check(path)
    import _imp

    flags = sys.getdlopenflags()
    sys.setdlopenflags(os.RTLD_NOW | os.RTLD_GLOBAL | getattr(os, "RTLD_NODELETE", 0))
    try:
        # create_dynamic() needs only these fields of a ModuleSpec; this type is already loaded.
        _imp.create_dynamic(type(sys.implementation)(name="libcatrust", origin=path))  # type: ignore[call-arg,arg-type]
    except ImportError as e:
        if "module export function" not in str(e):
            raise OSError(str(e)) from None
    finally:
        sys.setdlopenflags(flags)


def preload(path: str) -> None:
    """Adds the library to LD_PRELOAD, so that the children of this process load it."""
    there = os.environ.get("LD_PRELOAD", "")
    if not any(os.path.basename(entry) == "libcatrust.so" for entry in there.replace(":", " ").split()):
        # It goes to the end, because some libraries, such as AddressSanitizer's, must be the first.
        os.environ["LD_PRELOAD"] = there + ":" + path if there else path


def start(children: bool = False) -> None:
    """Loads the library if that is of use in this process. Python goes on if it fails."""
    global started
    try:
        # site reads the .pth files of a virtual environment twice.
        if started or is_disabled():
            return
        started = True
        maps = mapped()
        # With another copy in the process, everything would happen twice. After libssl, the library would see only
        # some of the calls.
        if "/libcatrust.so" not in maps and "/libssl." not in maps and "/libssl-" not in maps:
            load(LIBRARY)
        if children:
            check(LIBRARY)
            preload(LIBRARY)
    except FileNotFoundError:
        pass  # catrust was removed from the environment, but this file was left
    except Exception as e:
        try:
            sys.stderr.write("catrust: %s: %s: Python goes on without it; install catrust again\n" % (LIBRARY, e))
        except Exception:
            pass  # there is no stderr to write to
