#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""first_packet.py - enforced before the first instruction: containers whose
first act is a packet to where they may and to where they may not."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import concurrent.futures

import netpol
import testhost

# run.py: the clock decides here.
ALONE = True

STARTS = int(os.environ.get("BULKHEAD_STARTS", "30"))
# A SYN or ARP request that was dropped is repeated after a second: an answer
# that takes longer than this was late.
AT_ONCE_MS = 500

POLICIES = netpol.documents(
    netpol.policy("friends-only", {"app": "closed"},
                  ingress_rules=[netpol.ingress(netpol.labels(app="friend"))]),
    netpol.policy("client-egress", {"app": "client"}, egress_rules=[
        netpol.egress(netpol.labels(app="allowed")),
        netpol.egress(netpol.labels(app="closed"))]),
    netpol.policy("allowed", {"app": "allowed"},
                  ingress_rules=[netpol.ingress(netpol.labels(app="client"))]))


def test(h, r):
    h.policy("policy.yaml", POLICIES)
    h.start_agent()
    allowed = h.run("allowed", labels={"app": "allowed"})
    closed = h.run("closed", labels={"app": "closed"})
    elsewhere = h.run("elsewhere", labels={"app": "elsewhere"})
    h.settle()
    targets = [f"{p}:{c.ip()}:80" for c in (allowed, closed, elsewhere) for p in ("tcp", "udp")]

    def start(_):
        out = h.docker("run", "--rm", "--label=app=client", "probe", "/probe", "ask",
                       "-t", "900", *targets)
        return [line.split()[1:] for line in out.splitlines()]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        runs = list(pool.map(start, range(STARTS)))
    r.equal([[x for x, _ in run[:2]] for run in runs], [["open", "open"]] * STARTS,
            f"{STARTS} starts: the allowed peer always answered")
    slowest = max(int(ms) for run in runs for _, ms in run[:2])
    r.ok(slowest < AT_ONCE_MS, f"{STARTS} starts: it answered at once", f"{slowest} ms")
    r.equal([x for x in closed.logs().splitlines() if "from" in x], [],
            f"{STARTS} starts: no packet reached who denies ingress")
    r.equal([x for x in elsewhere.logs().splitlines() if "from" in x], [],
            f"{STARTS} starts: no packet reached where egress is denied")
    print(f"# slowest allowed answer: {slowest} ms")


testhost.main(test, "first-packet")
