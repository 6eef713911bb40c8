/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sqlite.c - records into the store, a batch a transaction.
 *
 * What is too old goes by the wall clock, and a clock that is set forward makes
 * everything old at once. Who set it wrongly has a day to find out: so long
 * nothing goes for its age, unless the clock is set back before.
 */
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "sink/driver.h"
#include "store/store.h"

/* What is too old or too much is removed so often, while something comes. */
#define TRIM_EVERY 1000000000U /* ns */
/* Set forward by more than this, the clock is not believed for so long. */
#define STEP_MAX  (3600 * 1000000000LL)
#define HOLD_TIME (86400 * 1000000000ULL)

struct sqlite {
	const struct sink_config *config;
	struct store *store; /* NULL: not open */
	uint64_t trimmed;    /* monotonic ns */
	char *aside;	     /* a corrupt file's new name, not told yet */
	struct clock_watch clock;
	int64_t ahead; /* ns that the clock was set forward */
	uint64_t hold; /* until then nothing is too old; monotonic ns */
	bool hold_is_untold;
};

static const char *reason_text(const struct sqlite *s, int error)
{
	const char *text = s->store ? store_error(s->store) : "";

	switch (error) {
	case -EEXIST:
		return "another program's database";
	case -EPROTO:
		return "made by a newer version of bulkhead";
	case -EBUSY:
		return "somebody else writes to it";
	default:
		return *text ? text : strerror(-error);
	}
}

static void note_aside(struct sqlite *s)
{
	free(s->aside);
	s->aside = xstrdup(store_aside(s->store));
}

static int open_store(struct sqlite *s)
{
	struct store_options options = {
		.max_age = s->config->retain_age * 1000000000U,
		.max_bytes = s->config->retain_size,
	};
	enum store_state state;
	int r;

	if (s->store)
		return 0;
	r = store_open(s->config->path, &options, &s->store, &state);
	if (r == 0 && state == STORE_REPLACED)
		note_aside(s);
	return r;
}

static int write_lines(struct sqlite *s, const struct sink_lines *lines,
		       struct sink_result *result)
{
	struct store_written written = { 0 };
	int r = lines->n ? store_write(s->store, lines->lines, lines->n,
				       &written)
			 : 0;

	if (r < 0)
		return r;
	if (written.replaced)
		note_aside(s);
	result->written = lines->n - written.refused;
	result->refused = written.refused;
	if (written.refused)
		sink_fail(result, "%s: %llu lines are no records",
			  s->config->path, (unsigned long long)written.refused);
	return 0;
}

static void watch_clock(struct sqlite *s, uint64_t now)
{
	int64_t step = clock_step(&s->clock);

	if (!step)
		return;
	s->ahead = s->hold > now ? s->ahead + step : step;
	s->hold = s->ahead > STEP_MAX ? now + HOLD_TIME : 0;
	s->hold_is_untold = s->hold && s->config->retain_age;
}

static int trim(struct sqlite *s)
{
	struct store_trimmed trimmed = { 0 };
	uint64_t now = clock_monotonic();
	int r;

	watch_clock(s, now);
	if (now - s->trimmed < TRIM_EVERY)
		return 0;
	/* At the time 0 nothing is too old. */
	r = store_trim(s->store, s->hold > now ? 0 : clock_realtime(),
		       &trimmed);
	if (!trimmed.more)
		s->trimmed = now;
	return r;
}

static void *sqlite_open(_unused_ struct loop *loop,
			 const struct sink_config *config,
			 _unused_ loop_fn changed, _unused_ void *arg)
{
	struct sqlite *s = xnew(struct sqlite);

	s->config = config;
	return s;
}

static void sqlite_deliver(void *state, const struct sink_lines *lines,
			   struct sink_result *result)
{
	struct sqlite *s = state;
	int r = open_store(s);

	r = r ?: write_lines(s, lines, result);
	r = r ?: trim(s);
	if (r < 0) {
		sink_fail(result, "%s: %s", s->config->path, reason_text(s, r));
		/* Whatever it was, the file may be another one by then. */
		store_close(s->store);
		s->store = NULL;
	} else if (s->aside) {
		sink_fail(result,
			  "%s: was corrupt and is now %s; a new one is begun",
			  s->config->path, s->aside);
		free(s->aside);
		s->aside = NULL;
	} else if (s->hold_is_untold) {
		sink_fail(
			result,
			"%s: the clock was set forward by %lld s: nothing is removed for its age for a day",
			s->config->path, (long long)s->ahead / 1000000000);
		s->hold_is_untold = false;
	}
}

static void sqlite_close(void *state)
{
	struct sqlite *s = state;

	store_close(s->store);
	free(s->aside);
	free(s);
}

const struct sink_driver sink_sqlite_driver = { .open = sqlite_open,
						.deliver = sqlite_deliver,
						.close = sqlite_close };
