#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""ulogd.py - the same denied packets to bulkheadd and to ulogd2, in turn.

usage: BULKHEAD_BUILD=build/release tests/bench/ulogd.py   (wants ulogd2, ulogd2-json)

A container sends TUPLES (30,000) datagrams, each of a tuple of its own, RATE
(20,000) a second; every one of them is denied, and logged through NFLOG: by
bulkheadd's own rules without a budget, and then by one rule "log, drop" for
ulogd2, with the same receive buffer of 16 MiB. More than 55,000 ports there are
not from 10000 on. For each are told the records, records a second from the first
packet to the last record, the processor's time, also of the INTERVAL (10s, the
default) after that, in which bulkheadd reads the kernel's counts, and how much of
what is missing it can tell itself.
"""
import os
import sys
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
import netpol
import processor
import testhost

TUPLES = int(os.environ.get("TUPLES", "30000"))
RATE = int(os.environ.get("RATE", "20000"))
INTERVAL = os.environ.get("INTERVAL", "10s")
PLUGINS = "/usr/lib/x86_64-linux-gnu/ulogd"
GROUP = 9
CONFIG = f"""[global]
logfile="/run/bh/ulogd.log"
loglevel=3
plugin="{PLUGINS}/ulogd_inppkt_NFLOG.so"
plugin="{PLUGINS}/ulogd_filter_IFINDEX.so"
plugin="{PLUGINS}/ulogd_filter_IP2STR.so"
plugin="{PLUGINS}/ulogd_raw2packet_BASE.so"
plugin="{PLUGINS}/ulogd_output_JSON.so"
stack=log1:NFLOG,base1:BASE,ifi1:IFINDEX,ip2str1:IP2STR,json1:JSON
[log1]
group={GROUP}
netlink_socket_buffer_size=16777216
netlink_socket_buffer_maxsize=16777216
[json1]
file="/run/bh/ulogd.json"
"""


def rules(ip):
    return (f"table inet bench {{\nchain forward {{\ntype filter hook forward priority "
            f"filter - 10; policy accept;\nip saddr {ip} counter log prefix \"denied\" "
            f"group {GROUP} snaplen 256 drop\n}}\n}}\n")


def records(path, mark):
    with open(path, "rb") as f:
        return sum(mark in line for line in f)


def measure(h, web, ip, pid, path, mark):
    """Records of a flood, seconds, seconds of the processor."""
    before, start = processor.seconds(pid), time.monotonic()
    flood = testhost.flood_start(h, web, ip, 10000, TUPLES, TUPLES, RATE)
    last, when = 0, start
    while time.monotonic() - when < int(INTERVAL.rstrip("s")) + 3:
        n = records(path, mark) if os.path.exists(path) else 0
        if n != last:
            last, when = n, time.monotonic()
        time.sleep(0.1)
    sent, _ = testhost.flood_finish(flood)
    took = when - start
    print(f"  {sent} packets: {last} records, {last / max(took, 0.1):.0f}/s in {took:.1f} s, "
          f"{processor.seconds(pid) - before:.2f} s of the processor")
    return sent, last


def bulkheadd(h, r, web, peer):
    h.policy("deny.yaml", netpol.policy("deny", {"app": "web"}, egress_rules=[]))
    h.start_agent(flowLog={"path": "/run/bh/flows.jsonl", "interval": INTERVAL,
                           "budget": {"rate": 0}})
    print("bulkheadd")
    sent, _ = measure(h, web, peer.ip(), h.agent_pid(),
                      h.path("/run/bh/flows.jsonl"), b'"state":"new"')
    h.stop_agent()
    flows = h.flows()
    recorded = sum(f["new_packets"] for f in flows if "flow_id" in f)
    summed = sum(f["packets"] for f in flows if f.get("event") == "suppressed")
    lost = sum(f["records"] for f in flows
               if f.get("event") == "loss" and f["where"] == "kernel-table")
    unseen = sum(f["records"] for f in flows
                 if f.get("event") == "loss" and f["where"] == "nflog")
    print(f"  {recorded} recorded + {summed} in summaries + {lost} lost; of the recorded "
          f"{unseen} only from the kernel's counts")
    r.equal(recorded + summed + lost, sent, "bulkheadd accounts for every packet")
    h.bulkhead("teardown", check=False)


def ulogd(h, r, web, peer):
    h.write("/run/bh/ulogd.conf", CONFIG)
    h.sh("nft", "-f", "-", stdin=rules(web.ip()))
    process = h.spawn("ulogd", "-c", "/run/bh/ulogd.conf", log="ulogd")
    log = h.path("/run/bh/ulogd.log")
    testhost.until(lambda: os.path.exists(log), "ulogd")
    time.sleep(1)
    pid = testhost.child_of(process.pid)
    print("ulogd2")
    sent, _ = measure(h, web, peer.ip(), pid, h.path("/run/bh/ulogd.json"), b"{")
    os.kill(pid, 15)
    process.wait(testhost.PATIENCE)
    # What its buffers still held is in the file now.
    n = records(h.path("/run/bh/ulogd.json"), b"{")
    with open(log, encoding="utf-8", errors="replace") as f:
        said = [line.strip() for line in f if "losing" in line.lower() or "lost" in line.lower()]
    print(f"  {sent - n} packets have no record; its log on that: {said or 'nothing'}")
    r.ok(n > 0, "ulogd2 wrote records")


def test(h, r):
    web = h.run("web", labels={"app": "web"})
    peer = h.run("peer", labels={"app": "peer"})
    bulkheadd(h, r, web, peer)
    ulogd(h, r, web, peer)


testhost.main(test, "bench-ulogd")
