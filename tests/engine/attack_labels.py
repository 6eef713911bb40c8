#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""attack_labels.py - labels that say what is not so, and far too many of them.

Who may start containers sets their labels, and an image may bring some; the
names under bulkhead/ are the agent's alone. Whose namespace a container is in
has a test of its own, namespaces.py."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import netpol
import testhost

# Who is called web, and runs an image called probe, may reach the database.
POLICY = netpol.documents(
    netpol.policy("db", {"bulkhead/name": "db"}, ingress_rules=[
        netpol.ingress(netpol.labels(**{"bulkhead/name": "web"}))]),
    netpol.policy("by-label", {"app": "store"}, ingress_rules=[
        netpol.ingress(netpol.labels(app="web"))]))
MEGABYTE = 1 << 20


def endpoint(h, name):
    return next((e for e in h.get("get", "endpoints")["endpoints"] if e["name"] == name), None)


def synthetic(h, r):
    db = h.run("db", net="lab")
    web = h.run("web", net="lab")
    liar = h.run("liar", net="lab", labels={"bulkhead/name": "web", "bulkhead/runtime": "x",
                                            "bulkhead/image": "y", "bulkhead/else": "z"})
    hider = h.run("hider", net="lab", labels={"bulkhead/name": "nobody"})
    h.settle()
    testhost.check(r, h, web, db, True, "control: web reaches the database")
    testhost.check(r, h, liar, db, False, "who only says that its name is web does not")
    own = {k: v for k, v in endpoint(h, "liar")["labels"].items() if k.startswith("bulkhead/")}
    r.equal(own, {"bulkhead/name": "liar", "bulkhead/image": "probe", "bulkhead/runtime": "docker"},
            "none of its labels under bulkhead/ is believed")
    h.policy("hider.yaml", netpol.policy("hider", {"bulkhead/name": "hider"}, ingress_rules=[]))
    testhost.check(r, h, web, hider, False, "nor does one hide from a policy with another name")
    h.no_policy("hider.yaml")
    return db, web


def labelled(h, name, pairs, **more):
    """A container with its labels from a file: they fit no command line."""
    h.write("/run/bh/labels", "".join(f"{k}={v}\n" for k, v in pairs))
    return h.run(name, net="lab", options=("--label-file", "/run/bh/labels"), **more)


def resident(h):
    with open(f"/proc/{h.agent_pid()}/status",
              encoding="ascii") as f:
        return next(int(line.split()[1]) * 1024 for line in f if line.startswith("VmRSS"))


def too_many(h, r, db, web):
    """10,000 labels: the container is held, and nobody else feels it."""
    before = resident(h)
    store = h.run("store", net="lab", labels={"app": "store"})
    many = labelled(h, "many", [("app", "web"), *((f"label.{i:05}", "v" * 10)
                                                  for i in range(10000))])
    start = time.monotonic()
    h.settle()
    r.ok(time.monotonic() - start < 10, "10,000 labels: the agent is soon in step")
    testhost.check(r, h, many, store, False, "10,000 labels: what is not known admits nobody")
    testhost.check(r, h, web, many, False, "10,000 labels: nor does anybody reach it")
    testhost.check(r, h, web, db, True, "10,000 labels: others are served as before")
    r.ok("label" in (endpoint(h, "many")["unenforceable"] or ""),
         "10,000 labels: the list of endpoints says why", endpoint(h, "many"))
    r.ok("container many: more than" in h.agent_log(), "10,000 labels: so does the log",
         h.agent_log()[-800:])
    r.ok(resident(h) - before < 64 * MEGABYTE, "10,000 labels: memory stays within bounds",
         f"{before} {resident(h)}")
    h.docker("rm", "-f", "many")
    h.settle()
    return store


def too_long(h, r, store, web):
    """100 values of nearly the length that a line of a label file may have."""
    big = labelled(h, "big", [("app", "web"), *((f"big.{i}", "x" * 60000) for i in range(100))])
    h.settle()
    testhost.check(r, h, big, store, True, "long values: the short ones count as they are")
    r.ok(len(endpoint(h, "big")["labels"].get("big.0", "")) < 60000,
         "long values: they are cut, and no selector can mean them")
    h.docker("rm", "-f", "big")
    late = h.run("late", net="lab", labels={"app": "web"})
    h.settle()
    testhost.check(r, h, late, store, True, "then all is as before")
    testhost.check(r, h, web, store, False, "for everybody")


def test(h, r):
    h.network("lab")
    h.policy("labels.yaml", POLICY)
    h.start_agent()
    db, web = synthetic(h, r)
    store = too_many(h, r, db, web)
    too_long(h, r, store, web)


testhost.main(test, "attack-labels")
