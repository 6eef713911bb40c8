#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""in_step.py - time and memory of an agent that starts on a host with many
containers.

usage: BULKHEAD_BUILD=build/release [ENGINE=podman|containerd] [CONTAINERS=200] tests/bench/in_step.py

"In step" is when `bulkhead wait` returns: every container is known and the
kernel enforces its policies. The memory is the agent's resident set then (its
process, without what it shares with others of its kind). The processor time is
the engine's for its answers: on a busy machine it tells more than the clock.
"""
import os
import sys
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
import containerdhost
import netpol
import podmanhost
import testhost

CONTAINERS = int(os.environ.get("CONTAINERS", "200"))
KIND = {"docker": testhost.Host, "podman": podmanhost.PodmanHost,
        "containerd": containerdhost.Host}[os.environ.get("ENGINE", "docker")]


def resident(h):
    """KiB of the agent's process and of its children."""
    pids = [h.agent_pid()]
    sizes = {}
    for pid in pids:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
            pids += [int(p) for p in f.read().split()]
        with open(f"/proc/{pid}/status", encoding="utf-8") as f:
            lines = dict(line.split(":", 1) for line in f if ":" in line)
        sizes[lines["Name"].strip() + f"/{pid}"] = int(lines["VmRSS"].split()[0])
    return sizes


def engine_ms(h):
    """Processor time of the engine and of what it has run, in ms."""
    service = {"docker": "dockerd", "podman": "service", "containerd": "containerd"}[h.engine]
    service = getattr(h, service)
    with open(f"/proc/{testhost.child_of(service.pid)}/stat", encoding="ascii") as f:
        times = f.read().rsplit(")", 1)[1].split()[11:15]
    return 1000 * sum(map(int, times)) // os.sysconf("SC_CLK_TCK")


def test(h, r):
    if h.engine == "containerd":
        h.network("net", v4="172.30.0.0/16")
        where = {}
    else:
        where = {"net": h.network("net", "--subnet", "172.30.0.0/16")}
    for i in range(CONTAINERS):
        h.run(f"c{i}", "/bin/sleep", "100000",
              labels={"app": ("web", "client", "other")[i % 3]}, **where)
    h.policy("web.yaml", netpol.CLIENT_TO_WEB)
    took, engine = [], []
    for _ in range(5):
        engine.append(engine_ms(h))
        begin = time.monotonic()
        h.start_agent()
        took.append(1000 * (time.monotonic() - begin))
        engine[-1] = engine_ms(h) - engine[-1]
        known = len(h.get("get", "endpoints")["endpoints"])
        sizes = resident(h)
        h.stop_agent()
    r.equal(known, CONTAINERS, "all are known")
    print(f"{h.engine}, {CONTAINERS} containers: in step after {sorted(took)[2]:.0f} ms "
          f"(of 5: {min(took):.0f} to {max(took):.0f}); processor of the "
          f"engine {sorted(engine)[2]} ms; resident KiB: {sizes}")


testhost.main(test, "in-step", kind=KIND)
