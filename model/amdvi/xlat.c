// SPDX-License-Identifier: GPL-2.0-only
/*
 * Translation by an AMD-Vi unit: the steps of one request, from early outs to the fills.
 *
 * Source: AMD IOMMU Specification, "Device Table Entry Format", "I/O Page Tables for Host
 * Translations", "Exclusion Range", "Special Address Ranges", "IO_PAGE_FAULT Event", "NpCache".
 *
 * Choices where the manual leaves one:
 *  - Requests without PASID to the interrupt range are never translated. An aligned 4-byte write is
 *    an interrupt request; anything else there is an invalid device request.
 *  - The HyperTransport range is not translated either, with or without a tunnel, unless the
 * entry's fields for port I/O or system management ask for it: software leaves it out of its maps.
 *  - A request that an IOTLB entry denies is blocked from the cache, without a look at memory; only
 *    guest tables, and tables with accessed and dirty bits, are asked again.
 *  - Guest CR3 tables are not cached; what is below them is.
 *
 * Nothing is cached that a later hit would have to check again: pages that touch a special range
 * are cached in parts that do not, and never the range itself. What the device table entry adds
 * (IR, IW, exclusion) is not part of what the IOTLB keeps, since devices of one domain share that.
 */
#include "amdvi/amdvi_unit.h"

/* Steps of 1 MiB never straddle a special range. */
#define UNTRANSLATED_LG2 20u

#define HT_FIRST  UINT64_C(0xfd00000000)
#define HT_LAST   UINT64_C(0xffffffffff)
#define HT_SYSMGT UINT64_C(0xfdf9100000) /* 1 MiB */
#define HT_EOI    UINT64_C(0xfdf8000000) /* interrupt and EOI, 16 MiB */
#define HT_PORTS  UINT64_C(0xfdfc000000) /* port I/O, 32 MiB */

enum special_control { SPECIAL_ABORT, SPECIAL_PASS, SPECIAL_TRANSLATE_IO, SPECIAL_TRANSLATE };

/* A cached page fault: not 0, and none of the event codes. */
#define CACHED_ABSENT 0x80u

static struct xlat identity(const struct dma_req *req, unsigned perm)
{
	return (struct xlat){
		.size_lg2 = UNTRANSLATED_LG2,
		.perm = (uint8_t)perm,
		.pa = req->iova,
	};
}

struct xlat amdvi_page_fault(const struct amdvi_path *path, enum pt_fault fault, bool present)
{
	unsigned flags = present ? EVENT_PR : 0;

	if (fault == PT_FAULT_RESERVED)
		flags |= EVENT_RZ;
	else if (present)
		flags |= EVENT_PE;
	if (path->guest)
		flags |= EVENT_GN;
	return amdvi_fault(AMDVI_IO_PAGE_FAULT, flags, path->domain);
}

/* ---- before the tables ---- */

static bool is_interrupt_request(const struct dma_req *req)
{
	return req->kind == DMA_WRITE && req->len == 4 && req->iova % 4 == 0;
}

bool amdvi_resolve_early(const struct amdvi *amdvi, const struct dma_req *req, struct xlat *x)
{
	const bool on = amdvi_control(amdvi) & CTRL_ENABLE;

	if (__builtin_expect(amdvi_in_interrupt_range(req->iova) && !req->has_pasid, 0)) {
		*x = identity(req, PT_W);
		if (is_interrupt_request(req))
			x->flags = XLAT_INTERRUPT;
		else if (on)
			*x = amdvi_fault(AMDVI_INVALID_DEVICE_REQUEST,
					 EVENT_TYPE(INVALID_INTERRUPT_READ), 0);
		else
			x->flags = XLAT_UNSUPPORTED;
		return true;
	}
	if (__builtin_expect(!on, 0)) {
		*x = identity(req, PT_R | PT_W);
		return true;
	}
	return false;
}

static struct xlat invalid_request(enum amdvi_invalid_request type)
{
	return amdvi_fault(AMDVI_INVALID_DEVICE_REQUEST, EVENT_TYPE(type), 0);
}

/* Addresses with a meaning of their own. False: this one is translated as any. */
static bool resolve_special(const struct amdvi_dte *dte, const struct dma_req *req, struct xlat *x)
{
	const unsigned ports = (unsigned)SIO_FIELD_GET(DTE_IOCTL, dte->word[1]);
	const unsigned management = (unsigned)SIO_FIELD_GET(DTE_SYSMGT, dte->word[1]);
	const bool write = req->kind == DMA_WRITE;

	*x = identity(req, PT_R | PT_W);
	if (req->iova >= HT_PORTS && req->iova - HT_PORTS < SIO_BIT(25)) {
		if (ports == SPECIAL_ABORT)
			*x = invalid_request(INVALID_PORT_IO);
		return ports != SPECIAL_TRANSLATE_IO;
	}
	if (req->iova >= HT_SYSMGT && req->iova - HT_SYSMGT < SIO_BIT(20)) {
		if (management == SPECIAL_TRANSLATE)
			return false;
		if (!write)
			*x = invalid_request(INVALID_SYSMGT_READ);
		else if (management != SPECIAL_PASS)
			*x = invalid_request(INVALID_SYSMGT_WRITE);
		return true;
	}
	if (req->iova >= HT_EOI && req->iova - HT_EOI < SIO_BIT(24))
		*x = invalid_request(write ? INVALID_INTERRUPT : INVALID_INTERRUPT_READ);
	else
		*x = invalid_request(INVALID_RESERVED_RANGE);
	return true;
}

/* The exclusion range counts for this device, whether or not the address lies in it. */
static bool exclusion_applies(const struct amdvi *amdvi, const struct amdvi_dte *dte)
{
	const uint64_t base = __atomic_load_n(&amdvi->exclusion.base, __ATOMIC_RELAXED);

	return (base & EXCL_ENABLE) && ((base & EXCL_ALLOW) || (dte->word[1] & DTE_EX));
}

static bool exclusion_touches(const struct amdvi *amdvi, uint64_t first, uint64_t last)
{
	const uint64_t base = __atomic_load_n(&amdvi->exclusion.base, __ATOMIC_RELAXED);
	const uint64_t limit = __atomic_load_n(&amdvi->exclusion.limit, __ATOMIC_RELAXED);

	return last >= (base & SIO_PAGE_MASK) && first <= (limit | ~SIO_PAGE_MASK);
}

static pa_t gcr3_table(const struct amdvi_dte *dte)
{
	return SIO_FIELD_GET(DTE_GCR3_14, dte->word[0]) << 12 |
	       SIO_FIELD_GET(DTE_GCR3_30, dte->word[1]) << 15 |
	       SIO_FIELD_GET(DTE_GCR3_51, dte->word[1]) << 31;
}

/* Which tables, and where they begin; the entry is legal. */
static struct amdvi_path path_of(const struct amdvi *amdvi, const struct amdvi_dte *dte,
				 const struct dma_req *req)
{
	const unsigned mode = (unsigned)SIO_FIELD_GET(DTE_MODE, dte->word[0]);
	const bool guest = (dte->word[0] & DTE_GV) && (amdvi_control(amdvi) & CTRL_GT);

	return (struct amdvi_path){
		.host = mode != 0,
		.guest = guest && (req->has_pasid || (dte->word[0] & DTE_GIOV)),
		.excluded = exclusion_applies(amdvi, dte),
		.had = (uint8_t)SIO_FIELD_GET(DTE_HAD, dte->word[0]),
		.io_perm = (uint8_t)((dte->word[0] & DTE_IR ? PT_R : 0) |
				     (dte->word[0] & DTE_IW ? PT_W : 0)),
		.domain = (uint16_t)SIO_FIELD_GET(DTE_DOMAIN, dte->word[1]),
		.pasid = req->has_pasid ? req->pasid : 0,
		.root = {.table = dte->word[0] & DTE_ROOT,
			 .level = (uint8_t)(mode ? mode - 1 : 0),
			 .perm = PT_ALL},
		.gcr3 = gcr3_table(dte),
		.gcr3_levels = (uint8_t)(SIO_FIELD_GET(DTE_GLX, dte->word[0]) + 1),
		.guest_top = (uint8_t)(SIO_FIELD_GET(DTE_GUESTMODE, dte->word[2]) + 3),
	};
}

bool amdvi_resolve_dte(const struct amdvi *amdvi, const struct amdvi_dte *dte,
		       const struct dma_req *req, struct xlat *x, struct amdvi_path *path)
{
	/* "V = 0: all addresses are forwarded without translation." */
	*x = identity(req, PT_R | PT_W);
	if (!(dte->word[0] & DTE_V))
		return true;
	if (!amdvi_dte_is_legal(amdvi, dte)) {
		*x = amdvi_fault(AMDVI_ILLEGAL_DEV_TABLE_ENTRY, EVENT_RZ, 0);
		return true;
	}
	if (__builtin_expect(req->iova >= HT_FIRST && req->iova <= HT_LAST, 0) && !req->has_pasid &&
	    resolve_special(dte, req, x))
		return true;
	*path = path_of(amdvi, dte, req);
	/* A PASID means nothing without guest tables, and no more than it has bits. */
	if (!(dte->word[0] & DTE_TV) || (req->has_pasid && !path->guest) ||
	    path->pasid >> amdvi->caps.pasid_bits) {
		*x = amdvi_page_fault(path, PT_FAULT_READ, false);
		return true;
	}
	if (path->excluded && !req->has_pasid && exclusion_touches(amdvi, req->iova, req->iova)) {
		*x = identity(req, PT_R | PT_W);
		x->size_lg2 = SIO_PAGE_LG2;
		return true;
	}
	if (dma_need(req) & ~(unsigned)path->io_perm) {
		*x = amdvi_page_fault(path, PT_FAULT_READ, true);
		return true;
	}
	*x = identity(req, path->io_perm);
	if (path->excluded)
		x->size_lg2 = SIO_PAGE_LG2;
	return !path->host && !path->guest;
}

/* ---- the tables ---- */

static bool overlaps(uint64_t first, uint64_t last, uint64_t low, uint64_t high)
{
	return first <= high && last >= low;
}

/* The largest part around the address that no special range cuts. */
static uint8_t whole_part(const struct amdvi *amdvi, const struct amdvi_path *path, iova_t iova,
			  unsigned size_lg2)
{
	const uint64_t inside = SIO_BIT(size_lg2) - 1, first = iova & ~inside, last = iova | inside;

	if (size_lg2 > SIO_PAGE_LG2 && (overlaps(first, last, PHYS_MSI_FIRST, PHYS_MSI_LAST) ||
					(path->excluded && exclusion_touches(amdvi, first, last))))
		return SIO_PAGE_LG2;
	/* Its ends are multiples of a gigabyte; inside, special addresses are pages apart. */
	if (overlaps(first, last, HT_FIRST, HT_LAST))
		return iova >= HT_FIRST && iova <= HT_LAST
			       ? SIO_PAGE_LG2
			       : (uint8_t)(size_lg2 < 30 ? size_lg2 : 30);
	return (uint8_t)size_lg2;
}

/* Where the table lies whose entry could not be read. */
static pa_t unreadable(const struct amdvi *amdvi, struct pt_start start, const struct dma_req *req)
{
	struct pt_step step[PT_LEVELS_MAX];
	struct pt_walk_result walk;
	unsigned n = 0;
	pa_t table;

	walk = pt_amd_v1.walk(amdvi->phys, &amdvi->host_caps[0], start, req->iova, dma_need(req),
			      step, &n);
	table = n ? step[n - 1].entry.oa : start.table;
	return table + 8 * (req->iova >> (SIO_PAGE_LG2 + 9u * walk.level) & 511);
}

static struct xlat resolve_host(const struct amdvi *amdvi, const struct amdvi_path *path,
				struct pt_start start, const struct dma_req *req, bool mark,
				struct amdvi_walked *walked)
{
	const struct pt_caps *caps = &amdvi->host_caps[mark ? path->had : 0];
	const struct pt_walk_result walk =
		pt_amd_v1.walk(amdvi->phys, caps, start, req->iova, dma_need(req), NULL, NULL);
	const unsigned perm = walk.perm & (PT_R | PT_W | PT_SNP);
	const bool keeps_dirty = caps->access_dirty && !caps->access_only;

	*walked = (struct amdvi_walked){
		.leaf_table = walk.leaf_table,
		.table_perm = walk.table_perm,
		.absent = walk.fault != PT_OK && !walk.present,
	};
	if (walk.fault == PT_FAULT_TABLE || walk.fault == PT_FAULT_TABLE_TOP) {
		walked->absent = false;
		return amdvi_fault(AMDVI_PAGE_TAB_HARDWARE_ERROR, EVENT_MASTER_ABORT,
				   unreadable(amdvi, start, req));
	}
	if (walk.fault != PT_OK)
		return amdvi_page_fault(path, walk.fault, walk.present);
	/* "U: untranslated access only": not for the answers that devices cache. */
	walked->fill_perm = (uint8_t)(walk.perm & PT_U ? 0 : perm);
	if (keeps_dirty && !(walk.perm & PT_D))
		walked->fill_perm &= (uint8_t)~PT_W;
	return (struct xlat){
		.size_lg2 = walk.size_lg2,
		.perm = (uint8_t)perm,
		.flags = walk.perm & PT_U ? AMDVI_XLAT_UNTRANSLATED : 0,
		.pa = walk.oa,
	};
}

static struct xlat cut_to_size(const struct amdvi *amdvi, const struct amdvi_path *path,
			       const struct dma_req *req, struct xlat x)
{
	if (x.reason == 0)
		x.size_lg2 = whole_part(amdvi, path, req->iova, x.size_lg2);
	return x;
}

struct xlat amdvi_resolve_tables(const struct amdvi *amdvi, const struct amdvi_path *path,
				 const struct dma_req *req, bool mark, struct amdvi_walked *walked)
{
	struct xlat x = path->guest ? amdvi_resolve_guest(amdvi, path, req, mark, walked)
				    : resolve_host(amdvi, path, path->root, req, mark, walked);

	return cut_to_size(amdvi, path, req, x);
}

struct xlat amdvi_resolve_below(const struct amdvi *amdvi, const struct amdvi_path *path,
				uint64_t table, const struct dma_req *req, bool mark,
				struct amdvi_walked *walked)
{
	const struct pt_start start = {
		.table = table & IOTLB_VALUE_PA,
		.perm = (uint8_t)((table & IOTLB_VALUE_PERM) | PT_U | PT_X),
		.cached = true,
	};

	return cut_to_size(amdvi, path, req, resolve_host(amdvi, path, start, req, mark, walked));
}

/* ---- the caches ---- */

/*
 * Inside a special range nothing is cached: what its control fields say may change. Nor are answers
 * to requests that need more than R or W, since entries do not tell of more.
 */
static bool may_be_cached(const struct dma_req *req)
{
	return !(req->iova >= HT_FIRST && req->iova <= HT_LAST) &&
	       !amdvi_in_interrupt_range(req->iova) && !req->execute && !req->privileged;
}

static uint32_t slot_of(struct amdvi *amdvi, const struct amdvi_path *path)
{
	if (!path->guest)
		return path->domain;
	return iotlb_slot_get(amdvi->tlb, path->host ? IOTLB_NESTED : IOTLB_FIRST, path->domain,
			      path->pasid);
}

uint64_t amdvi_tag(struct amdvi *amdvi, const struct amdvi_path *path, const struct dma_req *req,
		   bool fill)
{
	if (!may_be_cached(req))
		return 0;
	if (fill)
		return iotlb_tag_get(amdvi->tlb, slot_of(amdvi, path));
	/* Only those who may fill may give out slots; the rest can do without a hit. */
	return path->guest ? 0 : iotlb_tag(amdvi->tlb, path->domain);
}

bool amdvi_resolve_cached(const struct amdvi_path *path, const struct dma_req *req, uint64_t value,
			  unsigned size_lg2, struct xlat *x)
{
	const unsigned need = dma_need(req);

	if ((value & need) == need) {
		*x = iotlb_xlat(value, size_lg2, req->iova);
		return true;
	}
	if (path->guest || path->had)
		return false;
	*x = amdvi_page_fault(path, PT_FAULT_READ,
			      SIO_FIELD_GET(IOTLB_VALUE_REASON, value) != CACHED_ABSENT);
	return true;
}

struct xlat amdvi_resolve_miss(struct amdvi *amdvi, const struct amdvi_path *path,
			       const struct dma_req *req, bool fill)
{
	const uint64_t tag = amdvi_tag(amdvi, path, req, fill);
	struct amdvi_walked walked;
	struct xlat x, cached;
	uint64_t table;

	if (tag && !path->guest && iotlb_find_table(amdvi->tlb, tag, req->iova, &table))
		x = amdvi_resolve_below(amdvi, path, table, req, true, &walked);
	else
		x = amdvi_resolve_tables(amdvi, path, req, true, &walked);
	if (!fill || !tag)
		return x;
	/* Entries above a cached table are not looked at again: they have to be marked by then. */
	if (walked.leaf_table != PA_NONE && !path->guest && !(x.reason && path->had))
		iotlb_fill_table(amdvi->tlb, tag, req->iova, walked.leaf_table, walked.table_perm);
	if (x.reason == 0 && walked.fill_perm) {
		cached = x;
		cached.perm = walked.fill_perm;
		iotlb_fill_page(amdvi->tlb, tag, req->iova, cached);
	} else if (x.reason && walked.absent && amdvi->caps.np_cache && !path->guest) {
		iotlb_fill_fault(amdvi->tlb, tag, req->iova, CACHED_ABSENT);
	}
	return x;
}

struct xlat amdvi_resolve_path(struct amdvi *amdvi, const struct amdvi_path *path,
			       const struct dma_req *req, bool fill)
{
	const uint64_t tag = amdvi_tag(amdvi, path, req, fill);
	unsigned size_lg2;
	uint64_t value;
	struct xlat x;

	size_lg2 = iotlb_peek(amdvi->tlb, tag, req->iova, &value);
	if (!size_lg2 || !value || !amdvi_resolve_cached(path, req, value, size_lg2, &x))
		x = amdvi_resolve_miss(amdvi, path, req, fill);
	else
		x = cut_to_size(amdvi, path, req, x);
	if (x.reason == 0)
		x.perm &= (uint8_t)(path->io_perm | PT_SNP);
	return x;
}

void amdvi_open_short_way(struct amdvi *amdvi, uint16_t requester, const struct amdvi_dte *dte)
{
	const struct dma_req plain = {.requester = requester};
	struct amdvi_path path;
	uint32_t slot;

	if ((dte->word[0] & (DTE_V | DTE_TV | DTE_IR | DTE_IW)) !=
		    (DTE_V | DTE_TV | DTE_IR | DTE_IW) ||
	    !amdvi_dte_is_legal(amdvi, dte))
		return;
	path = path_of(amdvi, dte, &plain);
	if (path.excluded || path.had || !(path.host || path.guest))
		return;
	slot = slot_of(amdvi, &path);
	if (slot < IOTLB_SLOTS)
		iotlb_fill_context(amdvi->tlb, requester, IOTLB_WORD_WALK | slot);
}

struct xlat amdvi_resolve_fresh(const struct amdvi *amdvi, const struct amdvi_dte *dte,
				const struct dma_req *req)
{
	struct amdvi_walked walked;
	struct amdvi_path path;
	struct xlat x;

	if (amdvi_resolve_dte(amdvi, dte, req, &x, &path))
		return x;
	x = amdvi_resolve_tables(amdvi, &path, req, false, &walked);
	if (x.reason == 0)
		x.perm &= (uint8_t)(path.io_perm | PT_SNP);
	return x;
}

struct xlat amdvi_resolve(struct unit *unit, const struct dma_req *req, bool denied,
			  struct unit_notes *notes)
{
	struct amdvi *amdvi = amdvi_of(unit);
	/* Read first: see "Fills and invalidation" in iotlb.h. */
	const bool fill = __atomic_load_n(&amdvi->tlb->filling, __ATOMIC_ACQUIRE);
	struct amdvi_path path;
	struct amdvi_dte dte;
	struct xlat x;

	(void)denied;
	if (amdvi_resolve_early(amdvi, req, &x))
		return x;
	if (__atomic_load_n(&amdvi->strict, __ATOMIC_RELAXED))
		return amdvi_resolve_strict(amdvi, req, notes);
	if (!amdvi_dte_get(amdvi, req->requester, fill, &dte, &x))
		return x;
	if (fill && !iotlb_context(amdvi->tlb, req->requester))
		amdvi_open_short_way(amdvi, req->requester, &dte);
	if (amdvi_resolve_dte(amdvi, &dte, req, &x, &path))
		return x;
	x = amdvi_resolve_path(amdvi, &path, req, fill);
	x.flags &= (uint8_t)~AMDVI_XLAT_UNTRANSLATED;
	return x;
}
