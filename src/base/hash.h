/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hash.h - SipHash-2-4, seeded for tables and unseeded for content names. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/** SipHash-2-4 (Aumasson and Bernstein, 2012) under a 128-bit @key. */
uint64_t hash_sip(const uint64_t key[2], const void *bytes, size_t n);

/**
 * Hash for tables in memory, seeded per process from getrandom(2), so that
 * whoever names containers cannot make their labels collide.
 */
uint64_t hash_seeded(const void *bytes, size_t n);

/** Hash that is the same in every process and at every start. */
uint64_t hash_content(const void *bytes, size_t n);
