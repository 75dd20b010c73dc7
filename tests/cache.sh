# shellcheck shell=sh
# SPDX-License-Identifier: Apache-2.0
# What takes minutes to build is kept outside the tree, for the next run of the tests.

# shellcheck disable=SC2034 # for the scripts that source this one
cache=${CATRUST_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/catrust-tests}

# A checksum of files, and of the files of folders: part of the name of what is made of them.
cache_stamp() { # path...
	find "$@" -type f | LC_ALL=C sort | xargs cat | cksum | cut -d ' ' -f 1
}
