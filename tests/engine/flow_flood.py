#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""flow_flood.py - with no budget, a flood of denied flows delays nobody.

More tuples than the agent keeps flows for, each of them logged: the agent goes
on answering and enforcing meanwhile, and accounts for every packet.
"""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import netpol
import testhost

ALONE = True
TUPLES = 50000
RATE = 15000
# A loop that is held until the flood is over takes several times as long.
PATIENCE_S = 2
DENY = netpol.policy("deny", {"app": "web"}, egress_rules=[])


def timed(action):
    """Its result, and the seconds that it took."""
    start = time.monotonic()
    value = action()
    return value, time.monotonic() - start


def told(h):
    """(recorded, suppressed, lost) by the log's own lines."""
    flows = h.flows()
    return (sum(f["new_packets"] for f in flows if "flow_id" in f),
            sum(f["packets"] for f in flows if f.get("event") == "suppressed"),
            sum(f["records"] for f in flows
                if f.get("event") == "loss" and f["where"] == "kernel-table"))


def test(h, r):
    h.policy("deny.yaml", DENY)
    h.start_agent(flowLog={"path": "/run/bh/flows.jsonl", "interval": "1s",
                           "budget": {"rate": 0}})
    web = h.run("web", labels={"app": "web"})
    peer = h.run("peer", labels={"app": "peer"})
    h.settle()
    flood = testhost.flood_start(h, web, peer.ip(), 10000, TUPLES, TUPLES, RATE)
    testhost.until(lambda: h.get("status")["flow_log"]["packets"] > 1000, "the flood")

    status, policy, answers = [], [], 0
    while flood.poll() is None:
        done, took = timed(lambda: h.bulkhead("status", check=False))
        status.append(took)
        answers += done.returncode in (0, 1)
        name = f"deny{len(policy)}"
        _, took = timed(lambda: h.policy(f"{name}.yaml", netpol.policy(
            name, {"app": name}, egress_rules=[])))
        policy.append(took)
    sent, ms = testhost.flood_finish(flood)
    r.equal((sent, answers), (TUPLES, len(status)),
            f"each of {answers} questions is answered in a flood of {sent} tuples ({ms} ms)")
    r.ok(max(status) < PATIENCE_S, f"… within {max(status):.3f} s")
    r.ok(max(policy) < PATIENCE_S,
         f"each of {len(policy)} changed policies is in force within {max(policy):.3f} s")
    testhost.until(lambda: sum(told(h)) >= sent, "the log to tell every packet", patience=60)
    recorded, suppressed, lost = told(h)
    r.equal(recorded + suppressed + lost, sent,
            f"{sent} sent = {recorded} recorded + {suppressed} suppressed + {lost} lost")
    r.equal([f for f in h.events("accounting") if not f["exact"]], [], "every balance is exact")


testhost.main(test, "flow-flood")
