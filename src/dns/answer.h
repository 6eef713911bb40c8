/* SPDX-License-Identifier: GPL-2.0-or-later */
/* answer.h - addresses in a name server's answer (RFC 1035, RFC 3596). Pure,
 * for untrusted bytes.
 */
#pragma once

#include "base/addr.h"
#include "base/slice.h"

/** Longest name as text, with its NUL: 255 bytes, of which each may have to be
 *  written as \DDD. */
#define DNS_NAME_STRLEN 1024

/** Told @name, the one that was asked for, and an address of it; both live
 *  until the call's end. */
typedef void (*dns_address_fn)(void *arg, const char *name,
			       const struct addr *a);

/**
 * Tell each address that answers the question of @message.
 *
 * The name is the one of the question, in lower case and without a dot at its
 * end, also where CNAME records lead to another. A byte of it that is no
 * printable ASCII is written as \DDD; a dot or backslash in a label has a
 * backslash before it.
 *
 * A message that is cut off tells what it holds to that point. Returns 0, also
 * when there is no such name or address; -EBADMSG for what is no answer to one
 * question.
 */
int dns_answer_read(struct slice message, dns_address_fn fn, void *arg);
