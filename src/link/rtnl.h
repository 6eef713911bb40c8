/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtnl.h - rtnetlink sockets and link messages; inside this stage only.
 *
 * A socket belongs to the network namespace of the thread that opens it, for
 * good: whoever wants another namespace's links opens one in there.
 */
#pragma once

#include <net/if.h>
#include <netlink/netlink.h>
#include <stdbool.h>

#include "base/addr.h"
#include "base/macro.h"

/** What a link message tells that we care for. */
struct link_info {
	int index;
	char name[IFNAMSIZ];
	bool gone;   /* RTM_DELLINK */
	bool bridge; /* a bridge itself, not a port of one */
	bool veth;
	/* The filter switches; false for what is no bridge, or when the kernel
	 * was built without them. */
	bool filter4, filter6;
	/* It learns MAC addresses from frames to link-local groups, which pass
	 * no hook; false where the kernel cannot tell (before 5.0). */
	bool learns_unseen;
	bool carrier; /* both ends of a veth pair are up */
	int master;   /* index of the bridge that it is a port of; 0: of none */
	/* The other end of a veth pair: its index, in the namespace that
	 * @peer_netns names for us (-1: our own). 0: it is no veth. */
	int peer, peer_netns;
	struct mac mac; /* its own */
};

/** Socket for requests: blocking, answers are checked. Returns 0 or -errno. */
int rtnl_open(struct nl_sock **ret);

/** Socket for RTNLGRP_LINK: never blocks. Returns 0 or -errno. */
int rtnl_open_events(struct nl_sock **ret);

static inline void rtnl_closep(struct nl_sock **sock)
{
	nl_socket_free(*sock);
}

/** False when @message tells of no link, or of a bridge port (AF_BRIDGE). */
bool rtnl_parse_link(struct nlmsghdr *message, struct link_info *ret);

/** Called for each link of a dump. */
typedef void (*rtnl_link_fn)(void *arg, const struct link_info *link);

/**
 * Tell @fn every link. A dump that the kernel marks as inconsistent is asked
 * for again; @fn may see a link twice then. Returns 0; -EAGAIN when the links
 * would not hold still; or -errno.
 */
int rtnl_dump_links(struct nl_sock *sock, rtnl_link_fn fn, void *arg);

/** Ask for one link. Returns 0, -ENODEV when there is none, or -errno. */
int rtnl_get_link(struct nl_sock *sock, int index, struct link_info *ret);

/**
 * Ask for a link of another network namespace, by our id of it; -1 is our own.
 *
 * Needs no entering: IFLA_TARGET_NETNSID (Linux 4.20) and CAP_NET_ADMIN over
 * that namespace. Returns 0, -ENODEV or -errno.
 */
int rtnl_get_link_in(struct nl_sock *sock, int netns, int index,
		     struct link_info *ret);

/**
 * Our id of the namespace that process @pid is in (RTM_GETNSID). Returns 0;
 * -ESRCH without such a process; -ENOENT when we have no id for it, as with
 * our own; or -errno.
 */
int rtnl_get_netns(struct nl_sock *sock, unsigned pid, int *ret);
/** Likewise of the namespace that is open at @fd. */
int rtnl_get_netns_fd(struct nl_sock *sock, int fd, int *ret);

/** Socket that hears of addresses in every namespace that we have an id for:
 *  never blocks. Needs CAP_NET_BROADCAST, now and not later. Returns 0 or
 *  -errno. */
int rtnl_open_addresses(struct nl_sock **ret);

/** Throw away what waits on such a socket. Returns how many datagrams there
 *  were, a loss counted as one, or -errno. */
int rtnl_drain(struct nl_sock *sock);

/** Addresses of an interface: the first of each family that is neither of the
 *  link only nor secondary. Length 0: none. */
struct rtnl_addresses {
	struct addr v4, v6;
	uint8_t len4, len6; /* of their prefixes */
};

/**
 * Ask for the addresses of interface @index in another network namespace, by
 * our id of it. Returns 0; -EOPNOTSUPP before Linux 4.20; or -errno.
 */
int rtnl_get_addresses(struct nl_sock *sock, int netns, int index,
		       struct rtnl_addresses *ret);

/** Longest text that comes with a refused request. */
#define RTNL_TEXT_MAX 128

/**
 * Set both filter switches of the bridge @index, and have it learn nothing from
 * frames that pass no hook; nothing else changes.
 *
 * @ret_text  on failure, the kernel's own words; "" when it gave none.
 * Returns 0 or -errno, the kernel's.
 */
int rtnl_set_filter(struct nl_sock *sock, int index,
		    char ret_text[static RTNL_TEXT_MAX]);

/**
 * Tell @fn every link that a waiting message is about. Returns 0; -ENOBUFS
 * when messages were lost, and then only after those from before the loss have
 * been told; or -errno.
 */
int rtnl_receive(struct nl_sock *sock, rtnl_link_fn fn, void *arg);
