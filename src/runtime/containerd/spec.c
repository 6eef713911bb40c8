/* SPDX-License-Identifier: GPL-2.0-or-later */
/* spec.c - what an OCI runtime specification says (json-c). */
#include "runtime/containerd/spec.h"

#include <errno.h>
#include <limits.h>

#include "base/buf.h"
#include "json/json.h"
#include "runtime/escape.h"

typedef struct json_object json;

/* "linux.namespaces": what is not listed is shared with the host. */
static json *find_namespace(json *namespaces, const char *type)
{
	for (size_t i = 0; i < json_count(namespaces); i++)
		if (!strcmp(json_text(json_item(namespaces, i), "type"), type))
			return json_item(namespaces, i);
	return NULL;
}

static char *find_escapes(json *spec, json *namespaces)
{
	json *capabilities = json_at(
		json_at(json_at(spec, "process"), "capabilities"), "bounding");
	json *mounts = json_at(spec, "mounts");
	struct buf out = BUF_INIT(ESCAPES_MAX);
	char *text;

	if (!find_namespace(namespaces, "pid"))
		escape_add(&out, "host's processes", "");
	for (size_t i = 0; i < json_count(capabilities); i++)
		escape_add_capability(&out, json_item_text(capabilities, i));
	for (size_t i = 0; i < json_count(mounts); i++) {
		json *mount = json_item(mounts, i);

		if (!strcmp(json_text(mount, "type"), "bind"))
			escape_add_mount(&out, json_text(mount, "source"));
	}
	text = out.len ? buf_take(&out) : NULL;
	buf_fini(&out);
	return text;
}

int containerd_spec_parse(struct slice text, struct containerd_spec *ret)
{
	_cleanup_(json_unrefp) json *spec = json_parse(text);
	json *namespaces = json_at(json_at(spec, "linux"), "namespaces");
	json *network = find_namespace(namespaces, "network");

	/* A Windows container, or a broken one: nothing is known of it. */
	if (!json_at(spec, "linux"))
		return -EBADMSG;
	*ret = (struct containerd_spec){
		.host_network = !network,
		.joins_network = json_text(network, "path")[0],
		.escapable = find_escapes(spec, namespaces),
	};
	return 0;
}
