/* SPDX-License-Identifier: GPL-2.0-or-later */
/* differential.c - real packets against the evaluator.
 *
 *   differential [--seed N] [--cases N] [--seconds N]
 *
 * Each case is a set of endpoints and policies by chance, loaded into the
 * kernel; the whole matrix of flows is probed, then endpoints and policies
 * change through the same compiler and firewall, and it is probed again. Every
 * probe's fate, and the record of every denied one, must be what evaluate.c
 * says. The seed of a failure repeats it: --seed N --cases 1.
 */
#include <err.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "compile/print.h"
#include "firewall/firewall.h"
#include "scene.h"

#define PHASES	  4 /* the first, and three changes */
#define SHOWN_MAX 10

struct run {
	struct lab lab;
	struct nflog *nflog;
	struct firewall *fw;
	struct probe_ids ids;
	unsigned long passed, failed, denied;
	bool shown; /* one failure in full */
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- judging ----------------------------------------------------------- */

static bool as_expected(const struct probe *p, const struct expectation *e,
			bool audit)
{
	if (p->delivered != e->delivered || p->logs != e->logged)
		return false;
	return !e->logged ||
	       (p->log.ours && p->log.direction == e->direction &&
		p->log.reason == e->reason && p->log.audit == audit);
}

static void show_mismatch(const struct lab *lab, const struct probe *p,
			  const struct expectation *e)
{
	char flow[160];

	printf("  %s: expected %s%s%s%s%s, was %s, logged %u times%s%s%s\n",
	       probe_format(lab, p, flow),
	       e->delivered ? "delivered" : "denied",
	       e->logged ? " and logged as " : "",
	       e->logged ? deny_direction_name(e->direction) : "",
	       e->logged ? " " : "",
	       e->logged ? deny_reason_name(e->reason) : "",
	       p->delivered ? "delivered" : "denied", p->logs,
	       p->logs ? " (\"" : "", p->log.prefix, p->logs ? "\")" : "");
}

/* Everything that is needed to look into it. */
static void show_scene(struct run *run, const struct scene *s,
		       const struct ruleset *r)
{
	_cleanup_(buf_fini) struct buf text = BUF_INIT(BUF_UNBOUNDED);

	if (run->shown)
		return;
	run->shown = true;
	scene_print(s, &text);
	buf_adds(&text, "---- ruleset\n");
	print_ruleset(r, &text);
	fputs(buf_str(&text), stdout);
}

static unsigned judge(struct run *run, const struct scene *s,
		      const probe_list *probes)
{
	unsigned wrong = 0;

	vec_foreach(p, probes) {
		struct expectation e = scene_expect(s, p);

		run->denied += e.logged;
		if (as_expected(p, &e, s->world.options.audit))
			continue;
		if (wrong++ < SHOWN_MAX)
			show_mismatch(&run->lab, p, &e);
	}
	run->failed += wrong;
	run->passed += probes->len - wrong;
	return wrong;
}

/* ---- phases and cases -------------------------------------------------- */

/* What the last phase left: connections, and tuples that were logged. */
static void forget(struct run *run)
{
	_cleanup_(buf_fini) struct buf command = BUF_INIT(BUF_UNBOUNDED);
	size_t n;
	const struct compile_denied *sets = compile_denied_sets(&n);

	lab_flush_conntrack(&run->lab);
	buf_adds(&command, "nft '");
	for (size_t i = 0; i < n; i++)
		if (sets[i].seen)
			buf_addf(&command, "flush set inet bulkhead %s;",
				 sets[i].seen);
	buf_adds(&command, "'");
	if (system(buf_str(&command)))
		errx(1, "nft flush set");
}

static struct ruleset *enforce(struct run *run, struct compiler *c,
			       struct scene *s)
{
	struct compile_input in = scene_input(s);
	struct ruleset *r = compiler_run(c, &in);
	struct firewall_result result;

	if (firewall_apply(run->fw, r, &result) < 0)
		errx(1, "firewall_apply: %s", result.error);
	return r;
}

static void show_noise(const struct probe_noise *noise)
{
	char src[ADDR_STRLEN], dst[ADDR_STRLEN];

	printf("  %u packets logged that no probe sent, as \"%s\": %s -> %s"
	       " protocol %u port %u\n",
	       noise->packets, noise->example.prefix,
	       addr_format(&noise->example.src, src),
	       addr_format(&noise->example.dst, dst), noise->example.proto,
	       noise->example.port);
}

static void run_phase(struct run *run, struct compiler *c, struct scene *s,
		      unsigned long long seed, unsigned phase)
{
	_cleanup_(ruleset_unrefp) struct ruleset *r = enforce(run, c, s);
	unsigned long drops = lab_backlog_drops();
	struct probe_noise noise;
	probe_list probes = { 0 };
	unsigned wrong;

	forget(run);
	scene_probes(s, &probes);
	probe_batch(&run->lab, run->nflog, &run->ids, &probes, &noise);
	lab_enter(&run->lab, LAB_HOST);
	wrong = judge(run, s, &probes);
	if (noise.packets) {
		show_noise(&noise);
		run->failed++;
	}
	if (wrong || noise.packets) {
		printf("seed %llu phase %u: %u of %zu probes differ (this "
		       "machine's queues dropped %lu packets)\n",
		       seed, phase, wrong, probes.len,
		       lab_backlog_drops() - drops);
		show_scene(run, s, r);
	}
	vec_fini(&probes);
}

static void run_case(struct run *run, unsigned long long seed)
{
	_cleanup_(compiler_freep) struct compiler *c = compiler_new();
	struct scene s;

	scene_init(&s, &run->lab, seed);
	for (unsigned phase = 0; phase < PHASES; phase++) {
		if (phase)
			scene_change(&s);
		run_phase(run, c, &s, seed, phase);
	}
	scene_fini(&s);
}

/* Without any rule everything arrives: else the lab is to blame. */
static void check_lab(struct run *run)
{
	struct probe_noise noise;
	probe_list probes = { 0 };
	unsigned lost = 0;
	struct scene s;
	char flow[160];

	scene_init(&s, &run->lab, 1);
	scene_probes(&s, &probes);
	/* The first time fills the neighbour tables. */
	for (int i = 0; i < 2; i++) {
		vec_foreach(p, &probes)
			p->delivered = false;
		probe_batch(&run->lab, run->nflog, &run->ids, &probes, &noise);
	}
	vec_foreach(p, &probes)
		if (!p->delivered && lost++ < SHOWN_MAX)
			printf("lost without any rule: %s\n",
			       probe_format(&run->lab, p, flow));
	if (lost)
		errx(1, "%u of %zu probes were lost without any rule", lost,
		     probes.len);
	vec_fini(&probes);
	scene_fini(&s);
	lab_enter(&run->lab, LAB_HOST);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "cases", required_argument, NULL, 'c' },
		{ "seconds", required_argument, NULL, 't' },
		{ NULL, 0, NULL, 0 },
	};
	struct firewall_options fw = { .own_tables = false };
	unsigned long long seed = 1, cases = 12;
	double started, seconds = 1e9;
	struct run run = { 0 };
	int o;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (o == 's')
			seed = strtoull(optarg, NULL, 0);
		else if (o == 'c')
			cases = strtoull(optarg, NULL, 0);
		else if (o == 't')
			seconds = strtod(optarg, NULL);
		else
			return 2;
	}
	if (geteuid() != 0)
		errx(1, "needs root: it makes network namespaces");
	setvbuf(stdout, NULL, _IOLBF, 0);
	lab_open(&run.lab);
	lab_enter(&run.lab, LAB_HOST);
	run.nflog = nflog_open();
	if (firewall_open(&fw, &run.fw) < 0)
		errx(1, "firewall_open");
	check_lab(&run);
	started = now();
	for (unsigned long long i = 0; i < cases; i++) {
		if (now() - started > seconds)
			break;
		run_case(&run, seed + i);
	}
	printf("%lu probes from seed %llu in %.1f s, %lu of them to be "
	       "denied\n",
	       run.passed + run.failed, seed, now() - started, run.denied);
	printf("%lu passed, %lu failed\n", run.passed, run.failed);
	firewall_close(run.fw);
	nflog_close(run.nflog);
	lab_close(&run.lab);
	return run.failed ? 1 : 0;
}
