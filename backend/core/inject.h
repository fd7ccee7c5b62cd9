/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Failure plans as text, and failures by the kernel's names for them.
 *
 * model/fail.h has points and plans; here are the errno values that a point may answer, which are
 * those that the kernel can return from such a call, and the form in which a user writes a plan:
 *
 *   SELECTOR:nth=N[,errno=E]            the N-th passage fails, once
 *   SELECTOR:prob=P,seed=S[,errno=E]    each fails with probability P, 0 < P <= 1
 *
 * where SELECTOR is a point's name ("type1.map.copy-in"), a prefix ("type1.*"), a kind ("alloc") or
 * "*", which is every point but those of kind bug.
 */
#ifndef BACKEND_CORE_INJECT_H
#define BACKEND_CORE_INJECT_H

#include <errno.h>

#include "fail.h"

#define INJECT_ERROR_LEN 256u

/*
 * Set a plan in this form; "" clears. `plan` is zero or was set before. -EINVAL with one line in
 * `why` (INJECT_ERROR_LEN bytes), -ENOMEM; then nothing changed.
 */
int inject_plan(struct fail_plan *plan, const char *text, char *why);
/* The n-th errno (positive) that a point may answer, the usual one first; 0: there are no more. */
int inject_answer(const struct fail_point *point, unsigned n);
/* "ENOMEM"; NULL: no errno of any point. */
const char *inject_errno_name(int error);
/* The negative errno that the plan in force wants of a point that just failed. */
int inject_error(const struct fail_point *point);

/* Pass a point: 0, or the negative errno to answer. */
static inline int inject_at(const struct fail_point *point)
{
	return fail_at(point) ? inject_error(point) : 0;
}

/* Pass the point of this place: its name, its kind, and its errnos unless they are the kind's. */
#define inject_here(name, kind, ...) inject_at(FAIL_POINT(name, kind, __VA_ARGS__))

#endif
