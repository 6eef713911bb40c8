/* SPDX-License-Identifier: GPL-2.0-or-later */
/* world.h - a host of a test: its policies and endpoints, read from YAML.
 *
 * endpoints.yaml:
 *
 *   options: {audit: true, reject: true, allowUnknown: true}   # all optional
 *   networks:
 *   - {name: front, bridge: br0, subnets: [10.0.0.0/24, "fd00::/64"]}
 *   endpoints:
 *   - name: web
 *     namespace: shop                       # default: default
 *     labels: {app: web}
 *     state: running                        # or created, exited
 *     bridge: br0
 *     ipv4: 10.0.0.2
 *     ipv6: fd00::2
 *     mac: 02:00:00:00:00:02
 *     attachments: [{bridge: br1, ipv4: 10.0.1.2}]   # further ones
 *     ports: http=8080/tcp
 *     published: [{host: 0.0.0.0, hostPort: 80, port: 8080, protocol: tcp}]
 *
 * What is wrong in a file aborts the test with one line: these are our own.
 */
#pragma once

#include "compile/compile.h"

struct world {
	struct policy_set *policies;
	VEC(struct endpoint *) endpoints;
	VEC(struct network *) networks;
	struct compile_options options;
};

/** DIR/policies.yaml and DIR/endpoints.yaml. */
void world_load(const char *dir, struct world *ret);
/** Replace the policies by those of @text. */
void world_set_policies(struct world *w, const char *text);
/** Replace endpoints, networks and options by those of @text. */
void world_set_endpoints(struct world *w, const char *text);
struct endpoint *world_endpoint(const struct world *w, const char *name);
void world_fini(struct world *w);

/** What the compiler takes; borrows from @w. */
struct compile_input world_input(const struct world *w);
/** The ruleset that @c makes of @w as text; the caller frees it. */
char *world_print(struct compiler *c, const struct world *w);
