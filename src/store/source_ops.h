/* SPDX-License-Identifier: GPL-2.0-or-later */
/* source_ops.h - what a kind of source does. */
#pragma once

#include "store/source.h"

struct source_ops {
	void (*close)(struct source *s);
	int (*list)(struct source *s, const struct question *q, source_fn fn,
		    void *arg);
	/* NULL: cannot be followed so. */
	int (*news)(struct source *s, const struct question *q, source_fn fn,
		    void *arg);
	int (*count)(struct source *s, const struct question *q, uint64_t *ret);
	int (*fold)(struct source *s, const struct question *q,
		    struct fold *fold);
	int (*records)(struct source *s, int64_t flow_id,
		       void (*fn)(void *arg, const struct source_record *r),
		       void *arg);
	int (*packets)(struct source *s, const struct question *q,
		       bool (*fn)(void *arg, const struct source_packet *p),
		       void *arg);
};

/** The beginning of each kind's own struct. */
struct source {
	const struct source_ops *ops;
	char *error; /* owned; NULL: none */
};
