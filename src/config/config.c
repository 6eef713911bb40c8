/* SPDX-License-Identifier: GPL-2.0-or-later */
/* config.c - the file, its first keys, and their defaults. */
#include "config/config.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "bulkhead/control.h"
#include "config/read.h"

#define CONFIG_MAX (1U << 20)

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
	config_read_choice(r, n, "enforce", "audit", &r->config->compile.audit);
}

static void read_unknown(struct reader *r, const struct yaml_node *n)
{
	config_read_choice(r, n, "drop", "allow",
			   &r->config->compile.allow_unknown);
}

static void read_deny_action(struct reader *r, const struct yaml_node *n)
{
	config_read_choice(r, n, "drop", "reject", &r->config->compile.reject);
}

static void read_invalid(struct reader *r, const struct yaml_node *n)
{
	config_read_choice(r, n, "refuse", "ignore",
			   &r->config->ignore_invalid_policies);
}

static void read_anti_spoofing(struct reader *r, const struct yaml_node *n)
{
	config_read_choice(r, n, "disabled", "enabled",
			   &r->config->anti_spoofing);
}

static void read_ownership(struct reader *r, const struct yaml_node *n)
{
	config_read_choice(r, n, "disabled", "auto", &r->config->own_tables);
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

static void read_file(struct reader *r, const struct yaml_node *n)
{
	static const struct key keys[] = {
		{ "policyDir", read_policy_dir },
		{ "stateDir", read_state_dir },
		{ "controlSocket", read_control_socket },
		{ "controlGroup", read_control_group },
		{ "logLevel", read_log_level },
		{ "runtimes", config_read_runtimes },
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
		config_default_runtimes(&config);
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
		config_runtime_fini(runtime);
	vec_fini(&c->runtimes);
	vec_foreach(name, &c->ignore_networks)
		free(*name);
	vec_fini(&c->ignore_networks);
}
