# shellcheck shell=sh
# SPDX-License-Identifier: Apache-2.0
# For what takes minutes to build: the next run of the tests finds it in this folder outside the tree.

# The scripts that source this one use it.
# shellcheck disable=SC2034
cache=${CATRUST_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/catrust-tests}

# A checksum of files, and of the files in folders; it becomes part of the result's name.
cache_stamp() { # path...
	find "$@" -type f | LC_ALL=C sort | xargs cat | cksum | cut -d ' ' -f 1
}
