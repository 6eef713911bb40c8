/* SPDX-License-Identifier: GPL-2.0-or-later */
/* runtime.c - runtimes: which engines are watched, and how. */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "config/read.h"

#define ENGINE_NAMESPACE_MAX 76

/* ---- namespaces -------------------------------------------------------- */

static void read_namespace(struct reader *r, const struct yaml_node *network,
			   const struct yaml_node *n, struct namespace_rule *to)
{
	_cleanup_(freep) char *name = NULL;

	if (!config_read_string(r, n, &name))
		return;
	if (!endpoint_is_namespace(name)) {
		diag_error(
			r->diag, config_at(r, n),
			"\"%.64s\" is no namespace name: lower case letters, digits and '-', at most 63",
			name);
		return;
	}
	vec_push(&to->networks,
		 (struct label){ xstrndup(network->text.ptr, network->text.len),
				 TAKE_PTR(name) });
}

/* A mapping of networks to namespaces. */
static void read_namespaces(struct reader *r, const struct yaml_node *n)
{
	if (n->kind == YAML_NULL)
		return;
	if (n->kind != YAML_MAPPING) {
		diag_error(
			r->diag, config_at(r, n),
			"expected a mapping of networks to namespaces, got a %s",
			yaml_kind_name(n->kind));
		return;
	}
	for (size_t i = 0; i < n->n; i++)
		read_namespace(r, n->pairs[i].key, n->pairs[i].value,
			       &r->runtime->namespaces);
}

static void read_namespace_from(struct reader *r, const struct yaml_node *n)
{
	config_read_choice(r, n, "labels", "network",
			   &r->runtime->namespaces.from_network);
}

/* containerd's own namespaces: letters, digits and ".-_". */
static bool is_engine_namespace(const char *s)
{
	size_t n = strlen(s);

	return n && n <= ENGINE_NAMESPACE_MAX &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyz"
			 "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") == n;
}

static bool is_listed(const struct config_runtime *to, const char *name)
{
	vec_foreach(known, &to->engine_namespaces)
		if (!strcmp(*known, name))
			return true;
	return false;
}

static void read_engine_namespace(struct reader *r, const struct yaml_node *n,
				  struct config_runtime *to)
{
	_cleanup_(freep) char *name = NULL;

	if (!config_read_string(r, n, &name))
		return;
	if (!is_engine_namespace(name))
		diag_error(
			r->diag, config_at(r, n),
			"\"%.80s\" is no namespace of containerd: letters, digits and \".-_\", at most %d",
			name, ENGINE_NAMESPACE_MAX);
	else if (is_listed(to, name))
		diag_error(r->diag, config_at(r, n),
			   "namespace %s is listed twice", name);
	else
		vec_push(&to->engine_namespaces, TAKE_PTR(name));
}

static void read_engine_namespaces(struct reader *r, const struct yaml_node *n)
{
	if (n->kind == YAML_NULL)
		return;
	if (n->kind != YAML_SEQUENCE || !n->n) {
		diag_error(r->diag, config_at(r, n),
			   "expected a list of containerd's namespaces");
		return;
	}
	for (size_t i = 0; i < n->n; i++)
		read_engine_namespace(r, n->items[i], r->runtime);
}

/* ---- one runtime, and all ---------------------------------------------- */

static const struct runtime_ops *find_runtime(struct slice name)
{
	for (size_t i = 0; runtime_all[i]; i++)
		if (slice_eq_str(name, runtime_all[i]->name))
			return runtime_all[i];
	return NULL;
}

static void unknown_runtime(struct reader *r, const struct yaml_node *name)
{
	_cleanup_(buf_fini) struct buf known = BUF_INIT(BUF_UNBOUNDED);

	for (size_t i = 0; runtime_all[i]; i++)
		buf_addf(&known, "%s%s", i ? ", " : "", runtime_all[i]->name);
	diag_error(r->diag, config_at(r, name),
		   "unknown runtime \"%.*s\" (known: %s)",
		   (int)MIN(name->text.len, 80U), name->text.ptr,
		   buf_str(&known));
}

static void read_socket(struct reader *r, const struct yaml_node *n)
{
	config_read_path(r, n, &r->runtime->socket);
}

static void read_kubernetes(struct reader *r, const struct yaml_node *n)
{
	config_read_choice(r, n, "ignore", "enforce", &r->runtime->kubernetes);
}

static const struct key docker_keys[] = {
	{ "socket", read_socket },
	{ "namespaceFrom", read_namespace_from },
	{ "namespaces", read_namespaces },
	{ NULL, NULL },
};

static const struct key containerd_keys[] = {
	{ "socket", read_socket },
	{ "namespaces", read_engine_namespaces },
	{ "kubernetes", read_kubernetes },
	{ NULL, NULL },
};

static const struct key static_keys[] = {
	{ "file", read_socket },
	{ NULL, NULL },
};

/* Of Podman they are Docker's. */
static const struct key *keys_of(const struct runtime_ops *ops)
{
	if (ops == &runtime_containerd)
		return containerd_keys;
	return ops == &runtime_static ? static_keys : docker_keys;
}

/* An empty one is watched where it is by default. */
static void read_runtime(struct reader *r, const struct runtime_ops *ops,
			 const struct yaml_node *n)
{
	struct config_runtime runtime = { .ops = ops };

	r->runtime = &runtime;
	config_read_mapping(r, n, keys_of(ops));
	r->runtime = NULL;
	if (runtime.namespaces.networks.len && !runtime.namespaces.from_network)
		diag_error(
			r->diag, config_at(r, n),
			"namespaces names networks: it needs namespaceFrom: network");
	if (!runtime.socket)
		runtime.socket = xstrdup(ops->default_socket);
	vec_push(&r->config->runtimes, runtime);
}

void config_read_runtimes(struct reader *r, const struct yaml_node *n)
{
	if (n->kind != YAML_MAPPING || !n->n) {
		diag_error(
			r->diag, config_at(r, n),
			"expected a mapping of runtimes; leave the key out to watch those that are there");
		return;
	}
	for (size_t i = 0; i < n->n; i++) {
		const struct yaml_node *name = n->pairs[i].key;
		const struct runtime_ops *ops = find_runtime(name->text);

		if (ops)
			read_runtime(r, ops, n->pairs[i].value);
		else
			unknown_runtime(r, name);
	}
}

/* ---- those that are there ---------------------------------------------- */

/* Package podman-docker makes Docker's socket a link to Podman's. */
static bool is_same_file(const char *a, const char *b)
{
	struct stat x, y;

	return !stat(a, &x) && !stat(b, &y) && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

/* Docker is waited for, unless the host has Podman in its place. */
static bool is_default(const struct runtime_ops *ops)
{
	const char *podman = runtime_podman.default_socket;
	bool there = !access(ops->default_socket, F_OK);

	if (ops != &runtime_docker)
		return there;
	return (there && !is_same_file(ops->default_socket, podman)) ||
	       access(podman, F_OK);
}

void config_default_runtimes(struct config *c)
{
	for (size_t i = 0; runtime_all[i]; i++) {
		const struct runtime_ops *ops = runtime_all[i];

		if (is_default(ops))
			vec_push(&c->runtimes,
				 (struct config_runtime){
					 .ops = ops,
					 .socket = xstrdup(
						 ops->default_socket) });
	}
}

void config_runtime_fini(struct config_runtime *runtime)
{
	vec_foreach(n, &runtime->namespaces.networks) {
		free((char *)n->key);
		free((char *)n->value);
	}
	vec_fini(&runtime->namespaces.networks);
	vec_foreach(name, &runtime->engine_namespaces)
		free(*name);
	vec_fini(&runtime->engine_namespaces);
	free(runtime->socket);
}
