/* SPDX-License-Identifier: GPL-2.0-or-later */
/* static.c - endpoints from a file. */
#include "runtime/runtime.h"
const struct runtime_ops runtime_static = { .name = "static" };
