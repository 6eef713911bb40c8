#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""lifecycle_containerd.py - the shared lifecycle suite on containerd, with CNI:
what nerdctl or ctr have no command for is left out."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import signal

import containerdhost
import lifecycle
import testhost

# run.py: the clock decides here.
ALONE = True


class Host(containerdhost.Host):
    """Containers by their names, as the suite has them."""

    engine = "containerd"
    # A container's name is its id; CNI gives one network, and any address; with
    # thirty at once on a busy machine some start before their port is bound.
    lacks = ("rename", "networks", "reuse", "pause", "dual_stack", "first_datagram")

    def __init__(self, name, **options):
        super().__init__(name, **options)
        self.containers = {}

    def start_engine(self):
        if self.containers:
            self.start_containerd()
        else:
            super().start_engine()

    def stop_engine(self, sig=signal.SIGTERM):
        self.stop_containerd(sig)

    def run(self, name, *command, **options):
        self.containers[name] = super().run(name, *command, **options)
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

    def remove(self, *names):
        for name in names:
            self.containers[name].remove()


testhost.main(lifecycle.test, "lifecycle-containerd", kind=Host)
