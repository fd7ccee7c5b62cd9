/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Seeded bugs: defects that were real once, and some that could have been, to be put back one at a
 * time, so that a fuzzing campaign can be measured by what it finds.
 *
 * Only a build with SIO_SEEDED_BUGS has them, and even that has none until one is chosen. In any
 * other build SEEDED() is the constant false and nothing of a bug is left in the program.
 *
 * Where one stands, the code reads `if (SEEDED(T04) && ...)`: the defect under the switch, the
 * right thing beside it.
 */
#ifndef MODEL_SEEDED_H
#define MODEL_SEEDED_H

#include <stdbool.h>

/* T: the type1 container; F: iommufd; V: VT-d and its driver; A: AMD-Vi and its driver; X:
 * invented. */
/* clang-format off */
#define SEEDED_BUGS(B)                                                                             \
	B(T01) B(T02) B(T03) B(T04) B(T05) B(T06) B(T07) B(T08) B(T09) B(T10) B(T11) B(T12)        \
	B(T13) B(T14) B(T15) B(T16) B(T17) B(T18) B(T20) B(T21) B(T22) B(T23)                      \
	B(F01) B(F02) B(F03) B(F04) B(F05) B(F06) B(F07) B(F08) B(F09) B(F10) B(F11)               \
	B(V01) B(V02) B(V03) B(V05) B(V06)                                                         \
	B(A01) B(A02) B(A03) B(A04) B(A05) B(A06)                                                  \
	B(X01) B(X02) B(X03) B(X04) B(X05) B(X06)
/* clang-format on */

#define SEEDED_ENUM(id) SEEDED_##id,

enum seeded_bug { SEEDED_NONE, SEEDED_BUGS(SEEDED_ENUM) SEEDED_COUNT };

#ifdef SIO_SEEDED_BUGS

/* Of the process; written before the first machine exists. */
extern enum seeded_bug seeded_bug;

/* "T04" chooses it; false and no change: there is none of that name. */
bool seeded_choose(const char *name);
/* SEEDED_NONE < which < SEEDED_COUNT. */
const char *seeded_name(enum seeded_bug which);

#define SEEDED(id) (__builtin_expect(seeded_bug == SEEDED_##id, 0))

#else

#define SEEDED(id) false

#endif

/* Before a function that nothing but a seeded bug calls: `./dev coverage` does not ask for it. */
#define SEEDED_ONLY

#endif
