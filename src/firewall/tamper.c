/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tamper.c - sees when somebody else changes our tables. */
#include "firewall/tamper.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
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

/* Attribute 1 of every nf_tables object names its table. */
static bool is_ours(const struct nlmsghdr *nlh)
{
	const struct nfgenmsg *head = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*head) ||
	    (head->nfgen_family != NFPROTO_INET &&
	     head->nfgen_family != NFPROTO_BRIDGE))
		return false;
	mnl_attr_for_each(attr, nlh, sizeof(*head)) if (
		mnl_attr_get_type(attr) ==
		NFTA_TABLE_NAME) return mnl_attr_validate(attr,
							  MNL_TYPE_NUL_STRING) >=
			0 &&
		!strcmp(mnl_attr_get_str(attr), RULESET_TABLE_NAME);
	return false;
}

/* The end of a transaction says who made it. */
static void see_end(struct tamper_state *state, const struct nlmsghdr *nlh)
{
	const char *name = "another program";
	const struct nlattr *attr;
	unsigned pid = 0;

	if (!state->what ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(struct nfgenmsg))
		return;
	mnl_attr_for_each(attr, nlh, sizeof(struct nfgenmsg))
	{
		uint16_t type = mnl_attr_get_type(attr);

		if (type == NFTA_GEN_PROC_PID &&
		    mnl_attr_validate(attr, MNL_TYPE_U32) >= 0)
			pid = ntohl(mnl_attr_get_u32(attr));
		else if (type == NFTA_GEN_PROC_NAME &&
			 mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0)
			name = mnl_attr_get_str(attr);
	}
	snprintf(state->text, sizeof(state->text),
		 "table %s %s was %s by %.32s (process %u)",
		 state->family == NFPROTO_INET ? "inet" : "bridge",
		 RULESET_TABLE_NAME, state->what, name, pid);
	state->what = NULL;
	state->tampered = true;
}

int tamper_messages(struct tamper_state *state, const void *bytes, size_t n)
{
	const struct nlmsghdr *nlh = bytes;
	int left = (int)n;

	for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
		uint16_t type = NFNL_MSG_TYPE(nlh->nlmsg_type);

		if (NFNL_SUBSYS_ID(nlh->nlmsg_type) != NFNL_SUBSYS_NFTABLES ||
		    nlh->nlmsg_pid == state->portid)
			continue;
		if (type == NFT_MSG_NEWGEN) {
			see_end(state, nlh);
		} else if (what(type) && is_ours(nlh)) {
			const struct nfgenmsg *head =
				mnl_nlmsg_get_payload(nlh);

			state->what = what(type);
			state->family = head->nfgen_family;
		}
	}
	return left > 0 ? -EBADMSG : 0;
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
