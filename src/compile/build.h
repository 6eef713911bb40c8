/* SPDX-License-Identifier: GPL-2.0-or-later */
/* build.h - rules, chains and sets, written down statement by statement. */
#pragma once

#include "base/addr.h"
#include "base/vec.h"
#include "compile/ruleset.h"

/** Rules of a chain under way, and the statements of its next rule. */
struct builder {
	VEC(struct ruleset_rule) rules;
	VEC(struct stmt) stmts;
};

void builder_fini(struct builder *b);

/* Statements; each is appended to the rule under way. */
void build_match(struct builder *b, enum field field, const void *value);
void build_match_u8(struct builder *b, enum field field, uint8_t value);
void build_match_not_u8(struct builder *b, enum field field, uint8_t value);
/** (field & mask) == value, each in the field's length and order. */
void build_match_masked(struct builder *b, enum field field, const void *mask,
			const void *value, bool negate);
/** ct state: any of the NF_CT_STATE_BIT()s of @bits. */
void build_ct_state(struct builder *b, uint32_t bits);
/** meta nfproto ipv4 or ipv6, before a field of that family. */
void build_family(struct builder *b, uint8_t family);
void build_lookup(struct builder *b, const char *set, bool negate,
		  struct field_list key);
void build_vmap(struct builder *b, const char *map, struct field_list key);
void build_update(struct builder *b, const char *set, bool refresh,
		  struct field_list key);
/** The same for a set that does not count: refresh, or add. */
void build_remember(struct builder *b, const char *set, struct field_list key);
/** Refresh, and go on only when more than @burst packets, and @rate a second
 *  after them, have had this key. */
void build_update_over(struct builder *b, const char *set, uint32_t rate,
		       uint32_t burst, struct field_list key);
/** @name NULL: the rule's own counter. */
void build_counter(struct builder *b, const char *name);
/** @group: one of RULESET_NFLOG_. */
void build_log(struct builder *b, uint16_t group, const char *prefix,
	       uint32_t snaplen);
void build_reject(struct builder *b, bool tcp_reset);
void build_verdict(struct builder *b, enum verdict_kind kind,
		   const char *chain);

#define FIELDS(...)                                      \
	((struct field_list){                            \
		.n = sizeof((uint8_t[]){ __VA_ARGS__ }), \
		.fields = { __VA_ARGS__ },               \
	})

/** Saddr or daddr of @family. */
enum field build_addr_field(uint8_t family, bool source);

/** End the rule under way. */
void build_rule(struct builder *b);
/** build_verdict() and build_rule(). */
void build_rule_verdict(struct builder *b, enum verdict_kind kind,
			const char *chain);

/** A chain of the rules so far, which the builder forgets. */
struct ruleset_chain *build_chain(struct builder *b, const char *name,
				  const char *comment);
/** The same, called PREFIX_ and the hash of its comment and its rules. */
struct ruleset_chain *build_hashed_chain(struct builder *b, const char *prefix,
					 const char *comment);
struct ruleset_chain *build_base_chain(struct builder *b, const char *name,
				       enum ruleset_hook hook, int priority);

/** An empty set of @n key types. */
struct ruleset_set *build_set(const char *name, const char *comment,
			      unsigned flags, size_t n,
			      const enum ruleset_type *types);
/** A set that packets fill, with the first @n fields of source and destination
 *  address, protocol, and two ports; an element goes after @timeout_ms. */
struct ruleset_set *build_tuple_set(const char *name, uint8_t family, size_t n,
				    uint64_t timeout_ms);
/**
 * Take @n keys (pairs for an interval set), already in the set's layout.
 * Sorted here unless @sorted; duplicates are dropped, the first one counts.
 */
void build_set_fill(struct ruleset_set *set, size_t n, const void *keys,
		    const struct verdict *verdicts, bool sorted);

/** Offset of the next key field behind one of @type: multiples of four. */
static inline unsigned build_padded(enum ruleset_type type)
{
	return (type_info(type)->len + 3U) & ~3U;
}

/** PREFIX_ and the hash of @content as a name. */
void build_name(char name[static RULESET_NAME], const char *prefix,
		const char *content);

struct verdict build_goto(const char *chain);
#define VERDICT(k) ((struct verdict){ .kind = (k) })
