#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""containerd_faults.py - servers that are no containerd, one that may not be
asked, is too old or sends nonsense: one clear message, and the rest goes on."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import containerdhost
import netpol
import testhost
from protobuf import message

# Listens, and answers as sys.argv[2] says.
BAD_SERVER = r"""
import os, socket, sys, time
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen(64)
kept = []
while True:
    client, _ = listener.accept()
    kept.append(client)
    if sys.argv[2] == "garbage":
        client.sendall(os.urandom(4096))
    elif sys.argv[2] == "http1":
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
    elif sys.argv[2] == "closed":
        kept.pop().close()
"""
SOCKET = "/run/containerd/containerd.sock"
NAMESPACES = ["default", "nowhere"]
CONFIG = {"runtimes": {"containerd": {"namespaces": NAMESPACES}}}
SERVICES = "/containerd.services."


def told(h):
    """What the agent warned of containerd."""
    return [x for x in h.agent_log().splitlines()
            if x.split(":")[0] in ("warning", "error") and "containerd" in x]


def state(h):
    return next(x["state"] for x in h.get("status")["runtimes"])


def call(h, method, fields):
    """A request of ours to the real containerd."""
    tool = os.path.join(testhost.BUILD, "tests/unit/grpc/tool_grpc")
    subprocess.run(h.inside(tool, SOCKET, SERVICES + method, "containerd-namespace: default"),
                   input=message(fields), check=True, stdout=subprocess.DEVNULL)


def enforced(h, r, when, web, client, other):
    h.settle()
    testhost.check(r, h, client, web, True, f"{when}: the client reaches web")
    testhost.check(r, h, other, web, False, f"{when}: another does not")


def no_namespace(h, r):
    lines = [x for x in told(h) if "there is no namespace nowhere yet" in x]
    r.equal(len(lines), 1, "a namespace that is not there is told once")
    h.import_image("nowhere")
    late = h.run("late", namespace="nowhere")
    h.settle()
    names = [(e["namespace"], e["name"]) for e in h.get("get", "endpoints")["endpoints"]]
    r.ok(("nowhere", "late") in names, "… and watched from when it is made", names)
    late.remove()


def vanishing(h, r, pods):
    """Gone before their record can be asked for."""
    before = told(h)
    h.sh("sh", "-c", "for i in 1 2 3 4 5 6 7 8; do "
         f"ctr container create {containerdhost.IMAGE} gone$i && ctr container rm gone$i; done")
    enforced(h, r, "containers that vanish", *pods)
    r.equal((told(h), len(h.get("get", "endpoints")["endpoints"])), (before, 3),
            "containers that vanish between event and look-up are nobody's trouble")


def malformed(h, r, pods):
    call(h, "containers.v1.Containers/Create", {1: {
        1: "broken", 4: {1: "io.containerd.runc.v2"},
        5: {1: "types.containerd.io/opencontainers/runtime-spec/1/Spec", 2: b"{not json"}}})
    enforced(h, r, "a record that cannot be read", *pods)
    h.settle()
    lines = [x for x in told(h) if "cannot be read" in x]
    r.equal((len(lines), "default/broken" in lines[0]), (1, True),
            "a record that cannot be read is told once, by its name")
    h.ctr("container", "rm", "broken")
    call(h, "events.v1.Events/Publish", {1: "/tasks/start", 2: {
        1: "containerd.events.TaskStart", 2: b"\xff\xff\xff"}})
    testhost.until(lambda: "an event that cannot be read" in h.agent_log(), "the agent to tell")
    testhost.until(lambda: state(h) == "in-step", "the agent to reconnect")
    enforced(h, r, "an event that cannot be read", *pods)
    lines = [x for x in told(h) if "an event that cannot be read" in x]
    r.equal(len(lines), 1, "an event that cannot be read is told once")


def forbidden(h, r, pods):
    h.stop_agent()
    h.sh("chown", "nobody", SOCKET)
    h.sh("chmod", "600", SOCKET)
    h.launch_agent(**CONFIG)
    testhost.until(lambda: "permission denied" in h.agent_log(), "the agent to tell")
    r.equal(len(told(h)), 1, "a socket that it may not use: one clear message")
    h.sh("chown", "root", SOCKET)
    enforced(h, r, "permitted again", *pods)


def too_old(h, r, pods):
    """Its service of containers is not there, as before 1.0."""
    h.stop_agent()
    h.stop_containerd()
    text = containerdhost.config((*h.disabled, "io.containerd.grpc.v1.containers"))
    h.write("/run/bh/containerd.toml", text)
    h.start_containerd()
    h.launch_agent(**CONFIG)
    testhost.until(lambda: "is too old" in h.agent_log(), "the agent to tell")
    lines = [x for x in told(h) if "is too old" in x]
    r.equal(len(lines), 1, "one that is too old: one clear message")
    for c, expected in ((pods[1], True), (pods[2], False)):
        testhost.check(r, h, c, pods[0], expected, f"too old: {c.name} is judged as before")
    h.write("/run/bh/containerd.toml", containerdhost.config(h.disabled))


def bad_servers(h, r):
    h.stop_agent()
    h.stop_containerd()
    expected = {"garbage": f"containerd: {SOCKET}", "http1": f"containerd: {SOCKET}",
                "closed": f"containerd: {SOCKET}", "hang": "no complete answer"}
    for kind, words in expected.items():
        h.sh("rm", "-f", SOCKET)
        server = h.spawn("python3", "-c", BAD_SERVER, SOCKET, kind, log=f"bad-{kind}")
        testhost.until(lambda: os.path.exists(h.path(SOCKET)), "the server")
        h.launch_agent(**CONFIG)
        testhost.until(lambda: words in h.agent_log(), f"the agent to tell of: {kind}")
        lines = [x for x in told(h) if "nowhere" not in x]
        r.equal(len(lines), 1, f"{kind}: one clear message")
        h.stop_agent()
        server.kill()
    h.sh("rm", "-f", SOCKET)
    h.sh("touch", SOCKET)
    h.launch_agent(**CONFIG)
    testhost.until(lambda: "is not a socket" in h.agent_log(), "the agent to tell of a file")
    r.ok(True, "a file that is no socket is told")
    h.sh("rm", "-f", SOCKET)
    h.start_containerd()
    h.settle()
    r.ok(True, "a real one after that is taken up")


def test(h, r):
    h.policy("web.yaml", netpol.CLIENT_TO_WEB)
    h.start_agent(**CONFIG)
    no_namespace(h, r)
    pods = [h.run(n, labels={"app": n}) for n in ("web", "client", "other")]
    for part in (vanishing, malformed, forbidden, too_old):
        part(h, r, pods)
    bad_servers(h, r)


containerdhost.main(test, "containerd-faults")
