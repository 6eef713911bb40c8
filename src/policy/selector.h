/* SPDX-License-Identifier: GPL-2.0-or-later */
/* selector.h - label selectors (k8s.io/apimachinery meta/v1 LabelSelector). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/label.h"
#include "base/macro.h"

enum requirement_op {
	REQUIRE_IN,
	REQUIRE_NOT_IN,
	REQUIRE_EXISTS,
	REQUIRE_NOT_EXISTS
};

/** matchLabels entries become REQUIRE_IN with one value. */
struct requirement {
	enum requirement_op op;
	char *key;
	char **values; /* sorted, unique */
	size_t n;
};

/** Requirements sorted (key, op, values) and unique, all of which must hold;
 *  so equal selectors have equal content. */
struct selector {
	size_t n;
	struct requirement *requirements;
};

/** An empty selector: matches everything. */
struct selector *selector_new(void);
/** Add a requirement (copies), keeping the order. */
void selector_add(struct selector *s, enum requirement_op op, const char *key,
		  const char *const *values, size_t n);
void selector_free(struct selector *s);
DEFINE_FREEP(struct selector, selector_free)

/** True if every requirement holds; a missing key satisfies NotIn. */
bool selector_matches(const struct selector *s, const struct label_set *labels);

/** As kubectl writes it: "app=web,tier in (a,b),!legacy"; "" for an empty one.
 *  The caller frees it. */
char *selector_format(const struct selector *s);
