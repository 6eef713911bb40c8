#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""spoofing.py - a container with NET_RAW sends as somebody else.

Every forged frame is made by hand and looked for on the victim's own
interface; the same frame with the sender's true addresses arrives there, so
what does not arrive was stopped by us."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import testhost
import wire

NET6 = "fd00:5::/64"


class Ends:
    """The addresses of everybody on the network."""

    def __init__(self, h, evil, victim, neighbour):
        net = lambda c: c.networks["lab"]
        self.evil, self.victim, self.neighbour = net(evil), net(victim), net(neighbour)
        self.gateway = self.evil["Gateway"]
        self.gateway6 = self.evil["IPv6Gateway"]
        self.evil_wire = wire.Wire(h.path(f"/proc/{evil.pid}/ns/net"))
        self.victim_wire = wire.Wire(h.path(f"/proc/{victim.pid}/ns/net"))


def local(mac):
    """The link-local address that a MAC address makes."""
    m = bytearray(wire.mac_bytes(mac))
    m[0] ^= 2
    return "fe80::" + f"{m[0]:02x}{m[1]:02x}:{m[2]:02x}ff:fe{m[3]:02x}:{m[4]:02x}{m[5]:02x}"


def frames(e, marker):
    """{what: frame}, all for the victim to see, none of them honest."""
    me, you, them = e.evil, e.victim, e.neighbour
    my, your, their = me["MacAddress"], you["MacAddress"], them["MacAddress"]
    free = you["IPAddress"].rsplit(".", 1)[0] + ".200"
    to = you["IPAddress"]

    def ip(src, mac=my, **more):
        return wire.ether(your, mac, wire.ETH_IP, wire.udp4(src, to, 80, marker), **more)

    def ip6(src, mac=my):
        return wire.ether(your, mac, wire.ETH_IP6,
                          wire.udp6(src, you["GlobalIPv6Address"], 80, marker))

    def arp(mac, sha, sip, op=2, dst=your):
        # An ARP message has no room for a marker but behind its end.
        return wire.ether(dst, mac, wire.ETH_ARP,
                          wire.arp(op, sha, sip, your, to) + marker)

    def nd(packet):
        return wire.ether(your, my, wire.ETH_IP6, packet)

    return {
        "a free address": ip(free),
        "a neighbour's address": ip(them["IPAddress"]),
        "a neighbour's MAC address": ip(me["IPAddress"], their),
        "both of a neighbour": ip(them["IPAddress"], their),
        "the gateway's address": ip(e.gateway),
        "no address": ip("0.0.0.0"),
        "the victim's own address": ip(to, your),
        "IPv6: a free address": ip6("fd00:5::200"),
        "IPv6: a neighbour's address": ip6(them["GlobalIPv6Address"]),
        "IPv6: both of a neighbour": ip6(them["GlobalIPv6Address"], their),
        "IPv6: a neighbour's link-local address": ip6(local(their)),
        "IPv6: the gateway's address": ip6(e.gateway6),
        "ARP: the gateway is here": arp(my, my, e.gateway),
        "ARP: a neighbour is here": arp(my, my, them["IPAddress"]),
        "ARP: a neighbour is here, all told": arp(my, my, them["IPAddress"], 1, wire.BROADCAST),
        "ARP: I am at a neighbour's MAC address": arp(my, their, me["IPAddress"]),
        "ARP: all of it a neighbour's": arp(their, their, them["IPAddress"]),
        "ND: a neighbour is here": nd(wire.advertisement(
            me["GlobalIPv6Address"], you["GlobalIPv6Address"], them["GlobalIPv6Address"], my)),
        "ND: the gateway is here": nd(wire.advertisement(
            me["GlobalIPv6Address"], you["GlobalIPv6Address"], e.gateway6, my)),
        "ND: a router is here": nd(wire.router_advertisement(local(my), my)),
        "DHCP: a lease from me": wire.ether(wire.BROADCAST, my, wire.ETH_IP, wire.udp4(
            me["IPAddress"], "255.255.255.255", 68, marker, sport=67)),
        "DHCP: a lease from me, by another port": wire.ether(your, my, wire.ETH_IP, wire.udp4(
            me["IPAddress"], to, 68, marker, sport=1067)),
        "DHCPv6: a lease from me, by another port": wire.ether(your, my, wire.ETH_IP6, wire.udp6(
            local(my), local(your), 546, marker, sport=1547)),
        "a VLAN tag": ip(me["IPAddress"], vlan=7),
        "a VLAN tag with number 0": ip(me["IPAddress"], vlan=0),
        "two VLAN tags": wire.ether(your, my, wire.ETH_VLAN,
                                    b"\0\7\x08\0" + wire.udp4(me["IPAddress"], to, 80, marker),
                                    vlan=3),
        "another ethertype": wire.ether(your, my, 0x88b5, marker),
        "PPPoE": wire.ether(your, my, 0x8864, marker),
        "MPLS": wire.ether(your, my, 0x8847, marker),
        "802.1X": wire.ether(your, my, 0x888e, marker),
        "LLC": wire.ether(your, my, len(marker) + 3, b"\xaa\xaa\x03" + marker),
    }


def honest(e, marker):
    me, you = e.evil, e.victim
    my, your = me["MacAddress"], you["MacAddress"]
    return {
        "IPv4": wire.ether(your, my, wire.ETH_IP,
                           wire.udp4(me["IPAddress"], you["IPAddress"], 80, marker)),
        "IPv6": wire.ether(your, my, wire.ETH_IP6,
                           wire.udp6(me["GlobalIPv6Address"], you["GlobalIPv6Address"], 80,
                                     marker)),
        "IPv6, link-local": wire.ether(your, my, wire.ETH_IP6,
                                       wire.udp6(local(my), local(your), 80, marker)),
        "ARP": wire.ether(your, my, wire.ETH_ARP, wire.arp(
            1, my, me["IPAddress"], "00:00:00:00:00:00", you["IPAddress"]) + marker),
        "an ARP probe": wire.ether(wire.BROADCAST, my, wire.ETH_ARP, wire.arp(
            1, my, "0.0.0.0", "00:00:00:00:00:00", you["IPAddress"]) + marker),
        "ND": wire.ether(your, my, wire.ETH_IP6, wire.advertisement(
            me["GlobalIPv6Address"], you["GlobalIPv6Address"], me["GlobalIPv6Address"], my)),
    }


def arrives(e, frame, marker):
    e.victim_wire.drain()
    e.evil_wire.send(frame)
    # The bridge trims a frame to its IP packet's length: neighbour discovery,
    # where nothing can be added inside, is known by its whole message.
    return e.victim_wire.sees(marker if marker in frame else frame[54:])


def attack(h, r, e):
    for i, what in enumerate(honest(e, b"")):
        marker = b"HONEST%04d" % i
        r.ok(arrives(e, honest(e, marker)[what], marker), f"honest: {what} arrives")
    for i, what in enumerate(frames(e, b"")):
        marker = b"FORGED%04d" % i
        r.ok(not arrives(e, frames(e, marker)[what], marker), f"forged: {what} is dropped")


def test(h, r):
    h.network("lab", "--ipv6", "--subnet", NET6)
    h.start_agent()
    evil = h.run("evil", net="lab")
    victim = h.run("victim", net="lab")
    neighbour = h.run("neighbour", net="lab")
    h.settle()
    e = Ends(h, evil, victim, neighbour)
    # A kernel may greet its neighbours before its port is bound.
    greetings = {f["seq"] for f in h.denied(reason="spoofed")}
    attack(h, r, e)
    records = testhost.until(lambda: [f for f in h.denied(reason="spoofed")
                                      if f["seq"] not in greetings],
                             "records of the forgeries", 5)
    r.equal({f["src"].get("container", {}).get("name") for f in records}, {"evil"},
            "the forgeries are recorded as evil's, whatever they claimed")
    r.ok(h.denied(reason="protocol", src_name="evil"), "so are foreign protocols",
         h.flows()[-3:])
    r.equal(h.result(neighbour, f"tcp:{victim.ip()}:80"), "open",
            "the neighbour was not cut off")
    r.equal(h.result(neighbour, f"tcp:{victim.ip6()}:80"), "open",
            "the neighbour was not cut off over IPv6")


testhost.main(test, "spoofing")
