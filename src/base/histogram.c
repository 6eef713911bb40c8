/* SPDX-License-Identifier: GPL-2.0-or-later */
/* histogram.c - how long something took, each time. */
#include "base/histogram.h"

#define US(n) ((n)*1000ULL)
#define MS(n) ((n)*1000000ULL)

const uint64_t histogram_bounds[HISTOGRAM_BOUNDS] = {
	US(100),  US(250),  US(500),  MS(1),	 US(2500), MS(5),
	MS(10),	  MS(25),   MS(50),   MS(100),	 MS(250),  MS(500),
	MS(1000), MS(2500), MS(5000), MS(10000),
};

void histogram_add(struct histogram *h, uint64_t ns)
{
	size_t i = 0;

	while (i < HISTOGRAM_BOUNDS && ns > histogram_bounds[i])
		i++;
	h->counts[i]++;
	h->sum += ns;
}
