/* SPDX-License-Identifier: GPL-2.0-or-later */
/* suggest.h - the word that a user may have meant. */
#pragma once

#include <stddef.h>

/** Of @n words the nearest to @typed, or NULL when none is near. */
const char *suggest(const char *typed, const char *const *words, size_t n);
