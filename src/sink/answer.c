/* SPDX-License-Identifier: GPL-2.0-or-later */
/* answer.c - how the answers of an HTTP sink are to be taken. */
#include <stdlib.h>
#include <time.h>

#include "base/alloc.h"
#include "json/json.h"
#include "sink/push.h"

/* Nobody's Retry-After holds us up longer. */
#define RETRY_AFTER_MAX_MS 600000U

enum push_verdict push_judge(const struct http_result *result)
{
	int status = result->status;

	if (result->error)
		return PUSH_LATER;
	if (status >= 200 && status < 300)
		return PUSH_TAKEN;
	switch (status) {
	case 401:
	case 403:
	case 404:
	case 407: /* set right by whoever runs the receiver */
	case 408:
	case 425:
	case 429:
		return PUSH_LATER;
	default:
		return status >= 400 && status < 500 ? PUSH_REFUSED
						     : PUSH_LATER;
	}
}

uint64_t push_retry_after(struct slice head, uint64_t now)
{
	struct slice value;
	struct tm date = { 0 };
	_cleanup_(freep) char *text = NULL;
	char *end;
	unsigned long long seconds;
	time_t at;

	if (!http_header(head, "retry-after", &value) || !value.len)
		return 0;
	text = xstrndup(value.ptr, value.len);
	seconds = strtoull(text, &end, 10);
	if (*end) {
		end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &date);
		at = end && !*end ? timegm(&date) : 0;
		now /= 1000000000U;
		seconds = at > 0 && (uint64_t)at > now ? (uint64_t)at - now : 0;
	}
	return MIN(seconds, RETRY_AFTER_MAX_MS / 1000ULL) * 1000;
}

uint64_t otlp_rejected(struct slice body, char **ret_why)
{
	_cleanup_(json_unrefp) struct json_object *o = json_parse(body);
	struct json_object *partial = json_at(o, "partialSuccess");
	const char *number = json_text(partial, "rejectedLogRecords");
	const char *why = json_text(partial, "errorMessage");
	int64_t n = *number ? strtoll(number, NULL, 10)
			    : json_number(partial, "rejectedLogRecords");

	if (n > 0 && *why)
		*ret_why = xstrdup(why);
	return n > 0 ? (uint64_t)n : 0;
}
