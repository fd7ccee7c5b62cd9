// SPDX-License-Identifier: GPL-2.0-only
/*
 * Invalidation: descriptors in the unit's queue, or its registers where it has no queue.
 *
 * Spec: "Queued Invalidation Interface", "Invalidation Descriptors", "Register-based Invalidation
 * Interface".
 *
 * Every submission ends with a wait descriptor whose status write is awaited, so that all calls
 * here return after the unit has forgotten. A descriptor that the unit refuses is a defect of this
 * file.
 */
#include "drv_vtd_priv.h"

#define QUEUE_ENTRIES 256u
/* Descriptors of 16 bytes fill one page, of 32 bytes two. */
#define IQA_WIDE (SIO_BIT(11) | SIO_BIT(0))

#define STATUS_WAITING 1u
#define STATUS_DONE    2u

#define DESC_CONTEXT     UINT64_C(1)
#define DESC_IOTLB       UINT64_C(2)
#define DESC_DEVICE      UINT64_C(3)
#define DESC_INTERRUPT   UINT64_C(4)
#define DESC_WAIT        UINT64_C(5)
#define DESC_PASID_IOTLB UINT64_C(6)
#define DESC_PASID_CACHE UINT64_C(7)
#define DESC_PASID_DEV   UINT64_C(8)
#define DESC_GRAN        SIO_MASK(5, 4)
#define DESC_IOTLB_DW    SIO_BIT(6)
#define DESC_IOTLB_DR    SIO_BIT(7)
#define DESC_DID         SIO_MASK(31, 16)
#define DESC_SID         SIO_MASK(47, 32)
#define DESC_PASID       SIO_MASK(51, 32)
#define DESC_WAIT_STATUS SIO_BIT(5)
#define DESC_WAIT_DATA   SIO_MASK(63, 32)
#define DESC_IH          SIO_BIT(6)
#define DESC_DEV_SID     SIO_MASK(31, 16) /* with PASID: where others have the domain */
#define DESC_DEV_SIZE    SIO_BIT(0)       /* S, of a request without PASID */
#define DESC_PDEV_SIZE   SIO_BIT(11)      /* S, of one with */

#define CCMD_ICC  SIO_BIT(63)
#define CCMD_GRAN SIO_MASK(62, 61)
#define CCMD_SID  SIO_MASK(31, 16)
#define CCMD_DID  SIO_MASK(15, 0)

#define IOTLB_IVT  SIO_BIT(63)
#define IOTLB_GRAN SIO_MASK(61, 60)
#define IOTLB_DR   SIO_BIT(49)
#define IOTLB_DW   SIO_BIT(48)
#define IOTLB_DID  SIO_MASK(47, 32)

#define CAP_DWD SIO_BIT(54)
#define CAP_DRD SIO_BIT(55)

struct vtd_desc {
	uint64_t lo, hi;
};

/* The kernel uses wide descriptors wherever there are any, in legacy mode too. */
static bool queue_is_wide(const struct vtd_unit *vu)
{
	return vu->caps.scalable;
}

unsigned vtd_queue_frames(const struct vtd_unit *vu)
{
	return queue_is_wide(vu) ? 2 : 1;
}

static void put_desc(struct vtd_unit *vu, struct vtd_desc desc)
{
	/* The upper half of a wide descriptor stays zero: none that is used here needs it. */
	struct vtd_desc *queue = phys_ptr(vtd_phys(vu), vu->queue);

	queue[vu->tail * vtd_queue_frames(vu)] = desc;
	vu->tail = (vu->tail + 1) % QUEUE_ENTRIES;
}

static bool submit_once(struct vtd_unit *vu, struct vtd_desc desc)
{
	uint32_t *status = phys_ptr(vtd_phys(vu), vu->status);

	__atomic_store_n(status, STATUS_WAITING, __ATOMIC_RELAXED);
	put_desc(vu, desc);
	put_desc(vu, (struct vtd_desc){
			     .lo = DESC_WAIT | DESC_WAIT_STATUS |
				   SIO_FIELD_PREP(DESC_WAIT_DATA, STATUS_DONE),
			     .hi = vu->status,
		     });
	vtd_write(vu, REG_IQT, 8, vu->tail * vtd_queue_frames(vu) * sizeof(desc));
	for (unsigned i = 0; i < DRV_POLL_MAX; i++) {
		if (__atomic_load_n(status, __ATOMIC_ACQUIRE) == STATUS_DONE)
			return true;
		if (vtd_read(vu, REG_FSTS, 4) & (FSTS_IQE | FSTS_ITE))
			return false;
	}
	return false;
}

/* Hand one descriptor to the unit and wait for it. False: the unit refused it. */
static bool submit(struct vtd_unit *vu, struct vtd_desc desc)
{
	bool ok = submit_once(vu, desc);

	/* The kernel submits again what the unit aborted; its callers never hear of that. */
	if (ok && fail_at(FAIL_POINT("vtd.invalidate", FAIL_SYNC, EAGAIN)))
		ok = submit_once(vu, desc);
	return ok;
}

bool vtd_queue_enable(struct vtd_unit *vu)
{
	if (vu->queue == PA_NONE)
		return true;
	vu->tail = 0;
	vtd_write(vu, REG_IQT, 8, 0);
	vtd_write(vu, REG_IQA, 8, vu->queue | (queue_is_wide(vu) ? IQA_WIDE : 0));
	return vtd_global_command(vu, GCMD_QIE, true);
}

void vtd_flush_context(struct vtd_unit *vu, enum vtd_gran gran, uint16_t did, uint16_t rid)
{
	bool ok;

	if (vu->queue != PA_NONE) {
		ok = submit(vu, (struct vtd_desc){
					.lo = DESC_CONTEXT | SIO_FIELD_PREP(DESC_GRAN, gran) |
					      SIO_FIELD_PREP(DESC_DID, did) |
					      SIO_FIELD_PREP(DESC_SID, rid),
				});
	} else {
		vtd_write(vu, REG_CCMD, 8,
			  CCMD_ICC | SIO_FIELD_PREP(CCMD_GRAN, gran) |
				  SIO_FIELD_PREP(CCMD_DID, did) | SIO_FIELD_PREP(CCMD_SID, rid));
		ok = drv_poll(vu->unit, REG_CCMD, 8, CCMD_ICC, 0);
	}
	sio_assert(ok);
}

/* `target` is the address with its mask and hint, for page granularity. */
static void flush_iotlb(struct vtd_unit *vu, enum vtd_gran gran, uint16_t did, uint64_t target)
{
	bool drain_writes = vu->caps.cap & CAP_DWD, drain_reads = vu->caps.cap & CAP_DRD;
	bool ok;

	if (drv_skips_iotlb())
		return;
	if (vu->queue != PA_NONE) {
		ok = submit(vu, (struct vtd_desc){
					.lo = DESC_IOTLB | SIO_FIELD_PREP(DESC_GRAN, gran) |
					      (drain_writes ? DESC_IOTLB_DW : 0) |
					      (drain_reads ? DESC_IOTLB_DR : 0) |
					      SIO_FIELD_PREP(DESC_DID, did),
					.hi = target,
				});
	} else {
		uint32_t iva = vu->caps.iotlb_offset;

		if (gran == GRAN_FINE)
			vtd_write(vu, iva, 8, target);
		vtd_write(vu, iva + 8, 8,
			  IOTLB_IVT | SIO_FIELD_PREP(IOTLB_GRAN, gran) |
				  (drain_writes ? IOTLB_DW : 0) | (drain_reads ? IOTLB_DR : 0) |
				  SIO_FIELD_PREP(IOTLB_DID, did));
		ok = drv_poll(vu->unit, iva + 8, 8, IOTLB_IVT, 0);
	}
	sio_assert(ok);
}

void vtd_flush_iotlb(struct vtd_unit *vu, enum vtd_gran gran, uint16_t did)
{
	flush_iotlb(vu, gran, did, 0);
}

unsigned vtd_psi_mask(iova_t first, iova_t last, iova_t *base)
{
	uint64_t page = first >> SIO_PAGE_LG2;
	uint64_t differ = page ^ last >> SIO_PAGE_LG2;
	/* A mask names a naturally aligned block: the smallest that holds both ends holds the
	 * range. */
	unsigned mask = differ ? sio_lg2(differ) + 1 : 0;

	*base = page >> mask << mask << SIO_PAGE_LG2;
	return mask;
}

void vtd_flush_range(struct vtd_unit *vu, uint16_t did, iova_t first, iova_t last, bool leaf_only)
{
	iova_t base;
	unsigned mask = vtd_psi_mask(first, last, &base);

	if (!vu->caps.psi || mask > vu->caps.mamv)
		vtd_flush_iotlb(vu, GRAN_DOMAIN, did);
	else
		flush_iotlb(vu, GRAN_FINE, did, base | (leaf_only ? DESC_IH : 0) | mask);
}

void vtd_flush_first_stage(struct vtd_unit *vu, uint16_t did, uint32_t pasid, iova_t first,
			   iova_t last, bool leaf_only)
{
	iova_t base;
	unsigned mask = vtd_psi_mask(first, last, &base);
	bool all = mask > vu->caps.mamv, ok;

	if (drv_skips_iotlb())
		return;
	ok = submit(vu,
		    (struct vtd_desc){
			    .lo = DESC_PASID_IOTLB |
				  SIO_FIELD_PREP(DESC_GRAN, all ? GRAN_DOMAIN : GRAN_FINE) |
				  SIO_FIELD_PREP(DESC_DID, did) | SIO_FIELD_PREP(DESC_PASID, pasid),
			    .hi = all ? 0 : base | (leaf_only ? DESC_IH : 0) | mask,
		    });
	sio_assert(ok);
}

void vtd_flush_device(const struct vtd_link *link, iova_t first, iova_t last)
{
	const uint16_t rid = link->vdev->dev->pci->rid;
	const bool has_pasid = link->pasid != IOMMU_NO_PASID;
	struct vtd_unit *vu = link->vdev->unit;
	struct vtd_desc desc;
	iova_t base;
	unsigned mask;

	if (!link->vdev->ats)
		return;
	mask = vtd_psi_mask(first, last, &base);
	/* The size is told by the lowest zero bit, one below the block's own. */
	desc.hi = mask ? base | (SIO_BIT(SIO_PAGE_LG2 + mask - 1) - SIO_PAGE_SIZE) : base;
	if (has_pasid) {
		desc.lo = DESC_PASID_DEV | SIO_FIELD_PREP(DESC_DEV_SID, rid) |
			  SIO_FIELD_PREP(DESC_PASID, link->pasid);
		desc.hi |= mask ? DESC_PDEV_SIZE : 0;
	} else {
		desc.lo = DESC_DEVICE | SIO_FIELD_PREP(DESC_SID, rid);
		desc.hi |= mask ? DESC_DEV_SIZE : 0;
	}
	/* A device that does not answer in time is given up, and the queue goes on. */
	if (!submit(vu, desc))
		vtd_write(vu, REG_FSTS, 4, FSTS_ITE);
}

void vtd_send_response(struct vtd_unit *vu, uint64_t lo, uint64_t hi)
{
	bool ok = submit(vu, (struct vtd_desc){.lo = lo, .hi = hi});

	sio_assert(ok);
}

void vtd_flush_write_buffer(struct vtd_unit *vu)
{
	bool ok = !vu->caps.rwbf || vtd_global_command(vu, GCMD_WBF, true);

	sio_assert(ok);
}

void vtd_flush_pasid_cache(struct vtd_unit *vu, enum vtd_pasid_gran gran, uint16_t did,
			   uint32_t pasid)
{
	/* There are no registers for this: a unit with scalable mode has a queue. */
	bool ok = submit(vu, (struct vtd_desc){
				     .lo = DESC_PASID_CACHE | SIO_FIELD_PREP(DESC_GRAN, gran) |
					   SIO_FIELD_PREP(DESC_DID, did) |
					   SIO_FIELD_PREP(DESC_PASID, pasid),
			     });

	sio_assert(ok);
}

void vtd_flush_interrupts(struct vtd_unit *vu)
{
	bool ok = submit(vu, (struct vtd_desc){.lo = DESC_INTERRUPT});

	sio_assert(ok);
}
