#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""attack_ipv6.py - IPv6 in all its forms is judged as the plain one is.

Whatever is made to hide a packet (extension headers, fragments, link-local
addresses) is sent to a container that nobody may reach and must not arrive;
to one that is free it does, so that the frame is known to be a good one."""
import os
import socket
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import attack
import netpol
import testhost
import wire

UDP, ICMP6, NONE = socket.IPPROTO_UDP, socket.IPPROTO_ICMPV6, 59
HOPS, ROUTING, FRAGMENT, DEST = 0, 43, 44, 60
POLICIES = netpol.documents(
    netpol.policy("victim", {"app": "victim"}, ingress_rules=[]),
    netpol.policy("web", {"app": "web"}, ingress_rules=[
        netpol.ingress(netpol.labels(app="evil"), ports=[netpol.port(80, "UDP")])]),
    netpol.policy("caged", {"app": "caged"}, egress_rules=[]))
_ident = 1000


def datagram(src, dst, marker, dport):
    return wire.upper6(src, dst, UDP, wire.udp(40000, dport, marker), 6)


def pieces(src, dst, proto, payload, cuts, before=()):
    """Packets of @payload cut at @cuts; @before is what stands before the
    fragment header, as (number, header maker)."""
    global _ident
    _ident += 1
    made, edges = [], [0, *cuts, len(payload)]
    for a, b in zip(edges, edges[1:]):
        body = wire.fragment6(proto, a, b < len(payload), _ident) + payload[a:b]
        first = FRAGMENT
        for number, make in reversed(before):
            body, first = make(first) + body, number
        made.append(wire.ip6(src, dst, first, body))
    return made


def disguises(src, dst, marker, dport=80):
    """{what: [packet, ...]}: the same datagram in different clothes. Each has
    at most one extension header: see chains()."""
    plain = datagram(src, dst, marker, dport)
    long = datagram(src, dst, b"." * 1600 + marker, dport)
    return {
        "plain": [wire.ip6(src, dst, UDP, plain)],
        "hop-by-hop options": [wire.ip6(src, dst, HOPS, wire.options(UDP) + plain)],
        "destination options": [wire.ip6(src, dst, DEST, wire.options(UDP) + plain)],
        "long destination options": [wire.ip6(src, dst, DEST, wire.options(UDP, 256) + plain)],
        "routing header 0": [wire.ip6(src, dst, ROUTING, wire.routing(UDP, 0, dst) + plain)],
        "routing header 2": [wire.ip6(src, dst, ROUTING, wire.routing(UDP, 2, dst) + plain)],
        "routing header 4": [wire.ip6(src, dst, ROUTING, wire.routing(UDP, 4, dst) + plain)],
        "an atomic fragment": pieces(src, dst, UDP, plain, ()),
        "two fragments": pieces(src, dst, UDP, plain, (8,)),
        "fragments in reverse": pieces(src, dst, UDP, plain, (8, 16))[::-1],
        "large fragments": pieces(src, dst, UDP, long, (1200,)),
    }


def chains(src, dst, marker, dport=80):
    """Header chains that hide what the packet is: pass nowhere."""
    plain = datagram(src, dst, marker, dport)
    behind = wire.options(UDP) + plain
    return {
        "two extension headers": [wire.ip6(src, dst, HOPS, wire.options(DEST) + behind)],
        "three": [wire.ip6(src, dst, HOPS, wire.options(DEST) +
                           wire.options(ROUTING) + wire.routing(UDP, 4, dst) + plain)],
        "options behind the fragment header": pieces(src, dst, DEST, behind, (8,)),
        "a fragment behind options": pieces(src, dst, UDP, plain, (8,), ((DEST, wire.options),)),
        "a fragment in a fragment": pieces(
            src, dst, FRAGMENT, wire.fragment6(UDP, 0, 0, 7) + plain, (8,)),
    }


def overlapping(src, dst, marker):
    """A datagram to port 80 whose second piece rewrites that to 81."""
    global _ident
    _ident += 1
    allowed = datagram(src, dst, marker, 80)
    other = datagram(src, dst, marker, 81)
    cut = lambda data, a, b, more: wire.ip6(src, dst, FRAGMENT, wire.fragment6(
        UDP, a, more, _ident) + data[a:b])
    return [cut(allowed, 0, 16, 1), cut(other, 0, 8, 1), cut(other, 8, len(other), 0)]


def sends(evil, to, packets):
    def send():
        for packet in packets:
            evil.send6(to, packet)
    return send


def hidden(r, ends, make, expected):
    """Each of make()'s disguises between every kind of addresses."""
    evil, free = ends["evil"], ends["open"]
    for kind, address in (("unique-local", lambda e: e.ip6), ("link-local", lambda e: e.local)):
        for i, what in enumerate(make("::1", "::1", b"")):
            got = {}
            for to in (free, ends["victim"]):
                marker = b"HIDDEN%02d%s" % (i, os.urandom(4).hex().encode())
                packets = make(address(evil), address(to), marker)[what]
                got[to.name] = attack.arrives(to, sends(evil, to, packets), marker)
            r.equal(got, {"open": expected, "victim": False}, f"{kind}: {what}")


def ports(r, ends):
    """A rule with a port is about the port that the datagram really has."""
    evil, web = ends["evil"], ends["web"]
    for i, what in enumerate(disguises("::1", "::1", b"")):
        got = {}
        for dport in (80, 81):
            marker = b"PORT%02d%s" % (i, os.urandom(4).hex().encode())
            packets = disguises(evil.ip6, web.ip6, marker, dport)[what]
            got[dport] = attack.arrives(web, sends(evil, web, packets), marker)
        r.equal(got, {80: True, 81: False}, f"a rule with a port: {what}")
    marker = b"OVERLAPPED"
    heard = len(web.container.heard(evil.ip6))
    r.ok(not attack.arrives(web, sends(evil, web, overlapping(evil.ip6, web.ip6, marker)), marker),
         "overlapping fragments arrive nowhere")
    r.equal(len(web.container.heard(evil.ip6)), heard, "nor does the server hear of them")
    marker = b"RH-TO-VICTIM"
    to = ends["victim"]
    packet = wire.ip6(evil.ip6, web.ip6, ROUTING, wire.routing(UDP, 0, to.ip6) +
                      datagram(evil.ip6, to.ip6, marker, 80))
    r.ok(not attack.arrives(to, lambda: evil.send6(web, packet), marker),
         "a routing header leads nobody to the victim")


def addresses(r, ends):
    evil, free = ends["evil"], ends["open"]
    mapped = lambda e: "::ffff:" + e.ip
    for what, src, dst in (
            ("IPv4-mapped", mapped(evil), mapped), ("to IPv4-mapped", evil.ip6, mapped),
            ("from IPv4-mapped", mapped(evil), lambda e: e.ip6),
            ("IPv4-compatible", "::" + evil.ip, lambda e: "::" + e.ip),
            ("the unspecified address", "::", lambda e: e.ip6),
            ("the loopback address", "::1", lambda e: e.ip6),
            ("a multicast source", "ff02::1", lambda e: e.ip6),
            ("a site-local address", "fec0::7", lambda e: e.ip6)):
        got = set()
        for to in (free, ends["victim"]):
            marker = b"ADDR" + os.urandom(6).hex().encode()
            packet = wire.udp6(src, dst(to), 80, marker)
            if attack.arrives(to, lambda: evil.send6(to, packet), marker):
                got.add(to.name)
        r.equal(got, set(), f"{what} arrives nowhere")


def advert(evil, to, claimed):
    """The body of a neighbour advertisement: @claimed is at evil's MAC."""
    body = struct.pack("!BBHI16sBB6s", 136, 0, 0, 0x20000000, wire.ip_bytes(claimed), 2, 1,
                       wire.mac_bytes(evil.mac))
    return wire.upper6(evil.ip6, to.ip6, ICMP6, body, 2)


def discovery(r, ends):
    """What the bridge table reads of neighbour discovery cannot be hidden."""
    evil, free, neighbour = ends["evil"], ends["open"], ends["web"]
    src, dst = evil.ip6, free.ip6
    tell = lambda proto, body: wire.ip6(src, dst, proto, body, hops=255)

    def ways(claimed):
        body = advert(evil, free, claimed)
        long = wire.options(ICMP6) + body
        fragment = lambda proto, data, cut: [
            wire.ip6(src, dst, FRAGMENT, wire.fragment6(proto, 0, 1, _ident) + data[:cut], 255),
            wire.ip6(src, dst, FRAGMENT, wire.fragment6(proto, cut, 0, _ident) + data[cut:], 255)]
        return {
            "plainly": [tell(ICMP6, body)],
            "behind options": [tell(DEST, long)],
            "behind hop-by-hop options": [tell(HOPS, long)],
            "in fragments": fragment(ICMP6, body, 8),
            "in fragments, behind options": fragment(DEST, long, 8),
        }
    for what in ways(src):
        global _ident
        _ident += 1
        known = wire.ip_bytes(neighbour.ip6) + b"\2\1" + wire.mac_bytes(evil.mac)
        r.ok(not attack.arrives(free, sends(evil, free, ways(neighbour.ip6)[what]), known),
             f"poisoning {what} does not arrive")
    known = wire.ip_bytes(src) + b"\2\1" + wire.mac_bytes(evil.mac)
    r.ok(attack.arrives(free, sends(evil, free, ways(src)["plainly"]), known),
         "control: the truth about itself does")


def smuggling(h, r, ends):
    """Neighbour discovery passes always: but only on its own link."""
    caged = ends["caged"]
    outside = wire.Wire(h.path("/run/netns/outside"))
    gateway = attack.bridge_mac(h, "lab")
    for kind in (135, 136):
        for hops in (64, 255):
            marker = b"SMUGGLE%d%d" % (kind, hops)
            src, dst = caged.ip6, "2001:db8:ffff::2"
            body = struct.pack("!BBHI16s", kind, 0, 0, 0, wire.ip_bytes(dst)) + marker
            packet = wire.ip6(src, dst, ICMP6, wire.upper6(src, dst, ICMP6, body, 2), hops)
            outside.drain()
            caged.wire.send(wire.ether(gateway, caged.mac, wire.ETH_IP6, packet))
            r.ok(not outside.sees(marker),
                 f"caged: ICMPv6 type {kind} with hop limit {hops} carries nothing out")
    free = ends["open"]
    packet = wire.udp6(free.ip6, "2001:db8:ffff::2", 80, b"WAYOUT")
    outside.drain()
    free.wire.send(wire.ether(gateway, free.mac, wire.ETH_IP6, packet))
    r.ok(outside.sees(b"WAYOUT"), "control: there is a way out for who is free")


def link_local_alive(h, r):
    """IPv6 is off at Docker; the containers' kernels speak it all the same."""
    h.network("plain")
    # As where Docker leaves ip6tables alone, which is its default.
    h.sh("ip6tables", "-P", "FORWARD", "ACCEPT")
    alive = ("--sysctl", "net.ipv6.conf.all.disable_ipv6=0",
             "--sysctl", "net.ipv6.conf.default.disable_ipv6=0")
    evil, victim, free = (
        attack.End(h, h.run(f"{app}-v4", labels={"app": app}, net="plain", options=alive), "plain")
        for app in ("evil", "victim", "open"))
    h.settle()
    addresses_of = lambda e: h.sh("nsenter", "-t", str(e.container.pid), "-n", "ip", "-6", "addr",
                                  "show", "dev", "eth0")
    testhost.until(lambda: all("fe80" in (text := addresses_of(e)) and "tentative" not in text
                               for e in (evil, victim, free)), "link-local addresses", 10)
    def reaches(to):
        try:
            with attack.connected(evil, f"{to.local}%eth0", 80):
                return True
        except OSError:
            return False
    r.equal([reaches(free), reaches(victim)], [True, False],
            "IPv6 off at Docker: nobody reaches the victim by its link-local address")


def test(h, r):
    h.network("lab", "--ipv6", "--subnet", "fd00:16::/64")
    h.network("global", "--ipv6", "--subnet", "2001:db8:16::/64")
    h.policy("attack.yaml", POLICIES)
    h.start_agent()
    h.outside()
    names = ("evil", "victim", "open", "web", "caged")
    ends = {name: attack.End(h, h.run(name, labels={"app": name}, net="lab"), "lab")
            for name in names}
    world = {name: attack.End(h, h.run(f"{name}-g", labels={"app": name}, net="global"), "global")
             for name in ("evil", "victim", "open")}
    h.settle()
    hidden(r, ends, disguises, True)
    hidden(r, ends, chains, False)
    for to, arrives in (("open", True), ("victim", False)):
        packet = wire.udp6(world["evil"].ip6, world[to].ip6, 80, b"GLOBALLY")
        r.equal(attack.arrives(world[to], sends(world["evil"], world[to], [packet]), b"GLOBALLY"),
                arrives, f"global addresses: {to}")
    ports(r, ends)
    addresses(r, ends)
    discovery(r, ends)
    smuggling(h, r, ends)
    link_local_alive(h, r)


testhost.main(test, "attack-ipv6")
