// SPDX-License-Identifier: GPL-2.0-only
/*
 * A type1 container from open to release, its ioctl dispatch, and what reports ask of it.
 *
 * The behaviour ported is vfio_iommu_type1 of Linux 6.12; the personality says where another kernel
 * differs. Everything runs under the machine's lock.
 */
#include "type1/t1.h"

#include "recycle.h"

#include <errno.h>
#include <linux/vfio.h>

/* ---- shared helpers ---- */

long t1_copy_back_at(const struct fail_point *point, const struct type1 *t1,
		     const struct caller *caller, uint64_t dst, const void *src, size_t len)
{
	const uint8_t *bytes = src;
	size_t done = 0;
	int rc = caller_copy_out(point, caller, dst, src, len);

	if (!rc || !(t1_kernel(t1)->info_error_count || SEEDED(T21)))
		return rc;
	while (done < len && !caller->ua->copy_out(caller->ua, dst + done, bytes + done, 1))
		done++;
	return done < len ? (long)(len - done) : (long)len;
}

/* ---- life ---- */

static bool type_is_offered(const struct iommu *iommu, unsigned long type)
{
	/* Bit n: type n. A kernel whose open refuses everything still announces TYPE1. */
	static const uint8_t types[] = {
		[SET_IOMMU_NONE] = 1u << VFIO_TYPE1_IOMMU,
		[SET_IOMMU_1] = 1u << VFIO_TYPE1_IOMMU,
		[SET_IOMMU_1_3] = 1u << VFIO_TYPE1_IOMMU | 1u << VFIO_TYPE1v2_IOMMU,
		[SET_IOMMU_1_3_6] = 1u << VFIO_TYPE1_IOMMU | 1u << VFIO_TYPE1v2_IOMMU |
				    1u << VFIO_TYPE1_NESTING_IOMMU,
	};

	return type < 8 && types[iommu->personality->set_iommu] >> type & 1;
}

int t1_open(struct iommu *iommu, struct type1_params *params, unsigned long arg, struct type1 **out)
{
	struct type1 *t1;

	*out = NULL;
	if (!type_is_offered(iommu, arg) || iommu->personality->set_iommu == SET_IOMMU_NONE)
		return -EINVAL;
	t1 = recycle_calloc("type1.open", sizeof(*t1));
	if (!t1)
		return -ENOMEM;
	t1->iommu = iommu;
	t1->params = params;
	t1->v2 = arg != VFIO_TYPE1_IOMMU;
	t1->nesting = arg == VFIO_TYPE1_NESTING_IOMMU;
	t1->dma_limit = UINT32_MAX;
	if (iommu->personality->dma_entry_limit)
		t1->dma_limit = (uint32_t)rare_limit(&iommu->rare, RARE_ENTRY_LIMIT,
						     params->dma_entry_limit);
	t1->dma_avail = t1->dma_limit;
	t1->pgsize_bitmap = SIO_PAGE_MASK;
	imap_init(&t1->map);
	imap_init(&t1->strays);
	twin_init(&t1->twin);
	pool_init(&t1->dma_pool, sizeof(struct t1_dma));
	t1_emulated_init(t1);
	if (t1_has_one_domain(t1)) {
		int rc = t1_2012_open(t1);

		if (rc) {
			t1_release(t1);
			return rc;
		}
	}
	*out = t1;
	return 0;
}

void t1_release(struct type1 *t1)
{
	if (t1->busy) {
		t1->released = true;
		return;
	}
	if (t1_has_one_domain(t1))
		t1_2012_close(t1);
	sio_assert(!t1->domain_count);
	t1_remove_all(t1);
	if (SEEDED(T18))
		t1_charges_arrive(t1);
	sio_assert(!t1->owners);
	t1_leak_container_gone(t1);
	t1_emulated_fini(t1);
	iova_list_fini(&t1->iova);
	imap_fini(&t1->map);
	imap_fini(&t1->strays);
	twin_fini(&t1->twin);
	pool_fini(&t1->dma_pool);
	recycle_free(t1->domain);
	recycle_free(t1);
}

static bool all_enforce(const struct type1 *t1)
{
	for (unsigned i = 0; i < t1->domain_count; i++)
		if (!t1->domain[i]->enforce)
			return false;
	return true;
}

int t1_check_extension(const struct iommu *iommu, const struct type1 *t1, unsigned long extension)
{
	switch (extension) {
	case VFIO_TYPE1_IOMMU:
	case VFIO_TYPE1v2_IOMMU:
	case VFIO_TYPE1_NESTING_IOMMU:
		return type_is_offered(iommu, extension);
	case VFIO_UNMAP_ALL:
		return iommu->personality->unmap_all;
	case VFIO_UPDATE_VADDR:
		return t1 && iommu->personality->vaddr &&
		       (!t1->emulated.group_count ||
			iommu->personality->vaddr_pins == VADDR_PINS_WAIT);
	case VFIO_DMA_CC_IOMMU:
		return t1 && iommu->personality->dma_cc && all_enforce(t1);
	default:
		return 0;
	}
}

static long dispatch(struct type1 *t1, const struct caller *caller, unsigned int cmd, uint64_t arg)
{
	if (SEEDED(T18) && cmd != VFIO_IOMMU_MAP_DMA)
		t1_charges_arrive(t1);
	switch (cmd) {
	case VFIO_IOMMU_GET_INFO:
		return t1_get_info(t1, caller, arg);
	case VFIO_IOMMU_MAP_DMA:
		if (t1_has_one_domain(t1))
			return t1_2012_map(t1, caller, arg);
		return t1_map_dma(t1, caller, arg);
	case VFIO_IOMMU_UNMAP_DMA:
		if (t1_has_one_domain(t1))
			return t1_2012_unmap(t1, caller, arg);
		return t1_unmap_dma(t1, caller, arg);
	case VFIO_IOMMU_DIRTY_PAGES:
		if (!t1_kernel(t1)->dirty || t1_has_one_domain(t1))
			return -ENOTTY;
		return t1_dirty_pages(t1, caller, arg);
	default:
		return -ENOTTY;
	}
}

long t1_ioctl(struct type1 *t1, const struct caller *caller, unsigned int cmd, uint64_t arg)
{
	const struct task *outer = t1->iommu->current;
	long rc;

	t1->iommu->current = caller->task;
	t1->busy++;
	rc = dispatch(t1, caller, cmd, arg);
	t1->busy--;
	t1->iommu->current = outer;
	if (t1->released && !t1->busy)
		t1_release(t1);
	return rc;
}

/* ---- reports ---- */

void t1_stats(const struct type1 *t1, struct t1_stats *stats)
{
	struct t1_walk walk = t1_walk(t1);
	const struct t1_dma *dma;

	*stats = (struct t1_stats){
		.mappings = t1->mapping_count,
		.pgsize_bitmap = t1->pgsize_bitmap,
		.dma_avail = t1->dma_avail,
		.domains = t1->domain_count,
		.dirty_tracking = t1->dirty_tracking,
		.v2 = t1->v2,
	};
	for (unsigned i = 0; i < t1->domain_count; i++)
		stats->groups += t1->domain[i]->group_count;
	stats->groups += t1->emulated.group_count;
	while ((dma = t1_walk_next(&walk))) {
		stats->mapped_bytes += dma->size;
		stats->locked_pages += dma->locked_pages;
	}
}

bool t1_mapping_at(const struct type1 *t1, iova_t from, struct t1_mapping *out)
{
	struct t1_walk walk = t1_walk_from(t1, from);
	const struct t1_dma *dma;

	do {
		dma = t1_walk_next(&walk);
	} while (dma && dma->iova + (dma->size - 1) < from);
	if (!dma)
		return false;
	*out = (struct t1_mapping){
		.first = dma->iova,
		.last = dma->iova + (dma->size - 1),
		.vaddr = dma->vaddr,
		.prot = (unsigned)dma->prot,
		.iommu_mapped = dma->iommu_mapped,
		.vaddr_invalid = dma->vaddr_invalid,
		.locked_pages = dma->locked_pages,
		.op = dma->op,
	};
	return true;
}

struct iommu_domain *t1_domain_at(const struct type1 *t1, unsigned n, bool *enforce)
{
	if (n >= t1->domain_count)
		return NULL;
	if (enforce)
		*enforce = t1->domain[n]->enforce;
	return t1->domain[n]->domain;
}

struct iommu_group *t1_domain_group(const struct type1 *t1, unsigned n, unsigned m)
{
	if (n >= t1->domain_count || m >= t1->domain[n]->group_count)
		return NULL;
	return t1->domain[n]->group[m];
}

bool t1_iova_range_at(const struct type1 *t1, unsigned n, iova_t *first, iova_t *last)
{
	if (n >= t1->iova.count)
		return false;
	*first = t1->iova.range[n].first;
	*last = t1->iova.range[n].last;
	return true;
}
