#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""line_latency.py - from a denied packet to its line in the flow log's file.

usage: BULKHEAD_BUILD=build/release tests/bench/line_latency.py

A container sends FLOWS (2,000) datagrams, each of a tuple of its own, RATE (200)
a second. The kernel stamps each packet when it is logged, which is its record's
"time"; this program reads the file as it grows, and stamps what it finds. Its
own pause between two looks, 0.2 ms, is in the figures; it takes precedence over all
else, as its own waiting for a processor is none of the line's.
"""
import json
import os
import sys
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
import netpol
import testhost

FLOWS = int(os.environ.get("FLOWS", "2000"))
RATE = int(os.environ.get("RATE", "200"))
PAUSE = 0.0002


def nanoseconds(text):
    """Of 2026-01-02T03:04:05.123456789Z."""
    whole, part = text.rstrip("Z").split(".")
    at = time.strptime(whole + " +0000", "%Y-%m-%dT%H:%M:%S %z")
    return int(time.mktime(at) - time.timezone) * 10**9 + int(part.ljust(9, "0"))


def follow(path, lines, deadline):
    """[(when it was seen, line)] of what is appended from now on."""
    found, rest = [], b""
    with open(path, "rb") as f:
        f.seek(0, os.SEEK_END)
        yield None
        while len(found) < lines and time.monotonic() < deadline:
            part = f.read()
            now = time.time_ns()
            if not part:
                time.sleep(PAUSE)
                continue
            *whole, rest = (rest + part).split(b"\n")
            found += [(now, line) for line in whole if b'"new"' in line]
    yield found


def test(h, r):
    h.policy("deny.yaml", netpol.policy("deny", {"app": "web"}, egress_rules=[]))
    h.start_agent(flowLog={"path": "/run/bh/flows.jsonl", "budget": {"rate": 0}})
    web = h.run("web", labels={"app": "web"})
    peer = h.run("peer", labels={"app": "peer"})
    h.settle()
    testhost.flood(h, web, peer.ip(), 9000, 1, 1, 0)
    testhost.until(lambda: h.denied(dst_port=9000), "the first line")
    os.setpriority(os.PRIO_PROCESS, 0, -20)
    reader = follow(h.path("/run/bh/flows.jsonl"), FLOWS,
                    time.monotonic() + FLOWS / RATE + 30)
    next(reader)
    flood = testhost.flood_start(h, web, peer.ip(), 10000, FLOWS, FLOWS, RATE)
    found = next(reader)
    sent, _ = testhost.flood_finish(flood)
    took = sorted((now - nanoseconds(json.loads(line)["time"])) / 1e6 for now, line in found)
    print(f"packet to line, ms: p50 {took[len(took) // 2]:.2f}, "
          f"p99 {took[len(took) * 99 // 100]:.2f}, max {took[-1]:.2f}")
    r.equal(len(found), sent, f"each of {sent} flows has its line")


testhost.main(test, "bench-line-latency")
