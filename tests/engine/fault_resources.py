#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""fault_resources.py - a host that has run out of something.

Full disks, no descriptors, queues of inotify and netlink that overflow: each
time verdicts stay, the agent says what is missing, and is in step again when
there is enough."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import resource
import time

import faults
import netpol
import testhost


class World:
    def __init__(self, h, r):
        self.h, self.r = h, r
        self.web, self.client, self.other = (
            h.run(n, labels={"app": n}) for n in ("web", "client", "other"))
        h.settle()
        self.read = 0
        self.right("at first")

    def right(self, when):
        targets = [f"{p}:{self.web.ip()}:80" for p in ("tcp", "udp")]
        good = self.h.ask(self.client, *targets, ms=2000)
        bad = self.h.ask(self.other, *targets, ms=200)
        self.r.ok({x for x, _ in good.values()} == {"open"} and
                  {x for x, _ in bad.values()} == {"timeout"}, f"{when}: verdicts are right",
                  f"client {good}\nother {bad}")

    def says(self, when, *texts):
        for text in texts:
            self.r.ok(faults.log_says(self.h, text, 12, self.read),
                      f"{when}: the log says: {text}", self.h.agent_log()[self.read:])
        self.read = len(self.h.agent_log())

    def newcomers(self, when, net=None):
        """Whoever comes after the fault is held to the policies."""
        new = [self.h.run(f"new-{app}", labels={"app": app}, net=net)
               for app in ("client", "other")]
        self.settled(when, new)

    def settled(self, when, new):
        self.h.settle()
        testhost.check(self.r, self.h, new[0], self.web, True, f"{when}: in step")
        testhost.check(self.r, self.h, new[1], self.web, False, f"{when}: and strict")
        self.h.docker("rm", "-f", *(c.name for c in new))


def fill(h, path):
    h.sh("sh", "-c", f"dd if=/dev/zero of={path}/filler bs=4k 2>/dev/null || true")


def full_disks(h, r, w):
    when = "disk full"
    fill(h, "/run/bh/small")
    before = h.get("status")["flow_log"]
    # As many tuples as flow records.
    h.ask(w.other, *(f"udp:{w.web.ip()}:{p}" for p in range(1000, 1500)), ms=100)
    w.says(when, "flow log file: /run/bh/small/flows.jsonl: No space left on device")
    h.network("extra", "--opt", "com.docker.network.bridge.name=br-extra")
    h.settle()
    w.says(when, "cannot remember the managed bridges in /run/bh/small/bridges")
    w.right(when)
    w.newcomers(when)
    problems = str(h.get("status")["flow_log"])
    r.ok("No space left" in problems, f"{when}: status says so", problems)
    h.sh("rm", "/run/bh/small/filler")
    w.says("room again", "is written again")
    testhost.until(lambda: not h.get("status")["flow_log"]["writer"]["waiting"] and
                   not h.get("status")["flow_log"]["sinks"][0]["waiting"], "what waited to be written")
    after = h.get("status")["flow_log"]
    r.ok(after["records"] - before["records"] >= 500 and after["unwritten"] == 0,
         f"{when}: no record was lost for it", f"{before}\n{after}")
    h.network("extra2")
    h.settle()
    r.ok("br-extra" in h.sh("cat", "/run/bh/small/bridges"), "room again: state is kept",
         h.sh("ls", "-l", "/run/bh/small"))
    h.docker("network", "rm", "extra", "extra2")
    h.settle()


def inotify(h, _, w):
    """More changes of files than the kernel keeps for us; the last one counts."""
    when = "inotify overflows"
    policies = h.path("/run/bh/policies")
    with open("/proc/sys/fs/inotify/max_queued_events", encoding="ascii") as f:
        limit = int(f.read())
    agent = faults.freeze(h.agent)
    for i in range(limit // 2 + 100):
        name = f"{policies}/x{i % 7}.yaml"
        with open(name, "w", encoding="ascii"):
            pass
        os.unlink(name)
    h.write("/run/bh/policies/late.yaml", netpol.policy("late", {"app": "client"}, []))
    faults.thaw(h.agent, agent)
    h.settle()
    got = h.result(w.other, f"tcp:{w.client.ip()}:80", ms=300)
    w.r.equal(got, "timeout", f"{when}: the last change is in force")
    h.no_policy("late.yaml")
    w.r.equal(h.result(w.other, f"tcp:{w.client.ip()}:80"), "open", f"{when}: and out again")
    w.right(when)


def descriptors(h, r, w):
    """None left: neither for the engine, nor for policies, nor for clients."""
    when = "no descriptors"
    pid = h.agent_pid()
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (faults.open_files(h), hard))
    h.write("/run/bh/policies/late.yaml", netpol.policy("late", {"app": "client"}, []))
    new = [h.run(f"new-{app}", labels={"app": app}) for app in ("client", "other")]
    begin, used = time.monotonic(), ticks(pid)
    asked = h.bulkhead("status", check=False)
    time.sleep(2)
    share = (ticks(pid) - used) / os.sysconf("SC_CLK_TCK") / (time.monotonic() - begin)
    r.ok(share < 0.5, f"{when}: it does not spin", f"{share * 100:.0f} % of a processor")
    r.ok(asked.returncode in (0, 1, 3), f"{when}: a client is not left hanging", asked)
    w.right(when)
    testhost.check(r, h, new[1], w.web, False, f"{when}: a newcomer is held")
    w.says(when, "Too many open files")
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
    w.settled("descriptors again", new)
    r.equal(h.result(w.other, f"tcp:{w.client.ip()}:80", ms=300), "timeout",
            "descriptors again: the policy is in force")
    h.no_policy("late.yaml")
    w.right("descriptors again")


def ticks(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        words = f.read().rsplit(")", 1)[1].split()
    return int(words[11]) + int(words[12])


def links(h, _, w):
    """More news of links than rtnetlink keeps for us."""
    when = "rtnetlink overflows"
    agent = faults.freeze(h.agent)
    lines = "".join(f"link add l{i} type bridge\nlink set l{i} up\nlink del l{i}\n"
                    for i in range(250))
    h.sh("ip", "-batch", "-", stdin=lines)
    new = [h.run(f"new-{app}", labels={"app": app}) for app in ("client", "other")]
    # Behind the flood, so it is among what was lost.
    h.sh("ip", "link", "set", "docker0", "type", "bridge", "nf_call_iptables", "0")
    h.sh("ip", "-batch", "-", stdin=lines)
    faults.thaw(h.agent, agent)
    w.settled(when, new)
    w.says(when, "links: more news than could be followed",
           "bridge docker0 did not hand its packets to the firewall")
    w.right(when)


def tables(h, r, w):
    """More changes of nftables than can be followed, ours gone among them."""
    when = "nfnetlink overflows"
    h.stop_agent()
    h.start_agent(enforcement={"tableOwnership": "disabled"})
    w.read = 0
    agent = faults.freeze(h.agent)
    elements = "".join(f"add element ip big s {{ 10.{i >> 8 & 255}.{i & 255}.1 }}\n"
                       for i in range(20000))
    h.sh("nft", "-f", "-", stdin="add table ip big\nadd set ip big s { type ipv4_addr; }\n" +
         elements)
    h.sh("nft", "flush", "ruleset")
    r.equal(h.result(w.other, f"udp:{w.web.ip()}:80"), "open",
            f"{when}: the test is one (nobody restores while the agent is stopped)")
    faults.thaw(h.agent, agent)
    w.says(when, "tamper: more changes of nftables than could be followed; restored")
    h.sh("nft", "delete", "table", "ip", "big", check=False)
    w.right(when)
    w.newcomers(when)


def test(h, r):
    h.sh("sh", "-c", "mkdir /run/bh/small && mount -t tmpfs -o size=4m tmpfs /run/bh/small")
    h.config.update(stateDir="/run/bh/small", flowLog={"path": "/run/bh/small/flows.jsonl"})
    h.policy("web.yaml", netpol.CLIENT_TO_WEB)
    h.start_agent()
    w = World(h, r)
    full_disks(h, r, w)
    h.sh("rm", "/run/bh/small/flows.jsonl")
    inotify(h, r, w)
    descriptors(h, r, w)
    links(h, r, w)
    tables(h, r, w)


testhost.main(test, "fault-resources")
