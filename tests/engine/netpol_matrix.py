#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""netpol_matrix.py - what policies mean, on real containers.

Namespaces x, y, z with containers a, b, c each, serving ports 80 and 81 over
TCP and UDP, IPv4 and IPv6. For each policy every container asks every other
one at the same moment, and the whole table is compared with what the case says
by hand. The cases follow the ground that Kubernetes' own end-to-end tests of
NetworkPolicy cover; netpol_cases.py has them.

With arguments, only the cases whose names contain one of them are run.
"""
import os
import string
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))

import netpol_cases
import testhost

NAMESPACES = "xyz"
PODS = "abc"
PORTS = ("80/tcp", "81/tcp", "80/udp", "81/udp")
NAMED_PORTS = ",".join(f"serve-{p.replace('/', '-')}={p}" for p in PORTS)


def all_pods():
    return [f"{n}/{p}" for n in NAMESPACES for p in PODS]


def matches(pattern, pod):
    return pattern == "*" or pattern == pod or (
        pattern.endswith("/*") and pod.startswith(pattern[:-1]))


def truth(lines):
    """{(source, destination, port): bool} of "yes|no FROM TO [PORTS]" lines.

    Everything is open at first; a later line wins. A container always reaches
    itself.
    """
    table = {(s, d, p): True for s in all_pods() for d in all_pods() for p in PORTS}
    for line in lines.strip().splitlines():
        verdict, src, dst, *ports = line.split()
        wanted = ports[0].split(",") if ports else PORTS
        for key in table:
            if matches(src, key[0]) and matches(dst, key[1]) and key[2] in wanted:
                table[key] = verdict == "yes"
    for pod in all_pods():
        for port in PORTS:
            table[pod, pod, port] = True
    return table


class Cluster:
    """The nine containers."""

    def __init__(self, host):
        self.host = host
        host.network("pods", "--ipv6", "--subnet", "10.60.0.0/24", "--subnet", "fd00:60::/64")
        self.pods = {}
        for pod in all_pods():
            self.make(pod)

    def make(self, pod, **labels):
        """(Re-)create a container, with labels besides the usual ones, at its
        usual address."""
        namespace, name = pod.split("/")
        last = 10 + all_pods().index(pod)
        if pod in self.pods:
            self.host.docker("rm", "-f", f"{namespace}-{name}")
        self.pods[pod] = self.host.run(
            f"{namespace}-{name}", net="pods",
            labels={"pod": name, "bulkhead.namespace": namespace,
                    "bulkhead.ports": NAMED_PORTS, **labels},
            options=(f"--ip=10.60.0.{last}", f"--ip6=fd00:60::{last:x}"),
            serve=[f"{p.split('/')[1]}:{p.split('/')[0]}" for p in PORTS])

    def addresses(self):
        """$xa4 and $xa6 in a case's text."""
        return {f"{p.replace('/', '')}{family}": ip
                for p, c in self.pods.items() for family, ip in ((4, c.ip()), (6, c.ip6()))}

    def probe(self):
        """{(source, destination, port, family): result}"""
        asked = []
        for src, container in self.pods.items():
            targets = {}
            for dst, other in self.pods.items():
                for port in PORTS:
                    number, proto = port.split("/")
                    for family, ip in ((4, other.ip()), (6, other.ip6())):
                        targets[f"{proto}:{ip}:{number}"] = (src, dst, port, family)
            asked.append((targets, self.host.ask_start(container, list(targets))))
        return {targets[t]: result for targets, process in asked
                for t, (result, _) in self.host.ask_finish(process).items()}


def compare(got, expected):
    """What differs, a line each."""
    wrong = []
    for (src, dst, port, family), result in sorted(got.items()):
        want = expected[src, dst, port]
        if (result == "open") != want:
            wrong.append(f"{src} -> {dst} {port} IPv{family}: {result}, "
                         f"expected {'open' if want else 'no way'}")
    return wrong


def run_step(cluster, report, name, step):
    host = cluster.host
    for pod, labels in step.get("relabel", {}).items():
        cluster.make(pod, **labels)
    text = string.Template(step["policy"]).substitute(cluster.addresses())
    host.write("/run/bh/policies/namespaces.yaml",
               step.get("namespaces", netpol_cases.NAMESPACES))
    host.policy("case.yaml", text)
    wrong = compare(cluster.probe(), truth(step["expect"]))
    report.ok(not wrong, name, "\n".join([text, *wrong[:20], f"{len(wrong)} of 648 differ"]))


def test(host, report):
    cluster = Cluster(host)
    host.write("/run/bh/policies/namespaces.yaml", netpol_cases.NAMESPACES)
    host.start_agent()
    run_step(cluster, report, "no policy at all", {"policy": "", "expect": ""})
    for name, steps in netpol_cases.CASES:
        if len(sys.argv) > 1 and not any(word in name for word in sys.argv[1:]):
            continue
        for i, step in enumerate(steps):
            run_step(cluster, report, f"{name}{f', step {i + 1}' if len(steps) > 1 else ''}",
                     step)


if __name__ == "__main__":
    testhost.main(test, "matrix")
