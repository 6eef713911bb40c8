/* SPDX-License-Identifier: GPL-2.0-or-later */
/* resolve.h - whose the ends of a flow are, and whose policies decide, for the
 * flow log. */
#pragma once

#include "flow/flow.h"

struct agent;

/** Asks the agent's stages, as long as it lives. */
struct flow_resolver resolve_for(struct agent *a);
