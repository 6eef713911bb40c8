/* SPDX-License-Identifier: GPL-2.0-or-later */
/* quantity.c - numbers, sizes and durations, within bounds. */
#include <errno.h>
#include <string.h>

#include "config/read.h"
#include "base/buf.h"

struct unit {
	const char *name;
	uint64_t factor;
};

/* A number and a unit right behind it. */
static bool parse_quantity(const char *text, const struct unit *units,
			   uint64_t *ret)
{
	char *end;
	unsigned long long n;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	n = strtoull(text, &end, 10);
	for (; units->name; units++)
		if (!strcmp(end, units->name))
			return !errno &&
			       !__builtin_mul_overflow(n, units->factor, ret);
	return false;
}

/* False when there is none, or it is none (then told). */
static bool read_quantity(struct reader *r, const struct yaml_node *n,
			  const struct unit *units, const char *example,
			  uint64_t *to)
{
	if (n->kind == YAML_NULL)
		return false;
	if ((n->kind == YAML_STRING || n->kind == YAML_INT) &&
	    parse_quantity(n->text.ptr, units, to))
		return true;
	diag_error(r->diag, config_at(r, n), "expected %s, got \"%.*s\"",
		   example, (int)MIN(n->text.len, 80U), n->text.ptr);
	return false;
}

void config_read_size(struct reader *r, const struct yaml_node *n, uint64_t *to)
{
	static const struct unit units[] = {
		{ "", 1 },	     { "KiB", 1U << 10 }, { "MiB", 1U << 20 },
		{ "GiB", 1U << 30 }, { NULL, 0 },
	};

	read_quantity(r, n, units, "a size such as 100MiB", to);
}

void config_read_duration(struct reader *r, const struct yaml_node *n,
			  uint64_t least, uint64_t most, uint64_t *to)
{
	static const struct unit units[] = {
		{ "s", 1 },	{ "m", 60 }, { "h", 3600 },
		{ "d", 86400 }, { NULL, 0 },
	};
	uint64_t seconds;

	if (!read_quantity(r, n, units, "a duration such as 10s, 24h or 30d",
			   &seconds))
		return;
	if (seconds >= least && seconds <= most)
		*to = seconds;
	else
		diag_error(r->diag, config_at(r, n),
			   "expected from %llus to %llus, got \"%.*s\"",
			   (unsigned long long)least, (unsigned long long)most,
			   (int)MIN(n->text.len, 80U), n->text.ptr);
}

void config_read_number(struct reader *r, const struct yaml_node *n,
			unsigned least, unsigned most, unsigned *to)
{
	unsigned long value = 0;
	bool digits = n->kind != YAML_NULL && n->text.len && n->text.len <= 9;

	for (size_t i = 0; digits && i < n->text.len; i++) {
		digits = n->text.ptr[i] >= '0' && n->text.ptr[i] <= '9';
		value = 10 * value + (unsigned long)(n->text.ptr[i] - '0');
	}
	if (digits && value >= least && value <= most)
		*to = (unsigned)value;
	else
		diag_error(r->diag, config_at(r, n),
			   "expected a whole number from %u to %u", least,
			   most);
}

void config_read_bool(struct reader *r, const struct yaml_node *n, bool *to)
{
	if (n->kind == YAML_BOOL)
		*to = n->boolean;
	else if (n->kind != YAML_NULL)
		diag_error(r->diag, config_at(r, n),
			   "expected true or false, not a %s",
			   yaml_kind_name(n->kind));
}
