/* SPDX-License-Identifier: GPL-2.0-or-later */
/* keeper.h - the process that starts flow writers for the agent.
 *
 * The agent gives up execve(2) before it reads a single byte that others have
 * sent, and a fork of it would carry all that it knows. So before that it
 * executes itself once, as a keeper that has no privileges and does nothing
 * but fork a writer for each socket that the agent passes to it, and tell how
 * the writer ended.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/** What the keeper tells; of one writer after the other. */
struct sink_keeper_news {
	pid_t pid;
	bool ended;
	int status; /* as of waitpid(2), when it ended */
};

/**
 * Execute this program with @argv, by which it calls sink_keeper_serve() on
 * descriptor SINK_KEEPER_FD. Returns 0 or -errno.
 *
 * @ret_fd does not block.
 */
int sink_keeper_start(char *const argv[], pid_t *ret_pid, int *ret_fd);

#define SINK_KEEPER_FD 3

/** Have a writer started on @writer, which stays the caller's to close. */
int sink_keeper_ask(int fd, int writer);
/** Have the present writer killed. */
int sink_keeper_kill(int fd);
/** Close @fd and wait for the end of the keeper; it waits for its writer, for
 *  some seconds. */
void sink_keeper_stop(pid_t pid, int fd);
/** Returns 1; 0 when there are no more news; -EPIPE: the keeper is gone. */
int sink_keeper_news(int fd, struct sink_keeper_news *ret);

/**
 * Serve until @fd's other end is closed; then the keeper ends, with status 0.
 * In a forked child, @run gets the writer's socket: its result is the exit
 * status.
 */
int sink_keeper_serve(int fd, int (*run)(int fd));
