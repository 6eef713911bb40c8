#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""broken_policy.py - a broken file never weakens what is in force."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import time

import netpol
import testhost

BROKEN = netpol.CLIENT_TO_WEB.replace('"policyTypes"', '"policytypes"')


def enforced(h, r, when, web, client, other):
    testhost.check(r, h, client, web, True, f"{when}: the client reaches web")
    testhost.check(r, h, other, web, False, f"{when}: another does not")


def problems(h):
    return str(h.get("status"))


def test(h, r):
    h.policy("web.yaml", netpol.CLIENT_TO_WEB)
    h.start_agent()
    web, client, other = (h.run(n, labels={"app": n}) for n in ("web", "client", "other"))
    h.settle()
    pods = (web, client, other)
    enforced(h, r, "before", *pods)

    h.write("/run/bh/policies/web.yaml", BROKEN)
    testhost.until(lambda: "web.yaml" in problems(h), "status to show the broken file")
    enforced(h, r, "broken", *pods)
    text = problems(h)
    r.ok("policytypes" in text, "status tells what is wrong in it", text)
    check = h.bulkhead("check", "/run/bh/policies/web.yaml", check=False)
    r.equal(check.returncode, 1, "check says no")
    r.ok("/run/bh/policies/web.yaml:" in check.stdout + check.stderr,
         "check names file and place", check.stdout + check.stderr)
    late = h.run("late", labels={"app": "other"})
    time.sleep(0.5)
    testhost.check(r, h, late, web, False, "broken: a new container is judged by the last good version")

    h.write("/run/bh/policies/other.yaml", netpol.policy("other", {"app": "other"},
                                                         ingress_rules=[]))
    testhost.until(lambda: h.result(client, f"tcp:{other.ip()}:80", 300) != "open",
                   "another file to be put in force")
    r.ok(True, "broken: other files are put in force all the same")

    h.stop_agent()
    h.launch_agent()
    time.sleep(1)
    enforced(h, r, "an agent started over a broken file", *pods)
    h.write("/run/bh/policies/web.yaml", netpol.CLIENT_TO_WEB)
    h.settle()
    enforced(h, r, "mended", *pods)
    r.ok("policytypes" not in problems(h), "mended: status shows no problem")


testhost.main(test, "broken-policy")
