/* SPDX-License-Identifier: GPL-2.0-or-later */
/* read.h - the shapes of which the configuration is made, for the files of this
 * directory only. */
#pragma once

#include "config/config.h"
#include "yaml/node.h"

struct reader {
	const char *file;
	struct diag_list *diag;
	struct config *config;
	/* The one that is read. */
	struct sink_config *sink;
	struct config_runtime *runtime;
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
/** One of two words: @to is false for @no, true for @yes. */
void config_read_choice(struct reader *r, const struct yaml_node *n,
			const char *no, const char *yes, bool *to);

/* ---- runtime.c ---------------------------------------------------------- */

void config_read_runtimes(struct reader *r, const struct yaml_node *n);
/** Those that are here; for a configuration that names none. */
void config_default_runtimes(struct config *c);
void config_runtime_fini(struct config_runtime *runtime);

/* ---- quantity.c ---------------------------------------------------------
 *
 * What is none, or not within @least and @most, is told and leaves @to alone.
 */

/** Bytes, as in "100MiB". */
void config_read_size(struct reader *r, const struct yaml_node *n,
		      uint64_t *to);
/** Seconds, as in "24h". */
void config_read_duration(struct reader *r, const struct yaml_node *n,
			  uint64_t least, uint64_t most, uint64_t *to);
void config_read_number(struct reader *r, const struct yaml_node *n,
			unsigned least, unsigned most, unsigned *to);
void config_read_bool(struct reader *r, const struct yaml_node *n, bool *to);

/* ---- flow.c ------------------------------------------------------------- */

void config_read_flow_log(struct reader *r, const struct yaml_node *n);

/* ---- sink.c ------------------------------------------------------------- */

void config_read_sinks(struct reader *r, const struct yaml_node *n);
/** Defaults that depend on other keys, and names. */
void config_finish_sinks(struct reader *r);
