/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a unit makes of a request, by memory alone: the tables are walked entry by entry as the
 * manuals say, without any code of the model and without a cache.
 *
 * Sources: Intel VT-d, "Legacy Mode Address Translation", "Scalable Mode Address Translation",
 * "Paging Structures", "Fault Reason Encodings"; AMD I/O Virtualization, "Device Table Entry
 * Format", "I/O Page Tables", "Event Logging".
 */
#ifndef FUZZ_UNIT_NAIVE_H
#define FUZZ_UNIT_NAIVE_H

#include "softiommu.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define NAIVE_RAM   (UINT64_C(64) << 20)
#define NAIVE_PAGE  UINT64_C(4096)
#define NAIVE_MARKS 8u

enum naive_kind {
	NAIVE_PASS,    /* to `pa` */
	NAIVE_FAULT,   /* blocked, for `code` */
	NAIVE_NOBODY,  /* nobody answers, and nothing is recorded */
	NAIVE_UNKNOWN, /* not followed here */
};

struct naive_answer {
	enum naive_kind kind;
	unsigned code;
	bool silent; /* no fault is recorded */
	/* AMD-Vi: of the event. Perhaps it is suppressed; there are others of the code. */
	unsigned flags;
	uint64_t address;
	uint16_t domain;
	bool perhaps, others;
	uint64_t pa;
	uint32_t tag; /* of what may be cached of it: domain and PASID; 0: nothing */
	/* Bits that the walk sets in entries that it used. */
	struct {
		uint64_t pa, bits;
	} mark[NAIVE_MARKS];
	unsigned marks;
};

/* Of a unit, as far as translation depends on them. */
struct naive_vtd {
	struct sio_hw *hw;
	bool on;
	uint64_t root; /* RTADDR when it was latched */
	/* Protected memory, while PMEN says so. */
	bool protect;
	uint64_t low_first, low_last, high_first, high_last;
};

struct naive_amd {
	struct sio_hw *hw;
	uint64_t control, table, exclusion_base, exclusion_limit;
};

static inline uint32_t naive_tag(uint64_t domain, uint32_t pasid)
{
	return UINT32_C(1) << 31 | pasid << 16 | (uint16_t)domain;
}

static inline uint64_t naive_bits(uint64_t value, unsigned high, unsigned low)
{
	return value >> low & (UINT64_MAX >> (63 - (high - low)));
}

/* False: nothing is there. */
static inline bool naive_word(struct sio_hw *hw, uint64_t pa, void *word)
{
	memset(word, 0, 8);
	return pa <= NAIVE_RAM - 8 && !sio_hw_read(hw, pa, word, 8);
}

struct naive_answer naive_vtd(const struct naive_vtd *unit, const struct sio_request *request);
struct naive_answer naive_amd(const struct naive_amd *unit, const struct sio_request *request);

#endif
