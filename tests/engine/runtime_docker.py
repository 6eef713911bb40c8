#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""runtime_docker.py - the endpoint store follows a real engine, behind a proxy
that allows nothing but GET."""
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import runtime_watch
import testhost

PROXY = "/run/bh/proxy.sock"
SLEEP = ("/bin/sleep", "1000")


def truth(h):
    """{name: {network: (v4, v6)}} of the running containers, by the engine."""
    found = {}
    for name in h.docker("ps", "--format", "{{.Names}}").split():
        c = testhost.Container(h, name)
        found[name] = {n: (d["IPAddress"], d["GlobalIPv6Address"])
                       for n, d in c.networks.items() if d["IPAddress"]}
    return found


def told(endpoints):
    return {n: {net: a[:2] for net, a in e.networks.items() if a[0]}
            for n, e in endpoints.items() if e.state == "running"}


def agree(h, r, w, name):
    """What events alone made of the store, without a listing."""
    expected = truth(h)
    try:
        testhost.until(lambda: told(w.endpoints()) == expected, name, patience=5)
    except TimeoutError:
        pass
    return r.equal(told(w.endpoints()), expected, name)


def one_life(h, r, w):
    h.run("web", *SLEEP, labels={"app": "web"}, net="dual", options=("-p", "8080:80"))
    agree(h, r, w, "started")
    web = w.endpoints()["web"]
    r.ok(web.v6("dual").startswith("fd00:30"), "its IPv6 address", web.networks)
    testhost.until(lambda: len(w.endpoints()["web"].published) == 2, "published ports")
    h.docker("network", "connect", "other", "web")
    agree(h, r, w, "connected to a second network")
    h.docker("rename", "web", "www")
    agree(h, r, w, "renamed")
    h.docker("pause", "www")
    h.docker("unpause", "www")
    agree(h, r, w, "paused and not any more")
    h.docker("network", "disconnect", "other", "www")
    agree(h, r, w, "disconnected")
    h.docker("restart", "-t", "0", "www")
    agree(h, r, w, "restarted")
    h.docker("kill", "www")
    testhost.until(lambda: w.endpoints()["www"].state == "exited", "the end of www")
    r.equal(w.endpoints()["www"].networks, {}, "killed: holds no address")
    h.docker("start", "www")
    agree(h, r, w, "started again")
    h.docker("rm", "-f", "www")
    testhost.until(lambda: "www" not in w.endpoints(), "the removal of www")
    agree(h, r, w, "removed")


def kinds(h, r, w):
    h.run("onhost", *SLEEP, net="host")
    h.run("offline", *SLEEP, net="none")
    h.run("owner", *SLEEP)
    h.run("sharer", *SLEEP, net="container:owner")
    agree(h, r, w, "host, none, and a shared network")
    now = w.endpoints()
    r.equal(now["onhost"].unenforceable, "host network", "host network is out of reach")
    r.equal(now["sharer"].unenforceable, "", "a shared one is held with its owner")
    r.equal(now["offline"].unenforceable, "", "no network: nothing to hold")
    h.docker("rm", "-f", "onhost", "offline", "sharer", "owner")


def failed_start(h, r, w):
    h.docker("run", "-d", "--name", "broken", "probe", "/no/such/program", check=False)
    testhost.until(lambda: "broken" in w.endpoints(), "the container")
    agree(h, r, w, "a start that failed")
    testhost.until(lambda: not w.endpoints()["broken"].networks, "its address to be free")
    h.docker("rm", "broken")


def reuse(h, r, w):
    for i in range(6):
        h.run(f"old{i}", *SLEEP)
        h.docker("rm", "-f", f"old{i}")
        new = h.run(f"new{i}", *SLEEP)
        if not agree(h, r, w, f"address handed on, round {i}"):
            break
        r.equal(w.endpoints()[f"new{i}"].v4(), new.ip(), f"its owner is known, round {i}")
        h.docker("rm", "-f", f"new{i}")


def many(h, r, w):
    h.sh("bash", "-c", "for i in $(seq 20); do "
         f"{testhost.DOCKER} run -d --name m$i --network dual probe /bin/sleep 1000 & done; wait")
    agree(h, r, w, "20 started at once")
    h.sh("bash", "-c", f"{testhost.DOCKER} rm -f $(seq -f m%g 1 10)")
    agree(h, r, w, "10 of them removed at once")


def engine_restarts(h, r, w):
    before = told(w.endpoints())
    kept = w.text().count("\n")
    h.stop_docker(signal.SIGKILL)
    w.until_state("away")
    r.equal(told(w.endpoints()), before, "engine killed: the store is untouched")
    h.start_docker()
    w.until_state("in-step")
    lines = w.text().splitlines()[kept:]
    agree(h, r, w, "engine back")
    r.ok(any("= away" in line for line in lines), "the loss was told")


def test(h, r):
    proxy = h.spawn("python3", "-c", runtime_watch.GET_ONLY, PROXY, "/run/docker.sock",
                    log="proxy")
    h.network("dual", "--ipv6", "--subnet", "172.30.0.0/24", "--subnet", "fd00:30::/64")
    h.network("other", "--subnet", "172.31.0.0/24")
    h.run("early", *SLEEP)
    testhost.until(lambda: os.path.exists(h.path(PROXY)), "the proxy")
    with runtime_watch.Watch(h, PROXY) as w:
        agree(h, r, w, "what was there before")
        for part in (one_life, kinds, failed_start, reuse, many):
            part(h, r, w)
        r.equal(told(w.sync()), truth(h), "a listing agrees with the events")
        w.until_state("synced")
    with open(f"{h.dir}/proxy.log", encoding="utf-8") as f:
        r.ok("DENIED" not in f.read(), "nothing but GET was asked for")
    proxy.kill()
    with runtime_watch.Watch(h, log="watch2") as w:
        engine_restarts(h, r, w)


testhost.main(test, "runtime-docker", daemon={"live-restore": True})
