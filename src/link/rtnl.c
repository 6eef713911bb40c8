/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtnl.c - rtnetlink sockets and link messages.
 *
 * libnl builds, sends and takes messages apart. Receiving is done here: libnl
 * folds the kernel's errno into its own coarser numbers and does not pass on
 * every ENOBUFS, which is the one thing that we must not miss.
 */
#include "link/rtnl.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/net_namespace.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* A burst of this many bytes waits for us before the kernel drops any. */
#define RECEIVE_BUFFER (1 << 20)
/* More than the kernel puts into one datagram. */
#define DATAGRAM_MAX (64 << 10)
/* Links that change while they are listed; after so many tries we give up. */
#define DUMP_TRIES 8

/* libnl's error of its own, before the kernel was asked, as an errno. */
static int errno_of(int nl)
{
	switch (nl < 0 ? -nl : 0) {
	case 0:
		return 0;
	case NLE_NOMEM:
		return -ENOBUFS;
	case NLE_PERM:
	case NLE_NOACCESS:
		return -EPERM;
	case NLE_AF_NOSUPPORT:
		return -EAFNOSUPPORT;
	default:
		return -EIO;
	}
}

static int connect_socket(struct nl_sock **ret)
{
	_cleanup_(rtnl_closep) struct nl_sock *sock = nl_socket_alloc();
	int r;

	if (!sock)
		return -ENOMEM;
	r = nl_connect(sock, NETLINK_ROUTE);
	if (r < 0)
		return errno_of(r);
	*ret = TAKE_PTR(sock);
	return 0;
}

int rtnl_open(struct nl_sock **ret)
{
	_cleanup_(rtnl_closep) struct nl_sock *sock = NULL;
	int on = 1, r;

	r = connect_socket(&sock);
	if (r < 0)
		return r;
	/* Older kernels have no text to give; that is all that is lost. */
	(void)setsockopt(nl_socket_get_fd(sock), SOL_NETLINK, NETLINK_EXT_ACK,
			 &on, sizeof(on));
	*ret = TAKE_PTR(sock);
	return 0;
}

int rtnl_open_events(struct nl_sock **ret)
{
	_cleanup_(rtnl_closep) struct nl_sock *sock = NULL;
	int r;

	r = connect_socket(&sock);
	if (r < 0)
		return r;
	/* May stay smaller (net.core.rmem_max): a loss is noticed anyway. */
	(void)nl_socket_set_buffer_size(sock, RECEIVE_BUFFER, 0);
	r = nl_socket_add_membership(sock, RTNLGRP_LINK);
	if (r == 0)
		r = nl_socket_set_nonblocking(sock);
	if (r < 0)
		return errno_of(r);
	*ret = TAKE_PTR(sock);
	return 0;
}

static int join_address_groups(struct nl_sock *sock)
{
	int on = 1, r;

	if (setsockopt(nl_socket_get_fd(sock), SOL_NETLINK,
		       NETLINK_LISTEN_ALL_NSID, &on, sizeof(on)) < 0)
		return -errno;
	(void)nl_socket_set_buffer_size(sock, RECEIVE_BUFFER, 0);
	r = nl_socket_add_memberships(sock, RTNLGRP_IPV4_IFADDR,
				      RTNLGRP_IPV6_IFADDR, 0);
	return errno_of(r ? r : nl_socket_set_nonblocking(sock));
}

int rtnl_open_addresses(struct nl_sock **ret)
{
	_cleanup_(rtnl_closep) struct nl_sock *sock = NULL;
	int r = connect_socket(&sock);

	if (r == 0)
		r = join_address_groups(sock);
	if (r == 0)
		*ret = TAKE_PTR(sock);
	return r;
}

int rtnl_drain(struct nl_sock *sock)
{
	char byte;
	int n = 0;

	for (;;) {
		ssize_t got = recv(nl_socket_get_fd(sock), &byte, 1, MSG_TRUNC);

		if (got < 0 && errno == EAGAIN)
			return n;
		if (got < 0 && errno != EINTR && errno != ENOBUFS)
			return -errno;
		n++;
	}
}

static bool switch_on(struct nlattr *attr)
{
	return attr && nla_len(attr) >= 1 && nla_get_u8(attr);
}

/* On is the other sense: not to learn. */
static bool learns_unseen(struct nlattr *attr)
{
	struct br_boolopt_multi options;

	if (!attr || nla_len(attr) < (int)sizeof(options))
		return false;
	memcpy(&options, nla_data(attr), sizeof(options));
	return !(options.optval & 1U << BR_BOOLOPT_NO_LL_LEARN);
}

static void parse_kind(struct nlattr *linkinfo, struct link_info *info)
{
	struct nlattr *kind[IFLA_INFO_MAX + 1], *data[IFLA_BR_MAX + 1];

	if (nla_parse_nested(kind, IFLA_INFO_MAX, linkinfo, NULL) < 0 ||
	    !kind[IFLA_INFO_KIND])
		return;
	info->veth = !nla_strcmp(kind[IFLA_INFO_KIND], "veth");
	if (nla_strcmp(kind[IFLA_INFO_KIND], "bridge"))
		return;
	info->bridge = true;
	if (!kind[IFLA_INFO_DATA] ||
	    nla_parse_nested(data, IFLA_BR_MAX, kind[IFLA_INFO_DATA], NULL) < 0)
		return;
	info->filter4 = switch_on(data[IFLA_BR_NF_CALL_IPTABLES]);
	info->filter6 = switch_on(data[IFLA_BR_NF_CALL_IP6TABLES]);
	info->learns_unseen = learns_unseen(data[IFLA_BR_MULTI_BOOLOPT]);
}

static int number(struct nlattr *attr, int otherwise)
{
	return attr && nla_len(attr) >= (int)sizeof(int32_t) ? nla_get_s32(attr)
							     : otherwise;
}

static void parse_relations(struct nlattr **attr, struct link_info *info)
{
	info->master = number(attr[IFLA_MASTER], 0);
	info->peer = info->veth ? number(attr[IFLA_LINK], 0) : 0;
	info->peer_netns = info->veth ? number(attr[IFLA_LINK_NETNSID], -1)
				      : -1;
	if (attr[IFLA_ADDRESS] &&
	    nla_len(attr[IFLA_ADDRESS]) == sizeof(info->mac.bytes))
		memcpy(info->mac.bytes, nla_data(attr[IFLA_ADDRESS]),
		       sizeof(info->mac.bytes));
}

bool rtnl_parse_link(struct nlmsghdr *message, struct link_info *ret)
{
	struct nlattr *attr[IFLA_MAX + 1];
	struct link_info info = { 0 };
	const struct ifinfomsg *head;

	if (message->nlmsg_type != RTM_NEWLINK &&
	    message->nlmsg_type != RTM_DELLINK)
		return false;
	if (!nlmsg_valid_hdr(message, sizeof(*head)))
		return false;
	head = nlmsg_data(message);
	if (head->ifi_family != AF_UNSPEC ||
	    nlmsg_parse(message, sizeof(*head), attr, IFLA_MAX, NULL) < 0 ||
	    !attr[IFLA_IFNAME])
		return false;
	info.index = head->ifi_index;
	info.gone = message->nlmsg_type == RTM_DELLINK;
	info.carrier = head->ifi_flags & IFF_LOWER_UP;
	nla_strlcpy(info.name, attr[IFLA_IFNAME], sizeof(info.name));
	if (attr[IFLA_LINKINFO])
		parse_kind(attr[IFLA_LINKINFO], &info);
	parse_relations(attr, &info);
	*ret = info;
	return true;
}

/* Called for each message; a return other than 0 ends the receiving, and is
 * what receive_datagram() returns. */
typedef int (*message_fn)(void *arg, struct nlmsghdr *message);

static int receive_datagram(struct nl_sock *sock, message_fn fn, void *arg)
{
	_Alignas(struct nlmsghdr) char bytes[DATAGRAM_MAX];
	struct nlmsghdr *message = (struct nlmsghdr *)bytes;
	ssize_t n;
	int left;

	do {
		n = recv(nl_socket_get_fd(sock), bytes, sizeof(bytes),
			 MSG_TRUNC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if ((size_t)n > sizeof(bytes))
		return -EMSGSIZE;
	for (left = (int)n; nlmsg_ok(message, left);
	     message = nlmsg_next(message, &left)) {
		int r = fn(arg, message);

		if (r != 0)
			return r;
	}
	return 0;
}

/* An answer under way. */
struct answer {
	unsigned seq;
	rtnl_link_fn fn; /* for each link in it; may be NULL */
	int (*other)(void *arg, struct nlmsghdr *message); /* no links */
	void *arg;
	bool interrupted; /* the kernel says that a dump is inconsistent */
	char text[RTNL_TEXT_MAX];
};

/* The end of an answer: its own error stays apart from that of recv(). */
enum { ANSWER_DONE = 1 };

static void keep_text(struct answer *answer, struct nlmsghdr *message)
{
	const struct nlmsgerr *err = nlmsg_data(message);
	struct nlattr *attr[NLMSGERR_ATTR_MAX + 1];
	unsigned fixed = sizeof(*err);

	if (!(message->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	/* Unless capped, our whole request is quoted before the attributes. */
	if (!(message->nlmsg_flags & NLM_F_CAPPED))
		fixed += NLMSG_ALIGN(err->msg.nlmsg_len) - sizeof(err->msg);
	if (nlmsg_parse(message, (int)fixed, attr, NLMSGERR_ATTR_MAX, NULL) ==
		    0 &&
	    attr[NLMSGERR_ATTR_MSG])
		nla_strlcpy(answer->text, attr[NLMSGERR_ATTR_MSG],
			    sizeof(answer->text));
}

static int on_answer(void *arg, struct nlmsghdr *message)
{
	struct answer *answer = arg;
	const struct nlmsgerr *err = nlmsg_data(message);
	struct link_info link;

	if (message->nlmsg_seq != answer->seq)
		return 0; /* of a dump that was given up */
	answer->interrupted |= message->nlmsg_flags & NLM_F_DUMP_INTR;
	switch (message->nlmsg_type) {
	case NLMSG_DONE:
		return ANSWER_DONE;
	case NLMSG_ERROR:
		if (!nlmsg_valid_hdr(message, sizeof(*err)))
			return -EBADMSG;
		keep_text(answer, message);
		return err->error ? err->error : ANSWER_DONE;
	default:
		if (answer->other)
			return answer->other(answer->arg, message);
		if (answer->fn && rtnl_parse_link(message, &link))
			answer->fn(answer->arg, &link);
		return 0;
	}
}

/* Send @msg, which is freed, and take in the whole answer. */
static int request(struct nl_sock *sock, struct nl_msg *msg,
		   struct answer *answer)
{
	int r;

	nl_complete_msg(sock, msg);
	answer->seq = nlmsg_hdr(msg)->nlmsg_seq;
	r = errno_of(nl_send(sock, msg));
	nlmsg_free(msg);
	while (r == 0)
		r = receive_datagram(sock, on_answer, answer);
	if (r < 0)
		return r;
	return answer->interrupted ? -EINTR : 0;
}

static struct nl_msg *new_request(int type, int flags, int index)
{
	struct ifinfomsg head = { .ifi_family = AF_UNSPEC, .ifi_index = index };
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags);

	if (!msg || nlmsg_append(msg, &head, sizeof(head), NLMSG_ALIGNTO) < 0) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

int rtnl_dump_links(struct nl_sock *sock, rtnl_link_fn fn, void *arg)
{
	int r = -EINTR;

	for (int i = 0; i < DUMP_TRIES && r == -EINTR; i++) {
		struct answer answer = { .fn = fn, .arg = arg };
		struct nl_msg *msg = new_request(RTM_GETLINK, NLM_F_DUMP, 0);

		if (!msg)
			return -ENOMEM;
		r = request(sock, msg, &answer);
	}
	return r == -EINTR ? -EAGAIN : r;
}

static void keep_link(void *arg, const struct link_info *link)
{
	*(struct link_info *)arg = *link;
}

int rtnl_get_link(struct nl_sock *sock, int index, struct link_info *ret)
{
	return rtnl_get_link_in(sock, -1, index, ret);
}

int rtnl_get_link_in(struct nl_sock *sock, int netns, int index,
		     struct link_info *ret)
{
	struct nl_msg *msg = new_request(RTM_GETLINK, NLM_F_ACK, index);
	struct link_info info = { 0 };
	struct answer answer = { .fn = keep_link, .arg = &info };
	int r;

	if (!msg)
		return -ENOMEM;
	if (netns >= 0 && nla_put_s32(msg, IFLA_TARGET_NETNSID, netns) < 0) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	r = request(sock, msg, &answer);
	if (r < 0)
		return r;
	if (info.index != index)
		return -ENODEV;
	*ret = info;
	return 0;
}

static int on_netns(void *arg, struct nlmsghdr *message)
{
	struct nlattr *attr[NETNSA_MAX + 1];
	int *netns = arg;

	if (message->nlmsg_type != RTM_NEWNSID)
		return 0;
	if (nlmsg_parse(message, sizeof(struct rtgenmsg), attr, NETNSA_MAX,
			NULL) == 0)
		*netns = number(attr[NETNSA_NSID], -1);
	return 0;
}

static int get_netns(struct nl_sock *sock, int attribute, uint32_t value,
		     int *ret)
{
	struct rtgenmsg head = { .rtgen_family = AF_UNSPEC };
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETNSID, NLM_F_ACK);
	int netns = -1;
	struct answer answer = { .other = on_netns, .arg = &netns };
	int r;

	if (!msg || nlmsg_append(msg, &head, sizeof(head), NLMSG_ALIGNTO) < 0 ||
	    nla_put_u32(msg, attribute, value) < 0) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	r = request(sock, msg, &answer);
	if (r < 0)
		return r;
	if (netns < 0)
		return -ENOENT;
	*ret = netns;
	return 0;
}

int rtnl_get_netns(struct nl_sock *sock, unsigned pid, int *ret)
{
	return get_netns(sock, NETNSA_PID, pid, ret);
}

int rtnl_get_netns_fd(struct nl_sock *sock, int fd, int *ret)
{
	return get_netns(sock, NETNSA_FD, (uint32_t)fd, ret);
}

struct address_query {
	int netns, index;
	struct rtnl_addresses found;
};

static void keep_address(struct address_query *q, const struct ifaddrmsg *head,
			 struct nlattr **attr)
{
	/* Of a point-to-point interface IFA_ADDRESS is the other end's. */
	struct nlattr *a = attr[IFA_LOCAL] ? attr[IFA_LOCAL]
					   : attr[IFA_ADDRESS];
	bool v4 = head->ifa_family == AF_INET;
	struct addr *to = v4 ? &q->found.v4 : &q->found.v6;

	if (!a || nla_len(a) != (int)addr_size(head->ifa_family) ||
	    addr_is_set(to))
		return;
	*to = addr_from_bytes(head->ifa_family, nla_data(a));
	*(v4 ? &q->found.len4 : &q->found.len6) = head->ifa_prefixlen;
}

static int on_address(void *arg, struct nlmsghdr *message)
{
	struct address_query *q = arg;
	struct nlattr *attr[IFA_MAX + 1];
	const struct ifaddrmsg *head;

	if (message->nlmsg_type != RTM_NEWADDR ||
	    !nlmsg_valid_hdr(message, sizeof(*head)))
		return 0;
	head = nlmsg_data(message);
	if (nlmsg_parse(message, sizeof(*head), attr, IFA_MAX, NULL) < 0)
		return 0;
	/* A kernel that does not know the attribute answers for our own
	 * namespace, without it. */
	if (number(attr[IFA_TARGET_NETNSID], -1) != q->netns ||
	    head->ifa_index != (unsigned)q->index ||
	    head->ifa_scope >= RT_SCOPE_LINK ||
	    head->ifa_flags & (IFA_F_SECONDARY | IFA_F_DADFAILED) ||
	    !addr_size(head->ifa_family))
		return 0;
	keep_address(q, head, attr);
	return 0;
}

static int ask_addresses(struct nl_sock *sock, uint8_t family,
			 struct address_query *q)
{
	struct ifaddrmsg head = { .ifa_family = family,
				  .ifa_index = (unsigned)q->index };
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETADDR, NLM_F_DUMP);
	struct answer answer = { .other = on_address, .arg = q };

	if (!msg || nlmsg_append(msg, &head, sizeof(head), NLMSG_ALIGNTO) < 0 ||
	    nla_put_s32(msg, IFA_TARGET_NETNSID, q->netns) < 0) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	return request(sock, msg, &answer);
}

int rtnl_get_addresses(struct nl_sock *sock, int netns, int index,
		       struct rtnl_addresses *ret)
{
	struct address_query q;
	int r = -EINTR, on = 1;

	/* Only so does the kernel look at the attributes of a dump. */
	if (setsockopt(nl_socket_get_fd(sock), SOL_NETLINK,
		       NETLINK_GET_STRICT_CHK, &on, sizeof(on)) < 0)
		return -EOPNOTSUPP;
	for (int i = 0; i < DUMP_TRIES && r == -EINTR; i++) {
		q = (struct address_query){ .netns = netns, .index = index };
		r = ask_addresses(sock, AF_INET, &q);
		if (r == 0)
			r = ask_addresses(sock, AF_INET6, &q);
		/* A kernel without IPv6 has none. */
		if (r == -EAFNOSUPPORT)
			r = 0;
	}
	if (r == 0)
		*ret = q.found;
	return r == -EINTR ? -EAGAIN : r;
}

/* RTM_NEWLINK without NLM_F_CREATE changes a link that is there. */
static struct nl_msg *filter_request(int index)
{
	static const struct br_boolopt_multi not_unseen = {
		.optval = 1U << BR_BOOLOPT_NO_LL_LEARN,
		.optmask = 1U << BR_BOOLOPT_NO_LL_LEARN,
	};
	struct nl_msg *msg = new_request(RTM_NEWLINK, NLM_F_ACK, index);
	struct nlattr *info, *data;

	if (!msg)
		return NULL;
	info = nla_nest_start(msg, IFLA_LINKINFO);
	if (!info || nla_put_string(msg, IFLA_INFO_KIND, "bridge") < 0)
		goto fail;
	data = nla_nest_start(msg, IFLA_INFO_DATA);
	if (!data || nla_put_u8(msg, IFLA_BR_NF_CALL_IPTABLES, 1) < 0 ||
	    nla_put_u8(msg, IFLA_BR_NF_CALL_IP6TABLES, 1) < 0 ||
	    nla_put(msg, IFLA_BR_MULTI_BOOLOPT, sizeof(not_unseen),
		    &not_unseen) < 0)
		goto fail;
	nla_nest_end(msg, data);
	nla_nest_end(msg, info);
	return msg;
fail:
	nlmsg_free(msg);
	return NULL;
}

int rtnl_set_filter(struct nl_sock *sock, int index,
		    char ret_text[static RTNL_TEXT_MAX])
{
	struct nl_msg *msg = filter_request(index);
	struct answer answer = { 0 };
	int r;

	if (!msg)
		return -ENOMEM;
	r = request(sock, msg, &answer);
	if (r < 0)
		snprintf(ret_text, RTNL_TEXT_MAX, "%s", answer.text);
	return r;
}

struct receiver {
	rtnl_link_fn fn;
	void *arg;
};

static int on_event(void *arg, struct nlmsghdr *message)
{
	const struct receiver *receiver = arg;
	struct link_info link;

	if (rtnl_parse_link(message, &link))
		receiver->fn(receiver->arg, &link);
	return 0;
}

int rtnl_receive(struct nl_sock *sock, rtnl_link_fn fn, void *arg)
{
	struct receiver receiver = { fn, arg };
	bool lost = false;
	int r;

	/* The kernel reports a loss at once, but the queue still holds what
	 * came before it: older than any dump that follows. */
	do {
		r = receive_datagram(sock, on_event, &receiver);
		lost |= r == -ENOBUFS || r == -EMSGSIZE;
	} while (r == 0 || r == -ENOBUFS || r == -EMSGSIZE);
	if (r != -EAGAIN)
		return r;
	return lost ? -ENOBUFS : 0;
}
