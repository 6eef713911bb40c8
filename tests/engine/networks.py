#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""networks.py - a container on several networks is enforced on each."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import netpol
import testhost


def test(h, r):
    h.network("front", "--subnet", "172.30.1.0/24")
    h.network("back", "--subnet", "172.30.2.0/24")
    h.policy("web.yaml", netpol.CLIENT_TO_WEB)
    h.start_agent()
    web = h.run("web", labels={"app": "web"}, net="front")
    h.docker("network", "connect", "back", "web")
    web.refresh()
    for net in ("front", "back"):
        client = h.run(f"client-{net}", labels={"app": "client"}, net=net)
        other = h.run(f"other-{net}", labels={"app": "other"}, net=net)
        h.settle()
        testhost.check(r, h, client, web, True, f"{net}: the client reaches web", network=net)
        testhost.check(r, h, other, web, False, f"{net}: another does not", network=net)
        if net == "front":
            mover = other
    listed = [e for e in h.get("get", "endpoints")["endpoints"] if e["name"] == "web"]
    text = str(listed)
    r.ok(web.ip("front") in text and web.ip("back") in text,
         "both addresses belong to the endpoint", text)

    h.docker("network", "connect", "back", mover.name)
    mover.refresh()
    h.settle()
    testhost.check(r, h, mover, web, False, "connected later: still denied", network="back")
    h.docker("network", "disconnect", "front", "web")
    h.settle()
    web.refresh()
    client = testhost.Container(h, "client-back")
    testhost.check(r, h, client, web, True, "disconnected from one: the other works",
                   network="back")
    h.docker("network", "connect", "front", "web")
    web.refresh()
    h.settle()
    testhost.check(r, h, testhost.Container(h, "client-front"), web, True,
                   "reconnected: the client reaches web", network="front")
    testhost.check(r, h, mover, web, False, "reconnected: another does not", network="front")


testhost.main(test, "networks")
