#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""default_deny.py - deny everything, then allow name resolution and one path."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import netpol
import testhost

DENY = netpol.policy("default-deny", ingress_rules=[], egress_rules=[])
DNS = netpol.policy("dns", egress_rules=[netpol.egress(
    netpol.labels(app="dns"), ports=[netpol.port(53, "UDP"), netpol.port(53)])])
DNS_SERVER = netpol.policy("dns-server", {"app": "dns"}, ingress_rules=[netpol.ingress(
    ports=[netpol.port(53, "UDP"), netpol.port(53)])])
PATH_OUT = netpol.policy("client", {"app": "client"}, egress_rules=[netpol.egress(
    netpol.labels(app="web"), ports=[netpol.port(80)])])
PATH_IN = netpol.policy("web", {"app": "web"}, ingress_rules=[netpol.ingress(
    netpol.labels(app="client"), ports=[netpol.port(80)])])

PORTS = ("tcp:53", "udp:53", "tcp:80", "udp:80")


def matrix(h, pods):
    """{(source, destination): ports that answer}"""
    asked = []
    for src in pods:
        targets = {f"{p[:3]}:{dst.ip()}:{p[4:]}": (dst, p) for dst in pods if dst is not src
                   for p in PORTS}
        asked.append((src, targets, h.ask_start(src, list(targets))))
    table = {}
    for src, targets, process in asked:
        for target, (result, _) in h.ask_finish(process).items():
            dst, port = targets[target]
            if result == "open":
                table.setdefault((src.name, dst.name), set()).add(port)
    return table


def test(h, r):
    h.policy("deny.yaml", DENY)
    h.start_agent()
    pods = [h.run(n, labels={"app": n}, serve=PORTS) for n in ("dns", "web", "client", "other")]
    h.settle()
    r.equal(matrix(h, pods), {}, "default deny: nobody reaches anybody")

    h.policy("dns.yaml", netpol.documents(DNS, DNS_SERVER))
    dns = {(n, "dns"): {"tcp:53", "udp:53"} for n in ("web", "client", "other")}
    r.equal(matrix(h, pods), dns, "name resolution: exactly that for all")
    h.policy("out.yaml", PATH_OUT)
    r.equal(matrix(h, pods), dns, "egress alone opens nothing: both ends decide")
    h.policy("in.yaml", PATH_IN)
    r.equal(matrix(h, pods), {**dns, ("client", "web"): {"tcp:80"}},
            "ingress too: that one path is open")
    for c in pods:
        if h.result(None, f"tcp:{c.ip()}:80") != "open":
            r.ok(False, f"the host reaches {c.name}")
            break
    else:
        r.ok(True, "the host reaches every container all the same")
    client, other = pods[2], pods[3]

    def named():
        """Of one flow, denied by more policies as they come."""
        return [(f["direction"], sorted(f["policies"])) for f in
                h.denied(src_ip=other.ip(), dst_ip=pods[1].ip(), dst_port=80, proto="tcp")]
    testhost.until(lambda: ("egress", ["default/default-deny", "default/dns"]) in named(),
                   "a record that names both policies", 5)
    r.equal({direction for direction, _ in named()}, {"egress"},
            "the source's egress is asked first, and every policy that isolates it named")
    ping = h.sh("nsenter", "-t", str(client.pid), "-n", "/bin/busybox", "ping", "-c1", "-W1", pods[1].ip(),
                check=False)
    r.ok(ping.returncode != 0, "a rule with ports admits no ping")


testhost.main(test, "default-deny")
