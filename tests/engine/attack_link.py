#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""attack_link.py - what a bridge takes for itself: frames to link-local groups,
which no hook of the bridge family sees, and queries for multicast groups; a
container's address on another link; a port that nobody has bound yet.

The first three are seen to work before the agent starts."""
import json
import os
import random
import select
import signal
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import attack
import netpol
import testhost
import wire

POLICIES = netpol.documents(netpol.policy("caged", {"app": "caged"}, egress_rules=[]),
                            netpol.policy("far", {"app": "far"}, ingress_rules=[
                                netpol.ingress(netpol.labels(app="friend"))]))
GROUP = "01:80:c2:00:00:%02x"
PORT = 5399
ALL_HOSTS, ALL_NODES = "01:00:5e:00:00:01", "33:33:00:00:00:01"


def listen(h, family):
    """A service of the host."""
    with attack.inside(h.path("/proc/1/ns/net")):
        s = socket.socket(family, socket.SOCK_DGRAM)
    if family == socket.AF_INET6:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    s.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", PORT))
    return s


def collect(service, wanted, seconds):
    """The datagrams of @wanted that come within @seconds."""
    got, end = set(), time.monotonic() + seconds
    while got != wanted and (left := end - time.monotonic()) > 0:
        if select.select([service], [], [], left)[0]:
            got.add(service.recv(2048))
    return got & wanted


def datagrams(services, evil, seconds):
    """{(group's last byte, as whom)} of those that get to the host's services."""
    free = evil.ip.rsplit(".", 1)[0] + ".200"
    sent = {4: {}, 6: {}}
    for last in range(16):
        for who, kind in (("itself", 4), ("a free address", 4), ("itself, IPv6", 6)):
            marker = os.urandom(20)  # longer than a frame's padding
            packet = (wire.udp6(evil.ip6, evil.gateway6, PORT, marker) if kind == 6 else
                      wire.udp4(evil.ip if who == "itself" else free, evil.gateway, PORT, marker))
            evil.wire.send(wire.ether(GROUP % last, evil.mac,
                                      wire.ETH_IP6 if kind == 6 else wire.ETH_IP, packet))
            sent[kind][marker] = (last, who)
    return {sent[kind][m] for kind, service in services.items()
            for m in collect(service, set(sent[kind]), seconds)}


def learned(h, bridge, evil, mac):
    """The groups (their last byte) whose frames, sent as from @mac, make the
    bridge send @mac's frames to evil. Puts it back."""
    ports = lambda: {e["ifname"] for e in json.loads(
        h.sh("bridge", "-j", "fdb", "show", "br", bridge)) if e["mac"] == mac}
    before, got = ports(), set()
    for last in range(16):
        evil.wire.send(wire.ether(GROUP % last, mac, 0x88cc, b"LLDP"))
        now = ports()
        if now != before:
            got.add(last)
        for port in now - before:
            h.sh("bridge", "fdb", "del", mac, "dev", port, "master", check=False)
        before = ports()
    return got


def routed_by(h, evil):
    """Whether the host takes evil for its router; it forgets it."""
    router = wire.router_advertisement(evil.local, evil.mac)
    for last in range(16):
        evil.wire.send(wire.ether(GROUP % last, evil.mac, wire.ETH_IP6, router))
    routes = h.sh("ip", "-6", "route", "show", "default", "proto", "ra")
    while h.sh("ip", "-6", "route", "del", "default", "proto", "ra", check=False).returncode == 0:
        pass
    return bool(routes.strip())


def queries(evil):
    """What the bridge takes for a multicast router's, by name."""
    igmp = lambda kind: struct.pack("!BBHI", kind, 100, ~(kind << 8 | 100) & 0xffff, 0)
    mld = lambda kind, body: wire.upper6(
        evil.local, "ff02::1", 58, struct.pack("!BBH", kind, 0, 0) + body, 2)
    # With the router alert that RFC 2711 and RFC 2113 ask for.
    alert = struct.pack("!BBBBHBB", 58, 0, 5, 2, 0, 1, 0)
    head4 = struct.pack("!BBHHHBBH4s4s4s", 0x46, 0, 32, 0, 0, 1, 2, 0, wire.ip_bytes(evil.ip),
                        wire.ip_bytes("224.0.0.1"), b"\x94\4\0\0")
    head4 = head4[:10] + struct.pack("!H", wire.checksum(head4)) + head4[12:]
    query6 = mld(130, struct.pack("!HH16s", 1000, 0, bytes(16)))
    return {
        "IGMP": wire.ether(ALL_HOSTS, evil.mac, wire.ETH_IP, head4 + igmp(0x11)),
        "MLD": wire.ether(ALL_NODES, evil.mac, wire.ETH_IP6,
                          wire.ip6(evil.local, "ff02::1", 0, alert + query6, hops=1)),
    }


def querying(h, bridge, ends):
    """The queries after which evil's port counts as a multicast router's."""
    def routers():
        shown = json.loads(h.sh("bridge", "-d", "-j", "mdb", "show", "dev", bridge))
        return {p["port"] for part in shown for p in part.get("router", {}).get(bridge, [])}
    got = set()
    for name, evil in ends.items():
        before = routers()
        evil.wire.send(queries(evil)[name])
        if routers() - before:
            got.add(name)
    return got


def attacks(h, services, ends, seconds):
    bridge = attack.bridge_of(h, "lab")
    return {
        "datagrams": datagrams(services, ends["caged"], seconds),
        "learned": {(last, "a neighbour") for last in learned(
            h, bridge, ends["caged"], ends["victim"].mac)},
        "router": {"router"} if routed_by(h, ends["caged"]) else set(),
        "querier": querying(h, bridge, {"IGMP": ends["caged"], "MLD": ends["evil"]}),
    }


def working(h, r, services, ends):
    """Of the groups 1 is dropped (PAUSE), 0 forwarded while STP is off. On a
    busy machine a frame may take its time: what does not show shows later."""
    expected = {
        "datagrams": {(last, who) for last in range(2, 16)
                      for who in ("itself", "a free address", "itself, IPv6")},
        "learned": {(last, "a neighbour") for last in range(2, 16)},
        "router": {"router"}, "querier": {"IGMP", "MLD"},
    }
    got = {name: set() for name in expected}
    for _ in range(5):
        for name, seen in attacks(h, services, ends, 0.5).items():
            got[name] |= seen
        if all(expected[name] <= got[name] for name in expected):
            break
    r.ok(expected["datagrams"] <= got["datagrams"],
         "without us: a datagram to a link-local group reaches the host", got["datagrams"])
    r.ok(expected["learned"] <= got["learned"],
         "without us: the bridge learns a neighbour's MAC address so", got["learned"])
    r.ok(got["router"], "without us: the host takes a container for its router")
    r.equal(got["querier"], expected["querier"], "without us: a container asks for groups")


def stopped(h, r, services, ends):
    got = attacks(h, services, ends, 0.3)
    r.equal(got["datagrams"], set(), "a datagram to a link-local group does not reach the host")
    r.equal(got["learned"], set(), "the bridge learns no MAC address from such frames")
    r.equal(got["router"], set(), "the host takes no container for its router")
    r.equal(got["querier"], set(), "no container asks for groups")


class Beyond:
    """The host's own link, with a wire at its other end."""

    def __init__(self, h):
        h.sh("bash", "-ec", """
            ip link add ext0 type veth peer name ext1
            ip addr add 203.0.113.1/24 dev ext0
            ip link set ext0 up
            ip link set ext1 up
            echo 1 >/proc/sys/net/ipv4/ip_forward
            iptables -I FORWARD -j ACCEPT
            ip6tables -I FORWARD -j ACCEPT""")
        self.mac = json.loads(h.sh("ip", "-j", "link", "show", "dev", "ext0"))[0]["address"]
        self.wire = wire.Wire(h.path("/proc/1/ns/net"), "ext1")

    def send(self, packet):
        self.wire.send(wire.ether(self.mac, "02:00:00:00:00:77",
                                  wire.ETH_IP6 if packet[0] >> 4 == 6 else wire.ETH_IP, packet))


def foreign(h, beyond, services, friend, far, seconds):
    """The targets that hear a client's address from where no client is."""
    h.sh("sh", "-c", "echo 1 >/proc/sys/net/ipv6/conf/all/forwarding; "
                     "for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 >$f; done")
    got = set()
    # A flow that is under way is known by its ports: here are others.
    sport = random.randrange(20000, 30000)
    m4, m6, mh = (os.urandom(20) for _ in range(3))
    if attack.arrives(far, lambda: beyond.send(
            wire.udp4(friend.ip, far.ip, 80, m4, sport)), m4, seconds):
        got.add("IPv4")
    if attack.arrives(far, lambda: beyond.send(
            wire.udp6(friend.ip6, far.ip6, 80, m6, sport)), m6, seconds):
        got.add("IPv6")
    beyond.send(wire.udp4(friend.ip, friend.gateway, PORT, mh, sport))
    if collect(services[4], {mh}, seconds):
        got.add("the host")
    h.sh("sh", "-c", "echo 0 >/proc/sys/net/ipv6/conf/all/forwarding")
    return got


def foreigners(h, r, beyond, services, ends):
    friend, far = ends["friend"], ends["far"]
    r.equal(foreign(h, beyond, services, friend, far, 0.3), set(),
            "a client's address from another link is not the client")
    marker = os.urandom(20)
    r.ok(attack.arrives(far, lambda: friend.send4(far, wire.udp4(friend.ip, far.ip, 80, marker)),
                        marker, 3), "control: the client's own datagram arrives")
    flow = testhost.until(lambda: h.denied(reason="invalid", dst_name="far"), "a record", 5)[-1]
    r.equal((flow["direction"], flow["iface_in"]), ("ingress", "ext0"),
            "the record says where it came from")


def unknown(h, r, ends):
    """A container that starts while nobody is there to bind it."""
    h.stop_agent(signal.SIGKILL)
    late = attack.End(h, h.run("late", net="lab"), "lab")
    victim, neighbour = ends["victim"], ends["friend"]
    my, your = late.mac, victim.mac

    def arp(sender):
        return wire.ether(your, my, wire.ETH_ARP,
                          wire.arp(2, my, sender, your, victim.ip) + b"BEHIND-THE-END")

    def advert(target):
        return wire.ether(your, my, wire.ETH_IP6,
                          wire.advertisement(late.ip6, victim.ip6, target, my))
    for what, frame in {
            "the gateway, by ARP": arp(late.gateway),
            "a neighbour, by ARP": arp(neighbour.ip),
            "the gateway, by ND": advert(late.gateway6),
            "a neighbour, by ND": advert(neighbour.ip6),
            "a neighbour's link-local address, by ND": advert(neighbour.local)}.items():
        r.ok(not attack.arrives(victim, lambda: late.wire.send(frame), frame[14:]),
             f"not known yet: is not {what}")
    fdb = lambda: [e["ifname"] for e in json.loads(
        h.sh("bridge", "-j", "fdb", "show", "br", attack.bridge_of(h, "lab")))
        if e["mac"] == neighbour.mac]
    before = fdb()
    late.wire.send(wire.ether(your, neighbour.mac, 0x88b5, b"TAKE-THIS"))
    r.equal(fdb(), before, "not known yet: does not take a neighbour's MAC address")


def test(h, r):
    h.network("lab", "--ipv6", "--subnet", "172.30.24.0/24", "--subnet", "fd00:24::/64")
    ends = {n: attack.End(h, h.run(n, labels={"app": n}, net="lab"), "lab")
            for n in ("caged", "evil", "victim", "friend", "far")}
    services = {4: listen(h, socket.AF_INET), 6: listen(h, socket.AF_INET6)}
    beyond = Beyond(h)
    # rp_filter is 0 unless somebody sets it, and Debian's 2 does not help. Nor
    # is IPv6 forwarded without an IPv6 network: such a host listens to routers.
    got = foreign(h, beyond, services, ends["friend"], ends["far"], 3)
    r.equal(got, {"IPv4", "IPv6", "the host"},
            "without us: a client's address is good from anywhere")
    working(h, r, services, ends)
    h.policy("attack.yaml", POLICIES)
    h.start_agent()
    h.settle()
    # What the bridge was taught until now it would keep for minutes.
    bridge = attack.bridge_of(h, "lab")
    for on in "01":
        h.sh("ip", "link", "set", bridge, "type", "bridge", "mcast_snooping", on)
    stopped(h, r, services, ends)
    flow = testhost.until(lambda: h.denied(reason="protocol"), "a record", 5)[-1]
    r.equal(flow["direction"], "egress", "the denial is recorded")
    foreigners(h, r, beyond, services, ends)
    unknown(h, r, ends)


testhost.main(test, "attack-link")
