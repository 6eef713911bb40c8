/* SPDX-License-Identifier: GPL-2.0-or-later */
/* term.c - text that may reach somebody's terminal. */
#include "base/term.h"

char *term_defuse(char *text)
{
	for (unsigned char *c = (unsigned char *)text; *c; c++) {
		if (*c < ' ' || *c == 127)
			*c = '?';
		/* U+0080 to U+009F: terminals take those for controls too. */
		if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f)
			c[0] = c[1] = '?';
	}
	return text;
}
