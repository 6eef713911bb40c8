/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kept.c - memory that outlives the agent: a file of this boot, mapped. */
#include "flow/kept.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "base/alloc.h"

/* Before the memory, in the file. */
struct head {
	uint64_t magic;
	char boot_id[64];
};

/* On a full disk a mapped hole would be a signal later: it is filled now. */
static int map_file(const char *path, size_t size, void **ret)
{
	_cleanup_(closep) int fd =
		open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	void *at;
	int r;

	if (fd < 0)
		return -errno;
	r = posix_fallocate(fd, 0, (off_t)size);
	if (r)
		return -r;
	at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return -errno;
	*ret = at;
	return 0;
}

int kept_open(const char *path, uint64_t magic, const char *boot_id,
	      size_t size, struct kept *ret)
{
	size_t whole = sizeof(struct head) + size;
	struct head *head = NULL;
	int r = path ? map_file(path, whole, &ret->base) : 0;

	ret->mapped = path && r == 0 ? whole : 0;
	if (!ret->mapped)
		ret->base = xcalloc(1, whole);
	head = ret->base;
	ret->memory = head + 1;
	ret->inherited =
		head->magic == magic && boot_id[0] &&
		!strncmp(head->boot_id, boot_id, sizeof(head->boot_id));
	if (ret->inherited)
		return r;
	/* Its meaning comes last. */
	head->magic = 0;
	memset(ret->memory, 0, size);
	memset(head->boot_id, 0, sizeof(head->boot_id));
	memcpy(head->boot_id, boot_id,
	       strnlen(boot_id, sizeof(head->boot_id) - 1));
	__atomic_store_n(&head->magic, magic, __ATOMIC_RELEASE);
	return r;
}

void kept_close(struct kept *k)
{
	if (k->mapped)
		munmap(k->base, k->mapped);
	else
		free(k->base);
	*k = (struct kept){ 0 };
}
