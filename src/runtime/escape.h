/* SPDX-License-Identifier: GPL-2.0-or-later */
/* escape.h - why what runs in a container can change what holds it, put
 * together from what its engine says of it. Only words of ours: paths and names
 * are chosen by whoever made the container.
 */
#pragma once

#include "base/buf.h"

#define ESCAPES_MAX 512

void escape_add(struct buf *out, const char *what, const char *which);

/** Add @name ("CAP_SYS_ADMIN", "SYS_ADMIN"; may be NULL), if it reaches beyond
 *  the container's own namespaces. */
void escape_add_capability(struct buf *out, const char *name);

/** Add the host's path @source (may be NULL), if it gives power over the host.
 */
void escape_add_mount(struct buf *out, const char *source);
