#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# quickstart.sh - build bulkhead and see it at work on real containers.
#
# usage: sudo ./policy-examples/quickstart.sh [--host]
#
# Installs what is needed, builds, and starts an application of three
# containers under three-tiers.yaml: on a Docker engine of its own, in
# namespaces of its own, so that nothing of this machine is touched. With
# --host, on this machine's engine, for as long as it takes.
set -eu
here=$(dirname "$(readlink -f "$0")")
repo=$(dirname "$here")
docker=/usr/bin/docker
image=bulkhead-quickstart
names="web api db"

say() { printf '\n%s\n' "$*"; }

# Show a command as a user would type it, and run it.
show()
{
	printf '\n$ %s\n' "$*"
	"$@" || echo "(exit status $?)"
}

until_ready()
{
	local what=$1
	shift
	for _ in $(seq 200); do
		"$@" >/dev/null 2>&1 && return
		sleep 0.1
	done
	echo "quickstart.sh: $what is not ready after 20 s" >&2
	exit 1
}

# Inside: a host

start_engine()
{
	mount -t tmpfs tmpfs /run
	mkdir -p /run/bulkhead
	ip link set lo up
	dockerd --data-root /run/docker-data --exec-root /run/docker \
		--cgroup-parent "/$image" --pidfile /run/docker.pid \
		-H unix:///run/docker.sock >"$work/dockerd.log" 2>&1 &
	until_ready "dockerd (see $work/dockerd.log)" $docker version
}

start_agent()
{
	mkdir -p "$work/policies" "$work/state"
	cp "$here/three-tiers.yaml" "$work/policies/"
	cat >"$work/bulkhead.yaml" <<-END
	policyDir: $work/policies
	stateDir: $work/state
	controlSocket: $work/control.sock
	runtimes:
	  docker: {socket: /run/docker.sock}
	flowLog: {path: $work/flows.jsonl}
	END
	bulkheadd --config "$work/bulkhead.yaml" 2>"$work/bulkheadd.log" &
	agent=$!
	until_ready "bulkheadd (see $work/bulkheadd.log)" bulkhead status
}

import_image()
{
	mkdir -p "$work/root/bin" "$work/root/www"
	cp /bin/busybox "$work/root/bin/"
	for applet in sh wget httpd timeout; do
		ln -sf busybox "$work/root/bin/$applet"
	done
	tar -C "$work/root" -c . | $docker import - $image >/dev/null
}

# start_tier NAME PORT
start_tier()
{
	$docker run -d --name "$prefix$1" --network "${prefix}net" \
		--label com.docker.compose.project=shop --label "tier=$1" \
		$image sh -c "echo hello from $1 >/www/index.html;
			exec httpd -f -p $2 -h /www" >/dev/null
}

address()
{
	$docker inspect -f \
		'{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' \
		"$prefix$1"
}

stop_all()
{
	trap - EXIT INT TERM
	if [ -n "${agent-}" ]; then
		kill "$agent" 2>/dev/null || true
		wait "$agent" 2>/dev/null || true
		bulkhead teardown >/dev/null || true
	fi
	for name in $names; do
		$docker rm -f "$prefix$name" >/dev/null 2>&1 || true
	done
	$docker network rm "${prefix}net" >/dev/null 2>&1 || true
	$docker rmi $image >/dev/null 2>&1 || true
}

demonstrate()
{
	import_image
	start_agent
	$docker network create "${prefix}net" >/dev/null
	start_tier web 80
	start_tier api 8080
	start_tier db 5432
	bulkhead wait --timeout 20s

	say "Three containers, governed by policy-examples/three-tiers.yaml:"
	show bulkhead get endpoints
	say "web may connect to api:"
	show docker exec "${prefix}web" timeout 3 wget -q -O - "http://$(address api):8080/"
	show bulkhead explain "${prefix}web" "${prefix}api:8080/tcp"
	say "but not to db, in no way around api:"
	show docker exec "${prefix}web" timeout 3 wget -q -O - "http://$(address db):5432/"
	show bulkhead explain "${prefix}web" "${prefix}db:5432/tcp"
	say "What was denied has been recorded, with both containers' names:"
	show bulkhead flows --denied
	printf '\n$ tail -n 1 flows.jsonl\n'
	tail -n 1 "$work/flows.jsonl"
}

inside()
{
	work=$2
	prefix=$3
	bulkhead() { "$work/build/src/cli/bulkhead" --socket "$work/control.sock" "$@"; }
	bulkheadd() { exec "$work/build/src/agent/bulkheadd" "$@"; }
	docker() { $docker "$@"; }
	export DOCKER_HOST=unix:///run/docker.sock
	if [ "$1" = --host ]; then
		trap stop_all EXIT
		trap 'exit 130' INT TERM
	else
		start_engine
	fi
	demonstrate
}

# Outside: prepare, and tidy up

build()
{
	# The tests have built it already.
	if [ -n "${BULKHEAD_BUILD-}" ]; then
		ln -s "$BULKHEAD_BUILD" "$work/build"
		return
	fi
	say "building (a minute or two) ..."
	cmake -S "$repo" -B "$work/build" -G Ninja -DBULKHEAD_TESTS=OFF \
		-DCMAKE_BUILD_TYPE=Release >"$work/build.log" 2>&1 &&
		cmake --build "$work/build" --target bulkheadd bulkhead_cli \
			>>"$work/build.log" 2>&1 && return
	tail -n 40 "$work/build.log" >&2
	echo "quickstart.sh: the build failed" >&2
	exit 1
}

# The parent groups that an engine of our own left behind, as soon as the kernel
# is through with the processes that were in them.
remove_groups()
{
	local group left
	for _ in $(seq 50); do
		left=
		for group in /sys/fs/cgroup/$image /sys/fs/cgroup/*/$image; do
			[ -d "$group" ] || continue
			find "$group" -depth -type d -exec rmdir {} \; \
				2>/dev/null || true
			[ ! -d "$group" ] || left=1
		done
		[ -n "$left" ] || return 0
		sleep 0.1
	done
}

tidy_up()
{
	rm -rf "$work"
	remove_groups
	packages_release_services
}

outside()
{
	if [ "$(id -u)" != 0 ]; then
		echo "quickstart.sh: namespaces and nftables need root: sudo $0" >&2
		exit 2
	fi
	. "$repo/tests/lib/packages.sh"
	work=$(mktemp -d /tmp/bulkhead-quickstart.XXXXXX)
	trap tidy_up EXIT
	trap 'exit 130' INT TERM
	# shellcheck disable=SC2086 # lists of names
	packages_need $PACKAGES_BUILD $PACKAGES_HOST
	build
	if [ "${1-}" = --host ]; then
		"$0" --inside --host "$work" quickstart-
	else
		unshare --mount --net --pid --fork --kill-child --mount-proc \
			"$0" --inside --own "$work" ""
	fi
	say "That was all; everything that was started is gone again."
}

case ${1-} in
--inside)
	shift
	inside "$@"
	;;
"" | --host)
	outside "$@"
	;;
-h | --help)
	sed -n '3,10s/^# \{0,1\}//p' "$0"
	;;
*)
	sed -n '3,10s/^# \{0,1\}//p' "$0" >&2
	exit 2
	;;
esac
