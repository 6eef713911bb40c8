/* SPDX-License-Identifier: GPL-2.0-or-later */
/* random.c - from any ruleset to any other.
 *
 * A walk over random rulesets that share names and objects: sets that appear,
 * go, are declared anew or change in their elements, chains that jump to each
 * other. After each step a fresh reader must find the kernel as wanted, and
 * now and then nft's listing must be that of the printed ruleset loaded into
 * an empty namespace.
 */
#include "host.h"

#define CHAINS	8
#define SETS	6
#define STEPS	400
#define SCRATCH "/tmp/bulkhead-test-random.nft"

/* Chains of the first half use the maps; their elements go to the second. */
#define LEAVES (CHAINS / 2)

struct walk {
	struct ruleset *r;
	bool chains[CHAINS], sets[SETS]; /* present in the next step */
};

static unsigned pick(unsigned n)
{
	return (unsigned)random() % n;
}

static char *name_of(char kind, unsigned i)
{
	static char name[4][8];
	static unsigned next;
	char *text = name[next++ % 4];

	snprintf(text, 8, "%c%u", kind, i);
	return text;
}

static struct verdict random_verdict(const struct walk *w)
{
	unsigned i = LEAVES + pick(CHAINS - LEAVES);

	if (!w->chains[i] || !pick(4))
		return pick(2) ? VERDICT(VERDICT_ACCEPT)
			       : VERDICT(VERDICT_DROP);
	return pick(2) ? jump_to(name_of('c', i)) : build_goto(name_of('c', i));
}

/* Disjoint ranges of the ports or of 256 addresses; some touch, and the first
 * and the last address are often in. */
static size_t random_ranges(uint8_t *keys, unsigned width)
{
	unsigned at = pick(4) ? pick(30) : 0;
	size_t n = 0;

	while (at < 256 && n < 40) {
		unsigned last = at + pick(12) * pick(2);
		uint8_t *first = keys + n++ * 2 * width;

		last = last > 255 || !pick(20) ? 255 : last;
		memset(first, (int)at, width);
		memset(first + width, (int)last, width);
		at = last + 1 + pick(10) * pick(2);
	}
	return n;
}

static size_t random_keys(uint8_t *keys, unsigned width)
{
	size_t n = pick(40);

	for (size_t i = 0; i < n; i++)
		memset(keys + i * width, (int)pick(50), width);
	/* Padding of a concatenation's protocol and port is zero. */
	for (size_t i = 0; width == 12 && i < n; i++) {
		memset(keys + i * width + 5, 0, 3);
		memset(keys + i * width + 10, 0, 2);
	}
	return n;
}

static struct ruleset_set *random_set(const struct walk *w, unsigned i)
{
	static const char *const comments[] = { NULL, NULL, NULL, "a", "b" };
	const char *comment = comments[pick(ARRAY_SIZE(comments))];
	const char *name = name_of('s', i);
	struct verdict verdicts[64];
	uint8_t keys[2048];
	struct ruleset_set *set;
	unsigned flags = (i == 1 || i == 4 ? SET_INTERVAL : 0) |
			 (i >= 3 ? SET_VMAP : 0);
	size_t n;

	if (i == 2)
		set = build_set(name, comment, flags,
				TYPES(TYPE_IPV4, TYPE_PROTO, TYPE_SERVICE));
	else if (i == 4)
		set = build_set(name, comment, flags, TYPES(TYPE_SERVICE));
	else
		set = build_set(name, comment, flags, TYPES(TYPE_IPV4));
	n = flags & SET_INTERVAL ? random_ranges(keys, set->key_len)
				 : random_keys(keys, set->key_len);
	for (size_t j = 0; j < n; j++)
		verdicts[j] = random_verdict(w);
	build_set_fill(set, n, keys, flags & SET_VMAP ? verdicts : NULL, false);
	return set;
}

static void use_set(struct builder *b, unsigned i)
{
	const char *name = name_of('s', i);

	build_family(b, AF_INET);
	if (i == 2 || i == 4)
		build_match_u8(b, FIELD_L4PROTO, IPPROTO_TCP);
	if (i == 2)
		build_lookup(
			b, name, pick(2),
			FIELDS(FIELD_IP_SADDR, FIELD_L4PROTO, FIELD_TH_DPORT));
	else if (i == 4)
		build_vmap(b, name, FIELDS(FIELD_TH_DPORT));
	else if (i > 2)
		build_vmap(b, name, FIELDS(FIELD_IP_DADDR));
	else
		build_lookup(b, name, pick(2), FIELDS(FIELD_IP_SADDR));
	if (i > 2)
		build_rule(b);
	else
		build_rule_verdict(b, VERDICT_ACCEPT, NULL);
}

static struct ruleset_chain *random_chain(const struct walk *w, unsigned i)
{
	_cleanup_(builder_fini) struct builder b = { 0 };
	unsigned n = pick(6);

	for (unsigned j = 0; j < n; j++) {
		unsigned set = pick(i < LEAVES ? SETS : 3);
		unsigned chain = i + 1 + pick(CHAINS);

		if (chain < CHAINS && w->chains[chain] && pick(2))
			build_rule_verdict(&b, VERDICT_JUMP,
					   name_of('c', chain));
		else if (w->sets[set])
			use_set(&b, set);
		else
			build_rule_verdict(&b, VERDICT_CONTINUE, NULL);
	}
	if (i > 0)
		return build_chain(&b, name_of('c', i), NULL);
	return build_base_chain(&b, "c0", HOOK_FORWARD, pick(50) ? -10 : -20);
}

/* ---- what may stay of the step before ---------------------------------- */

static bool present(const struct walk *w, const char *name)
{
	unsigned i = (unsigned)(name[1] - '0');

	return name[0] == 'c' ? w->chains[i] : w->sets[i];
}

static bool verdict_stands(const struct walk *w, const struct verdict *v)
{
	return (v->kind != VERDICT_JUMP && v->kind != VERDICT_GOTO) ||
	       present(w, v->chain);
}

static bool set_stands(const struct walk *w, const struct ruleset_set *set)
{
	for (size_t i = 0; set->verdicts && i < set->n; i++) {
		if (!verdict_stands(w, &set->verdicts[i]))
			return false;
	}
	return true;
}

static bool chain_stands(const struct walk *w,
			 const struct ruleset_chain *chain)
{
	for (size_t i = 0; i < chain->n; i++) {
		for (size_t j = 0; j < chain->rules[i].n; j++) {
			const struct stmt *s = &chain->rules[i].stmts[j];

			if ((s->kind == STMT_LOOKUP &&
			     !present(w, s->lookup.set)) ||
			    (s->kind == STMT_VMAP &&
			     !present(w, s->vmap.map)) ||
			    (s->kind == STMT_VERDICT &&
			     !verdict_stands(w, &s->verdict)))
				return false;
		}
	}
	return true;
}

static void flip(bool *flags, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		flags[i] ^= !pick(10);
}

/* @calm: most objects stay. */
static void step(struct walk *w, bool calm)
{
	struct ruleset *next = new_ruleset();

	flip(w->chains, CHAINS);
	flip(w->sets, SETS);
	for (unsigned i = 0; i < SETS; i++) {
		struct ruleset_set *had =
			ruleset_find_set(w->r, TABLE_INET, name_of('s', i));

		if (!w->sets[i])
			continue;
		add_set(next, TABLE_INET,
			had && set_stands(w, had) && (calm ? pick(5) : !pick(5))
				? ruleset_set_ref(had)
				: random_set(w, i));
	}
	for (unsigned i = 0; i < CHAINS; i++) {
		struct ruleset_chain *had =
			ruleset_find_chain(w->r, TABLE_INET, name_of('c', i));

		if (!w->chains[i])
			continue;
		add_chain(next, TABLE_INET,
			  had && chain_stands(w, had) &&
					  (calm ? pick(5) : !pick(5))
				  ? ruleset_chain_ref(had)
				  : random_chain(w, i));
	}
	ruleset_unref(w->r);
	w->r = next;
}

/* ---- the test ---------------------------------------------------------- */

static void compare_listing(const struct ruleset *r)
{
	_cleanup_(buf_fini) struct buf text = BUF_INIT(BUF_UNBOUNDED);
	_cleanup_(freep) char *ours = run("nft -s list ruleset | sort");
	_cleanup_(freep) char *theirs = NULL;

	print_ruleset(r, &text);
	write_file(SCRATCH, buf_str(&text));
	theirs = run("unshare -n sh -c 'nft -f " SCRATCH
		     " && nft -s list ruleset' | sort");
	unlink(SCRATCH);
	assert_string_equal(ours, theirs);
}

static void test_walk(void **state)
{
	struct firewall *fw = open_firewall(false);
	struct walk w = { .r = new_ruleset() };
	unsigned changes = 0, messages = 0, elements = 0;

	(void)state;
	srandom(20);
	for (int i = 0; i < STEPS; i++) {
		struct firewall_result result;
		int r;

		step(&w, i % 50 < 40);
		r = firewall_apply(fw, w.r, &result);
		if (r < 0)
			fail_msg("step %d: %s", i, result.error);
		changes += result.changed;
		messages += result.objects;
		elements += result.elements;
		assert_in_force(w.r);
		if (i % 20 == 0)
			compare_listing(w.r);
		if (i % 7 == 0)
			firewall_forget(fw);
	}
	print_message("%u changes, %u messages, %u elements\n", changes,
		      messages, elements);
	ruleset_unref(w.r);
	firewall_close(fw);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_walk, enter_namespace),
	};

	return cmocka_run_group_tests_name("random", tests, NULL, NULL);
}
