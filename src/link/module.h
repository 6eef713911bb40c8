/* SPDX-License-Identifier: GPL-2.0-or-later */
/* module.h - the kernel module br_netfilter; inside this stage only. */
#pragma once

#define BR_NETFILTER_ADVICE "run 'modprobe br_netfilter' and restart bulkheadd"

/**
 * Have br_netfilter loaded unless it is there, through modprobe(8). Blocks for
 * as long as that takes: for the start of the agent only.
 *
 * Returns 0, or -EPROTONOSUPPORT when it is still missing.
 */
int module_load_br_netfilter(void);
