// SPDX-License-Identifier: GPL-2.0-only
/*
 * Looking inside: what a domain translates, how often pages are pinned, what a nested domain's
 * cache holds; and writes of a device, as dirty marks.
 *
 * Kernel behaviour: drivers/iommu/iommufd/selftest.c.
 */
#include "mock/mock_priv.h"

#include <errno.h>
#include <stdlib.h>

#define DIRTY_BITS_MAX     (UINT64_C(128) << 20)
#define MEMORY_LIMIT_LEAST 12u

/* ---- pages of the process ---- */

int mock_user_page(const struct iommufd_ucmd *ucmd, uint64_t uptr, pa_t *pa)
{
	struct mm *mm = ucmd->caller->task->mm;
	struct pin_run run;
	int rc;

	if (!uaccess_ok(uptr, 1))
		return -EFAULT;
	rc = mm->ops->pin(mm, uptr & SIO_PAGE_MASK, 1, false, &run);
	if (rc)
		return rc;
	*pa = run.pa;
	mm->ops->unpin(mm, &run, false);
	/* What is mapped by frame number has no pages. */
	return run.reserved ? -EFAULT : 0;
}

long mock_op_check_refs(struct iommufd_ucmd *ucmd)
{
	const struct iommu_test_cmd *cmd = mock_cmd_of(ucmd);
	const uint64_t uptr = cmd->check_refs.uptr, length = cmd->check_refs.length;
	const struct mm *mm = ucmd->caller->task->mm;
	uint64_t end;

	if (!sio_is_aligned(uptr | length, SIO_PAGE_SIZE) ||
	    __builtin_add_overflow(uptr, length, &end))
		return -EINVAL;
	for (uint64_t va = uptr; va != end; va += SIO_PAGE_SIZE) {
		pa_t pa;
		int rc = mock_user_page(ucmd, va, &pa);

		if (rc)
			return rc;
		/* The count of a large page is that of all its parts. */
		if (mm->ops->compound && mm->ops->compound(mm, va))
			continue;
		if (phys_frame_pins(ucmd->ctx->iommu->phys, pa >> SIO_PAGE_LG2) !=
		    cmd->check_refs.refs)
			return -EIO;
	}
	return 0;
}

/* ---- domains ---- */

/* -ENOENT, -EINVAL: another driver's domain. */
static int domain_find(const struct iommufd_ucmd *ucmd, struct mock_domain **mock)
{
	const struct iommufd_hwpt_paging *paging =
		iommufd_hwpt_paging_find(ucmd->ctx, mock_cmd_of(ucmd)->id);

	if (!paging)
		return -ENOENT;
	if (paging->hwpt.domain->driver != mock_driver(ucmd->ctx->iommu))
		return -EINVAL;
	*mock = mock_domain_of(paging->hwpt.domain);
	return 0;
}

static int check_range(const struct iommu_test_cmd *cmd, uint64_t page_size)
{
	uint64_t end;

	if (!sio_is_aligned(cmd->check_map.iova | cmd->check_map.length | cmd->check_map.uptr,
			    page_size) ||
	    __builtin_add_overflow(cmd->check_map.uptr, cmd->check_map.length, &end))
		return -EINVAL;
	return 0;
}

long mock_op_check_map(struct iommufd_ucmd *ucmd)
{
	const struct iommu_test_cmd *cmd = mock_cmd_of(ucmd);
	uint64_t page_size = MOCK_PAGE_SIZE;
	struct mock_domain *mock;
	int rc = 0;

	/* Since domains differ in their smallest page, the domain comes first. */
	if (!mock_is_7_2(ucmd->ctx->iommu))
		rc = check_range(cmd, page_size);
	if (!rc)
		rc = domain_find(ucmd, &mock);
	if (rc)
		return rc;
	page_size = mock->base.pgsize_bitmap & -mock->base.pgsize_bitmap;
	if (mock_is_7_2(ucmd->ctx->iommu))
		rc = check_range(cmd, page_size);
	for (uint64_t done = 0; !rc && done < cmd->check_map.length; done += page_size) {
		const uint64_t uptr = cmd->check_map.uptr + done;
		const struct pt_run run = mock_query(&mock->base, cmd->check_map.iova + done, 1);
		pa_t pa;

		rc = mock_user_page(ucmd, uptr, &pa);
		if (!rc && (!run.pages || run.oa != pa + uptr % SIO_PAGE_SIZE))
			rc = -EINVAL;
	}
	return rc;
}

long mock_op_check_iotlb(struct iommufd_ucmd *ucmd)
{
	const struct iommu_test_cmd *cmd = mock_cmd_of(ucmd);
	const struct iommufd_object *obj =
		iommufd_object_find(ucmd->ctx, cmd->id, IOMMUFD_OBJ_HWPT_NESTED);
	const struct iommufd_hwpt *hwpt;

	if (!obj)
		return -ENOENT;
	hwpt = sio_container_of(obj, struct iommufd_hwpt, obj);
	if (hwpt->domain->driver != mock_driver(ucmd->ctx->iommu) ||
	    cmd->check_iotlb.id > MOCK_NESTED_DOMAIN_IOTLB_ID_MAX ||
	    mock_nested_of(hwpt->domain)->iotlb[cmd->check_iotlb.id] != cmd->check_iotlb.iotlb)
		return -EINVAL;
	return 0;
}

/* ---- the address space ---- */

long mock_op_reserved(struct iommufd_ucmd *ucmd)
{
	const struct iommu_test_cmd *cmd = mock_cmd_of(ucmd);
	const uint64_t start = cmd->add_reserved.start, length = cmd->add_reserved.length;
	struct iommufd_ioas *ioas;
	uint64_t last;

	if (!length)
		return -EINVAL;
	if (__builtin_add_overflow(start, length - 1, &last))
		return -EOVERFLOW;
	ioas = iommufd_ioas_find(ucmd->ctx, cmd->id);
	return ioas ? iopt_reserve(ioas->iopt, start, last, NULL) : -ENOENT;
}

long mock_op_memory_limit(struct iommufd_ucmd *ucmd)
{
	const uint32_t limit = mock_cmd_of(ucmd)->memory_limit.limit;

	/* One element of a batch: an address and a length. */
	if (limit < MEMORY_LIMIT_LEAST)
		return -EINVAL;
	ucmd->ctx->env->temp_memory_max = limit;
	return 0;
}

/* ---- dirty marks ---- */

/*
 * 6.12 divides the address by the page size that was given, and takes the result for the number of
 * a half page; 7.2 takes the address, and counts what is not mapped as well.
 */
static int mark_page(struct mock_domain *mock, uint64_t iova, uint64_t page_size, uint64_t *count)
{
	const bool later = mock_is_7_2(mock->base.iommu);
	bool mapped;
	int rc;

	if (!later)
		iova = iova / page_size * MOCK_PAGE_SIZE;
	rc = mock_set_dirty(mock, iova, &mapped);
	if (!rc && (mapped || later))
		(*count)++;
	return rc;
}

static int mark_pages(struct mock_domain *mock, const struct iommu_test_cmd *cmd,
		      const uint8_t *bits, uint64_t *count)
{
	const uint64_t page_size = cmd->dirty.page_size, max = cmd->dirty.length / page_size;
	int rc = 0;

	for (uint64_t i = 0; i < max && !rc; i++)
		if (bits[i / 8] & (1u << (i % 8)))
			rc = mark_page(mock, cmd->dirty.iova + i * page_size, page_size, count);
	return rc;
}

long mock_op_dirty(struct iommufd_ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = mock_cmd_of(ucmd);
	const uint64_t page_size = cmd->dirty.page_size, length = cmd->dirty.length;
	uint64_t bytes, count = 0;
	struct mock_domain *mock;
	uint8_t *bits;
	int rc;

	if (!page_size || !length || cmd->dirty.iova % page_size || length % page_size ||
	    !cmd->dirty.uptr)
		return -EINVAL;
	rc = domain_find(ucmd, &mock);
	if (rc)
		return rc;
	if (length / page_size > DIRTY_BITS_MAX)
		return -EOVERFLOW;
	if (!mock->tracking)
		return -EINVAL;
	bytes = (length / page_size + 7) / 8;
	bits = fail_calloc("mock.dirty.bits", 1, bytes);
	if (!bits)
		return -ENOMEM;
	rc = iommufd_copy_in(ucmd->caller, bits, cmd->dirty.uptr, bytes);
	if (!rc)
		rc = mark_pages(mock, cmd, bits, &count);
	free(bits);
	if (rc)
		return rc;
	cmd->dirty.out_nr_dirty = count;
	return iommufd_ucmd_respond(ucmd);
}
