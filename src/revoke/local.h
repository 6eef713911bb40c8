/* SPDX-License-Identifier: GPL-2.0-or-later */
/* local.h - the host's own addresses. */
#pragma once

#include "base/addr.h"
#include "base/vec.h"

/** Zero-initialise it; @sorted.len = 0 forgets them all. */
struct local_addresses {
	VEC(struct addr) sorted;
};

void local_addresses_add(struct local_addresses *all, const struct addr *a);
/** IPv4 loopback needs not be added. */
bool local_addresses_have(const struct local_addresses *all,
			  const struct addr *a);
void local_addresses_fini(struct local_addresses *all);
