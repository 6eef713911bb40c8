#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""escapable.py - what inspection tells: power over the host, and the pid."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import testhost

# Not started: not every machine that runs tests may give such powers away.
CREATED = {
    "privileged": (["--privileged"], "privileged"),
    "host-pid": (["--pid=host"], "host's processes"),
    "admin": (["--cap-add=SYS_ADMIN"], "capability SYS_ADMIN"),
}
RUNNING = {
    "socket": (["-v", "/run/docker.sock:/sock"], "mounts docker.sock"),
    "run": (["-v", "/run:/host:ro"], "mounts the host's /run"),
    "plain": (["--cap-add=NET_ADMIN", "-v", "/run/bh:/bh"], None),
}


def shown(h, key):
    return {e["name"]: e[key] for e in h.get("get", "endpoints")["endpoints"]}


def test(h, r):
    for name, (options, _) in CREATED.items():
        h.docker("create", "--name", name, *options, "probe", "/probe")
    pids = {name: h.run(name, options=options).pid for name, (options, _) in RUNNING.items()}
    expected = {name: reason for name, (_, reason) in {**CREATED, **RUNNING}.items()}
    h.start_agent()
    # Told late, as nothing waits for it.
    testhost.until(lambda: shown(h, "pid")["plain"], "the pids")
    r.equal(shown(h, "pid"), {**dict.fromkeys(CREATED), **pids},
            "the pids of containers that were there before")
    r.equal(shown(h, "escapable"), expected, "what gives them power over the host")
    status = h.get("status")
    r.equal({w["subject"]: w["message"] for w in status["warnings"]},
            {f"default/{n}": reason for n, reason in expected.items() if reason},
            "status names them")
    r.equal((status["endpoints"]["escapable"], status["state"]), (5, "in-step"),
            "and they do not make it a failure")

    late = h.run("late", options=["-v", "/run/docker.sock:/sock"])
    testhost.until(lambda: shown(h, "pid").get("late"), "the pid")
    r.equal((shown(h, "pid")["late"], shown(h, "escapable")["late"]),
            (late.pid, "mounts docker.sock"), "one that comes later is inspected too")
    h.docker("restart", "-t", "0", "late")
    testhost.until(lambda: shown(h, "pid")["late"] == late.refresh().pid, "the new pid")
    r.ok(True, "after a restart it has its new pid")
    # Each life of it is one more.
    r.equal(h.agent_log().count("default/late can undo"), 2, "the log warns as it starts")


if __name__ == "__main__":
    testhost.main(test, "escapable")
