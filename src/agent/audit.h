/* SPDX-License-Identifier: GPL-2.0-or-later */
/* audit.h - what the agent sees and does, as events of the flow log. */
#pragma once

#include "agent/agent.h"

void audit_agent_start(struct agent *a);
void audit_agent_stop(struct agent *a);
/** The store's observer: a container starts or stops. */
void audit_endpoint(struct agent *a, const struct endpoint *old,
		    const struct endpoint *now);
/** A command (NULL: not known which) was started in container @id. */
void audit_exec(struct agent *a, const char *id, const char *command);
/** The kernel killed a process of container @id, which had no memory left. */
void audit_oom(struct agent *a, const char *id);
/** Files of the policy directory may have changed. */
void audit_policies(struct agent *a);
/** Mode or managed networks may have. */
void audit_enforcement(struct agent *a);
void audit_tamper(struct agent *a, const char *what, bool restored);
/** @name was sealed off, or let out, by @uid; @e is NULL for one that is gone. */
void audit_quarantine(struct agent *a, const struct endpoint *e,
		      const char *name, const char *reason, uid_t uid,
		      bool lifted);
/** A sink, or the "writer" of all of them, has another @problem; "": none any
 *  more. */
void audit_sink(struct agent *a, const char *sink, const char *problem);
void audit_fini(struct agent *a);
