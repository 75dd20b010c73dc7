#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs README's commands for building and installing in a copy of the tree.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "readme: $*" >&2; exit 1; }

mkdir "$work/tree"
(cd "$top" && tar -cf - --exclude=./build --exclude=./.git .) | tar -xf - -C "$work/tree"
cd "$work/tree"

line=$(sed -n '/^cmake --preset release/p' README.md)
[ -n "$line" ] || fail 'the line that builds is gone'
line=$(printf '%s' "$line" | sed 's/sudo cmake/cmake/')
DESTDIR="$work/root" sh -ec "$line" >"$work/log" 2>&1 || { cat "$work/log"; fail 'it does not build'; }

bin="$work/root/usr/local/bin"
for file in bin/catrust bin/catrust-run share/man/man1/catrust.1 share/man/man1/catrust-run.1 \
	share/man/man7/libcatrust.7; do
	[ -f "$work/root/usr/local/$file" ] || fail "no $file was installed"
done
"$bin/catrust" --version | grep -q '^catrust [0-9]' || fail 'catrust --version'
# The command's shell expands it.
# shellcheck disable=SC2016
got=$("$bin/catrust-run" -q sh -c 'echo "$LD_PRELOAD"')
[ -f "$got" ] || fail "catrust-run does not find the installed library: $got"

# The other commands in README must exist, and have the options that it shows.
sed -n 's/^\(tools\/[a-z]*\|tests\/[a-z]*\) .*/\1/p' README.md | while read -r command; do
	[ -x "$command" ] || fail "$command is not there"
done
"$bin/catrust" --help 2>&1 | grep -q fetch || fail 'catrust --help'
"$bin/catrust" fetch --help 2>&1 | grep -q -e --fingerprint || fail 'fetch has no --fingerprint'
echo 'readme: as it says'
