#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""rename.py - a new name is seen, shown, and judged by."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import netpol
import testhost

BY_NAME = netpol.policy("by-name", {"bulkhead/name": "db"}, ingress_rules=[])


def test(h, r):
    h.policy("db.yaml", BY_NAME)
    h.start_agent()
    old = h.run("db")
    peer = h.run("peer", labels={"bulkhead/name": "db"})
    h.settle()
    testhost.check(r, h, peer, old, False, "selected by its name")
    testhost.check(r, h, old, peer, True, "a label of that name is not believed")

    h.docker("rename", "db", "db-old")
    h.settle()
    testhost.check(r, h, peer, old, True, "renamed: not selected any more")
    names = {e["name"] for e in h.get("get", "endpoints")["endpoints"]}
    r.equal(names, {"db-old", "peer"}, "renamed: shown by its new name")
    new = h.run("db")
    h.settle()
    testhost.check(r, h, peer, new, False, "another one of the old name is selected")
    h.docker("rename", "db", "db-2")
    h.docker("rename", "db-old", "db")
    h.settle()
    testhost.check(r, h, peer, old, False, "renamed back: selected again")
    testhost.check(r, h, peer, new, True, "renamed back: the other one is not")
    testhost.until(lambda: h.denied(dst_ip=old.ip(), dst_name="db"), "a record by name", 5)
    r.ok(True, "records carry the name of the moment")


testhost.main(test, "rename")
