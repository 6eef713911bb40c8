#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""flow_budget.py - a scan has a budget, and what is over it is summed up to the
packet: of a container that scans, and of one that is scanned from outside, over
IPv4 and over IPv6. It hides nobody else's denials."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import netpol
import testhost

TUPLES, RATE = 2000, 4000
BURST = 100
LOG = {"path": "/run/bh/flows.jsonl", "interval": "1s", "budget": {"rate": 10, "burst": BURST}}
OUTSIDE6 = "2001:db8:ffff::2"
# The one may send to nobody, the others may receive from nobody.
POLICIES = netpol.documents(
    netpol.policy("scanner", {"app": "scanner"}, egress_rules=[]),
    netpol.policy("closed", {"app": "closed"}, ingress_rules=[]))


def recorded(h, src, dst):
    return sum(f["new_packets"] for f in h.denied(src_ip=src, dst_ip=dst)
               if f["dst"].get("port", 0) >= 10000)


def suppressed(h, ip):
    return [e for e in h.events("suppressed") if e.get("ip") == ip]


def packets(events):
    return sum(e["packets"] for e in events)


def scan(h, r, source, src, dst, whose, ip, name):
    """@whose account it goes on, by which address."""
    sent, _ = testhost.flood(h, source, dst, 10000, TUPLES, TUPLES, RATE)
    testhost.until(lambda: recorded(h, src, dst) + packets(suppressed(h, ip)) >= sent,
                   f"{sent} packets to be told")
    summary = suppressed(h, ip)
    told = recorded(h, src, dst)
    r.equal((sent, told + packets(summary)), (TUPLES, TUPLES),
            f"{name}: {sent} sent = {told} recorded + {packets(summary)} suppressed")
    r.ok(told >= BURST and summary, f"{name}: the first {BURST} are recorded, not all", told)
    size = 48 if ":" in ip else 28
    r.equal(({e["container"]["name"] for e in summary}, sum(e["bytes"] for e in summary)),
            ({whose.name}, size * packets(summary)), f"{name}: under whose name, and their bytes")
    r.ok(all(0 < e["tuples"] <= e["packets"] for e in summary), f"{name}: at most so many tuples",
         summary)


def test(h, r):
    h.outside()
    net = h.network("six", "--ipv6", "--subnet", "fd00:6::/64")
    h.policy("policies.yaml", POLICIES)
    h.start_agent(flowLog=LOG)
    scanner = h.run("scanner", labels={"app": "scanner"}, net=net)
    closed = [h.run(f"closed{i}", labels={"app": "closed"}, net=net) for i in range(2)]
    peer = h.run("peer", net=net)
    h.settle()
    for source, dst in (scanner, peer), ("outside", closed[0]):
        for address in dst.ip(), dst.ip6():
            h.result(source, f"udp:{address}:81", ms=50)  # addresses are resolved
    scan(h, r, scanner, scanner.ip(), peer.ip(), scanner, scanner.ip(), "a container, IPv4")
    scan(h, r, scanner, scanner.ip6(), peer.ip6(), scanner, scanner.ip6(), "a container, IPv6")
    _, outside = h.outside()
    scan(h, r, "outside", outside, closed[0].ip(), closed[0], closed[0].ip(),
         "from outside, IPv4")
    scan(h, r, "outside", OUTSIDE6, closed[0].ip6(), closed[0], closed[0].ip6(),
         "from outside, IPv6")
    # While the one is scanned.
    flood = testhost.flood_start(h, "outside", closed[0].ip(), 20000, TUPLES, TUPLES, RATE)
    h.result("outside", f"tcp:{closed[1].ip()}:80", ms=50)
    h.result(peer, f"tcp:{closed[1].ip()}:80", ms=50)
    testhost.flood_finish(flood)
    for src in outside, peer.ip():
        testhost.until(lambda: h.denied(src_ip=src, dst_name="closed1", dst_port=80),
                       "its record")
    r.ok(True, "what is denied to another is told meanwhile")
    testhost.until(lambda: sum(e["dropped_packets"] for e in h.events("accounting")) >= 5 * TUPLES,
                   "the last balance")
    r.equal([e["message"] for e in h.events("accounting") if not e["exact"] or e["lost_packets"]],
            [], "every balance is exact, and nothing is lost")


testhost.main(test, "flow-budget")
