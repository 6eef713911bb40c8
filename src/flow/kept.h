/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kept.h - memory that outlives the agent: a file of this boot, mapped.
 *
 * What is written to it is there for the next agent, also when this one is
 * killed within the next instruction. It does not outlive the boot, and is in
 * the host's own byte order.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kept {
	void *memory;	/* the bytes asked for */
	bool inherited; /* they are an earlier agent's; else all zero */
	void *base;	/* of what is mapped, or of the heap */
	size_t mapped;	/* 0: on the heap, for this agent's life */
};

/**
 * @size bytes that are kept at @path. Those of an earlier agent are taken for
 * such by @magic, which stands for what they mean and their layout, and by
 * @boot_id; "" is nobody's.
 *
 * Returns 0; or -errno, and then @ret is memory all the same, only that nobody
 * inherits it. @path NULL asks for that, without error.
 */
int kept_open(const char *path, uint64_t magic, const char *boot_id,
	      size_t size, struct kept *ret);
void kept_close(struct kept *k);
