#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""attack_l2.py - the other ways out of a container: multicast and broadcast,
protocols without ports, a second network, another bridge by the host's routes.

Docker runs without iptables here, so that nobody but us stands between two
bridges. What a bridge itself does is only noted: a frame whose receiver it
knows goes to that one alone, before it does to every port."""
import os
import socket
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import attack
import netpol
import testhost
import wire

DAEMON = {"iptables": False, "ip6tables": False}
POLICIES = netpol.documents(
    netpol.policy("victim", {"app": "victim"}, ingress_rules=[]),
    netpol.policy("caged", {"app": "caged"}, egress_rules=[]),
    netpol.policy("ports", {"app": "ports"}, ingress_rules=[
        netpol.ingress(ports=[netpol.port(80), netpol.port(80, "UDP"), netpol.port(80, "SCTP")])]),
    netpol.policy("portless", {"app": "portless"}, ingress_rules=[
        netpol.ingress(netpol.labels(app="evil"))]))
PROTOCOLS = {
    "ICMP": 1, "IGMP": 2, "IPIP": 4, "EGP": 8, "DCCP": 33, "IPv6 in IPv4": 41, "GRE": 47,
    "ESP": 50, "AH": 51, "ICMPv6 in IPv4": 58, "OSPF": 89, "VRRP": 112, "SCTP": 132,
    "UDP-Lite": 136, "an unknown one": 253,
}


def group_mac(address):
    packed = wire.ip_bytes(address)
    if len(packed) == 16:
        return "33:33:" + ":".join(f"{b:02x}" for b in packed[12:])
    return f"01:00:5e:{packed[1] & 0x7f:02x}:{packed[2]:02x}:{packed[3]:02x}"


def crowds(e, to, marker):
    """{what: frame} that reach more than one, or wear what such frames wear."""
    udp4 = lambda dst: wire.udp4(e.ip, dst, 80, marker)
    frames = {}
    for address in ("224.0.0.1", "224.0.0.251", "239.1.2.3"):
        frames[address] = wire.ether(group_mac(address), e.mac, wire.ETH_IP, udp4(address))
        frames[address + " in the victim's frame"] = wire.ether(
            to.mac, e.mac, wire.ETH_IP, udp4(address))
    for address in ("ff02::1", "ff02::fb", "ff05::2"):
        packet = wire.udp6(e.local, address, 80, marker)
        frames[address] = wire.ether(group_mac(address), e.mac, wire.ETH_IP6, packet)
        frames[address + " in the victim's frame"] = wire.ether(
            to.mac, e.mac, wire.ETH_IP6, packet)
    for name, address in (("255.255.255.255", "255.255.255.255"),
                          ("the subnet's broadcast address", to.ip.rsplit(".", 1)[0] + ".255")):
        frames[name] = wire.ether(wire.BROADCAST, e.mac, wire.ETH_IP, udp4(address))
        frames[name + " in the victim's frame"] = wire.ether(
            to.mac, e.mac, wire.ETH_IP, udp4(address))
    frames["its address, in a broadcast frame"] = wire.ether(
        wire.BROADCAST, e.mac, wire.ETH_IP, udp4(to.ip))
    frames["its address, in a multicast frame"] = wire.ether(
        "01:00:5e:00:00:01", e.mac, wire.ETH_IP, udp4(to.ip))
    frames["its IPv6 address, in a broadcast frame"] = wire.ether(
        wire.BROADCAST, e.mac, wire.ETH_IP6, wire.udp6(e.ip6, to.ip6, 80, marker))
    return frames


def groups(r, calm, lab):
    """On a bridge with an isolated container, and on one without."""
    for i, what in enumerate(crowds(lab["evil"], lab["victim"], b"")):
        marker = b"CROWD%02d" % i
        for name, (evil, to) in {"calm": (calm["evil"], calm["open"]),
                                 "lab": (lab["evil"], lab["victim"])}.items():
            frame = crowds(evil, to, marker)[what]
            got = attack.arrives(to, lambda: evil.wire.send(frame), marker)
            r.equal(got, name == "calm", f"{to.name}: {what} " +
                    ("arrives where nobody is isolated" if name == "calm" else "is dropped"))
        frame = crowds(lab["caged"], lab["open"], marker)[what]
        r.ok(not attack.arrives(lab["open"], lambda: lab["caged"].wire.send(frame), marker),
             f"caged: {what} carries nothing out")


def sctp(marker):
    """An INIT chunk to port 80 (RFC 9260, 3.3.2)."""
    return struct.pack("!HHIIBBHIIHHI", 40000, 80, 0, 0, 1, 0, 20 + len(marker), 1, 65536, 1, 1,
                       1) + marker


def body(number, marker):
    if number == 1:
        head = struct.pack("!BBHI", 8, 0, 0, 1)
        return head[:2] + struct.pack("!H", wire.checksum(head + marker)) + head[4:] + marker
    if number == 4:
        return wire.udp4("198.51.100.1", "198.51.100.2", 80, marker)
    if number == 41:
        return wire.udp6("2001:db8::1", "2001:db8::2", 80, marker)
    if number == 47:
        return struct.pack("!HH", 0, wire.ETH_IP) + wire.udp4("198.51.100.1", "198.51.100.2", 80,
                                                              marker)
    if number == 58:
        return struct.pack("!BBHI", 136, 0, 0, 0) + marker
    if number == 132:
        return sctp(marker)
    # The first four bytes look like ports: 40000 to 80.
    return struct.pack("!HHHH", 40000, 80, 8 + len(marker), 0) + marker


def protocols(r, lab):
    evil = lab["evil"]
    for what, number in PROTOCOLS.items():
        got = set()
        for name in ("open", "portless", "ports", "victim"):
            marker = b"PROTO%03d%s" % (number, name.encode())
            packet = wire.ip4(evil.ip, lab[name].ip, number, body(number, marker))
            if attack.arrives(lab[name], lambda: evil.send4(lab[name], packet), marker):
                got.add(name)
        # A rule with ports is about TCP, UDP and SCTP and nothing else.
        want = {"open", "portless"} | ({"ports"} if what == "SCTP" else set())
        # Between containers multicast's own control is noise.
        r.equal(got, set() if what == "IGMP" else want, f"{what}: who gets it")
        marker = b"CAGED%03d" % number
        packet = wire.ip4(lab["caged"].ip, lab["open"].ip, number, body(number, marker))
        r.ok(not attack.arrives(lab["open"], lambda: lab["caged"].send4(lab["open"], packet),
                                marker),
             f"{what}: carries nothing out of a cage")


def routed(h, r, lab, far):
    """To the other bridge, through the host: by the gateway, and by a route of
    the container's own."""
    evil, gateway = lab["evil"], attack.bridge_mac(h, "lab")

    def crosses(source, to, marker):
        packet = wire.udp4(source.ip, to.ip, 80, marker)
        return attack.arrives(to, lambda: source.wire.send(
            wire.ether(gateway, source.mac, wire.ETH_IP, packet)), marker)
    r.equal({n for n in far if crosses(evil, far[n], b"ROUTE" + n.encode())}, {"open-far"},
            "another bridge: by the gateway, whom the policies let")
    r.ok(not crosses(lab["caged"], far["open-far"], b"ROUTECAGED"),
         "another bridge: not out of a cage")
    # The victim's bridge takes frames for its own containers only from its own.
    packet = wire.udp4(evil.ip, far["victim-far"].ip, 80, b"DIRECT")
    r.ok(not attack.arrives(far["victim-far"], lambda: evil.wire.send(
        wire.ether(far["victim-far"].mac, evil.mac, wire.ETH_IP, packet)), b"DIRECT"),
         "another bridge: not by its MAC address")
    network = ".".join(far["open-far"].ip.split(".")[:3]) + ".0/24"
    h.sh("nsenter", "-t", str(evil.container.pid), "-n", "ip", "route", "add", network, "via",
         evil.gateway)
    got = {n for n, e in far.items() if h.result(evil.container, f"tcp:{e.ip}:80") == "open"}
    r.equal(got, {"open-far"}, "another bridge: a route of one's own leads no further")
    h.sh("nsenter", "-t", str(evil.container.pid), "-n", "ip", "-6", "route", "replace", "default",
         "via", evil.gateway6)
    got = {n for n, e in far.items() if h.result(evil.container, f"tcp:{e.ip6}:80") == "open"}
    r.equal(got, {"open-far"}, "another bridge: nor by IPv6")


def second_network(h, r, lab):
    """A network that is attached later counts from its first frame."""
    h.network("late", "--subnet", "172.30.23.0/24")
    for name in ("evil", "victim", "caged", "open"):
        h.docker("network", "connect", "late", lab[name].container.name)
        lab[name].container.refresh()
    h.settle()
    late = {n: attack.End(h, lab[n].container, "late", "eth1")
            for n in ("evil", "victim", "caged", "open")}

    def goes(a, b, src=None):
        marker = os.urandom(10)
        packet = wire.udp4(src or late[a].ip, late[b].ip, 80, marker)
        return attack.arrives(late[b], lambda: late[a].send4(late[b], packet), marker)
    r.equal([goes("evil", "open"), goes("evil", "victim"), goes("caged", "open")],
            [True, False, False], "a second network: the same policies hold on it")
    # Its own address it may use on either: it is known by both.
    r.ok(not goes("evil", "open", src=lab["ports"].ip),
         "a second network: not with a neighbour's address on the first")
    marker = b"WEAKHOST"
    packet = wire.udp4(late["evil"].ip, lab["victim"].ip, 80, marker)
    r.ok(not attack.arrives(late["victim"], lambda: late["evil"].send4(late["victim"], packet),
                            marker), "a second network: not to the victim's address on the first")


def overhearing(r, lab):
    """Noted, not promised: what a bridge shows to a port that listens to all."""
    evil, victim, free = lab["evil"], lab["victim"], lab["open"]
    for one, other in ((victim, free), (free, victim)):  # the bridge learns both
        one.wire.send(wire.ether(other.mac, one.mac, wire.ETH_ARP,
                                 wire.arp(1, one.mac, one.ip, "00:00:00:00:00:00", other.ip)))
    free.wire.sees(b"never", 0.2)
    membership = struct.pack("iHH8s", socket_index(evil), 1, 0, b"")
    evil.wire.socket.setsockopt(263, 1, membership)  # SOL_PACKET, PACKET_ADD_MEMBERSHIP
    packet = wire.udp4(victim.ip, free.ip, 80, b"SECRET")
    evil.wire.drain()
    r.ok(attack.arrives(free, lambda: victim.send4(free, packet), b"SECRET"),
         "promiscuous: control: the datagram arrives where it is meant to")
    r.ok(not evil.wire.sees(b"SECRET"), "promiscuous: a third container does not see it")


def socket_index(end):
    with attack.inside(end.path):
        return socket.if_nametoindex("eth0")


def test(h, r):
    h.network("calm", "--ipv6", "--subnet", "172.30.20.0/24", "--subnet", "fd00:20::/64")
    h.network("lab", "--ipv6", "--subnet", "172.30.21.0/24", "--subnet", "fd00:21::/64")
    h.network("far", "--ipv6", "--subnet", "172.30.22.0/24", "--subnet", "fd00:22::/64")
    h.sh("sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward; "
                     "echo 1 >/proc/sys/net/ipv6/conf/all/forwarding")
    h.policy("attack.yaml", POLICIES)
    h.start_agent()
    def ends(network, names):
        return {n: attack.End(h, h.run(f"{n}-{network}", labels={"app": n.split("-")[0]},
                                       net=network), network) for n in names}
    calm = ends("calm", ("evil", "open"))
    lab = ends("lab", ("evil", "victim", "caged", "open", "ports", "portless"))
    far = ends("far", ("open-far", "victim-far"))
    h.settle()
    groups(r, calm, lab)
    protocols(r, lab)
    routed(h, r, lab, far)
    overhearing(r, lab)
    second_network(h, r, lab)


testhost.main(test, "attack-l2", daemon=DAEMON)
