# SPDX-License-Identifier: GPL-2.0-or-later
"""first_instruction.py - enforced before the first instruction: containers whose
first act is a packet to where they may and to where they may not. For each
engine by tests/engine/first_packet*.py.

On a busy machine the kernel itself may be late: a bridge's port forwards nothing
before a worker of the kernel's has seen that its link is up, also where no agent
runs (1 start of 250 with five busy processes on two cores). So what counts is
what was dropped: each drop is counted and recorded.
"""
import concurrent.futures
import os

import netpol
import testhost

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


def wrongly_denied(h, sources, allowed):
    """Records of what a client, who may, sent to @allowed, or of a client who was
    taken for a stranger."""
    return [f for f in h.flows() if f.get("verdict") == "denied" and
            f["src"].get("ip") in sources and f["reason"] != "policy-revoked" and
            (f["reason"] != "no-policy-allows" or f["dst"].get("ip") == allowed)]


def test(h, r):
    h.policy("policy.yaml", POLICIES)
    h.start_agent()
    allowed = h.run("allowed", labels={"app": "allowed"})
    closed = h.run("closed", labels={"app": "closed"})
    elsewhere = h.run("elsewhere", labels={"app": "elsewhere"})
    h.settle()
    targets = [f"{p}:{c.ip()}:80" for c in (allowed, closed, elsewhere) for p in ("tcp", "udp")]

    def start(i):
        c = h.run(f"client{i}", "/bin/sh", "-c",
                  f"/probe ask -t 900 {' '.join(targets)}; exec /bin/sleep 1000",
                  labels={"app": "client"})
        said = testhost.until(
            lambda: [x for x in [c.logs().splitlines()] if len(x) == len(targets)],
            "its answers", pause=0.1)[0]
        source = c.ip()
        h.remove(c.name)
        sources.add(source)
        return [line.split()[1:] for line in said]
    sources = set()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        runs = list(pool.map(start, range(STARTS)))
    late = [run[:2] for run in runs
            if any(x != "open" or int(ms) >= AT_ONCE_MS for x, ms in run[:2])]
    h.settle()
    r.equal(wrongly_denied(h, sources, allowed.ip()), [],
            f"{STARTS} starts: nothing was dropped that is allowed")
    r.ok(len(late) <= STARTS // 3, f"{STARTS} starts: the allowed peer answered at once", late)
    r.equal([x for x in closed.logs().splitlines() if "from" in x], [],
            f"{STARTS} starts: no packet reached who denies ingress")
    r.equal([x for x in elsewhere.logs().splitlines() if "from" in x], [],
            f"{STARTS} starts: no packet reached where egress is denied")
    slowest = max(int(ms) for run in runs for _, ms in run[:2])
    print(f"# {h.engine}: {len(late)} of {STARTS} late; slowest allowed answer: {slowest} ms")
