# SPDX-License-Identifier: GPL-2.0-or-later
# packages.sh - install what is needed on a Debian 12; sourced.

# What the build takes, what a test host takes, what the checks take.
PACKAGES_BUILD="gcc libc6-dev cmake ninja-build pkg-config libuv1-dev
	libcurl4-gnutls-dev libjson-c-dev libyaml-dev libmnl-dev libnftnl-dev
	libnl-3-dev libprotobuf-c-dev protobuf-c-compiler nettle-dev
	libcap-ng-dev libseccomp-dev libsqlite3-dev libmicrohttpd-dev
	uthash-dev zlib1g-dev"
PACKAGES_HOST="docker.io containerd containernetworking-plugins nftables
	iproute2 iptables busybox-static kmod
	procps util-linux"
PACKAGES_CHECK="libcmocka-dev libfaketime clang clang-format-14 clang-tidy-14
	libclang-rt-14-dev python3 systemd git mandoc rsyslog logrotate openssl prometheus
	sqlite3
	conntrack tshark
	podman netavark aardvark-dns slirp4netns passt uidmap runc
	docker-compose lxc systemd-container qemu-system-x86
	dnsmasq-base"

# Services must not start just because their programs are wanted: policy-rc.d
# says no while we install, unless the machine has one of its own.
packages_hold_services()
{
	[ -e /usr/sbin/policy-rc.d ] && return
	printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
	chmod +x /usr/sbin/policy-rc.d
	packages_held=1
}

packages_release_services()
{
	[ -z "${packages_held-}" ] || rm -f /usr/sbin/policy-rc.d
	packages_held=
}

# packages_need NAME...: install those that are missing. A libcurl of another
# TLS library is as good.
packages_need()
{
	local missing= name
	for name in "$@"; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$name" \
			2>/dev/null)" = installed ] && continue
		[ "$name" = libcurl4-gnutls-dev ] &&
			pkg-config --exists libcurl 2>/dev/null && continue
		missing="$missing $name"
	done
	[ -n "$missing" ] || return 0
	echo "installing:$missing"
	packages_hold_services
	# shellcheck disable=SC2086 # a list of names
	apt-get update -q >/dev/null &&
		DEBIAN_FRONTEND=noninteractive apt-get install -qy \
			--no-install-recommends $missing >/dev/null
	local status=$?
	packages_release_services
	[ $status -eq 0 ] || echo "cannot install:$missing (this needs Debian 12 and a way to its packages)" >&2
	return $status
}
