#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# fuzz.sh - fuzz for as long as you like.
#
# usage: tests/fuzz.sh [-t SECONDS] [-d DIRECTORY] [TARGET...]
#
#   -t SECONDS    for each target (600)
#   -d DIRECTORY  build, inputs found and crashes go there (build/fuzzing), so
#                 that the next run goes on where this one ends
#   TARGET        only these, of tests/fuzz/TARGET.c
#
# A line for each target: executions, seconds, what it found. An input that
# crashed belongs into tests/fuzz/corpus/TARGET, where every check runs it.
# The exit status is 0 when none crashed.
set -u
cd "$(dirname "$(readlink -f "$0")")/.." || exit 1
. tests/lib/fuzz_targets.sh
export LC_ALL=C

seconds=600 dir=build/fuzzing

usage()
{
	sed -n '3,14s/^# \{0,1\}//p' "$0"
	exit "$1"
}

while getopts "t:d:h" option; do
	case $option in
	t) seconds=$OPTARG ;;
	d) dir=$OPTARG ;;
	h) usage 0 ;;
	*) usage 2 >&2 ;;
	esac
done
shift $((OPTIND - 1))

known=$(fuzz_targets)
targets=
for name in "$@"; do
	case " ${known//$'\n'/ } " in
	*" fuzz_$name "*) targets="$targets fuzz_$name" ;;
	*) echo "fuzz.sh: there is no target '$name'; there are:" ${known//fuzz_/} >&2; exit 2 ;;
	esac
done
targets=${targets:-$known}

mkdir -p "$dir"
# shellcheck disable=SC2086 # a list of names
cmake --preset fuzz -B "$dir/build" >"$dir/build.log" 2>&1 &&
	cmake --build "$dir/build" -j "$(nproc)" --target $targets \
		>>"$dir/build.log" 2>&1 || {
	tail -n 40 "$dir/build.log"
	exit 1
}

failed=0
for target in $targets; do
	name=${target#fuzz_}
	mkdir -p "$dir/found/$name" "$dir/crashes/$name"
	"$(find "$dir/build" -type f -name "$target")" \
		-max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
		-print_final_stats=1 -artifact_prefix="$dir/crashes/$name/" \
		"$dir/found/$name" "tests/fuzz/corpus/$name" \
		>"$dir/$name.log" 2>&1
	status=$?
	executed=$(sed -n 's/^stat::number_of_executed_units: *//p' "$dir/$name.log")
	echo "$name: ${executed:-0} executions in up to $seconds s," \
		"$(find "$dir/found/$name" -type f | wc -l) inputs kept," \
		"$([ $status -eq 0 ] && echo "no crash" || echo "CRASH, see $dir/$name.log and $dir/crashes/$name")"
	[ $status -eq 0 ] || failed=1
done
exit $failed
