/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flow_options.c - what is asked of the flow log, as it is typed. */
#include "cli/flow_options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/protocol.h"
#include "base/reason.h"
#include "cli/moment.h"
#include "cli/table.h"
#include "cli/text.h"

enum {
	OPT_DENIED = 256,
	OPT_ALLOWED,
	OPT_AUDIT,
	OPT_EVENTS,
	OPT_SINCE,
	OPT_UNTIL,
	OPT_FROM,
	OPT_TO,
	OPT_PORT,
	OPT_PROTO,
	OPT_POLICY,
	OPT_REASON,
	OPT_DIRECTION,
	OPT_COUNT,
	OPT_TOP,
	OPT_BY,
	OPT_PATH,
	OPT_STORE,
	OPT_PCAP,
};

static const struct option options[] = {
	{ "follow", no_argument, NULL, 'f' },
	{ "denied", no_argument, NULL, OPT_DENIED },
	{ "allowed", no_argument, NULL, OPT_ALLOWED },
	{ "audit", no_argument, NULL, OPT_AUDIT },
	{ "events", no_argument, NULL, OPT_EVENTS },
	{ "since", required_argument, NULL, OPT_SINCE },
	{ "until", required_argument, NULL, OPT_UNTIL },
	{ "from", required_argument, NULL, OPT_FROM },
	{ "to", required_argument, NULL, OPT_TO },
	{ "port", required_argument, NULL, OPT_PORT },
	{ "proto", required_argument, NULL, OPT_PROTO },
	{ "policy", required_argument, NULL, OPT_POLICY },
	{ "reason", required_argument, NULL, OPT_REASON },
	{ "direction", required_argument, NULL, OPT_DIRECTION },
	{ "count", no_argument, NULL, OPT_COUNT },
	{ "top", required_argument, NULL, OPT_TOP },
	{ "by", required_argument, NULL, OPT_BY },
	{ "path", required_argument, NULL, OPT_PATH },
	{ "file", required_argument, NULL, OPT_PATH },
	{ "store", required_argument, NULL, OPT_STORE },
	{ "pcap", required_argument, NULL, OPT_PCAP },
	{ "output", required_argument, NULL, 'o' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

void flow_options_fini(struct flow_options *o)
{
	question_fini(&o->question);
	free(o->path);
	free(o->store);
	free(o->pcap);
}

static void take_text(char **to, const char *text)
{
	free(*to);
	*to = xstrdup(text);
}

/* ---- values: each returns -1, or an exit status ------------------------ */

static int read_moment(const struct command *c, const char *text, uint64_t *ret)
{
	if (moment_parse(text, clock_realtime(), ret) == 0)
		return -1;
	return command_misuse(
		c,
		"'%s' is neither a duration such as 10m nor a time such as 2026-01-31T10:20:30Z",
		text);
}

static int read_party(const struct command *c, const char *text,
		      struct party *ret)
{
	const char *error;

	party_fini(ret);
	if (party_parse(text, ret, &error) == 0)
		return -1;
	return command_misuse(c, "'%s': %s", text, error);
}

static int read_count(const struct command *c, const char *what,
		      const char *text, unsigned long max, unsigned long *ret)
{
	unsigned long n;
	char *end;

	errno = 0;
	n = strtoul(text, &end, 10);
	if (text[0] >= '0' && text[0] <= '9' && !*end && !errno && n <= max) {
		*ret = n;
		return -1;
	}
	return command_misuse(c, "%s '%s' is no number up to %lu", what, text,
			      max);
}

static int read_port(const struct command *c, const char *text,
		     struct question *q)
{
	unsigned long port;
	int r = read_count(c, "the port", text, UINT16_MAX, &port);

	if (r >= 0)
		return r;
	q->port.is_set = true;
	q->port.port = (uint16_t)port;
	return -1;
}

/* As records have it. */
static int read_proto(const struct command *c, const char *text, char **ret)
{
	static const char *const ethernet[] = { "arp", "ipv4" };
	int number = protocol_parse(text);
	const char *name = number < 0 ? NULL : protocol_name((uint8_t)number);
	char digits[12];

	if (number >= 0) {
		snprintf(digits, sizeof(digits), "%d", number);
		take_text(ret, name ? name : digits);
		return -1;
	}
	for (size_t i = 0; i < ARRAY_SIZE(ethernet); i++)
		if (!strcasecmp(ethernet[i], text)) {
			take_text(ret, ethernet[i]);
			return -1;
		}
	/* The type of a frame that is neither. */
	if (!strncmp(text, "0x", 2) && strlen(text) == 6 &&
	    strspn(text + 2, "0123456789abcdef") == 4) {
		take_text(ret, text);
		return -1;
	}
	return command_misuse(
		c,
		"'%s' is no protocol: use a name such as tcp, udp or icmp, or a number",
		text);
}

static int read_reason(const struct command *c, const char *text, char **ret)
{
	_cleanup_(buf_fini) struct buf known = BUF_INIT(BUF_UNBOUNDED);

	for (unsigned i = 0; i < DENY_REASONS; i++) {
		const char *name = deny_reason_name((enum deny_reason)i);

		if (!strcmp(name, text)) {
			take_text(ret, text);
			return -1;
		}
		buf_addf(&known, "%s%s", i ? ", " : "", name);
	}
	return command_misuse(c, "'%s' is no reason: use one of %s", text,
			      buf_str(&known));
}

static int read_direction(const struct command *c, const char *text, char **ret)
{
	if (strcmp(text, "ingress") != 0 && strcmp(text, "egress") != 0)
		return command_misuse(
			c, "'%s' is no direction: use ingress or egress", text);
	take_text(ret, text);
	return -1;
}

static int read_policy(const struct command *c, const char *text, char **ret)
{
	const char *slash = strchr(text, '/');

	if (!slash || slash == text || !slash[1])
		return command_misuse(
			c,
			"'%s' is no policy: NAMESPACE/NAME, see 'bulkhead get policies'",
			text);
	take_text(ret, text);
	return -1;
}

static int read_top(const struct command *c, const char *text, size_t *ret)
{
	unsigned long n;
	int r = read_count(c, "the number of groups", text, 1000000, &n);

	if (r >= 0)
		return r;
	if (!n)
		return command_misuse(c, "--top 0 asks for nothing");
	*ret = n;
	return -1;
}

static int unknown_field(const struct command *c, const char *name)
{
	_cleanup_(buf_fini) struct buf known = BUF_INIT(BUF_UNBOUNDED);

	for (unsigned i = 0; i < FOLD_FIELDS; i++)
		buf_addf(&known, "%s%s", i ? ", " : "",
			 fold_field_name((enum fold_field)i));
	return command_misuse(c, "cannot group by '%s': use some of %s", name,
			      buf_str(&known));
}

/* "src,dst,port"; said several times, all of them. */
static int read_by(const struct command *c, const char *text,
		   struct fold_by *by)
{
	_cleanup_(freep) char *copy = xstrdup(text);
	char *save = NULL;

	for (char *name = strtok_r(copy, ",", &save); name;
	     name = strtok_r(NULL, ",", &save)) {
		if (by->n == FOLD_BY_MAX)
			return command_misuse(c, "more than %d fields",
					      FOLD_BY_MAX);
		if (fold_field_parse(name, &by->fields[by->n]) < 0)
			return unknown_field(c, name);
		by->n++;
	}
	return -1;
}

static int read_output(const char *text, enum flow_output *ret)
{
	static const char *const names[] = {
		[FLOW_TABLE] = "table", [FLOW_WIDE] = "wide",
		[FLOW_JSON] = "json",	[FLOW_CSV] = "csv",
		[FLOW_ECS] = "ecs",	[FLOW_OCSF] = "ocsf",
	};

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(names[i], text)) {
			*ret = (enum flow_output)i;
			return -1;
		}
	text_complain(
		"unknown output format '%s': use one of table, wide, json, csv, ecs, ocsf",
		text);
	return EXIT_USAGE;
}

/* ---- options ----------------------------------------------------------- */

static int take_flag(struct flow_options *o, int option)
{
	struct question *q = &o->question;

	switch (option) {
	case 'f':
		o->follow = true;
		break;
	case OPT_DENIED:
		q->verdicts |= QUESTION_DENIED;
		break;
	case OPT_AUDIT:
		q->verdicts |= QUESTION_AUDIT;
		break;
	case OPT_ALLOWED:
		q->verdicts |= QUESTION_ALLOWED;
		break;
	case OPT_EVENTS:
		q->events = true;
		break;
	case OPT_COUNT:
		o->count = true;
		break;
	default:
		return 0;
	}
	return -1;
}

static int take_text_option(struct flow_options *o, int option)
{
	switch (option) {
	case OPT_PATH:
		take_text(&o->path, optarg);
		break;
	case OPT_STORE:
		take_text(&o->store, optarg);
		break;
	case OPT_PCAP:
		take_text(&o->pcap, optarg);
		break;
	default:
		return 0;
	}
	return -1;
}

static int take_option(struct flow_options *o, const struct command *c,
		       int option)
{
	struct question *q = &o->question;

	if (take_flag(o, option) < 0 || take_text_option(o, option) < 0)
		return -1;
	switch (option) {
	case OPT_SINCE:
		return read_moment(c, optarg, &q->since);
	case OPT_UNTIL:
		return read_moment(c, optarg, &q->until);
	case OPT_FROM:
		return read_party(c, optarg, &q->from);
	case OPT_TO:
		return read_party(c, optarg, &q->to);
	case OPT_PORT:
		return read_port(c, optarg, q);
	case OPT_PROTO:
		return read_proto(c, optarg, &q->proto);
	case OPT_POLICY:
		return read_policy(c, optarg, &q->policy);
	case OPT_REASON:
		return read_reason(c, optarg, &q->reason);
	case OPT_DIRECTION:
		return read_direction(c, optarg, &q->direction);
	case OPT_TOP:
		return read_top(c, optarg, &o->top);
	case OPT_BY:
		return read_by(c, optarg, &o->by);
	case 'o':
		return read_output(optarg, &o->output);
	default:
		return command_option(c, option);
	}
}

/* What does not go together. */
static int judge(struct flow_options *o, const struct command *c)
{
	if (o->question.since > o->question.until)
		return command_misuse(c, "--since is later than --until");
	if (o->top && !o->by.n)
		return command_misuse(c, "--top needs --by FIELD");
	if (o->by.n && !o->top)
		o->top = SIZE_MAX;
	if (o->path && o->store)
		return command_misuse(c, "--path or --store, not both");
	if (o->follow && (o->top || o->count))
		return command_misuse(
			c, "-f shows records: without --count and --top");
	if (o->count && o->top)
		return command_misuse(c, "--count or --top, not both");
	if ((o->count || o->top) &&
	    (o->output == FLOW_ECS || o->output == FLOW_OCSF))
		return command_misuse(
			c, "a sum is no event: -o table, json or csv");
	if (o->pcap && (o->count || o->top || o->follow))
		return command_misuse(
			c, "--pcap writes packets, it counts and follows none");
	return -1;
}

int flow_options_read(struct flow_options *o, const struct command *c, int argc,
		      char **argv)
{
	int option, r;

	*o = (struct flow_options){
		.question.until = UINT64_MAX,
		.colour = style_wanted(),
	};
	while ((option = getopt_long(argc, argv, "fo:h", options, NULL)) !=
	       -1) {
		r = take_option(o, c, option);
		if (r >= 0)
			return r;
	}
	return judge(o, c);
}
