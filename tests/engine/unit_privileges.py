#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""unit_privileges.py - the agent with the capabilities that its unit grants, and no
others: what it does, what it keeps of them once it has started, and what its flow
writer has."""
import json
import os
import pwd
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import netpol
import testhost

# Any that is there on every Debian and has nothing.
USER = "nobody"
LOG, STORE = "/run/bh/state/log/flows.jsonl", "/run/bh/state/store/flows.db"
BITS = {"chown": 0, "setgid": 6, "setuid": 7, "net_broadcast": 11, "net_admin": 12, "lease": 28}


def granted():
    """What the unit has, by setpriv's names."""
    with open(f"{testhost.REPO}/systemd/bulkheadd.service.in", encoding="utf-8") as f:
        found = re.search(r"^CapabilityBoundingSet=(.*)$", f.read(), re.M)[1]
    return [x.removeprefix("CAP_").lower() for x in found.split()]


def mask(names):
    return f"{sum(1 << BITS[n] for n in names):016x}"


def process(proc, pid):
    with open(f"{proc}/{pid}/status", encoding="ascii") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def test(h, r):
    h.agent_prefix = ("setpriv", "--inh-caps=-all", "--no-new-privs",
                      "--bounding-set=-all," + ",".join("+" + n for n in granted()))
    # As the unit has it: its writer may enter it.
    h.sh("chmod", "755", "/run/bh/state")
    h.config["flowLog"] = {"user": USER, "interval": "1s", "sinks": [
        {"file": {"path": LOG}}, {"sqlite": {"path": STORE}}]}
    h.policy("web.yaml", netpol.CLIENT_TO_WEB)
    h.start_agent()
    agent = process("/proc", h.agent_pid())
    writer = process(h.path("/proc"), h.get("status")["flow_log"]["writer"]["pid"])
    kept = mask(["net_admin", "lease"])
    r.equal(agent["CapBnd"], mask(granted()), "it was given what the unit grants")
    r.equal([agent["CapPrm"], agent["CapEff"], agent["CapInh"]], [kept, kept, "0" * 16],
            "once it has started it keeps CAP_NET_ADMIN and CAP_LEASE alone")
    r.equal([writer[x] for x in ("CapPrm", "CapEff", "CapInh")], ["0" * 16] * 3,
            "its flow writer has none")
    r.equal(writer["Uid"].split(), [str(pwd.getpwnam(USER).pw_uid)] * 4, "and is a user of its own")
    r.ok("cannot give up" not in h.agent_log(), "nothing is in its way", h.agent_log())
    web, client, other = (h.run(n, labels={"app": n}) for n in ("web", "client", "other"))
    h.settle()
    testhost.check(r, h, client, web, True, "who may pass does")
    testhost.check(r, h, other, web, False, "who may not does not")
    r.equal(h.get("status")["state"], "in-step", "in step")

    def told():
        with open(h.path(LOG), encoding="utf-8") as f:
            return [x for x in map(json.loads, f) if x.get("verdict") == "denied"]
    r.ok(testhost.until(told, "the record")[0]["src"]["container"]["name"] == "other",
         "what is denied is in its user's file")
    testhost.until(lambda: h.bulkhead("flows", "--store", STORE, "--denied", "--count",
                                      check=False).stdout.strip() not in ("", "0"), "the store")
    r.ok(True, "and in its user's store")


testhost.main(test, "unit-privileges")
