#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""static_guests.py - the example policy-examples/guests on what it is about: a
real systemd-nspawn container, a real LXC container and a real virtual machine,
judged by their labels, held to their addresses, and followed when they start
anew."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import guesthost
import testhost

# run.py: the clock decides here.
ALONE = True

EXAMPLE = f"{testhost.REPO}/policy-examples/guests"


def example(name):
    with open(f"{EXAMPLE}/{name}", encoding="utf-8") as f:
        return f.read()


def start(h):
    web = guesthost.Nspawn(h, "web", 2, "vb-web").boot()
    client = guesthost.Lxc(h, "client", 3, "lxc-client").boot()
    vm = guesthost.Vm(h, "vm", 4, "tap-vm").boot()
    return web, client, vm


def judged(h, r, when, web, client, vm):
    """Each pair in both directions, by both protocols and families."""
    def reaches(source, to, port, protocols, expected, what):
        for family in (4, 6):
            testhost.check(r, h, source, to, expected, f"{when}: {what}, IPv{family}",
                           ports=[f"{p}:{port}" for p in protocols], family=family)
    both = ("tcp", "udp")
    reaches(client, web, 80, both, True, "LXC to nspawn")
    reaches(vm, web, 80, both, False, "not the VM to nspawn")
    reaches(web, vm, 80, ("tcp",), True, "nspawn to the VM's named port")
    reaches(web, vm, 81, ("tcp",), False, "nspawn to no other port of it")
    reaches(client, vm, 80, both, False, "not LXC to the VM")
    reaches(vm, client, 81, both, True, "the VM to LXC")


def recorded(h, r, web, vm):
    flow = testhost.until(lambda: h.denied(src_ip=vm.v4, dst_ip=web.v4, dst_port=80),
                          "the VM's record")[0]
    src, dst = flow["src"]["container"], flow["dst"]["container"]
    r.equal((src["name"], src["namespace"], src["runtime"], dst["name"]),
            ("vm", "lab", "static", "web"), "a record names both ends")


def forged(h, r, web, client, vm):
    """Root inside a guest takes addresses that are not its own."""
    def asks(guest, address):
        guest.wear(address)
        target = f"udp:{web.v6 if ':' in address else web.v4}:80"
        got = h.ask(guest, target)
        guest.wear(guest.v4, guest.v6)
        return got[target][0], web.heard(address)
    # The client may reach web: who looks like it would, too.
    for who, address, what in ((vm, client.v4, "the client's address"),
                               (vm, client.v6, "the client's IPv6 address"),
                               (vm, "10.50.0.77", "a free address"),
                               (client, "10.50.0.77", "a free address")):
        before = len(web.heard(address))
        result, heard = asks(who, address)
        r.equal((result == "open", len(heard) - before), (False, 0),
                f"{who.name} takes {what}: nothing arrives")
    for mac, expected in (("52:54:00:00:00:77", False), (vm.mac, True)):
        vm.run(f"ip link set eth0 down; ip link set eth0 address {mac}; ip link set eth0 up")
        vm.wear(vm.v4, vm.v6)
        testhost.check(r, h, vm, client, expected, f"the VM has {'its' if expected else 'another'}"
                       " MAC address")
    blamed = {f["src"].get("container", {}).get("name") for f in h.denied(reason="spoofed")}
    r.equal(blamed, {"vm", "client"}, "the records name the forgers")


def started_anew(h, r, web, client, vm):
    """A new device of the same name is the same endpoint's; when no agent runs,
    if the file has its MAC address."""
    web.halt()
    client.halt()
    vm.halt()
    r.equal(sorted(e["name"] for e in h.get("get", "endpoints")["endpoints"]),
            ["client", "vm", "web"], "who is switched off stays an endpoint")
    h.stop_agent()
    for guest in (web, client, vm):
        guest.boot()
    testhost.check(r, h, vm, web, False, "started while no agent runs: not the VM to nspawn")
    testhost.check(r, h, None, vm, True, "started while no agent runs: the host to the VM",
                   ports=("tcp:80",))
    testhost.check(r, h, client, web, False,
                   "started while no agent runs: LXC's new MAC address is nobody's")
    h.start_agent()


def test(h, r):
    h.write(h.file, example("endpoints.yaml"))
    guests = start(h)
    web, client, vm = guests
    h.start_agent()
    testhost.check(r, h, vm, web, True, "no policy: everybody reaches everybody")
    h.policy("guests.yaml", example("policies.yaml"))
    judged(h, r, "fresh", *guests)
    recorded(h, r, web, vm)
    forged(h, r, *guests)
    judged(h, r, "forgeries given up", *guests)
    started_anew(h, r, *guests)
    judged(h, r, "started anew", *guests)
    for guest in guests:
        guest.halt()


testhost.main(test, "static-guests", kind=guesthost.GuestHost)
