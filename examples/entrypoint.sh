#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# An entry point for containers whose program can't work without the company's CA: it rather does not
# start than fail at its first connection. Where that is no matter, ENTRYPOINT ["catrust-run"] will do.
#
# The CAs are where catrust-run finds them: in /etc/catrust/ca.d (copied, or mounted from a ConfigMap), in
# CATRUST_DIR, or in CATRUST_PEM as text. One that is no certificate counts for none.
#
# bash, which Debian's images have: dash drops variables whose names are no shell's (discovery.type).
set -eu

if [ -z "$(catrust list)" ]; then
	echo 'entrypoint.sh: no CA in CATRUST_DIR, or else /etc/catrust/ca.d, nor in CATRUST_PEM' >&2
	exit 125
fi
exec catrust-run "$@"
