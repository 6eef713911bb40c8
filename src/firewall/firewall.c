/* SPDX-License-Identifier: GPL-2.0-or-later */
/* firewall.c - puts a ruleset into force: one netlink transaction per change.
 *
 * What is in force is remembered as the ruleset applied last. The memory is
 * trusted as long as nobody else can have changed our tables: while we own
 * them, or while the generation of the namespace's ruleset is the one that our
 * own transaction made. Otherwise, and after any failure, the kernel is read.
 *
 * Ownership (NFT_TABLE_F_OWNER|PERSIST, Linux 6.9): only our socket may change
 * the tables; when it closes they stay, without an owner, until the next agent
 * adopts them. Owner alone would let them die with the process.
 */
#include "firewall/firewall.h"

#include <endian.h>
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "firewall/batch.h"
#include "firewall/element.h"
#include "firewall/foreign.h"
#include "firewall/netlink.h"
#include "firewall/snapshot.h"
#include "firewall/state.h"
#include "firewall/transaction.h"

/* Applies that others' transactions may overtake before we give up. */
#define ATTEMPTS 16

_Static_assert(sizeof(((struct firewall_result *)0)->error) == FW_ERROR_TEXT,
	       "error texts differ in size");

struct firewall {
	struct fw_netlink *nl;
	struct fw_ownership ownership;
	struct fw_state state;
};

/* ---- opening ----------------------------------------------------------- */

/* Whether the kernel takes OWNER|PERSIST, from a batch that is judged and then
 * dropped, for it lacks its end. */
static bool probe_ownership(struct fw_netlink *nl)
{
	struct fw_object object = { FW_TABLE, TABLE_INET, "probe", 0 };
	_cleanup_(fw_batch_fini) struct fw_batch batch;
	char error[FW_ERROR_TEXT];
	struct nlmsghdr *nlh;

	fw_batch_init(&batch, nl, 0);
	nlh = fw_batch_message(&batch, NFT_MSG_NEWTABLE,
			       NLM_F_CREATE | NLM_F_EXCL, &object);
	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, RULESET_TABLE_NAME "-probe");
	mnl_attr_put_u32(nlh, NFTA_TABLE_FLAGS,
			 htobe32(NFT_TABLE_F_OWNER | NFT_TABLE_F_PERSIST));
	fw_batch_put(&batch, nlh);
	return fw_batch_send(&batch, nl, true, error) == 0;
}

int firewall_open(const struct firewall_options *options, struct firewall **ret)
{
	_cleanup_(firewall_closep) struct firewall *fw = xnew(struct firewall);
	uint32_t generation;
	int r;

	r = fw_netlink_open(&fw->nl);
	if (r < 0)
		return r;
	r = fw_generation(fw->nl, &generation);
	/* nfnetlink answers so for a subsystem that nobody has registered. */
	if (r == -EINVAL || r == -EOPNOTSUPP)
		return -EPROTONOSUPPORT;
	if (r < 0)
		return r;
	fw->ownership.portid = fw->nl->portid;
	fw->ownership.own = options->own_tables && probe_ownership(fw->nl);

	*ret = TAKE_PTR(fw);
	return 0;
}

void firewall_close(struct firewall *fw)
{
	if (!fw)
		return;
	fw_state_fini(&fw->state);
	fw_netlink_close(fw->nl);
	free(fw);
}

void firewall_forget(struct firewall *fw)
{
	fw_state_fini(&fw->state);
}

/* ---- applying ---------------------------------------------------------- */

static int fail(struct firewall_result *result, const char *what, int r)
{
	snprintf(result->error, sizeof(result->error), "%s: %s", what,
		 strerror(-r));
	return r;
}

/* Another process that owns a table of ours is, as a rule, another agent. */
static int check_owner(const struct firewall *fw,
		       struct firewall_result *result)
{
	for (int t = 0; t < TABLE_COUNT; t++) {
		uint32_t owner = fw->state.tables[t].owner;

		if (!owner || owner == fw->nl->portid)
			continue;
		snprintf(
			result->error, sizeof(result->error),
			"table %s " RULESET_TABLE_NAME
			" is owned by another process (netlink port %u): is another bulkheadd running?",
			fw_family_name((enum ruleset_table)t), owner);
		return -EPERM;
	}
	return 0;
}

static int read_kernel(struct firewall *fw, struct ruleset *want,
		       struct firewall_result *result)
{
	int r;

	r = fw_snapshot_read(fw->nl, want, &fw->state);
	if (r < 0)
		return fail(result, "cannot read the kernel's tables", r);
	r = check_owner(fw, result);
	if (r < 0)
		firewall_forget(fw);
	return r;
}

static bool owned(const struct firewall *fw)
{
	return fw->ownership.own;
}

/* Read the kernel unless the memory of it is good. @ret_fresh: it was read. */
static int refresh(struct firewall *fw, struct ruleset *want,
		   struct firewall_result *result, bool *ret_fresh)
{
	uint32_t generation;
	int r;

	*ret_fresh = false;
	if (fw->state.ruleset && !owned(fw)) {
		r = fw_generation(fw->nl, &generation);
		if (r < 0)
			return fail(result, "cannot ask the kernel", r);
		if (generation != fw->state.generation)
			firewall_forget(fw);
	}
	if (fw->state.ruleset)
		return 0;
	*ret_fresh = true;
	return read_kernel(fw, want, result);
}

/* The kernel now holds @want. */
static int remember(struct firewall *fw, struct ruleset *want, bool committed,
		    uint32_t expected, struct firewall_result *result)
{
	int r;

	ruleset_ref(want);
	ruleset_unref(fw->state.ruleset);
	fw->state.ruleset = want;
	for (int t = 0; committed && t < TABLE_COUNT; t++)
		fw->state.tables[t] = (struct fw_table_state){
			.exists = !fw_part_empty(&want->parts[t]),
			.persist = owned(fw),
			.owner = owned(fw) ? fw->nl->portid : 0,
		};
	r = fw_generation(fw->nl, &result->generation);
	if (r < 0) {
		firewall_forget(fw);
		return 0;
	}
	/* If the present one is not what our transaction made, somebody's came
	 * right behind it, and the next apply has to read. */
	if (owned(fw))
		fw->state.generation = 0;
	else
		fw->state.generation = expected ? expected : result->generation;
	return 0;
}

/* One attempt. -ERESTART: the ruleset changed between reading and sending. */
static int attempt(struct firewall *fw, struct ruleset *want,
		   struct firewall_result *result)
{
	_cleanup_(fw_batch_fini) struct fw_batch batch;
	uint32_t generation = fw->state.generation;
	int r;

	fw_batch_init(&batch, fw->nl, generation);
	r = fw_transaction_build(&batch, &fw->state, want, &fw->ownership,
				 result->error);
	if (r < 0)
		return r;
	if (!fw_batch_count(&batch))
		return remember(fw, want, false, generation, result);
	r = fw_batch_send(&batch, fw->nl, false, result->error);
	if (r < 0)
		return r;
	result->changed = true;
	result->objects = fw_batch_count(&batch);
	result->elements = batch.elements;
	return remember(fw, want, true, generation ? generation + 1 : 0,
			result);
}

int firewall_apply(struct firewall *fw, struct ruleset *want,
		   struct firewall_result *ret_result)
{
	uint64_t start = clock_monotonic();
	bool fresh = false;
	int r = -ERESTART;

	*ret_result = (struct firewall_result){ 0 };
	for (int i = 0; i < ATTEMPTS; i++) {
		r = refresh(fw, want, ret_result, &fresh);
		if (r < 0)
			break;
		r = attempt(fw, want, ret_result);
		if (r >= 0)
			break;
		/* The memory may have been wrong: once more with the kernel's
		 * own word. A change made from that is refused for good. */
		firewall_forget(fw);
		if (fresh && r != -ERESTART)
			break;
	}
	if (r < 0)
		firewall_forget(fw);
	else
		ret_result->error[0] = '\0';
	ret_result->duration_ns = clock_monotonic() - start;
	return r;
}

/* ---- dynamic sets ------------------------------------------------------ */

int firewall_add(struct firewall *fw, enum ruleset_table table,
		 const char *name, const void *keys, size_t n)
{
	_cleanup_(fw_batch_fini) struct fw_batch batch = { 0 };
	const struct ruleset_set *set =
		fw->state.ruleset
			? ruleset_find_set(fw->state.ruleset, table, name)
			: NULL;
	struct fw_element_writer writer;
	struct ruleset_set filled;
	char error[FW_ERROR_TEXT];
	uint32_t generation;
	int r;

	if (!set || !(set->flags & SET_DYNAMIC))
		return -ENOENT;
	filled = *set;
	filled.keys = (uint8_t *)keys;
	filled.n = n;
	fw_batch_init(&batch, fw->nl, 0);
	fw_element_writer_init(&writer, &batch, table, &filled, true);
	for (size_t i = 0; i < n; i++)
		fw_element_write(&writer, i);
	fw_element_writer_fini(&writer);
	r = fw_batch_send(&batch, fw->nl, false, error);
	/* Our memory stays good unless somebody's change came in between. */
	if (r == 0 && fw->state.generation &&
	    fw_generation(fw->nl, &generation) == 0 &&
	    generation == fw->state.generation + 1)
		fw->state.generation = generation;
	return r;
}

/* ---- reading ----------------------------------------------------------- */

struct counter_value {
	bool found;
	uint64_t packets, bytes;
};

static int read_counter(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *attr, *part;
	struct counter_value *value = arg;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(struct nfgenmsg))
		return -EBADMSG;
	mnl_attr_for_each(attr, nlh, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(attr) != NFTA_OBJ_DATA)
			continue;
		value->found = true;
		mnl_attr_for_each_nested(part, attr)
		{
			if (mnl_attr_validate(part, MNL_TYPE_U64) < 0)
				continue;
			if (mnl_attr_get_type(part) == NFTA_COUNTER_BYTES)
				value->bytes = be64toh(mnl_attr_get_u64(part));
			else if (mnl_attr_get_type(part) ==
				 NFTA_COUNTER_PACKETS)
				value->packets =
					be64toh(mnl_attr_get_u64(part));
		}
	}
	return 0;
}

int firewall_counter(struct firewall *fw, enum ruleset_table table,
		     const char *name, uint64_t *ret_packets,
		     uint64_t *ret_bytes)
{
	char buffer[512] = { 0 };
	struct nlmsghdr *request =
		fw_request(fw->nl, buffer, NFT_MSG_GETOBJ, 0, table);
	struct counter_value value = { 0 };
	int r;

	if (strlen(name) >= RULESET_NAME)
		return -ENOENT;
	mnl_attr_put_strz(request, NFTA_OBJ_TABLE, RULESET_TABLE_NAME);
	mnl_attr_put_strz(request, NFTA_OBJ_NAME, name);
	mnl_attr_put_u32(request, NFTA_OBJ_TYPE, htobe32(NFT_OBJECT_COUNTER));
	r = fw_query(fw->nl, request, read_counter, &value);
	if (r < 0)
		return r;
	if (!value.found)
		return -ENOENT;
	*ret_packets = value.packets;
	*ret_bytes = value.bytes;
	return 0;
}

struct set_reader {
	firewall_element_fn fn;
	void *arg;
};

static int hand_element(const struct fw_element *element, void *arg)
{
	const struct set_reader *reader = arg;
	struct firewall_element e = {
		.key = element->key,
		.key_len = element->key_len,
		.packets = element->packets,
		.bytes = element->bytes,
		.expires_ms = element->expires_ms,
	};

	if (element->key && !element->end)
		reader->fn(&e, reader->arg);
	return 0;
}

static int hand_elements(const struct nlmsghdr *nlh, void *arg)
{
	return fw_elements_parse(nlh, hand_element, arg);
}

int firewall_read_set(struct firewall *fw, enum ruleset_table table,
		      const char *name, firewall_element_fn fn, void *arg)
{
	char buffer[512] = { 0 };
	struct nlmsghdr *request = fw_request(
		fw->nl, buffer, NFT_MSG_GETSETELEM, NLM_F_DUMP, table);
	struct set_reader reader = { fn, arg };

	if (strlen(name) >= RULESET_NAME)
		return -ENOENT;
	mnl_attr_put_strz(request, NFTA_SET_ELEM_LIST_TABLE,
			  RULESET_TABLE_NAME);
	mnl_attr_put_strz(request, NFTA_SET_ELEM_LIST_SET, name);
	return fw_query(fw->nl, request, hand_elements, &reader);
}

bool firewall_owned(const struct firewall *fw)
{
	return owned(fw);
}

uint32_t firewall_port(const struct firewall *fw)
{
	return fw->nl->portid;
}

bool firewall_present(struct firewall *fw)
{
	_cleanup_(fw_state_fini) struct fw_state state = { 0 };
	struct ruleset nothing = { .refs = 1 };

	/* Who cannot tell must not take it for absent. */
	return fw_snapshot_read(fw->nl, &nothing, &state) < 0 ||
	       state.tables[TABLE_INET].exists;
}

int firewall_foreign(struct firewall *fw, firewall_foreign_fn fn, void *arg)
{
	return fw_foreign_read(fw->nl, fn, arg);
}

int firewall_generation(struct firewall *fw, uint32_t *ret)
{
	return fw_generation(fw->nl, ret);
}

/* ---- teardown ---------------------------------------------------------- */

int firewall_teardown(struct firewall *fw)
{
	_cleanup_(fw_batch_fini) struct fw_batch batch = { 0 };
	_cleanup_(fw_state_fini) struct fw_state state = { 0 };
	struct ruleset nothing = { .refs = 1 };
	char error[FW_ERROR_TEXT];
	int r, n = 0;

	firewall_forget(fw);
	r = fw_snapshot_read(fw->nl, &nothing, &state);
	if (r < 0)
		return r;
	fw_batch_init(&batch, fw->nl, 0);
	for (int t = 0; t < TABLE_COUNT; t++) {
		if (!state.tables[t].exists)
			continue;
		fw_transaction_delete_table(&batch, (enum ruleset_table)t);
		n++;
	}
	if (!n)
		return 0;
	r = fw_batch_send(&batch, fw->nl, false, error);
	return r < 0 ? r : n;
}
