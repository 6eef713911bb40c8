/* SPDX-License-Identifier: GPL-2.0-or-later */
/* podman.c - any bytes as answers and events of Podman, through the parsers
 * into the model and the store. Each line's first byte says what the line is,
 * and the same model sees them all.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "runtime/podman/early.h"
#include "runtime/podman/model.h"

static void ask(void *arg, const char *id)
{
	(void)arg;
	/* It becomes part of a request's path. */
	for (; *id; id++)
		if (*id == '/' || *id == ' ' || *id == '%')
			abort();
}

static void ask_networks(void *arg)
{
	(void)arg;
}

static void container(struct podman_model *m, struct slice text)
{
	_cleanup_(freep) char *id = NULL;
	struct podman_container c;

	if (podman_json_container(text, &c) < 0)
		return;
	id = xstrdup(c.entry.id);
	podman_model_container(m, id, 5, &c);
	podman_container_fini(&c);
}

static void event(struct podman_model *m, struct slice text)
{
	struct podman_port port = { .bridge = "podman0" };
	podman_ports ports = { 0 };
	_cleanup_(freep) char *id = NULL;
	struct podman_event e;

	if (podman_json_event(text, &e) < 0)
		return;
	id = xstrdup(e.id);
	podman_model_event(m, &e);
	podman_event_fini(&e);
	vec_push(&ports, port);
	podman_model_early(m, id, 10, &ports);
	podman_model_whole(m, id);
	vec_fini(&ports);
}

static void networks(struct podman_model *m, struct slice text)
{
	docker_networks list;

	if (podman_json_networks(text, "podman", &list) < 0)
		return;
	podman_model_networks(m, &list);
	docker_networks_fini(&list);
}

static void pods(struct podman_model *m, struct slice text)
{
	podman_pods list;
	struct podman_pod p;

	if (podman_json_pods(text, &list) == 0) {
		podman_model_pods(m, &list);
		podman_pods_fini(&list);
	}
	if (podman_json_pod(text, &p) == 0) {
		podman_model_pod(m, p.id, &p);
		podman_pod_fini(&p);
	}
}

static void listing(struct podman_model *m, struct slice text)
{
	podman_ids ids, all;

	if (podman_json_ids(text, &ids) < 0)
		return;
	podman_model_list_begin(m);
	all = podman_model_list(m, &ids);
	vec_foreach(id, &all)
		ask(NULL, *id);
	podman_model_list_end(m);
	podman_ids_fini(&all);
	podman_ids_fini(&ids);
}

static void feed(struct podman_model *m, char kind, struct slice text)
{
	struct docker_version version;
	struct podman_info info;

	switch (kind) {
	case 'c':
		container(m, text);
		break;
	case 'e':
		event(m, text);
		break;
	case 'n':
		networks(m, text);
		break;
	case 'p':
		pods(m, text);
		break;
	case 'l':
		listing(m, text);
		break;
	case 'i':
		if (podman_json_info(text, &info) == 0)
			podman_info_fini(&info);
		break;
	case 'h':
		if (podman_head_version(text, &version) == 0)
			docker_version_fini(&version);
		break;
	case 's':
		free(podman_early_netns(text));
		break;
	case 'r':
		podman_model_host(m, true);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct slice text = { (const char *)bytes, size };
	struct endpoint_store *store = endpoint_store_new();
	struct podman_model *m = podman_model_new(
		store, NULL,
		(struct podman_ask){ ask, ask_networks, ask, ask, NULL });

	log_set_level(LOG_LEVEL_ERROR);
	podman_model_host(m, false);
	while (text.len) {
		const char *end = memchr(text.ptr, '\n', text.len);
		size_t n = end ? (size_t)(end - text.ptr) : text.len;

		if (n)
			feed(m, text.ptr[0],
			     (struct slice){ text.ptr + 1, n - 1 });
		text = (struct slice){ text.ptr + n + !!end,
				       text.len - n - !!end };
	}
	podman_model_free(m);
	endpoint_store_free(store);
	return 0;
}
