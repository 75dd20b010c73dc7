#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds a module _ssl for Debian's python3, for files.py. OpenSSL is linked into it with hidden symbols, as in
# uv's Pythons. The source package of python3 comes from the Debian mirror that this machine's apt uses; apt
# checks signatures and checksums.
#
# usage: getssl.sh FOLDER
# Exit status: 0 it is there; 1 a download or the compiler failed; 2 wrong usage; 77 this machine can't build it.
set -eu

if [ $# -ne 1 ]; then
	echo "usage: getssl.sh FOLDER" >&2
	exit 2
fi

cannot() {
	echo "skipped: $*" >&2
	exit 77
}

for tool in cc tar; do
	command -v "$tool" >/dev/null || cannot "no $tool"
done
[ -n "$(find /usr/lib -name libssl.a 2>/dev/null)" ] || cannot "no libssl.a (libssl-dev)"
python=$(/usr/bin/python3 -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
suffix=$(/usr/bin/python3 -c 'import sysconfig; print(sysconfig.get_config_var("EXT_SUFFIX"))')
config=$(find /usr/include -path "*-linux-*/$python/pyconfig.h" 2>/dev/null)
[ -r "$config" ] || cannot "no pyconfig.h (lib$python-dev)"
# shellcheck source=packaging/apt.sh
. "$(dirname "$0")/../../packaging/apt.sh"
source=$(debian_archive)
[ -n "$source" ] || cannot "apt has no Debian mirror"

mkdir -p "$1"
folder=$(cd "$1" && pwd)
[ ! -e "$folder/_ssl$suffix" ] || exit 0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

private_apt_sources "$work" "deb-src [signed-by=$keyring] $source main"
if ! {
	private_apt "$work" update &&
		(cd "$work" && private_apt "$work" source --download-only --tar-only "$python")
} >"$work/log" 2>&1; then
	cat "$work/log" >&2
	exit 1
fi
mkdir "$work/config"
tar -C "$work" -xf "$work"/*.orig.tar.*
source=$(dirname "$(find "$work" -path '*/Modules/_ssl.c')")/..
# Bluetooth needs more headers, and TLS does not need it.
sed 's/^#define HAVE_BLUETOOTH.*//' "$config" >"$work/config/pyconfig.h"
cc -shared -fPIC -O1 -w -DPy_BUILD_CORE_MODULE -I"$work/config" -I"$source/Include/internal" -I"$source/Include" \
	-I"$source/Modules" -o "$work/_ssl.so" "$source/Modules/_ssl.c" \
	-Wl,--exclude-libs,ALL -l:libssl.a -l:libcrypto.a -ldl -lpthread
cp "$work/_ssl.so" "$folder/_ssl$suffix"
