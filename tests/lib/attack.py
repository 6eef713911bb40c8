# SPDX-License-Identifier: GPL-2.0-or-later
"""attack.py - what the tests of attacks share: containers with a packet socket
each, and sockets opened inside their network namespaces.
"""
import contextlib
import ctypes
import json
import os
import socket

import wire


def link_local(mac):
    """The link-local address that a MAC address makes."""
    m = bytearray(wire.mac_bytes(mac))
    m[0] ^= 2
    return "fe80::" + f"{m[0]:02x}{m[1]:02x}:{m[2]:02x}ff:fe{m[3]:02x}:{m[4]:02x}{m[5]:02x}"


class End:
    """A container on @network, seen from its wire."""

    def __init__(self, host, container, network, interface="eth0"):
        there = container.networks[network]
        self.container, self.name = container, container.name
        self.mac = there["MacAddress"]
        self.ip, self.ip6 = there["IPAddress"], there["GlobalIPv6Address"]
        self.local = link_local(self.mac)
        self.gateway, self.gateway6 = there["Gateway"], there["IPv6Gateway"]
        self.path = host.path(f"/proc/{container.pid}/ns/net")
        self.wire = wire.Wire(self.path, interface)

    def send4(self, to, packet):
        """An IPv4 packet to another End of the same bridge."""
        self.wire.send(wire.ether(to.mac, self.mac, wire.ETH_IP, packet))

    def send6(self, to, packet):
        self.wire.send(wire.ether(to.mac, self.mac, wire.ETH_IP6, packet))


@contextlib.contextmanager
def inside(path):
    """With this thread in the network namespace at @path."""
    libc = ctypes.CDLL(None, use_errno=True)
    here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    there = os.open(path, os.O_RDONLY)
    try:
        if libc.setns(there, wire.CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), path)
        yield
    finally:
        libc.setns(here, wire.CLONE_NEWNET)
        os.close(here)
        os.close(there)


def connected(end, address, port, seconds=2):
    """A TCP socket of @end, connected to address:port (with %eth0 if local)."""
    with inside(end.path):
        return socket.create_connection((address, port), timeout=seconds)


def arrives(at, send, marker, seconds=0.3):
    """Whether @marker comes in at @at once @send() was called."""
    at.wire.drain()
    send()
    return at.wire.sees(marker, seconds)


def bridge_of(host, network):
    """The interface of a Docker network."""
    if network == "bridge":
        return "docker0"
    return "br-" + host.docker("network", "inspect", "-f", "{{.Id}}", network).strip()[:12]


def bridge_mac(host, network):
    """Where frames for other networks go."""
    link = json.loads(host.sh("ip", "-j", "link", "show", "dev", bridge_of(host, network)))
    return link[0]["address"]


def all_arrive(attempts, seconds=0.3):
    """Of {key: (at, marker, send)}, all sent at once, the keys that come in."""
    waiting = {at for at, _, _ in attempts.values()}
    for at in waiting:
        at.wire.drain()
    for _, _, send in attempts.values():
        send()
    frames = {at: at.wire.frames(seconds / len(waiting)) for at in waiting}
    return {key for key, (at, marker, _) in attempts.items()
            if any(marker in frame for frame in frames[at])}
