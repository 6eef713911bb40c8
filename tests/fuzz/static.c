/* SPDX-License-Identifier: GPL-2.0-or-later */
/* static.c - any bytes as a file of static endpoints. */
#include <stddef.h>
#include <stdint.h>

#include "runtime/static/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	_cleanup_(static_file_freep) struct static_file *file = NULL;
	_cleanup_(diag_fini) struct diag_list diag = { 0 };

	(void)static_file_parse((struct slice){ (const char *)bytes, size },
				"f", &diag, &file);
	return 0;
}
