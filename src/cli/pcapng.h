/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pcapng.h - packets as Wireshark reads them, each with a comment. */
#pragma once

#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

enum pcapng_link { PCAPNG_IP, PCAPNG_ETHERNET };

/** Append the section header and one interface per kind of link. */
void pcapng_begin(struct buf *out);

/**
 * Append one packet.
 *
 * @time     ns since 1970.
 * @original length of the whole packet; at least that of @head is told.
 * @comment  UTF-8; cut at 65535 bytes. May be empty.
 */
void pcapng_packet(struct buf *out, enum pcapng_link link, uint64_t time,
		   struct slice head, uint64_t original, struct slice comment);
