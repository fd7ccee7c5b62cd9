// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ranges and copies, each in one array that grows while a moment is recorded.
 */
#include "keep.h"

#include "fail.h"

#include <stdlib.h>
#include <string.h>

/* Neighbours that are treated alike are one range. */
static bool continues_last(const struct keep *keep, const void *at, bool shape)
{
	const struct keep_range *last = keep->count ? &keep->range[keep->count - 1] : NULL;

	return last && last->shape == shape && (const uint8_t *)last->at + last->len == at;
}

static void add(struct keep *keep, void *at, size_t len, bool shape)
{
	struct keep_range *range = nofail_realloc("without copies it only takes longer to go back",
						  keep->range, (keep->count + 1) * sizeof(*range));
	uint8_t *copies = nofail_realloc("as above", keep->copies, keep->bytes + len + 1);

	if (range)
		keep->range = range;
	if (copies)
		keep->copies = copies;
	if (!range || !copies) {
		keep->failed = true;
		return;
	}
	memcpy(copies + keep->bytes, at, len);
	if (continues_last(keep, at, shape))
		range[keep->count - 1].len += len;
	else
		range[keep->count++] = (struct keep_range){.at = at,
							   .len = len,
							   .copy = keep->bytes,
							   .shape = shape};
	keep->bytes += len;
}

void keep_bytes(struct keep *keep, void *at, size_t len)
{
	add(keep, at, len, false);
}

void keep_shape(struct keep *keep, const void *at, size_t len)
{
	add(keep, (void *)(uintptr_t)at, len, true);
}

/*
 * Ranges are many and short, and a sanitizer's memcmp() looks up each anew. Whether there is still
 * an object is found out at both ends of the range, by the caller.
 */
static __attribute__((no_sanitize("address", "undefined"))) bool
inside_differs(const uint8_t *a, const uint8_t *b, size_t len)
{
	uint64_t differ = 0, x, y;

	for (; len >= sizeof(x); a += sizeof(x), b += sizeof(x), len -= sizeof(x)) {
		__builtin_memcpy(&x, a, sizeof(x));
		__builtin_memcpy(&y, b, sizeof(y));
		differ |= x ^ y;
	}
	while (len--)
		differ |= *a++ ^ *b++;
	return differ != 0;
}

static bool range_holds(const struct keep *keep, const struct keep_range *range)
{
	const uint8_t *now = range->at, *then = keep->copies + range->copy;

	return !range->len || (now[0] == then[0] && now[range->len - 1] == then[range->len - 1] &&
			       !inside_differs(now, then, range->len));
}

bool keep_holds(const struct keep *keep)
{
	if (keep->failed)
		return false;
	for (size_t i = 0; i < keep->count; i++)
		if (keep->range[i].shape && !range_holds(keep, &keep->range[i]))
			return false;
	return true;
}

static __attribute__((no_sanitize("address", "undefined"))) void
inside_copy(uint8_t *to, const uint8_t *from, size_t len)
{
	uint64_t x;

	for (; len >= sizeof(x); to += sizeof(x), from += sizeof(x), len -= sizeof(x)) {
		__builtin_memcpy(&x, from, sizeof(x));
		__builtin_memcpy(to, &x, sizeof(x));
	}
	while (len--)
		*to++ = *from++;
}

void keep_restore(const struct keep *keep)
{
	for (size_t i = 0; i < keep->count; i++) {
		const struct keep_range *range = &keep->range[i];
		const uint8_t *then = keep->copies + range->copy;
		uint8_t *now = range->at;

		if (range->shape || !range->len)
			continue;
		now[0] = then[0];
		now[range->len - 1] = then[range->len - 1];
		inside_copy(now, then, range->len);
	}
}

void keep_fini(struct keep *keep)
{
	free(keep->range);
	free(keep->copies);
	*keep = (struct keep){0};
}
