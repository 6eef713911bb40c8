/* SPDX-License-Identifier: GPL-2.0-or-later */
/* message.h - what reading containerd's messages takes (protobuf-c); for event.c
 * and wire.c only.
 */
#pragma once

#include <containerd.pb-c.h>
#include <string.h>

#include "runtime/containerd/wire.h"

/* Letters, digits and ".-_", as containerd has them. */
static inline bool is_id(const char *s)
{
	size_t n = strlen(s);

	if (!n || n > CONTAINERD_ID_MAX)
		return false;
	for (; *s; s++)
		if (!((*s >= '0' && *s <= '9') || (*s >= 'a' && *s <= 'z') ||
		      (*s >= 'A' && *s <= 'Z') || strchr(".-_", *s)))
			return false;
	return true;
}

/* Of @type, whose generated descriptor is NAME__descriptor. */
static inline void *unpack(const ProtobufCMessageDescriptor *type,
			   struct slice message)
{
	return protobuf_c_message_unpack(type, NULL, message.len,
					 (const uint8_t *)message.ptr);
}

static inline void unpackedp(void *message)
{
	ProtobufCMessage *m = *(ProtobufCMessage **)message;

	if (m)
		protobuf_c_message_free_unpacked(m, NULL);
}

static inline struct slice bytes_of(const ProtobufCBinaryData *data)
{
	return (struct slice){ data->data ? (const char *)data->data : "",
			       data->len };
}

/* Realtime in ns; 0: none, or beyond what is believed. */
static inline uint64_t time_of(const Pb__Timestamp *t)
{
	if (!t || t->seconds <= 0 || t->seconds > INT32_MAX * 4LL ||
	    t->nanos < 0 || t->nanos >= 1000000000)
		return 0;
	return (uint64_t)t->seconds * 1000000000U + (uint64_t)t->nanos;
}
