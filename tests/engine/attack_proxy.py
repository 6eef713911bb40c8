#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""attack_proxy.py - docker-proxy in front of everybody: Docker without iptables.

Then whoever asks for a published port, from wherever, seems to the container
to be the host. published.py has the host that Docker filters."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import attack
import netpol
import testhost
import wire

DAEMON = {"iptables": False, "ip6tables": False}
HOST, HOST6, CLIENT, CLIENT6 = "203.0.113.1", "2001:db8:ffff::1", "203.0.113.2", "2001:db8:ffff::2"
PUBLISHED = ("-p", "8080:80", "-p", "8080:80/udp", "-p", f"{HOST}:9090:80",
             "-p", "127.0.0.1:7070:80")
ALL_PORTS = [netpol.port(80), netpol.port(80, "UDP")]


def web(*peers):
    return netpol.policy("web", {"app": "web"}, ingress_rules=[
        netpol.ingress(*peers, ports=ALL_PORTS)] if peers else [])


def ways(h, containers, gateway):
    """{(who, how)} that get an answer from behind the published ports."""
    asked = {
        "outside": [f"tcp:{HOST}:8080", f"udp:{HOST}:8080", f"tcp:{HOST6}:8080",
                    f"udp:{HOST6}:8080", f"tcp:{HOST}:9090", f"tcp:{gateway}:8080"],
        "host": ["tcp:127.0.0.1:8080", "tcp:127.0.0.1:7070", "tcp:::1:8080", f"tcp:{HOST}:9090"],
        "peer": [f"tcp:{gateway}:8080", f"udp:{gateway}:8080", f"tcp:{HOST}:8080",
                 f"tcp:{HOST}:9090"],
        "web": [f"tcp:{gateway}:8080", f"udp:{gateway}:8080", f"tcp:{HOST}:9090"],
        "stranger": [f"tcp:172.30.9.1:8080", f"tcp:{gateway}:8080", f"tcp:{HOST}:9090"],
    }
    sources = {"outside": "outside", "host": None, **containers}
    running = {who: h.ask_start(sources[who], targets) for who, targets in asked.items()}
    return {(who, t) for who, p in running.items()
            for t, (result, _) in h.ask_finish(p).items() if result == "open"}, \
           {(who, t) for who, targets in asked.items() for t in targets}


def loopback(h, r, end):
    """127.0.0.1 is the host's own way in; nobody sends there from elsewhere."""
    mac = attack.bridge_mac(h, "lab")
    before = len(h.container_web.logs().splitlines())
    for src, dst in ((end.ip, "127.0.0.1"), ("127.0.0.1", "127.0.0.1"), ("127.0.0.1", end.gateway),
                     (end.gateway, end.gateway)):
        end.wire.send(wire.ether(mac, end.mac, wire.ETH_IP, wire.udp4(src, dst, 8080, b"loop")))
    end.wire.sees(b"never", 0.3)
    r.equal(len(h.container_web.logs().splitlines()), before,
            "a container does not get in by sending to, or as, the host's loopback address")


def test(h, r):
    h.outside()
    h.network("lab", "--subnet", "172.30.8.0/24")
    h.network("elsewhere", "--subnet", "172.30.9.0/24")
    h.start_agent()
    box = h.run("web", labels={"app": "web"}, net="lab", options=PUBLISHED)
    containers = {"web": box, "peer": h.run("peer", labels={"app": "peer"}, net="lab"),
                  "stranger": h.run("stranger", labels={"app": "stranger"}, net="elsewhere")}
    h.container_web = box
    h.settle()
    gateway = box.networks["lab"]["Gateway"]
    got, everything = ways(h, containers, gateway)
    r.equal(got, everything, "no policy: every way is open")
    of = lambda *who: {way for way in everything if way[0] in who}

    h.policy("web.yaml", web())
    got, _ = ways(h, containers, gateway)
    r.equal(got, of("host", "web"), "nobody: the host itself, and the container itself")
    loopback(h, r, attack.End(h, containers["peer"], "lab"))
    h.policy("web.yaml", web(netpol.block(f"{CLIENT}/32")))
    got, _ = ways(h, containers, gateway)
    r.equal(got, of("host", "web") | {w for w in of("outside") if HOST6 not in w[1]},
            "an IPv4 client: by IPv4, as who it really is")
    h.policy("web.yaml", web(netpol.block(f"{CLIENT6}/128")))
    got, _ = ways(h, containers, gateway)
    r.equal(got, of("host", "web") | {w for w in of("outside") if HOST6 in w[1]},
            "an IPv6 client of an IPv4 network: by IPv6, as who it really is")
    h.policy("web.yaml", web(netpol.block(f"{gateway}/32")))
    got, _ = ways(h, containers, gateway)
    r.equal(got, of("host", "web"), "the gateway's address, which the proxy uses: nobody by that")
    h.policy("web.yaml", web(netpol.labels(app="peer")))
    got, _ = ways(h, containers, gateway)
    r.equal(got, of("host", "web", "peer"), "a peer: that one, by the proxy too")
    h.policy("web.yaml", netpol.policy("web", {"app": "web"}, ingress_rules=[
        netpol.ingress(ports=[netpol.port(8080), netpol.port(9090), netpol.port(81)])]))
    got, _ = ways(h, containers, gateway)
    r.equal(got, of("host", "web"), "rules mean the container's ports, not the published ones")
    flow = testhost.until(lambda: h.denied(src_ip=CLIENT6, dst_port=8080, proto="tcp"),
                          "a record of the IPv6 client", 5)[-1]
    r.equal((flow["dst"].get("container", {}).get("name"), flow["direction"]), ("web", "ingress"),
            "the IPv6 client's record names the container behind the proxy")
    twins(h, r)


def twins(h, r):
    """Two containers of the same policies hold one port on two addresses: each
    reaches itself, and not the other."""
    h.policy("web.yaml", netpol.policy("twins", {"app": "twin"}, ingress_rules=[]))
    h.sh("ip", "addr", "add", "203.0.113.9/24", "dev", "ext0")
    addresses = {"one": HOST, "two": "203.0.113.9"}
    boxes = {n: h.run(n, labels={"app": "twin"}, net="lab", options=("-p", f"{a}:6060:80"))
             for n, a in addresses.items()}
    h.settle()
    got = {(n, to): h.result(boxes[n], f"tcp:{a}:6060") == "open"
           for n in boxes for to, a in addresses.items()}
    r.equal(got, {(n, to): n == to for n in boxes for to in boxes},
            "twins on one port of two host addresses: each reaches itself alone")


testhost.main(test, "attack-proxy", daemon=DAEMON)
