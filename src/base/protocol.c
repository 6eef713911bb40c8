/* SPDX-License-Identifier: GPL-2.0-or-later */
/* protocol.c - IP protocols by the names that the flow log has for them. */
#include "base/protocol.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/macro.h"

/* The names that people know; IANA's other numbers speak for themselves. */
static const char *const names[256] = {
	[IPPROTO_ICMP] = "icmp",       [IPPROTO_IGMP] = "igmp",
	[IPPROTO_IPIP] = "ipip",       [IPPROTO_TCP] = "tcp",
	[IPPROTO_UDP] = "udp",	       [IPPROTO_DCCP] = "dccp",
	[IPPROTO_IPV6] = "ipv6",       [IPPROTO_GRE] = "gre",
	[IPPROTO_ESP] = "esp",	       [IPPROTO_AH] = "ah",
	[IPPROTO_ICMPV6] = "icmpv6",   [IPPROTO_SCTP] = "sctp",
	[IPPROTO_UDPLITE] = "udplite",
};

const char *protocol_name(uint8_t number)
{
	return names[number];
}

int protocol_parse(const char *text)
{
	size_t n = strspn(text, "0123456789");

	if (n && n <= 3 && !text[n]) {
		unsigned long number = strtoul(text, NULL, 10);

		return number <= UINT8_MAX ? (int)number : -EINVAL;
	}
	for (int i = 0; i < (int)ARRAY_SIZE(names); i++)
		if (names[i] && !strcasecmp(names[i], text))
			return i;
	return -EINVAL;
}
