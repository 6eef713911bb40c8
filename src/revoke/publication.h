/* SPDX-License-Identifier: GPL-2.0-or-later */
/* publication.h - who is behind a port of the host that an engine publishes. */
#pragma once

#include "base/addr.h"
#include "base/vec.h"
#include "revoke/subject.h"

/** A published port: whoever reaches it on the host reaches @subject. */
struct publication {
	uint8_t proto;
	uint16_t host_port;
	const struct published_port *port;
	struct subject *subject;
};

/** Zero-initialise it. */
struct publications {
	VEC(struct publication) sorted; /* by protocol, port, id */
};

/** Take in what is published now; subjects are borrowed until the next call. */
void publications_fill(struct publications *all,
		       const struct subjects *subjects);
void publications_fini(struct publications *all);

/** Whose container is behind the host's @a:@port; NULL: nobody's. */
const struct publication *publications_find(const struct publications *all,
					    const struct addr *a, uint8_t proto,
					    uint16_t port);
