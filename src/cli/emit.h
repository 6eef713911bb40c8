/* SPDX-License-Identifier: GPL-2.0-or-later */
/* emit.h - JSON and YAML for programs, that a terminal survives as well. */
#pragma once

#include "base/buf.h"

struct json_object;

/** Append as indented JSON, as JSON on one line, as YAML; with a newline, and
 *  with every string fit for a terminal. */
void json_pretty(struct buf *out, struct json_object *o);
void json_compact(struct buf *out, struct json_object *o);
void json_yaml(struct buf *out, struct json_object *o);
