/* SPDX-License-Identifier: GPL-2.0-or-later */
/* config.h - /etc/bulkhead/bulkhead.yaml: see bulkhead.yaml(5). */
#pragma once

#include <stdbool.h>

#include "base/diag.h"
#include "base/log.h"
#include "base/slice.h"
#include "compile/compile.h"
#include "runtime/runtime.h"
#include "sink/config.h"

#define CONFIG_FILE "/etc/bulkhead/bulkhead.yaml"

struct config_runtime {
	const struct runtime_ops *ops;
	char *socket; /* or the static runtime's file */
	struct namespace_rule namespaces;
	VEC(char *) engine_namespaces; /* containerd's own */
	bool kubernetes;
};

/** Every field has its default where the file is silent. */
struct config {
	char *policy_dir, *state_dir, *control_socket;
	char *control_group; /* NULL: the process's own */
	enum log_level log_level;
	VEC(struct config_runtime) runtimes;
	struct compile_options compile;
	bool own_tables;	     /* where the kernel can */
	bool anti_spoofing;	     /* hold ports to their owners' addresses */
	VEC(char *) ignore_networks; /* by name or id */
	/* Become ready although a policy file is invalid at first start; its
	 * policies are then not in force. */
	bool ignore_invalid_policies;
	char *flow_log; /* its first file of native lines; NULL: none */
	sink_config_list sinks;
	char *flow_user; /* who writes them; NULL: LOG_OWNER_DEFAULT */
	char *text;	 /* as it was read, for the flow writer */
	uint64_t flow_interval_ms;	   /* between a denied flow's records */
	bool flow_allowed;		   /* record allowed flows, too */
	uint64_t flow_allowed_interval_ms; /* between an allowed one's */
	unsigned packet_head; /* bytes of a packet that a record has */
};

/**
 * Read @path. With no `runtimes` key, each runtime whose default socket exists
 * is watched, and Docker's in any case (it may start after us).
 *
 * @must_exist false: a missing file means the defaults.
 * Returns 0, or -EINVAL when @diag gained an error; @ret is then untouched.
 */
int config_load(const char *path, bool must_exist, struct diag_list *diag,
		struct config *ret);
/** The same for @text, which @file names in diagnostics. */
int config_parse(struct slice text, const char *file, struct diag_list *diag,
		 struct config *ret);
void config_fini(struct config *c);
