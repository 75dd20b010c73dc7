# SPDX-License-Identifier: Apache-2.0
# Completion of catrust(1) for bash.

_catrust() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local commands='fetch list add remove help' options=

	COMPREPLY=()
	if ((COMP_CWORD == 1)); then
		mapfile -t COMPREPLY < <(compgen -W "$commands --help --version" -- "$cur")
		return
	fi
	case $prev in
	--dir)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		return
		;;
	--public-bundle)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	--fingerprint | --servername | --timeout) return ;;
	esac
	case ${COMP_WORDS[1]} in
	fetch) options='--dir --fingerprint --help --public-bundle --servername --stdout --timeout' ;;
	add) options='--dir --fingerprint --help --public-bundle' ;;
	list | remove) options='--dir --help' ;;
	help)
		mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$cur")
		return
		;;
	esac
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
	elif [[ ${COMP_WORDS[1]} == fetch ]]; then
		mapfile -t COMPREPLY < <(compgen -A hostname -- "$cur")
	elif [[ ${COMP_WORDS[1]} == @(add|remove) ]]; then
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
	fi
} && complete -F _catrust catrust
