/* SPDX-License-Identifier: GPL-2.0-or-later */
/* writer.h - bulkheadd as the keeper of its own flow writers. */
#pragma once

#include <stdbool.h>

/** How the agent executes itself for it. */
extern char *const writer_command[];

bool writer_wanted(int argc, char **argv);
/** Returns an exit status. */
int writer_main(void);
