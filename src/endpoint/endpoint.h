/* SPDX-License-Identifier: GPL-2.0-or-later */
/* endpoint.h - a container as the policies see it: NetworkPolicy's "Pod".
 *
 * An endpoint is built once by a runtime, then never changed: what changes is
 * put into the store as a new object, shared by reference count. So equal
 * pointers mean equal content to everyone downstream.
 */
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/label.h"
#include "base/vec.h"

/** An interface of the endpoint on a network. */
struct attachment {
	char *network;	       /* the network's name */
	char *network_id;      /* the runtime's id of it */
	char bridge[IFNAMSIZ]; /* host's bridge; "" when it has none */
	struct addr v4, v6;    /* family 0: none */
	struct mac mac;	       /* all zero: not known */
	unsigned veth;	       /* ifindex of the host's end; 0: not known */
	/* The host's end by its name, whichever device has it at the moment;
	 * "": the runtime does not name it. */
	char interface[IFNAMSIZ];
};

/** A named container port, from label bulkhead.ports. */
struct named_port {
	char *name;
	uint8_t proto; /* IPPROTO_TCP, _UDP, _SCTP */
	uint16_t port;
};

/** A published port: HOST:HOST_PORT reaches the container's PORT. */
struct published_port {
	struct addr host; /* unspecified address (0.0.0.0, ::): every one */
	uint16_t host_port;
	uint16_t port;
	uint8_t proto;
};

enum endpoint_state {
	ENDPOINT_CREATED, /* it has networks, its process does not run yet */
	ENDPOINT_RUNNING,
	ENDPOINT_EXITED, /* holds no address; listed, never compiled */
};

/** "created", "running" or "exited". */
const char *endpoint_state_name(enum endpoint_state state);

struct endpoint {
	unsigned refs;
	enum endpoint_state state;
	char *id;   /* the runtime's full id, unique across runtimes */
	char *name; /* without Docker's leading slash */
	char *namespace;
	char *image;
	const char *runtime; /* "docker", "containerd", "podman", "static" */
	const char *kind;    /* "build"; NULL: a container. Static text. */
	unsigned pid;	     /* 0: not known */
	uint64_t started;    /* realtime ns, 0: not known */
	/* Container's labels without any bulkhead/ of its own, plus
	 * bulkhead/name, bulkhead/image, bulkhead/runtime, and bulkhead/kind
	 * where @kind is set. */
	struct label_set *labels;
	VEC(struct attachment) attachments;
	VEC(struct named_port) ports;
	VEC(struct published_port) published;
	/* Why no packet filter on this host can hold it ("host network",
	 * "macvlan network mv0", …); NULL when one can. */
	char *unenforceable;
	/* Why what is inside can undo what holds it ("privileged", "mounts
	 * /run/docker.sock", …); NULL: no reason is known. */
	char *escapable;
	/* Sealed off by the operator, whatever the policies say. Set by the
	 * store: see endpoint_store_quarantine(). */
	bool quarantined;
};

/** Where containers' namespaces come from: labels, or their networks, which
 *  who starts a container may not be free to choose. */
struct namespace_rule {
	bool from_network;
	VEC(struct label) networks; /* name -> namespace; strings are owned */
};

/** An empty endpoint with one reference, to be filled by a runtime. */
struct endpoint *endpoint_new(const char *runtime, const char *id);
struct endpoint *endpoint_ref(struct endpoint *e);
void endpoint_unref(struct endpoint *e);
DEFINE_FREEP(struct endpoint, endpoint_unref)

/** Deep copy with one reference, to change before it is put. */
struct endpoint *endpoint_copy(const struct endpoint *e);

/** Same content in every field. */
bool endpoint_equal(const struct endpoint *a, const struct endpoint *b);

/** Same in all that a verdict depends on: namespace, labels, ports, the bridges
 *  and addresses that it is at, and whether it is quarantined. */
bool endpoint_same_rights(const struct endpoint *a, const struct endpoint *b);

/** Append an attachment, zeroed but for copies of its names. */
struct attachment *endpoint_attach(struct endpoint *e, const char *network,
				   const char *network_id);

/**
 * Set labels, namespace and named ports from what the runtime tells.
 *
 * @labels   the container's own; those with prefix "bulkhead/" are dropped.
 * @fallback namespace when neither "bulkhead.namespace" nor
 *           "com.docker.compose.project" names one; NULL: "default".
 * Needs @name, @image, @runtime and @kind to be set before. A namespace that
 * is no DNS label (a Compose project's is made one, see
 * endpoint_namespace_of()), and a malformed "bulkhead.ports" entry, is left
 * out and told in @ret_problem (the caller frees it; NULL when all is well).
 */
void endpoint_set_labels(struct endpoint *e, const struct label *labels,
			 size_t n, const char *fallback, char **ret_problem);

/** Likewise, but for the namespace, which stays as it is. */
void endpoint_set_labels_only(struct endpoint *e, const struct label *labels,
			      size_t n, char **ret_problem);

/**
 * The namespace that the name of a Compose project or of a network makes: each
 * '_' is a '-', and none stays at its ends. NULL when that is no DNS label. The
 * caller frees it.
 */
char *endpoint_namespace_of(const char *name);

/** The namespace that network @name makes by @rule, or NULL. The caller frees
 *  it. */
char *endpoint_network_namespace(const struct namespace_rule *rule,
				 const char *name);

/** Set the namespace to that of the first of its networks by name; "default"
 *  when that makes none. */
void endpoint_namespace_from_networks(struct endpoint *e,
				      const struct namespace_rule *rule);

/** True if @s can be a namespace's name: an RFC 1123 label. */
bool endpoint_is_namespace(const char *s);

/** The endpoint's port of that name and protocol; 0: it has none. */
uint16_t endpoint_named_port(const struct endpoint *e, const char *name,
			     uint8_t proto);
