#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes docs/reached.md of reached.tsv, which says how each runtime is reached, results.tsv, which compat/run has
measured, ways.tsv, which ways.py has, and programs.tsv, which is compat/programs'.

usage: docs.py            makes the page
       docs.py --check    says whether the page is what it would make, and warns of results that are not of the
                          library's present sources
       docs.py --take     first takes the results of the last run (CATRUST_BUILD, default build/dev); those of
                          places where that was not stay"""

import csv
import glob
import hashlib
import os
import re
import sys

import cases

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
PAGE = os.path.join(TOP, "docs", "reached.md")
RESULTS = os.path.join(HERE, "results.tsv")
RUNTIMES = os.path.join(HERE, "ways.tsv")
KEPT = ["place", "machine", "libc", "openssl", "interpreter", "client", "outcome", "tests", "skipped", "sources"]
PLACE = KEPT[:5]
PROGRAMS = os.path.join(HERE, "programs.tsv")
# The ways of compat/programs, as the page calls them.
WAYS = {"without": "without", "run": "`catrust-run`", "env": "`catrust-run --env`", "mount": "`catrust-run --mount`"}
SIGNS = {"ok": "✓", "failed": "**fails**", "absent": "–"}

TEXT = """<!-- Made by tests/compat/docs.py: change that, or tests/compat/reached.tsv. -->
# What is reached

"library" means `libcatrust.so`, preloaded by `catrust-run`. "`catrust-run --env`" also sets variables; the one that
counts is in brackets. A program that is not reached runs as if catrust were not there.

`tests/compat/ways.py` tested the three columns in the middle on the machine that builds the library: `catrust.inject()`
in a Python program, `catrust-run --mount`, and `catrust enable --system`. ✓: reached. `--env`: reached if that option is
added. –: not reached. Empty: not run, or not Python.

| runtime | how | in Python by import | by --mount | by enable --system | tested with |
|---|---|---|---|---|---|
%(runtimes)s

## Programs, one by one

Each of these programs connects to a server whose CA is in a trust directory. `tests/compat/programs` runs it in each way,
and writes this table. ✓: it trusts the server. –: it does not. ?: it did not even try. Empty: not run.

%(programs)s

## The same library everywhere

This table is for one `libcatrust.so`, built on Debian 12. `tests/compat/run` makes the systems (chroots by
debootstrap, an OpenSSL built for musl, a root directory for qemu-user), runs the tests of `tests/e2e` in each with that
system's interpreter, and writes this table. ✓: its tests pass. ✓ 5/7: five of seven pass, the others need something that
the system does not have. –: the program is not there. Empty: not run.

%(places)s

This table is for Pythons that version managers built or installed, if they link OpenSSL as a shared library:

%(managed)s

Tests that need a compiler, a server or a toolchain run on the machine that builds the library:

%(machine)s

Not tested: Alpine, RHEL and similar systems, processors other than x86-64 and arm64, and arm64 on real hardware.
"""


def rows(path):
    with open(path, newline="") as f:
        return list(csv.DictReader(f, delimiter="\t"))


def sources():
    """The library's: their digest, and the time of the last change."""
    digest, newest = hashlib.sha256(), 0
    for path in sorted(glob.glob(os.path.join(TOP, "shim", "**"), recursive=True)):
        if os.path.isdir(path):
            continue
        with open(path, "rb") as f:
            digest.update(os.path.basename(path).encode() + b"\0" + hashlib.sha256(f.read()).digest())
        newest = max(newest, os.stat(path).st_mtime)
    return digest.hexdigest()[:16], newest


def build():
    return os.environ.get("CATRUST_BUILD", os.path.join(TOP, "build", "dev"))


def take():
    measured = rows(os.path.join(build(), "compat", "results.tsv"))
    library = os.path.join(build(), "shim", "libcatrust.so")
    with open(library, "rb") as f:
        built = hashlib.sha256(f.read()).hexdigest()[:16]
    present, newest = sources()
    for row in measured:
        same = row["shim"] == built and os.stat(library).st_mtime >= newest
        row["sources"] = present if same else ""
    there = {where_of(row) for row in measured}
    # A place that has been measured again has no other versions than those.
    versions = {tuple(row[name] for name in PLACE) for row in measured}
    before = [row for row in rows(RESULTS)
              if where_of(row) not in there or tuple(row[name] for name in PLACE) in versions]
    kept = {tuple(row[name] for name in PLACE + ["client"]): row for row in before + measured}
    clients = [client for _, client, _ in cases.CASES]
    with open(RESULTS, "w", newline="") as f:
        writer = csv.DictWriter(f, KEPT, delimiter="\t", lineterminator="\n", extrasaction="ignore")
        writer.writeheader()
        for place in in_order(list(dict.fromkeys(key[:-1] for key in kept))):
            writer.writerows(kept[place + (client,)] for client in clients if place + (client,) in kept)


def in_order(places):
    """As they came, but for Pythons of one version manager, which go by their version."""
    first = {place[0]: i for i, place in reversed(list(enumerate(places)))}
    return sorted(places, key=lambda place: (first[place[0]], [int(n) for n in re.findall(r"\d+", place[4])]
                                             if is_managed(place[0]) else []))


def take_programs():
    """Those of programs that were not run this time stay."""
    path = os.path.join(build(), "compat", "programs.tsv")
    if not os.path.exists(path):
        return
    kept = {row["program"]: row for row in (rows(PROGRAMS) if os.path.exists(PROGRAMS) else []) + rows(path)}
    with open(PROGRAMS, "w", newline="") as f:
        writer = csv.DictWriter(f, ["program", "version", "from", *WAYS], delimiter="\t", lineterminator="\n",
                                extrasaction="ignore", restval="")
        writer.writeheader()
        writer.writerows(kept[name] for name in sorted(kept, key=str.lower))


def where_of(row):
    return (row["place"], row["machine"], row["interpreter"] if managed(row) else "")


def managed(row):
    """Is it a Python that a version manager installed?"""
    return is_managed(row["place"])


def is_managed(place):
    return place in ("pyenv", "uv", "mise", "conda")


def where(results, client):
    """The places and interpreters that a client was tested with, in words."""
    found, machine = {}, False
    for row in results:
        if row["client"] != client or row["outcome"] != "ok":
            continue
        if row["place"] == "this machine":
            machine = True
            continue
        place = row["place"] + (" on arm64" if row["machine"] == "aarch64" else "")
        found.setdefault(place, []).extend([row["interpreter"].split()[-1]] if managed(row) else [])
    words = [place + (" (%s)" % ", ".join(versions) if versions else "") for place, versions in found.items()]
    return ", ".join(words) or ("the machine that builds it" if machine else "not yet")


def sign(row):
    """What a cell of the table says."""
    skipped = int(row["skipped"] or 0)
    if row["outcome"] != "ok" or not skipped:
        return SIGNS[row["outcome"]]
    return "%s %d/%s" % (SIGNS["ok"], int(row["tests"]) - skipped, row["tests"])


def ways():
    """Of each runtime that ways.py has run, the cells of the three columns."""
    words = {"yes": "✓", "env": "`--env`", "no": "–", "": ""}
    return {row["runtime"]: [words[row[name]] for name in ("import", "mount", "enable")] for row in rows(RUNTIMES)}


def runtimes(results):
    found = ways()
    with open(os.path.join(HERE, "reached.tsv")) as f:
        for line in f:
            if line.startswith("#") or not line.strip():
                continue
            name, how, tested, *key = line.rstrip("\n").split("\t")
            if tested.startswith("@"):
                tested = where(results, tested[1:])
            cells = found[key[0]] if key and key[0] in found else ["", "", ""]
            yield "| %s |" % " | ".join([name, how, *cells, tested])


def table(results):
    """A line for each client, a column for each place and interpreter."""
    columns, cells = {}, {}
    for row in results:
        key = (row["place"], row["machine"], row["interpreter"], row["openssl"], row["libc"])
        columns[key] = None
        cells[row["client"], key] = sign(row)
    titles = ["<br>".join(word for word in (place, "arm64" if cpu == "aarch64" else "", *words) if word)
              for place, cpu, *words in columns]
    yield "| | %s |" % " | ".join(titles)
    yield "|---|" + "---|" * len(columns)
    for _, client, _ in cases.CASES:
        line = [cells.get((client, key), "") for key in columns]
        if any(line):
            yield "| %s | %s |" % (client, " | ".join(line))


def programs():
    """A line for each program, a column for each way that is among the results."""
    results = rows(PROGRAMS)
    signs = {"ok": "✓", "refused": "–", "unclear": "?"}
    ways = [way for way in WAYS if any(row.get(way) for row in results)]
    yield "| program | from | %s |" % " | ".join(WAYS[way] for way in ways)
    yield "|---|---|" + "---|" * len(ways)
    for row in results:
        yield "| %s %s | %s | %s |" % (row["program"], row["version"], row["from"],
                                       " | ".join(signs.get(row[way], "") for way in ways))


def page():
    results = [{**dict.fromkeys(KEPT, ""), **row} for row in rows(RESULTS)]
    places = [row for row in results if row["place"] != "this machine" and not managed(row)]
    machine = [row for row in results if row["place"] == "this machine" and row["outcome"] != "absent"
               and row["client"] not in {row["client"] for row in places if row["outcome"] != "absent"}]
    shown = {row["client"] for row in machine}
    return TEXT % {"runtimes": "\n".join(runtimes(results)),
                   "programs": "\n".join(programs()),
                   "places": "\n".join(table([row for row in places if row["client"] not in shown])),
                   "managed": "\n".join(table([row for row in results if managed(row)])),
                   "machine": "\n".join(table(machine))}


def main():
    if sys.argv[1:] not in ([], ["--check"], ["--take"]):
        print(__doc__.split("\n\n")[1], file=sys.stderr)
        sys.exit(2)
    if "--take" in sys.argv:
        if os.path.exists(os.path.join(build(), "compat", "results.tsv")):
            take()
        take_programs()
    made = page()
    if "--check" in sys.argv:
        with open(PAGE) as f:
            if f.read() != made:
                print("docs/reached.md is not what tests/compat/docs.py makes: run it")
                sys.exit(1)
        results, present = rows(RESULTS), sources()[0]
        old = sum(row.get("sources") != present for row in results)
        if old:
            print("warning: %d of %d results are not of the library as its sources are now: tests/compat/run, then "
                  "docs.py --take" % (old, len(results)), file=sys.stderr)
        return
    with open(PAGE, "w") as f:
        f.write(made)


if __name__ == "__main__":
    main()
