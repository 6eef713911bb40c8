/* SPDX-License-Identifier: GPL-2.0-or-later */
/* watch.c - print what a runtime's watcher puts into the endpoint store.
 *
 *	watch docker /run/docker.sock
 *	watch static endpoints.yaml
 *
 * One line per change, with the time at which the store had it. SIGUSR1 asks
 * for a full listing; SIGTERM ends it.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "runtime/runtime.h"

struct watch {
	struct loop *loop;
	struct endpoint_store *store;
	struct runtime *runtime;
};

static void print_attachment(const struct attachment *a)
{
	char v4[ADDR_STRLEN], v6[ADDR_STRLEN], mac[MAC_STRLEN];

	printf(" %s@%s=%s,%s,%s", a->network, a->bridge,
	       addr_format(&a->v4, v4), addr_format(&a->v6, v6),
	       mac_is_set(&a->mac) ? mac_format(&a->mac, mac) : "");
}

static void print_endpoint(const struct endpoint *e)
{
	char host[ADDR_STRLEN];

	printf("%s/%s %.12s %s", e->namespace, e->name, e->id,
	       endpoint_state_name(e->state));
	vec_foreach(a, &e->attachments)
		print_attachment(a);
	vec_foreach(p, &e->published)
		printf(" [%s]:%u->%u", addr_format(&p->host, host),
		       p->host_port, p->port);
	if (e->unenforceable)
		printf(" unenforceable: %s", e->unenforceable);
	printf("\n");
}

static void print_time(const char *what)
{
	char now[CLOCK_STRLEN];

	printf("%s %s ", clock_format(clock_realtime(), now), what);
}

static void on_endpoint(_unused_ void *arg, struct endpoint *old,
			struct endpoint *now)
{
	print_time(!old ? "+" : now ? "~" : "-");
	print_endpoint(now ?: old);
}

static void on_network(_unused_ void *arg, const struct network *old,
		       const struct network *now)
{
	const struct network *n = now ?: old;

	print_time(!old ? "+" : now ? "~" : "-");
	printf("network %s %.12s %s %s\n", n->name, n->id, n->driver,
	       n->bridge);
}

static void on_changed(_unused_ void *arg, const struct runtime_status *status)
{
	print_time("=");
	printf("%s %s\n", runtime_state_name(status->state), status->detail);
}

static void on_synced(_unused_ void *arg, int error)
{
	print_time("=");
	printf("synced %d\n", error);
}

static void on_signal(void *arg, int signum)
{
	struct watch *w = arg;

	if (signum == SIGUSR1)
		w->runtime->ops->sync(w->runtime, on_synced, w);
	else
		loop_stop(w->loop);
}

static const struct runtime_ops *find_runtime(const char *name)
{
	for (size_t i = 0; runtime_all[i]; i++)
		if (!strcmp(runtime_all[i]->name, name))
			return runtime_all[i];
	return NULL;
}

static void run(struct watch *w, const struct runtime_ops *ops,
		const char *socket)
{
	struct loop_signal *term, *user;
	struct runtime_host host = {
		.loop = w->loop,
		.store = w->store,
		.changed = on_changed,
	};

	term = loop_signal_new(w->loop, SIGTERM, on_signal, w);
	user = loop_signal_new(w->loop, SIGUSR1, on_signal, w);
	w->runtime = ops->open(&host, socket);
	loop_run(w->loop);
	ops->close(w->runtime);
	loop_signal_close(term);
	loop_signal_close(user);
}

int main(int argc, char **argv)
{
	struct watch w = { 0 };
	const struct runtime_ops *ops = argc > 1 ? find_runtime(argv[1]) : NULL;

	if (!ops) {
		fprintf(stderr, "usage: watch RUNTIME [SOCKET]\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	log_set_level(LOG_LEVEL_DEBUG);
	if (loop_new(&w.loop) < 0)
		return 1;
	w.store = endpoint_store_new();
	endpoint_store_observe(
		w.store,
		(struct endpoint_observer){ on_endpoint, on_network, NULL });
	run(&w, ops, argv[2]);
	loop_free(w.loop);
	endpoint_store_free(w.store);
	return 0;
}
