// SPDX-License-Identifier: GPL-2.0-only
/*
 * Blocks with a head before them, and a ring of free ones for each size.
 *
 * A head takes 16 bytes, or a whole cache line before a block that begins one.
 *
 * Invariant: a block in a ring is poisoned from its first byte to its last.
 */
#include "recycle.h"

#include "poison.h"

/* Freed blocks of a size that are not given out again as yet, so that late uses are noticed. */
#ifdef SIO_ASAN
#define QUARANTINE 8u
#else
#define QUARANTINE 0u
#endif

#define STEP       ((size_t)64)
#define STEPS_MAX  ((size_t)2048)
#define KEPT_MAX   ((size_t)32768)
#define HEAD_MAGIC UINT32_C(0x5eca11ed)

struct head {
	size_t size; /* that was asked for */
	uint32_t magic;
	uint16_t order; /* RECYCLE_SIZES: too large to be kept */
	bool aligned;
	bool kept;
};

_Static_assert(sizeof(struct head) == 16, "blocks are aligned as malloc() aligns them");

_Thread_local struct recycler *recycle_current;

static struct head *head_of(void *block)
{
	struct head *head = (struct head *)block - 1;

	/* Not a block of ours, or somebody wrote before its begin. */
	sio_assert(head->magic == HEAD_MAGIC);
	return head;
}

static size_t lead_of(bool aligned)
{
	return aligned ? STEP : sizeof(struct head);
}

static unsigned order_of(size_t size)
{
	unsigned order = (unsigned)(STEPS_MAX / STEP);

	if (size <= STEPS_MAX)
		return size ? (unsigned)((size - 1) / STEP) : 0;
	for (size_t room = 2 * STEPS_MAX; room <= KEPT_MAX; room *= 2, order++)
		if (size <= room)
			return order;
	return RECYCLE_SIZES;
}

static size_t room_of(unsigned order, size_t size)
{
	const unsigned steps = (unsigned)(STEPS_MAX / STEP);

	if (order < steps)
		return (order + 1) * STEP;
	return order < RECYCLE_SIZES ? 2 * STEPS_MAX << (order - steps) : size;
}

_Static_assert(KEPT_MAX == 2 * STEPS_MAX << (RECYCLE_SIZES - STEPS_MAX / STEP - 1),
	       "an order for each size");

struct recycler *recycler_create(void)
{
	return nofail_calloc("without one it only takes longer", 1, sizeof(struct recycler));
}

static void block_release(void *block)
{
	struct head *head = head_of(block);

	unpoison(block, room_of(head->order, head->size));
	head->magic = 0;
	free((uint8_t *)block - lead_of(head->aligned));
}

void recycler_destroy(struct recycler *recycler)
{
	if (!recycler)
		return;
	for (unsigned aligned = 0; aligned < 2; aligned++)
		for (unsigned order = 0; order < RECYCLE_SIZES; order++) {
			struct recycle_ring *ring = &recycler->ring[aligned][order];

			while (ring->count) {
				ring->count--;
				block_release(ring->block[ring->first++ % RECYCLE_KEPT]);
			}
		}
	free(recycler);
}

static void *ring_take(bool aligned, unsigned order)
{
	struct recycle_ring *ring;

	if (!recycle_current || order == RECYCLE_SIZES)
		return NULL;
	ring = &recycle_current->ring[aligned][order];
	if (ring->count <= QUARANTINE)
		return NULL;
	ring->count--;
	return ring->block[ring->first++ % RECYCLE_KEPT];
}

static void *block_new(size_t size, bool aligned, unsigned order)
{
	const size_t lead = lead_of(aligned), room = room_of(order, size);
	uint8_t *base;

	if (room > SIZE_MAX - 2 * STEP)
		return NULL;
	base = aligned ? aligned_alloc(STEP, lead + sio_align_down(room + STEP - 1, STEP))
		       : malloc(lead + room);
	return base ? base + lead : NULL;
}

void *recycle_take(size_t size, bool aligned)
{
	const unsigned order = order_of(size);
	void *block = ring_take(aligned, order);

	if (block)
		unpoison(block, size);
	else
		block = block_new(size, aligned, order);
	if (!block)
		return NULL;
	if (recycle_current)
		recycle_current->live++;
	((struct head *)block)[-1] = (struct head){.size = size,
						   .magic = HEAD_MAGIC,
						   .order = (uint16_t)order,
						   .aligned = aligned};
	poison((uint8_t *)block + size, room_of(order, size) - size);
	return aligned ? block : memset(block, 0, size);
}

void *recycle_resize(void *block, size_t size)
{
	struct head *head = block ? head_of(block) : NULL;
	void *to;

	if (head && head->order < RECYCLE_SIZES && order_of(size) == head->order) {
		unpoison(block, size);
		head->size = size;
		poison((uint8_t *)block + size, room_of(head->order, size) - size);
		return block;
	}
	to = recycle_take(size, false);
	if (!to || !head)
		return to;
	memcpy(to, block, head->size < size ? head->size : size);
	recycle_free(block);
	return to;
}

void recycle_free(void *block)
{
	struct head *head = block ? head_of(block) : NULL;
	struct recycle_ring *ring;

	if (!block)
		return;
	sio_assert(!head->kept);
	if (recycle_current)
		recycle_current->live--;
	if (!recycle_current || head->order == RECYCLE_SIZES ||
	    recycle_current->ring[head->aligned][head->order].count == RECYCLE_KEPT) {
		block_release(block);
		return;
	}
	ring = &recycle_current->ring[head->aligned][head->order];
	head->kept = true;
	poison(block, room_of(head->order, head->size));
	ring->block[(ring->first + ring->count++) % RECYCLE_KEPT] = block;
}
