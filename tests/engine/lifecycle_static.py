#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""lifecycle_static.py - the shared lifecycle suite where a file is the engine:
namespaces behind veths of one's own, which the file has while they run, as an
administrator's hooks would keep it."""
import os
import signal
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import lifecycle
import statichost
import testhost

# run.py: the clock decides here.
ALONE = True


class Namespace(statichost.Member):
    """A Member with the shape of testhost.Container."""

    def __init__(self, h, name, number, labels, command, v4=None):
        self.host, self.name, self.port = h, name, f"v-{number}"
        self.labels, self.command = labels, command
        self.v4 = v4 or f"10.50.0.{number}"
        self.v6, self.mac = f"fd50::{number:x}", f"52:54:00:00:00:{number:02x}"
        self.id = f"static/default/{name}"
        # A name may be used again while this one's goes on.
        self.add_space(f"n{number}")

    def boot(self):
        self.plug()
        self.outer = self.host.spawn(*self.prefix(), *self.command, log=f"probe-{self.space}")

    def halt(self):
        self.unplug()
        self.signal("KILL")

    def signal(self, name):
        self.host.sh("bash", "-c", f"kill -{name} $(ip netns pids {self.space})")

    def pause(self):
        """Its nsenter, which is no process of the host's namespace, stops itself
        along with it. If that stayed so, nobody would collect what ends behind
        it, and the host would never be gone."""
        def stopped():
            with open(f"/proc/{self.outer.pid}/stat", encoding="ascii") as f:
                return f.read().rsplit(")", 1)[1].split()[0] == "T"
        self.signal("STOP")
        testhost.until(stopped, "nsenter to have stopped")

    def unpause(self):
        self.signal("CONT")
        self.outer.send_signal(signal.SIGCONT)

    def refresh(self):
        return self

    def logs(self):
        with open(f"{self.host.dir}/probe-{self.space}.log", encoding="utf-8") as f:
            return f.read()

    def heard(self, peer):
        return [line for line in self.logs().splitlines() if f" from {peer} " in line]


class Host(statichost.StaticHost):
    """run(), stop(), ... keep the file and the links. An engine that is away is
    a file that is not there."""

    lacks = {"networks": "an endpoint of the file has one interface"}
    away = f"{statichost.StaticHost.file}.away"

    def __enter__(self):
        self.all, self.running, self.number = {}, {}, 9
        self.lock = threading.Lock()
        super().__enter__()
        self.endpoints()
        return self

    def save(self):
        self.endpoints(*(statichost.endpoint(n, n.labels, name=title, mac=None)
                         for title, n in self.running.items()))

    def network(self, name, *_):
        return name  # all are on br0

    def run(self, name, *command, labels=None, net=None, options=(), serve=None):
        command = command or ("/probe", "serve", "tcp:80", "udp:80", "tcp:81", "udp:81")
        command = [c.replace("/probe", testhost.probe_binary()) for c in command]
        wanted = [o.split("=")[1] for o in options if o.startswith("--ip=")]
        with self.lock:
            self.number += 1
            self.all[name] = Namespace(self, name, self.number, labels or {}, command, *wanted)
        self.start(name)
        return self.all[name]

    def start(self, *names):
        """First the file, then the link: so nothing is late."""
        with self.lock:
            self.running.update({n: self.all[n] for n in names})
            self.save()
        for n in names:
            self.all[n].boot()

    def stop(self, *names):
        with self.lock:
            for n in names:
                self.running.pop(n)
                self.all[n].halt()
            self.save()

    kill = stop

    def restart(self, *names):
        """Switched off and on: another link of the same name."""
        for n in names:
            self.all[n].halt()
            self.all[n].boot()

    def pause(self, name):
        self.all[name].pause()

    def unpause(self, name):
        self.all[name].unpause()

    def start_engine(self):
        if os.path.exists(self.path(self.away)):
            os.rename(self.path(self.away), self.path(self.file))
        else:
            super().start_engine()

    def stop_engine(self, _=None):
        os.rename(self.path(self.file), self.path(self.away))

    def remove(self, *names):
        self.stop(*(n for n in names if n in self.running))
        for n in names:
            self.sh("ip", "netns", "del", self.all.pop(n).space)

    def rename(self, old, new):
        with self.lock:
            for table in (self.all, self.running):
                table[new] = table.pop(old)
            self.save()


if __name__ == "__main__":
    testhost.main(lifecycle.test, "lifecycle-static", kind=Host)
