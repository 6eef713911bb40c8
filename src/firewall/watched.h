/* SPDX-License-Identifier: GPL-2.0-or-later */
/* watched.h - nf_tables notifications, taken apart; inside this stage and for
 * its fuzz target.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firewall/tamper.h"

struct tamper_state {
	uint32_t portid; /* our own transactions come from there */
	/* What the transaction under way did to each; NULL: nothing. */
	const char *what[TABLE_COUNT];
	bool tampered;
	char text[TAMPER_TEXT_MAX];
};

/** Take in @n bytes as the kernel multicasts them. Returns 0; -EBADMSG for
 *  bytes that are no messages. */
int tamper_messages(struct tamper_state *state, const void *bytes, size_t n);
