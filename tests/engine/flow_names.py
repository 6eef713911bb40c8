#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""flow_names.py - DNS names in the flow log, from the answers that containers got.

A real name server outside, and one on the host; containers ask by their own
resolver, and through the engine's. Who did not ask has no name; who makes
answers up gives nobody else one; and a flood of answers costs no denied record.
"""
import contextlib
import os
import socket
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import attack
import netpol
import testhost
import wire

SERVER, DENIED, SERVER6 = "203.0.113.2", "203.0.113.3", "2001:db8:ffff::2"
# The host, to containers and to what is outside.
GATEWAY, HOST = "172.30.0.1", "203.0.113.1"
LOG = {"path": "/run/bh/flows.jsonl", "interval": "1s"}
NAMES = {**LOG, "dnsNames": True, "allowed": True}
DNS = [netpol.port(53, "UDP"), netpol.port(53)]
# Whoever is a client may ask name servers, and reach the first address.
CLIENT = netpol.policy("client", {"app": "client"}, egress_rules=[
    netpol.egress(netpol.block(f"{SERVER}/32"), netpol.block("2001:db8:ffff::2/128")),
    netpol.egress(ports=DNS)])
ANSWERS_GROUP = 2749
FLOOD, TUPLES = 30000, 200


@contextlib.contextmanager
def name_server(h, where, *options):
    """dnsmasq in @where: a network namespace's command prefix."""
    process = subprocess.Popen(
        h.inside(*where, "dnsmasq", "--keep-in-foreground", "--no-resolv", "--no-hosts",
                 "--user=root", "--pid-file=", "--bind-interfaces", *options),
        stdout=subprocess.DEVNULL, preexec_fn=testhost._die_with_parent)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def look_up_start(h, container, name, server, then="true", kind="a"):
    """The container's own resolver asks; @then it runs a command at once."""
    return subprocess.Popen(
        h.inside(testhost.DOCKER, "exec", container.name, "sh", "-c",
                 f"busybox nslookup -type={kind} {name} {server}; {then}"),
        stdout=subprocess.PIPE, text=True, preexec_fn=testhost._die_with_parent)


def look_up(*args, **options):
    out, _ = look_up_start(*args, **options).communicate(timeout=testhost.PATIENCE)
    return out


def question(name, ident=0x1234):
    labels = b"".join(bytes([len(x)]) + x.encode() for x in name.split("."))
    return struct.pack("!6H", ident, 0x0100, 1, 0, 0, 0) + labels + b"\0\0\1\0\1"


def answer(name, address):
    """A name server's answer, made by hand."""
    asked = question(name)
    return (asked[:2] + struct.pack("!5H", 0x8180, 1, 1, 0, 0) + asked[12:]
            + b"\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4" + socket.inet_aton(address))


def netns(h, container):
    return h.path(f"/proc/{container.pid}/ns/net")


def ask_over_tcp(h, container, name, server):
    message = question(name)
    with attack.inside(netns(h, container)):
        s = socket.create_connection((server, 53), timeout=testhost.PATIENCE)
    with s:
        s.sendall(struct.pack("!H", len(message)) + message)
        return s.recv(4096)


def records(h, container, **want):
    return [f for f in h.flows() if f.get("verdict") in ("denied", "allowed")
            and f["src"].get("container", {}).get("name") == container.name
            and all(f["dst"].get(k) == v for k, v in want.items() if k in ("ip", "port"))
            and f["verdict"] == want.get("verdict", f["verdict"])]


def name_of(h, container, ip, port, verdict="denied"):
    """The name of the destination in the flow's first record."""
    found = testhost.until(lambda: records(h, container, ip=ip, port=port, verdict=verdict),
                           f"a record of {container.name} to {ip}:{port}")
    return found[0]["dst"].get("name")


def group_is_bound(h):
    groups = h.sh("cat", "/proc/net/netfilter/nfnetlink_log").splitlines()
    return any(line.split()[0] == str(ANSWERS_GROUP) for line in groups)


def metric(h, name):
    for line in h.bulkhead("metrics").splitlines():
        if line.startswith(name + " "):
            return float(line.rsplit(" ", 1)[1])
    return None


def test_off(h, r, client):
    """By default nothing is looked at."""
    r.ok("answers" not in h.sh("nft", "list", "ruleset"), "off: there is no rule")
    r.ok(not group_is_bound(h), "off: nobody listens")
    r.ok(SERVER in look_up(h, client, "denied.example", SERVER), "off: a container resolves a name")
    h.result(client, f"tcp:{DENIED}:79", ms=100)
    r.equal(name_of(h, client, DENIED, 79), None, "off: its record has none")
    r.equal(metric(h, "bulkhead_dns_answers_total"), None, "off: there are no figures of it")


def test_names(h, r, client, other):
    r.ok(group_is_bound(h), "on: the agent listens")
    listing = h.sh("nft", "list", "ruleset")
    r.ok("jump answers" in listing and f"group {ANSWERS_GROUP}" in listing, "on: there is a rule")

    # At once behind the answer: it is on its way to the agent as the SYN is.
    out = look_up(h, client, "DENIED.example", SERVER,
                  then=f"/probe ask -t 100 tcp:{DENIED}:80")
    r.ok(DENIED in out, "a container resolves a name …", out)
    r.equal(name_of(h, client, DENIED, 80), "denied.example",
            "… and the record of what it is denied then has it")
    h.result(other, f"tcp:{DENIED}:80", ms=100)
    r.equal(name_of(h, other, DENIED, 80, "allowed"), None,
            "another container, which did not ask, has none")

    asked = h.bulkhead("flows", "--path", LOG["path"], "--to", "denied.example", "-o", "csv")
    r.ok(",denied.example," in asked and len(asked.splitlines()) == 2,
         "… by which `bulkhead flows` finds it", asked)

    look_up(h, client, "www.example", SERVER)
    r.equal(h.result(client, f"tcp:{SERVER}:80"), "open", "what a name leads to is allowed")
    r.equal(name_of(h, client, SERVER, 80, "allowed"), "www.example",
            "its record has the name that was asked for, not the alias behind it")

    look_up(h, client, "www.example", SERVER, kind="aaaa")
    r.equal(h.result(client, f"tcp:{SERVER6}:80"), "open", "likewise over IPv6 …")
    r.equal(name_of(h, client, SERVER6, 80, "allowed"), "www.example", "… by an AAAA record")

    r.ok(socket.inet_aton(DENIED) in ask_over_tcp(h, client, "tcp.example", SERVER),
         "a name that is asked for over TCP …")
    h.result(client, f"tcp:{DENIED}:81", ms=100)
    r.equal(name_of(h, client, DENIED, 81), "tcp.example", "… is the address's last one, and counts")

    look_up(h, client, "host.example", GATEWAY)
    h.result(client, f"tcp:{DENIED}:82", ms=100)
    r.equal(name_of(h, client, DENIED, 82), "host.example", "a name server on the host")

    out = look_up(h, client, "docker.example", "127.0.0.11")
    r.ok(DENIED in out, "the engine's resolver asks in the container's name", out)
    h.result(client, f"tcp:{DENIED}:83", ms=100)
    r.equal(name_of(h, client, DENIED, 83), "docker.example", "… and its name is known")


def test_forged(h, r, client, victim, evil):
    """What somebody makes up names nobody else's flows."""
    forged = answer("forged.example", DENIED)
    mac = {c: c.networks["six"]["MacAddress"] for c in (client, victim, evil)}
    with wire.Wire(netns(h, evil)) as w:
        for to in (client, victim):
            for sender in (evil.ip(), SERVER):
                packet = wire.udp4(sender, to.ip(), 40000, forged, sport=53)
                w.send(wire.ether(mac[to], mac[evil], wire.ETH_IP, packet))
        # An answer to itself, which it never asked for.
        w.send(wire.ether(mac[evil], mac[evil], wire.ETH_IP,
                          wire.udp4(SERVER, evil.ip(), 40000, forged, sport=53)))
    for c in (client, victim, evil):
        h.result(c, f"tcp:{DENIED}:84", ms=100)
    r.equal(name_of(h, client, DENIED, 84), "docker.example",
            "an answer that a neighbour makes up changes no name")
    r.equal(name_of(h, victim, DENIED, 84), None, "… and gives none to who has none")
    r.equal(name_of(h, evil, DENIED, 84, "allowed"), None,
            "what a container sends to itself is no answer")

    # Its own name server may tell it anything, which only it is then shown.
    with attack.inside(h.path("/run/netns/outside")):
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((DENIED, 53))
    with attack.inside(netns(h, evil)):
        asker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with server, asker:
        asker.sendto(question("bank.example"), (DENIED, 53))
        _, peer = server.recvfrom(4096)
        for address in (DENIED, victim.ip()):
            server.sendto(answer("bank.example", address), peer)
            asker.recv(4096)
    for c in (client, victim, evil):
        h.result(c, f"tcp:{DENIED}:85", ms=100)
    h.result(client, f"tcp:{victim.ip()}:80", ms=100)
    r.equal([name_of(h, evil, DENIED, 85, "allowed"), name_of(h, client, DENIED, 85),
             name_of(h, victim, DENIED, 85), name_of(h, client, victim.ip(), 80)],
            ["bank.example", "docker.example", None, None],
            "what its own name server tells it, its own records have alone")


def test_flood(h, r, client, other):
    """Answers by the thousand, and denied flows among them."""
    with attack.inside(h.path("/run/netns/outside")):
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((SERVER, 5353))
    # The name server's own port is taken; conntrack tells by what was asked.
    h.sh("ip", "netns", "exec", "outside", "nft", "add table ip t; "
         "add chain ip t pre { type nat hook prerouting priority -100; }; "
         f"add rule ip t pre ip saddr {HOST} udp sport 41000 udp dport 53 "
         "redirect to :5353")
    with attack.inside(netns(h, client)):
        asker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        asker.bind(("0.0.0.0", 41000))
    before = metric(h, "bulkhead_dns_answers_total")
    with server, asker:
        asker.sendto(question("flood.example"), (SERVER, 53))
        server.settimeout(testhost.PATIENCE)
        _, peer = server.recvfrom(4096)
        flood = testhost.flood_start(h, client, DENIED, 10000, TUPLES, TUPLES, 400)
        message = answer("flood.example", "203.0.113.99")
        sent, asking = 0, None
        while sent < FLOOD or asking.poll() is None:
            server.sendto(message, peer)
            sent += 1
            if sent == FLOOD // 2:
                asking = look_up_start(h, other, "denied.example", SERVER)
        asking.communicate()
        testhost.flood_finish(flood)
    h.result(other, f"tcp:{DENIED}:86", ms=100)
    r.equal(name_of(h, other, DENIED, 86, "allowed"), "denied.example",
            "in a flood of answers to one container another one's are read")
    ports = testhost.until(
        lambda: (p := {f["dst"]["port"] for f in records(h, client, ip=DENIED, verdict="denied")
                       if 10000 <= f["dst"]["port"] < 10000 + TUPLES}) and len(p) == TUPLES and p,
        "a record of each denied flow")
    r.equal(len(ports), TUPLES, "… each denied flow has its record")
    r.equal([f for f in h.events("loss")], [], "… none is lost")
    r.equal([f for f in h.events("accounting") if not f["exact"]], [], "… every balance is exact")
    handed = metric(h, "bulkhead_dns_answers_total") - before
    over = metric(h, 'bulkhead_dns_answers_skipped_total{why="rate"}')
    r.ok(over > sent / 2 > handed, f"… of {sent} answers {handed:.0f} are handed over, "
         f"{over:.0f} counted")


def test(h, r):
    h.outside()
    h.sh("ip", "-n", "outside", "addr", "add", f"{DENIED}/24", "dev", "eth0")
    h.policy("client.yaml", CLIENT)
    h.network("six", "--ipv6", "--subnet", "fd00:30::/64", "--subnet", "172.30.0.0/24",
              "--gateway", GATEWAY)
    h.start_agent(flowLog=LOG)
    client, victim = (h.run(name, labels={"app": "client"}, net="six",
                            options=("--dns", SERVER)) for name in ("client", "victim"))
    other, evil = (h.run(name, labels={"app": name}, net="six") for name in ("other", "evil"))
    h.settle()
    outside = ("ip", "netns", "exec", "outside")
    serving = h.spawn(*outside, testhost.probe_binary(), "serve", "tcp:80", log="serve")
    with name_server(h, outside, f"--listen-address={SERVER}",
                     f"--host-record=denied.example,{DENIED}",
                     f"--host-record=api.example,{SERVER},{SERVER6}",
                     "--cname=www.example,api.example",
                     f"--host-record=tcp.example,{DENIED}",
                     f"--host-record=docker.example,{DENIED}"), \
            name_server(h, (), f"--listen-address={GATEWAY}",
                        f"--host-record=host.example,{DENIED}"):
        testhost.until(lambda: DENIED in look_up(h, other, "denied.example", SERVER),
                       "the name server")
        testhost.until(lambda: DENIED in look_up(h, other, "host.example", GATEWAY),
                       "the host's name server")
        test_off(h, r, client)
        h.stop_agent()
        h.start_agent(flowLog=NAMES)
        test_names(h, r, client, other)
        test_forged(h, r, client, victim, evil)
        test_flood(h, r, client, other)
    serving.terminate()
    h.stop_agent()
    h.start_agent(flowLog=LOG)
    r.ok("answers" not in h.sh("nft", "list", "ruleset") and not group_is_bound(h),
         "off again: neither rule nor listener is left")


testhost.main(test, "flow-names")
