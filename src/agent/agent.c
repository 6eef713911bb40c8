/* SPDX-License-Identifier: GPL-2.0-or-later */
/* agent.c - ordered start, reverse stop; changes of every stage come here.
 *
 * The control socket is taken first, because it tells whether another agent
 * runs; then firewall, links and flow log (what the kernel lacks ends the
 * start), then policies, then the runtimes, whose events set everything off.
 */
#include "agent/agent.h"

#include <errno.h>
#include <grp.h>
#include <string.h>

#include "agent/audit.h"
#include "agent/isolate.h"
#include "agent/notify.h"
#include "agent/resolve.h"
#include "agent/writer.h"
#include "base/clock.h"
#include "base/log.h"

/* How long a runtime that accepts and never answers can hold up the first
 * commit. */
#define PATIENCE_MS 10000

/* Bytes of lines that wait for the flow writer. */
#define QUEUE_MAX (8 << 20)

/* ---- what the stages tell ---------------------------------------------- */

static void warn_unenforceable(const struct endpoint *old,
			       const struct endpoint *now)
{
	if (!now || !now->unenforceable || now->state == ENDPOINT_EXITED)
		return;
	if (old && old->unenforceable && old->state != ENDPOINT_EXITED)
		return;
	log_warning(
		"container %s/%s cannot be held by a packet filter on this host: %s",
		now->namespace, now->name, now->unenforceable);
}

static void warn_escapable(const struct endpoint *old,
			   const struct endpoint *now)
{
	if (!now || !now->escapable || now->state == ENDPOINT_EXITED)
		return;
	if (old && old->escapable && old->state != ENDPOINT_EXITED)
		return;
	log_warning(
		"container %s/%s can undo what holds it, as it has power over the host: %s",
		now->namespace, now->name, now->escapable);
}

static void on_endpoint(void *arg, struct endpoint *old, struct endpoint *now)
{
	struct agent *a = arg;

	warn_unenforceable(old, now);
	warn_escapable(old, now);
	audit_endpoint(a, old, now);
	if (!now || now->state == ENDPOINT_EXITED)
		flow_endpoint_gone(a->flow, (now ?: old)->id);
	enforce_schedule(a);
}

static void on_network(void *arg, _unused_ const struct network *old,
		       _unused_ const struct network *now)
{
	enforce_schedule(arg);
}

static void on_exec(void *arg, const char *id, const char *command)
{
	audit_exec(arg, id, command);
}

static void on_oom(void *arg, const char *id)
{
	audit_oom(arg, id);
}

/* The runtime has logged it. */
static void on_runtime(void *arg, _unused_ const struct runtime_status *status)
{
	enforce_schedule(arg);
}

static void on_policies(void *arg)
{
	audit_policies(arg);
	enforce_schedule(arg);
}

static void on_link(void *arg, enum link_event event, const char *bridge,
		    const char *detail)
{
	struct agent *a = arg;

	switch (event) {
	case LINK_BRIDGE_UP:
		log_debug("bridge %s is there", bridge);
		break;
	case LINK_BRIDGE_GONE:
		log_debug("bridge %s is gone", bridge);
		netns_changed(a);
		break;
	case LINK_FILTER_RESTORED:
		log_warning(
			"bridge %s did not hand its packets to the firewall, or learned from frames that it does not hand it; it is set right again",
			bridge);
		break;
	case LINK_FILTER_MISSING:
		log_error(
			"bridge %s does not hand its packets to the firewall, traffic between its containers is NOT filtered: %s",
			bridge, detail);
		break;
	case LINK_PORTS:
		a->ports_changed = true;
		enforce_schedule(a);
		netns_changed(a);
		break;
	case LINK_ADDRESSES:
		netns_changed(a);
		break;
	}
}

static void on_patience_over(void *arg)
{
	struct agent *a = arg;

	a->enforcement.waited_enough = true;
	enforce_schedule(a);
}

static void on_signal(void *arg, int signum)
{
	struct agent *a = arg;

	if (signum != SIGHUP) {
		log_info("stopping; the rules stay in force");
		notify_send("STOPPING=1");
		loop_stop(a->loop);
		return;
	}
	log_info("reopening the flow log, reading the policies again");
	sink_feed_reopen(a->feed);
	policy_dir_rescan(a->policies);
	enforce_schedule(a);
}

/* ---- the flow log's lines ---------------------------------------------- */

static void take_line(void *arg, struct slice line)
{
	struct agent *a = arg;

	sink_feed_write(a->feed, line);
}

static void tell_loss(void *arg, const char *where, uint64_t lines)
{
	_cleanup_(buf_fini) struct buf line = BUF_INIT(BUF_UNBOUNDED);
	_cleanup_(freep) char *place = strcmp(where, "writer")
					       ? xasprintf("sink:%s", where)
					       : xstrdup(where);
	struct agent *a = arg;

	flow_loss_line(a->flow, place, lines, &line);
	sink_feed_write(a->feed, buf_slice(&line));
}

static void on_handed_over(void *arg)
{
	struct agent *a = arg;

	if (a->flow)
		flow_handed_over(a->flow);
}

/* The feed has logged it. */
static void tell_trouble(void *arg, const char *where, const char *problem)
{
	struct agent *a = arg;

	audit_sink(a, where, problem);
}

/* ---- start ------------------------------------------------------------- */

/* Who was sealed off must not come back by a file that cannot be read. */
static int start_quarantine(struct agent *a)
{
	int r = quarantine_init(&a->quarantine, a->store, a->config.state_dir);

	if (r == -EBADMSG)
		log_error(
			"%s is no list of quarantined containers: mend it, or remove it, which lifts every quarantine",
			a->quarantine.path);
	else if (r < 0)
		log_error("cannot read %s: %s", a->quarantine.path,
			  strerror(-r));
	return r;
}

static int start_kernel(struct agent *a)
{
	struct link_observer observer = { .event = on_link, .arg = a };
	int r = enforce_init(a);

	if (r == -EPERM)
		log_error(
			"cannot change nftables: run bulkheadd as root or with CAP_NET_ADMIN");
	else if (r == -EPROTONOSUPPORT)
		log_error(
			"this kernel has no nf_tables: load it with modprobe nf_tables");
	else if (r < 0)
		log_error("cannot open the netfilter socket: %s", strerror(-r));
	if (r < 0)
		return r;
	r = link_open(a->loop, observer, &a->link);
	if (r == -EPROTONOSUPPORT) {
		log_error(
			"br_netfilter is not loaded: traffic between containers of one network is NOT filtered; run modprobe br_netfilter and list it in /etc/modules-load.d");
		return 0;
	}
	if (r < 0)
		log_error("cannot watch network links: %s", strerror(-r));
	else if (a->enforcement.inherited)
		enforce_guard_remembered(a);
	return r;
}

static int start_writer(struct agent *a)
{
	char *command[WRITER_ARGS];
	struct sink_feed_options options = {
		.keeper = command,
		.config = slice_of(a->config.text),
		.sinks = &a->config.sinks,
		.queue_max = QUEUE_MAX,
		.observer = { .loss = tell_loss,
			      .trouble = tell_trouble,
			      .handed_over = on_handed_over,
			      .arg = a },
	};
	int r = log_owner_find(a->config.flow_user, &a->log_owner);

	if (r < 0) {
		log_error("flowLog.user: there is no user %s",
			  a->config.flow_user);
		return r;
	}
	log_owner_prepare(&a->log_owner, &a->config.sinks);
	writer_command(a->log_owner.name, command);
	r = sink_feed_open(a->loop, &options, &a->feed);
	if (r < 0)
		log_error("cannot start the flow writer: %s", strerror(-r));
	return r;
}

static int start_flow_log(struct agent *a)
{
	_cleanup_(freep) char *state =
		xasprintf("%s/flow-account", a->config.state_dir);
	_cleanup_(freep) char *connections =
		xasprintf("%s/flow-connections", a->config.state_dir);
	struct flow_options options = {
		.emit = take_line,
		.emit_arg = a,
		.group = RULESET_NFLOG_DENIED,
		.audit = a->config.compile.audit,
		.interval_ms = a->config.flow_interval_ms,
		.state_file = state,
		.packet_head = a->config.packet_head,
		.answers_group =
			a->config.compile.dns_names ? RULESET_NFLOG_ANSWERS : 0,
		.allowed = a->config.flow_allowed,
		.allowed_interval_ms = a->config.flow_allowed_interval_ms,
		.connections_file = connections,
		.resolver = resolve_for(a),
	};
	int r;

	r = flow_open(a->loop, &options, &a->flow);
	if (r == -EBUSY)
		log_error(
			"another process reads NFLOG group %u: is another bulkheadd running?",
			RULESET_NFLOG_DENIED);
	else if (r < 0)
		log_error("cannot read denied flows from the kernel: %s",
			  strerror(-r));
	return r;
}

static int start_revoking(struct agent *a)
{
	int r = revoke_open(a->loop, a->flow, a->firewall, &a->revoke);

	if (r < 0)
		log_error("cannot open the conntrack socket: %s", strerror(-r));
	return r;
}

static int start_policies(struct agent *a)
{
	int r = policy_dir_open(a->loop, a->config.policy_dir, on_policies, a,
				&a->policies);

	if (r < 0)
		log_error("cannot watch the policies in %s: %s",
			  a->config.policy_dir, strerror(-r));
	return r;
}

static int start_control(struct agent *a)
{
	const char *name = a->config.control_group;
	gid_t group = (gid_t)-1;
	struct group *entry;
	int r;

	if (name) {
		entry = getgrnam(name);
		if (entry)
			group = entry->gr_gid;
		else
			log_warning(
				"no group is called %s: only root can use the control socket",
				name);
	}
	r = control_listen(a->loop, a->config.control_socket, group, answer, a,
			   &a->control);
	if (r == -EADDRINUSE)
		log_error("%s is in use: another bulkheadd is running",
			  a->config.control_socket);
	else if (r < 0)
		log_error("cannot listen on %s: %s", a->config.control_socket,
			  strerror(-r));
	return r;
}

static void start_runtimes(struct agent *a)
{
	struct runtime_host host = { .loop = a->loop,
				     .store = a->store,
				     .links = netns_links(a),
				     .changed = on_runtime,
				     .exec = on_exec,
				     .oom = on_oom,
				     .arg = a };

	vec_foreach(r, &a->config.runtimes) {
		host.namespaces = &r->namespaces;
		host.engine_namespaces = r->engine_namespaces.data;
		host.nengine_namespaces = r->engine_namespaces.len;
		host.kubernetes = r->kubernetes;
		vec_push(&a->runtimes, r->ops->open(&host, r->socket));
	}
	a->patience = loop_timer_new(a->loop, on_patience_over, a);
	loop_timer_start(a->patience, PATIENCE_MS, 0);
}

static void start_signals(struct agent *a)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP };

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		vec_push(&a->signals,
			 loop_signal_new(a->loop, signals[i], on_signal, a));
}

int agent_start(struct config *config, struct agent **ret)
{
	_cleanup_(agent_stopp) struct agent *a = xnew(struct agent);
	int r;

	a->config = *config;
	*config = (struct config){ 0 };
	a->started = clock_realtime();
	r = loop_new(&a->loop);
	if (r < 0)
		return r;
	a->store = endpoint_store_new();
	endpoint_store_observe(
		a->store, (struct endpoint_observer){ .endpoint = on_endpoint,
						      .network = on_network,
						      .arg = a });
	managed_init(&a->managed, a->config.state_dir);
	r = start_quarantine(a);
	/* The socket first: it tells whether another agent runs, before
	 * anything of the kernel is touched. */
	if (r >= 0)
		r = start_control(a);
	if (r >= 0)
		r = start_kernel(a);
	/* It takes an exec. */
	if (r >= 0)
		r = start_writer(a);
	if (r < 0)
		return r;
	netns_watch(a);
	/* From here on nothing is read that could not be read again later. */
	isolate();
	r = start_flow_log(a);
	if (r >= 0) {
		a->config.compile.originals = flow_needs_originals(a->flow);
		audit_agent_start(a);
	}
	if (r >= 0)
		r = start_revoking(a);
	if (r >= 0)
		r = start_policies(a);
	if (r < 0)
		return r;
	audit_policies(a);
	start_signals(a);
	start_runtimes(a);
	enforce_schedule(a);
	*ret = TAKE_PTR(a);
	return 0;
}

void agent_stop(struct agent *a)
{
	if (!a)
		return;
	control_close(a->control);
	answer_fini(a);
	vec_foreach(signal, &a->signals)
		loop_signal_close(*signal);
	vec_fini(&a->signals);
	vec_foreach(r, &a->runtimes)
		(*r)->ops->close(*r);
	vec_fini(&a->runtimes);
	loop_timer_close(a->patience);
	policy_dir_close(a->policies);
	/* It asks whose connections end. */
	if (a->flow)
		flow_stop_allowed(a->flow);
	revoke_close(a->revoke);
	if (a->flow)
		audit_agent_stop(a);
	flow_stop(a->flow);
	sink_feed_close(a->feed);
	log_owner_fini(&a->log_owner);
	flow_close(a->flow);
	link_close(a->link);
	enforce_fini(a);
	audit_fini(a);
	managed_fini(&a->managed);
	quarantine_fini(&a->quarantine);
	endpoint_store_free(a->store);
	loop_free(a->loop);
	config_fini(&a->config);
	free(a);
}
