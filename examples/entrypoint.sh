#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# An entry point for containers whose program can't work without the company's CA: it rather does not
# start than fail at its first connection. Where that is no matter, ENTRYPOINT ["catrust-run"] will do.
#
# The CAs are in /etc/catrust/ca.d (copied, or mounted from a ConfigMap), or in CATRUST_PEM as text.
set -eu

has_ca() {
	for file in /etc/catrust/ca.d/*; do
		[ ! -r "$file" ] || return 0
	done
	return 1
}

if [ -z "${CATRUST_PEM-}" ] && ! has_ca; then
	echo 'entrypoint.sh: there is no CA in /etc/catrust/ca.d, and CATRUST_PEM is not set' >&2
	exit 125
fi
exec catrust-run "$@"
