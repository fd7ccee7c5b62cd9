// SPDX-License-Identifier: GPL-2.0-only
/*
 * VT-d invalidation: what each command removes, and the commands given through registers.
 *
 * Source: Intel VT-d, "Caching Translation Information", "Register-Based Invalidation Interface".
 *
 * A command removes exactly what it covers. The order that makes it safe against translations under
 * way is that of iotlb.h: vtd_inval_begin() stops fills and waits for those under way; removals;
 * vtd_inval_end() waits for the accesses that hit an entry before it went, and allows fills again.
 * Completion (a wait descriptor's status, ICC or IVT clear) is told after that. The two waits are
 * shared by all commands between two completions.
 */
#include "vtd/vtd_unit.h"

static void quiesce(struct vtd *vtd)
{
	if (vtd->fabric)
		dma_fabric_quiesce(vtd->fabric);
}

void vtd_inval_begin(struct vtd *vtd)
{
	if (vtd->invalidating)
		return;
	vtd->invalidating = true;
	__atomic_store_n(&vtd->tlb->filling, false, __ATOMIC_RELAXED);
	quiesce(vtd);
	vtd_sm_renew(vtd);
	iotlb_renew_tags(vtd->tlb);
}

void vtd_inval_end(struct vtd *vtd)
{
	if (!vtd->invalidating)
		return;
	quiesce(vtd);
	__atomic_store_n(&vtd->tlb->filling, true, __ATOMIC_RELEASE);
	vtd->invalidating = false;
}

/* Context entries of scalable mode name no domain: a domain is all, and a device's is not asked. */
static void scalable_contexts(struct vtd *vtd, const struct vtd_context_inval *cmd, uint16_t ignore)
{
	if (cmd->granularity == VTD_SELECTIVE) {
		vtd_sm_flush_context(vtd, cmd->requester, ignore);
		return;
	}
	/* Words that legacy mode left, too. */
	iotlb_flush_contexts(vtd->tlb);
	vtd_sm_flush_contexts(vtd);
}

unsigned vtd_inval_context(struct vtd *vtd, const struct vtd_context_inval *cmd)
{
	/* Function mask: how many low bits of the function number do not matter. */
	static const uint16_t ignore[] = {0, 4, 6, 7};

	if (cmd->granularity < VTD_GLOBAL || cmd->granularity > VTD_SELECTIVE)
		return 0;
	vtd_inval_begin(vtd);
	if (vtd_is_scalable(vtd)) {
		scalable_contexts(vtd, cmd, ignore[cmd->function_mask & 3]);
		return cmd->granularity;
	}
	switch ((enum vtd_granularity)cmd->granularity) {
	case VTD_GLOBAL:
		iotlb_flush_contexts(vtd->tlb);
		vtd_sm_flush_contexts(vtd);
		break;
	case VTD_DOMAIN:
		iotlb_flush_contexts_domain(vtd->tlb, cmd->domain);
		break;
	case VTD_SELECTIVE:
		iotlb_flush_contexts_device(vtd->tlb, cmd->requester,
					    ignore[cmd->function_mask & 3], cmd->domain);
		break;
	}
	return cmd->granularity;
}

static struct iotlb_pages pages_of(uint16_t domain, iova_t address, unsigned mask, bool hint)
{
	/* The low `mask` bits of the page number are don't-care. */
	const uint64_t span = SIO_BIT(SIO_PAGE_LG2 + mask) - 1;

	return (struct iotlb_pages){
		.domain = domain,
		.keep_tables = hint,
		.first = address & ~span,
		.last = address | span,
	};
}

static void remove_pages(struct vtd *vtd, const struct vtd_iotlb_inval *cmd)
{
	struct iotlb_pages pages = pages_of(cmd->domain, cmd->address, cmd->mask, cmd->hint);

	iotlb_flush_pages(vtd->tlb, &pages);
}

unsigned vtd_inval_iotlb(struct vtd *vtd, const struct vtd_iotlb_inval *cmd)
{
	unsigned granularity = cmd->granularity;

	if (granularity < VTD_GLOBAL || granularity > VTD_SELECTIVE)
		return 0;
	/* Without page-selective invalidation the request is honoured by the domain. */
	if (granularity == VTD_SELECTIVE && !vtd->caps.psi)
		granularity = VTD_DOMAIN;
	if (granularity == VTD_SELECTIVE && cmd->mask > vtd->caps.mamv)
		return 0;
	vtd_inval_begin(vtd);
	switch ((enum vtd_granularity)granularity) {
	case VTD_GLOBAL:
		iotlb_flush(vtd->tlb);
		break;
	case VTD_DOMAIN:
		iotlb_flush_domain(vtd->tlb, cmd->domain);
		break;
	case VTD_SELECTIVE:
		remove_pages(vtd, cmd);
		break;
	}
	return granularity;
}

/* Granularities of the descriptors that name a PASID. */
enum pasid_cache_granularity { PC_DOMAIN = 0, PC_PASID = 1, PC_GLOBAL = 3 };
enum pasid_iotlb_granularity { PIOTLB_PASID = 2, PIOTLB_PAGES = 3 };

bool vtd_inval_pasid(struct vtd *vtd, const struct vtd_pasid_inval *cmd)
{
	if (cmd->granularity != PC_DOMAIN && cmd->granularity != PC_PASID &&
	    cmd->granularity != PC_GLOBAL)
		return false;
	vtd_inval_begin(vtd);
	if (cmd->granularity == PC_GLOBAL)
		vtd_sm_flush_spaces(vtd);
	else if (cmd->granularity == PC_DOMAIN)
		vtd_sm_flush_domain(vtd, cmd->domain);
	else
		vtd_sm_flush_pasid(vtd, cmd->domain, cmd->pasid);
	return true;
}

bool vtd_inval_pasid_iotlb(struct vtd *vtd, const struct vtd_pasid_inval *cmd)
{
	struct iotlb_pages pages;

	if (cmd->granularity != PIOTLB_PASID && cmd->granularity != PIOTLB_PAGES)
		return false;
	if (cmd->granularity == PIOTLB_PAGES && cmd->mask > vtd->caps.mamv)
		return false;
	vtd_inval_begin(vtd);
	if (cmd->granularity == PIOTLB_PASID) {
		iotlb_flush_pasid(vtd->tlb, cmd->domain, cmd->pasid);
		return true;
	}
	pages = pages_of(cmd->domain, cmd->address, cmd->mask, cmd->hint);
	iotlb_flush_pasid_pages(vtd->tlb, &pages, cmd->pasid);
	return true;
}

/*
 * With queued invalidation on, these registers must not be used; the manual leaves the outcome
 * open. Here nothing is invalidated and the granularity done reads 0, the answer to a command in
 * error.
 */
static bool registers_usable(const struct vtd *vtd)
{
	return !(vtd->reg[VTD_GSTS] & GCMD_QIE);
}

void vtd_write_ccmd(struct vtd *vtd, uint64_t raw, uint64_t touched)
{
	uint64_t *ccmd = &vtd->reg[VTD_CCMD];
	unsigned done = 0;
	const struct vtd_context_inval cmd = {
		.granularity = (uint8_t)SIO_FIELD_GET(CCMD_CIRG, *ccmd),
		.function_mask = (uint8_t)SIO_FIELD_GET(CCMD_FM, *ccmd),
		.domain = (uint16_t)SIO_FIELD_GET(CCMD_DID, *ccmd),
		.requester = (uint16_t)SIO_FIELD_GET(CCMD_SID, *ccmd),
	};

	if (!(raw & touched & CCMD_ICC))
		return;
	if (registers_usable(vtd))
		done = vtd_inval_context(vtd, &cmd);
	vtd_inval_end(vtd);
	*ccmd &= ~(CCMD_ICC | CCMD_CAIG);
	*ccmd |= SIO_FIELD_PREP(CCMD_CAIG, done);
}

void vtd_write_iotlb(struct vtd *vtd, uint64_t raw, uint64_t touched)
{
	uint64_t *iotlb = &vtd->reg[VTD_IOTLB], iva = vtd->reg[VTD_IVA];
	unsigned done = 0;
	const struct vtd_iotlb_inval cmd = {
		.granularity = (uint8_t)SIO_FIELD_GET(IOTLB_IIRG, *iotlb),
		.domain = (uint16_t)SIO_FIELD_GET(IOTLB_DID, *iotlb),
		.mask = (uint8_t)SIO_FIELD_GET(IVA_AM, iva),
		.hint = iva & IVA_IH,
		.address = iva & IVA_ADDR,
	};

	if (!(raw & touched & IOTLB_IVT))
		return;
	if (registers_usable(vtd))
		done = vtd_inval_iotlb(vtd, &cmd);
	vtd_inval_end(vtd);
	*iotlb &= ~(IOTLB_IVT | IOTLB_IAIG);
	*iotlb |= SIO_FIELD_PREP(IOTLB_IAIG, done);
}
