#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""attack_conntrack.py - nothing but an opening opens a connection, replies come
from where they were asked, and errors from who could have seen the flow.

evil is free; victim is isolated for ingress, caged for egress, sealed for
both; open is nobody's and shows that a frame is one that can arrive."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import attack
import netpol
import testhost
import wire

SYN, ACK, RST, FIN, PSH, URG = wire.SYN, wire.ACK, wire.RST, wire.FIN, wire.PSH, wire.URG
NO_OPENINGS = {
    "ACK": ACK, "SYN-ACK": SYN | ACK, "PSH-ACK": PSH | ACK, "FIN": FIN, "FIN-ACK": FIN | ACK,
    "RST": RST, "RST-ACK": RST | ACK, "no flags": 0, "FIN-PSH-URG": FIN | PSH | URG,
    "SYN-FIN": SYN | FIN, "SYN-RST": SYN | RST,
}
POLICIES = netpol.documents(
    netpol.policy("victim", {"app": "victim"}, ingress_rules=[]),
    netpol.policy("caged", {"app": "caged"}, egress_rules=[]),
    netpol.policy("sealed", {"app": "sealed"}, ingress_rules=[], egress_rules=[]),
    netpol.policy("web", {"app": "web"}, ingress_rules=[
        netpol.ingress(netpol.labels(app="evil"), ports=[netpol.port(80)])]))
GOVERNED = ("victim", "caged", "web", "sealed")
_port = 20000


def fresh_port():
    """A source port that no connection of this test has had."""
    global _port
    _port += 1
    return _port


def segment(source, to, flags, sport=None, dport=80):
    """Whether a hand-made segment of @source arrives at @to."""
    marker = os.urandom(12)
    packet = wire.tcp4(source.ip, to.ip, sport or fresh_port(), dport, flags, marker)
    return attack.arrives(to, lambda: source.send4(to, packet), marker)


def through(ends, pairs, flags):
    """Those (from, to) of @pairs between whom a segment gets through."""
    attempts = {}
    for a, b in pairs:
        marker = os.urandom(12)
        packet = wire.tcp4(ends[a].ip, ends[b].ip, fresh_port(), 80, flags, marker)
        attempts[a, b] = (ends[b], marker, lambda a=a, b=b, p=packet: ends[a].send4(ends[b], p))
    return attack.all_arrive(attempts)


def openings(r, ends):
    evil, free = ends["evil"], ends["open"]
    for what, flags in NO_OPENINGS.items():
        # A kernel's conntrack lets odd ones through as invalid: a true control.
        r.ok(segment(evil, free, flags), f"control: {what} to who is not governed arrives")
        pairs = [pair for name in GOVERNED for pair in (("evil", name), (name, "evil"))]
        r.equal(through(ends, pairs, flags), set(),
                f"{what} opens nothing at a governed container, in no direction")
    r.equal(through(ends, [("evil", name) for name in GOVERNED], SYN),
            {("evil", "caged"), ("evil", "web")},
            "control: SYN arrives where the policies allow it")
    r.equal(through(ends, [(name, "evil") for name in GOVERNED], SYN),
            {("victim", "evil"), ("web", "evil")}, "control: and from whom they allow it")


def one_after_another(r, ends):
    """Several segments of one pair of ports, in every order that might help."""
    evil = ends["evil"]
    for name in ("victim", "sealed"):
        for order in ((ACK, SYN), (SYN | ACK, SYN), (SYN, ACK), (RST, SYN), (SYN, SYN | ACK, ACK)):
            sport = fresh_port()
            got = [segment(evil, ends[name], f, sport) for f in order]
            r.ok(not any(got), f"{name}: nor one after another: {order}", got)


def simultaneous(r, ends):
    evil, victim, sealed = ends["evil"], ends["victim"], ends["sealed"]

    def both(one, mine):
        return [segment(evil, one, SYN, 7000, mine), segment(one, evil, SYN, mine, 7000),
                segment(evil, one, SYN, 7000, mine), segment(one, evil, SYN | ACK, mine, 7000),
                segment(evil, one, SYN | ACK, 7000, mine)]

    r.ok(not any(both(sealed, 7001)), "simultaneous open: neither end gets through to a sealed one")
    got = both(victim, 7002)
    r.equal(got[:2], [False, True],
            "simultaneous open: only what the victim itself opens, and not before it does")


def udp(source, to, sport, dport):
    marker = os.urandom(12)
    packet = wire.udp4(source.ip, to.ip, dport, marker, sport)
    return attack.arrives(to, lambda: source.send4(to, packet), marker)


def replies(r, ends):
    evil, victim, third = ends["evil"], ends["victim"], ends["open"]
    r.ok(udp(victim, evil, 5300, 53), "UDP: the victim asks")
    r.ok(udp(evil, victim, 53, 5300), "UDP: control: the answer arrives")
    r.ok(not udp(evil, victim, 54, 5300), "UDP: none from another port")
    r.ok(not udp(evil, victim, 53, 5301), "UDP: none to another port")
    r.ok(not udp(third, victim, 53, 5300), "UDP: none from another container")
    r.ok(not udp(evil, victim, 5300, 53), "UDP: nor with the ports exchanged")


# {what: (type, code, second word)} that might hurt a flow.
ERRORS = {"port unreachable": (3, 3, 0), "fragmentation needed": (3, 4, 576),
          "host unreachable": (3, 1, 0), "time exceeded": (11, 0, 0),
          "parameter problem": (12, 0, 0), "source quench": (4, 0, 0),
          "redirect": (5, 1, 0x0a000001)}


def icmp_errors(h, r, ends):
    evil, victim, free, web = ends["evil"], ends["victim"], ends["open"], ends["web"]
    server = ends["server"]
    for end in (victim, free):
        r.ok(udp(end, server, 5400, 80), f"ICMP: {end.name} has a flow with a server")
        quoted = wire.udp4(end.ip, server.ip, 80, b"quoted12", 5400)
        for i, (what, (kind, code, rest)) in enumerate(ERRORS.items()):
            def send(by, to=end, extra=b""):
                packet = wire.icmp4(by.ip, to.ip, kind, code, rest, quoted + extra)
                return lambda: by.send4(to, packet)
            marker = b"ICMP%04d%s" % (i, end.name.encode())
            r.ok(not attack.arrives(end, send(evil, extra=marker), marker),
                 f"ICMP: {what} by who is no end of the flow does not reach {end.name}")
            if kind != 5:
                r.ok(attack.arrives(end, send(server, extra=b"S" + marker), b"S" + marker),
                     f"ICMP: control: {what} by the flow's other end reaches {end.name}")
            else:
                r.ok(not attack.arrives(end, send(server, extra=b"S" + marker), b"S" + marker),
                     f"ICMP: a redirect not even by the flow's other end reaches {end.name}")
    packet = wire.icmp4(evil.ip, web.ip, 5, 1, 0x0a000001,
                        wire.udp4(web.ip, "192.0.2.1", 80, b"REDIRECT", 5401))
    r.ok(not attack.arrives(web, lambda: evil.send4(web, packet), b"REDIRECT"),
         "ICMP: nor does a redirect that quotes no flow")
    packet = wire.icmp4(evil.ip, victim.ip, 3, 3, 0,
                        wire.udp4(victim.ip, server.ip, 80, b"NOSUCH..", 5999))
    r.ok(not attack.arrives(victim, lambda: evil.send4(victim, packet), b"NOSUCH.."),
         "ICMP: an error that quotes no flow is judged as any packet")


def icmp6_errors(r, ends):
    evil, free, server = ends["evil"], ends["open"], ends["server"]
    ask = wire.udp6(free.ip6, server.ip6, 80, b"ASKING..", 5500)
    r.ok(attack.arrives(server, lambda: free.send6(server, ask), b"ASKING.."),
         "ICMPv6: a container has a flow with a server")
    for i, (what, kind, rest) in enumerate((("packet too big", 2, 1280), ("unreachable", 1, 0),
                                            ("time exceeded", 3, 0), ("parameter problem", 4, 0))):
        def send(by, marker):
            body = rest.to_bytes(4, "big") + ask + marker
            packet = wire.icmp6(by.ip6, free.ip6, kind, body)
            return lambda: by.send6(free, packet)
        marker = b"ICMPV6%04d" % i
        r.ok(not attack.arrives(free, send(evil, marker), marker),
             f"ICMPv6: {what} by who is no end of the flow does not arrive")
        r.ok(attack.arrives(free, send(server, b"S" + marker), b"S" + marker),
             f"ICMPv6: control: {what} by the flow's other end does")


def resets(h, r, ends):
    evil, victim, server = ends["evil"], ends["victim"], ends["server"]
    alive = h.stream(victim.container, f"tcp:{server.ip}:80")
    for source in (evil.ip, server.ip):  # the second is forged
        for port in (80, 81):
            marker = os.urandom(12)
            packet = wire.tcp4(source, victim.ip, port, 40000, RST | ACK, marker)
            r.ok(not attack.arrives(victim, lambda: evil.send4(victim, packet), marker),
                 f"RST: a third container's does not arrive, as {source}:{port}")
    r.ok(h.stream_died(alive, time.monotonic(), patience=0.5) is None,
         "RST: the victim's connection is alive")
    alive.kill()
    alive.wait()


def helpers(h, r, ends):
    evil, victim = ends["evil"], ends["victim"]
    done = h.sh("cat", "/proc/sys/net/netfilter/nf_conntrack_helper", check=False)
    r.ok(done.returncode or done.stdout.strip() == "0", "FTP: no helper of the kernel's own accord")
    port = 6021
    with attack.connected(victim, evil.ip, 21) as control:
        line = f"PORT {victim.ip.replace('.', ',')},{port >> 8},{port & 255}\r\n".encode()
        control.sendall(line)
        r.equal(control.recv(100), line, "FTP: control: the control connection is up")
        r.ok(not segment(evil, victim, SYN, 20, port), "FTP: its data connection is judged anew")
        # Somebody else's table may have one all the same: related is not allowed.
    added = h.sh("nft", "-f", "-", check=False, merge=True, stdin="""
        table inet other {
            ct helper ftp { type "ftp" protocol tcp; }
            chain pre { type filter hook prerouting priority 0; tcp dport 21 ct helper set "ftp"; }
        }""")
    if added.returncode:
        return print("# this kernel has no FTP helper: " + added.stdout.splitlines()[0][-60:])
    with attack.connected(victim, evil.ip, 21) as control:
        control.sendall(line)
        control.recv(100)
        r.ok(not segment(evil, victim, SYN, 20, port), "FTP: even if somebody sets a helper")
    return None


def test(h, r):
    h.network("lab", "--ipv6", "--subnet", "fd00:15::/64")
    h.policy("attack.yaml", POLICIES)
    h.start_agent()
    names = ("evil", "victim", "caged", "sealed", "web", "open", "server")
    ends = {name: attack.End(h, h.run(name, labels={"app": name}, net="lab", serve=(
        "tcp:21", "tcp:80", "udp:80")), "lab") for name in names}
    h.settle()
    openings(r, ends)
    one_after_another(r, ends)
    simultaneous(r, ends)
    replies(r, ends)
    icmp_errors(h, r, ends)
    icmp6_errors(r, ends)
    resets(h, r, ends)
    helpers(h, r, ends)
    r.ok(h.denied(reason="invalid", src_name="evil", dst_name="victim"),
         "what opened nothing is recorded as invalid")


testhost.main(test, "attack-conntrack")
