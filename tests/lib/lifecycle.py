# SPDX-License-Identifier: GPL-2.0-or-later
"""lifecycle.py - a policy follows containers through their lives, whichever the
engine: the parts that tests/engine/lifecycle_*.py run on a real one each.

A host (testhost.Host) starts, stops, kills, … containers by its engine's own
means. What an engine does not have is in the host's @lacks, with the reason;
everything else runs. The parts follow each other on one host: those from start
to remove on the same three containers, and after each of the others nothing is
left. tests/bench/lifecycle_table.py shows who runs what.
"""
import concurrent.futures
import signal

import netpol
import testhost

AT_ONCE = 30
REUSE_ROUNDS = 4
BY_NAME = netpol.policy("by-name", {"bulkhead/name": "db"}, ingress_rules=[])


def names(h):
    return sorted(e["name"] for e in h.get("get", "endpoints")["endpoints"])


def engine_state(h):
    return next(x["state"] for x in h.get("status")["runtimes"] if x["name"] == h.engine)


def trio(h, **options):
    pods = [h.run(n, labels={"app": n}, **options) for n in ("web", "client", "other")]
    h.settle()
    return pods


def enforced(h, r, when, web, client, other, **how):
    for c in (web, client, other):
        c.refresh()
    testhost.check(r, h, client, web, True, f"{when}: the client reaches web", **how)
    testhost.check(r, h, other, web, False, f"{when}: another does not", **how)


def recorded(h, r, web, other):
    def record():
        return h.denied(src_ip=other.ip(), dst_ip=web.ip(), dst_port=80, proto="tcp")
    flow = testhost.until(record, "the record of a denied flow", 5)[-1]
    r.equal(flow["src"]["container"]["name"], "other", "the record names the source")
    r.equal(flow["dst"]["container"]["name"], "web", "the record names the destination")
    r.equal(flow["dst"]["container"]["id"], web.id, "the record has the container's id")
    r.equal(flow["dst"]["container"]["runtime"], h.engine, "the record names the runtime")
    r.equal((flow["direction"], flow["reason"]), ("ingress", "no-policy-allows"),
            "the record tells who decided and why")
    r.equal(flow["policies"], ["default/web"], "the record names the policy")


def start(h, r):
    """start"""
    h.trio = trio(h)
    web, _, other = h.trio
    enforced(h, r, "fresh", *h.trio)
    testhost.check(r, h, web, other, True, "fresh: web itself is free to connect")
    recorded(h, r, web, other)
    r.equal(names(h), ["client", "other", "web"], "all endpoints are listed")


def stop(h, r):
    """stop, and start again"""
    h.stop("web")
    h.settle()
    state = {e["name"]: e["state"] for e in h.get("get", "endpoints")["endpoints"]}
    r.ok(state.get("web", "exited") == "exited", "stopped: it holds nothing", state)
    h.start("web")
    h.settle()
    enforced(h, r, "web stopped and started", *h.trio)


def kill(h, r):
    """kill, and start again"""
    h.kill("client")
    h.start("client")
    h.settle()
    enforced(h, r, "client killed and started", *h.trio)


def restart(h, r):
    """restart"""
    h.restart("web", "client", "other")
    h.settle()
    enforced(h, r, "all restarted", *h.trio)


def pause(h, r):
    """pause and unpause"""
    h.pause("other")
    h.unpause("other")
    h.settle()
    enforced(h, r, "paused and unpaused", *h.trio)


def remove(h, r):
    """remove"""
    h.remove("other", "web")
    h.settle()
    r.equal(names(h), ["client"], "removed containers are no endpoints")
    h.remove("client")


def rename(h, r):
    """rename"""
    h.policy("db.yaml", BY_NAME)
    old = h.run("db")
    peer = h.run("peer", labels={"bulkhead/name": "db"})
    h.settle()
    testhost.check(r, h, peer, old, False, "selected by its name")
    testhost.check(r, h, old, peer, True, "a label of that name is not believed")
    h.rename("db", "db-old")
    h.settle()
    testhost.check(r, h, peer, old, True, "renamed: not selected any more")
    r.equal(names(h), ["db-old", "peer"], "renamed: shown by its new name")
    new = h.run("db")
    h.settle()
    testhost.check(r, h, peer, new, False, "another one of the old name is selected")
    h.rename("db", "db-2")
    h.rename("db-old", "db")
    h.settle()
    testhost.check(r, h, peer, old, False, "renamed back: selected again")
    testhost.check(r, h, peer, new, True, "renamed back: the other one is not")
    testhost.until(lambda: h.denied(dst_ip=old.ip(), dst_name="db"), "a record by name", 5)
    r.ok(True, "records carry the name of the moment")
    h.remove("db", "db-2", "peer")
    h.no_policy("db.yaml")


def networks(h, r):
    """several networks"""
    h.network("front", "--subnet", "172.30.1.0/24")
    h.network("back", "--subnet", "172.30.2.0/24")
    web = h.run("web", labels={"app": "web"}, net="front")
    h.connect("back", "web")
    web.refresh()
    clients = {}
    for net in ("front", "back"):
        clients[net] = h.run(f"client-{net}", labels={"app": "client"}, net=net)
        other = h.run(f"other-{net}", labels={"app": "other"}, net=net)
        h.settle()
        testhost.check(r, h, clients[net], web, True, f"{net}: the client reaches web",
                       network=net)
        testhost.check(r, h, other, web, False, f"{net}: another does not", network=net)
        if net == "front":
            mover = other
    listed = str([e for e in h.get("get", "endpoints")["endpoints"] if e["name"] == "web"])
    r.ok(web.ip("front") in listed and web.ip("back") in listed,
         "both addresses belong to the endpoint", listed)

    h.connect("back", mover.name)
    mover.refresh()
    h.settle()
    testhost.check(r, h, mover, web, False, "connected later: still denied", network="back")
    h.disconnect("front", "web")
    h.settle()
    web.refresh()
    testhost.check(r, h, clients["back"], web, True,
                   "disconnected from one: the other works", network="back")
    h.connect("front", "web")
    web.refresh()
    h.settle()
    testhost.check(r, h, clients["front"], web, True,
                   "reconnected: the client reaches web", network="front")
    testhost.check(r, h, mover, web, False, "reconnected: another does not", network="front")
    h.remove("web", *(f"{who}-{net}" for who in ("client", "other") for net in ("front", "back")))


def reuse(h, r):
    """address reuse"""
    h.network("net", "--subnet", "172.30.0.0/24")
    address = "172.30.0.20"
    web = h.run("web", labels={"app": "web"}, net="net", options=("--ip=172.30.0.10",))
    h.settle()
    results = {"client": [], "intruder": []}
    for i in range(REUSE_ROUNDS):
        for app, port in (("client", 80), ("intruder", 81)):
            name = f"{app}{i}"
            c = h.run(name, "/bin/sh", "-c",
                      f"/probe ask -t 500 tcp:{web.ip()}:{port} udp:{web.ip()}:{port}; sleep 1000",
                      labels={"app": app}, net="net", options=(f"--ip={address}",))
            testhost.until(lambda c=c: len(c.logs().splitlines()) >= 2, "its answers")
            results[app] += [line.split()[1] for line in c.logs().splitlines()]
            h.remove(name)
    r.equal(results["client"], ["open"] * 2 * REUSE_ROUNDS, "each client got through")
    r.equal(results["intruder"], ["timeout"] * 2 * REUSE_ROUNDS, "no intruder got through")
    heard = [line.split()[0] for line in web.heard(address)]
    r.equal([x for x in heard if x.endswith(":81")], [], "not one packet of theirs arrived")
    blamed = {f["src"]["container"]["labels"]["app"]
              for f in h.denied(src_ip=address, dst_port=81)}
    r.equal(blamed, {"intruder"}, "the records blame the intruders, not the former owners")
    h.remove("web")


def engine_restart(h, r):
    """engine restart"""
    pods = trio(h)
    for how, sig in (("stopped", signal.SIGTERM), ("killed", signal.SIGKILL)):
        h.stop_engine(sig)
        testhost.until(lambda: engine_state(h) != "in-step", "the agent to notice")
        r.ok(True, f"engine {how}: status says so")
        enforced_as_was(h, r, f"engine {how}", *pods)
        h.start_engine()
        testhost.until(lambda: engine_state(h) == "in-step", "the agent to reconnect")
        h.settle()
        enforced(h, r, f"reconnected after the engine was {how}", *pods)
        late = h.run(f"late-{how}", labels={"app": "other"})
        h.settle()
        testhost.check(r, h, late, pods[0], False,
                       f"engine {how}: events flow again, a new container is denied")
        h.remove(late.name)
    h.remove(*(p.name for p in pods))


def enforced_as_was(h, r, when, web, client, other):
    testhost.check(r, h, client, web, True, f"{when}: the client reaches web")
    testhost.check(r, h, other, web, False, f"{when}: another does not")


def agent_late(h, r):
    """engine away at agent start"""
    pods = trio(h)
    h.stop_agent()
    h.stop_engine()
    h.launch_agent()
    testhost.until(lambda: h.bulkhead("status", check=False).returncode in (0, 1), "the agent")
    testhost.check(r, h, pods[2], pods[0], False,
                   "engine away at agent start: nobody gets more than he had")
    h.start_engine()
    testhost.until(lambda: engine_state(h) == "in-step", "the agent to connect")
    h.settle()
    enforced(h, r, "engine back after agent start", *pods)
    h.remove(*(p.name for p in pods))


def judged_at_once(h, r, web, pods):
    """All of @pods have been started."""
    h.settle()
    r.equal(len(names(h)), AT_ONCE + 1, "all of them are endpoints")

    def differing(got):
        # Denied is denied, be it that no ARP request passed.
        return {name: x for name, x in got.items()
                if ("client" in name and x != ["open"] * len(x)) or
                ("client" not in name and "open" in x)}

    def first(pod):
        testhost.until(lambda: "serving" in pod.logs(), "its first question's answer")
        tcp, udp, again = [line.split()[1] for line in pod.logs().splitlines() if ":" in line][:3]
        # Where a container may be there before its port is bound, its first
        # datagram is lost then: TCP asks again by itself, and so must it. What
        # is denied is denied each time.
        if h.first_datagram_late and "client" in pod.name:
            return [tcp, again if udp != "open" else udp]
        return [tcp, udp, again]

    r.equal(differing({p.name: first(p) for p in pods}), {},
            "each was judged rightly from its first packet on")
    asked = [(p, h.ask_start(p, [f"tcp:{web.ip()}:80", f"udp:{web.ip()}:80"])) for p in pods]
    r.equal(differing({p.name: [x for x, _ in h.ask_finish(process).values()]
                       for p, process in asked}), {}, "each is judged rightly now")
    heard = [p.name for p in pods if "other" in p.name and web.heard(p.ip())]
    r.equal(heard, [], "web heard none that it must not hear")
    h.remove("web", *(p.name for p in pods))


def at_once(h, r):
    """thirty at once"""
    web = h.run("web", labels={"app": "web"})
    h.settle()

    def start(i):
        app = "client" if i % 2 else "other"
        # Asks at its first instruction, then stays. Many at once keep a small
        # machine busy for seconds: time for the answers.
        command = (f"/probe ask -t 5000 tcp:{web.ip()}:80 udp:{web.ip()}:80;"
                   f" /probe ask -t 3000 udp:{web.ip()}:80; exec /probe serve tcp:80 udp:80")
        return h.run(f"c{i:02}-{app}", "/bin/sh", "-c", command, labels={"app": app})
    # A host without an engine has processes of its own, which end with the
    # thread that started them: the threads stay to the end.
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        pods = list(pool.map(start, range(AT_ONCE)))
        judged_at_once(h, r, web, pods)
    h.settle()
    r.equal(names(h), [], "removed at once: all forgotten")


def dual_stack(h, r):
    """dual stack"""
    h.network("dual", "--ipv6", "--subnet", "172.30.3.0/24", "--subnet", "fd00:30::/64")
    pods = trio(h, net="dual")
    enforced(h, r, "dual stack, IPv4", *pods)
    enforced(h, r, "dual stack, IPv6", *pods, family=6)
    h.remove(*(p.name for p in pods))


PARTS = (start, stop, kill, restart, pause, remove, rename, networks, reuse, engine_restart,
         agent_late, at_once, dual_stack)
# Titles, as a table has them.
TITLES = {part.__name__: part.__doc__ for part in PARTS}


def test(h, r):
    unknown = set(h.lacks) - set(TITLES)
    r.ok(not unknown, "what the engine lacks are parts of the suite", unknown)
    h.policy("web.yaml", netpol.CLIENT_TO_WEB)
    h.start_agent()
    for part in PARTS:
        if part.__name__ in h.lacks:
            continue
        passed, failed = r.passed, r.failed
        part(h, r)
        print(f"# {part.__name__}: {r.passed - passed} passed, {r.failed - failed} failed",
              flush=True)
