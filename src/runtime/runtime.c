/* SPDX-License-Identifier: GPL-2.0-or-later */
/* runtime.c - the table of all runtimes. */
#include "runtime/runtime.h"

#include <assert.h>

#include "runtime/engine_json.h"

#define VERSION_MAX 100000

const struct runtime_ops *const runtime_all[] = {
	&runtime_docker,
	&runtime_containerd,
	&runtime_podman,
	&runtime_static,
	NULL,
};

static const char *const state_names[] = {
	[RUNTIME_CONNECTING] = "connecting",
	[RUNTIME_IN_STEP] = "in-step",
	[RUNTIME_AWAY] = "away",
};
static_assert(ARRAY_SIZE(state_names) == RUNTIME_AWAY + 1,
	      "a state is missing");

static const char *const support_names[] = {
	[RUNTIME_UNKNOWN] = "unknown", [RUNTIME_TOO_OLD] = "too-old",
	[RUNTIME_OLDER] = "older",     [RUNTIME_TRIED] = "tried",
	[RUNTIME_NEWER] = "newer",
};
static_assert(ARRAY_SIZE(support_names) == RUNTIME_NEWER + 1,
	      "a name is missing");

const char *runtime_support_name(enum runtime_support support)
{
	return support_names[support];
}

static int compare(const struct runtime_version *a,
		   const struct runtime_version *b)
{
	if (a->major != b->major)
		return a->major < b->major ? -1 : 1;
	return a->minor < b->minor ? -1 : a->minor > b->minor;
}

enum runtime_support runtime_support_of(const struct runtime_versions *known,
					const char *version)
{
	const char *at = version + (version[0] == 'v');
	struct runtime_version v = { 0 };

	if (!known->tried_to.major ||
	    !engine_number(&at, VERSION_MAX, &v.major))
		return RUNTIME_UNKNOWN;
	if (*at == '.') {
		at++;
		(void)engine_number(&at, VERSION_MAX, &v.minor);
	}
	if (compare(&v, &known->needed) < 0)
		return RUNTIME_TOO_OLD;
	if (compare(&v, &known->tried_from) < 0)
		return RUNTIME_OLDER;
	return compare(&v, &known->tried_to) <= 0 ? RUNTIME_TRIED
						  : RUNTIME_NEWER;
}

const char *runtime_state_name(enum runtime_state state)
{
	return state_names[state];
}
