/* SPDX-License-Identifier: GPL-2.0-or-later */
/* class.h - a class: what one set of policies does to its endpoints in one
 * direction, as chains.
 *
 * Endpoints that the same policies isolate share a class (and for ingress, the
 * same numbers behind those policies' named ports). Its chain is:
 *
 *   a TCP packet that opens no connection    -> invalid
 *   peers of rules without ports             -> return, admitted
 *   peers at their named ports (egress)      -> return
 *   dport, in a map per protocol or a rule   -> a leaf: those ports' peers
 *   everything else                          -> deny
 */
#pragma once

#include "base/reason.h"
#include "compile/group.h"

struct class
{
	uint8_t *key; /* direction, policies, resolved ports */
	size_t key_len;
	unsigned users;
	enum deny_direction direction;
	id_list policies; /* ids in the plan, ascending */
	struct object *chain;
	struct class **table;
	UT_hash_handle hh;
};

struct class_context {
	struct plan *plan;
	struct pool *pool;
	struct member *members; /* all, for new groups */
	struct class **table;
};

/** The class of @m in @direction, with one use; NULL: it is not isolated. */
struct class *class_use(struct class_context *c, const struct member *m,
			enum deny_direction direction);
void class_release(struct class *class);

/**
 * A chain that admits whom the ingress class of @m admits at one port, for
 * connections that something on the host takes in the container's stead.
 * With one use; NULL: @m is not isolated.
 */
struct object *class_proxy(struct class_context *c, const struct member *m,
			   uint8_t proto, uint16_t port);
