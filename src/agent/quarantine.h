/* SPDX-License-Identifier: GPL-2.0-or-later */
/* quarantine.h - which containers the operator has sealed off.
 *
 * Kept by id in the state directory, so that it holds over restarts of the
 * container, of its engine and of the agent, until it is lifted. A container
 * that is made anew has another id: then it is another one.
 */
#pragma once

#include <sys/types.h>

#include "base/vec.h"
#include "endpoint/store.h"

struct quarantined {
	char *id;
	char *name;	/* "namespace/name", as it was then */
	char *reason;	/* the operator's words; "": none given */
	uint64_t since; /* realtime ns */
	uint32_t uid;	/* who did it */
};

struct quarantine {
	struct endpoint_store *store;
	char *path;
	VEC(struct quarantined) all; /* in the order of @since */
};

/** Ids that are kept at most: an operator's, not a program's, number. */
#define QUARANTINE_MAX 4096
/** Bytes of a reason. */
#define QUARANTINE_REASON_MAX 512

/**
 * Read what was kept under @state_dir, and tell @store.
 *
 * Returns 0; -EBADMSG for a file that is none of ours, which must not be taken
 * for an empty one; or -errno. In any case to be ended by quarantine_fini().
 */
int quarantine_init(struct quarantine *q, struct endpoint_store *store,
		    const char *state_dir);
void quarantine_fini(struct quarantine *q);

/** NULL: it is not. By id. */
const struct quarantined *quarantine_find(const struct quarantine *q,
					  const char *id);

/** Likewise; @text as for quarantine_lift(). */
const struct quarantined *quarantine_find_named(const struct quarantine *q,
						const char *text);

/**
 * Seal @e off; once more is no error and changes nothing.
 *
 * Returns 0; -ENOSPC with QUARANTINE_MAX of them; or -errno when it could not
 * be kept, and then it does not hold.
 */
int quarantine_add(struct quarantine *q, const struct endpoint *e,
		   const char *reason, uid_t by);

/** @text: an id, or "namespace/name" of one whose container is gone. Returns 0;
 *  -ENOENT; or -errno when it could not be kept, and then it holds still. */
int quarantine_lift(struct quarantine *q, const char *text);
