#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""quarantine.py - a container that is sealed off reaches nobody and is reached
by nobody but the host, at once, whatever the policies say, and over restarts of
everything; and is back as it was when it is let back."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import netpol
import testhost

# run.py: the clock decides here.
ALONE = True

# Allows what it selects everything: a quarantine is stronger.
OPEN = netpol.policy("open", {}, ingress_rules=[{}], egress_rules=[{}])


class World:
    def __init__(self, h, r):
        self.h, self.r = h, r
        self.web = h.run("web", labels={"app": "web"}, options=("-p", "7000:80"))
        self.client = h.run("client", labels={"app": "client"})
        self.other = h.run("other", labels={"app": "other"})
        h.settle()

    def reach(self, source, target):
        return self.h.result(source, target, ms=300)

    def sealed(self, when):
        """Nobody reaches web and web reaches nobody, but for the host."""
        h, r, web = self.h, self.r, self.web
        at = web.ip()
        gateway = web.networks["bridge"]["Gateway"]
        seen = {
            "tcp in": self.reach(self.client, f"tcp:{at}:80"),
            "udp in": self.reach(self.client, f"udp:{at}:80"),
            "published": self.reach(self.client, f"tcp:{gateway}:7000"),
            "tcp out": self.reach(web, f"tcp:{self.other.ip()}:80"),
            "udp out": self.reach(web, f"udp:{self.other.ip()}:80"),
        }
        r.equal(seen, dict.fromkeys(seen, "timeout"), f"{when}: web is sealed off")
        r.equal([self.reach(None, f"tcp:{at}:80"), self.reach(self.client,
                                                             f"tcp:{self.other.ip()}:80")],
                ["open", "open"], f"{when}: the host reaches it, and others each other")

    def free(self, when):
        seen = [self.reach(self.client, f"tcp:{self.web.ip()}:80"),
                self.reach(self.web, f"tcp:{self.other.ip()}:80")]
        self.r.equal(seen, ["open", "open"], f"{when}: web is as before")


def told_of(h):
    return testhost.until(lambda: h.events("quarantine"), "an event")


def refused(h, r):
    """What is no request changes nothing, and says why."""
    none = h.bulkhead("quarantine", "nobody", check=False)
    r.ok(none.returncode == 1 and "no endpoint is called \"nobody\"" in none.stderr,
         "who is not there cannot be sealed off", none.stderr)
    lift = h.bulkhead("quarantine", "--lift", "web", check=False)
    r.ok(lift.returncode == 1 and "is not quarantined" in lift.stderr,
         "who is not sealed off cannot be let back", lift.stderr)
    os.chmod(h.path("/run/bulkhead"), 0o755)
    os.chown(h.path("/run/bulkhead/control.sock"), 0, 65534)
    other = h.sh("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                 testhost.program("bulkhead"), "--socket", "/run/bulkhead/control.sock",
                 "quarantine", "web", check=False)
    r.ok(other.returncode != 0, "who is not root may not", other.stdout + other.stderr)
    r.equal(h.get("quarantine")["quarantined"], [], "nobody is sealed off by that")


def at_once(h, r, w):
    """Both connections end within a second, those of others go on."""
    streams = {
        "tcp in": h.stream(w.client, f"tcp:{w.web.ip()}:80"),
        "udp in": h.stream(w.client, f"udp:{w.web.ip()}:80"),
        "tcp out": h.stream(w.web, f"tcp:{w.other.ip()}:80"),
        "udp out": h.stream(w.web, f"udp:{w.other.ip()}:80"),
    }
    stays = h.stream(w.client, f"tcp:{w.other.ip()}:80")
    time.sleep(0.5)
    since = time.monotonic()
    h.bulkhead("quarantine", "web", "--reason", "incident 4711")
    for name, stream in streams.items():
        died = h.stream_died(stream, since)
        r.ok(died is not None and died < 1, f"{name} ends within a second", died)
    r.equal(h.stream_died(stays, since, patience=1), None, "a connection of others goes on")
    stays.kill()
    stays.wait()


def test(h, r):
    h.policy("open.yaml", OPEN)
    h.start_agent()
    w = World(h, r)
    w.free("before")
    refused(h, r)
    at_once(h, r, w)
    w.sealed("quarantined")
    listed = h.get("quarantine")["quarantined"]
    r.equal([(x["name"], x["reason"], x["present"]) for x in listed],
            [("default/web", "incident 4711", True)], "it is listed")
    endpoint = next(e for e in h.get("get", "endpoints")["endpoints"] if e["name"] == "web")
    r.ok(endpoint["quarantined"] and endpoint["ingress"]["isolated"],
         "get endpoints shows it", endpoint)
    told = h.get("explain", "client", "web:80")
    r.equal((told["verdict"], told["ingress"]["reason"]), ("denied", "quarantine"),
            "explain knows")
    testhost.until(lambda: h.denied(dst_name="web", reason="quarantine") and
                   h.denied(src_name="web", reason="quarantine"),
                   "records of both directions")
    r.ok(True, "what is denied is recorded with the reason")
    event = told_of(h)[-1]
    r.equal((event["container"]["name"], event["reason"], event["lifted"]),
            ("web", "incident 4711", False), "the flow log tells of it")
    h.bulkhead("quarantine", "web", "--reason", "once more")
    h.stop_agent()
    w.sealed("no agent")
    h.start_agent()
    h.settle()
    w.sealed("the agent anew")
    h.docker("restart", "-t", "0", "web")
    w.web.refresh()
    h.settle()
    w.sealed("the container anew")
    h.bulkhead("quarantine", "--lift", "web")
    w.free("lifted")
    r.equal(h.get("quarantine")["quarantined"], [], "nobody is listed")
    testhost.until(lambda: len(told_of(h)) == 2, "an event")
    event = told_of(h)[-1]
    r.equal((event["container"]["name"], event["reason"], event["lifted"]),
            ("web", "incident 4711", True), "the flow log tells of both, and nothing twice")


testhost.main(test, "quarantine")
