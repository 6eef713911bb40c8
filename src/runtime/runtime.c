/* SPDX-License-Identifier: GPL-2.0-or-later */
/* runtime.c - the table of all runtimes. */
#include "runtime/runtime.h"

#include <assert.h>

const struct runtime_ops *const runtime_all[] = {
	&runtime_docker,
	&runtime_containerd,
	&runtime_podman,
	&runtime_static,
	NULL,
};

static const char *const state_names[] = {
	[RUNTIME_CONNECTING] = "connecting",
	[RUNTIME_IN_STEP] = "in step",
	[RUNTIME_AWAY] = "away",
};
static_assert(ARRAY_SIZE(state_names) == RUNTIME_AWAY + 1,
	      "a state is missing");

const char *runtime_state_name(enum runtime_state state)
{
	return state_names[state];
}
