// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fault and page request events of VT-d units; recording registers to the fault list.
 *
 * Spec: "Fault Recording Registers", "Fault Status Register", "Fault Event".
 *
 * As dmar_fault() of the kernel: nothing without a pending record; records from the oldest on while
 * they are filled, each given back at once; then the overflow bits.
 */
#include "drv_vtd_priv.h"

#define FRCD_SIZE    16u
#define FRCD_F       SIO_BIT(31) /* these three: top dword */
#define FRCD_T       SIO_BIT(30)
#define FRCD_REASON  SIO_MASK(7, 0)
#define FRCD_SID     SIO_MASK(15, 0) /* third dword */
#define FRCD_ADDRESS SIO_MASK(63, 12)

static void report_record(struct vtd_unit *vu, uint32_t record, uint64_t top)
{
	struct iommu_fault fault = {
		.unit = vu->unit->name,
		.segment = vu->segment,
		.requester = (uint16_t)SIO_FIELD_GET(FRCD_SID, vtd_read(vu, record + 8, 4)),
		.reason = (uint8_t)SIO_FIELD_GET(FRCD_REASON, top),
		.is_read = (top & FRCD_T) != 0,
		.address = vtd_read(vu, record, 8) & FRCD_ADDRESS,
	};

	iommu_fault_report(vu->drv->iommu, &fault);
}

static void read_records(struct vtd_unit *vu, uint64_t status)
{
	unsigned index = (unsigned)SIO_FIELD_GET(FSTS_FRI, status);

	for (unsigned n = 0; n < vu->caps.fault_records; n++) {
		uint32_t record = vu->caps.fault_offset + index * FRCD_SIZE;
		uint64_t top = vtd_read(vu, record + 12, 4);

		if (!(top & FRCD_F))
			break;
		report_record(vu, record, top);
		vtd_write(vu, record + 12, 4, FRCD_F);
		index = (index + 1) % vu->caps.fault_records;
	}
	vtd_write(vu, REG_FSTS, 4, FSTS_PFO | FSTS_PPF | FSTS_PRO);
}

void drv_vtd_fault_irq(struct drv_vtd *drv, uint64_t address, uint32_t data)
{
	for (unsigned i = 0; i < drv->unit_count; i++) {
		struct vtd_unit *vu = &drv->units[i];
		uint64_t status;

		if (vu->fault_address != address || vu->fault_data != data)
			continue;
		status = vtd_read(vu, REG_FSTS, 4);
		if (status & FSTS_PPF)
			read_records(vu, status);
	}
	for (unsigned i = 0; i < drv->unit_count; i++) {
		struct vtd_unit *vu = &drv->units[i];

		if (vu->requests != PA_NONE && vu->fault_address == address &&
		    vu->request_data == data)
			vtd_prq_drain(vu);
	}
}
