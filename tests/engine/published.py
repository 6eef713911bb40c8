#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""published.py - published ports: from outside, through docker-proxy, and the
host's own way in."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import netpol
import testhost

NOBODY = netpol.policy("web", {"app": "web"}, ingress_rules=[])
OUTSIDE = netpol.policy("web", {"app": "web"}, ingress_rules=[
    netpol.ingress(netpol.block("203.0.113.0/24"), ports=[netpol.port(80), netpol.port(80, "UDP")])])
HOST_PORT = netpol.policy("web", {"app": "web"}, ingress_rules=[
    netpol.ingress(netpol.block("203.0.113.0/24"), ports=[netpol.port(8080)])])


def ways(h, gateway, peer):
    """Who gets through to the published port 8080: {way: result}"""
    host, _ = h.outside()
    return {
        "outside": h.result("outside", f"tcp:{host}:8080"),
        "outside udp": h.result("outside", f"udp:{host}:8080"),
        "peer by gateway": h.result(peer, f"tcp:{gateway}:8080"),
        "peer by host": h.result(peer, f"tcp:{host}:8080"),
        "peer by gateway udp": h.result(peer, f"udp:{gateway}:8080"),
        "outside by IPv6": h.result("outside", "tcp:2001:db8:ffff::1:8080"),
    }


def opened(got):
    return {way for way, result in got.items() if result == "open"}


def test(h, r):
    h.start_agent()
    h.outside()
    web = h.run("web", labels={"app": "web"},
                options=("-p", "8080:80", "-p", "8080:80/udp"))
    client = h.run("client", labels={"app": "client"})
    stranger_net = h.network("elsewhere")
    stranger = h.run("stranger", labels={"app": "other"}, net=stranger_net)
    h.settle()
    gateway = web.networks["bridge"]["Gateway"]
    outside = {"outside", "outside udp"}
    # Its network has no IPv6: docker-proxy stands before that.
    outside6 = {"outside by IPv6"}
    peer = {"peer by gateway", "peer by host", "peer by gateway udp"}
    got = ways(h, gateway, client)
    r.equal(opened(got), outside | outside6 | peer, "no policy: every way is open")

    h.policy("web.yaml", NOBODY)
    got = ways(h, gateway, client)
    r.equal(opened(got), set(), f"nobody: no way in {got}")
    flow = testhost.until(lambda: h.denied(src_name="client", dst_ip=gateway, dst_port=8080,
                                           proto="tcp"), "a record of the peer", 5)[-1]
    r.equal((flow["direction"], flow["dst"]["container"]["name"], flow["policies"]),
            ("ingress", "web", ["default/web"]),
            "the record of a peer at the proxy names the container behind it")
    r.equal(h.result(None, f"tcp:{web.ip()}:80"), "open", "nobody: but the host itself")
    r.equal({h.result(web, f"tcp:{a}:8080") for a in (gateway, h.outside()[0])}, {"open"},
            "nobody: and the container itself by its published port")
    r.equal(h.result(None, "tcp:127.0.0.1:8080"), "open",
            "nobody: and the host through its own published port")
    r.ok(h.result(stranger, f"tcp:{gateway}:8080") != "open",
         "nobody: not from another network through the proxy either")

    h.policy("web.yaml", OUTSIDE)
    r.equal(opened(ways(h, gateway, client)), outside, "outside only: no peer by any way")
    h.policy("web.yaml", HOST_PORT)
    r.equal(opened(ways(h, gateway, client)), set(),
            "a policy means the container's port, not the published one")
    h.policy("web.yaml", netpol.CLIENT_TO_WEB)
    got = ways(h, gateway, client)
    r.ok(not opened(got) & outside, "the client only: nobody from outside", got)
    r.ok("peer by gateway" in opened(got), "the client only: the client, through the proxy too", got)
    flow = testhost.until(lambda: h.denied(src_ip="203.0.113.2", dst_ip=web.ip(), dst_port=80,
                                           proto="tcp"), "a record of the outsider", 5)[-1]
    r.equal(flow["dst"]["container"]["name"], "web",
            "the outsider's record has the container and its own port")


testhost.main(test, "published")
