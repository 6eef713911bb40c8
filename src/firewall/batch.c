/* SPDX-License-Identifier: GPL-2.0-or-later */
/* batch.c - the messages of one transaction, and whose fault an error is.
 *
 * The kernel answers a batch while sendmsg() runs, so afterwards everything it
 * has to say is in the receive queue: errors, each with the sequence number of
 * its message, and the acknowledgement of the first message, which we ask for
 * to know a success from a lost answer. Errors of the commit itself carry the
 * number of the begin message.
 */
#include "firewall/batch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libnftnl/common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/alloc.h"

struct answer {
	const struct fw_batch *batch;
	bool acknowledged;
	int error;	/* of the earliest message that failed */
	uint32_t index; /* of that message */
	char text[160]; /* extended ACK */
};

/* Zeroed: libmnl leaves the padding of attributes as it is, and what the heap
 * held before is nothing to send. */
static void reserve(struct fw_batch *batch, size_t n)
{
	size_t old = batch->cap;

	if (old - batch->len >= n)
		return;
	batch->cap = MAX(2 * old, batch->len + n);
	if (!old) {
		batch->data = xcalloc(batch->cap, 1);
		return;
	}
	batch->data = xreallocarray(batch->data, batch->cap, 1);
	memset(batch->data + old, 0, batch->cap - old);
}

void fw_batch_init(struct fw_batch *batch, struct fw_netlink *nl,
		   uint32_t generation)
{
	struct nlmsghdr *nlh;

	*batch = (struct fw_batch){ .seq = nl->seq };
	reserve(batch, MNL_NLMSG_HDRLEN + FW_MESSAGE_ROOM);
	nlh = nftnl_batch_begin(batch->data, batch->seq);
	if (generation)
		mnl_attr_put_u32(nlh, NFNL_BATCH_GENID, htonl(generation));
	vec_push(&batch->objects, (struct fw_object){ .kind = FW_TRANSACTION });
	fw_batch_put(batch, nlh);
}

void fw_batch_fini(struct fw_batch *batch)
{
	free(batch->data);
	vec_fini(&batch->objects);
}

struct nlmsghdr *fw_batch_message(struct fw_batch *batch, uint16_t type,
				  uint16_t flags,
				  const struct fw_object *object)
{
	uint32_t seq = batch->seq + (uint32_t)batch->objects.len;

	if (batch->objects.len == 1)
		flags |= NLM_F_ACK;
	reserve(batch, MNL_NLMSG_HDRLEN + FW_MESSAGE_ROOM);
	vec_push(&batch->objects, *object);
	return nftnl_nlmsg_build_hdr(batch->data + batch->len, type,
				     fw_family(object->table), flags, seq);
}

void fw_batch_put(struct fw_batch *batch, const struct nlmsghdr *nlh)
{
	batch->len += MNL_ALIGN(nlh->nlmsg_len);
}

unsigned fw_batch_count(const struct fw_batch *batch)
{
	return (unsigned)batch->objects.len - 1;
}

void fw_object_print(const struct fw_object *object, char *text, size_t size)
{
	static const char *const kinds[] = {
		[FW_TRANSACTION] = "the transaction",
		[FW_TABLE] = "table",
		[FW_CHAIN] = "chain",
		[FW_RULES] = "the rules of chain",
		[FW_RULE] = "rule",
		[FW_SET] = "set",
		[FW_ELEMENTS] = "elements of set",
		[FW_COUNTER] = "counter",
	};
	const char *kind = kinds[object->kind];
	const char *family = fw_family_name(object->table);

	if (object->kind == FW_TRANSACTION)
		snprintf(text, size, "%s", kind);
	else if (object->kind == FW_TABLE)
		snprintf(text, size, "table %s " RULESET_TABLE_NAME, family);
	else if (object->kind == FW_RULE)
		snprintf(text, size,
			 "rule %zu of chain %s in table %s " RULESET_TABLE_NAME,
			 object->index + 1, object->name, family);
	else
		snprintf(text, size, "%s %s in table %s " RULESET_TABLE_NAME,
			 kind, object->name, family);
}

/* The text behind an error message, if the kernel sent one. */
static void read_extended(const struct nlmsghdr *nlh, char *text, size_t size)
{
	const struct nlmsgerr *err = mnl_nlmsg_get_payload(nlh);
	size_t skip = sizeof(*err);
	const struct nlattr *attr;

	text[0] = '\0';
	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED))
		skip += MNL_ALIGN(err->msg.nlmsg_len - sizeof(err->msg));
	if (skip > mnl_nlmsg_get_payload_len(nlh))
		return;
	mnl_attr_for_each(attr, nlh, (unsigned)skip)
	{
		if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_MSG)
			snprintf(text, size, "%.*s",
				 (int)mnl_attr_get_payload_len(attr),
				 mnl_attr_get_str(attr));
	}
}

static void read_answer(const struct nlmsghdr *nlh, struct answer *answer)
{
	uint32_t index = nlh->nlmsg_seq - answer->batch->seq;
	const struct nlmsgerr *err = mnl_nlmsg_get_payload(nlh);

	if (nlh->nlmsg_type != NLMSG_ERROR ||
	    index >= answer->batch->objects.len ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(*err))
		return;
	if (!err->error) {
		answer->acknowledged = true;
		return;
	}
	/* A later error is as a rule the consequence of the first. */
	if (answer->error && answer->index <= index)
		return;
	answer->error = err->error < 0 ? err->error : -EBADMSG;
	answer->index = index;
	read_extended(nlh, answer->text, sizeof(answer->text));
}

static int receive(struct fw_netlink *nl, struct answer *answer)
{
	int fd = mnl_socket_get_fd(nl->socket);

	for (;;) {
		ssize_t n = recv(fd, nl->buffer, FW_RECEIVE, MSG_DONTWAIT);
		const char *at = nl->buffer;
		const struct nlmsghdr *nlh;
		size_t left = (size_t)n;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		while ((nlh = fw_next_message(&at, &left)))
			read_answer(nlh, answer);
	}
}

/* A netlink datagram must fit the send buffer as a whole. */
static void grow_send_buffer(struct fw_netlink *nl, size_t need)
{
	int fd = mnl_socket_get_fd(nl->socket);
	int size = (int)MIN(need + need / 4 + 4096, (size_t)1 << 30);

	if (need + 4096 <= nl->sndbuf)
		return;
	if (!setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
		nl->sndbuf = (size_t)size;
}

static int transmit(struct fw_batch *batch, struct fw_netlink *nl)
{
	ssize_t n;

	grow_send_buffer(nl, batch->len);
	do {
		n = mnl_socket_sendto(nl->socket, batch->data, batch->len);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

/* What the user can do about it, where that is known. */
static const char *way_out(int error)
{
	switch (error) {
	case -EPERM:
		return " (needs CAP_NET_ADMIN, and tables that no other process owns)";
	case -EPROTONOSUPPORT:
	case -EOPNOTSUPP:
		return " (does the kernel have nf_tables? modprobe nf_tables)";
	case -EMSGSIZE:
		return " (the ruleset is larger than a netlink message can be)";
	default:
		return "";
	}
}

static int explain(const struct answer *answer, char *error)
{
	const struct fw_object *object =
		&answer->batch->objects.data[answer->index];
	char name[128];

	fw_object_print(object, name, sizeof(name));
	snprintf(error, FW_ERROR_TEXT, "%s: %s%s%s%s", name,
		 strerror(-answer->error), answer->text[0] ? ": " : "",
		 answer->text, answer->text[0] ? "" : way_out(answer->error));
	return answer->error;
}

int fw_batch_send(struct fw_batch *batch, struct fw_netlink *nl, bool dry_run,
		  char *error)
{
	struct answer answer = { .batch = batch };
	int r;

	nl->seq = batch->seq + (uint32_t)batch->objects.len + 1;
	if (!dry_run) {
		struct nlmsghdr *nlh;

		reserve(batch, MNL_NLMSG_HDRLEN + FW_MESSAGE_ROOM);
		nlh = nftnl_batch_end(batch->data + batch->len, nl->seq - 1);
		fw_batch_put(batch, nlh);
	}
	fw_drain(nl);
	r = transmit(batch, nl);
	if (r == 0)
		r = receive(nl, &answer);
	if (answer.error)
		return explain(&answer, error);
	if (r == 0 && !answer.acknowledged)
		r = -EIO;
	if (r < 0)
		snprintf(error, FW_ERROR_TEXT,
			 "the transaction of %u messages: %s%s",
			 fw_batch_count(batch), strerror(-r), way_out(r));
	return r;
}
