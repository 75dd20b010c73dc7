#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Format, static analysis, shell scripts and man pages. $1: the build folder.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
build=$1
cd "$top"
for tool in clang-format clang-tidy cppcheck shellcheck mandoc; do
	command -v "$tool" >/dev/null || { echo "skipped: no $tool"; exit 77; }
done

status=0
check() {
	echo "== $1"
	shift
	"$@" || status=1
}
sources=$(find shim tools tests -name '*.c' -not -path 'tests/fuzz/corpus/*')
headers=$(find shim tools tests -name '*.h')

scripts=$(grep -rlE '^#!/bin/(ba)?sh' tools tests packaging examples .ci)
# Names of files here have no spaces.
# shellcheck disable=SC2086
{
	check "clang-format" clang-format --dry-run -Werror $sources $headers
	check cppcheck cppcheck --quiet --error-exitcode=1 --std=c11 --inline-suppr \
		--enable=warning,performance,portability \
		--suppress=missingIncludeSystem -D_GNU_SOURCE -D__LP64__ -Ishim -Itools/catrust \
		-Itests/unit --library=posix shim tools
	compiled=$(sed -n 's/^ *"file": "\(.*\)",\{0,1\}$/\1/p' "$build/compile_commands.json" | sort -u)
	# The inner shell expands these.
	# shellcheck disable=SC2016
	check clang-tidy sh -c 'printf "%s\n" "$@" | xargs -P 2 -n 4 clang-tidy --quiet -p "$0"' \
		"$build" $compiled
	check shellcheck shellcheck -x $scripts packaging/apt.sh
	check mandoc mandoc -Tlint -Wwarning tools/man/*.[0-9]
}
exit "$status"
