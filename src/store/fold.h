/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fold.h - flows counted by what they have in common: the top talkers. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct json_object;
struct fold;

enum fold_field {
	FOLD_SRC, /* a container's full name, else the DNS name, else the IP */
	FOLD_DST,
	FOLD_SRC_IP,
	FOLD_DST_IP,
	FOLD_SRC_NAMESPACE,
	FOLD_DST_NAMESPACE,
	FOLD_SRC_IMAGE,
	FOLD_DST_IMAGE,
	FOLD_PORT,
	FOLD_PROTO,
	FOLD_VERDICT,
	FOLD_DIRECTION,
	FOLD_REASON,
	FOLD_POLICY, /* those of a flow, as one */
	FOLD_HOST,
	FOLD_FIELDS,
};

#define FOLD_BY_MAX 8

struct fold_by {
	enum fold_field fields[FOLD_BY_MAX];
	unsigned n;
};

const char *fold_field_name(enum fold_field field);
/** Returns 0 or -EINVAL. */
int fold_field_parse(const char *name, enum fold_field *ret);

/** True for what is of one of the ends; the port is of the flow. */
bool fold_is_of_src(enum fold_field field);
bool fold_is_of_dst(enum fold_field field);

/** The value of @field in a record; "" when it has none. */
void fold_value(enum fold_field field, struct json_object *record,
		struct buf *ret);

struct fold_group {
	char **values; /* of fold_by's fields */
	uint64_t flows, packets, bytes;
};

/** Of which the @top largest are wanted; SIZE_MAX: all. */
struct fold *fold_new(const struct fold_by *by, size_t top);
void fold_free(struct fold *f);
static inline void fold_freep(struct fold **f)
{
	fold_free(*f);
}

/** Count into the group of @record, of which only the fields are looked at. */
void fold_add(struct fold *f, struct json_object *record, uint64_t flows,
	      uint64_t packets, uint64_t bytes);

const struct fold_by *fold_by(const struct fold *f);
size_t fold_wanted(const struct fold *f);

/** Forget what is not among those that are wanted; nothing is added to a group
 *  any more that is there. */
void fold_trim(struct fold *f);

/** Those that are wanted: the largest by flows, then packets, then by name.
 *  Borrowed from @f until it changes. Returns how many there are. */
size_t fold_top(struct fold *f, const struct fold_group **ret);
