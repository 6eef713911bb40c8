/* SPDX-License-Identifier: GPL-2.0-or-later */
/* local.c - the host's own addresses. */
#include "revoke/local.h"

#include <string.h>

static size_t position(const struct local_addresses *all, const struct addr *a)
{
	size_t low = 0, high = all->sorted.len;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (addr_compare(&all->sorted.data[mid], a) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

bool local_addresses_have(const struct local_addresses *all,
			  const struct addr *a)
{
	size_t at = position(all, a);

	if (a->family == AF_INET && a->bytes[0] == 127)
		return true;
	return at < all->sorted.len && addr_eq(&all->sorted.data[at], a);
}

void local_addresses_add(struct local_addresses *all, const struct addr *a)
{
	size_t at = position(all, a);

	if (at < all->sorted.len && addr_eq(&all->sorted.data[at], a))
		return;
	vec_grow(&all->sorted);
	memmove(all->sorted.data + at + 1, all->sorted.data + at,
		(all->sorted.len - at) * sizeof(*all->sorted.data));
	all->sorted.data[at] = *a;
	all->sorted.len++;
}

void local_addresses_fini(struct local_addresses *all)
{
	vec_fini(&all->sorted);
}
