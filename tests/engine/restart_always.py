#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""restart_always.py - containers that the engine starts by itself as it comes
up are enforced from their first instruction."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import netpol
import testhost

LOOP = "while :; do /probe ask -t 100 tcp:172.30.0.10:80 udp:172.30.0.10:80; done"


def test(h, r):
    h.network("net", "--subnet", "172.30.0.0/24")
    h.policy("web.yaml", netpol.CLIENT_TO_WEB)
    h.start_agent()
    again = ("--restart=always",)
    web = h.run("web", labels={"app": "web"}, net="net",
                options=("--ip=172.30.0.10", *again))
    other = h.run("other", "/bin/sh", "-c", LOOP, labels={"app": "other"}, net="net",
                  options=("--ip=172.30.0.20", *again))
    client = h.run("client", labels={"app": "client"}, net="net",
                   options=("--ip=172.30.0.30", *again))
    h.settle()
    testhost.check(r, h, client, web, True, "before: the client reaches web")

    for i in range(3):
        h.stop_docker()
        h.start_docker()
        for c in (web, other, client):
            testhost.until(lambda c=c: c.refresh().running, f"{c.name} to be back")
        h.settle()
        testhost.check(r, h, client, web, True, f"restart {i}: the client reaches web")
        testhost.check(r, h, other, web, False, f"restart {i}: another does not")
    r.equal(web.heard("172.30.0.20"), [], "web never heard the other, which never stopped asking")
    r.ok(len(web.heard("172.30.0.30")) >= 8, "web heard the client each time", web.logs())


testhost.main(test, "restart-always")
