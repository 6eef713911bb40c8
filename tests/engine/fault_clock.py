#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""fault_clock.py - the wall clock jumps, by a day, forth and back.

CLOCK_REALTIME has no namespace, so the agent alone sees another time: by
libfaketime, which leaves CLOCK_MONOTONIC as it is, as a real step does."""
import datetime
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import netpol
import testhost

# run.py: the clock decides here.
ALONE = True

LIBRARY = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
DAY = 86400
NOBODY = netpol.policy("web", {"app": "web"}, ingress_rules=[])


def step(h, seconds):
    """The agent's clock is that much ahead of ours from now on."""
    h.write("/run/bh/clock", f"{seconds:+d}s\n")


def jumped(h):
    """Seconds that the agent's clock is ahead, as its last event tells."""
    told = [f for f in h.flows() if f.get("event") == "container-start"][-1]["time"]
    return datetime.datetime.fromisoformat(told[:19] + "+00:00").timestamp() - time.time()


def told(h, r, when, n):
    """That the clock was set is an event, one for each time, before what has the new time."""
    lines = h.flows()
    at = [k for k, f in enumerate(lines) if f.get("event") == "clock"]
    way, days = (("forward", 1), ("back", 2), ("forward", 1))[n - 1]
    last = lines[at[-1]] if at else {}
    r.ok(len(at) == n and last["set"] == way and abs(last["ms"] - days * DAY * 1000) < 60000,
         f"{when}: an event tells it", [lines[k] for k in at])
    seqs = [f["seq"] for f in lines]
    r.equal(seqs, list(range(seqs[0], seqs[0] + len(seqs))), f"{when}: no record is missing")


def in_step(h, r, when, web, client, i):
    """Everything goes on as if nothing had been."""
    before = len(h.flows())
    other = h.run(f"other{i}", labels={"app": "other"})
    late = h.run(f"client{i}", labels={"app": "client"})
    h.settle()
    r.equal([h.result(c, f"tcp:{web.ip()}:80", ms=300) for c in (client, late, other)],
            ["open", "open", "timeout"], f"{when}: old and new containers are judged as ever")
    live = h.stream(client, f"tcp:{web.ip()}:80")
    start = time.monotonic()
    h.policy("web.yaml", NOBODY)
    took = h.stream_died(live, start)
    r.ok(took is not None and took < 1, f"{when}: a revoked connection ends within a second", took)
    h.policy("web.yaml", netpol.CLIENT_TO_WEB)
    r.equal(h.result(client, f"tcp:{web.ip()}:80", ms=1000), "open", f"{when}: and may begin anew")
    testhost.until(lambda: [f for f in h.flows()[before:] if f.get("verdict") == "denied" and
                            f["src"].get("container", {}).get("name") == other.name],
                   f"{when}: the denied flow's record, with its sender's name")
    r.equal(h.get("status")["state"], "in-step", f"{when}: in step")


def test(h, r):
    step(h, 0)
    h.policy("web.yaml", netpol.CLIENT_TO_WEB)
    testhost._AGENT_ENV.update({
        "LD_PRELOAD": LIBRARY, "FAKETIME_TIMESTAMP_FILE": "/run/bh/clock",
        "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "ASAN_OPTIONS": "exitcode=99:verify_asan_link_order=0"})
    h.start_agent()
    web = h.run("web", labels={"app": "web"})
    client = h.run("client", labels={"app": "client"})
    h.settle()
    in_step(h, r, "before", web, client, 0)
    for i, (when, seconds) in enumerate((("a day forth", DAY), ("two days back", -DAY),
                                         ("as it was", 0)), 1):
        step(h, seconds)
        in_step(h, r, when, web, client, i)
        r.ok(abs(jumped(h) - seconds) < 60, f"{when}: the agent saw it", jumped(h))
        told(h, r, when, i)
    balances = [f for f in h.flows() if f.get("event") == "accounting"]
    r.ok(balances and all(b["exact"] for b in balances), "every balance is exact", balances)


testhost.main(test, "fault-clock")
