# shellcheck shell=sh
# SPDX-License-Identifier: Apache-2.0
# For scripts to source: downloads packages and sources from the Debian archive that this machine's apt uses.
# apt checks signatures and checksums. The machine's own lists and packages stay as they are.

keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# Prints the address of the archive (not of its security updates) and the release's code name, or nothing
# if there is no such archive.
debian_archive() {
	if ! command -v apt-get >/dev/null || [ ! -r "$keyring" ]; then
		return 0
	fi
	apt-get indextargets --format "\$(ORIGIN) \$(CODENAME) \$(REPO_URI)" "Created-By: Packages" |
		awk '$1 == "Debian" && $2 !~ /-/ { print $3, $2; exit }'
}

# Prepares a private apt in a folder: without lists and packages, and with one line of sources.
private_apt_sources() { # folder line
	rm -rf "$1/state" "$1/cache"
	mkdir -p "$1/state/lists/partial" "$1/cache/archives/partial"
	: >"$1/status"
	echo "$2" >"$1/sources.list"
}

private_apt() { # folder argument...
	apt_folder=$1
	shift
	apt-get -q -o Dir::State="$apt_folder/state" -o Dir::State::status="$apt_folder/status" \
		-o Dir::Cache="$apt_folder/cache" -o Dir::Etc::sourcelist="$apt_folder/sources.list" \
		-o Dir::Etc::sourceparts=/dev/null -o Dir::Etc::preferences=/dev/null \
		-o Dir::Etc::preferencesparts=/dev/null -o APT::Sandbox::User=root \
		-o Acquire::Languages=none -o Acquire::Retries=3 -o APT::Update::Error-Mode=any "$@"
}
