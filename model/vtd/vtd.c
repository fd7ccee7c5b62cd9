// SPDX-License-Identifier: GPL-2.0-only
/*
 * A VT-d unit: creation, global commands, and the operations that the rest of the machine calls.
 *
 * Source: Intel VT-d, "Global Command Register", "Global Status Register", "Protected Memory Enable
 * Register".
 *
 * A global command acts on the bits that differ from the status, and on one-shot bits that are set.
 * Whatever changes what translations read waits for those under way, as the manual demands of
 * hardware before it reports the new status. Nothing of this touches the caches, except a new root
 * pointer in a unit that says so (CAP.ESRTPS).
 */
#include "vtd/vtd.h"

#include "flush.h"
#include "keep.h"
#include "vtd/vtd_unit.h"

#include <stdlib.h>
#include <string.h>

#define CAP_PLMR SIO_BIT(5)
#define CAP_PHMR SIO_BIT(6)

/* ---- lock and messages ---- */

void vtd_lock(struct vtd *vtd)
{
	pthread_mutex_lock(&vtd->lock);
}

void vtd_unlock(struct vtd *vtd)
{
	struct vtd_message out[VTD_EVENTS];
	bool any = false;

	for (unsigned i = 0; i < VTD_EVENTS; i++)
		any |= vtd->outbox[i].pending;
	if (!any) {
		pthread_mutex_unlock(&vtd->lock);
		return;
	}
	memcpy(out, vtd->outbox, sizeof(out));
	memset(vtd->outbox, 0, sizeof(vtd->outbox));
	pthread_mutex_unlock(&vtd->lock);
	for (unsigned i = 0; i < VTD_EVENTS; i++) {
		if (out[i].pending && vtd->env.msi)
			vtd->env.msi(vtd->env.ctx, out[i].address, out[i].data);
	}
}

/* ---- global commands ---- */

void vtd_update_open(struct vtd *vtd)
{
	iotlb_set_open(vtd->tlb, vtd->translating && !vtd->strict);
}

static void set_translating(struct vtd *vtd, bool on)
{
	vtd_inval_begin(vtd);
	__atomic_store_n(&vtd->translating, on, __ATOMIC_RELAXED);
	vtd_update_open(vtd);
	vtd_inval_end(vtd);
}

/* Latch the root table that RTADDR names. */
static void set_root(struct vtd *vtd)
{
	const uint64_t rtaddr = vtd->reg[VTD_RTADDR];
	/* Another mode than legacy has the codes of scalable mode, one that is reserved too. */
	const bool scalable = rtaddr & (RTADDR_MODE_HI | RTADDR_SMT);

	vtd_inval_begin(vtd);
	__atomic_store_n(&vtd->root, rtaddr & (RTADDR_ADDRESS | RTADDR_MODE_HI), __ATOMIC_RELAXED);
	__atomic_store_n(&vtd->scalable, scalable, __ATOMIC_RELAXED);
	__atomic_store_n(&vtd->codes, vtd_codes_of(vtd, scalable), __ATOMIC_RELAXED);
	if (vtd->caps.implied_root_flush) {
		iotlb_flush_contexts(vtd->tlb);
		vtd_sm_flush_contexts(vtd);
		vtd_sm_flush_spaces(vtd);
		iotlb_flush(vtd->tlb);
	}
	vtd_inval_end(vtd);
}

static void set_queue(struct vtd *vtd, bool on)
{
	/* "IQH is reset to 0 when the queue is enabled or disabled." */
	vtd->reg[VTD_IQH] = 0;
	if (on)
		vtd_queue_run(vtd);
}

/* Command bits that exist in this unit. */
static uint64_t known_commands(const struct vtd *vtd)
{
	uint64_t known = GCMD_TE | GCMD_SRTP;

	if (vtd->caps.rwbf)
		known |= GCMD_WBF;
	if (vtd->caps.qi)
		known |= GCMD_QIE;
	if (vtd->caps.intremap)
		known |= GCMD_IRE | GCMD_SIRTP | GCMD_CFI;
	return known;
}

void vtd_write_gcmd(struct vtd *vtd, uint64_t raw, uint64_t touched)
{
	const uint64_t one_shot = GCMD_SRTP | GCMD_SIRTP | GCMD_WBF;
	uint64_t *status = &vtd->reg[VTD_GSTS], known = known_commands(vtd) & touched;
	uint64_t shots = raw & known & one_shot, changed = (raw ^ *status) & known & ~one_shot;

	/* A table pointer counts before what uses it is enabled. WBF is done when it is written. */
	if (shots & GCMD_SRTP)
		set_root(vtd);
	if (shots & GCMD_SIRTP)
		vtd_irte_latch(vtd);
	*status |= shots & (GCMD_SRTP | GCMD_SIRTP);
	*status ^= changed;
	if (changed & GCMD_TE)
		set_translating(vtd, *status & GCMD_TE);
	if (changed & GCMD_QIE)
		set_queue(vtd, *status & GCMD_QIE);
}

/* Protected regions are whole 2 MiB blocks: the limit names the last of them. */
static void protect(struct vtd_protected *range, bool on, uint64_t base, uint64_t limit)
{
	__atomic_store_n(&range->first, on ? base : 1, __ATOMIC_RELAXED);
	__atomic_store_n(&range->last, on ? limit | SIO_MASK(20, 0) : 0, __ATOMIC_RELAXED);
}

void vtd_write_pmen(struct vtd *vtd, uint64_t raw, uint64_t touched)
{
	const bool on = vtd->reg[VTD_PMEN] & PMEN_EPM;

	(void)raw, (void)touched;
	vtd_inval_begin(vtd);
	protect(&vtd->protected[0], on && (vtd->caps.cap & CAP_PLMR), vtd->reg[VTD_PLMBASE],
		vtd->reg[VTD_PLMLIMIT]);
	protect(&vtd->protected[1], on && (vtd->caps.cap & CAP_PHMR), vtd->reg[VTD_PHMBASE],
		vtd->reg[VTD_PHMLIMIT]);
	vtd_inval_end(vtd);
	vtd->reg[VTD_PMEN] &= ~PMEN_PRS;
	vtd->reg[VTD_PMEN] |= on ? PMEN_PRS : 0;
}

/* ---- operations ---- */

static uint64_t vtd_mmio_read(struct unit *unit, uint32_t offset, unsigned width)
{
	struct vtd *vtd = vtd_of(unit);
	uint64_t value;

	vtd_lock(vtd);
	value = vtd_regs_read(vtd, offset, width);
	vtd_unlock(vtd);
	return value;
}

static void vtd_mmio_write(struct unit *unit, uint32_t offset, unsigned width, uint64_t value)
{
	struct vtd *vtd = vtd_of(unit);

	vtd_lock(vtd);
	vtd_regs_write(vtd, offset, width, value);
	vtd_unlock(vtd);
}

static void vtd_conclude(struct unit *unit, const struct dma_req *req, struct xlat x,
			 const struct unit_notes *notes)
{
	struct vtd *vtd = vtd_of(unit);

	for (unsigned i = 0; i < notes->count && vtd->env.stale; i++)
		vtd->env.stale(vtd->env.ctx, &notes->stale[i]);
	if (x.reason == 0 || (x.flags & XLAT_SILENT))
		return;
	vtd_lock(vtd);
	vtd_fault_record(vtd, req, x.reason);
	vtd_unlock(vtd);
}

static struct xlat vtd_translate(struct unit *unit, const struct dma_req *req)
{
	enum iotlb_answer answer = IOTLB_MISS;
	struct unit_notes notes;
	struct xlat x;
	uint64_t tag;

	notes.count = 0;
	if (!req->has_pasid)
		answer =
			iotlb_lookup(unit->tlb, req->requester, req->iova, dma_need(req), &x, &tag);
	if (answer == IOTLB_HIT)
		return x;
	x = vtd_resolve(unit, req, answer == IOTLB_DENIED, &notes);
	if (x.reason || notes.count)
		vtd_conclude(unit, req, x, &notes);
	return x;
}

static void vtd_set_strict(struct unit *unit, bool on)
{
	struct vtd *vtd = vtd_of(unit);

	vtd_lock(vtd);
	vtd_inval_begin(vtd);
	/* Without memory for it, reports merely lack the time of the fill. */
	if (on)
		iotlb_keep_clocks(vtd->tlb, vtd->env.clock, vtd->env.ctx);
	__atomic_store_n(&vtd->strict, on, __ATOMIC_RELAXED);
	vtd_update_open(vtd);
	vtd_inval_end(vtd);
	if (!on) {
		/* Now that nobody who was still strict is under way. */
		vtd_inval_begin(vtd);
		iotlb_forget_clocks(vtd->tlb);
		vtd_inval_end(vtd);
	}
	vtd_unlock(vtd);
}

static const char *vtd_audit(const struct unit *unit)
{
	const struct vtd *vtd = vtd_of((struct unit *)unit);
	const char *wrong = vtd_fault_audit(vtd);

	if (!wrong)
		wrong = iotlb_audit(vtd->tlb);
	if (!wrong)
		wrong = vtd_irte_audit(vtd);
	if (!wrong)
		wrong = vtd_sm_audit(vtd);
	if (!wrong && (vtd->invalidating || !vtd->tlb->filling))
		wrong = "an invalidation was begun and not ended";
	if (!wrong && vtd->translating != !!(vtd->reg[VTD_GSTS] & GCMD_TE))
		wrong = "GSTS.TES does not tell whether the unit translates";
	if (!wrong && (vtd->reg[VTD_GSTS] & GCMD_QIE) &&
	    !(vtd->reg[VTD_FSTS] & (FSTS_IQE | FSTS_ITE)) &&
	    vtd->reg[VTD_IQH] != vtd->reg[VTD_IQT] && !ats_waiting(unit))
		wrong = "the invalidation queue stands still without an error";
	return wrong;
}

/* What power-on leaves in a unit whose memory is all there. */
static void power_on(struct vtd *vtd)
{
	vtd_regs_reset(vtd);
	vtd->root = 0;
	vtd->translating = false;
	vtd->scalable = false;
	vtd->codes = &vtd_codes_legacy;
	protect(&vtd->protected[0], false, 0, 0);
	protect(&vtd->protected[1], false, 0, 0);
	vtd->device_timeout = false;
	memset(vtd->outbox, 0, sizeof(vtd->outbox));
}

static void vtd_reset(struct unit *unit)
{
	struct vtd *vtd = vtd_of(unit);

	vtd_lock(vtd);
	vtd_inval_begin(vtd);
	power_on(vtd);
	vtd_irte_reset(vtd);
	vtd_sm_reset(vtd);
	iotlb_reset(vtd->tlb);
	if (vtd->view)
		flush_view_reset(vtd->view);
	vtd_inval_end(vtd);
	vtd_unlock(vtd);
}

/* Everything but the lock, the caches and strict checking, which a reset leaves alone. */
static void vtd_keep(struct unit *unit, struct keep *keep)
{
	struct vtd *vtd = vtd_of(unit);

	if (vtd->view)
		keep->failed = true;
	keep_bytes(keep, &vtd->codes, sizeof(vtd->codes));
	keep_bytes(keep, &vtd->scalable, sizeof(vtd->scalable));
	keep_bytes(keep, &vtd->root, sizeof(vtd->root));
	keep_bytes(keep, &vtd->translating, sizeof(vtd->translating));
	keep_bytes(keep, vtd->protected, sizeof(vtd->protected));
	keep_bytes(keep, vtd->reg, sizeof(vtd->reg));
	keep_bytes(keep, vtd->record, vtd_record_count(&vtd->caps) * sizeof(vtd->record[0]));
	keep_bytes(keep, &vtd->next_record, sizeof(vtd->next_record));
	keep_bytes(keep, &vtd->device_timeout, sizeof(vtd->device_timeout));
	keep_bytes(keep, vtd->outbox, sizeof(vtd->outbox));
	keep_bytes(keep, &vtd->irtes.table, sizeof(vtd->irtes.table));
	keep_bytes(keep, &vtd->irtes.count, sizeof(vtd->irtes.count));
	keep_bytes(keep, &vtd->irtes.extended, sizeof(vtd->irtes.extended));
}

static void vtd_rewind(struct unit *unit)
{
	struct vtd *vtd = vtd_of(unit);

	vtd_lock(vtd);
	vtd_inval_begin(vtd);
	vtd_irte_flush(vtd);
	vtd_sm_reset(vtd);
	iotlb_reset(vtd->tlb);
	vtd_update_open(vtd);
	vtd_inval_end(vtd);
	vtd_unlock(vtd);
}

static void vtd_destroy(struct unit *unit)
{
	struct vtd *vtd = vtd_of(unit);

	vtd_irte_fini(vtd);
	vtd_sm_fini(vtd);
	if (vtd->view)
		flush_view_detach(vtd->phys, vtd->view);
	vtd_regs_fini(vtd);
	iotlb_destroy(vtd->tlb);
	pthread_mutex_destroy(&vtd->lock);
	free((char *)vtd->unit.name);
	free(vtd);
}

static const struct unit_ops vtd_ops = {
	.translate = vtd_translate,
	.resolve = vtd_resolve,
	.conclude = vtd_conclude,
	.interrupt = vtd_interrupt,
	.mmio_read = vtd_mmio_read,
	.mmio_write = vtd_mmio_write,
	.set_strict = vtd_set_strict,
	.audit = vtd_audit,
	.reset = vtd_reset,
	.keep = vtd_keep,
	.rewind = vtd_rewind,
	.destroy = vtd_destroy,
	.ats = &vtd_ats_ops,
};

/* ---- creation ---- */

static void init_first_stage(struct vtd *vtd)
{
	for (unsigned i = 0; i < SIO_ARRAY_SIZE(vtd->pt_caps_fs); i++) {
		vtd->pt_caps_fs[i] = (struct pt_caps){
			.haw = vtd->caps.haw,
			.large_levels = vtd->caps.first_1g ? 7 : 3,
			.no_execute = vtd->caps.execute,
			.ignore_no_execute = !vtd->caps.execute,
			.write_protect = i & VTD_FS_WPE,
			.extended_accessed = i & VTD_FS_EAFE,
			.access_dirty = !(i & VTD_FS_UNMARKED),
		};
		pt_caps_finish(&vtd->pt_caps_fs[i], &pt_x86_64);
	}
}

static void init_tables(struct vtd *vtd)
{
	vtd->pt = &pt_vtd_ss;
	vtd->pt_caps = (struct pt_caps){
		.haw = vtd->caps.haw,
		.large_levels = vtd->caps.large_levels,
		.snoop = vtd->caps.snoop_control,
		.device_tlb = vtd->caps.device_tlb,
	};
	for (unsigned i = 0; i < SIO_ARRAY_SIZE(vtd->pt_caps_sm); i++) {
		vtd->pt_caps_sm[i] = vtd->pt_caps;
		vtd->pt_caps_sm[i].ignore_snoop_leaf = true;
		vtd->pt_caps_sm[i].access_dirty = i;
		pt_caps_finish(&vtd->pt_caps_sm[i], vtd->pt);
	}
	pt_caps_finish(&vtd->pt_caps, vtd->pt);
	init_first_stage(vtd);
	for (unsigned level = 0; level < SIO_ARRAY_SIZE(vtd->width); level++) {
		unsigned width = pt_width(level);

		vtd->width[level] = (uint8_t)(width < vtd->caps.mgaw ? width : vtd->caps.mgaw);
	}
}

/* The view of memory that a unit whose reads pass the processors' caches by has of tables. */
static bool init_view(struct vtd *vtd, bool noncoherent)
{
	vtd->tables = vtd->phys;
	if (!noncoherent || vtd->caps.coherent)
		return true;
	vtd->view = flush_view_attach(vtd->phys);
	if (vtd->view)
		vtd->tables = flush_view_memory(vtd->view);
	return vtd->view != NULL;
}

/* R and W are bits 0 and 1 of a leaf, SNP is bit 11, which is reserved where it is not defined. */
static struct iotlb *create_caches(const struct vtd *vtd)
{
	struct iotlb_cfg cfg = {
		.ram = vtd->phys->base,
		.leaf = {.fixed_mask = vtd->pt->format->reserved(0, true, &vtd->pt_caps),
			 .snoop_shift = 9},
	};

	/* No leaf is regular to a unit that does not see them all. */
	if (vtd->view)
		cfg.leaf = (struct iotlb_leaf){.fixed_value = 1};
	return iotlb_create(&cfg);
}

struct unit *vtd_create(const struct vtd_cfg *cfg, struct phys *phys, struct dma_fabric *fabric,
			const struct unit_env *env)
{
	struct vtd *vtd = fail_calloc("vtd.create", 1, sizeof(*vtd));
	bool viewed;

	if (!vtd)
		return NULL;
	vtd->caps = vtd_caps_decode(cfg->cap, cfg->ecap, cfg->haw ? cfg->haw : 46);
	vtd->phys = phys;
	vtd->fabric = fabric;
	vtd->env = *env;
	vtd->unit.ops = &vtd_ops;
	vtd->fault_codes = cfg->fault_codes;
	vtd->version = cfg->version ? cfg->version : 0x10;
	vtd->quiet_hits = cfg->quiet_hits;
	vtd->codes = &vtd_codes_legacy;
	init_tables(vtd);
	pthread_mutex_init(&vtd->lock, NULL);
	viewed = init_view(vtd, cfg->noncoherent);
	vtd->unit.name = fail_strdup("vtd.create.name", cfg->name ? cfg->name : "dmar");
	vtd->tlb = vtd->unit.tlb = create_caches(vtd);
	if (!viewed || !vtd->unit.name || !vtd->tlb || !vtd_regs_init(vtd) || !vtd_irte_init(vtd) ||
	    !vtd_sm_init(vtd)) {
		vtd_destroy(&vtd->unit);
		return NULL;
	}
	power_on(vtd);
	return &vtd->unit;
}

/* ---- reports ---- */

static void walk_plain(const struct vtd *vtd, const struct vtd_space *space,
		       const struct dma_req *req, struct vtd_trail *trail)
{
	struct pt_caps caps = vtd_is_scalable(vtd) ? vtd->pt_caps_sm[0] : vtd->pt_caps;

	trail->result = vtd_resolve_unmarked(vtd, space, req);
	vtd->pt->walk(vtd->tables, &caps, vtd_start_root(space), req->iova, dma_need(req),
		      trail->step, &trail->steps);
}

void vtd_walk(struct unit *unit, const struct dma_req *req, struct vtd_trail *trail)
{
	const struct vtd *vtd = vtd_of(unit);
	struct pt_walk_result walk;
	struct vtd_space space;
	bool stages;

	*trail = (struct vtd_trail){0};
	if (vtd_resolve_early(vtd, req, &trail->result))
		return;
	space = vtd_space_read(vtd, req, trail);
	stages = vtd_word_is_wide(space.word) && space.kind != IOTLB_SECOND;
	trail->domain_id = vtd_space_domain(&space);
	if (stages)
		trail->top_level = space.first_level;
	else if (!(space.word & VTD_WORD_FAULT))
		trail->top_level = vtd_start_root(&space).level;
	if (vtd_resolve_context(vtd, &space, req, &trail->result))
		return;
	if (!stages) {
		walk_plain(vtd, &space, req, trail);
		return;
	}
	trail->result = vtd_resolve_stages(vtd, &space, req, &walk, trail);
	if (!trail->result.reason)
		trail->result = vtd_walked(vtd, &space, req, &walk);
}
