/* SPDX-License-Identifier: GPL-2.0-or-later */
/* account.c - **I8**: packets that the kernel dropped = recorded + suppressed +
 * lost. */
#include "flow/account.h"

#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "flow/kept.h"

#define MAGIC UINT64_C(0x626c6b6861636332) /* "blkhacc2" */

struct flow_account {
	struct kept kept;
	uint64_t sum;	/* of the counters, accounted for */
	uint64_t *left; /* of it, what has left this process; kept */
	uint64_t recorded, suppressed, lost; /* since the last balance */
	uint64_t balanced;		     /* the sum then */
};

struct flow_account *flow_account_open(const char *path, const char *boot_id)
{
	struct flow_account *a = xnew(struct flow_account);
	int r = kept_open(path, MAGIC, boot_id, sizeof(*a->left), &a->kept);

	if (r < 0)
		log_warning(
			"cannot keep %s: %s; what is denied while no agent runs will not be told",
			path, strerror(-r));
	a->left = a->kept.memory;
	a->sum = a->balanced = *a->left;
	return a;
}

void flow_account_close(struct flow_account *a)
{
	if (!a)
		return;
	kept_close(&a->kept);
	free(a);
}

bool flow_account_inherited(const struct flow_account *a)
{
	return a->kept.inherited;
}

void flow_account_recorded(struct flow_account *a, uint64_t packets)
{
	a->recorded += packets;
	a->sum += packets;
}

void flow_account_suppressed(struct flow_account *a, uint64_t packets)
{
	a->suppressed += packets;
	a->sum += packets;
}

void flow_account_lost(struct flow_account *a, uint64_t packets)
{
	a->lost += packets;
	a->sum += packets;
}

void flow_account_keep(struct flow_account *a)
{
	*a->left = a->sum;
}

void flow_account_begin(struct flow_account *a, uint64_t dropped)
{
	a->sum = a->balanced = *a->left = dropped;
	a->recorded = a->suppressed = a->lost = 0;
}

uint64_t flow_account_sum(const struct flow_account *a)
{
	return a->sum;
}

uint64_t flow_account_missing(const struct flow_account *a, uint64_t before)
{
	return before > a->sum ? before - a->sum : 0;
}

struct flow_balance flow_account_balance(struct flow_account *a,
					 uint64_t before, uint64_t after)
{
	uint64_t sum = a->sum;
	/* What was dropped while the elements were read may be in them. */
	uint64_t dropped = sum < before ? before : sum > after ? after : sum;
	struct flow_balance b = {
		.dropped = dropped - MIN(a->balanced, dropped),
		.recorded = a->recorded,
		.suppressed = a->suppressed,
		.lost = a->lost,
	};

	b.exact = b.dropped == b.recorded + b.suppressed + b.lost;
	a->recorded = a->suppressed = a->lost = 0;
	/* More than there was: told once, by a balance that is not exact. */
	a->sum = a->balanced = MIN(sum, after);
	*a->left = MIN(*a->left, a->sum);
	return b;
}
