/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bytes of objects as they were at one moment, to go back to that moment.
 *
 * Whoever owns an object says which of its bytes come and go in use and are simply put back, and
 * which hold the shape of things: pointers to other objects, counts, who is where. Shape is never
 * put back but compared: as long as it is what it was, the bytes that are put back cannot name
 * anything that is gone. A pointer is added before what it leads to: comparison goes in that order
 * and follows nothing that has changed. Ranges may overlap.
 */
#ifndef MODEL_KEEP_H
#define MODEL_KEEP_H

#include "base.h"

struct keep_range {
	void *at;
	size_t len, copy; /* where in keep.copies */
	bool shape;
};

/* Zero-initialise; owned by whoever does. */
struct keep {
	struct keep_range *range;
	size_t count;
	uint8_t *copies;
	size_t bytes;
	bool failed; /* there was no memory for something, or an object cannot be kept */
};

/* Put these bytes back. Without memory keep->failed is set. */
void keep_bytes(struct keep *keep, void *at, size_t len);
/* Compare these bytes. */
void keep_shape(struct keep *keep, const void *at, size_t len);
/* All shape is as it was, and nothing failed. */
bool keep_holds(const struct keep *keep);
/* Only if keep_holds(). */
void keep_restore(const struct keep *keep);
/* Ready for another moment. */
void keep_fini(struct keep *keep);

#endif
