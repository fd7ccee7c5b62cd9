// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctls of a VFIO container, answered by an iommufd context.
 *
 * They work on one IOAS of the context, the compat IOAS: a program's own, or one that is made when
 * a group is given the descriptor as its container. What a type1 container can and this cannot:
 * dirty pages, exchange of virtual addresses, nesting.
 *
 * Kernel behaviour: drivers/iommu/iommufd/vfio_compat.c.
 */
#include "iommufd/iommufd_private.h"

#include "seeded.h"

#include <errno.h>
#include <linux/vfio.h>
#include <stdlib.h>
#include <string.h>

#define TYPE1_IOMMU    1u
#define TYPE1v2_IOMMU  3u
#define DMA_CC         4u
#define NOIOMMU        8u
#define UNMAP_ALL      9u
#define MAP_BYTES      32u
#define UNMAP_BYTES    24u
#define INFO_BYTES_MIN 16u
#define UNMAP_FLAG_ALL 2u

/* The structures of 6.12, independent of the age of the installed header. */
struct info_head {
	uint32_t argsz, flags;
	uint64_t pgsizes;
	uint32_t cap_offset, pad;
};

struct info_cap {
	uint16_t id, version;
	uint32_t next; /* from the start of the whole structure, 0 ends */
};

struct info_dma_avail {
	struct info_cap cap;
	uint32_t avail, pad;
};

struct info_iova_range {
	struct info_cap cap;
	uint32_t count, pad;
};

_Static_assert(sizeof(struct info_head) == 24, "ABI");
_Static_assert(sizeof(struct info_dma_avail) == 16, "ABI");
_Static_assert(sizeof(struct info_iova_range) == 16, "ABI");

/* ---- the compat IOAS ---- */

/* NULL: -ENODEV. */
static struct iommufd_ioas *compat_ioas(const struct iommufd_ctx *ctx)
{
	return ctx->noiommu ? NULL : ctx->vfio_ioas;
}

int iommufd_vfio_ioas_id(struct iommufd_ctx *ctx, uint32_t *id)
{
	const struct iommufd_ioas *ioas = compat_ioas(ctx);

	if (!ioas)
		return -ENODEV;
	*id = ioas->obj.id;
	return 0;
}

int iommufd_vfio_ioas_create(struct iommufd_ctx *ctx)
{
	struct iommufd_ioas *ioas;

	if (ctx->noiommu)
		return -EINVAL;
	if (ctx->vfio_ioas)
		return 0;
	ioas = iommufd_ioas_create(ctx);
	if (!ioas)
		return -ENOMEM;
	iommufd_object_finalize(ctx, &ioas->obj);
	ctx->vfio_ioas = ioas;
	return 0;
}

int iommufd_vfio_set_noiommu(struct iommufd_ctx *ctx)
{
	if (ctx->vfio_ioas)
		return -EINVAL;
	ctx->noiommu = true;
	return 0;
}

int iommufd_cmd_vfio_ioas(struct iommufd_ucmd *ucmd)
{
	struct iommu_vfio_ioas *cmd = ucmd->cmd;
	struct iommufd_ctx *ctx = ucmd->ctx;
	struct iommufd_ioas *ioas;

	if (cmd->__reserved)
		return -EOPNOTSUPP;
	switch (cmd->op) {
	case IOMMU_VFIO_IOAS_GET:
		if (!compat_ioas(ctx))
			return -ENODEV;
		cmd->ioas_id = ctx->vfio_ioas->obj.id;
		return iommufd_ucmd_respond(ucmd);
	case IOMMU_VFIO_IOAS_SET:
		ioas = iommufd_ioas_find(ctx, cmd->ioas_id);
		if (!ioas)
			return -ENOENT;
		ctx->vfio_ioas = ioas;
		return 0;
	case IOMMU_VFIO_IOAS_CLEAR:
		ctx->vfio_ioas = NULL;
		return 0;
	default:
		return -EOPNOTSUPP;
	}
}

/* ---- which driver ---- */

/* Every HWPT of the compat IOAS enforces coherency; also when there is none. */
static long all_coherent(const struct iommufd_ctx *ctx)
{
	const struct iommufd_ioas *ioas = compat_ioas(ctx);

	if (!ioas)
		return -ENODEV;
	for (const struct iommufd_hwpt_paging *hwpt = ioas->hwpts; hwpt; hwpt = hwpt->next)
		if (!hwpt->enforce_coherency)
			return 0;
	return 1;
}

static long check_extension(const struct iommufd_ctx *ctx, uint64_t extension)
{
	switch (extension) {
	case TYPE1_IOMMU:
	case TYPE1v2_IOMMU:
	case UNMAP_ALL:
		return !ctx->noiommu;
	case NOIOMMU:
		return ctx->env->noiommu;
	case DMA_CC:
		return all_coherent(ctx);
	default:
		return 0;
	}
}

static long set_iommu(struct iommufd_ctx *ctx, const struct caller *caller, uint64_t type)
{
	struct iommufd_ioas *ioas;

	if (ctx->env->noiommu && type == NOIOMMU && ctx->noiommu)
		return caller->task->cap_sys_rawio ? 0 : -EPERM;
	if ((type != TYPE1_IOMMU && type != TYPE1v2_IOMMU) || ctx->noiommu)
		return -EINVAL;
	ioas = compat_ioas(ctx);
	if (!ioas)
		return -ENODEV;
	/* Only pages of their own can be cut out of the middle of a mapping, as TYPE1 allows. */
	return type == TYPE1_IOMMU ? iopt_set_large_pages(ioas->iopt, false) : 0;
}

/* ---- MAP and UNMAP ---- */

static long map_dma(struct iommufd_ctx *ctx, const struct caller *caller, uint64_t arg)
{
	struct vfio_iommu_type1_dma_map map;
	struct iopt_source source = {.caller = caller};
	const uint32_t supported = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE;
	const struct iommufd_ioas *ioas;
	enum iopt_account account;
	unsigned prot = IOMMU_CACHE;
	uint64_t iova;

	if (iommufd_copy_in(caller, &map, arg, MAP_BYTES))
		return -EFAULT;
	if (map.argsz < MAP_BYTES || map.flags & ~supported)
		return -EINVAL;
	if (map.flags & VFIO_DMA_MAP_FLAG_READ)
		prot |= IOMMU_READ;
	if (map.flags & VFIO_DMA_MAP_FLAG_WRITE)
		prot |= IOMMU_WRITE;
	ioas = compat_ioas(ctx);
	if (!ioas)
		return -ENODEV;
	source.uptr = map.vaddr;
	source.length = map.size;
	source.writable = map.flags & VFIO_DMA_MAP_FLAG_WRITE;
	account = caller->task->cap_ipc_lock ? IOPT_ACCOUNT_NONE : ctx->account;
	iova = map.iova;
	return iopt_map(ioas->iopt, &source, account, &iova, prot, true);
}

/* TYPE1: the range may begin and end inside mappings, which are cut there. */
static int cut_ends(struct io_pagetable *iopt, uint64_t iova, uint64_t size)
{
	const uint64_t cuts[] = {iova + size - 1, iova - 1};

	return iopt_cut(iopt, cuts, iova ? 2 : 1);
}

static long unmap_dma(struct iommufd_ctx *ctx, const struct caller *caller, uint64_t arg)
{
	struct vfio_iommu_type1_dma_unmap unmap;
	const struct iommufd_ioas *ioas;
	uint64_t unmapped = 0;
	long rc = 0;

	if (iommufd_copy_in(caller, &unmap, arg, UNMAP_BYTES))
		return -EFAULT;
	if (unmap.argsz < UNMAP_BYTES || unmap.flags & ~UNMAP_FLAG_ALL)
		return -EINVAL;
	ioas = compat_ioas(ctx);
	if (!ioas)
		return -ENODEV;
	if (unmap.flags & UNMAP_FLAG_ALL) {
		if (unmap.iova || unmap.size)
			return -EINVAL;
		rc = iopt_unmap_all(ioas->iopt, &unmapped);
	} else {
		if (!iopt_large_pages(ioas->iopt))
			rc = cut_ends(ioas->iopt, unmap.iova, unmap.size);
		if (rc)
			return rc;
		rc = iopt_unmap(ioas->iopt, unmap.iova, unmap.size, &unmapped);
	}
	unmap.size = unmapped;
	if (iommufd_copy_out(caller, arg, &unmap, UNMAP_BYTES))
		return -EFAULT;
	return rc;
}

/* ---- GET_INFO ---- */

/*
 * The chain behind the fixed part. Each piece that fits is written, whether or not the others do;
 * the program is told of it only when all of it is there.
 */
struct info_writer {
	const struct caller *caller;
	uint64_t arg;
	uint32_t room; /* the program's argsz */
	uint32_t at;   /* bytes so far, the fixed part included */
};

/* A piece of `len` bytes and, if another follows behind it, where that is. */
static int write_cap(struct info_writer *w, struct info_cap *cap, size_t len, uint32_t more,
		     bool last)
{
	const uint32_t total = w->at + (uint32_t)len + more;

	cap->next = last ? 0 : total;
	if (w->room >= total && iommufd_copy_out(w->caller, w->arg + w->at, cap, len))
		return -EFAULT;
	w->at = total;
	return 0;
}

static int write_ranges(struct info_writer *w, const struct io_pagetable *iopt)
{
	struct info_iova_range head = {.cap = {VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE, 1, 0}};
	const uint32_t at = w->at + (uint32_t)sizeof(head);
	struct iopt_range range;

	while (iopt_usable_at(iopt, head.count, &range))
		head.count++;
	if (write_cap(w, &head.cap, sizeof(head), head.count * (uint32_t)sizeof(range), true))
		return -EFAULT;
	if (w->room < w->at)
		return 0;
	for (uint32_t n = 0; iopt_usable_at(iopt, n, &range); n++) {
		const uint64_t to = w->arg + at + n * sizeof(range);

		if (iommufd_copy_out(w->caller, to, &range, sizeof(range)))
			return -EFAULT;
	}
	return 0;
}

static uint64_t info_pgsizes(const struct io_pagetable *iopt)
{
	uint64_t sizes = iopt_pgsizes(iopt);

	/* Sizes below a page are a page; and no less than what the IOAS asks for. */
	if (sizes & ~SIO_PAGE_MASK)
		sizes = (sizes & SIO_PAGE_MASK) | SIO_PAGE_SIZE;
	return sizes > iopt_alignment(iopt) ? sizes : iopt_alignment(iopt);
}

static long get_info(const struct iommufd_ctx *ctx, const struct caller *caller, uint64_t arg)
{
	struct info_dma_avail avail = {.cap = {VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL, 1, 0},
				       .avail = UINT32_MAX};
	struct info_writer writer = {.caller = caller, .arg = arg, .at = sizeof(struct info_head)};
	const struct iommufd_ioas *ioas;
	struct info_head head = {0};
	uint32_t head_bytes;

	/* What was on the stack before. */
	if (SEEDED(F08))
		memset(&head, 0xa5, sizeof(head));
	if (iommufd_copy_in(caller, &head, arg, INFO_BYTES_MIN))
		return -EFAULT;
	if (head.argsz < INFO_BYTES_MIN)
		return -EINVAL;
	writer.room = head.argsz;
	head_bytes = head.argsz < sizeof(head) ? head.argsz : (uint32_t)sizeof(head);
	ioas = compat_ioas(ctx);
	if (!ioas)
		return -ENODEV;
	head.flags = VFIO_IOMMU_INFO_PGSIZES | VFIO_IOMMU_INFO_CAPS;
	head.pgsizes = info_pgsizes(ioas->iopt);
	if (write_cap(&writer, &avail.cap, sizeof(avail), 0, false) ||
	    write_ranges(&writer, ioas->iopt))
		return -EFAULT;
	head.argsz = writer.at;
	head.cap_offset = writer.room >= writer.at ? (uint32_t)sizeof(head) : 0;
	return iommufd_copy_out(caller, arg, &head, head_bytes);
}

long iommufd_vfio_ioctl(struct iommufd_ctx *ctx, const struct caller *caller, unsigned int cmd,
			uint64_t arg)
{
	switch (cmd) {
	case VFIO_GET_API_VERSION:
		return VFIO_API_VERSION;
	case VFIO_SET_IOMMU:
		return set_iommu(ctx, caller, arg);
	case VFIO_CHECK_EXTENSION:
		return check_extension(ctx, arg);
	case VFIO_IOMMU_GET_INFO:
		return get_info(ctx, caller, arg);
	case VFIO_IOMMU_MAP_DMA:
		return map_dma(ctx, caller, arg);
	case VFIO_IOMMU_UNMAP_DMA:
		return unmap_dma(ctx, caller, arg);
	default:
		return -ENOTTY;
	}
}
