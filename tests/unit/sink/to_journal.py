#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""to_journal.py - the journal's native protocol, byte by byte, and a journald of our
own, whose journal is read back by journalctl."""
import json
import os
import re
import socket
import struct
import subprocess

from feeding import LOSS, PATIENCE, Feed, ok, record, run, until


def parse_journal(data):
    """{field: [values]} by the published protocol."""
    fields, at = {}, 0
    while at < len(data):
        end = data.index(b"\n", at)
        name, equals, value = data[at:end].partition(b"=")
        at = end + 1
        if not equals:
            (size,) = struct.unpack_from("<Q", data, at)
            value = data[at + 8:at + 8 + size]
            at += 8 + size
            assert data[at:at + 1] == b"\n"
            at += 1
        assert re.fullmatch(rb"[A-Z][A-Z0-9_]{0,63}", name), name
        fields.setdefault(name.decode(), []).append(value.decode("utf-8"))
    return fields


def journal(top):
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.bind(f"{top}/journal")
    sock.settimeout(PATIENCE)
    feed = Feed(top, [{"journald": {"socket": f"{top}/journal"}}])
    odd = record(2)
    odd["src"]["container"]["name"] = "two\nlines"
    huge = record(3, note="y" * 900000)
    feed.send(record(1), odd, huge, LOSS)
    f = parse_journal(sock.recv(1 << 20))
    ok(f["MESSAGE"] == ["denied ingress tcp shop/web 10.0.0.2:40000 -> [2001:db8::1]:5432: "
                        "no-policy-allows (shop/db)"] and f["PRIORITY"] == ["5"] and
       f["SYSLOG_IDENTIFIER"] == ["bulkhead"] and f["BULKHEAD_VERDICT"] == ["denied"] and
       f["BULKHEAD_SRC_NAMESPACE"] == ["shop"] and f["BULKHEAD_DST_PORT"] == ["5432"] and
       f["BULKHEAD_POLICY"] == ["shop/db"] and json.loads(f["BULKHEAD_RECORD"][0]) == record(1),
       "journal: the fields of a flow", f)
    f = parse_journal(sock.recv(1 << 20))
    ok(f["BULKHEAD_SRC_CONTAINER"] == ["two\nlines"] and "\n" not in f["MESSAGE"][0],
       "journal: a value with a newline", f)
    data, fds, _, _ = socket.recv_fds(sock, 1 << 20, 1)
    ok(not data and len(fds) == 1, "journal: a large record comes as a file", (len(data), fds))
    seals = 0
    if fds:
        import fcntl
        seals = fcntl.fcntl(fds[0], 1034)  # F_GET_SEALS
        f = parse_journal(os.pread(fds[0], 1 << 22, 0))
        os.close(fds[0])
    ok(seals == 15 and json.loads(f["BULKHEAD_RECORD"][0]) == huge, "journal: sealed, and whole",
       seals)
    f = parse_journal(sock.recv(1 << 20))
    ok(f["MESSAGE"] == ["3 records were lost"] and f["PRIORITY"] == ["4"] and
       f["BULKHEAD_EVENT"] == ["loss"], "journal: an event", f)
    # journald restarts.
    sock.close()
    os.unlink(f"{top}/journal")
    feed.send(record(5))
    feed.await_sink("journald", lambda s: s["problem"])
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.bind(f"{top}/journal")
    sock.settimeout(PATIENCE)
    f = parse_journal(sock.recv(1 << 20))
    ok(f["BULKHEAD_SEQ"] == ["5"], "journal: goes on with a new one", f)
    feed.close()
    sock.close()


class Journald:
    """The real one, in a mount namespace where /run is TOP/run."""

    def __init__(self, top):
        self.top, self.socket = top, f"{top}/run/systemd/journal/socket"
        os.makedirs(f"{top}/run/systemd/journal", exist_ok=True)
        os.makedirs(f"{top}/run/log/journal", exist_ok=True)
        os.makedirs(f"{top}/etc", exist_ok=True)
        with open(f"{top}/etc/journald.conf", "w", encoding="ascii") as f:
            f.write("[Journal]\nStorage=volatile\nRateLimitIntervalSec=0\nReadKMsg=no\nAudit=no\n"
                    "ForwardToSyslog=no\nForwardToWall=no\n")
        self.start()

    def start(self):
        if os.path.exists(self.socket):
            os.unlink(self.socket)
        # pylint: disable-next=consider-using-with
        self.process = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c",
             f"mount --bind {self.top}/etc /etc/systemd && mount --bind {self.top}/run /run && "
             "exec /lib/systemd/systemd-journald"], stderr=subprocess.DEVNULL)
        until(lambda: os.path.exists(self.socket), "journald")

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def entries(self, *matches):
        done = subprocess.run(["journalctl", "-D", f"{self.top}/run/log/journal", "--all", "-o", "json",
                               "--no-pager", "SYSLOG_IDENTIFIER=bulkhead", *matches],
                              stdout=subprocess.PIPE, check=False)
        return [json.loads(line) for line in done.stdout.splitlines()]


def journald(top):
    daemon = Journald(top)
    feed = Feed(top, [{"journald": {"socket": daemon.socket}}])
    odd, huge = record(2), record(3, note="y" * 900000)
    odd["src"]["container"]["name"] = "two\nlines"
    feed.send(record(1), odd, huge, LOSS, *(record(i) for i in range(4, 500)))
    feed.await_sink("journald", lambda s: s["written"] == 500)
    until(lambda: len(daemon.entries()) == 500, "the journal")
    e = daemon.entries("BULKHEAD_SEQ=1")[0]
    ok(e["MESSAGE"] == "denied ingress tcp shop/web 10.0.0.2:40000 -> [2001:db8::1]:5432: "
       "no-policy-allows (shop/db)" and e["PRIORITY"] == "5" and e["BULKHEAD_VERDICT"] == "denied" and
       e["BULKHEAD_SRC_NAMESPACE"] == "shop" and e["BULKHEAD_DST_PORT"] == "5432" and
       e["BULKHEAD_POLICY"] == "shop/db" and json.loads(e["BULKHEAD_RECORD"]) == record(1) and
       e["_TRANSPORT"] == "journal" and e["_PID"] == str(feed.status()["pid"]),
       "journald: the fields of a flow, from the flow writer", e)
    ok(daemon.entries("BULKHEAD_SEQ=2")[0]["BULKHEAD_SRC_CONTAINER"] == "two\nlines",
       "journald: a value with a newline")
    ok(json.loads(daemon.entries("BULKHEAD_SEQ=3")[0]["BULKHEAD_RECORD"]) == huge,
       "journald: a large record, whole")
    ok([e["MESSAGE"] for e in daemon.entries("BULKHEAD_EVENT=loss", "PRIORITY=4")] == [LOSS["message"]],
       "journald: an event, found by its name")
    ok([int(e["BULKHEAD_SEQ"]) for e in daemon.entries("BULKHEAD_VERDICT=denied")] ==
       list(range(1, 500)), "journald: every record, in order")
    daemon.stop()
    feed.send(*(record(i) for i in range(500, 510)))
    s = feed.await_sink("journald", lambda s: s["problem"])
    ok(s["waiting"] == 10 and s["lost"] == 0, "journald: records wait while it is away", s)
    daemon.start()
    feed.reopen()
    until(lambda: len(daemon.entries("BULKHEAD_VERDICT=denied")) == 509, "the journal")
    ok(True, "journald: and come when it is back")
    feed.close()
    daemon.stop()


run(journal, journald)
