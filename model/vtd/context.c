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

#define ROOT_RESERVED_LO SIO_MASK(11, 1)

#define CONTEXT_TT          SIO_MASK(3, 2)
#define CONTEXT_RESERVED_LO SIO_MASK(11, 4)
#define CONTEXT_AW          SIO_MASK(2, 0)
#define CONTEXT_DID         SIO_MASK(23, 8)
#define CONTEXT_RESERVED_HI (SIO_BIT(7) | SIO_MASK(63, 24))

enum context_tt { TT_UNTRANSLATED, TT_DEVICE_TLB, TT_PASS_THROUGH };

uint64_t vtd_above_width(const struct vtd *vtd)
{
	return ~(SIO_BIT(vtd->caps.haw) - 1);
}

bool vtd_entry_read(const struct vtd *vtd, pa_t pa, struct vtd_entry *entry)
{
	const uint64_t *words;

	if (!phys_is_ram(vtd->tables, pa, sizeof(*entry)))
		return false;
	words = phys_ptr(vtd->tables, pa);
	entry->lo = __atomic_load_n(&words[0], __ATOMIC_ACQUIRE);
	entry->hi = __atomic_load_n(&words[1], __ATOMIC_RELAXED);
	return true;
}

void vtd_trail_add(struct vtd_trail *trail, const char *what, pa_t pa, struct vtd_entry entry)
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
static uint64_t context_word(const struct vtd *vtd, struct vtd_entry context)
{
	const bool silent = context.lo & VTD_ENTRY_FPD;
	const unsigned width = (unsigned)SIO_FIELD_GET(CONTEXT_AW, context.hi);
	uint64_t word = silent ? VTD_WORD_FPD : 0;

	/* Width n: n + 2 levels. Two levels are no table that any unit supports. */
	if (width < 1 || width > 3 || !(vtd->caps.sagaw & 1u << width))
		return vtd_word_fault(VTD_CONTEXT_INVALID, false, silent);
	switch ((enum context_tt)SIO_FIELD_GET(CONTEXT_TT, context.lo)) {
	case TT_UNTRANSLATED:
		word |= IOTLB_WORD_WALK;
		break;
	case TT_DEVICE_TLB:
		if (!vtd->caps.device_tlb)
			return vtd_word_fault(VTD_CONTEXT_INVALID, false, silent);
		word |= IOTLB_WORD_WALK | VTD_WORD_ATS;
		break;
	case TT_PASS_THROUGH:
		if (!vtd->caps.pass_through)
			return vtd_word_fault(VTD_CONTEXT_INVALID, false, silent);
		word |= VTD_WORD_PASS;
		break;
	default:
		return vtd_word_fault(VTD_CONTEXT_INVALID, false, silent);
	}
	return word | SIO_FIELD_PREP(VTD_WORD_TOP, width) |
	       SIO_FIELD_PREP(VTD_WORD_ROOT, context.lo >> SIO_PAGE_LG2) |
	       SIO_FIELD_GET(CONTEXT_DID, context.hi);
}

uint64_t vtd_context_read(const struct vtd *vtd, uint16_t requester, struct vtd_trail *trail)
{
	const pa_t table = __atomic_load_n(&vtd->root, __ATOMIC_RELAXED) & RTADDR_ADDRESS;
	const unsigned bus = requester >> 8, devfn = requester & 0xff;
	struct vtd_entry root, context;
	pa_t pa = table + bus * sizeof(root);

	if (!vtd_entry_read(vtd, pa, &root))
		return vtd_word_fault(VTD_ROOT_ACCESS, false, false);
	vtd_trail_add(trail, "root", pa, root);
	if (!(root.lo & VTD_ENTRY_P))
		return vtd_word_fault(VTD_ROOT_NOT_PRESENT, true, false);
	if ((root.lo & (ROOT_RESERVED_LO | vtd_above_width(vtd))) || root.hi)
		return vtd_word_fault(VTD_ROOT_RESERVED, false, false);

	pa = (root.lo & VTD_ENTRY_ADDR) + devfn * sizeof(context);
	if (!vtd_entry_read(vtd, pa, &context))
		return vtd_word_fault(VTD_CONTEXT_ACCESS, false, false);
	vtd_trail_add(trail, "context", pa, context);
	if (!(context.lo & VTD_ENTRY_P))
		return vtd_word_fault(VTD_CONTEXT_NOT_PRESENT, true, context.lo & VTD_ENTRY_FPD);
	/* The bits of a domain id beyond CAP.ND are reserved. */
	if (SIO_FIELD_GET(CONTEXT_DID, context.hi) >= vtd->caps.domain_ids ||
	    (context.lo & (CONTEXT_RESERVED_LO | vtd_above_width(vtd))) ||
	    (context.hi & CONTEXT_RESERVED_HI))
		return vtd_word_fault(VTD_CONTEXT_RESERVED, false, false);
	return context_word(vtd, context);
}
