#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""containerd_lifecycle.py - a policy follows a container of containerd through
its life."""
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import containerdhost
import netpol
import testhost

# run.py: the clock decides here.
ALONE = True

PORTS = ("tcp:80", "udp:80")


def enforced(h, r, when, web, client, other):
    for family in (4, 6):
        where = f"{when}, IPv{family}"
        containerdhost.check(r, h, client, web, True, f"{where}: the client reaches web", PORTS,
                             family=family)
        containerdhost.check(r, h, other, web, False, f"{where}: another does not", PORTS,
                             family=family)
    containerdhost.check(r, h, web, other, True, f"{when}: web itself is free to connect")


def recorded(h, r, web, other):
    def record():
        return h.denied(src_ip=other.ip(), dst_ip=web.ip(), dst_port=80, proto="tcp")
    flow = testhost.until(record, "the record of a denied flow", 5)[-1]
    container = flow["dst"]["container"]
    r.equal((flow["src"]["container"]["name"], container["name"], container["id"],
             container["runtime"], container["namespace"]),
            ("other", "web", web.id, "containerd", "default"), "the record names both ends")
    r.equal((flow["direction"], flow["reason"], flow["policies"]),
            ("ingress", "no-policy-allows", ["default/web"]),
            "the record tells who decided and why")


def listed(h):
    return {e["name"]: e for e in h.get("get", "endpoints")["endpoints"]}


def states(h):
    return {name: e["state"] for name, e in listed(h).items()}


def told(h, name):
    """The latest event of that name, once there is one."""
    return testhost.until(lambda: h.events(name), name)[-1]


def nothing_changes(h, r, pods):
    """What happens in a container is told, and changes nothing."""
    web, client, _ = pods
    before = listed(h)
    web.ctr("task", "exec", "-d", "--exec-id", "e1", "web", "/bin/sleep", "1000")
    entered = told(h, "container-exec")
    r.equal((entered["container"]["id"], entered["command"]), (web.id, "/bin/sleep 1000"),
            "a command that enters a container is told")
    web.ctr("task", "pause", "web")
    web.ctr("task", "resume", "web")
    h.settle()
    r.equal(listed(h), before, "exec, pause and resume change no endpoint")
    containerdhost.check(r, h, client, web, True, "after exec and pause: web is reached")
    web.ctr("task", "kill", "--exec-id", "e1", "-s", "SIGKILL", "web")
    h.settle()
    r.equal(listed(h), before, "nor does the end of what entered")


def no_memory(h, r):
    """One process is killed; the container, which it is not the first of, lives."""
    greedy = h.run("greedy", "/bin/sh", "-c", "tail /dev/zero; exec sleep 1000",
                   options=("--memory-limit", str(32 << 20)))
    killed = told(h, "container-oom")
    r.equal((killed["container"]["id"], killed["level"]), (greedy.id, "warning"),
            "a container without memory left is told")
    h.settle()
    r.equal(states(h)["greedy"], "running", "… and is an endpoint like before")
    greedy.remove()


def engine_restarts(h, r, pods):
    h.stop_containerd(signal.SIGKILL)
    enforced(h, r, "containerd killed", *pods)
    h.start_containerd()
    h.settle()
    enforced(h, r, "containerd back", *pods)


def away_at_start(h, r, pods):
    h.stop_agent()
    h.stop_containerd()
    h.launch_agent()
    testhost.until(lambda: "no such file" in h.agent_log() or "nobody listens" in h.agent_log(),
                   "the agent to miss containerd")
    enforced(h, r, "containerd away at the agent's start", *pods)
    h.start_containerd()
    h.settle()
    enforced(h, r, "containerd back after that", *pods)


def test(h, r):
    h.policy("web.yaml", netpol.CLIENT_TO_WEB)
    h.start_agent()
    web = h.run("web", labels={"app": "web"})
    client = h.run("client", labels={"app": "client"})
    other = h.run("other", labels={"app": "other"})
    pods = (web, client, other)
    h.settle()
    enforced(h, r, "fresh", *pods)
    recorded(h, r, web, other)
    r.equal(states(h), {"client": "running", "other": "running", "web": "running"},
            "all endpoints are listed")
    networks = h.get("get", "networks")["networks"]
    r.equal([(n["name"], n["bridge"], sorted(n["subnets"])) for n in networks],
            [("cni0", "cni0", ["10.88.0.0/24", "fd00:88::/64"])], "its network is the bridge")
    nothing_changes(h, r, pods)
    no_memory(h, r)
    web.kill()
    h.settle()
    r.equal(states(h)["web"], "exited", "killed: it has exited")
    r.equal(listed(h)["web"].get("networks", []), [], "killed: it holds no address")
    web.ctr("task", "rm", "web", check=False)
    h.release(web)
    web.start()
    h.settle()
    enforced(h, r, "web killed and started", *pods)
    client.restart()
    h.settle()
    enforced(h, r, "client restarted", *pods)
    engine_restarts(h, r, pods)
    h.stop_agent()
    h.start_agent()
    enforced(h, r, "agent restarted", *pods)
    away_at_start(h, r, pods)
    other.remove()
    web.remove()
    h.settle()
    r.equal(sorted(states(h)), ["client"], "removed containers are no endpoints")


containerdhost.main(test, "containerd-lifecycle")
