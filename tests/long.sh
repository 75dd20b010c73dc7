#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs a long test if CATRUST_NIGHTLY is set: long.sh COMMAND [ARGUMENT...]
set -eu

[ -n "${CATRUST_NIGHTLY:-}" ] || {
	echo 'skipped: it takes long; CATRUST_NIGHTLY=1 tests/run runs it'
	exit 77
}
exec "$@"
