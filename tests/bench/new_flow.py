#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""new_flow.py - what a packet of a new, allowed flow costs, against other rules.

usage: BULKHEAD_BUILD=build/release tests/bench/new_flow.py [ENDPOINTS…]

With so many endpoints (10 and 1,000) and as many policies, one endpoint sends
datagrams to another one on its bridge that has RULES (10,000) rules for ingress, of
which the last one admits them. Nothing comes back, so the flow stays new to
conntrack, and every datagram goes the whole way. The rulesets take turns in each of
ROUNDS (9) rounds, so that a busy machine is busy for all of them; told are the
medians of ns a packet, and of each round's ratio to "empty":

  bridge   no rules, and a bridge that hands nothing to nftables
  empty    conntrack, a look at the connection's state and no further rule: what a
           packet costs on any host whose engine does NAT
  ours     as bulkheadd loads it
  linear   a map from addresses to a chain for each endpoint, with its rules one
           after the other
"""
import os
import statistics
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
import netpol
import statichost
import testhost

RULES = int(os.environ.get("RULES", "10000"))
ROUNDS = int(os.environ.get("ROUNDS", "9"))
PACKETS = int(os.environ.get("PACKETS", "200000"))
PORT = 80
FIRST = 20000  # of the ports that other rules admit
STATE = "ct state established,related accept"
CHAIN = "type filter hook forward priority filter - 10; policy accept; " + STATE


def address(i):
    return f"10.50.{100 + i // 250}.{1 + i % 250}"


def crowd(n):
    """Endpoints that only the file knows, each with a policy of its own."""
    endpoints = [{"name": f"e{i}", "labels": {"app": f"e{i}"}, "bridge": "br0",
                  "addresses": [address(i)]} for i in range(n)]
    policies = [netpol.policy(f"e{i}", {"app": f"e{i}"}, ingress_rules=[
        netpol.ingress(netpol.labels(app=f"e{(i + 1) % n}"), ports=[netpol.port(443)])])
        for i in range(n)]
    return endpoints, policies


def rules_of(n):
    """All but the last admit somebody else, at a port of their own."""
    rules = [netpol.ingress(netpol.labels(app=f"e{i % n}"), ports=[
        netpol.port(FIRST + i, "UDP")]) for i in range(RULES - 1)]
    return [*rules, netpol.ingress(netpol.labels(app="from"),
                                   ports=[netpol.port(PORT, "UDP")])]


def linear(n, source, to):
    """The last of @to's rules admits @source."""
    rules = [f"ip saddr {address(i % n)} udp dport {FIRST + i} accept" for i in range(RULES - 1)]
    chains = [f"chain e{i} {{\nip saddr {address((i + 1) % n)} tcp dport 443 accept\n"
              "counter drop\n}" for i in range(n)]
    ways = ", ".join([f"{address(i)} : jump e{i}" for i in range(n)] + [f"{to} : jump to"])
    return "\n".join([
        "table inet compared {", *chains, "chain to {", *rules,
        f"ip saddr {source} udp dport {PORT} accept", "counter drop", "}",
        f"map ingress {{ type ipv4_addr : verdict; elements = {{ {ways} }}; }}",
        f"chain forward {{\n{CHAIN}\nip daddr vmap @ingress\n}}", "}"])


class Rulesets:
    """One of them is in force."""

    def __init__(self, h, n, source, to):
        self.host = h
        self.texts = {"bridge": None, "ours": None,
                      "empty": f"table inet compared {{\nchain forward {{\n{CHAIN}\n}}\n}}",
                      "linear": linear(n, source.v4, to.v4)}

    def load(self, name):
        h = self.host
        if h.agent:
            h.stop_agent()
            h.bulkhead("teardown")
        h.sh("nft", "flush", "ruleset")
        h.sh("ip", "link", "set", "br0", "type", "bridge", "nf_call_iptables",
             "0" if name == "bridge" else "1")
        if name == "ours":
            h.start_agent()
        elif self.texts[name]:
            h.sh("nft", "-f", "-", stdin=self.texts[name])


def cost(h, source, to):
    """ns a packet."""
    before = received(h, to)
    sent, ms = map(int, h.sh(*source.prefix(), testhost.probe_binary("flood"), to.v4,
                             str(PORT), "1", str(PACKETS), "0").split())
    arrived = received(h, to) - before
    if arrived < 0.99 * sent:
        raise RuntimeError(f"of {sent} datagrams {arrived} arrived")
    return ms * 1e6 / sent


def received(h, member):
    return int(h.sh("ip", "netns", "exec", member.space,
                    "cat", "/sys/class/net/eth0/statistics/rx_packets"))


class Station(statichost.Member):
    """A Member that answers nothing."""

    def __init__(self, h, name, number):
        self.host, self.name, self.port = h, name, f"v-{name}"
        self.mac = f"52:54:00:00:00:{number:02x}"
        self.v4, self.v6 = f"10.50.0.{number}", f"fd50::{number:x}"
        self.add_space(name)
        self.plug()
        h.sh_bytes(b"table ip mute {\nchain in {\ntype filter hook prerouting priority raw; "
                   b"meta l4proto udp drop\n}\n}\n", *self.prefix(), "nft", "-f", "-")


def measured(h, n):
    endpoints, policies = crowd(n)
    source, to = Station(h, "from", 2), Station(h, "to", 3)
    h.endpoints(*endpoints, *(statichost.endpoint(m, {"app": m.name}) for m in (source, to)))
    h.policy("crowd.yaml", netpol.documents(*policies))
    h.policy("to.yaml", netpol.policy("to", {"app": "to"}, ingress_rules=rules_of(n)))
    rulesets = Rulesets(h, n, source, to)
    figures = {name: [] for name in rulesets.texts}
    for _ in range(ROUNDS):
        for name, values in figures.items():
            rulesets.load(name)
            cost(h, source, to)  # so that addresses are resolved, and caches warm
            values.append(cost(h, source, to))
    return figures


def main():
    for n in [int(x) for x in sys.argv[1:]] or [10, 1000]:
        with statichost.StaticHost(f"bench-new-flow-{n}") as h:
            figures = measured(h, n)
        for name, values in figures.items():
            ratio = statistics.median(v / e for v, e in zip(values, figures["empty"]))
            print(f"{n:5} endpoints, {name:7} {statistics.median(values):6.0f} ns/packet "
                  f"({min(values):.0f} to {max(values):.0f}), {ratio:.2f} of empty", flush=True)


main()
