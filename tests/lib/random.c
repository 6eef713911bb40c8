/* SPDX-License-Identifier: GPL-2.0-or-later */
/* random.c - policies and labels by chance, the same again for a seed. */
#include "random.h"

#include <string.h>

#include "base/alloc.h"

static const char *const namespaces[] = { "default", "shop", "lab" };
static const char *const blocks[] = {
	"0.0.0.0/0 10.71.0.0/16 10.73.0.2/32",
	"10.71.0.0/16 10.71.0.0/30 10.71.0.3/32",
	"10.71.0.0/29 10.71.0.2/31",
	"10.71.0.4/30",
	"10.71.0.2/32",
	"10.71.0.4/32",
	"10.72.0.0/24 10.72.0.3/32",
	"10.73.0.2/32",
	"10.64.0.0/10 10.72.0.0/16 10.71.0.5/32",
	"192.0.2.0/24",
	"::/0 fd71::/32",
	"fd71::/32 fd71::4/126 fd71::2/128",
	"fd71::/64 fd71::3/128",
	"fd71::2/128",
	"fd72::/64",
	"fd73::2/128",
};
static const uint16_t ports[] = { 53, 80, 443, 8080 };
static const char *const names[] = { "http", "dns", "admin", "nobody" };

const struct vocabulary random_vocabulary = {
	.namespaces = namespaces,
	.nnamespaces = ARRAY_SIZE(namespaces),
	.blocks = blocks,
	.nblocks = ARRAY_SIZE(blocks),
	.ports = ports,
	.nports = ARRAY_SIZE(ports),
	.names = names,
	.nnames = ARRAY_SIZE(names),
};

uint64_t rng_next(struct rng *rng)
{
	uint64_t z = rng->state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

unsigned rng_below(struct rng *rng, unsigned n)
{
	return (unsigned)((rng_next(rng) >> 32) * n >> 32);
}

bool rng_chance(struct rng *rng, unsigned percent)
{
	return rng_below(rng, 100) < percent;
}

#define PICK(rng, list) ((list)[rng_below(rng, ARRAY_SIZE(list))])

/* ---- labels and selectors ---------------------------------------------- */

struct key {
	const char *name;
	const char *values[3];
};

static const struct key pod_keys[] = {
	{ "app", { "web", "api", "db" } },
	{ "tier", { "front", "back", "back" } },
	{ "env", { "dev", "prod", "" } },
};
static const struct key namespace_keys[] = {
	{ "team", { "red", "blue", "blue" } },
	{ "kubernetes.io/metadata.name", { "default", "shop", "lab" } },
	{ "purpose", { "test", "x", "y" } },
};

void random_labels(struct rng *rng, struct buf *to)
{
	const char *separator = "";

	buf_adds(to, "{");
	for (size_t i = 0; i < ARRAY_SIZE(pod_keys); i++) {
		if (rng_chance(rng, 25))
			continue;
		buf_addf(to, "%s%s: \"%s\"", separator, pod_keys[i].name,
			 PICK(rng, pod_keys[i].values));
		separator = ", ";
	}
	buf_adds(to, "}");
}

static void random_expression(struct rng *rng, const struct key *key,
			      struct buf *to)
{
	static const char *const operators[] = { "In", "NotIn", "Exists",
						 "DoesNotExist" };
	unsigned op = rng_below(rng, 4);

	buf_addf(to, "{key: %s, operator: %s", key->name, operators[op]);
	if (op < 2) {
		buf_addf(to, ", values: [\"%s\"", key->values[0]);
		if (rng_chance(rng, 50))
			buf_addf(to, ", \"%s\"", key->values[1]);
		buf_adds(to, "]");
	}
	buf_adds(to, "}");
}

static void random_selector(struct rng *rng, const struct key keys[static 3],
			    struct buf *to)
{
	const struct key *key = &keys[rng_below(rng, 3)];

	switch (rng_below(rng, 8)) {
	case 0:
		buf_adds(to, "{}");
		break;
	case 1:
	case 2:
	case 3:
	case 4:
		buf_addf(to, "{matchLabels: {%s: \"%s\"}}", key->name,
			 PICK(rng, key->values));
		break;
	case 5:
		buf_addf(to, "{matchLabels: {%s: \"%s\", %s: \"%s\"}}",
			 keys[0].name, PICK(rng, keys[0].values), keys[1].name,
			 PICK(rng, keys[1].values));
		break;
	case 6:
		buf_adds(to, "{matchExpressions: [");
		random_expression(rng, key, to);
		buf_adds(to, "]}");
		break;
	default:
		buf_addf(to, "{matchLabels: {%s: \"%s\"}, matchExpressions: [",
			 keys[0].name, PICK(rng, keys[0].values));
		random_expression(rng, &keys[1], to);
		buf_adds(to, "]}");
	}
}

/* ---- rules ------------------------------------------------------------- */

static void random_block(struct rng *rng, const struct vocabulary *v,
			 struct buf *to)
{
	_cleanup_(freep) char *text =
		xstrdup(v->blocks[rng_below(rng, (unsigned)v->nblocks)]);
	char *rest = text, *except;
	const char *separator = ", except: [";

	buf_addf(to, "{ipBlock: {cidr: \"%s\"", strsep(&rest, " "));
	while ((except = strsep(&rest, " "))) {
		if (!rng_chance(rng, 50))
			continue;
		buf_addf(to, "%s\"%s\"", separator, except);
		separator = ", ";
	}
	buf_adds(to, separator[2] ? "}}" : "]}}");
}

static void random_peer(struct rng *rng, const struct vocabulary *v,
			struct buf *to)
{
	unsigned kind = rng_below(rng, 4);

	if (kind == 0) {
		random_block(rng, v, to);
		return;
	}
	buf_adds(to, "{");
	if (kind & 1) {
		buf_adds(to, "podSelector: ");
		random_selector(rng, pod_keys, to);
	}
	if (kind & 2) {
		buf_adds(to, kind & 1 ? ", namespaceSelector: "
				      : "namespaceSelector: ");
		random_selector(rng, namespace_keys, to);
	}
	buf_adds(to, "}");
}

static void random_port(struct rng *rng, const struct vocabulary *v,
			struct buf *to)
{
	static const char *const protocols[] = { "TCP", "TCP", "UDP", "SCTP" };
	const char *proto = PICK(rng, protocols);
	unsigned first = rng_below(rng, (unsigned)v->nports);
	unsigned last = first + rng_below(rng, (unsigned)v->nports - first);

	switch (rng_below(rng, 8)) {
	case 0: /* protocol only; TCP when that is missing too */
		buf_addf(to, strcmp(proto, "TCP") ? "{protocol: %s}" : "{}",
			 proto);
		break;
	case 1:
	case 2:
	case 3:
		buf_addf(to, "{protocol: %s, port: %s}", proto,
			 v->names[rng_below(rng, (unsigned)v->nnames)]);
		break;
	case 4:
		buf_addf(to, "{protocol: %s, port: %u, endPort: %u}", proto,
			 v->ports[first], v->ports[last]);
		break;
	default:
		buf_addf(to, "{protocol: %s, port: %u}", proto,
			 v->ports[first]);
	}
}

static void random_rule(struct rng *rng, const struct vocabulary *v,
			const char *peers, struct buf *to)
{
	/* Few rules for everybody, which would hide all others. */
	unsigned npeers = rng_chance(rng, 10) ? 0 : 1 + rng_below(rng, 3);
	unsigned nports = rng_chance(rng, 15) ? 0 : 1 + rng_below(rng, 4);

	buf_adds(to, "  - ");
	/* `from: []`, a missing one and `from: null` are all "anybody". */
	if (npeers || rng_chance(rng, 30)) {
		buf_addf(to, "%s: [", peers);
		for (unsigned i = 0; i < npeers; i++) {
			buf_adds(to, i ? ",\n      " : "");
			random_peer(rng, v, to);
		}
		buf_adds(to, "]\n");
	} else {
		buf_addf(to, "%s:\n", peers);
	}
	if (!nports)
		return;
	buf_adds(to, "    ports: [");
	for (unsigned i = 0; i < nports; i++) {
		buf_adds(to, i ? ", " : "");
		random_port(rng, v, to);
	}
	buf_adds(to, "]\n");
}

static void random_rules(struct rng *rng, const struct vocabulary *v,
			 const char *direction, const char *peers,
			 struct buf *to)
{
	unsigned n = rng_below(rng, 5);

	if (rng_chance(rng, 5)) { /* everything */
		buf_addf(to, "  %s: [{}]\n", direction);
		return;
	}
	buf_addf(to, n ? "  %s:\n" : "  %s: []\n", direction);
	for (unsigned i = 0; i < n; i++)
		random_rule(rng, v, peers, to);
}

/* ---- policies ---------------------------------------------------------- */

const char *random_namespace(struct rng *rng, const struct vocabulary *v)
{
	return v->namespaces[rng_below(rng, (unsigned)v->nnamespaces)];
}

static void random_policy(struct rng *rng, const struct vocabulary *v,
			  unsigned number, struct buf *to)
{
	static const char *const types[] = { "", "", "[Ingress]", "[Egress]",
					     "[Ingress, Egress]" };
	const char *type = PICK(rng, types);

	buf_addf(to,
		 "---\napiVersion: networking.k8s.io/v1\n"
		 "kind: NetworkPolicy\n"
		 "metadata: {name: p%u, namespace: %s}\nspec:\n"
		 "  podSelector: ",
		 number, random_namespace(rng, v));
	random_selector(rng, pod_keys, to);
	buf_adds(to, "\n");
	if (*type)
		buf_addf(to, "  policyTypes: %s\n", type);
	if (rng_chance(rng, 75))
		random_rules(rng, v, "ingress", "from", to);
	if (rng_chance(rng, 65))
		random_rules(rng, v, "egress", "to", to);
}

void random_policies(struct rng *rng, const struct vocabulary *v, unsigned n,
		     struct buf *to)
{
	for (size_t i = 0; i < v->nnamespaces; i++) {
		if (rng_chance(rng, 30))
			continue;
		buf_addf(to,
			 "---\napiVersion: v1\nkind: Namespace\n"
			 "metadata: {name: %s, labels: {team: %s}}\n",
			 v->namespaces[i],
			 namespace_keys[0].values[rng_below(rng, 2)]);
	}
	for (unsigned i = 0; i < n; i++)
		random_policy(rng, v, i, to);
	if (!n) /* an empty file is fine too, but never no document */
		buf_adds(to, "---\n");
}

void random_named_ports(struct rng *rng, const struct vocabulary *v,
			struct buf *to)
{
	static const char *const protocols[] = { "tcp", "tcp", "udp", "sctp" };
	const char *separator = "";

	/* The last name is nobody's. */
	for (size_t i = 0; i + 1 < v->nnames; i++) {
		if (rng_chance(rng, 40))
			continue;
		buf_addf(to, "%s%s=%u/%s", separator, v->names[i],
			 v->ports[rng_below(rng, (unsigned)v->nports)],
			 PICK(rng, protocols));
		separator = ",";
	}
}
