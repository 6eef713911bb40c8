/* SPDX-License-Identifier: GPL-2.0-or-later */
/* config.c - /etc/bulkhead/bulkhead.yaml. */
#include "agent/config.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/config_read.h"
#include "base/buf.h"
#include "bulkhead/control.h"

#define CONFIG_MAX	     (1U << 20)
#define ENGINE_NAMESPACE_MAX 76

/* ---- shapes ------------------------------------------------------------ */

struct diag_place config_at(const struct reader *r, const struct yaml_node *n)
{
	return yaml_place(n, r->file);
}

static const struct key *find_key(const struct key *keys, struct slice name)
{
	for (; keys->name; keys++)
		if (slice_eq_str(name, keys->name))
			return keys;
	return NULL;
}

static void unknown_key(struct reader *r, const struct key *keys,
			const struct yaml_node *key)
{
	_cleanup_(buf_fini) struct buf known = BUF_INIT(BUF_UNBOUNDED);

	for (; keys->name; keys++)
		buf_addf(&known, "%s%s", known.len ? ", " : "", keys->name);
	diag_error(r->diag, config_at(r, key),
		   "unknown key \"%.*s\" (known here: %s)",
		   (int)MIN(key->text.len, 80U), key->text.ptr,
		   buf_str(&known));
}

void config_read_mapping(struct reader *r, const struct yaml_node *n,
			 const struct key *keys)
{
	if (n->kind == YAML_NULL)
		return;
	if (n->kind != YAML_MAPPING) {
		diag_error(r->diag, config_at(r, n),
			   "expected a mapping, got a %s",
			   yaml_kind_name(n->kind));
		return;
	}
	for (size_t i = 0; i < n->n; i++) {
		const struct yaml_node *name = n->pairs[i].key;
		const struct key *key = find_key(keys, name->text);

		if (key)
			key->read(r, n->pairs[i].value);
		else
			unknown_key(r, keys, name);
	}
}

bool config_read_string(struct reader *r, const struct yaml_node *n, char **to)
{
	if (n->kind == YAML_NULL)
		return false;
	if (n->kind != YAML_STRING || !n->text.len) {
		diag_error(r->diag, config_at(r, n),
			   "expected a string, got %s",
			   n->kind == YAML_STRING ? "an empty one"
						  : yaml_kind_name(n->kind));
		return false;
	}
	free(*to);
	*to = xstrndup(n->text.ptr, n->text.len);
	return true;
}

void config_read_path(struct reader *r, const struct yaml_node *n, char **to)
{
	if (config_read_string(r, n, to) && (*to)[0] != '/')
		diag_error(r->diag, config_at(r, n),
			   "\"%s\" is no absolute path: begin it with /", *to);
}

/* One of two words. */
static void read_choice(struct reader *r, const struct yaml_node *n,
			const char *no, const char *yes, bool *to)
{
	_cleanup_(freep) char *word = NULL;

	if (!config_read_string(r, n, &word))
		return;
	if (!strcmp(word, yes))
		*to = true;
	else if (!strcmp(word, no))
		*to = false;
	else
		diag_error(r->diag, config_at(r, n),
			   "\"%s\" is not possible here: use %s or %s", word,
			   no, yes);
}

/* ---- keys -------------------------------------------------------------- */

static void read_policy_dir(struct reader *r, const struct yaml_node *n)
{
	config_read_path(r, n, &r->config->policy_dir);
}

static void read_state_dir(struct reader *r, const struct yaml_node *n)
{
	config_read_path(r, n, &r->config->state_dir);
}

static void read_control_socket(struct reader *r, const struct yaml_node *n)
{
	config_read_path(r, n, &r->config->control_socket);
}

static void read_control_group(struct reader *r, const struct yaml_node *n)
{
	config_read_string(r, n, &r->config->control_group);
}

static void read_log_level(struct reader *r, const struct yaml_node *n)
{
	_cleanup_(freep) char *name = NULL;
	int level;

	if (!config_read_string(r, n, &name))
		return;
	level = log_level_parse(name);
	if (level < 0)
		diag_error(
			r->diag, config_at(r, n),
			"unknown level \"%s\": use error, warning, info or debug",
			name);
	else
		r->config->log_level = (enum log_level)level;
}

static void read_mode(struct reader *r, const struct yaml_node *n)
{
	read_choice(r, n, "enforce", "audit", &r->config->compile.audit);
}

static void read_unknown(struct reader *r, const struct yaml_node *n)
{
	read_choice(r, n, "drop", "allow", &r->config->compile.allow_unknown);
}

static void read_deny_action(struct reader *r, const struct yaml_node *n)
{
	read_choice(r, n, "drop", "reject", &r->config->compile.reject);
}

static void read_invalid(struct reader *r, const struct yaml_node *n)
{
	read_choice(r, n, "refuse", "ignore",
		    &r->config->ignore_invalid_policies);
}

static void read_anti_spoofing(struct reader *r, const struct yaml_node *n)
{
	read_choice(r, n, "disabled", "enabled", &r->config->anti_spoofing);
}

static void read_ownership(struct reader *r, const struct yaml_node *n)
{
	read_choice(r, n, "disabled", "auto", &r->config->own_tables);
}

static void read_ignored(struct reader *r, const struct yaml_node *n)
{
	if (n->kind == YAML_NULL)
		return;
	if (n->kind != YAML_SEQUENCE) {
		diag_error(r->diag, config_at(r, n),
			   "expected a list of networks");
		return;
	}
	for (size_t i = 0; i < n->n; i++) {
		char *name = NULL;

		if (config_read_string(r, n->items[i], &name))
			vec_push(&r->config->ignore_networks, name);
	}
}

static void read_enforcement(struct reader *r, const struct yaml_node *n)
{
	static const struct key keys[] = {
		{ "mode", read_mode },
		{ "unknownEndpoint", read_unknown },
		{ "denyAction", read_deny_action },
		{ "antiSpoofing", read_anti_spoofing },
		{ "tableOwnership", read_ownership },
		{ "ignoreNetworks", read_ignored },
		{ "invalidPoliciesAtStart", read_invalid },
		{ NULL, NULL },
	};

	config_read_mapping(r, n, keys);
}

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
static void read_namespaces(struct reader *r, const struct yaml_node *n,
			    struct namespace_rule *to)
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
		read_namespace(r, n->pairs[i].key, n->pairs[i].value, to);
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

static void read_engine_namespaces(struct reader *r, const struct yaml_node *n,
				   struct config_runtime *to)
{
	if (n->kind == YAML_NULL)
		return;
	if (n->kind != YAML_SEQUENCE || !n->n) {
		diag_error(r->diag, config_at(r, n),
			   "expected a list of containerd's namespaces");
		return;
	}
	for (size_t i = 0; i < n->n; i++)
		read_engine_namespace(r, n->items[i], to);
}

static void read_runtime_key(struct reader *r, const struct yaml_node *key,
			     const struct yaml_node *n,
			     struct config_runtime *to)
{
	bool docker = !strcmp(to->ops->name, "docker");
	bool containerd = to->ops == &runtime_containerd;

	if (slice_eq_str(key->text, "socket") ||
	    slice_eq_str(key->text, "file"))
		config_read_path(r, n, &to->socket);
	else if (docker && slice_eq_str(key->text, "namespaceFrom"))
		read_choice(r, n, "labels", "network",
			    &to->namespaces.from_network);
	else if (docker && slice_eq_str(key->text, "namespaces"))
		read_namespaces(r, n, &to->namespaces);
	else if (containerd && slice_eq_str(key->text, "namespaces"))
		read_engine_namespaces(r, n, to);
	else if (containerd && slice_eq_str(key->text, "kubernetes"))
		read_choice(r, n, "ignore", "enforce", &to->kubernetes);
	else
		diag_error(r->diag, config_at(r, key),
			   "unknown key \"%.*s\" (known here: %s)",
			   (int)MIN(key->text.len, 80U), key->text.ptr,
			   docker	? "socket, namespaceFrom, namespaces"
			   : containerd ? "socket, namespaces, kubernetes"
					: "file, socket");
}

/* {socket: PATH, …}, or {file: PATH} of the static one; empty: the default. */
static void read_runtime(struct reader *r, const struct runtime_ops *ops,
			 const struct yaml_node *n)
{
	struct config_runtime runtime = { .ops = ops };

	if (n->kind != YAML_NULL && n->kind != YAML_MAPPING) {
		diag_error(r->diag, config_at(r, n),
			   "expected a mapping, got a %s",
			   yaml_kind_name(n->kind));
		return;
	}
	for (size_t i = 0; i < n->n; i++)
		read_runtime_key(r, n->pairs[i].key, n->pairs[i].value,
				 &runtime);
	if (runtime.namespaces.networks.len && !runtime.namespaces.from_network)
		diag_error(
			r->diag, config_at(r, n),
			"namespaces names networks: it needs namespaceFrom: network");
	if (!runtime.socket)
		runtime.socket = xstrdup(ops->default_socket);
	vec_push(&r->config->runtimes, runtime);
}

static void read_runtimes(struct reader *r, const struct yaml_node *n)
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

static void read_file(struct reader *r, const struct yaml_node *n)
{
	static const struct key keys[] = {
		{ "policyDir", read_policy_dir },
		{ "stateDir", read_state_dir },
		{ "controlSocket", read_control_socket },
		{ "controlGroup", read_control_group },
		{ "logLevel", read_log_level },
		{ "runtimes", read_runtimes },
		{ "enforcement", read_enforcement },
		{ "flowLog", config_read_flow_log },
		{ NULL, NULL },
	};

	config_read_mapping(r, n, keys);
}

/* ---- the whole --------------------------------------------------------- */

static void set_defaults(struct config *c)
{
	c->policy_dir = xstrdup("/etc/bulkhead/policies");
	c->state_dir = xstrdup("/var/lib/bulkhead");
	c->control_socket = xstrdup(CONTROL_SOCKET);
	c->flow_interval_ms = 10000;
	c->flow_allowed_interval_ms = 300000;
	c->packet_head = 96;
	c->compile.budget_rate = 100;
	c->compile.budget_burst = 1000;
	c->log_level = LOG_LEVEL_INFO;
	c->anti_spoofing = true;
	c->own_tables = true;
}

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

static void default_runtimes(struct config *c)
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

static void parse_document(struct reader *r, struct slice text)
{
	_cleanup_(yaml_stream_freep) struct yaml_stream *stream = NULL;

	if (yaml_parse(text, r->file, r->diag, &stream) < 0)
		return;
	if (yaml_documents(stream) > 1)
		diag_error(r->diag, config_at(r, yaml_document(stream, 1)),
			   "a configuration is one document");
	else if (yaml_documents(stream))
		read_file(r, yaml_document(stream, 0));
}

int config_parse(struct slice text, const char *file, struct diag_list *diag,
		 struct config *ret)
{
	_cleanup_(config_fini) struct config config = { 0 };
	struct reader reader = { .file = file,
				 .diag = diag,
				 .config = &config };
	size_t errors = diag->errors;

	set_defaults(&config);
	parse_document(&reader, text);
	config_finish_sinks(&reader);
	if (diag->errors != errors)
		return -EINVAL;
	config.text = xstrndup(text.ptr, text.len);
	if (!config.runtimes.len)
		default_runtimes(&config);
	*ret = config;
	config = (struct config){ 0 };
	return 0;
}

int config_load(const char *path, bool must_exist, struct diag_list *diag,
		struct config *ret)
{
	_cleanup_(buf_fini) struct buf text = BUF_INIT(CONFIG_MAX);
	int r = buf_read_file(&text, path);

	if (r < 0 && (r != -ENOENT || must_exist)) {
		diag_errno(diag, path, r, "cannot read the configuration");
		return -EINVAL;
	}
	return config_parse(buf_slice(&text), path, diag, ret);
}

static void runtime_fini(struct config_runtime *runtime)
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

void config_fini(struct config *c)
{
	free(c->policy_dir);
	free(c->state_dir);
	free(c->control_socket);
	free(c->control_group);
	free(c->flow_user);
	free(c->flow_log);
	free(c->text);
	vec_foreach(sink, &c->sinks)
		sink_config_fini(sink);
	vec_fini(&c->sinks);
	vec_foreach(runtime, &c->runtimes)
		runtime_fini(runtime);
	vec_fini(&c->runtimes);
	vec_foreach(name, &c->ignore_networks)
		free(*name);
	vec_fini(&c->ignore_networks);
}
