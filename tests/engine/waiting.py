#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""waiting.py - an agent that may not commit yet: a runtime that is away, a
policy that is broken at the start. What an earlier run governed is not opened
by that, whatever happens to the tables meanwhile."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import netpol
import testhost


def denied(h, r, when, web, *others):
    for other in others:
        testhost.check(r, h, other, web, False, f"{when}: {other.name} does not reach web")


def no_tables(h):
    return "bulkhead" not in h.sh("nft", "list", "tables")


def held(h):
    """The agent has seen the flush and put its skeleton into the kernel."""
    testhost.until(lambda: not no_tables(h), "the bridges to be held", 5)


def flush(h):
    h.sh("nft", "flush", "ruleset")


def restore_docker(h):
    """The flush took Docker's own rules too."""
    h.stop_docker()
    h.start_docker()


def test(h, r):
    h.policy("web.yaml", netpol.CLIENT_TO_WEB)
    h.start_agent()
    web = h.run("web", labels={"app": "web"})
    client = h.run("client", labels={"app": "client"})
    other = h.run("other", labels={"app": "other"})
    h.settle()
    testhost.check(r, h, client, web, True, "before: the client reaches web")
    denied(h, r, "before", web, other)

    # The engine is away (its containers live on) when the agent starts.
    h.stop_docker()
    h.stop_agent()
    h.launch_agent()
    testhost.until(lambda: h.bulkhead("status", check=False).returncode != 3, "the agent")
    testhost.check(r, h, client, web, True, "engine away: the last run's rules are in force")
    denied(h, r, "engine away", web, other)
    flush(h)
    held(h)
    denied(h, r, "engine away, tables flushed", web, other, client)
    r.ok("tamper" in h.agent_log(), "the log tells of the flush", h.agent_log())
    h.start_docker()
    h.settle()
    testhost.check(r, h, client, web, True, "engine back: the client reaches web")
    denied(h, r, "engine back", web, other)

    # A policy is broken when the agent starts.
    h.stop_agent()
    good = netpol.CLIENT_TO_WEB
    h.write("/run/bh/policies/web.yaml", good.replace("podSelector", "podSelektor"))
    h.launch_agent()
    testhost.until(lambda: h.bulkhead("status", check=False).returncode != 3, "the agent")
    testhost.check(r, h, client, web, True, "broken policy: the last run's rules are in force")
    denied(h, r, "broken policy", web, other)
    flush(h)
    held(h)
    denied(h, r, "broken policy, tables flushed", web, other, client)
    # As at boot: nothing in the kernel when the agent starts.
    h.stop_agent()
    flush(h)
    h.launch_agent()
    held(h)
    denied(h, r, "broken policy, nothing in the kernel at start", web, other, client)
    h.write("/run/bh/policies/web.yaml", good)
    restore_docker(h)
    h.settle()
    testhost.check(r, h, client, web, True, "mended: the client reaches web")
    denied(h, r, "mended", web, other)


testhost.main(test, "waiting", daemon={"live-restore": True})
