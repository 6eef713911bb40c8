/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sink.c - flowLog.sinks: where the records go. */
#include <errno.h>
#include <string.h>

#include "config/read.h"
#include "base/buf.h"
#include "sink/spool.h"

#define DEFAULT_FLOW_LOG "/var/log/bulkhead/flows.jsonl"
#define SINKS_MAX	 16
#define FACILITY_LOCAL0	 16
#define DEFAULT_SPOOL	 (256U << 20)

/* ---- values ------------------------------------------------------------ */

static void read_path_key(struct reader *r, const struct yaml_node *n)
{
	config_read_path(r, n, &r->sink->path);
}

static void read_format(struct reader *r, const struct yaml_node *n)
{
	_cleanup_(freep) char *name = NULL;

	if (config_read_string(r, n, &name) &&
	    format_kind_parse(slice_of(name), &r->sink->format) < 0)
		diag_error(r->diag, config_at(r, n),
			   "\"%s\" is no format: use native, ecs, ocsf or csv",
			   name);
}

static void read_name(struct reader *r, const struct yaml_node *n)
{
	static const char fit[] = "abcdefghijklmnopqrstuvwxyz0123456789-_";
	char **name = &r->sink->name;

	if (!config_read_string(r, n, name))
		return;
	if (strlen(*name) > 32 || strspn(*name, fit) != strlen(*name) ||
	    !strcmp(*name, "writer"))
		diag_error(
			r->diag, config_at(r, n),
			"\"%.80s\" cannot be a sink's name: lower case letters, digits, '-' and '_', at most 32, and not \"writer\"",
			*name);
}

static void read_rotate_size(struct reader *r, const struct yaml_node *n)
{
	config_read_size(r, n, &r->sink->rotate_size);
}

static void read_rotate_age(struct reader *r, const struct yaml_node *n)
{
	config_read_duration(r, n, 0, UINT64_MAX, &r->sink->rotate_age);
}

static void read_retain_size(struct reader *r, const struct yaml_node *n)
{
	config_read_size(r, n, &r->sink->retain_size);
}

static void read_retain_age(struct reader *r, const struct yaml_node *n)
{
	config_read_duration(r, n, 0, UINT64_MAX, &r->sink->retain_age);
}

static void read_compress(struct reader *r, const struct yaml_node *n)
{
	config_read_bool(r, n, &r->sink->compress);
}

static void read_keep(struct reader *r, const struct yaml_node *n)
{
	if (n->kind == YAML_NULL)
		return;
	if (n->kind != YAML_INT || n->integer < 1 || n->integer > 1000)
		diag_error(
			r->diag, config_at(r, n),
			"expected how many rotated files to keep, from 1 to 1000");
	else
		r->sink->keep = (unsigned)n->integer;
}

/* unix:PATH, udp:HOST:PORT or tcp:HOST:PORT; an IPv6 address in brackets. */
static bool parse_address(char *text, struct sink_config *to)
{
	char *host = strchr(text, ':'), *port;

	if (!host)
		return false;
	*host++ = '\0';
	if (!strcmp(text, "unix")) {
		to->transport = SINK_UNIX;
		to->path = xstrdup(host);
		return host[0] == '/';
	}
	if (strcmp(text, "udp") && strcmp(text, "tcp"))
		return false;
	to->transport = text[0] == 't' ? SINK_TCP : SINK_UDP;
	port = strrchr(host, ':');
	if (!port)
		return false;
	*port++ = '\0';
	if (host[0] == '[' && host[strlen(host) - 1] == ']') {
		host[strlen(host) - 1] = '\0';
		host++;
	}
	to->host = xstrdup(host);
	to->port = xstrdup(port);
	return *host && *port && strlen(port) <= 5 &&
	       strspn(port, "0123456789") == strlen(port) &&
	       strtoul(port, NULL, 10) - 1 < 65535;
}

static void read_address(struct reader *r, const struct yaml_node *n)
{
	_cleanup_(freep) char *text = NULL;

	if (config_read_string(r, n, &text) && !parse_address(text, r->sink))
		diag_error(
			r->diag, config_at(r, n),
			"expected unix:PATH, udp:HOST:PORT or tcp:HOST:PORT, got \"%.*s\"",
			(int)MIN(n->text.len, 80U), n->text.ptr);
}

static void read_facility(struct reader *r, const struct yaml_node *n)
{
	/* By their codes; see syslog(3). */
	static const char *const names[] = {
		"kern",	  "user",   "mail",   "daemon", "auth",	    "syslog",
		"lpr",	  "news",   "uucp",   "cron",	"authpriv", "ftp",
		NULL,	  NULL,	    NULL,     NULL,	"local0",   "local1",
		"local2", "local3", "local4", "local5", "local6",   "local7",
	};
	_cleanup_(freep) char *name = NULL;

	if (!config_read_string(r, n, &name))
		return;
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i] && !strcmp(name, names[i])) {
			r->sink->facility = i;
			return;
		}
	diag_error(r->diag, config_at(r, n),
		   "unknown facility \"%s\": use daemon, local0 to local7, …",
		   name);
}

static void read_url(struct reader *r, const struct yaml_node *n)
{
	char **url = &r->sink->url;
	size_t host;

	if (!config_read_string(r, n, url))
		return;
	host = !strncmp(*url, "http://", 7)    ? 7
	       : !strncmp(*url, "https://", 8) ? 8
					       : 0;
	if (!host || !strcspn(*url + host, "/?#") ||
	    strcspn(*url, "\"<> \t\r\n#") != strlen(*url))
		diag_error(r->diag, config_at(r, n),
			   "\"%.200s\" is no URL: http://… or https://…", *url);
	else if (memchr(*url + host, '@', strcspn(*url + host, "/?")))
		diag_error(
			r->diag, config_at(r, n),
			"a URL that is shown to many must not hold a password: use headersFile");
}

static bool is_header(const char *name, const char *value)
{
	static const char fit[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

	return *name && strspn(name, fit) == strlen(name) &&
	       strcspn(value, "\r\n") == strlen(value);
}

static void read_headers(struct reader *r, const struct yaml_node *n)
{
	if (n->kind != YAML_MAPPING) {
		diag_error(r->diag, config_at(r, n),
			   "expected a mapping of headers to their values");
		return;
	}
	for (size_t i = 0; i < n->n; i++) {
		const struct yaml_node *name = n->pairs[i].key;
		_cleanup_(freep) char *value = NULL;

		if (!config_read_string(r, n->pairs[i].value, &value))
			continue;
		if (is_header(name->text.ptr, value))
			vec_push(&r->sink->headers,
				 xasprintf("%s: %s", name->text.ptr, value));
		else
			diag_error(r->diag, config_at(r, name),
				   "\"%.80s\" is no HTTP header",
				   name->text.ptr);
	}
}

static void read_labels(struct reader *r, const struct yaml_node *n)
{
	if (n->kind != YAML_SEQUENCE) {
		diag_error(
			r->diag, config_at(r, n),
			"expected a list of a record's fields, such as [host, src.container.namespace]");
		return;
	}
	for (size_t i = 0; i < n->n; i++) {
		char *label = NULL;

		if (config_read_string(r, n->items[i], &label))
			vec_push(&r->sink->labels, label);
	}
}

static void read_headers_file(struct reader *r, const struct yaml_node *n)
{
	config_read_path(r, n, &r->sink->headers_file);
}

static void read_ca_file(struct reader *r, const struct yaml_node *n)
{
	config_read_path(r, n, &r->sink->ca_file);
}

static void read_cert_file(struct reader *r, const struct yaml_node *n)
{
	config_read_path(r, n, &r->sink->cert_file);
}

static void read_key_file(struct reader *r, const struct yaml_node *n)
{
	config_read_path(r, n, &r->sink->key_file);
}

static void read_spool_size(struct reader *r, const struct yaml_node *n)
{
	config_read_size(r, n, &r->sink->spool_size);
	if (r->sink->spool_size < SPOOL_SIZE_MIN)
		diag_error(r->diag, config_at(r, n),
			   "a spool has at least 1MiB");
}

/* ---- kinds ------------------------------------------------------------- */

static const struct key file_keys[] = {
	{ "name", read_name },
	{ "path", read_path_key },
	{ "format", read_format },
	{ "rotateSize", read_rotate_size },
	{ "rotateAge", read_rotate_age },
	{ "keep", read_keep },
	{ "compress", read_compress },
	{ NULL, NULL },
};

static const struct key stdout_keys[] = {
	{ "name", read_name },
	{ "format", read_format },
	{ NULL, NULL },
};

static const struct key journal_keys[] = {
	{ "name", read_name },
	{ "socket", read_path_key },
	{ "format", read_format },
	{ NULL, NULL },
};

static const struct key syslog_keys[] = {
	{ "name", read_name },
	{ "address", read_address },
	{ "facility", read_facility },
	{ "format", read_format },
	{ NULL, NULL },
};

static const struct key sqlite_keys[] = {
	{ "name", read_name },
	{ "path", read_path_key },
	{ "retainAge", read_retain_age },
	{ "retainSize", read_retain_size },
	{ NULL, NULL },
};

static const struct key otlp_keys[] = {
	{ "name", read_name },	      { "url", read_url },
	{ "headers", read_headers },  { "headersFile", read_headers_file },
	{ "caFile", read_ca_file },   { "certFile", read_cert_file },
	{ "keyFile", read_key_file }, { "spoolSize", read_spool_size },
	{ "format", read_format },    { NULL, NULL },
};

static const struct key loki_keys[] = {
	{ "name", read_name },
	{ "url", read_url },
	{ "labels", read_labels },
	{ "headers", read_headers },
	{ "headersFile", read_headers_file },
	{ "caFile", read_ca_file },
	{ "certFile", read_cert_file },
	{ "keyFile", read_key_file },
	{ "spoolSize", read_spool_size },
	{ "format", read_format },
	{ NULL, NULL },
};

static const struct key *const kind_keys[SINK_KINDS] = {
	[SINK_OTLP] = otlp_keys,     [SINK_LOKI] = loki_keys,
	[SINK_SQLITE] = sqlite_keys, [SINK_JOURNALD] = journal_keys,
	[SINK_SYSLOG] = syslog_keys, [SINK_FILE] = file_keys,
	[SINK_STDOUT] = stdout_keys,
};

/* What a sink of its kind, or with the keys that it has, cannot be without. */
static const char *missing_key(const struct sink_config *c)
{
	if (!c->cert_file != !c->key_file)
		return c->cert_file ? "keyFile" : "certFile";
	switch (c->kind) {
	case SINK_FILE:
	case SINK_SQLITE:
		return c->path ? NULL : "path";
	case SINK_SYSLOG:
		return c->path || c->host ? NULL : "address";
	case SINK_OTLP:
	case SINK_LOKI:
		return c->url ? NULL : "url";
	case SINK_STDOUT:
	case SINK_JOURNALD:
		return NULL;
	}
	return NULL;
}

static bool find_kind(struct slice name, enum sink_kind *ret)
{
	for (unsigned i = 0; i < SINK_KINDS; i++)
		if (kind_keys[i] &&
		    slice_eq_str(name, sink_kind_name((enum sink_kind)i))) {
			*ret = (enum sink_kind)i;
			return true;
		}
	return false;
}

static void unknown_kind(struct reader *r, const struct yaml_node *name)
{
	_cleanup_(buf_fini) struct buf known = BUF_INIT(BUF_UNBOUNDED);

	for (unsigned i = 0; i < SINK_KINDS; i++)
		if (kind_keys[i])
			buf_addf(&known, "%s%s", known.len ? ", " : "",
				 sink_kind_name((enum sink_kind)i));
	diag_error(r->diag, config_at(r, name),
		   "unknown kind of sink \"%.*s\" (known: %s)",
		   (int)MIN(name->text.len, 80U), name->text.ptr,
		   buf_str(&known));
}

static void read_sink(struct reader *r, const struct yaml_node *n)
{
	struct sink_config sink = { .keep = 7,
				    .facility = FACILITY_LOCAL0,
				    .spool_size = DEFAULT_SPOOL };
	size_t errors = r->diag->errors;
	const char *missing;

	if (n->kind != YAML_MAPPING || n->n != 1) {
		diag_error(
			r->diag, config_at(r, n),
			"expected a sink as a mapping of its kind to its keys, such as file: {path: /f}");
		return;
	}
	if (!find_kind(n->pairs[0].key->text, &sink.kind)) {
		unknown_kind(r, n->pairs[0].key);
		return;
	}
	r->sink = &sink;
	config_read_mapping(r, n->pairs[0].value, kind_keys[sink.kind]);
	missing = missing_key(&sink);
	if (missing && errors == r->diag->errors)
		diag_error(r->diag, config_at(r, n), "%s: %s is missing",
			   sink_kind_name(sink.kind), missing);
	vec_push(&r->config->sinks, sink);
}

void config_read_sinks(struct reader *r, const struct yaml_node *n)
{
	if (n->kind == YAML_NULL)
		return;
	if (n->kind != YAML_SEQUENCE) {
		diag_error(r->diag, config_at(r, n),
			   "expected a list of sinks, got a %s",
			   yaml_kind_name(n->kind));
		return;
	}
	if (n->n > SINKS_MAX)
		diag_error(r->diag, config_at(r, n), "more than %d sinks",
			   SINKS_MAX);
	for (size_t i = 0; i < n->n; i++)
		read_sink(r, n->items[i]);
}

/* ---- the whole --------------------------------------------------------- */

static bool name_is_taken(const struct config *c, const char *name,
			  const struct sink_config *but)
{
	vec_foreach(s, &c->sinks)
		if (s != but && s->name && !strcmp(s->name, name))
			return true;
	return false;
}

/* "file", "file-2", … */
static void name_sink(struct config *c, struct sink_config *sink)
{
	for (unsigned i = 1; !sink->name; i++) {
		_cleanup_(freep) char *name =
			i == 1 ? xstrdup(sink_kind_name(sink->kind))
			       : xasprintf("%s-%u", sink_kind_name(sink->kind),
					   i);

		if (!name_is_taken(c, name, sink))
			sink->name = TAKE_PTR(name);
	}
}

static void check_unique(struct reader *r)
{
	vec_foreach(s, &r->config->sinks)
		if (s->name && name_is_taken(r->config, s->name, s)) {
			diag_error(r->diag,
				   (struct diag_place){ .file = r->file },
				   "two sinks have the name \"%s\"", s->name);
			return;
		}
}

void config_finish_sinks(struct reader *r)
{
	struct config *c = r->config;
	struct sink_config file = { .kind = SINK_FILE, .keep = 7 };

	check_unique(r);
	if (!c->flow_log && !c->sinks.len)
		c->flow_log = xstrdup(DEFAULT_FLOW_LOG);
	if (c->flow_log) {
		file.path = xstrdup(c->flow_log);
		vec_push(&c->sinks, file);
	}
	vec_foreach(s, &c->sinks) {
		name_sink(c, s);
		if (s->kind == SINK_OTLP || s->kind == SINK_LOKI)
			s->spool =
				xasprintf("%s/spool-%s", c->state_dir, s->name);
		if (!c->flow_log && s->kind == SINK_FILE && s->path &&
		    s->format == FORMAT_KIND_NATIVE)
			c->flow_log = xstrdup(s->path);
	}
}
