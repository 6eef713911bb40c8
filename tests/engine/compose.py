#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""compose.py - the example of a Compose project (policy-examples/compose), as a
real docker-compose runs it: namespace, services, replicas, two networks."""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import testhost

EXAMPLE = f"{testhost.REPO}/policy-examples/compose"
# The same services from an image that is here.
SERVE = {"web": ("tcp:80", "tcp:81"), "api": ("tcp:8080", "tcp:81"), "db": ("tcp:5432", "tcp:81")}
OVERRIDE = {"services": {name: {"image": "probe", "command": ["/probe", "serve", *ports],
                                "environment": {}} for name, ports in SERVE.items()}}


def compose(h, project, *args):
    return h.sh("env", f"DOCKER_HOST=unix://{h.socket}", "docker-compose", "-p", project,
                "-f", "/run/bh/compose.yaml", "-f", "/run/bh/probe.yaml", *args, merge=True)


def of_service(h, project, service):
    names = h.docker("ps", "--format", "{{.Names}}", "--filter",
                     f"label=com.docker.compose.project={project}", "--filter",
                     f"label=com.docker.compose.service={service}").split()
    return [testhost.Container(h, name) for name in sorted(names)]


def tiers(h, r, when, project="shop"):
    web, db = of_service(h, project, "web")[0], of_service(h, project, "db")[0]
    front, back = f"{project}_front", f"{project}_back"
    for api in of_service(h, project, "api"):
        n = api.name
        r.equal(h.result(web, f"tcp:{api.ip(front)}:8080"), "open", f"{when}: web -> {n}")
        r.equal(h.result(web, f"tcp:{api.ip(front)}:81"), "timeout", f"{when}: not another port")
        r.equal(h.result(api, f"tcp:{db.ip(back)}:5432"), "open", f"{when}: {n} -> db")
        r.equal(h.result(api, f"tcp:{web.ip(front)}:80"), "timeout", f"{when}: not {n} -> web")
    r.equal(h.result(db, f"tcp:{api.ip(back)}:8080"), "timeout", f"{when}: not db -> api")


def test(h, r):
    with open(f"{EXAMPLE}/compose.yaml", encoding="utf-8") as f:
        h.write("/run/bh/compose.yaml", f.read())
    h.write("/run/bh/probe.yaml", json.dumps(OVERRIDE))
    with open(f"{EXAMPLE}/policies.yaml", encoding="utf-8") as f:
        h.policy("shop.yaml", f.read())
    h.start_agent()
    compose(h, "shop", "up", "-d")
    h.settle()
    endpoints = h.get("get", "endpoints")["endpoints"]
    r.equal({e["namespace"] for e in endpoints}, {"shop"}, "the project is the namespace")
    tiers(h, r, "up")
    _, outside = h.outside()
    r.equal(h.result("outside", "tcp:203.0.113.1:8080"), "open",
            f"the published port is open to {outside}")

    compose(h, "shop", "up", "-d", "--scale", "api=3")
    h.settle()
    r.equal(len(of_service(h, "shop", "api")), 3, "scaled up to three")
    tiers(h, r, "scaled up")
    compose(h, "shop", "up", "-d", "--scale", "api=1")
    h.settle()
    r.equal(len(h.get("get", "endpoints")["endpoints"]), 3, "scaled down: the others are gone")
    tiers(h, r, "scaled down")

    # Another project is another namespace, whatever its services are called.
    stranger = h.run("stranger", labels={"com.docker.compose.project": "other",
                                         "com.docker.compose.service": "web"}, net="shop_front")
    h.settle()
    api = of_service(h, "shop", "api")[0]
    r.equal(h.result(stranger, f"tcp:{api.ip('shop_front')}:8080"), "timeout",
            "a service web of another project is not ours")
    h.docker("rm", "-f", "stranger")
    compose(h, "shop", "down", "-t", "0")
    h.settle()
    r.equal(h.get("get", "endpoints")["endpoints"], [], "down: all forgotten")

    # docker-compose makes a name of the directory's; the labels have that.
    h.no_policy("shop.yaml")
    with open(f"{EXAMPLE}/policies.yaml", encoding="utf-8") as f:
        h.policy("my-shop.yaml", f.read().replace("namespace: shop", "namespace: my-shop"))
    compose(h, "My_Shop!", "up", "-d")
    h.settle()
    project = next(e for e in h.get("get", "endpoints", "-o", "json")["endpoints"])
    r.equal(project["namespace"], "my-shop", "My_Shop! is my_shop to Compose, my-shop here")
    tiers(h, r, "by another name", "my_shop")
    compose(h, "My_Shop!", "down", "-t", "0")


if __name__ == "__main__":
    testhost.main(test, "compose")
