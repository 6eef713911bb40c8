/* SPDX-License-Identifier: GPL-2.0-or-later */
/* page.c - what a scrape gets: the agent is asked, the answer is text. */
#include "expose/page.h"

#include <errno.h>
#include <json-c/json.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"
#include "bulkhead/control.h"
#include "control/client.h"
#include "expose/exposition.h"
#include "json/json.h"

static void add_up(struct buf *out, bool up)
{
	exposition_gauge(out, "bulkhead_up",
			 "Whether bulkheadd answered in time.", up);
}

static int no_metrics(int error, char **ret_error)
{
	*ret_error = xstrdup(
		error == -ENOBUFS
			? "the agent's metrics are longer than 16 MiB"
			: "the agent's answer is no metrics: is it of another version?");
	return error;
}

static int ask(const char *socket, int timeout_ms, struct buf *out,
	       char **ret_error)
{
	_cleanup_(json_unrefp) struct json_object *metrics = NULL;
	uint64_t begin = clock_monotonic();
	int r = control_request(socket, CONTROL_METRICS, NULL, timeout_ms,
				&metrics, ret_error);

	if (r < 0)
		return r;
	add_up(out, true);
	r = exposition_add(out, metrics);
	if (r < 0)
		return no_metrics(r, ret_error);
	exposition_gauge(out, "bulkhead_scrape_duration_seconds",
			 "How long it took to ask bulkheadd.",
			 (double)(clock_monotonic() - begin) / 1e9);
	return buf_error(out) ? no_metrics(buf_error(out), ret_error) : 0;
}

void page_down(struct buf *out)
{
	add_up(out, false);
}

int page_make(const char *socket, int timeout_ms, struct buf *out,
	      char **ret_error)
{
	_cleanup_(buf_fini) struct buf page = BUF_INIT(PAGE_MAX);
	int r = ask(socket, timeout_ms, &page, ret_error);

	if (r < 0) {
		buf_clear(&page);
		page_down(&page);
	}
	buf_add(out, page.data, page.len);
	return r;
}

int page_health(const char *socket, int timeout_ms, struct buf *out,
		char **ret_error)
{
	_cleanup_(json_unrefp) struct json_object *status = NULL;
	int r = control_request(socket, CONTROL_STATUS, NULL, timeout_ms,
				&status, ret_error);

	if (r < 0)
		return r;
	text_safe(out, slice_of(json_text(status, "state")));
	buf_adds(out, "\n");
	return 0;
}
