// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rings that an AMD-Vi unit writes for software (event log, page request log, guest interrupt
 * log) and the messages that tell of them.
 *
 * Source: AMD IOMMU Specification, "Event Log Restart Procedure", "Peripheral Page Request Log
 * Restart Procedure", "IOMMU Status Register", "IOMMU Interrupts".
 *
 * A log runs from the write that enables it until it is disabled or full. A log is full when one
 * more entry would make tail and head equal; that entry is lost, the overflow bit is set, and
 * nothing is logged until software has cleared the bit and disabled and enabled the log.
 *
 * A message is sent when a status bit becomes set while its interrupt is enabled, or the interrupt
 * becomes enabled while the bit is set.
 *
 * Invariant: a log that runs is enabled, and no overflow is noted of it (amdvi_log_audit()).
 */
#include "amdvi/amdvi_unit.h"

#include <string.h>

static const struct {
	enum amdvi_reg base, head, tail;
	uint64_t enable, run, overflow;
	uint64_t pointer; /* bits of head and tail */
	uint8_t entry;    /* bytes */
	enum amdvi_cause cause;
} logs[AMDVI_LOGS] = {
	[LOG_EVENT] = {AMDVI_EVTLOG, AMDVI_EVT_HEAD, AMDVI_EVT_TAIL, CTRL_EVENT_LOG,
		       STATUS_EVENT_RUN, STATUS_EVENT_OVERFLOW, RING_POINTER, 16, CAUSE_EVENT},
	[LOG_PPR] = {AMDVI_PPRLOG, AMDVI_PPR_HEAD, AMDVI_PPR_TAIL, CTRL_PPR_LOG, STATUS_PPR_RUN,
		     STATUS_PPR_OVERFLOW, RING_POINTER, 16, CAUSE_PPR},
	[LOG_GA] = {AMDVI_GALOG, AMDVI_GA_HEAD, AMDVI_GA_TAIL, CTRL_GA_LOG, STATUS_GA_RUN,
		    STATUS_GA_OVERFLOW, GA_POINTER, 8, CAUSE_GA},
};

static const struct {
	uint64_t status, enable;
	enum amdvi_reg xt;
} causes[AMDVI_CAUSES] = {
	[CAUSE_EVENT] = {STATUS_EVENT_INT, CTRL_EVENT_INT, AMDVI_XT_GENERAL},
	[CAUSE_COMPLETE] = {STATUS_COMPLETE_INT, CTRL_COMPLETE_INT, AMDVI_XT_GENERAL},
	[CAUSE_PPR] = {STATUS_PPR_INT, CTRL_PPR_INT, AMDVI_XT_PPR},
	[CAUSE_GA] = {STATUS_GA_INT, CTRL_GA_INT, AMDVI_XT_GA},
};

/* ---- messages ---- */

/* The x2APIC registers name destination and vector; the upper destination bits go to 63:40. */
static struct amdvi_message xt_message(uint64_t reg)
{
	uint64_t dest = SIO_FIELD_GET(SIO_MASK(31, 8), reg) | SIO_FIELD_GET(SIO_MASK(63, 56), reg)
								      << 24;

	return (struct amdvi_message){
		.pending = true,
		.address = PHYS_MSI_FIRST | (dest & 0xff) << 12 | (dest >> 8) << 40 |
			   (reg & SIO_BIT(2)),
		.data = (uint32_t)(SIO_FIELD_GET(SIO_MASK(39, 32), reg) |
				   SIO_FIELD_GET(SIO_BIT(40), reg) << 8),
	};
}

static void send(struct amdvi *amdvi, enum amdvi_cause cause)
{
	if ((amdvi->control & CTRL_XT_INT) && (amdvi->caps.efr & AMDVI_EFR_XT)) {
		amdvi->outbox[cause] = xt_message(amdvi->reg[causes[cause].xt]);
		return;
	}
	if (!(amdvi->reg[AMDVI_MSI_HEADER] & MSI_ENABLE))
		return;
	/* The capability announces message number 0 for every cause. */
	amdvi->outbox[cause] = (struct amdvi_message){
		.pending = true,
		.address = amdvi->reg[AMDVI_MSI_ADDR_HI] << 32 | amdvi->reg[AMDVI_MSI_ADDR_LO],
		.data = (uint32_t)amdvi->reg[AMDVI_MSI_DATA],
	};
}

void amdvi_raise(struct amdvi *amdvi, enum amdvi_cause cause)
{
	uint64_t *status = &amdvi->reg[AMDVI_STATUS];

	if (*status & causes[cause].status)
		return;
	*status |= causes[cause].status;
	if (amdvi->control & causes[cause].enable)
		send(amdvi, cause);
}

void amdvi_raise_enabled(struct amdvi *amdvi, uint64_t before, uint64_t now)
{
	for (unsigned cause = 0; cause < AMDVI_CAUSES; cause++) {
		if ((now & ~before & causes[cause].enable) &&
		    (amdvi->reg[AMDVI_STATUS] & causes[cause].status))
			send(amdvi, (enum amdvi_cause)cause);
	}
}

/* ---- logs ---- */

/* Bytes of a log, 0 for a length that is reserved. */
static uint64_t log_bytes(const struct amdvi *amdvi, enum amdvi_log log)
{
	uint64_t lg2 = SIO_FIELD_GET(RING_LENGTH, amdvi->reg[logs[log].base]);

	return lg2 < 8 ? 0 : (uint64_t)logs[log].entry << lg2;
}

static bool is_enabled(enum amdvi_log log, uint64_t control)
{
	return (control & CTRL_ENABLE) && (control & logs[log].enable);
}

void amdvi_logs_control(struct amdvi *amdvi, uint64_t before, uint64_t now)
{
	uint64_t *status = &amdvi->reg[AMDVI_STATUS];

	for (unsigned i = 0; i < AMDVI_LOGS; i++) {
		const enum amdvi_log log = (enum amdvi_log)i;

		if (!is_enabled(log, now))
			*status &= ~logs[log].run;
		else if (!is_enabled(log, before) && !(*status & logs[log].overflow))
			*status |= logs[log].run;
	}
}

/* "Writing the base address register sets head and tail pointer to 0." */
static void log_moved(struct amdvi *amdvi, enum amdvi_log log)
{
	amdvi->reg[logs[log].head] = 0;
	amdvi->reg[logs[log].tail] = 0;
}

void amdvi_write_evtlog(struct amdvi *amdvi, uint64_t before)
{
	(void)before;
	log_moved(amdvi, LOG_EVENT);
}

void amdvi_write_pprlog(struct amdvi *amdvi, uint64_t before)
{
	(void)before;
	log_moved(amdvi, LOG_PPR);
}

void amdvi_write_galog(struct amdvi *amdvi, uint64_t before)
{
	(void)before;
	log_moved(amdvi, LOG_GA);
}

static void overflow(struct amdvi *amdvi, enum amdvi_log log)
{
	uint64_t *status = &amdvi->reg[AMDVI_STATUS];

	*status |= logs[log].overflow;
	*status &= ~logs[log].run;
	/* An overflow is a reason for the interrupt of its own. */
	if (amdvi->control & causes[logs[log].cause].enable)
		send(amdvi, logs[log].cause);
}

bool amdvi_log_append(struct amdvi *amdvi, enum amdvi_log log, const uint64_t words[2])
{
	const uint64_t bytes = log_bytes(amdvi, log), entry = logs[log].entry;
	const pa_t base = amdvi->reg[logs[log].base] & RING_BASE;
	uint64_t head, tail, next;

	if (!(amdvi->reg[AMDVI_STATUS] & logs[log].run) || bytes == 0)
		return false;
	/* Bits of the pointers beyond the length do not count. */
	head = amdvi->reg[logs[log].head] & (bytes - 1);
	tail = amdvi->reg[logs[log].tail] & (bytes - 1);
	next = (tail + entry) & (bytes - 1);
	if (next == head) {
		overflow(amdvi, log);
		return false;
	}
	if (!amdvi_reachable(amdvi, base + tail, entry))
		return false;
	/* The code comes last: software of early units waits for it to become nonzero. */
	phys_write(amdvi->phys, base + tail + entry - 8, &words[entry / 8 - 1], 8);
	__atomic_store_n((uint64_t *)phys_ptr(amdvi->phys, base + tail), words[0],
			 __ATOMIC_RELEASE);
	amdvi->reg[logs[log].tail] = next;
	return true;
}

const char *amdvi_log_audit(const struct amdvi *amdvi)
{
	const uint64_t status = amdvi->reg[AMDVI_STATUS];

	for (unsigned log = 0; log < AMDVI_LOGS; log++) {
		if (!(status & logs[log].run))
			continue;
		if (!is_enabled((enum amdvi_log)log, amdvi->control))
			return "a log runs that is not enabled";
		if (status & logs[log].overflow)
			return "a log runs that has overflowed";
	}
	return NULL;
}
