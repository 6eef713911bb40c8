/* SPDX-License-Identifier: GPL-2.0-or-later */
/* row.h - a native record taken apart into what the store has columns for.
 *
 * Nothing is lost: what has no column, or a value that its column could not
 * give back letter for letter, stays in "extra". Both the store and a reader of
 * the log's files go by this, so they agree on what a record says.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/buf.h"

struct json_object;

enum row_text {
	ROW_HOST,
	ROW_BOOT_ID,
	ROW_VERDICT,
	ROW_DIRECTION,
	ROW_REASON,
	ROW_PROTO,
	ROW_STATE,
	ROW_TCP_FLAGS,
	ROW_IFACE_IN,
	ROW_IFACE_OUT,
	ROW_PHYS_IN,
	ROW_PHYS_OUT,
	ROW_COMMUNITY_ID,
	ROW_EVENT,
	ROW_LEVEL,
	ROW_MESSAGE,
	ROW_TEXTS,
};

enum row_number {
	ROW_SEQ,
	ROW_PACKETS,
	ROW_BYTES,
	ROW_NEW_PACKETS,
	ROW_NEW_BYTES,
	ROW_PACKETS_REPLY,
	ROW_BYTES_REPLY,
	ROW_DURATION_MS,
	ROW_NUMBERS,
};

/** A number that may be missing. */
struct row_int {
	bool is_set;
	int64_t value;
};

struct row_end {
	struct addr addr; /* family 0: none */
	struct mac mac;	  /* zero: none */
	struct row_int port;
	const char *name;	       /* of DNS; NULL: none */
	struct json_object *container; /* borrowed; NULL: none */
};

/** Texts and objects are borrowed from the record. */
struct row {
	uint64_t time;		      /* of the record */
	uint64_t start, stop;	      /* first and last packet; else time */
	bool has_first, has_last;     /* the record says so */
	struct row_int flow_id;	      /* the 64 bits as they are */
	const char *texts[ROW_TEXTS]; /* NULL: none */
	struct row_int numbers[ROW_NUMBERS];
	struct row_int icmp_type, icmp_code;
	struct row_end src, dst;
	struct json_object *policies;  /* a list of names; NULL: none */
	struct json_object *container; /* an event's */
	const char *packet_head, *packet_link;
	struct json_object *extra; /* owned; NULL: none */
};

/** Texts that a column holds are shorter. */
#define ROW_TEXT_MAX 256

/**
 * Take @record apart; it must outlive @ret and stay as it is.
 *
 * Returns 0, or -EBADMSG when it is no record: an object with a time and a
 * verdict or an event. Times end with the year 2262.
 */
int row_take(struct json_object *record, struct row *ret);
void row_fini(struct row *r);

/** 16 hexadecimal digits, as flow ids are written. Returns false for others. */
bool row_flow_id_parse(const char *text, int64_t *ret);

/** A number that a port can be. Returns false for others. */
bool row_port_take(struct json_object *value, struct row_int *ret);

/** The record without what only one record of a flow is about: its new packets
 *  and the head of one. What an answer shows of a flow. Owned by the caller. */
struct json_object *row_summary(struct json_object *record);

/** Put every member of @from into @to; objects that both have are joined. */
void row_merge(struct json_object *to, struct json_object *from);
