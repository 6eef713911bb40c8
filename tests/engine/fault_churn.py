#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""fault_churn.py - containers come and go while the policy directory changes
under them: by replacement, in place, by half-written files, by links."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import random
import threading
import time

import faults
import netpol
import testhost

SECONDS = faults.rounds(20)


class Hand(threading.Thread):
    """Does something again and again until told to stop."""

    def __init__(self, step):
        super().__init__(daemon=True)
        self.step, self.over, self.n, self.error = step, threading.Event(), 0, None

    def run(self):
        try:
            while not self.over.is_set():
                self.step(self.n)
                self.n += 1
        except Exception as error:  # pylint: disable=broad-except
            self.error = error

    def stop(self):
        self.over.set()
        self.join(60)


def containers(h, web):
    """Intruders live for a moment, and knock."""
    def step(_):
        h.docker("run", "--rm", "--label=app=intruder", "probe", "/probe", "ask", "-t", "150",
                 f"tcp:{web.ip()}:81", f"udp:{web.ip()}:81")
    return step


def files(h):
    """Everything that people and their tools do to a directory of policies,
    but to the policy that decides here."""
    directory = h.path("/run/bh/policies")
    dice = random.Random(3)

    def text(i):
        return netpol.policy(f"noise{i % 9}", {"tier": str(i % 5)}, ingress_rules=[
            netpol.ingress(netpol.labels(n=str(i)), ports=[netpol.port(1 + i % 60000)])])

    def step(i):
        path = f"{directory}/noise{i % 9}.yaml"
        how = dice.randrange(6)
        if how == 0:
            h.write(f"/run/bh/policies/noise{i % 9}.yaml", text(i))
        elif how == 1:
            with open(path, "w", encoding="utf-8") as f:
                f.write(text(i)[:50])
                f.flush()
                time.sleep(0.01)
                f.write(text(i)[50:])
        elif how == 2:
            with open(path, "w", encoding="utf-8") as f:
                f.write(text(i)[:-20])  # broken
        elif how == 3 and os.path.exists(path):
            os.unlink(path)
        elif how == 4:
            h.write("/run/bh/elsewhere.yaml", text(i))
            link = f"{directory}/.link"
            os.symlink("../elsewhere.yaml", link)
            os.rename(link, path)
        else:
            web = h.path("/run/bh/policies/web.yaml")
            os.utime(web)  # as it was
        time.sleep(0.02)
    return step


def networks(h):
    def step(_):
        h.network("passing")
        h.docker("run", "--rm", "--network=passing", "probe", "/bin/sh", "-c", "exit 0")
        h.docker("network", "rm", "passing")
    return step


def test(h, r):
    h.policy("web.yaml", netpol.CLIENT_TO_WEB)
    h.start_agent()
    web, client, other = (h.run(n, labels={"app": n}) for n in ("web", "client", "other"))
    h.settle()
    allowed = faults.Blast(h, client, f"udp:{web.ip()}:80")
    denied = faults.Blast(h, other, f"udp:{web.ip()}:81")
    flow = h.stream(client, f"tcp:{web.ip()}:80", ms=5000)
    hands = [Hand(containers(h, web)), Hand(files(h)), Hand(networks(h))]
    for hand in hands:
        hand.start()
    time.sleep(SECONDS)
    for hand in hands:
        hand.stop()
    r.equal([h.error for h in hands], [None] * 3, "the churn itself worked")
    allowed.stop()
    denied.stop()
    r.equal(allowed.answered, allowed.sent, "no allowed datagram was lost")
    r.equal(denied.answered, 0, "no denied one was answered")
    r.ok(flow.poll() is None, "the TCP connection lives")
    flow.kill()
    r.equal([x for x in web.logs().splitlines() if ":81 from" in x], [],
            "nobody who may not was heard")
    for i in range(9):
        path = h.path(f"/run/bh/policies/noise{i}.yaml")
        if os.path.lexists(path):
            os.unlink(path)
    h.settle()
    status = h.get("status")
    r.equal((status["policies"]["files"], status["policies"]["broken_files"]), (1, []),
            "in the end the directory is as it is")
    testhost.check(r, h, client, web, True, "in the end: the client reaches web")
    testhost.check(r, h, other, web, False, "in the end: another does not")
    print(f"# containers {hands[0].n}, changes of files {hands[1].n}, networks {hands[2].n}; "
          f"allowed {allowed.sent}, denied {denied.sent}; "
          f"transactions {status['firewall']['transactions']}", flush=True)


testhost.main(test, "fault-churn")
