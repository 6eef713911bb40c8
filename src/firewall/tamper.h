/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tamper.h - sees when somebody else changes our tables.
 *
 * For kernels where they cannot be owned (before 6.9), and for who does not
 * want them owned: NFNLGRP_NFTABLES tells of every change of the namespace's
 * ruleset, ours included, and by whom it was.
 */
#pragma once

#include "firewall/firewall.h"

struct tamper_watch;

/** Subscribe; changes that @fw makes itself are passed over. Returns 0 or
 *  -errno. */
int tamper_open(const struct firewall *fw, struct tamper_watch **ret);
void tamper_close(struct tamper_watch *w);
DEFINE_FREEP(struct tamper_watch, tamper_close)

/** To be watched for reading. */
int tamper_fd(const struct tamper_watch *w);

#define TAMPER_TEXT_MAX 160

/**
 * Take in what waits.
 *
 * Returns 1 when our tables are not as we left them, and what happened in
 * @ret_text ("table inet bulkhead was deleted by nft (process 4711)"); 1 too when
 * messages were lost, since nobody knows then; 0 when all is ours; or -errno.
 */
int tamper_read(struct tamper_watch *w, char ret_text[static TAMPER_TEXT_MAX]);
