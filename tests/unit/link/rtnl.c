/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtnl.c - link messages as the kernel lays them out, and cut short. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <string.h>

#include "base/alloc.h"
#include "link/rtnl.h"

struct spec {
	int type, family;
	const char *name, *kind;
	int filter4, filter6; /* -1: not told */
};

static struct nl_msg *build(const struct spec *spec)
{
	struct nl_msg *msg = nlmsg_alloc_simple(spec->type, 0);
	struct ifinfomsg head = { .ifi_family = (unsigned char)spec->family,
				  .ifi_index = 7 };
	struct nlattr *info, *data;

	nlmsg_append(msg, &head, sizeof(head), NLMSG_ALIGNTO);
	if (spec->name)
		nla_put_string(msg, IFLA_IFNAME, spec->name);
	if (!spec->kind)
		return msg;
	info = nla_nest_start(msg, IFLA_LINKINFO);
	nla_put_string(msg, IFLA_INFO_KIND, spec->kind);
	data = nla_nest_start(msg, IFLA_INFO_DATA);
	if (spec->filter4 >= 0)
		nla_put_u8(msg, IFLA_BR_NF_CALL_IPTABLES,
			   (uint8_t)spec->filter4);
	if (spec->filter6 >= 0)
		nla_put_u8(msg, IFLA_BR_NF_CALL_IP6TABLES,
			   (uint8_t)spec->filter6);
	nla_nest_end(msg, data);
	nla_nest_end(msg, info);
	return msg;
}

static bool parse(const struct spec *spec, struct link_info *ret)
{
	struct nl_msg *msg = build(spec);
	bool ok = rtnl_parse_link(nlmsg_hdr(msg), ret);

	nlmsg_free(msg);
	return ok;
}

static void a_bridge(_unused_ void **state)
{
	static const struct spec spec = { RTM_NEWLINK, AF_UNSPEC, "br0",
					  "bridge",    1,	  0 };
	struct link_info link;

	assert_true(parse(&spec, &link));
	assert_int_equal(link.index, 7);
	assert_string_equal(link.name, "br0");
	assert_true(link.bridge && !link.gone);
	assert_true(link.filter4 && !link.filter6);
}

static void a_bridge_that_goes(_unused_ void **state)
{
	static const struct spec spec = { RTM_DELLINK, AF_UNSPEC, "br0",
					  "bridge",    1,	  1 };
	struct link_info link;

	assert_true(parse(&spec, &link));
	assert_true(link.bridge && link.gone);
}

static void switches_not_told_are_off(_unused_ void **state)
{
	static const struct spec spec = { RTM_NEWLINK, AF_UNSPEC, "br0",
					  "bridge",    -1,	  -1 };
	struct link_info link;

	assert_true(parse(&spec, &link));
	assert_true(link.bridge && !link.filter4 && !link.filter6);
}

static void other_kinds_are_no_bridges(_unused_ void **state)
{
	static const char *const kinds[] = { "veth", "bridgeX", "bridg", "",
					     NULL };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct spec spec = {
			RTM_NEWLINK, AF_UNSPEC, "x", kinds[i], 1, 1
		};
		struct link_info link;

		assert_true(parse(&spec, &link));
		assert_false(link.bridge || link.filter4 || link.filter6);
	}
}

static void what_is_no_link_is_ignored(_unused_ void **state)
{
	static const struct spec specs[] = {
		{ RTM_NEWLINK, AF_BRIDGE, "br0", "bridge", 1, 1 },
		{ RTM_DELLINK, AF_BRIDGE, "br0", "bridge", 1, 1 },
		{ RTM_NEWADDR, AF_UNSPEC, "br0", "bridge", 1, 1 },
		{ RTM_NEWLINK, AF_UNSPEC, NULL, "bridge", 1, 1 },
	};
	struct link_info link = { .index = 99 };

	for (size_t i = 0; i < ARRAY_SIZE(specs); i++)
		assert_false(parse(&specs[i], &link));
	assert_int_equal(link.index, 99);
}

static void a_long_name_is_cut(_unused_ void **state)
{
	static const struct spec spec = {
		RTM_NEWLINK, AF_UNSPEC, "a-name-of-more-than-fifteen-bytes",
		"bridge",    1,		1
	};
	struct link_info link;

	assert_true(parse(&spec, &link));
	assert_int_equal(strlen(link.name), IFNAMSIZ - 1);
}

/* Whatever the length says, nothing behind it is read: every cut message lies
 * in memory of exactly its size, under the address sanitizer. */
static void cut_messages_are_survived(_unused_ void **state)
{
	static const struct spec spec = { RTM_NEWLINK, AF_UNSPEC, "br0",
					  "bridge",    1,	  1 };
	struct nl_msg *msg = build(&spec);
	unsigned whole = nlmsg_hdr(msg)->nlmsg_len;

	for (unsigned len = sizeof(struct nlmsghdr); len < whole; len++) {
		_cleanup_(freep) struct nlmsghdr *cut =
			xmemdup(nlmsg_hdr(msg), len);
		struct link_info link;

		cut->nlmsg_len = len;
		if (rtnl_parse_link(cut, &link))
			assert_int_equal(link.index, 7);
	}
	nlmsg_free(msg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bridge),
		cmocka_unit_test(a_bridge_that_goes),
		cmocka_unit_test(switches_not_told_are_off),
		cmocka_unit_test(other_kinds_are_no_bridges),
		cmocka_unit_test(what_is_no_link_is_ignored),
		cmocka_unit_test(a_long_name_is_cut),
		cmocka_unit_test(cut_messages_are_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
