#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""fault_tamper.py - other people's hands on the firewall: invariant I7.

Each deed meets two flows of 1,000 datagrams a second, one allowed and one
denied. Where the kernel lets us own our tables, no deed lets a packet through;
where it does not (tableOwnership: disabled), the longest that one did is
measured over "--rounds N" times."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import re
import time

import faults
import netpol
import testhost

# run.py: the clock decides here.
ALONE = True

ROUNDS = faults.rounds(20)

# What a firewall manager does at a reload: everything anew, in one go.
RELOAD = """flush ruleset
table inet firewalld {
  chain filter_FORWARD {
    type filter hook forward priority filter + 10; policy accept;
    ct state established,related accept
  }
}
"""
# Rules that would let everything past, in front of ours.
EARLY = """table inet early {
  chain forward { type filter hook forward priority -300; accept; }
  chain prerouting { type filter hook prerouting priority -300; accept; }
}
table bridge early {
  chain forward { type filter hook forward priority -300; accept; }
}
"""
DEEDS = {
    "nft flush ruleset": "nft flush ruleset",
    "nft delete table inet bulkhead": "nft delete table inet bulkhead",
    "nft delete table bridge bulkhead": "nft delete table bridge bulkhead",
    "nft flush chain": "nft flush chain inet bulkhead forward",
    "a rule of another's in our chain": "nft insert rule inet bulkhead forward accept",
    "our table made dormant": "nft add table inet bulkhead '{ flags dormant; }'",
    "iptables -F, -X and policy accept":
        "iptables -P FORWARD ACCEPT; iptables -F; iptables -X; iptables -t nat -F",
    "iptables-restore (ufw)": "iptables-save | iptables-restore",
    "a reload with flush (firewalld)": "nft -f /run/bh/reload.nft",
    "accepts in front of ours": "nft -f /run/bh/early.nft",
}
FILTER_OFF = {
    "bridge attribute off":
        "ip link set docker0 type bridge nf_call_iptables 0 nf_call_ip6tables 0",
    "bridge attribute off, by sysfs": "echo 0 >/sys/class/net/docker0/bridge/nf_call_iptables",
    "sysctl off": "echo 0 >/proc/sys/net/bridge/bridge-nf-call-iptables",
    "a port taken off its bridge and put back": """
        port=$(ip -o link show master docker0 | sed 's/^[0-9]*: \\([^@]*\\).*/\\1/' | head -n 1)
        ip link set "$port" nomaster; ip link set "$port" master docker0""",
}


class World:
    """Who reaches whom, and the flows that go on."""

    def __init__(self, h):
        self.h = h
        self.web = h.run("web", labels={"app": "web"})
        self.client = h.run("client", labels={"app": "client"})
        self.other = h.run("other", labels={"app": "other"})
        h.settle()

    def right(self):
        return (self.h.result(self.client, f"tcp:{self.web.ip()}:80", ms=2000) == "open" and
                self.h.result(self.other, f"tcp:{self.web.ip()}:80", ms=200) == "timeout" and
                self.h.result(self.other, f"udp:{self.web.ip()}:80", ms=200) == "timeout")

    def meet(self, command, pause=0.3):
        """Do it in the middle of the flows. (how long the denied one got
        through, both flows' totals)."""
        allowed = faults.Blast(self.h, self.client, f"udp:{self.web.ip()}:80")
        denied = faults.Blast(self.h, self.other, f"udp:{self.web.ip()}:81")
        time.sleep(0.15)
        begin = time.monotonic()
        self.h.sh("bash", "-c", command, check=False)
        time.sleep(pause)
        allowed.stop()
        denied.stop()
        return max(0.0, denied.last - begin) if denied.answered else 0.0, allowed, denied


def repair(h):
    """Docker's own rules are gone after some deeds; it is asked to mend them."""
    h.sh("bash", "-c", "nft delete table inet firewalld; nft delete table inet early; "
         "nft delete table bridge early; iptables -P FORWARD ACCEPT", check=False)


def deeds(h, r, w, when, hole):
    """No deed changes a verdict for longer than @hole seconds."""
    for name, command in {**DEEDS, **FILTER_OFF}.items():
        through, allowed, denied = w.meet(command)
        r.ok(through <= hole, f"{when}: {name}: denied stays denied",
             f"got through for {through * 1000:.1f} ms: {denied.answered} of {denied.sent}")
        if "a port taken" not in name:
            r.equal(allowed.answered, allowed.sent, f"{when}: {name}: no allowed packet is lost")
        r.ok(w.right(), f"{when}: {name}: and all is as before",
             h.sh("nft", "list", "tables"))
        repair(h)


def owned(h, r):
    """Nobody else can change our tables."""
    h.start_agent()
    w = World(h)
    r.ok(h.get("status")["firewall"]["owned"], "owned: the tables are ours alone")
    # A bridge that is taken out of the filter's hands is given back.
    deeds(h, r, w, "owned", 0.25)
    r.ok(faults.log_says(h, "bridge docker0 did not hand its packets", 5),
         "owned: the bridge's switch is reported", h.agent_log())
    errors = h.sh("nft", "delete", "table", "inet", "bulkhead", check=False).stderr
    r.ok("not permitted" in errors, "owned: a delete is refused", errors)
    r.equal(h.get("status")["firewall"]["restored"], 0, "owned: nothing had to be restored")
    reported(h, r)
    h.stop_agent()
    return w


def reported(h, r):
    """Others' accepts in front of ours open nothing (above), and are told."""
    def warnings():
        return {w["subject"]: w["message"] for w in h.get("status")["warnings"]}

    r.equal(warnings(), {}, "nothing is before ours")
    h.sh("nft", "add", "table", "inet", "early")
    h.sh("nft", "add", "chain", "inet", "early", "forward",
         "{ type filter hook forward priority -300; }")
    h.sh("nft", "add", "rule", "inet", "early", "forward", "accept")
    told = warnings()
    r.ok(list(told) == ["table inet early"] and
         told["table inet early"].startswith(
             "chain forward (hook forward, priority -300) accepts packets before bulkhead's"),
         "an accept in front of ours is told", told)
    r.ok("table inet early" in h.agent_log(), "and logged", h.agent_log())
    h.sh("nft", "delete", "table", "inet", "early")
    r.equal(warnings(), {}, "until it is gone")


def rules(h):
    """The ruleset but for what the packets add to it."""
    text = h.sh("nft", "-s", "list", "ruleset")
    return [block for block in text.split("\n\n") if not block.startswith("\tset denied")]


def second_agent(h, r, w):
    """Started by mistake: one clear error, and nothing changes."""
    before = rules(h)
    for what, more in (("the same configuration", {}),
                       ("a control socket of its own",
                        {"controlSocket": "/run/bh/second.sock", "stateDir": "/run/bh/second",
                         "flowLog": {"path": "/run/bh/second.jsonl"}})):
        h.sh("mkdir", "-p", "/run/bh/second")
        h.write_config(**more)
        done = h.sh(testhost.program("bulkheadd"), "--config", "/run/bh/bulkhead.yaml",
                    check=False, merge=True, timeout=30)
        errors = [x for x in done.stdout.splitlines() if x.startswith("error")]
        r.ok(done.returncode == 1 and len(errors) == 1 and "another bulkheadd" in errors[0],
             f"a second agent, {what}: one clear error", f"{done.returncode}: {done.stdout}")
        r.equal(rules(h), before,
                f"a second agent, {what}: no rule has changed")
        r.ok(w.right(), f"a second agent, {what}: all is as before")
    r.ok(h.get("status")["firewall"]["in_step"], "the first agent goes on")


def restored(h, r, w):
    """Where the tables cannot be owned: watched and restored."""
    h.start_agent(enforcement={"tableOwnership": "disabled"})
    r.ok(not h.get("status")["firewall"]["owned"], "watched: the tables are anybody's")
    second_agent(h, r, w)
    deeds(h, r, w, "watched", 0.25)
    for what in ("table inet bulkhead was deleted, table bridge bulkhead was deleted by nft",
                 "table bridge bulkhead was deleted by nft",
                 "table inet bulkhead was taken from by nft",
                 "table inet bulkhead was added to by nft",
                 "table inet bulkhead was changed by nft"):
        r.ok(faults.log_says(h, f"tamper: {what} (process ", 1), f"the log says: {what}",
             h.agent_log())
    times = []
    for i in range(ROUNDS):
        through, allowed, _ = w.meet(("nft flush ruleset", "nft delete table inet bulkhead")
                                     [i % 2], pause=0.4)
        times.append(through)
        if allowed.answered != allowed.sent:
            r.ok(False, "a restore loses no allowed packet")
    own = [int(x) for x in re.findall(r"restored in (\d+) us", h.agent_log())]
    r.ok(max(times) < 0.25, f"restored within 250 ms, {ROUNDS} times", times)
    print(f"# watched: denied packets passed for {max(times) * 1000:.1f} ms at most, "
          f"{sorted(times)[len(times) // 2] * 1000:.1f} ms as a median; by the agent's own clock "
          f"{max(own)} us at most", flush=True)
    r.equal(h.result(w.other, f"udp:{w.web.ip()}:81", ms=300), "timeout",
            "what began in the gap did not live on")


def test(h, r):
    h.write("/run/bh/reload.nft", RELOAD)
    h.write("/run/bh/early.nft", EARLY)
    h.policy("web.yaml", netpol.CLIENT_TO_WEB)
    restored(h, r, owned(h, r))


testhost.main(test, "fault-tamper")
