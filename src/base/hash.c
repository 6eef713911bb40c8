/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hash.c - SipHash-2-4, seeded for tables and unseeded for content names. */
#include "base/hash.h"

#include <endian.h>
#include <stdbool.h>
#include <string.h>
#include <sys/random.h>

static uint64_t rotl(uint64_t x, int b)
{
	return (x << b) | (x >> (64 - b));
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[0] = rotl(v[0], 32);
	v[2] += v[3];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

static void sip_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	sip_round(v);
	sip_round(v);
	v[0] ^= word;
}

uint64_t hash_sip(const uint64_t key[2], const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	uint64_t word, v[4] = {
		key[0] ^ 0x736f6d6570736575ULL,
		key[1] ^ 0x646f72616e646f6dULL,
		key[0] ^ 0x6c7967656e657261ULL,
		key[1] ^ 0x7465646279746573ULL,
	};
	size_t left = n;

	for (; left >= 8; left -= 8, p += 8) {
		memcpy(&word, p, 8);
		sip_word(v, le64toh(word));
	}
	word = (uint64_t)n << 56;
	for (size_t i = 0; i < left; i++)
		word |= (uint64_t)p[i] << (8 * i);
	sip_word(v, word);
	v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t hash_seeded(const void *bytes, size_t n)
{
	static uint64_t key[2];
	static bool seeded;

	if (!seeded) {
		/* Without entropy yet (early boot) the key stays weak, not
		 * wrong: GRND_NONBLOCK rather than a hang. */
		if (getrandom(key, sizeof(key), GRND_NONBLOCK) < 0)
			key[0] = (uint64_t)(uintptr_t)&key;
		seeded = true;
	}
	return hash_sip(key, bytes, n);
}

uint64_t hash_content(const void *bytes, size_t n)
{
	static const uint64_t key[2] = { 0x62756c6b68656164ULL, 1 };

	return hash_sip(key, bytes, n);
}
