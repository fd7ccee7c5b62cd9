// SPDX-License-Identifier: GPL-2.0-only
/*
 * The file of /dev/iommu: dispatch of its ioctls, and its end.
 *
 * Each command has a number, a full size and the size that the first kernel knew. A program may
 * know less (the rest reads as zero) or more (what this kernel does not know must be zero).
 *
 * Kernel behaviour: iommufd_fops_ioctl() of drivers/iommu/iommufd/main.c. Numbers outside the table
 * are VFIO's.
 */
#include "iommufd/iommufd_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/ioctl.h>

#define TEST_CMD      0xa0u
#define TEST_CMD_MIN  68u
#define COMMAND_BYTES 64u /* at least the largest structure */

/* ---- the caller's memory ---- */

int iommufd_copy_in(const struct caller *caller, void *dst, uint64_t src, size_t len)
{
	return copy_from_caller("iommufd.copy-in", caller, dst, src, len);
}

int iommufd_copy_out(const struct caller *caller, uint64_t dst, const void *src, size_t len)
{
	return copy_to_caller("iommufd.copy-out", caller, dst, src, len);
}

/* -E2BIG: something in [src, src + len) is not zero. */
static int all_zero(const struct caller *caller, uint64_t src, uint32_t len)
{
	uint8_t piece[256];

	for (uint32_t done = 0; done < len;) {
		uint32_t now = len - done < sizeof(piece) ? len - done : (uint32_t)sizeof(piece);

		if (iommufd_copy_in(caller, piece, src + done, now))
			return -EFAULT;
		for (uint32_t i = 0; i < now; i++)
			if (piece[i])
				return -E2BIG;
		done += now;
	}
	return 0;
}

int iommufd_copy_struct(const struct caller *caller, void *dst, uint32_t known, uint64_t src,
			uint32_t user_size)
{
	const uint32_t common = user_size < known ? user_size : known;

	memset(dst, 0, known);
	if (user_size > known) {
		int rc = all_zero(caller, src + known, user_size - known);

		if (rc)
			return rc;
	}
	return iommufd_copy_in(caller, dst, src, common);
}

int iommufd_ucmd_respond(const struct iommufd_ucmd *ucmd)
{
	const uint32_t len = ucmd->user_size < ucmd->known ? ucmd->user_size : ucmd->known;

	return iommufd_copy_out(ucmd->caller, ucmd->arg, ucmd->cmd, len);
}

int iommufd_ucmd_respond_object(const struct iommufd_ucmd *ucmd, struct iommufd_object *obj)
{
	int rc = iommufd_ucmd_respond(ucmd);

	if (rc)
		iommufd_object_abort_and_destroy(ucmd->ctx, obj);
	else
		iommufd_object_finalize(ucmd->ctx, obj);
	return rc;
}

/* ---- commands ---- */

int iommufd_cmd_destroy(struct iommufd_ucmd *ucmd)
{
	const struct iommu_destroy *cmd = ucmd->cmd;

	return iommufd_object_remove(ucmd->ctx, cmd->id);
}

struct command {
	int (*execute)(struct iommufd_ucmd *ucmd);
	uint16_t size, min;
};

#define COMMAND(number, function, structure, last)                         \
	[number - IOMMUFD_CMD_BASE] = {function, sizeof(struct structure), \
				       offsetof(struct structure, last) +  \
					       sizeof(((struct structure *)0)->last)}

/* `last`: the field with which the first kernel's structure ended. */
static const struct command commands[] = {
	COMMAND(IOMMUFD_CMD_DESTROY, iommufd_cmd_destroy, iommu_destroy, id),
	COMMAND(IOMMUFD_CMD_IOAS_ALLOC, iommufd_cmd_ioas_alloc, iommu_ioas_alloc, out_ioas_id),
	COMMAND(IOMMUFD_CMD_IOAS_ALLOW_IOVAS, iommufd_cmd_ioas_allow_iovas, iommu_ioas_allow_iovas,
		allowed_iovas),
	COMMAND(IOMMUFD_CMD_IOAS_COPY, iommufd_cmd_ioas_copy, iommu_ioas_copy, src_iova),
	COMMAND(IOMMUFD_CMD_IOAS_IOVA_RANGES, iommufd_cmd_ioas_iova_ranges, iommu_ioas_iova_ranges,
		out_iova_alignment),
	COMMAND(IOMMUFD_CMD_IOAS_MAP, iommufd_cmd_ioas_map, iommu_ioas_map, iova),
	COMMAND(IOMMUFD_CMD_IOAS_UNMAP, iommufd_cmd_ioas_unmap, iommu_ioas_unmap, length),
	COMMAND(IOMMUFD_CMD_OPTION, iommufd_cmd_option, iommu_option, val64),
	COMMAND(IOMMUFD_CMD_VFIO_IOAS, iommufd_cmd_vfio_ioas, iommu_vfio_ioas, __reserved),
	COMMAND(IOMMUFD_CMD_HWPT_ALLOC, iommufd_cmd_hwpt_alloc, iommu_hwpt_alloc, __reserved),
	COMMAND(IOMMUFD_CMD_GET_HW_INFO, iommufd_cmd_get_hw_info, iommu_hw_info, __reserved),
	COMMAND(IOMMUFD_CMD_HWPT_SET_DIRTY_TRACKING, iommufd_cmd_hwpt_set_dirty,
		iommu_hwpt_set_dirty_tracking, __reserved),
	COMMAND(IOMMUFD_CMD_HWPT_GET_DIRTY_BITMAP, iommufd_cmd_hwpt_get_dirty,
		iommu_hwpt_get_dirty_bitmap, data),
	COMMAND(IOMMUFD_CMD_HWPT_INVALIDATE, iommufd_cmd_hwpt_invalidate, iommu_hwpt_invalidate,
		__reserved),
	COMMAND(IOMMUFD_CMD_FAULT_QUEUE_ALLOC, iommufd_cmd_fault_alloc, iommu_fault_alloc,
		out_fault_fd),
	COMMAND(IOMMUFD_CMD_IOAS_MAP_FILE, iommufd_cmd_ioas_map_file, iommu_ioas_map_file, iova),
	COMMAND(IOMMUFD_CMD_VIOMMU_ALLOC, iommufd_cmd_viommu_alloc, iommu_viommu_alloc,
		out_viommu_id),
	COMMAND(IOMMUFD_CMD_VDEVICE_ALLOC, iommufd_cmd_vdevice_alloc, iommu_vdevice_alloc, virt_id),
	COMMAND(IOMMUFD_CMD_IOAS_CHANGE_PROCESS, iommufd_cmd_ioas_change_process,
		iommu_ioas_change_process, __reserved),
	COMMAND(IOMMUFD_CMD_VEVENTQ_ALLOC, iommufd_cmd_veventq_alloc, iommu_veventq_alloc,
		out_veventq_fd),
	COMMAND(IOMMUFD_CMD_HW_QUEUE_ALLOC, iommufd_cmd_hw_queue_alloc, iommu_hw_queue_alloc,
		length),
};

bool iommufd_is_7_2(const struct iommufd_ctx *ctx)
{
	return ctx->iommu->personality->iommufd == IOMMUFD_7_2;
}

/* Commands that the kernel's table has; the selftest's is far behind the others. */
static uint32_t table_end(const struct iommufd_ctx *ctx)
{
	if (ctx->env->test_cmd)
		return TEST_CMD + 1;
	return iommufd_is_7_2(ctx) ? IOMMUFD_CMD_HW_QUEUE_ALLOC + 1
				   : IOMMUFD_CMD_FAULT_QUEUE_ALLOC + 1;
}

static const struct command *command_find(const struct iommufd_ctx *ctx, uint32_t number)
{
	if (!iommufd_is_7_2(ctx) && number > IOMMUFD_CMD_FAULT_QUEUE_ALLOC)
		return NULL;
	if (number - IOMMUFD_CMD_BASE >= SIO_ARRAY_SIZE(commands))
		return NULL;
	return &commands[number - IOMMUFD_CMD_BASE];
}

static long run_command(struct iommufd_ctx *ctx, const struct caller *caller,
			const struct command *command, uint64_t arg, uint32_t size)
{
	uint64_t buffer[COMMAND_BYTES / sizeof(uint64_t)];
	struct iommufd_ucmd ucmd = {ctx, caller, arg, size, command->size, buffer};
	int rc;

	if (size < command->min)
		return -EINVAL;
	rc = iommufd_copy_struct(caller, buffer, command->size, arg, size);
	return rc ? rc : command->execute(&ucmd);
}

static long iommufd_ioctl(struct file *file, const struct caller *caller, unsigned int cmd,
			  uint64_t arg)
{
	struct iommufd_ctx *ctx = sio_container_of(file, struct iommufd_ctx, file);
	const uint32_t number = _IOC_NR(cmd);
	const struct command *command;
	uint32_t size;

	if (number < IOMMUFD_CMD_BASE || number >= table_end(ctx))
		return iommufd_vfio_ioctl(ctx, caller, cmd, arg);
	if (iommufd_copy_in(caller, &size, arg, sizeof(size)))
		return -EFAULT;
	if (cmd != _IO(IOMMUFD_TYPE, number))
		return -ENOTTY;
	if (number == TEST_CMD)
		return size < TEST_CMD_MIN ? -EINVAL : ctx->env->test_cmd(ctx, caller, arg, size);
	command = command_find(ctx, number);
	return command ? run_command(ctx, caller, command, arg, size) : -ENOTTY;
}

/* ---- the file ---- */

static int ctx_mmap(struct file *file, uint64_t offset, uint64_t len, bool shared, pa_t *pa)
{
	struct iommufd_ctx *ctx = sio_container_of(file, struct iommufd_ctx, file);

	return iommufd_is_7_2(ctx) ? iommufd_mmap(ctx, offset, len, shared, pa) : -ENODEV;
}

static void ctx_mmap_open(struct file *file, uint64_t offset)
{
	iommufd_mmap_get(sio_container_of(file, struct iommufd_ctx, file), offset);
}

static void ctx_mmap_close(struct file *file, uint64_t offset)
{
	iommufd_mmap_put(sio_container_of(file, struct iommufd_ctx, file), offset);
}

static void ctx_release(struct file *file)
{
	struct iommufd_ctx *ctx = sio_container_of(file, struct iommufd_ctx, file);
	struct iommufd_ctx **at = &ctx->env->contexts;

	iommufd_object_destroy_all(ctx);
	iommufd_mmaps_free(ctx);
	sio_assert(!ctx->groups);
	while (*at != ctx)
		at = &(*at)->next;
	*at = ctx->next;
	ctx->env->live--;
	free(ctx);
}

void iommufd_env_fini(struct iommufd_env *env)
{
	for (struct iommufd_ctx *ctx = env->contexts; ctx; ctx = ctx->next)
		iommufd_ctx_get(ctx);
	for (struct iommufd_ctx *ctx = env->contexts; ctx; ctx = ctx->next)
		iommufd_object_destroy_all(ctx);
	while (env->contexts) {
		sio_assert(env->contexts->file.refs == 1);
		iommufd_ctx_put(env->contexts);
	}
}

static const struct file_ops iommufd_file_ops = {
	.kind = "iommufd",
	.ioctl = iommufd_ioctl,
	.mmap = ctx_mmap,
	.mmap_open = ctx_mmap_open,
	.mmap_close = ctx_mmap_close,
	.mmap_noexec = true,
	.release = ctx_release,
};

static struct iommufd_ctx *ctx_create(struct iommufd_env *env, enum iopt_account account,
				      int *error)
{
	struct iommufd_ctx *ctx = NULL, **at = &env->contexts;

	*error = -ENOENT;
	if (env->iommu->personality->iommufd == IOMMUFD_NONE)
		return NULL;
	*error = -ENOMEM;
	ctx = fail_calloc("iommufd.open", 1, sizeof(*ctx));
	if (!ctx)
		return NULL;
	*error = 0;
	ctx->file = (struct file){&iommufd_file_ops, 1};
	ctx->env = env;
	ctx->iommu = env->iommu;
	ctx->account = account;
	while (*at)
		at = &(*at)->next;
	*at = ctx;
	env->live++;
	return ctx;
}

struct file *iommufd_open(struct iommufd_env *env, int *error)
{
	struct iommufd_ctx *ctx = ctx_create(env, IOPT_ACCOUNT_USER, error);

	return ctx ? &ctx->file : NULL;
}

struct file *iommufd_open_vfio(struct iommufd_env *env, int *error)
{
	struct iommufd_ctx *ctx = ctx_create(env, IOPT_ACCOUNT_MM, error);

	return ctx ? &ctx->file : NULL;
}

struct iommufd_ctx *iommufd_ctx_from_file(const struct file *file)
{
	if (file->ops != &iommufd_file_ops)
		return NULL;
	return sio_container_of(file, struct iommufd_ctx, file);
}

struct iommufd_ctx *iommufd_ctx_get(struct iommufd_ctx *ctx)
{
	file_get(&ctx->file);
	return ctx;
}

void iommufd_ctx_put(struct iommufd_ctx *ctx)
{
	file_put(&ctx->file);
}

/* ---- destructors ---- */

static void selftest_destroy(struct iommufd_object *obj)
{
	struct iommufd_selftest *self = sio_container_of(obj, struct iommufd_selftest, obj);

	self->destroy(self);
}

iommufd_destroy_fn iommufd_destructor(const struct iommufd_object *obj)
{
	static const iommufd_destroy_fn destructors[IOMMUFD_OBJ_COUNT] = {
		[IOMMUFD_OBJ_DEVICE] = iommufd_device_destroy,
		[IOMMUFD_OBJ_HWPT_PAGING] = iommufd_hwpt_paging_destroy,
		[IOMMUFD_OBJ_HWPT_NESTED] = iommufd_hwpt_nested_destroy,
		[IOMMUFD_OBJ_IOAS] = iommufd_ioas_destroy,
		[IOMMUFD_OBJ_ACCESS] = iommufd_access_destroy_object,
		[IOMMUFD_OBJ_FAULT] = iommufd_fault_destroy,
		[IOMMUFD_OBJ_VIOMMU] = iommufd_viommu_destroy,
		[IOMMUFD_OBJ_VDEVICE] = iommufd_vdevice_destroy,
		[IOMMUFD_OBJ_VEVENTQ] = iommufd_veventq_destroy,
		[IOMMUFD_OBJ_HW_QUEUE] = iommufd_hw_queue_destroy,
		[IOMMUFD_OBJ_SELFTEST] = selftest_destroy,
	};

	return destructors[obj->type];
}
