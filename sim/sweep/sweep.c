// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sweeps: passes over a client's calls, and what is made of each failure. See sweep.h.
 *
 * What a call writes into the client's memory goes through a user access of the sweep's own, which
 * keeps the old bytes: before a call is repeated its arguments are as the client left them.
 *
 * Invariant: a record's `next` is the first passage of its call that has not failed yet, so that
 * passes together reach each passage once.
 */
#include "sweep/sweep.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "sweep/state.h"

/* Of the structure at a call's argument: enough for those that are answers. */
#define ANSWER_BYTES 64u

struct record {
	const char *name;
	unsigned long request;
	long rc;
	uint64_t state; /* digest after the call */
	uint64_t points;
	uint64_t next;    /* passage to fail, from 1 */
	uint64_t written; /* which bytes of answer the call wrote */
	uint8_t answer[ANSWER_BYTES];
};

/* Bytes that a call wrote over, newest last. */
struct overwritten {
	uint64_t address;
	size_t len, at; /* where in `bytes` */
};

struct sweep {
	struct sweep_cfg cfg;
	struct sweep_result result;
	struct record *record;
	size_t records, room;
	struct fail_count *total; /* of each point */

	/* Of the pass. */
	struct sio_machine *machine;
	struct state_counters start;
	size_t at;          /* the call under way */
	bool first, parted; /* parted: what follows is no longer what was recorded */
	struct state before, after;
	uint64_t lost_before, lost_after;

	/* The client's memory. */
	struct uaccess ua;
	struct overwritten *over;
	size_t overs, over_room;
	uint8_t *bytes;
	size_t byte_count, byte_room;
};

/* ---- reports ---- */

SIO_PRINTF(3, 4)
static void problem(struct sweep *sweep, const struct machine_call *call, const char *format, ...)
{
	char text[512], what[400];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	if (call)
		snprintf(text, sizeof(text), "pass %u, call %zu (%s): %s", sweep->result.passes,
			 sweep->at + 1, sweep_call_name(call), what);
	else
		snprintf(text, sizeof(text), "pass %u: %s", sweep->result.passes, what);
	if (!sweep->result.problems++)
		memcpy(sweep->result.first_problem, text, sizeof(text));
	if (sweep->cfg.problem)
		sweep->cfg.problem(sweep->cfg.ctx, text);
}

/* ---- the client's memory ---- */

static bool keep_bytes(struct sweep *sweep, uint64_t address, size_t len)
{
	if (sweep->overs == sweep->over_room) {
		size_t room = sweep->over_room ? sweep->over_room * 2 : 64;
		struct overwritten *over = realloc(sweep->over, room * sizeof(*over));

		if (!over)
			return false;
		sweep->over = over;
		sweep->over_room = room;
	}
	if (sweep->byte_room - sweep->byte_count < len) {
		size_t room = (sweep->byte_room + len) * 2;
		uint8_t *bytes = realloc(sweep->bytes, room);

		if (!bytes)
			return false;
		sweep->bytes = bytes;
		sweep->byte_room = room;
	}
	memcpy(sweep->bytes + sweep->byte_count, (const void *)(uintptr_t)address, len);
	sweep->over[sweep->overs++] =
		(struct overwritten){.address = address, .len = len, .at = sweep->byte_count};
	sweep->byte_count += len;
	return true;
}

static int sweep_copy_in(const struct uaccess *ua, void *dst, uint64_t src, size_t len)
{
	return machine_program_memory.copy_in(ua, dst, src, len);
}

static int sweep_copy_out(const struct uaccess *ua, uint64_t dst, const void *src, size_t len)
{
	struct sweep *sweep = sio_container_of(ua, struct sweep, ua);

	if (!len)
		return 0;
	if (!machine_user_range(dst, len) || !keep_bytes(sweep, dst, len))
		return -EFAULT;
	memcpy((void *)(uintptr_t)dst, src, len);
	return 0;
}

static void forget_bytes(struct sweep *sweep)
{
	sweep->overs = sweep->byte_count = 0;
}

static void restore_bytes(struct sweep *sweep)
{
	while (sweep->overs) {
		const struct overwritten *over = &sweep->over[--sweep->overs];

		memcpy((void *)(uintptr_t)over->address, sweep->bytes + over->at, over->len);
	}
	forget_bytes(sweep);
}

/* Keep what the call wrote at its argument. */
static void keep_answer(struct sweep *sweep, const struct machine_call *call, struct record *record)
{
	for (size_t i = 0; i < sweep->overs; i++) {
		const struct overwritten *over = &sweep->over[i];

		for (size_t b = 0; b < over->len; b++) {
			uint64_t offset = over->address + b - call->arg;

			if (offset >= ANSWER_BYTES)
				continue;
			record->written |= SIO_BIT(offset);
			record->answer[offset] = *(const uint8_t *)(uintptr_t)(call->arg + offset);
		}
	}
	forget_bytes(sweep);
}

static void put_answer(const struct machine_call *call, const struct record *record)
{
	for (unsigned i = 0; i < ANSWER_BYTES; i++)
		if (record->written & SIO_BIT(i))
			*(uint8_t *)(uintptr_t)(call->arg + i) = record->answer[i];
}

/* ---- one call ---- */

static bool fails_in_sweep(const void *ctx, const struct fail_point *point)
{
	(void)ctx;
	return point->kind != FAIL_BUG;
}

static void count_points(struct sweep *sweep, const struct fail_plan *plan)
{
	size_t count;
	const struct fail_point *points = fail_points(&count);

	for (size_t i = 0; i < count; i++) {
		struct fail_count one = fail_plan_count(plan, &points[i]);

		sweep->total[i].seen += one.seen;
		sweep->total[i].injected += one.injected;
	}
}

/* Make the call with its nth passage failing. The plan, counters included, is left in *plan and
 * is no longer in force. */
static long call_with(struct sweep *sweep, const struct machine_call *call, uint64_t nth,
		      struct fail_plan *plan)
{
	struct fail_plan *own = &sweep->machine->iommu.inject;
	long rc;

	*plan = (struct fail_plan){.nth = nth};
	if (!fail_plan_set(plan, fails_in_sweep, NULL)) {
		problem(sweep, call, "no memory for the plan");
		return machine_call_once(call);
	}
	fail_plan_clear(own);
	*own = *plan;
	rc = machine_call_once(call);
	*plan = *own;
	*own = (struct fail_plan){0};
	count_points(sweep, plan);
	recycle_free(plan->count);
	plan->count = NULL;
	return rc;
}

static void look(struct sweep *sweep, const struct machine_call *call, struct state *state)
{
	const char *what;
	uint64_t lost;

	machine_enter(sweep->machine, false);
	fail_enter(NULL);
	what = state_take(state, sweep->machine);
	lost = state_counters(sweep->machine).lost;
	machine_leave(sweep->machine);
	if (state == &sweep->before)
		sweep->lost_before = lost;
	else
		sweep->lost_after = lost;
	if (what)
		problem(sweep, call, "%s", what);
}

static void audit(struct sweep *sweep, const struct machine_call *call, const char *after)
{
	char what[256] = "";

	sweep->result.audits++;
	if (sio_audit(sweep->machine, false, what, sizeof(what)))
		problem(sweep, call, "after %s: %s", after, what);
}

static struct record *next_record(struct sweep *sweep)
{
	if (sweep->at == sweep->records) {
		if (sweep->records == sweep->room) {
			size_t room = sweep->room ? sweep->room * 2 : 256;
			struct record *grown = realloc(sweep->record, room * sizeof(*grown));

			if (!grown)
				return NULL;
			sweep->record = grown;
			sweep->room = room;
		}
		sweep->record[sweep->records++] = (struct record){.next = 1};
	}
	return &sweep->record[sweep->at];
}

static long call_first(struct sweep *sweep, const struct machine_call *call)
{
	struct record *record = next_record(sweep);
	struct fail_plan plan;

	if (!record) {
		problem(sweep, call, "no memory for the record");
		sweep->parted = true;
		return machine_call_once(call);
	}
	record->name = call->name;
	record->request = call->request;
	record->rc = call_with(sweep, call, UINT64_MAX, &plan);
	record->points = plan.passages;
	sweep->result.points += plan.passages;
	sweep->result.calls++;
	keep_answer(sweep, call, record);
	look(sweep, call, &sweep->after);
	record->state = state_digest(&sweep->after);
	return record->rc;
}

static uint64_t last_point(const struct sweep *sweep, const struct record *record)
{
	return record->points < sweep->cfg.max_points ? record->points : sweep->cfg.max_points;
}

static bool is_as_recorded(const struct sweep *sweep, const struct record *record, long rc)
{
	return rc == record->rc && state_digest(&sweep->after) == record->state;
}

/* The call was not repeated: it counts as made. *rc: what the client gets. */
static void judge_end(struct sweep *sweep, const struct machine_call *call,
		      const struct record *record, const struct fail_point *point, long *rc)
{
	bool same_state = state_digest(&sweep->after) == record->state;
	char text[256] = "nothing";

	state_differs(&sweep->before, &sweep->after, text, sizeof(text));
	if (is_as_recorded(sweep, record, *rc)) {
		sweep->result.tolerated++;
		return;
	}
	if (record->rc >= 0 && same_state && sweep_known(call, point, SWEEP_LATE)) {
		sweep->result.late++;
		put_answer(call, record);
		*rc = record->rc;
		return;
	}
	sweep->parted = true;
	/* What is undone of a mapping that ends at 2^64 is not unpinned either, before 6.18. */
	if (sweep_known(call, point, SWEEP_CHANGED) || sweep->lost_after > sweep->lost_before)
		sweep->result.changed++;
	else if (*rc < 0)
		problem(sweep, call, "%s failed: the call answers %s and yet changed %s",
			point->name, strerrorname_np((int)-*rc), text);
	else
		problem(sweep, call,
			"%s failed: the call answers %ld where it answered %ld, and changed %s%s",
			point->name, *rc, record->rc, text,
			same_state ? "" : ", not as the untouched call");
}

/* One failure. True: the call left everything as it was, and can be made again. */
static bool fail_once(struct sweep *sweep, const struct machine_call *call, struct record *record,
		      long *rc)
{
	struct fail_plan plan;
	char text[256];

	*rc = call_with(sweep, call, record->next, &plan);
	if (!plan.injected) {
		/* Fewer passages than before: room that an earlier try made is still there. */
		record->next = UINT64_MAX;
		look(sweep, call, &sweep->after);
		if (!is_as_recorded(sweep, record, *rc))
			problem(sweep, call, "repeated, it answers %ld and not %ld", *rc,
				record->rc);
		return false;
	}
	record->next++;
	sweep->result.injected++;
	look(sweep, call, &sweep->after);
	audit(sweep, call, plan.last->name);
	if (*rc < 0 && !sweep_documented(call, (int)-*rc))
		problem(sweep, call, "%s failed: %s is no answer of the call", plan.last->name,
			strerrorname_np((int)-*rc));
	if (*rc < 0 && !state_differs(&sweep->before, &sweep->after, text, sizeof(text))) {
		sweep->result.refused++;
		restore_bytes(sweep);
		return true;
	}
	judge_end(sweep, call, record, plan.last, rc);
	return false;
}

static long call_swept(struct sweep *sweep, const struct machine_call *call, struct record *record)
{
	char text[256];
	long rc;

	if (record->next > last_point(sweep, record))
		return machine_call_once(call);
	look(sweep, call, &sweep->before);
	while (record->next <= last_point(sweep, record)) {
		if (!fail_once(sweep, call, record, &rc))
			return rc;
	}
	rc = machine_call_once(call);
	look(sweep, call, &sweep->after);
	if (is_as_recorded(sweep, record, rc))
		return rc;
	sweep->parted = true;
	if (!state_differs(&sweep->before, &sweep->after, text, sizeof(text)))
		snprintf(text, sizeof(text), "nothing");
	problem(sweep, call,
		"untouched after its failures, it answers %ld where it answered %ld; "
		"changed %s",
		rc, record->rc, text);
	return rc;
}

long sweep_call(struct sweep *sweep, const struct machine_call *call)
{
	struct record *record;
	long rc;

	forget_bytes(sweep);
	if (sweep->first && !sweep->parted) {
		rc = call_first(sweep, call);
	} else if (sweep->parted || sweep->at >= sweep->records) {
		rc = machine_call_once(call);
	} else {
		record = &sweep->record[sweep->at];
		if (record->request != call->request || strcmp(record->name, call->name)) {
			problem(sweep, call, "the client made another call before");
			sweep->parted = true;
			rc = machine_call_once(call);
		} else {
			rc = call_swept(sweep, call, record);
		}
	}
	forget_bytes(sweep);
	sweep->at++;
	if (sweep->cfg.progress)
		sweep->cfg.progress(sweep->cfg.ctx, sweep->result.passes - 1, sweep->at,
				    sweep->first ? 0 : sweep->records);
	return rc;
}

/* ---- passes ---- */

struct sweep *sweep_create(const struct sweep_cfg *cfg)
{
	struct sweep *sweep = calloc(1, sizeof(*sweep));
	size_t count;

	if (!sweep)
		return NULL;
	fail_points(&count);
	sweep->total = calloc(count + 1, sizeof(*sweep->total));
	if (!sweep->total) {
		free(sweep);
		return NULL;
	}
	sweep->cfg = *cfg;
	if (!sweep->cfg.max_points)
		sweep->cfg.max_points = SWEEP_MAX_POINTS;
	if (!sweep->cfg.max_passes)
		sweep->cfg.max_passes = SWEEP_MAX_PASSES;
	sweep->ua = (struct uaccess){.copy_in = sweep_copy_in, .copy_out = sweep_copy_out};
	return sweep;
}

void sweep_destroy(struct sweep *sweep)
{
	if (!sweep)
		return;
	state_fini(&sweep->before);
	state_fini(&sweep->after);
	free(sweep->over);
	free(sweep->bytes);
	free(sweep->record);
	free(sweep->total);
	free(sweep);
}

void sweep_begin(struct sweep *sweep, struct sio_machine *machine)
{
	sweep->machine = machine;
	sweep->first = sweep->result.passes++ == 0;
	sweep->parted = false;
	sweep->at = 0;
	forget_bytes(sweep);
	machine_enter(machine, false);
	sweep->start = state_counters(machine);
	machine->sweep = sweep;
	machine->ua = &sweep->ua;
	machine_leave(machine);
}

static void expect(struct sweep *sweep, const char *what, uint64_t before, uint64_t after)
{
	if (before == after)
		return;
	sweep->result.leaks++;
	problem(sweep, NULL, "%s at the end: %" PRIu64 ", at the start %" PRIu64, what, after,
		before);
}

static void compare_counters(struct sweep *sweep, const struct state_counters *end)
{
	const struct state_counters *start = &sweep->start;

	expect(sweep, "table pages", start->tables, end->tables);
	expect(sweep, "domains", start->domains, end->domains);
	expect(sweep, "containers", start->containers, end->containers);
	expect(sweep, "open groups", start->open_groups, end->open_groups);
	/* Before 6.18 a mapping that ends at 2^64 keeps its pages for ever: the audits know them.
	 */
	if (vfio_params(sweep->machine->vfio)->leaks)
		return;
	expect(sweep, "pins", start->pins, end->pins);
	expect(sweep, "frames", start->frames, end->frames);
}

static uint64_t points_left(const struct sweep *sweep)
{
	uint64_t left = 0;

	for (size_t i = 0; i < sweep->records; i++) {
		const struct record *record = &sweep->record[i];

		if (record->next <= record->points)
			left += record->points - record->next + 1;
	}
	return left;
}

void sweep_end(struct sweep *sweep)
{
	struct sio_machine *machine = sweep->machine;
	struct state_counters end;

	if (!machine)
		return;
	machine_enter(machine, false);
	fail_enter(NULL);
	machine->sweep = NULL;
	machine->ua = NULL;
	machine_processes_end(machine);
	end = state_counters(machine);
	machine_leave(machine);
	compare_counters(sweep, &end);
	audit(sweep, NULL, "all processes ended");
	sweep->machine = NULL;
	sweep->result.left_out = points_left(sweep);
}

bool sweep_goes_on(const struct sweep *sweep)
{
	if (sweep->result.passes >= sweep->cfg.max_passes)
		return false;
	for (size_t i = 0; i < sweep->records; i++)
		if (sweep->record[i].next <= last_point(sweep, &sweep->record[i]))
			return true;
	return false;
}

const struct sweep_result *sweep_result(const struct sweep *sweep)
{
	return &sweep->result;
}

struct fail_count sweep_count(const struct sweep *sweep, const struct fail_point *point)
{
	size_t count;
	const struct fail_point *points = fail_points(&count);

	return point >= points && point < points + count ? sweep->total[point - points]
							 : (struct fail_count){0};
}

/* ---- the text of a plan ---- */

static bool parse_bound(const char *text, const char *key, uint32_t *value, const char **end)
{
	size_t len = strlen(key);
	unsigned long number;
	char *stop;

	if (strncmp(text, key, len) || text[len] < '0' || text[len] > '9')
		return false;
	errno = 0;
	number = strtoul(text + len, &stop, 10);
	if (errno || !number || number > UINT32_MAX)
		return false;
	*value = (uint32_t)number;
	*end = stop;
	return true;
}

bool sweep_parse(const char *text, struct sweep_cfg *cfg, const char **why)
{
	*why = NULL;
	if (strncmp(text, "sweep", 5) || (text[5] && text[5] != ':'))
		return false;
	text += 5;
	while (*text) {
		text++;
		if (!parse_bound(text, "max=", &cfg->max_points, &text) &&
		    !parse_bound(text, "passes=", &cfg->max_passes, &text))
			*why = "the form is sweep[:max=N][,passes=N], with N from 1 up";
		else if (*text && *text != ',')
			*why = "the form is sweep[:max=N][,passes=N], with N from 1 up";
		if (*why)
			return false;
	}
	return true;
}
