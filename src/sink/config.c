/* SPDX-License-Identifier: GPL-2.0-or-later */
/* config.c - which sinks there are, and what each is told to do. */
#include "sink/config.h"

#include <assert.h>

const char *sink_kind_name(enum sink_kind kind)
{
	static const char *const names[] = {
		[SINK_FILE] = "file",	      [SINK_STDOUT] = "stdout",
		[SINK_JOURNALD] = "journald", [SINK_SYSLOG] = "syslog",
		[SINK_SQLITE] = "sqlite",     [SINK_OTLP] = "otlp",
		[SINK_LOKI] = "loki",
	};
	static_assert(ARRAY_SIZE(names) == SINK_KINDS, "a kind is missing");

	return names[kind];
}

bool sink_uses_network(const struct sink_config *c)
{
	return c->kind == SINK_OTLP || c->kind == SINK_LOKI ||
	       (c->kind == SINK_SYSLOG && c->transport != SINK_UNIX);
}

bool sink_uses_unix(const struct sink_config *c)
{
	return c->kind == SINK_JOURNALD ||
	       (c->kind == SINK_SYSLOG && c->transport == SINK_UNIX);
}

void sink_config_fini(struct sink_config *c)
{
	free(c->name);
	free(c->path);
	free(c->host);
	free(c->port);
	free(c->url);
	free(c->headers_file);
	free(c->ca_file);
	free(c->cert_file);
	free(c->key_file);
	free(c->spool);
	vec_foreach(header, &c->headers)
		free(*header);
	vec_fini(&c->headers);
	vec_foreach(label, &c->labels)
		free(*label);
	vec_fini(&c->labels);
}
