#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""agent_killed.py - a dead agent leaves the last rules in force, and the next
one takes over without a gap."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import signal

import netpol
import testhost

LOOP = "while :; do /probe ask -t 50 tcp:{0}:80 udp:{0}:80; done"


def rules(h):
    """What the table decides by; not who owns it, nor what was denied lately."""
    text = h.sh("nft", "-s", "list", "table", "inet", "bulkhead")
    return [block for block in text.split("\n\n")[1:] if not block.startswith("\tset denied")]


def enforced(h, r, when, web, client, other):
    testhost.check(r, h, client, web, True, f"{when}: the client reaches web")
    testhost.check(r, h, other, web, False, f"{when}: another does not")


def heir(h, r, how, web, client):
    """Docker gives a freed address to the next container; its rights stay
    behind."""
    address = client.ip()
    h.docker("stop", "-t", "0", client.name)
    evil = h.run(f"heir-{how}", labels={"app": "other"})
    r.equal(evil.ip(), address, f"{how}: another container got the client's address")
    testhost.check(r, h, evil, web, False, f"{how}: and not its rights")
    h.docker("rm", "-f", evil.name)


def test(h, r):
    h.policy("web.yaml", netpol.CLIENT_TO_WEB)
    h.start_agent()
    web = h.run("web", labels={"app": "web"})
    client = h.run("client", labels={"app": "client"})
    other = h.run("other", "/bin/sh", "-c", LOOP.format(web.ip()), labels={"app": "other"})
    h.settle()
    enforced(h, r, "before", web, client, other)

    for how, sig in (("killed", signal.SIGKILL), ("stopped", signal.SIGTERM)):
        flow = h.stream(client, f"tcp:{web.ip()}:80")
        second = h.run(f"second-{how}", labels={"app": "client"})
        h.settle()
        testhost.check(r, h, second, web, True, f"{how}: a second client reaches web before")
        before = rules(h)
        h.stop_agent(sig)
        enforced(h, r, how, web, client, other)
        r.equal(rules(h), before, f"{how}: the rules are as they were")
        stray = h.run(f"stray-{how}", labels={"app": "client"})
        testhost.check(r, h, stray, web, False,
                       f"{how}: a container that started meanwhile is nobody yet")
        heir(h, r, how, web, second)
        r.ok(h.bulkhead("status", check=False).returncode == 3,
             f"{how}: the command line says that the agent is unreachable")
        h.start_agent()
        enforced(h, r, f"started after it was {how}", web, client, other)
        testhost.check(r, h, stray, web, True,
                       f"started after it was {how}: the newcomer is known now")
        r.ok(flow.poll() is None, f"{how} and started: a live allowed flow was not disturbed")
        flow.kill()
        h.docker("rm", "-f", stray.name)
        h.settle()
    r.equal(web.heard(other.ip()), [], "web never heard the other, which never stopped asking")


testhost.main(test, "agent-killed")
