#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""runtime_latency.py - an endpoint is in the store before its first packet.

Each container pings its gateway as its first act and runs on, so that no address
is used twice; a packet socket on the bridge notes when the first frame of each
address arrives. STARTS and ALREADY (containers there before) are environment
variables.
"""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import runtime_watch
import testhost

STARTS = int(os.environ.get("STARTS", "20"))
ALREADY = int(os.environ.get("ALREADY", "0"))
SNIFF = r"""
import socket, sys, time
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.bind((sys.argv[1], 0))
print("listening", flush=True)
while True:
    frame = s.recv(2048)
    kind = frame[12:14]
    at = 26 if kind == b"\x08\x00" else 28 if kind == b"\x08\x06" else None
    # CNI announces an address before the container runs: from it, to it.
    if at and not (at == 28 and frame[28:32] == frame[38:42]):
        print(time.time_ns(), socket.inet_ntoa(frame[at:at + 4]), flush=True)
"""


def percentile(values, p):
    return sorted(values)[min(len(values) - 1, int(len(values) * p / 100))]


def connects(path):
    """{container id: time of its network connect}"""
    with open(path, encoding="utf-8") as f:
        events = [json.loads(line) for line in f if line.startswith("{")]
    return {e["Actor"]["Attributes"]["container"][:12]: e["timeNano"] for e in events}


def stored(w, before):
    """{container id: when the store first had its address}, {id: address}, of
    those whose names are not in @before."""
    when, address = {}, {}
    for at, op, words in w.changes():
        if op in "+~" and words[0] != "network":
            e = runtime_watch.Endpoint(words)
            if (e.v4("net") and e.id not in when and
                    e.name.split("/", 1)[1] not in before):
                when[e.id], address[e.id] = at, e.v4("net")
    return when, address


def first_frames(path):
    found = {}
    with open(path, encoding="utf-8") as f:
        for line in f:
            at, _, ip = line.partition(" ")
            if at.isdigit():
                found.setdefault(ip.strip(), int(at))
    return found


PING = ("/bin/sh", "-c", "ping -c 1 172.30.0.1; sleep 1000")


def one_by_one(h):
    for i in range(STARTS):
        h.run(f"c{i}", *PING, net="net")


def at_once(h):
    h.sh("bash", "-c", f"for i in $(seq {STARTS}); do {testhost.DOCKER} run -d --network net "
         f"probe {PING[0]} {PING[1]} '{PING[2]}' & done; wait")


def measure(h, r, how, start):
    # Live: the engine repeats no more than the last 256.
    events = h.spawn(testhost.DOCKER, "events", "--filter", "type=network",
                     "--filter", "event=connect", "--format", "{{json .}}", log=f"events-{how}")
    sniffer = h.spawn("python3", "-c", SNIFF, "br-test", log=f"frames-{how}")
    testhost.until(lambda: os.path.getsize(f"{h.dir}/frames-{how}.log"), "the sniffer")
    with runtime_watch.Watch(h, log=f"watch-{how}") as w:
        before = set(w.endpoints())
        start(h)
        h.sh("sleep", "1.5")
        when, address = stored(w, before)
    sniffer.kill()
    events.kill()
    told = connects(f"{h.dir}/events-{how}.log")
    frames = first_frames(f"{h.dir}/frames-{how}.log")
    if not r.equal((len(when), sum(c in told for c in when),
                    sum(address[c] in frames for c in when)), (STARTS,) * 3,
                   f"{how}: every container was stored, told, and sent a frame"):
        return
    took = [(when[c] - told[c]) / 1e6 for c in when]
    spare = [(frames[address[c]] - when[c]) / 1e6 for c in when]
    print(f"# {how}: {STARTS} starts with {len(before)} there, network connect to store, ms: "
          f"p50 {percentile(took, 50):.2f}, p99 {percentile(took, 99):.2f}, max {max(took):.2f}; "
          f"store to first frame: min {min(spare):.1f}, p50 {percentile(spare, 50):.1f}")
    r.ok(min(spare) > 0, f"{how}: each was in the store before its first frame")


def test(h, r):
    h.network("net", "--subnet", "172.30.0.0/16", "-o", "com.docker.network.bridge.name=br-test")
    for i in range(ALREADY):
        h.run(f"already{i}", "/bin/sleep", "1000", net="net")
    # The target is 25 ms; a busy machine may take longer and still be in time.
    measure(h, r, "one-by-one", one_by_one)
    measure(h, r, "at-once", at_once)


if __name__ == "__main__":
    testhost.main(test, "runtime-latency")
