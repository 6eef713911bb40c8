#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""denied.py - what a denied packet of a known tuple costs, against a bare drop.

usage: BULKHEAD_BUILD=build/release tests/bench/denied.py

A container sends datagrams to TUPLES (10,000) ports of another one, all of them
denied and known already. The rulesets take turns in each of ROUNDS (7) rounds,
so that a busy machine is busy for all of them; told are the medians of ns a
packet, and of each round's ratio to the bare drop:

  bare     one rule that drops what the container sends
  ours     as bulkheadd loads it, which has ended: its rules stay
  two      the same, but a known tuple is looked up in one set and counted in
           the other, without a refresh of the first
  single   the same, but a known tuple is only looked up in the set that
           counts: as little as telling tuples apart can cost (it neither
           logs new tuples properly nor keeps known ones)
"""
import os
import re
import statistics
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
import netpol
import testhost

TUPLES = int(os.environ.get("TUPLES", "10000"))
ROUNDS = int(os.environ.get("ROUNDS", "7"))
PACKETS = int(os.environ.get("PACKETS", "30000"))
PORT = 10000
SETS = "(seen|denied)[46]_"
KEYS = r"(ip6? saddr \. ip6? daddr \. meta l4proto(?: \. th [sd]port)?)"


def single(text):
    """The rule of a known tuple with one look-up."""
    return re.sub(KEYS + r" @seen(\w+) update @seen\w+ \{[^}]*\} update @denied\w+ \{[^}]*\}",
                  r"\1 @denied\2", text)


def two(text):
    """The same with a look-up, and an update of what counts."""
    return re.sub(KEYS + r" @seen(\w+) update @seen\w+ \{[^}]*\} ", r"\1 @seen\2 ", text)


def ruleset(h):
    """What is loaded, without the elements that come and go by packets."""
    text = h.sh("nft", "-s", "list", "table", "inet", "bulkhead")
    return re.sub(r"(set " + SETS + r"\w+ \{[^{}]*?)\n\s*elements = \{[^{}]*\}", r"\1", text)


def load(h, text):
    h.sh("nft", "-f", "-", stdin="table inet bulkhead\ndelete table inet bulkhead\n" + text)


def cost(h, web, ip):
    """ns a packet, once every tuple is known."""
    testhost.flood(h, web, ip, PORT, TUPLES, 2 * TUPLES, 0)
    sent, ms = testhost.flood(h, web, ip, PORT, TUPLES, PACKETS, 0)
    return ms * 1e6 / sent


def test(h, r):
    h.policy("deny.yaml", netpol.policy("deny", {"app": "web"}, egress_rules=[]))
    h.start_agent(enforcement={"tableOwnership": "disabled"}, flowLog={"path": "/run/bh/flows.jsonl", "budget": {"rate": 0}})
    web = h.run("web", labels={"app": "web"})
    peer = h.run("peer", labels={"app": "peer"})
    h.settle()
    h.stop_agent()
    ours = ruleset(h)
    shapes = {
        "bare": "table inet bulkhead {\nchain forward {\ntype filter hook forward priority "
                f"filter - 10; policy accept; ip saddr {web.ip()} drop\n}}\n}}\n",
        "ours": ours, "two": two(ours), "single": single(ours),
    }
    figures = {name: [] for name in shapes}
    for _ in range(ROUNDS):
        for name, text in shapes.items():
            load(h, text)
            figures[name].append(cost(h, web, peer.ip()))
    for name, values in figures.items():
        ratio = statistics.median(v / b for v, b in zip(values, figures["bare"]))
        print(f"{name:8} {statistics.median(values):6.0f} ns/packet, "
              f"{ratio:.2f} of a bare drop, least {min(values):6.0f} ns")
    ratio = statistics.median(o / b for o, b in zip(figures["ours"], figures["bare"]))
    r.ok(ratio <= 1.5, f"a denied packet costs at most 1.5 of a bare drop ({ratio:.2f})")


testhost.main(test, "bench-denied")
