// SPDX-License-Identifier: GPL-2.0-only
/*
 * Recordings: an iommufd, its address spaces and what is mapped in them.
 *
 * Every operation names the file first. Lengths that the kernel writes back are shown whether the
 * call succeeded or not, as the caller would see them.
 */
#include "trace/golden_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "iommufd/iommufd_uapi.h"

#define RANGES_MAX 65536u

static int run_iommufd(struct golden *g)
{
	int fd = sio_open(g->s->process, "/dev/iommu");

	golden_answer(g, fd < 0 ? -errno : 0);
	return fd < 0 ? 0 : golden_bind_fd(g, rec_bare(g->op, 0), fd);
}

static int run_destroy(struct golden *g)
{
	struct iommu_destroy cmd = {.id = golden_object_id(g, rec_bare(g->op, 1))};

	golden_run_command(g, IOMMU_DESTROY, &cmd, sizeof(cmd));
	return g->rc;
}

static int run_ioas_alloc(struct golden *g)
{
	struct iommu_ioas_alloc cmd = {.flags = (uint32_t)golden_number(g, "flags", 0)};

	if (!golden_run_command(g, IOMMU_IOAS_ALLOC, &cmd, sizeof(cmd)))
		return g->rc;
	return golden_made(g, cmd.out_ioas_id);
}

static uint32_t take_map_flags(struct golden *g)
{
	return (uint32_t)golden_number(g, "flags",
				       IOMMU_IOAS_MAP_WRITEABLE | IOMMU_IOAS_MAP_READABLE);
}

/* "buf= off=" or "vaddr="; a buffer that was never made lies at address 0. */
static uint64_t take_user_va(struct golden *g)
{
	const char *name = rec_value(g->op, "buf");
	const struct golden_name *buffer = name ? golden_find(g, GOLDEN_BUFFER, name) : NULL;

	if (!name)
		return golden_number(g, "vaddr", 0);
	return (buffer ? buffer->buffer.address : 0) + golden_number(g, "off", 0);
}

static int run_ioas_map(struct golden *g)
{
	struct iommu_ioas_map cmd = {
		.flags = take_map_flags(g),
		.ioas_id = golden_object_id(g, rec_bare(g->op, 1)),
		.__reserved = (uint32_t)golden_number(g, "reserved", 0),
		.user_va = take_user_va(g),
		.length = golden_number(g, "size", 0),
		.iova = golden_number(g, "iova", 0),
	};

	if (golden_run_command(g, IOMMU_IOAS_MAP, &cmd, sizeof(cmd)))
		strbuf_add(&g->out, " iova=0x%llx", cmd.iova);
	return g->rc;
}

static int run_ioas_map_file(struct golden *g)
{
	const char *file = rec_value(g->op, "file");
	struct iommu_ioas_map_file cmd = {
		.flags = take_map_flags(g),
		.ioas_id = golden_object_id(g, rec_bare(g->op, 1)),
		.fd = file ? golden_fd(g, file) : (int)golden_number(g, "fd", 0),
		.start = golden_number(g, "start", 0),
		.length = golden_number(g, "size", SIO_PAGE_SIZE),
		.iova = golden_number(g, "iova", 0),
	};

	if (golden_run_command(g, IOMMU_IOAS_MAP_FILE, &cmd, sizeof(cmd)))
		strbuf_add(&g->out, " iova=0x%llx", cmd.iova);
	return g->rc;
}

static int run_ioas_unmap(struct golden *g)
{
	struct iommu_ioas_unmap cmd = {
		.ioas_id = golden_object_id(g, rec_bare(g->op, 1)),
		.iova = golden_number(g, "iova", 0),
		.length = golden_number(g, "size", 0),
	};

	golden_run_command(g, IOMMU_IOAS_UNMAP, &cmd, sizeof(cmd));
	strbuf_add(&g->out, " length=0x%llx", cmd.length);
	return g->rc;
}

static int run_ioas_copy(struct golden *g)
{
	struct iommu_ioas_copy cmd = {
		.flags = take_map_flags(g),
		.dst_ioas_id = golden_object_id(g, rec_bare(g->op, 1)),
		.src_ioas_id = golden_object_id(g, rec_bare(g->op, 2)),
		.length = golden_number(g, "length", 0),
		.dst_iova = golden_number(g, "dst_iova", 0),
		.src_iova = golden_number(g, "src_iova", 0),
	};

	if (golden_run_command(g, IOMMU_IOAS_COPY, &cmd, sizeof(cmd)))
		strbuf_add(&g->out, " dst_iova=0x%llx", cmd.dst_iova);
	return g->rc;
}

static int run_ioas_iova_ranges(struct golden *g)
{
	uint64_t num = golden_number(g, "num", 8);
	struct iommu_ioas_iova_ranges cmd = {
		.ioas_id = golden_object_id(g, rec_bare(g->op, 1)),
		.num_iovas = (uint32_t)num,
		.__reserved = (uint32_t)golden_number(g, "reserved", 0),
	};
	struct iommu_iova_range *ranges;
	bool done;

	if (num > RANGES_MAX)
		golden_bad(g, "%s: num is at most %u", g->op->name, RANGES_MAX);
	if (g->rc)
		return g->rc;
	ranges = calloc(num + 1, sizeof(*ranges));
	if (!ranges)
		return -ENOMEM;
	cmd.allowed_iovas = (uintptr_t)ranges;
	done = golden_run_command(g, IOMMU_IOAS_IOVA_RANGES, &cmd, sizeof(cmd));
	if (done || strstr(strbuf_text(&g->out), "errno=EMSGSIZE")) {
		strbuf_add(&g->out, " num=%u alignment=0x%llx ranges=[", cmd.num_iovas,
			   cmd.out_iova_alignment);
		for (uint32_t i = 0; i < cmd.num_iovas && i < num; i++)
			strbuf_add(&g->out, "%s0x%llx-0x%llx", i ? "," : "", ranges[i].start,
				   ranges[i].last);
		strbuf_add(&g->out, "]");
	}
	free(ranges);
	return g->rc;
}

/* "[first-last,...]" into `ranges`, which has room for one each comma; how many. */
static uint32_t take_ranges(struct golden *g, const char *text, struct iommu_iova_range *ranges)
{
	const char *at = text;
	uint32_t n = 0;
	bool good = text_take(&at, "[");

	while (good && !text_take(&at, "]")) {
		uint64_t start, last;

		good = (!n || text_take(&at, ",")) &&
		       text_take_number(&at, at[0] == '0' && at[1] == 'x' ? 16 : 10, UINT64_MAX,
					&start) &&
		       text_take(&at, "-") &&
		       text_take_number(&at, at[0] == '0' && at[1] == 'x' ? 16 : 10, UINT64_MAX,
					&last);
		if (good)
			ranges[n++] = (struct iommu_iova_range){start, last};
	}
	if (!good || *at)
		golden_bad(g, "ranges: \"%.80s\" is not [FIRST-LAST,...]", text);
	return n;
}

static int run_ioas_allow(struct golden *g)
{
	const char *text = rec_value(g->op, "ranges");
	struct iommu_ioas_allow_iovas cmd = {
		.ioas_id = golden_object_id(g, rec_bare(g->op, 1)),
		.__reserved = (uint32_t)golden_number(g, "reserved", 0),
	};
	struct iommu_iova_range *ranges = calloc(text ? strlen(text) : 1, sizeof(*ranges));

	if (!ranges)
		return -ENOMEM;
	cmd.num_iovas = text ? take_ranges(g, text, ranges) : (uint32_t)golden_need(g, "num");
	cmd.allowed_iovas = (uintptr_t)ranges;
	if (!text && cmd.num_iovas)
		golden_bad(g, "%s: num= without ranges= can only be 0", g->op->name);
	golden_run_command(g, IOMMU_IOAS_ALLOW_IOVAS, &cmd, sizeof(cmd));
	free(ranges);
	return g->rc;
}

static uint16_t take_op(struct golden *g, const char *const *names, unsigned count)
{
	const char *text = rec_value(g->op, "op");

	for (unsigned i = 0; text && i < count; i++)
		if (!strcmp(text, names[i]))
			return (uint16_t)i;
	return (uint16_t)golden_need(g, "op");
}

static int run_option(struct golden *g)
{
	static const char *const ops[] = {
		[IOMMU_OPTION_OP_SET] = "set",
		[IOMMU_OPTION_OP_GET] = "get",
	};
	struct iommu_option cmd = {
		.option_id = (uint32_t)golden_number(g, "id", 0),
		.op = take_op(g, ops, SIO_ARRAY_SIZE(ops)),
		.__reserved = (uint16_t)golden_number(g, "reserved", 0),
		.object_id = golden_object(g, "object", 0),
		.val64 = golden_number(g, "val", 0),
	};

	if (golden_run_command(g, IOMMU_OPTION, &cmd, sizeof(cmd)))
		strbuf_add(&g->out, " val=%llu", cmd.val64);
	return g->rc;
}

static int run_vfio_ioas(struct golden *g)
{
	static const char *const ops[] = {
		[IOMMU_VFIO_IOAS_GET] = "get",
		[IOMMU_VFIO_IOAS_SET] = "set",
		[IOMMU_VFIO_IOAS_CLEAR] = "clear",
	};
	struct iommu_vfio_ioas cmd = {
		.ioas_id = golden_object(g, "ioas", 0),
		.op = take_op(g, ops, SIO_ARRAY_SIZE(ops)),
		.__reserved = (uint16_t)golden_number(g, "reserved", 0),
	};
	const char *as = rec_value(g->op, "as");

	if (!golden_run_command(g, IOMMU_VFIO_IOAS, &cmd, sizeof(cmd)))
		return g->rc;
	strbuf_add(&g->out, " id=%u", cmd.ioas_id);
	return as && !golden_bind_object(g, as, "", cmd.ioas_id) ? -ENOMEM : 0;
}

static int run_change_process(struct golden *g)
{
	struct iommu_ioas_change_process cmd = {
		.__reserved = (uint32_t)golden_number(g, "reserved", 0),
	};

	golden_run_command(g, IOMMU_IOAS_CHANGE_PROCESS, &cmd, sizeof(cmd));
	return g->rc;
}

const struct golden_word golden_ioas_words[] = {
	{"iommufd", run_iommufd, 1, 1, NULL},
	{"destroy", run_destroy, 2, 2, "argsz tail ro"},
	{"ioas_alloc", run_ioas_alloc, 2, 2, "flags argsz tail ro"},
	{"ioas_map", run_ioas_map, 2, 2, "buf off vaddr size flags iova reserved argsz tail ro"},
	{"ioas_map_file", run_ioas_map_file, 2, 2, "file fd start size flags iova argsz tail ro"},
	{"ioas_unmap", run_ioas_unmap, 2, 2, "iova size argsz tail ro"},
	{"ioas_copy", run_ioas_copy, 3, 3, "flags length dst_iova src_iova argsz tail ro"},
	{"ioas_iova_ranges", run_ioas_iova_ranges, 2, 2, "num reserved argsz tail ro"},
	{"ioas_allow", run_ioas_allow, 2, 2, "ranges num reserved argsz tail ro"},
	{"option", run_option, 1, 1, "id object op val reserved argsz tail ro"},
	{"vfio_ioas", run_vfio_ioas, 1, 1, "op ioas as reserved argsz tail ro"},
	{"change_process", run_change_process, 1, 1, "reserved argsz tail ro"},
	{NULL, NULL, 0, 0, NULL},
};
