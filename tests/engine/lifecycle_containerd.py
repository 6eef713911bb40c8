#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""lifecycle_containerd.py - the shared lifecycle suite on containerd, with CNI."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import signal

import containerdhost
import lifecycle
import testhost

# run.py: the clock decides here.
ALONE = True


class Container(containerdhost.Container):
    """One on several networks, each an interface that CNI's plugin has added."""

    def __init__(self, host, name, arguments, network):
        super().__init__(host, name, "default", arguments)
        self.interfaces = {network: "eth0"}

    def ip(self, network=None):
        return self._addresses(4, self.interfaces.get(network, "eth0"))[0]

    def ip6(self, network=None):
        return self._addresses(6, self.interfaces.get(network, "eth0"))[0]


class Host(containerdhost.Host):
    """Containers by their names, as the suite has them."""

    lacks = {"rename": "a container's name is its id"}
    first_datagram_late = True  # with thirty started at once on a busy machine

    def __init__(self, name, **options):
        super().__init__(name, **options)
        self.containers = {}
        self.networks = {None: containerdhost.DEFAULT}

    def start_engine(self):
        if self.containers:
            self.start_containerd()
        else:
            super().start_engine()

    def stop_engine(self, sig=signal.SIGTERM):
        self.stop_containerd(sig)

    # Networks

    def network(self, bridge, *options, **ranges):
        """In Docker's words, or containerdhost's."""
        if not options:
            return super().network(bridge, **ranges)
        subnets = [b for a, b in zip(options, options[1:]) if a == "--subnet"]
        self.networks[bridge] = {"bridge": bridge, **{
            "v6" if ":" in subnet else "v4": subnet for subnet in subnets}}
        return bridge

    def _use(self, net, ip=None):
        """Whom CNI asks from now on for this network; for @ip, if any."""
        wanted = (net, ip)
        if wanted != self._used:
            super().network(**self.networks[net])
            if ip:
                self.plugin["ipam"]["ranges"][0][0].update(rangeStart=ip, rangeEnd=ip)
                self.write_network()
            self._used = wanted

    _used = (None, None)

    def connect(self, network, name):
        container = self.containers[name].refresh()
        self._use(network)
        interface = f"eth{len(container.interfaces)}"
        if network not in container.interfaces:
            container.interfaces[network] = interface
        self.cni("ADD", container, container.interfaces[network])
        self._use(None)

    def disconnect(self, network, name):
        container = self.containers[name].refresh()
        self._use(network)
        self.cni("DEL", container, container.interfaces[network])
        self._use(None)

    def release(self, container):
        for network, interface in container.interfaces.items():
            self._use(network)
            self.cni("DEL", container, interface)
        self._use(None)

    # Life

    def run(self, name, *command, net=None, options=(), **more):
        ip = next((o.split("=")[1] for o in options if o.startswith("--ip=")), None)
        self._use(net, ip)
        arguments = self.arguments(name, command, more.get("labels"), (), more.get("serve"),
                                   "default")
        self.containers[name] = Container(self, name, arguments, net).launch()
        return self.containers[name]

    def stop(self, *names):
        for name in names:
            self.containers[name].stop()

    def kill(self, *names):
        for name in names:
            self.containers[name].kill()

    def start(self, *names):
        for name in names:
            container = self.containers[name]
            self.ctr("task", "rm", name, check=False)
            self.release(container)
            container.start()

    def restart(self, *names):
        for name in names:
            self.containers[name].restart()

    def pause(self, name):
        self.ctr("task", "pause", name)

    def unpause(self, name):
        self.ctr("task", "resume", name)

    def remove(self, *names):
        for name in names:
            self.containers[name].remove()


if __name__ == "__main__":
    testhost.main(lifecycle.test, "lifecycle-containerd", kind=Host)
