/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cache.c - the name that an address was last resolved from, by whom.
 *
 * An asker's entries are a hash table, which keeps the order in which they were
 * added; one that is used is added again, so the first is the one to forget.
 * The askers themselves are filed by how many entries they have, so that who
 * has most is found at once; those that are retired stand in a queue instead.
 */
#include "dns/cache.h"

#include <string.h>

#include "base/alloc.h"
#include "base/table.h"

/* Of a circular list, whose head is one, too. */
struct link {
	struct link *before, *next;
};

struct entry {
	struct addr addr;
	char *name;
	UT_hash_handle hh;
};

struct asker {
	struct link link; /* of its file, or of the retired */
	char *id;
	struct entry *entries; /* never empty but while one is added */
	bool is_retired;
	uint64_t retired; /* monotonic ns */
	UT_hash_handle hh;
};

struct dns_cache {
	struct asker *askers;
	size_t len; /* entries */
	struct link by_count[DNS_CACHE_PER_ASKER + 1];
	struct link retired; /* oldest first */
};

/* ---- lists ------------------------------------------------------------- */

static void list_init(struct link *head)
{
	head->before = head->next = head;
}

static void list_append(struct link *head, struct link *l)
{
	l->before = head->before;
	l->next = head;
	head->before->next = l;
	head->before = l;
}

static void list_remove(struct link *l)
{
	l->before->next = l->next;
	l->next->before = l->before;
}

/* NULL: there is none. */
static struct asker *list_first(struct link *head)
{
	return head->next == head
		       ? NULL
		       : container_of(head->next, struct asker, link);
}

/* ---- askers and their entries ------------------------------------------ */

/* Whose number of entries has changed, or who is retired no more. */
static void file(struct dns_cache *c, struct asker *a)
{
	list_remove(&a->link);
	list_append(&c->by_count[HASH_COUNT(a->entries)], &a->link);
}

static struct asker *find_asker(const struct dns_cache *c, const char *id)
{
	struct asker *a;

	HASH_FIND(hh, c->askers, id, strlen(id), a);
	return a;
}

static struct asker *add_asker(struct dns_cache *c, const char *id)
{
	struct asker *a = xnew(struct asker);

	a->id = xstrdup(id);
	list_append(&c->by_count[0], &a->link);
	HASH_ADD_KEYPTR(hh, c->askers, a->id, strlen(a->id), a);
	return a;
}

static void forget_entry(struct dns_cache *c, struct asker *a, struct entry *e)
{
	HASH_DEL(a->entries, e);
	free(e->name);
	free(e);
	c->len--;
}

static void forget_asker(struct dns_cache *c, struct asker *a)
{
	while (a->entries)
		forget_entry(c, a, a->entries);
	HASH_DEL(c->askers, a);
	list_remove(&a->link);
	free(a->id);
	free(a);
}

static struct entry *find_entry(const struct asker *a, const struct addr *addr)
{
	struct entry *e;

	HASH_FIND(hh, a->entries, addr, sizeof(*addr), e);
	return e;
}

/* It is the last one to be forgotten from here on. */
static void use_entry(struct asker *a, struct entry *e)
{
	if (!e->hh.next)
		return;
	HASH_DEL(a->entries, e);
	HASH_ADD(hh, a->entries, addr, sizeof(e->addr), e);
}

/* ---- room -------------------------------------------------------------- */

static struct asker *largest(struct dns_cache *c)
{
	size_t n = DNS_CACHE_PER_ASKER;

	while (n > 1 && !list_first(&c->by_count[n]))
		n--;
	return list_first(&c->by_count[n]);
}

/* For one entry of @a's more. */
static void make_room(struct dns_cache *c, struct asker *a)
{
	struct asker *from = a;

	if (HASH_COUNT(a->entries) < DNS_CACHE_PER_ASKER) {
		if (c->len < DNS_CACHE_MAX)
			return;
		from = list_first(&c->retired);
		if (from) {
			forget_asker(c, from);
			return;
		}
		from = largest(c);
	}
	forget_entry(c, from, from->entries);
	if (!from->entries && from != a)
		forget_asker(c, from);
	else
		file(c, from);
}

static void forget_retired(struct dns_cache *c, uint64_t now)
{
	struct asker *a;

	while ((a = list_first(&c->retired)) &&
	       now - a->retired > DNS_CACHE_RETIRED_NS)
		forget_asker(c, a);
}

/* ---- interface --------------------------------------------------------- */

struct dns_cache *dns_cache_new(void)
{
	struct dns_cache *c = xnew(struct dns_cache);

	for (size_t i = 0; i < ARRAY_SIZE(c->by_count); i++)
		list_init(&c->by_count[i]);
	list_init(&c->retired);
	return c;
}

void dns_cache_free(struct dns_cache *c)
{
	if (!c)
		return;
	while (c->askers)
		forget_asker(c, c->askers);
	free(c);
}

void dns_cache_learn(struct dns_cache *c, const char *asker,
		     const struct addr *addr, const char *name, uint64_t now)
{
	struct asker *a;
	struct entry *e;

	forget_retired(c, now);
	a = find_asker(c, asker) ?: add_asker(c, asker);
	if (a->is_retired) {
		a->is_retired = false;
		file(c, a);
	}
	e = find_entry(a, addr);
	if (e) {
		free(e->name);
		e->name = xstrdup(name);
		use_entry(a, e);
		return;
	}
	make_room(c, a);
	e = xnew(struct entry);
	e->addr = *addr;
	e->name = xstrdup(name);
	HASH_ADD(hh, a->entries, addr, sizeof(e->addr), e);
	c->len++;
	file(c, a);
}

const char *dns_cache_name(struct dns_cache *c, const char *asker,
			   const struct addr *addr)
{
	struct asker *a = find_asker(c, asker);
	struct entry *e = a ? find_entry(a, addr) : NULL;

	if (!e)
		return NULL;
	use_entry(a, e);
	return e->name;
}

void dns_cache_retire(struct dns_cache *c, const char *asker, uint64_t now)
{
	struct asker *a;

	forget_retired(c, now);
	a = find_asker(c, asker);
	if (!a || a->is_retired)
		return;
	a->is_retired = true;
	a->retired = now;
	list_remove(&a->link);
	list_append(&c->retired, &a->link);
}

size_t dns_cache_len(const struct dns_cache *c)
{
	return c->len;
}
