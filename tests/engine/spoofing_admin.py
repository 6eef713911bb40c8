#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""spoofing_admin.py - a container with NET_ADMIN makes a neighbour's addresses
its own, before and after the agent starts anew: what the engine gave it counts,
and the namespace that is behind a port, which nobody inside can change."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import netpol
import testhost


def become(h, evil, mac, address):
    """As from inside, with the capability to do so."""
    for command in (("link", "set", "eth0", "down"), ("link", "set", "eth0", "address", mac),
                    ("addr", "flush", "dev", "eth0", "scope", "global"),
                    ("addr", "add", f"{address}/16", "dev", "eth0"),
                    ("link", "set", "eth0", "up")):
        h.sh("nsenter", "-t", str(evil.pid), "-n", "ip", *command)


def test(h, r):
    h.policy("web.yaml", netpol.CLIENT_TO_WEB)
    h.start_agent()
    web = h.run("web", labels={"app": "web"})
    client = h.run("client", labels={"app": "client"})
    evil = h.run("evil", labels={"app": "other"}, options=("--cap-add", "NET_ADMIN"))
    h.settle()
    net = client.networks["bridge"]
    testhost.check(r, h, client, web, True, "before: the client reaches web")
    testhost.check(r, h, evil, web, False, "before: evil does not")

    become(h, evil, evil.networks["bridge"]["MacAddress"], net["IPAddress"])
    testhost.check(r, h, evil, web, False, "with the client's IP address it does not")
    become(h, evil, net["MacAddress"], net["IPAddress"])
    testhost.check(r, h, evil, web, False, "with its MAC address too it does not")
    flow = testhost.until(lambda: h.denied(reason="spoofed", src_name="evil"), "a record", 5)[-1]
    r.equal(flow["src"]["container"]["name"], "evil", "the record names evil")

    # The agent finds two ports with one MAC address behind them.
    h.stop_agent()
    h.start_agent()
    testhost.check(r, h, evil, web, False, "after a new start it does not either")
    testhost.check(r, h, client, web, True, "after a new start the client still does")
    # The one that it plays goes, and evil is alone with that address.
    h.docker("stop", "-t", "0", client.name)
    h.stop_agent()
    h.start_agent()
    testhost.check(r, h, evil, web, False, "alone with the address it does not")
    h.docker("start", client.name)
    h.settle()
    testhost.check(r, h, client.refresh(), web, True, "the client comes back to its own")
    testhost.check(r, h, evil, web, False, "and evil has gained nothing")


testhost.main(test, "spoofing-admin")
