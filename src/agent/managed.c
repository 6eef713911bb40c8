/* SPDX-License-Identifier: GPL-2.0-or-later */
/* managed.c - the networks that are governed, and those that were. */
#include "agent/managed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"

#define FILE_NAME "bridges"
#define FILE_MAX  (64U << 10)

static void remember(struct managed *m, struct slice name)
{
	struct network *n;

	if (!name.len || name.len >= IFNAMSIZ ||
	    memchr(name.ptr, '/', name.len))
		return;
	n = network_new("remembered", "", "");
	memcpy(n->bridge, name.ptr, name.len);
	vec_push(&m->remembered, n);
}

static void parse(struct managed *m, const char *text)
{
	while (*text) {
		size_t n = strcspn(text, "\n");

		remember(m, (struct slice){ text, n });
		text += n + (text[n] == '\n');
	}
}

void managed_init(struct managed *m, const char *state_dir)
{
	_cleanup_(buf_fini) struct buf text = BUF_INIT(FILE_MAX);

	/* Its parent is the installation's; a failure shows at the save. */
	(void)mkdir(state_dir, 0750);
	m->path = xasprintf("%s/%s", state_dir, FILE_NAME);
	if (buf_read_file(&text, m->path) < 0)
		return;
	parse(m, buf_str(&text));
	m->written = buf_take(&text);
}

void managed_fini(struct managed *m)
{
	vec_foreach(n, &m->remembered)
		network_free(*n);
	vec_fini(&m->remembered);
	vec_fini(&m->all);
	free(m->path);
	free(m->written);
}

bool managed_network(const struct network *n, char *const *ignored,
		     size_t nignored)
{
	if (!n->bridge[0])
		return false;
	for (size_t i = 0; i < nignored; i++)
		if (!strcmp(ignored[i], n->name) || !strcmp(ignored[i], n->id))
			return false;
	return true;
}

static bool has_bridge(const struct network *const *networks, size_t n,
		       const char *bridge)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(networks[i]->bridge, bridge))
			return true;
	return false;
}

void managed_update(struct managed *m, const struct network *const *networks,
		    size_t n, char *const *ignored, size_t nignored,
		    bool keep_remembered)
{
	m->all.len = 0;
	for (size_t i = 0; i < n; i++)
		if (managed_network(networks[i], ignored, nignored))
			vec_push(&m->all, networks[i]);
	if (!keep_remembered)
		return;
	/* One that is ignored now is live and not managed: not from memory
	 * either. */
	vec_foreach(old, &m->remembered)
		if (!has_bridge(networks, n, (*old)->bridge))
			vec_push(&m->all, *old);
}

int managed_save(struct managed *m)
{
	_cleanup_(buf_fini) struct buf text = BUF_INIT(FILE_MAX);
	int r;

	vec_foreach(n, &m->all)
		buf_addf(&text, "%s\n", (*n)->bridge);
	if (m->written && !strcmp(m->written, buf_str(&text)))
		return 0;
	r = write_file_atomically(m->path, buf_slice(&text));
	if (r == 0) {
		free(m->written);
		m->written = buf_take(&text);
	}
	return r;
}
