#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""allowed.py - the same allowed connections to bulkheadd and to ulogd2, in turn.

usage: BULKHEAD_BUILD=build/release tests/bench/allowed.py   (wants ulogd2, ulogd2-json)

A container sends CONNECTIONS (30,000) datagrams, each a connection of its own,
RATE (10,000) a second, to another one that its policies let it reach; then the
kernel forgets them all at once. bulkheadd records each when it begins and when
it ends, ulogd2 once when it ends. Told are the records, the seconds of the
processor, those for a connection, and what was lost.
"""
import os
import sys
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
import netpol
import processor
import testhost

CONNECTIONS = int(os.environ.get("CONNECTIONS", "30000"))
RATE = int(os.environ.get("RATE", "10000"))
PLUGINS = "/usr/lib/x86_64-linux-gnu/ulogd"
CONFIG = f"""[global]
logfile="/run/bh/ulogd.log"
loglevel=3
plugin="{PLUGINS}/ulogd_inpflow_NFCT.so"
plugin="{PLUGINS}/ulogd_filter_IP2STR.so"
plugin="{PLUGINS}/ulogd_output_JSON.so"
stack=ct1:NFCT,ip2str1:IP2STR,json1:JSON
[ct1]
netlink_socket_buffer_size=16777216
netlink_socket_buffer_maxsize=16777216
[json1]
file="/run/bh/ulogd.json"
"""
POLICY = netpol.policy("web", {"app": "web"}, egress_rules=[netpol.egress(netpol.labels(app="peer"))])


def lines(path, marks):
    """How many lines have all @marks."""
    if not os.path.exists(path):
        return 0
    with open(path, "rb") as f:
        return sum(all(m in line for m in marks) for line in f)


def quiet(path, marks):
    """Wait until no more come. How many there are."""
    last, when = -1, time.monotonic()
    while time.monotonic() - when < 3:
        n = lines(path, marks)
        if n != last:
            last, when = n, time.monotonic()
        time.sleep(0.2)
    return last


def measure(h, name, web, ip, pid, path, marks, each):
    """The records of all those connections."""
    before = processor.seconds(pid)
    sent, ms = testhost.flood(h, web, ip, 10000, CONNECTIONS, CONNECTIONS, RATE)
    quiet(path, marks)
    h.sh("conntrack", "-F", check=False)
    told = quiet(path, marks)
    took = processor.seconds(pid) - before
    print(f"{name}: {sent} connections, {1000 * sent / ms:.0f}/s: {told} records of {each * sent}; "
          f"{took:.2f} s of the processor, {1e6 * took / sent:.0f} us for a connection", flush=True)
    return sent, told


def bulkheadd(h, r, web, peer):
    h.policy("web.yaml", POLICY)
    h.start_agent(flowLog={"path": "/run/bh/flows.jsonl", "allowed": True})
    h.settle()
    sent, told = measure(h, "bulkheadd", web, peer.ip(), h.agent_pid(),
                         h.path("/run/bh/flows.jsonl"), [b'"verdict":"allowed"', b'"proto":"udp"'], 2)
    h.stop_agent()
    lost = sum(f["records"] for f in h.events("loss") if f["where"] == "conntrack")
    print(f"  {lost} begins or ends lost")
    r.ok(told + lost >= 2 * sent, "bulkheadd told each or counted it as lost", (told, lost))
    h.bulkhead("teardown", check=False)


def ulogd(h, r, web, peer):
    h.write("/run/bh/ulogd.conf", CONFIG)
    process = h.spawn("ulogd", "-c", "/run/bh/ulogd.conf", log="ulogd")
    testhost.until(lambda: os.path.exists(h.path("/run/bh/ulogd.log")), "ulogd")
    time.sleep(1)
    pid = testhost.child_of(process.pid)
    sent, told = measure(h, "ulogd2", web, peer.ip(), pid, h.path("/run/bh/ulogd.json"),
                         [b'"orig.ip.protocol": 17'], 1)
    os.kill(pid, 15)
    process.wait(testhost.PATIENCE)
    r.ok(told > 0, "ulogd2 wrote records")


def test(h, r):
    h.sh("sysctl", "-qw", "net.netfilter.nf_conntrack_acct=1", "net.netfilter.nf_conntrack_max=262144")
    web = h.run("web", labels={"app": "web"})
    peer = h.run("peer", labels={"app": "peer"})
    bulkheadd(h, r, web, peer)
    h.sh("conntrack", "-F", check=False)
    ulogd(h, r, web, peer)


testhost.main(test, "bench-allowed")
