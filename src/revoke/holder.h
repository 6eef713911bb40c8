/* SPDX-License-Identifier: GPL-2.0-or-later */
/* holder.h - whose an address is, or was until lately. */
#pragma once

#include "base/addr.h"
#include "base/vec.h"
#include "revoke/subject.h"

struct holding {
	struct subject *subject;
	bool managed; /* by an attachment to a bridge that is governed */
};

/** An address that is somebody's, or was until lately. */
struct holder {
	struct addr addr;
	VEC(struct holding) holdings; /* in the order of ids */
	struct endpoint *former;      /* a reference; NULL: none */
	UT_hash_handle hh;
};

/** Zero-initialise it. */
struct holders {
	struct holder *table;
	VEC(char *) bridges; /* governed, sorted */
	bool released;	     /* some address has a former holder */
};

/** Take in which bridges are governed. Returns true when others were. */
bool holders_update_bridges(struct holders *all,
			    const struct compile_input *in);
/** @s gives up its addresses: whoever has no new owner loses its rights. */
void holders_release(struct holders *all, struct subject *s);
/** Who holds what, anew; who held something lately is kept. Subjects are
 *  borrowed until the next call. */
void holders_fill(struct holders *all, const struct subjects *subjects);
/** No address was given up: what its connections had has been dealt with. */
void holders_forget_released(struct holders *all);
void holders_fini(struct holders *all);

/** NULL: nobody's. */
const struct holder *holders_find(const struct holders *all,
				  const struct addr *a);

/** The first of those who hold it, else who did; borrowed. Both take NULL. */
struct endpoint *holder_first(const struct holder *h);
/** Somebody gave it up, and nobody has it. */
bool holder_is_released(const struct holder *h);
