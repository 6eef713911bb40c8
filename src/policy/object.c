/* SPDX-License-Identifier: GPL-2.0-or-later */
/* object.c - which object a mapping is, and what becomes of it.
 *
 * Somebody points the agent at a directory of manifests: a Deployment in it is
 * passed over with a warning. What could be a policy and cannot be enforced is
 * an error instead, as passing it over would leave open what its author takes
 * for closed: other groups' network policies, a misspelt kind, no kind at all.
 */
#include "policy/names.h"
#include "policy/read.h"

#define METADATA_NAME "kubernetes.io/metadata.name"

struct raw_policy {
	struct policy *policy;
	struct meta meta;
	bool spec;
};

static void read_policy_meta(struct reader *r, const struct yaml_node *node,
			     void *out)
{
	struct raw_policy *raw = out;

	read_meta(r, node, &raw->meta);
}

static void read_policy_spec(struct reader *r, const struct yaml_node *node,
			     void *out)
{
	struct raw_policy *raw = out;

	raw->spec = true;
	read_spec(r, node, raw->policy);
}

static struct label_set *labels_of(const struct reader_map *map)
{
	return label_set_new(map->entries.data, map->entries.len);
}

static void read_policy(struct reader *r, const struct yaml_node *node,
			struct policy_set *set)
{
	static const struct reader_field fields[] = {
		{ "apiVersion", reader_any_string },
		{ "kind", reader_any_string },
		{ "metadata", read_policy_meta },
		{ "spec", read_policy_spec },
		{ "status", reader_any_mapping },
	};
	struct raw_policy raw = { .policy = xnew(struct policy) };
	struct policy *p = raw.policy;

	*p = (struct policy){ .refs = 1,
			      .file = xstrdup(r->file),
			      .line = node->line,
			      .col = node->col,
			      .pods = selector_new() };
	reader_object(r, node, fields, ARRAY_SIZE(fields), &raw);
	meta_check(r, &raw.meta, node, name_check_subdomain, true);
	if (!raw.spec)
		reader_warning(
			r, node,
			"no spec: it isolates every pod of its namespace for ingress");
	if (!p->types)
		p->types = POLICY_INGRESS;
	p->name = xstrndup(raw.meta.name.ptr ?: "", raw.meta.name.len);
	p->namespace = raw.meta.namespace.len ? xstrdup(raw.meta.namespace.ptr)
					      : xstrdup("default");
	p->annotations = labels_of(&raw.meta.annotations);
	vec_push(&set->policies, p);
	meta_fini(&raw.meta);
}

struct raw_namespace {
	struct meta meta;
};

static void read_namespace_meta(struct reader *r, const struct yaml_node *node,
				void *out)
{
	struct raw_namespace *raw = out;

	read_meta(r, node, &raw->meta);
}

/* A cluster sets this label itself, whatever the manifest says. */
static void set_metadata_name(struct reader *r, struct meta *m,
			      const char *name)
{
	vec_foreach(label, &m->labels.entries)
		if (!strcmp(label->key, METADATA_NAME) &&
		    strcmp(label->value, name))
			reader_warning(
				r, m->node,
				"label " METADATA_NAME
				" is always the namespace's name, \"%s\"",
				name);
	vec_push(&m->labels.entries, (struct label){ METADATA_NAME, name });
}

static void read_namespace(struct reader *r, const struct yaml_node *node,
			   struct policy_set *set)
{
	static const struct reader_field fields[] = {
		{ "apiVersion", reader_any_string },
		{ "kind", reader_any_string },
		{ "metadata", read_namespace_meta },
		{ "spec", reader_any_mapping },
		{ "status", reader_any_mapping },
	};
	struct policy_namespace *ns = xnew(struct policy_namespace);
	struct raw_namespace raw = { 0 };

	reader_object(r, node, fields, ARRAY_SIZE(fields), &raw);
	meta_check(r, &raw.meta, node, name_check_label, false);
	ns->refs = 1;
	ns->name = xstrndup(raw.meta.name.ptr ?: "", raw.meta.name.len);
	ns->file = xstrdup(r->file);
	ns->line = node->line;
	ns->col = node->col;
	set_metadata_name(r, &raw.meta, ns->name);
	ns->labels = labels_of(&raw.meta.labels);
	vec_push(&set->namespaces, ns);
	meta_fini(&raw.meta);
}

/* Items of a list of one kind may leave their own kind out. */
struct raw_list {
	struct policy_set *set;
	const struct kind *item;
};

struct kind {
	const char *api_version, *name;
	/* How to read it; or else the kind of the items of a list. */
	void (*read)(struct reader *r, const struct yaml_node *node,
		     struct policy_set *set);
	const struct kind *item;
	bool list;
};

static const struct kind policy_kind = {
	.api_version = "networking.k8s.io/v1",
	.name = "NetworkPolicy",
	.read = read_policy,
};

static const struct kind namespace_kind = {
	.api_version = "v1",
	.name = "Namespace",
	.read = read_namespace,
};

static const struct kind policy_list_kind = {
	.api_version = "networking.k8s.io/v1",
	.name = "NetworkPolicyList",
	.item = &policy_kind,
	.list = true,
};

static const struct kind namespace_list_kind = {
	.api_version = "v1",
	.name = "NamespaceList",
	.item = &namespace_kind,
	.list = true,
};

static const struct kind list_kind = {
	.api_version = "v1",
	.name = "List",
	.list = true,
};

static const struct kind *const kinds[] = {
	&policy_kind,	      &namespace_kind, &policy_list_kind,
	&namespace_list_kind, &list_kind,
};

/* Of the groups above, what else there is: nobody's policy. */
static const char *const other_core_kinds[] = {
	"Binding",
	"ComponentStatus",
	"ConfigMap",
	"Endpoints",
	"Event",
	"LimitRange",
	"Node",
	"PersistentVolume",
	"PersistentVolumeClaim",
	"Pod",
	"PodTemplate",
	"ReplicationController",
	"ResourceQuota",
	"Secret",
	"Service",
	"ServiceAccount",
};

static const char *const other_networking_kinds[] = {
	"IPAddress",
	"Ingress",
	"IngressClass",
	"ServiceCIDR",
};

static void read_kind(struct reader *r, const struct yaml_node *node,
		      const struct kind *assumed, struct policy_set *set);

static void read_item(struct reader *r, const struct yaml_node *node, void *out)
{
	struct raw_list *raw = out;

	read_kind(r, node, raw->item, raw->set);
}

static void read_items(struct reader *r, const struct yaml_node *node,
		       void *out)
{
	reader_list(r, node, read_item, out);
}

static void read_list(struct reader *r, const struct yaml_node *node,
		      const struct kind *kind, struct policy_set *set)
{
	static const struct reader_field fields[] = {
		{ "apiVersion", reader_any_string },
		{ "kind", reader_any_string },
		{ "metadata", reader_any_mapping },
		{ "items", read_items },
	};
	struct raw_list raw = { .set = set, .item = kind->item };

	reader_object(r, node, fields, ARRAY_SIZE(fields), &raw);
}

static const struct kind *find_kind(struct slice api_version, struct slice name)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (slice_eq_str(api_version, kinds[i]->api_version) &&
		    slice_eq_str(name, kinds[i]->name))
			return kinds[i];
	return NULL;
}

static bool listed(const char *const *names, size_t n, struct slice name)
{
	/* A list of such objects is none of ours either. */
	if (name.len > 4 && !memcmp(name.ptr + name.len - 4, "List", 4))
		name.len -= 4;
	for (size_t i = 0; i < n; i++)
		if (slice_eq_str(name, names[i]))
			return true;
	return false;
}

/* May an object that we do not read be passed over? */
static bool ignorable(struct slice api_version, struct slice name)
{
	if (slice_eq_str(api_version, "v1"))
		return listed(other_core_kinds, ARRAY_SIZE(other_core_kinds),
			      name);
	if (slice_eq_str(api_version, "networking.k8s.io/v1"))
		return listed(other_networking_kinds,
			      ARRAY_SIZE(other_networking_kinds), name);
	return !memmem(name.ptr, name.len, "NetworkPolicy", 13);
}

static void pass_over(struct reader *r, const struct yaml_node *kind,
		      struct slice api_version)
{
	char name[YAML_QUOTE_LEN], version[YAML_QUOTE_LEN];

	yaml_quote(kind->text, name);
	yaml_quote(api_version, version);
	if (ignorable(api_version, kind->text))
		reader_warning(
			r, kind,
			"ignored: kind %s of %s is no NetworkPolicy or Namespace",
			name, version);
	else if (slice_eq_str(kind->text, "NetworkPolicy"))
		reader_error(
			r, kind,
			"NetworkPolicy of apiVersion %s is not supported; use networking.k8s.io/v1",
			version);
	else
		reader_error(
			r, kind,
			"kind %s of apiVersion %s is not supported; policies are NetworkPolicy of networking.k8s.io/v1",
			name, version);
}

/* A required field that holds text; NULL, reported, when it does not. */
static const struct yaml_node *text_field(struct reader *r,
					  const struct yaml_node *object,
					  const char *field)
{
	const struct yaml_node *node = yaml_get(object, field);
	size_t mark = reader_enter(r, field);
	struct slice text = { 0 };
	bool fine = false;

	if (!node || node->kind == YAML_NULL)
		reader_error(r, object, "required");
	else if (reader_string(r, node, &text) && !text.len)
		reader_error(r, node, "must not be empty");
	else
		fine = text.len > 0;
	reader_leave(r, mark);
	return fine ? node : NULL;
}

static void read_kind(struct reader *r, const struct yaml_node *node,
		      const struct kind *assumed, struct policy_set *set)
{
	const struct yaml_node *api_version, *name;
	const struct kind *kind = assumed;

	if (node->kind != YAML_MAPPING) {
		reader_error(r, node, "must be an object, found %s",
			     yaml_kind_name(node->kind));
		return;
	}
	if (!assumed || yaml_get(node, "kind") ||
	    yaml_get(node, "apiVersion")) {
		api_version = text_field(r, node, "apiVersion");
		name = text_field(r, node, "kind");
		if (!api_version || !name)
			return;
		kind = find_kind(api_version->text, name->text);
		if (!kind) {
			pass_over(r, name, api_version->text);
			return;
		}
	}
	if (kind->list)
		read_list(r, node, kind, set);
	else
		kind->read(r, node, set);
}

void read_object(struct reader *r, const struct yaml_node *node, void *out)
{
	read_kind(r, node, NULL, out);
}
