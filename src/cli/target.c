/* SPDX-License-Identifier: GPL-2.0-or-later */
/* target.c - DST[:PORT[/PROTO]], as `bulkhead explain` takes it. */
#include "cli/target.h"

#include <errno.h>
#include <string.h>

#include "base/addr.h"
#include "base/alloc.h"

void target_fini(struct target *t)
{
	free(t->host);
	t->host = NULL;
}

static const char *protocol_of(const char *text)
{
	static const char *const known[] = { "tcp", "udp", "sctp" };

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (!strcasecmp(known[i], text))
			return known[i];
	return NULL;
}

/* PORT[/PROTO] */
static const char *parse_service(const char *text, struct target *t)
{
	size_t n = strspn(text, "0123456789");
	unsigned long port = n && n <= 5 ? strtoul(text, NULL, 10) : 0;

	if (port < 1 || port > 65535 || (text[n] && text[n] != '/'))
		return "the port is no number from 1 to 65535";
	t->port = (uint16_t)port;
	t->protocol = text[n] ? protocol_of(text + n + 1) : "tcp";
	return t->protocol ? NULL : "the protocol is none of tcp, udp, sctp";
}

/* Where the host ends: at its bracket, at its colon, or with the text. */
static const char *host_end(const char *text)
{
	const char *colon = strrchr(text, ':');
	struct addr a;

	if (text[0] == '[')
		return strchr(text, ']');
	if (!colon || addr_parse(slice_of(text), &a) == 0)
		return text + strlen(text);
	return colon;
}

int target_parse(const char *text, struct target *ret, const char **ret_error)
{
	struct target t = { .protocol = "icmp" };
	const char *end = host_end(text), *error = NULL;
	bool bracket = text[0] == '[';

	if (!end) {
		*ret_error = "the bracket is not closed";
		return -EINVAL;
	}
	text += bracket;
	if (end == text)
		error = "there is no destination";
	t.host = xstrndup(text, (size_t)(end - text));
	end += bracket;
	if (!error && *end == ':')
		error = parse_service(end + 1, &t);
	else if (!error && *end)
		error = "only a colon and a port may follow the bracket";
	if (error) {
		target_fini(&t);
		*ret_error = error;
		return -EINVAL;
	}
	*ret = t;
	return 0;
}

char *target_host(const char *text)
{
	size_t n = strlen(text);

	if (n > 2 && text[0] == '[' && text[n - 1] == ']')
		return xstrndup(text + 1, n - 2);
	return xstrdup(text);
}
