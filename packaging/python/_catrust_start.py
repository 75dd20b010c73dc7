# SPDX-License-Identifier: Apache-2.0
"""Loads libcatrust.so into this Python. Run at each start of an environment that was enabled.

It imports nothing that Python has not imported by then, since every start pays for it. The package
catrust loads the library by the same functions.
"""

import os
import sys

LIBRARY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "catrust", "libcatrust.so")
started = False


def is_disabled() -> bool:
    """Has the user switched everything off with CATRUST_DISABLE?"""
    return os.environ.get("CATRUST_DISABLE", "") not in ("", "0")


def mapped() -> str:
    """What is in this process, as the kernel lists it (proc(5), maps). Empty without /proc."""
    try:
        with open("/proc/self/maps", "rb") as maps:
            return os.fsdecode(maps.read())
    except OSError:
        return ""


def check(path: str) -> None:
    """Raises an OSError if path is not there, or is no whole 64-bit ELF file.

    The dynamic loader does not look at the size: where an installation was cut off, it would die in it,
    and Python with it. The table of sections lies at a file's end (elf(5): e_shoff, e_shentsize, e_shnum).
    """
    with open(path, "rb") as library:
        header = library.read(64)
        size = os.fstat(library.fileno()).st_size
    table = int.from_bytes(header[40:48], "little")
    row, rows = (int.from_bytes(header[at:at + 2], "little") for at in (58, 60))
    if header[:5] != b"\x7fELF\x02" or size < table + row * rows:
        raise OSError("the file is damaged")


def load(path: str) -> None:
    """Loads the library such that what is loaded after it calls it; raises an OSError if it can't.

    As an extension module, which is twenty times faster than ctypes. It is none, so that the import
    fails, after the library is in.
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
    """Adds the library to LD_PRELOAD, for the children of this process."""
    there = os.environ.get("LD_PRELOAD", "")
    if not any(os.path.basename(entry) == "libcatrust.so" for entry in there.replace(":", " ").split()):
        # At the end, because some libraries, such as AddressSanitizer's, must be the first.
        os.environ["LD_PRELOAD"] = there + ":" + path if there else path


def start(children: bool = False) -> None:
    """Loads the library if it does any good here. Whatever happens, Python goes on."""
    global started
    try:
        # site reads the .pth files of a virtual environment twice.
        if started or is_disabled():
            return
        started = True
        maps = mapped()
        # After another copy it would do everything twice; after libssl, only half of it.
        if "/libcatrust.so" not in maps and "/libssl." not in maps and "/libssl-" not in maps:
            load(LIBRARY)
        if children:
            check(LIBRARY)
            preload(LIBRARY)
    except FileNotFoundError:
        pass  # catrust was taken out of the environment, and this file stayed
    except Exception as e:
        try:
            sys.stderr.write("catrust: %s: %s: Python goes on without it; install catrust again\n" % (LIBRARY, e))
        except Exception:
            pass  # nobody reads it
