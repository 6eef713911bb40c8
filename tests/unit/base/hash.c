/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hash.c - SipHash-2-4 against its authors' test vectors. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/hash.h"
#include "base/macro.h"

/* Key 00 01 … 0f; message i is the bytes 00 01 … i-1. From the reference
 * implementation. */
static const uint64_t vectors[] = {
	0x726fdb47dd0e0e31, 0x74f839c593dc67fd, 0x0d6c8009d9a94f5a,
	0x85676696d7fb7e2d, 0xcf2794e0277187b7, 0x18765564cd99a68d,
	0xcbc9466e58fee3ce, 0xab0200f58b01d137, 0x93f5f5799a932462,
	0x9e0082df0ba9e4b0, 0x7a5dbbc594ddb9f3, 0xf4b32f46226bada7,
	0x751e8fbc860ee5fb, 0x14ea5627c0843d90, 0xf723ca908e7af2ee,
	0xa129ca6149be45e5,
};

static void reference_vectors(_unused_ void **state)
{
	static const uint64_t key[2] = { 0x0706050403020100,
					 0x0f0e0d0c0b0a0908 };
	uint8_t message[ARRAY_SIZE(vectors)];

	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		assert_true(hash_sip(key, message, i) == vectors[i]);
		message[i] = (uint8_t)i;
	}
}

static void seeded_is_steady_within_a_process(_unused_ void **state)
{
	assert_true(hash_seeded("abc", 3) == hash_seeded("abc", 3));
	assert_true(hash_seeded("abc", 3) != hash_seeded("abd", 3));
}

/* Names in the kernel are made of it: another value would replace the whole
 * ruleset at an upgrade. */
static void content_never_changes(_unused_ void **state)
{
	assert_true(hash_content("", 0) == hash_content("x", 0));
	assert_true(hash_content("bulkhead", 8) == 0xe777aa232beaa1e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reference_vectors),
		cmocka_unit_test(seeded_is_steady_within_a_process),
		cmocka_unit_test(content_never_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
