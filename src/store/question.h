/* SPDX-License-Identifier: GPL-2.0-or-later */
/* question.h - what is asked of the flow log, whether it is a store or files.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/vec.h"

struct row;

enum party_kind {
	PARTY_ANY,
	PARTY_NAME,	 /* a container's name or id, or a DNS name */
	PARTY_NAMESPACE, /* of a container */
	PARTY_PREFIX,	 /* an address or a CIDR block */
	PARTY_LABELS,	 /* of a container */
};

struct party_label {
	char *key, *value; /* value NULL: any */
	bool not ;	   /* other than that, or none; never of no container */
};

/** Characters of an id's beginning: fewer are as likely a name. */
#define PARTY_ID_MIN 6

/** Who a flow is from, or to. */
struct party {
	enum party_kind kind;
	char *namespace; /* NULL: any */
	char *name;
	struct prefix prefix;
	VEC(struct party_label) labels; /* all of them must hold */
};

/**
 * Read "web", "shop/web", "shop/" (a namespace), "4f1c9a" (the beginning of a
 * container's id), "db.example", "10.0.0.0/8", "fd00::1", "app=web,tier!=db",
 * "!app" or "app," (a label, whatever its value).
 *
 * Returns 0, or -EINVAL with @ret_error, which the caller does not free.
 */
int party_parse(const char *text, struct party *ret, const char **ret_error);
void party_fini(struct party *p);

enum verdict_bit {
	QUESTION_DENIED = 1,
	QUESTION_AUDIT = 2,
	QUESTION_ALLOWED = 4,
};

/** Zero-initialise it and set @until, for everything. */
struct question {
	uint64_t since, until; /* ns since 1970, both included: a flow that had
				* a packet then, an event that was then */
	unsigned verdicts;     /* of enum verdict_bit; 0: any */
	struct party from, to;
	struct row_filter_port {
		bool is_set;
		uint16_t port;
	} port;					   /* the destination's */
	char *proto, *policy, *reason, *direction; /* NULL: any */
	bool has_flow_id;
	int64_t flow_id;
	bool no_flows, events; /* events that tell of missing records are
				* always there, all others when asked for */
};

void question_fini(struct question *q);

/** True when what the record says is asked for. */
bool question_matches(const struct question *q, const struct row *r);

/** True when nothing but the time is asked about flows. */
bool question_is_open(const struct question *q);

/** Events that tell of missing records; NULL-terminated. */
extern const char *const question_gaps[];
