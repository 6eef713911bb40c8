#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""nerdctl.py - containers of containerd as nerdctl makes them: its labels, its
network, and ports published by CNI's portmap plugin."""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import containerdhost
import netpol
import testhost

NOBODY = netpol.policy("web", {"app": "web"}, namespace="shop", ingress_rules=[])
OUTSIDE = netpol.policy("web", {"app": "web"}, namespace="shop", ingress_rules=[
    netpol.ingress(netpol.block("203.0.113.0/24"), netpol.block("2001:db8:ffff::/64"),
                   ports=[netpol.port(80), netpol.port(80, "UDP")])])
HOST_PORT = netpol.policy("web", {"app": "web"}, namespace="shop", ingress_rules=[
    netpol.ingress(ports=[netpol.port(8080)])])
CLIENT = netpol.policy("web", {"com.docker.compose.service": "web"}, namespace="shop",
                       ingress_rules=[netpol.ingress(
                           netpol.labels(**{"com.docker.compose.service": "client"}))])
MAPPINGS = [{"HostPort": 8080, "ContainerPort": 80, "Protocol": p, "HostIP": ""}
            for p in ("tcp", "udp")]
OUT, PEER = {"outside", "outside udp", "outside by IPv6"}, {"peer by gateway", "peer by host",
                                                           "peer by gateway udp"}


class Host(containerdhost.Host):
    """What nerdctl and its OCI hook do, with ctr and CNI's own plugins."""

    def network(self, *args, **more):
        return super().network(*args, hairpinMode=True, **more)

    def compose(self, service, **more):
        """A container of `nerdctl compose`'s project shop: an id of 64 digits, and
        what its users see of it in labels."""
        name = f"shop-{service}-1"
        return self.run(service.encode().hex().rjust(64, "0"), labels={
            "nerdctl/name": name, "nerdctl/namespace": "default",
            "nerdctl/networks": json.dumps(["shop_default"]), "app": service,
            "com.docker.compose.project": "shop", "com.docker.compose.service": service,
            **more})

    def publish(self, container, mappings):
        """CNI's portmap, last in the network's chain."""
        ips = [{"version": v, "interface": 0, "address": f"{ip}/{size}"} for v, ip, size in (
            ("4", container.ip(), 24), ("6", container.ip6(), 64))]
        netns = f"/proc/{container.pid}/ns/net"
        told = {"cniVersion": "0.4.0", "name": "shop_default", "type": "portmap",
                "runtimeConfig": {"portMappings": [
                    {k[0].lower() + k[1:]: v for k, v in m.items()} for m in mappings]},
                "prevResult": {"cniVersion": "0.4.0", "ips": ips,
                               "interfaces": [{"name": "eth0", "sandbox": netns}]}}
        self.cni("ADD", container, plugin=told)


def endpoints(h):
    return {f"{e['namespace']}/{e['name']}": e for e in h.get("get", "endpoints")["endpoints"]}


def ways(h, peer):
    host, _ = h.outside()
    found = {}
    for source, targets in (
            ("outside", {"outside": f"tcp:{host}:8080", "outside udp": f"udp:{host}:8080",
                         "outside by IPv6": "tcp:2001:db8:ffff::1:8080"}),
            (peer, {"peer by gateway": "tcp:10.88.0.1:8080", "peer by host": f"tcp:{host}:8080",
                    "peer by gateway udp": "udp:10.88.0.1:8080"})):
        answers = h.ask(source, *targets.values())
        found.update({way: answers[target][0] for way, target in targets.items()})
    return found


def opened(got):
    return {way for way, result in got.items() if result == "open"}


def told(h, r):
    found = endpoints(h)
    r.ok({"shop/shop-web-1", "shop/shop-client-1", "shop/shop-other-1"} <= set(found),
         "nerdctl's names, and the Compose project as the namespace", sorted(found))
    published = [(p["host_port"], p["port"], p["protocol"])
                 for p in found["shop/shop-web-1"]["published"]]
    r.equal(sorted(set(published)), [(8080, 80, "tcp"), (8080, 80, "udp")],
            "its published ports, from the label")
    r.equal([(n["name"], n["bridge"]) for n in h.get("get", "networks")["networks"]],
            [("shop_default", "cni0")], "its network, by nerdctl's name")


def from_file(h, r):
    """nerdctl 2.1.3 and later keep the ports beside the container's state."""
    place = "/run/bh/nerdctl/containers/default/late"
    h.sh("mkdir", "-p", place)
    h.write(f"{place}/network-config.json", json.dumps({"portMappings": [
        {"HostPort": 9090, "ContainerPort": 90, "Protocol": "tcp", "HostIP": "127.0.0.1"}]}))
    late = h.compose("late", **{"nerdctl/state-dir": place})
    h.settle()
    r.equal([(p["host"], p["host_port"], p["port"])
             for p in endpoints(h)["shop/shop-late-1"]["published"]], [("127.0.0.1", 9090, 90)],
            "published ports of nerdctl 2.1.3 and later, from its file")
    late.remove()


def renamed(h, r, web, client):
    """`nerdctl rename` changes the label."""
    h.policy("web.yaml", netpol.policy("web", {"app": "web"}, namespace="shop", ingress_rules=[
        netpol.ingress(netpol.labels(**{"bulkhead/name": "shop-guest-1"}))]))
    r.equal(h.result(client, f"tcp:{web.ip()}:80"), "timeout", "before it has the name: denied")
    h.ctr("container", "label", client.name, "nerdctl/name=shop-guest-1")
    h.settle()
    found = endpoints(h)
    r.ok("shop/shop-guest-1" in found and "shop/shop-client-1" not in found,
         "renamed: shown by its new name", sorted(found))
    r.equal(h.result(client, f"tcp:{web.ip()}:80"), "open", "renamed: judged by its new name")


def judged(h, r, web, client, other):
    got = ways(h, client)
    r.equal(opened(got), OUT | PEER, "no policy: every way is open")
    h.policy("web.yaml", NOBODY)
    r.equal(opened(ways(h, client)), set(), "nobody: no way")
    flow = testhost.until(lambda: h.denied(src_name="shop-client-1", dst_ip=web.ip(), dst_port=80,
                                           proto="tcp"), "a record of the peer", 5)[-1]
    r.equal((flow["dst"]["container"]["name"], flow["policies"]), ("shop-web-1", ["shop/web"]),
            "the record of a peer by the published port names both containers")
    r.equal({h.result(None, f"tcp:{a}:8080") for a in ("127.0.0.1", "10.88.0.1")}, {"open"},
            "nobody: but the host, by its published port")
    r.equal({h.result(web, f"tcp:{a}:8080") for a in ("10.88.0.1", h.outside()[0])}, {"open"},
            "nobody: and the container itself by its published port")
    h.policy("web.yaml", OUTSIDE)
    r.equal(opened(ways(h, client)), OUT, "outside only: no peer by any way")
    h.policy("web.yaml", HOST_PORT)
    r.equal(opened(ways(h, client)), set(),
            "a policy means the container's port, not the published one")
    h.policy("web.yaml", CLIENT)
    r.equal(opened(ways(h, client)), PEER, "the client only, by Compose's labels: by every way")
    r.equal(opened(ways(h, other)), set(), "… and nobody else")


def test(h, r):
    h.start_agent()
    h.outside()
    web = h.compose("web", **{"nerdctl/ports": json.dumps(MAPPINGS)})
    h.publish(web, MAPPINGS)
    client, other = h.compose("client"), h.compose("other")
    h.settle()
    told(h, r)
    judged(h, r, web, client, other)
    from_file(h, r)
    renamed(h, r, web, client)


testhost.main(test, "nerdctl", kind=Host)
