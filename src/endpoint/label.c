/* SPDX-License-Identifier: GPL-2.0-or-later */
/* label.c - what an endpoint's labels say: namespace, named ports, and the
 * synthetic labels that a container cannot set itself.
 */
#include "endpoint/endpoint.h"

#include <netinet/in.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"

#define OUR_PREFIX	"bulkhead/"
#define NAMESPACE_LABEL "bulkhead.namespace"
#define COMPOSE_LABEL	"com.docker.compose.project"
#define PORTS_LABEL	"bulkhead.ports"

/* More than any container listens on; a label is not a place for a database. */
#define PORTS_MAX   256
#define PROBLEM_MAX 1024

#define NAMESPACE_MAX 63

static void problem(struct buf *problems, const char *fmt, ...) _printf_(2, 3);

static void problem(struct buf *problems, const char *fmt, ...)
{
	va_list args;

	if (problems->len)
		buf_adds(problems, "; ");
	va_start(args, fmt);
	buf_addv(problems, fmt, args);
	va_end(args);
}

static bool lower_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool endpoint_is_namespace(const char *s)
{
	size_t n = strlen(s);

	if (!n || n > NAMESPACE_MAX || !lower_alnum(s[0]) ||
	    !lower_alnum(s[n - 1]))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!lower_alnum(s[i]) && s[i] != '-')
			return false;
	return true;
}

char *endpoint_namespace_of(const char *name)
{
	_cleanup_(freep) char *made = xstrdup(name + strspn(name, "-_"));
	size_t n = strlen(made);

	while (n && strchr("-_", made[n - 1]))
		made[--n] = '\0';
	for (char *p = made; *p; p++)
		if (*p == '_')
			*p = '-';
	return endpoint_is_namespace(made) ? TAKE_PTR(made) : NULL;
}

char *endpoint_network_namespace(const struct namespace_rule *rule,
				 const char *name)
{
	vec_foreach(known, &rule->networks)
		if (!strcmp(known->key, name))
			return xstrdup(known->value);
	return endpoint_namespace_of(name);
}

void endpoint_namespace_from_networks(struct endpoint *e,
				      const struct namespace_rule *rule)
{
	const char *first = NULL;
	char *namespace;

	vec_foreach(a, &e->attachments)
		if (!first || strcmp(a->network, first) < 0)
			first = a->network;
	namespace = first ? endpoint_network_namespace(rule, first) : NULL;
	free(e->namespace);
	e->namespace = namespace ? namespace : xstrdup("default");
}

/* IANA service name, as Kubernetes wants of a port's name. */
static bool is_port_name(struct slice s)
{
	bool letter = false;

	if (!s.len || s.len > 15 || s.ptr[0] == '-' || s.ptr[s.len - 1] == '-')
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (!lower_alnum(s.ptr[i]) && s.ptr[i] != '-')
			return false;
		if (i && s.ptr[i] == '-' && s.ptr[i - 1] == '-')
			return false;
		letter |= s.ptr[i] >= 'a' && s.ptr[i] <= 'z';
	}
	return letter;
}

static struct slice trim(struct slice s)
{
	while (s.len && s.ptr[0] == ' ')
		s = (struct slice){ s.ptr + 1, s.len - 1 };
	while (s.len && s.ptr[s.len - 1] == ' ')
		s.len--;
	return s;
}

/* Cut @s at the first @c: returns what is before it, leaves what is behind in
 * @rest (unset when there is no @c). */
static struct slice cut(struct slice s, char c, struct slice *rest)
{
	const char *at = s.len ? memchr(s.ptr, c, s.len) : NULL;

	*rest = (struct slice){ NULL, 0 };
	if (!at)
		return s;
	*rest = (struct slice){ at + 1, s.len - (size_t)(at + 1 - s.ptr) };
	return (struct slice){ s.ptr, (size_t)(at - s.ptr) };
}

static uint16_t parse_port(struct slice s)
{
	unsigned n = 0;

	if (!s.len || s.len > 5)
		return 0;
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] < '0' || s.ptr[i] > '9')
			return 0;
		n = 10 * n + (unsigned)(s.ptr[i] - '0');
	}
	return n <= 65535 ? (uint16_t)n : 0;
}

static uint8_t parse_proto(struct slice s)
{
	if (!s.ptr || (s.len == 3 && !strncasecmp(s.ptr, "tcp", 3)))
		return IPPROTO_TCP; /* as in Kubernetes, the default */
	if (s.len == 3 && !strncasecmp(s.ptr, "udp", 3))
		return IPPROTO_UDP;
	if (s.len == 4 && !strncasecmp(s.ptr, "sctp", 4))
		return IPPROTO_SCTP;
	return 0;
}

/* One "http=8080/tcp"; NULL, or what is wrong with it. */
static const char *add_port(struct endpoint *e, struct slice entry)
{
	struct slice value, proto_text;
	struct slice name = trim(cut(entry, '=', &value));
	struct slice number = cut(trim(value), '/', &proto_text);
	uint16_t port = parse_port(number);
	uint8_t proto = parse_proto(proto_text);
	char *text;

	if (!is_port_name(name))
		return "is not NAME=PORT/PROTOCOL with a valid port name";
	if (!port)
		return "has no port from 1 to 65535";
	if (!proto)
		return "has a protocol other than tcp, udp, sctp";
	if (e->ports.len >= PORTS_MAX)
		return "is one too many";
	text = xstrndup(name.ptr, name.len);
	if (endpoint_named_port(e, text, proto)) {
		free(text);
		return "names a port again";
	}
	vec_push(&e->ports, (struct named_port){ text, proto, port });
	return NULL;
}

static void add_ports(struct endpoint *e, const char *value,
		      struct buf *problems)
{
	struct slice rest = slice_of(value);

	while (rest.len) {
		struct slice entry = trim(cut(rest, ',', &rest));
		const char *wrong;

		if (!entry.len)
			continue;
		wrong = add_port(e, entry);
		if (wrong)
			problem(problems, "label " PORTS_LABEL ": \"%.*s\" %s",
				(int)MIN(entry.len, 64U), entry.ptr, wrong);
	}
}

static const char *find(const struct label *labels, size_t n, const char *key)
{
	const char *value = NULL;

	for (size_t i = 0; i < n; i++)
		if (!strcmp(labels[i].key, key))
			value = labels[i].value;
	return value;
}

static char *own_namespace(const char *value)
{
	return endpoint_is_namespace(value) ? xstrdup(value) : NULL;
}

static char *choose_namespace(const struct label *labels, size_t n,
			      const char *fallback, struct buf *problems)
{
	static const struct {
		const char *key;
		char *(*make)(const char *value);
	} sources[] = { { NAMESPACE_LABEL, own_namespace },
			{ COMPOSE_LABEL, endpoint_namespace_of } };

	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		const char *value = find(labels, n, sources[i].key);
		char *made = value ? sources[i].make(value) : NULL;

		if (made)
			return made;
		if (value)
			problem(problems,
				"label %s: \"%.64s\" is no namespace name (lower case letters, digits and '-', at most %d)",
				sources[i].key, value, NAMESPACE_MAX);
	}
	return fallback && endpoint_is_namespace(fallback) ? xstrdup(fallback)
							   : xstrdup("default");
}

static bool is_ours(const char *key)
{
	return !strncmp(key, OUR_PREFIX, sizeof(OUR_PREFIX) - 1);
}

static struct label_set *build_set(const struct endpoint *e,
				   const struct label *labels, size_t n)
{
	_cleanup_(freep) struct label *all = xcalloc(n + 4, sizeof(*all));
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (!is_ours(labels[i].key))
			all[kept++] = labels[i];
	all[kept++] = (struct label){ OUR_PREFIX "name", e->name };
	all[kept++] = (struct label){ OUR_PREFIX "image", e->image };
	all[kept++] = (struct label){ OUR_PREFIX "runtime", e->runtime };
	if (e->kind)
		all[kept++] = (struct label){ OUR_PREFIX "kind", e->kind };
	return label_set_new(all, kept);
}

static void set_labels(struct endpoint *e, const struct label *labels, size_t n,
		       struct buf *problems)
{
	const char *ports = find(labels, n, PORTS_LABEL);
	struct label_set *set = build_set(e, labels, n);

	label_set_unref(e->labels);
	e->labels = set;
	vec_foreach(p, &e->ports)
		free(p->name);
	vec_fini(&e->ports);
	if (ports)
		add_ports(e, ports, problems);
}

static char *take_text(struct buf *problems)
{
	char *text = problems->len ? buf_take(problems) : NULL;

	buf_fini(problems);
	return text;
}

void endpoint_set_labels(struct endpoint *e, const struct label *labels,
			 size_t n, const char *fallback, char **ret_problem)
{
	struct buf problems = BUF_INIT(PROBLEM_MAX);

	free(e->namespace);
	e->namespace = choose_namespace(labels, n, fallback, &problems);
	set_labels(e, labels, n, &problems);
	*ret_problem = take_text(&problems);
}

void endpoint_set_labels_only(struct endpoint *e, const struct label *labels,
			      size_t n, char **ret_problem)
{
	struct buf problems = BUF_INIT(PROBLEM_MAX);

	set_labels(e, labels, n, &problems);
	*ret_problem = take_text(&problems);
}
