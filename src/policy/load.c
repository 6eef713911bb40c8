/* SPDX-License-Identifier: GPL-2.0-or-later */
/* load.c - texts and files into policy sets. */
#include <errno.h>

#include "policy/read.h"

static void reader_fini(struct reader *r)
{
	buf_fini(&r->path);
}

int policy_parse(struct slice text, const char *file, struct diag_list *diag,
		 struct policy_set **ret)
{
	_cleanup_(yaml_stream_freep) struct yaml_stream *stream = NULL;
	_cleanup_(policy_set_unrefp) struct policy_set *set = policy_set_new();
	_cleanup_(reader_fini) struct reader reader = READER_INIT(file, diag);
	size_t errors = diag->errors;

	stream = yaml_parse_partial(text, file, diag);
	for (size_t i = 0; i < yaml_documents(stream); i++) {
		const struct yaml_node *root = yaml_document(stream, i);

		if (root->kind != YAML_NULL)
			read_object(&reader, root, set);
	}
	policy_set_order(set, diag);
	if (diag->errors > errors)
		return -EINVAL;
	*ret = TAKE_PTR(set);
	return 0;
}

int policy_load_file(const char *path, struct diag_list *diag,
		     struct policy_set **ret)
{
	_cleanup_(buf_fini) struct buf text = BUF_INIT(YAML_BYTES_MAX);
	struct diag_place whole = { .file = path };
	int r = buf_read_file(&text, path);

	if (r == 0)
		return policy_parse(buf_slice(&text), path, diag, ret);
	if (r == -EFBIG)
		diag_error(diag, whole, "larger than %u MiB",
			   YAML_BYTES_MAX >> 20);
	else if (r == -EINVAL || r == -EISDIR)
		diag_error(diag, whole, "not a regular file");
	else
		diag_errno(diag, path, r, "cannot read");
	return -EINVAL;
}
