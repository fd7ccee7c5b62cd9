/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The few types and macros that every part uses.
 *
 * Vocabulary (model/pt/pt.h has the page-table half): iova is an input address, pa an emulated
 * physical address, hva a host pointer; `last` is inclusive, `end` exclusive, `len` in bytes; a
 * name ending in _lg2 holds a base-2 logarithm. Ranges are carried as [first, last] because `first
 * + len` overflows at the top of the space.
 */
#ifndef MODEL_BASE_H
#define MODEL_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t iova_t;
typedef uint64_t pa_t;

#define PA_NONE (~(pa_t)0)

#define SIO_PAGE_LG2  12u
#define SIO_PAGE_SIZE UINT64_C(4096)
#define SIO_PAGE_MASK (~(SIO_PAGE_SIZE - 1))

#define SIO_BIT(n) (UINT64_C(1) << (n))
/* Bits lo to hi inclusive. */
#define SIO_MASK(hi, lo)                    ((~UINT64_C(0) >> (63 - (hi))) & (~UINT64_C(0) << (lo)))
#define SIO_FIELD_GET(mask, value)          (((uint64_t)(value) & (mask)) / ((mask) & -(mask)))
#define SIO_FIELD_PREP(mask, value)         (((uint64_t)(value) * ((mask) & -(mask))) & (mask))
#define SIO_ARRAY_SIZE(a)                   (sizeof(a) / sizeof((a)[0]))
#define sio_container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

#define SIO_ALWAYS_INLINE     inline __attribute__((always_inline))
#define SIO_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* A condition that only a defect of ours can break: checked in every build. */
#define sio_assert(cond) \
	(__builtin_expect(!!(cond), 1) ? (void)0 : sio_assert_fail(#cond, __FILE__, __LINE__))

_Noreturn void sio_assert_fail(const char *cond, const char *file, int line);

static inline uint64_t sio_align_down(uint64_t value, uint64_t size)
{
	return value & ~(size - 1);
}

static inline bool sio_is_aligned(uint64_t value, uint64_t size)
{
	return (value & (size - 1)) == 0;
}

/* Largest n with 2^n <= value; value is not 0. */
static inline unsigned sio_lg2(uint64_t value)
{
	return 63u - (unsigned)__builtin_clzll(value);
}

/*
 * Whether n words are all zero, which others may be writing. For long runs in memory that is known
 * to be there: a sanitizer that looked at each word would be most of the work.
 */
bool sio_words_zero(const uint64_t *words, unsigned n);

#endif
