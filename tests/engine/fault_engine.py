#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""fault_engine.py - an engine that hangs, talks nonsense, or talks too much.

A proxy stands between agent and engine. Whatever it does: verdicts stay, what
happened is in the log, and once it behaves again the agent is in step with the
engine, also about what it did not hear of."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import json
import signal
import time

import faults
import netpol
import testhost

EVENTS = 10000


def event(i, action="start", kind="container"):
    ident = f"{i:064x}"
    return json.dumps({"Type": kind, "Action": action, "id": ident, "status": action,
                       "Actor": {"ID": ident, "Attributes": {"name": f"ghost{i}"}},
                       "time": 1700000000 + i, "timeNano": (1700000000 + i) * 10**9}) + "\n"


class World:
    def __init__(self, h, r):
        self.h, self.r, self.late = h, r, 0
        self.read = 0  # of the agent's log
        self.web, self.client, self.other = (
            h.run(n, labels={"app": n}) for n in ("web", "client", "other"))
        h.settle()
        self.right("at first")

    def right(self, when):
        targets = [f"{p}:{self.web.ip()}:80" for p in ("tcp", "udp")]
        good = self.h.ask(self.client, *targets, ms=2000)
        bad = self.h.ask(self.other, *targets, ms=200)
        self.r.ok({x for x, _ in good.values()} == {"open"} and
                  {x for x, _ in bad.values()} == {"timeout"}, f"{when}: verdicts stay",
                  f"client {good}\nother {bad}")

    def newcomer(self, when):
        """A container that the agent may not have heard of is held to its policy."""
        self.late += 1
        name = f"late{self.late}"
        return when, self.h.run(name, labels={"app": "client"}), \
            self.h.run(f"{name}-other", labels={"app": "other"})

    def in_step(self, newcomers, patience=testhost.PATIENCE):
        when, client, other = newcomers
        begin = time.monotonic()
        testhost.until(lambda: faults.engine_state(self.h) == "in-step",
                       f"{when}: in step", patience)
        self.h.settle()
        self.read = len(self.h.agent_log())
        seconds = time.monotonic() - begin
        testhost.check(self.r, self.h, client, self.web, True, f"{when}: in step again")
        testhost.check(self.r, self.h, other, self.web, False, f"{when}: and strict")
        self.h.docker("rm", "-f", client.name, other.name)
        print(f"# {when}: in step after {seconds:.2f} s", flush=True)

    def says(self, when, text):
        """Since the last time that all was well; the next try may be 5 s away."""
        self.r.ok(faults.log_says(self.h, text, 12, self.read), f"{when}: the log says so",
                  f"wanted: {text}\n{self.h.agent_log()[self.read:]}")


STREAM_FAULTS = (
    ("garbage among the events", b"\0\xff\x80 {]] nonsense\n", "sent an event that cannot be read"),
    ("events of other shapes", b'[1]\n{"Type":5}\n{"Type":"container","Action":{}}\n"x"\n',
     "sent an event that cannot be read"),
    ("an event of 5 MB", b'{"Type":"' + b"x" * (5 << 20) + b'"}\n', "sent an event of more than"),
)


def streams(w, p):
    """What goes wrong in an event stream."""
    for when, data, text in STREAM_FAULTS:
        p.inject(data)
        w.says(when, text)
        w.in_step(w.newcomer(when))
        w.right(when)
    p.inject(event(1)[:40].encode(), whole=False)
    newcomers = w.newcomer("half an event, then the end")
    p.end_streams(orderly=False)
    w.in_step(newcomers)
    w.right("half an event, then the end")
    p.end_streams()
    w.says("the stream ends", "the engine ended its events")
    w.in_step(w.newcomer("the stream ends"))


def flood(w, p):
    """Events by the thousand, about containers that nobody knows."""
    when = f"{EVENTS} events at once"
    kinds = ("start", "die", "destroy", "create", "rename")
    before = faults.resident_kib(w.h)
    p.inject("".join(event(i, kinds[i % 5]) for i in range(EVENTS)).encode())
    w.in_step(w.newcomer(when), 60)
    w.right(when)
    print(f"# resident {before} -> {faults.resident_kib(w.h)} KiB", flush=True)


def answers(w, p):
    """Nonsense instead of answers, from the beginning."""
    for when, body, status, text in (
            ("answers that are no JSON", b"<html>hello</html>", "200 OK", "Docker API"),
            ("answers of another shape", b'{"ApiVersion":[],"Version":{}}', "200 OK",
             "Docker API"),
            ("errors for everything", b'{"message":"out of order"}',
             "500 Internal Server Error", "out of order"),
            ("nothing for everything", b"", "200 OK", "Docker API")):
        p.answer_all(body, status)
        p.end_streams()
        w.says(when, text)
        newcomers = w.newcomer(when)
        w.right(when)
        p.mode = "pass"
        w.in_step(newcomers)
    p.answer, p.mode = b"\x16\x03\x01 not http at all\r\n\r\n", "answer"
    p.end_streams()
    newcomers = w.newcomer("an answer that is no HTTP")
    w.right("an answer that is no HTTP")
    w.says("an answer that is no HTTP", "GET /version")
    p.mode = "pass"
    w.in_step(newcomers)


def hung(h, w, p):
    """Accepts and never answers; then the engine itself, stopped."""
    p.mode = "hang"
    p.end_streams()
    newcomers = w.newcomer("hung at connecting")
    w.says("hung at connecting", "no complete answer to GET /version")
    w.right("hung at connecting")
    p.mode = "pass"
    w.in_step(newcomers)
    engine = faults.freeze(h.dockerd)
    begin = time.monotonic()
    try:
        testhost.until(lambda: faults.engine_state(h) != "in-step", "the hang to be noticed", 45)
        w.r.ok(True, "dockerd stopped in its tracks: noticed")
        print(f"# noticed after {time.monotonic() - begin:.1f} s", flush=True)
        w.right("dockerd stopped in its tracks")
    finally:
        faults.thaw(h.dockerd, engine)
    w.in_step(w.newcomer("dockerd stopped in its tracks"))


def replaced(h, w):
    """Upgraded in place: containers run on, one ends while nobody looks, and
    its address goes to another."""
    for how, sig in (("restarted", signal.SIGTERM), ("killed", signal.SIGKILL)):
        gone = h.run("gone", labels={"app": "client"})
        h.settle()
        h.stop_docker(sig)
        w.right(f"dockerd {how}: away")
        # Its first process, from outside the container.
        h.sh("kill", "-9", str(gone.pid))
        h.start_docker()
        testhost.until(lambda: faults.engine_state(h) == "in-step", "in step")
        h.docker("rm", "-f", "gone")
        heir = h.run("heir", labels={"app": "other"})
        h.settle()
        w.r.equal(heir.ip(), gone.ip(), f"dockerd {how}: the address has a new owner")
        testhost.check(w.r, h, heir, w.web, False, f"dockerd {how}: who has no former rights")
        w.right(f"dockerd {how}: back")
        h.docker("rm", "-f", "heir")


def test(h, r):
    h.policy("web.yaml", netpol.CLIENT_TO_WEB)
    p = faults.Proxy(h)
    h.start_agent(runtimes={"docker": {"socket": "/run/proxy.sock"}})
    w = World(h, r)
    replaced(h, w)
    streams(w, p)
    flood(w, p)
    answers(w, p)
    hung(h, w, p)


testhost.main(test, "fault-engine", daemon={"live-restore": True})
