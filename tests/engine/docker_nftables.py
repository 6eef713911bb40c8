#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""docker_nftables.py - beside the tables of Docker Engine 29's nftables backend,
written from its published description (no such engine runs here: this one's own
firewall is switched off). The same verdicts, also for a published port; and its
tables stay as they are."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import netpol
import testhost

BRIDGE = "br-shop"
SUBNET = "172.30.0.0/24"
OUTSIDE = netpol.policy("web", {"app": "web"}, ingress_rules=[
    netpol.ingress(netpol.block("203.0.113.0/24"), ports=[netpol.port(80)])])


def tables(web):
    """A network with one published port, 8080 to 80 of @web."""
    hooks = {"filter-FORWARD": "filter hook forward priority filter",
             "nat-OUTPUT": "nat hook output priority -100",
             "nat-POSTROUTING": "nat hook postrouting priority srcnat",
             "nat-PREROUTING": "nat hook prerouting priority dstnat",
             "raw-PREROUTING": "filter hook prerouting priority raw"}
    local = "fib daddr type local counter jump nat-prerouting-and-output"
    chains = {
        "filter-FORWARD": ["oifname vmap @filter-forward-in-jumps",
                           "iifname vmap @filter-forward-out-jumps"],
        "nat-OUTPUT": [f"ip daddr != 127.0.0.0/8 {local}"],
        "nat-POSTROUTING": ["iifname vmap @nat-postrouting-out-jumps",
                            "oifname vmap @nat-postrouting-in-jumps"],
        "nat-PREROUTING": [local],
        "nat-prerouting-and-output": [
            f'iifname != "{BRIDGE}" tcp dport 8080 counter dnat to {web}:80 comment "DNAT"'],
        "raw-PREROUTING": [f'ip daddr {web} iifname != "{BRIDGE}" counter drop '
                           'comment "DROP DIRECT ACCESS"'],
        f"filter-forward-in__{BRIDGE}": [
            "ct state established,related counter accept",
            f'iifname "{BRIDGE}" counter accept comment "ICC"',
            f"ip daddr {web} tcp dport 80 counter accept",
            'counter drop comment "UNPUBLISHED PORT DROP"'],
        f"filter-forward-out__{BRIDGE}": [
            "ct state established,related counter accept", 'counter accept comment "OUTGOING"'],
        f"nat-postrouting-in__{BRIDGE}": [],
        f"nat-postrouting-out__{BRIDGE}": [
            f'oifname != "{BRIDGE}" ip saddr {SUBNET} counter masquerade comment "MASQUERADE"'],
    }
    text = "table ip docker-bridges {\n"
    for way in ("filter-forward-in", "filter-forward-out", "nat-postrouting-in",
                "nat-postrouting-out"):
        text += (f"map {way}-jumps {{ type ifname : verdict; elements = "
                 f'{{ "{BRIDGE}" : jump {way}__{BRIDGE} }} }}\n')
    for name, rules in chains.items():
        base = [f"type {hooks[name]}; policy accept;"] if name in hooks else []
        text += "\n".join((f"chain {name} {{", *base, *rules, "}\n"))
    return text + "}\ntable ip6 docker-bridges { }\n"


def theirs(h):
    """All that is not ours, without the counters."""
    return "".join(h.sh("nft", "-s", "list", "table", family, "docker-bridges")
                   for family in ("ip", "ip6"))


def ours(h):
    return [x for x in h.sh("nft", "list", "tables").splitlines() if "bulkhead" in x]


def test(h, r):
    host, _ = h.outside()
    h.network("shop", "--subnet", SUBNET, "-o", f"com.docker.network.bridge.name={BRIDGE}")
    web = h.run("web", labels={"app": "web"}, net="shop", options=("-p", "8080:80"))
    client, other = (h.run(n, labels={"app": n}, net="shop") for n in ("client", "other"))
    h.sh("nft", "-f", "-", stdin=tables(web.ip()))
    before = theirs(h)
    r.equal(h.result("outside", f"tcp:{host}:8080"), "open", "without the agent: published")

    h.start_agent()
    r.equal(h.result("outside", f"tcp:{host}:8080"), "open", "no policy: published")
    h.policy("web.yaml", netpol.CLIENT_TO_WEB)
    testhost.check(r, h, client, web, True, "the client reaches web")
    testhost.check(r, h, other, web, False, "another does not")
    r.equal(h.result("outside", f"tcp:{host}:8080"), "timeout", "nor does anybody from outside")
    flow = testhost.until(lambda: h.denied(src_ip="203.0.113.2", dst_ip=web.ip(), dst_port=80),
                          "its record", 5)[-1]
    r.equal((flow["dst"]["container"]["name"], flow.get("published")),
            ("web", {"ip": host, "port": 8080}), "the record has the port that was published")
    h.policy("web.yaml", OUTSIDE)
    r.equal(h.result("outside", f"tcp:{host}:8080"), "open", "allowed from outside: published")
    testhost.check(r, h, client, web, False, "… but for nobody inside")
    r.equal(theirs(h), before, "Docker's tables are as they were")
    h.stop_agent()
    r.equal(len(ours(h)), 2, "without the agent the rules stay")
    h.bulkhead("teardown")
    r.equal((ours(h), theirs(h)), ([], before), "teardown takes ours and leaves Docker's")


testhost.main(test, "docker-nftables", daemon={"iptables": False, "ip6tables": False})
