#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""enforced.py - from Docker's `network connect`, or containerd's /tasks/create,
to the kernel, against the container's first packet.

usage: BULKHEAD_BUILD=build/release tests/bench/enforced.py [docker|podman|containerd]

Each container pings its gateway as its first act. The engine stamps `network
connect` itself; the agent's commits are stamped as its log tells them; a packet
socket on the bridge stamps each address's first frame. The last commit before that
frame binds the container's port, which the engine sets up after `network connect`;
the one before it brings the container's policies. STARTS (100) and ALREADY (0,
containers there before) are environment variables.

containerd stamps /tasks/create; then CNI adds the interface and its addresses,
and the last commit before the container's first frame binds them. That it did is
proved by the answer: a packet of an unknown endpoint is dropped, and the ping
would be answered a second later.

Podman tells nothing while it starts a container; but it writes its config.json
once the network is there, which the file's time tells (to the kernel's tick).
"""
import datetime
import os
import re
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
sys.path.insert(0, os.path.join(HERE, "..", "engine"))
os.environ.setdefault("STARTS", "100")
import containerdhost
import podmanhost
import testhost
from runtime_latency import SNIFF, PING, connects, first_frames, percentile

STARTS = int(os.environ["STARTS"])
ALREADY = int(os.environ.get("ALREADY", "0"))
HEARD_BEFORE_NS = 50_000_000


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


def answered(started):
    """How many pings were answered at once: a dropped packet is repeated after a
    second."""
    trips = [re.search(r"time=([0-9.]+) ms", c.logs()) for c in started]
    return sum(x is not None and float(x[1]) < 500 for x in trips)


def report(there, judged, took, spare, names):
    print(f"{STARTS} starts with {there} there")
    for name, values in zip(names, (judged, took, spare)):
        figures(name, values)


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
        # The agent hears of the port before the engine tells of it.
        enforced = commits.between(connect - HEARD_BEFORE_NS, frame)
        if len(enforced) < 2:
            late += 1
            continue
        judged.append(max(0, enforced[-2] - connect) / 1e6)
        took.append((enforced[-1] - connect) / 1e6)
        spare.append((frame - enforced[-1]) / 1e6)
    report(ALREADY, judged, took, spare, (
        "network connect to its policies in force", "network connect to its port bound",
        "port bound to first frame"))
    r.equal((late, answered(started)), (0, STARTS), "each was enforced before its first frame, "
            "and its first packet was answered at once")


def nanoseconds(text):
    """Of 2026-01-02 03:04:05.123456789."""
    whole, part = text.split(".")
    at = datetime.datetime.strptime(whole, "%Y-%m-%d %H:%M:%S")
    return (int(at.replace(tzinfo=datetime.timezone.utc).timestamp()) * 10**9 +
            int(part.ljust(9, "0")[:9]))


def task_events(path, topic):
    """{container: when}"""
    found = {}
    with open(path, encoding="utf-8") as f:
        for line in f:
            words = line.split(" ", 6)
            if len(words) > 6 and words[5] == topic:
                name = words[6].split('"container_id":"')[1].split('"')[0]
                found[name] = nanoseconds(f"{words[0]} {words[1]}")
    return found


def test_containerd(h, r):
    for i in range(ALREADY):
        h.run(f"already{i}", "/bin/sleep", "10000")
    commits = Commits(h)
    h.agent = commits.agent
    h.settle()
    warm = h.run("warm", "/bin/sleep", "10000")  # makes the bridge
    h.spawn("ctr", "events", log="events")
    h.spawn("python3", "-c", SNIFF, "cni0", log="frames")
    testhost.until(lambda: os.path.getsize(f"{h.dir}/frames.log"), "the sniffer")
    ping = ("/bin/sh", "-c", "ping -c 1 10.88.0.1; sleep 1000")
    started = [h.run(f"c{i}", *ping) for i in range(STARTS)]
    time.sleep(1)
    created = task_events(f"{h.dir}/events.log", "/tasks/create")
    frames = first_frames(f"{h.dir}/frames.log")
    started_at = task_events(f"{h.dir}/events.log", "/tasks/start")
    took, spare, waited, late = [], [], [], 0
    for c in started:
        frame = frames[c.ip()]
        enforced = commits.between(created[c.name], frame)
        if not enforced:
            late += 1
            continue
        took.append((enforced[-1] - created[c.name]) / 1e6)
        spare.append((frame - enforced[-1]) / 1e6)
        waited.append((started_at[c.name] - created[c.name]) / 1e6)
    report(ALREADY, took, spare, waited, (
        "/tasks/create to the last commit before the first frame",
        "that commit to the first frame", "/tasks/create to /tasks/start"))
    r.equal((late, answered(started)), (0, STARTS), "each was enforced before its first frame, "
            "and its first packet was answered at once")
    warm.remove()


def test_podman(h, r):
    h.network("net", "--subnet", "172.30.0.0/16")
    bridge = h.docker("network", "inspect", "net", "--format", "{{.NetworkInterface}}").strip()
    for i in range(ALREADY):
        h.run(f"already{i}", "/bin/sleep", "10000", net="net")
    commits = Commits(h)
    h.agent = commits.agent
    h.settle()
    h.run("warm", "/bin/sleep", "10000", net="net")  # makes the bridge
    h.spawn("python3", "-c", SNIFF, bridge, log="frames")
    testhost.until(lambda: os.path.getsize(f"{h.dir}/frames.log"), "the sniffer")
    started, written = [], {}
    for i in range(STARTS):
        # Not among what Podman gives.
        c = h.run(f"c{i}", *PING, net="net", options=("--cap-add=NET_RAW",))
        started.append(c)
        written[c.name] = os.stat(h.path("/run/bh/podman/storage/overlay-containers/"
                                         f"{c.id}/userdata/config.json")).st_mtime_ns
    time.sleep(1)
    frames = first_frames(f"{h.dir}/frames.log")
    took, spare, whole, late = [], [], [], 0
    for c in started:
        frame = frames[c.ip()]
        enforced = commits.between(written[c.name], frame)
        if not enforced:
            late += 1
            continue
        took.append((enforced[-1] - written[c.name]) / 1e6)
        spare.append((frame - enforced[-1]) / 1e6)
        whole.append((frame - written[c.name]) / 1e6)
    report(ALREADY, took, spare, whole, (
        "config.json written to the last commit before the first frame",
        "that commit to the first frame", "config.json written to the first frame"))
    r.equal((late, answered(started)), (0, STARTS), "each was enforced before its first frame, "
            "and its first packet was answered at once")


ENGINE = (sys.argv[1:] or ["docker"])[0]
if ENGINE == "podman":
    testhost.main(test_podman, "enforced", kind=podmanhost.PodmanHost)
elif ENGINE == "containerd":
    containerdhost.main(test_containerd, "enforced")
else:
    testhost.main(test, "enforced")
