#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""policy_change.py - policies come, change and go under live traffic."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import time

import netpol
import testhost

# run.py: the clock decides here.
ALONE = True

NOBODY = netpol.policy("web", {"app": "web"}, ingress_rules=[])
NO_EGRESS = netpol.policy("client", {"app": "client"}, egress_rules=[])
ONLY_80 = netpol.policy("web", {"app": "web"}, ingress_rules=[
    netpol.ingress(netpol.labels(app="client"), ports=[netpol.port(80)])])


def dies(h, r, name, text, flows):
    """The live flows end within a second of the policy's being written."""
    start = time.monotonic()
    h.policy("policy.yaml", text)
    for proto, flow in flows.items():
        seconds = h.stream_died(flow, start)
        r.ok(seconds is not None and seconds < 1,
             f"{name}: the live {proto} flow ends within a second", f"after {seconds} s")
        if seconds is None:
            flow.kill()


def flows(h, client, web):
    return {p: h.stream(client, f"{p}:{web.ip()}:80") for p in ("tcp", "udp")}


def test(h, r):
    h.start_agent()
    web = h.run("web", labels={"app": "web"})
    client = h.run("client", labels={"app": "client"})
    h.settle()
    testhost.check(r, h, client, web, True, "no policy: open")

    kept = flows(h, client, web)
    h.policy("policy.yaml", netpol.CLIENT_TO_WEB)
    time.sleep(0.7)
    r.ok(all(f.poll() is None for f in kept.values()),
         "a policy that allows a live flow does not disturb it")
    dies(h, r, "ingress denied", NOBODY, kept)
    testhost.check(r, h, client, web, False, "ingress denied: nothing new gets through")
    revoked = testhost.until(
        lambda: [f for f in h.denied(dst_ip=web.ip()) if f["reason"] == "policy-revoked"],
        "a record of the revoked flow", 5)
    r.ok(bool(revoked), "the revoked flow is recorded")

    h.policy("policy.yaml", netpol.CLIENT_TO_WEB)
    testhost.check(r, h, client, web, True, "changed to allow: open")
    kept = flows(h, client, web)
    dies(h, r, "narrowed to TCP 80", ONLY_80, {"udp": kept["udp"]})
    r.ok(kept["tcp"].poll() is None, "narrowed to TCP 80: the TCP flow lives on")
    kept["tcp"].kill()
    testhost.check(r, h, client, web, False, "narrowed: no other port", ports=("tcp:81", "udp:80"))

    h.no_policy("policy.yaml")
    testhost.check(r, h, client, web, True, "deleted: all open", ports=("tcp:81", "udp:80"))
    kept = flows(h, client, web)
    dies(h, r, "egress denied", NO_EGRESS, kept)
    testhost.check(r, h, client, web, False, "egress denied: nothing new gets through")
    testhost.check(r, h, web, client, True, "egress denied: it still answers others")
    h.no_policy("policy.yaml")
    testhost.check(r, h, client, web, True, "deleted again: open")


testhost.main(test, "policy-change")
