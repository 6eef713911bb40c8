/* SPDX-License-Identifier: GPL-2.0-or-later */
/* account.c - **I8**: packets that the kernel dropped = recorded + suppressed +
 * lost. */
#include "flow/account.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "base/alloc.h"
#include "base/log.h"

#define MAGIC UINT64_C(0x626c6b6861636374) /* "blkhacct" */

/* The file: of one machine and one boot, so in the host's own byte order. */
struct kept {
	uint64_t magic;
	char boot_id[64];
	uint64_t sum; /* of the counters, accounted for */
};

struct flow_account {
	struct kept *kept; /* mapped, or on the heap */
	bool mapped, inherited;
	uint64_t recorded, suppressed, lost; /* since the last balance */
	uint64_t balanced;		     /* the sum then */
};

/* On a full disk a mapped hole would be a signal later: it is filled now. */
static struct kept *map_file(const char *path)
{
	_cleanup_(closep) int fd =
		open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	void *at;
	int r;

	if (fd < 0)
		return NULL;
	r = posix_fallocate(fd, 0, sizeof(struct kept));
	if (r) {
		errno = r;
		return NULL;
	}
	at = mmap(NULL, sizeof(struct kept), PROT_READ | PROT_WRITE, MAP_SHARED,
		  fd, 0);
	return at == MAP_FAILED ? NULL : at;
}

struct flow_account *flow_account_open(const char *path, const char *boot_id)
{
	struct flow_account *a = xnew(struct flow_account);

	a->kept = path ? map_file(path) : NULL;
	a->mapped = a->kept;
	if (path && !a->kept)
		log_warning(
			"cannot keep %s: %s; what is denied while no agent runs will not be told",
			path, strerror(errno));
	if (!a->kept)
		a->kept = xnew(struct kept);
	a->inherited =
		a->kept->magic == MAGIC && boot_id[0] &&
		!strncmp(a->kept->boot_id, boot_id, sizeof(a->kept->boot_id));
	a->balanced = a->kept->sum;
	if (a->inherited)
		return a;
	*a->kept = (struct kept){ .magic = MAGIC };
	memcpy(a->kept->boot_id, boot_id,
	       strnlen(boot_id, sizeof(a->kept->boot_id) - 1));
	a->balanced = 0;
	return a;
}

void flow_account_close(struct flow_account *a)
{
	if (!a)
		return;
	if (a->mapped)
		munmap(a->kept, sizeof(*a->kept));
	else
		free(a->kept);
	free(a);
}

bool flow_account_inherited(const struct flow_account *a)
{
	return a->inherited;
}

void flow_account_recorded(struct flow_account *a, uint64_t packets)
{
	a->recorded += packets;
	a->kept->sum += packets;
}

void flow_account_suppressed(struct flow_account *a, uint64_t packets)
{
	a->suppressed += packets;
	a->kept->sum += packets;
}

void flow_account_lost(struct flow_account *a, uint64_t packets)
{
	a->lost += packets;
	a->kept->sum += packets;
}

void flow_account_begin(struct flow_account *a, uint64_t dropped)
{
	a->kept->sum = a->balanced = dropped;
	a->recorded = a->suppressed = a->lost = 0;
}

uint64_t flow_account_sum(const struct flow_account *a)
{
	return a->kept->sum;
}

uint64_t flow_account_missing(const struct flow_account *a, uint64_t before)
{
	return before > a->kept->sum ? before - a->kept->sum : 0;
}

struct flow_balance flow_account_balance(struct flow_account *a,
					 uint64_t before, uint64_t after)
{
	uint64_t sum = a->kept->sum;
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
	a->kept->sum = a->balanced = MIN(sum, after);
	return b;
}
