/* SPDX-License-Identifier: GPL-2.0-or-later */
/* config_read.h - the shapes of which the configuration is made, for
 * config*.c only. */
#pragma once

#include "agent/config.h"
#include "yaml/node.h"

struct reader {
	const char *file;
	struct diag_list *diag;
	struct config *config;
	struct sink_config *sink; /* the one that is read */
};

/** One key of a mapping: what reads its value. */
struct key {
	const char *name;
	void (*read)(struct reader *r, const struct yaml_node *value);
};

struct diag_place config_at(const struct reader *r, const struct yaml_node *n);

/** @keys end with a NULL name. */
void config_read_mapping(struct reader *r, const struct yaml_node *n,
			 const struct key *keys);
/** False when there is none, or no string (then told). */
bool config_read_string(struct reader *r, const struct yaml_node *n, char **to);
void config_read_path(struct reader *r, const struct yaml_node *n, char **to);

/* ---- config_flow.c ------------------------------------------------------ */

void config_read_flow_log(struct reader *r, const struct yaml_node *n);

/* ---- config_sink.c ------------------------------------------------------ */

void config_read_sinks(struct reader *r, const struct yaml_node *n);
/** Defaults that depend on other keys, and names. */
void config_finish_sinks(struct reader *r);
