/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tally.h - denied flows, what was counted of each and what was told of it.
 *
 * Knows neither kernel nor clock: denied.c says what a harvest finds, and when
 * that is.
 */
#pragma once

#include "flow/denied.h"

struct tally;

struct tally_counts {
	uint64_t packets, bytes;
};

struct tally *tally_new(struct flow_account *account,
			struct flow_denied_listener listener);
void tally_free(struct tally *t);
DEFINE_FREEP(struct tally, tally_free)

/** A logged packet; see flow_denied_packet(). */
bool tally_packet(struct tally *t, const struct flow_key *key,
		  struct flow_record *record);

/** A harvest begins. @first: what it finds was told by an earlier agent. */
void tally_begin(struct tally *t, bool first);

/** An element that the harvest finds, its last packet at @last (realtime ns).
 */
void tally_element(struct tally *t, const struct flow_key *key,
		   struct tally_counts counts, uint64_t last);

/** All elements are there: what is new may be told. */
void tally_rewind(struct tally *t);
/** Tell what is new of the next flow. Returns false when there is no other. */
bool tally_tell_next(struct tally *t, uint64_t now);
/** Tell, in one, of the flows that there was no room for. */
void tally_tell_overflow(struct tally *t);

/** Flows, and those of the set with that number. */
size_t tally_len(const struct tally *t);
size_t tally_len_of(const struct tally *t, size_t set);

/** Flows that are told one by one: some 20 MiB. What is over is counted. */
#define TALLY_MAX 32768
