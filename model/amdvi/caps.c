// SPDX-License-Identifier: GPL-2.0-only
/*
 * AMD-Vi capabilities: the extended feature registers and the PCI capability header, as a kernel
 * log or an IVRS table shows them, into the fields that behaviour follows.
 *
 * Source: AMD IOMMU Specification, "MMIO Offset 0030h IOMMU Extended Feature Register", "IOMMU
 * Capability Header".
 */
#include "amdvi/amdvi.h"

#include "amdvi/amdvi_unit.h"

#define CAPABILITY_DEFAULT 0x1f03000fu
#define CAPABILITY_ID      SIO_MASK(7, 0)
#define CAPABILITY_TYPE    SIO_MASK(18, 16)

struct amdvi_caps amdvi_caps_decode(const struct amdvi_cfg *cfg)
{
	const uint32_t capability = cfg->capability ? cfg->capability : CAPABILITY_DEFAULT;
	/* Without the register none of its features is there. */
	const uint64_t efr = capability & AMDVI_CAP_EFR ? cfg->efr : 0;

	return (struct amdvi_caps){
		.efr = efr,
		.efr2 = capability & AMDVI_CAP_EFR ? cfg->efr2 : 0,
		.capability = capability,
		.haw = cfg->haw ? cfg->haw : 52,
		/* Units without the register walk up to six levels. */
		.host_levels = capability & AMDVI_CAP_EFR
				       ? (uint8_t)(4 + SIO_FIELD_GET(AMDVI_EFR_HATS, efr))
				       : 6,
		.guest_levels = SIO_FIELD_GET(AMDVI_EFR_GATS, efr) ? 5 : 4,
		.gcr3_levels = (uint8_t)(SIO_FIELD_GET(AMDVI_EFR_GLX, efr) + 1),
		.pasid_bits = (uint8_t)(SIO_FIELD_GET(AMDVI_EFR_PASMAX, efr) + 1),
		.np_cache = capability & AMDVI_CAP_NP_CACHE,
		.device_tlb = capability & AMDVI_CAP_IOTLB,
		.guest = efr & AMDVI_EFR_GT,
		.old_reserved_masks = cfg->old_reserved_masks,
	};
}

const char *amdvi_caps_check(const struct amdvi_caps *caps)
{
	if ((caps->capability & CAPABILITY_ID) != 0xf ||
	    SIO_FIELD_GET(CAPABILITY_TYPE, caps->capability) != 3)
		return "capability header: id 0x0f and type 3 make an IOMMU";
	if (caps->haw < 32 || caps->haw > 52)
		return "host address width: 32 to 52 bits";
	if (caps->host_levels > 6)
		return "EFR.HATS: four, five or six levels";
	if (caps->gcr3_levels > 3)
		return "EFR.GLXSup: one, two or three levels";
	if (caps->pasid_bits > 20)
		return "EFR.PASmax: no more than 20 bits";
	if ((caps->efr & AMDVI_EFR_GIO) && !caps->guest)
		return "EFR.GIOSup needs EFR.GTSup";
	if ((caps->efr & AMDVI_EFR_HD) && !(caps->efr & AMDVI_EFR_HA))
		return "EFR.HDSup needs EFR.HASup";
	if ((caps->efr & AMDVI_EFR_GAM) && !(caps->efr & AMDVI_EFR_GA))
		return "EFR.GAMSup needs EFR.GASup";
	return NULL;
}

const struct amdvi_caps *amdvi_caps(const struct unit *unit)
{
	return &amdvi_of((struct unit *)unit)->caps;
}
