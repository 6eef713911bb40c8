# SPDX-License-Identifier: GPL-2.0-or-later
"""netpol.py - NetworkPolicy documents for tests, short enough to read."""
import json


def labels(**match):
    """A peer or selector: containers of the policy's own namespace with these."""
    return {"podSelector": {"matchLabels": match}}


def namespaces(**match):
    """A peer: every container of the namespaces with these labels."""
    return {"namespaceSelector": {"matchLabels": match}}


def block(cidr, *excepted):
    """A peer: addresses."""
    return {"ipBlock": {"cidr": cidr, **({"except": list(excepted)} if excepted else {})}}


def port(number, protocol="TCP"):
    return {"port": number, "protocol": protocol}


def ingress(*peers, ports=()):
    """A rule; without peers from anywhere, without ports for everything."""
    return {**({"from": list(peers)} if peers else {}),
            **({"ports": list(ports)} if ports else {})}


def egress(*peers, ports=()):
    return {**({"to": list(peers)} if peers else {}),
            **({"ports": list(ports)} if ports else {})}


def policy(name, select=None, ingress_rules=None, egress_rules=None, namespace=None):
    """JSON text, which is YAML. A direction whose rules are None is left alone;
    @select is a dict of labels, None all containers."""
    types = [t for t, rules in (("Ingress", ingress_rules), ("Egress", egress_rules))
             if rules is not None]
    spec = {"podSelector": {"matchLabels": select} if select else {}, "policyTypes": types}
    if ingress_rules is not None:
        spec["ingress"] = ingress_rules
    if egress_rules is not None:
        spec["egress"] = egress_rules
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return json.dumps({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
                       "metadata": metadata, "spec": spec}, indent=1)


def documents(*texts):
    """Several in one file."""
    return "\n---\n".join(texts)


# Only containers labelled app=client reach the one labelled app=web.
CLIENT_TO_WEB = policy("web", {"app": "web"}, ingress_rules=[ingress(labels(app="client"))])
