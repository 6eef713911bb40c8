/* SPDX-License-Identifier: GPL-2.0-or-later */
/* community.h - Community ID v1: one name for a flow across tools. */
#pragma once

#include <stdbool.h>

#include "flow/packet.h"

/** "1:", 28 characters of base64, NUL. */
#define FLOW_COMMUNITY_MAX 31

/** With seed 0. False, and "", when @p lacks what the ID is made of. */
bool flow_community_id(const struct flow_packet *p,
		       char ret[static FLOW_COMMUNITY_MAX]);
