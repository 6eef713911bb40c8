/* SPDX-License-Identifier: GPL-2.0-or-later */
/* notify.h - sd_notify(3) without libsystemd: one datagram. */
#pragma once

/** Send @state ("READY=1") to $NOTIFY_SOCKET, if there is one. Returns 0 or
 *  -errno; nobody listening is 0. */
int notify_send(const char *state);
