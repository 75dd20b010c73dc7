#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes an _ssl for Debian's python3 that has OpenSSL linked into itself with hidden symbols, as uv's
# Pythons have, for files.py. From the source package of python3 on the Debian
# mirror that this machine's apt uses, with apt checking signatures and checksums.
#
# usage: getssl.sh FOLDER
# Exit status: 0 it is there; 1 a download or the compiler failed; 2 wrong usage; 77 this machine cannot do it.
set -eu

if [ $# -ne 1 ]; then
	echo "usage: getssl.sh FOLDER" >&2
	exit 2
fi

cannot() {
	echo "skipped: $*" >&2
	exit 77
}

for tool in apt-get cc tar; do
	command -v "$tool" >/dev/null || cannot "no $tool"
done
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ -r "$keyring" ] || cannot "no $keyring"
[ -n "$(find /usr/lib -name libssl.a 2>/dev/null)" ] || cannot "no libssl.a (libssl-dev)"
python=$(/usr/bin/python3 -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
suffix=$(/usr/bin/python3 -c 'import sysconfig; print(sysconfig.get_config_var("EXT_SUFFIX"))')
config=$(find /usr/include -path "*-linux-*/$python/pyconfig.h" 2>/dev/null)
[ -r "$config" ] || cannot "no pyconfig.h (lib$python-dev)"
# The archive of the distribution itself, not that of its security updates.
mirror=$(apt-get indextargets --format "\$(ORIGIN) \$(RELEASE) \$(REPO_URI)" "Created-By: Packages" |
	awk '$1 == "Debian" && $2 !~ /-/ { print $3; exit }')
suite=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
[ -n "$mirror" ] || cannot "apt has no Debian mirror"
[ -n "$suite" ] || cannot "no release of Debian"

mkdir -p "$1"
folder=$(cd "$1" && pwd)
[ ! -e "$folder/_ssl$suffix" ] || exit 0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# An apt of its own: the machine's lists and packages stay as they are.
private_apt() {
	apt-get -q \
		-o Dir::State="$work/state" -o Dir::State::status="$work/status" -o Dir::Cache="$work/cache" \
		-o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=/dev/null \
		-o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null \
		-o APT::Sandbox::User=root -o Acquire::Languages=none -o Acquire::Retries=3 \
		-o APT::Update::Error-Mode=any "$@" >>"$work/log" 2>&1 || {
		cat "$work/log" >&2
		return 1
	}
}

mkdir -p "$work/state/lists/partial" "$work/cache/archives/partial" "$work/config"
: >"$work/status"
echo "deb-src [signed-by=$keyring] $mirror $suite main" >"$work/sources.list"
private_apt update
(cd "$work" && private_apt source --download-only --tar-only "$python")
tar -C "$work" -xf "$work"/*.orig.tar.*
source=$(dirname "$(find "$work" -path '*/Modules/_ssl.c')")/..
# Bluetooth would want more headers, and TLS nothing of it.
sed 's/^#define HAVE_BLUETOOTH.*//' "$config" >"$work/config/pyconfig.h"
cc -shared -fPIC -O1 -w -DPy_BUILD_CORE_MODULE -I"$work/config" -I"$source/Include/internal" -I"$source/Include" \
	-I"$source/Modules" -o "$work/_ssl.so" "$source/Modules/_ssl.c" \
	-Wl,--exclude-libs,ALL -l:libssl.a -l:libcrypto.a -ldl -lpthread
cp "$work/_ssl.so" "$folder/_ssl$suffix"
