/* SPDX-License-Identifier: GPL-2.0-or-later */
/* keeper.c - the process that starts flow writers for the agent.
 *
 * Over a pair of SOCK_SEQPACKET: towards the keeper, one byte, with a
 * descriptor when a writer is wanted; back, a struct sink_keeper_news.
 */
#include "sink/keeper.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"

enum { ASK_START = 's', ASK_KILL = 'k' };

/* For what a writer still has to write. */
#define LAST_SECONDS 5

extern char **environ;

/* ---- the agent's side -------------------------------------------------- */

int sink_keeper_start(char *const argv[], pid_t *ret_pid, int *ret_fd)
{
	posix_spawn_file_actions_t actions;
	int pair[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, pair[1], SINK_KEEPER_FD);
	posix_spawn_file_actions_addclosefrom_np(&actions, SINK_KEEPER_FD + 1);
	r = -posix_spawn(ret_pid, "/proc/self/exe", &actions, NULL, argv,
			 environ);
	posix_spawn_file_actions_destroy(&actions);
	close(pair[1]);
	if (r < 0) {
		close(pair[0]);
		return r;
	}
	*ret_fd = pair[0];
	return 0;
}

static int ask(int fd, char what, const int *passed)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { &what, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (passed) {
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
		control.head = (struct cmsghdr){
			.cmsg_len = CMSG_LEN(sizeof(int)),
			.cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS,
		};
		memcpy(CMSG_DATA(&control.head), passed, sizeof(int));
	}
	return sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int sink_keeper_ask(int fd, int writer)
{
	return ask(fd, ASK_START, &writer);
}

int sink_keeper_kill(int fd)
{
	return ask(fd, ASK_KILL, NULL);
}

void sink_keeper_stop(pid_t pid, int fd)
{
	_cleanup_(closep) int process = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p = { .fd = process, .events = POLLIN };

	close(fd);
	/* One that is another user's may not be killed. */
	if ((process < 0 || poll(&p, 1, 2 * LAST_SECONDS * 1000) <= 0) &&
	    kill(pid, SIGKILL) < 0)
		return;
	waitpid(pid, NULL, 0);
}

int sink_keeper_news(int fd, struct sink_keeper_news *ret)
{
	struct sink_keeper_news news;
	ssize_t n = recv(fd, &news, sizeof(news), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n != sizeof(news))
		return -EPIPE;
	*ret = news;
	return 1;
}

/* ---- the keeper -------------------------------------------------------- */

struct keeper {
	int fd, signals;
	pid_t writer; /* the last one; 0: none runs */
	sigset_t old;
	int (*run)(int fd);
};

/* One request; @ret_passed -1 unless a descriptor came. Returns its byte, 0 at
 * the end, or -errno. */
static int receive(int fd, int *ret_passed)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	char what = 0;
	struct iovec iov = { &what, 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *c;
	ssize_t n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);

	*ret_passed = -1;
	if (n <= 0)
		return n < 0 ? -errno : 0;
	c = CMSG_FIRSTHDR(&msg);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(ret_passed, CMSG_DATA(c), sizeof(int));
	return what;
}

/* The keeper is gone: there is little time left, if the agent is too. */
static void on_parent_gone(_unused_ int signum)
{
	alarm(LAST_SECONDS);
}

static void become_writer(struct keeper *k, int fd)
{
	struct sigaction gone = { .sa_handler = on_parent_gone,
				  .sa_flags = SA_RESTART };

	close(k->fd);
	close(k->signals);
	sigaction(SIGUSR1, &gone, NULL);
	prctl(PR_SET_PDEATHSIG, SIGUSR1, 0, 0, 0);
	sigprocmask(SIG_SETMASK, &k->old, NULL);
	exit(k->run(fd) < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

static void tell(struct keeper *k, pid_t pid, bool ended, int status)
{
	struct sink_keeper_news news = { .pid = pid,
					 .ended = ended,
					 .status = status };

	(void)send(k->fd, &news, sizeof(news), MSG_NOSIGNAL);
}

static void start_writer(struct keeper *k, int fd)
{
	pid_t pid = fork();

	if (pid == 0)
		become_writer(k, fd);
	if (pid > 0)
		k->writer = pid;
	/* Without one the closed socket tells the agent. */
	tell(k, pid, pid < 0, 0);
}

static void reap(struct keeper *k)
{
	struct signalfd_siginfo drained;
	int status;
	pid_t pid;

	if (read(k->signals, &drained, sizeof(drained)) < 0)
		return;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == k->writer)
			k->writer = 0;
		tell(k, pid, true, status);
	}
}

static int serve_one(struct keeper *k)
{
	_cleanup_(closep) int passed = -1;
	int what = receive(k->fd, &passed);

	if (what == ASK_START && passed >= 0)
		start_writer(k, passed);
	else if (what == ASK_KILL && k->writer)
		kill(k->writer, SIGKILL);
	return what;
}

/* The agent is gone: its writer has a little time to write what it has, and
 * none when it is stopped or hangs. */
static int outlive_writer(struct keeper *k)
{
	struct pollfd p = { .fd = k->signals, .events = POLLIN };

	while (k->writer && poll(&p, 1, LAST_SECONDS * 1000) > 0)
		reap(k);
	if (k->writer)
		kill(k->writer, SIGKILL);
	return 0;
}

int sink_keeper_serve(int fd, int (*run)(int fd))
{
	struct keeper k = { .fd = fd, .run = run };
	struct pollfd polled[2] = { { .fd = fd, .events = POLLIN },
				    { .events = POLLIN } };
	sigset_t wanted;

	/* The agent's group is told to end: the writer does when it has all. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	sigemptyset(&wanted);
	sigaddset(&wanted, SIGCHLD);
	sigprocmask(SIG_BLOCK, &wanted, &k.old);
	k.signals = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
	if (k.signals < 0)
		return -errno;
	polled[1].fd = k.signals;
	for (;;) {
		if (poll(polled, 2, -1) < 0 && errno != EINTR)
			return -errno;
		if (polled[1].revents)
			reap(&k);
		if (polled[0].revents && serve_one(&k) <= 0)
			return outlive_writer(&k);
	}
}
