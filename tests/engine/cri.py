#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""cri.py - pods that a kubelet would make, through the CRI of a real
containerd: left to Kubernetes unless configured, and then endpoints."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import containerdhost
import crihost
import netpol
import testhost

KUBE = {"bridge": "kube0", "v4": "10.90.0.0/24", "v6": "fd00:90::/64"}
PORTS = ("tcp:80", "udp:80")


def deny_all(namespace):
    return netpol.policy("deny-all", {}, namespace=namespace, ingress_rules=[], egress_rules=[])


def config(kubernetes):
    return {"runtimes": {"containerd": {"namespaces": ["default", "k8s.io"],
                                        "kubernetes": kubernetes}}}


def pods(h):
    return [h.run_pod(name, namespace="prod", labels={"app": name})
            for name in ("web", "client", "other")]


def endpoints(h):
    return {f"{e['namespace']}/{e['name']}": e for e in h.get("get", "endpoints")["endpoints"]}


def left_alone(h, r):
    """Every policy there could be denies everything."""
    for namespace in ("default", "prod", "k8s-io"):
        h.policy(f"{namespace}.yaml", deny_all(namespace))
    h.start_agent(**config("ignore"))
    mine = h.run("mine", labels={"app": "client"})
    h.network(**KUBE)
    web, client, other = pods(h)
    h.settle()
    r.equal(sorted(endpoints(h)), ["default/mine"], "pods are no endpoints by default")
    r.equal([n["bridge"] for n in h.get("get", "networks")["networks"]], ["cni0"],
            "… and their bridge is no network")
    for family in (4, 6):
        for c in (client, other):
            testhost.check(r, h, c, web, True, f"left alone: {c.pod} reaches web, IPv{family}",
                           PORTS, family=family)
    r.equal(h.result(None, f"tcp:{web.ip()}:80"), "open", "left alone: the host reaches web")
    testhost.check(r, h, mine, web, False, "a container that may send nowhere does not")
    r.equal(h.denied(src_ip=client.ip()) + h.denied(src_ip=other.ip()), [],
            "left alone: no record blames a pod")
    return web, client, other


def shared_bridge(h, r):
    """Kubernetes governs a pod, and we the bridge of ours: unknown there."""
    h.network(**containerdhost.DEFAULT)
    h.no_policy("default.yaml")
    guest = h.run_pod("guest", namespace="prod")
    web = h.run("web", labels={"app": "web"})
    h.settle()
    testhost.check(r, h, guest, web, False, "a pod on a bridge of ours is an unknown endpoint")
    record = testhost.until(lambda: h.denied(src_ip=guest.ip(), proto="arp"), "its record", 5)[-1]
    r.ok("container" not in record["src"], "… and recorded as one", record)
    guest.remove()


def enforced(h, r, web, client, other):
    h.stop_agent()
    h.policy("prod.yaml", netpol.policy("web", {"app": "web"}, namespace="prod", ingress_rules=[
        netpol.ingress(netpol.labels(app="client"))]))
    h.start_agent(**config("enforce"))
    found = endpoints(h)
    r.ok({"prod/web", "prod/client", "prod/other"} <= set(found), "configured: pods are endpoints",
         sorted(found))
    r.ok(web.ip() in str(found["prod/web"]), "… with the sandbox's address", found["prod/web"])
    r.equal(len([e for e in found if e.startswith("prod/")]), 3, "… each one, with its members")
    for family in (4, 6):
        testhost.check(r, h, client, web, True, f"configured: the client reaches web, IPv{family}",
                       PORTS, family=family)
        testhost.check(r, h, other, web, False, f"configured: another does not, IPv{family}",
                       PORTS, family=family)
    record = testhost.until(lambda: h.denied(src_ip=other.ip(), dst_ip=web.ip()), "its record", 5)[-1]
    r.equal((record["src"]["container"]["name"], record["dst"]["container"]["name"],
             record["dst"]["container"]["namespace"], record["policies"]),
            ("other", "web", "prod", ["prod/web"]), "the record names the pods")
    web.ctr("task", "exec", "-d", "--exec-id", "e1", web.name, "/bin/sleep", "1000")
    entered = testhost.until(lambda: h.events("container-exec"), "its event")[-1]
    r.equal((entered["container"]["name"], entered["command"]), ("web", "/bin/sleep 1000"),
            "a command that enters a pod's container is told as the pod's")


def at_start(h, r, web):
    """Judged from the first packet on, like any container."""
    h.network(**KUBE)
    ask = ("/bin/sh", "-c", f"/probe ask -t 3000 tcp:{web.ip()}:80; sleep 1000")
    late = {name: h.run_pod(f"late-{name}", ask, namespace="prod", labels={"app": name})
            for name in ("client", "other")}
    said = {}
    for name, pod in late.items():
        testhost.until(lambda pod=pod: ":80 " in pod.logs(), "the answer")
        said[name] = pod.logs().split(":80 ")[1].split()[0]
    r.equal(said["client"], "open", "a new pod's first connection is answered")
    r.ok(said["other"] != "open" and not web.heard(late["other"].ip()),
         "… and one that may not gets nothing through", said)
    for pod in late.values():
        pod.remove()
    h.settle()
    r.equal([e for e in endpoints(h) if "late" in e], [], "removed pods are no endpoints")


def test(h, r):
    web, client, other = left_alone(h, r)
    shared_bridge(h, r)
    enforced(h, r, web, client, other)
    at_start(h, r, web)


testhost.main(test, "cri", kind=crihost.Host)
