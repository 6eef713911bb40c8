/* SPDX-License-Identifier: GPL-2.0-or-later */
/* metric.c - putting metrics together. */
#include "agent/report/metric.h"

#include <stdarg.h>

#include "agent/report/put.h"

#define NS_PER_S 1e9

static struct json_object *seconds(uint64_t ns)
{
	return json_object_new_double((double)ns / NS_PER_S);
}

struct json_object *metric_family(struct json_object *families,
				  const char *type, const char *name,
				  const char *help)
{
	struct json_object *family = report_item(families);

	report_string(family, "name", name);
	report_string(family, "type", type);
	report_string(family, "help", help);
	return report_array(family, "samples");
}

static struct json_object *add_sample(struct json_object *samples, va_list args)
{
	struct json_object *sample = report_item(samples);
	struct json_object *labels = report_mapping(sample, "labels");
	const char *key;

	while ((key = va_arg(args, const char *)))
		report_string(labels, key, va_arg(args, const char *));
	return sample;
}

void metric_uint(struct json_object *samples, uint64_t value, ...)
{
	va_list args;

	va_start(args, value);
	report_uint(add_sample(samples, args), "value", value);
	va_end(args);
}

void metric_seconds(struct json_object *samples, uint64_t ns, ...)
{
	va_list args;

	va_start(args, ns);
	report_object(add_sample(samples, args), "value", seconds(ns));
	va_end(args);
}

void metric_counter(struct json_object *families, const char *name,
		    const char *help, uint64_t value)
{
	metric_uint(metric_family(families, "counter", name, help), value,
		    NULL);
}

void metric_gauge(struct json_object *families, const char *name,
		  const char *help, uint64_t value)
{
	metric_uint(metric_family(families, "gauge", name, help), value, NULL);
}

void metric_gauge_seconds(struct json_object *families, const char *name,
			  const char *help, uint64_t ns)
{
	metric_seconds(metric_family(families, "gauge", name, help), ns, NULL);
}

void metric_histogram(struct json_object *families, const char *name,
		      const char *help, const struct histogram *h)
{
	struct json_object *sample =
		report_item(metric_family(families, "histogram", name, help));
	struct json_object *buckets = report_array(sample, "buckets");
	uint64_t count = 0;

	for (size_t i = 0; i < HISTOGRAM_BOUNDS; i++) {
		struct json_object *bucket = report_item(buckets);

		count += h->counts[i];
		report_object(bucket, "le", seconds(histogram_bounds[i]));
		report_uint(bucket, "count", count);
	}
	report_uint(sample, "count", count + h->counts[HISTOGRAM_BOUNDS]);
	report_object(sample, "sum", seconds(h->sum));
}
