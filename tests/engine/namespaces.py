#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""namespaces.py - where a container's namespace comes from, and who decides."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import testhost

PROJECT = "com.docker.compose.project"
ISOLATE = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: isolate, namespace: {}}}
spec:
  podSelector: {{}}
  ingress:
  - from: [{{podSelector: {{}}}}]
"""


def namespaces(h):
    return {e["name"]: e["namespace"] for e in h.get("get", "endpoints")["endpoints"]}


def test(h, r):
    h.network("my_app")
    h.network("the-lab")
    db = h.run("db", labels={PROJECT: "my_app"}, net="my_app")
    evil = h.run("evil", labels={"bulkhead.namespace": "my-app"}, net="the-lab")
    h.docker("network", "connect", "my_app", "evil")
    client = h.run("client", labels={PROJECT: "my_app"}, net="my_app")
    h.policy("isolate.yaml", ISOLATE.format("my-app"))

    h.start_agent()
    r.equal(namespaces(h), {"db": "my-app", "evil": "my-app", "client": "my-app"},
            "by default labels decide, and a project's underscores are hyphens")
    r.ok("no namespace name" not in h.agent_log(), "without a warning", h.agent_log())
    address = f"tcp:{db.ip('my_app')}:80"
    r.equal(h.result(evil, address), "open", "so who claims the namespace is in it")
    h.stop_agent()

    engine = {**h.runtimes[h.engine], "namespaceFrom": "network",
              "namespaces": {"my_app": "shop"}}
    h.policy("isolate.yaml", ISOLATE.format("shop"))
    h.start_agent(runtimes={h.engine: engine})
    # The first by name of evil's networks is my_app: who puts it there decides.
    r.equal(namespaces(h), {"db": "shop", "evil": "shop", "client": "shop"},
            "with namespaceFrom the network decides, by its name in the configuration")
    h.docker("network", "disconnect", "my_app", "evil")
    h.settle()
    r.equal(namespaces(h)["evil"], "the-lab", "else by its own name, whatever the labels say")
    h.docker("network", "connect", "the-lab", "db")
    h.settle()
    db.refresh()
    r.equal(h.result(evil, f"tcp:{db.ip('the-lab')}:80"), "timeout",
            "a label does not open the namespace")
    r.equal(h.result(client, address), "open", "its own containers are in it")


if __name__ == "__main__":
    testhost.main(test, "namespaces")
