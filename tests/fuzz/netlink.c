/* SPDX-License-Identifier: GPL-2.0-or-later */
/* netlink.c - fuzz the reading of our tables: arbitrary bytes as the kernel's
 * answer to a dump, compared with a small wanted ruleset. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "compile/build.h"
#include "firewall/diff.h"
#include "firewall/element.h"
#include "firewall/snapshot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One object of each kind, by names that the kept inputs use. */
static struct ruleset *wanted(void)
{
	static const enum ruleset_type types[] = { TYPE_IPV4 };
	static struct ruleset_set *sets[3];
	static struct ruleset_chain *chains[1];
	static char counters[1][RULESET_NAME] = { "denied" };
	static struct ruleset r = { .refs = 1 };
	struct builder b = { 0 };

	if (r.parts[TABLE_INET].nchains)
		return &r;
	sets[0] = build_set("cidrs", NULL, SET_INTERVAL, 1, types);
	sets[1] = build_set("dispatch", NULL, SET_VMAP, 1, types);
	sets[2] = build_set("peers", NULL, 0, 1, types);
	build_ct_state(&b, 6);
	build_rule_verdict(&b, VERDICT_ACCEPT, NULL);
	build_family(&b, AF_INET);
	build_vmap(&b, "dispatch", FIELDS(FIELD_IP_DADDR));
	build_rule(&b);
	chains[0] = build_base_chain(&b, "forward", HOOK_FORWARD, -10);
	builder_fini(&b);
	r.parts[TABLE_INET] = (struct ruleset_part){
		.nchains = 1,
		.nsets = 3,
		.ncounters = 1,
		.chains = chains,
		.sets = sets,
		.counters = counters,
	};
	return &r;
}

static int count_element(const struct fw_element *element, void *arg)
{
	*(size_t *)arg += element->key_len;
	return 0;
}

static int each_message(const struct nlmsghdr *nlh, void *arg)
{
	size_t bytes = 0;

	fw_elements_parse(nlh, count_element, &bytes);
	return fw_seen_message(nlh, arg);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(freep) uint8_t *copy = xcalloc(size + 1, 1);
	_cleanup_(fw_state_fini) struct fw_state state = { 0 };
	_cleanup_(fw_seen_fini) struct fw_seen seen = { 0 };
	struct fw_diff diff = { 0 };
	uint32_t seq = 0;

	if (size > FW_RECEIVE)
		return 0;
	if (size)
		memcpy(copy, data, size);
	/* The numbers of an answer's messages are its request's. */
	if (size >= sizeof(struct nlmsghdr))
		seq = ((const struct nlmsghdr *)(const void *)copy)->nlmsg_seq;
	fw_messages(copy, size, seq, each_message, &seen);
	fw_snapshot_conclude(&seen, wanted(), &state);
	fw_diff_make(&state.ruleset->parts[TABLE_INET],
		     &wanted()->parts[TABLE_INET], &diff);
	fw_diff_fini(&diff);
	return 0;
}
