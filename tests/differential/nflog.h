/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nflog.h - denied packets, as the kernel logs them. */
#pragma once

#include "base/addr.h"
#include "base/reason.h"

/** One packet that was logged. */
struct nflog_packet {
	struct addr src, dst;
	uint8_t proto;
	uint16_t id; /* source port, SCTP's initiate tag, echo's identifier */
	uint16_t port;
	bool ours; /* the prefix is one of base/reason.h; else all is 0 */
	enum deny_direction direction;
	enum deny_reason reason;
	bool audit;
	char prefix[DENY_PREFIX_MAX];
};

struct nflog;

/** Listen in this thread's network namespace; aborts when it cannot. */
struct nflog *nflog_open(void);
void nflog_close(struct nflog *n);

/** Call @fn for each packet logged so far. Aborts when some were lost. */
void nflog_drain(struct nflog *n,
		 void (*fn)(void *arg, const struct nflog_packet *p),
		 void *arg);
