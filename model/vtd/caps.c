// SPDX-License-Identifier: GPL-2.0-only
/*
 * VT-d capabilities: CAP and ECAP values, as a kernel log shows them, into the fields that
 * behaviour follows, and whether such a unit can exist here.
 *
 * Source: Intel VT-d, "Capability Register", "Extended Capability Register".
 */
#include "vtd/vtd.h"

#include "vtd/regs.h"
#include "vtd/vtd_unit.h"

struct vtd_caps vtd_caps_decode(uint64_t cap, uint64_t ecap, uint8_t haw)
{
	const bool scalable = ecap & SIO_BIT(43);
	uint64_t sllps = SIO_FIELD_GET(SIO_MASK(37, 34), cap);

	return (struct vtd_caps){
		.cap = cap,
		.ecap = ecap,
		.domain_ids = 1u << (4 + 2 * SIO_FIELD_GET(SIO_MASK(2, 0), cap)),
		.mgaw = (uint8_t)(SIO_FIELD_GET(SIO_MASK(21, 16), cap) + 1),
		.sagaw = (uint8_t)SIO_FIELD_GET(SIO_MASK(12, 8), cap),
		/* The fourth size, 1 TiB, is the size of no level. */
		.large_levels = (uint8_t)(1 | (sllps & 7) << 1),
		.mamv = (uint8_t)SIO_FIELD_GET(SIO_MASK(53, 48), cap),
		/* 256 wraps to 0; vtd_record_count() undoes it. */
		.fault_records = (uint8_t)(SIO_FIELD_GET(SIO_MASK(47, 40), cap) + 1),
		.fault_offset = (uint16_t)(16 * SIO_FIELD_GET(SIO_MASK(33, 24), cap)),
		.iotlb_offset = (uint16_t)(16 * SIO_FIELD_GET(SIO_MASK(17, 8), ecap)),
		.haw = haw,
		.rwbf = cap & SIO_BIT(4),
		.caching_mode = cap & SIO_BIT(7),
		.zlr = cap & SIO_BIT(22),
		.psi = cap & SIO_BIT(39),
		.coherent = ecap & SIO_BIT(0),
		.qi = ecap & SIO_BIT(1),
		.device_tlb = ecap & SIO_BIT(2),
		.intremap = ecap & SIO_BIT(3),
		.eim = ecap & SIO_BIT(4),
		.pass_through = ecap & SIO_BIT(6),
		.snoop_control = ecap & SIO_BIT(7),
		.device_tlb_throttle = ecap & SIO_BIT(41),
		.execute = ecap & SIO_BIT(30),
		.supervisor = ecap & SIO_BIT(31),
		.extended_accessed = ecap & SIO_BIT(34),
		.page_requests = ecap & SIO_BIT(29),
		.scalable = scalable,
		.first_stage = scalable && (ecap & SIO_BIT(47)),
		.second_stage = scalable && (ecap & SIO_BIT(46)),
		.nested = scalable && (ecap & SIO_BIT(26)),
		.first_1g = scalable && (cap & SIO_BIT(56)),
		.first_5level = scalable && (cap & SIO_BIT(60)),
		.second_dirty = scalable && (ecap & SIO_BIT(45)),
		.walk_snoop = scalable && (ecap & SIO_BIT(48)),
		.rid_pasid = scalable && (ecap & SIO_BIT(49)),
		.pasid = scalable && (ecap & SIO_BIT(40)),
		.pasid_bits = (uint8_t)(scalable ? SIO_FIELD_GET(SIO_MASK(39, 35), ecap) + 1 : 0),
		.implied_root_flush = cap & SIO_BIT(63),
	};
}

const char *vtd_caps_check(const struct vtd_caps *caps)
{
	/* Tables of 3, 4 and 5 levels; bit n of SAGAW stands for n + 2 levels. */
	if (!(caps->sagaw & 0xe))
		return "CAP.SAGAW: no table of 3, 4 or 5 levels";
	if (caps->domain_ids > 65536)
		return "CAP.ND: more domains than a context entry can name";
	if (caps->haw < 32 || caps->haw > 52)
		return "host address width: 32 to 52 bits";
	if (caps->mgaw < 30 || caps->mgaw > 57)
		return "CAP.MGAW: 30 to 57 bits";
	if (caps->cap & SIO_BIT(3))
		return "CAP.AFL: faults are logged in registers only";
	if (!caps->qi && (caps->device_tlb || caps->intremap))
		return "ECAP.DT and ECAP.IR need ECAP.QI";
	if (caps->eim && !caps->intremap)
		return "ECAP.EIM needs ECAP.IR";
	if (caps->scalable && !caps->qi)
		return "ECAP.SMTS needs ECAP.QI";
	if (caps->scalable && !caps->first_stage && !caps->second_stage && !caps->pass_through)
		return "ECAP.SMTS: no kind of translation";
	if (caps->nested && !(caps->first_stage && caps->second_stage))
		return "ECAP.NEST needs ECAP.FLTS and ECAP.SLTS";
	if (caps->pasid_bits > 20)
		return "ECAP.PSS: a PASID has 20 bits at most";
	return vtd_regs_overlap(caps);
}

const struct vtd_caps *vtd_caps(const struct unit *unit)
{
	return &vtd_of((struct unit *)unit)->caps;
}
