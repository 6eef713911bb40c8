/* SPDX-License-Identifier: GPL-2.0-or-later */
/* managed.h - the networks that are governed, and those that were when the
 * agent ran last.
 *
 * At boot the engine starts its containers before it answers anybody. What
 * they are is then not known, and their bridges must not carry them: so the
 * managed bridges are remembered in the state directory, and govern until
 * every runtime is in step.
 */
#pragma once

#include "endpoint/store.h"

struct managed {
	char *path;    /* the remembered bridges, one a line; NULL: none */
	char *written; /* what the file holds */
	VEC(struct network *) remembered;
	/* Live and remembered ones together; rebuilt by managed_update(). */
	VEC(const struct network *) all;
};

/** Read what was remembered under @state_dir, which is made when only itself is
 *  missing. */
void managed_init(struct managed *m, const char *state_dir);
void managed_fini(struct managed *m);

/** True when policies govern @n: it has a bridge and is not ignored. */
bool managed_network(const struct network *n, char *const *ignored,
		     size_t nignored);

/**
 * Take the managed ones of @networks; with @keep_remembered also those bridges
 * that only an earlier run saw.
 */
void managed_update(struct managed *m, const struct network *const *networks,
		    size_t n, char *const *ignored, size_t nignored,
		    bool keep_remembered);

/** Remember @all for the next start, if it is not what the file holds.
 *  Returns 0 or -errno. */
int managed_save(struct managed *m);
