/* SPDX-License-Identifier: GPL-2.0-or-later */
/* writer.h - bulkheadd as the keeper of its own flow writers. */
#pragma once

#include <stdbool.h>

#define WRITER_ARGS 4

/** How the agent executes itself for it; @user, which is borrowed, is who the
 *  flow writer becomes, NULL: nobody else. */
void writer_command(char *user, char *ret_argv[static WRITER_ARGS]);

bool writer_wanted(int argc, char **argv);
/** Returns an exit status. @user may be NULL. */
int writer_main(const char *user);
