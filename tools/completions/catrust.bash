# SPDX-License-Identifier: Apache-2.0
# Completion of catrust(1) for bash.

_catrust() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]}
	local commands='fetch doctor list add remove bundle copy ps enable disable status refresh env check mount help' options= i
	local connect='--aia-local --cert --key --no-aia --proxy --servername --starttls --timeout'

	COMPREPLY=()
	if ((COMP_CWORD == 1)); then
		mapfile -t COMPREPLY < <(compgen -W "$commands --help --version" -- "$cur")
		return
	fi
	# doctor -- COMMAND: with its own completions
	for ((i = 2; i < COMP_CWORD; i++)); do
		if [[ $command == doctor && ${COMP_WORDS[i]} == -- ]]; then
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
	--ca-bundle | --cert | --key | --output | -o | --public-bundle)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	--python)
		mapfile -t COMPREPLY < <(compgen -c -- "$cur")
		return
		;;
	--starttls)
		mapfile -t COMPREPLY < <(compgen -W 'smtp lmtp imap pop3 ftp ldap xmpp xmpp-server irc nntp sieve
			postgres mysql none' -- "$cur")
		return
		;;
	--syntax)
		mapfile -t COMPREPLY < <(compgen -W 'sh docker systemd kubernetes' -- "$cur")
		return
		;;
	--format)
		mapfile -t COMPREPLY < <(compgen -W 'pem pkcs12 jks' -- "$cur")
		return
		;;
	--fingerprint | --password | --proxy | --scope | --servername | --timeout) return ;;
	esac
	case $command in
	fetch) options="--dir --fingerprint --help --json --pin --public-bundle --scope --stdout --with-intermediate $connect" ;;
	doctor) options="--ca-bundle --dir --help --json --public-bundle --python $connect" ;;
	list) options='--check --dir --help --json --within' ;;
	add) options='--dir --fingerprint --help --public-bundle --scope' ;;
	remove) options='--dir --help' ;;
	bundle) options='--dir --format --help --no-public --output --password --public-bundle' ;;
	copy | refresh) options=--help ;;
	enable) options='--env --help --system' ;;
	disable | status) options='--help --system' ;;
	ps) options='--help --json' ;;
	env) options='--help --only --syntax' ;;
	check) options=--help ;;
	mount) options='--all --help' ;;
	help)
		mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$cur")
		return
		;;
	esac
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
	elif [[ $command == @(fetch|doctor) ]]; then
		mapfile -t COMPREPLY < <(compgen -A hostname -- "$cur")
	elif [[ $command == @(add|copy|remove) ]]; then
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
	fi
} && complete -F _catrust catrust
