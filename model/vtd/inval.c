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

unsigned vtd_inval_context(struct vtd *vtd, const struct vtd_context_inval *cmd)
{
	/* Function mask: how many low bits of the function number do not matter. */
	static const uint16_t ignore[] = {0, 4, 6, 7};

	if (cmd->granularity < VTD_GLOBAL || cmd->granularity > VTD_SELECTIVE)
		return 0;
	vtd_inval_begin(vtd);
	switch ((enum vtd_granularity)cmd->granularity) {
	case VTD_GLOBAL:
		iotlb_flush_contexts(vtd->tlb);
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

static void remove_pages(struct vtd *vtd, const struct vtd_iotlb_inval *cmd)
{
	/* The low `mask` bits of the page number are don't-care. */
	uint64_t span = SIO_BIT(SIO_PAGE_LG2 + cmd->mask) - 1;
	struct iotlb_pages pages = {
		.domain = cmd->domain,
		.keep_tables = cmd->hint,
		.first = cmd->address & ~span,
		.last = cmd->address | span,
	};

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
