/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nerdctl.h - what nerdctl writes about a container besides its name: in labels
 * of the record, and in a file that a label points to.
 */
#pragma once

#include "base/slice.h"
#include "runtime/containerd/wire.h"

#define NERDCTL_NETWORKS  "nerdctl/networks"
#define NERDCTL_PORTS	  "nerdctl/ports"
#define NERDCTL_STATE_DIR "nerdctl/state-dir"

/** The name in a JSON list of one; NULL for any other. The caller frees it. */
char *nerdctl_only_network(struct slice text);

/** Add the published ports that a JSON list of CNI's port mappings has, or the
 *  object that the file is. What cannot be read is left out. */
void nerdctl_ports(struct slice text, struct containerd_record *r);

/** Add those of the file in the state directory of @r, where nerdctl has them
 *  from 2.1.3 on, unless the label has told them. */
void nerdctl_read_ports(struct containerd_record *r);
