/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policy.h - NetworkPolicy objects, as the API server would have stored them.
 *
 * Source: k8s.io/api networking/v1 and core/v1, with the defaulting and the
 * validation of k8s.io/kubernetes/pkg/apis/networking. Everything here is
 * read-only once loaded.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/diag.h"
#include "base/label.h"
#include "base/slice.h"
#include "base/vec.h"
#include "policy/selector.h"

/** One item of a rule's `ports`. */
struct policy_port {
	uint8_t proto; /* IPPROTO_TCP, _UDP, _SCTP */
	char *name;    /* a named port; NULL for a number */
	/* Both 0: every port of @proto. Otherwise 1 <= port <= end. */
	uint16_t port, end;
};

/** One item of a rule's `from` or `to`. */
struct policy_peer {
	/* ipBlock: @cidr.addr.family is set, both selectors are NULL. */
	struct prefix cidr;
	VEC(struct prefix) except;
	/* Otherwise: NULL means that the field was absent. Absent namespaces
	 * stand for the policy's own; absent pods for all of them. */
	struct selector *namespaces;
	struct selector *pods;
};

struct policy_rule {
	VEC(struct policy_port) ports; /* empty: every port and protocol */
	VEC(struct policy_peer) peers; /* empty: everybody */
};

enum { POLICY_INGRESS = 1, POLICY_EGRESS = 2 };

struct policy {
	unsigned refs;
	char *namespace, *name;
	char *file; /* where it was read */
	unsigned line, col;
	struct selector *pods; /* never NULL; an empty one selects all */
	unsigned types;	       /* POLICY_INGRESS | POLICY_EGRESS, defaulted */
	VEC(struct policy_rule) ingress, egress;
	struct label_set *annotations;
};

/** A v1 Namespace that a file defines, for its labels. */
struct policy_namespace {
	unsigned refs;
	char *name;
	struct label_set *labels; /* with kubernetes.io/metadata.name */
	char *file;
	unsigned line, col;
};

/** The objects of one file, or of several. Shared by reference count. */
struct policy_set {
	unsigned refs;
	VEC(struct policy *) policies; /* sorted by namespace, name */
	VEC(struct policy_namespace *) namespaces; /* sorted by name */
};

/**
 * Read every NetworkPolicy and Namespace of @text: multi-document YAML or
 * JSON, List and NetworkPolicyList included.
 *
 * @file names it in diagnostics. All problems are reported at once.
 * Returns 0, or -EINVAL when @diag gained an error; @ret is then untouched.
 */
int policy_parse(struct slice text, const char *file, struct diag_list *diag,
		 struct policy_set **ret);

/** The same for a file on disk; what cannot be read is a diagnostic too. */
int policy_load_file(const char *path, struct diag_list *diag,
		     struct policy_set **ret);

struct policy_set *policy_set_ref(struct policy_set *set);
void policy_set_unref(struct policy_set *set);
DEFINE_FREEP(struct policy_set, policy_set_unref)

/**
 * One set of the objects of @n sets; the objects are shared.
 *
 * Two policies of one namespace and name, or two Namespaces of one name, are
 * an error that names both places; the first one counts.
 */
struct policy_set *policy_set_merge(struct policy_set *const *sets, size_t n,
				    struct diag_list *diag);

/**
 * Labels of namespace @name: its Namespace object's, or only
 * kubernetes.io/metadata.name when no file defines it. The caller unrefs.
 */
struct label_set *policy_namespace_labels(const struct policy_set *set,
					  const char *name);
