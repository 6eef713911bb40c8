/* SPDX-License-Identifier: GPL-2.0-or-later */
/* spec.h - what an OCI runtime specification says of the network and
 * of power over the host.
 */
#pragma once

#include <stdbool.h>

#include "base/slice.h"

struct containerd_spec {
	bool host_network;  /* it has no network namespace but the host's */
	bool joins_network; /* one that is there, by its path */
	char *escapable;    /* the caller frees it; NULL: no reason is known */
};

/** Read config.json's text. Returns 0, or -EBADMSG with @ret untouched. */
int containerd_spec_parse(struct slice text, struct containerd_spec *ret);
