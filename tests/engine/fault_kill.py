#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""fault_kill.py - the agent dies by kill -9 at any moment of a transaction
sequence, while containers come and go and policies change.

Three flows go on all the time: a TCP connection and 1,000 datagrams a second
that are allowed, and 1,000 a second that are not. No packet of the former may
be lost, none of the latter may arrive. "--rounds N" kills it N times."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import random
import signal
import threading
import time

import faults
import netpol
import testhost

ROUNDS = faults.rounds(20)
ALLOWED = netpol.ingress(netpol.labels(app="client"),
                         ports=[netpol.port(80), netpol.port(80, "UDP")])


def version(port):
    """The policy of web; its versions differ in one open port."""
    return netpol.policy("web", {"app": "web"}, ingress_rules=[
        ALLOWED, netpol.ingress(netpol.labels(app="client"), ports=[netpol.port(port)])])


class Churn(threading.Thread):
    """Containers that come and go, and knock where they may not."""

    def __init__(self, h, web):
        super().__init__(daemon=True)
        self.h, self.web = h, web
        self.over = threading.Event()
        self.started, self.errors, self.open = 0, [], 0

    def run(self):
        targets = [f"{p}:{self.web.ip()}:81" for p in ("tcp", "udp")]
        while not self.over.is_set():
            done = self.h.sh(testhost.DOCKER, "run", "--rm", "--label=app=other", "probe", "/probe",
                             "ask", "-t", "300", *targets, check=False)
            self.started += 1
            self.open += " open " in done.stdout
            if done.returncode:
                self.errors.append(done.stderr)

    def stop(self):
        self.over.set()
        self.join(60)


def whole(h, r, client, web, got):
    """Exactly one of the versions is in force, not a mixture."""
    answers = h.ask(client, *(f"tcp:{web.ip()}:{p}" for p in (82, 83)), ms=300)
    got.append(tuple(result == "open" for result, _ in answers.values()))


def kill_rounds(h, r, web, client):
    """Kill, look, start again. The times from start to in step."""
    kills, ready, dead = random.Random(9), [], []
    for i in range(ROUNDS):
        h.write("/run/bh/policies/web.yaml", version(82 + i % 2))
        time.sleep(kills.uniform(0, 0.12))
        h.stop_agent(signal.SIGKILL)
        whole(h, r, client, web, dead)
        begin = time.monotonic()
        h.launch_agent()
        if i % 3 == 2:
            # Again, in the middle of taking over.
            time.sleep(kills.uniform(0, 0.4))
            h.stop_agent(signal.SIGKILL)
            whole(h, r, client, web, dead)
            h.launch_agent()
        h.settle()
        ready.append(time.monotonic() - begin)
        answers = h.ask(client, *(f"tcp:{web.ip()}:{p}" for p in (82, 83)), ms=500)
        now = [result == "open" for result, _ in answers.values()]
        if now != [i % 2 == 0, i % 2 == 1]:
            r.ok(False, f"round {i}: the new policy is in force", answers)
    r.ok(all(sum(pair) == 1 for pair in dead),
         f"killed {len(dead)} times: what is left is one version, whole", dead)
    print(f"# start to in step: {max(ready):.2f} s at most", flush=True)


def newcomer(h, r, web):
    """Started while nobody is there to know it."""
    h.stop_agent(signal.SIGKILL)
    stray = h.run("stray", labels={"app": "client"})
    testhost.check(r, h, stray, web, False, "dead: a newcomer is nobody yet")
    testhost.check(r, h, web, stray, False, "dead: and nobody reaches it")
    h.start_agent()
    testhost.check(r, h, stray, web, True, "started: the newcomer is known")


def no_flush(h, r):
    """Over an unchanged kernel a new agent has nothing to do."""
    h.stop_agent(signal.SIGKILL)
    before = h.sh("nft", "-s", "-a", "list", "chain", "inet", "bulkhead", "forward")
    h.start_agent()
    firewall = h.get("status")["firewall"]
    # Taking over the ownership of the two tables is a message for each.
    r.ok(firewall["transactions"] <= 1 and firewall["objects"] <= 2,
         "started over an unchanged kernel: nothing but the ownership changes", firewall)
    r.equal(h.sh("nft", "-s", "-a", "list", "chain", "inet", "bulkhead", "forward"), before,
            "the rules kept their handles: nothing was flushed")
    h.run("one-more", labels={"app": "other"})
    h.settle()
    firewall = h.get("status")["firewall"]
    r.ok(firewall["objects"] <= 12, "a container more is a few elements",
         f"{firewall['objects']} objects")


def test(h, r):
    h.write("/run/bh/policies/web.yaml", version(82))
    h.start_agent()
    web = h.run("web", labels={"app": "web"}, serve=(
        *(f"tcp:{p}" for p in (80, 81, 82, 83)), "udp:80", "udp:81"))
    client = h.run("client", labels={"app": "client"})
    other = h.run("other", labels={"app": "other"})
    h.settle()
    flow = h.stream(client, f"tcp:{web.ip()}:80", ms=5000)
    allowed = faults.Blast(h, client, f"udp:{web.ip()}:80")
    denied = faults.Blast(h, other, f"udp:{web.ip()}:81")
    churn = Churn(h, web)
    churn.start()
    kill_rounds(h, r, web, client)
    churn.stop()
    newcomer(h, r, web)
    no_flush(h, r)
    allowed.stop()
    denied.stop()
    r.ok(flow.poll() is None, "the TCP connection lives")
    flow.kill()
    r.equal(allowed.answered, allowed.sent, "no allowed datagram was lost")
    r.equal(denied.answered, 0, "no denied one was answered")
    r.ok(allowed.rate > 800 and denied.rate > 800, "there were about 1,000 a second",
         f"{allowed.rate:.0f}, {denied.rate:.0f}")
    heard = [x for x in web.logs().splitlines() if ":81 from" in x]
    r.equal(heard, [], f"nor did one arrive, of {denied.sent} and of {churn.started} newcomers")
    r.equal(churn.errors, [], "the newcomers could start")
    print(f"# allowed {allowed.sent} (longest silence {allowed.gap * 1000:.0f} ms), "
          f"denied {denied.sent}, containers {churn.started}", flush=True)


testhost.main(test, "fault-kill")
