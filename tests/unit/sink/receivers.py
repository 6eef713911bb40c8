#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""receivers.py - the flow writer against those who receive from it.

usage: receivers.py FEED

Readers that hold every byte to the published grammar: RFC 5424 with RFC 6587's
counted octets, the journal's native protocol, OTLP's JSON mapping, Loki's push
API; rsyslogd; and servers that answer 500, 429 or 400, hang, or are not there.
"""
import datetime
import http.server
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

FEED = sys.argv[1]
PATIENCE = 60
failed = 0


def ok(good, name, detail=""):
    global failed
    print(("ok " if good else "not ok ") + name, flush=True)
    if not good:
        failed += 1
        print("\n".join(f"# {x}" for x in str(detail).splitlines()), flush=True)


def until(condition, what):
    deadline = time.monotonic() + PATIENCE
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited for {what}")
        time.sleep(0.02)
    return value


def record(i, **more):
    return {"time": f"2026-11-22T13:00:{i % 60:02d}.123456789Z", "host": "node-1",
            "boot_id": "6f3b", "seq": i, "verdict": "denied", "direction": "ingress",
            "reason": "no-policy-allows", "policies": ["shop/db"], "proto": "tcp",
            "src": {"ip": "10.0.0.2", "port": 40000,
                    "container": {"id": "a" * 64, "name": "web", "image": "img",
                                  "namespace": "shop", "labels": {"app": "web"},
                                  "runtime": "docker"}},
            "dst": {"ip": "2001:db8::1", "port": 5432}, "packets": 1, "bytes": 60,
            "flow_id": f"{i:016x}", **more}


LOSS = {"time": "2026-11-22T13:00:00.000000001Z", "host": "node-1", "boot_id": "6f3b",
        "seq": 0, "event": "loss", "level": "warning", "message": "3 records were lost",
        "where": "nflog", "records": 3}


class Feed:
    """The writer with a configuration, fed by us."""

    def __init__(self, top, sinks):
        self.config = f"{top}/config.yaml"
        with open(self.config, "w", encoding="ascii") as f:
            json.dump({"stateDir": top, "flowLog": {"sinks": sinks}}, f)
        self.said, self.answers = [], []
        # pylint: disable-next=consider-using-with
        self.process = subprocess.Popen([FEED, self.config], stdin=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self):
        for line in self.process.stderr:
            if line.startswith("{"):
                entry = json.loads(line)
                (self.answers if "restarts" in entry else self.said).append(entry)
            else:
                self.said.append({"log": line})

    def send(self, *records):
        self.process.stdin.write("".join(json.dumps(r) + "\n" for r in records))
        self.process.stdin.flush()

    def status(self):
        n = len(self.answers)
        self.process.stdin.write("!status\n")
        self.process.stdin.flush()
        until(lambda: len(self.answers) > n, "a status")
        return self.answers[-1]

    def await_sink(self, name, condition):
        return until(lambda: (s := self.status()[name]) and condition(s) and s, f"sink {name}")

    def close(self):
        self.process.stdin.close()
        status = self.process.wait(PATIENCE)
        self.reader.join()
        ok(status == 0, "the feed ends well", self.said)


# ---- syslog -------------------------------------------------------------------

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


# ---- journal ------------------------------------------------------------------

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


# ---- HTTP ---------------------------------------------------------------------

class Receiver(http.server.ThreadingHTTPServer):
    """Answers as self.answer(body) says: (status, headers, body), or None to hang."""
    daemon_threads = True

    def __init__(self, port=0):
        self.bodies, self.heads, self.times = [], [], []
        self.answer = lambda body: (200, {}, b"{}")
        self.release = threading.Event()
        super().__init__(("127.0.0.1", port), _Handler)
        self.port = self.server_address[1]
        self.thread = threading.Thread(target=self.serve_forever, args=(0.05,))
        self.thread.start()

    def stop(self):
        self.release.set()
        self.shutdown()
        self.server_close()
        self.thread.join()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):  # pylint: disable=invalid-name
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.heads.append((self.path, dict(self.headers)))
        self.server.times.append(time.monotonic())
        answer = self.server.answer(body)
        if answer is None:
            self.server.release.wait()
            self.close_connection = True
            return
        status, headers, text = answer
        if status < 300:
            self.server.bodies.append(body)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if status != 204:
            self.wfile.write(text)

    def log_message(self, *args):  # pylint: disable=arguments-differ
        pass


def any_value(v):
    """An AnyValue of proto3's JSON mapping, as Python has it."""
    assert isinstance(v, dict) and len(v) <= 1, v
    for kind, x in v.items():
        if kind == "stringValue":
            assert isinstance(x, str)
        elif kind == "boolValue":
            assert isinstance(x, bool)
        elif kind == "intValue":
            assert isinstance(x, str) and -2**63 <= int(x) < 2**63, x
            x = int(x)
        elif kind == "doubleValue":
            assert isinstance(x, float)
        elif kind == "arrayValue":
            x = [any_value(i) for i in x["values"]]
        elif kind == "kvlistValue":
            x = key_values(x["values"])
        else:
            assert False, kind
        return x
    return None


def key_values(items):
    assert all(set(i) == {"key", "value"} and i["key"] for i in items), items
    keys = [i["key"] for i in items]
    assert len(set(keys)) == len(keys), "keys must be unique"
    return {i["key"]: any_value(i["value"]) for i in items}


def nano(text):
    assert isinstance(text, str) and re.fullmatch("0|[1-9][0-9]*", text) and int(text) < 2**64
    return int(text)


def check_otlp(body):
    """The records of an ExportLogsServiceRequest: [(record, attributes)]."""
    request = json.loads(body)
    assert set(request) == {"resourceLogs"}
    out = []
    for r in request["resourceLogs"]:
        assert set(r) <= {"resource", "scopeLogs", "schemaUrl"}, r
        resource = key_values(r["resource"]["attributes"])
        assert resource == {"service.name": "bulkhead", "host.name": "node-1"}, resource
        for s in r["scopeLogs"]:
            assert set(s) <= {"scope", "logRecords", "schemaUrl"}, s
            assert isinstance(s["scope"]["name"], str) and isinstance(s["scope"]["version"], str)
            for x in s["logRecords"]:
                assert set(x) <= {"timeUnixNano", "observedTimeUnixNano", "severityNumber",
                                  "severityText", "body", "attributes",
                                  "droppedAttributesCount", "flags", "traceId", "spanId"}, x
                assert nano(x["timeUnixNano"]) and nano(x["observedTimeUnixNano"])
                assert type(x["severityNumber"]) is int and 1 <= x["severityNumber"] <= 24
                assert isinstance(any_value(x["body"]), str)
                out.append((x, key_values(x["attributes"])))
    return out


def sequences(bodies):
    return [a["seq"] for b in bodies for _, a in check_otlp(b)]


def otlp(top):
    server = Receiver()
    with open(f"{top}/token", "w", encoding="ascii") as f:
        f.write("Authorization: Bearer one\n")
    feed = Feed(top, [{"otlp": {"url": f"http://127.0.0.1:{server.port}/v1/logs",
                                "headers": {"X-Tenant": "t"}, "headersFile": f"{top}/token"}}])
    feed.send(LOSS, record(1))
    feed.await_sink("otlp", lambda s: s["written"] == 2)
    records = [x for b in server.bodies for x in check_otlp(b)]
    loss, flow = records
    ok(flow[1]["src.container.labels.app"] == "web" and flow[1]["src.port"] == 40000 and
       flow[1]["policies"] == ["shop/db"] and flow[1]["verdict"] == "denied" and
       flow[0]["severityNumber"] == 10 and
       flow[0]["timeUnixNano"] == "1795352401123456789" and
       flow[0]["body"]["stringValue"].startswith("denied ingress tcp shop/web"),
       "OTLP: a flow", flow)
    ok(loss[0]["severityNumber"] == 13 and loss[1]["event"] == "loss" and
       loss[0]["body"]["stringValue"] == "3 records were lost", "OTLP: an event", loss)
    path, head = server.heads[0]
    ok(path == "/v1/logs" and head["Content-Type"] == "application/json" and
       head["X-Tenant"] == "t" and head["Authorization"] == "Bearer one", "OTLP: headers", head)

    # It fails for a while; a token is replaced meanwhile.
    server.answer = lambda body: (500, {}, b"not now")
    feed.send(*(record(i) for i in range(2, 300)))
    s = feed.await_sink("otlp", lambda s: s["problem"])
    ok("500" in s["problem"] and s["waiting"] == 298 and s["lost"] == 0,
       "OTLP: what waits for a server with errors", s)
    with open(f"{top}/token", "w", encoding="ascii") as f:
        f.write("Authorization: Bearer two\n")
    server.answer = lambda body: (200, {}, b"{}")
    feed.await_sink("otlp", lambda s: s["written"] == 300)
    ok(sorted(sequences(server.bodies)) == list(range(300)), "OTLP: all of it, once")
    ok(server.heads[-1][1]["Authorization"] == "Bearer two", "OTLP: a new token is used")

    # 429 with Retry-After: not a moment earlier.
    begin = len(server.times)
    server.answer = lambda body: (429, {"Retry-After": "3"}, b"")
    feed.send(record(300))
    until(lambda: len(server.times) > begin, "the request")
    server.answer = lambda body: (200, {}, b"{}")
    feed.await_sink("otlp", lambda s: s["written"] == 301)
    ok(server.times[begin + 1] - server.times[begin] >= 3, "OTLP: Retry-After is honoured")

    # One record that the server will never take, in the middle of many.
    server.answer = lambda body: ((400, {}, b"bad record") if '"poison"' in body.decode() else
                                  (200, {}, b"{}"))
    feed.send(*(record(i, note="poison") if i == 333 else record(i) for i in range(301, 401)))
    s = feed.await_sink("otlp", lambda s: s["written"] == 400)
    ok(s["lost"] == 1, "OTLP: exactly the refused record is given up", s)
    ok(sorted(sequences(server.bodies)) == [i for i in range(401) if i != 333],
       "OTLP: the others arrived, once")
    until(lambda: {"loss": "otlp", "lines": 1} in feed.said, "the loss to be told")
    ok(any("bad record" in x.get("problem", "") for x in feed.said), "OTLP: why, is told",
       feed.said)

    # Taken, but not all of it.
    server.answer = lambda body: (200, {}, b'{"partialSuccess":{"rejectedLogRecords":"2",'
                                           b'"errorMessage":"too old"}}')
    feed.send(*(record(i) for i in range(401, 402)))
    s = feed.await_sink("otlp", lambda s: s["lost"] == 2)
    ok("too old" in s["problem"], "OTLP: a partial success is counted", s)
    feed.close()
    server.stop()


def outage(top):
    """No server, a kill of the writer, an end of the agent: all is there afterwards."""
    server = Receiver()
    port = server.port
    server.stop()
    sinks = [{"otlp": {"url": f"http://127.0.0.1:{port}/v1/logs"}},
             {"file": {"path": f"{top}/flows.jsonl"}}]
    feed = Feed(top, sinks)
    feed.send(*(record(i) for i in range(1000)))
    s = feed.await_sink("file", lambda s: s["written"] == 1000)
    s = feed.await_sink("otlp", lambda s: s["problem"] and s["waiting"] == 1000)
    ok("refused" in s["problem"], "outage: the other sink goes on", s)
    # Only what is not in the spool yet can come twice.
    os.kill(feed.status()["pid"], signal.SIGKILL)
    until(lambda: feed.status()["restarts"] == 1, "the writer's end")
    feed.send(*(record(i) for i in range(1000, 2000)))
    feed.await_sink("file", lambda s: s["written"] == 2000)
    feed.await_sink("otlp", lambda s: s["waiting"] == 2000)
    feed.close()
    server = Receiver(port)
    feed = Feed(top, sinks)
    s = feed.await_sink("otlp", lambda s: s["written"] == 2000)
    ok(s["lost"] == 0 and s["waiting"] == 0, "outage: nothing is lost", s)
    ok(sequences(server.bodies) == list(range(2000)), "outage: all came, in order, once")

    # A server that takes the request and never answers.
    server.answer = lambda body: None
    feed.send(*(record(i) for i in range(2000, 2100)))
    s = feed.await_sink("file", lambda s: s["written"] == 100)
    s = feed.await_sink("otlp", lambda s: s["waiting"] == 100)
    ok(s["lost"] == 0, "a server that hangs holds up nobody", s)
    begin = time.monotonic()
    feed.close()
    ok(time.monotonic() - begin < 10, "nor the end of the agent")
    server.stop()
    server = Receiver(port)
    feed = Feed(top, sinks)
    feed.await_sink("otlp", lambda s: s["written"] == 100)
    ok(sequences(server.bodies) == list(range(2000, 2100)), "what hung comes with the next start")
    feed.close()
    server.stop()


def bounded(top):
    """More than the spool holds: the oldest are lost, and counted."""
    server = Receiver()
    port = server.port
    server.stop()
    feed = Feed(top, [{"otlp": {"url": f"http://127.0.0.1:{port}/v1/logs", "spoolSize": "1MiB"}}])
    feed.send(*(record(i) for i in range(5000)))
    s = feed.await_sink("otlp", lambda s: s["waiting"] + s["lost"] == 5000 and s["lost"])
    size = sum(os.path.getsize(f"{top}/spool-otlp/{x}") for x in os.listdir(f"{top}/spool-otlp"))
    ok(size <= 1 << 20, "the spool keeps its bound", size)
    server = Receiver(port)
    t = feed.await_sink("otlp", lambda s: s["waiting"] == 0)
    got = sequences(server.bodies)
    ok(got == list(range(5000 - len(got), 5000)) and t["lost"] == 5000 - len(got) and
       t["written"] == len(got), "what is missing is the oldest, and exactly what was counted",
       (s, t, len(got)))
    until(lambda: sum(x["lines"] for x in feed.said if x.get("loss") == "otlp") == t["lost"],
          "the loss to be told")
    feed.close()
    server.stop()


def check_loki(body):
    """{(labels): [(ns, line)]} of a push request."""
    request = json.loads(body)
    assert set(request) == {"streams"} and request["streams"]
    out = {}
    for s in request["streams"]:
        assert set(s) == {"stream", "values"} and s["stream"] and s["values"]
        for name, value in s["stream"].items():
            assert re.fullmatch("[a-zA-Z_][a-zA-Z0-9_]*", name) and isinstance(value, str)
        values = []
        for v in s["values"]:
            assert len(v) in (2, 3) and nano(v[0]) and isinstance(v[1], str), v
            values.append((int(v[0]), v[1]))
        key = tuple(sorted(s["stream"].items()))
        assert key not in out, "one stream a label set"
        out[key] = values
    return out


def loki(top):
    server = Receiver()
    server.answer = lambda body: (204, {}, b"")
    feed = Feed(top, [{"loki": {"url": f"http://127.0.0.1:{server.port}/loki/api/v1/push",
                                "labels": ["verdict", "event", "src.container.namespace"]}}])
    feed.send(LOSS, *(record(i) for i in range(1, 50)))
    feed.await_sink("loki", lambda s: s["written"] == 50)
    streams = {}
    for b in server.bodies:
        for key, values in check_loki(b).items():
            streams.setdefault(key, []).extend(values)
    flows = streams.get((("job", "bulkhead"), ("src_container_namespace", "shop"),
                         ("verdict", "denied")), [])
    ok(len(streams) == 2 and [json.loads(x[1])["seq"] for x in flows] == list(range(1, 50)) and
       flows[0][0] == 1795352401123456789, "Loki: streams by label", list(streams))
    ok(streams.get((("event", "loss"), ("job", "bulkhead"))) ==
       [(1795352400000000001, json.dumps(LOSS, separators=(",", ":")))] or
       json.loads(streams[(("event", "loss"), ("job", "bulkhead"))][0][1]) == LOSS,
       "Loki: an event", streams)
    feed.close()
    server.stop()


# ---- others -------------------------------------------------------------------

def sqlite(top):
    feed = Feed(top, [{"sqlite": {"path": f"{top}/flows.db"}}])
    feed.send(LOSS, *(record(i) for i in range(1, 1000)))
    s = feed.await_sink("sqlite", lambda s: s["waiting"] == 0)
    ok(s["written"] == 1000 and s["lost"] == 0, "SQLite: all records", s)
    feed.close()
    with open(f"{top}/flows.db", "r+b") as f:
        f.write(b"this is no database" * 500)
    feed = Feed(top, [{"sqlite": {"path": f"{top}/flows.db"}}])
    feed.send(record(2000))
    s = feed.await_sink("sqlite", lambda s: s["written"] == 1)
    aside = [x for x in os.listdir(top) if x.startswith("flows.db.corrupt-")]
    ok(aside, "SQLite: a corrupt file is moved aside", os.listdir(top))
    ok(any("corrupt" in x.get("problem", "") for x in feed.said), "SQLite: which is told",
       feed.said)
    feed.close()


def formats(top):
    kinds = ("native", "ecs", "ocsf", "csv")
    feed = Feed(top, [{"file": {"path": f"{top}/{k}", "format": k, "name": k}} for k in kinds])
    feed.send(record(1), LOSS)
    for k in kinds:
        feed.await_sink(k, lambda s: s["written"] == 2)
    feed.close()
    read = {}
    for k in kinds:
        with open(f"{top}/{k}", encoding="utf-8") as f:
            read[k] = f.read().splitlines()
    ok(json.loads(read["native"][0]) == record(1), "file: native", read["native"])
    ok(json.loads(read["ecs"][0])["source"]["ip"] == "10.0.0.2", "file: ECS", read["ecs"])
    ok(json.loads(read["ocsf"][0])["class_uid"] == 4001, "file: OCSF", read["ocsf"])
    ok(len(read["csv"]) == 3 and "," in read["csv"][0], "file: CSV with its heading", read["csv"])


def main():
    tests = [formats, syslog_datagrams, syslog_tcp, rsyslogd, journal, otlp, outage, bounded,
             loki, sqlite]
    chosen = sys.argv[2:]
    for test in tests:
        if chosen and test.__name__ not in chosen:
            continue
        top = tempfile.mkdtemp(prefix=f"bulkhead-{test.__name__}-")
        begin = time.monotonic()
        try:
            test(top)
        except (TimeoutError, AssertionError, KeyError) as e:
            ok(False, f"{test.__name__}: comes to its end", repr(e))
            os._exit(1)
        print(f"# {test.__name__}: {time.monotonic() - begin:.1f} s", flush=True)
        shutil.rmtree(top)
    sys.exit(1 if failed else 0)


main()
