/* SPDX-License-Identifier: GPL-2.0-or-later */
/* containerd.c - any bytes as the body of a gRPC answer, cut where the input
 * says, and its messages as events and answers of a containerd, through the
 * decoders into the model and the store.
 *
 * The first byte is the size of the pieces. Then come frames; the first byte of
 * each message says what the rest of it is.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/log.h"
#include "grpc/frame.h"
#include "runtime/containerd/model.h"

#define MESSAGE_MAX 4096

static void ask(_unused_ void *arg, const char *namespace, const char *id)
{
	/* They become a header and a request. */
	for (const char *p = namespace; *p; p++)
		if (*p <= ' ' || *p == ':')
			abort();
	if (!*id)
		abort();
}

static int netns_of(_unused_ void *arg, unsigned pid, int *ret)
{
	*ret = (int)(pid % 4);
	return 0;
}

static void ports(_unused_ void *arg, runtime_ports *ret)
{
	ret->len = 0;
	for (unsigned i = 0; i < 4; i++)
		vec_push(ret, (struct runtime_port){ .veth = i + 10,
						     .netns = (int)i,
						     .bridge = "br0" });
}

static int addresses(_unused_ void *arg, unsigned veth,
		     struct runtime_address *ret_v4,
		     struct runtime_address *ret_v6)
{
	/* Two containers show one address. */
	uint8_t bytes[4] = { 10, 0, 0, (uint8_t)(veth / 2) };

	*ret_v4 =
		(struct runtime_address){ addr_from_bytes(AF_INET, bytes), 24 };
	*ret_v6 = (struct runtime_address){ .len = 0 };
	return 0;
}

static bool has_bridge(_unused_ void *arg, _unused_ const char *bridge)
{
	return true;
}

static void event(struct containerd_model *m, struct slice bytes)
{
	struct containerd_event e;

	if (containerd_wire_event(bytes, &e) < 0)
		return;
	containerd_model_event(m, &e);
	containerd_event_fini(&e);
}

static void record(struct containerd_model *m, struct slice bytes, bool list)
{
	struct containerd_record r;
	uint64_t when = containerd_model_now(m);

	if (containerd_wire_record(bytes, &r) < 0)
		return;
	if (list)
		containerd_model_list_record(m, when, "default", &r);
	else
		containerd_model_record(m, when, "default", r.id, &r);
	containerd_record_fini(&r);
}

static void tasks(struct containerd_model *m, struct slice bytes)
{
	containerd_tasks list;

	if (containerd_wire_tasks(bytes, &list) < 0)
		return;
	containerd_model_list_tasks(m, containerd_model_now(m), "default",
				    &list);
	containerd_tasks_fini(&list);
}

static void others(struct slice bytes)
{
	containerd_names names;
	char *version;

	if (containerd_wire_namespaces(bytes, &names) == 0)
		containerd_names_fini(&names);
	if (containerd_wire_version(bytes, &version) == 0)
		free(version);
}

static void take(struct containerd_model *m, struct slice message)
{
	struct slice rest;

	if (!message.len)
		return;
	rest = (struct slice){ message.ptr + 1, message.len - 1 };
	switch (message.ptr[0]) {
	case 'e':
		event(m, rest);
		break;
	case 'r':
		record(m, rest, false);
		break;
	case 'R':
		record(m, rest, true);
		break;
	case 't':
		tasks(m, rest);
		break;
	case 'b':
		containerd_model_list_begin(m);
		break;
	case 'x':
		containerd_model_list_end(m, containerd_model_now(m));
		break;
	case 'l':
		containerd_model_links(m);
		break;
	default:
		others(rest);
	}
}

static void feed(struct containerd_model *m, struct slice bytes, size_t step)
{
	struct frames f = FRAMES_INIT(MESSAGE_MAX);
	int r = 0;

	while (bytes.len && r >= 0) {
		struct slice piece = { bytes.ptr, MIN(step, bytes.len) };
		struct slice message;

		bytes = (struct slice){ bytes.ptr + piece.len,
					bytes.len - piece.len };
		while ((r = frames_next(&f, &piece, &message)) > 0) {
			if (message.len > MESSAGE_MAX)
				abort();
			take(m, message);
		}
	}
	frames_fini(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct runtime_host host = { .store = endpoint_store_new(),
				     .links = { .netns_of = netns_of,
						.ports = ports,
						.addresses = addresses,
						.has_bridge = has_bridge } };
	struct containerd_model *m;

	log_set_level(LOG_LEVEL_ERROR);
	if (size > 1 && bytes[0]) {
		m = containerd_model_new(
			&host, (struct containerd_ask){ .record = ask });
		feed(m, (struct slice){ (const char *)bytes + 1, size - 1 },
		     bytes[0]);
		containerd_model_free(m);
	}
	endpoint_store_free(host.store);
	return 0;
}
