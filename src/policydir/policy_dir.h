/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policy_dir.h - the directory of policy files, watched.
 *
 * *.yaml, *.yml and *.json in it, not below it; no hidden files. The rules, by
 * which nothing that happens to the directory widens access by accident:
 *
 * D1 A file is read when nobody has it open for writing, never half-written.
 * D2 The last good version of a file that is broken, unreadable or being
 *    written stays in force.
 * D3 A file's policies go when it is gone and no other file has gone for
 *    POLICY_DIR_GRACE_MS: one that is replaced by unlink-and-create is never
 *    gone in between, nor are those of a directory that is being removed.
 * D4 When the directory itself is gone (removed, renamed, unmounted), the last
 *    set stays in force until it is back.
 * D5 What one set consists of is told as one change, and only if it differs.
 *
 * Symbolic links are followed, and watched: the directory may be one, on any
 * level, and so may files (ConfigMap volumes, Git checkouts behind a link).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "loop/loop.h"
#include "policy/policy.h"

#define POLICY_DIR_FILES_MAX 10000U
#define POLICY_DIR_SETTLE_MS 5	/* from the first event to the scan */
#define POLICY_DIR_GRACE_MS  50 /* see D3 */

struct policy_dir;

/** The set or the status of a file changed; policy_dir_set() is the new one. */
typedef void (*policy_dir_fn)(void *arg);

/**
 * Read directory @path and watch it from then on.
 *
 * A directory that is missing is no failure: it is a problem in the status,
 * and read once it is there. @changed is not called before this returns.
 * Returns 0, or -errno when nothing can be watched at all.
 */
int policy_dir_open(struct loop *loop, const char *path, policy_dir_fn changed,
		    void *arg, struct policy_dir **ret);
void policy_dir_close(struct policy_dir *d);

/** What is in force, of all files. Never NULL; the directory's, so ref it to
 *  keep it. */
struct policy_set *policy_dir_set(const struct policy_dir *d);

/** Scan now, for `bulkhead wait`: what is complete on disk is in the set when
 *  this returns. May call @changed. */
void policy_dir_rescan(struct policy_dir *d);

/** False while something in the directory has no good version that could be in
 *  force, or it was never read at all: at first start, no time to be ready. */
bool policy_dir_ok(const struct policy_dir *d);

/** What is wrong with the directory as a whole; NULL: nothing. */
const char *policy_dir_problem(const struct policy_dir *d);

struct policy_dir_file {
	const char *path;
	bool broken;	 /* its newest version is not what is in force */
	bool in_force;	 /* some version of it is */
	bool writing;	 /* somebody has it open for writing */
	uint64_t loaded; /* when the version in force was read, realtime ns */
	size_t policies; /* in force from it */
	const struct policy_set *set; /* the same; NULL: none */
	const char *hash; /* SHA-256 of its newest version, in hex */
	/* Of the newest version, and conflicts with files before it. */
	const struct diag_list *diag, *conflicts;
};

/** Files in the order of their names; pointers valid until the next event. */
size_t policy_dir_files(const struct policy_dir *d);
void policy_dir_file(const struct policy_dir *d, size_t i,
		     struct policy_dir_file *ret);
