/* SPDX-License-Identifier: GPL-2.0-or-later */
/* answer.c - control commands.
 *
 * Everything but `wait` is answered at once from what the agent knows. A
 * *waiter* asks every runtime for a listing of its own, has the policy
 * directory read again, and is answered when the commit that follows is in the
 * kernel: so it does not depend on any event that is still on its way.
 */
#include <errno.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/audit.h"
#include "agent/report/put.h"
#include "agent/report/report.h"
#include "base/log.h"
#include "bulkhead/control.h"

/* How often a waiter looks whether the commit came about (a failed one is
 * retried by itself). */
#define WAIT_POLL_MS 10
/* … and when it asks a runtime again that did not answer. */
#define WAIT_AGAIN_MS 250

struct waiter {
	struct agent *agent;
	struct control_call *call;
	struct loop_timer *timer;
	unsigned asked; /* runtimes that have not answered */
	bool committed; /* what was asked for is in the kernel */
	bool again;	/* one of them is there and could not tell */
	bool orphaned;	/* its client has gone: free with the last answer */
};

static void waiter_free(struct waiter *w)
{
	struct agent *a = w->agent;

	for (size_t i = 0; i < a->waiters.len; i++)
		if (a->waiters.data[i] == w) {
			vec_remove(&a->waiters, i);
			break;
		}
	loop_timer_close(w->timer);
	free(w);
}

static void answer_generation(struct waiter *w)
{
	struct json_object *result = json_object_new_object();

	json_object_object_add(
		result, "generation",
		json_object_new_uint64(w->agent->enforcement.generation));
	control_reply(w->call, result);
	waiter_free(w);
}

/* What no waiting mends: an error now rather than a time-out later. The caller
 * frees it; NULL: there is hope. */
static char *hopeless(struct agent *a)
{
	const char *problem = policy_dir_problem(a->policies);
	struct policy_dir_file file;

	for (size_t i = 0; i < policy_dir_files(a->policies); i++) {
		policy_dir_file(a->policies, i, &file);
		if (file.broken && !file.writing)
			return xasprintf("%s is invalid; see bulkhead status",
					 file.path);
	}
	return problem ? xasprintf("%s: %s", a->config.policy_dir, problem)
		       : NULL;
}

static void ask(struct waiter *w);

static bool commit(struct agent *a)
{
	if (a->link)
		link_refresh(a->link);
	a->enforcement.dirty = true;
	return enforce_now(a);
}

static void look(void *arg)
{
	struct waiter *w = arg;
	_cleanup_(freep) char *why = NULL;

	if (w->again) {
		ask(w);
		return;
	}
	why = hopeless(w->agent);
	if (why) {
		control_fail(w->call, "not in step: %s", why);
		waiter_free(w);
		return;
	}
	/* A commit that failed is retried in its own time. */
	if (!w->committed && !enforce_retrying(w->agent))
		w->committed = commit(w->agent);
	/* In step is also that what is not allowed any more has ended. */
	if (w->committed && revoke_is_idle(w->agent->revoke))
		answer_generation(w);
	else
		loop_timer_start(w->timer, WAIT_POLL_MS, 0);
}

static void all_synced(struct waiter *w)
{
	if (w->orphaned)
		waiter_free(w);
	else
		loop_timer_start(w->timer, w->again ? WAIT_AGAIN_MS : 0, 0);
}

static void on_synced(void *arg, int error)
{
	struct waiter *w = arg;

	/* Nobody listens: no engine that would have started anything. */
	if (error < 0 && error != -ENOENT && error != -ECONNREFUSED)
		w->again = true;
	if (--w->asked == 0)
		all_synced(w);
}

static void ask(struct waiter *w)
{
	struct agent *a = w->agent;

	w->again = false;
	w->asked = (unsigned)a->runtimes.len;
	if (!w->asked)
		all_synced(w);
	vec_foreach(r, &a->runtimes)
		(*r)->ops->sync(*r, on_synced, w);
}

static void on_hangup(void *arg)
{
	struct waiter *w = arg;

	w->orphaned = true;
	if (!w->asked)
		waiter_free(w);
}

static void answer_wait(struct agent *a, struct control_call *call)
{
	struct waiter *w = xnew(struct waiter);

	w->agent = a;
	w->call = call;
	w->timer = loop_timer_new(a->loop, look, w);
	vec_push(&a->waiters, w);
	control_call_on_hangup(call, on_hangup, w);
	policy_dir_rescan(a->policies);
	ask(w);
}

static void answer_explain(struct agent *a, struct control_call *call,
			   struct json_object *arguments)
{
	struct json_object *result = NULL;
	_cleanup_(freep) char *error = NULL;

	if (report_explain(a, arguments, &result, &error) < 0)
		control_fail(call, "%s", error);
	else
		control_reply(call, result);
}

/* A boolean of @arguments, @otherwise when it is not there. */
static bool flag(struct json_object *arguments, const char *key, bool otherwise)
{
	struct json_object *value = NULL;

	if (!arguments || !json_object_object_get_ex(arguments, key, &value))
		return otherwise;
	return json_object_get_boolean(value);
}

static void answer_rules(struct agent *a, struct control_call *call,
			 struct json_object *arguments)
{
	control_reply(call, flag(arguments, "nft", false) ? report_nft(a)
							  : report_rules(a));
}

static void quarantine(struct agent *a, struct control_call *call,
		       const char *name, const char *reason)
{
	uid_t uid = control_call_uid(call);
	_cleanup_(freep) char *error = NULL;
	struct endpoint *found = report_find(a, name, &error);
	/* The store puts another in its place. */
	_cleanup_(endpoint_unrefp) struct endpoint *e =
		found ? endpoint_ref(found) : NULL;
	_cleanup_(freep) char *full = NULL;
	bool news;
	int r;

	if (!e) {
		control_fail(call, "%s", error);
		return;
	}
	news = !quarantine_find(&a->quarantine, e->id);
	r = quarantine_add(&a->quarantine, e, reason, uid);
	if (r < 0) {
		control_fail(call, "%s cannot be quarantined: %s: %s", name,
			     a->quarantine.path, strerror(-r));
		return;
	}
	log_warning("quarantine: %s/%s is sealed off by uid %u%s%s",
		    e->namespace, e->name, (unsigned)uid, *reason ? ": " : "",
		    reason);
	full = xasprintf("%s/%s", e->namespace, e->name);
	if (news)
		audit_quarantine(a, e, full, reason, uid, false);
	enforce_now(a);
	control_reply(call, report_quarantine(a));
}

static void lift(struct agent *a, struct control_call *call, const char *name)
{
	bool ambiguous = false;
	const struct endpoint *e =
		endpoint_store_find(a->store, name, &ambiguous);
	const struct quarantined *entry =
		quarantine_find_named(&a->quarantine, e ? e->id : name);
	_cleanup_(freep) char *full = entry ? xstrdup(entry->name) : NULL;
	_cleanup_(freep) char *reason = entry ? xstrdup(entry->reason) : NULL;
	int r = quarantine_lift(&a->quarantine, e ? e->id : name);

	if (r == -ENOENT) {
		control_fail(call, "\"%s\" is not quarantined", name);
		return;
	}
	if (r < 0) {
		control_fail(call,
			     "the quarantine of %s cannot be lifted: %s: %s",
			     name, a->quarantine.path, strerror(-r));
		return;
	}
	log_warning("quarantine: that of %s is lifted by uid %u", name,
		    (unsigned)control_call_uid(call));
	e = endpoint_store_find(a->store, name, &ambiguous);
	audit_quarantine(a, e, full, reason, control_call_uid(call), true);
	enforce_now(a);
	control_reply(call, report_quarantine(a));
}

static void answer_quarantine(struct agent *a, struct control_call *call,
			      struct json_object *arguments)
{
	const char *add = report_argument(arguments, "add");
	const char *from = report_argument(arguments, "lift");
	const char *reason = report_argument(arguments, "reason") ?: "";

	if ((add || from) && control_call_uid(call) != 0)
		control_fail(call,
			     "only root may quarantine a container or lift it");
	else if (strlen(reason) > QUARANTINE_REASON_MAX)
		control_fail(call, "a reason has at most %d bytes",
			     QUARANTINE_REASON_MAX);
	else if (add)
		quarantine(a, call, add, reason);
	else if (from)
		lift(a, call, from);
	else
		control_reply(call, report_quarantine(a));
}

static const struct {
	const char *command;
	struct json_object *(*report)(struct agent *a);
} reports[] = {
	{ CONTROL_STATUS, report_status },
	{ CONTROL_POLICIES, report_policies },
	{ CONTROL_NETWORKS, report_networks },
	{ CONTROL_METRICS, report_metrics },
};

void answer(void *arg, struct control_call *call, const char *command,
	    struct json_object *arguments)
{
	struct agent *a = arg;

	for (size_t i = 0; i < ARRAY_SIZE(reports); i++)
		if (!strcmp(reports[i].command, command)) {
			control_reply(call, reports[i].report(a));
			return;
		}
	if (!strcmp(command, CONTROL_ENDPOINTS))
		control_reply(call, report_endpoints(a, flag(arguments,
							     "labels", true)));
	else if (!strcmp(command, CONTROL_WAIT))
		answer_wait(a, call);
	else if (!strcmp(command, CONTROL_EXPLAIN))
		answer_explain(a, call, arguments);
	else if (!strcmp(command, CONTROL_RULES))
		answer_rules(a, call, arguments);
	else if (!strcmp(command, CONTROL_QUARANTINE))
		answer_quarantine(a, call, arguments);
	else
		control_fail(call, "no command is called \"%s\"", command);
}

void answer_fini(struct agent *a)
{
	vec_foreach(w, &a->waiters) {
		loop_timer_close((*w)->timer);
		free(*w);
	}
	vec_fini(&a->waiters);
}
