#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""to_http.py - OTLP/HTTP and Loki's push API; servers that answer 500, 429 or 400,
hang, or are not there."""
import json
import os
import re
import time

from feeding import LOSS, Feed, Receiver, ok, record, run, until
from otlp import check_otlp, nano, sequences


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


def odd_answers(top):
    """Answers that are cut off, endless, or from elsewhere: none is taken for what it is not,
    none holds anybody up, and each record arrives."""
    server = Receiver()
    feed = Feed(top, [{"otlp": {"url": f"http://127.0.0.1:{server.port}/v1/logs"}}])
    seq = 0

    def send(n):
        nonlocal seq
        feed.send(*(record(i) for i in range(seq, seq + n)))
        seq += n

    # Moved: that is for somebody to mend, and who sends logs elsewhere is not obeyed.
    elsewhere = Receiver()
    place = f"http://127.0.0.1:{elsewhere.port}/v1/logs"
    for status in 301, 307, 308:
        server.answer = lambda body, s=status: (s, {"Location": place}, b"")
        send(10)
        s = feed.await_sink("otlp", lambda s, n=status: f"status {n}" in s["problem"])
        ok(place in s["problem"] and s["lost"] == 0, f"{status} is told, with where it leads", s)
    ok(not elsewhere.times, "a redirection is not followed")
    elsewhere.stop()
    server.answer = lambda body: (200, {}, b"{}")
    feed.reopen()
    feed.await_sink("otlp", lambda s: s["written"] == seq and not s["problem"])

    # More than anybody reads, both where that is a yes and where it is a no.
    server.answer = lambda body: (200, {}, b"{" + b" " * (8 << 20) + b"}")
    send(10)
    s = feed.await_sink("otlp", lambda s: s["written"] == seq)
    ok(s["lost"] == 0 and not s["problem"], "a huge yes is a yes", s)
    server.answer = lambda body: ((400, {}, b"bad record " * (1 << 20)) if b"poison" in body else
                                  (200, {}, b"{}"))
    feed.send(record(seq, note="poison"))
    send(1)  # the same number: it is not told apart below
    feed.await_sink("otlp", lambda s: s["lost"] == 1 and s["written"] == seq)
    until(lambda: any("bad record" in x.get("problem", "") for x in feed.said), "why")
    ok(True, "a huge no is a no")

    # Half of it: whether it was a yes is not known, so it is asked again.
    asked = len(server.times)
    server.answer = lambda body: (200, {"Content-Length": "100"}, b'{"partial')
    send(10)
    s = feed.await_sink("otlp", lambda s: "closed in the middle" in s["problem"])
    ok(s["waiting"] == 10, "half an answer is none", s)
    server.answer = lambda body: (200, {}, b"{}")
    feed.reopen()
    s = feed.await_sink("otlp", lambda s: s["written"] == seq and not s["problem"])
    ok(s["lost"] == 1 and len(server.times) >= asked + 2,
       "it is sent once more", s)
    # No HTTP at all.
    server.answer = lambda body: ("garbage", {}, b"")
    send(10)
    s = feed.await_sink("otlp", lambda s: "does not speak HTTP" in s["problem"])
    ok(s["lost"] == 1 and s["waiting"] == 10, "what is no HTTP is told", s)
    server.answer = lambda body: (200, {}, b"{}")
    feed.reopen()
    feed.await_sink("otlp", lambda s: s["written"] == seq)
    ok(sorted(set(sequences(server.bodies))) == list(range(seq)), "every record arrived")
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
    feed.kill_writer()
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


run(otlp, odd_answers, outage, bounded, loki)
