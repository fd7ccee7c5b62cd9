// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tables of VT-d's scalable mode: from a requester id and a PASID to an address space.
 *
 *	root entry -> lower or upper context table -> context entry -> PASID directory -> PASID
 *entry
 *
 * Source: Intel VT-d, "Scalable Mode Address Translation", "Scalable-Mode Root Entry",
 * "Scalable-Mode Context Entry", "Scalable-Mode PASID Directory Entry", "Scalable-Mode PASID Table
 * Entry", "Fault Reason Encodings for DMA Remapping".
 *
 * The checks at each entry: can it be read, is it present, are its reserved bits clear, is what it
 * says supported. A field that belongs to a feature the unit does not have is reserved. Fields of a
 * stage that an entry does not use are not judged. Fault-processing-disable of the context entry,
 * the directory entry and the PASID entry silence what comes after them; an entry that is not
 * present can do so too, as in legacy mode.
 */
#include "vtd/vtd_unit.h"

#define ROOT_RESERVED SIO_MASK(11, 1)

#define CONTEXT_DTE       SIO_BIT(2)
#define CONTEXT_PASIDE    SIO_BIT(3)
#define CONTEXT_PRE       SIO_BIT(4)
#define CONTEXT_RESERVED  SIO_MASK(8, 5)
#define CONTEXT_PDTS      SIO_MASK(11, 9)
#define CONTEXT_RID_PASID SIO_MASK(19, 0)
#define CONTEXT_HI_RSVD   SIO_MASK(63, 21)

#define DIRECTORY_RESERVED SIO_MASK(11, 2)

#define PASID_AW          SIO_MASK(4, 2)
#define PASID_PGTT        SIO_MASK(8, 6)
#define PASID_SLADE       SIO_BIT(9)
#define PASID_RESERVED_0  (SIO_BIT(5) | SIO_MASK(11, 10))
#define PASID_DID         SIO_MASK(15, 0)
#define PASID_RESERVED_1  SIO_MASK(22, 16)
#define PASID_PWSNP       SIO_BIT(23)
#define PASID_PGSNP       SIO_BIT(24)
#define PASID_SRE         SIO_BIT(0)
#define PASID_ERE         SIO_BIT(1)
#define PASID_FLPM        SIO_MASK(3, 2)
#define PASID_WPE         SIO_BIT(4)
#define PASID_EAFE        SIO_BIT(7)
#define PASID_RESERVED_2  (SIO_MASK(6, 5) | SIO_MASK(11, 8))
#define PASID_ENTRY_WORDS 8u

enum pasid_type { TYPE_FIRST = 1, TYPE_SECOND = 2, TYPE_NESTED = 3, TYPE_PASS_THROUGH = 4 };

/* ---- codes ---- */

const struct vtd_codes vtd_codes_legacy = {
	.root_address = VTD_ROOT_ACCESS,
	.root_access = VTD_ROOT_ACCESS,
	.root_absent = VTD_ROOT_NOT_PRESENT,
	.root_reserved = VTD_ROOT_RESERVED,
	.context_access = VTD_CONTEXT_ACCESS,
	.context_absent = VTD_CONTEXT_NOT_PRESENT,
	.context_reserved = VTD_CONTEXT_RESERVED,
	.width = VTD_BEYOND_WIDTH,
	.no_write = VTD_NO_WRITE,
	.no_read = VTD_NO_READ,
	.table_top = VTD_CONTEXT_INVALID,
	.table = VTD_TABLE_ACCESS,
	.reserved = VTD_PAGE_RESERVED,
	.interrupt = VTD_INTERRUPT_RANGE,
};

static const struct vtd_codes codes_manual = {
	.root_address = 0x30,
	.root_access = 0x38,
	.root_absent = 0x39,
	.root_reserved = 0x3a,
	.context_access = 0x40,
	.context_absent = 0x41,
	.context_reserved = 0x42,
	.directory_access = 0x50,
	.directory_absent = 0x51,
	.directory_reserved = 0x52,
	.pasid_access = 0x58,
	.pasid_absent = 0x59,
	.pasid_reserved = 0x5a,
	.pasid_invalid = 0x5b,
	.width = 0x84,
	.no_write = 0x79,
	.no_read = 0x79,
	.table_top = 0x7b,
	.table = 0x78,
	.reserved = 0x7a,
	.interrupt = 0x87,
	.host_width = 0x83,
};

/* QEMU 7.2 keeps the codes of legacy mode and has one for whatever is wrong with a PASID. */
static const struct vtd_codes codes_qemu_7_2 = {
	.root_address = VTD_ROOT_ACCESS,
	.root_access = VTD_ROOT_ACCESS,
	.root_absent = VTD_ROOT_NOT_PRESENT,
	.root_reserved = VTD_ROOT_RESERVED,
	.context_access = VTD_CONTEXT_ACCESS,
	.context_absent = VTD_CONTEXT_NOT_PRESENT,
	.context_reserved = VTD_CONTEXT_RESERVED,
	.directory_access = 0x58,
	.directory_absent = 0x58,
	.directory_reserved = 0x58,
	.pasid_access = 0x58,
	.pasid_absent = 0x58,
	.pasid_reserved = 0x58,
	.pasid_invalid = 0x58,
	.width = VTD_BEYOND_WIDTH,
	.no_write = VTD_NO_WRITE,
	.no_read = VTD_NO_READ,
	.table_top = VTD_CONTEXT_INVALID,
	.table = VTD_TABLE_ACCESS,
	.reserved = VTD_PAGE_RESERVED,
	.interrupt = VTD_INTERRUPT_RANGE,
};

const struct vtd_codes *vtd_codes_of(const struct vtd *vtd, bool scalable)
{
	if (!scalable)
		return &vtd_codes_legacy;
	return vtd->fault_codes == VTD_FAULTS_QEMU_7_2 ? &codes_qemu_7_2 : &codes_manual;
}

/* ---- context entries ---- */

static struct vtd_sm_context context_fault(uint8_t reason, bool absent, bool silent)
{
	return (struct vtd_sm_context){.word = vtd_word_fault(reason, absent, silent)};
}

/* Bits of a context entry that belong to features the unit does not have, and undefined ones. */
static bool context_is_reserved(const struct vtd *vtd, struct vtd_entry context)
{
	uint64_t reserved = CONTEXT_RESERVED | vtd_above_width(vtd);

	if (!vtd->caps.device_tlb)
		reserved |= CONTEXT_DTE;
	if (!vtd->caps.pasid)
		reserved |= CONTEXT_PASIDE;
	if (!vtd->caps.page_requests)
		reserved |= CONTEXT_PRE;
	return (context.lo & reserved) || (context.hi & CONTEXT_HI_RSVD);
}

/* Where the context entry of a requester lies. Not 0: why that cannot be known. */
static uint8_t context_place(const struct vtd *vtd, uint16_t requester, struct vtd_trail *trail,
			     pa_t *place)
{
	const struct vtd_codes *codes = vtd_codes_now(vtd);
	const uint64_t rtaddr = __atomic_load_n(&vtd->root, __ATOMIC_RELAXED);
	const pa_t table = rtaddr & RTADDR_ADDRESS;
	const pa_t pa = table + (requester >> 8) * sizeof(struct vtd_entry);
	const unsigned devfn = requester & 0xff;
	struct vtd_entry root;
	uint64_t half;

	if (rtaddr & RTADDR_MODE_HI || table & vtd_above_width(vtd))
		return codes->root_address;
	if (!vtd_entry_read(vtd, pa, &root))
		return codes->root_access;
	vtd_trail_add(trail, "root", pa, root);
	/* Each half has its own present bit and its own table of 128 functions. */
	half = devfn < 128 ? root.lo : root.hi;
	if (!(half & VTD_ENTRY_P))
		return codes->root_absent;
	if (half & (ROOT_RESERVED | vtd_above_width(vtd)))
		return codes->root_reserved;
	*place = (half & VTD_ENTRY_ADDR) + (devfn & 127) * 2 * sizeof(struct vtd_entry);
	return 0;
}

struct vtd_sm_context vtd_sm_context_read(const struct vtd *vtd, uint16_t requester,
					  struct vtd_trail *trail)
{
	const struct vtd_codes *codes = vtd_codes_now(vtd);
	struct vtd_entry context, rest;
	uint8_t reason;
	bool silent;
	pa_t pa = 0;

	reason = context_place(vtd, requester, trail, &pa);
	if (reason)
		return context_fault(reason, reason == codes->root_absent, false);
	if (!vtd_entry_read(vtd, pa, &context) || !vtd_entry_read(vtd, pa + sizeof(context), &rest))
		return context_fault(codes->context_access, false, false);
	vtd_trail_add(trail, "context", pa, context);
	silent = context.lo & VTD_ENTRY_FPD;
	if (!(context.lo & VTD_ENTRY_P))
		return context_fault(codes->context_absent, true, silent);
	if (context_is_reserved(vtd, context) || rest.lo || rest.hi)
		return context_fault(codes->context_reserved, false, false);
	return (struct vtd_sm_context){
		.directory = context.lo & VTD_ENTRY_ADDR,
		/* Without RPS the field is there and means nothing. */
		.rid_pasid = vtd->caps.rid_pasid
				     ? (uint32_t)SIO_FIELD_GET(CONTEXT_RID_PASID, context.hi)
				     : 0,
		/* Directory entries: 2^(PDTS + 7), with 64 PASIDs each. */
		.pasid_bits = (uint8_t)(SIO_FIELD_GET(CONTEXT_PDTS, context.lo) + 13),
		.device_tlb = context.lo & CONTEXT_DTE,
		.pasid = context.lo & CONTEXT_PASIDE,
		.page_requests = context.lo & CONTEXT_PRE,
		.silent = silent,
	};
}

uint64_t vtd_sm_pasid_of(const struct vtd *vtd, const struct vtd_sm_context *context,
			 const struct dma_req *req, uint32_t *pasid)
{
	*pasid = req->has_pasid ? req->pasid : context->rid_pasid;
	if (!req->has_pasid)
		return *pasid >> context->pasid_bits
			       ? vtd_word_fault(VTD_SM_RID_PASID_BEYOND, false, context->silent)
			       : 0;
	if (!context->pasid)
		return vtd_word_fault(VTD_SM_PASID_DISABLED, false, context->silent);
	if (*pasid >> context->pasid_bits || *pasid >> vtd->caps.pasid_bits)
		return vtd_word_fault(VTD_SM_PASID_BEYOND, false, context->silent);
	return 0;
}

/* ---- PASID entries ---- */

/* A PASID entry as far as it means anything; the other five words are reserved. */
struct pasid_entry {
	uint64_t word[3];
	bool rest; /* a bit of the others is set */
};

static bool pasid_entry_read(const struct vtd *vtd, pa_t pa, struct pasid_entry *entry)
{
	struct vtd_entry pair;

	entry->rest = false;
	for (unsigned i = PASID_ENTRY_WORDS; i; i -= 2) {
		/* The word with the present bit last: a driver sets that bit last. */
		if (!vtd_entry_read(vtd, pa + 8 * (i - 2), &pair))
			return false;
		if (i == 2) {
			entry->word[0] = pair.lo;
			entry->word[1] = pair.hi;
		} else if (i == 4) {
			entry->word[2] = pair.lo;
			entry->rest |= pair.hi != 0;
		} else {
			entry->rest |= pair.lo || pair.hi;
		}
	}
	return true;
}

static bool pasid_uses_first(enum pasid_type type)
{
	return type == TYPE_FIRST || type == TYPE_NESTED;
}

static bool pasid_uses_second(enum pasid_type type)
{
	return type == TYPE_SECOND || type == TYPE_NESTED;
}

static bool pasid_is_reserved(const struct vtd *vtd, const struct pasid_entry *entry)
{
	const enum pasid_type type = (enum pasid_type)SIO_FIELD_GET(PASID_PGTT, entry->word[0]);
	const struct vtd_caps *caps = &vtd->caps;
	uint64_t reserved[3] = {PASID_RESERVED_0, PASID_RESERVED_1, 0};

	if (pasid_uses_second(type))
		reserved[0] |= vtd_above_width(vtd);
	if (!caps->second_dirty)
		reserved[0] |= PASID_SLADE;
	if (!caps->walk_snoop)
		reserved[1] |= PASID_PWSNP;
	if (!caps->snoop_control)
		reserved[1] |= PASID_PGSNP;
	if (pasid_uses_first(type))
		reserved[2] = PASID_RESERVED_2 | vtd_above_width(vtd) |
			      (caps->supervisor ? 0 : PASID_SRE) | (caps->execute ? 0 : PASID_ERE) |
			      (caps->extended_accessed ? 0 : PASID_EAFE);
	if (SIO_FIELD_GET(PASID_DID, entry->word[1]) >= caps->domain_ids)
		return true;
	return entry->rest || (entry->word[0] & reserved[0]) || (entry->word[1] & reserved[1]) ||
	       (entry->word[2] & reserved[2]);
}

/* The unit can do what the entry asks for. */
static bool pasid_is_valid(const struct vtd *vtd, const struct pasid_entry *entry)
{
	const enum pasid_type type = (enum pasid_type)SIO_FIELD_GET(PASID_PGTT, entry->word[0]);
	const unsigned width = (unsigned)SIO_FIELD_GET(PASID_AW, entry->word[0]);
	const unsigned mode = (unsigned)SIO_FIELD_GET(PASID_FLPM, entry->word[2]);
	const struct vtd_caps *caps = &vtd->caps;

	switch (type) {
	case TYPE_FIRST:
		if (!caps->first_stage)
			return false;
		break;
	case TYPE_SECOND:
		if (!caps->second_stage)
			return false;
		break;
	case TYPE_NESTED:
		if (!caps->nested)
			return false;
		break;
	case TYPE_PASS_THROUGH:
		return caps->pass_through;
	default:
		return false;
	}
	if (pasid_uses_first(type) && mode > (caps->first_5level ? 1u : 0u))
		return false;
	return !pasid_uses_second(type) ||
	       (width >= 1 && width <= 3 && (caps->sagaw & 1u << width));
}

/* A present entry that asks for what the unit can do. */
static struct vtd_space pasid_space(const struct vtd *vtd, const struct pasid_entry *entry,
				    uint32_t pasid, bool silent)
{
	const enum pasid_type type = (enum pasid_type)SIO_FIELD_GET(PASID_PGTT, entry->word[0]);
	const uint64_t fpd = silent ? VTD_WORD_FPD : 0;
	const unsigned width = (unsigned)SIO_FIELD_GET(PASID_AW, entry->word[0]);
	struct vtd_space space = {
		.domain = (uint16_t)SIO_FIELD_GET(PASID_DID, entry->word[1]),
		.pasid = pasid,
		.flags = (uint8_t)((entry->word[0] & PASID_SLADE && pasid_uses_second(type)
					    ? VTD_SPACE_SLADE
					    : 0) |
				   (entry->word[1] & PASID_PGSNP ? VTD_SPACE_PAGE_SNOOP : 0) |
				   (entry->word[1] & PASID_PWSNP ? VTD_SPACE_WALK_SNOOP : 0)),
	};

	if (type == TYPE_PASS_THROUGH) {
		/* The width field does not count: as wide as the unit. */
		space.word = VTD_WORD_PASS | fpd | SIO_FIELD_PREP(VTD_WORD_TOP, 3) | space.domain;
		return space;
	}
	if (type == TYPE_SECOND && !(space.flags & ~VTD_SPACE_WALK_SNOOP) &&
	    vtd->tables == vtd->phys) {
		space.word = IOTLB_WORD_WALK | fpd | SIO_FIELD_PREP(VTD_WORD_TOP, width) |
			     SIO_FIELD_PREP(VTD_WORD_ROOT, entry->word[0] >> SIO_PAGE_LG2) |
			     space.domain;
		return space;
	}
	/* No slot yet: the tag of the last is always 0. */
	space.word = VTD_WORD_WIDE | fpd | IOTLB_SLOTS;
	space.kind = type == TYPE_SECOND  ? IOTLB_SECOND
		     : type == TYPE_FIRST ? IOTLB_FIRST
					  : IOTLB_NESTED;
	if (pasid_uses_second(type)) {
		space.second = entry->word[0] & VTD_ENTRY_ADDR;
		space.second_level = (uint8_t)(width + 1);
	}
	if (pasid_uses_first(type)) {
		space.first = entry->word[2] & VTD_ENTRY_ADDR;
		space.first_level = entry->word[2] & PASID_FLPM ? 4 : 3;
		space.flags |= (uint8_t)((entry->word[2] & PASID_SRE ? VTD_SPACE_SRE : 0) |
					 (entry->word[2] & PASID_ERE ? VTD_SPACE_ERE : 0) |
					 (entry->word[2] & PASID_WPE ? VTD_SPACE_WPE : 0) |
					 (entry->word[2] & PASID_EAFE ? VTD_SPACE_EAFE : 0));
	}
	return space;
}

static struct vtd_space space_fault(uint8_t reason, bool absent, bool silent)
{
	return (struct vtd_space){.word = vtd_word_fault(reason, absent, silent)};
}

struct vtd_space vtd_sm_space_read(const struct vtd *vtd, const struct vtd_sm_context *context,
				   uint32_t pasid, struct vtd_trail *trail)
{
	const struct vtd_codes *codes = vtd_codes_now(vtd);
	pa_t pa = context->directory + 8 * (uint64_t)(pasid >> 6);
	struct vtd_entry directory = {0};
	struct pasid_entry entry = {.rest = false};
	bool silent;

	if (!phys_is_ram(vtd->tables, pa, sizeof(directory.lo)))
		return space_fault(codes->directory_access, false, context->silent);
	directory.lo =
		__atomic_load_n((const uint64_t *)phys_ptr(vtd->tables, pa), __ATOMIC_ACQUIRE);
	vtd_trail_add(trail, "pasid-directory", pa, directory);
	silent = directory.lo & VTD_ENTRY_FPD;
	if (!(directory.lo & VTD_ENTRY_P))
		return space_fault(codes->directory_absent, true, silent);
	if (directory.lo & (DIRECTORY_RESERVED | vtd_above_width(vtd)))
		return space_fault(codes->directory_reserved, false, silent);

	pa = (directory.lo & VTD_ENTRY_ADDR) + 8 * PASID_ENTRY_WORDS * (uint64_t)(pasid & 63);
	if (!pasid_entry_read(vtd, pa, &entry))
		return space_fault(codes->pasid_access, false, silent);
	vtd_trail_add(trail, "pasid", pa, (struct vtd_entry){entry.word[0], entry.word[1]});
	silent |= (entry.word[0] & VTD_ENTRY_FPD) != 0;
	if (!(entry.word[0] & VTD_ENTRY_P))
		return space_fault(codes->pasid_absent, true, silent);
	if (pasid_is_reserved(vtd, &entry))
		return space_fault(codes->pasid_reserved, false, silent);
	if (!pasid_is_valid(vtd, &entry))
		return space_fault(codes->pasid_invalid, false, silent);
	return pasid_space(vtd, &entry, pasid, silent);
}
