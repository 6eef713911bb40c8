/* SPDX-License-Identifier: GPL-2.0-or-later */
/* parse.c - libyaml's events become trees.
 *
 * The collections that are open form a stack of frames; the nodes read for
 * them wait in one array, and move to the arena when their collection ends.
 * An alias is the pointer to its anchor's node. The bounds on nodes and depth
 * count it as what it stands for, so a few lines cannot stand for millions.
 * Nothing here recurses.
 *
 * Problems of meaning (a duplicate key) are collected; a syntax error or a
 * bound ends the parse, as nothing behind it can be trusted.
 */
#include "yaml/node.h"

#include <errno.h>
#include <yaml.h>

#include "base/table.h"
#include "yaml/tree.h"

struct frame {
	struct tree_node *node;
	size_t first;  /* its nodes in pending start here */
	size_t before; /* nodes that there were before it */
};

struct anchor {
	struct tree_node *node;
	UT_hash_handle hh;
	char name[];
};

struct parse {
	yaml_parser_t parser;
	const char *file;
	struct slice text;
	struct diag_list *diag;
	struct yaml_stream *stream;
	VEC(struct frame) frames;
	VEC(struct yaml_node *) pending;
	struct anchor *anchors; /* of this document */
	size_t nodes;
};

static struct diag_place mark_place(const struct parse *p, yaml_mark_t mark)
{
	return (struct diag_place){ p->file, (unsigned)mark.line + 1,
				    (unsigned)mark.column + 1 };
}

#define fail_at(p, mark, ...)                                            \
	({                                                               \
		diag_error((p)->diag, mark_place(p, mark), __VA_ARGS__); \
		-EINVAL;                                                 \
	})

static void forget_anchors(struct parse *p)
{
	struct anchor *anchor, *next;

	HASH_ITER(hh, p->anchors, anchor, next) {
		HASH_DEL(p->anchors, anchor);
		free(anchor);
	}
}

static void parse_fini(struct parse *p)
{
	forget_anchors(p);
	vec_fini(&p->frames);
	vec_fini(&p->pending);
	yaml_stream_free(p->stream);
	yaml_parser_delete(&p->parser);
}

/* A later anchor of the same name replaces the former from there on. */
static void set_anchor(struct parse *p, const yaml_char_t *name,
		       struct tree_node *node)
{
	struct anchor *anchor;
	size_t len;

	if (!name)
		return;
	len = strlen((const char *)name);
	HASH_FIND(hh, p->anchors, name, len, anchor);
	if (!anchor) {
		anchor = xcalloc(1, sizeof(*anchor) + len + 1);
		memcpy(anchor->name, name, len);
		HASH_ADD(hh, p->anchors, name[0], len, anchor);
	}
	anchor->node = node;
}

static int count_nodes(struct parse *p, size_t n, yaml_mark_t mark)
{
	if (n > YAML_NODES_MAX - p->nodes)
		return fail_at(
			p, mark,
			"too many values: with aliases expanded, more than %u",
			YAML_NODES_MAX);
	p->nodes += n;
	return 0;
}

static struct tree_node *new_node(struct parse *p, yaml_mark_t mark)
{
	struct tree_node *node = arena_alloc(&p->stream->arena, sizeof(*node));

	node->node.line = (unsigned)mark.line + 1;
	node->node.col = (unsigned)mark.column + 1;
	node->weight = 1;
	return node;
}

/* @node is complete: give it to the collection around it, or make it the
 * root of a document. */
static void deliver(struct parse *p, struct tree_node *node)
{
	if (p->frames.len)
		vec_push(&p->pending, &node->node);
	else
		vec_push(&p->stream->documents, &node->node);
}

/* Of what the collection holds now: merging does not nest. */
static unsigned height_of(const struct yaml_node *node)
{
	unsigned highest = 0;

	for (size_t i = 0; i < node->n; i++) {
		struct yaml_node *child = node->kind == YAML_MAPPING
						  ? node->pairs[i].value
						  : node->items[i];

		highest = MAX(highest, tree_node(child)->height);
	}
	return highest + 1;
}

static int unknown_tag(struct parse *p, const yaml_event_t *event,
		       const char *tag)
{
	char quoted[YAML_QUOTE_LEN];

	return fail_at(p, event->start_mark, "tag %s is not supported",
		       yaml_quote(slice_of(tag), quoted));
}

static int on_scalar(struct parse *p, const yaml_event_t *event)
{
	bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	const char *tag = (const char *)event->data.scalar.tag;
	const char *text = (const char *)event->data.scalar.value;
	size_t len = event->data.scalar.length;
	char quoted[YAML_QUOTE_LEN];
	struct tree_node *node;
	int r = count_nodes(p, 1, event->start_mark);

	if (r < 0)
		return r;
	if (memchr(text, '\0', len))
		return fail_at(p, event->start_mark,
			       "a NUL character in a string");
	node = new_node(p, event->start_mark);
	node->node.text =
		(struct slice){ arena_copy(&p->stream->arena, text, len), len };
	node->merge = plain && !tag && !strcmp(node->node.text.ptr, "<<");
	r = resolve_scalar(&node->node, tag, plain);
	if (r == -EINVAL)
		return fail_at(p, event->start_mark,
			       "the value does not fit its tag %s",
			       yaml_quote(slice_of(tag), quoted));
	if (r < 0)
		return unknown_tag(p, event, tag);
	set_anchor(p, event->data.scalar.anchor, node);
	deliver(p, node);
	return 0;
}

static int on_alias(struct parse *p, const yaml_event_t *event)
{
	const char *name = (const char *)event->data.alias.anchor;
	char quoted[YAML_QUOTE_LEN];
	struct anchor *anchor;
	int r;

	HASH_FIND(hh, p->anchors, name, strlen(name), anchor);
	yaml_quote(slice_of(name), quoted);
	if (!anchor)
		return fail_at(
			p, event->start_mark,
			"alias of %s, an anchor that is not defined before it",
			quoted);
	if (anchor->node->open)
		return fail_at(p, event->start_mark,
			       "alias of %s inside of that anchor itself",
			       quoted);
	r = count_nodes(p, anchor->node->weight, event->start_mark);
	if (r < 0)
		return r;
	if (p->frames.len + anchor->node->height > YAML_DEPTH_MAX)
		return fail_at(p, event->start_mark,
			       "nested deeper than %u levels", YAML_DEPTH_MAX);
	deliver(p, anchor->node);
	return 0;
}

static int on_start(struct parse *p, const yaml_event_t *event,
		    enum yaml_kind kind, const yaml_char_t *anchor,
		    const yaml_char_t *tag)
{
	const char *expected = kind == YAML_MAPPING ? YAML_MAP_TAG
						    : YAML_SEQ_TAG;
	struct tree_node *node;
	int r = count_nodes(p, 1, event->start_mark);

	if (r < 0)
		return r;
	if (p->frames.len >= YAML_DEPTH_MAX)
		return fail_at(p, event->start_mark,
			       "nested deeper than %u levels", YAML_DEPTH_MAX);
	if (tag && strcmp((const char *)tag, expected))
		return unknown_tag(p, event, (const char *)tag);
	node = new_node(p, event->start_mark);
	node->node.kind = kind;
	node->open = true;
	set_anchor(p, anchor, node);
	vec_push(&p->frames, (struct frame){ .node = node,
					     .first = p->pending.len,
					     .before = p->nodes - 1 });
	return 0;
}

static void on_end(struct parse *p)
{
	struct frame frame = p->frames.data[--p->frames.len];
	struct yaml_node *node = &frame.node->node;
	size_t n = p->pending.len - frame.first;
	struct yaml_node **items = n ? p->pending.data + frame.first : NULL;

	if (node->kind == YAML_MAPPING) {
		mapping_build(p->stream, node, items, n, p->file, p->diag);
	} else {
		node->n = n;
		node->items =
			arena_alloc(&p->stream->arena, n * sizeof(*items));
		if (n)
			memcpy(node->items, items, n * sizeof(*items));
	}
	p->pending.len = frame.first;
	frame.node->open = false;
	frame.node->height = height_of(node);
	frame.node->weight = (unsigned)(p->nodes - frame.before);
	deliver(p, frame.node);
}

static int on_document(struct parse *p, const yaml_event_t *event)
{
	forget_anchors(p);
	if (p->stream->documents.len >= YAML_DOCUMENTS_MAX)
		return fail_at(p, event->start_mark, "more than %u documents",
			       YAML_DOCUMENTS_MAX);
	return 0;
}

static int on_event(struct parse *p, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_END_EVENT:
		return 0;
	case YAML_DOCUMENT_START_EVENT:
		return on_document(p, event);
	case YAML_ALIAS_EVENT:
		return on_alias(p, event);
	case YAML_SCALAR_EVENT:
		return on_scalar(p, event);
	case YAML_SEQUENCE_START_EVENT:
		return on_start(p, event, YAML_SEQUENCE,
				event->data.sequence_start.anchor,
				event->data.sequence_start.tag);
	case YAML_MAPPING_START_EVENT:
		return on_start(p, event, YAML_MAPPING,
				event->data.mapping_start.anchor,
				event->data.mapping_start.tag);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		on_end(p);
		return 0;
	}
	return 0;
}

/* Bytes that are no text: libyaml tells only how many came before. */
static int reader_error(struct parse *p)
{
	size_t end = MIN(p->parser.problem_offset, p->text.len);
	struct diag_place at = { .file = p->file, .line = 1, .col = 1 };

	for (size_t i = 0; i < end; i++) {
		if (p->text.ptr[i] == '\n') {
			at.line++;
			at.col = 1;
		} else if ((p->text.ptr[i] & 0xc0) != 0x80) {
			at.col++;
		}
	}
	diag_error(p->diag, at, "%s; the file must be UTF-8 text",
		   p->parser.problem);
	return -EINVAL;
}

/* The byte at @mark, whose index counts characters. */
static char char_at(const struct parse *p, yaml_mark_t mark)
{
	size_t before = 0;

	for (size_t i = 0; i < p->text.len; i++)
		if ((p->text.ptr[i] & 0xc0) != 0x80 && before++ == mark.index)
			return p->text.ptr[i];
	return '\0';
}

static int syntax_error(struct parse *p)
{
	const yaml_parser_t *y = &p->parser;

	if (y->error == YAML_READER_ERROR)
		return reader_error(p);
	if (y->error == YAML_MEMORY_ERROR)
		return fail_at(p, y->mark, "out of memory");
	if (y->error == YAML_SCANNER_ERROR &&
	    char_at(p, y->problem_mark) == '\t')
		return fail_at(p, y->problem_mark,
			       "a tab cannot indent YAML; use spaces");
	if (!strcmp(y->problem, "did not find expected <document start>"))
		return fail_at(
			p, y->problem_mark,
			"the document should have ended before this; documents are separated by a line of ---");
	if (!y->context || y->context_mark.line == y->problem_mark.line)
		return fail_at(p, y->problem_mark, "%s%s%s", y->problem,
			       y->context ? " " : "",
			       y->context ? y->context : "");
	return fail_at(p, y->problem_mark, "%s %s that starts at line %zu",
		       y->problem, y->context, y->context_mark.line + 1);
}

static int parse_all(struct parse *p)
{
	yaml_event_t event;
	bool done = false;
	int r = 0;

	while (!done && r == 0) {
		if (!yaml_parser_parse(&p->parser, &event))
			return syntax_error(p);
		done = event.type == YAML_STREAM_END_EVENT;
		r = on_event(p, &event);
		yaml_event_delete(&event);
	}
	return r;
}

/* libyaml would count the mark as a column, and take UTF-16 for text. */
static int check_bytes(struct slice *text, const char *file,
		       struct diag_list *diag)
{
	struct diag_place whole = { .file = file };

	if (text->len > YAML_BYTES_MAX) {
		diag_error(diag, whole, "larger than %u MiB",
			   YAML_BYTES_MAX >> 20);
		return -EINVAL;
	}
	if (text->len >= 2 && (!memcmp(text->ptr, "\xff\xfe", 2) ||
			       !memcmp(text->ptr, "\xfe\xff", 2))) {
		diag_error(diag, whole, "UTF-16 text; save the file as UTF-8");
		return -EINVAL;
	}
	if (text->len >= 3 && !memcmp(text->ptr, "\xef\xbb\xbf", 3)) {
		text->ptr += 3;
		text->len -= 3;
	}
	return 0;
}

struct yaml_stream *yaml_parse_partial(struct slice text, const char *file,
				       struct diag_list *diag)
{
	_cleanup_(parse_fini) struct parse p = { .file = file, .diag = diag };

	p.stream = xnew(struct yaml_stream);
	if (!yaml_parser_initialize(&p.parser))
		abort();
	if (check_bytes(&text, file, diag) == 0) {
		p.text = text;
		yaml_parser_set_encoding(&p.parser, YAML_UTF8_ENCODING);
		yaml_parser_set_input_string(
			&p.parser, (const unsigned char *)text.ptr, text.len);
		parse_all(&p);
	}
	return TAKE_PTR(p.stream);
}

int yaml_parse(struct slice text, const char *file, struct diag_list *diag,
	       struct yaml_stream **ret)
{
	_cleanup_(yaml_stream_freep) struct yaml_stream *stream = NULL;
	size_t errors = diag->errors;

	stream = yaml_parse_partial(text, file, diag);
	if (diag->errors > errors)
		return -EINVAL;
	*ret = TAKE_PTR(stream);
	return 0;
}
