#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""containerd_network.py - namespaces, networks, addresses and starts of
containerd's containers."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import containerdhost
import first_instruction
import netpol
import testhost

def endpoints(h):
    return {f"{e['namespace']}/{e['name']}": e for e in h.get("get", "endpoints")["endpoints"]}


def first_packets(h, r):
    """Allowed: none is dropped. Not allowed: none gets through."""
    h.policy("web.yaml", netpol.CLIENT_TO_WEB)
    web = h.run("web", labels={"app": "web"})
    ask = ("/bin/sh", "-c", f"/probe ask -t 3000 tcp:{web.ip()}:80; sleep 1000")
    for i in range(5):
        client = h.run(f"client{i}", *ask, labels={"app": "client"})
        other = h.run(f"other{i}", *ask, labels={"app": "other"})
        for c in (client, other):
            testhost.until(lambda: c.logs().strip(), "the answer")
        words = client.logs().split()
        dropped = first_instruction.wrongly_denied(h, {client.ip()}, web.ip())
        r.equal((words[1], dropped), ("open", []),
                f"start {i}: the first packet of the client is let through")
        r.ok(other.logs().split()[1] != "open" and not web.heard(other.ip()),
             f"start {i}: nothing of the other gets through", other.logs())
        client.remove()
        other.remove()


def reuse(h, r):
    """The address of a client goes to somebody who is none."""
    web = h.run("web2", labels={"app": "web"})
    seen = set()
    for i in range(4):
        name = "client" if i % 2 == 0 else "other"
        # host-local hands out the next one: have it hand out the same.
        h.sh("rm", "-f", "/run/bh/ipam/cni0/last_reserved_ip.0",
             "/run/bh/ipam/cni0/last_reserved_ip.1")
        c = h.run(f"heir{i}", labels={"app": name})
        seen.add(c.ip())
        h.settle()
        containerdhost.check(r, h, c, web, name == "client", f"heir {i} of an address: {name}")
        c.remove()
    r.equal(len(seen), 1, "it was one address")


def namespaces(h, r):
    h.import_image("shop")
    h.import_image("hidden")
    h.run("same", labels={"app": "web"}, namespace="shop")
    h.run("same", labels={"app": "web"})
    stranger = h.run("same", labels={"app": "client"}, namespace="hidden")
    h.settle()
    found = endpoints(h)
    r.ok("shop/same" in found and "default/same" in found and "hidden/same" not in found,
         "one id in several namespaces: those that are watched are endpoints", sorted(found))
    web = h.run("web3", labels={"app": "web"})
    h.settle()
    containerdhost.check(r, h, stranger, web, False, "an unwatched container reaches nobody")


def networks(h, r):
    h.network("cni1", v4="10.89.0.0/24")
    there = h.run("there", labels={"app": "client"})
    h.network(**containerdhost.DEFAULT)
    h.settle()
    names = sorted(n["bridge"] for n in h.get("get", "networks")["networks"])
    r.equal(names, ["cni0", "cni1"], "each bridge is a network")
    h.sh("sysctl", "-qw", "net.ipv4.ip_forward=1")
    web = h.run("web4", labels={"app": "web"})
    h.settle()
    containerdhost.check(r, h, there, web, True, "the client reaches web from another bridge")


def host_network(h, r):
    arguments = h.arguments("onhost", ("/bin/sleep", "1000"), {}, ("--net-host",), None, "default")
    h.ctr(*[a for a in arguments if a != "--cni"])
    h.settle()
    r.equal(endpoints(h)["default/onhost"].get("unenforceable"), "host network",
            "host network is told as out of reach")


def theft(h, r):
    """Who is inside takes a neighbour's address, with CAP_NET_ADMIN."""
    web = h.run("web5", labels={"app": "web"})
    client = h.run("client5", labels={"app": "client"})
    thief = h.run("thief", labels={"app": "other"})
    h.settle()
    h.sh("nsenter", "-t", str(thief.pid), "-n", "ip", "addr", "add", f"{client.ip()}/24",
         "dev", "eth0")
    h.settle()
    got = h.sh("nsenter", "-t", str(thief.pid), "-n", testhost.probe_binary(), "ask", "-t", "500",
               f"tcp:{web.ip()}:80").split()
    r.ok(got[1] != "open", "an address that a container adds gives it nothing", got)
    containerdhost.check(r, h, client, web, True, "whose it is keeps it")
    h.stop_agent()
    h.start_agent(**CONFIG)
    containerdhost.check(r, h, client, web, True, "also when the agent starts anew")


def many(h, r):
    names = [f"m{i}" for i in range(30)]
    web = h.run("web6", labels={"app": "web"})
    ask = ("/bin/sh", "-c", f"/probe ask -t 3000 tcp:{web.ip()}:80; sleep 1000")
    made = h.run_many(names, *ask, labels={"app": "client"})
    h.settle()
    for c in made:
        testhost.until(lambda: c.logs().strip(), "the answer")
    late = [c.logs().split() for c in made if c.logs().split()[1] != "open"]
    r.equal(late, [], "30 at once: the first packet of each is answered")
    found = endpoints(h)
    r.equal([n for n in names if found[f"default/{n}"]["state"] != "running"], [],
            "30 at once: all are known")


CONFIG = {"runtimes": {"containerd": {"namespaces": ["default", "shop"]}}}


def test(h, r):
    h.start_agent(**CONFIG)
    for part in (first_packets, reuse, namespaces, networks, host_network, theft, many):
        part(h, r)


containerdhost.main(test, "containerd-network")
