#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""flow_events.py - what happens besides packets, in the flow log: containers,
policies with their content's hash, the mode, tampering, the agent itself."""
import hashlib
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import netpol
import testhost

DENY = netpol.policy("deny", {"app": "web"}, egress_rules=[])
ALLOW = netpol.policy("deny", {"app": "web"}, egress_rules=[netpol.egress(
    netpol.labels(app="peer"))])


def event(h, name, n=1):
    """The event's latest record, once there are @n."""
    return testhost.until(lambda: len(h.events(name)) >= n and h.events(name), name)[-1]


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


def told(e):
    return e["file"], e["policies"], e["hash"]


def test(h, r):
    path = "/run/bh/policies/deny.yaml"
    h.policy("deny.yaml", DENY)
    h.start_agent()
    r.ok(event(h, "agent-start")["version"], "the agent's start is told")
    r.equal(told(event(h, "policy-loaded")), (path, ["default/deny"], sha256(DENY)),
            "a policy that is loaded is told with its content's hash")
    h.policy("deny.yaml", ALLOW)
    r.equal(told(event(h, "policy-changed")), (path, ["default/deny"], sha256(ALLOW)),
            "… one that changes, too")
    h.write(path, "kind: [")
    rejected = event(h, "policy-rejected")
    r.equal((told(rejected), rejected["level"]),
            ((path, ["default/deny"], sha256("kind: [")), "error"),
            "… and one that is rejected, with what stays in force")
    h.policy("deny.yaml", DENY)
    event(h, "policy-changed", 2)

    web = h.run("web", labels={"app": "web"})
    start = event(h, "container-start")
    r.equal((start["container"]["id"], start["container"]["labels"]["app"], start["networks"]),
            (web.id, "web", [{"name": "bridge", "ips": [web.ip()]}]),
            "a container's start is told with its networks and addresses")
    h.docker("exec", "web", "/bin/busybox", "true")
    entered = event(h, "container-exec")
    r.equal((entered["container"]["name"], entered["command"].split()[0]),
            ("web", "/bin/busybox"), "… a command that enters it")
    h.run("greedy", "/bin/sh", "-c", "tail /dev/zero; exec sleep 1000",
          options=("--memory", "32m"))
    r.equal(event(h, "container-oom")["container"]["name"], "greedy",
            "… and one that has no memory left")
    h.docker("rm", "-f", "greedy")

    # Its address passes to another before its denied packets are all told.
    peer = h.run("peer", labels={"app": "peer"})
    address = web.ip()
    h.settle()
    testhost.flood(h, web, peer.ip(), 4000, 1, 50, 0)
    testhost.until(lambda: h.denied(src_name="web", dst_port=4000), "its record")
    h.docker("rm", "-f", "web")
    stop = event(h, "container-stop")
    r.equal((stop["container"]["name"], stop["networks"][0]["ips"]), ("web", [address]),
            "… and its stop, with the address that it had")
    heir = h.run("heir", labels={"app": "web"})
    h.settle()
    r.equal(heir.ip(), address, "another container gets its address")
    testhost.flood(h, heir, peer.ip(), 4000, 1, 30, 0)
    testhost.until(lambda: sum(f["new_packets"] for f in h.denied(dst_port=4000)) == 80,
                   "80 packets")
    r.equal([sum(f["new_packets"] for f in h.denied(src_name=n, dst_port=4000))
             for n in ("web", "heir")], [50, 30], "each one's packets are told under its own name")

    h.no_policy("deny.yaml")
    r.equal(event(h, "policy-removed")["file"], path, "a policy's removal is told")
    mode = event(h, "enforcement")
    r.ok(mode["mode"] == "enforce" and "bridge" in mode["managed_networks"].split(","),
         "the mode and what is managed are told", mode)
    h.stop_agent()
    h.start_agent(enforcement={"tableOwnership": "disabled"})
    h.stop_agent()
    h.sh("nft", "delete", "table", "inet", "bulkhead")
    h.start_agent(enforcement={"tableOwnership": "disabled"})
    h.sh("nft", "flush", "ruleset")
    tamper = event(h, "tamper")
    r.ok(tamper["restored"] and tamper["what"], "tampering is told", tamper)
    h.stop_agent()
    r.equal(len(h.events("agent-stop")), 3, "the agent's stops are told")


testhost.main(test, "flow-events")
