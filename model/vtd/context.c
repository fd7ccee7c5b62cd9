// SPDX-License-Identifier: GPL-2.0-only
/*
 * Root and context entries of VT-d's legacy mode: from a requester id to a context word.
 *
 * Source: Intel VT-d, "Root Entry", "Context Entry", "Fault Reason Encodings for DMA Remapping".
 *
 * The entries are read as two 64-bit words, the one with the present bit first, since software sets
 * that bit last. Fault-processing-disable counts from "context entry not present" on, in an entry
 * that is not present too, as QEMU's unit does; faults of root entries and of reserved bits are
 * always recorded.
 */
#include "vtd/vtd_unit.h"

struct entry {
	uint64_t lo, hi;
};

#define ENTRY_P    SIO_BIT(0)
#define ENTRY_ADDR SIO_MASK(63, 12)

#define ROOT_RESERVED_LO SIO_MASK(11, 1)

#define CONTEXT_FPD         SIO_BIT(1)
#define CONTEXT_TT          SIO_MASK(3, 2)
#define CONTEXT_RESERVED_LO SIO_MASK(11, 4)
#define CONTEXT_AW          SIO_MASK(2, 0)
#define CONTEXT_DID         SIO_MASK(23, 8)
#define CONTEXT_RESERVED_HI (SIO_BIT(7) | SIO_MASK(63, 24))

enum context_tt { TT_UNTRANSLATED, TT_DEVICE_TLB, TT_PASS_THROUGH };

static uint64_t fault_word(uint8_t reason, bool silent)
{
	return VTD_WORD_FAULT | SIO_FIELD_PREP(VTD_WORD_REASON, reason) |
	       (silent ? VTD_WORD_FPD : 0);
}

static uint64_t above_width(const struct vtd *vtd)
{
	return ~(SIO_BIT(vtd->caps.haw) - 1);
}

/* False: nothing can be read there. */
static bool entry_read(const struct vtd *vtd, pa_t pa, struct entry *entry)
{
	const uint64_t *words;

	if (!phys_is_ram(vtd->phys, pa, sizeof(*entry)))
		return false;
	words = phys_ptr(vtd->phys, pa);
	entry->lo = __atomic_load_n(&words[0], __ATOMIC_ACQUIRE);
	entry->hi = __atomic_load_n(&words[1], __ATOMIC_RELAXED);
	return true;
}

static void trail_add(struct vtd_trail *trail, const char *what, pa_t pa, struct entry entry)
{
	if (!trail)
		return;
	trail->entry[trail->entries].what = what;
	trail->entry[trail->entries].pa = pa;
	trail->entry[trail->entries].lo = entry.lo;
	trail->entry[trail->entries].hi = entry.hi;
	trail->entries++;
}

/* A present context entry without reserved bits. */
static uint64_t context_word(const struct vtd *vtd, struct entry context)
{
	const bool silent = context.lo & CONTEXT_FPD;
	const unsigned width = (unsigned)SIO_FIELD_GET(CONTEXT_AW, context.hi);
	uint64_t word = silent ? VTD_WORD_FPD : 0;

	/* Width n: n + 2 levels. Two levels are no table that any unit supports. */
	if (width < 1 || width > 3 || !(vtd->caps.sagaw & 1u << width))
		return fault_word(VTD_CONTEXT_INVALID, silent);
	switch ((enum context_tt)SIO_FIELD_GET(CONTEXT_TT, context.lo)) {
	case TT_UNTRANSLATED:
		word |= IOTLB_WORD_WALK;
		break;
	case TT_DEVICE_TLB:
		if (!vtd->caps.device_tlb)
			return fault_word(VTD_CONTEXT_INVALID, silent);
		word |= IOTLB_WORD_WALK;
		break;
	case TT_PASS_THROUGH:
		if (!vtd->caps.pass_through)
			return fault_word(VTD_CONTEXT_INVALID, silent);
		word |= VTD_WORD_PASS;
		break;
	default:
		return fault_word(VTD_CONTEXT_INVALID, silent);
	}
	return word | SIO_FIELD_PREP(VTD_WORD_LEVEL, width + 1) |
	       SIO_FIELD_PREP(VTD_WORD_ROOT, context.lo >> SIO_PAGE_LG2) |
	       SIO_FIELD_GET(CONTEXT_DID, context.hi);
}

uint64_t vtd_context_read(const struct vtd *vtd, uint16_t requester, struct vtd_trail *trail)
{
	const pa_t table = __atomic_load_n(&vtd->root, __ATOMIC_RELAXED);
	const unsigned bus = requester >> 8, devfn = requester & 0xff;
	struct entry root, context;
	pa_t pa = table + bus * sizeof(root);

	if (!entry_read(vtd, pa, &root))
		return fault_word(VTD_ROOT_ACCESS, false);
	trail_add(trail, "root", pa, root);
	if (!(root.lo & ENTRY_P))
		return fault_word(VTD_ROOT_NOT_PRESENT, false);
	if ((root.lo & (ROOT_RESERVED_LO | above_width(vtd))) || root.hi)
		return fault_word(VTD_ROOT_RESERVED, false);

	pa = (root.lo & ENTRY_ADDR) + devfn * sizeof(context);
	if (!entry_read(vtd, pa, &context))
		return fault_word(VTD_CONTEXT_ACCESS, false);
	trail_add(trail, "context", pa, context);
	if (!(context.lo & ENTRY_P))
		return fault_word(VTD_CONTEXT_NOT_PRESENT, context.lo & CONTEXT_FPD);
	if ((context.lo & (CONTEXT_RESERVED_LO | above_width(vtd))) ||
	    (context.hi & CONTEXT_RESERVED_HI))
		return fault_word(VTD_CONTEXT_RESERVED, false);
	return context_word(vtd, context);
}
