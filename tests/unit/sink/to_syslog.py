#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""to_syslog.py - RFC 5424, and RFC 6587's counted octets: datagrams, TCP with an
outage, and rsyslogd."""
import datetime
import json
import os
import re
import socket
import subprocess

from feeding import LOSS, PATIENCE, Feed, ok, record, run, until

SYSLOG = re.compile(
    r"<(?P<pri>0|[1-9][0-9]{0,2})>1 "
    r"(?P<time>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?"
    r"(Z|[+-][0-9]{2}:[0-9]{2})|-) "
    r"(?P<host>[!-~]{1,255}) (?P<app>[!-~]{1,48}) (?P<procid>[!-~]{1,128}) "
    r"(?P<msgid>[!-~]{1,32}) (?P<data>-|(\[[^ ]+( [^ =]+=\"[^\"]*\")*\])+)( (?P<msg>.*))?",
    re.DOTALL)


def check_syslog(message, expected, facility, severity, what):
    m = SYSLOG.fullmatch(message.decode("utf-8"))
    if not m:
        ok(False, f"{what}: RFC 5424", message)
        return
    pri = int(m["pri"])
    datetime.datetime.fromisoformat(m["time"].replace("Z", "+00:00"))
    ok(pri == facility * 8 + severity and m["host"] == "node-1" and m["app"] == "bulkhead" and
       m["time"] == expected["time"][:26] + "Z" and m["data"] == "-" and
       m["msgid"] == expected.get("event", "flow") and json.loads(m["msg"]) == expected,
       f"{what}: RFC 5424, and what was meant", message)


def read_counted(stream):
    """One frame of RFC 6587 3.4.1."""
    digits = b""
    while (c := stream.read(1)) != b" ":
        if not c:
            return None
        digits += c
    assert re.fullmatch(rb"[1-9][0-9]*", digits), digits
    message = stream.read(int(digits))
    assert len(message) == int(digits)
    return message


def syslog_datagrams(top):
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", 0))
    unix = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    unix.bind(f"{top}/log")
    feed = Feed(top, [
        {"syslog": {"address": f"udp:127.0.0.1:{udp.getsockname()[1]}"}},
        {"syslog": {"address": f"unix:{top}/log", "facility": "daemon", "name": "local"}}])
    long = record(2, note="x" * 70000)
    feed.send(record(1), LOSS, long, record(3))
    udp.settimeout(PATIENCE)
    unix.settimeout(PATIENCE)
    for sock, facility, what in ((udp, 16, "UDP"), (unix, 3, "unix")):
        check_syslog(sock.recv(1 << 20), record(1), facility, 5, f"{what}: a flow")
        check_syslog(sock.recv(1 << 20), LOSS, facility, 4, f"{what}: a loss")
        if sock is unix:
            check_syslog(sock.recv(1 << 20), long, facility, 5, f"{what}: a long line")
        check_syslog(sock.recv(1 << 20), record(3), facility, 5, f"{what}: the next")
    s = feed.await_sink("syslog", lambda s: s["written"] == 3)
    ok(s["lost"] == 1, "UDP: what no datagram can hold is counted as lost", s)
    until(lambda: {"loss": "syslog", "lines": 1} in feed.said, "the loss to be told")
    feed.close()
    udp.close()
    unix.close()


def syslog_tcp(top):
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    feed = Feed(top, [{"syslog": {"address": f"tcp:127.0.0.1:{port}"}}])
    feed.send(*(record(i) for i in range(500)))
    conn = listener.accept()[0]
    stream = conn.makefile("rb")
    got = [read_counted(stream) for _ in range(500)]
    check_syslog(got[0], record(0), 16, 5, "TCP: the first")
    ok([json.loads(m.split(b" - ", 1)[1])["seq"] for m in got] == list(range(500)),
       "TCP: counted octets, all in order")
    feed.await_sink("syslog", lambda s: s["written"] == 500)
    # The receiver goes, and another one comes.
    stream.close()
    conn.close()
    listener.close()
    feed.send(*(record(i) for i in range(500, 520)))
    s = feed.await_sink("syslog", lambda s: s["problem"])
    ok("refused" in s["problem"] and s["waiting"] == 20, "TCP: told that nobody listens", s)
    listener = socket.create_server(("127.0.0.1", port))
    stream = listener.accept()[0].makefile("rb")
    got = [json.loads(read_counted(stream).split(b" - ", 1)[1])["seq"] for _ in range(20)]
    ok(got == list(range(500, 520)), "TCP: after an outage, what waited", got)
    s = feed.await_sink("syslog", lambda s: s["written"] == 520)
    ok(s["lost"] == 0 and not s["problem"], "TCP: nothing is lost", s)
    feed.close()
    stream.close()
    listener.close()


def rsyslogd(top):
    """The real one, as far as it goes: TCP with counted octets into a file."""
    with socket.create_server(("127.0.0.1", 0)) as s:
        port = s.getsockname()[1]
    with open(f"{top}/rsyslog.conf", "w", encoding="ascii") as f:
        f.write(f'global(workDirectory="{top}" maxMessageSize="64k")\nmodule(load="imtcp")\n'
                f'input(type="imtcp" port="{port}" address="127.0.0.1")\n'
                'template(name="t" type="string" string="%syslogfacility-text%.'
                '%syslogseverity-text% %hostname% %app-name% %msgid% %msg%\\n")\n'
                f'action(type="omfile" file="{top}/received" template="t")\n')
    # pylint: disable-next=consider-using-with
    daemon = subprocess.Popen(["/usr/sbin/rsyslogd", "-n", "-i", f"{top}/rsyslog.pid", "-f",
                               f"{top}/rsyslog.conf"], stderr=subprocess.DEVNULL)
    feed = Feed(top, [{"syslog": {"address": f"tcp:127.0.0.1:{port}"}}])
    feed.send(LOSS, *(record(i) for i in range(1, 100)))
    feed.await_sink("syslog", lambda s: s["written"] == 100)

    def received():
        if not os.path.exists(f"{top}/received"):
            return None
        with open(f"{top}/received", encoding="utf-8") as f:
            lines = f.read().splitlines()
        return lines if len(lines) == 100 else None
    lines = until(received, "rsyslogd's file")
    words = [line.split(" ", 4) for line in lines]
    ok(words[0][:4] == ["local0.warning", "node-1", "bulkhead", "loss"] and
       all(w[:4] == ["local0.notice", "node-1", "bulkhead", "flow"] for w in words[1:]),
       "rsyslogd understands the headers", lines[:2])
    ok([json.loads(w[4])["seq"] for w in words] == list(range(100)), "rsyslogd has all of it")
    feed.close()
    daemon.terminate()
    daemon.wait()


run(syslog_datagrams, syslog_tcp, rsyslogd)
