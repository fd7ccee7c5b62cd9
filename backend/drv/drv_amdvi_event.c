// SPDX-License-Identifier: GPL-2.0-only
/*
 * The event log of AMD-Vi units: entries to the fault list.
 *
 * Source: AMD IOMMU specification, "Event Logging", "Event Log Restart Procedure".
 *
 * As the kernel's handler: the interrupt's status bit first, so that a later event raises another;
 * then entries from head to tail, each zeroed and given back at once; a log that ran over is
 * switched off and on again. What was lost is lost.
 */
#include "drv_amdvi_priv.h"

#define EVENT_REQUESTER SIO_MASK(15, 0) /* first word */
#define EVENT_DOMAIN    SIO_MASK(47, 32)
#define EVENT_FLAGS     SIO_MASK(59, 48)
#define EVENT_TYPE      SIO_MASK(63, 60)

#define EVENT_FLAG_WRITE 0x020u

/* An entry's type is written last; one that stays zero this long never comes. */
#define TYPE_POLLS 1000u
/* Rounds of one call: a log that fills faster than it is read is left for the next interrupt. */
#define ROUNDS_MAX 16u

static void report(struct amd_unit *au, uint64_t lo, uint64_t hi)
{
	const uint16_t flags = (uint16_t)SIO_FIELD_GET(EVENT_FLAGS, lo);
	struct iommu_fault fault = {
		.unit = au->unit->name,
		.segment = au->segment,
		.requester = (uint16_t)SIO_FIELD_GET(EVENT_REQUESTER, lo),
		.reason = (uint8_t)SIO_FIELD_GET(EVENT_TYPE, lo),
		.flags = flags,
		.is_read = !(flags & EVENT_FLAG_WRITE),
		.address = hi & SIO_PAGE_MASK,
	};

	iommu_fault_report(au->drv->iommu, &fault);
}

static void take_event(struct amd_unit *au, uint64_t head)
{
	uint64_t *event = phys_ptr(amd_phys(au), au->events + head);
	uint64_t lo = 0;

	for (unsigned i = 0; i < TYPE_POLLS && !SIO_FIELD_GET(EVENT_TYPE, lo); i++)
		lo = __atomic_load_n(&event[0], __ATOMIC_ACQUIRE);
	if (SIO_FIELD_GET(EVENT_TYPE, lo))
		report(au, lo, event[1]);
	event[0] = event[1] = 0;
}

static void drain_log(struct amd_unit *au)
{
	uint64_t head = amd_read(au, REG_EVENT_HEAD), tail = amd_read(au, REG_EVENT_TAIL);

	while (head != tail && head < AMD_RING_BYTES) {
		take_event(au, head);
		head = (head + 16) % AMD_RING_BYTES;
		amd_write(au, REG_EVENT_HEAD, head);
	}
}

static void restart_log(struct amd_unit *au)
{
	uint64_t control = amd_read(au, REG_CONTROL);

	(void)drv_poll(au->unit, REG_STATUS, 8, STATUS_EVENT_RUN, 0);
	amd_write(au, REG_CONTROL, control & ~CONTROL_EVENTS);
	amd_write(au, REG_STATUS, STATUS_EVENT_OVERFLOW);
	amd_write(au, REG_CONTROL, control);
}

static void read_unit(struct amd_unit *au)
{
	const uint64_t handled = STATUS_EVENT_INTERRUPT | STATUS_EVENT_OVERFLOW;

	for (unsigned i = 0; i < ROUNDS_MAX; i++) {
		uint64_t status = amd_read(au, REG_STATUS) & handled;

		if (!status)
			break;
		amd_write(au, REG_STATUS, status & STATUS_EVENT_INTERRUPT);
		drain_log(au);
		if (status & STATUS_EVENT_OVERFLOW)
			restart_log(au);
	}
}

void drv_amdvi_event_irq(struct drv_amdvi *drv)
{
	for (unsigned i = 0; i < drv->unit_count; i++)
		read_unit(&drv->units[i]);
}
