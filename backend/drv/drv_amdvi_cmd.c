// SPDX-License-Identifier: GPL-2.0-only
/*
 * Commands to an AMD-Vi unit.
 *
 * Source: AMD IOMMU specification, "Commands", "INVALIDATE_IOMMU_PAGES", "COMPLETION_WAIT".
 *
 * Commands are queued without waiting; amd_wait() ends a batch with a completion wait that stores a
 * number, and polls for it, so that the unit has forgotten when amd_wait() returns. A command that
 * the unit refuses is a defect of this file.
 */
#include "drv_amdvi_priv.h"

/* First word: the opcode and what is in the lower two dwords. */
#define CMD(opcode)    ((uint64_t)(opcode) << 60)
#define CMD_WAIT       CMD(1)
#define CMD_DEVTAB     CMD(2)
#define CMD_PAGES      CMD(3)
#define CMD_INTERRUPTS CMD(5)
#define CMD_ALL        CMD(8)

#define WAIT_STORE   SIO_BIT(0)
#define PAGES_DOMAIN SIO_MASK(47, 32)
#define PAGES_SIZE   SIO_BIT(0) /* second word */
#define PAGES_PDE    SIO_BIT(1)
#define PAGES_GUEST  SIO_BIT(2) /* of the PASID that the command names */

/* An address with all size bits set. */
#define PAGES_EVERYTHING (SIO_MASK(62, 12) | PAGES_SIZE)
/* Above this bit addresses are sign extended; sizes cannot say more. */
#define SIZE_BIT_MAX 51u

struct amd_command {
	uint64_t lo, hi;
};

/* False: the ring is full and stays so. */
static bool put(struct amd_unit *au, uint64_t lo, uint64_t hi)
{
	struct amd_command *ring = phys_ptr(amd_phys(au), au->commands);
	unsigned next = (au->tail + 1) % AMD_RING_ENTRIES;
	unsigned polls = 0;

	while (amd_read(au, REG_COMMAND_HEAD) == next * sizeof(*ring)) {
		if (++polls == DRV_POLL_MAX)
			return false;
	}
	ring[au->tail] = (struct amd_command){lo, hi};
	au->tail = next;
	amd_write(au, REG_COMMAND_TAIL, next * sizeof(*ring));
	return true;
}

void amd_commands_enable(struct amd_unit *au)
{
	au->tail = 0;
	amd_write(au, REG_COMMANDS, au->commands | AMD_RING_LENGTH);
	amd_write(au, REG_COMMAND_HEAD, 0);
	amd_write(au, REG_COMMAND_TAIL, 0);
	amd_write(au, REG_CONTROL, amd_read(au, REG_CONTROL) | CONTROL_COMMANDS);
}

bool amd_wait(struct amd_unit *au)
{
	const uint64_t *semaphore = phys_ptr(amd_phys(au), au->semaphore);

	if (!put(au, CMD_WAIT | WAIT_STORE | au->semaphore, ++au->ticket))
		return false;
	/* The kernel gives up on a unit that is slow, logs that, and goes on all the same. */
	if (fail_at(FAIL_POINT("amdvi.wait", FAIL_SYNC, EIO)))
		return true;
	for (unsigned i = 0; i < DRV_POLL_MAX; i++) {
		if (__atomic_load_n(semaphore, __ATOMIC_ACQUIRE) == au->ticket)
			return true;
	}
	return false;
}

static bool put_pages(struct amd_unit *au, uint16_t id, uint64_t address)
{
	/* The kernel always has directory entries forgotten too. */
	return put(au, CMD_PAGES | SIO_FIELD_PREP(PAGES_DOMAIN, id), address | PAGES_PDE);
}

bool amd_flush_all(struct amd_unit *au)
{
	bool ok = true;

	if (au->features & AMDVI_EFR_IA)
		return put(au, CMD_ALL, 0) && amd_wait(au);
	/* What ran before may have used any id that a device has. */
	for (uint32_t id = 0; id < au->devtab_entries && ok; id++)
		ok = put(au, CMD_DEVTAB | id, 0) && put(au, CMD_INTERRUPTS | id, 0) &&
		     put_pages(au, (uint16_t)id, PAGES_EVERYTHING);
	return ok && amd_wait(au);
}

void amd_flush_entry(struct amd_unit *au, uint16_t rid)
{
	(void)put(au, CMD_DEVTAB | rid, 0);
}

uint64_t amd_flush_address(iova_t first, iova_t last)
{
	uint64_t differ = (first ^ last) & SIO_PAGE_MASK;
	unsigned top;

	if (!differ)
		return first & SIO_PAGE_MASK;
	/* The lowest zero bit is that in which the ends differ: all bits below it are set. */
	top = sio_lg2(differ);
	if (top > SIZE_BIT_MAX)
		return PAGES_EVERYTHING;
	return ((first | (SIO_BIT(top) - 1)) & SIO_PAGE_MASK) | PAGES_SIZE;
}

void amd_flush_range(struct amd_unit *au, const struct amd_domain *ad, iova_t first, iova_t last)
{
	if (drv_skips_iotlb())
		return;
	/* Requests without PASID go by the tables of PASID 0. */
	(void)put_pages(au, ad->id,
			amd_flush_address(first, last) | (ad->gcr3 != PA_NONE ? PAGES_GUEST : 0));
}
