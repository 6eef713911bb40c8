/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policy_file.c - reads a policy file when nobody writes it.
 *
 * A read lease (fcntl(2), F_SETLEASE) tells, at any moment, whether a file is
 * open for writing, and keeps writers waiting for the moments that we read. It
 * is refused on other people's files (without CAP_LEASE) and by some file
 * systems; then the events tell: modified and not closed yet.
 */
#include "policydir/policy_file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <nettle/sha2.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/hash.h"
#include "yaml/node.h"

struct policy_file *policy_file_new(const char *dir, const char *name)
{
	struct policy_file *f = xnew(struct policy_file);

	f->name = xstrdup(name);
	f->path = xasprintf("%s/%s", dir, name);
	return f;
}

void policy_file_free(struct policy_file *f)
{
	if (!f)
		return;
	policy_set_unref(f->set);
	diag_fini(&f->diag);
	diag_fini(&f->conflicts);
	free(f->name);
	free(f->path);
	free(f);
}

bool policy_file_is_name(const char *name)
{
	static const char *const endings[] = { ".yaml", ".yml", ".json" };
	size_t len = strlen(name);

	if (name[0] == '.' || name[0] == '#')
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(endings); i++) {
		size_t n = strlen(endings[i]);

		if (len > n && !strcmp(name + len - n, endings[i]))
			return true;
	}
	return false;
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool same_stamp(const struct policy_file_stamp *a,
		       const struct policy_file_stamp *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	       same_time(&a->mtime, &b->mtime) &&
	       same_time(&a->ctime, &b->ctime);
}

static struct policy_file_stamp stamp_of(const struct stat *st)
{
	return (struct policy_file_stamp){ st->st_dev, st->st_ino, st->st_size,
					   st->st_mtim, st->st_ctim };
}

enum lease { LEASE_HELD, LEASE_WRITER, LEASE_NONE };

static enum lease lease_take(int fd)
{
	/* A writer who comes meanwhile raises a signal; SIGIO would end us,
	 * SIGURG is ignored unless somebody asks for it. */
	if (fcntl(fd, F_SETSIG, SIGURG) < 0)
		return LEASE_NONE;
	if (fcntl(fd, F_SETLEASE, F_RDLCK) == 0)
		return LEASE_HELD;
	return errno == EAGAIN ? LEASE_WRITER : LEASE_NONE;
}

/* What one reading gave. */
struct reading {
	struct buf text;
	struct policy_file_stamp stamp;
	bool leased;
};

static void reading_fini(struct reading *g)
{
	buf_fini(&g->text);
}

/* Most scans are about another file: one look is enough then. */
static bool unchanged(const struct policy_file *f, int dirfd)
{
	struct policy_file_stamp stamp;
	struct stat st;

	if (!f->read || f->touched || fstatat(dirfd, f->name, &st, 0) < 0)
		return false;
	stamp = stamp_of(&st);
	return same_stamp(&stamp, &f->stamp);
}

/* Returns 0; -EALREADY when the stamp is that of the version known; -EBUSY
 * when somebody writes the file; or -errno. */
static int read_version(const struct policy_file *f, int dirfd,
			struct reading *g)
{
	_cleanup_(closep) int fd = -1;
	enum lease lease;
	struct stat st;
	int r;

	if (unchanged(f, dirfd))
		return -EALREADY;
	fd = openat(dirfd, f->name,
		    O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	lease = lease_take(fd);
	if (lease == LEASE_WRITER || (lease == LEASE_NONE && f->modified))
		return -EBUSY;
	/* Not before: until then somebody could write. */
	if (fstat(fd, &st) < 0)
		return -errno;
	g->stamp = stamp_of(&st);
	g->leased = lease == LEASE_HELD;
	r = buf_read_fd(&g->text, fd);
	if (g->leased)
		fcntl(fd, F_SETLEASE, F_UNLCK);
	return r;
}

/* Put the problems of a new version in place; were they the same before? */
static bool replace_diag(struct policy_file *f, struct diag_list *diag)
{
	bool same = f->diag.entries.len == diag->entries.len;
	struct diag_list old = f->diag;

	for (size_t i = 0; same && i < diag->entries.len; i++) {
		const struct diag *a = &old.entries.data[i];
		const struct diag *b = &diag->entries.data[i];

		same = a->line == b->line && a->col == b->col &&
		       a->severity == b->severity &&
		       !strcmp(a->message, b->message);
	}
	f->diag = *diag;
	diag_fini(&old);
	return same;
}

static void take_sha256(struct policy_file *f, struct slice text)
{
	uint8_t digest[SHA256_DIGEST_SIZE];
	struct sha256_ctx context;

	sha256_init(&context);
	sha256_update(&context, text.len, (const uint8_t *)text.ptr);
	sha256_digest(&context, sizeof(digest), digest);
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(f->sha256 + 2 * i, 3, "%02x", digest[i]);
}

static enum policy_file_news judge(struct policy_file *f, struct slice text)
{
	uint64_t hash = hash_seeded(text.ptr, text.len);
	struct policy_set *set = NULL;
	struct diag_list diag = { 0 };

	if (f->read && f->hash == hash && f->stamp.size == (off_t)text.len)
		return POLICY_FILE_SAME;
	f->hash = hash;
	take_sha256(f, text);
	policy_parse(text, f->path, &diag, &set);
	if (!set)
		return replace_diag(f, &diag) ? POLICY_FILE_SAME
					      : POLICY_FILE_SAID;
	replace_diag(f, &diag);
	policy_set_unref(f->set);
	f->set = set;
	f->loaded = clock_realtime();
	return POLICY_FILE_SET;
}

static enum policy_file_news unreadable(struct policy_file *f, int error)
{
	struct diag_place whole = { .file = f->path };
	struct diag_list diag = { 0 };

	/* Whatever becomes readable next is judged anew. */
	f->read = false;
	if (error == -EFBIG)
		diag_error(&diag, whole, "larger than %u MiB",
			   YAML_BYTES_MAX >> 20);
	else if (error == -EINVAL)
		diag_error(&diag, whole, "not a regular file");
	else if (error == -ENOENT)
		diag_error(&diag, whole,
			   "a symbolic link to a file that does not exist");
	else
		diag_errno(&diag, f->path, error, "cannot read");
	return replace_diag(f, &diag) ? POLICY_FILE_SAME : POLICY_FILE_SAID;
}

static enum policy_file_news set_writing(struct policy_file *f, bool writing)
{
	bool before = f->writing;

	f->writing = writing;
	return before == writing ? POLICY_FILE_SAME : POLICY_FILE_SAID;
}

static bool is_link(int dirfd, const char *name)
{
	struct stat st;

	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISLNK(st.st_mode);
}

enum policy_file_news policy_file_refresh(struct policy_file *f, int dirfd,
					  void (*drain)(void *arg), void *arg)
{
	_cleanup_(reading_fini) struct reading g = {
		.text = BUF_INIT(YAML_BYTES_MAX),
	};
	enum policy_file_news news, waited;
	int r = read_version(f, dirfd, &g);

	if (r == -EALREADY)
		return set_writing(f, false);
	if (r == -EBUSY)
		return set_writing(f, true);
	/* A write that came in before the end of the reading has its event in
	 * the queue by now. Under a lease there was none. */
	f->touched = false;
	drain(arg);
	if (r == 0 && !g.leased && f->touched)
		return POLICY_FILE_AGAIN;
	if (r == -ENOENT && !is_link(dirfd, f->name)) {
		/* It went while we looked. */
		f->there = false;
		return POLICY_FILE_SAME;
	}
	waited = set_writing(f, false);
	if (r < 0) {
		news = unreadable(f, r);
	} else {
		news = judge(f, buf_slice(&g.text));
		f->stamp = g.stamp;
		f->read = true;
	}
	return news == POLICY_FILE_SAME ? waited : news;
}
