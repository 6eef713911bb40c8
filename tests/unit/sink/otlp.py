#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""otlp.py - a reader of OTLP's JSON mapping that takes no liberties."""
import json
import re


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
