/* SPDX-License-Identifier: GPL-2.0-or-later */
/* agent.h - the composition root: who holds what, for the files of this
 * directory only.
 *
 *   main.c      options, and the loop
 *   agent.c     ordered start, reverse stop; changes of every stage come here
 *   isolate.c   what is given up after the start
 *   notify.c    readiness, told to systemd
 *   writer.c    the same program as its flow writers' keeper
 *   log_owner.c the user that they run as
 *   enforce.c   store + policies -> compile -> firewall, once per batch
 *   bind.c      which bridge port is whose
 *   netns.c     what containers have in their network namespaces
 *   managed.c   which networks are governed, and which were before a restart
 *   foreign.c   others' rules that come before ours
 *   quarantine.c which containers the operator has sealed off
 *   audit.c     events of the flow log
 *   resolve.c   whose flows and policies its records are
 *   answer.c    control commands; report/ writes their results
 */
#pragma once

#include "agent/bind.h"
#include "agent/foreign.h"
#include "agent/log_owner.h"
#include "agent/managed.h"
#include "agent/quarantine.h"
#include "base/histogram.h"
#include "compile/compile.h"
#include "config/config.h"
#include "control/server.h"
#include "endpoint/store.h"
#include "firewall/firewall.h"
#include "firewall/tamper.h"
#include "flow/flow.h"
#include "link/link.h"
#include "policydir/policy_dir.h"
#include "revoke/revoke.h"
#include "runtime/runtime.h"
#include "sink/feed.h"

/** How enforcement stands. */
struct enforcement {
	struct loop_timer *timer; /* runs the next commit, or its retry */
	struct ruleset *wanted;	  /* of the last compile */
	/* Our tables were in the kernel when we started: they stay as they are
	 * until every runtime has told what runs. */
	bool inherited;
	/* Our tables are not in the kernel and the first commit has to wait:
	 * the remembered bridges carry nothing meanwhile. */
	bool holding;
	bool waited_enough; /* for a runtime that neither answers nor fails */
	bool committed;	    /* something of ours is in force since start */
	bool dirty;	    /* a change is not compiled yet */
	bool review;	    /* somebody may have let connections through */
	unsigned failures;  /* in a row */
	int unsaved;	/* why the managed bridges are not remembered, or 0 */
	int save_error; /* of remembering the bridges; told once */
	char *error;	/* of the last commit; NULL: it worked */
	/* Where the tables are not owned: who else changes them. */
	struct tamper_watch *tamper;
	struct loop_fd *tamper_fd;
	uint64_t restored; /* times that somebody's change was undone */
	uint64_t transactions;
	uint64_t generation;  /* of the kernel's ruleset, last seen */
	uint64_t commit_time; /* realtime ns of the last transaction */
	uint64_t compile_ns, commit_ns; /* of the last run */
	unsigned objects, elements;	/* of the last transaction */
	uint64_t failed;		/* transactions */
	struct histogram compiles, commits;
};

/** A policy file as the flow log was told of it; see audit.c. */
struct audit_file {
	char *path;
	char hash[65]; /* SHA-256 of its newest version; "" when unreadable */
	bool broken, in_force;
	bool seen; /* by the present look */
};

struct agent {
	struct config config;
	struct loop *loop;
	struct endpoint_store *store;
	struct policy_dir *policies;
	struct compiler *compiler;
	struct firewall *firewall;
	struct link_watch *link;
	struct flow_log *flow;
	struct sink_feed *feed; /* takes the flow log's lines */
	struct log_owner log_owner;
	struct revoke *revoke;
	struct control_server *control;
	VEC(struct runtime *) runtimes;
	struct managed managed;
	struct bindings bindings;
	struct foreign foreign;
	struct quarantine quarantine;
	bool ports_changed; /* since the runtimes were asked about them */
	struct enforcement enforcement;
	struct loop_timer *patience; /* see enforcement.waited_enough */
	VEC(struct loop_signal *) signals;
	VEC(struct waiter *) waiters; /* see answer.c */
	VEC(struct audit_file) audit_files;
	char *audit_networks; /* managed, as told; NULL: not yet */
	uint64_t started;     /* realtime ns */
	bool ready;	      /* READY=1 was sent */
};

/* ---- agent.c ------------------------------------------------------------ */

/** Start everything; @config is the agent's afterwards. On failure what was
 *  started is stopped again, and why is in the log. */
int agent_start(struct config *config, struct agent **ret);
void agent_stop(struct agent *a);
DEFINE_FREEP(struct agent, agent_stop)

/* ---- enforce.c ---------------------------------------------------------- */

int enforce_init(struct agent *a);
void enforce_fini(struct agent *a);

/** Something changed: compile and commit once the present batch of events is
 *  over. */
void enforce_schedule(struct agent *a);

/** Compile and commit now, if that may be. Returns true when the kernel then
 *  reflects the store and the policies. */
bool enforce_now(struct agent *a);

/** Have the bridges guarded that an earlier run governed. */
void enforce_guard_remembered(struct agent *a);

/** True while a failed commit waits for its retry. */
bool enforce_retrying(const struct agent *a);

/** What keeps the first commit waiting, for people; NULL: nothing. */
const char *enforce_blocked(const struct agent *a);

/* ---- netns.c ------------------------------------------------------------ */

/** What the kernel knows of containers' namespaces, for the runtimes. */
struct runtime_links netns_links(struct agent *a);

/** Hear of addresses in them, if a runtime of the configuration has to: before
 *  capabilities are given up. */
void netns_watch(struct agent *a);

/** Have the runtimes look again. */
void netns_changed(struct agent *a);

/* ---- answer.c ----------------------------------------------------------- */

void answer(void *arg, struct control_call *call, const char *command,
	    struct json_object *arguments);
void answer_fini(struct agent *a);
