#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Run as root while the dev container is built. Beside it: ca.d/ with the CAs, and catrust-*-linux-*.tar.gz, for each
# architecture that is wanted (packaging/package --static DIR tgz).
set -eu

fail() {
	echo "catrust: $*" >&2
	exit 1
}

here=$(cd "$(dirname "$0")" && pwd)
archive=$(find "$here" -maxdepth 1 -name "catrust-*-linux-$(uname -m).tar.gz")
[ -f "$archive" ] || fail "one catrust-*-linux-$(uname -m).tar.gz must be beside install.sh"
[ -d "$here/ca.d" ] || fail "a folder ca.d with the CAs must be beside install.sh"

to=/opt/catrust
mkdir -p "$to" /etc/catrust/ca.d
tar -xzf "$archive" -C "$to" --strip-components=1 --no-same-owner
# What is copied belongs to root and is nobody's to change, or it would not be trusted.
cp -R "$here/ca.d/." /etc/catrust/ca.d/
chmod -R go-w /etc/catrust
CATRUST_DIR=/etc/catrust/ca.d
export CATRUST_DIR
[ -n "$("$to/bin/catrust" list)" ] || fail "there is no CA in $here/ca.d"
ln -sf "$to/bin/catrust" "$to/bin/catrust-run" /usr/local/bin/

# One file with the CAs, for node and with it the server of the editor: its variable adds to what node trusts.
"$to/bin/catrust" bundle --no-public -o "$to/corp.pem"

# Every program that is linked dynamically, whatever starts it; and, if it is wanted, variables for the others.
# A build says so at length, so only what goes wrong is shown.
variables=
[ "${VARIABLES:-true}" != true ] || variables=--env
said=$("$to/bin/catrust" enable --system ${variables:+"$variables"} 2>&1) || fail "$said"
