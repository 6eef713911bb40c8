/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tamper.c - sees when somebody else changes our tables. */
#include "firewall/tamper.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "firewall/netlink.h"
#include "firewall/watched.h"

/* A burst of this many bytes waits for us before the kernel drops any. */
#define RECEIVE_QUEUE (1 << 20)

struct tamper_watch {
	struct mnl_socket *socket;
	struct tamper_state state;
	char buffer[FW_RECEIVE];
};

/* ---- messages ---------------------------------------------------------- */

static const char *what(uint16_t type)
{
	switch (type) {
	case NFT_MSG_NEWTABLE:
		return "changed";
	case NFT_MSG_DELTABLE:
		return "deleted";
	case NFT_MSG_NEWCHAIN:
	case NFT_MSG_NEWRULE:
	case NFT_MSG_NEWSET:
	case NFT_MSG_NEWSETELEM:
	case NFT_MSG_NEWOBJ:
	case NFT_MSG_NEWFLOWTABLE:
		return "added to";
	case NFT_MSG_DELCHAIN:
	case NFT_MSG_DELRULE:
	case NFT_MSG_DELSET:
	case NFT_MSG_DELSETELEM:
	case NFT_MSG_DELOBJ:
	case NFT_MSG_DELFLOWTABLE:
		return "taken from";
	default:
		return NULL;
	}
}

/* To the message's own end; libmnl's loop would go to its aligned one. */
static int bytes_left(const struct nlmsghdr *nlh, const struct nlattr *attr)
{
	return (int)((const char *)nlh + nlh->nlmsg_len - (const char *)attr);
}

/* The attribute of @type, whose text ends within it; NULL: none. */
static const struct nlattr *find(const struct nlmsghdr *nlh, uint16_t type,
				 enum mnl_attr_data_type data)
{
	const struct nlattr *attr;

	for (attr = mnl_nlmsg_get_payload_offset(nlh, sizeof(struct nfgenmsg));
	     mnl_attr_ok(attr, bytes_left(nlh, attr));
	     attr = mnl_attr_next(attr))
		if (mnl_attr_get_type(attr) == type)
			return mnl_attr_validate(attr, data) < 0 ? NULL : attr;
	return NULL;
}

/* Attribute 1 of every nf_tables object names its table. */
static bool is_ours(const struct nlmsghdr *nlh, enum ruleset_table *ret)
{
	const struct nfgenmsg *head = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *name =
		find(nlh, NFTA_TABLE_NAME, MNL_TYPE_NUL_STRING);

	if (!name || strcmp(mnl_attr_get_str(name), RULESET_TABLE_NAME))
		return false;
	for (int t = 0; t < TABLE_COUNT; t++)
		if (fw_family((enum ruleset_table)t) == head->nfgen_family) {
			*ret = (enum ruleset_table)t;
			return true;
		}
	return false;
}

/* A process may call itself anything. */
static void print_name(const struct nlattr *attr, char ret[static 17])
{
	size_t i = 0;

	for (const char *c = mnl_attr_get_str(attr); *c && i < 16; c++)
		ret[i++] = *c > ' ' && *c < 0x7f ? *c : '?';
	ret[i] = '\0';
}

static void append(struct tamper_state *state, const char *fmt, ...)
	_printf_(2, 3);

static void append(struct tamper_state *state, const char *fmt, ...)
{
	size_t len = strlen(state->text);
	va_list args;

	va_start(args, fmt);
	vsnprintf(state->text + len, sizeof(state->text) - len, fmt, args);
	va_end(args);
}

/* The end of a transaction says who made it. */
static void see_end(struct tamper_state *state, const struct nlmsghdr *nlh)
{
	const struct nlattr *pid = find(nlh, NFTA_GEN_PROC_PID, MNL_TYPE_U32);
	const struct nlattr *name =
		find(nlh, NFTA_GEN_PROC_NAME, MNL_TYPE_NUL_STRING);
	char who[17] = "another program";
	bool any = false;

	for (int t = 0; t < TABLE_COUNT; t++) {
		if (!state->what[t])
			continue;
		if (!any)
			state->text[0] = '\0';
		append(state, "%stable %s " RULESET_TABLE_NAME " was %s",
		       any ? ", " : "", fw_family_name((enum ruleset_table)t),
		       state->what[t]);
		state->what[t] = NULL;
		any = true;
	}
	if (!any)
		return;
	if (name)
		print_name(name, who);
	append(state, " by %s (process %u)", who,
	       pid ? ntohl(mnl_attr_get_u32(pid)) : 0);
	state->tampered = true;
}

static void see(struct tamper_state *state, const struct nlmsghdr *nlh)
{
	uint16_t type = NFNL_MSG_TYPE(nlh->nlmsg_type);
	enum ruleset_table table;

	if (NFNL_SUBSYS_ID(nlh->nlmsg_type) != NFNL_SUBSYS_NFTABLES ||
	    nlh->nlmsg_pid == state->portid ||
	    nlh->nlmsg_len < NLMSG_HDRLEN + sizeof(struct nfgenmsg))
		return;
	if (type == NFT_MSG_NEWGEN)
		see_end(state, nlh);
	else if (what(type) && is_ours(nlh, &table))
		state->what[table] = what(type);
}

int tamper_messages(struct tamper_state *state, const void *bytes, size_t n)
{
	const struct nlmsghdr *nlh = bytes;
	size_t len;

	while (n) {
		if (n < sizeof(*nlh) || nlh->nlmsg_len < sizeof(*nlh) ||
		    nlh->nlmsg_len > n)
			return -EBADMSG;
		see(state, nlh);
		len = MIN((size_t)NLMSG_ALIGN(nlh->nlmsg_len), n);
		nlh = (const void *)((const char *)nlh + len);
		n -= len;
	}
	return 0;
}

/* ---- the socket -------------------------------------------------------- */

int tamper_open(const struct firewall *fw, struct tamper_watch **ret)
{
	_cleanup_(tamper_closep) struct tamper_watch *w =
		xnew(struct tamper_watch);
	int queue = RECEIVE_QUEUE, group = NFNLGRP_NFTABLES, fd;

	w->state.portid = firewall_port(fw);
	w->socket = mnl_socket_open2(NETLINK_NETFILTER,
				     SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!w->socket ||
	    mnl_socket_bind(w->socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_setsockopt(w->socket, NETLINK_ADD_MEMBERSHIP, &group,
				  sizeof(group)) < 0)
		return -errno;
	fd = mnl_socket_get_fd(w->socket);
	/* May stay smaller: a loss is noticed. */
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &queue, sizeof(queue));
	*ret = TAKE_PTR(w);
	return 0;
}

void tamper_close(struct tamper_watch *w)
{
	if (!w)
		return;
	if (w->socket)
		mnl_socket_close(w->socket);
	free(w);
}

int tamper_fd(const struct tamper_watch *w)
{
	return mnl_socket_get_fd(w->socket);
}

int tamper_read(struct tamper_watch *w, char ret_text[static TAMPER_TEXT_MAX])
{
	ssize_t n;

	w->state.tampered = false;
	for (;;) {
		n = mnl_socket_recvfrom(w->socket, w->buffer,
					sizeof(w->buffer));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0 && errno != ENOBUFS && errno != ENOSPC)
			return -errno;
		if (n < 0 ||
		    tamper_messages(&w->state, w->buffer, (size_t)n) < 0) {
			w->state.tampered = true;
			snprintf(
				w->state.text, sizeof(w->state.text),
				"more changes of nftables than could be followed");
		}
	}
	if (w->state.tampered)
		memcpy(ret_text, w->state.text, sizeof(w->state.text));
	return w->state.tampered;
}
