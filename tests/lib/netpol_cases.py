# SPDX-License-Identifier: GPL-2.0-or-later
"""netpol_cases.py - policies and what they must mean, written by hand.

CASES is a list of (name, steps); a step has the policy text ($xa4 and $xa6 are
the addresses of x/a) and what is expected after it, as "yes|no FROM TO [PORTS]"
lines over the rule that everything is open; a later line wins ("y" is quoted:
kubectl reads a bare y as true). Expectations
come from the documentation of the API, never from our own evaluator. Deny a
direction first, then open what the policy opens.
"""
import textwrap

NAMESPACES = """\
{apiVersion: v1, kind: Namespace, metadata: {name: x, labels: {ns: x}}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: "y", labels: {ns: "y"}}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: z, labels: {ns: z}}}
"""

TCP = "80/tcp,81/tcp"
UDP = "80/udp,81/udp"

CASES = []


def pol(spec, name="p", namespace="x"):
    """A NetworkPolicy with the indented YAML text @spec."""
    body = textwrap.indent(textwrap.dedent(spec).strip("\n"), "  ")
    return ("apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
            f"metadata: {{name: {name}, namespace: \"{namespace}\"}}\nspec:\n{body}\n")


def both(*policies):
    return "---\n".join(policies)


def step(policy, expect, **more):
    return {"policy": policy, "expect": expect, **more}


def case(name, policy, expect, **more):
    CASES.append((name, [step(policy, expect, **more)]))


def steps(name, *parts):
    CASES.append((name, list(parts)))


# Isolation

case("default deny ingress", pol("""
    podSelector: {}
    policyTypes: [Ingress]
    """), "no * x/*")
case("default deny ingress, policyTypes left out", pol("podSelector: {}"), "no * x/*")
case("default deny egress", pol("""
    podSelector: {}
    policyTypes: [Egress]
    """), "no x/* *")
case("default deny all", pol("""
    podSelector: {}
    policyTypes: [Ingress, Egress]
    """), "no * x/*\nno x/* *")
case("an empty list of ingress rules denies", pol("""
    podSelector: {matchLabels: {pod: a}}
    ingress: []
    """), "no * x/a")
case("one empty ingress rule allows", pol("""
    podSelector: {matchLabels: {pod: a}}
    ingress: [{}]
    """), "")
case("an empty list of peers is any peer", pol("""
    podSelector: {matchLabels: {pod: a}}
    ingress: [{from: [], ports: [{port: 80}]}]
    """), "no * x/a\nyes * x/a 80/tcp")
case("rules of a direction that policyTypes leaves out do nothing", pol("""
    podSelector: {matchLabels: {pod: a}}
    policyTypes: [Ingress]
    ingress: [{}]
    egress: []
    """), "")
case("egress rules without policyTypes isolate both directions", pol("""
    podSelector: {matchLabels: {pod: a}}
    egress: [{to: [{podSelector: {matchLabels: {pod: b}}}]}]
    """), "no * x/a\nno x/a *\nyes x/a x/b")
case("egress: [] without policyTypes isolates ingress only", pol("""
    podSelector: {matchLabels: {pod: a}}
    egress: []
    """), "no * x/a")
case("a selector that selects nobody isolates nobody", pol("""
    podSelector: {matchLabels: {pod: nobody}}
    policyTypes: [Ingress, Egress]
    """), "")
case("a policy of another namespace selects nobody here", pol("""
    podSelector: {matchLabels: {pod: a}}
    """, namespace="y"), "no * y/a")

# Peers

case("pods of the policy's own namespace by podSelector", pol("""
    podSelector: {matchLabels: {pod: a}}
    ingress: [{from: [{podSelector: {matchLabels: {pod: b}}}]}]
    """), "no * x/a\nyes x/b x/a")
case("an empty podSelector is the whole own namespace", pol("""
    podSelector: {}
    ingress: [{from: [{podSelector: {}}]}]
    """), "no * x/*\nyes x/* x/*")
case("an empty namespaceSelector is every namespace", pol("""
    podSelector: {matchLabels: {pod: a}}
    ingress: [{from: [{namespaceSelector: {}}]}]
    """), "")
case("a different namespace by namespaceSelector", pol("""
    podSelector: {matchLabels: {pod: a}}
    ingress: [{from: [{namespaceSelector: {matchLabels: {ns: "y"}}}]}]
    """), "no * x/a\nyes y/* x/a")
case("the namespace's default label", pol("""
    podSelector: {matchLabels: {pod: a}}
    ingress:
    - from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: "y"}}}]
    """), "no * x/a\nyes y/* x/a")
case("podSelector with matchExpressions In", pol("""
    podSelector: {matchLabels: {pod: a}}
    ingress:
    - from: [{podSelector: {matchExpressions: [{key: pod, operator: In, values: [b]}]}}]
    """), "no * x/a\nyes x/b x/a")
case("podSelector with matchExpressions NotIn", pol("""
    podSelector: {matchLabels: {pod: a}}
    ingress:
    - from: [{podSelector: {matchExpressions: [{key: pod, operator: NotIn, values: [b]}]}}]
    """), "no * x/a\nyes x/c x/a")
case("matchExpressions NotIn holds for a missing key", pol("""
    podSelector: {matchLabels: {pod: a}}
    ingress:
    - from: [{podSelector: {matchExpressions: [{key: none, operator: NotIn, values: [b]}]}}]
    """), "no * x/a\nyes x/* x/a")
case("matchExpressions Exists", pol("""
    podSelector: {matchLabels: {pod: a}}
    ingress:
    - from: [{podSelector: {matchExpressions: [{key: pod, operator: Exists}]}}]
    """), "no * x/a\nyes x/* x/a")
case("matchExpressions DoesNotExist", pol("""
    podSelector: {matchLabels: {pod: a}}
    ingress:
    - from: [{podSelector: {matchExpressions: [{key: pod, operator: DoesNotExist}]}}]
    """), "no * x/a")
case("the subject by matchExpressions", pol("""
    podSelector: {matchExpressions: [{key: pod, operator: In, values: [a, b]}]}
    ingress: []
    """), "no * x/a\nno * x/b")
case("matchLabels and matchExpressions must both hold", pol("""
    podSelector: {matchLabels: {pod: a}}
    ingress:
    - from:
      - podSelector:
          matchLabels: {pod: b}
          matchExpressions: [{key: pod, operator: NotIn, values: [b]}]
    """), "no * x/a")
case("namespaceSelector with matchExpressions In", pol("""
    podSelector: {matchLabels: {pod: a}}
    ingress:
    - from: [{namespaceSelector: {matchExpressions: [{key: ns, operator: In, values: ["y"]}]}}]
    """), "no * x/a\nyes y/* x/a")
case("namespaceSelector with matchExpressions NotIn", pol("""
    podSelector: {matchLabels: {pod: a}}
    ingress:
    - from: [{namespaceSelector: {matchExpressions: [{key: ns, operator: NotIn, values: [x]}]}}]
    """), "no * x/a\nyes y/* x/a\nyes z/* x/a")
case("two peers are OR", pol("""
    podSelector: {matchLabels: {pod: a}}
    ingress:
    - from:
      - podSelector: {matchLabels: {pod: b}}
      - namespaceSelector: {matchLabels: {ns: "y"}}
    """), "no * x/a\nyes x/b x/a\nyes y/* x/a")
case("one peer with both selectors is AND", pol("""
    podSelector: {matchLabels: {pod: a}}
    ingress:
    - from:
      - podSelector: {matchLabels: {pod: b}}
        namespaceSelector: {matchLabels: {ns: "y"}}
    """), "no * x/a\nyes y/b x/a")
case("an empty podSelector beside a namespaceSelector", pol("""
    podSelector: {matchLabels: {pod: a}}
    ingress:
    - from:
      - podSelector: {}
        namespaceSelector: {matchLabels: {ns: "y"}}
    """), "no * x/a\nyes y/* x/a")
case("several podSelectors and namespaceSelectors", pol("""
    podSelector: {matchLabels: {pod: a}}
    ingress:
    - from:
      - namespaceSelector: {matchExpressions: [{key: ns, operator: NotIn, values: [x]}]}
        podSelector: {matchExpressions: [{key: pod, operator: In, values: [b, c]}]}
    """), "no * x/a\nyes y/b x/a\nyes y/c x/a\nyes z/b x/a\nyes z/c x/a")
case("any of several podSelectors", pol("""
    podSelector: {matchLabels: {pod: a}}
    ingress:
    - from:
      - podSelector: {matchLabels: {pod: b}}
      - podSelector: {matchLabels: {pod: c}}
    """), "no * x/a\nyes x/b x/a\nyes x/c x/a")
case("deny ingress from pods of other namespaces", pol("""
    podSelector: {}
    ingress: [{from: [{podSelector: {}}]}]
    """), "no * x/*\nyes x/* x/*")
case("egress to a server in another namespace", pol("""
    podSelector: {matchLabels: {pod: a}}
    policyTypes: [Egress]
    egress:
    - to:
      - namespaceSelector: {matchLabels: {ns: "y"}}
        podSelector: {matchLabels: {pod: a}}
    """), "no x/a *\nyes x/a y/a")

# Ports

case("a TCP port", pol("""
    podSelector: {matchLabels: {pod: a}}
    ingress: [{ports: [{port: 81, protocol: TCP}]}]
    """), "no * x/a\nyes * x/a 81/tcp")
case("a port's protocol is TCP unless told", pol("""
    podSelector: {matchLabels: {pod: a}}
    ingress: [{ports: [{port: 81}]}]
    """), "no * x/a\nyes * x/a 81/tcp")
case("a UDP port opens no TCP port", pol("""
    podSelector: {matchLabels: {pod: a}}
    ingress: [{ports: [{port: 81, protocol: UDP}]}]
    """), "no * x/a\nyes * x/a 81/udp")
case("any port of a protocol", pol("""
    podSelector: {matchLabels: {pod: a}}
    ingress: [{ports: [{protocol: UDP}]}]
    """), f"no * x/a\nyes * x/a {UDP}")
case("SCTP is not read as TCP", pol("""
    podSelector: {matchLabels: {pod: a}}
    ingress: [{ports: [{port: 80, protocol: SCTP}]}]
    """), "no * x/a")
case("any port over SCTP opens neither TCP nor UDP", pol("""
    podSelector: {matchLabels: {pod: a}}
    ingress: [{ports: [{protocol: SCTP}]}]
    """), "no * x/a")
case("a port and a peer must both fit", pol("""
    podSelector: {matchLabels: {pod: a}}
    ingress:
    - from: [{namespaceSelector: {matchLabels: {ns: "y"}}}]
      ports: [{port: 81, protocol: TCP}]
    """), "no * x/a\nyes y/* x/a 81/tcp")
case("two rules with a port and a peer each", pol("""
    podSelector: {matchLabels: {pod: a}}
    ingress:
    - {from: [{namespaceSelector: {matchLabels: {ns: "y"}}}], ports: [{port: 80}]}
    - {from: [{namespaceSelector: {matchLabels: {ns: z}}}], ports: [{port: 81}]}
    """), "no * x/a\nyes y/* x/a 80/tcp\nyes z/* x/a 81/tcp")
case("a range of ports", pol("""
    podSelector: {matchLabels: {pod: a}}
    ingress: [{ports: [{port: 70, endPort: 80}]}]
    """), "no * x/a\nyes * x/a 80/tcp")
case("a range of UDP ports that ends at the highest", pol("""
    podSelector: {matchLabels: {pod: a}}
    ingress: [{ports: [{port: 81, endPort: 65535, protocol: UDP}]}]
    """), "no * x/a\nyes * x/a 81/udp")
case("a named port", pol("""
    podSelector: {matchLabels: {pod: a}}
    ingress: [{ports: [{port: serve-81-tcp}]}]
    """), "no * x/a\nyes * x/a 81/tcp")
case("a named port counts for its protocol only", pol("""
    podSelector: {matchLabels: {pod: a}}
    ingress: [{ports: [{port: serve-81-tcp, protocol: UDP}]}]
    """), "no * x/a")
case("a name that no port has opens nothing", pol("""
    podSelector: {matchLabels: {pod: a}}
    ingress: [{ports: [{port: no-such-port}]}]
    """), "no * x/a")
case("a named port from a namespace", pol("""
    podSelector: {matchLabels: {pod: a}}
    ingress:
    - from: [{namespaceSelector: {matchLabels: {ns: "y"}}}]
      ports: [{port: serve-80-udp, protocol: UDP}]
    """), "no * x/a\nyes y/* x/a 80/udp")
case("egress to a named port, resolved at the destination", pol("""
    podSelector: {matchLabels: {pod: a}}
    policyTypes: [Egress]
    egress: [{ports: [{port: serve-80-tcp}]}]
    """), "no x/a *\nyes x/a * 80/tcp")
steps("a name that means another port at another container",
      step(pol("""
    podSelector: {matchLabels: {pod: a}}
    policyTypes: [Egress]
    egress: [{ports: [{port: web}]}]
    """), "no x/a *\nyes x/a y/a 80/tcp\nyes x/a y/b 81/tcp",
           relabel={"y/a": {"bulkhead.ports": "web=80/tcp"},
                    "y/b": {"bulkhead.ports": "web=81/tcp"}}),
      step(pol("podSelector: {matchLabels: {pod: nobody}}"), "",
           relabel={"y/a": {}, "y/b": {}}))

# Several policies

case("policies add up", both(pol("""
    podSelector: {matchLabels: {pod: a}}
    ingress: [{from: [{podSelector: {matchLabels: {pod: b}}}]}]
    """, name="one"), pol("""
    podSelector: {}
    ingress: [{from: [{namespaceSelector: {matchLabels: {ns: "y"}}}]}]
    """, name="two")), "no * x/*\nyes y/* x/*\nyes x/b x/a")
case("stacked ports", both(pol("""
    podSelector: {matchLabels: {pod: a}}
    ingress: [{from: [{namespaceSelector: {matchLabels: {ns: "y"}}}], ports: [{port: 80}]}]
    """, name="one"), pol("""
    podSelector: {matchLabels: {pod: a}}
    ingress: [{from: [{namespaceSelector: {matchLabels: {ns: "y"}}}], ports: [{port: 81}]}]
    """, name="two")), "no * x/a\nyes y/* x/a " + TCP)
case("allow all beside deny all", both(pol("podSelector: {}", name="deny"), pol("""
    podSelector: {}
    ingress: [{}]
    """, name="allow")), "")
case("egress: allow all beside an allow of some", both(pol("""
    podSelector: {}
    policyTypes: [Egress]
    egress: [{ports: [{port: 80}]}]
    """, name="some"), pol("""
    podSelector: {}
    policyTypes: [Egress]
    egress: [{}]
    """, name="all")), "")
case("several egress policies add up", both(pol("""
    podSelector: {matchLabels: {pod: a}}
    policyTypes: [Egress]
    egress: [{to: [{namespaceSelector: {matchLabels: {ns: "y"}}}]}]
    """, name="one"), pol("""
    podSelector: {matchLabels: {pod: a}}
    policyTypes: [Egress]
    egress: [{ports: [{port: 80, protocol: UDP}]}]
    """, name="two")), "no x/a *\nyes x/a y/*\nyes x/a * 80/udp")
case("policies of the same name in two namespaces", both(
    pol("podSelector: {matchLabels: {pod: a}}"),
    pol("podSelector: {matchLabels: {pod: b}}", namespace="y")), "no * x/a\nno * y/b")

# Both ends, both directions

case("ingress and egress in one policy", pol("""
    podSelector: {matchLabels: {pod: a}}
    policyTypes: [Ingress, Egress]
    ingress: [{from: [{namespaceSelector: {matchLabels: {ns: "y"}}}]}]
    egress: [{to: [{podSelector: {matchLabels: {pod: b}}}], ports: [{port: 80}]}]
    """), "no * x/a\nno x/a *\nyes y/* x/a\nyes x/a x/b 80/tcp")
case("the client's egress denies what the server's ingress allows", both(pol("""
    podSelector: {matchLabels: {pod: a}}
    policyTypes: [Egress]
    egress: []
    """, name="client"), pol("""
    podSelector: {matchLabels: {pod: b}}
    ingress: [{from: [{namespaceSelector: {matchLabels: {ns: x}}}]}]
    """, name="server", namespace="y")),
     "no * y/b\nyes x/* y/b\nno x/a *")
case("the server's ingress denies what the client's egress allows", both(pol("""
    podSelector: {matchLabels: {pod: a}}
    policyTypes: [Egress]
    egress: [{to: [{namespaceSelector: {matchLabels: {ns: "y"}}}]}]
    """, name="client"), pol("podSelector: {}", name="server", namespace="y")),
     "no * y/*\nno x/a *")
case("the ports of both ends must agree", both(pol("""
    podSelector: {matchLabels: {pod: a}}
    policyTypes: [Egress]
    egress: [{to: [{namespaceSelector: {matchLabels: {ns: "y"}}}], ports: [{port: 80}, {port: 81}]}]
    """, name="client"), pol("""
    podSelector: {matchLabels: {pod: a}}
    ingress: [{ports: [{port: 81}, {port: 81, protocol: UDP}]}]
    """, name="server", namespace="y")),
     f"no * y/a\nyes * y/a 81/tcp,81/udp\nno x/a *\nyes x/a y/* {TCP}\nno x/a y/a 80/tcp")
case("egress isolation leaves ingress alone", pol("""
    podSelector: {matchLabels: {pod: a}}
    policyTypes: [Egress]
    """), "no x/a *")
case("ingress isolation leaves egress alone", pol("""
    podSelector: {matchLabels: {pod: a}}
    policyTypes: [Ingress]
    """), "no * x/a")

# Addresses

case("egress to an address block", pol("""
    podSelector: {matchLabels: {pod: a}}
    policyTypes: [Egress]
    egress:
    - to: [{ipBlock: {cidr: $yb4/32}}, {ipBlock: {cidr: $yb6/128}}]
    """), "no x/a *\nyes x/a y/b")
case("egress to an address block but for one address", pol("""
    podSelector: {matchLabels: {pod: a}}
    policyTypes: [Egress]
    egress:
    - to:
      - ipBlock: {cidr: 10.60.0.0/24, except: [$yb4/32]}
      - ipBlock: {cidr: "fd00:60::/64", except: [$yb6/128]}
    """), "no x/a *\nyes x/a *\nno x/a y/b")
case("an exception is no denial: another rule may allow it", pol("""
    podSelector: {matchLabels: {pod: a}}
    policyTypes: [Egress]
    egress:
    - to:
      - ipBlock: {cidr: 10.60.0.0/24, except: [$yb4/32]}
      - ipBlock: {cidr: "fd00:60::/64", except: [$yb6/128]}
    - to: [{ipBlock: {cidr: $yb4/32}}, {ipBlock: {cidr: $yb6/128}}]
    """), "")
case("an exception is no denial: another policy may allow it", both(pol("""
    podSelector: {matchLabels: {pod: a}}
    policyTypes: [Egress]
    egress:
    - to:
      - ipBlock: {cidr: 0.0.0.0/0, except: [10.60.0.0/24]}
      - ipBlock: {cidr: "::/0", except: ["fd00:60::/64"]}
    """, name="one"), pol("""
    podSelector: {matchLabels: {pod: a}}
    policyTypes: [Egress]
    egress: [{to: [{podSelector: {matchLabels: {pod: c}}}]}]
    """, name="two")), "no x/a *\nyes x/a x/c")
case("ingress from an address block", pol("""
    podSelector: {matchLabels: {pod: a}}
    ingress:
    - from: [{ipBlock: {cidr: $zb4/32}}, {ipBlock: {cidr: $zb6/128}}]
      ports: [{port: 80}]
    """), "no * x/a\nyes z/b x/a 80/tcp")
case("everything of both families by blocks", pol("""
    podSelector: {matchLabels: {pod: a}}
    ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}, {ipBlock: {cidr: "::/0"}}]}]
    """), "")

# Change

steps("an updated policy",
      step(pol("podSelector: {}"), "no * x/*"),
      step(pol("""
    podSelector: {}
    ingress: [{}]
    """), ""))
steps("a deleted policy",
      step(pol("podSelector: {}\npolicyTypes: [Ingress, Egress]"), "no * x/*\nno x/* *"),
      step("", ""))
FROM_LABELLED_NS = pol("""
    podSelector: {matchLabels: {pod: a}}
    ingress: [{from: [{namespaceSelector: {matchLabels: {ns2: updated}}}]}]
    """)
steps("a namespace's labels change",
      step(FROM_LABELLED_NS, "no * x/a"),
      step(FROM_LABELLED_NS, "no * x/a\nyes y/* x/a",
           namespaces=NAMESPACES.replace('{ns: "y"}', '{ns: "y", ns2: updated}')),
      step(FROM_LABELLED_NS, "no * x/a"))
FROM_LABELLED_POD = pol("""
    podSelector: {matchLabels: {pod: a}}
    ingress: [{from: [{podSelector: {matchLabels: {pod: b, pod2: updated}}}]}]
    """)
steps("a peer's labels change",
      step(FROM_LABELLED_POD, "no * x/a"),
      step(FROM_LABELLED_POD, "no * x/a\nyes x/b x/a", relabel={"x/b": {"pod2": "updated"}}),
      step(FROM_LABELLED_POD, "no * x/a", relabel={"x/b": {}}))
LABELLED_SUBJECT = pol("podSelector: {matchLabels: {target: isolated}}")
steps("a subject's labels change",
      step(LABELLED_SUBJECT, ""),
      step(LABELLED_SUBJECT, "no * x/a", relabel={"x/a": {"target": "isolated"}}),
      step(LABELLED_SUBJECT, "", relabel={"x/a": {}}))
