/* SPDX-License-Identifier: GPL-2.0-or-later */
/* link.h - the kernel's links: the bridges that we filter, through rtnetlink.
 *
 * Same-bridge traffic reaches the inet hooks only through br_netfilter. This
 * stage loads or finds that module, switches it on per managed bridge
 * (IFLA_BR_NF_CALL_IPTABLES and _IP6TABLES, no global side effect), and sees
 * when a bridge appears, goes, or has the switch turned off by somebody.
 *
 * A bridge takes frames to link-local groups (01:80:c2:00:00:0X) for itself,
 * and those of LLDP, with STP on also its own, pass no hook at all. It would
 * learn MAC addresses from them all the same: a neighbour's, and then send there
 * what is his. So a managed bridge has no_linklocal_learn set, too.
 */
#pragma once

#include <net/if.h>
#include <stdbool.h>

#include "base/addr.h"
#include "loop/loop.h"

struct link_watch;

enum link_event {
	LINK_BRIDGE_UP,	      /* a bridge appeared (or was there at start) */
	LINK_BRIDGE_GONE,     /* it was deleted */
	LINK_FILTER_RESTORED, /* a managed bridge's filter switch was off, or
				 could not be set before; it is on again */
	LINK_FILTER_MISSING,  /* it could not be set: @detail says why and
				 what to do */
	LINK_PORTS,	      /* link_ports() changed; @bridge is "" */
	LINK_ADDRESSES,	      /* link_addresses() may have changed; likewise */
};

/** Called from the loop only, never from within a function of this header; it
 *  may call them, but for link_close(). @detail is "" where there is none. */
struct link_observer {
	void (*event)(void *arg, enum link_event event, const char *bridge,
		      const char *detail);
	void *arg;
};

/**
 * Open rtnetlink, and make sure that br_netfilter is there. Watches the
 * caller's network namespace. The bridges that are there at start are told
 * from the loop too.
 *
 * Returns 0; -EPROTONOSUPPORT when br_netfilter is missing and could not be
 * loaded (the watch is made all the same); or -errno.
 */
int link_open(struct loop *loop, struct link_observer observer,
	      struct link_watch **ret);
void link_close(struct link_watch *w);

/** True when br_netfilter is there (/proc/sys/net/bridge). */
bool link_netfilter_present(void);

/** The bridges to switch on and guard from now on, by name; one that does not
 *  exist yet is switched on as it appears. */
void link_manage(struct link_watch *w, const char (*bridges)[IFNAMSIZ],
		 size_t n);

/** Take in what the kernel has told until now, without waiting for the loop.
 *  What it means is told from the loop all the same. */
void link_refresh(struct link_watch *w);

/** True when @bridge exists and all of its switches are as they must be. */
bool link_filtered(const struct link_watch *w, const char *bridge);

/** A port of a bridge: the host's end of a container's interface where it is a
 *  veth, else a tap device, a physical interface, ... */
struct link_port {
	unsigned index;
	bool veth;
	char name[IFNAMSIZ];
	char bridge[IFNAMSIZ];
	/* The container's end, of a veth only. Its MAC address as the engine set it (all zero:
	 * not known): who is inside may change it later, that is not followed.
	 * @netns is our id of the namespace that it is in; -1: our own, as
	 * before the engine moves it. */
	struct mac peer_mac;
	int netns;
};

/** Every port of every bridge; valid until the loop runs again. */
const struct link_port *link_ports(struct link_watch *w, size_t *ret_n);

/**
 * Our id of the network namespace of process @pid, as link_port.netns has it:
 * an identity that nobody inside can forge. Returns 0; -ESRCH; -ENOENT when
 * there is none (our own namespace); or -errno.
 */
int link_netns_of(struct link_watch *w, unsigned pid, int *ret);

/** Likewise of the namespace that is mounted at @path, before anybody lives in
 *  it. */
int link_netns_at(struct link_watch *w, const char *path, int *ret);

/**
 * Tell LINK_ADDRESSES from now on. To be called while the process has
 * CAP_NET_BROADCAST, which it may give up then. Returns 0, -EPERM or -errno.
 */
int link_watch_addresses(struct link_watch *w);

/** An interface's address with the length of its prefix; family 0: none. */
struct link_address {
	struct addr addr;
	uint8_t len;
};

/**
 * The addresses that the container's end of port @index has now: the first of
 * each family that reaches beyond the link. Whoever is inside with
 * CAP_NET_ADMIN can change them: what they were before its process ran is the
 * engine's word, what they are later is not.
 *
 * Returns 0; -ENOENT when there is no such port, or its other end is not in a
 * namespace of its own yet; -EOPNOTSUPP before Linux 4.20; or -errno.
 */
int link_addresses(struct link_watch *w, unsigned index,
		   struct link_address *ret_v4, struct link_address *ret_v6);

/** True when a bridge of that name is there. */
bool link_has_bridge(const struct link_watch *w, const char *bridge);
