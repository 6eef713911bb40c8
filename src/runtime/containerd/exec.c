/* SPDX-License-Identifier: GPL-2.0-or-later */
/* exec.c - which command entered a container: containerd's events tell that a
 * process did, and /proc what it is.
 *
 * The event may come while the process is still becoming its command, when it
 * has runc's arguments or none: it is looked at again a little later. Whoever made the
 * process chose its arguments, and it may change them itself: a record for
 * people, bounded, from which nothing else follows.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "runtime/containerd/containerd.h"

#define COMMAND_MAX 4096
#define BEFORE	    "runc init"
#define LOOKS_MAX   50
#define LOOK_MS	    10

struct containerd_exec {
	struct containerd *containerd;
	struct containerd_exec *prev, *next;
	struct loop_timer *timer;
	char *id; /* the store's, of the container */
	unsigned pid, looks;
};

/* With blanks between the arguments. Returns 0 with @ret, the caller's; -EAGAIN
 * when there are none yet; or -errno: the process is gone or out of sight. */
static int read_command(unsigned pid, char **ret)
{
	_cleanup_(freep) char *path = xasprintf("/proc/%u/cmdline", pid);
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[COMMAND_MAX];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));

	if (n < 0)
		return -errno;
	while (n > 0 && !text[n - 1])
		n--;
	if (!n)
		return -EAGAIN;
	for (ssize_t i = 0; i < n; i++)
		if (!text[i])
			text[i] = ' ';
	*ret = xstrndup(text, (size_t)n);
	return 0;
}

static void drop_exec(struct containerd_exec *x)
{
	if (x->prev)
		x->prev->next = x->next;
	else
		x->containerd->execs = x->next;
	if (x->next)
		x->next->prev = x->prev;
	loop_timer_close(x->timer);
	free(x->id);
	free(x);
}

static void look(void *arg)
{
	struct containerd_exec *x = arg;
	const struct runtime_host *host = &x->containerd->session.host;
	_cleanup_(freep) char *command = NULL;
	int r = read_command(x->pid, &command);

	if ((r == -EAGAIN || (r == 0 && !strcmp(command, BEFORE))) &&
	    ++x->looks < LOOKS_MAX) {
		loop_timer_start(x->timer, LOOK_MS, 0);
		return;
	}
	if (host->exec)
		host->exec(host->arg, x->id, command);
	drop_exec(x);
}

void containerd_exec_started(struct containerd *c, const char *id, unsigned pid)
{
	struct containerd_exec *x = xnew(struct containerd_exec);

	x->containerd = c;
	x->timer = loop_timer_new(c->session.host.loop, look, x);
	x->id = xstrdup(id);
	x->pid = pid;
	x->next = c->execs;
	if (x->next)
		x->next->prev = x;
	c->execs = x;
	look(x);
}

void containerd_execs_cancel(struct containerd *c)
{
	while (c->execs)
		drop_exec(c->execs);
}
