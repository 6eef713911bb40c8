/* SPDX-License-Identifier: GPL-2.0-or-later */
/* question.c - what is asked of the flow log, and the records that it is
 * about. plan.c says the same in SQL; tests hold one against the other. */
#include "store/question.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "json/json.h"
#include "store/row.h"

const char *const question_gaps[] = { "loss", "suppressed", NULL };

/* ---- parties ----------------------------------------------------------- */

void party_fini(struct party *p)
{
	vec_foreach(label, &p->labels) {
		free(label->key);
		free(label->value);
	}
	vec_fini(&p->labels);
	free(p->namespace);
	free(p->name);
	*p = (struct party){ 0 };
}

/* What has an address before its slash is no container of a namespace. */
static bool begins_as_block(const char *text)
{
	size_t n = strcspn(text, "/");
	struct addr addr;

	return text[n] && addr_parse((struct slice){ text, n }, &addr) == 0;
}

static int parse_address(const char *text, struct party *ret,
			 const char **ret_error)
{
	struct slice s = slice_of(text);
	struct addr addr;
	int r;

	if (addr_parse(s, &addr) == 0) {
		ret->prefix.addr = addr;
		ret->prefix.len = (uint8_t)(8 * addr_size(addr.family));
		ret->kind = PARTY_PREFIX;
		return 0;
	}
	r = prefix_parse(s, &ret->prefix);
	if (r == -EDOM) {
		*ret_error = "the block has bits behind its prefix";
		return -EINVAL;
	}
	if (r == 0)
		ret->kind = PARTY_PREFIX;
	else if (begins_as_block(text))
		*ret_error =
			"a block's length is a number up to 32, or 128 for IPv6";
	return r;
}

static char *trimmed(struct slice s)
{
	while (s.len && isspace((unsigned char)s.ptr[0])) {
		s.ptr++;
		s.len--;
	}
	while (s.len && isspace((unsigned char)s.ptr[s.len - 1]))
		s.len--;
	return xstrndup(s.ptr, s.len);
}

/* "app=web", "app==web", "app!=web", "app", "!app". */
static int parse_label(struct slice s, struct party *ret)
{
	struct party_label l = { 0 };
	const char *sign = memchr(s.ptr, '=', s.len), *value = sign;

	if (sign) {
		value = sign + 1;
		if (value < s.ptr + s.len && *value == '=')
			value++;
		else if (sign > s.ptr && sign[-1] == '!') {
			l.not = true;
			sign--;
		}
		l.value = trimmed((struct slice){
			value, (size_t)(s.ptr + s.len - value) });
		s.len = (size_t)(sign - s.ptr);
	}
	l.key = trimmed(s);
	if (!sign && *l.key == '!') {
		l.not = true;
		memmove(l.key, l.key + 1, strlen(l.key));
	}
	vec_push(&ret->labels, l);
	return *l.key ? 0 : -EINVAL;
}

static int parse_labels(const char *text, struct party *ret,
			const char **ret_error)
{
	ret->kind = PARTY_LABELS;
	while (*text) {
		size_t n = strcspn(text, ",");

		if (parse_label((struct slice){ text, n }, ret) < 0) {
			*ret_error = "a label without a key";
			return -EINVAL;
		}
		text += n;
		text += *text == ',';
	}
	return 0;
}

static int parse_name(const char *text, struct party *ret,
		      const char **ret_error)
{
	const char *slash = strchr(text, '/');

	if (slash && strchr(slash + 1, '/')) {
		*ret_error = "more than one slash";
		return -EINVAL;
	}
	if (slash == text) {
		*ret_error = "no namespace before the slash";
		return -EINVAL;
	}
	ret->kind = slash && !slash[1] ? PARTY_NAMESPACE : PARTY_NAME;
	if (slash)
		ret->namespace = xstrndup(text, (size_t)(slash - text));
	if (ret->kind == PARTY_NAME)
		ret->name = xstrdup(slash ? slash + 1 : text);
	return 0;
}

int party_parse(const char *text, struct party *ret, const char **ret_error)
{
	_cleanup_(party_fini) struct party p = { 0 };
	int r;

	*ret_error = "nobody is named";
	if (!*text)
		return -EINVAL;
	if (strpbrk(text, "=,!"))
		r = parse_labels(text, &p, ret_error);
	else {
		*ret_error = NULL;
		r = parse_address(text, &p, ret_error);
		if (r < 0 && !*ret_error)
			r = parse_name(text, &p, ret_error);
	}
	if (r < 0)
		return r;
	*ret = p;
	p = (struct party){ 0 };
	return 0;
}

static bool label_holds(const struct party_label *want,
			struct json_object *container)
{
	struct json_object *labels = json_at(container, "labels");
	bool there = json_at(labels, want->key) != NULL;

	if (there && want->value)
		there = !strcmp(json_text(labels, want->key), want->value);
	return there != want->not ;
}

/* A whole name, or the beginning of an id. */
static bool is_named(const struct party *p, struct json_object *container)
{
	const char *id = json_text(container, "id");

	if (p->namespace &&
	    strcmp(json_text(container, "namespace"), p->namespace) != 0)
		return false;
	return !strcmp(json_text(container, "name"), p->name) ||
	       (strlen(p->name) >= PARTY_ID_MIN &&
		!strncmp(id, p->name, strlen(p->name)));
}

static bool container_matches(const struct party *p,
			      struct json_object *container)
{
	switch (p->kind) {
	case PARTY_ANY:
		return true;
	case PARTY_PREFIX:
		return false;
	case PARTY_NAME:
		return container && is_named(p, container);
	case PARTY_NAMESPACE:
		return container &&
		       !strcmp(json_text(container, "namespace"), p->namespace);
	case PARTY_LABELS:
		break;
	}
	if (!container)
		return false;
	vec_foreach(label, &p->labels)
		if (!label_holds(label, container))
			return false;
	return true;
}

static bool party_matches(const struct party *p, const struct row_end *end)
{
	if (p->kind == PARTY_PREFIX)
		return addr_is_set(&end->addr) &&
		       prefix_contains(&p->prefix, &end->addr);
	if (p->kind == PARTY_NAME && !p->namespace && end->name &&
	    !strcmp(end->name, p->name))
		return true;
	return container_matches(p, end->container);
}

/* ---- questions --------------------------------------------------------- */

void question_fini(struct question *q)
{
	party_fini(&q->from);
	party_fini(&q->to);
	free(q->proto);
	free(q->policy);
	free(q->reason);
	free(q->direction);
}

bool question_is_open(const struct question *q)
{
	return !q->verdicts && q->from.kind == PARTY_ANY &&
	       q->to.kind == PARTY_ANY && !q->port.is_set && !q->proto &&
	       !q->policy && !q->reason && !q->direction && !q->has_flow_id;
}

static unsigned verdict_bit(const char *verdict)
{
	if (!strcmp(verdict, "denied"))
		return QUESTION_DENIED;
	if (!strcmp(verdict, "audit"))
		return QUESTION_AUDIT;
	return strcmp(verdict, "allowed") ? 0 : QUESTION_ALLOWED;
}

static bool text_matches(const char *want, const char *have)
{
	return !want || (have && !strcmp(want, have));
}

static bool names_policy(const char *want, struct json_object *policies)
{
	if (!want)
		return true;
	for (size_t i = 0; i < json_count(policies); i++)
		if (!strcmp(json_item_text(policies, i), want))
			return true;
	return false;
}

static bool flow_matches_all(const struct question *q, const struct row *r)
{
	if (q->verdicts && !(q->verdicts & verdict_bit(r->texts[ROW_VERDICT])))
		return false;
	if (q->port.is_set &&
	    !(r->dst.port.is_set && r->dst.port.value == q->port.port))
		return false;
	if (q->has_flow_id &&
	    !(r->flow_id.is_set && r->flow_id.value == q->flow_id))
		return false;
	return text_matches(q->proto, r->texts[ROW_PROTO]) &&
	       text_matches(q->reason, r->texts[ROW_REASON]) &&
	       text_matches(q->direction, r->texts[ROW_DIRECTION]) &&
	       names_policy(q->policy, r->policies) &&
	       party_matches(&q->from, &r->src) &&
	       party_matches(&q->to, &r->dst);
}

static bool is_gap(const char *event)
{
	for (size_t i = 0; question_gaps[i]; i++)
		if (!strcmp(question_gaps[i], event))
			return true;
	return false;
}

/* What filters flows by anything but their ends says nothing of an event. */
static bool event_matches(const struct question *q, const struct row *r)
{
	bool named = q->from.kind != PARTY_ANY || q->to.kind != PARTY_ANY;

	if (!q->events)
		return is_gap(r->texts[ROW_EVENT]);
	if (!named || !r->container)
		return true;
	return (q->from.kind != PARTY_ANY &&
		container_matches(&q->from, r->container)) ||
	       (q->to.kind != PARTY_ANY &&
		container_matches(&q->to, r->container));
}

bool question_matches(const struct question *q, const struct row *r)
{
	if (r->texts[ROW_EVENT])
		return r->time >= q->since && r->time <= q->until &&
		       event_matches(q, r);
	return !q->no_flows && r->start <= q->until && r->stop >= q->since &&
	       flow_matches_all(q, r);
}
