#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Unpacks the OpenSSL of other releases below FOLDER, for copies.py and share.py. old: libssl1.1/ (bullseye). newer:
# libssl3.5/ (trixie), libssl3t64/ and libc6/ (sid; the newer libraries need this libc), libssl4/ (experimental).
# They come from the Debian mirror that this machine's apt uses; apt checks signatures and checksums.
#
# usage: getdebs.sh FOLDER old|newer
# Exit status: 0 something is there; 1 no download worked; 2 wrong usage; 77 this is not Debian, or apt has no mirror.
set -eu

usage() {
	echo "usage: getdebs.sh FOLDER old|newer" >&2
	exit 2
}
[ $# -eq 2 ] || usage
case $2 in
old | newer) wanted=$2 ;;
*) usage ;;
esac

cannot() {
	echo "skipped: $*" >&2
	exit 77
}

# The path is given, because busybox has an applet of the same name with fewer options.
unpack=/usr/bin/dpkg-deb
[ -x "$unpack" ] || cannot "no $unpack: not a Debian machine"
# shellcheck source=packaging/apt.sh
. "$(dirname "$0")/../../packaging/apt.sh"
mirror=$(debian_archive)
[ -n "$mirror" ] || cannot "apt has no Debian mirror"
mirror=${mirror% *}

mkdir -p "$1"
folder=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

get() { # suite PACKAGE[=FOLDER]...
	suite=$1
	shift
	missing=
	for package; do
		[ -d "$folder/${package#*=}" ] || missing="$missing $package"
	done
	[ -n "$missing" ] || return 0
	mkdir -p "$work/new"
	# The lists of an old release are not signed again, so they may have expired.
	private_apt_sources "$work" "deb [signed-by=$keyring] $mirror $suite main"
	private_apt "$work" -o Acquire::Check-Valid-Until=false update >"$work/log" 2>&1 || {
		cat "$work/log" >&2
		return 1
	}
	for package in $missing; do
		name=${package#*=}
		(cd "$work/new" && rm -f ./*.deb && private_apt "$work" download "${package%=*}") >"$work/log" 2>&1 || {
			cat "$work/log" >&2
			return 1
		}
		"$unpack" -x "$work/new/"*.deb "$work/new/$name" || return 1
		# If this script is interrupted, the folder is there whole or not at all.
		mv "$work/new/$name" "$folder/.$name.new" || return 1
		mv "$folder/.$name.new" "$folder/$name" || return 1
		echo "$name ($suite)"
	done
}

# If the mirror no longer has one of the releases, the others are still tried.
status=1
for what in 'old bullseye libssl1.1' 'newer trixie libssl3t64=libssl3.5' 'newer sid libssl3t64 libc6' \
	'newer experimental libssl4'; do
	[ "${what%% *}" = "$wanted" ] || continue
	what=${what#* }
	# $what is a list: the shell must split it into words.
	# shellcheck disable=SC2086
	if get $what; then
		status=0
	fi
done
exit $status
