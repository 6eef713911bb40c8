#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""relabel.py - labels change by re-creation, as `compose up` does it."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import netpol
import testhost


def again(h, old, **labels):
    """The same name and address with other labels."""
    address = old.ip()
    h.docker("rm", "-f", old.name)
    new = h.run(old.name, labels=labels, net="net", options=(f"--ip={address}",))
    h.settle()
    return new


def test(h, r):
    h.network("net", "--subnet", "172.30.0.0/24")
    h.policy("web.yaml", netpol.CLIENT_TO_WEB)
    h.start_agent()
    web = h.run("web", labels={"app": "web"}, net="net", options=("--ip=172.30.0.10",))
    peer = h.run("peer", labels={"app": "client"}, net="net", options=("--ip=172.30.0.20",))
    h.settle()
    testhost.check(r, h, peer, web, True, "as client it reaches web")
    peer = again(h, peer, app="other")
    testhost.check(r, h, peer, web, False, "re-created as another it does not")
    peer = again(h, peer, app="client")
    testhost.check(r, h, peer, web, True, "re-created as client it does again")
    web = again(h, web, app="open")
    peer = again(h, peer, app="other")
    testhost.check(r, h, peer, web, True, "web without its label is not isolated")
    web = again(h, web, app="web")
    testhost.check(r, h, peer, web, False, "web with its label is isolated again")
    peer = again(h, peer, **{"app": "client", "bulkhead.namespace": "elsewhere"})
    testhost.check(r, h, peer, web, False, "a client of another namespace is none")


testhost.main(test, "relabel")
