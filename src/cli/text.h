/* SPDX-License-Identifier: GPL-2.0-or-later */
/* text.h - complaints, and untrusted text made fit to print. */
#pragma once

#include "base/text.h"

/** Print a line on standard error, made safe. */
void text_complain(const char *fmt, ...) _printf_(1, 2);
