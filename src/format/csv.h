/* SPDX-License-Identifier: GPL-2.0-or-later */
/* csv.h - the columns. */
#pragma once

/** Their names, with a newline. */
const char *csv_heading(void);
