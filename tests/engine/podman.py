#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""podman.py - what only Podman has: pods, networks of CNI, containers whose
network is a process's, and an engine that is none."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import netpol
import podmanhost
import testhost

# run.py: the clock decides here.
ALONE = True

NONSENSE = r"""
import os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen(8)
while True:
    c, _ = s.accept()
    c.recv(4096)
    c.sendall(sys.argv[2].encode().decode("unicode_escape").encode())
    c.close()
"""


def endpoint(h, name):
    return next((e for e in h.get("get", "endpoints")["endpoints"] if e["name"] == name), None)


def pods(h, r):
    """One endpoint, under the pod's name and labels."""
    h.pod("shop", {"app": "web"})
    h.member("shop", "member", labels={"app": "client"})
    client = h.run("client", labels={"app": "client"})
    other = h.run("other", labels={"app": "other"})
    h.settle()
    pod = endpoint(h, "shop")
    r.ok(pod is not None, "a pod is an endpoint of its name", h.get("get", "endpoints"))
    infra = h.infra("shop")
    testhost.check(r, h, client, infra, True, "the pod's labels decide: a client comes in")
    testhost.check(r, h, other, infra, False, "another does not")
    # The member says it is a client: it is not believed for the pod.
    web = h.run("web", labels={"app": "web"})
    h.settle()
    testhost.check(r, h, infra, web, False, "a member's label does not make the pod a client")
    r.ok("member of pod" in h.agent_log(), "the log says what holds for a member")
    h.remove_pod("shop")
    h.remove("client", "other", "web")
    h.settle()
    r.equal(h.get("get", "endpoints")["endpoints"], [], "removed: forgotten")


def members(h, r):
    """Members come and go while the agent looks, and while it is away."""
    h.pod("shop", {"app": "web"})
    h.member("shop", "first")
    client, other = h.run("client", labels={"app": "client"}), h.run("other")

    def holds(when):
        h.settle()
        infra = h.infra("shop")
        testhost.check(r, h, client, infra, True, f"{when}: a client reaches the pod")
        testhost.check(r, h, other, infra, False, f"{when}: another does not")

    def states():
        return {n: endpoint(h, n) and endpoint(h, n)["state"] for n in ("shop", "first", "second")}
    holds("one member")
    h.docker("run", "-d", "--name", "second", "--pod", "shop", "probe", "/bin/sleep", "1000")
    testhost.until(lambda: states()["second"] == "running", "the second member")
    h.remove("second")
    testhost.until(lambda: not states()["second"], "it to be forgotten")
    holds("one added and removed")
    h.stop_agent()
    h.remove("first")
    h.docker("run", "-d", "--name", "second", "--pod", "shop", "probe", "/probe", "serve",
             "tcp:80", "udp:80")
    h.start_agent()
    r.equal(states(), {"shop": "running", "first": None, "second": "running"},
            "agent away: the members are those of now")
    holds("agent away")
    h.docker("pod", "stop", "-t", "0", "shop")
    h.docker("pod", "start", "shop")
    holds("the pod stopped and started")
    h.remove_pod("shop")
    h.remove("client", "other")
    h.settle()


def entered(h, r):
    """What happens in a container is told."""
    h.run("web", "/bin/sleep", "1000", labels={"app": "web"})
    h.settle()
    h.docker("exec", "web", "/bin/sleep", "0")
    event = testhost.until(lambda: h.events("container-exec"), "the event")[0]
    r.equal(event["container"]["name"], "web", "a command that enters is an event")
    h.pause("web")
    testhost.until(lambda: endpoint(h, "web")["state"] == "running", "it to be paused")
    r.equal([e for e in h.events("container-stop") if e["container"]["name"] == "web"
             and e["time"] > event["time"]], [], "a paused container is still running")
    h.unpause("web")
    h.remove("web")


def initialized(h, r):
    """Its network stands long before its first instruction."""
    web = h.run("web", labels={"app": "web"})
    for app in ("client", "other"):
        h.docker("create", "--name", app, f"--label=app={app}", "probe", "/bin/sh", "-c",
                 f"/probe ask -t 900 tcp:{web.ip()}:80; exec /bin/sleep 1000")
        h.docker("init", app)
    h.settle()
    r.equal([(endpoint(h, n)["state"], len(endpoint(h, n)["attachments"]))
             for n in ("client", "other")], [("created", 1)] * 2,
            "initialized: created, and with its address")
    h.start("client", "other")
    said = {n: testhost.until(lambda n=n: testhost.Container(h, n).logs().split(), "its answer")[1]
            for n in ("client", "other")}
    r.equal(said, {"client": "open", "other": "timeout"},
            "initialized, then started: judged from its first packet on")
    h.remove("web", "client", "other")


def out_of_reach(h, r):
    for name, network in (("onhost", "host"), ("slirp", "slirp4netns")):
        h.docker("run", "-d", "--name", name, f"--network={network}", "probe",
                 "/bin/sleep", "1000")
    h.settle()
    text = h.bulkhead("status", check=False).stdout
    r.ok("host network" in text, "a container on the host's network is named", text)
    r.ok("slirp4netns" in text, "one behind slirp4netns is named, with the reason", text)
    h.remove("onhost", "slirp")


def hidden_label(h, r):
    """A label called like an attribute of events is seen all the same."""
    h.policy("name.yaml", netpol.policy("by-label", {"name": "locked"}, ingress_rules=[]))
    locked = h.run("web", labels={"name": "locked"})
    other = h.run("other")
    h.settle()
    testhost.check(r, h, other, locked, False, "judged by a label that events hide")
    h.remove("web", "other")
    h.no_policy("name.yaml")


def short_lives(h, r):
    """Some are gone between the event and the look-up."""
    for i in range(6):
        h.docker("run", "-d", "--rm", "--name", f"s{i}", "probe", "/bin/sleep", "0")
    testhost.until(lambda: not h.docker("ps", "-aq").strip(), "them to be gone")
    h.settle()
    r.equal(h.get("get", "endpoints")["endpoints"], [], "short lives leave nothing behind")
    r.ok("cannot be read" not in h.agent_log(), "and no complaint", h.agent_log())


def not_podman(h, r):
    """One clear message for what is no Podman."""
    for what, answer, expected in (
            ("something else", "SSH-2.0-OpenSSH\\r\\n", ""),
            ("HTTP that is no engine", "HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\n{}",
             "does not speak the Docker API"),
            ("another engine", "HTTP/1.1 200 OK\\r\\nContent-Length: 44\\r\\n\\r\\n"
             '{"ApiVersion":"1.41","Version":"20.10.24"}  ', "is no Podman")):
        fake = h.spawn("python3", "-c", NONSENSE, "/run/bh/fake.sock", answer, log="fake")
        testhost.until(lambda: os.path.exists(h.path("/run/bh/fake.sock")), "the socket")
        h.launch_agent(runtimes={"podman": {"socket": "/run/bh/fake.sock"}})
        testhost.until(lambda: expected in h.agent_log() and
                       "trying again" in h.agent_log(), what, 10)
        lines = [x for x in h.agent_log().splitlines() if "trying again" in x]
        r.equal(len(lines), 1, f"{what}: one message")
        h.stop_agent()
        fake.kill()
        os.unlink(h.path("/run/bh/fake.sock"))
    h.launch_agent(runtimes={"docker": {"socket": podmanhost.SOCKET}})
    testhost.until(lambda: "configure it as runtime podman" in h.agent_log(), "the hint", 10)
    r.ok(True, "Podman's socket given as Docker's: the message says what to do")
    h.stop_agent()


def test(h, r):
    h.policy("web.yaml", netpol.CLIENT_TO_WEB)
    h.start_agent()
    for part in (pods, members, entered, initialized, out_of_reach, hidden_label, short_lives):
        part(h, r)
    h.stop_agent()
    not_podman(h, r)


def cni(h, r):
    h.policy("web.yaml", netpol.CLIENT_TO_WEB)
    h.start_agent()
    web = h.run("web", labels={"app": "web"})
    client = h.run("client", labels={"app": "client"})
    other = h.run("other", labels={"app": "other"})
    h.settle()
    testhost.check(r, h, client, web, True, "CNI: the client reaches web")
    testhost.check(r, h, other, web, False, "CNI: another does not")


report = testhost.Report()
for what, options in ((test, {}), (cni, {"backend": "cni"})):
    with podmanhost.PodmanHost("podman", **options) as host:
        what(host, report)
report.leave()
