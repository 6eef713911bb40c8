/* SPDX-License-Identifier: GPL-2.0-or-later */
/* publication.c - who is behind a port of the host that an engine publishes. */
#include "revoke/publication.h"

#include <string.h>

static int compare_publications(const void *a, const void *b)
{
	const struct publication *x = a, *y = b;

	if (x->proto != y->proto)
		return x->proto < y->proto ? -1 : 1;
	if (x->host_port != y->host_port)
		return x->host_port < y->host_port ? -1 : 1;
	return strcmp(x->subject->endpoint->id, y->subject->endpoint->id);
}

void publications_fill(struct publications *all,
		       const struct subjects *subjects)
{
	struct subject *s, *next;

	all->sorted.len = 0;
	HASH_ITER(hh, subjects->table, s, next)
		vec_foreach(p, &s->endpoint->published)
			if (p->host_port)
				vec_push(&all->sorted,
					 (struct publication){ p->proto,
							       p->host_port, p,
							       s });
	vec_sort(&all->sorted, compare_publications);
}

/* How well @p fits the host's address @a; 0: not at all. A socket on [::] may
 * take connections to IPv4 addresses too, and Go's on 0.0.0.0 the reverse. */
static int publication_rank(const struct published_port *p,
			    const struct addr *a)
{
	if (addr_eq(&p->host, a))
		return 3;
	if (!addr_is_unspecified(&p->host))
		return 0;
	return p->host.family == a->family ? 2 : 1;
}

const struct publication *publications_find(const struct publications *all,
					    const struct addr *a, uint8_t proto,
					    uint16_t port)
{
	const struct publication *best = NULL;
	size_t low = 0, high = all->sorted.len;
	int best_rank = 0;

	while (low < high) {
		size_t mid = (low + high) / 2;
		const struct publication *p = &all->sorted.data[mid];

		if (p->proto < proto ||
		    (p->proto == proto && p->host_port < port))
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < all->sorted.len; low++) {
		const struct publication *p = &all->sorted.data[low];
		int rank = publication_rank(p->port, a);

		if (p->proto != proto || p->host_port != port)
			break;
		if (rank > best_rank) {
			best = p;
			best_rank = rank;
		}
	}
	return best;
}

void publications_fini(struct publications *all)
{
	vec_fini(&all->sorted);
}
