/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flow_follow.h - bulkhead flows -f. */
#pragma once

#include "cli/flow_source.h"

/** Show what is there and what comes, until killed. Returns an exit status. */
int flow_follow(const struct cli *cli, const struct flow_options *o);
