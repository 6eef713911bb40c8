/* SPDX-License-Identifier: GPL-2.0-or-later */
/* frame.c - frames out of a stream of bytes. */
#include "sink/frame.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/term.h"

#define READ_BYTES 65536
/* Kept when no frame is under way. */
#define KEPT_BYTES (2 * READ_BYTES)

void sink_frames_init(struct sink_frames *f, size_t max)
{
	*f = (struct sink_frames){ .bytes = BUF_INIT(BUF_UNBOUNDED),
				   .max = max };
}

void sink_frames_fini(struct sink_frames *f)
{
	buf_fini(&f->bytes);
	f->taken = 0;
}

void sink_frames_add(struct sink_frames *f, const void *bytes, size_t n)
{
	buf_consume(&f->bytes, f->taken);
	f->taken = 0;
	if (!f->bytes.len && f->bytes.cap > KEPT_BYTES)
		buf_fini(&f->bytes);
	buf_add(&f->bytes, bytes, n);
}

int sink_frames_read(struct sink_frames *f, int fd)
{
	char chunk[READ_BYTES];
	ssize_t n = recv(fd, chunk, sizeof(chunk), MSG_DONTWAIT);

	if (n < 0)
		return -errno;
	sink_frames_add(f, chunk, (size_t)n);
	return (int)n;
}

int sink_frames_next(struct sink_frames *f, struct sink_entry *ret)
{
	const char *at = buf_str(&f->bytes) + f->taken;
	size_t left = f->bytes.len - f->taken;
	struct sink_head head;

	if (left < sizeof(head))
		return 0;
	memcpy(&head, at, sizeof(head));
	if (head.len > f->max || head.type < SINK_FRAME_LINE ||
	    head.type > SINK_FRAME_REPORT)
		return -EBADMSG;
	if (left - sizeof(head) < head.len)
		return 0;
	ret->head = head;
	ret->content = (struct slice){ at + sizeof(head), head.len };
	f->taken += sizeof(head) + head.len;
	return 1;
}

int sink_report_parse(const struct sink_entry *frame, struct sink_report *ret,
		      char ret_problem[static SINK_PROBLEM_MAX])
{
	size_t text;

	if (frame->head.type != SINK_FRAME_REPORT ||
	    frame->content.len < sizeof(*ret))
		return -EBADMSG;
	text = frame->content.len - sizeof(*ret);
	if (text >= SINK_PROBLEM_MAX)
		return -EBADMSG;
	memcpy(ret, frame->content.ptr, sizeof(*ret));
	memcpy(ret_problem, frame->content.ptr + sizeof(*ret), text);
	ret_problem[text] = '\0';
	term_defuse(ret_problem);
	return 0;
}
