#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""lifecycle.py - a policy follows a container through its life."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import netpol
import testhost


def enforced(h, r, when, web, client, other):
    for c in (web, client, other):
        c.refresh()
    testhost.check(r, h, client, web, True, f"{when}: the client reaches web")
    testhost.check(r, h, other, web, False, f"{when}: another does not")
    testhost.check(r, h, web, other, True, f"{when}: web itself is free to connect")


def recorded(h, r, web, other):
    def record():
        return h.denied(src_ip=other.ip(), dst_ip=web.ip(), dst_port=80, proto="tcp")
    flow = testhost.until(record, "the record of a denied flow", 5)[-1]
    r.equal(flow["src"]["container"]["name"], "other", "the record names the source")
    r.equal(flow["dst"]["container"]["name"], "web", "the record names the destination")
    r.equal(flow["dst"]["container"]["id"], web.id, "the record has the container's id")
    r.equal((flow["direction"], flow["reason"]), ("ingress", "no-policy-allows"),
            "the record tells who decided and why")
    r.equal(flow["policies"], ["default/web"], "the record names the policy")


def names(h):
    return sorted(e["name"] for e in h.get("get", "endpoints")["endpoints"])


def test(h, r):
    h.policy("web.yaml", netpol.CLIENT_TO_WEB)
    h.start_agent()
    web = h.run("web", labels={"app": "web"})
    client = h.run("client", labels={"app": "client"})
    other = h.run("other", labels={"app": "other"})
    h.settle()
    pods = (web, client, other)
    enforced(h, r, "fresh", *pods)
    recorded(h, r, web, other)
    r.equal(names(h), ["client", "other", "web"], "all endpoints are listed")

    h.docker("stop", "-t", "0", "web")
    h.docker("start", "web")
    h.settle()
    enforced(h, r, "web stopped and started", *pods)
    h.docker("kill", "client")
    h.docker("start", "client")
    h.settle()
    enforced(h, r, "client killed and started", *pods)
    h.docker("restart", "-t", "0", "web", "client", "other")
    h.settle()
    enforced(h, r, "all restarted", *pods)
    h.docker("pause", "other")
    h.docker("unpause", "other")
    h.settle()
    enforced(h, r, "paused and unpaused", *pods)

    h.docker("rm", "-f", "other", "web")
    h.settle()
    r.equal(names(h), ["client"], "removed containers are no endpoints")


testhost.main(test, "lifecycle")
