/* SPDX-License-Identifier: GPL-2.0-or-later */
/* host.h - a network namespace of the test's own, and rulesets by hand. */
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "compile/build.h"
#include "compile/print.h"
#include "firewall/firewall.h"

/* Every test of a program starts in an empty namespace. */
static inline int enter_namespace(void **state)
{
	(void)state;
	if (geteuid() != 0) {
		fprintf(stderr,
			"these tests need root (a network namespace)\n");
		return -1;
	}
	return unshare(CLONE_NEWNET);
}

/* What @command prints, its errors included; "status N" is appended when it
 * fails. The caller frees it. */
static inline char *run(const char *command)
{
	struct buf text = BUF_INIT(64 << 20);
	_cleanup_(freep) char *line = xasprintf("( %s ) 2>&1", command);
	FILE *f = popen(line, "r");
	char bytes[4096];
	size_t n;
	int status;

	assert_non_null(f);
	buf_adds(&text, "");
	while ((n = fread(bytes, 1, sizeof(bytes), f)) > 0)
		buf_add(&text, bytes, n);
	status = pclose(f);
	if (status)
		buf_addf(&text, "status %d\n", status);
	return buf_take(&text);
}

/* The same, kept until the next call. */
static inline const char *run_kept(const char *command)
{
	static char *text;

	free(text);
	text = run(command);
	return text;
}

static inline void run_ok(const char *command)
{
	_cleanup_(freep) char *text = run(command);

	if (strstr(text, "status "))
		fail_msg("%s: %s", command, text);
}

static inline void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

/* ---- rulesets ---------------------------------------------------------- */

static inline struct ruleset *new_ruleset(void)
{
	struct ruleset *r = xnew(struct ruleset);

	r->refs = 1;
	return r;
}

/* Each insertion keeps the order by name, as the IR wants it. */
static inline void add_chain(struct ruleset *r, enum ruleset_table table,
			     struct ruleset_chain *chain)
{
	struct ruleset_part *part = &r->parts[table];
	size_t i = part->nchains++;

	part->chains = xreallocarray(part->chains, part->nchains,
				     sizeof(*part->chains));
	for (; i && strcmp(part->chains[i - 1]->name, chain->name) > 0; i--)
		part->chains[i] = part->chains[i - 1];
	part->chains[i] = chain;
}

static inline void add_set(struct ruleset *r, enum ruleset_table table,
			   struct ruleset_set *set)
{
	struct ruleset_part *part = &r->parts[table];
	size_t i = part->nsets++;

	part->sets =
		xreallocarray(part->sets, part->nsets, sizeof(*part->sets));
	for (; i && strcmp(part->sets[i - 1]->name, set->name) > 0; i--)
		part->sets[i] = part->sets[i - 1];
	part->sets[i] = set;
}

static inline void add_counter(struct ruleset *r, enum ruleset_table table,
			       const char *name)
{
	struct ruleset_part *part = &r->parts[table];
	size_t i = part->ncounters++;

	part->counters =
		xreallocarray(part->counters, part->ncounters, RULESET_NAME);
	for (; i && strcmp(part->counters[i - 1], name) > 0; i--)
		memcpy(part->counters[i], part->counters[i - 1], RULESET_NAME);
	snprintf(part->counters[i], RULESET_NAME, "%s", name);
}

/* Another ruleset with the same objects, as the compiler makes it. */
static inline struct ruleset *copy_ruleset(const struct ruleset *r)
{
	struct ruleset *copy = new_ruleset();

	for (int t = 0; t < TABLE_COUNT; t++) {
		const struct ruleset_part *part = &r->parts[t];

		for (size_t i = 0; i < part->nchains; i++)
			add_chain(copy, (enum ruleset_table)t,
				  ruleset_chain_ref(part->chains[i]));
		for (size_t i = 0; i < part->nsets; i++)
			add_set(copy, (enum ruleset_table)t,
				ruleset_set_ref(part->sets[i]));
		for (size_t i = 0; i < part->ncounters; i++)
			add_counter(copy, (enum ruleset_table)t,
				    part->counters[i]);
	}
	return copy;
}

/* Put @set in the place of the one of its name. */
static inline void replace_set(struct ruleset *r, enum ruleset_table table,
			       struct ruleset_set *set)
{
	struct ruleset_part *part = &r->parts[table];

	for (size_t i = 0; i < part->nsets; i++) {
		if (strcmp(part->sets[i]->name, set->name))
			continue;
		ruleset_set_unref(part->sets[i]);
		part->sets[i] = set;
		return;
	}
	fail_msg("no set %s", set->name);
}

static inline void replace_chain(struct ruleset *r, enum ruleset_table table,
				 struct ruleset_chain *chain)
{
	struct ruleset_part *part = &r->parts[table];

	for (size_t i = 0; i < part->nchains; i++) {
		if (strcmp(part->chains[i]->name, chain->name))
			continue;
		ruleset_chain_unref(part->chains[i]);
		part->chains[i] = chain;
		return;
	}
	fail_msg("no chain %s", chain->name);
}

static inline void remove_chain(struct ruleset *r, enum ruleset_table table,
				const char *name)
{
	struct ruleset_part *part = &r->parts[table];

	for (size_t i = 0; i < part->nchains; i++) {
		if (strcmp(part->chains[i]->name, name))
			continue;
		ruleset_chain_unref(part->chains[i]);
		part->nchains--;
		memmove(part->chains + i, part->chains + i + 1,
			(part->nchains - i) * sizeof(*part->chains));
		return;
	}
	fail_msg("no chain %s", name);
}

#define TYPES(...)                                          \
	ARRAY_SIZE(((enum ruleset_type[]){ __VA_ARGS__ })), \
		(const enum ruleset_type[])                 \
	{                                                   \
		__VA_ARGS__                                 \
	}

static inline struct verdict jump_to(const char *chain)
{
	struct verdict v = { .kind = VERDICT_JUMP };

	snprintf(v.chain, sizeof(v.chain), "%s", chain);
	return v;
}

/* ---- applying ---------------------------------------------------------- */

static inline struct firewall *open_firewall(bool own)
{
	struct firewall_options options = { .own_tables = own };
	struct firewall *fw = NULL;

	assert_int_equal(firewall_open(&options, &fw), 0);
	return fw;
}

static inline struct firewall_result apply(struct firewall *fw,
					   struct ruleset *r)
{
	struct firewall_result result;
	int e = firewall_apply(fw, r, &result);

	if (e < 0)
		fail_msg("apply: %d: %s", e, result.error);
	assert_string_equal(result.error, "");
	return result;
}

/* ---- a ruleset of the shape that the compiler makes -------------------- */

static inline struct ruleset_set *ipv4_set(const char *name, unsigned flags,
					   size_t n, const void *keys,
					   const struct verdict *verdicts)
{
	struct ruleset_set *set =
		build_set(name, NULL, flags, TYPES(TYPE_IPV4));

	build_set_fill(set, n, keys, verdicts, false);
	return set;
}

static inline struct ruleset_set *ports_map(void)
{
	struct ruleset_set *set =
		build_set("ports", NULL, SET_VMAP, TYPES(TYPE_SERVICE));

	build_set_fill(set, 1, "\0\x50",
		       (struct verdict[]){ build_goto("leaf") }, false);
	return set;
}

static inline struct ruleset_chain *forward_chain(void)
{
	_cleanup_(builder_fini) struct builder b = { 0 };

	build_ct_state(&b, 6);
	build_rule_verdict(&b, VERDICT_ACCEPT, NULL);
	build_family(&b, AF_INET);
	build_vmap(&b, "dispatch", FIELDS(FIELD_IP_DADDR));
	build_rule(&b);
	return build_base_chain(&b, "forward", HOOK_FORWARD, -10);
}

static inline struct ruleset_chain *class_chain(void)
{
	_cleanup_(builder_fini) struct builder b = { 0 };

	build_match_u8(&b, FIELD_L4PROTO, IPPROTO_TCP);
	build_vmap(&b, "ports", FIELDS(FIELD_TH_DPORT));
	build_rule(&b);
	build_counter(&b, "denied");
	build_rule_verdict(&b, VERDICT_DROP, NULL);
	return build_chain(&b, "class", "team/web");
}

static inline struct ruleset_chain *leaf_chain(void)
{
	_cleanup_(builder_fini) struct builder b = { 0 };

	build_family(&b, AF_INET);
	build_lookup(&b, "peers", false, FIELDS(FIELD_IP_SADDR));
	build_rule_verdict(&b, VERDICT_ACCEPT, NULL);
	build_family(&b, AF_INET);
	build_lookup(&b, "cidrs", false, FIELDS(FIELD_IP_SADDR));
	build_rule_verdict(&b, VERDICT_ACCEPT, NULL);
	build_counter(&b, "denied");
	build_rule_verdict(&b, VERDICT_DROP, NULL);
	return build_chain(&b, "leaf", NULL);
}

/* Messages: table, 3 chains, counter, 4 sets, 4 of elements, 7 rules. */
#define SMALL_OBJECTS  20
#define SMALL_ELEMENTS 7

static inline struct ruleset *small_ruleset(void)
{
	struct ruleset *r = new_ruleset();

	add_chain(r, TABLE_INET, forward_chain());
	add_chain(r, TABLE_INET, class_chain());
	add_chain(r, TABLE_INET, leaf_chain());
	add_counter(r, TABLE_INET, "denied");
	add_set(r, TABLE_INET, ports_map());
	add_set(r, TABLE_INET,
		ipv4_set("peers", 0, 2, "\x0a\0\0\x03\x0a\0\0\x04", NULL));
	add_set(r, TABLE_INET,
		ipv4_set("cidrs", SET_INTERVAL, 2,
			 "\x0a\x01\0\0\x0a\x01\xff\xff"
			 "\x0a\x02\0\0\x0a\x02\xff\xff",
			 NULL));
	add_set(r, TABLE_INET,
		ipv4_set("dispatch", SET_VMAP, 2, "\x0a\0\0\x02\x0a\0\0\x05",
			 (struct verdict[]){ build_goto("class"),
					     VERDICT(VERDICT_ACCEPT) }));
	return r;
}

/* The kernel has exactly @r: reading it finds nothing to change. */
static inline void assert_in_force(struct ruleset *r)
{
	struct firewall *fw = open_firewall(false);
	struct firewall_result result = apply(fw, r);

	assert_false(result.changed);
	assert_int_equal(result.objects, 0);
	assert_true(result.generation > 0);
	firewall_close(fw);
}
