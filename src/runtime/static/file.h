/* SPDX-License-Identifier: GPL-2.0-or-later */
/* file.h - endpoints and networks as a file lists them.
 *
 *	networks:
 *	- name: lab
 *	  bridge: br-lab
 *	  subnets: [10.9.0.0/24, "fd09::/64"]
 *	endpoints:
 *	- name: vm1
 *	  namespace: lab		# default: "default"
 *	  labels: {app: web}
 *	  bridge: br-lab		# or interface: the host's end, tap0
 *	  addresses: [10.9.0.2, "fd09::2"]
 *	  mac: "52:54:00:00:00:01"
 *	  ports: {http: 8080/tcp}
 *
 * An endpoint is on the listed network of its bridge; a bridge that none names
 * is a network of its own, named like it. With an interface alone the bridge
 * is the one that it is a port of, which the file does not tell: see
 * static_file_place(). One with neither can be a peer, but no rule of ours
 * holds it.
 */
#pragma once

#include "base/diag.h"
#include "endpoint/store.h"

#define STATIC_ENDPOINTS_MAX 100000

struct static_file {
	VEC(struct endpoint *) endpoints;
	VEC(struct network *) networks;
};

/** Parse @text, named @file in diagnostics. Returns 0, or -EINVAL when @diag
 *  gained an error. */
int static_file_parse(struct slice text, const char *file,
		      struct diag_list *diag, struct static_file **ret);
/** Put @e, which is of @f and has no bridge, on @bridge. */
void static_file_place(struct static_file *f, struct endpoint *e,
		       const char *bridge);
void static_file_free(struct static_file *f);
DEFINE_FREEP(struct static_file, static_file_free)
