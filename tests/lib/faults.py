# SPDX-License-Identifier: GPL-2.0-or-later
"""faults.py - continuous probes, and other people's hands, for fault tests."""
import os
import subprocess
import sys
import time

import testhost


def rounds(few):
    """How often to do it: @few, or what "--rounds N" says."""
    if "--rounds" in sys.argv:
        return int(sys.argv[sys.argv.index("--rounds") + 1])
    return few


class Blast:
    """One UDP flow of 1,000 datagrams a second; see probe.c."""

    def __init__(self, host, source, target, rate=1000):
        self.since = time.monotonic()
        self.process = subprocess.Popen(
            # pylint: disable-next=protected-access
            [*host._probe_from(source), "blast", "-r", str(rate), target],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            preexec_fn=testhost._die_with_parent)

    def stop(self):
        """Its totals; .gap and .last are in seconds (monotonic)."""
        seconds = time.monotonic() - self.since
        out, _ = self.process.communicate(timeout=testhost.PATIENCE)
        words = out.splitlines()[-1].split()
        self.sent, self.answered = int(words[1]), int(words[3])
        self.gap, self.last = int(words[5]) / 1000, int(words[7]) / 1000
        self.rate = self.sent / seconds
        return self


def agent_pid(host):
    """bulkheadd's own process (nsenter stands before it)."""
    # pylint: disable-next=protected-access
    return testhost._child_of(host.agent.pid) or host.agent.pid


def log_says(host, text, patience=testhost.PATIENCE):
    """Wait for a line of the agent's log; it, or None."""
    def found():
        return next((x for x in host.agent_log().splitlines() if text in x), None)
    try:
        return testhost.until(found, text, patience)
    except TimeoutError:
        return None


def engine_state(host):
    status = host.get("status")
    return next(x["state"] for x in status["runtimes"] if x["name"] == "docker")


def resident_kib(host):
    with open(f"/proc/{agent_pid(host)}/status", encoding="ascii") as f:
        return next(int(x.split()[1]) for x in f if x.startswith("VmRSS:"))


def open_files(host):
    return len(os.listdir(f"/proc/{agent_pid(host)}/fd"))
