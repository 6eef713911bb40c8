/* SPDX-License-Identifier: GPL-2.0-or-later */
/* label.h - immutable label sets, as containers and namespaces carry them. */
#pragma once

#include <stddef.h>

#include "base/macro.h"

struct label {
	const char *key, *value;
};

/** Sorted by key, keys unique; shared by reference count, never changed. */
struct label_set {
	unsigned refs;
	size_t n;
	struct label labels[]; /* the strings lie behind them */
};

/** Copies @labels. Of equal keys the last one counts. */
struct label_set *label_set_new(const struct label *labels, size_t n);
struct label_set *label_set_ref(struct label_set *set);
void label_set_unref(struct label_set *set);
DEFINE_FREEP(struct label_set, label_set_unref)

/** The value of @key, or NULL. */
const char *label_set_get(const struct label_set *set, const char *key);
