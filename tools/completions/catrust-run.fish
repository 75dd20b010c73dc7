# SPDX-License-Identifier: Apache-2.0
complete -c catrust-run -s d -l dir -r -F -d 'Also trust the CAs in a directory or file'
complete -c catrust-run -s v -d 'Say what is trusted where'
complete -c catrust-run -s q -d 'Say nothing'
complete -c catrust-run -l version -d 'Show the version'
complete -c catrust-run -l help -d 'Show help'
complete -c catrust-run -x -a '(__fish_complete_subcommand --fcs-skip=1)'
