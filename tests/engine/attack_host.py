#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""attack_host.py - what a container may do to its host, and to the addresses
that hand out a cloud machine's credentials, is its egress policy's to say."""
import os
import socket
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import attack
import netpol
import testhost
import wire

METADATA, METADATA6 = "169.254.169.254", "fd00:ec2::254"
SERVICES = ("tcp:22", "tcp:2375", "tcp:80", "udp:53")
ON_LINK = ("172.31.0.1", "fd00:17::1")
EXAMPLE = os.path.join(testhost.REPO, "policy-examples", "deny-metadata.yaml")
SUBNETS = ("172.31.0.0/24", "fd00:17::/64")


def policies(host_addresses):
    """caged: nowhere; tenant: anywhere but to the host; dns: one port of it."""
    v4 = [f"{a}/32" for a in host_addresses if ":" not in a]
    v6 = [f"{a}/128" for a in host_addresses if ":" in a]
    return netpol.documents(
        netpol.policy("caged", {"app": "caged"}, egress_rules=[]),
        netpol.policy("tenant", {"app": "tenant"}, egress_rules=[netpol.egress(
            netpol.block("0.0.0.0/0", *v4), netpol.block("::/0", *v6))]),
        netpol.policy("dns", {"app": "dns"}, egress_rules=[netpol.egress(
            netpol.block("0.0.0.0/0"), netpol.block("::/0"), ports=[netpol.port(53, "UDP")])]))


def targets(addresses):
    # A server that is asked at another address answers UDP from its nearest one.
    return [f"{s.split(':')[0]}:{a}:{s.split(':')[1]}" for a in addresses for s in SERVICES
            if a in ON_LINK or s.startswith("tcp")]


def reached(h, source, addresses):
    """The services of the host that answer @source."""
    return {t for t, (result, _) in h.ask(source, *targets(addresses)).items() if result == "open"}


def ping(h, source, address):
    done = h.sh("nsenter", "-t", str(source.pid), "-n", "/bin/busybox", "ping", "-c1", "-W1",
                address, check=False)
    return done.returncode == 0


def services(h, r, addresses):
    boxes = {app: h.run(app, labels={"app": app}, net="lab")
             for app in ("open", "caged", "tenant", "dns")}
    peer = h.run("peer", net="lab")
    h.settle()
    everything = set(targets(addresses))
    r.equal(reached(h, boxes["open"], addresses), everything,
            "who is not isolated reaches the host, at each of its addresses")
    r.equal(reached(h, boxes["caged"], addresses), set(), "who may go nowhere reaches none of it")
    r.equal(reached(h, boxes["tenant"], addresses), set(),
            "nor does who may go anywhere but to the host")
    r.equal(h.result(boxes["tenant"], f"tcp:{peer.ip()}:80"), "open",
            "control: that one does reach others")
    r.equal(reached(h, boxes["dns"], addresses), {t for t in everything if t.startswith("udp:")},
            "a rule with a port opens that port of the host alone")
    got = {(app, a): ping(h, boxes[app], a) for app in ("open", "caged", "tenant", "dns")
           for a in addresses[:2]}
    r.equal({app for (app, _), up in got.items() if up}, {"open"}, "ping: only who is free")
    flow = testhost.until(lambda: h.denied(src_name="caged", dst_ip=addresses[0], dst_port=22),
                          "a record", 5)[-1]
    r.equal((flow["direction"], flow["policies"], flow["reason"]),
            ("egress", ["default/caged"], "no-policy-allows"), "the denial is recorded")
    return boxes


def listen_to_groups(h, network):
    """A service of the host that finds others by multicast and broadcast."""
    with attack.inside(h.path("/proc/1/ns/net")):
        listening = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        listening.bind(("0.0.0.0", 5353))
        listening.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, struct.pack(
            "4s4si", wire.ip_bytes("224.0.0.251"), bytes(4),
            socket.if_nametoindex(attack.bridge_of(h, network))))
    return listening


def receives(listening, marker):
    listening.settimeout(1)
    try:
        return listening.recv(2048) == marker
    except socket.timeout:
        return False


def indirectly(h, r, boxes, server):
    """Ways to the host that are none of its own addresses."""
    mac = attack.bridge_mac(h, "lab")
    listening = listen_to_groups(h, "lab")
    for app in ("open", "caged"):
        end = attack.End(h, boxes[app], "lab")
        for to, at in (("224.0.0.251", "01:00:5e:00:00:fb"), ("255.255.255.255", wire.BROADCAST),
                       ("172.31.0.255", wire.BROADCAST)):
            marker = f"{app} to {to}".encode()
            end.wire.send(wire.ether(at, end.mac, wire.ETH_IP,
                                     wire.udp4(end.ip, to, 5353, marker)))
            r.equal(receives(listening, marker), app == "open",
                    f"{app}: whether a datagram to {to} reaches the host's service")
    end = attack.End(h, boxes["caged"], "lab")
    before = len(heard(server, "172.31.0"))
    for src, dst in ((end.ip, "127.0.0.1"), ("127.0.0.1", "127.0.0.1"),
                     ("172.31.0.1", "172.31.0.1"), ("127.0.0.1", "172.31.0.1")):
        end.wire.send(wire.ether(mac, end.mac, wire.ETH_IP, wire.udp4(src, dst, 53, b"loop")))
    end.wire.sees(b"never", 0.2)
    r.equal(len(heard(server, "172.31.0")) + len(heard(server, "127.0.0.1")), before,
            "caged: nor by the loopback address, nor as the host")


def loopback(h, r, boxes):
    """Docker without its proxies lets what comes from a bridge be routed to
    127.0.0.1 (route_localnet), where the host has services for itself alone."""
    mac = attack.bridge_mac(h, "lab")
    with attack.inside(h.path("/proc/1/ns/net")):
        listening = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        listening.bind(("127.0.0.1", 5354))
        talking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    path = f"/proc/sys/net/ipv4/conf/{attack.bridge_of(h, 'lab')}/route_localnet"
    r.equal(h.sh("cat", path).strip(), "1", "loopback: control: the host's kernel would route it")
    talking.sendto(b"the host", ("127.0.0.1", 5354))
    r.ok(receives(listening, b"the host"), "loopback: control: the host reaches its own service")
    for app in ("open", "caged"):
        end = attack.End(h, boxes[app], "lab")
        for to in ("127.0.0.1", "127.8.8.8"):
            marker = f"{app} to {to}".encode()
            end.wire.send(wire.ether(mac, end.mac, wire.ETH_IP,
                                     wire.udp4(end.ip, to, 5354, marker)))
            r.ok(not receives(listening, marker),
                 f"loopback: {app}: a datagram to {to} does not reach it")


def heard(log, peer):
    with open(log, encoding="utf-8") as f:
        return [line for line in f if f" from {peer}" in line]


def metadata(h, r, reach):
    """The example, word for word, for a service that is @reach away."""
    addresses = [METADATA, METADATA6]
    lab = h.run("tenant-" + reach, net="lab", labels={"bulkhead.namespace": "lab"})
    other = h.run("other-" + reach, net="lab")
    h.settle()
    want = {f"tcp:{a}:80" for a in addresses}
    got = {c.name: {t for t, (x, _) in h.ask(c, *want).items() if x == "open"}
           for c in (lab, other)}
    r.equal(got, {lab.name: want, other.name: want}, f"{reach}: without a policy all reach it")
    with open(EXAMPLE, encoding="utf-8") as f:
        h.policy("deny-metadata.yaml", f.read())
    got = {c.name: {t for t, (x, _) in h.ask(c, *want).items() if x == "open"}
           for c in (lab, other)}
    r.equal(got, {lab.name: set(), other.name: want},
            f"{reach}: deny-metadata.yaml keeps the containers of its namespace out")
    gateway = lab.networks["lab"]["Gateway"]
    r.equal({x for x, _ in h.ask(lab, f"tcp:{gateway}:80", f"tcp:{other.ip()}:80",
                                 f"tcp:{other.ip6()}:80").values()}, {"open"},
            f"{reach}: and nothing else away from them")
    h.no_policy("deny-metadata.yaml")


def test(h, r):
    h.network("lab", "--ipv6", "--subnet", SUBNETS[0], "--subnet", SUBNETS[1])
    h.outside()
    addresses = [*ON_LINK, "203.0.113.1", "2001:db8:ffff::1", "172.17.0.1"]
    h.policy("attack.yaml", policies(addresses))
    h.start_agent()
    h.spawn(testhost.probe_binary(), "serve", *SERVICES, log="services")
    boxes = services(h, r, addresses)
    indirectly(h, r, boxes, f"{h.dir}/services.log")
    loopback(h, r, boxes)
    # A cloud's metadata service is a router's away, or a proxy of the host's own.
    h.sh("bash", "-ec", f"""
        ip -n outside addr add {METADATA}/32 dev lo
        ip -n outside addr add {METADATA6}/128 dev lo nodad
        ip route add {METADATA}/32 via 203.0.113.2
        ip -6 route add {METADATA6}/128 via 2001:db8:ffff::2
        ip -n outside -6 route add fd00:17::/64 via 2001:db8:ffff::1 || :""")
    h.spawn("ip", "netns", "exec", "outside", testhost.probe_binary(), "serve", "tcp:80",
            log="metadata")
    metadata(h, r, "routed")
    h.sh("bash", "-ec", f"""
        ip route del {METADATA}/32
        ip -6 route del {METADATA6}/128
        ip link add md0 type veth peer name md1
        ip addr add {METADATA}/32 dev md0
        ip addr add {METADATA6}/128 dev md0 nodad
        ip link set md0 up""")
    metadata(h, r, "local")


testhost.main(test, "attack-host", daemon={"userland-proxy": False})
