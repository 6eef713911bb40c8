#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""bad_engines.py - what Docker and Podman may be instead: a file that is no
socket, a socket that may not be used, an engine that is too old, answers and
events that cannot be read, containers that are gone when they are asked about.
One clear message each, and the rest goes on. containerd_faults.py and
static_endpoints.py are the same for the other two."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import faults
import lifecycle
import netpol
import podmanhost
import testhost

PROXY = "/run/proxy.sock"
OLD = {
    "docker": (b'{"Version":"1.11.2","ApiVersion":"1.23"}', "",
               "engine 1.11.2 speaks API 1.23, needed is 1.24 (Docker 1.12) or later"),
    "podman": (b"OK", "Server: Libpod/3.4.4 (linux)\r\n",
               "Podman 3.4.4 is too old, needed is 4.0 or later"),
}
# Of an answer about a container of that name.
MANGLED = {
    "docker": (b'"/mangled"', b'"/mangled ', "the list of containers cannot be read"),
    "podman": (b'"Name":"mangled"', b'"Name" "mangled"', "cannot be read"),
}


def told(h, read=0):
    """What the agent warned of the engine, behind @read bytes of its log."""
    return [x for x in h.agent_log()[read:].splitlines()
            if x.split(":")[0] in ("warning", "error") and f"{h.engine}: " in x]


def one_message(h, r, words, what, read=0):
    testhost.until(lambda: words in h.agent_log()[read:], f"the agent to tell of {what}")
    lines = told(h, read)
    r.equal((len(lines), words in lines[0]), (1, True), f"{h.engine}, {what}: one clear message")


def enforced(h, r, when, pods):
    web, client, other = pods
    h.settle()
    testhost.check(r, h, client, web, True, f"{h.engine}, {when}: the client reaches web")
    testhost.check(r, h, other, web, False, f"{h.engine}, {when}: another does not")


def no_socket(h, r, pods):
    h.write("/run/bh/file", "")
    h.launch_agent(runtimes={h.engine: {"socket": "/run/bh/file"}})
    one_message(h, r, "/run/bh/file: is not a socket", "a file")
    h.stop_agent()


def forbidden(h, r, pods):
    h.sh("chown", "nobody", h.socket)
    h.sh("chmod", "600", h.socket)
    h.launch_agent()
    one_message(h, r, f"{h.socket}: permission denied", "a socket that it may not use")
    h.sh("chown", "root", h.socket)
    enforced(h, r, "permitted again", pods)
    h.stop_agent()


def too_old(h, r, pods):
    body, head, words = OLD[h.engine]
    h.proxy.answer_all(body, head=head)
    h.launch_agent(runtimes={h.engine: {"socket": PROXY}})
    one_message(h, r, words, "an engine that is too old")
    listed = next(x for x in h.get("status")["runtimes"] if x["name"] == h.engine)
    r.ok(words in listed["detail"], f"{h.engine}, too old: status tells it too", listed)
    h.proxy.mode = "pass"
    enforced(h, r, "replaced by another", pods)


def malformed(h, r, pods):
    read = len(h.agent_log())
    h.proxy.inject(b'{"Type":"container","Action":\n')
    one_message(h, r, "sent an event that cannot be read", "half an event", read)
    testhost.until(lambda: lifecycle.engine_state(h) == "in-step", "the agent to reconnect")
    enforced(h, r, "half an event", pods)
    read = len(h.agent_log())
    old, new, words = MANGLED[h.engine]
    h.proxy.replace = (old, new)
    mangled = h.run("mangled", labels={"app": "client"})
    testhost.until(lambda: words in h.agent_log()[read:], "the agent to tell of an answer")
    web, client, other = pods
    testhost.check(r, h, client, web, True, f"{h.engine}, an answer that cannot be read: "
                   "the client reaches web")
    testhost.check(r, h, other, web, False, f"{h.engine}, likewise: another does not")
    h.proxy.replace = None
    testhost.until(lambda: lifecycle.engine_state(h) == "in-step", "the agent to be in step")
    enforced(h, r, "an answer that can be read again", (web, mangled, other))
    h.remove("mangled")


def vanishing(h, r, pods):
    """Gone before they can be asked about."""
    h.settle()
    read = len(h.agent_log())
    engine = "podman" if h.engine == "podman" else testhost.DOCKER
    h.sh("sh", "-c", "for i in 1 2 3 4 5 6 7 8; do "
         f"{engine} create --name gone$i probe /bin/sleep 9 && {engine} rm gone$i; done")
    enforced(h, r, "containers that vanish", pods)
    r.equal((told(h, read), lifecycle.names(h)), ([], ["client", "other", "web"]),
            f"{h.engine}: containers that vanish are nobody's trouble")


def test(h, r):
    h.policy("web.yaml", netpol.CLIENT_TO_WEB)
    h.proxy = faults.Proxy(h)
    pods = [h.run(n, labels={"app": n}) for n in ("web", "client", "other")]
    for part in (no_socket, forbidden, too_old, malformed, vanishing):
        part(h, r, pods)


report = testhost.Report()
for kind in (testhost.Host, podmanhost.PodmanHost):
    with kind("bad-engines") as host:
        test(host, report)
report.leave()
