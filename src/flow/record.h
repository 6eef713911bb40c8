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

enum flow_state { FLOW_NEW, FLOW_UPDATE, FLOW_END };

struct flow_record {
	uint64_t time; /* realtime ns, of the packet or the count */
	uint64_t seq;  /* of the record, from 1 at each start of the agent */
	enum deny_direction direction;
	enum deny_reason reason;
	bool no_reason; /* neither of the two is known */
	bool audit;	/* logged only: the packet went on */
	bool allowed;	/* a connection: no policy stopped it */
	uint64_t id;	/* of the flow; 0: the record stands for itself */
	enum flow_state state;
	struct flow_packet packet;
	struct flow_end src, dst;
	char in[IFNAMSIZ], out[IFNAMSIZ]; /* "": none */
	char phys_in[IFNAMSIZ], phys_out[IFNAMSIZ];
	VEC(char *) policies;		      /* owned */
	uint64_t packets, bytes, first, last; /* of the flow so far */
	uint64_t new_packets, new_bytes;      /* since its last record */
	bool uncounted;			      /* none of these four is known */
	/* Of a connection that is over. */
	bool has_reply, has_duration;
	uint64_t packets_reply, bytes_reply, duration_ns;
	/* Where it was addressed to before DNAT; no family: nowhere else. */
	struct addr published;
	uint16_t published_port;
	char *src_name, *dst_name; /* DNS names, owned; NULL: none */
	/* The logged head, owned; NULL: none. */
	uint8_t *head;
	size_t head_len;
	bool head_ethernet; /* it begins with the frame's header */
};

void flow_record_fini(struct flow_record *r);

/** A flow's id: random, never 0. */
uint64_t flow_id_new(void);

/** Who writes: the fields that every line has. */
struct flow_origin {
	char host[256];
	char boot_id[64];
};

/** Of this host; a field that cannot be read stays "". */
struct flow_origin flow_origin_here(void);

/** No line is longer, with its newline: every text in it has a bound, and what
 *  a container's labels, the policies or the networks have beyond theirs is left
 *  out and counted in "labels_omitted", "policies_omitted", "networks_omitted". */
#define FLOW_LINE_MAX (1 << 20)

/** Append the record and a newline. Returns 0, or -ENOBUFS (@line's bound). */
int flow_record_format(const struct flow_record *r,
		       const struct flow_origin *origin, struct buf *line);

/** A value of an event, beside its text. */
struct flow_value {
	const char *key;  /* static; NULL ends the list */
	const char *text; /* NULL: it is @number, or with @is_bool a boolean */
	uint64_t number;
	bool is_bool;
};

#define FLOW_VALUES_MAX 10

/** What happened, other than to a packet. */
struct flow_event {
	const char *name;  /* "container-start" … */
	const char *level; /* "info", "warning", "error" */
	const char *message;
	const struct endpoint *container; /* NULL: it is about none */
	bool networks;			  /* tell those of the container */
	const char *const *policies;	  /* "namespace/name" */
	size_t npolicies;
	bool has_policies;
	struct flow_value values[FLOW_VALUES_MAX];
};

/** Append the event and a newline. Returns 0, or -ENOBUFS (@line's bound). */
int flow_event_format(const struct flow_event *e,
		      const struct flow_origin *origin, uint64_t seq,
		      uint64_t now, struct buf *line);
