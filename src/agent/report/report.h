/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report.h - results of control commands, as include/bulkhead/control.h
 * describes them. Who asks for one owns it. */
#pragma once

#include <stdbool.h>

struct agent;
struct endpoint;
struct json_object;

struct json_object *report_status(struct agent *a);
/** @labels false: without the containers' labels, which are most of it. */
struct json_object *report_endpoints(struct agent *a, bool labels);
struct json_object *report_policies(struct agent *a);
struct json_object *report_networks(struct agent *a);
struct json_object *report_quarantine(struct agent *a);
struct json_object *report_rules(struct agent *a);
/** The same as text in the language of nft(8). */
struct json_object *report_nft(struct agent *a);
struct json_object *report_metrics(struct agent *a);
/** Append those of denied flows and of their log to @families. */
void report_flow_metrics(struct agent *a, struct json_object *families);

/** The endpoint that a user calls @name, borrowed; NULL with @ret_error, which
 *  the caller frees. */
struct endpoint *report_find(struct agent *a, const char *name,
			     char **ret_error);
/** Returns 0, or -EINVAL with @ret_error, which the caller frees. */
int report_explain(struct agent *a, struct json_object *arguments,
		   struct json_object **ret, char **ret_error);
