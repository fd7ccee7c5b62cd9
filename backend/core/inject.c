// SPDX-License-Identifier: GPL-2.0-only
/*
 * Failure plans: the text of a plan, and which errno values a point may answer.
 *
 * An errno is accepted only where the kernel could return it, so that a plan shows a client nothing
 * that a real machine would not.
 */
#include "core/inject.h"

#include <stdio.h>

/* What calls of each kind answer in Linux where the call site does not say. */
static const int kind_answers[FAIL_KINDS][FAIL_ANSWERS] = {
	[FAIL_ALLOC] = {ENOMEM},    [FAIL_PIN] = {EFAULT, ENOMEM, EINTR},
	[FAIL_TABLE] = {ENOMEM},    [FAIL_MAP] = {ENOMEM, EBUSY, EINVAL, EFAULT},
	[FAIL_SYNC] = {EIO},        [FAIL_COPY_IN] = {EFAULT},
	[FAIL_COPY_OUT] = {EFAULT}, [FAIL_ATTACH] = {ENOMEM, EBUSY, EINVAL, ENODEV},
	/* What is missing of a capability decides, and a bug is not noticed. */
};

static const struct {
	int error;
	const char *name;
} errors[] = {
	{EPERM, "EPERM"},         {ENOENT, "ENOENT"},
	{EINTR, "EINTR"},         {EIO, "EIO"},
	{E2BIG, "E2BIG"},         {EAGAIN, "EAGAIN"},
	{ENOMEM, "ENOMEM"},       {EACCES, "EACCES"},
	{EFAULT, "EFAULT"},       {EBUSY, "EBUSY"},
	{EEXIST, "EEXIST"},       {ENODEV, "ENODEV"},
	{EINVAL, "EINVAL"},       {ENOSPC, "ENOSPC"},
	{ETIMEDOUT, "ETIMEDOUT"}, {EOPNOTSUPP, "EOPNOTSUPP"},
	{EMFILE, "EMFILE"},
};

const char *inject_errno_name(int error)
{
	for (size_t i = 0; i < SIO_ARRAY_SIZE(errors); i++)
		if (errors[i].error == error)
			return errors[i].name;
	return NULL;
}

int inject_answer(const struct fail_point *point, unsigned n)
{
	const int *list = point->answers[0] ? point->answers : kind_answers[point->kind];

	return n < FAIL_ANSWERS ? list[n] : 0;
}

int inject_error(const struct fail_point *point)
{
	int answer = fail_current ? fail_current->answer : 0;

	return -(answer ? answer : inject_answer(point, 0));
}

/* ---- which points a plan selects ---- */

struct selector {
	const char *text;
	size_t len;
	enum fail_kind kind; /* FAIL_KINDS: it names none */
};

static bool selector_is(const struct selector *selector, const char *text)
{
	return strlen(text) == selector->len && !memcmp(selector->text, text, selector->len);
}

static struct selector selector_of(const char *text)
{
	struct selector selector = {.text = text, .len = strcspn(text, ":")};

	while (selector.kind < FAIL_KINDS && !selector_is(&selector, fail_kind_name(selector.kind)))
		selector.kind++;
	return selector;
}

static bool selects(const void *ctx, const struct fail_point *point)
{
	const struct selector *selector = ctx;
	const char *text = selector->text;
	size_t stem = selector->len;

	if (stem && text[stem - 1] == '*')
		return point->kind != FAIL_BUG && !strncmp(point->name, text, stem - 1);
	/* Names of points have a dot, and those of kinds have none. */
	if (selector->kind < FAIL_KINDS)
		return point->kind == selector->kind;
	return selector_is(selector, point->name);
}

static bool may_answer(const struct fail_point *point, int error)
{
	for (unsigned n = 0; inject_answer(point, n); n++)
		if (inject_answer(point, n) == error)
			return true;
	return false;
}

static void refuse_errno(const struct fail_point *point, int error, char *why)
{
	int at = snprintf(why, INJECT_ERROR_LEN, "%s cannot answer %s; it answers%s", point->name,
			  inject_errno_name(error), inject_answer(point, 0) ? "" : " no errno");

	for (unsigned n = 0; inject_answer(point, n) && at < (int)INJECT_ERROR_LEN; n++)
		at += snprintf(why + at, INJECT_ERROR_LEN - (size_t)at, "%s %s", n ? "," : "",
			       inject_errno_name(inject_answer(point, n)));
}

/* At least one point is selected, and all of them may answer what is asked. */
static int check_selection(const struct selector *selector, int error, char *why)
{
	size_t count;
	const struct fail_point *points = fail_points(&count), *unable = NULL;
	bool any = false;

	for (size_t i = 0; i < count; i++) {
		if (!selects(selector, &points[i]))
			continue;
		any = true;
		/* The first by name: the section's order is not the same in every build. */
		if (error && !may_answer(&points[i], error) &&
		    (!unable || strcmp(points[i].name, unable->name) < 0))
			unable = &points[i];
	}
	if (unable) {
		refuse_errno(unable, error, why);
		return -EINVAL;
	}
	if (any)
		return 0;
	snprintf(why, INJECT_ERROR_LEN, "no injection point \"%.*s\"", (int)selector->len,
		 selector->text);
	return -EINVAL;
}

/* ---- the text of a plan ---- */

struct options {
	uint64_t nth, seed, chance;
	int error;
	bool has_seed;
};

/* A decimal number of `len` digits, up to 64 bits. */
static bool parse_number(const char *text, size_t len, uint64_t *value)
{
	*value = 0;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9' || __builtin_mul_overflow(*value, 10, value) ||
		    __builtin_add_overflow(*value, (uint64_t)(text[i] - '0'), value))
			return false;
	}
	return len != 0;
}

/* "1", "0.25": exact in whole numbers, whatever the locale; up to nine digits behind the point. */
static bool parse_chance(const char *text, size_t len, uint64_t *chance)
{
	uint64_t whole, part = 0, scale = 1;
	const char *dot = memchr(text, '.', len);
	size_t digits = dot ? (size_t)(text + len - dot) - 1 : 0;

	if (!parse_number(text, dot ? (size_t)(dot - text) : len, &whole) || whole > 1 ||
	    digits > 9 || (dot && !parse_number(dot + 1, digits, &part)))
		return false;
	while (digits--)
		scale *= 10;
	part += whole * scale;
	if (!part || part > scale)
		return false;
	*chance = ((part << 32) + scale - 1) / scale;
	return true;
}

static int parse_errno(const char *text, size_t len)
{
	for (size_t i = 0; i < SIO_ARRAY_SIZE(errors); i++)
		if (strlen(errors[i].name) == len && !memcmp(errors[i].name, text, len))
			return errors[i].error;
	return 0;
}

/* One "key=value" of `len` bytes; NULL: taken, else what is wrong. */
static const char *plan_option(struct options *options, const char *text, size_t len)
{
	const char *value = memchr(text, '=', len);
	size_t key = value ? (size_t)(value - text) : len;
	size_t rest = value ? len - key - 1 : 0;

	value = text + key + 1;
	if (key == 3 && !memcmp(text, "nth", key))
		return parse_number(value, rest, &options->nth) && options->nth
			       ? NULL
			       : "nth= wants a number from 1 up";
	if (key == 4 && !memcmp(text, "prob", key))
		return parse_chance(value, rest, &options->chance)
			       ? NULL
			       : "prob= wants a number above 0 and up to 1, like 0.05";
	if (key == 4 && !memcmp(text, "seed", key)) {
		options->has_seed = true;
		return parse_number(value, rest, &options->seed) ? NULL : "seed= wants a number";
	}
	if (key == 5 && !memcmp(text, "errno", key)) {
		options->error = parse_errno(value, rest);
		return options->error ? NULL : "errno= wants the name of an error, like EFAULT";
	}
	return "unknown option; the form is POINT:nth=N[,errno=E] or "
	       "POINT:prob=P,seed=S[,errno=E]";
}

static const char *plan_options(struct options *options, const char *text)
{
	size_t len;

	while (*text) {
		const char *wrong;

		len = strcspn(++text, ",");
		wrong = plan_option(options, text, len);
		if (wrong)
			return wrong;
		text += len;
	}
	if (options->nth && (options->chance || options->has_seed))
		return "nth= and prob=,seed= exclude each other";
	if (!options->nth && !options->chance)
		return options->has_seed ? "prob=P is missing"
					 : "nth=N or prob=P,seed=S is missing";
	if (options->chance && !options->has_seed)
		return "prob= needs seed=S, so that the run can be repeated";
	return NULL;
}

int inject_plan(struct fail_plan *plan, const char *text, char *why)
{
	const struct selector selector = selector_of(text);
	struct options options = {0};
	struct fail_plan next = {0};
	const char *wrong;
	int rc;

	why[0] = 0;
	if (!*text) {
		fail_plan_clear(plan);
		return 0;
	}
	rc = check_selection(&selector, 0, why);
	if (rc)
		return rc;
	wrong = plan_options(&options, text + selector.len);
	if (wrong) {
		snprintf(why, INJECT_ERROR_LEN, "%s", wrong);
		return -EINVAL;
	}
	rc = options.error ? check_selection(&selector, options.error, why) : 0;
	if (rc)
		return rc;
	next.nth = options.nth;
	next.chance = options.chance;
	next.rng.state = options.seed;
	next.answer = options.error;
	if (!fail_plan_set(&next, selects, &selector)) {
		snprintf(why, INJECT_ERROR_LEN, "no memory for the counters");
		return -ENOMEM;
	}
	fail_plan_clear(plan);
	*plan = next;
	return 0;
}
