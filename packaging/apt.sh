# shellcheck shell=sh
# SPDX-License-Identifier: Apache-2.0
# To be sourced: packages and sources from the Debian archive that this machine's apt uses, with apt
# checking signatures and checksums, while the machine's own lists and packages stay as they are.

keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# The address of the archive, not that of its security updates, and the release's code name; nothing
# where there is none.
debian_archive() {
	if ! command -v apt-get >/dev/null || [ ! -r "$keyring" ]; then
		return 0
	fi
	apt-get indextargets --format "\$(ORIGIN) \$(CODENAME) \$(REPO_URI)" "Created-By: Packages" |
		awk '$1 == "Debian" && $2 !~ /-/ { print $3, $2; exit }'
}

# An apt of one's own in a folder, which starts anew with each list of sources.
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
