// SPDX-License-Identifier: GPL-2.0-only
/*
 * The selftest ioctl: which operations there are, and the way to them.
 *
 * Kernel behaviour: iommufd_test() of drivers/iommu/iommufd/selftest.c.
 */
#include "mock/mock_priv.h"

#include <errno.h>

typedef long (*op_fn)(struct iommufd_ucmd *ucmd);

/* NULL: this kernel has no such operation. */
static op_fn op_find(const struct iommufd_ctx *ctx, uint32_t op)
{
	static const op_fn ops[] = {
		[IOMMU_TEST_OP_ADD_RESERVED] = mock_op_reserved,
		[IOMMU_TEST_OP_MOCK_DOMAIN] = mock_op_domain,
		[IOMMU_TEST_OP_MD_CHECK_MAP] = mock_op_check_map,
		[IOMMU_TEST_OP_MD_CHECK_REFS] = mock_op_check_refs,
		[IOMMU_TEST_OP_CREATE_ACCESS] = mock_op_access_create,
		[IOMMU_TEST_OP_DESTROY_ACCESS_PAGES] = mock_op_access_unpin,
		[IOMMU_TEST_OP_ACCESS_PAGES] = mock_op_access_pages,
		[IOMMU_TEST_OP_ACCESS_RW] = mock_op_access_rw,
		[IOMMU_TEST_OP_SET_TEMP_MEMORY_LIMIT] = mock_op_memory_limit,
		[IOMMU_TEST_OP_MOCK_DOMAIN_REPLACE] = mock_op_replace,
		[IOMMU_TEST_OP_ACCESS_REPLACE_IOAS] = mock_op_access_replace,
		[IOMMU_TEST_OP_MOCK_DOMAIN_FLAGS] = mock_op_domain,
		[IOMMU_TEST_OP_DIRTY] = mock_op_dirty,
		[IOMMU_TEST_OP_MD_CHECK_IOTLB] = mock_op_check_iotlb,
		[IOMMU_TEST_OP_TRIGGER_IOPF] = mock_op_iopf,
		[IOMMU_TEST_OP_DEV_CHECK_CACHE] = mock_op_check_cache,
		[IOMMU_TEST_OP_TRIGGER_VEVENT] = mock_op_vevent,
		[IOMMU_TEST_OP_PASID_ATTACH] = mock_op_pasid_attach,
		[IOMMU_TEST_OP_PASID_REPLACE] = mock_op_pasid_replace,
		[IOMMU_TEST_OP_PASID_DETACH] = mock_op_pasid_detach,
		[IOMMU_TEST_OP_PASID_CHECK_HWPT] = mock_op_pasid_check,
		[IOMMU_TEST_OP_DMABUF_GET] = mock_op_dmabuf_get,
		[IOMMU_TEST_OP_DMABUF_REVOKE] = mock_op_dmabuf_revoke,
	};
	const uint32_t count = mock_is_7_2(ctx->iommu) ? (uint32_t)SIO_ARRAY_SIZE(ops)
						       : IOMMU_TEST_OP_TRIGGER_IOPF + 1;

	return op < count ? ops[op] : NULL;
}

static long test_cmd(struct iommufd_ctx *ctx, const struct caller *caller, uint64_t arg,
		     uint32_t size)
{
	struct iommu_test_cmd cmd;
	struct iommufd_ucmd ucmd = {ctx, caller, arg, size, sizeof(cmd), &cmd};
	op_fn op;
	int rc = iommufd_copy_struct(caller, &cmd, sizeof(cmd), arg, size);

	if (rc)
		return rc;
	op = op_find(ctx, cmd.op);
	return op ? op(&ucmd) : -EOPNOTSUPP;
}

/* A source address of IOAS_COPY that is meant as the n-th area. */
static void test_iova(struct iommufd_ctx *ctx, uint32_t ioas_id, uint64_t *iova, uint32_t *flags)
{
	const struct iommufd_ioas *ioas;

	if (!(*flags & MOCK_FLAGS_ACCESS_SYZ))
		return;
	*flags &= ~(uint32_t)MOCK_FLAGS_ACCESS_SYZ;
	ioas = iommufd_ioas_find(ctx, ioas_id);
	if (ioas)
		*iova = mock_nth_iova(ioas, *iova);
}

void mock_enable(struct iommufd_env *env)
{
	env->test_cmd = test_cmd;
	env->test_iova = test_iova;
}
