#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""flow_record.py - every field of a denied flow's record, held against what
Docker, the kernel and the packet itself say: TCP, UDP and ICMP, over IPv4 and
IPv6, bridged, routed, and through published ports."""
import base64
import hashlib
import ipaddress
import json
import os
import socket
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import attack
import netpol
import testhost
import wire

LOG = {"path": "/run/bh/flows.jsonl", "interval": "1s", "packetHead": 128}
HOST, OUTSIDE = "203.0.113.1", "203.0.113.2"
OTHER = "203.0.113.3"
HOST6, OUTSIDE6 = "2001:db8:ffff::1", "2001:db8:ffff::2"
PROTOCOLS = {"icmp": 1, "tcp": 6, "udp": 17, "icmpv6": 58}
# Two isolate web, one the client.
POLICIES = netpol.documents(
    netpol.policy("web", {"app": "web"}, ingress_rules=[]),
    netpol.policy("all", ingress_rules=[netpol.ingress(netpol.labels(app="nobody"))]),
    netpol.policy("client", {"app": "client"}, egress_rules=[netpol.egress(
        netpol.labels(app="web"), ports=[netpol.port(80), netpol.port(80, "UDP")])]))
ISOLATES = {("ingress", "web"): ["default/all", "default/web"],
            ("egress", "client"): ["default/client"]}


def community_id(proto, src, dst, first, second):
    """Community ID v1, from its specification. Of an echo request the "ports"
    are its type and its answer's."""
    ends = sorted([(ipaddress.ip_address(src).packed, first),
                   (ipaddress.ip_address(dst).packed, second)])
    text = (struct.pack("!H", 0) + ends[0][0] + ends[1][0]
            + struct.pack("!BBHH", PROTOCOLS[proto], 0, ends[0][1], ends[1][1]))
    return "1:" + base64.b64encode(hashlib.sha1(text).digest()).decode()


def identity(h, container):
    """Who it is, by Docker."""
    info = json.loads(h.docker("inspect", container.name))[0]
    config = info["Config"]
    return {"id": info["Id"], "name": container.name, "image": config["Image"],
            "namespace": "default", "runtime": "docker",
            "labels": {**config["Labels"], "bulkhead/name": container.name,
                       "bulkhead/image": config["Image"], "bulkhead/runtime": "docker"}}


def mac(container):
    return next(iter(container.networks.values()))["MacAddress"]


def port_of(h, container):
    """The host's end of its interface, by the kernel."""
    number = h.docker("exec", container.name, "cat", "/sys/class/net/eth0/iflink").strip()
    links = json.loads(h.sh("ip", "-j", "link"))
    return next(x["ifname"] for x in links if x["ifindex"] == int(number))


def bridge_of(h, network):
    return "br-" + h.docker("network", "inspect", "-f", "{{.Id}}", network)[:12]


def first_record(h, verdict="denied", **want):
    def found():
        return [f for f in h.flows() if f.get("verdict") == verdict
                and f["reason"] == "no-policy-allows"
                and f["src"].get("ip") == want["src"] and f["dst"].get("ip") == want["dst"]
                and f["dst"].get("port") == want.get("port") and f["proto"] == want["proto"]]
    return testhost.until(found, f"a record of {want}")[0]


def check_who(h, r, f, src, dst, direction, name):
    """Both ends and who decided."""
    decided = dst if direction == "ingress" else src
    ends = [identity(h, c) if c else None for c in (src, dst)]
    r.equal([f[end].get("container") for end in ("src", "dst")], ends, f"{name}: who both ends are")
    r.equal((f["direction"], f["reason"], sorted(f["policies"])),
            (direction, "no-policy-allows", ISOLATES[direction, decided.name]),
            f"{name}: the direction, the reason and all policies that isolate")


def check_counts(r, f, size, name):
    r.equal((f["state"], f["packets"], f["bytes"], f["new_packets"], f["new_bytes"]),
            ("new", 1, size, 1, size), f"{name}: one packet of {size} bytes")
    r.ok(f["first"] == f["last"] == f["time"] and len(f["flow_id"]) == 16, f"{name}: and its time",
         f)


def head_of(f):
    """The logged packet itself: (protocol, its source port or type and code)."""
    head = base64.b64decode(f["packet_head"])
    at = 20 if head[0] >> 4 == 4 else 40
    return head[9 if at == 20 else 6], head[at:at + 2], len(head)


def test_bridged(h, r, client, web):
    """The client to a neighbour: its own egress decides, or the other's ingress."""
    bridge = bridge_of(h, "six")
    way = {"iface_in": bridge, "iface_out": bridge, "phys_in": port_of(h, client),
           "phys_out": port_of(h, web)}
    sizes = {("tcp", 4): 60, ("tcp", 6): 80, ("udp", 4): 33, ("udp", 6): 53}
    for proto in ("tcp", "udp"):
        for family, src, dst in ((4, client.ip(), web.ip()), (6, client.ip6(), web.ip6())):
            for port, direction in ((80, "ingress"), (81, "egress")):
                name = f"{proto} over IPv{family}, {direction}"
                h.result(client, f"{proto}:{dst}:{port}", ms=50)
                f = first_record(h, src=src, dst=dst, port=port, proto=proto)
                check_who(h, r, f, client, web, direction, name)
                check_counts(r, f, sizes[proto, family], name)
                number, start, _ = head_of(f)
                sport, = struct.unpack("!H", start)
                r.equal((number, f["src"]["port"], f.get("tcp_flags"), f["community_id"]),
                        (PROTOCOLS[proto], sport, "SYN" if proto == "tcp" else None,
                         community_id(proto, src, dst, sport, port)),
                        f"{name}: port, flags, Community ID")
                r.equal(({k: f.get(k) for k in way}, f["src"]["mac"], f["dst"]["mac"]),
                        (way, mac(client), mac(web)), f"{name}: interfaces and MAC addresses")
                r.ok("published" not in f and "icmp" not in f, f"{name}: and nothing else", f)


def test_icmp(h, r, client, web):
    for proto, option, src, dst, kind, size in (
            ("icmp", "-4", client.ip(), web.ip(), (8, 0), 84),
            ("icmpv6", "-6", client.ip6(), web.ip6(), (128, 129), 104)):
        h.docker("exec", client.name, "ping", option, "-c", "1", "-w", "1", dst, check=False)
        f = first_record(h, src=src, dst=dst, proto=proto)
        check_who(h, r, f, client, web, "egress", proto)
        check_counts(r, f, size, proto)
        r.equal((f["icmp"], f["community_id"], "port" in f["src"]),
                ({"type": kind[0], "code": 0}, community_id(proto, src, dst, *kind), False),
                f"{proto}: type, code, Community ID")
    # Of types that have no answer the second "port" is the code.
    end = attack.End(h, client, "six")
    other = attack.End(h, web, "six")
    end.send4(other, wire.icmp4(end.ip, other.ip, 5, 1, 0, b"\0" * 28))
    f = testhost.until(lambda: [f for f in h.denied(src_name="client", proto="icmp")
                                if f["icmp"]["type"] == 5], "a redirect's record")[0]
    r.equal(f["icmp"], {"type": 5, "code": 1}, "icmp: a redirect's type and code")


def test_flags(h, r, client, web):
    """What no connection begins with."""
    end, other = attack.End(h, client, "six"), attack.End(h, web, "six")
    end.send4(other, wire.tcp4(end.ip, other.ip, 40000, 82, wire.FIN | wire.PSH | wire.URG))
    f = testhost.until(lambda: h.denied(src_name="client", dst_port=82), "its record")[0]
    r.equal((f["tcp_flags"], f["reason"], f["src"]["port"]), ("FIN,PSH,URG", "invalid", 40000),
            "a segment that opens nothing: its flags")


def send_from(h, ip, sport, proto, target):
    """From a port of "outside" that the caller chooses."""
    kind = socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM
    with attack.inside(h.path("/run/netns/outside")):
        s = socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, kind)
    with s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.setblocking(False)
        s.bind((ip, sport))
        s.connect_ex(target)
        if proto == "udp":
            s.send(b"ping\n")


def test_published(h, r, web, stranger):
    """Where it was addressed to before DNAT, whoever translates: Docker, or a
    rule of the administrator's, over IPv6. From one port, as scanners do it."""
    h.sh("nft", "add table ip6 admin; "
         "add chain ip6 admin pre { type nat hook prerouting priority -100; }; "
         f"add rule ip6 admin pre ip6 daddr {HOST6} tcp dport 9080 dnat to [{web.ip6()}]:80")
    for proto in ("tcp", "udp"):
        for published, port in ((8080, 80), (8081, 81)):
            send_from(h, OUTSIDE, 50000, proto, (HOST, published))
            f = first_record(h, src=OUTSIDE, dst=web.ip(), port=port, proto=proto)
            r.equal((f.get("published"), f["src"]["port"], f["community_id"]),
                    ({"ip": HOST, "port": published}, 50000,
                     community_id(proto, OUTSIDE, web.ip(), 50000, port)),
                    f"{proto} through the published port {published}: it, and the one behind it")
            check_who(h, r, f, None, web, "ingress", f"{proto} through {published}")
            r.equal((f["iface_in"], f["iface_out"], "phys_in" in f),
                    ("ext0", bridge_of(h, "six"), False), "… and its way through the host")
    send_from(h, OUTSIDE6, 50000, "tcp", (HOST6, 9080))
    f = first_record(h, src=OUTSIDE6, dst=web.ip6(), port=80, proto="tcp")
    r.equal(f.get("published"), {"ip": HOST6, "port": 9080}, "likewise over IPv6")
    send_from(h, OUTSIDE, 50000, "tcp", (web.ip(), 83))
    f = first_record(h, src=OUTSIDE, dst=web.ip(), port=83, proto="tcp")
    r.ok("published" not in f, "who addresses the container itself came by no port", f)
    h.result(stranger, f"tcp:{HOST}:8080", ms=50)
    f = first_record(h, src=stranger.ip(), dst=HOST, port=8080, proto="tcp")
    check_who(h, r, f, stranger, web, "ingress", "another network's container, at docker-proxy")
    r.ok("published" not in f, "… which is what it is addressed to", f)


def test_revoked(h, r, web):
    """A connection through a published port, which a policy ends."""
    stream = h.stream("outside", f"tcp:{HOST}:8080")
    h.policy("policies.yaml", POLICIES)
    f = testhost.until(lambda: h.denied(reason="policy-revoked", dst_name="web"), "its record")[0]
    stream.kill()
    stream.wait()
    r.equal((f["src"]["ip"], f["dst"]["ip"], f["dst"]["port"], f.get("published"), f["packets"],
             sorted(f["policies"])),
            (OUTSIDE, web.ip(), 80, {"ip": HOST, "port": 8080}, 0, ISOLATES["ingress", "web"]),
            "a connection that is ended: where it was addressed to, and what ended it")
    shown = h.bulkhead("flows", "show", f["flow_id"])
    r.ok("policy-revoked" in shown and web.ip() in shown, "… which `flows show` shows", shown)


def test_audit(h, r, web):
    """The same, of what is let through: of a flow that was denied before, which the
    kernel goes on counting, and of one that was not."""
    h.stop_agent()
    start = len(h.flows())
    h.start_agent(enforcement={"mode": "audit"}, flowLog=LOG)
    h.settle()
    modes = [e["mode"] for e in h.events("enforcement")]
    r.equal((modes[0], modes[-1]), ("enforce", "audit"), "that the mode changed is told")
    r.equal(h.result("outside", f"tcp:{HOST}:8080"), "open", "audit: what is denied passes")
    f = first_record(h, "audit", src=OUTSIDE, dst=web.ip(), port=80, proto="tcp")
    r.equal((sorted(f["policies"]), "port" in f["src"]), (ISOLATES["ingress", "web"], False),
            "… and is told as such, by the kernel's count")
    h.sh("ip", "-n", "outside", "addr", "add", OTHER + "/24", "dev", "eth0")
    send_from(h, OTHER, 50000, "tcp", (HOST, 8080))
    f = first_record(h, "audit", src=OTHER, dst=web.ip(), port=80, proto="tcp")
    r.equal((sorted(f["policies"]), f.get("published"), f["src"]["port"]),
            (ISOLATES["ingress", "web"], {"ip": HOST, "port": 8080}, 50000),
            "… or at once, with where it was addressed to")
    r.equal([f for f in h.flows()[start:] if f.get("verdict") == "denied"
             and f["reason"] == "no-policy-allows"], [], "nothing is told to be denied")


def test(h, r):
    h.outside()
    net = h.network("six", "--ipv6", "--subnet", "fd00:6::/64")
    h.start_agent(flowLog=LOG)
    web = h.run("web", labels={"app": "web", "tier": "1"}, net=net,
                options=[x for p in ("8080:80", "8080:80/udp", "8081:81", "8081:81/udp")
                         for x in ("-p", f"{HOST}:{p}")])
    client = h.run("client", labels={"app": "client"}, net=net)
    stranger = h.run("stranger", labels={"app": "stranger"}, net=h.network("elsewhere"))
    h.settle()
    test_revoked(h, r, web)
    test_bridged(h, r, client, web)
    test_icmp(h, r, client, web)
    test_flags(h, r, client, web)
    test_published(h, r, web, stranger)
    r.equal([e["message"] for e in h.events("accounting") if not e["exact"]], [],
            "every balance is exact")
    test_audit(h, r, web)


testhost.main(test, "flow-record")
