// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fault injection: the table of points, the plan's text and the counters.
 *
 * Invariant: a plan fires once. seen[] counts from the moment the plan was set, for every point, so
 * that a run without a matching failure tells how many times each point was passed.
 */
#include "core/inject.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	int error;
} points[INJECT_COUNT] = {
	[INJECT_NONE] = {"none", 0},
	[INJECT_ALLOC] = {"alloc", -ENOMEM},
	[INJECT_PIN] = {"type1.pin", -EFAULT},
	[INJECT_PT_ALLOC] = {"pt.alloc", -ENOMEM},
	[INJECT_IOMMU_MAP] = {"iommu.map", -ENOMEM},
	[INJECT_IOMMU_ATTACH] = {"iommu.attach", -ENOMEM},
	[INJECT_COPY_IN] = {"copy.in", -EFAULT},
	[INJECT_COPY_OUT] = {"copy.out", -EFAULT},
	[INJECT_SKIP_IOTLB] = {"drv.skip-iotlb", -EIO},
};

static const struct {
	const char *name;
	int error;
} errors[] = {
	{"EPERM", EPERM},           {"ENOENT", ENOENT},
	{"EINTR", EINTR},           {"EIO", EIO},
	{"E2BIG", E2BIG},           {"EBADF", EBADF},
	{"EAGAIN", EAGAIN},         {"ENOMEM", ENOMEM},
	{"EACCES", EACCES},         {"EFAULT", EFAULT},
	{"EBUSY", EBUSY},           {"EEXIST", EEXIST},
	{"ENODEV", ENODEV},         {"EINVAL", EINVAL},
	{"ENOSPC", ENOSPC},         {"ERANGE", ERANGE},
	{"ENOTTY", ENOTTY},         {"ESRCH", ESRCH},
	{"ETIMEDOUT", ETIMEDOUT},   {"EOVERFLOW", EOVERFLOW},
	{"EOPNOTSUPP", EOPNOTSUPP},
};

int inject_point(struct inject *inject, enum inject_id id)
{
	if (__builtin_expect(inject->id == INJECT_NONE, 1))
		return 0;
	if (++inject->seen[id] != inject->nth || id != inject->id)
		return 0;
	return inject->error ? inject->error : points[id].error;
}

const char *inject_name(enum inject_id id)
{
	return id < INJECT_COUNT ? points[id].name : NULL;
}

/* Does `text` of `len` bytes equal `name`? */
static bool text_is(const char *text, size_t len, const char *name)
{
	return strlen(name) == len && !memcmp(text, name, len);
}

static enum inject_id point_by_name(const char *text, size_t len)
{
	for (unsigned i = INJECT_NONE + 1; i < INJECT_COUNT; i++) {
		if (text_is(text, len, points[i].name))
			return (enum inject_id)i;
	}
	return INJECT_NONE;
}

static int error_by_name(const char *text, size_t len)
{
	for (size_t i = 0; i < SIO_ARRAY_SIZE(errors); i++) {
		if (text_is(text, len, errors[i].name))
			return -errors[i].error;
	}
	return 0;
}

/* One "key=value" of `len` bytes; NULL: taken, else what is wrong. */
static const char *plan_option(struct inject *plan, const char *text, size_t len)
{
	if (len > 4 && !memcmp(text, "nth=", 4)) {
		char *end;

		errno = 0;
		plan->nth = text[4] >= '0' && text[4] <= '9' ? strtoull(text + 4, &end, 10) : 0;
		if (!plan->nth || errno || end != text + len)
			return "nth= wants a number from 1 up";
		return NULL;
	}
	if (len > 6 && !memcmp(text, "errno=", 6)) {
		plan->error = error_by_name(text + 6, len - 6);
		return plan->error ? NULL : "errno= wants the name of an error, like EFAULT";
	}
	return "unknown option; the form is NAME:nth=N[,errno=ENAME]";
}

int inject_plan(struct inject *inject, const char *plan, const char **why)
{
	struct inject next = {.id = INJECT_NONE};
	size_t len;

	if (*plan) {
		len = strcspn(plan, ":");
		next.id = point_by_name(plan, len);
		if (next.id == INJECT_NONE) {
			*why = "no injection point of that name";
			return -EINVAL;
		}
		for (plan += len; *plan; plan += len) {
			len = strcspn(++plan, ",");
			*why = plan_option(&next, plan, len);
			if (*why)
				return -EINVAL;
		}
		if (!next.nth) {
			*why = "nth=N is missing";
			return -EINVAL;
		}
	}
	*inject = next;
	return 0;
}
