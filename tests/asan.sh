#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The unit tests under ASan and UBSan, in a build of their own.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
build=$1
cmake -S "$top" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCATRUST_WERROR=ON \
	-DCATRUST_SANITIZE=ON >/dev/null
cmake --build "$build"
ctest --test-dir "$build" -L unit --output-on-failure
