/* SPDX-License-Identifier: GPL-2.0-or-later */
/* netlink.c - a lasting NETLINK_NETFILTER socket, and asking the kernel. */
#include "firewall/netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libnftnl/common.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "base/alloc.h"

/* Room for the kernel's complaints about a whole batch. */
#define RECEIVE_QUEUE (4 << 20)

uint8_t fw_family(enum ruleset_table table)
{
	return table == TABLE_INET ? NFPROTO_INET : NFPROTO_BRIDGE;
}

const char *fw_family_name(enum ruleset_table table)
{
	return table == TABLE_INET ? "inet" : "bridge";
}

/* The rest are improvements: where the kernel refuses them, errors come
 * without a text and a large answer may need a second read. */
static void set_options(struct fw_netlink *nl)
{
	int fd = mnl_socket_get_fd(nl->socket);
	int on = 1, queue = RECEIVE_QUEUE;
	socklen_t len = sizeof(int);
	int sndbuf = 0;

	mnl_socket_setsockopt(nl->socket, NETLINK_EXT_ACK, &on, sizeof(on));
	mnl_socket_setsockopt(nl->socket, NETLINK_CAP_ACK, &on, sizeof(on));
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &queue, sizeof(queue)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &queue, sizeof(queue));
	if (!getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &sndbuf, &len))
		nl->sndbuf = (size_t)sndbuf;
}

int fw_netlink_open(struct fw_netlink **ret)
{
	_cleanup_(fw_netlink_closep) struct fw_netlink *nl =
		xnew(struct fw_netlink);

	nl->socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (!nl->socket)
		return -errno;
	if (mnl_socket_bind(nl->socket, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	nl->portid = mnl_socket_get_portid(nl->socket);
	nl->seq = 1;
	nl->buffer = xcalloc(1, FW_RECEIVE);
	set_options(nl);

	*ret = TAKE_PTR(nl);
	return 0;
}

void fw_netlink_close(struct fw_netlink *nl)
{
	if (!nl)
		return;
	if (nl->socket)
		mnl_socket_close(nl->socket);
	free(nl->buffer);
	free(nl);
}

/* Payload of NLMSG_ERROR and, since Linux 5.x, of NLMSG_DONE: an int. */
static int message_status(const struct nlmsghdr *nlh)
{
	int status = 0;

	if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(status))
		memcpy(&status, mnl_nlmsg_get_payload(nlh), sizeof(status));
	else if (nlh->nlmsg_type == NLMSG_ERROR)
		return -EBADMSG;
	return status < 0 ? status : 1;
}

const struct nlmsghdr *fw_next_message(const char **bytes, size_t *left)
{
	const struct nlmsghdr *nlh = (const void *)*bytes;
	size_t step;

	if (*left < sizeof(*nlh) || nlh->nlmsg_len < sizeof(*nlh))
		return NULL;
	/* The kernel pads every message, and libmnl's loops over attributes go
	 * to the padding's end. */
	step = MNL_ALIGN((size_t)nlh->nlmsg_len);
	if (step > *left)
		return NULL;
	*bytes += step;
	*left -= step;
	return nlh;
}

int fw_messages(const void *bytes, size_t n, uint32_t seq, fw_message_fn fn,
		void *arg)
{
	const struct nlmsghdr *nlh;
	const char *at = bytes;
	int r;

	while ((nlh = fw_next_message(&at, &n))) {
		if (nlh->nlmsg_seq != seq)
			continue;
		if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
			return -EINTR;
		switch (nlh->nlmsg_type) {
		case NLMSG_NOOP:
			break;
		case NLMSG_DONE:
		case NLMSG_ERROR:
			return message_status(nlh);
		case NLMSG_OVERRUN:
			return -ENOBUFS;
		default:
			r = fn ? fn(nlh, arg) : 0;
			if (r < 0)
				return r;
		}
	}
	return n > 0 ? -EBADMSG : 0;
}

struct nlmsghdr *fw_request(struct fw_netlink *nl, char *buffer, uint16_t type,
			    uint16_t flags, enum ruleset_table table)
{
	return nftnl_nlmsg_build_hdr(buffer, type, fw_family(table),
				     flags | NLM_F_ACK, nl->seq++);
}

int fw_query(struct fw_netlink *nl, const struct nlmsghdr *request,
	     fw_message_fn fn, void *arg)
{
	ssize_t n;
	int r;

	if (mnl_socket_sendto(nl->socket, request, request->nlmsg_len) < 0)
		return -errno;
	do {
		n = mnl_socket_recvfrom(nl->socket, nl->buffer, FW_RECEIVE);
		r = n < 0 ? -errno
			  : fw_messages(nl->buffer, (size_t)n,
					request->nlmsg_seq, fn, arg);
	} while (r == 0);
	if (r < 0)
		fw_drain(nl);
	return r < 0 ? r : 0;
}

void fw_drain(struct fw_netlink *nl)
{
	ssize_t n;

	do {
		n = recv(mnl_socket_get_fd(nl->socket), nl->buffer, FW_RECEIVE,
			 MSG_DONTWAIT | MSG_TRUNC);
	} while (n >= 0 || errno == ENOBUFS || errno == EINTR);
}

static int read_generation(const struct nlmsghdr *nlh, void *arg)
{
	uint32_t *generation = arg;
	const struct nlattr *attr;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(struct nfgenmsg))
		return -EBADMSG;
	mnl_attr_for_each(attr, nlh, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(attr) == NFTA_GEN_ID &&
		    mnl_attr_validate(attr, MNL_TYPE_U32) == 0)
			*generation = ntohl(mnl_attr_get_u32(attr));
	}
	return 0;
}

int fw_generation(struct fw_netlink *nl, uint32_t *ret)
{
	char buffer[256] = { 0 };
	struct nlmsghdr *request =
		fw_request(nl, buffer, NFT_MSG_GETGEN, 0, TABLE_INET);
	uint32_t generation = 0;
	int r;

	r = fw_query(nl, request, read_generation, &generation);
	if (r < 0)
		return r;
	if (!generation)
		return -EBADMSG;
	*ret = generation;
	return 0;
}
