/* SPDX-License-Identifier: GPL-2.0-or-later */
/* options.c - the options of a command, as a table. */
#include "cli/options.h"

#include <assert.h>
#include <getopt.h>

/* getopt's value of an option without a letter: its place from here. */
#define FIRST_VALUE 256

static int value_of(const struct cli_option *options, size_t i)
{
	return options[i].letter ?: FIRST_VALUE + (int)i;
}

/* Both tables of getopt's, with -h at the end. */
static void fill(const struct cli_option *options, struct option *longs,
		 char *letters)
{
	size_t i;

	for (i = 0; options[i].name; i++) {
		bool flag = options[i].kind == OPTION_FLAG;

		assert(i < OPTIONS_MAX);
		longs[i] = (struct option){
			.name = options[i].name,
			.has_arg = flag ? no_argument : required_argument,
			.val = value_of(options, i),
		};
		if (!options[i].letter)
			continue;
		*letters++ = options[i].letter;
		if (!flag)
			*letters++ = ':';
	}
	longs[i] = (struct option){ .name = "help", .val = 'h' };
	*letters = 'h';
}

static int take(const struct cli_option *o)
{
	switch (o->kind) {
	case OPTION_FLAG:
		*(bool *)o->value = true;
		break;
	case OPTION_TEXT:
		*(const char **)o->value = optarg;
		break;
	case OPTION_FORMAT:
		if (format_parse(optarg, o->formats, o->value) < 0)
			return EXIT_USAGE;
		break;
	}
	return -1;
}

int options_read(const struct command *c, const struct cli_option *options,
		 int argc, char **argv)
{
	struct option longs[OPTIONS_MAX + 2] = { 0 };
	char letters[2 * OPTIONS_MAX + 2] = "";
	int value, r;

	fill(options, longs, letters);
	while ((value = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		size_t i = 0;

		while (options[i].name && value_of(options, i) != value)
			i++;
		r = options[i].name ? take(&options[i])
				    : command_option(c, value);
		if (r >= 0)
			return r;
	}
	return -1;
}
