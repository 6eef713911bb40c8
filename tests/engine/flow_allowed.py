#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""flow_allowed.py - connections that the policies let through, in the flow log:
who had them, what admitted them, what they carried and how long."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import netpol
import testhost

# run.py: the clock decides here.
ALONE = True

ALLOWED = {"path": "/run/bh/flows.jsonl", "interval": "1s", "allowed": True,
           "allowedInterval": "10s"}
WEB = netpol.policy("web", {"app": "web"}, ingress_rules=[
    netpol.ingress(netpol.labels(app="client")),
    netpol.ingress(netpol.block("203.0.113.0/24"), ports=[netpol.port(80)])])
CLIENT = netpol.policy("client", {"app": "client"}, egress_rules=[
    netpol.egress(netpol.labels(app="web"))])
NOBODY = netpol.policy("web", {"app": "web"}, ingress_rules=[])


def allowed(h, **want):
    """Records of allowed flows, their members by name as in Host.denied()."""
    def fits(f):
        have = {"src_name": f["src"].get("container", {}).get("name"),
                "dst_name": f["dst"].get("container", {}).get("name"),
                "src_ip": f["src"].get("ip"), "dst_ip": f["dst"].get("ip"),
                "dst_port": f["dst"].get("port"), **f}
        return all(have.get(k) == v for k, v in want.items())
    return [f for f in h.flows() if f.get("verdict") == "allowed" and fits(f)]


def both(h, **want):
    """The two records of one connection, once it is over."""
    testhost.until(lambda: any(f["state"] == "end" for f in allowed(h, **want)),
                   f"the end of {want}")
    return allowed(h, **want)


def forget(h):
    """Have the kernel end all connections, as their timeouts would."""
    h.sh("conntrack", "-F")


def names(f):
    return [f[end].get("container", {}).get("name") for end in ("src", "dst")]


def told_whole(h, r, flows, name, policies):
    """Two records, which agree, with counts and a duration."""
    r.equal([f["state"] for f in flows], ["new", "end"], f"{name}: its begin and its end are told")
    new, end = flows[0], flows[-1]
    r.equal((new["flow_id"], names(new), new["policies"]),
            (end["flow_id"], names(end), end["policies"]), f"{name}: … of one flow")
    r.equal(sorted(end["policies"]), policies, f"{name}: … with the policies that admit it")
    r.ok("packets" not in new and end["packets"] == end["new_packets"] > 0
         and end["packets_reply"] > 0 and end["bytes"] >= 28 * end["packets"]
         and end["bytes_reply"] >= 28 * end["packets_reply"],
         f"{name}: … and what it carried in both directions", end)
    r.ok(new["first"] == end["first"] <= end["last"] and end["duration_ms"] >= 0
         and "reason" not in end and "direction" not in end, f"{name}: … and its duration", end)


def test(h, r):
    h.sh("sysctl", "-qw", "net.netfilter.nf_conntrack_acct=1")
    h.outside()
    net = h.network("six", "--ipv6", "--subnet", "fd00:6::/64")
    h.policy("web.yaml", WEB)
    h.policy("client.yaml", CLIENT)
    h.start_agent(flowLog=ALLOWED)
    web = h.run("web", labels={"app": "web"}, net=net,
                options=("-p", "203.0.113.1:8080:80"))
    client = h.run("client", labels={"app": "client"}, net=net)
    h.settle()
    admit = ["default/client", "default/web"]

    for proto, address, name in (("tcp", web.ip(), "TCP"), ("udp", web.ip(), "UDP"),
                                 ("tcp", web.ip6(), "IPv6")):
        r.equal(h.result(client, f"{proto}:{address}:80"), "open", f"{name} gets through")
        want = {"src_name": "client", "dst_ip": address, "dst_port": 80, "proto": proto}
        testhost.until(lambda: allowed(h, **want), "its record")
        forget(h)
        flows = both(h, **want)
        told_whole(h, r, flows, name, admit)
        r.equal(names(flows[0]), ["client", "web"], f"{name}: its ends are named")
        r.ok("published" not in flows[0], f"{name}: it was addressed to the container")

    for proto, address, kind in ("icmp", web.ip(), 8), ("icmpv6", web.ip6(), 128):
        h.docker("exec", "client", "ping", "-c", "1", address)
        want = {"src_name": "client", "dst_ip": address, "proto": proto}
        testhost.until(lambda: allowed(h, **want), "its record")
        forget(h)
        flows = both(h, **want)
        told_whole(h, r, flows, proto, admit)
        r.equal([f["icmp"] for f in flows], 2 * [{"type": kind, "code": 0}],
                f"{proto}: its type and code")

    r.equal(h.result("outside", "tcp:203.0.113.1:8080"), "open", "a published port gets through")
    want = {"src_ip": "203.0.113.2", "dst_name": "web", "proto": "tcp"}
    testhost.until(lambda: allowed(h, **want), "its record")
    forget(h)
    flows = both(h, **want)
    told_whole(h, r, flows, "published", ["default/web"])
    r.equal([(f["dst"]["ip"], f["dst"]["port"], f["published"]) for f in flows],
            2 * [(web.ip(), 80, {"ip": "203.0.113.1", "port": 8080})],
            "published: the port of the host, and the one behind it")

    stranger = h.run("stranger", labels={"app": "other"}, net=net)
    h.settle()
    r.ok(h.result(stranger, f"tcp:{web.ip()}:80", ms=300) != "open", "what is denied …")
    testhost.until(lambda: h.denied(src_name="stranger"), "its record")
    r.equal(allowed(h, src_name="stranger"), [], "… is not told as allowed")
    h.result("outside", "tcp:203.0.113.1:22", ms=200)  # the host's own: no container's
    r.equal(allowed(h, dst_port=22), [], "what is no container's is not recorded")

    # One that lives on: through a restart, and until a policy ends it.
    stream = h.stream(client, f"tcp:{web.ip()}:80")
    testhost.until(lambda: len(allowed(h, src_name="client", dst_ip=web.ip(), proto="tcp")) == 3,
                   "its begin")
    new = allowed(h, src_name="client", dst_ip=web.ip(), proto="tcp")[-1]
    h.stop_agent()
    h.start_agent(flowLog=ALLOWED)
    r.equal(allowed(h, flow_id=new["flow_id"]), [new], "a restart does not tell it again")
    update = testhost.until(lambda: allowed(h, flow_id=new["flow_id"], state="update"),
                            "its record while it goes on", 30)[0]
    r.ok(update["packets"] == update["new_packets"] > 0 and names(update) == names(new)
         and update["first"] == new["first"] and "duration_ms" not in update,
         "one that goes on is told at each interval", update)
    h.policy("web.yaml", NOBODY)
    end = testhost.until(lambda: allowed(h, flow_id=new["flow_id"], state="end"), "its end")[-1]
    r.equal((names(end), end["src"]["port"]), (["client", "web"], new["src"]["port"]),
            "a connection that a policy revokes ends with its record")
    r.ok(h.denied(reason="policy-revoked", dst_name="web"), "… and is told as revoked")
    r.ok(end["packets"] > 3 and end["first"] == new["first"] and end["duration_ms"] > 0,
         "… with all it carried, and how long it lived", end)
    r.equal(sum(f.get("new_packets", 0) for f in allowed(h, flow_id=new["flow_id"])),
            end["packets"], "… and its records' differences add up to that")
    stream.kill()
    stream.wait()
    r.equal([f for f in h.events("loss") if f["where"] == "conntrack"], [], "nothing was lost")
    r.equal([w for w in h.get("status")["warnings"] if w["subject"] == "allowed flows"], [],
            "nothing to warn of")

    # A kernel that does not count.
    h.policy("web.yaml", WEB)
    h.stop_agent()
    h.sh("sysctl", "-qw", "net.netfilter.nf_conntrack_acct=0")
    h.start_agent(flowLog=ALLOWED)
    r.ok(any(w["subject"] == "allowed flows" and "nf_conntrack_acct=1" in w["message"]
             for w in h.get("status")["warnings"]) and "nf_conntrack_acct=1" in h.agent_log(),
         "a kernel that does not count is warned of")
    h.result(client, f"udp:{web.ip()}:81")
    want = {"src_name": "client", "dst_ip": web.ip(), "dst_port": 81}
    testhost.until(lambda: allowed(h, **want), "its record")
    forget(h)
    end = both(h, **want)[-1]
    r.ok("packets" not in end and "bytes_reply" not in end and end["duration_ms"] >= 0,
         "… and the counts are left out", end)

    # Off, as by default.
    h.stop_agent()
    count = len(allowed(h))
    h.start_agent()
    r.equal(h.result(client, f"tcp:{web.ip()}:80"), "open", "with the option off …")
    forget(h)
    h.stop_agent()
    r.equal(len(allowed(h)), count, "… nothing that is allowed is recorded")


testhost.main(test, "flow-allowed")
