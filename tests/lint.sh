#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Checks format, code, shell scripts and man pages. $1: the build folder. $2: parallel jobs (default: all cores).
# If CATRUST_NIGHTLY is set, clang's analyzer uses its default depth: this takes eight minutes on one core.
# Otherwise it gives up on a function sooner, and takes less than two.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
build=$1
jobs=${2:-$(nproc)}
cd "$top"
for tool in clang-format clang-tidy cppcheck shellcheck mandoc pyflakes3; do
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

depth=
if [ -z "${CATRUST_NIGHTLY:-}" ]; then
	for argument in -Xclang -analyzer-config -Xclang max-nodes=16000; do
		depth="$depth --extra-arg=$argument"
	done
	echo "lint, the analyzer's long paths ... skipped 'it takes long; CATRUST_NIGHTLY=1 tests/run runs it'"
fi
python=$(git ls-files '*.py')
python="$python $(grep -rlE '^#!.*python3' tests packaging examples --exclude='*.py')"
scripts=$(grep -rlE '^#!/bin/(ba)?sh' tools tests packaging examples .ci)
# File names here have no spaces.
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
	check clang-tidy sh -c 'build=$0 jobs=$1 depth=$2; shift 2
		printf "%s\n" "$@" | xargs -P "$jobs" -n 4 clang-tidy --quiet $depth -p "$build"' \
		"$build" "$jobs" "$depth" $compiled
	check shellcheck shellcheck -x $scripts packaging/apt.sh
	check pyflakes pyflakes3 $python
	check mandoc mandoc -Tlint -Wwarning tools/man/*.[0-9]
}
exit "$status"
