# SPDX-License-Identifier: GPL-2.0-or-later
# bulkhead.bash - completion for bulkhead(1) in bash.

# Names of endpoints, as "namespace/name". Nothing when no agent answers, and
# nothing that is not plain: completion puts words on a command line.
_bulkhead_endpoints() {
	bulkhead "$@" get endpoints 2>/dev/null |
		awk 'NR > 1 { print $1 "/" $2 }' | grep -xE '[A-Za-z0-9_./-]+'
}

_bulkhead_options() {
	bulkhead "$@" --help 2>/dev/null |
		grep -oE -- '(^| )--?[a-z][a-z-]*' | tr -d ' ' | sort -u
}

# The formats that a command's own help names.
_bulkhead_formats() {
	bulkhead "$1" --help 2>/dev/null | grep -e '--output FORMAT' |
		grep -owE 'table|wide|json|yaml|nft|csv|ecs|ocsf'
}

_bulkhead() {
	local cur prev command='' i
	local -a socket=()
	local commands='status wait get check explain flows metrics quarantine serve teardown version help'

	COMPREPLY=()
	cur=${COMP_WORDS[COMP_CWORD]}
	prev=${COMP_WORDS[COMP_CWORD - 1]}
	for ((i = 1; i < COMP_CWORD; i++)); do
		if [[ ${COMP_WORDS[i]} == --socket ]]; then
			((++i < COMP_CWORD)) && socket=(--socket "${COMP_WORDS[i]}")
		elif [[ ${COMP_WORDS[i]} != -* ]]; then
			command=${COMP_WORDS[i]}
			break
		fi
	done

	case $prev in
	--socket | --path | --file | --store | --pcap | --write | -w)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	-o | --output)
		mapfile -t COMPREPLY < <(compgen -W "$(_bulkhead_formats "$command")" -- "$cur")
		return
		;;
	esac
	if [[ $command == flows ]]; then
		case $prev in
		--from | --to)
			mapfile -t COMPREPLY < <(compgen -W "$(_bulkhead_endpoints "${socket[@]}")" -- "$cur")
			return
			;;
		--by)
			mapfile -t COMPREPLY < <(compgen -W 'src dst src-ip dst-ip src-namespace dst-namespace src-image dst-image port proto verdict direction reason policy host' -- "$cur")
			return
			;;
		--proto)
			mapfile -t COMPREPLY < <(compgen -W 'tcp udp sctp icmp' -- "$cur")
			return
			;;
		--reason)
			mapfile -t COMPREPLY < <(compgen -W 'no-policy-allows unknown-endpoint spoofed invalid protocol quarantine policy-revoked' -- "$cur")
			return
			;;
		--direction)
			mapfile -t COMPREPLY < <(compgen -W 'ingress egress' -- "$cur")
			return
			;;
		esac
	fi
	if [[ -z $command ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$commands --socket --version --help" -- "$cur")
	elif [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_bulkhead_options "$command")" -- "$cur")
	else
		case $command in
		get)
			mapfile -t COMPREPLY < <(compgen -W 'endpoints policies rules networks' -- "$cur")
			;;
		check)
			mapfile -t COMPREPLY < <(compgen -f -- "$cur")
			;;
		explain | quarantine)
			mapfile -t COMPREPLY < <(compgen -W "$(_bulkhead_endpoints "${socket[@]}")" -- "$cur")
			;;
		flows)
			mapfile -t COMPREPLY < <(compgen -W 'show export' -- "$cur")
			;;
		help)
			mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$cur")
			;;
		esac
	fi
}

complete -F _bulkhead bulkhead
