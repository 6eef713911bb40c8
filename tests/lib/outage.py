# SPDX-License-Identifier: GPL-2.0-or-later
"""outage.py - an agent under steady denials while nobody takes its records but the
file: OTLP and Loki are not there, and syslog's peer reads nothing. Then they come
back, and each record is to be accounted for. For a test of seconds and a bench of
minutes.
"""
import json
import os
import time

import netpol
import testhost

OTLP, LOKI, SYSLOG = 4318, 3100, 601


def status(h):
    return h.get("status")["flow_log"]


def sink(h, name):
    return next(s for s in status(h)["sinks"] if s["name"] == name)


def resident(path):
    """KiB of a process, by its status in /proc."""
    with open(path, encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS:"))


def size_of(path):
    return sum(e.stat().st_size for e in os.scandir(path))


class Outage:
    def __init__(self, h, r, spool):
        self.h, self.r = h, r
        self.receiver = f"{testhost.REPO}/tests/tools/receiver.py"
        self.top = f"{h.dir}/sinks"
        os.mkdir(self.top)
        os.mkdir(f"{self.top}/state")
        self.dead = self.spawn("dead", SYSLOG)
        self.web = h.run("web", labels={"app": "web"})
        self.peer = h.run("peer", labels={"app": "peer"})
        h.policy("deny.yaml", netpol.policy("deny", {"app": "web"}, egress_rules=[]))
        h.start_agent(stateDir=f"{self.top}/state", flowLog={
            "interval": "1s", "budget": {"rate": 0}, "user": "root", "sinks": [
                {"file": {"path": f"{self.top}/flows.jsonl"}},
                {"otlp": {"url": f"http://127.0.0.1:{OTLP}/v1/logs", "spoolSize": "8GiB"}},
                {"loki": {"url": f"http://127.0.0.1:{LOKI}/loki/api/v1/push", "spoolSize": spool}},
                {"syslog": {"address": f"tcp:127.0.0.1:{SYSLOG}"}}]})

    def spawn(self, *args):
        return self.h.spawn("python3", self.receiver, *map(str, args), log=f"receiver-{args[1]}")

    def sample(self):
        """(agent, writer) in KiB, (otlp, loki) in bytes of spool."""
        pid = status(self.h)["writer"]["pid"]
        return (resident(f"/proc/{self.h.agent_pid()}/status"),
                resident(self.h.path(f"/proc/{pid}/status")),
                size_of(f"{self.top}/state/spool-otlp"), size_of(f"{self.top}/state/spool-loki"))

    def last(self, seconds, rate):
        """The outage: samples while @rate records a second come."""
        flood = testhost.flood_start(self.h, self.web, self.peer.ip(), 10000, rate,
                                     2 * rate * seconds, 2 * rate)
        samples = []
        while flood.poll() is None:
            time.sleep(max(seconds / 60, 1))
            samples.append(self.sample())
            print("  agent {:6} KiB, writer {:6} KiB, spools {:11} + {:11} bytes".format(*samples[-1]),
                  flush=True)
        testhost.flood_finish(flood)
        return samples

    def written(self):
        """Lines of the file once the flood's last are in it."""
        before = None
        while (now := sink(self.h, "file")["written"]) != before:
            before = now
            time.sleep(2)
        return before

    def recover(self):
        """What each receiver got, once nothing waits for it any more."""
        for name, port in (("otlp", OTLP), ("loki", LOKI)):
            self.spawn("count", port, f"{self.top}/{name}.json")
        os.kill(self.h.agent_pid(), 1)  # SIGHUP: try now
        for name in ("otlp", "loki"):
            testhost.until(lambda n=name: sink(self.h, n)["waiting"] == 0, f"{name}'s spool", 600, 0.5)
        got = {}
        for name in ("otlp", "loki"):
            with open(f"{self.top}/{name}.json", encoding="ascii") as f:
                got[name] = json.load(f)
            got[name]["lost"] = sink(self.h, name)["lost"]
        return got


def run(h, r, seconds, rate, spool, most_kib):
    """@most_kib: of the writer's resident memory."""
    outage = Outage(h, r, spool)
    samples = outage.last(seconds, rate)
    lines = outage.written()
    waits = {n: sink(h, n) for n in ("otlp", "loki", "syslog")}
    print(f"{seconds} s without them: {lines} records; agent {max(s[0] for s in samples)} KiB and writer "
          f"{max(s[1] for s in samples)} KiB at most; spools {samples[-1][2]} and {samples[-1][3]} bytes",
          flush=True)
    r.ok(lines >= seconds * rate * 0.7, "records came all the time", lines)
    r.ok(max(s[1] for s in samples) <= most_kib, f"the writer stays within {most_kib} KiB",
         max(s[1] for s in samples))
    r.ok(all(s["problem"] for s in waits.values()) or waits["syslog"]["waiting"],
         "what is down is told", waits)
    r.equal(sink(h, "file")["lost"], 0, "the file has lost nothing for it")
    s = sink(h, "syslog")
    r.ok(abs(s["written"] + s["waiting"] + s["lost"] - sink(h, "file")["written"]) <= 2 * rate,
         "syslog: what it lacks is counted", s)
    begin = time.monotonic()
    got = outage.recover()
    print(f"all delivered {time.monotonic() - begin:.1f} s after they came back: {got}", flush=True)
    o, k = got["otlp"], got["loki"]
    r.ok(o["lost"] == 0 and o["distinct"] == o["last"] >= lines,
         "OTLP: every record of the outage arrived", o)
    r.equal(o["records"], o["distinct"], "OTLP: once")
    r.ok(k["distinct"] + k["lost"] == k["last"] >= lines and k["lost"] > 0,
         "Loki: of a smaller spool the oldest are lost, exactly as many as are told", k)
    r.equal(k["records"], k["distinct"], "Loki: each once")
    outage.dead.kill()
