// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page requests of VT-d units: the queue that a unit fills, and the answers.
 *
 * Spec: "Page Request Queue", "Page Request Descriptor", "Page Request Event", "Page Group Response
 * Descriptor".
 *
 * As prq_event_thread() of the kernel: the pending bit is cleared before the queue is read, so that
 * what comes later raises another event; a request that no device can have made, or that asks for
 * what is not supported, is answered as invalid at once; then the head follows the tail. After an
 * overflow, requests that wait for the rest of their group wait in vain and are forgotten.
 */
#include <errno.h>

#include "drv_vtd_priv.h"

#include "iommufd/iommufd_uapi.h"

/* 2^4 frames of records of 32 bytes. */
#define PRQ_ORDER  4u
#define PRQ_BYTES  ((uint64_t)SIO_PAGE_SIZE << PRQ_ORDER)
#define PRQ_RECORD 32u

/* One vector per unit, above those of faults; units may share one. */
#define REQUEST_VECTOR 0xc0u
#define REQUEST_UNITS  32u

#define PRS_PPR SIO_BIT(0)
#define PRS_PRO SIO_BIT(1)

#define RECORD_PASID_PRESENT SIO_BIT(8) /* first word */
#define RECORD_RID           SIO_MASK(31, 16)
#define RECORD_PASID         SIO_MASK(51, 32)
#define RECORD_EXECUTE       SIO_BIT(52)
#define RECORD_PRIVILEGED    SIO_BIT(53)
#define RECORD_READ          SIO_BIT(0) /* second word */
#define RECORD_WRITE         SIO_BIT(1)
#define RECORD_LAST          SIO_BIT(2)
#define RECORD_GROUP         SIO_MASK(11, 3)

#define DESC_RESPONSE        UINT64_C(9)
#define RESPONSE_PASID_THERE SIO_BIT(4)
#define RESPONSE_CODE        SIO_MASK(15, 12)
#define RESPONSE_RID         SIO_MASK(31, 16)
#define RESPONSE_PASID       SIO_MASK(51, 32)
#define RESPONSE_LAST        SIO_BIT(2) /* second word */
#define RESPONSE_GROUP       SIO_MASK(11, 3)

struct record {
	uint64_t lo, hi;
};

unsigned vtd_prq_frames(void)
{
	return 1u << PRQ_ORDER;
}

void vtd_prq_enable(struct vtd_unit *vu, unsigned index)
{
	if (vu->requests == PA_NONE)
		return;
	vu->request_data = REQUEST_VECTOR + index % REQUEST_UNITS;
	vtd_write(vu, REG_PQH, 8, 0);
	vtd_write(vu, REG_PQT, 8, 0);
	vtd_write(vu, REG_PQA, 8, vu->requests | PRQ_ORDER);
	vtd_write(vu, REG_PRS, 4, PRS_PPR | PRS_PRO);
	vtd_write(vu, REG_PEDATA, 4, vu->request_data);
	vtd_write(vu, REG_PEADDR, 4, vu->fault_address);
	vtd_write(vu, REG_PEUADDR, 4, 0);
	vtd_write(vu, REG_PECTL, 4, 0);
}

/* ---- requests ---- */

static struct vtd_device *device_find(const struct vtd_unit *vu, uint16_t rid)
{
	struct vtd_device *vdev = vu->devices;

	while (vdev && vdev->dev->pci->rid != rid)
		vdev = vdev->next;
	return vdev;
}

static void respond(struct vtd_unit *vu, uint16_t rid, const struct iopf_fault *last, unsigned code)
{
	/* Only the last request of a group waits for an answer. */
	if (!last->last)
		return;
	vtd_send_response(vu,
			  DESC_RESPONSE | SIO_FIELD_PREP(RESPONSE_RID, rid) |
				  SIO_FIELD_PREP(RESPONSE_CODE, code) |
				  (last->has_pasid
					   ? RESPONSE_PASID_THERE |
						     SIO_FIELD_PREP(RESPONSE_PASID, last->pasid)
					   : 0),
			  RESPONSE_LAST | SIO_FIELD_PREP(RESPONSE_GROUP, last->grpid));
}

static struct iopf_fault fault_of(const struct record *record)
{
	return (struct iopf_fault){
		.has_pasid = record->lo & RECORD_PASID_PRESENT,
		.pasid = (uint32_t)SIO_FIELD_GET(RECORD_PASID, record->lo),
		.last = record->hi & RECORD_LAST,
		.grpid = (uint32_t)SIO_FIELD_GET(RECORD_GROUP, record->hi),
		.perm = (record->hi & RECORD_READ ? IOMMU_PGFAULT_PERM_READ : 0u) |
			(record->hi & RECORD_WRITE ? IOMMU_PGFAULT_PERM_WRITE : 0u) |
			(record->lo & RECORD_EXECUTE ? IOMMU_PGFAULT_PERM_EXEC : 0u) |
			(record->lo & RECORD_PRIVILEGED ? IOMMU_PGFAULT_PERM_PRIV : 0u),
		.addr = record->hi & SIO_PAGE_MASK,
	};
}

static bool is_canonical(uint64_t address)
{
	const uint64_t top = address >> 47;

	return top == 0 || top == UINT64_MAX >> 47;
}

static bool is_bad(const struct vtd_unit *vu, const struct iopf_fault *fault)
{
	const unsigned access = IOMMU_PGFAULT_PERM_READ | IOMMU_PGFAULT_PERM_WRITE;

	if (!fault->has_pasid && vu->drv->iommu->personality->prq_pasid_only)
		return true;
	if (!is_canonical(fault->addr))
		return true;
	if (fault->perm & IOMMU_PGFAULT_PERM_PRIV && fault->perm & access)
		return true;
	return fault->perm & IOMMU_PGFAULT_PERM_EXEC && fault->perm & IOMMU_PGFAULT_PERM_READ;
}

static void take(struct vtd_unit *vu, const struct record *record)
{
	const unsigned access = IOMMU_PGFAULT_PERM_READ | IOMMU_PGFAULT_PERM_WRITE;
	const uint16_t rid = (uint16_t)SIO_FIELD_GET(RECORD_RID, record->lo);
	struct vtd_device *vdev = device_find(vu, rid);
	struct iopf_fault fault = fault_of(record);

	if (is_bad(vu, &fault)) {
		respond(vu, rid, &fault, IOPF_INVALID);
		return;
	}
	/* A stop marker: the device has ended with this PASID. Nobody answers it. */
	if (fault.last && !(fault.perm & access))
		return;
	if (!vdev) {
		respond(vu, rid, &fault, IOPF_INVALID);
		return;
	}
	fault.dev = vdev->dev;
	/* What nobody takes has been answered. */
	(void)iommu_report_fault(&fault);
}

void vtd_prq_drain(struct vtd_unit *vu)
{
	const uint8_t *queue = phys_ptr(vtd_phys(vu), vu->requests);
	uint64_t head, tail;

	vtd_write(vu, REG_PRS, 4, PRS_PPR);
	tail = vtd_read(vu, REG_PQT, 8) & (PRQ_BYTES - PRQ_RECORD);
	head = vtd_read(vu, REG_PQH, 8) & (PRQ_BYTES - PRQ_RECORD);
	for (; head != tail; head = (head + PRQ_RECORD) & (PRQ_BYTES - PRQ_RECORD)) {
		const struct record *record = (const struct record *)(const void *)(queue + head);

		take(vu, record);
	}
	vtd_write(vu, REG_PQH, 8, tail);
	if (!(vtd_read(vu, REG_PRS, 4) & PRS_PRO))
		return;
	for (const struct vtd_device *vdev = vu->devices; vdev; vdev = vdev->next)
		iommu_iopf_discard(vdev->dev);
	vtd_write(vu, REG_PRS, 4, PRS_PRO);
}

/* ---- driver operations ---- */

int vtd_iopf_enable(struct iommu_device *dev)
{
	struct vtd_device *vdev = dev->driver_data;

	if (!vdev->unit->scalable || vdev->unit->requests == PA_NONE || !dev->pci->pri)
		return -ENODEV;
	vdev->page_requests = true;
	vtd_pasid_services(vdev);
	if (vdev->ats)
		return 0;
	vtd_iopf_disable(dev);
	return -ENODEV;
}

void vtd_iopf_disable(struct iommu_device *dev)
{
	struct vtd_device *vdev = dev->driver_data;

	vtd_prq_drain(vdev->unit);
	vdev->page_requests = false;
	vtd_pasid_services(vdev);
}

void vtd_page_response(struct iommu_device *dev, const struct iopf_fault *last, unsigned code)
{
	const struct vtd_device *vdev = dev->driver_data;

	respond(vdev->unit, dev->pci->rid, last, code);
}
