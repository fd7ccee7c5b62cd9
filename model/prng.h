/* SPDX-License-Identifier: GPL-2.0-only */
/* The only source of randomness: a seeded generator (splitmix64), the same on every machine. */
#ifndef MODEL_PRNG_H
#define MODEL_PRNG_H

#include <stdint.h>

struct prng {
	uint64_t state;
};

static inline uint64_t prng_next(struct prng *rng)
{
	uint64_t z = rng->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* A number in [0, bound); bound is not 0. */
static inline uint64_t prng_below(struct prng *rng, uint64_t bound)
{
	return prng_next(rng) % bound;
}

#endif
