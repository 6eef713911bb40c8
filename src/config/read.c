/* SPDX-License-Identifier: GPL-2.0-or-later */
/* read.c - mappings, texts, paths and choices. */
#include "config/read.h"

#include <string.h>

#include "base/buf.h"

struct diag_place config_at(const struct reader *r, const struct yaml_node *n)
{
	return yaml_place(n, r->file);
}

static const struct key *find_key(const struct key *keys, struct slice name)
{
	for (; keys->name; keys++)
		if (slice_eq_str(name, keys->name))
			return keys;
	return NULL;
}

static void unknown_key(struct reader *r, const struct key *keys,
			const struct yaml_node *key)
{
	_cleanup_(buf_fini) struct buf known = BUF_INIT(BUF_UNBOUNDED);

	for (; keys->name; keys++)
		buf_addf(&known, "%s%s", known.len ? ", " : "", keys->name);
	diag_error(r->diag, config_at(r, key),
		   "unknown key \"%.*s\" (known here: %s)",
		   (int)MIN(key->text.len, 80U), key->text.ptr,
		   buf_str(&known));
}

void config_read_mapping(struct reader *r, const struct yaml_node *n,
			 const struct key *keys)
{
	if (n->kind == YAML_NULL)
		return;
	if (n->kind != YAML_MAPPING) {
		diag_error(r->diag, config_at(r, n),
			   "expected a mapping, got a %s",
			   yaml_kind_name(n->kind));
		return;
	}
	for (size_t i = 0; i < n->n; i++) {
		const struct yaml_node *name = n->pairs[i].key;
		const struct key *key = find_key(keys, name->text);

		if (key)
			key->read(r, n->pairs[i].value);
		else
			unknown_key(r, keys, name);
	}
}

bool config_read_string(struct reader *r, const struct yaml_node *n, char **to)
{
	if (n->kind == YAML_NULL)
		return false;
	if (n->kind != YAML_STRING || !n->text.len) {
		diag_error(r->diag, config_at(r, n),
			   "expected a string, got %s",
			   n->kind == YAML_STRING ? "an empty one"
						  : yaml_kind_name(n->kind));
		return false;
	}
	free(*to);
	*to = xstrndup(n->text.ptr, n->text.len);
	return true;
}

void config_read_path(struct reader *r, const struct yaml_node *n, char **to)
{
	if (config_read_string(r, n, to) && (*to)[0] != '/')
		diag_error(r->diag, config_at(r, n),
			   "\"%s\" is no absolute path: begin it with /", *to);
}

void config_read_choice(struct reader *r, const struct yaml_node *n,
			const char *no, const char *yes, bool *to)
{
	_cleanup_(freep) char *word = NULL;

	if (!config_read_string(r, n, &word))
		return;
	if (!strcmp(word, yes))
		*to = true;
	else if (!strcmp(word, no))
		*to = false;
	else
		diag_error(r->diag, config_at(r, n),
			   "\"%s\" is not possible here: use %s or %s", word,
			   no, yes);
}
