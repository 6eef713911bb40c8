/* SPDX-License-Identifier: GPL-2.0-or-later */
/* config.c - any bytes as the configuration. */
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = { (const char *)data, size };
	struct diag_list diag = { 0 };
	struct config config;

	if (config_parse(text, "fuzz", &diag, &config) == 0)
		config_fini(&config);
	diag_fini(&diag);
	return 0;
}
