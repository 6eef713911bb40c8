/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dispatch.h - the maps and sets that lead from addresses to classes: those
 * that the skeleton's chains ask.
 */
#pragma once

#include "compile/compiler.h"

/** Make them for the present members and @in, into @c->made; one that is as it
 *  was stays the same object. */
void dispatch_make(struct compiler *c, const struct compile_input *in);
void dispatch_drop(struct compiler *c);
