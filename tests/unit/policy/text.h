/* SPDX-License-Identifier: GPL-2.0-or-later */
/* text.h - policies as text, and the diagnostics of a manifest. */
#pragma once

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buf.h"
#include "policy/policy.h"

static inline void text_port(struct buf *to, const struct policy_port *port)
{
	buf_adds(to, port->proto == IPPROTO_TCP	  ? "tcp"
		     : port->proto == IPPROTO_UDP ? "udp"
						  : "sctp");
	if (port->name)
		buf_addf(to, "/%s", port->name);
	else if (port->end != port->port)
		buf_addf(to, "/%u-%u", port->port, port->end);
	else if (port->port)
		buf_addf(to, "/%u", port->port);
}

static inline void text_selector(struct buf *to, const char *what,
				 const struct selector *s)
{
	_cleanup_(freep) char *text = s ? selector_format(s) : NULL;

	if (s)
		buf_addf(to, "%s(%s)", what, text);
}

static inline void text_peer(struct buf *to, const struct policy_peer *peer)
{
	char text[PREFIX_STRLEN];

	if (addr_is_set(&peer->cidr.addr))
		buf_adds(to, prefix_format(&peer->cidr, text));
	vec_foreach(except, &peer->except)
		buf_addf(to, "-%s", prefix_format(except, text));
	text_selector(to, "ns", peer->namespaces);
	text_selector(to, "pods", peer->pods);
}

static inline void text_rule(struct buf *to, const char *direction,
			     const struct policy_rule *rule)
{
	buf_addf(to, " %s[", direction);
	for (size_t i = 0; i < rule->ports.len; i++) {
		buf_adds(to, i ? "," : "");
		text_port(to, &rule->ports.data[i]);
	}
	buf_adds(to, "|");
	for (size_t i = 0; i < rule->peers.len; i++) {
		buf_adds(to, i ? "," : "");
		text_peer(to, &rule->peers.data[i]);
	}
	buf_adds(to, "]");
}

static inline void text_policy(struct buf *to, const struct policy *p)
{
	buf_addf(to, "%s%s/%s %s%s", to->len ? "; " : "", p->namespace, p->name,
		 p->types & POLICY_INGRESS ? "I" : "",
		 p->types & POLICY_EGRESS ? "E" : "");
	text_selector(to, " ", p->pods);
	vec_foreach(rule, &p->ingress)
		text_rule(to, "in", rule);
	vec_foreach(rule, &p->egress)
		text_rule(to, "out", rule);
}

static inline void text_labels(struct buf *to, const struct label_set *labels)
{
	for (size_t i = 0; i < labels->n; i++)
		buf_addf(to, " %s=%s", labels->labels[i].key,
			 labels->labels[i].value);
}

static inline void text_set(struct buf *to, const struct policy_set *set)
{
	vec_foreach(p, &set->policies)
		text_policy(to, *p);
	vec_foreach(ns, &set->namespaces) {
		buf_addf(to, "%s%s:", to->len ? "; " : "", (*ns)->name);
		text_labels(to, (*ns)->labels);
	}
}

/* The diagnostics of @text, one a line, then its objects. */
static inline char *manifest_text(const char *text)
{
	_cleanup_(policy_set_unrefp) struct policy_set *set = NULL;
	_cleanup_(diag_fini) struct diag_list diag = { 0 };
	_cleanup_(buf_fini) struct buf objects = BUF_INIT(BUF_UNBOUNDED);
	struct buf to = BUF_INIT(BUF_UNBOUNDED);
	char line[2048];
	int r = policy_parse(slice_of(text), "f", &diag, &set);

	assert_int_equal(r<0, diag.errors> 0);
	vec_foreach(d, &diag.entries)
		buf_addf(&to, "%s\n", diag_format(d, line, sizeof(line)));
	if (set)
		text_set(&objects, set);
	buf_adds(&to, buf_str(&objects));
	return buf_take(&to);
}

static inline void check(const char *text, const char *expected)
{
	_cleanup_(freep) char *got = manifest_text(text);

	assert_string_equal(got, expected);
}

/* A policy default/p whose spec is @spec, from line 4 and column 3 on. */
static inline void check_spec(const char *spec, const char *expected)
{
	_cleanup_(freep) char *text = xasprintf(
		"{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy,\n"
		" metadata: {name: p},\n"
		" spec:\n"
		"  %s}\n",
		spec);

	check(text, expected);
}
