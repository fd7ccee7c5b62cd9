// SPDX-License-Identifier: GPL-2.0-only
/*
 * Domains of the AMD-Vi driver: v1 tables, which units use one, attach and detach.
 *
 * Kernel behaviour: drivers/iommu/amd of Linux 6.12. A domain translates all 64 bits and starts
 * with a table of three levels; one id serves it in every unit. A device is blocked on its way from
 * one domain to another.
 *
 * Kernels of today make a domain that is to serve PASIDs with v2 tables, of four levels, whose
 * addresses end below the half that is sign extended. Every device of it shares a guest CR3 table
 * whose only entry is that of PASID 0.
 *
 * Invariants (amd_domain_audit): refs counts the domain's devices behind each unit; the device
 * table entry of each id of each device holds the domain's root, mode and id.
 */
#include <errno.h>

#include "drv_amdvi_priv.h"

#include "recycle.h"
#include "seeded.h"

/* Three levels. */
#define TOP_LEVEL_FIRST 2u

/* Four levels. */
#define TOP_LEVEL_V2 3u
#define GCR3_VALID   SIO_BIT(0)

/* The default sizes among them, by level: 4 KiB, 2 MiB, 1 GiB, 256 TiB. */
#define LARGE_LEVELS 0x17

/* ---- ids ---- */

/* 0: none is left. */
static uint16_t id_alloc(struct drv_amdvi *drv)
{
	if (fail_at(FAIL_POINT("amdvi.domain.id", FAIL_ALLOC)))
		return 0;
	for (unsigned i = 0; i < SIO_ARRAY_SIZE(drv->domain_ids); i++) {
		uint64_t used = drv->domain_ids[i];

		if (used == UINT64_MAX)
			continue;
		drv->domain_ids[i] = used | (used + 1);
		return (uint16_t)(i * 64 + (unsigned)__builtin_ctzll(~used));
	}
	return 0;
}

static void id_free(struct drv_amdvi *drv, uint16_t id)
{
	if (id)
		drv->domain_ids[id / 64] &= ~SIO_BIT(id % 64);
}

/* ---- life ---- */

/* What the table format offers, and what the kernel says of it. */
static uint64_t pgsizes(const struct personality *kernel)
{
	static const unsigned highest[] = {
		[AMD_PGSIZES_ALL] = 63,
		[AMD_PGSIZES_2P] = 51,
		[AMD_PGSIZES_64T] = 46,
	};

	return SIO_MASK(highest[kernel->amd_pgsizes], 12) & ~SIO_BIT(39);
}

static int domain_init_v1(struct amd_domain *ad)
{
	const struct personality *kernel = ad->drv->iommu->personality;
	const struct pt_caps caps = {
		.haw = 52,
		.large_levels = LARGE_LEVELS,
		.contiguous = true,
		.snoop = true,
	};

	if (!pt_init(&ad->pt, ad->drv->iommu->phys, &pt_amd_v1, &caps, TOP_LEVEL_FIRST))
		return -ENOMEM;
	ad->base.pgsize_bitmap = pgsizes(kernel);
	ad->base.aperture_last = kernel->amd_aperture_48 ? SIO_BIT(48) - 1 : UINT64_MAX;
	return 0;
}

static int domain_init_v2(struct amd_domain *ad)
{
	const struct pt_caps caps = {.haw = 52, .large_levels = 7, .ignore_no_execute = true};
	struct phys *phys = ad->drv->iommu->phys;

	ad->gcr3 = fail_table("amdvi.domain.gcr3", phys);
	if (ad->gcr3 == PA_NONE)
		return -ENOMEM;
	if (!pt_init(&ad->pt, phys, &pt_x86_64, &caps, TOP_LEVEL_V2)) {
		phys_table_free(phys, ad->gcr3);
		return -ENOMEM;
	}
	*(uint64_t *)phys_ptr(phys, ad->gcr3) = ad->pt.root | GCR3_VALID;
	ad->base.pgsize_bitmap = SIO_BIT(12) | SIO_BIT(21) | SIO_BIT(30);
	ad->base.aperture_last = SIO_BIT(pt_width(TOP_LEVEL_V2) - (SEEDED(A06) ? 0 : 1)) - 1;
	return 0;
}

static int domain_create(struct iommu_device *dev, int (*init)(struct amd_domain *ad),
			 struct iommu_domain **out)
{
	const struct amd_device *adev = dev->driver_data;
	struct drv_amdvi *drv = adev->unit->drv;
	struct amd_domain *ad;
	int rc = 0;

	ad = recycle_calloc("amdvi.domain", sizeof(*ad) + drv->unit_count * sizeof(ad->refs[0]));
	if (!ad)
		return -ENOMEM;
	ad->drv = drv;
	ad->pt.root = ad->gcr3 = PA_NONE;
	if (init) {
		ad->id = id_alloc(drv);
		rc = ad->id ? init(ad) : -ENOMEM;
	}
	if (rc) {
		id_free(drv, ad->id);
		recycle_free(ad);
		return rc;
	}
	*out = &ad->base;
	return 0;
}

int amd_domain_alloc(struct iommu_device *dev, enum iommu_domain_type type,
		     struct iommu_domain **out)
{
	if (type == IOMMU_DOMAIN_IDENTITY)
		return -EINVAL;
	return domain_create(dev, type == IOMMU_DOMAIN_BLOCKED ? NULL : domain_init_v1, out);
}

int amd_domain_alloc_guest(struct iommu_device *dev, struct iommu_domain **out)
{
	return domain_create(dev, domain_init_v2, out);
}

void amd_domain_free(struct iommu_domain *domain)
{
	struct amd_domain *ad = amd_domain(domain);

	sio_assert(!ad->devices);
	id_free(ad->drv, ad->id);
	drv_frames_free(ad->drv->iommu->phys, ad->gcr3, 1);
	if (ad->pt.root != PA_NONE)
		pt_fini(&ad->pt);
	recycle_free(ad);
}

/* ---- invalidation ---- */

/*
 * Units that cache absence are taken for emulated ones, for which every page too many costs: then
 * the range is covered exactly, by its largest aligned blocks.
 */
static void flush_exactly(struct amd_unit *au, const struct amd_domain *ad, iova_t first,
			  iova_t last)
{
	for (;;) {
		uint64_t left = last - first;
		unsigned size = left == UINT64_MAX ? 64 : sio_lg2(left + 1);

		if (first && (unsigned)__builtin_ctzll(first) < size)
			size = (unsigned)__builtin_ctzll(first);
		if (size == 64) {
			amd_flush_range(au, ad, first, last);
			return;
		}
		amd_flush_range(au, ad, first, first + (SIO_BIT(size) - 1));
		if (left == SIO_BIT(size) - 1)
			return;
		first += SIO_BIT(size);
	}
}

static void flush_unit(struct amd_unit *au, const struct amd_domain *ad, iova_t first, iova_t last)
{
	if (au->drv->np_cache)
		flush_exactly(au, ad, first, last);
	else
		amd_flush_range(au, ad, first, last);
}

void amd_domain_flush(struct amd_domain *ad, iova_t first, iova_t last)
{
	first &= SIO_PAGE_MASK;
	last |= ~SIO_PAGE_MASK;
	for (unsigned i = 0; i < ad->drv->unit_count; i++) {
		if (ad->refs[i])
			flush_unit(&ad->drv->units[i], ad, first, last);
	}
	for (unsigned i = 0; i < ad->drv->unit_count; i++)
		sio_assert(!ad->refs[i] || amd_wait(&ad->drv->units[i]));
}

void amd_domain_update(struct amd_domain *ad)
{
	for (struct amd_device *adev = ad->devices; adev; adev = adev->next)
		amd_entry_set(adev, ad);
}

/* ---- attach ---- */

void amd_domain_leave(struct amd_device *adev)
{
	struct amd_domain *ad = adev->domain;
	struct amd_device **link;

	if (!ad)
		return;
	amd_entry_block(adev);
	amd_flush_range(adev->unit, ad, 0, UINT64_MAX);
	sio_assert(amd_wait(adev->unit));
	for (link = &ad->devices; *link != adev; link = &(*link)->next)
		;
	*link = adev->next;
	adev->domain = NULL;
	ad->refs[amd_unit_index(adev->unit)]--;
}

int amd_domain_attach(struct iommu_domain *domain, struct iommu_device *dev)
{
	struct amd_domain *ad = amd_domain(domain);
	struct amd_device *adev = dev->driver_data;

	if (adev->domain == ad)
		return 0;
	if (domain->dirty_ops && !amd_tracks_dirty(adev->unit))
		return -EINVAL;
	amd_domain_leave(adev);
	if (domain->type == IOMMU_DOMAIN_BLOCKED)
		return 0;
	adev->domain = ad;
	adev->next = ad->devices;
	ad->devices = adev;
	ad->refs[amd_unit_index(adev->unit)]++;
	amd_entry_set(adev, ad);
	return 0;
}

bool amd_domain_enforce(struct iommu_domain *domain)
{
	/* Every leaf is forced coherent already. */
	return amd_domain(domain)->pt.root != PA_NONE;
}

/* ---- audit ---- */

const char *amd_domain_audit(const struct iommu_domain *domain)
{
	const struct amd_domain *ad = amd_domain(domain);
	unsigned devices = 0, refs = 0;
	const char *what;

	if (ad->pt.root == PA_NONE)
		return ad->devices ? "the blocking domain lists a device" : NULL;
	if (!(ad->drv->domain_ids[ad->id / 64] & SIO_BIT(ad->id % 64)))
		return "a domain id is in use and marked free";
	what = pt_audit(&ad->pt);
	for (const struct amd_device *adev = ad->devices; adev && !what; adev = adev->next) {
		devices++;
		what = amd_entry_audit(adev, ad);
	}
	for (unsigned i = 0; i < ad->drv->unit_count; i++)
		refs += ad->refs[i];
	if (!what && refs != devices)
		what = "a domain's device counts do not add up";
	return what;
}
