#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""metrics.py - what a real agent tells on a real engine, read by promtool and by
a real Prometheus; and that manual, alerts and dashboard speak of the same."""
import json
import os
import re
import shutil
import subprocess
import sys
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import exposition
import netpol
import testhost

DENY = netpol.policy("deny", ingress_rules=[])
NOBODY = 65534
SCRAPE = """
global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs:
  - job_name: bulkhead
    static_configs: [{targets: ["%s"]}]
"""


class Http:
    """GET inside the host, where there is no way in from here."""

    def __init__(self, h, address):
        self.h, self.address = h, address

    def get(self, path):
        """(status, body)"""
        code = ("import http.client,sys;c=http.client.HTTPConnection(sys.argv[1],timeout=20);"
                "c.request('GET',sys.argv[2]);r=c.getresponse();"
                "print(r.status);sys.stdout.write(r.read().decode())")
        done = self.h.sh("python3", "-c", code, self.address, path, check=False)
        if done.returncode:
            return None, done.stderr
        status, body = done.stdout.split("\n", 1)
        return int(status), body


def serve(h, *options):
    """`bulkhead serve` as nobody, in the group of the control socket (root's here).
    Returns (process, Http)."""
    place = h.path("/run/bh/served")
    os.makedirs(place, exist_ok=True)
    shutil.copy(testhost.program("bulkhead"), f"{place}/bulkhead")
    log = f"{h.dir}/serve.log"
    open(log, "w").close()
    process = h.spawn("setpriv", f"--reuid={NOBODY}", "--regid=0", "--clear-groups",
                      "--inh-caps=-all", "--bounding-set=-all", "/run/bh/served/bulkhead",
                      "serve", "--listen", "127.0.0.1:0", *options, log="serve")
    def told():
        with open(log, encoding="utf-8") as f:
            found = re.search(r"serving /metrics on (\S+)\n", f.read())
        return found and found[1]
    return process, Http(h, testhost.until(told, "bulkhead serve"))


def deny_some(h, client, server):
    """Three packets that policies deny."""
    for port in (80, 81):
        h.result(client, f"udp:{server.ip()}:{port}", ms=100)
    h.result(client, f"tcp:{server.ip()}:80", ms=100)
    testhost.until(lambda: len(h.denied(dst_ip=server.ip())) >= 3, "the records", 10)


def check_names(r, page):
    have, told = exposition.families(page), exposition.documented()
    r.equal(sorted(set(told) - set(have)), [], "every documented metric is in the output")
    r.equal(sorted(set(have) - set(told)), [], "and none is that is not documented")
    r.equal({n: have[n] for n in have if have[n] != told.get(n)},
            {n: told.get(n) for n in have if have[n] != told.get(n)},
            "with the types and labels that the manual tells")
    missing = [u for u in exposition.uses()
               if u[1] not in have or not u[2] <= have[u[1]][1]]
    r.equal(missing, [], "what alerts and dashboard use is there, with those labels")
    keys = [(n, tuple(sorted(labels.items()))) for n, labels, _ in exposition.parse(page)]
    r.equal(len(keys), len(set(keys)), "no sample comes twice")


def check_values(h, r, page):
    def value(name, **labels):
        return sum(exposition.values(page, name, **labels))
    status = h.get("status")
    r.equal((value("bulkhead_up"), value("bulkhead_state", state=status["state"]),
             value("bulkhead_state"), value("bulkhead_mode", mode="enforce")), (1, 1, 1, 1),
            "the agent is up, in one state, and enforces")
    r.equal((value("bulkhead_endpoints", runtime="docker", state="running"),
             value("bulkhead_endpoints", runtime="docker", state="exited"),
             value("bulkhead_endpoints_unenforceable", runtime="docker"),
             value("bulkhead_endpoints_escapable", runtime="docker"),
             value("bulkhead_endpoints_isolated", direction="ingress"),
             value("bulkhead_endpoints_isolated", direction="egress")), (4, 1, 1, 1, 2, 0),
            "containers by state, who cannot be held, who could escape, who is isolated")
    r.equal((value("bulkhead_policies"), value("bulkhead_policy_files"),
             value("bulkhead_policy_files_invalid", in_force="false")), (1, 2, 1),
            "policies, their files, and one that is broken")
    denied = sum(c["packets"] for n, c in status["counters"].items()
                 if n not in ("unattributed", "link_control"))
    r.ok(denied >= 3, "packets were denied", denied)
    r.equal(value("bulkhead_denied_packets_total")
            - value("bulkhead_denied_packets_total", reason="link-control"), denied,
            "the kernel's counters are told to the packet")
    r.equal(value("bulkhead_flow_packets_total", verdict="denied", namespace="default",
                  policies="default/deny", direction="ingress", reason="no-policy-allows"),
            value("bulkhead_denied_packets_total", direction="ingress",
                  reason="no-policy-allows"),
            "and the flow log's tell of all of them by namespace and policy")
    r.equal(value("bulkhead_transaction_duration_seconds_count"),
            value("bulkhead_transactions_total"), "each transaction was timed")
    r.equal(value("bulkhead_runtime_in_step", runtime="docker"), 1, "Docker is followed")
    engine = h.get("status")["runtimes"][0]
    r.equal((value("bulkhead_runtime_info", runtime="docker", version=engine["version"],
                   api_version=engine["api_version"], support="tried"),
             h.sh(testhost.DOCKER, "version", "-f", "{{.Server.Version}}").strip()),
            (1, engine["version"]), "… the one that it was tried with")
    r.ok(value("bulkhead_agent_resident_memory_bytes") > 1 << 20
         and 3 < value("bulkhead_agent_open_fds") < value("bulkhead_agent_max_fds")
         and value("bulkhead_agent_cpu_seconds_total") > 0, "the agent's own use of the host")


def settled_page(h):
    """Once the flow log has told of all that the kernel has counted: it reads the
    counters once an interval."""
    def told():
        page = h.bulkhead("metrics")
        denied = sum(exposition.values(page, "bulkhead_denied_packets_total"))
        denied -= sum(exposition.values(page, "bulkhead_denied_packets_total",
                                        reason="link-control"))
        account = sum(exposition.values(page, "bulkhead_flow_log_accounted_packets_total"))
        return page if denied == account else None
    return testhost.until(told, "the flow log to account for all")


def check_tamper(h, r):
    before = exposition.values(h.bulkhead("metrics"), "bulkhead_tables_restored_total")[0]
    h.sh("nft", "delete", "table", "inet", "bulkhead")
    restored = testhost.until(lambda: [
        v for v in exposition.values(h.bulkhead("metrics"), "bulkhead_tables_restored_total")
        if v > before], "the tables to be restored")
    r.ok(restored, "a table that was deleted and restored is counted")


def query(prometheus, expression):
    status, body = prometheus.get("/api/v1/query?query=" + urllib.parse.quote(expression))
    if status != 200:
        return None
    return [(s["metric"], float(s["value"][1])) for s in json.loads(body)["data"]["result"]]


def check_prometheus(h, r, served):
    """A real one, that scrapes and answers."""
    h.write("/run/bh/prometheus.yml", SCRAPE % served.address)
    process = h.spawn("prometheus", "--config.file=/run/bh/prometheus.yml",
                      "--storage.tsdb.path=/run/bh/prometheus",
                      "--web.listen-address=127.0.0.1:19090", log="prometheus")
    prometheus = Http(h, "127.0.0.1:19090")
    try:
        up = testhost.until(lambda: query(prometheus, "bulkhead_up"), "a first scrape", 60)
        r.equal([v for _, v in up], [1], "Prometheus scrapes, and the agent is up")
        r.equal(up[0][0]["job"], "bulkhead", "under the job that the alerts expect")
        denied = query(prometheus, 'sum(bulkhead_denied_packets_total{reason="no-policy-allows"})')
        r.ok(denied[0][1] >= 3, "it answers how many packets were denied", denied)
        latency = query(prometheus, "histogram_quantile(0.99, "
                                    "bulkhead_transaction_duration_seconds_bucket)")
        r.ok(0 < latency[0][1] <= 10, "and how long transactions take", latency)
        h.stop_agent()
        down = testhost.until(lambda: [v for _, v in query(prometheus, "bulkhead_up") or []
                                       if v == 0], "the agent to be down", 60)
        r.equal(down, [0], "it sees that the agent is down …")
        r.equal([v for _, v in query(prometheus, 'up{job="bulkhead"}')], [1],
                "… from a server that still answers")
    finally:
        subprocess.run(["kill", str(testhost.child_of(process.pid) or process.pid)], check=False)
        process.wait(testhost.PATIENCE)


def test(h, r):
    h.write("/run/bh/policies/deny.yaml", DENY)
    # With every option that has metrics of its own.
    h.start_agent(enforcement={"tableOwnership": "disabled"},
                  flowLog={"path": "/run/bh/flows.jsonl", "interval": "1s", "dnsNames": True})
    server, client = h.run("server"), h.run("client")
    h.run("host", net="host")
    h.run("mighty", labels={"bulkhead.namespace": "other"},
          options=["-v", "/run/docker.sock:/sock"])
    h.docker("run", "--name", "over", "probe", "/bin/sleep", "0")
    h.settle()
    testhost.until(lambda: h.get("status")["endpoints"]["escapable"] == 1, "inspection")
    # First, as the kernel's counters begin anew with the tables.
    check_tamper(h, r)
    deny_some(h, client, server)
    h.write("/run/bh/policies/broken.yaml", "kind: [\n")
    testhost.until(lambda: h.get("status")["policies"]["broken_files"], "the broken file")

    page = settled_page(h)
    done = h.sh("promtool", "check", "metrics", stdin=page, check=False, merge=True)
    r.equal((done.returncode, done.stdout), (0, ""), "promtool check metrics finds nothing")
    check_names(r, page)
    check_values(h, r, page)

    process, served = serve(h, "--timeout", "5s")
    status, text = served.get("/metrics")
    r.equal((status, exposition.families(text)), (200, exposition.families(page)),
            "an unprivileged bulkhead serve tells the same")
    r.equal(served.get("/healthz"), (200, "degraded\n"), "and how the agent stands")
    check_prometheus(h, r, served)
    status, text = served.get("/healthz")
    r.ok(status == 503 and "bulkheadd is not running" in text,
         "without the agent /healthz is 503, and says why", text)
    os.kill(testhost.child_of(process.pid) or process.pid, 15)
    r.equal(process.wait(testhost.PATIENCE), 0, "it ends in good order")


testhost.main(test, "metrics")
