/* SPDX-License-Identifier: GPL-2.0-or-later */
/* say.h - a record as one line for people, and how bad it is. */
#pragma once

#include "base/buf.h"

struct json_object;

/** RFC 5424 severities, which journald and OTLP share in meaning. */
enum { SAY_ERROR = 3, SAY_WARNING = 4, SAY_NOTICE = 5, SAY_INFO = 6 };

/**
 * Append "denied egress tcp shop/web 172.18.0.2:39850 -> shop/db
 * 172.18.0.4:5432: no-policy-allows (shop/web)", or an event's message. What
 * could steer a terminal is escaped; there is no newline in it.
 */
void say_record(struct json_object *record, struct buf *out);

int say_severity(struct json_object *record);

/** "flow", or an event's name. */
const char *say_kind(struct json_object *record);
