/* SPDX-License-Identifier: GPL-2.0-or-later */
/* link_message.c - any bytes as one rtnetlink message about a link. */
#include <linux/rtnetlink.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "link/rtnl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(freep) struct nlmsghdr *message = NULL;
	struct link_info link;

	if (size < sizeof(*message))
		return 0;
	message = xmemdup(data, size);
	/* The socket layer vouches for the length; the rest is open. */
	message->nlmsg_len = (uint32_t)size;
	if (rtnl_parse_link(message, &link) &&
	    memchr(link.name, '\0', sizeof(link.name)) == NULL)
		abort();
	return 0;
}
