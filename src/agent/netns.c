/* SPDX-License-Identifier: GPL-2.0-or-later */
/* netns.c - what containers have in their network namespaces, for the runtimes
 * whose engines do not tell.
 */
#include "agent/agent.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"

static int netns_of(void *arg, unsigned pid, int *ret)
{
	const struct agent *a = arg;

	return a->link ? link_netns_of(a->link, pid, ret) : -ENOENT;
}

static int netns_at(void *arg, const char *path, int *ret)
{
	const struct agent *a = arg;

	return a->link ? link_netns_at(a->link, path, ret) : -ENOENT;
}

/* An event of an engine may be here before the kernel's news that it comes
 * from: those are taken in first. */
static void ports(void *arg, runtime_ports *ret)
{
	struct agent *a = arg;
	const struct link_port *all;
	size_t n;

	ret->len = 0;
	if (!a->link)
		return;
	link_refresh(a->link);
	all = link_ports(a->link, &n);
	for (size_t i = 0; i < n; i++) {
		struct runtime_port port = { .veth = all[i].index,
					     .netns = all[i].netns,
					     .mac = all[i].peer_mac };

		memcpy(port.bridge, all[i].bridge, IFNAMSIZ);
		if (port.netns >= 0)
			vec_push(ret, port);
	}
}

static void interfaces(void *arg, runtime_interfaces *ret)
{
	struct agent *a = arg;
	const struct link_port *all;
	size_t n;

	ret->len = 0;
	if (!a->link)
		return;
	link_refresh(a->link);
	all = link_ports(a->link, &n);
	for (size_t i = 0; i < n; i++) {
		struct runtime_interface interface = { .veth = all[i].veth };

		memcpy(interface.name, all[i].name, IFNAMSIZ);
		memcpy(interface.bridge, all[i].bridge, IFNAMSIZ);
		vec_push(ret, interface);
	}
}

static int addresses(void *arg, unsigned veth, struct runtime_address *ret_v4,
		     struct runtime_address *ret_v6)
{
	const struct agent *a = arg;
	struct link_address v4, v6;
	int r = a->link ? link_addresses(a->link, veth, &v4, &v6) : -ENOENT;

	if (r < 0)
		return r;
	*ret_v4 = (struct runtime_address){ v4.addr, v4.len };
	*ret_v6 = (struct runtime_address){ v6.addr, v6.len };
	return 0;
}

static bool has_bridge(void *arg, const char *bridge)
{
	const struct agent *a = arg;

	return a->link && link_has_bridge(a->link, bridge);
}

struct runtime_links netns_links(struct agent *a)
{
	return (struct runtime_links){
		.netns_of = netns_of,
		.netns_at = netns_at,
		.ports = ports,
		.addresses = addresses,
		.has_bridge = has_bridge,
		.interfaces = interfaces,
		.arg = a,
	};
}

void netns_watch(struct agent *a)
{
	bool wanted = false;
	int r;

	vec_foreach(r_, &a->config.runtimes)
		wanted |= r_->ops->needs_addresses;
	if (!wanted || !a->link)
		return;
	r = link_watch_addresses(a->link);
	if (r < 0)
		log_error(
			"cannot hear of addresses in containers' namespaces: %s%s",
			strerror(-r),
			r == -EPERM
				? "; bulkheadd needs CAP_NET_BROADCAST at its start"
				: "");
}

void netns_changed(struct agent *a)
{
	vec_foreach(r, &a->runtimes)
		if ((*r)->ops->links_changed)
			(*r)->ops->links_changed(*r);
}
