// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device table of an AMD-Vi unit and the cache of its entries.
 *
 * Source: AMD IOMMU Specification, "Device Table Entry Format", "Device Table Base Address
 * Register".
 *
 * Entries are cached as they stand, valid or not (the hostile choice: software that changes an
 * entry has to invalidate it, whatever it was), and judged at each use. The word with V is read
 * first, since software sets that bit last.
 */
#include "amdvi/amdvi_unit.h"

#include <string.h>

/* Reserved bits, and those of early emulated units, which took guest fields for reserved ones. */
static const uint64_t reserved_bits[4] = {
	SIO_MASK(6, 2) | SIO_BIT(63),
	0,
	SIO_MASK(53, 52),
	SIO_MASK(14, 0) | SIO_MASK(53, 48),
};
static const uint64_t reserved_bits_old[4] = {
	UINT64_C(0x80300000000000fc),
	UINT64_C(0x100),
	UINT64_C(0x08f0000000000000),
	0,
};

#define IOCTL_RESERVED    3u
#define INTCTL_RESERVED   3u
#define INTTABLEN_MAX_LG2 11u

bool amdvi_dte_read(const struct amdvi *amdvi, uint16_t requester, struct amdvi_dte *dte, pa_t *pa,
		    struct xlat *fault)
{
	const uint64_t table = __atomic_load_n(&amdvi->devtab, __ATOMIC_RELAXED);
	const uint64_t bytes = (SIO_FIELD_GET(DEVTAB_SIZE, table) + 1) << SIO_PAGE_LG2;
	const uint64_t at = requester * sizeof(*dte);
	const uint64_t *words;

	if (pa)
		*pa = (table & DEVTAB_BASE) + at;
	if (at >= bytes) {
		*fault = amdvi_fault(AMDVI_ILLEGAL_DEV_TABLE_ENTRY, 0, 0);
		return false;
	}
	if (!amdvi_reachable(amdvi, (table & DEVTAB_BASE) + at, sizeof(*dte))) {
		*fault = amdvi_fault(AMDVI_DEV_TAB_HARDWARE_ERROR, EVENT_MASTER_ABORT,
				     (table & DEVTAB_BASE) + at);
		return false;
	}
	words = phys_ptr(amdvi->phys, (table & DEVTAB_BASE) + at);
	dte->word[0] = __atomic_load_n(&words[0], __ATOMIC_ACQUIRE);
	for (unsigned i = 1; i < 4; i++)
		dte->word[i] = __atomic_load_n(&words[i], __ATOMIC_RELAXED);
	return true;
}

bool amdvi_dte_cached(const struct amdvi *amdvi, uint16_t requester, struct amdvi_dte *dte)
{
	const struct amdvi_dte_slot *slot = &amdvi->dte[requester];

	if (__atomic_load_n(&slot->state, __ATOMIC_ACQUIRE) != SLOT_FULL)
		return false;
	*dte = slot->dte;
	return true;
}

void amdvi_dte_fill(struct amdvi *amdvi, uint16_t requester, const struct amdvi_dte *dte)
{
	struct amdvi_dte_slot *slot = &amdvi->dte[requester];
	uint32_t empty = SLOT_EMPTY;

	/* Somebody else may be at it: then his words stand, and ours serve this request only. */
	if (!__atomic_compare_exchange_n(&slot->state, &empty, SLOT_FILLING, false,
					 __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return;
	__atomic_fetch_or(&amdvi->dte_buses[requester >> 14], SIO_BIT(requester >> 8 & 63),
			  __ATOMIC_RELAXED);
	slot->dte = *dte;
	slot->filled_at = amdvi_clock(amdvi);
	__atomic_store_n(&slot->reported, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&slot->state, SLOT_FULL, __ATOMIC_RELEASE);
}

bool amdvi_dte_get(struct amdvi *amdvi, uint16_t requester, bool fill, struct amdvi_dte *dte,
		   struct xlat *fault)
{
	if (amdvi_dte_cached(amdvi, requester, dte))
		return true;
	if (!amdvi_dte_read(amdvi, requester, dte, NULL, fault))
		return false;
	if (fill)
		amdvi_dte_fill(amdvi, requester, dte);
	return true;
}

void amdvi_dte_drop(struct amdvi *amdvi, uint16_t requester)
{
	__atomic_store_n(&amdvi->dte[requester].state, SLOT_EMPTY, __ATOMIC_RELAXED);
	__atomic_store_n(&amdvi->tlb->context[requester], 0, __ATOMIC_RELAXED);
}

void amdvi_dte_drop_all(struct amdvi *amdvi)
{
	for (unsigned i = 0; i < 65536; i++) {
		if (amdvi->dte_buses[i >> 14] & SIO_BIT(i >> 8 & 63))
			__atomic_store_n(&amdvi->dte[i].state, SLOT_EMPTY, __ATOMIC_RELAXED);
		else
			i |= 0xff;
	}
	memset(amdvi->dte_buses, 0, sizeof(amdvi->dte_buses));
	iotlb_flush_contexts(amdvi->tlb);
}

/* Fields of features that the unit lacks are reserved. */
static bool uses_missing_feature(const struct amdvi *amdvi, const struct amdvi_dte *dte)
{
	const uint64_t efr = amdvi->caps.efr, word = dte->word[0];

	if ((word & DTE_GV) && !(efr & AMDVI_EFR_GT))
		return true;
	if ((word & DTE_GIOV) && !(efr & AMDVI_EFR_GIO))
		return true;
	if ((word & DTE_PPR) && !(efr & AMDVI_EFR_PPR))
		return true;
	if ((word & DTE_HAD) && !(efr & (AMDVI_EFR_HA | AMDVI_EFR_HD)))
		return true;
	/* "10b: reserved." Dirty bits alone do not exist, nor do they without support. */
	if (SIO_FIELD_GET(DTE_HAD, word) == 2 ||
	    (SIO_FIELD_GET(DTE_HAD, word) == 3 && !(efr & AMDVI_EFR_HD)))
		return true;
	return (dte->word[1] & DTE_IOTLB) && !amdvi->caps.device_tlb;
}

static bool has_bad_guest_levels(const struct amdvi *amdvi, const struct amdvi_dte *dte)
{
	if (!(dte->word[0] & DTE_GV))
		return false;
	return SIO_FIELD_GET(DTE_GLX, dte->word[0]) + 1 > amdvi->caps.gcr3_levels ||
	       SIO_FIELD_GET(DTE_GUESTMODE, dte->word[2]) + 4u > amdvi->caps.guest_levels;
}

bool amdvi_dte_is_legal(const struct amdvi *amdvi, const struct amdvi_dte *dte)
{
	const bool old = amdvi->caps.old_reserved_masks;
	const uint64_t *reserved = old ? reserved_bits_old : reserved_bits;

	for (unsigned i = 0; i < 4; i++) {
		if (dte->word[i] & reserved[i])
			return false;
	}
	if ((dte->word[0] & (DTE_V | DTE_TV)) == (DTE_V | DTE_TV) &&
	    SIO_FIELD_GET(DTE_MODE, dte->word[0]) > amdvi->caps.host_levels)
		return false;
	if (SIO_FIELD_GET(DTE_IOCTL, dte->word[1]) == IOCTL_RESERVED)
		return false;
	if ((dte->word[2] & DTE_IV) &&
	    (SIO_FIELD_GET(DTE_INTCTL, dte->word[2]) == INTCTL_RESERVED ||
	     SIO_FIELD_GET(DTE_INTTABLEN, dte->word[2]) > INTTABLEN_MAX_LG2))
		return false;
	return old || (!uses_missing_feature(amdvi, dte) && !has_bad_guest_levels(amdvi, dte));
}
