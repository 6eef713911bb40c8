#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""ipv6.py - a dual-stack network is judged the same in both families."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import netpol
import testhost

V4_ONLY = netpol.policy("web", {"app": "web"},
                        ingress_rules=[netpol.ingress(netpol.block("172.30.0.0/24"))])
V6_ONLY = netpol.policy("web", {"app": "web"},
                        ingress_rules=[netpol.ingress(netpol.block("fd00:30::/64"))])


def both(h, r, source, web, v4, v6, name):
    testhost.check(r, h, source, web, v4, f"{name}: IPv4")
    testhost.check(r, h, source, web, v6, f"{name}: IPv6", family=6)


def ping6(h, source, target):
    done = h.sh("nsenter", "-t", str(source.pid), "-n", "/bin/busybox", "ping", "-6", "-c1", "-W1",
                target.ip6(), check=False)
    return done.returncode == 0


def test(h, r):
    h.network("dual", "--ipv6", "--subnet", "172.30.0.0/24", "--subnet", "fd00:30::/64")
    h.start_agent()
    web = h.run("web", labels={"app": "web"}, net="dual")
    client = h.run("client", labels={"app": "client"}, net="dual")
    other = h.run("other", labels={"app": "other"}, net="dual")
    h.settle()
    both(h, r, client, web, True, True, "no policy")
    h.policy("web.yaml", netpol.CLIENT_TO_WEB)
    both(h, r, client, web, True, True, "the client")
    both(h, r, other, web, False, False, "another")
    r.ok(ping6(h, client, web), "neighbour discovery and ping of the client pass")
    r.ok(not ping6(h, other, web), "a ping of another does not")
    flow = testhost.until(lambda: h.denied(src_ip=other.ip6(), dst_port=80, proto="tcp"),
                          "a record", 5)[-1]
    r.equal((flow["src"]["container"]["name"], flow["dst"]["ip"]), ("other", web.ip6()),
            "an IPv6 record is attributed")
    h.policy("web.yaml", V4_ONLY)
    both(h, r, client, web, True, False, "IPv4 addresses only")
    h.policy("web.yaml", V6_ONLY)
    both(h, r, client, web, False, True, "IPv6 addresses only")
    both(h, r, None, web, True, True, "the host")
    h.no_policy("web.yaml")
    both(h, r, other, web, True, True, "deleted")


testhost.main(test, "ipv6")
