/* SPDX-License-Identifier: GPL-2.0-or-later */
/* format.c - fuzz target: a line of the flow log in each format. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/macro.h"
#include "format/format.h"
#include "json/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice line = { (const char *)data, size };

	for (unsigned kind = FORMAT_KIND_NATIVE; kind <= FORMAT_KIND_CSV;
	     kind++) {
		_cleanup_(buf_fini) struct buf out = BUF_INIT(BUF_UNBOUNDED);
		_cleanup_(json_unrefp) struct json_object *again = NULL;

		if (format_line(kind, line, &out) < 0)
			return 0;
		assert(memchr(out.data, '\n', out.len) ==
		       out.data + out.len - 1);
		if (kind == FORMAT_KIND_CSV)
			continue;
		again = json_parse((struct slice){ out.data, out.len - 1 });
		assert(again);
	}
	return 0;
}
