#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""enforced.py - from Docker's `network connect` to the kernel, against the
container's first packet.

usage: BULKHEAD_BUILD=build/release tests/bench/enforced.py

Each container pings its gateway as its first act. The engine stamps `network
connect` itself; the agent's commits are stamped as its log tells them; a packet
socket on the bridge stamps each address's first frame. The first commit after
`network connect` brings the container's policies; the last one before its first
frame binds its port, which the engine sets up in between. STARTS (100) and ALREADY (0, containers
there before) are environment variables.
"""
import os
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
sys.path.insert(0, os.path.join(HERE, "..", "engine"))
os.environ.setdefault("STARTS", "100")
import testhost
from runtime_latency import SNIFF, PING, connects, first_frames, percentile

STARTS = int(os.environ["STARTS"])
ALREADY = int(os.environ.get("ALREADY", "0"))


class Commits:
    """When the agent told each of its commits, ns."""

    def __init__(self, h):
        h.write_config(logLevel="debug")
        self.at = []
        self.agent = subprocess.Popen(
            h.inside(testhost.program("bulkheadd"), "--config", "/run/bh/bulkhead.yaml"),
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.agent.stderr:
            if "committed" in line:
                self.at.append(time.time_ns())

    def between(self, since, moment):
        return [t for t in self.at if since <= t < moment]


def figures(name, values):
    print(f"{name}, ms: p50 {percentile(values, 50):.1f}, p99 {percentile(values, 99):.1f}, "
          f"min {min(values):.1f}, max {max(values):.1f}")


def test(h, r):
    h.network("net", "--subnet", "172.30.0.0/16", "-o", "com.docker.network.bridge.name=br-test")
    for i in range(ALREADY):
        h.run(f"already{i}", "/bin/sleep", "10000", net="net")
    commits = Commits(h)
    h.agent = commits.agent
    h.settle()
    events = h.spawn(testhost.DOCKER, "events", "--filter", "type=network",
                     "--filter", "event=connect", "--format", "{{json .}}", log="events")
    sniffer = h.spawn("python3", "-c", SNIFF, "br-test", log="frames")
    testhost.until(lambda: os.path.getsize(f"{h.dir}/frames.log"), "the sniffer")
    started = [h.run(f"c{i}", *PING, net="net") for i in range(STARTS)]
    time.sleep(1)
    sniffer.kill()
    events.kill()
    told = connects(f"{h.dir}/events.log")
    frames = first_frames(f"{h.dir}/frames.log")
    judged, took, spare, late = [], [], [], 0
    for c in started:
        connect, frame = told[c.id[:12]], frames[c.ip()]
        enforced = commits.between(connect, frame)
        if not enforced:
            late += 1
            continue
        judged.append((enforced[0] - connect) / 1e6)
        took.append((enforced[-1] - connect) / 1e6)
        spare.append((frame - enforced[-1]) / 1e6)
    print(f"{STARTS} starts with {ALREADY} there")
    figures("network connect to its policies in force", judged)
    figures("network connect to its port bound", took)
    figures("port bound to first frame", spare)
    answered = sum("1 packets received" in c.logs() for c in started)
    r.equal((late, answered), (0, STARTS), "each was enforced before its first frame, "
            "and its first packet was answered")


testhost.main(test, "enforced")
