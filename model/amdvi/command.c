// SPDX-License-Identifier: GPL-2.0-only
/*
 * The command buffer of an AMD-Vi unit: 16-byte commands in memory, fetched from head up to tail.
 *
 * Source: AMD IOMMU Specification, "Commands", "Command Buffer", "ILLEGAL_COMMAND_ERROR Event".
 *
 * The buffer is worked off while software writes the tail, so it is empty whenever the unit is
 * idle, with two exceptions: a bad command stops fetching with the head left at it, until the
 * buffer is disabled and enabled; and a completion wait stays where it is while a device owes the
 * answer to an invalidation. A completion wait completes after everything before it: the waits that
 * end an invalidation are done before its store and its interrupt (see inval.c).
 */
#include "amdvi/amdvi_unit.h"

#include <string.h>

struct command {
	uint64_t lo, hi;
};

/* What became of a command. */
enum outcome { COMMAND_DONE, COMMAND_ILLEGAL, COMMAND_HARDWARE, COMMAND_WAITS };

#define COMMAND_OPCODE SIO_MASK(63, 60)
#define COMMAND_DEVICE SIO_MASK(15, 0)
#define COMMAND_DOMAIN SIO_MASK(47, 32)
#define COMMAND_S      SIO_BIT(0) /* high word */
#define COMMAND_PDE    SIO_BIT(1)
#define COMMAND_GN     SIO_BIT(2)

#define WAIT_STORE     SIO_BIT(0)
#define WAIT_INTERRUPT SIO_BIT(1)
#define WAIT_ADDRESS   SIO_MASK(51, 3)

#define PAGES_PASID SIO_MASK(19, 0)

#define IOTLB_PASID_LOW  SIO_MASK(55, 48)
#define IOTLB_PASID_MID  SIO_MASK(23, 16)
#define IOTLB_PASID_HIGH SIO_MASK(59, 56)

#define PREFETCH_COUNT SIO_MASK(31, 24)
#define PREFETCH_PASID SIO_MASK(51, 32)

#define PPR_PASID  SIO_MASK(51, 32)
#define PPR_TAG    SIO_MASK(40, 32) /* high word; bit 41 says that it was the last of its group */
#define PPR_STATUS SIO_MASK(47, 44)

static enum outcome do_wait(struct amdvi *amdvi, struct command command)
{
	const pa_t to = command.lo & WAIT_ADDRESS;

	if (ats_waiting(&amdvi->unit))
		return COMMAND_WAITS;
	/* Everything fetched before is complete from here on. */
	amdvi_inval_end(amdvi);
	if (command.lo & WAIT_STORE) {
		if (!amdvi_reachable(amdvi, to, sizeof(command.hi)))
			return COMMAND_HARDWARE;
		phys_write(amdvi->phys, to, &command.hi, sizeof(command.hi));
	}
	if (command.lo & WAIT_INTERRUPT)
		amdvi_raise(amdvi, CAUSE_COMPLETE);
	return COMMAND_DONE;
}

static enum outcome do_device(struct amdvi *amdvi, struct command command)
{
	amdvi_inval_device(amdvi, (uint16_t)SIO_FIELD_GET(COMMAND_DEVICE, command.lo));
	return COMMAND_DONE;
}

static enum outcome do_pages(struct amdvi *amdvi, struct command command)
{
	struct amdvi_pages pages = {
		.domain = (uint16_t)SIO_FIELD_GET(COMMAND_DOMAIN, command.lo),
		.pasid = (uint32_t)SIO_FIELD_GET(PAGES_PASID, command.lo),
		.guest = command.hi & COMMAND_GN,
		.directories = command.hi & COMMAND_PDE,
	};

	if (pages.guest && !amdvi->caps.guest)
		return COMMAND_ILLEGAL;
	amdvi_range_decode(command.hi & SIO_PAGE_MASK, command.hi & COMMAND_S, &pages);
	amdvi_inval_pages(amdvi, &pages);
	return COMMAND_DONE;
}

static void timed_out(struct amdvi *amdvi, uint16_t requester, pa_t command)
{
	const struct amdvi_event event = {
		.code = AMDVI_IOTLB_INV_TIMEOUT,
		.requester = requester,
		.address = command,
	};

	amdvi_event_log(amdvi, &event);
}

static pa_t head_address(const struct amdvi *amdvi)
{
	return (amdvi->reg[AMDVI_CMDBUF] & RING_BASE) + amdvi->reg[AMDVI_CMD_HEAD];
}

static enum outcome do_iotlb(struct amdvi *amdvi, struct command command)
{
	struct ats_invalidation inval = {
		.requester = (uint16_t)SIO_FIELD_GET(COMMAND_DEVICE, command.lo),
		.has_pasid = command.hi & COMMAND_GN,
		.pasid = (uint32_t)(SIO_FIELD_GET(IOTLB_PASID_LOW, command.lo) |
				    SIO_FIELD_GET(IOTLB_PASID_MID, command.lo) << 8 |
				    SIO_FIELD_GET(IOTLB_PASID_HIGH, command.lo) << 16),
	};
	struct amdvi_pages pages;

	if (inval.has_pasid && !amdvi->caps.guest)
		return COMMAND_ILLEGAL;
	amdvi_range_decode(command.hi & SIO_PAGE_MASK, command.hi & COMMAND_S, &pages);
	inval.first = pages.first;
	inval.last = pages.last;
	/* The unit's own caches are empty of it before the device may ask again. */
	amdvi_inval_end(amdvi);
	switch (ats_invalidate(&amdvi->unit, &inval)) {
	case ATS_INVAL_DONE:
		break;
	case ATS_INVAL_WAITS:
		amdvi->late_command = head_address(amdvi);
		break;
	case ATS_INVAL_TIMED_OUT:
		timed_out(amdvi, inval.requester, head_address(amdvi));
		break;
	}
	return COMMAND_DONE;
}

static enum outcome do_interrupts(struct amdvi *amdvi, struct command command)
{
	amdvi_irte_drop(amdvi, (uint16_t)SIO_FIELD_GET(COMMAND_DEVICE, command.lo));
	return COMMAND_DONE;
}

/* Translations for reading, of so many pages, as far as they translate: no event comes of it. */
static enum outcome do_prefetch(struct amdvi *amdvi, struct command command)
{
	struct dma_req req = {
		.requester = (uint16_t)SIO_FIELD_GET(COMMAND_DEVICE, command.lo),
		.has_pasid = command.hi & COMMAND_GN,
		.pasid = (uint32_t)SIO_FIELD_GET(PREFETCH_PASID, command.lo),
		.iova = command.hi & SIO_PAGE_MASK,
		.len = 1,
		.kind = DMA_READ,
	};
	const uint64_t count = SIO_FIELD_GET(PREFETCH_COUNT, command.lo);
	struct unit_notes notes;

	amdvi_inval_end(amdvi);
	for (uint64_t i = 0; i <= count; i++, req.iova += SIO_PAGE_SIZE) {
		notes.count = 0;
		if (amdvi_resolve(&amdvi->unit, &req, true, &notes).reason)
			break;
	}
	return COMMAND_DONE;
}

static enum outcome do_page_response(struct amdvi *amdvi, struct command command)
{
	const struct ats_response response = {
		.requester = (uint16_t)SIO_FIELD_GET(COMMAND_DEVICE, command.lo),
		.has_pasid = command.hi & COMMAND_GN,
		.pasid = (uint32_t)SIO_FIELD_GET(PPR_PASID, command.lo),
		.group = (uint16_t)SIO_FIELD_GET(PPR_TAG, command.hi),
		.code = (uint8_t)SIO_FIELD_GET(PPR_STATUS, command.hi),
	};

	(void)ats_respond(&amdvi->unit, &response);
	return COMMAND_DONE;
}

static enum outcome do_all(struct amdvi *amdvi, struct command command)
{
	(void)command;
	amdvi_inval_all(amdvi);
	return COMMAND_DONE;
}

struct command_type {
	enum outcome (*run)(struct amdvi *amdvi, struct command command);
	uint64_t efr;        /* the feature it needs, 0: none */
	uint32_t capability; /* and the bit of the PCI capability */
	struct command reserved;
};

static const struct command_type types[16] = {
	[1] = {do_wait, 0, 0, {SIO_MASK(59, 52), 0}},
	[2] = {do_device, 0, 0, {SIO_MASK(59, 16), ~UINT64_C(0)}},
	[3] = {do_pages, 0, 0, {SIO_MASK(31, 20) | SIO_MASK(59, 48), SIO_MASK(11, 3)}},
	[4] = {do_iotlb, 0, AMDVI_CAP_IOTLB, {0, SIO_BIT(1) | SIO_BIT(3) | SIO_MASK(11, 6)}},
	[5] = {do_interrupts, 0, 0, {SIO_MASK(59, 16), ~UINT64_C(0)}},
	[6] = {do_prefetch,
	       AMDVI_EFR_PREFETCH,
	       0,
	       {SIO_MASK(23, 16) | SIO_MASK(59, 52), SIO_BIT(1) | SIO_BIT(3) | SIO_MASK(11, 5)}},
	[7] = {do_page_response,
	       AMDVI_EFR_PPR,
	       0,
	       {SIO_MASK(31, 16) | SIO_MASK(59, 52),
		SIO_MASK(1, 0) | SIO_MASK(31, 3) | SIO_MASK(43, 42) | SIO_MASK(63, 48)}},
	[8] = {do_all, AMDVI_EFR_IA, 0, {SIO_MASK(59, 0), ~UINT64_C(0)}},
};

static enum outcome run_command(struct amdvi *amdvi, struct command command)
{
	const struct command_type *type = &types[SIO_FIELD_GET(COMMAND_OPCODE, command.lo)];

	if (!type->run || (type->efr & ~amdvi->caps.efr) ||
	    (type->capability & ~amdvi->caps.capability))
		return COMMAND_ILLEGAL;
	if ((command.lo & type->reserved.lo) || (command.hi & type->reserved.hi))
		return COMMAND_ILLEGAL;
	return type->run(amdvi, command);
}

/* Bytes of the buffer, 0 for a length that is reserved: such a buffer is never fetched from. */
static uint64_t buffer_bytes(const struct amdvi *amdvi)
{
	uint64_t lg2 = SIO_FIELD_GET(RING_LENGTH, amdvi->reg[AMDVI_CMDBUF]);

	return lg2 < 8 ? 0 : sizeof(struct command) << lg2;
}

/* Fetch and run the command at the head. */
static enum outcome run_head(struct amdvi *amdvi)
{
	const pa_t at = head_address(amdvi);
	struct command command;

	if (!amdvi_reachable(amdvi, at, sizeof(command)))
		return COMMAND_HARDWARE;
	memcpy(&command, phys_ptr(amdvi->phys, at), sizeof(command));
	return run_command(amdvi, command);
}

/* "The IOMMU stops fetching commands": the head stays at the one that is to blame. */
static void stop(struct amdvi *amdvi, enum outcome outcome)
{
	const bool illegal = outcome == COMMAND_ILLEGAL;
	const struct amdvi_event event = {
		.code = illegal ? AMDVI_ILLEGAL_COMMAND_ERROR : AMDVI_COMMAND_HARDWARE_ERROR,
		.flags = illegal ? 0 : EVENT_MASTER_ABORT,
		.address = head_address(amdvi),
	};

	amdvi->reg[AMDVI_STATUS] &= ~STATUS_COMMAND_RUN;
	amdvi_event_log(amdvi, &event);
}

void amdvi_commands_run(struct amdvi *amdvi)
{
	const uint64_t bytes = buffer_bytes(amdvi);
	uint64_t *head = &amdvi->reg[AMDVI_CMD_HEAD], tail;
	enum outcome outcome = COMMAND_DONE;

	if (!(amdvi->reg[AMDVI_STATUS] & STATUS_COMMAND_RUN) || bytes == 0)
		return;
	/* Bits of the pointers beyond the length do not count. */
	*head &= bytes - 1;
	tail = amdvi->reg[AMDVI_CMD_TAIL] & (bytes - 1);
	while (*head != tail) {
		outcome = run_head(amdvi);
		if (outcome != COMMAND_DONE)
			break;
		*head = (*head + sizeof(struct command)) & (bytes - 1);
	}
	amdvi_inval_end(amdvi);
	if (outcome == COMMAND_ILLEGAL || outcome == COMMAND_HARDWARE)
		stop(amdvi, outcome);
}

void amdvi_commands_control(struct amdvi *amdvi, uint64_t before, uint64_t now)
{
	const uint64_t both = CTRL_ENABLE | CTRL_COMMAND;
	uint64_t *status = &amdvi->reg[AMDVI_STATUS];

	if ((now & both) != both)
		*status &= ~STATUS_COMMAND_RUN;
	else if ((before & both) != both)
		*status |= STATUS_COMMAND_RUN;
	amdvi_commands_run(amdvi);
}

void amdvi_write_cmdbuf(struct amdvi *amdvi, uint64_t before)
{
	(void)before;
	/* "Writing the base address register sets head and tail pointer to 0." */
	amdvi->reg[AMDVI_CMD_HEAD] = 0;
	amdvi->reg[AMDVI_CMD_TAIL] = 0;
}

void amdvi_write_cmd_tail(struct amdvi *amdvi, uint64_t before)
{
	(void)before;
	amdvi_commands_run(amdvi);
}

void amdvi_invalidated(struct unit *unit, uint16_t requester, bool in_time)
{
	struct amdvi *amdvi = amdvi_of(unit);

	amdvi_lock(amdvi);
	if (!in_time)
		timed_out(amdvi, requester, amdvi->late_command);
	amdvi_commands_run(amdvi);
	amdvi_unlock(amdvi);
}
