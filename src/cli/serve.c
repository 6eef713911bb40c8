/* SPDX-License-Identifier: GPL-2.0-or-later */
/* serve.c - bulkhead serve: metrics over HTTP, from a process without
 * privileges, as the agent opens no port. */
#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "base/alloc.h"
#include "cli/moment.h"
#include "cli/options.h"
#include "cli/text.h"
#include "expose/address.h"
#include "expose/server.h"

#define TICK_S		1
#define DEFAULT_TIMEOUT "5s"

struct serve_options {
	const char *listen, *user;
	uint64_t timeout_ms;
};

/* ---- privileges -------------------------------------------------------- */

/* To @name, with the groups that the user is in. */
static int become(const char *name)
{
	struct passwd *pw = getpwnam(name);

	if (!pw || pw->pw_uid == 0) {
		text_complain("serve: --user %s: %s", name,
			      pw ? "is root" : "there is no such user");
		return EXIT_USAGE;
	}
	if (initgroups(pw->pw_name, pw->pw_gid) < 0 ||
	    setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) < 0 ||
	    setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) < 0) {
		text_complain("serve: cannot become %s: %s", name,
			      strerror(errno));
		return EXIT_NO;
	}
	return EXIT_DONE;
}

/* What faces a network is nobody's equal. */
static int shed_privileges(const char *user)
{
	if (user) {
		int status = become(user);

		if (status != EXIT_DONE)
			return status;
	} else if (geteuid() == 0) {
		text_complain(
			"serve: not as root: give --user NAME, one in the control socket's group, or start bulkhead-metrics.service");
		return EXIT_USAGE;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0) {
		text_complain("serve: cannot give up privileges: %s",
			      strerror(errno));
		return EXIT_NO;
	}
	return EXIT_DONE;
}

/* ---- serving ----------------------------------------------------------- */

/* Threads inherit the mask: signals are this one's alone. */
static void block_signals(sigset_t *ret)
{
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(ret);
	sigaddset(ret, SIGTERM);
	sigaddset(ret, SIGINT);
	pthread_sigmask(SIG_BLOCK, ret, NULL);
}

static void wait_for_end(struct server *server, const sigset_t *signals)
{
	static const struct timespec tick = { .tv_sec = TICK_S };

	while (sigtimedwait(signals, NULL, &tick) < 0)
		server_tick(server);
}

static int serve(const struct cli *cli, const struct address *address, int fd,
		 const struct serve_options *o)
{
	struct server_options options = { .socket = cli->socket,
					  .timeout_ms = (int)o->timeout_ms };
	_cleanup_(server_stopp) struct server *server = NULL;
	char text[ADDRESS_STRLEN];
	sigset_t signals;
	int r;

	block_signals(&signals);
	address_format(fd, text);
	r = server_start(fd, &options, &server);
	if (r < 0) {
		text_complain("serve: cannot serve on %s: %s", text,
			      strerror(-r));
		return EXIT_NO;
	}
	fprintf(stderr, "bulkhead: serving /metrics on %s\n", text);
	if (!address_is_local(address))
		text_complain(
			"serve: whoever reaches %s can read the names of namespaces and policies: there is no password and no encryption",
			text);
	wait_for_end(server, &signals);
	return EXIT_DONE;
}

static int listen_and_serve(const struct cli *cli,
			    const struct serve_options *o)
{
	struct address address;
	const char *error;
	int fd, r, status;

	if (address_parse(o->listen, &address, &error) < 0)
		return command_misuse(&command_serve, "--listen %s: %s",
				      o->listen, error);
	status = shed_privileges(o->user);
	if (status != EXIT_DONE)
		return status;
	r = address_listen(&address, &fd);
	if (r < 0) {
		text_complain("serve: cannot listen on %s: %s", o->listen,
			      r == -ENOTSOCK ? "there is something else"
					     : strerror(-r));
		return EXIT_NO;
	}
	status = serve(cli, &address, fd, o);
	address_unlink(&address);
	return status;
}

static int run(const struct cli *cli, int argc, char **argv)
{
	struct serve_options o = { .listen = ADDRESS_DEFAULT };
	const char *timeout = DEFAULT_TIMEOUT;
	const struct cli_option options[] = {
		{ 'l', "listen", OPTION_TEXT, &o.listen, 0 },
		{ 't', "timeout", OPTION_TEXT, &timeout, 0 },
		{ 'u', "user", OPTION_TEXT, &o.user, 0 },
		{ 0 },
	};
	int status = options_read(&command_serve, options, argc, argv);

	if (status >= 0)
		return status;
	if (duration_parse(timeout, &o.timeout_ms) < 0 || !o.timeout_ms ||
	    o.timeout_ms > 60000)
		return command_misuse(&command_serve,
				      "'%s' is no duration from 1ms to 60s",
				      timeout);
	if (optind < argc)
		return command_misuse(&command_serve, "takes no argument");
	return listen_and_serve(cli, &o);
}

const struct command command_serve = {
	.name = "serve",
	.synopsis =
		"[--listen ADDRESS:PORT] [--timeout DURATION] [--user NAME]",
	.summary = "serve metrics over HTTP, for Prometheus",
	.help = "Answer GET /metrics with the agent's metrics, and GET /healthz with how it\n"
		"stands, or with status 503 when it does not answer. Asks the agent each time.\n"
		"Ends with SIGTERM.\n\n"
		"Options:\n"
		"  -l, --listen ADDRESS:PORT  a numeric address, or unix:PATH; default\n"
		"                             127.0.0.1:9477\n"
		"  -t, --timeout DURATION     of asking the agent; default 5s\n"
		"  -u, --user NAME            when started by root: become NAME\n"
		"  -h, --help                 print this\n",
	.run = run,
};
