// SPDX-License-Identifier: GPL-2.0-only
/*
 * The commands of an IO address space.
 *
 * Kernel behaviour: drivers/iommu/iommufd/ioas.c of Linux 6.12 and 7.2: what is tested, in which
 * order, and which answers are written back on failure.
 */
#include "iommufd/iommufd_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAP_FLAGS (IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_WRITEABLE | IOMMU_IOAS_MAP_READABLE)

struct iommufd_ioas *iommufd_ioas_find(struct iommufd_ctx *ctx, uint32_t id)
{
	struct iommufd_object *obj = iommufd_object_find(ctx, id, IOMMUFD_OBJ_IOAS);

	return obj ? sio_container_of(obj, struct iommufd_ioas, obj) : NULL;
}

struct iommufd_ioas *iommufd_ioas_create(struct iommufd_ctx *ctx)
{
	struct iommufd_ioas *ioas = iommufd_object_alloc(ctx, sizeof(*ioas), IOMMUFD_OBJ_IOAS);

	if (!ioas)
		return NULL;
	ioas->hwpts_tail = &ioas->hwpts;
	ioas->iopt = iopt_create(ctx->iommu, &ctx->env->temp_memory_max);
	if (ioas->iopt)
		return ioas;
	iommufd_object_abort(ctx, &ioas->obj);
	return NULL;
}

void iommufd_ioas_destroy(struct iommufd_object *obj)
{
	struct iommufd_ioas *ioas = sio_container_of(obj, struct iommufd_ioas, obj);

	sio_assert(!ioas->hwpts);
	iopt_destroy(ioas->iopt);
}

int iommufd_cmd_ioas_alloc(struct iommufd_ucmd *ucmd)
{
	struct iommu_ioas_alloc *cmd = ucmd->cmd;
	struct iommufd_ioas *ioas;

	if (cmd->flags)
		return -EOPNOTSUPP;
	ioas = iommufd_ioas_create(ucmd->ctx);
	if (!ioas)
		return -ENOMEM;
	cmd->out_ioas_id = ioas->obj.id;
	return iommufd_ucmd_respond_object(ucmd, &ioas->obj);
}

/* ---- ranges ---- */

int iommufd_cmd_ioas_iova_ranges(struct iommufd_ucmd *ucmd)
{
	struct iommu_ioas_iova_ranges *cmd = ucmd->cmd;
	const uint32_t room = cmd->num_iovas;
	struct iommufd_ioas *ioas;
	struct iopt_range range;
	uint32_t n;
	int rc;

	if (cmd->__reserved)
		return -EOPNOTSUPP;
	ioas = iommufd_ioas_find(ucmd->ctx, cmd->ioas_id);
	if (!ioas)
		return -ENOENT;
	cmd->out_iova_alignment = iopt_alignment(ioas->iopt);
	for (n = 0; iopt_usable_at(ioas->iopt, n, &range); n++) {
		struct iommu_iova_range answer = {.start = range.first, .last = range.last};

		if (n < room &&
		    iommufd_copy_out(ucmd->caller, cmd->allowed_iovas + n * sizeof(answer), &answer,
				     sizeof(answer)))
			return -EFAULT;
	}
	cmd->num_iovas = n;
	rc = iommufd_ucmd_respond(ucmd);
	return rc || n <= room ? rc : -EMSGSIZE;
}

/* Ranges of one call, ascending. */
struct range_list {
	struct iopt_range *range;
	unsigned count, slots;
};

/* -EINVAL: it overlaps one that is there. */
static int range_insert(struct range_list *list, struct iopt_range range)
{
	unsigned at = list->count;

	while (at && list->range[at - 1].first > range.last)
		at--;
	if (at && list->range[at - 1].last >= range.first)
		return -EINVAL;
	if (list->count == list->slots) {
		unsigned slots = list->slots ? 2 * list->slots : 8;
		struct iopt_range *grown =
			fail_realloc("iommufd.allow.range", list->range, slots * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		list->range = grown;
		list->slots = slots;
	}
	memmove(&list->range[at + 1], &list->range[at], (list->count - at) * sizeof(range));
	list->range[at] = range;
	list->count++;
	return 0;
}

static int ranges_read(struct iommufd_ucmd *ucmd, const struct iommu_ioas_allow_iovas *cmd,
		       struct range_list *list)
{
	for (uint32_t i = 0; i < cmd->num_iovas; i++) {
		struct iommu_iova_range range;
		int rc;

		if (iommufd_copy_in(ucmd->caller, &range, cmd->allowed_iovas + i * sizeof(range),
				    sizeof(range)))
			return -EFAULT;
		if (range.start >= range.last)
			return -EINVAL;
		rc = range_insert(list, (struct iopt_range){range.start, range.last});
		if (rc)
			return rc;
	}
	return 0;
}

int iommufd_cmd_ioas_allow_iovas(struct iommufd_ucmd *ucmd)
{
	const struct iommu_ioas_allow_iovas *cmd = ucmd->cmd;
	struct range_list list = {0};
	struct iommufd_ioas *ioas;
	int rc;

	if (cmd->__reserved)
		return -EOPNOTSUPP;
	ioas = iommufd_ioas_find(ucmd->ctx, cmd->ioas_id);
	if (!ioas)
		return -ENOENT;
	rc = ranges_read(ucmd, cmd, &list);
	if (!rc)
		rc = iopt_set_allowed(ioas->iopt, list.range, list.count);
	if (rc)
		free(list.range);
	return rc;
}

/* ---- mappings ---- */

static unsigned map_prot(uint32_t flags)
{
	return IOMMU_CACHE | (flags & IOMMU_IOAS_MAP_WRITEABLE ? (unsigned)IOMMU_WRITE : 0) |
	       (flags & IOMMU_IOAS_MAP_READABLE ? (unsigned)IOMMU_READ : 0);
}

/* What MAP, MAP_FILE and COPY test before they look for an object. */
static int map_check(uint32_t flags, uint32_t reserved, uint64_t length, uint64_t iova,
		     uint64_t src_iova)
{
	if (flags & ~(uint32_t)MAP_FLAGS || reserved)
		return -EOPNOTSUPP;
	if (length == UINT64_MAX || iova == UINT64_MAX || src_iova == UINT64_MAX)
		return -EOVERFLOW;
	return flags & (IOMMU_IOAS_MAP_WRITEABLE | IOMMU_IOAS_MAP_READABLE) ? 0 : -EINVAL;
}

/* What the caller's pages are counted against. */
static enum iopt_account account_of(const struct iommufd_ucmd *ucmd)
{
	return ucmd->caller->task->cap_ipc_lock ? IOPT_ACCOUNT_NONE : ucmd->ctx->account;
}

int iommufd_cmd_ioas_map(struct iommufd_ucmd *ucmd)
{
	struct iommu_ioas_map *cmd = ucmd->cmd;
	struct iopt_source source = {
		.caller = ucmd->caller,
		.uptr = cmd->user_va,
		.length = cmd->length,
		.writable = cmd->flags & IOMMU_IOAS_MAP_WRITEABLE,
	};
	int rc = map_check(cmd->flags, cmd->__reserved, cmd->length, cmd->iova, 0);
	struct iommufd_ioas *ioas;
	uint64_t iova = cmd->iova;

	if (rc)
		return rc;
	ioas = iommufd_ioas_find(ucmd->ctx, cmd->ioas_id);
	if (!ioas)
		return -ENOENT;
	rc = iopt_map(ioas->iopt, &source, account_of(ucmd), &iova, map_prot(cmd->flags),
		      cmd->flags & IOMMU_IOAS_MAP_FIXED_IOVA);
	if (rc)
		return rc;
	cmd->iova = iova;
	return iommufd_ucmd_respond(ucmd);
}

int iommufd_cmd_ioas_map_file(struct iommufd_ucmd *ucmd)
{
	struct iommu_ioas_map_file *cmd = ucmd->cmd;
	struct iopt_source source = {
		.caller = ucmd->caller,
		.start = cmd->start,
		.length = cmd->length,
		.writable = cmd->flags & IOMMU_IOAS_MAP_WRITEABLE,
	};
	int rc = map_check(cmd->flags, 0, cmd->length, cmd->iova, 0);
	struct iommufd_ioas *ioas;
	uint64_t iova = cmd->iova;

	if (rc)
		return rc;
	ioas = iommufd_ioas_find(ucmd->ctx, cmd->ioas_id);
	if (!ioas)
		return -ENOENT;
	if (!cmd->length)
		return -EINVAL;
	if (cmd->start + (cmd->length - 1) < cmd->start)
		return -EOVERFLOW;
	source.file = fd_lookup(ucmd->caller->fds, cmd->fd);
	if (!source.file)
		return -EBADF;
	if (source.file->ops->map_check)
		rc = source.file->ops->map_check(source.file, cmd->start, cmd->length);
	if (rc)
		return rc;
	rc = iopt_map(ioas->iopt, &source, account_of(ucmd), &iova, map_prot(cmd->flags),
		      cmd->flags & IOMMU_IOAS_MAP_FIXED_IOVA);
	if (rc)
		return rc;
	cmd->iova = iova;
	return iommufd_ucmd_respond(ucmd);
}

int iommufd_cmd_ioas_copy(struct iommufd_ucmd *ucmd)
{
	struct iommu_ioas_copy *cmd = ucmd->cmd;
	struct iommufd_ioas *src, *dst;
	uint64_t iova = cmd->dst_iova, src_iova = cmd->src_iova;
	uint32_t flags = cmd->flags;
	int rc;

	if (ucmd->ctx->env->test_iova) {
		ucmd->ctx->env->test_iova(ucmd->ctx, cmd->src_ioas_id, &src_iova, &flags);
		cmd->src_iova = src_iova;
		cmd->flags = flags;
	}
	rc = map_check(flags, 0, cmd->length, cmd->dst_iova, src_iova);
	if (rc)
		return rc;
	src = iommufd_ioas_find(ucmd->ctx, cmd->src_ioas_id);
	if (!src)
		return -ENOENT;
	rc = iopt_check_source(src->iopt, src_iova, cmd->length);
	if (rc)
		return rc;
	dst = iommufd_ioas_find(ucmd->ctx, cmd->dst_ioas_id);
	if (!dst)
		return -ENOENT;
	rc = iopt_copy(dst->iopt, src->iopt, src_iova, cmd->length, &iova, map_prot(flags),
		       flags & IOMMU_IOAS_MAP_FIXED_IOVA);
	if (rc)
		return rc;
	cmd->dst_iova = iova;
	return iommufd_ucmd_respond(ucmd);
}

int iommufd_cmd_ioas_unmap(struct iommufd_ucmd *ucmd)
{
	struct iommu_ioas_unmap *cmd = ucmd->cmd;
	struct iommufd_ioas *ioas = iommufd_ioas_find(ucmd->ctx, cmd->ioas_id);
	uint64_t unmapped = 0;
	int rc;

	if (!ioas)
		return -ENOENT;
	if (!cmd->iova && cmd->length == UINT64_MAX) {
		rc = iopt_unmap_all(ioas->iopt, &unmapped);
	} else {
		if (cmd->iova == UINT64_MAX || cmd->length == UINT64_MAX)
			return -EOVERFLOW;
		rc = iopt_unmap(ioas->iopt, cmd->iova, cmd->length, &unmapped);
		if (!rc && !unmapped)
			rc = -ENOENT;
	}
	if (rc)
		return rc;
	cmd->length = unmapped;
	return iommufd_ucmd_respond(ucmd);
}

/* ---- options ---- */

static int option_rlimit_mode(struct iommufd_ucmd *ucmd, struct iommu_option *cmd)
{
	struct iommufd_ctx *ctx = ucmd->ctx;

	if (cmd->object_id)
		return -EOPNOTSUPP;
	if (cmd->op == IOMMU_OPTION_OP_GET) {
		cmd->val64 = ctx->account == IOPT_ACCOUNT_MM;
		return 0;
	}
	if (cmd->op != IOMMU_OPTION_OP_SET)
		return -EOPNOTSUPP;
	if (!ucmd->caller->task->cap_sys_resource)
		return -EPERM;
	if (ctx->object_count)
		return -EBUSY;
	if (cmd->val64 > 1)
		return -EINVAL;
	ctx->account = cmd->val64 ? IOPT_ACCOUNT_MM : IOPT_ACCOUNT_USER;
	return 0;
}

static int option_huge_pages(struct iommufd_ucmd *ucmd, struct iommu_option *cmd)
{
	struct iommufd_ioas *ioas = iommufd_ioas_find(ucmd->ctx, cmd->object_id);

	if (!ioas)
		return -ENOENT;
	if (cmd->op == IOMMU_OPTION_OP_GET) {
		cmd->val64 = iopt_large_pages(ioas->iopt);
		return 0;
	}
	if (cmd->op != IOMMU_OPTION_OP_SET)
		return -EOPNOTSUPP;
	return cmd->val64 > 1 ? -EINVAL : iopt_set_large_pages(ioas->iopt, cmd->val64);
}

int iommufd_cmd_option(struct iommufd_ucmd *ucmd)
{
	struct iommu_option *cmd = ucmd->cmd;
	int rc = -EOPNOTSUPP;

	if (cmd->__reserved)
		return rc;
	if (cmd->option_id == IOMMU_OPTION_RLIMIT_MODE)
		rc = option_rlimit_mode(ucmd, cmd);
	else if (cmd->option_id == IOMMU_OPTION_HUGE_PAGES)
		rc = option_huge_pages(ucmd, cmd);
	return rc ? rc : iommufd_ucmd_respond(ucmd);
}

/* ---- another process takes over ---- */

int iommufd_cmd_ioas_change_process(struct iommufd_ucmd *ucmd)
{
	const struct iommu_ioas_change_process *cmd = ucmd->cmd;
	struct io_pagetable **iopts;
	struct iommufd_object *obj;
	uint32_t position = 0;
	unsigned count = 0;
	int rc;

	if (cmd->__reserved)
		return -EOPNOTSUPP;
	iopts = fail_calloc("iommufd.change-process.list", ucmd->ctx->object_count + 1u,
			    sizeof(struct io_pagetable *));
	if (!iopts)
		return -ENOMEM;
	rc = 0;
	while ((obj = iommufd_object_at(ucmd->ctx, &position))) {
		if (obj->type != IOMMUFD_OBJ_IOAS)
			continue;
		iopts[count] = sio_container_of(obj, struct iommufd_ioas, obj)->iopt;
		if (iopt_has_user_memory(iopts[count++]))
			rc = -EINVAL;
	}
	if (!rc)
		rc = iopt_change_process(iopts, count, ucmd->caller);
	free(iopts);
	return rc;
}
