# SPDX-License-Identifier: Apache-2.0
# Completion of catrust(1) for bash.

_catrust() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local commands='fetch doctor list add remove help' options= i

	COMPREPLY=()
	if ((COMP_CWORD == 1)); then
		mapfile -t COMPREPLY < <(compgen -W "$commands --help --version" -- "$cur")
		return
	fi
	# doctor -- COMMAND: with its own completions
	for ((i = 2; i < COMP_CWORD; i++)); do
		if [[ ${COMP_WORDS[1]} == doctor && ${COMP_WORDS[i]} == -- ]]; then
			if declare -F _comp_command_offset >/dev/null; then
				_comp_command_offset $((i + 1))
			elif declare -F _command_offset >/dev/null; then
				_command_offset $((i + 1))
			elif ((i + 1 == COMP_CWORD)); then
				mapfile -t COMPREPLY < <(compgen -c -- "$cur")
			else
				compopt -o default
			fi
			return
		fi
	done
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
	doctor) options='-- --dir --help --json' ;;
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
