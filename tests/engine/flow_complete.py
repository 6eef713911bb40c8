#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""flow_complete.py - nothing that the kernel drops is missing in the flow log.

**I8**: under floods, across a restart, and after a kill, dropped = recorded +
suppressed + lost, to the packet.
"""
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import netpol
import testhost

ALONE = True
DENY = netpol.policy("deny", {"app": "web"}, egress_rules=[])


def dropped(h):
    """Packets that the kernel's counters of denied packets have."""
    counters = h.get("status")["counters"]
    return sum(c["packets"] for name, c in counters.items()
               if name not in ("link_control", "unattributed"))


def told(h):
    """(recorded, suppressed, lost) by the log's own lines."""
    flows = h.flows()
    return (sum(f["new_packets"] for f in flows if "flow_id" in f),
            sum(f["packets"] for f in flows if f.get("event") == "suppressed"),
            sum(f["records"] for f in flows
                if f.get("event") == "loss" and f["where"] in ("agent-down", "kernel-table")))


def balanced(h):
    return sum(told(h)) == dropped(h)


def inexact(h):
    return [f for f in h.events("accounting") if not f["exact"]]


def end_in(h, r, name, sig, under_way, *flood):
    """The agent ends in a flood, and another one takes over: nothing that was dropped
    is missing, and nothing twice. But what a killed one had handed over at that very
    moment, and could not note any more, may be told as lost, too."""
    before = sum(told(h)) - dropped(h)
    flood = testhost.flood_start(h, *flood)
    testhost.until(under_way, "records")
    h.stop_agent(sig)
    h.start_agent()
    testhost.flood_finish(flood)
    testhost.until(lambda: sum(told(h)) - dropped(h) >= before, "the log to tell every packet")
    r.equal(inexact(h), [], f"{name}: nothing is missing")
    if sig == signal.SIGTERM:
        r.equal(sum(told(h)) - dropped(h), before, f"{name}: and nothing told twice")


def test(h, r):
    h.policy("deny.yaml", DENY)
    h.start_agent()
    web = h.run("web", labels={"app": "web"})
    other = h.run("other", labels={"app": "other"})
    peer = h.run("peer", labels={"app": "peer"})
    h.settle()
    h.result(other, f"udp:{peer.ip()}:80")  # addresses are resolved

    # One flow: a record at once, its packets counted, an update, an end.
    sent, _ = testhost.flood(h, web, peer.ip(), 4000, 1, 1000, 0)
    flow = testhost.until(lambda: h.denied(dst_port=4000), "a record")[0]
    r.equal((flow["state"], flow["packets"], flow["direction"]), ("new", 1, "egress"),
            "a flow's first packet is told at once")
    testhost.until(lambda: sum(f["new_packets"] for f in h.denied(dst_port=4000)) == sent,
                   f"{sent} packets to be recorded")
    last = h.denied(dst_port=4000)[-1]
    r.equal((last["state"], last["packets"], last["bytes"], last["flow_id"]),
            ("update", sent, 28 * sent, flow["flow_id"]), "… and its totals are exact")
    r.ok(flow["first"] == last["first"] < last["last"] <= last["time"], "… and so are its times",
         last)
    r.ok("packet_head" in flow and "packet_head" not in last, "the first packet's head is told once")

    # A flood of one flow.
    before = dropped(h)
    sent, ms = testhost.flood(h, web, peer.ip(), 4001, 1, 300000, 100000)
    testhost.until(lambda: balanced(h), "the log to tell every packet")
    r.equal(dropped(h) - before, sent, f"the kernel dropped each of {sent} packets ({ms} ms)")
    r.equal(sum(f["new_packets"] for f in h.denied(dst_port=4001)), sent,
            "… and the flow's records add up to them")

    # A scan: more tuples than the budget; a second container is still told.
    before, t0 = dropped(h), told(h)
    sent, ms = testhost.flood(h, web, peer.ip(), 10000, 40000, 40000, 20000)
    h.policy("deny2.yaml", netpol.policy("deny2", {"app": "other"}, egress_rules=[]))
    h.result(other, f"udp:{peer.ip()}:81", ms=50)
    testhost.until(lambda: h.denied(src_name="other", dst_port=81), "the other container's record")
    r.ok(True, "a scan hides nobody else's denial")
    testhost.until(lambda: balanced(h), "the log to tell every packet")
    t1 = told(h)
    r.equal(sum(t1) - sum(t0), dropped(h) - before, f"a scan of {sent} tuples ({ms} ms) adds up")
    summary = h.events("suppressed")
    r.ok(summary and all(s["container"]["name"] == "web" for s in summary),
         "what its budget does not cover is summed up under its name", summary[:2])
    r.ok(t1[0] - t0[0] >= 1000, f"… beyond its first thousand tuples ({t1[0] - t0[0]} recorded)")
    r.equal((t1[2], inexact(h)), (0, []), "nothing was lost, every balance exact")

    # A restart: nothing twice; what was denied meanwhile is told as lost.
    h.stop_agent()
    sent, _ = testhost.flood(h, web, peer.ip(), 4002, 1, 500, 0)
    h.start_agent()
    testhost.until(lambda: balanced(h), "the log to tell every packet")
    r.equal([(f["records"], f["where"]) for f in h.events("loss")], [(sent, "agent-down")],
            "a restart tells what was denied meanwhile, and nothing twice")
    testhost.flood(h, web, peer.ip(), 4002, 1, 7, 0)
    testhost.until(lambda: balanced(h), "the log to tell every packet")
    again = h.denied(dst_port=4002)
    r.equal([f["new_packets"] for f in again], [7], "… and goes on with what comes after it")

    # In the midst of an interval, and while one flow is told after the other.
    end_in(h, r, "stopped in a flood", signal.SIGTERM, lambda: h.denied(dst_port=4004),
           web, peer.ip(), 4004, 1, 100000, 50000)
    for name, sig, first in (("stopped", signal.SIGTERM, 20000), ("killed", signal.SIGKILL, 30000)):
        records = len(h.denied(src_name="other"))
        # The budget has recovered a little from the last one.
        end_in(h, r, f"{name} in a scan", sig,
               lambda: len(h.denied(src_name="other")) > records + 20,
               other, peer.ip(), first, 10000, 10000, 10000)
    end_in(h, r, "killed in a flood", signal.SIGKILL, lambda: h.denied(dst_port=4003),
           web, peer.ip(), 4003, 1, 200000, 50000)


testhost.main(test, "flow-complete")
