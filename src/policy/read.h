/* SPDX-License-Identifier: GPL-2.0-or-later */
/* read.h - the readers of this stage: each reads one part of an object.
 *
 * All have the signature of a reader_fn; what they fill is named by each. With
 * errors reported, what they filled is only fit to be freed.
 */
#pragma once

#include "policy/policy.h"
#include "policy/reader.h"

/** LabelSelector into a new *(struct selector **), replacing none. */
void read_selector(struct reader *r, const struct yaml_node *node, void *out);
/** NetworkPolicyPort, appended to *(struct policy_rule *). */
void read_port(struct reader *r, const struct yaml_node *node, void *out);
/** NetworkPolicyPeer, appended to *(struct policy_rule *). */
void read_peer(struct reader *r, const struct yaml_node *node, void *out);
/** NetworkPolicySpec into *(struct policy *), defaulted. */
void read_spec(struct reader *r, const struct yaml_node *node, void *out);

/** ObjectMeta; zero-initialise it, end with meta_fini(). */
struct meta {
	struct slice name, namespace; /* empty: absent */
	struct reader_map labels, annotations;
	const struct yaml_node *node; /* NULL: absent */
	const struct yaml_node *name_node, *namespace_node;
	const struct yaml_node *generate_name;
};

void read_meta(struct reader *r, const struct yaml_node *node, void *out);
void meta_fini(struct meta *m);
/**
 * What the kind asks of a @meta that was read: a name by @check, and a
 * namespace only when @namespaced. @object places what is absent.
 */
void meta_check(struct reader *r, const struct meta *m,
		const struct yaml_node *object, reader_check_fn check,
		bool namespaced);

/** An object of any kind into *(struct policy_set *), unsorted. */
void read_object(struct reader *r, const struct yaml_node *node, void *out);

/** Sort @set; of equal names the first is kept and the rest reported. */
void policy_set_order(struct policy_set *set, struct diag_list *diag);
struct policy_set *policy_set_new(void);
void policy_unref(struct policy *p);
DEFINE_FREEP(struct policy, policy_unref)
