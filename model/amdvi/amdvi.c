// SPDX-License-Identifier: GPL-2.0-only
/*
 * An AMD-Vi unit: creation, the control register, and the operations that the rest of the machine
 * calls.
 *
 * Source: AMD IOMMU Specification, "IOMMU Control Register", "Device Table Base Address Register",
 * "IOMMU Exclusion Range".
 *
 * Whatever changes what translations read waits for those under way. Nothing of this touches the
 * caches of the architecture: a new device table takes effect entry by entry, as software
 * invalidates.
 */
#include "amdvi/amdvi.h"

#include "amdvi/amdvi_unit.h"

#include <stdlib.h>
#include <string.h>

/* ---- lock and messages ---- */

void amdvi_lock(struct amdvi *amdvi)
{
	pthread_mutex_lock(&amdvi->lock);
}

void amdvi_unlock(struct amdvi *amdvi)
{
	struct amdvi_message out[AMDVI_CAUSES];

	memcpy(out, amdvi->outbox, sizeof(out));
	memset(amdvi->outbox, 0, sizeof(amdvi->outbox));
	pthread_mutex_unlock(&amdvi->lock);
	for (unsigned i = 0; i < AMDVI_CAUSES; i++) {
		if (out[i].pending && amdvi->env.msi)
			amdvi->env.msi(amdvi->env.ctx, out[i].address, out[i].data);
	}
}

/* ---- registers that translations read ---- */

static void update_open(struct amdvi *amdvi)
{
	iotlb_set_open(amdvi->tlb, (amdvi->control & CTRL_ENABLE) && !amdvi->strict);
}

void amdvi_write_control(struct amdvi *amdvi, uint64_t before)
{
	const uint64_t now = amdvi->reg[AMDVI_CONTROL];

	amdvi_inval_begin(amdvi);
	__atomic_store_n(&amdvi->control, now, __ATOMIC_RELAXED);
	/* Who has guest tables depends on GTEn: the short ways are found anew. */
	if ((before ^ now) & CTRL_GT)
		iotlb_flush_contexts(amdvi->tlb);
	update_open(amdvi);
	amdvi_inval_end(amdvi);
	amdvi_logs_control(amdvi, before, now);
	amdvi_commands_control(amdvi, before, now);
	amdvi_raise_enabled(amdvi, before, now);
}

void amdvi_write_devtab(struct amdvi *amdvi, uint64_t before)
{
	(void)before;
	amdvi_inval_begin(amdvi);
	__atomic_store_n(&amdvi->devtab, amdvi->reg[AMDVI_DEVTAB], __ATOMIC_RELAXED);
	amdvi_inval_end(amdvi);
}

void amdvi_write_exclusion(struct amdvi *amdvi, uint64_t before)
{
	(void)before;
	amdvi_inval_begin(amdvi);
	__atomic_store_n(&amdvi->exclusion.base, amdvi->reg[AMDVI_EXCL_BASE], __ATOMIC_RELAXED);
	__atomic_store_n(&amdvi->exclusion.limit, amdvi->reg[AMDVI_EXCL_LIMIT], __ATOMIC_RELAXED);
	iotlb_flush_contexts(amdvi->tlb);
	amdvi_inval_end(amdvi);
}

/* ---- operations ---- */

static uint64_t amdvi_mmio_read(struct unit *unit, uint32_t offset, unsigned width)
{
	struct amdvi *amdvi = amdvi_of(unit);
	uint64_t value;

	amdvi_lock(amdvi);
	value = amdvi_regs_read(amdvi, offset, width);
	amdvi_unlock(amdvi);
	return value;
}

static void amdvi_mmio_write(struct unit *unit, uint32_t offset, unsigned width, uint64_t value)
{
	struct amdvi *amdvi = amdvi_of(unit);

	amdvi_lock(amdvi);
	amdvi_regs_write(amdvi, offset, width, value);
	amdvi_unlock(amdvi);
}

uint32_t amdvi_config_read(struct unit *unit, uint32_t offset)
{
	struct amdvi *amdvi = amdvi_of(unit);
	uint32_t value;

	amdvi_lock(amdvi);
	value = amdvi_config_value(amdvi, offset);
	amdvi_unlock(amdvi);
	return value;
}

void amdvi_config_write(struct unit *unit, uint32_t offset, uint32_t value)
{
	struct amdvi *amdvi = amdvi_of(unit);

	amdvi_lock(amdvi);
	amdvi_config_set(amdvi, offset, value);
	amdvi_unlock(amdvi);
}

static void amdvi_conclude(struct unit *unit, const struct dma_req *req, struct xlat x,
			   const struct unit_notes *notes)
{
	struct amdvi *amdvi = amdvi_of(unit);

	for (unsigned i = 0; i < notes->count && amdvi->env.stale; i++)
		amdvi->env.stale(amdvi->env.ctx, &notes->stale[i]);
	if (x.reason == 0)
		return;
	amdvi_lock(amdvi);
	amdvi_fault_log(amdvi, req, x);
	amdvi_unlock(amdvi);
}

static struct xlat amdvi_translate(struct unit *unit, const struct dma_req *req)
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
	x = amdvi_resolve(unit, req, answer == IOTLB_DENIED, &notes);
	if (x.reason || notes.count)
		amdvi_conclude(unit, req, x, &notes);
	return x;
}

static void amdvi_set_strict(struct unit *unit, bool on)
{
	struct amdvi *amdvi = amdvi_of(unit);

	amdvi_lock(amdvi);
	amdvi_inval_begin(amdvi);
	/* Without memory for it, reports merely lack the time of the fill. */
	if (on)
		iotlb_keep_clocks(amdvi->tlb, amdvi->env.clock, amdvi->env.ctx);
	else
		iotlb_forget_clocks(amdvi->tlb);
	__atomic_store_n(&amdvi->strict, on, __ATOMIC_RELAXED);
	update_open(amdvi);
	amdvi_inval_end(amdvi);
	amdvi_unlock(amdvi);
}

static const char *amdvi_audit(const struct unit *unit)
{
	const struct amdvi *amdvi = amdvi_of((struct unit *)unit);
	const uint64_t status = amdvi->reg[AMDVI_STATUS];
	const char *wrong = amdvi_log_audit(amdvi);

	if (!wrong)
		wrong = iotlb_audit(amdvi->tlb);
	if (!wrong && (amdvi->invalidating || !amdvi->tlb->filling))
		wrong = "an invalidation was begun and not ended";
	if (!wrong && amdvi->control != amdvi->reg[AMDVI_CONTROL])
		wrong = "translations follow another control register";
	if (!wrong && (status & STATUS_COMMAND_RUN) && !(amdvi->control & CTRL_COMMAND))
		wrong = "the command buffer runs that is not enabled";
	return wrong;
}

/* What power-on leaves in a unit whose memory is all there. */
static void power_on(struct amdvi *amdvi)
{
	amdvi_regs_reset(amdvi);
	amdvi->control = amdvi->devtab = 0;
	amdvi->exclusion = (struct amdvi_exclusion){0};
	/* Writable are the base address registers of the PCI function; the rest is what it is. */
	amdvi->config[1] = amdvi->config[2] = 0;
	amdvi->late_command = 0;
	memset(amdvi->outbox, 0, sizeof(amdvi->outbox));
}

static void amdvi_reset(struct unit *unit)
{
	struct amdvi *amdvi = amdvi_of(unit);

	amdvi_lock(amdvi);
	amdvi_inval_begin(amdvi);
	power_on(amdvi);
	amdvi_irte_drop_all(amdvi);
	amdvi_dte_drop_all(amdvi);
	iotlb_reset(amdvi->tlb);
	amdvi_inval_end(amdvi);
	amdvi_unlock(amdvi);
}

static void amdvi_destroy(struct unit *unit)
{
	struct amdvi *amdvi = amdvi_of(unit);

	iotlb_destroy(amdvi->tlb);
	pthread_mutex_destroy(&amdvi->lock);
	free(amdvi->dte);
	free((char *)amdvi->unit.name);
	free(amdvi);
}

static const struct unit_ops amdvi_ops = {
	.translate = amdvi_translate,
	.resolve = amdvi_resolve,
	.conclude = amdvi_conclude,
	.interrupt = amdvi_interrupt,
	.mmio_read = amdvi_mmio_read,
	.mmio_write = amdvi_mmio_write,
	.set_strict = amdvi_set_strict,
	.audit = amdvi_audit,
	.reset = amdvi_reset,
	.destroy = amdvi_destroy,
	.ats = &amdvi_ats_ops,
};

/* ---- creation ---- */

static void init_tables(struct amdvi *amdvi)
{
	for (unsigned had = 0; had < SIO_ARRAY_SIZE(amdvi->host_caps); had++) {
		amdvi->host_caps[had] = (struct pt_caps){
			.haw = amdvi->caps.haw,
			.large_levels = 0x1f,
			.contiguous = true,
			.access_dirty = had != 0,
			.access_only = had == 1,
		};
		pt_caps_finish(&amdvi->host_caps[had], &pt_amd_v1);
	}
	for (unsigned mark = 0; mark < SIO_ARRAY_SIZE(amdvi->guest_caps); mark++) {
		amdvi->guest_caps[mark] = (struct pt_caps){
			.haw = amdvi->caps.haw,
			.large_levels = 0x7,
			.access_dirty = mark != 0,
			.no_execute = amdvi->caps.efr & AMDVI_EFR_NX,
			.ignore_no_execute = true,
			.write_protect = true,
		};
		pt_caps_finish(&amdvi->guest_caps[mark], &pt_x86_64);
	}
}

/*
 * A regular leaf: present, of the default size (11:9 clear), no reserved bit, address within the
 * host address width. IR and IW are bits 61 and 62, FC is bit 60.
 */
static struct iotlb *create_caches(const struct amdvi *amdvi)
{
	const uint64_t beyond =
		amdvi->caps.haw < 52 ? SIO_MASK(51, 0) & ~(SIO_BIT(amdvi->caps.haw) - 1) : 0;
	const struct iotlb_cfg cfg = {
		.ram = amdvi->phys->base,
		/* U (59) as well: such a page is not cached. */
		.leaf = {.fixed_mask = SIO_BIT(0) | SIO_MASK(11, 9) | SIO_MASK(59, 52) | beyond,
			 .fixed_value = SIO_BIT(0),
			 .perm_shift = 61,
			 .snoop_shift = 58},
	};

	return iotlb_create(&cfg);
}

struct unit *amdvi_create(const struct amdvi_cfg *cfg, struct phys *phys, struct dma_fabric *fabric,
			  const struct unit_env *env)
{
	struct amdvi *amdvi = fail_calloc("amdvi.create", 1, sizeof(*amdvi));

	if (!amdvi)
		return NULL;
	amdvi->caps = amdvi_caps_decode(cfg);
	amdvi->phys = phys;
	amdvi->fabric = fabric;
	amdvi->env = *env;
	amdvi->unit.ops = &amdvi_ops;
	init_tables(amdvi);
	amdvi_regs_init(amdvi);
	power_on(amdvi);
	/* What the PCI function says of the range of requesters: its own bus. */
	amdvi->config[3] = cfg->devid & 0xff00u;
	pthread_mutex_init(&amdvi->lock, NULL);
	amdvi->unit.name = fail_strdup("amdvi.create.name", cfg->name ? cfg->name : "amdvi");
	/* Zeroed lazily by the host: buses that are never used cost nothing. */
	amdvi->dte = fail_calloc("amdvi.create.devtab-cache", 65536, sizeof(*amdvi->dte));
	amdvi->tlb = amdvi->unit.tlb = create_caches(amdvi);
	if (!amdvi->unit.name || !amdvi->dte || !amdvi->tlb) {
		amdvi_destroy(&amdvi->unit);
		return NULL;
	}
	return &amdvi->unit;
}

/* ---- reports ---- */

void amdvi_walk(struct unit *unit, const struct dma_req *req, struct amdvi_trail *trail)
{
	const struct amdvi *amdvi = amdvi_of(unit);
	struct amdvi_path path;
	struct amdvi_dte dte;
	pa_t pa;

	*trail = (struct amdvi_trail){0};
	if (amdvi_resolve_early(amdvi, req, &trail->result))
		return;
	if (!amdvi_dte_read(amdvi, req->requester, &dte, &pa, &trail->result))
		return;
	trail->entries = 1;
	trail->entry[0].what = "device table";
	trail->entry[0].pa = pa;
	trail->entry[0].words = 4;
	memcpy(trail->entry[0].word, dte.word, sizeof(dte.word));
	trail->domain_id = (uint16_t)SIO_FIELD_GET(DTE_DOMAIN, dte.word[1]);
	if (amdvi_resolve_dte(amdvi, &dte, req, &trail->result, &path))
		return;
	trail->result = amdvi_resolve_fresh(amdvi, &dte, req);
	trail->top_level = path.root.level;
	if (path.guest)
		amdvi_walk_guest(amdvi, &path, req, trail);
	else
		pt_amd_v1.walk(amdvi->phys, &amdvi->host_caps[0], path.root, req->iova,
			       dma_need(req), trail->step, &trail->steps);
}
