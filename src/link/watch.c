/* SPDX-License-Identifier: GPL-2.0-or-later */
/* watch.c - which bridges there are, and that the managed ones are filtered.
 *
 * Two sockets. One is subscribed to RTNLGRP_LINK before the links are dumped,
 * so nothing falls between the two; it never blocks. The other one asks: a
 * dump, or the switch of one bridge. The kernel answers such a request within
 * the system call, so waiting for the answer is no waiting for anybody else
 * (but for the kernel's own lock on all links).
 *
 * What is told by a message and what is told by a dump goes through the same
 * see_link(). When the kernel had to drop messages (ENOBUFS), a dump tells
 * what is there, and a bridge that it did not mention is gone.
 *
 * The observer may call back into us, so it is never called while the table is
 * being walked: what happened is queued and told from the loop. Nothing is told
 * before link_open() has returned.
 */
#include "link/link.h"

#include <assert.h>
#include <errno.h>
#include <unistd.h>
#include <fcntl.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/vec.h"
#include "link/bridge.h"
#include "link/module.h"
#include "link/port.h"
#include "link/rtnl.h"

struct told {
	enum link_event event;
	char bridge[IFNAMSIZ];
	char *detail;
};

struct name {
	char text[IFNAMSIZ];
};

struct link_watch {
	struct link_observer observer;
	struct nl_sock *requests, *events;
	struct nl_sock *addresses; /* NULL: not wanted */
	struct loop *loop;
	struct loop_fd *readable, *address_readable;
	struct loop_timer *teller;
	struct bridge_table bridges;
	struct port_table ports;
	VEC(struct name) managed;
	VEC(struct told) queue;
	bool telling;
};

static void tell(struct link_watch *w, enum link_event event,
		 const struct bridge *b, char *detail)
{
	struct told t = { .event = event, .detail = detail };

	if (b)
		memcpy(t.bridge, b->name, sizeof(t.bridge));
	vec_push(&w->queue, t);
	if (!w->telling)
		loop_timer_start(w->teller, 0, 0);
}

/* The observer may cause more to be told: that goes behind, in this round. */
static void tell_queued(void *arg)
{
	struct link_watch *w = arg;

	w->telling = true;
	for (size_t i = 0; i < w->queue.len; i++) {
		struct told t = w->queue.data[i];

		w->queue.data[i].detail = NULL;
		w->observer.event(w->observer.arg, t.event, t.bridge,
				  t.detail ?: "");
		free(t.detail);
	}
	w->queue.len = 0;
	w->telling = false;
}

static bool is_managed(const struct link_watch *w, const char *name)
{
	vec_foreach(m, &w->managed)
		if (!strcmp(m->text, name))
			return true;
	return false;
}

static void tell_missing(struct link_watch *w, struct bridge *b, char *why)
{
	if (b->missing) {
		free(why);
		return;
	}
	b->missing = true;
	tell(w, LINK_FILTER_MISSING, b, why);
}

/* Why the kernel refused to set the switch, and what helps. */
static char *refusal(const struct bridge *b, int error, const char *text)
{
	_cleanup_(freep) char *what =
		xasprintf("cannot switch on nf_call_iptables: %s%s%s",
			  strerror(-error), text[0] ? ": " : "", text);

	if (error == -EPERM || error == -EACCES)
		return xasprintf("%s; bulkheadd needs CAP_NET_ADMIN", what);
	return xasprintf("%s; try 'ip link set %s type bridge "
			 "nf_call_iptables 1 nf_call_ip6tables 1'",
			 what, b->name);
}

static void take_switches(struct bridge *b, const struct link_info *link)
{
	b->filter4 = link->filter4;
	b->filter6 = link->filter6;
	b->learns_unseen = link->learns_unseen;
}

/* A message may be older than our own setting of the switch. */
static void refresh(struct link_watch *w, struct bridge *b)
{
	struct link_info now;

	if (rtnl_get_link(w->requests, b->index, &now) < 0)
		return;
	take_switches(b, &now);
}

static void switch_on(struct link_watch *w, struct bridge *b)
{
	char text[RTNL_TEXT_MAX] = "";
	int r = rtnl_set_filter(w->requests, b->index, text);

	/* Just gone: its RTM_DELLINK is under way. */
	if (r == -ENODEV)
		return;
	if (r < 0) {
		tell_missing(w, b, refusal(b, r, text));
		return;
	}
	b->filter4 = b->filter6 = true;
	b->learns_unseen = false;
	if (b->guarded || b->missing)
		tell(w, LINK_FILTER_RESTORED, b, NULL);
	b->guarded = true;
	b->missing = false;
}

/* Have the managed bridge @b filtered, if it is not. */
static void ensure_filtered(struct link_watch *w, struct bridge *b)
{
	/* Without the module the switch can be set and does nothing. */
	if (!link_netfilter_present()) {
		tell_missing(w, b,
			     xasprintf("br_netfilter is not loaded; %s",
				       BR_NETFILTER_ADVICE));
		return;
	}
	if (!bridge_filtered(b) && b->guarded)
		refresh(w, b);
	if (!bridge_filtered(b)) {
		switch_on(w, b);
		return;
	}
	if (b->missing)
		tell(w, LINK_FILTER_RESTORED, b, NULL);
	b->guarded = true;
	b->missing = false;
}

static void forget(struct link_watch *w, struct bridge *b)
{
	tell(w, LINK_BRIDGE_GONE, b, NULL);
	bridge_remove(&w->bridges, b);
}

static void see_port(struct link_watch *w, const struct link_info *link)
{
	if (port_see(&w->ports, w->requests, link))
		tell(w, LINK_PORTS, NULL, NULL);
}

static void see_link(void *arg, const struct link_info *link)
{
	struct link_watch *w = arg;
	struct bridge *b = bridge_by_index(&w->bridges, link->index);

	see_port(w, link);
	/* A rename is one bridge less and one more; so is an index that was
	 * given to something else while we could not listen. */
	if (b && (link->gone || !link->bridge || strcmp(b->name, link->name))) {
		forget(w, b);
		b = NULL;
	}
	if (link->gone || !link->bridge)
		return;
	if (!b) {
		b = bridge_add(&w->bridges, link);
		tell(w, LINK_BRIDGE_UP, b, NULL);
	}
	b->stale = false;
	take_switches(b, link);
	if (is_managed(w, b->name))
		ensure_filtered(w, b);
}

struct seen {
	VEC(struct link_info) links;
};

static void collect(void *arg, const struct link_info *link)
{
	struct seen *seen = arg;

	if (link->bridge || link->master)
		vec_push(&seen->links, *link);
}

static void forget_stale_ports(struct link_watch *w)
{
	for (size_t i = w->ports.list.len; i > 0; i--)
		if (w->ports.list.data[i - 1].stale) {
			port_remove(&w->ports, &w->ports.list.data[i - 1]);
			tell(w, LINK_PORTS, NULL, NULL);
		}
}

/* What is there now, whatever we missed. The dump is taken whole before it is
 * acted on: acting uses the same socket. */
static int resync(struct link_watch *w)
{
	struct seen seen = { 0 };
	int r = rtnl_dump_links(w->requests, collect, &seen);

	if (r == 0) {
		vec_foreach(b, &w->bridges.list)
			b->stale = true;
		vec_foreach(p, &w->ports.list)
			p->stale = true;
		vec_foreach(link, &seen.links)
			see_link(w, link);
		for (size_t i = w->bridges.list.len; i > 0; i--)
			if (w->bridges.list.data[i - 1].stale)
				forget(w, &w->bridges.list.data[i - 1]);
		forget_stale_ports(w);
	}
	vec_fini(&seen.links);
	return r;
}

static void on_readable(void *arg, _unused_ int events, int error)
{
	struct link_watch *w = arg;
	int r = error ? error : rtnl_receive(w->events, see_link, w);

	if (r == 0)
		return;
	if (r == -ENOBUFS)
		log_info(
			"links: more news than could be followed; listing all");
	else
		log_warning("links: cannot read rtnetlink: %s; listing all",
			    strerror(-r));
	r = resync(w);
	if (r < 0)
		log_error(
			"links: cannot list: %s; a bridge that appears now may be missed until the next change",
			strerror(-r));
}

static int open_sockets(struct link_watch *w)
{
	int r = rtnl_open_events(&w->events);

	if (r < 0)
		return r;
	return rtnl_open(&w->requests);
}

void link_close(struct link_watch *w)
{
	if (!w)
		return;
	assert(!w->telling);
	loop_fd_close(w->readable);
	loop_fd_close(w->address_readable);
	loop_timer_close(w->teller);
	nl_socket_free(w->events);
	nl_socket_free(w->addresses);
	nl_socket_free(w->requests);
	bridge_table_fini(&w->bridges);
	port_table_fini(&w->ports);
	vec_foreach(t, &w->queue)
		free(t->detail);
	vec_fini(&w->queue);
	vec_fini(&w->managed);
	free(w);
}
DEFINE_FREEP(struct link_watch, link_close)

int link_open(struct loop *loop, struct link_observer observer,
	      struct link_watch **ret)
{
	_cleanup_(link_closep) struct link_watch *w = xnew(struct link_watch);
	int module, r;

	w->loop = loop;
	w->observer = observer;
	w->teller = loop_timer_new(loop, tell_queued, w);
	module = module_load_br_netfilter();
	r = open_sockets(w);
	if (r == 0)
		r = resync(w);
	if (r < 0)
		return r;
	w->readable = loop_fd_new(loop, nl_socket_get_fd(w->events),
				  LOOP_READABLE, on_readable, w);
	*ret = TAKE_PTR(w);
	return module;
}

void link_manage(struct link_watch *w, const char (*bridges)[IFNAMSIZ],
		 size_t n)
{
	w->managed.len = 0;
	for (size_t i = 0; i < n; i++) {
		struct name m;

		memcpy(m.text, bridges[i], sizeof(m.text));
		m.text[IFNAMSIZ - 1] = '\0';
		vec_push(&w->managed, m);
	}
	vec_foreach(b, &w->bridges.list)
		if (is_managed(w, b->name))
			ensure_filtered(w, b);
		else
			b->guarded = b->missing = false;
}

void link_refresh(struct link_watch *w)
{
	on_readable(w, LOOP_READABLE, 0);
}

bool link_filtered(const struct link_watch *w, const char *bridge)
{
	const struct bridge *b = bridge_by_name(&w->bridges, bridge);

	return b && bridge_filtered(b) && link_netfilter_present();
}

/* A bridge may be renamed under its ports, so its name is looked up now. */
const struct link_port *link_ports(struct link_watch *w, size_t *ret_n)
{
	w->ports.shown.len = 0;
	vec_foreach(p, &w->ports.list) {
		const struct bridge *b =
			bridge_by_index(&w->bridges, p->bridge);

		if (!b)
			continue;
		vec_push(&w->ports.shown, p->told);
		memcpy(w->ports.shown.data[w->ports.shown.len - 1].bridge,
		       b->name, IFNAMSIZ);
	}
	*ret_n = w->ports.shown.len;
	return w->ports.shown.data;
}

int link_netns_of(struct link_watch *w, unsigned pid, int *ret)
{
	return rtnl_get_netns(w->requests, pid, ret);
}

int link_netns_at(struct link_watch *w, const char *path, int *ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int r;

	if (fd < 0)
		return -errno;
	r = rtnl_get_netns_fd(w->requests, fd, ret);
	close(fd);
	return r;
}

/* What changed is not looked at: whoever cares asks for what is there now. */
static void on_addresses(void *arg, _unused_ int events, _unused_ int error)
{
	struct link_watch *w = arg;
	int r = rtnl_drain(w->addresses);

	if (r < 0)
		log_warning("links: cannot read addresses: %s", strerror(-r));
	if (r != 0)
		tell(w, LINK_ADDRESSES, NULL, NULL);
}

int link_watch_addresses(struct link_watch *w)
{
	int r = w->addresses ? 0 : rtnl_open_addresses(&w->addresses);

	if (r == 0 && !w->address_readable)
		w->address_readable =
			loop_fd_new(w->loop, nl_socket_get_fd(w->addresses),
				    LOOP_READABLE, on_addresses, w);
	return r;
}

int link_addresses(struct link_watch *w, unsigned index,
		   struct link_address *ret_v4, struct link_address *ret_v6)
{
	const struct port *p = port_by_index(&w->ports, (int)index);
	struct rtnl_addresses found;
	int r;

	if (!p || !p->peer || p->told.netns < 0)
		return -ENOENT;
	r = rtnl_get_addresses(w->requests, p->told.netns, p->peer, &found);
	if (r < 0)
		return r;
	*ret_v4 = (struct link_address){ found.v4, found.len4 };
	*ret_v6 = (struct link_address){ found.v6, found.len6 };
	return 0;
}

bool link_has_bridge(const struct link_watch *w, const char *bridge)
{
	return bridge_by_name(&w->bridges, bridge) != NULL;
}
