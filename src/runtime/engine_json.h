/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine_json.h - what Docker and Podman write alike in JSON: the pieces that
 * docker/json.c and podman/json.c read their answers with; inside this stage
 * only.
 *
 * Look-ups take anything for the object, and give NULL (or 0) for what is
 * missing, of another type, too long, or has a NUL inside.
 */
#pragma once

#include <json-c/json.h>

#include "runtime/docker/json.h"

/* A range of ports is one entry for each port and family; no host has more. */
#define PUBLISHED_MAX (1U << 18)

typedef struct json_object json;

json *engine_member(json *o, const char *key, enum json_type type);
const char *engine_text_of(json *value, size_t max);
const char *engine_text(json *o, const char *key, size_t max);
/** A copy, "" for none; the caller frees it. */
char *engine_copy(json *o, const char *key);

bool engine_is_id(const char *s);
const char *engine_id(json *o, const char *key);
/** @name without the slash that Docker puts before it; NULL for NULL. */
const char *engine_name(const char *name);

/** The digits at *@at as a number of at most @max; moves *@at behind them. */
bool engine_number(const char **at, unsigned max, unsigned *ret);
uint8_t engine_proto(const char *s);
uint16_t engine_port(json *o, const char *key);
/** "172.17.0.2/16" or ""; no address when it is neither. */
struct addr engine_addr(const char *text);
/** RFC 3339 in UTC, as Go writes it; 0 for never. */
uint64_t engine_time(const char *s);

/** See docker/json.h for what is kept of a label. */
void engine_labels(struct docker_container *c, json *labels);
/** "PortBindings" of an inspect answer, or "Ports" of its NetworkSettings. */
void engine_bindings(struct docker_inspect *i, json *bindings);
/** Why what runs in a container of inspect answer @o with HostConfig @config
 *  can change what holds it, or NULL. Only words of ours: paths and names are
 *  chosen by whoever made the container. The caller frees it. */
char *engine_escapes(json *o, json *config);
