#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""ip_reuse.py - who gets an address does not get its former owner's rights."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import netpol
import testhost

ADDRESS = "172.30.0.20"
ROUNDS = 6


def test(h, r):
    h.network("net", "--subnet", "172.30.0.0/24")
    h.policy("web.yaml", netpol.CLIENT_TO_WEB)
    h.start_agent()
    web = h.run("web", labels={"app": "web"}, net="net", options=("--ip=172.30.0.10",))
    h.settle()
    options = ("--network=net", f"--ip={ADDRESS}", "--rm")
    results = {"client": [], "intruder": []}
    for _ in range(ROUNDS):
        for app, port in (("client", 80), ("intruder", 81)):
            out = h.docker("run", f"--label=app={app}", *options, "probe", "/probe", "ask",
                           "-t", "500", f"tcp:{web.ip()}:{port}", f"udp:{web.ip()}:{port}")
            results[app] += [line.split()[1] for line in out.splitlines()]
    r.equal(results["client"], ["open"] * 2 * ROUNDS, "each client got through")
    r.equal(results["intruder"], ["timeout"] * 2 * ROUNDS, "no intruder got through")
    heard = [line.split()[0] for line in web.heard(ADDRESS)]
    r.equal([x for x in heard if x.endswith(":81")], [], "not one packet of theirs arrived")
    names = {f["src"]["container"]["labels"]["app"]
             for f in h.denied(src_ip=ADDRESS, dst_port=81)}
    r.equal(names, {"intruder"}, "the records blame the intruders, not the former owners")


testhost.main(test, "ip-reuse")
