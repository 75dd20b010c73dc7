#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes docs/reached.md of reached.tsv, which says how each runtime is reached, and results.tsv, which compat/run has
measured.

usage: docs.py            makes the page
       docs.py --check    says whether the page is what it would make
       docs.py --take     first takes the results of the last run (CATRUST_BUILD, default build/dev)"""

import csv
import os
import sys

import cases

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
PAGE = os.path.join(TOP, "docs", "reached.md")
RESULTS = os.path.join(HERE, "results.tsv")
KEPT = ["place", "machine", "libc", "openssl", "interpreter", "client", "outcome"]
SIGNS = {"ok": "✓", "failed": "**fails**", "absent": "–"}

TEXT = """<!-- Made by tests/compat/docs.py: change that, or tests/compat/reached.tsv. -->
# What is reached

"library" is `libcatrust.so`, preloaded by `catrust-run`. What is not reached goes on as if catrust were not there.

| runtime | how | tested with |
|---|---|---|
%(runtimes)s

## The same library everywhere

One `libcatrust.so`, built on Debian 12, and one list of cases: `tests/compat/run` makes the places (chroots by
debootstrap, an OpenSSL built for musl, a root for qemu-user), runs the tests of `tests/e2e` in each under its own
interpreter, and writes this table. %(legend)s

%(places)s

And under Pythons that version managers built or installed, where they link OpenSSL as a shared library:

%(managed)s

Not covered here: Alpine, RHEL and their like (the tests have neither), other processors than x86-64 and arm64, and
arm64 on real hardware.
"""


def rows(path):
    with open(path, newline="") as f:
        return list(csv.DictReader(f, delimiter="\t"))


def take():
    build = os.environ.get("CATRUST_BUILD", os.path.join(TOP, "build", "dev"))
    measured = rows(os.path.join(build, "compat", "results.tsv"))
    with open(RESULTS, "w", newline="") as f:
        writer = csv.DictWriter(f, KEPT, delimiter="\t", lineterminator="\n", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(measured)


def managed(row):
    """Is it a Python that a version manager installed?"""
    return row["place"] in ("pyenv", "uv", "mise", "conda")


def where(results, client):
    """The places and interpreters that a client was tested with, in words."""
    found = {}
    for row in results:
        if row["client"] == client and row["outcome"] == "ok" and row["place"] != "this machine":
            place = row["place"] + (" on arm64" if row["machine"] == "aarch64" else "")
            found.setdefault(place, []).extend([row["interpreter"].split()[-1]] if managed(row) else [])
    words = [place + (" (%s)" % ", ".join(versions) if versions else "") for place, versions in found.items()]
    return ", ".join(words) or "not yet"


def runtimes(results):
    with open(os.path.join(HERE, "reached.tsv")) as f:
        for line in f:
            if line.startswith("#") or not line.strip():
                continue
            name, how, tested = line.rstrip("\n").split("\t")
            if tested.startswith("@"):
                tested = where(results, tested[1:])
            elif tested.startswith("tests/"):
                tested = "`%s`%s" % (tested.split(",")[0], tested[len(tested.split(",")[0]):])
            yield "| %s | %s | %s |" % (name, how, tested)


def table(results):
    """A line for each client, a column for each place and interpreter."""
    columns, cells = {}, {}
    for row in results:
        key = (row["place"], row["machine"], row["interpreter"], row["openssl"], row["libc"])
        columns[key] = None
        cells[row["client"], key] = SIGNS[row["outcome"]]
    titles = ["<br>".join(word for word in (place, "arm64" if cpu == "aarch64" else "", *words) if word)
              for place, cpu, *words in columns]
    yield "| | %s |" % " | ".join(titles)
    yield "|---|" + "---|" * len(columns)
    for _, client, _ in cases.CASES:
        line = [cells.get((client, key), "") for key in columns]
        if any(line):
            yield "| %s | %s |" % (client, " | ".join(line))


def page():
    results = rows(RESULTS)
    legend = "✓: all of its tests pass; –: it is not there; empty: not run."
    return TEXT % {"runtimes": "\n".join(runtimes(results)), "legend": legend,
                   "places": "\n".join(table([row for row in results if row["place"] != "this machine"
                                               and not managed(row)])),
                   "managed": "\n".join(table([row for row in results if managed(row)]))}


def main():
    if sys.argv[1:] not in ([], ["--check"], ["--take"]):
        print(__doc__.split("\n\n")[1], file=sys.stderr)
        sys.exit(2)
    if "--take" in sys.argv:
        take()
    made = page()
    if "--check" in sys.argv:
        with open(PAGE) as f:
            if f.read() != made:
                print("docs/reached.md is not what tests/compat/docs.py makes: run it")
                sys.exit(1)
        return
    with open(PAGE, "w") as f:
        f.write(made)


if __name__ == "__main__":
    main()
