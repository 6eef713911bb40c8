/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flow_show.h - bulkhead flows show and export. */
#pragma once

#include "cli/flow_source.h"

/** Print one flow's story. Returns an exit status. */
int flow_show(const struct cli *cli, const struct flow_options *o,
	      const char *id);

/** Write the packet heads that were logged. Returns an exit status. */
int flow_export(const struct cli *cli, const struct flow_options *o);
