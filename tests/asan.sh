#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs the unit tests under ASan and UBSan, in a build folder of their own: asan.sh BUILD clang|gcc
# It compiles everything, so it also shows that clang has no warnings.
set -eu

command -v "$2" >/dev/null || { echo "skipped: no $2"; exit 77; }
top=$(cd "$(dirname "$0")/.." && pwd)
build=$1
cmake -S "$top" -B "$build" -G Ninja -DCMAKE_C_COMPILER="$2" -DCMAKE_BUILD_TYPE=Debug -DCATRUST_WERROR=ON \
	-DCATRUST_SANITIZE=ON >/dev/null
cmake --build "$build" --parallel 2
ctest --test-dir "$build" -L unit --output-on-failure --parallel 2
