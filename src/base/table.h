/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table.h - uthash with our seeded hash; include this, never uthash.h. */
#pragma once

#include "base/hash.h"

#define HASH_FUNCTION(keyptr, keylen, hashv) \
	((hashv) = (unsigned)hash_seeded(keyptr, keylen))
#include <uthash.h>
