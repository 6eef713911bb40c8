/* SPDX-License-Identifier: GPL-2.0-or-later */
/* term.h - text that may reach somebody's terminal. */
#pragma once

/** Replace control characters (container names, file contents and such can
 *  hold any) by '?', in place. Bytes of UTF-8 stay. Returns @text. */
char *term_defuse(char *text);
