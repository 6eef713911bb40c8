#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""static_endpoints.py - endpoints from a file, on a host without a runtime: two
ends of veths of one's own and machines behind tap devices, judged by their
labels, held to their addresses, and followed when the file or the interfaces
change."""
import json
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import netpol
import statichost
import testhost
import wire

# run.py: the clock decides here.
ALONE = True

FOREIGN_MAC = "02:66:00:00:00:66"
UPLINK_MAC = "02:77:00:00:00:77"


class Lab:
    """Who is on the bridge, and what the file says of them."""

    def __init__(self, h):
        self.host = h
        member = lambda kind, n, name, port: kind(
            h, name, port, f"10.50.0.{n}", f"fd50::{n}", f"52:54:00:00:00:{n:02x}")
        self.web = member(statichost.Member, 2, "web", "v-web")
        self.client = member(statichost.Member, 3, "client", "v-client")
        self.vm = member(statichost.Machine, 4, "vm", "tap-vm")
        # A way out, as a physical interface would be: nobody's.
        self.uplink = member(statichost.Machine, 9, "beyond", "up0")
        self.known = {}
        for m, app in ((self.web, "web"), (self.client, "client"), (self.vm, "other")):
            # The kernel tells the MAC address behind a veth.
            mac = m.mac if isinstance(m, statichost.Machine) else None
            self.known[m.name] = statichost.endpoint(m, {"app": app}, mac=mac)

    def save(self):
        self.host.endpoints(*self.known.values())


def reaches(h, r, source, to, expected, name):
    """Both protocols and families; what the kernel tells may take its time."""
    targets = [f"{p}:{a}:80" for p in ("tcp", "udp") for a in (to.v4, to.v6)]

    def judged():
        got = h.ask(source, *targets)
        return got if all((x == "open") == expected for x, _ in got.values()) else None
    try:
        return r.ok(testhost.until(judged, name, 5), name)
    except TimeoutError:
        return r.ok(False, name, h.ask(source, *targets))


def by_labels(h, r, lab):
    reaches(h, r, lab.client, lab.web, True, "the client reaches web")
    reaches(h, r, lab.vm, lab.web, False, "the VM does not reach web")
    reaches(h, r, lab.web, lab.vm, True, "web reaches the VM")
    reaches(h, r, lab.client, lab.vm, True, "the client reaches the VM")
    flow = testhost.until(lambda: h.denied(src_ip=lab.vm.v4, dst_ip=lab.web.v4), "its record")[0]
    src = flow["src"]["container"]
    r.equal((src["name"], src["runtime"], src["labels"]["app"]), ("vm", "static", "other"),
            "the record names the VM")
    listed = {e["name"]: e["attachments"][0].get("interface")
              for e in h.get("get", "endpoints")["endpoints"]}
    r.equal(listed, {"web": "v-web", "client": "v-client", "vm": "tap-vm"},
            "all are listed with their interfaces")


def frames(lab, marker):
    """{what: frame} from the VM to the client, none of them honest."""
    me, you, them = lab.vm, lab.client, lab.web

    def ip(mac, src):
        return wire.ether(you.mac, mac, wire.ETH_IP, wire.udp4(src, you.v4, 80, marker))

    def ip6(mac, src):
        return wire.ether(you.mac, mac, wire.ETH_IP6, wire.udp6(src, you.v6, 80, marker))

    def arp(mac, src):
        return wire.ether(you.mac, mac, wire.ETH_ARP,
                          wire.arp(2, mac, src, you.mac, you.v4) + marker)
    return {
        "a foreign MAC address": ip(FOREIGN_MAC, me.v4),
        "a neighbour's MAC address": ip(them.mac, me.v4),
        "a free address": ip(me.mac, "10.50.0.77"),
        "a neighbour's address": ip(me.mac, them.v4),
        "the gateway's address": ip(me.mac, "10.50.0.1"),
        "both of a neighbour": ip(them.mac, them.v4),
        "IPv6: a neighbour's address": ip6(me.mac, them.v6),
        "IPv6: a foreign MAC address": ip6(FOREIGN_MAC, me.v6),
        "ARP: a neighbour is here": arp(me.mac, them.v4),
        "ARP: a foreign MAC address": arp(FOREIGN_MAC, me.v4),
        "a VLAN tag": wire.ether(you.mac, me.mac, wire.ETH_IP,
                                 wire.udp4(me.v4, you.v4, 80, marker), vlan=7),
    }


def held_to_its_addresses(h, r, lab):
    me, you = lab.vm, lab.client
    with you.wire() as ear:
        def arrives(sender, frame, marker):
            ear.drain()
            sender.send(frame)
            return ear.sees(marker)
        honest = wire.ether(you.mac, me.mac, wire.ETH_IP,
                            wire.udp4(me.v4, you.v4, 80, b"HONEST"))
        r.ok(arrives(me, honest, b"HONEST"), "what the VM sends as itself arrives")
        for i, what in enumerate(frames(lab, b"")):
            marker = b"FORGED%04d" % i
            r.ok(not arrives(me, frames(lab, marker)[what], marker), f"forged: {what} is dropped")
        # Nobody said what is behind the uplink: only endpoints' addresses are
        # kept from it.
        probe = wire.arp(1, UPLINK_MAC, "10.50.0.88", "00:00:00:00:00:00", you.v4)
        r.ok(arrives(lab.uplink, wire.ether(wire.BROADCAST, UPLINK_MAC, wire.ETH_ARP,
                                            probe + b"UPLINK"), b"UPLINK"),
             "the uplink carries frames of whomever it likes")
        stolen = wire.ether(you.mac, UPLINK_MAC, wire.ETH_IP,
                            wire.udp4(me.v4, you.v4, 80, b"STOLEN"))
        r.ok(not arrives(lab.uplink, stolen, b"STOLEN"), "but for the VM's address")
    blamed = lambda: {f["src"]["mac"]: f["src"].get("container", {}).get("name")
                      for f in h.denied(reason="spoofed")}
    testhost.until(lambda: {UPLINK_MAC, FOREIGN_MAC, lab.web.mac, me.mac} <= set(blamed()),
                   "records of the forgeries")
    r.equal(blamed().pop(UPLINK_MAC), None, "what came from the uplink is recorded as nobody's")
    r.equal({blamed()[m] for m in (FOREIGN_MAC, lab.web.mac, me.mac)}, {"vm"},
            "the forgeries are recorded as the VM's, whatever they claimed")
    reaches(h, r, lab.client, lab.web, True, "nobody was cut off by them")


def file_edited(h, r, lab):
    lab.known["vm"]["labels"] = {"app": "client"}
    lab.save()
    reaches(h, r, lab.vm, lab.web, True, "a new label: the VM reaches web")
    lab.known["vm"]["labels"] = {"app": "other"}
    lab.save()
    reaches(h, r, lab.vm, lab.web, False, "the label is gone: it does not")
    late = statichost.Machine(h, "late", "tap-late", "10.50.0.5", "fd50::5",
                              "52:54:00:00:00:05")
    reaches(h, r, late, lab.web, False, "a VM that no file has reaches nobody")
    lab.known["late"] = statichost.endpoint(late, {"app": "client"})
    lab.save()
    reaches(h, r, late, lab.web, True, "added: it reaches web")
    del lab.known["late"]
    lab.save()
    reaches(h, r, late, lab.web, False, "removed: it does not")
    late.unplug()


def made_anew(h, r, lab):
    """A new device of the same name is the same endpoint's; of another name it
    is not."""
    vm, client = lab.vm, lab.client
    vm.unplug()
    testhost.until(lambda: h.sh("ip", "link", "show", "tap-vm", check=False).returncode,
                   "the tap device to be gone")
    r.equal({e["name"] for e in h.get("get", "endpoints")["endpoints"]}, {"web", "client", "vm"},
            "a VM that is switched off stays an endpoint")
    bound = h.sh("nft", "list", "set", "bridge", "bulkhead", "bound4")
    r.ok("tap-vm" in bound, "its interface's name is bound while it is off", bound)
    vm.plug()
    reaches(h, r, vm, client, True, "switched on again: it reaches the client")
    reaches(h, r, vm, lab.web, False, "and not web")
    client.unplug()
    client.mac = "52:54:00:00:00:33"
    client.plug()
    reaches(h, r, client, lab.web, True,
            "a veth made anew, with another MAC address: the client reaches web")
    h.sh("ip", "link", "set", "v-client", "down")
    h.sh("ip", "link", "set", "v-client", "name", "v-other")
    h.sh("ip", "link", "set", "v-other", "up")
    reaches(h, r, client, lab.web, False, "renamed to what the file does not have: nothing passes")
    h.sh("ip", "link", "set", "v-other", "down")
    h.sh("ip", "link", "set", "v-other", "name", "v-client")
    h.sh("ip", "link", "set", "v-client", "up")
    reaches(h, r, client, lab.web, True, "renamed back: it reaches web again")


def bridge_by_interface(h, r, lab):
    """The file names an interface alone, which is made later."""
    name = lambda: next(e for e in h.get("get", "endpoints")["endpoints"] if e["name"] == "guest")
    guest = {"name": "guest", "labels": {"app": "client"}, "interface": "tap-guest",
             "addresses": ["10.50.0.6", "fd50::6"], "mac": "52:54:00:00:00:06"}
    lab.known["guest"] = guest
    lab.save()
    r.equal(name().get("unenforceable"), "tap-guest is no port of a bridge",
            "not made yet: the list says why it is not held")
    machine = statichost.Machine(h, "guest", "tap-guest", *guest["addresses"], guest["mac"])
    reaches(h, r, machine, lab.web, True, "made later: it reaches web by its label")
    r.equal((name()["attachments"][0]["bridge"], name().get("unenforceable")), ("br0", None),
            "its bridge was found")
    # Who does not say the MAC address of what is no veth gets nothing, and is told.
    del guest["mac"]
    lab.save()
    reaches(h, r, machine, lab.web, False, "a tap device without mac: nothing passes")
    detail = next(x for x in h.get("status")["runtimes"] if x["name"] == "static")["detail"]
    r.ok("default/guest" in detail and "mac" in detail, "status says what is missing", detail)
    machine.unplug()
    del lab.known["guest"]
    lab.save()


def invalid(h, r, lab):
    good = h.sh("cat", h.file)
    status = lambda: next(x for x in h.get("status")["runtimes"] if x["name"] == "static")
    twice = {"endpoints": [{"name": n, "interface": "tap-vm"} for n in ("a", "b")]}
    for what, text, place in (("broken YAML", "endpoints: [\n", ":2:1: "),
                              ("an interface twice", json.dumps(twice), ":1:")):
        h.write(h.file, text)
        testhost.until(lambda: h.file + place in (status()["detail"] or ""),
                       "the agent to say where")
        r.equal(status()["state"], "away", f"{what}: status says so, and where")
        reaches(h, r, lab.client, lab.web, True, f"{what}: what was allowed is")
        reaches(h, r, lab.vm, lab.web, False, f"{what}: what was denied is")
    # What happens to interfaces is followed all the same.
    lab.vm.unplug()
    lab.vm.plug()
    reaches(h, r, lab.vm, lab.client, True, "meanwhile the VM is switched off and on")
    h.write(h.file, good)
    h.settle()
    r.equal(status()["state"], "in-step", "mended: in step again")


def agent_restarts(h, r, lab):
    for how, sig in (("stopped", signal.SIGTERM), ("killed", signal.SIGKILL)):
        h.stop_agent(sig)
        reaches(h, r, lab.client, lab.web, True, f"agent {how}: what was allowed is")
        reaches(h, r, lab.vm, lab.web, False, f"agent {how}: what was denied is")
        # Its name is bound, whichever device has it.
        lab.vm.unplug()
        lab.vm.plug()
        reaches(h, r, lab.vm, lab.client, True, f"agent {how}: a VM may start anew")
        h.start_agent()
        reaches(h, r, lab.client, lab.web, True, f"agent {how}, started: what was allowed is")
        reaches(h, r, lab.vm, lab.web, False, f"agent {how}, started: what was denied is")


def test(h, r):
    lab = Lab(h)
    lab.save()
    h.policy("web.yaml", netpol.CLIENT_TO_WEB)
    reaches(h, r, lab.vm, lab.web, True, "without an agent everybody reaches everybody")
    h.start_agent()
    for part in (by_labels, held_to_its_addresses, file_edited, made_anew, bridge_by_interface,
                 invalid, agent_restarts):
        part(h, r, lab)
    lab.vm.unplug()
    lab.uplink.unplug()


testhost.main(test, "static-endpoints", kind=statichost.StaticHost)
