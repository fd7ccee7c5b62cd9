/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Audits are judged as everything else is: by states that they must refuse.
 *
 * A test brings up a state that is right, makes one fact of it wrong behind everybody's back, and
 * demands the words that name this fact; then it puts the fact right again, and nothing may be
 * said any more.
 */
#ifndef TESTS_AUDIT_BREAK_H
#define TESTS_AUDIT_BREAK_H

#include <string.h>

#include "harness.h"

/* What the program's audit says, NULL: nothing. Defined by the test. */
static const char *audit_now(void);

static inline void audit_says(const char *text)
{
	const char *what = audit_now();

	ck_assert_msg(what != NULL, "nothing was said, instead of: %s", text);
	ck_assert_msg(!strcmp(what, text), "it said: %s; not: %s", what, text);
}

static inline void audit_holds(void)
{
	const char *what = audit_now();

	ck_assert_msg(!what, "%s", what);
}

/* For the time of an audit, `place` is `value`. */
#define AUDIT_FINDS(place, value, text)              \
	do {                                         \
		__typeof__(place) audit_was = place; \
                                                     \
		place = value;                       \
		audit_says(text);                    \
		place = audit_was;                   \
		audit_holds();                       \
	} while (0)

/* The same of a bit, which has no type. */
#define AUDIT_FINDS_BIT(place, text) \
	do {                         \
		place = !place;      \
		audit_says(text);    \
		place = !place;      \
		audit_holds();       \
	} while (0)

#endif
