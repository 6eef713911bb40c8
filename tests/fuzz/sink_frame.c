/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sink_frame.c - fuzz what comes in between the agent and its flow writer: the
 * first byte says how the rest is cut into pieces. */
#include "sink/frame.h"

#include <assert.h>

#include "base/alloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CONTENT_MAX 4096

static void look(const struct sink_entry *e)
{
	char problem[SINK_PROBLEM_MAX];
	struct sink_report report;
	unsigned sum = 0;

	assert(e->content.len == e->head.len && e->head.len <= CONTENT_MAX);
	for (size_t i = 0; i < e->content.len; i++)
		sum += (unsigned char)e->content.ptr[i];
	assert(sum <= 255 * e->content.len);
	if (sink_report_parse(e, &report, problem) == 0)
		assert(strlen(problem) < SINK_PROBLEM_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sink_frames frames;
	struct sink_entry e;
	size_t piece;

	if (!size)
		return 0;
	piece = data[0] + 1U;
	sink_frames_init(&frames, CONTENT_MAX);
	for (size_t at = 1; at < size; at += piece) {
		int r;

		sink_frames_add(&frames, data + at, MIN(piece, size - at));
		while ((r = sink_frames_next(&frames, &e)) > 0)
			look(&e);
		if (r < 0)
			break;
	}
	sink_frames_fini(&frames);
	return 0;
}
