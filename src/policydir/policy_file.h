/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policy_file.h - a file of the policy directory: what it says now, and what
 * of it is in force.
 *
 * The two differ while its newest version is broken, unreadable or half
 * written: the last good one stays in force then.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

#include "base/diag.h"
#include "policy/policy.h"

/** When this is the same, so is the content, but for writes that an event
 *  tells of. */
struct policy_file_stamp {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec mtime, ctime;
};

struct policy_file {
	char *name;		/* in the directory */
	char *path;		/* in messages */
	struct policy_set *set; /* in force; NULL: no version was ever good */
	uint64_t loaded;	/* when @set was read, realtime ns; or 0 */
	struct diag_list diag;	/* of the newest version */
	struct diag_list conflicts; /* with files before it */
	bool read;		    /* the three below are of a version */
	struct policy_file_stamp stamp;
	uint64_t hash;
	char sha256[65]; /* of the newest version that could be read */
	bool writing;	 /* left alone until it is closed */
	bool modified;	 /* by events: written to, not closed yet */
	bool touched;	 /* by events: not what was read last */
	bool there;	 /* found by the present scan */
	uint64_t gone;	 /* monotonic ns since when it is not; or 0 */
};

struct policy_file *policy_file_new(const char *dir, const char *name);
void policy_file_free(struct policy_file *f);

/** *.yaml, *.yml or *.json, but no hidden file. */
bool policy_file_is_name(const char *name);

enum policy_file_news {
	POLICY_FILE_SAME,  /* nothing new, or nothing that can be read yet */
	POLICY_FILE_SAID,  /* @diag or @writing changed, @set did not */
	POLICY_FILE_SET,   /* @set changed */
	POLICY_FILE_AGAIN, /* it was written while we read: read it again */
};

/**
 * Read the file in directory @dirfd if it may have changed, and judge it.
 *
 * @drain brings the events in which @modified and @touched come.
 */
enum policy_file_news policy_file_refresh(struct policy_file *f, int dirfd,
					  void (*drain)(void *arg), void *arg);
