# SPDX-License-Identifier: GPL-2.0-or-later
"""faults.py - continuous probes, and other people's hands, for fault tests."""
import os
import select
import signal
import socket
import subprocess
import sys
import threading
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


def freeze(process):
    """SIGSTOP to what runs behind nsenter. @process is that nsenter, which
    stops itself along with it."""
    pid = testhost.child_of(process.pid)
    os.kill(pid, signal.SIGSTOP)
    return pid


def thaw(process, pid):
    os.kill(pid, signal.SIGCONT)
    os.kill(process.pid, signal.SIGCONT)


def log_says(host, text, patience=testhost.PATIENCE, read=0):
    """Wait for a line of the agent's log, behind @read bytes; it, or None."""
    def found():
        return next((x for x in host.agent_log()[read:].splitlines() if text in x), None)
    try:
        return testhost.until(found, text, patience)
    except TimeoutError:
        return None


def engine_state(host):
    status = host.get("status")
    return next(x["state"] for x in status["runtimes"] if x["name"] == "docker")


def resident_kib(host):
    with open(f"/proc/{host.agent_pid()}/status", encoding="ascii") as f:
        return next(int(x.split()[1]) for x in f if x.startswith("VmRSS:"))


def open_files(host):
    return len(os.listdir(f"/proc/{host.agent_pid()}/fd"))


class Proxy:
    """Stands between agent and engine, and passes everything on; until told to
    misbehave. Its socket is /run/proxy.sock."""

    def __init__(self, host):
        self.upstream = host.path(host.socket)
        self.mode = "pass"
        self.answer = b""
        self.replace = None  # (bytes of the engine's, as many others)
        self.streams = []  # the agent's ends of event streams
        self.lock = threading.Lock()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(host.path("/run/proxy.sock"))
        self.listener.listen(128)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            agent, _ = self.listener.accept()
            threading.Thread(target=self._serve, args=(agent,), daemon=True).start()

    def _serve(self, agent):
        try:
            self._pump(agent)
        except OSError:
            pass  # either end went away
        agent.close()

    def _pump(self, agent):
        engine = socket.socket(socket.AF_UNIX)
        engine.connect(self.upstream)
        try:
            while True:
                for ready in select.select([agent, engine], [], [])[0]:
                    data = ready.recv(1 << 16)
                    if not data:
                        return
                    if ready is engine:
                        if self.replace:
                            data = data.replace(*self.replace)
                        with self.lock:
                            agent.sendall(data)
                    elif self.mode == "pass":
                        if b"/events?" in data and b"stream=false" not in data:
                            self.streams.append(agent)
                        engine.sendall(data)
                    elif self.mode == "answer":
                        agent.sendall(self.answer)
                    # "hang": taken, and never answered.
        finally:
            engine.close()
            if agent in self.streams:
                self.streams.remove(agent)

    def answer_all(self, body, status="200 OK", head=""):
        """From now on everything is answered so; @head: more lines of it."""
        self.answer = (f"HTTP/1.1 {status}\r\n{head}Content-Length: {len(body)}\r\n\r\n"
                       .encode() + body)
        self.mode = "answer"

    def inject(self, body, whole=True):
        """Bytes in the event stream, as a chunk, or as the beginning of one."""
        with self.lock:
            for stream in list(self.streams):
                length = len(body) + (0 if whole else 1000)
                try:
                    stream.sendall(b"%x\r\n" % length + body + (b"\r\n" if whole else b""))
                except OSError:
                    pass  # the agent has had enough of it

    def end_streams(self, orderly=True):
        with self.lock:
            for stream in list(self.streams):
                if orderly:
                    stream.sendall(b"0\r\n\r\n")
                stream.shutdown(socket.SHUT_RDWR)
