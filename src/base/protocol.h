/* SPDX-License-Identifier: GPL-2.0-or-later */
/* protocol.h - IP protocols by the names that the flow log has for them. */
#pragma once

#include <stdint.h>

/** "tcp", "icmpv6"; NULL: it goes by its number. */
const char *protocol_name(uint8_t number);

/** "tcp", "TCP" or "6", to 6. Returns the number, or -EINVAL. */
int protocol_parse(const char *text);
