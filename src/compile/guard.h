/* SPDX-License-Identifier: GPL-2.0-or-later */
/* guard.h - the bridge table: a container sends as itself or not at all. */
#pragma once

#include "compile/compile.h"

/** The bridge table for @in's ports, into the empty @ret; nothing where the
 *  input does not ask for one. */
void guard_part(const struct compile_input *in, struct ruleset_part *ret);
