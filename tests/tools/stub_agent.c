/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stub_agent.c - answers the control socket from files, for tests of the
 * command line: stub_agent SOCKET DIRECTORY.
 *
 * COMMAND.json is the result, COMMAND.error an error's text; a command with
 * neither is never answered. Each request is appended to the file "requests".
 * Prints "ready" once it listens; ends with SIGTERM.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "control/server.h"

struct stub {
	struct loop *loop;
	const char *dir;
};

static int read_answer(const struct stub *stub, const char *command,
		       const char *ending, struct buf *ret)
{
	_cleanup_(freep) char *path =
		xasprintf("%s/%s.%s", stub->dir, command, ending);

	return buf_read_file(ret, path);
}

static void record(const struct stub *stub, const char *command,
		   struct json_object *arguments)
{
	_cleanup_(freep) char *path = xasprintf("%s/requests", stub->dir);
	FILE *f = fopen(path, "a");

	if (!f)
		return;
	fprintf(f, "%s %s\n", command,
		json_object_to_json_string_ext(arguments,
					       JSON_C_TO_STRING_PLAIN));
	fclose(f);
}

static void on_command(void *arg, struct control_call *call,
		       const char *command, struct json_object *arguments)
{
	_cleanup_(buf_fini) struct buf text = BUF_INIT(BUF_UNBOUNDED);
	struct stub *stub = arg;

	record(stub, command, arguments);
	if (read_answer(stub, command, "json", &text) == 0)
		control_reply(call, json_tokener_parse(buf_str(&text)));
	else if (read_answer(stub, command, "error", &text) == 0)
		control_fail(call, "%s", buf_str(&text));
}

static void on_signal(void *arg, _unused_ int signum)
{
	struct stub *stub = arg;

	loop_stop(stub->loop);
}

int main(int argc, char **argv)
{
	_cleanup_(loop_freep) struct loop *loop = NULL;
	struct control_server *server;
	struct loop_signal *term;
	struct stub stub;
	int r;

	if (argc != 3)
		return 2;
	if (loop_new(&loop) < 0)
		return 1;
	stub = (struct stub){ loop, argv[2] };
	r = control_listen(loop, argv[1], (gid_t)-1, on_command, &stub,
			   &server);
	if (r < 0) {
		fprintf(stderr, "%s: %s\n", argv[1], strerror(-r));
		return 1;
	}
	term = loop_signal_new(loop, SIGTERM, on_signal, &stub);
	puts("ready");
	fflush(stdout);
	loop_run(loop);
	loop_signal_close(term);
	control_close(server);
	return 0;
}
