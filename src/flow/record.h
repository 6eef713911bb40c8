/* SPDX-License-Identifier: GPL-2.0-or-later */
/* record.h - what the flow log says of a packet, and how that reads as JSON.
 *
 * A record is plain data that the stages before have filled; only record.c
 * knows the format.
 */
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/reason.h"
#include "base/vec.h"
#include "endpoint/endpoint.h"
#include "flow/packet.h"

/** One side of a flow; its address and port are the packet's. */
struct flow_end {
	struct mac mac;		      /* all zero: not known */
	const struct endpoint *owner; /* borrowed; NULL: none known */
};

struct flow_record {
	uint64_t time; /* realtime ns, of the packet */
	uint64_t seq;  /* of the record, from 1 at each start of the agent */
	enum deny_direction direction;
	enum deny_reason reason;
	bool audit; /* logged only: the packet went on */
	struct flow_packet packet;
	struct flow_end src, dst;
	char in[IFNAMSIZ], out[IFNAMSIZ]; /* "": none */
	char phys_in[IFNAMSIZ], phys_out[IFNAMSIZ];
	VEC(char *) policies; /* owned */
	uint64_t packets, bytes, first, last;
};

void flow_record_fini(struct flow_record *r);

/** Who writes: the fields that every line has. */
struct flow_origin {
	char host[256];
	char boot_id[64];
};

/** Of this host; a field that cannot be read stays "". */
struct flow_origin flow_origin_here(void);

/** No line is longer, with its newline: every text in it has a bound, and what
 *  a container's labels have beyond theirs is left out and counted in
 *  "labels_omitted". */
#define FLOW_LINE_MAX (1 << 20)

/** Append the record and a newline. Returns 0, or -ENOBUFS (@line's bound). */
int flow_record_format(const struct flow_record *r,
		       const struct flow_origin *origin, struct buf *line);

/** Append a line that tells of @records lost @where. */
int flow_record_format_loss(const struct flow_origin *origin, uint64_t seq,
			    uint64_t now, const char *where, uint64_t records,
			    struct buf *line);
