/* SPDX-License-Identifier: GPL-2.0-or-later */
/* harvest.c - what the kernel has counted: named counters and set elements.
 *
 * The kernel makes the next part of a dump when the last one is read, and a
 * part is at most 32 KiB: reading stops when a slice of time is over and goes
 * on in the next turn of the loop.
 */
#include "firewall/harvest.h"

#include <endian.h>
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "firewall/element.h"
#include "firewall/netlink.h"

/* A dump that a transaction tore is begun anew so often. */
#define ATTEMPTS 8

struct harvest {
	struct loop *loop;
	struct harvest_listener listener;
	struct fw_netlink *counters, *dump;
	struct loop_fd *watch;
	const struct harvest_set *sets;
	size_t nsets, at; /* the one under way */
	uint32_t seq;	  /* of its dump */
	int attempts;
};

/* ---- counters ---------------------------------------------------------- */

struct counter_reader {
	harvest_counter_fn fn;
	void *arg;
};

static uint64_t u64_of(const struct nlattr *attr)
{
	return mnl_attr_validate(attr, MNL_TYPE_U64) == 0
		       ? be64toh(mnl_attr_get_u64(attr))
		       : 0;
}

static int take_counter(const struct nlmsghdr *nlh, void *arg)
{
	const struct counter_reader *reader = arg;
	uint64_t packets = 0, bytes = 0;
	const struct nlattr *attr, *part;
	const char *name = NULL;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(struct nfgenmsg))
		return -EBADMSG;
	mnl_attr_for_each(attr, nlh, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(attr) == NFTA_OBJ_NAME &&
		    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) == 0)
			name = mnl_attr_get_str(attr);
		if (mnl_attr_get_type(attr) != NFTA_OBJ_DATA)
			continue;
		mnl_attr_for_each_nested(part, attr)
		{
			if (mnl_attr_get_type(part) == NFTA_COUNTER_BYTES)
				bytes = u64_of(part);
			else if (mnl_attr_get_type(part) ==
				 NFTA_COUNTER_PACKETS)
				packets = u64_of(part);
		}
	}
	if (name)
		reader->fn(reader->arg, name, packets, bytes);
	return 0;
}

int harvest_counters(struct harvest *h, enum ruleset_table table,
		     harvest_counter_fn fn, void *arg)
{
	char buffer[256] = { 0 };
	struct nlmsghdr *request = fw_request(
		h->counters, buffer, NFT_MSG_GETOBJ, NLM_F_DUMP, table);
	struct counter_reader reader = { fn, arg };
	int r;

	mnl_attr_put_strz(request, NFTA_OBJ_TABLE, RULESET_TABLE_NAME);
	mnl_attr_put_u32(request, NFTA_OBJ_TYPE, htobe32(NFT_OBJECT_COUNTER));
	r = fw_query(h->counters, request, take_counter, &reader);
	return r == -ENOENT ? 0 : r;
}

/* ---- sets -------------------------------------------------------------- */

static int hand_element(const struct fw_element *element, void *arg)
{
	struct harvest *h = arg;
	struct firewall_element e = {
		.key = element->key,
		.key_len = element->key_len,
		.packets = element->packets,
		.bytes = element->bytes,
		.expires_ms = element->expires_ms,
	};

	if (element->key)
		h->listener.element(h->listener.arg, h->at, &e);
	return 0;
}

static int hand_elements(const struct nlmsghdr *nlh, void *arg)
{
	return fw_elements_parse(nlh, hand_element, arg);
}

static int ask(struct harvest *h)
{
	const struct harvest_set *set = &h->sets[h->at];
	char buffer[256] = { 0 };
	struct nlmsghdr *request = fw_request(
		h->dump, buffer, NFT_MSG_GETSETELEM, NLM_F_DUMP, set->table);

	mnl_attr_put_strz(request, NFTA_SET_ELEM_LIST_TABLE,
			  RULESET_TABLE_NAME);
	mnl_attr_put_strz(request, NFTA_SET_ELEM_LIST_SET, set->name);
	h->seq = request->nlmsg_seq;
	return mnl_socket_sendto(h->dump->socket, request, request->nlmsg_len) <
			       0
		       ? -errno
		       : 0;
}

/* Returns 1 when the set is read, 0 when more is to come, or -errno. */
static int read_part(struct harvest *h, int flags)
{
	ssize_t n = recv(mnl_socket_get_fd(h->dump->socket), h->dump->buffer,
			 FW_RECEIVE, flags);

	if (n < 0)
		return -errno;
	return fw_messages(h->dump->buffer, (size_t)n, h->seq, hand_elements,
			   h);
}

/* On to the next set, or the same again. Returns 1 when all are read. */
static int next(struct harvest *h, int r)
{
	if (r < 0)
		fw_drain(h->dump);
	if ((r == -EINTR || r == -ENOBUFS) && ++h->attempts < ATTEMPTS)
		return ask(h);
	if (r < 0 && r != -ENOENT)
		return r;
	h->attempts = 0;
	return ++h->at < h->nsets ? ask(h) : 1;
}

static void end(struct harvest *h, int error)
{
	loop_fd_close(TAKE_PTR(h->watch));
	h->listener.done(h->listener.arg, MIN(error, 0));
}

static void on_readable(void *arg, _unused_ int events, _unused_ int error)
{
	struct harvest *h = arg;
	uint64_t begin = clock_monotonic();
	int r;

	do {
		r = read_part(h, MSG_DONTWAIT);
		if (r == -EAGAIN)
			return;
		if (r)
			r = next(h, r);
	} while (r == 0 && clock_monotonic() - begin < LOOP_SLICE_NS);
	if (r)
		end(h, r);
}

static int begin(struct harvest *h, const struct harvest_set *sets, size_t n)
{
	h->sets = sets;
	h->nsets = n;
	h->at = 0;
	h->attempts = 0;
	return n ? ask(h) : 1;
}

void harvest_read(struct harvest *h, const struct harvest_set *sets, size_t n)
{
	int r = begin(h, sets, n);

	h->watch = loop_fd_new(h->loop, mnl_socket_get_fd(h->dump->socket),
			       LOOP_READABLE, on_readable, h);
	if (r)
		end(h, r);
}

int harvest_read_now(struct harvest *h, const struct harvest_set *sets,
		     size_t n)
{
	int r;

	loop_fd_close(TAKE_PTR(h->watch));
	fw_drain(h->dump);
	r = begin(h, sets, n);
	while (r == 0) {
		r = read_part(h, 0);
		if (r)
			r = next(h, r);
	}
	return MIN(r, 0);
}

/* ---- life -------------------------------------------------------------- */

int harvest_open(struct loop *loop, struct harvest_listener listener,
		 struct harvest **ret)
{
	_cleanup_(harvest_closep) struct harvest *h = xnew(struct harvest);
	int r;

	h->loop = loop;
	h->listener = listener;
	r = fw_netlink_open(&h->counters);
	if (r == 0)
		r = fw_netlink_open(&h->dump);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(h);
	return 0;
}

void harvest_close(struct harvest *h)
{
	if (!h)
		return;
	loop_fd_close(h->watch);
	fw_netlink_close(h->counters);
	fw_netlink_close(h->dump);
	free(h);
}
