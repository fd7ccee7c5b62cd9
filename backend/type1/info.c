// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOMMU_GET_INFO: page sizes, and a chain of capabilities behind them.
 *
 * Source: <linux/vfio.h> of 6.12; the fixed part there has 24 bytes and the DMA_AVAIL capability
 * 16, padding included; before 6.6 it has 12 and what follows is not aligned. Chain order:
 * MIGRATION, DMA_AVAIL, IOVA_RANGE, as far as the kernel has them. A buffer too small for the chain
 * gets the size it needs and no chain; of the fixed part no more is written than the caller has,
 * and before there were capabilities no more than 16 bytes.
 */
#include "type1/t1.h"

#include "recycle.h"

#include <errno.h>
#include <linux/vfio.h>
#include <string.h>

#define MAX_DIRTY_BITMAP_BYTES (UINT64_C(1) << 28)
#define INFO_BYTES_MIN         16u

/* Bytes of a stack that was not cleared, as they appear in padding before 6.6. */
#define STACK_GARBAGE 0x5a5a5a5au

/* The structures of 6.12, independent of the age of the installed header. */
struct info_head {
	uint32_t argsz, flags;
	uint64_t pgsizes;
	uint32_t cap_offset, pad;
};

struct info_cap {
	uint16_t id, version;
	uint32_t next; /* from the start of the whole structure, 0 ends */
};

struct info_migration {
	struct info_cap cap;
	uint32_t flags, pad;
	uint64_t pgsize_bitmap, max_dirty_bitmap_size;
};

struct info_dma_avail {
	struct info_cap cap;
	uint32_t avail, pad;
};

struct info_iova_range {
	struct info_cap cap;
	uint32_t count, pad;
};

_Static_assert(sizeof(struct info_head) == 24, "ABI");
_Static_assert(sizeof(struct info_migration) == 32, "ABI");
_Static_assert(sizeof(struct info_dma_avail) == 16, "ABI");
_Static_assert(sizeof(struct info_iova_range) == 16, "ABI");
_Static_assert(sizeof(struct iova_range) == sizeof(struct vfio_iova_range), "ABI");

struct info_chain {
	uint8_t *bytes;
	uint32_t len;
	uint32_t last; /* where the last capability begins; len 0: there is none */
};

/* Append a capability of which `cap` holds the first `cap_len` bytes, and link it. */
static void chain_add(struct info_chain *chain, const void *cap, size_t cap_len, const void *more,
		      size_t more_len)
{
	const uint32_t at = chain->len, next = (uint32_t)sizeof(struct info_head) + at;

	if (at)
		memcpy(chain->bytes + chain->last + offsetof(struct info_cap, next), &next,
		       sizeof(next));
	memcpy(chain->bytes + at, cap, cap_len);
	if (more_len)
		memcpy(chain->bytes + at + cap_len, more, more_len);
	chain->last = at;
	chain->len += (uint32_t)(cap_len + more_len);
}

static void chain_fill(const struct type1 *t1, struct info_chain *chain)
{
	const struct personality *kernel = t1_kernel(t1);
	const struct info_migration migration = {
		.cap = {VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION, 1, 0},
		.pad = kernel->zeroed_caps && !SEEDED(T17) ? 0 : STACK_GARBAGE,
		.pgsize_bitmap = t1_pgsize(t1),
		.max_dirty_bitmap_size = MAX_DIRTY_BITMAP_BYTES,
	};
	const struct info_dma_avail avail = {
		.cap = {VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL, 1, 0},
		.avail = t1->dma_avail,
	};
	const struct info_iova_range iova = {
		.cap = {VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE, 1, 0},
		.count = t1->iova.count,
	};

	if (kernel->migration_cap)
		chain_add(chain, &migration, sizeof(migration), NULL, 0);
	if (kernel->avail_cap != AVAIL_CAP_NONE)
		chain_add(chain, &avail, kernel->avail_cap == AVAIL_CAP_12 ? 12 : sizeof(avail),
			  NULL, 0);
	if (kernel->iova_cap && t1->iova.count)
		chain_add(chain, &iova, sizeof(iova), t1->iova.range,
			  t1->iova.count * sizeof(*t1->iova.range));
}

/* Add the chain behind the fixed part, or say how much room it needs. */
static int put_chain(struct type1 *t1, const struct caller *caller, uint64_t arg,
		     struct info_head *head)
{
	struct info_chain chain = {0};
	int rc = 0;

	chain.bytes = recycle_calloc("type1.info.chain",
				     sizeof(struct info_migration) + sizeof(struct info_dma_avail) +
					     sizeof(struct info_iova_range) +
					     t1->iova.count * sizeof(struct iova_range));
	if (!chain.bytes)
		return -ENOMEM;
	chain_fill(t1, &chain);
	if (chain.len) {
		head->flags |= VFIO_IOMMU_INFO_CAPS;
		if (head->argsz < sizeof(*head) + chain.len) {
			head->argsz = (uint32_t)sizeof(*head) + chain.len;
		} else {
			rc = copy_to_caller("type1.info.chain.copy-out", caller,
					    arg + sizeof(*head), chain.bytes, chain.len);
			head->cap_offset = sizeof(*head);
		}
	}
	recycle_free(chain.bytes);
	return rc;
}

long t1_get_info(struct type1 *t1, const struct caller *caller, uint64_t arg)
{
	const struct personality *kernel = t1_kernel(t1);
	struct info_head head = {0};
	uint32_t head_bytes = kernel->info == INFO_CAPS ? sizeof(head) : INFO_BYTES_MIN;
	int rc;

	rc = copy_from_caller("type1.info.copy-in", caller, &head, arg, INFO_BYTES_MIN);
	if (rc)
		return rc;
	if (head.argsz < INFO_BYTES_MIN)
		return -EINVAL;
	if (head.argsz < head_bytes)
		head_bytes = head.argsz;
	head.flags = kernel->info == INFO_0 ? 0 : VFIO_IOMMU_INFO_PGSIZES;
	head.pgsizes = t1->pgsize_bitmap;
	if (kernel->info == INFO_CAPS)
		rc = put_chain(t1, caller, arg, &head);
	return rc ? rc : t1_copy_back("type1.info.copy-out", t1, caller, arg, &head, head_bytes);
}
