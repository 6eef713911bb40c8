#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""flow_writer.py - whatever becomes of the flow writer and its sinks, enforcement
goes on, in time; and no record is lost that is not counted."""
import json
import os
import pwd
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import netpol
import testhost

ALONE = True

FILE = "/run/bh/log/flows.jsonl"
# Any that is there on every Debian and has nothing.
USER = "nobody"


def writer(h):
    return h.get("status")["flow_log"]["writer"]


def sink(h, name):
    return next(s for s in h.get("status")["flow_log"]["sinks"] if s["name"] == name)


def lines(h):
    with open(h.path(FILE), encoding="utf-8") as f:
        return [json.loads(x) for x in f]


class World:
    def __init__(self, h, r):
        self.h, self.r = h, r
        self.web, self.client, self.other = (
            h.run(n, labels={"app": n}) for n in ("web", "client", "other"))
        h.settle()
        self.port = 1000

    def deny(self, n):
        """n new denied tuples."""
        begin, self.port = self.port, self.port + n
        self.h.ask(self.other, *(f"udp:{self.web.ip()}:{p}" for p in range(begin, self.port)),
                   ms=100)

    def right(self, when):
        """Verdicts, also for who comes now, and how long a change takes."""
        begin = time.monotonic()
        new = self.h.run("late", labels={"app": "client"})
        self.h.settle()
        took = time.monotonic() - begin
        testhost.check(self.r, self.h, new, self.web, True, f"{when}: a newcomer is in")
        testhost.check(self.r, self.h, self.other, self.web, False, f"{when}: others are not")
        self.h.docker("rm", "-f", "late")
        return took


def logrotate(h):
    """The real one, by the file that we ship: for another path, another user, and an
    agent that no systemd started."""
    with open(f"{testhost.REPO}/systemd/bulkhead.logrotate", encoding="utf-8") as f:
        text = f.read()
    for ours, here in (("/var/log/bulkhead/*.jsonl", FILE), ("bulkhead-log", USER),
                       (f"{USER} bulkhead", f"{USER} nogroup"),
                       ("systemctl kill --signal=HUP bulkheadd.service", "pkill -HUP -o bulkheadd")):
        assert ours in text, text
        text = text.replace(ours, here)
    h.write("/run/bh/logrotate.conf", text)
    h.sh("logrotate", "--force", "--state", "/run/bh/logrotate.state", "/run/bh/logrotate.conf")


def ownership(h, r, w):
    """What was root's is the writer's, and so is what it makes."""
    with open(h.path(FILE), encoding="utf-8") as f:
        first = json.loads(f.readline())
    r.ok(first == {"seq": 0} and os.stat(h.path(FILE)).st_uid == pwd.getpwnam(USER).pw_uid,
         "a file that was root's goes on, and is the writer's", first)
    r.equal([os.stat(h.path(f"/run/bh/state/spool-otlp{x}")).st_uid for x in ("", "/position")],
            [pwd.getpwnam(USER).pw_uid] * 2, "the spool is the writer's")
    logrotate(h)
    with open(h.path(f"{FILE}.1"), encoding="utf-8") as f:
        before = f.read()
    w.deny(1)
    testhost.until(lambda: os.path.getsize(h.path(FILE)), "a line in the new file")
    with open(h.path(f"{FILE}.1"), encoding="utf-8") as f:
        r.equal(f.read(), before, "logrotate: what comes goes to the new file")
    r.equal(os.stat(h.path(FILE)).st_uid, pwd.getpwnam(USER).pw_uid,
            "logrotate: which is the writer's")
    # As one file for what follows.
    h.sh("sh", "-c", f"cat {FILE} >>{FILE}.1 && mv {FILE}.1 {FILE} && chown {USER} {FILE}")
    os.kill(h.agent_pid(), signal.SIGHUP)


def isolation(h, r):
    status = {}
    with open(h.path(f"/proc/{writer(h)['pid']}/status"), encoding="ascii") as f:
        for line in f:
            key, _, value = line.partition(":")
            status[key] = value.strip()
    r.equal([status[k] for k in ("CapPrm", "CapEff", "CapInh", "CapAmb")], ["0" * 16] * 4,
            "the writer has no capability")
    r.equal(status["Uid"].split(), [str(pwd.getpwnam(USER).pw_uid)] * 4,
            "it is a user of its own")
    r.equal(status["Name"], "bulkhead-writer", "by its name it is known in ps")
    r.equal((writer(h)["user"], status["Groups"].split()),
            (USER, [str(pwd.getpwnam(USER).pw_gid)]), "with that user's groups alone")
    r.equal((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"),
            "it gains none, and its system calls are filtered")


def stopped(h, r, w):
    usual = w.right("all is well")
    pid = writer(h)["pid"]
    h.sh("kill", "-STOP", str(pid))
    took = w.right("the writer is stopped")
    r.ok(took < usual + 2, "the writer is stopped: a change is as fast", (usual, took))
    w.deny(200)
    h.sh("kill", "-CONT", str(pid))
    testhost.until(lambda: len([x for x in lines(h) if x.get("dst", {}).get("port", 0) >= 1000])
                   >= 200, "the records")
    r.equal(writer(h)["restarts"], 0, "the writer is stopped: it goes on afterwards")
    r.ok(writer(h)["lost"] == 0 and sink(h, "file")["lost"] == 0,
         "the writer is stopped: no record is lost")


def killed(h, r, w):
    before = {x["seq"] for x in lines(h)}
    pid = writer(h)["pid"]
    h.sh("kill", "-KILL", str(pid))
    w.deny(200)
    testhost.until(lambda: writer(h)["pid"] not in (0, pid), "another writer")
    w.right("the writer was killed")
    testhost.until(lambda: sink(h, "file")["waiting"] == 0, "the records")
    seqs = {x["seq"] for x in lines(h)}
    r.ok(len(seqs - before) >= 200 and seqs == set(range(max(seqs) + 1)),
         "the writer was killed: every record is there", sorted(seqs)[-10:])
    r.ok("flow writer" in h.agent_log(), "the writer was killed: which is told")


def broken_sinks(h, r, w):
    """One on a full disk, one that nobody answers; the file has it all."""
    s = testhost.until(lambda: (s := sink(h, "otlp"))["problem"] and s, "the trouble")
    r.ok(s["waiting"] > 0 and s["lost"] == 0, "a dead server: records wait", s)
    w.deny(300)
    took = w.right("dead sinks")
    s = testhost.until(lambda: (s := sink(h, "full"))["problem"] and s, "the full disk")
    r.ok("No space" in s["problem"], "a full disk is told", s)
    r.ok(took < 10, "dead sinks: a change is in force in time", took)
    testhost.until(lambda: sink(h, "file")["waiting"] == 0, "the records")
    seqs = {x["seq"] for x in lines(h)}
    r.ok(seqs == set(range(max(seqs) + 1)), "dead sinks: the file has every record")


def troubles(h, name):
    return [x["problem"] for x in lines(h) if x.get("event") == "sink" and x["sink"] == name]


def told(h, r, w):
    """Troubles and their ends are events, one for each change."""
    r.ok(len(troubles(h, "otlp")) == 1 and troubles(h, "otlp")[0], "a dead server is an event",
         troubles(h, "otlp"))
    r.ok(any("No space" in x for x in troubles(h, "full")), "a full disk is an event")
    h.sh("mount", "-o", "remount,size=4m", "/run/bh/full")
    testhost.until(lambda: troubles(h, "full")[-1] == "", "the full disk's end", 60)
    testhost.until(lambda: not sink(h, "full")["waiting"], "its records", 60)
    r.ok(len(troubles(h, "full")) <= 4, "no event for each record", troubles(h, "full"))
    r.equal(troubles(h, "writer")[-1], "", "the killed writer's end is told")


def keeper_killed(h, r):
    """Nobody can start another writer: that is told while there is one."""
    with open(h.path(f"/proc/{writer(h)['pid']}/stat"), encoding="ascii") as f:
        keeper = f.read().rpartition(")")[2].split()[1]
    h.sh("kill", "-KILL", keeper)
    testhost.until(lambda: any("keeper" in p["message"] for p in h.get("status")["problems"]),
                   "the problem")
    testhost.until(lambda: "keeper" in troubles(h, "writer")[-1], "the event")
    r.ok(True, "the end of the writer's keeper is told")


def ended(h, r):
    pid = writer(h)["pid"]
    agent = h.agent_pid()
    os.kill(agent, signal.SIGKILL)
    h.agent.wait()
    testhost.until(lambda: not os.path.exists(h.path(f"/proc/{pid}")), "the writer's end", 10)
    r.ok(True, "the writer ends with its agent")
    h.agent = None


def test(h, r):
    h.sh("sh", "-c", "mkdir /run/bh/full && mount -t tmpfs -o size=64k tmpfs /run/bh/full")
    h.sh("sh", "-c", f"mkdir /run/bh/log && chown {USER} /run/bh/log && "
         f"echo '{{\"seq\":0}}' >{FILE} && chmod 600 {FILE}")
    h.config["flowLog"] = {"path": FILE, "user": USER, "sinks": [
        {"file": {"name": "full", "path": "/run/bh/full/flows.jsonl"}},
        {"otlp": {"url": "http://127.0.0.1:9/v1/logs"}}]}
    h.policy("web.yaml", netpol.CLIENT_TO_WEB)
    h.start_agent()
    w = World(h, r)
    isolation(h, r)
    ownership(h, r, w)
    stopped(h, r, w)
    killed(h, r, w)
    broken_sinks(h, r, w)
    told(h, r, w)
    keeper_killed(h, r)
    ended(h, r)


testhost.main(test, "flow-writer")
