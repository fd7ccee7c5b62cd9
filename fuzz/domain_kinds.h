/* SPDX-License-Identifier: GPL-2.0-only */
/* The machines that the target `domain` runs on, and what their units make of a domain. */
#ifndef FUZZ_DOMAIN_KINDS_H
#define FUZZ_DOMAIN_KINDS_H

#include "kept.h"

#include <stdbool.h>
#include <stdint.h>

#define DEVICES 3u

struct sio_machine;

struct machine_kind {
	const char *name;
	const char *text;            /* NULL: a preset */
	const char *device[DEVICES]; /* each alone in its group; NULL: there are no more */
	bool mixed; /* units differ: what a domain is like, and who may join, depends */
	bool amd;
	uint8_t bits;
	bool snoops;
};

/* By name; NULL: the one that the number stands for. NULL: there is none of that name. */
const struct machine_kind *machine_kind_of(const char *name, uint64_t number);
/*
 * As after power-on, with the kernel, or with the one that the number stands for; each made once.
 * Strict: units tell when they use what is stale, and find it in no other way than the slow one.
 */
struct kept *machine_of(const struct machine_kind *kind, const char *kernel, uint64_t number,
			bool strict);

/* A plan by which the n-th table from here on cannot be had; whether that happened. */
struct fail_plan *fail_next(uint64_t n);
bool fail_met(void);

#endif
