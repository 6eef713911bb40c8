/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nflog.c - denied packets, as the kernel logs them. */
#include "nflog.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "compile/ruleset.h"

#define COPY_RANGE  256
#define MESSAGE_MAX 8192

struct nflog {
	struct mnl_socket *nl;
	void (*fn)(void *arg, const struct nflog_packet *p);
	void *arg;
};

static struct nlmsghdr *config_message(char *buf)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *nfg;

	h->nlmsg_type = (NFNL_SUBSYS_ULOG << 8) | NFULNL_MSG_CONFIG;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	nfg = mnl_nlmsg_put_extra_header(h, sizeof(*nfg));
	nfg->nfgen_family = AF_UNSPEC;
	nfg->res_id = htons(RULESET_NFLOG_DENIED);
	return h;
}

static void talk(struct nflog *n, struct nlmsghdr *h)
{
	char buf[MESSAGE_MAX];
	ssize_t len;

	if (mnl_socket_sendto(n->nl, h, h->nlmsg_len) < 0)
		err(1, "nflog");
	len = mnl_socket_recvfrom(n->nl, buf, sizeof(buf));
	if (len < 0 || mnl_cb_run(buf, (size_t)len, 0,
				  mnl_socket_get_portid(n->nl), NULL, NULL) < 0)
		err(1, "nflog group %d", RULESET_NFLOG_DENIED);
}

struct nflog *nflog_open(void)
{
	struct nflog *n = xnew(struct nflog);
	struct nfulnl_msg_config_cmd bind = { .command = NFULNL_CFG_CMD_BIND };
	struct nfulnl_msg_config_mode mode = {
		.copy_range = htonl(COPY_RANGE), .copy_mode = NFULNL_COPY_PACKET
	};
	char buf[MESSAGE_MAX];
	struct nlmsghdr *h;
	int size = 32 << 20;

	n->nl = mnl_socket_open(NETLINK_NETFILTER);
	if (!n->nl || mnl_socket_bind(n->nl, 0, MNL_SOCKET_AUTOPID) < 0)
		err(1, "netlink");
	setsockopt(mnl_socket_get_fd(n->nl), SOL_SOCKET, SO_RCVBUFFORCE, &size,
		   sizeof(size));
	h = config_message(buf);
	mnl_attr_put(h, NFULA_CFG_CMD, sizeof(bind), &bind);
	talk(n, h);
	h = config_message(buf);
	mnl_attr_put(h, NFULA_CFG_MODE, sizeof(mode), &mode);
	/* Each packet at once: we look only when all has arrived. */
	mnl_attr_put_u32(h, NFULA_CFG_QTHRESH, htonl(1));
	talk(n, h);
	if (fcntl(mnl_socket_get_fd(n->nl), F_SETFL, O_NONBLOCK) < 0)
		err(1, "nflog");
	return n;
}

void nflog_close(struct nflog *n)
{
	if (!n)
		return;
	mnl_socket_close(n->nl);
	free(n);
}

/* ---- packets ----------------------------------------------------------- */

static uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void decode(const uint8_t *b, size_t len, struct nflog_packet *p)
{
	size_t header = 0;

	if (len >= 20 && b[0] >> 4 == 4) {
		header = (b[0] & 15U) * 4U;
		p->proto = b[9];
		p->src = addr_from_bytes(AF_INET, b + 12);
		p->dst = addr_from_bytes(AF_INET, b + 16);
	} else if (len >= 40 && b[0] >> 4 == 6) {
		header = 40;
		p->proto = b[6];
		p->src = addr_from_bytes(AF_INET6, b + 8);
		p->dst = addr_from_bytes(AF_INET6, b + 24);
	}
	if (!header || len < header + 8)
		return;
	if (p->proto == IPPROTO_ICMP || p->proto == IPPROTO_ICMPV6) {
		p->id = be16(b + header + 4);
		return;
	}
	p->id = be16(b + header);
	if (p->proto == IPPROTO_SCTP && len >= header + 20)
		p->id = be16(b + header + 18);
	p->port = be16(b + header + 2);
}

static int packet(const struct nlmsghdr *h, void *data)
{
	const struct nflog *n = data;
	struct nflog_packet p = { 0 };
	const struct nlattr *attr;

	if ((h->nlmsg_type & 0xff) != NFULNL_MSG_PACKET)
		return MNL_CB_OK;
	mnl_attr_for_each(attr, h, sizeof(struct nfgenmsg))
	{
		switch (mnl_attr_get_type(attr)) {
		case NFULA_PREFIX:
			snprintf(p.prefix, sizeof(p.prefix), "%s",
				 mnl_attr_get_str(attr));
			break;
		case NFULA_PAYLOAD:
			decode(mnl_attr_get_payload(attr),
			       mnl_attr_get_payload_len(attr), &p);
			break;
		}
	}
	p.ours = deny_prefix_parse(slice_of(p.prefix), &p.direction, &p.reason,
				   &p.audit);
	n->fn(n->arg, &p);
	return MNL_CB_OK;
}

void nflog_drain(struct nflog *n,
		 void (*fn)(void *arg, const struct nflog_packet *p), void *arg)
{
	static char buf[1 << 16];
	ssize_t len;

	n->fn = fn;
	n->arg = arg;
	while ((len = mnl_socket_recvfrom(n->nl, buf, sizeof(buf))) > 0)
		if (mnl_cb_run(buf, (size_t)len, 0, 0, packet, n) < 0)
			err(1, "nflog packet");
	if (len < 0 && errno != EAGAIN)
		err(1, "nflog: log packets were lost");
}
