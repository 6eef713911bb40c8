/* SPDX-License-Identifier: GPL-2.0-or-later */
/* runtime.h - what a container runtime's watcher does, whichever it is.
 *
 * A watcher keeps the endpoint store in step with its engine: it subscribes to
 * events first, lists then, and applies what happens. It reconnects by itself
 * with back-off; while it is away the store keeps what it had.
 *
 * It logs by itself what it loses and finds, and what is wrong with a container;
 * @changed is for the status. A container that shares another's network is an
 * endpoint without addresses: its packets are the other's, and so are the
 * policies that hold for them.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "endpoint/store.h"
#include "loop/loop.h"

enum runtime_state {
	RUNTIME_CONNECTING, /* never in step yet; @detail tells what is missing */
	RUNTIME_IN_STEP,    /* subscribed, listed, applying events */
	RUNTIME_AWAY,	    /* was in step; the engine is gone, retrying */
};

/** "connecting", "in-step" or "away". */
const char *runtime_state_name(enum runtime_state state);

/** How an engine's version stands to those that this was tried with. */
enum runtime_support {
	RUNTIME_UNKNOWN, /* it has not told its version, or has none */
	RUNTIME_TOO_OLD, /* cannot be watched */
	RUNTIME_OLDER,	 /* than any it was tried with */
	RUNTIME_TRIED,
	RUNTIME_NEWER,
};

/** "unknown", "too-old", "older", "tried" or "newer". */
const char *runtime_support_name(enum runtime_support support);

struct runtime_version {
	unsigned major, minor;
};

#define RUNTIME_ANY_MINOR UINT_MAX

/** What a watcher needs at least, and what it was tried with: a real engine, or
 *  what the descriptions of its API say. All zero: there are no versions. */
struct runtime_versions {
	struct runtime_version needed, tried_from, tried_to;
	const char *tried; /* for people, after "tried with" */
};

/** How @version ("20.10.24", "v2.0.1-rc.1") stands to @known. */
enum runtime_support runtime_support_of(const struct runtime_versions *known,
					const char *version);

struct runtime_status {
	enum runtime_state state;
	const char *name;    /* "docker" */
	const char *socket;  /* where it listens */
	const char *version; /* the engine's; "" before it answered */
	const char *api;     /* the version that is spoken; "" likewise */
	enum runtime_support support;
	const char *detail; /* last problem, for people; "" when none */
	uint64_t events;    /* applied since start */
	uint64_t reconnects;
	uint64_t resyncs;
};

/** A bridge port whose other end is in another network namespace. */
struct runtime_port {
	unsigned veth; /* ifindex of the host's end */
	int netns;     /* our id of the namespace */
	char bridge[IFNAMSIZ];
	struct mac mac; /* of the other end; all zero: not known yet */
};
typedef VEC(struct runtime_port) runtime_ports;

/** A port of a bridge by its name, whatever kind of device it is. */
struct runtime_interface {
	char name[IFNAMSIZ];
	char bridge[IFNAMSIZ];
	bool veth;
};
typedef VEC(struct runtime_interface) runtime_interfaces;

/** An interface's address and the length of its prefix; family 0: none. */
struct runtime_address {
	struct addr addr;
	uint8_t len;
};

/** What the kernel knows of containers' interfaces, for runtimes whose engine
 *  tells no more than a process id. */
struct runtime_links {
	/* Our id of the namespace that process @pid is in. Returns 0; -ESRCH;
	 * -ENOENT while no interface leads there, or when it is our own. */
	int (*netns_of)(void *arg, unsigned pid, int *ret);
	/* All ports as they are now; @ret is overwritten. */
	void (*ports)(void *arg, runtime_ports *ret);
	/* What the other end of @veth has now, which a process inside may have
	 * changed once it runs. Returns 0 or -errno. */
	int (*addresses)(void *arg, unsigned veth,
			 struct runtime_address *ret_v4,
			 struct runtime_address *ret_v6);
	bool (*has_bridge)(void *arg, const char *bridge);
	/* As @netns_of, of the namespace that is mounted at @path. */
	int (*netns_at)(void *arg, const char *path, int *ret);
	/* Every port of every bridge, as @ports. NULL: none are known. */
	void (*interfaces)(void *arg, runtime_interfaces *ret);
	void *arg;
};

struct runtime_host {
	struct loop *loop;
	struct endpoint_store *store;
	const struct namespace_rule *namespaces; /* NULL: from labels */
	struct runtime_links links;
	/* Which of the engine's own namespaces to watch; none: its default.
	 * Borrowed for the call of @open. */
	char *const *engine_namespaces;
	size_t nengine_namespaces;
	bool kubernetes; /* what a kubelet runs is ours too */
	/* State or detail changed. Must not close the runtime; may be called
	 * before @open has returned. */
	void (*changed)(void *arg, const struct runtime_status *status);
	/* For the record; each may be NULL. A command was started in container
	 * @id; @command is NULL where it is not known. */
	void (*exec)(void *arg, const char *id, const char *command);
	/* Container @id had no memory left, and a process of it was killed. */
	void (*oom)(void *arg, const char *id);
	void *arg;
};

struct runtime;

/** Called once the store holds what the engine had when it was asked, or with
 *  -errno when it could not be asked. */
typedef void (*runtime_synced_fn)(void *arg, int error);

struct runtime_ops {
	const char *name;
	const char *default_socket;
	struct runtime_versions versions;
	/* Starts watching at once. @socket NULL: the default one. */
	struct runtime *(*open)(const struct runtime_host *host,
				const char *socket);
	void (*close)(struct runtime *r);
	/* A full listing now, for `bulkhead wait`. Each call gets one answer,
	 * never from within the call; none comes after close. While the engine
	 * is away it is tried at once: who calls again on an error must pause.
	 */
	void (*sync)(struct runtime *r, runtime_synced_fn fn, void *arg);
	/* Ports of @bridge came or went that the store does not explain: look
	 * again for what no event tells of. NULL: there is nothing such. */
	void (*bridge_changed)(struct runtime *r, const char *bridge);
	/* What @links tells may have changed. NULL: the engine tells all. */
	void (*links_changed)(struct runtime *r);
	/* What it asks of @links is inside containers' namespaces too. */
	bool needs_addresses;
	void (*status)(const struct runtime *r, struct runtime_status *ret);
};

/** First member of each implementation's own struct. */
struct runtime {
	const struct runtime_ops *ops;
};

extern const struct runtime_ops runtime_containerd;
extern const struct runtime_ops runtime_docker;
extern const struct runtime_ops runtime_podman;
extern const struct runtime_ops runtime_static;

/** NULL-terminated table of all. */
extern const struct runtime_ops *const runtime_all[];
