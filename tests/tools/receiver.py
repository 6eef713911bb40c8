#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""receiver.py - who records are sent to: HTTP servers that count, and one that is dead.

usage: receiver.py count PORT FILE      records of OTLP or Loki, by their "seq"
       receiver.py dead PORT            accepts a connection and never reads

FILE is replaced after each request: {"records", "distinct", "last"} of all so far.
"""
import http.server
import json
import os
import re
import socket
import sys
import time

# Of OTLP's attributes, and of the line within a string that Loki gets.
SEQ = re.compile(rb'"key": ?"seq", ?"value": ?\{"intValue": ?"(\d+)"|\\"seq\\": ?(\d+)')


class Counter(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    seen, records, path_out = set(), 0, ""

    def do_POST(self):  # pylint: disable=invalid-name
        body = self.rfile.read(int(self.headers["Content-Length"]))
        found = [int(a or b) for a, b in SEQ.findall(body)]
        Counter.records += len(found)
        self.seen.update(found)
        with open(f"{self.path_out}.part", "w", encoding="ascii") as f:
            json.dump({"records": self.records, "distinct": len(self.seen),
                       "last": max(self.seen, default=0)}, f)
        os.rename(f"{self.path_out}.part", self.path_out)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *args):  # pylint: disable=arguments-differ
        pass


def main():
    port = int(sys.argv[2])
    if sys.argv[1] == "count":
        Counter.path_out = sys.argv[3]
        http.server.HTTPServer(("127.0.0.1", port), Counter).serve_forever()
    listener = socket.create_server(("127.0.0.1", port))
    connections = []
    while True:
        connections.append(listener.accept())
        time.sleep(0.1)


main()
