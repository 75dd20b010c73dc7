# SPDX-License-Identifier: Apache-2.0
complete -c catrust -f
complete -c catrust -n __fish_use_subcommand -l help -d 'Show help'
complete -c catrust -n __fish_use_subcommand -l version -d 'Show the version'
complete -c catrust -n __fish_use_subcommand -a fetch -d 'Fetch a CA from a server, and save it after confirmation'
complete -c catrust -n __fish_use_subcommand -a list -d 'Show what is trusted'
complete -c catrust -n __fish_use_subcommand -a add -d 'Add CAs from files, with the checks of fetch'
complete -c catrust -n __fish_use_subcommand -a remove -d 'Remove a certificate from the trust directory'
complete -c catrust -n __fish_use_subcommand -a help -d 'Show help'
complete -c catrust -n '__fish_seen_subcommand_from help' -a 'fetch list add remove'
complete -c catrust -n '__fish_seen_subcommand_from fetch list add remove' -l help -d 'Show help'
complete -c catrust -n '__fish_seen_subcommand_from fetch list add remove' -l dir -x -a '(__fish_complete_directories)' -d 'The trust directory'
complete -c catrust -n '__fish_seen_subcommand_from fetch add' -l fingerprint -x -d 'Save the certificate with this SHA-256'
complete -c catrust -n '__fish_seen_subcommand_from fetch add' -l public-bundle -r -F -d 'The public CAs, which are never saved'
complete -c catrust -n '__fish_seen_subcommand_from fetch' -l servername -x -d 'The name to ask for and to verify'
complete -c catrust -n '__fish_seen_subcommand_from fetch' -l timeout -x -d 'Seconds to wait at each step'
complete -c catrust -n '__fish_seen_subcommand_from fetch' -l stdout -d 'Print the certificate as PEM, save nothing'
complete -c catrust -n '__fish_seen_subcommand_from fetch' -a '(__fish_print_hostnames)'
complete -c catrust -n '__fish_seen_subcommand_from add remove' -F
