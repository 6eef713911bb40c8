#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""buildkit.py - the steps of an image build are endpoints like any other.

BuildKit runs them in sandboxes on the default bridge that are no containers: no
event tells of them, and no list has them. The build's own probe says what it
reached, so that nothing here depends on when we look."""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import testhost

ONLY_WEB = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: only-web}
spec:
  podSelector: {}
  policyTypes: [Egress]
  egress:
  - to:
    - podSelector: {matchLabels: {app: web}}
"""
NO_BUILD = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: no-build}
spec:
  podSelector:
    matchLabels: {bulkhead/kind: build}
  policyTypes: [Ingress, Egress]
"""
MS = 3000


def start_build(h, *steps):
    """Begin a build whose steps run the probe; its output has their answers."""
    h.sh("mkdir", "-p", "/run/bh/context")
    lines = ["FROM probe", *(f"RUN {step}" for step in steps)]
    h.write("/run/bh/context/Dockerfile", "\n".join(lines) + "\n")
    return subprocess.Popen(
        h.inside("env", "DOCKER_BUILDKIT=1", testhost.DOCKER, "build", "--no-cache",
                 "--progress=plain", "/run/bh/context"),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def finish_build(h, process):
    """({target: result} of the probe's answers, the whole output), once the
    engine has told the build's end, and the agent the end of its endpoint."""
    out, _ = process.communicate(timeout=120)
    answers = {}
    for line in out.splitlines():
        words = line.split()  # "#5 0.412 tcp:172.17.0.2:80 open 3"
        if len(words) == 5 and words[2].startswith("tcp:") and words[4].isdigit():
            answers[words[2]] = words[3]
    testhost.until(lambda: not builds(h), "the build to be gone", 5)
    return answers, out


def ask(*targets):
    return f"/probe ask -t {MS} {' '.join(targets)}"


def builds(h):
    return [e for e in h.get("get", "endpoints")["endpoints"]
            if e["labels"].get("bulkhead/kind") == "build"]


def test(h, r):
    h.start_agent()
    web = h.run("web", labels={"app": "web"})
    db = h.run("db", labels={"app": "db"})
    h.settle()
    to_web, to_db = f"tcp:{web.ip()}:80", f"tcp:{db.ip()}:80"

    got, out = finish_build(h, start_build(h, ask(to_web, to_db)))
    r.equal(got, {to_web: "open", to_db: "open"}, "without a policy a build reaches everybody")
    r.ok(not h.denied(), "none of its packets was dropped on the way", h.denied()[:3])
    r.ok(got, "the build itself went well", out)

    process = start_build(h, "sleep 4", ask(to_web, to_db))
    seen = testhost.until(lambda: builds(h), "the build to be an endpoint")
    shown = seen[0]["attachments"]
    inside = json.loads(h.docker("network", "inspect", "bridge"))[0]["Containers"]
    r.equal((len(seen), seen[0]["namespace"], seen[0]["name"]),
            (1, "default", f"build-{seen[0]['id'][:12]}"), "one endpoint, named after its id")
    r.ok(seen[0]["id"] in inside and shown[0]["ipv4"] ==
         inside[seen[0]["id"]]["IPv4Address"].split("/")[0], "with the address that it has", seen)
    h.settle()  # a full listing
    r.equal([e["id"] for e in builds(h)], [seen[0]["id"]], "a listing does not take it away")
    r.equal(h.get("status")["problems"], [], "it is no problem")
    finish_build(h, process)
    r.equal(builds(h), [], "it is gone when the build is over")

    h.policy("policy.yaml", ONLY_WEB)
    got, out = finish_build(h, start_build(h, ask(to_web, to_db)))
    r.equal(got, {to_web: "open", to_db: "timeout"}, "a policy for all pods holds for builds too")
    denied = h.denied(dst_name="db")
    r.ok(denied and all(f["reason"] == "no-policy-allows" and f["src"]["container"]["name"]
                        .startswith("build-") for f in denied),
         "what it was denied is recorded as the build's", denied or out)

    h.policy("policy.yaml", NO_BUILD)
    got, out = finish_build(h, start_build(h, ask(to_web)))
    r.equal(got, {to_web: "timeout"}, "builds can be selected by their kind")
    r.equal(h.result(web, to_db), "open", "which no container is of")


if __name__ == "__main__":
    testhost.main(test, "buildkit")
