/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bench_compile.c - how long changes take from the policies and endpoints to
 * the kernel, and how much memory that holds.
 *
 *   bench_compile [--cpu] [ENDPOINTS…]        default: 10 100 1000
 *
 * --cpu counts processor time, the kernel's share included, for machines that
 * are busy with other things.
 *
 * As many policies as endpoints, each read from a file of its own as the agent
 * does. Each size runs in a process and a network namespace of its own.
 */
#include <err.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "firewall/firewall.h"
#include "world.h"

#define ROUNDS	      200 /* of a container's coming and going */
#define POLICY_ROUNDS 20

/* Ten containers an application, two applications a namespace. */
#define PER_APP	      10
#define PER_NAMESPACE (2 * PER_APP)

struct bench {
	unsigned n;
	struct world world;
	VEC(struct policy_set *) files;
	struct compiler *compiler;
	struct firewall *fw;
	struct ruleset *last;
};

static bool use_cpu;

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(use_cpu ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* ---- a host ------------------------------------------------------------ */

static void endpoint_text(unsigned i, struct buf *to)
{
	buf_addf(to,
		 "- {name: e%u, namespace: ns%u, labels: {app: a%u, "
		 "tier: t%u, env: prod}, ports: \"http=8080\",\n"
		 "   bridge: br%u, ipv4: 10.%u.%u.%u, ipv6: \"fd00::%x:%x\", "
		 "mac: \"02:00:00:%02x:%02x:%02x\"}\n",
		 i, i / PER_NAMESPACE, i / PER_APP, i % 3, i / 200, i / 60000,
		 i / 250 % 240, 2 + i % 250, i / 65536, 2 + i % 65536,
		 i >> 16 & 0xff, i >> 8 & 0xff, i & 0xff);
}

static void network_text(unsigned n, struct buf *to)
{
	buf_adds(to, "networks:\n");
	for (unsigned i = 0; i <= n / 200; i++)
		buf_addf(to, "- {name: n%u, bridge: br%u}\n", i, i);
	buf_adds(to, "endpoints:\n");
}

/* Policy @i is about one application, admits another one, a namespace and a
 * network outside, and lets DNS out; @port varies. */
static struct policy_set *policy_file(unsigned i, unsigned n, unsigned port)
{
	_cleanup_(buf_fini) struct buf text = BUF_INIT(BUF_UNBOUNDED);
	struct diag_list diag = { 0 };
	struct policy_set *set = NULL;
	unsigned app = i / PER_APP, apps = (n + PER_APP - 1) / PER_APP;

	buf_addf(&text,
		 "apiVersion: networking.k8s.io/v1\n"
		 "kind: NetworkPolicy\n"
		 "metadata: {name: p%u, namespace: ns%u}\n"
		 "spec:\n"
		 "  podSelector: {matchLabels: {app: a%u}}\n"
		 "  policyTypes: [Ingress, Egress]\n"
		 "  ingress:\n"
		 "  - from: [{podSelector: {matchLabels: {tier: t%u}}}]\n"
		 "    ports: [{port: %u}, {port: http}]\n"
		 "  - from:\n"
		 "    - namespaceSelector: {}\n"
		 "      podSelector: {matchLabels: {app: a%u}}\n"
		 "    - ipBlock: {cidr: 192.0.%u.0/24}\n"
		 "    ports: [{port: 9100, endPort: 9110}]\n"
		 "  egress:\n"
		 "  - ports: [{port: 53, protocol: UDP}]\n"
		 "  - to: [{namespaceSelector: {}, "
		 "podSelector: {matchLabels: {app: a%u}}}]\n",
		 i, i / PER_NAMESPACE, app, i % 3, port, (app + 1) % apps,
		 i % 256, (app + 1) % apps);
	if (policy_parse(buf_slice(&text), "bench.yaml", &diag, &set) < 0) {
		diag_print(&diag, stderr);
		errx(1, "policy %u", i);
	}
	diag_fini(&diag);
	return set;
}

static void merge_files(struct bench *b)
{
	struct diag_list diag = { 0 };
	struct policy_set *set =
		policy_set_merge(b->files.data, b->files.len, &diag);

	diag_fini(&diag);
	policy_set_unref(b->world.policies);
	b->world.policies = set;
}

static void build_host(struct bench *b)
{
	_cleanup_(buf_fini) struct buf text = BUF_INIT(BUF_UNBOUNDED);

	network_text(b->n, &text);
	for (unsigned i = 0; i < b->n; i++)
		endpoint_text(i, &text);
	world_set_endpoints(&b->world, buf_str(&text));
	for (unsigned i = 0; i < b->n; i++)
		vec_push(&b->files, policy_file(i, b->n, 80));
	merge_files(b);
}

/* ---- figures ----------------------------------------------------------- */

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

typedef VEC(double) times;

static void print_times(const char *what, times *t)
{
	vec_sort(t, compare_doubles);
	printf("  %-34s p50 %8.3f  p99 %8.3f ms\n", what, t->data[t->len / 2],
	       t->data[t->len * 99 / 100]);
	vec_fini(t);
}

static void print_memory(const char *what)
{
	char line[128];
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "VmRSS:", 6))
			printf("  %-34s %10.1f MiB\n", what,
			       strtod(line + 6, NULL) / 1024);
	if (f)
		fclose(f);
}

static struct firewall *open_firewall(void)
{
	struct firewall_options options = { .own_tables = false };
	struct firewall *fw = NULL;

	if (firewall_open(&options, &fw) < 0)
		errx(1, "firewall_open");
	return fw;
}

/* Compile, then commit; the milliseconds of each. */
static struct firewall_result step(struct bench *b, double *ret_compile,
				   double *ret_commit)
{
	struct compile_input in = world_input(&b->world);
	struct firewall_result result;
	double started = now_ms(), compiled;
	struct ruleset *r = compiler_run(b->compiler, &in);

	compiled = now_ms();
	if (firewall_apply(b->fw, r, &result) < 0)
		errx(1, "apply: %s", result.error);
	*ret_compile = compiled - started;
	*ret_commit = now_ms() - compiled;
	ruleset_unref(b->last);
	b->last = r;
	return result;
}

static void first(struct bench *b)
{
	struct firewall_result result;
	struct compile_stats stats;
	double compile, commit, restart;

	b->compiler = compiler_new();
	b->fw = open_firewall();
	result = step(b, &compile, &commit);
	compiler_stats(b->compiler, &stats);
	printf("%u endpoints, %u policies: %zu classes, %zu chains, %zu sets, "
	       "%zu elements\n",
	       b->n, b->n, stats.classes, stats.chains, stats.sets,
	       stats.elements);
	printf("  %-34s     %8.3f ms\n", "compile, fresh", compile);
	printf("  %-34s     %8.3f ms, %u messages\n", "commit of all of it",
	       commit, result.objects);
	firewall_close(b->fw);
	b->fw = open_firewall();
	restart = now_ms();
	if (firewall_apply(b->fw, b->last, &result) < 0)
		errx(1, "apply: %s", result.error);
	printf("  %-34s     %8.3f ms, %s\n", "restart over the same kernel",
	       now_ms() - restart,
	       result.changed ? "A TRANSACTION" : "no transaction");
}

/* The last endpoint goes and comes back as another object. */
static void endpoint_changes(struct bench *b)
{
	times compile = { 0 }, commit = { 0 }, both = { 0 };
	struct endpoint *e = endpoint_ref(b->world.endpoints.data[b->n - 1]);

	for (unsigned i = 0; i < ROUNDS; i++) {
		double c, k;

		if (i % 2)
			vec_push(&b->world.endpoints, endpoint_copy(e));
		else
			endpoint_unref(b->world.endpoints
					       .data[--b->world.endpoints.len]);
		step(b, &c, &k);
		vec_push(&compile, c);
		vec_push(&commit, k);
		vec_push(&both, c + k);
	}
	print_times("endpoint: compile", &compile);
	print_times("endpoint: commit", &commit);
	print_times("endpoint: both", &both);
	endpoint_unref(e);
}

static void policy_changes(struct bench *b)
{
	times parse = { 0 }, compile = { 0 }, commit = { 0 }, both = { 0 };

	for (unsigned i = 0; i < POLICY_ROUNDS; i++) {
		unsigned which = i * 7 % b->n;
		double started = now_ms(), p, c, k;

		policy_set_unref(b->files.data[which]);
		b->files.data[which] = policy_file(which, b->n, 81 + i);
		merge_files(b);
		p = now_ms() - started;
		step(b, &c, &k);
		vec_push(&parse, p);
		vec_push(&compile, c);
		vec_push(&commit, k);
		vec_push(&both, p + c + k);
	}
	print_times("policy: read and merge", &parse);
	print_times("policy: compile", &compile);
	print_times("policy: commit", &commit);
	print_times("policy: all", &both);
}

static void bench(unsigned n)
{
	struct bench b = { .n = n };

	if (unshare(CLONE_NEWNET) < 0)
		err(1, "unshare");
	build_host(&b);
	print_memory("memory with the endpoints read");
	first(&b);
	endpoint_changes(&b);
	policy_changes(&b);
	print_memory("memory at the end");
	fflush(stdout);
	_exit(0);
}

int main(int argc, char **argv)
{
	static const char *const sizes[] = { "10", "100", "1000" };

	if (geteuid() != 0)
		errx(1, "needs root: it makes network namespaces");
	use_cpu = argc > 1 && !strcmp(argv[1], "--cpu");
	argc -= use_cpu;
	argv += use_cpu;
	for (int i = 1; i < (argc > 1 ? argc : 4); i++) {
		unsigned n = (unsigned)atoi(argc > 1 ? argv[i] : sizes[i - 1]);
		int status;
		pid_t pid = fork();

		if (!pid)
			bench(n ?: 1);
		if (pid < 0 || waitpid(pid, &status, 0) < 0 || status)
			errx(1, "%u endpoints: failed", n);
	}
	return 0;
}
