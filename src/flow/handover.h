/* SPDX-License-Identifier: GPL-2.0-or-later */
/* handover.h - what the next agent gets to know of connections that live.
 *
 * An agent that is restarted, or killed, finds the same connections in the
 * kernel. That their records go on as those of the same flow, with a duration
 * and exact differences, is what is handed over.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/** Of one connection. */
struct handover_slot {
	uint64_t key;	/* the connection's hash; 0: nobody's */
	uint64_t id;	/* the flow's */
	uint64_t first; /* realtime ns; 0: not known */
	/* Told so far, in the direction of its first packet. */
	uint64_t packets, bytes;
};

#define HANDOVER_MAX 65536

struct handover;

/** @path NULL, or a file that cannot be used: nothing is handed over, which is
 *  logged unless @path is NULL. */
struct handover *handover_open(const char *path, const char *boot_id);
void handover_close(struct handover *h);

/** For a new connection, with an id of its own; one of the same @key that was
 *  handed over is over. NULL: HANDOVER_MAX live already. */
struct handover_slot *handover_add(struct handover *h, uint64_t key);
/** What was handed over of @key, once; NULL: nothing. */
struct handover_slot *handover_take(struct handover *h, uint64_t key);
/** It is over. NULL: nothing to do. */
void handover_drop(struct handover *h, struct handover_slot *slot);
/** What nobody has taken was over before. */
void handover_sweep(struct handover *h);
