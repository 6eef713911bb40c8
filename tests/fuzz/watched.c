/* SPDX-License-Identifier: GPL-2.0-or-later */
/* watched.c - any bytes as what the kernel tells of changes of nftables. */
#include <assert.h>
#include <string.h>

#include "firewall/watched.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tamper_state state = { .portid = 7 };

	/* Two datagrams: a transaction may span them. */
	tamper_messages(&state, data, size);
	tamper_messages(&state, data, size);
	assert(strnlen(state.text, sizeof(state.text)) < sizeof(state.text));
	for (const char *c = state.text; *c; c++)
		assert(*c >= ' ' && *c < 0x7f);
	return 0;
}
