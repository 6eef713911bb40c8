/* SPDX-License-Identifier: GPL-2.0-or-later */
/* docker.c - any bytes as answers and events of a Docker engine, through the
 * parsers into the model and the store.
 *
 * The first byte says which parser sees the rest. 'm' is a session: each
 * line's first byte says what the line is, and the same model sees them all.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/log.h"
#include "runtime/docker/model.h"

static void ask(void *arg, const char *id)
{
	(void)arg;
	/* It becomes part of a request's path. */
	for (; *id; id++)
		if (*id == '/' || *id == ' ' || *id == '%')
			abort();
}

static void containers(struct docker_model *m, uint64_t when, struct slice text)
{
	docker_containers list;
	size_t bad;

	if (docker_json_containers(text, &list, &bad) < 0)
		return;
	vec_foreach(c, &list)
		docker_model_container(m, when, c->id, c);
	docker_model_list_containers(m, when, &list);
	docker_containers_fini(&list);
}

static void networks(struct docker_model *m, uint64_t when, struct slice text)
{
	docker_networks list;
	size_t bad;

	if (docker_json_networks(text, "docker", &list, &bad) < 0)
		return;
	docker_model_list_networks(m, when, &list);
	docker_networks_fini(&list);
}

static void network(struct docker_model *m, uint64_t when, struct slice text)
{
	_cleanup_(freep) char *id = NULL;
	struct docker_network n;

	if (docker_json_network(text, "docker", &n) < 0)
		return;
	id = xstrdup(n.network->id);
	docker_model_network(m, when, id, &n);
	docker_network_fini(&n);
}

static void inspect(struct docker_model *m, uint64_t when, struct slice text)
{
	struct docker_inspect i;

	if (docker_json_inspect(text, &i) < 0)
		return;
	docker_model_inspect(m, when, "a", &i);
	docker_model_inspect_quietly(m, when, "b", &i);
	docker_model_publish(m);
	docker_inspect_fini(&i);
}

static void event(struct docker_model *m, struct slice text)
{
	struct docker_event e;

	if (docker_json_event(text, &e) < 0)
		return;
	docker_model_event(m, &e);
	docker_event_fini(&e);
}

static void version(struct slice text)
{
	struct docker_version v;

	if (docker_json_version(text, &v) == 0)
		docker_version_fini(&v);
	free(docker_json_message(text));
}

static void feed(struct docker_model *m, uint64_t when, char kind,
		 struct slice text)
{
	switch (kind) {
	case 'c':
		containers(m, when, text);
		break;
	case 'l':
		networks(m, when, text);
		break;
	case 'n':
		network(m, when, text);
		break;
	case 'i':
		inspect(m, when, text);
		break;
	case 'e':
		event(m, text);
		break;
	case 'v':
		version(text);
		break;
	case 'p':
		docker_model_ports(m, "docker0");
		break;
	case '{':
		docker_model_list_begin(m);
		break;
	case '}':
		docker_model_list_end(m);
		break;
	}
}

static void session(struct docker_model *m, struct slice text)
{
	uint64_t old = 0;

	while (text.len) {
		const char *end = memchr(text.ptr, '\n', text.len);
		size_t n = end ? (size_t)(end - text.ptr) : text.len;

		/* Upper case: the answer is as old as the last '!'. */
		if (n && text.ptr[0] == '!')
			old = docker_model_now(m);
		else if (n && text.ptr[0] >= 'A' && text.ptr[0] <= 'Z')
			feed(m, old, (char)(text.ptr[0] + 32),
			     (struct slice){ text.ptr + 1, n - 1 });
		else if (n)
			feed(m, docker_model_now(m), text.ptr[0],
			     (struct slice){ text.ptr + 1, n - 1 });
		text = (struct slice){ text.ptr + n + !!end,
				       text.len - n - !!end };
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct endpoint_store *store;
	struct docker_model *m;
	struct slice text;
	size_t n;

	if (!size)
		return 0;
	log_set_level(LOG_LEVEL_ERROR);
	store = endpoint_store_new();
	m = docker_model_new(store, "docker", NULL,
			     (struct docker_ask){ ask, ask, ask, ask, NULL });
	text = (struct slice){ (const char *)bytes + 1, size - 1 };
	if (bytes[0] == 'm')
		session(m, text);
	else
		feed(m, 0, (char)bytes[0], text);
	endpoint_store_all(store, &n);
	docker_model_free(m);
	endpoint_store_free(store);
	return 0;
}
