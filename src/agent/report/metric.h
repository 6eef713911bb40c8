/* SPDX-License-Identifier: GPL-2.0-or-later */
/* metric.h - putting metrics together, as include/bulkhead/control.h describes
 * them.
 *
 * Labels follow as key, value, … and a NULL. Who adds a family sees to it that
 * its name is new, that no two samples have the same labels, and that there is
 * a bound to them.
 */
#pragma once

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/histogram.h"

/** The samples of a new family of @families, borrowed. @type "counter" or
 *  "gauge". */
struct json_object *metric_family(struct json_object *families,
				  const char *type, const char *name,
				  const char *help);

void metric_uint(struct json_object *samples, uint64_t value, ...)
	__attribute__((sentinel));
/** @ns as seconds. */
void metric_seconds(struct json_object *samples, uint64_t ns, ...)
	__attribute__((sentinel));

/* ---- families of one sample without labels ------------------------------ */

void metric_counter(struct json_object *families, const char *name,
		    const char *help, uint64_t value);
void metric_gauge(struct json_object *families, const char *name,
		  const char *help, uint64_t value);
void metric_gauge_seconds(struct json_object *families, const char *name,
			  const char *help, uint64_t ns);
void metric_histogram(struct json_object *families, const char *name,
		      const char *help, const struct histogram *h);
