#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""podman_rootless.py - a user's own Podman: its containers are listed with the
reason why nothing on the host can hold them, and are followed through their
lives; none of their addresses or bridges is taken for the host's."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import lifecycle
import netpol
import podmanhost
import testhost

# The first that Podman makes, in the user's namespace; and one of the host's own.
BRIDGE = "podman1"
SUBNET = "10.89.0.0/24"


def listed(h):
    """{name: endpoint}, as the events told without being asked again."""
    return {e["name"]: e for e in h.get("get", "endpoints")["endpoints"]}


def settles(r, h, expected, name):
    """{name: state} comes to be as @expected by events alone."""
    def states():
        return {n: e["state"] for n, e in listed(h).items()}
    try:
        testhost.until(lambda: states() == expected, name, 10)
    except TimeoutError:
        pass
    return r.equal(states(), expected, name)


def started(h):
    """A container of each kind of network that a user can have."""
    h.network("own", "--subnet", SUBNET)
    h.run("slirp", net="slirp4netns")
    h.run("bridged", net="own")
    h.run("onhost", "/bin/sleep", "1000", net="host")
    # Podman 4.3 does not know pasta: it is started by hand, as before 4.4.
    behind = h.run("pasta", net="none")
    _, there = h.outside()
    h.sh("ip", "route", "add", "default", "via", there)
    h.sh(*h.as_user("pasta", "--config-net", "--quiet", str(behind.pid)))
    h.pod("pod")
    h.member("pod", "member", "/bin/sleep", "1000")


def named(h, r):
    started(h)
    h.settle()
    r.equal([n for n in h.get("get", "networks")["networks"] if n.get("bridge")], [],
            "no bridge of the user's is one of the host's")
    reasons = {n: e.get("unenforceable") or "" for n, e in listed(h).items()}
    r.equal(set(reasons), {"slirp", "bridged", "onhost", "pasta", "pod", "member"},
            "all of the user's containers are listed")
    r.equal([n for n, x in reasons.items() if "rootless" not in x], [],
            "each with the reason that it is rootless")
    r.equal({n: next((m for m in ("slirp4netns", "bridge", "host", "none") if f"({m}" in reasons[n]),
                     reasons[n]) for n in ("slirp", "bridged", "onhost", "pasta")},
            {"slirp": "slirp4netns", "bridged": "bridge", "onhost": "host", "pasta": "none"},
            "the reason names the kind of its network")
    text = h.bulkhead("status", check=False).stdout
    r.equal([n for n in reasons if n not in text], [], "status names each")
    r.ok("rootless" in text, "and the reason", text)
    log = [x for x in h.agent_log().splitlines() if "(rootless)" in x]
    r.equal(len(log), 1, "the log says once that this is a user's engine")


def nothing_is_held(h, r):
    """A policy that denies everything, and a bridge of the host's own that is
    called like the user's."""
    h.policy("all.yaml", netpol.policy("deny-all", {}, ingress_rules=[], egress_rules=[]))
    r.equal({n: e["attachments"] for n, e in listed(h).items() if e.get("attachments")}, {},
            "no address of theirs is known to the rules")
    rules = h.sh("nft", "list", "ruleset")
    r.ok(BRIDGE not in rules and "10.89." not in rules,
         "neither their bridge nor their subnet is in the rules", rules)
    _, there = h.outside()
    h.sh("bash", "-ec", f"ip link add {BRIDGE} type bridge; ip link set {BRIDGE} up; "
         f"ip addr add 10.89.0.1/24 dev {BRIDGE}; "
         "ip netns add mine; ip link add v-mine type veth peer name eth0 netns mine; "
         f"ip link set v-mine master {BRIDGE} up; ip -n mine link set eth0 up; "
         "ip -n mine addr add 10.89.0.9/24 dev eth0; ip -n mine link set lo up")
    h.spawn(testhost.probe_binary(), "serve", "tcp:99", log="serve")
    probe = h.sh("ip", "netns", "exec", "mine", testhost.probe_binary(), "ask", "-t", "2000",
                 "tcp:10.89.0.1:99")
    r.ok(" open " in probe, "the host's bridge of that name carries what it likes", probe)
    member = testhost.Container(h, "slirp")
    server = h.spawn("ip", "netns", "exec", "outside", testhost.probe_binary(), "serve",
                     "tcp:80", log="outside")
    testhost.until(lambda: h.result(None, f"tcp:{there}:80") == "open", "the server outside")
    r.equal(h.result(member, f"tcp:{there}:80"), "open",
            "what the host does not hold goes out: the report is true")
    server.kill()
    h.no_policy("all.yaml")


def followed(h, r):
    """By events: nobody asks for a listing."""
    others = {n: "running" for n in ("slirp", "bridged", "onhost", "pasta", "pod", "member")}
    h.stop("slirp")
    settles(r, h, {**others, "slirp": "exited"}, "stopped")
    h.start("slirp")
    settles(r, h, others, "started")
    h.rename("bridged", "renamed")
    others["renamed"] = others.pop("bridged")
    settles(r, h, others, "renamed")
    h.remove("onhost", "pasta")
    del others["onhost"], others["pasta"]
    settles(r, h, others, "removed")
    h.run("late", net="slirp4netns")
    others["late"] = "running"
    settles(r, h, others, "a new one")
    r.ok("rootless" in listed(h)["late"].get("unenforceable", ""), "with the reason")
    r.ok(any(e["container"]["name"] == "late" for e in h.events("container-start")),
         "its start is an event of the flow log")


def service_restarts(h, r):
    """The user's service ends and comes back; his containers go on."""
    h.stop_engine()
    testhost.until(lambda: lifecycle.engine_state(h) == "away", "the agent to notice")
    h.remove_pod("pod")
    h.remove("late")
    h.run("meanwhile", net="slirp4netns")
    h.start_engine()
    testhost.until(lambda: lifecycle.engine_state(h) == "in-step", "the agent to reconnect")
    settles(r, h, {"slirp": "running", "renamed": "running", "meanwhile": "running"},
            "the service restarted: what happened meanwhile is known")
    h.run("after", net="own")
    h.remove("meanwhile")
    settles(r, h, {"slirp": "running", "renamed": "running", "after": "running"},
            "and events are followed again")


def test(h, r):
    h.start_agent()
    for part in (named, nothing_is_held, followed, service_restarts):
        part(h, r)


testhost.main(test, "podman-rootless", kind=podmanhost.RootlessHost)
