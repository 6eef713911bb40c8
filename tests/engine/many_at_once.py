#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""many_at_once.py - fifty containers started at the same time."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import concurrent.futures

import netpol
import testhost

N = 50


def differing(got, expected):
    return {name: result for name, result in got.items() if result != expected[name]}


def test(h, r):
    h.policy("web.yaml", netpol.CLIENT_TO_WEB)
    h.start_agent()
    web = h.run("web", labels={"app": "web"})
    h.settle()

    def start(i):
        app = "client" if i % 2 else "other"
        # Asks at its first instruction, then stays. Fifty at once keep a
        # small machine busy for seconds: time for the answer, not for a repeat
        # of the UDP question, which is asked once.
        command = (f"/probe ask -t 5000 tcp:{web.ip()}:80 udp:{web.ip()}:80;"
                   " exec /probe serve tcp:80 udp:80")
        return h.run(f"c{i:02}-{app}", "/bin/sh", "-c", command, labels={"app": app})
    with concurrent.futures.ThreadPoolExecutor(N) as pool:
        pods = list(pool.map(start, range(N)))
    h.settle()
    r.equal(len(h.get("get", "endpoints")["endpoints"]), N + 1, "all of them are endpoints")

    def first(pod):
        testhost.until(lambda: "serving" in pod.logs(), "its first question's answer")
        return [line.split()[1] for line in pod.logs().splitlines() if ":" in line][:2]
    firsts = {p.name: first(p) for p in pods}
    expected = {p.name: ["open" if "client" in p.name else "timeout"] * 2 for p in pods}
    r.equal(differing(firsts, expected), {}, "each was judged rightly from its first packet on")
    results = {}
    asked = [(p, h.ask_start(p, [f"tcp:{web.ip()}:80", f"udp:{web.ip()}:80"])) for p in pods]
    for p, process in asked:
        results[p.name] = [x for x, _ in h.ask_finish(process).values()]
    r.equal(differing(results, expected), {}, "each is judged rightly now")
    heard = [p.name for p in pods if "other" in p.name and web.heard(p.ip())]
    r.equal(heard, [], "web heard none that it must not hear")

    h.docker("rm", "-f", *(p.name for p in pods))
    h.settle()
    r.equal(len(h.get("get", "endpoints")["endpoints"]), 1, "removed at once: all forgotten")


testhost.main(test, "many")
