/* SPDX-License-Identifier: GPL-2.0-or-later */
/* config.h - which sinks there are, and what each is told to do. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"
#include "format/format.h"

enum sink_kind {
	SINK_FILE,
	SINK_STDOUT,
	SINK_JOURNALD,
	SINK_SYSLOG,
	SINK_SQLITE,
	SINK_OTLP,
	SINK_LOKI,
};
#define SINK_KINDS (SINK_LOKI + 1)

enum sink_transport { SINK_UNIX, SINK_UDP, SINK_TCP };

/** What a kind has no use for is zero. */
struct sink_config {
	enum sink_kind kind;
	char *name; /* unique; "file", "file-2", … unless it was given one */
	enum format_kind format;
	char *path; /* file, sqlite; of syslog's and journald's socket */

	uint64_t rotate_size; /* bytes; 0: never */
	uint64_t rotate_age;  /* seconds; 0: never */
	unsigned keep;	      /* rotated files */
	bool compress;	      /* those */

	enum sink_transport transport;
	char *host, *port;
	unsigned facility; /* RFC 5424 code */

	uint64_t retain_age;  /* seconds; 0: for ever */
	uint64_t retain_size; /* bytes; 0: any */

	char *url;
	char *headers_file;	    /* lines of "Name: value" */
	char *ca_file;		    /* NULL: the system's */
	char *cert_file, *key_file; /* our own; NULL: none */
	VEC(char *) headers;	    /* "Name: value" */
	VEC(char *) labels;  /* of Loki's streams: fields of the record */
	char *spool;	     /* directory of what waits to be sent */
	uint64_t spool_size; /* bytes */
};

typedef VEC(struct sink_config) sink_config_list;

/** "file", "stdout" and so on. */
const char *sink_kind_name(enum sink_kind kind);

/** True for what is sent over the network. */
bool sink_uses_network(const struct sink_config *c);
bool sink_uses_unix(const struct sink_config *c);

void sink_config_fini(struct sink_config *c);
