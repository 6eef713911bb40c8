/* SPDX-License-Identifier: GPL-2.0-or-later */
/* metrics.c - bulkhead metrics: once, for a file that node_exporter reads. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "bulkhead/control.h"
#include "cli/options.h"
#include "cli/text.h"
#include "expose/page.h"
#include "json/json.h"

static int write_all(int fd, struct slice text)
{
	while (text.len) {
		ssize_t n = write(fd, text.ptr, text.len);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			text.ptr += n;
			text.len -= (size_t)n;
		}
	}
	return 0;
}

static int fill(int fd, const struct buf *page)
{
	int r = write_all(fd, buf_slice(page));

	/* Whatever the umask: another user's node_exporter reads it. */
	if (r == 0 && fchmod(fd, 0644) < 0)
		r = -errno;
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	return r;
}

/* In one step: who reads @path gets the old page or the new one, whole. The
 * name in between is none that node_exporter reads (*.prom). */
static int replace(const char *path, const struct buf *page)
{
	_cleanup_(freep) char *part = xasprintf("%s.XXXXXX", path);
	_cleanup_(closep) int fd = mkostemp(part, O_CLOEXEC);
	int r;

	if (fd < 0)
		return -errno;
	r = fill(fd, page);
	if (r == 0 && rename(part, path) < 0)
		r = -errno;
	if (r < 0)
		unlink(part);
	return r;
}

/* An agent that does not answer is told by the page as well. */
static int print_page(const struct cli *cli, int timeout_ms, const char *path)
{
	_cleanup_(buf_fini) struct buf page = BUF_INIT(BUF_UNBOUNDED);
	_cleanup_(freep) char *error = NULL;
	int r = page_make(cli->socket, timeout_ms, &page, &error);
	int status = r == 0	       ? EXIT_DONE
		     : r == -EREMOTEIO ? EXIT_NO
				       : EXIT_UNREACHABLE;

	if (r < 0)
		text_complain("%s", error);
	if (!path) {
		command_print(&page);
		return status;
	}
	r = replace(path, &page);
	if (r == 0)
		return status;
	text_complain("cannot write %s: %s", path, strerror(-r));
	return status == EXIT_DONE ? EXIT_NO : status;
}

static int print_json(const struct cli *cli, int timeout_ms, enum format format)
{
	_cleanup_(json_unrefp) struct json_object *metrics = NULL;
	int status =
		command_ask(cli, CONTROL_METRICS, NULL, timeout_ms, &metrics);

	if (status == EXIT_DONE)
		command_print_json(metrics, format);
	return status;
}

static int run(const struct cli *cli, int argc, char **argv)
{
	enum format format = FORMAT_TABLE;
	const char *path = NULL;
	const struct cli_option options[] = {
		{ 'w', "write", OPTION_TEXT, &path, 0 },
		{ 'o', "output", OPTION_FORMAT, &format, FORMATS_DATA },
		{ 0 },
	};
	int status = options_read(&command_metrics, options, argc, argv);

	if (status >= 0)
		return status;
	if (optind < argc)
		return command_misuse(&command_metrics, "takes no argument");
	if (path && format != FORMAT_TABLE)
		return command_misuse(&command_metrics,
				      "--write is of Prometheus' format alone");
	if (format != FORMAT_TABLE)
		return print_json(cli, COMMAND_TIMEOUT_MS, format);
	return print_page(cli, COMMAND_TIMEOUT_MS, path);
}

const struct command command_metrics = {
	.name = "metrics",
	.synopsis = "[--write FILE] [-o FORMAT]",
	.summary = "print metrics for Prometheus",
	.help = "Print the agent's metrics in Prometheus' text format, see bulkhead-metrics(5).\n"
		"An agent that does not answer is bulkhead_up 0, with exit status 3.\n\n"
		"Options:\n"
		"  -w, --write FILE     replace FILE in one step, mode 0644: for the\n"
		"                       textfile collector of node_exporter, NAME.prom\n"
		"  -o, --output FORMAT  instead of Prometheus' format: json, yaml\n"
		"  -h, --help           print this\n",
	.run = run,
};
