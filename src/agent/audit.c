/* SPDX-License-Identifier: GPL-2.0-or-later */
/* audit.c - what the agent sees and does, as events of the flow log. */
#include "agent/audit.h"

#include <string.h>

#include "base/log.h"
#include "bulkhead/version.h"

static void tell(struct agent *a, const struct flow_event *e)
{
	if (a->flow)
		flow_tell(a->flow, e);
}

void audit_agent_start(struct agent *a)
{
	struct flow_event e = {
		.name = "agent-start",
		.level = "info",
		.message = "The agent starts.",
		.values = { { .key = "version", .text = BULKHEAD_VERSION },
			    { .key = "pid", .number = (uint64_t)getpid() } },
	};

	tell(a, &e);
}

void audit_agent_stop(struct agent *a)
{
	struct flow_event e = {
		.name = "agent-stop",
		.level = "info",
		.message = "The agent stops; the rules stay in force.",
	};

	tell(a, &e);
}

/* ---- containers -------------------------------------------------------- */

static void tell_container(struct agent *a, const char *name, const char *level,
			   const struct endpoint *e, const char *what,
			   const char *command)
{
	_cleanup_(freep) char *message =
		xasprintf("Container %s/%s %s.", e->namespace, e->name, what);
	struct flow_event event = {
		.name = name,
		.level = level,
		.message = message,
		.container = e,
		.networks = true,
		.values = { { .key = command ? "command" : NULL,
			      .text = command } },
	};

	tell(a, &event);
}

static bool runs(const struct endpoint *e)
{
	return e && e->state == ENDPOINT_RUNNING;
}

void audit_endpoint(struct agent *a, const struct endpoint *old,
		    const struct endpoint *now)
{
	/* What is counted so far is the old owner's. */
	if (old && (!now || now->state == ENDPOINT_EXITED) && a->flow)
		flow_hurry(a->flow);
	if (!runs(old) && runs(now))
		tell_container(a, "container-start", "info", now,
			       !now->started || now->started < a->started
				       ? "runs already"
				       : "starts",
			       NULL);
	else if (runs(old) && !runs(now))
		tell_container(a, "container-stop", "info", old, "stops", NULL);
}

void audit_exec(struct agent *a, const char *id, const char *command)
{
	const struct endpoint *e = endpoint_store_by_id(a->store, id);

	if (e)
		tell_container(a, "container-exec", "info", e,
			       "is entered by a command", command);
}

void audit_oom(struct agent *a, const char *id)
{
	const struct endpoint *e = endpoint_store_by_id(a->store, id);

	if (e)
		tell_container(
			a, "container-oom", "warning", e,
			"has no memory left: the kernel killed a process of it",
			NULL);
}

/* ---- policies ---------------------------------------------------------- */

static void tell_file(struct agent *a, const char *name, const char *level,
		      const char *what, const struct audit_file *file,
		      const struct policy_set *set)
{
	_cleanup_(freep) char *message =
		xasprintf("Policy file %s %s.", file->path, what);
	VEC(char *) names = { 0 };
	struct flow_event e = {
		.name = name,
		.level = level,
		.message = message,
		.has_policies = true,
		.values = { { .key = "file", .text = file->path },
			    { .key = file->hash[0] ? "hash" : NULL,
			      .text = file->hash } },
	};

	if (set)
		vec_foreach(policy, &set->policies)
			vec_push(&names,
				 xasprintf("%s/%s", (*policy)->namespace,
					   (*policy)->name));
	e.policies = (const char *const *)names.data;
	e.npolicies = names.len;
	tell(a, &e);
	vec_foreach(policy, &names)
		free(*policy);
	vec_fini(&names);
}

static struct audit_file *known_file(struct agent *a, const char *path)
{
	vec_foreach(file, &a->audit_files)
		if (!strcmp(file->path, path))
			return file;
	return NULL;
}

static void look_at(struct agent *a, const struct policy_dir_file *now)
{
	struct audit_file *file = known_file(a, now->path);
	bool news = !file || strcmp(file->hash, now->hash) != 0 ||
		    file->broken != now->broken ||
		    file->in_force != now->in_force;
	bool was_in_force = file && file->in_force;

	if (!file) {
		vec_push(&a->audit_files,
			 (struct audit_file){ .path = xstrdup(now->path) });
		file = &a->audit_files.data[a->audit_files.len - 1];
	}
	file->seen = true;
	if (!news || (!now->broken && !now->in_force))
		return;
	memcpy(file->hash, now->hash, sizeof(file->hash));
	file->broken = now->broken;
	file->in_force = now->in_force;
	if (now->broken)
		tell_file(
			a, "policy-rejected", "error",
			now->in_force
				? "is invalid; its last good version stays in force"
				: "is invalid; nothing of it is in force",
			file, now->set);
	else if (was_in_force)
		tell_file(a, "policy-changed", "info", "is changed", file,
			  now->set);
	else
		tell_file(a, "policy-loaded", "info", "is in force", file,
			  now->set);
}

void audit_policies(struct agent *a)
{
	struct policy_dir_file now;

	vec_foreach(file, &a->audit_files)
		file->seen = false;
	for (size_t i = 0; i < policy_dir_files(a->policies); i++) {
		policy_dir_file(a->policies, i, &now);
		look_at(a, &now);
	}
	for (size_t i = a->audit_files.len; i-- > 0;) {
		struct audit_file *file = &a->audit_files.data[i];

		if (file->seen)
			continue;
		tell_file(a, "policy-removed", "warning", "is removed", file,
			  NULL);
		free(file->path);
		vec_remove(&a->audit_files, i);
	}
}

/* ---- enforcement ------------------------------------------------------- */

void audit_enforcement(struct agent *a)
{
	_cleanup_(buf_fini) struct buf networks = BUF_INIT(BUF_UNBOUNDED);
	const char *mode = a->config.compile.audit ? "audit" : "enforce";
	_cleanup_(freep) char *message = NULL;
	struct flow_event e = { .name = "enforcement", .level = "info" };

	vec_foreach(n, &a->managed.all)
		buf_addf(&networks, "%s%s", networks.len ? "," : "",
			 (*n)->name);
	if (a->audit_networks && !strcmp(a->audit_networks, buf_str(&networks)))
		return;
	message = xasprintf("Mode %s; managed networks: %s.", mode,
			    networks.len ? buf_str(&networks) : "none");
	e.message = message;
	e.values[0] = (struct flow_value){ .key = "mode", .text = mode };
	e.values[1] = (struct flow_value){ .key = "managed_networks",
					   .text = buf_str(&networks) };
	tell(a, &e);
	free(a->audit_networks);
	a->audit_networks = buf_take(&networks);
	if (!a->audit_networks)
		a->audit_networks = xstrdup("");
}

void audit_tamper(struct agent *a, const char *what, bool restored)
{
	_cleanup_(freep) char *message =
		xasprintf("Somebody changed the agent's tables: %s; %s.", what,
			  restored ? "restored" : "NOT restored yet");
	struct flow_event e = {
		.name = "tamper",
		.level = restored ? "warning" : "error",
		.message = message,
		.values = { { .key = "what", .text = what },
			    { .key = "restored",
			      .number = restored,
			      .is_bool = true } },
	};

	tell(a, &e);
}

void audit_quarantine(struct agent *a, const struct endpoint *e,
		      const char *name, const char *reason, uid_t uid,
		      bool lifted)
{
	_cleanup_(freep) char *message =
		xasprintf(lifted ? "The quarantine of container %s is lifted."
				 : "Container %s is quarantined.",
			  name);
	struct flow_event event = {
		.name = "quarantine",
		.level = "warning",
		.message = message,
		.container = e,
		.networks = true,
		.values = { { .key = "reason", .text = reason },
			    { .key = "lifted",
			      .number = lifted,
			      .is_bool = true },
			    { .key = "uid", .number = uid } },
	};

	tell(a, &event);
}

/* ---- the flow log itself ----------------------------------------------- */

void audit_sink(struct agent *a, const char *sink, const char *problem)
{
	bool writer = !strcmp(sink, "writer");
	_cleanup_(freep) char *message = xasprintf(
		"%s%s %s%s.", writer ? "The flow writer" : "Sink ",
		writer ? "" : sink,
		*problem ? "has a problem: " : "works again", problem);
	struct flow_event e = {
		.name = "sink",
		.level = *problem ? "warning" : "info",
		.message = message,
		.values = { { .key = "sink", .text = sink },
			    { .key = "problem", .text = problem } },
	};

	tell(a, &e);
}

void audit_fini(struct agent *a)
{
	vec_foreach(file, &a->audit_files)
		free(file->path);
	vec_fini(&a->audit_files);
	free(TAKE_PTR(a->audit_networks));
}
