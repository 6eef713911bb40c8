# SPDX-License-Identifier: GPL-2.0-or-later
"""statichost.py - a host without any container runtime, for one test.

Its endpoints are of the kinds that bulkheadd knows from a file only: Members,
network namespaces at the end of a veth of one's own, and Machines, which hold
a tap device as a hypervisor does. A Machine's far side is the kernel's own
network stack, in a namespace behind a second tap: what it sends and answers is
what a guest would.
"""
import ctypes
import fcntl
import json
import os
import select
import struct
import threading

import testhost
import wire

TUNSETIFF = 0x400454ca
IFF_TAP, IFF_NO_PI = 2, 0x1000
FRAME_MAX = 65536


def open_tap(netns, name):
    """A descriptor that is the tap device @name of the namespace at @netns."""
    libc = ctypes.CDLL(None, use_errno=True)
    here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    there = os.open(netns, os.O_RDONLY)
    try:
        if libc.setns(there, wire.CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), netns)
        fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
        return fd
    finally:
        libc.setns(here, wire.CLONE_NEWNET)
        os.close(here)
        os.close(there)


class Member:
    """A namespace with an eth0 that serves ports 80 and 81; @port is the host's
    end, @space the namespace's name."""

    def __init__(self, h, name, port, v4, v6, mac):
        self.host, self.name, self.port, self.mac = h, name, port, mac
        self.v4, self.v6 = v4, v6
        self.add_space(name)
        self.plug()
        h.spawn(*self.prefix(), testhost.probe_binary(), "serve", "tcp:80", "udp:80",
                "tcp:81", "udp:81", log=f"probe-{name}")

    def add_space(self, space):
        self.space = space
        self.host.sh("ip", "netns", "add", space)
        self.host.sh("ip", "-n", space, "link", "set", "lo", "up")

    def prefix(self):
        return ("ip", "netns", "exec", self.space)

    def netns(self):
        return self.host.path(f"/run/netns/{self.space}")

    def link(self):
        """Make the device eth0, and the host's end."""
        self.host.sh("ip", "link", "add", self.port, "type", "veth", "peer", "name", "eth0",
                     "address", self.mac, "netns", self.space)

    def plug(self, bridge="br0"):
        """Make the link, as at the start of a machine."""
        self.link()
        self.host.sh("bash", "-ec", f"""
            ip link set {self.port} master {bridge} up
            ip -n {self.space} addr add {self.v4}/24 dev eth0
            ip -n {self.space} addr add {self.v6}/64 dev eth0 nodad
            ip -n {self.space} link set eth0 up
            """)

    def unplug(self):
        self.host.sh("ip", "link", "del", self.port)

    def wire(self):
        return wire.Wire(self.netns(), "eth0")

    def ip(self, _=None):
        return self.v4

    def ip6(self, _=None):
        return self.v6


class Machine(Member):
    """Likewise behind a tap device."""

    def link(self):
        self.near = open_tap(self.host.path("/proc/1/ns/net"), self.port)
        self.far = open_tap(self.netns(), "eth0")
        self.host.sh("ip", "-n", self.space, "link", "set", "eth0", "address", self.mac)
        self.off, self.stop = os.pipe()
        self.copier = threading.Thread(target=self._copy, daemon=True)
        self.copier.start()

    def unplug(self):
        """Both devices go with their descriptors."""
        os.close(self.stop)
        self.copier.join()
        for fd in (self.near, self.far, self.off):
            os.close(fd)

    def send(self, frame):
        """A frame that no stack made."""
        os.write(self.near, frame.ljust(60, b"\0"))

    def _copy(self):
        others = {self.near: self.far, self.far: self.near}
        while True:
            ready = select.select([self.off, *others], [], [])[0]
            if self.off in ready:
                return
            for fd in ready:
                try:
                    os.write(others[fd], os.read(fd, FRAME_MAX))
                except OSError:
                    pass  # the other one is down: nobody hears it


class StaticHost(testhost.Host):
    """Host(), but with bridge br0 and no engine."""

    engine = "static"
    file = "/run/bh/endpoints.yaml"
    runtimes = {"static": {"file": file}}

    def start_engine(self):
        self.sh("bash", "-ec", """
            ip link add br0 type bridge
            ip addr add 10.50.0.1/24 dev br0
            ip addr add fd50::1/64 dev br0 nodad
            ip link set br0 up
            """)

    def _import_image(self):
        pass

    def _probe_from(self, source):
        if isinstance(source, Member):
            return self.inside(*source.prefix(), testhost.probe_binary())
        return super()._probe_from(source)

    def endpoints(self, *endpoints):
        """Replace the file; each is a mapping."""
        # JSON is YAML.
        self.write(self.file, json.dumps({
            "networks": [{"name": "lab", "bridge": "br0", "subnets": ["10.50.0.0/24"]}],
            "endpoints": endpoints}))
        if self.agent:
            self.settle()


def endpoint(member, labels, **more):
    """How the file describes @member; a None leaves a key out."""
    mapping = {"name": member.name, "labels": labels, "bridge": "br0",
               "interface": member.port, "addresses": [member.v4, member.v6],
               "mac": member.mac, **more}
    return {k: v for k, v in mapping.items() if v is not None}
