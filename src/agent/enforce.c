/* SPDX-License-Identifier: GPL-2.0-or-later */
/* enforce.c - store and policies to compile to firewall, once per batch.
 *
 * **I2** a dead agent leaves the last rules in force, and a starting one
 * leaves them too: where our tables are in the kernel already, nothing is
 * committed before every runtime has told what runs. Where they are not (the
 * first start, a boot), the fail-closed skeleton over the remembered bridges
 * is committed as soon as a runtime is known to be absent.
 */
#include "agent/agent.h"

#include <string.h>

#include "agent/audit.h"
#include "agent/notify.h"
#include "base/clock.h"
#include "base/log.h"

/* Retries of a failed commit, in milliseconds. */
#define RETRY_MIN 1000U
#define RETRY_MAX 30000U

static bool in_step(const struct runtime *r, struct runtime_status *status)
{
	r->ops->status(r, status);
	return status->state != RUNTIME_CONNECTING;
}

static bool all_in_step(const struct agent *a)
{
	struct runtime_status status;

	vec_foreach(r, &a->runtimes)
		if (!in_step(*r, &status))
			return false;
	return true;
}

const char *enforce_blocked(const struct agent *a)
{
	const struct enforcement *e = &a->enforcement;
	struct runtime_status status;

	if (e->committed)
		return NULL;
	if (!a->config.ignore_invalid_policies &&
	    policy_dir_problem(a->policies))
		return "the policy directory cannot be read";
	if (!a->config.ignore_invalid_policies && !policy_dir_ok(a->policies))
		return "an invalid policy file has no earlier version that could be in force: mend it, or set enforcement.invalidPoliciesAtStart: ignore";
	vec_foreach(r, &a->runtimes) {
		if (in_step(*r, &status))
			continue;
		if (e->inherited)
			return "a runtime has not told yet what runs; the rules of the agent's last run stay in force";
		if (!status.detail[0] && !e->waited_enough)
			return "a runtime has not answered yet";
	}
	return NULL;
}

/* ---- one commit -------------------------------------------------------- */

static void manage_bridges(struct agent *a)
{
	VEC(struct { char name[IFNAMSIZ]; }) names = { 0 };
	int r;

	vec_foreach(n, &a->managed.all) {
		vec_grow(&names);
		memcpy(names.data[names.len++].name, (*n)->bridge, IFNAMSIZ);
	}
	if (a->link)
		link_manage(a->link, (const char(*)[IFNAMSIZ])names.data,
			    names.len);
	vec_fini(&names);
	r = managed_save(&a->managed);
	if (r < 0 && r != a->enforcement.save_error)
		log_warning(
			"cannot remember the managed bridges in %s: %s; containers that start before the engine answers at the next boot would not be held",
			a->managed.path, strerror(-r));
	a->enforcement.save_error = r;
}

void enforce_guard_remembered(struct agent *a)
{
	managed_update(&a->managed, NULL, 0, NULL, 0, true);
	manage_bridges(a);
}

/* The networks whose bridges are governed, for the compiler. */
static struct compile_input input_of(struct agent *a)
{
	struct compile_input in = { .options = a->config.compile };
	const struct network *const *networks;
	size_t n;

	networks = endpoint_store_networks(a->store, &n);
	managed_update(&a->managed, networks, n, a->config.ignore_networks.data,
		       a->config.ignore_networks.len, !all_in_step(a));
	in.policies = policy_dir_set(a->policies);
	in.endpoints = endpoint_store_all(a->store, &in.nendpoints);
	in.networks = a->managed.all.data;
	in.nnetworks = a->managed.all.len;
	if (a->link)
		bind_update(&a->bindings, a->link, in.endpoints, in.nendpoints,
			    in.networks, in.nnetworks);
	if (a->link && a->config.anti_spoofing) {
		in.guard_ports = true;
		in.ports = a->bindings.ports.data;
		in.nports = a->bindings.ports.len;
	}
	return in;
}

static void commit_failed(struct agent *a, const struct firewall_result *result)
{
	struct enforcement *e = &a->enforcement;
	unsigned ms = RETRY_MIN << MIN(e->failures, 5U);

	if (!e->error || strcmp(e->error, result->error))
		log_error(
			"cannot change the ruleset: %s; what was in force stays in force, retrying",
			result->error);
	free(e->error);
	e->error = xstrdup(result->error);
	e->failures++;
	e->failed++;
	e->dirty = true;
	loop_timer_start(e->timer, MIN(ms, RETRY_MAX), 0);
}

static void commit_done(struct agent *a, const struct firewall_result *result)
{
	struct enforcement *e = &a->enforcement;

	if (e->error)
		log_info("the ruleset can be changed again");
	free(e->error);
	e->error = NULL;
	e->failures = 0;
	e->generation = result->generation;
	if (!result->changed)
		return;
	foreign_committed(&a->foreign, result->generation);
	e->transactions++;
	e->commit_time = clock_realtime();
	e->commit_ns = result->duration_ns;
	histogram_add(&e->commits, result->duration_ns);
	e->objects = result->objects;
	e->elements = result->elements;
	log_debug("committed: %u objects, %u elements in %llu us",
		  result->objects, result->elements,
		  (unsigned long long)result->duration_ns / 1000);
}

static void become_ready(struct agent *a)
{
	const struct enforcement *e = &a->enforcement;
	const char *how =
		e->committed ? "enforcing"
		: e->inherited
			? "waiting for the runtimes; the rules of the last run are in force"
			: "waiting for the runtimes";
	_cleanup_(freep) char *state = NULL;

	if (a->ready)
		return;
	a->ready = true;
	log_info("ready: %s", how);
	state = xasprintf("READY=1\nSTATUS=%s", how);
	if (notify_send(state) < 0)
		log_warning(
			"cannot tell the service manager that we are ready");
}

/* Once the tables are ours nobody else can change them. */
static void stop_watching(struct agent *a)
{
	struct enforcement *e = &a->enforcement;

	loop_fd_close(e->tamper_fd);
	tamper_close(e->tamper);
	e->tamper_fd = NULL;
	e->tamper = NULL;
}

/* Ports without an owner, or owners without a port: an image build begins or
 * is over. Asked once for each change of the ports, so that a port which stays
 * foreign is not asked about for ever. */
static void ask_about_ports(struct agent *a)
{
	if (!a->ports_changed)
		return;
	a->ports_changed = false;
	vec_foreach(bridge, &a->bindings.unsettled)
		vec_foreach(r, &a->runtimes)
			if ((*r)->ops->bridge_changed)
				(*r)->ops->bridge_changed(*r, bridge->name);
}

static bool run(struct agent *a)
{
	struct enforcement *e = &a->enforcement;
	struct compile_input in = input_of(a);
	struct firewall_result result;
	uint64_t begin = clock_monotonic();

	e->dirty = false;
	ask_about_ports(a);
	ruleset_unref(e->wanted);
	e->wanted = compiler_run(a->compiler, &in);
	e->compile_ns = clock_monotonic() - begin;
	histogram_add(&e->compiles, e->compile_ns);
	if (firewall_apply(a->firewall, e->wanted, &result) < 0) {
		commit_failed(a, &result);
		return false;
	}
	commit_done(a, &result);
	e->committed = true;
	revoke_committed(a->revoke, &in);
	flow_begin_allowed(a->flow);
	if (e->review)
		revoke_review(a->revoke);
	e->review = false;
	/* After the commit: a bridge must not be filtered by nothing, and one
	 * that is about to be unmanaged stays filtered until then. */
	manage_bridges(a);
	audit_enforcement(a);
	if (firewall_owned(a->firewall))
		stop_watching(a);
	become_ready(a);
	return true;
}

/* **I2** what may not be committed yet must not mean open bridges: those that an
 * earlier run governed carry nothing, since nobody on them is known. Who was
 * never governed is not cut off by a first start that cannot go on. */
static void hold(struct agent *a)
{
	struct enforcement *e = &a->enforcement;
	struct compile_input in = input_of(a);
	struct firewall_result result;

	if (!a->managed.remembered.len)
		return;
	in.nendpoints = 0;
	in.guard_ports = false;
	ruleset_unref(e->wanted);
	e->wanted = compiler_run(a->compiler, &in);
	if (firewall_apply(a->firewall, e->wanted, &result) < 0) {
		commit_failed(a, &result);
		return;
	}
	commit_done(a, &result);
	e->dirty = true;
	e->holding = true;
	enforce_guard_remembered(a);
	log_warning("the managed bridges carry nothing new for now: %s",
		    enforce_blocked(a));
}

/* The first commit has to wait. */
static void wait_blocked(struct agent *a)
{
	struct enforcement *e = &a->enforcement;

	if (!e->inherited && !e->holding)
		hold(a);
	/* Engines are ordered behind us: they must not wait for us while we
	 * wait for them. */
	if (policy_dir_ok(a->policies) && !e->error)
		become_ready(a);
}

bool enforce_now(struct agent *a)
{
	struct enforcement *e = &a->enforcement;

	if (enforce_blocked(a)) {
		wait_blocked(a);
		return false;
	}
	if (!e->dirty && e->committed && !e->error)
		return true;
	loop_timer_stop(e->timer);
	return run(a);
}

bool enforce_retrying(const struct agent *a)
{
	return a->enforcement.failures &&
	       loop_timer_active(a->enforcement.timer);
}

static void on_timer(void *arg)
{
	enforce_now(arg);
}

void enforce_schedule(struct agent *a)
{
	struct enforcement *e = &a->enforcement;

	e->dirty = true;
	/* Not sooner than a retry that is due: its failure would only be
	 * repeated for every event. */
	if (!enforce_retrying(a))
		loop_timer_start(e->timer, 0, 0);
}

/* ---- others' hands ----------------------------------------------------- */

/* Before the first commit nobody knows what was in force: what is gone cannot
 * be restored, so the bridges are held. */
static void tampered_early(struct agent *a, const char *text)
{
	firewall_forget(a->firewall);
	if (firewall_present(a->firewall)) {
		log_warning(
			"tamper: %s, before all runtimes are in step; not restored until then",
			text);
		return;
	}
	log_warning("tamper: %s", text);
	audit_tamper(a, text, false);
	a->enforcement.inherited = a->enforcement.holding = false;
	enforce_now(a);
}

/* **I7** what somebody else does to our tables is undone at once; and what got
 * through meanwhile is not to live on as an established connection. */
static void on_tamper(void *arg, _unused_ int events, _unused_ int error)
{
	struct agent *a = arg;
	uint64_t begin = clock_monotonic();
	char text[TAMPER_TEXT_MAX];
	int r = tamper_read(a->enforcement.tamper, text);

	if (r < 0)
		log_error("cannot watch nftables for changes by others: %s",
			  strerror(-r));
	if (r <= 0)
		return;
	if (!a->enforcement.committed) {
		tampered_early(a, text);
		return;
	}
	firewall_forget(a->firewall);
	a->enforcement.dirty = true;
	a->enforcement.review = true;
	if (!enforce_now(a)) {
		log_error("tamper: %s; NOT restored yet", text);
		audit_tamper(a, text, false);
		return;
	}
	a->enforcement.restored++;
	audit_tamper(a, text, true);
	log_warning("tamper: %s; restored in %llu us", text,
		    (unsigned long long)(clock_monotonic() - begin) / 1000);
}

static int watch_tables(struct agent *a)
{
	int r = tamper_open(a->firewall, &a->enforcement.tamper);

	if (r < 0)
		return r;
	a->enforcement.tamper_fd = loop_fd_new(a->loop,
					       tamper_fd(a->enforcement.tamper),
					       LOOP_READABLE, on_tamper, a);
	return 0;
}

int enforce_init(struct agent *a)
{
	struct firewall_options options = { .own_tables =
						    a->config.own_tables };
	int r = firewall_open(&options, &a->firewall);

	if (r < 0)
		return r;
	a->enforcement.inherited = firewall_present(a->firewall);
	a->enforcement.dirty = true;
	a->compiler = compiler_new();
	foreign_init(&a->foreign, a->loop, a->firewall);
	a->enforcement.timer = loop_timer_new(a->loop, on_timer, a);
	return watch_tables(a);
}

void enforce_fini(struct agent *a)
{
	loop_fd_close(a->enforcement.tamper_fd);
	tamper_close(a->enforcement.tamper);
	loop_timer_close(a->enforcement.timer);
	ruleset_unref(a->enforcement.wanted);
	free(a->enforcement.error);
	bind_fini(&a->bindings);
	foreign_fini(&a->foreign);
	compiler_free(a->compiler);
	firewall_close(a->firewall);
}
