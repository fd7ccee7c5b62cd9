/* SPDX-License-Identifier: GPL-2.0-only */
/* What the drivers do in the same way, whatever the vendor. */
#ifndef BACKEND_DRV_DRV_H
#define BACKEND_DRV_DRV_H

#include "core/iommu_priv.h"

/* A unit acts within the access that asks; one that needs more reads than this is dead. */
#define DRV_POLL_MAX 1000u

/* Read until (value & mask) == want; false: the unit never got there. */
bool drv_poll(struct unit *unit, uint32_t offset, unsigned width, uint64_t mask, uint64_t want);

/* Note what has to be invalidated. */
void drv_gather_add(struct iommu_gather *gather, iova_t first, iova_t last);

/*
 * Dirty bits of [iova, iova + len), which the table can translate; as the driver operation. Of a
 * page that the range cuts, all is gathered: units may remember the other part as dirty by itself.
 */
void drv_read_dirty(struct pt *pt, iova_t iova, uint64_t len, struct iommu_gather *gather,
		    iommu_dirty_fn hit, void *ctx);

/* The one seeded driver bug: this invalidation is to be forgotten. */
bool drv_skips_iotlb(void);

/* Adjacent zeroed frames, a power of two of them. PA_NONE: no memory. */
pa_t drv_frames_alloc(struct phys *phys, unsigned count);
/* Give back the frames that a unit used, zeroed as the allocator wants them. PA_NONE: nothing. */
void drv_frames_free(struct phys *phys, pa_t pa, unsigned count);

#endif
