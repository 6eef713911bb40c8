/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flows.c - fuzz target: lines of the flow log, and what is printed of them. */
#include <assert.h>
#include <json-c/json.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cli/emit.h"
#include "cli/flow.h"
#include "cli/text.h"
#include "store/row.h"
#include "json/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One line without a control character, as bytes or as C1 code points. */
static void check_line(const struct buf *out)
{
	const unsigned char *c = (const unsigned char *)out->data;

	assert(out->len && c[out->len - 1] == '\n');
	for (size_t i = 0; i + 1 < out->len; i++) {
		assert(c[i] >= ' ' && c[i] != 0x7f);
		assert(c[i] != 0xc2 || c[i + 1] >= 0xa0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice line = { (const char *)data, size };
	_cleanup_(json_unrefp) struct json_object *record = json_parse(line);
	_cleanup_(json_unrefp) struct json_object *again = NULL;
	_cleanup_(buf_fini) struct buf out = BUF_INIT(BUF_UNBOUNDED);
	_cleanup_(row_fini) struct row row = { 0 };

	if (!record)
		return 0;
	json_compact(&out, record);
	check_line(&out);
	again = json_parse(buf_slice(&out));
	assert(again);
	if (row_take(record, &row) < 0)
		return 0;
	for (unsigned wide = 0; wide < 2; wide++) {
		buf_clear(&out);
		flow_format(record, wide, false, &out);
		check_line(&out);
	}
	return 0;
}
