# SPDX-License-Identifier: Apache-2.0
# Completion of catrust-run(1) for bash: its options, then the command with completions of its own.

_catrust_run() {
	local cur=${COMP_WORDS[COMP_CWORD]} options=yes i

	COMPREPLY=()
	# i: where the command stands
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-d | --dir) ((++i)) ;;
		--)
			options=
			((++i))
			break
			;;
		-*) ;;
		*) break ;;
		esac
	done
	if ((i > COMP_CWORD)); then
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
	elif ((i == COMP_CWORD)) && [[ $options && $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W '-d --dir -e --env --mount --mount=all --print-env --print-env=docker --print-env=kubernetes --print-env=sh --print-env=systemd --check -v -q --help --version --' -- "$cur")
	elif declare -F _comp_command_offset >/dev/null; then
		_comp_command_offset "$i"
	elif declare -F _command_offset >/dev/null; then
		_command_offset "$i"
	elif ((i == COMP_CWORD)); then
		mapfile -t COMPREPLY < <(compgen -c -- "$cur")
	else
		compopt -o default
	fi
} && complete -F _catrust_run catrust-run
