// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOMMU_GET_INFO: page sizes, and a chain of capabilities behind them.
 *
 * Source: <linux/vfio.h> of 6.12; the fixed part there has 24 bytes and the DMA_AVAIL capability
 * 16, padding included. Chain order: MIGRATION, DMA_AVAIL, IOVA_RANGE. A buffer too small for the
 * chain gets the size it needs and no chain; of the fixed part no more is written than the caller
 * has.
 */
#include "type1/t1.h"

#include <errno.h>
#include <linux/vfio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DIRTY_BITMAP_BYTES (UINT64_C(1) << 28)
#define INFO_BYTES_MIN         16u

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

struct info_chain {
	struct info_migration migration;
	struct info_dma_avail dma_avail;
	struct info_iova_range iova;
	struct iova_range range[];
};

_Static_assert(sizeof(struct info_head) == 24, "ABI");
_Static_assert(sizeof(struct info_migration) == 32, "ABI");
_Static_assert(sizeof(struct info_dma_avail) == 16, "ABI");
_Static_assert(sizeof(struct info_iova_range) == 16, "ABI");
_Static_assert(offsetof(struct info_chain, range) == 64, "no padding");
_Static_assert(sizeof(struct iova_range) == sizeof(struct vfio_iova_range), "ABI");

static struct info_chain *chain_build(struct type1 *t1, uint32_t *bytes)
{
	uint32_t ranges = t1->iova.count * (uint32_t)sizeof(struct iova_range);
	struct info_chain *chain = t1_alloc(t1, sizeof(*chain) + ranges);

	if (!chain)
		return NULL;
	chain->migration = (struct info_migration){
		.cap.id = VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION,
		.cap.version = 1,
		.cap.next = sizeof(struct info_head) + offsetof(struct info_chain, dma_avail),
		.pgsize_bitmap = t1_pgsize(t1),
		.max_dirty_bitmap_size = MAX_DIRTY_BITMAP_BYTES,
	};
	chain->dma_avail = (struct info_dma_avail){
		.cap.id = VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL,
		.cap.version = 1,
		.avail = t1->dma_avail,
	};
	*bytes = offsetof(struct info_chain, iova);
	if (!t1->iova.count)
		return chain;
	chain->dma_avail.cap.next = (uint32_t)sizeof(struct info_head) + *bytes;
	chain->iova = (struct info_iova_range){
		.cap.id = VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE,
		.cap.version = 1,
		.count = t1->iova.count,
	};
	memcpy(chain->range, t1->iova.range, ranges);
	*bytes = (uint32_t)offsetof(struct info_chain, range) + ranges;
	return chain;
}

long t1_get_info(struct type1 *t1, const struct caller *caller, uint64_t arg)
{
	struct info_head head = {0};
	struct info_chain *chain;
	uint32_t bytes, head_bytes = sizeof(head);
	int rc;

	rc = t1_copy_in(t1, caller, &head, arg, INFO_BYTES_MIN);
	if (rc)
		return rc;
	if (head.argsz < INFO_BYTES_MIN)
		return -EINVAL;
	if (head.argsz < head_bytes)
		head_bytes = head.argsz;
	head.flags = VFIO_IOMMU_INFO_PGSIZES | VFIO_IOMMU_INFO_CAPS;
	head.pgsizes = t1->pgsize_bitmap;

	chain = chain_build(t1, &bytes);
	if (!chain)
		return -ENOMEM;
	if (head.argsz < sizeof(head) + bytes) {
		head.argsz = (uint32_t)sizeof(head) + bytes;
	} else {
		rc = t1_copy_out(t1, caller, arg + sizeof(head), chain, bytes);
		head.cap_offset = sizeof(head);
	}
	free(chain);
	return rc ? rc : t1_copy_out(t1, caller, arg, &head, head_bytes);
}
