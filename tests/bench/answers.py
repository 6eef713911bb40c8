#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""answers.py - what flowLog.dnsNames costs a packet of an established flow.

usage: BULKHEAD_BUILD=build/release tests/bench/answers.py

A container sends PACKETS (10,000) packets of a flow to another one, with the
rules of flowLog.dnsNames and without. The two take turns in each of ROUNDS (41)
rounds, so that a busy machine is busy for both. Told are medians: of the
processor's ns a packet, which the kernel spends on it in the sender's time, and
of each round's ratio to the rules without it:

  udp      datagrams of an established flow
  tcp      segments of one byte each, and what acknowledges them
  answers  datagrams to who asked at port 53: a flood, of which 50 a second are
           copied to the agent
"""
import os
import re
import socket
import statistics
import sys
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
import attack
import testhost

ROUNDS = int(os.environ.get("ROUNDS", "41"))
PACKETS = int(os.environ.get("PACKETS", "10000"))


def ruleset(h):
    """What is loaded, without the elements that come and go by packets."""
    text = h.sh("nft", "-s", "list", "table", "inet", "bulkhead")
    return re.sub(r"(set (?:seen|denied|answers)\w+ \{[^{}]*?)\n\s*elements = \{[^{}]*\}",
                  r"\1", text)


def without(text):
    return "\n".join(line for line in text.splitlines() if "jump answers" not in line)


def sockets(h, container, *kinds):
    with attack.inside(h.path(f"/proc/{container.pid}/ns/net")):
        return [socket.socket(socket.AF_INET, kind) for kind in kinds]


def udp(h, web, peer, asked):
    """A socket whose datagrams are of an established flow: of the asking end's,
    or of the end that was @asked at that port."""
    (client,), (server,) = (sockets(h, c, socket.SOCK_DGRAM) for c in (web, peer))
    server.bind((peer.ip(), asked or 1000))
    client.connect((peer.ip(), asked or 1000))
    client.send(b"?")
    server.connect(server.recvfrom(16)[1])
    server.send(b"!")
    client.recv(16)
    return (server, client) if asked else (client, server)


def tcp(h, web, peer):
    (client,), (server,) = (sockets(h, c, socket.SOCK_STREAM) for c in (web, peer))
    server.bind((peer.ip(), 1000))
    server.listen()
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.connect((peer.ip(), 1000))
    return client, server.accept()[0]


def cost(sender, receiver):
    """ns a packet."""
    receiver.setblocking(False)
    start = time.thread_time_ns()
    for i in range(PACKETS):
        sender.send(b"x")
        if receiver.type == socket.SOCK_STREAM and i % 1000 == 999:
            receiver.recv(1 << 20)
    return (time.thread_time_ns() - start) / PACKETS


def test(h, r):
    h.start_agent(enforcement={"tableOwnership": "disabled"},
                  flowLog={"path": "/run/bh/flows.jsonl", "dnsNames": True})
    web, peer = h.run("web"), h.run("peer")
    h.settle()
    h.stop_agent()
    on = ruleset(h)
    shapes = {"off": without(on), "on": on}
    flows = {"udp": udp(h, web, peer, None), "tcp": tcp(h, web, peer),
             "answers": udp(h, web, peer, 53)}
    figures = {(flow, shape): [] for flow in flows for shape in shapes}
    for turn in range(ROUNDS):
        for shape in sorted(shapes, reverse=turn % 2):
            h.sh("nft", "-f", "-",
                 stdin="table inet bulkhead\ndelete table inet bulkhead\n" + shapes[shape])
            for flow, ends in flows.items():
                figures[flow, shape].append(cost(*ends))
    for flow in flows:
        off, on = (figures[flow, shape] for shape in shapes)
        ratio = statistics.median(b / a for a, b in zip(off, on))
        print(f"{flow:8} {statistics.median(off):6.0f} ns/packet without, "
              f"{statistics.median(on):6.0f} with: {ratio:.3f}, "
              f"least {min(off):.0f} and {min(on):.0f}")
        if flow != "answers":
            r.ok(ratio <= 1.05, f"{flow}: an established packet costs 5 % more at most ({ratio:.3f})")


testhost.main(test, "bench-answers")
