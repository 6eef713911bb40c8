#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""revoke_host.py - I5 where an end is the host: connections that docker-proxy
took, connections to a service of the host, over IPv6, in audit mode, and those
of a container that is gone."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import netpol
import testhost
from revoke_both_ways import NOBODY, NO_EGRESS, Pair

# run.py: the clock decides here.
ALONE = True

PROTOCOLS = ("tcp", "udp")
SIX = ("fd00:5::/64", "--ipv6")
# The web's ingress from the client alone, at its own port.
PROXIED = netpol.policy("web", {"app": "web"}, ingress_rules=[
    netpol.ingress(netpol.labels(app="client"),
                   ports=[netpol.port(6000), netpol.port(6000, "UDP")])])


def ends(h, r, name, policy, pairs):
    """@policy ends all @pairs."""
    time.sleep(0.3)
    start = time.monotonic()
    h.write("/run/bh/policies/change.yaml", policy)
    time.sleep(3)
    for pair in pairs:
        seen = pair.stop()
        took = max(x["last"] for x in seen) - start
        r.ok(0 < took < 1, f"{name}: {pair.proto} ends within a second, both ways and for good",
             f"{took:.3f} s {seen}")


def goes_on(r, name, pairs):
    time.sleep(1.5)
    now = time.monotonic()
    for pair in pairs:
        seen = pair.stop()
        r.ok(all(x["last"] > now - 0.5 for x in seen), f"{name}: {pair.proto} goes on", seen)


def entries_of(h, address):
    return [line for line in h.sh("cat", "/proc/net/nf_conntrack").splitlines()
            if address in line]


def test(h, r):
    h.start_agent()
    h.network("six", *SIX[1:], "--subnet", SIX[0])
    web = h.run("web", labels={"app": "web"},
                options=("-p", "7000:6000", "-p", "7000:6000/udp"))
    client = h.run("client", labels={"app": "client"})
    web6 = h.run("web6", labels={"app": "web"}, net="six")
    client6 = h.run("client6", labels={"app": "client"}, net="six")
    h.settle()
    gateway = web.networks["bridge"]["Gateway"]

    def proxied():
        return [Pair(h, p, client, web, 6000, to=(gateway, 7000)) for p in PROTOCOLS]

    def to_host():
        return [Pair(h, p, client, None, 6001, at=gateway) for p in PROTOCOLS]

    pairs = proxied()
    h.policy("change.yaml", PROXIED)
    goes_on(r, "docker-proxy, still allowed", pairs)
    ends(h, r, "docker-proxy, ingress denied", NOBODY, proxied())
    h.no_policy("change.yaml")
    ends(h, r, "docker-proxy, egress denied", NO_EGRESS, proxied())
    h.no_policy("change.yaml")
    pairs = to_host()
    h.policy("change.yaml", NOBODY)
    goes_on(r, "a service of the host, another's policy", pairs)
    h.no_policy("change.yaml")
    ends(h, r, "a service of the host, egress denied", NO_EGRESS, to_host())
    h.no_policy("change.yaml")

    for name, policy in (("ingress", NOBODY), ("egress", NO_EGRESS)):
        pairs = [Pair(h, p, client6, web6, 6002, at=web6.ip6()) for p in PROTOCOLS]
        ends(h, r, f"IPv6, {name} denied", policy, pairs)
        h.no_policy("change.yaml")

    pairs = [Pair(h, p, None, web, 6003) for p in PROTOCOLS]
    h.policy("change.yaml", NOBODY)
    goes_on(r, "from the host itself", pairs)
    names = {f["dst"].get("container", {}).get("name")
             for f in h.denied(src_name="client", reason="policy-revoked")}
    r.ok({"web", None} <= names, "records name the container behind the proxy", names)

    # Whoever gets its address next must not inherit them.
    address = client.ip()
    h.ask(client, f"tcp:{gateway}:1", f"udp:{gateway}:1", ms=200)
    r.ok(entries_of(h, address), "a container's connections are there")
    h.docker("rm", "-f", "client")
    testhost.until(lambda: not entries_of(h, address), "its connections to go", 5)
    r.ok(True, "a container that is gone leaves no connections")
    h.no_policy("change.yaml")

    h.stop_agent()
    h.start_agent(enforcement={"mode": "audit"})
    client = h.run("client", labels={"app": "client"})
    h.settle()
    pairs = [Pair(h, p, client, web, 6004) for p in PROTOCOLS]
    h.policy("change.yaml", NOBODY)
    goes_on(r, "audit mode", pairs)

    # What a policy denies while no agent runs ends when one starts.
    h.no_policy("change.yaml")
    h.stop_agent()
    h.start_agent()
    pairs = [Pair(h, p, client, web, 6005) for p in PROTOCOLS]
    h.stop_agent()
    h.policy("change.yaml", NOBODY)
    start = time.monotonic()
    h.start_agent()
    time.sleep(2)
    for pair in pairs:
        seen = pair.stop()
        took = max(x["last"] for x in seen) - start
        r.ok(took < 2, f"denied before the agent's start: {pair.proto} ends", seen)


if __name__ == "__main__":
    testhost.main(test, "revoke-host")
