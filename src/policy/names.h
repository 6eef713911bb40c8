/* SPDX-License-Identifier: GPL-2.0-or-later */
/* names.h - syntax of the names that Kubernetes objects carry.
 *
 * Each returns NULL when @text is well formed, else what it must be, to follow
 * the offending value in a message. Semantics of
 * k8s.io/apimachinery/pkg/util/validation.
 */
#pragma once

#include "base/slice.h"

/** Object names: RFC 1123 subdomain, at most 253 characters. */
const char *name_check_subdomain(struct slice text);
/** Namespaces: RFC 1123 label, at most 63 characters. */
const char *name_check_label(struct slice text);
/** Label keys: [prefix/]name. */
const char *name_check_key(struct slice text);
/** Annotation keys: label keys whose prefix may have capitals. */
const char *name_check_annotation(struct slice text);
/** Label values: empty, or at most 63 characters. */
const char *name_check_value(struct slice text);
/** Port names: RFC 6335 service names. */
const char *name_check_port(struct slice text);
