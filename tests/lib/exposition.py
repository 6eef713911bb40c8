# SPDX-License-Identifier: GPL-2.0-or-later
"""exposition.py - pages of metrics, and what refers to their names: the manual,
the alerts, the dashboard."""
import json
import os
import re

REPO = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
MONITORING = os.path.join(REPO, "systemd", "monitoring")
ALERTS = os.path.join(MONITORING, "alerts.yaml")
# What Prometheus adds to each sample, and what makes a histogram's.
ADDED = {"instance", "job", "le"}

_SAMPLE = re.compile(r'([a-zA-Z_]\w*)(?:\{((?:[a-zA-Z_]\w*="(?:[^"\\]|\\.)*",?)*)\})? (\S+)$')
_LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"')
_SELECTOR = re.compile(r'\b(bulkhead_\w+)(?:\{([^}]*)\})?')


def parse(page):
    """[(name, labels, value)] of a page, which must be nothing but samples and
    comments."""
    samples = []
    for line in page.splitlines():
        if line.startswith("#"):
            continue
        found = _SAMPLE.match(line)
        if not found:
            raise ValueError(f"no sample: {line!r}")
        samples.append((found[1], dict(_LABEL.findall(found[2] or "")), float(found[3])))
    return samples


def types(page):
    return dict(re.findall(r"^# TYPE (\w+) (\w+)$", page, re.M))


def values(page, name, **labels):
    """Of the samples that have these labels, and perhaps more."""
    return [v for n, have, v in parse(page) if n == name and labels.items() <= have.items()]


def family(name, known):
    """The family that a sample's name belongs to."""
    for suffix in ("_bucket", "_sum", "_count"):
        if name.endswith(suffix) and name[:-len(suffix)] in known:
            return name[:-len(suffix)]
    return name


def families(page):
    """{name: (type, labels)} of a page, where each sample has all labels."""
    known = types(page)
    labels = {}
    for name, have, _ in parse(page):
        of = family(name, known)
        labels.setdefault(of, set()).update(set(have) - {"le"})
    return {n: (t, labels.get(n, set())) for n, t in known.items()}


def documented():
    """{name: (type, labels)} of bulkhead-metrics(5)."""
    with open(os.path.join(REPO, "src/cli/man/bulkhead-metrics.5"), encoding="utf-8") as f:
        found = re.findall(r"^\.It Sy (\w+)(?:\{([\w,]*)\})? Pq (\w+)$", f.read(), re.M)
    return {n: (t, set(filter(None, labels.split(",")))) for n, labels, t in found}


def alerts():
    """[(name, expression, texts)] of the alert rules."""
    with open(ALERTS, encoding="utf-8") as f:
        text = f.read()
    rules = []
    for rule in text.split("- alert: ")[1:]:
        name, rest = rule.split("\n", 1)
        expression = re.search(r"^ *expr: (.*)$", rest, re.M)[1]
        rules.append((name, expression, re.findall(r'^ *(?:summary|description): "(.*)"$',
                                                   rest, re.M)))
    return rules


def dashboard():
    with open(os.path.join(MONITORING, "dashboard.json"), encoding="utf-8") as f:
        return json.load(f)


def panels():
    """[(title, expression, legend)] of the dashboard."""
    return [(p["title"], t["expr"], t["legendFormat"])
            for p in dashboard()["panels"] for t in p.get("targets", [])]


def uses():
    """[(where, name, labels)]: what alerts and dashboard take to exist."""
    told = [(f"alert {name}", expression, " ".join(texts), r"\$labels\.(\w+)")
            for name, expression, texts in alerts()]
    told += [(f"panel {title}", expression, legend, r"\{\{ *(\w+) *\}\}")
             for title, expression, legend in panels()]
    used = []
    known = documented()
    for where, expression, text, pattern in told:
        grouped = set()
        for group in re.findall(r"\bby \(([^)]*)\)", expression):
            grouped |= {x.strip() for x in group.split(",")}
        shared = (grouped | set(re.findall(pattern, text))) - ADDED
        for name, matchers in _SELECTOR.findall(expression):
            own = set(re.findall(r'(\w+) *[=!]~?', matchers)) - ADDED
            used.append((where, family(name, known), own | shared))
    return used
