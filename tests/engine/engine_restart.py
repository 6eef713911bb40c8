#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""engine_restart.py - policy stays in force while the engine is away."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import signal

import netpol
import testhost


def enforced(h, r, when, web, client, other):
    testhost.check(r, h, client, web, True, f"{when}: the client reaches web")
    testhost.check(r, h, other, web, False, f"{when}: another does not")


def engine_state(h):
    return next(x["state"] for x in h.get("status")["runtimes"] if x["name"] == "docker")


def test(h, r):
    h.policy("web.yaml", netpol.CLIENT_TO_WEB)
    h.start_agent()
    pods = [h.run(n, labels={"app": n}) for n in ("web", "client", "other")]
    h.settle()
    enforced(h, r, "before", *pods)

    for how, sig in (("stopped", signal.SIGTERM), ("killed", signal.SIGKILL)):
        h.stop_docker(sig)
        enforced(h, r, f"engine {how}", *pods)
        testhost.until(lambda: engine_state(h) != "in-step", "the agent to notice")
        r.ok(True, f"engine {how}: status says so")
        enforced(h, r, f"engine {how} and noticed", *pods)
        h.start_docker()
        enforced(h, r, f"after the engine was {how}", *pods)
        testhost.until(lambda: engine_state(h) == "in-step", "the agent to reconnect")
        h.settle()
        enforced(h, r, f"reconnected after the engine was {how}", *pods)
        late = h.run(f"late-{how}", labels={"app": "other"})
        h.settle()
        testhost.check(r, h, late, pods[0], False,
                       f"engine {how}: events flow again, a new container is denied")


testhost.main(test, "engine-restart", daemon={"live-restore": True})
