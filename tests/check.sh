#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# check.sh - install what is needed, build with sanitizers, run every test.
#
# usage: sudo ./tests/check.sh [-k] [-b DIRECTORY] [STEP...]
#
#   -k            keep what was built (in build/check)
#   -b DIRECTORY  build there, and keep it
#   STEP          only these, of: format build clang tidy unit fuzz engine
#                 install (unit, fuzz, engine and install need build)
#
# The last line is "N passed, N failed"; the exit status is 0 when none failed.
# What cannot be run has failed: nothing is skipped.
set -u
cd "$(dirname "$(readlink -f "$0")")/.." || exit 1
. tests/lib/packages.sh
. tests/lib/fuzz_targets.sh
export LC_ALL=C PYTHONDONTWRITEBYTECODE=1

STEPS="format build clang tidy unit fuzz engine install"
# The same inputs in every run: tests/fuzz.sh is what looks for new ones.
FUZZ_RUNS=20000
FUZZ_SECONDS=20
JOBS=$(nproc)
build=build/check keep=
passed=0 failed=0

usage()
{
	sed -n '3,14s/^# \{0,1\}//p' "$0"
	exit "$1"
}

while getopts "kb:h" option; do
	case $option in
	k) keep=1 ;;
	b) build=$OPTARG keep=1 ;;
	h) usage 0 ;;
	*) usage 2 >&2 ;;
	esac
done
shift $((OPTIND - 1))
wanted=${*:-$STEPS}
for step in $wanted; do
	case " $STEPS " in
	*" $step "*) ;;
	*) echo "check.sh: no step is called '$step'" >&2; usage 2 >&2 ;;
	esac
done
if [ "$(id -u)" != 0 ]; then
	echo "check.sh: network namespaces and a Docker engine of one's own need root: sudo $0" >&2
	exit 2
fi

cleanup()
{
	[ -n "$keep" ] || rm -rf "$build"
	rmdir build 2>/dev/null
	packages_release_services
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# result STATUS NAME: one check.
result()
{
	if [ "$1" -eq 0 ]; then
		passed=$((passed + 1))
		echo "ok $2"
	else
		failed=$((failed + 1))
		echo "not ok $2"
	fi
}

# tally FILE: the counts in the last line that run.py wrote.
tally()
{
	local line
	line=$(tail -n 1 "$1")
	if [[ $line =~ :\ ([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
		passed=$((passed + BASH_REMATCH[1]))
		failed=$((failed + BASH_REMATCH[2]))
	else
		result 1 "the runner came to its end"
	fi
}

# suite NAME ARGUMENT...: through the runner.
suite()
{
	local out
	out=$(mktemp)
	BULKHEAD_BUILD=$build/debug tests/lib/run.py -s "$@" 2>&1 | tee "$out"
	tally "$out"
	rm -f "$out"
}

# quietly COMMAND...: its output only when it fails.
quietly()
{
	local out status
	out=$(mktemp)
	"$@" >"$out" 2>&1
	status=$?
	[ $status -eq 0 ] || tail -n 60 "$out"
	rm -f "$out"
	return $status
}

sources()
{
	find src include tests -name '*.[ch]' -print | sort
}

# compile PRESET NAME [TARGET...]
compile()
{
	local preset=$1
	shift
	quietly cmake --preset "$preset" -B "$build/$preset" &&
		quietly cmake --build "$build/$preset" -j "$JOBS" "$@"
}

step_format()
{
	sources | xargs clang-format-14 --dry-run -Werror
	result $? "clang-format"
}

step_build()
{
	compile debug
	result $? "build by gcc with the address and undefined behaviour sanitizers, warnings are errors"
}

step_clang()
{
	compile clang
	result $? "build by clang, warnings are errors"
}

step_tidy()
{
	if [ ! -e "$build/debug/compile_commands.json" ]; then
		quietly cmake --preset debug -B "$build/debug"
	fi
	# Its stderr only counts what it suppresses.
	find src -name '*.c' -print | sort |
		quietly xargs -P "$JOBS" -n 4 sh -c \
			'clang-tidy-14 --quiet -p "$0" "$@" 2>/dev/null' "$build/debug"
	result $? "clang-tidy"
}

step_unit()
{
	suite unit -j "$JOBS" -t 300 --ctest "$build/debug"
}

fuzz_one()
{
	local target=$1 name scratch status
	name=${target##*/fuzz_}
	scratch=$(mktemp -d)
	mkdir "$scratch/new"
	# What it finds goes to the first directory; the kept inputs stay.
	quietly "$target" -seed=1 -runs=$FUZZ_RUNS \
		-max_total_time=$FUZZ_SECONDS -timeout=10 \
		-rss_limit_mb=2048 -artifact_prefix="$scratch/" \
		"$scratch/new" "tests/fuzz/corpus/$name"
	status=$?
	if [ $status -ne 0 ]; then
		find "$scratch" -maxdepth 1 -type f -size -4k -print \
			-exec base64 {} \;
	fi
	rm -rf "$scratch"
	return $status
}

step_fuzz()
{
	local targets target
	targets=$(fuzz_targets)
	# shellcheck disable=SC2086 # a list of names
	if ! compile fuzz --target $targets; then
		result 1 "build of the fuzz targets"
		return
	fi
	for target in $targets; do
		fuzz_one "$(find "$build/fuzz" -type f -name "$target")"
		result $? "$target, $FUZZ_RUNS inputs"
	done
}

step_engine()
{
	# Each has a Docker engine of its own, and they wait more than they
	# work.
	suite engine -j 2 -t 420 tests/engine/*.py
}

step_install()
{
	suite install tests/install/*.py
}

start=$SECONDS
# shellcheck disable=SC2086 # lists of names
if ! packages_need $PACKAGES_BUILD $PACKAGES_HOST $PACKAGES_CHECK; then
	result 1 "what is needed is installed"
	wanted=
fi
for step in $wanted; do
	echo "== $step (after $((SECONDS - start)) s)"
	"step_$step"
done
echo "== done in $((SECONDS - start)) s"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
