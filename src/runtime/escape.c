/* SPDX-License-Identifier: GPL-2.0-or-later */
/* escape.c - why what runs in a container can change what holds it. */
#include "runtime/escape.h"

#include <string.h>

static bool is_one_of(const char *s, const char *const *list)
{
	for (; *list; list++)
		if (!strcmp(s, *list))
			return true;
	return false;
}

void escape_add(struct buf *out, const char *what, const char *which)
{
	if (out->len)
		buf_adds(out, ", ");
	buf_addf(out, "%s%s", what, which);
}

void escape_add_capability(struct buf *out, const char *name)
{
	static const char *const mighty[] = {
		"ALL",	     "SYS_ADMIN",	"SYS_MODULE",
		"SYS_RAWIO", "DAC_READ_SEARCH", NULL,
	};

	if (!name)
		return;
	name += strncmp(name, "CAP_", 4) ? 0 : 4;
	if (is_one_of(name, mighty))
		escape_add(out, "capability ", name);
}

/* Who can ask an engine can have a container that nothing holds. */
void escape_add_mount(struct buf *out, const char *source)
{
	static const char *const sockets[] = { "docker.sock", "containerd.sock",
					       "podman.sock", NULL };
	static const char *const above[] = { "/",	    "/run",
					     "/run/docker", "/run/containerd",
					     "/var",	    "/var/run",
					     NULL };
	const char *slash = source ? strrchr(source, '/') : NULL;

	if (slash && is_one_of(slash + 1, sockets))
		escape_add(out, "mounts ", slash + 1);
	else if (slash && is_one_of(source, above))
		escape_add(out, "mounts the host's ", source);
}
