#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes a minimal root of the Debian that this machine runs, with Python, for chroot.py and containers.py.
#
# usage: root.sh FOLDER
set -eu

keyring=/usr/share/keyrings/debian-archive-keyring.gpg
source=$(apt-get indextargets --format "\$(ORIGIN) \$(RELEASE) \$(REPO_URI) \$(CODENAME)" \
	"Created-By: Packages" | awk '$1 == "Debian" && $4 !~ /-/ { print $4, $3; exit }')
if [ -z "$source" ] || [ ! -r "$keyring" ]; then
	echo 'skipped: apt has no Debian mirror'
	exit 77
fi
mkdir -p "$(dirname "$1")"
rm -rf "$1.new"
# Two words.
# shellcheck disable=SC2086
debootstrap --variant=minbase --include=python3 --keyring="$keyring" ${source% *} "$1.new" ${source#* }
rm -rf "$1.new"/var/cache/apt/archives/*.deb
# Whole or not at all.
mv "$1.new" "$1"
