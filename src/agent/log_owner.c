/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log_owner.c - the user that the flow writer runs as, and what belongs to it.
 *
 * Files are given away by descriptor, never by name, and only those that are
 * regular, the agent's own and have one name: the new owner may have put
 * anything into a directory that is its own already.
 */
#include "agent/log_owner.h"

#include <cap-ng.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"

/* ---- who --------------------------------------------------------------- */

void log_owner_fini(struct log_owner *o)
{
	free(TAKE_PTR(o->name));
}

static bool may_change(void)
{
	return capng_get_caps_process() == 0 &&
	       capng_have_capability(CAPNG_EFFECTIVE, CAP_SETUID) &&
	       capng_have_capability(CAPNG_EFFECTIVE, CAP_SETGID) &&
	       capng_have_capability(CAPNG_EFFECTIVE, CAP_CHOWN);
}

int log_owner_find(const char *name, struct log_owner *ret)
{
	const char *wanted = name ? name : LOG_OWNER_DEFAULT;
	const struct passwd *entry = getpwnam(wanted);

	*ret = (struct log_owner){ 0 };
	if (!entry && name)
		return -ENOENT;
	if (!entry) {
		log_warning(
			"there is no user %s (systemd-sysusers makes it): the flow writer runs as the agent's user, without capabilities",
			wanted);
		return 0;
	}
	if (entry->pw_uid == geteuid())
		return 0;
	if (!may_change()) {
		log_warning(
			"without CAP_SETUID, CAP_SETGID and CAP_CHOWN the flow writer cannot become %s: it runs as the agent's user, without capabilities",
			wanted);
		return 0;
	}
	*ret = (struct log_owner){ xstrdup(wanted), entry->pw_uid,
				   entry->pw_gid };
	return 0;
}

int log_owner_become(const char *name)
{
	const struct passwd *entry = getpwnam(name);
	uid_t real, effective, saved;

	if (!entry)
		return -ENOENT;
	if (initgroups(name, entry->pw_gid) < 0 ||
	    setresgid(entry->pw_gid, entry->pw_gid, entry->pw_gid) < 0 ||
	    setresuid(entry->pw_uid, entry->pw_uid, entry->pw_uid) < 0 ||
	    getresuid(&real, &effective, &saved) < 0)
		return -errno;
	return real == entry->pw_uid && effective == real && saved == real
		       ? 0
		       : -EPERM;
}

/* ---- what -------------------------------------------------------------- */

/* @group: to that of the owner, too; else the group, and so who may read it,
 * stays. */
static void give_fd(const struct log_owner *o, int fd, const char *path,
		    bool group)
{
	if (fchownat(fd, "", o->uid, group ? o->gid : (gid_t)-1,
		     AT_EMPTY_PATH) < 0)
		log_warning("cannot give %s to the user %s: %s", path, o->name,
			    strerror(errno));
}

/* A file that is the agent's; others have their owner for a reason. */
static void give_file(const struct log_owner *o, int dir, const char *name,
		      const char *path)
{
	_cleanup_(closep) int fd =
		openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    st.st_nlink == 1 && st.st_uid == geteuid())
		give_fd(o, fd, path, false);
}

/* True for PATH itself, and what rotation and SQLite put beside it. */
static bool belongs_to(const char *name, const char *base)
{
	size_t n = strlen(base);

	return !strncmp(name, base, n) &&
	       (!name[n] || name[n] == '.' || name[n] == '-');
}

/* Files in @path: all, or what belongs to @base. */
static void give_files(const struct log_owner *o, const char *path,
		       const char *base)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	/* Its owner's alone: then the files are its own, too. */
	if (!dir)
		return;
	while ((entry = readdir(dir)))
		if (!base || belongs_to(entry->d_name, base))
			give_file(o, dirfd(dir), entry->d_name, path);
	closedir(dir);
}

/* @bits as for "others", S_IWOTH and so on. */
static bool may(const struct log_owner *o, const struct stat *st, mode_t bits)
{
	unsigned shift = st->st_uid == o->uid	? 6
			 : st->st_gid == o->gid ? 3
						: 0;

	return (st->st_mode & bits << shift) == bits << shift;
}

/* Make the directory @path, the owner's; true when there was one already. */
static bool make_dir(const struct log_owner *o, const char *path, mode_t mode)
{
	_cleanup_(closep) int fd = -1;

	if (mkdir(path, mode) < 0)
		return errno == EEXIST;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0)
		give_fd(o, fd, path, true);
	return false;
}

/* An empty file of the owner's in a directory where it can make none. */
static void make_file(const struct log_owner *o, const char *path)
{
	_cleanup_(closep) int fd =
		open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);

	if (fd >= 0)
		give_fd(o, fd, path, true);
}

/* Others' directories are not ours to give away. */
static void prepare_beside(const struct log_owner *o,
			   const struct sink_config *sink)
{
	const char *slash = strrchr(sink->path, '/');
	_cleanup_(freep) char *dir =
		xstrndup(sink->path, MAX(slash - sink->path, 1));
	struct stat st;

	if (!make_dir(o, dir, 0750) || stat(dir, &st) < 0)
		return;
	if (!may(o, &st, S_IWOTH | S_IXOTH)) {
		log_warning(
			"sink %s: the user %s cannot make files in %s, so %s: give it that directory, or the sink another one",
			sink->name, o->name, dir,
			sink->kind == SINK_SQLITE ? "it cannot be written"
						  : "it cannot be rotated");
		if (sink->kind == SINK_FILE)
			make_file(o, sink->path);
	}
	give_files(o, dir, slash + 1);
}

static void prepare_spool(const struct log_owner *o, const char *path)
{
	_cleanup_(freep) char *parent =
		xstrndup(path, (size_t)(strrchr(path, '/') - path));
	_cleanup_(closep) int fd = -1;
	struct stat st;

	if (stat(parent, &st) == 0 && !may(o, &st, S_IXOTH))
		log_warning(
			"the user %s cannot reach %s: give its group to the directory %s",
			o->name, path, parent);
	if (!make_dir(o, path, 0700))
		return;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_uid != geteuid())
		return;
	/* The files first: what is half done is done again. */
	give_files(o, path, NULL);
	give_fd(o, fd, path, true);
}

void log_owner_prepare(const struct log_owner *o, const sink_config_list *sinks)
{
	if (!o->name)
		return;
	vec_foreach(sink, sinks) {
		if (sink->spool)
			prepare_spool(o, sink->spool);
		if (sink->kind == SINK_FILE || sink->kind == SINK_SQLITE)
			prepare_beside(o, sink);
	}
}
