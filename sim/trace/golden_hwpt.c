// SPDX-License-Identifier: GPL-2.0-only
/*
 * Recordings: hardware page tables, their dirty pages and invalidation, and hardware information.
 */
#include "trace/golden_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "iommufd/iommufd_uapi.h"
#include "machine.h"

#define INFO_MAX     65536u
#define FILLED_BYTES 256u
#define BITMAP_MAX   (UINT64_C(1) << 24)
#define SHOWN_BYTES  8192u
#define ENTRIES_MAX  (1u << 24)

static int run_hwpt_alloc(struct golden *g)
{
	size_t len;
	uint8_t *data = golden_hex(g, "data", &len);
	struct iommu_hwpt_alloc cmd = {
		.flags = (uint32_t)golden_number(g, "flags", 0),
		.dev_id = golden_object(g, "dev", 0),
		.pt_id = golden_object(g, "pt", 0),
		.__reserved = (uint32_t)golden_number(g, "reserved", 0),
		.data_type = (uint32_t)golden_number(g, "data_type", 0),
		.data_len = (uint32_t)golden_number(g, "data_len", len),
		.data_uptr = (uintptr_t)data,
		.fault_id = golden_object(g, "fault", 0),
	};
	bool done = false;

	if (cmd.data_len > len && data)
		golden_bad(g, "%s: data_len is more than data", g->op->name);
	done = golden_run_command(g, IOMMU_HWPT_ALLOC, &cmd, sizeof(cmd));
	free(data);
	return done ? golden_made(g, cmd.out_hwpt_id) : g->rc;
}

static int run_hwpt_dirty(struct golden *g)
{
	struct iommu_hwpt_set_dirty_tracking cmd = {
		.flags = (uint32_t)golden_number(g, "flags", 0),
		.hwpt_id = golden_object_id(g, rec_bare(g->op, 1)),
		.__reserved = (uint32_t)golden_number(g, "reserved", 0),
	};

	golden_run_command(g, IOMMU_HWPT_SET_DIRTY_TRACKING, &cmd, sizeof(cmd));
	return g->rc;
}

/* Bytes of a bitmap with a bit for each page, in whole words of 64. */
static uint64_t bitmap_bytes(uint64_t size, uint64_t page_size)
{
	uint64_t pages = page_size ? size / page_size + (size % page_size != 0) : 0;

	return pages / 64 * 8 + (pages % 64 ? 8 : 0);
}

static int run_hwpt_get_dirty(struct golden *g)
{
	const char *special = rec_value(g->op, "data");
	struct iommu_hwpt_get_dirty_bitmap cmd = {
		.hwpt_id = golden_object_id(g, rec_bare(g->op, 1)),
		.flags = (uint32_t)golden_number(g, "flags", 0),
		.__reserved = (uint32_t)golden_number(g, "reserved", 0),
		.iova = golden_number(g, "iova", 0),
		.length = golden_number(g, "size", 0),
		.page_size = golden_number(g, "pgsize", SIO_PAGE_SIZE),
	};
	uint64_t fill = golden_number(g, "fill", 0);
	uint64_t shown = bitmap_bytes(cmd.length, cmd.page_size);
	uint64_t at = golden_number(g, "at", 0), room = golden_number(g, "room", shown);
	uint8_t *memory, *bitmap;
	bool done;

	if (special && strcmp(special, "bad"))
		golden_bad(g, "data: \"%.20s\" is not \"bad\"", special);
	if (shown > BITMAP_MAX)
		golden_bad(g, "%s: the bitmap is larger than 0x%llx bytes", g->op->name,
			   (unsigned long long)BITMAP_MAX);
	if (at >= SIO_PAGE_SIZE)
		golden_bad(g, "%s: at is the offset in a page", g->op->name);
	if (g->rc)
		return g->rc;
	memory = aligned_alloc(SIO_PAGE_SIZE,
			       (shown + at) / SIO_PAGE_SIZE * SIO_PAGE_SIZE + SIO_PAGE_SIZE);
	if (!memory)
		return -ENOMEM;
	bitmap = memory + at;
	if (room < shown)
		machine_fence(g->s->process, bitmap + room, shown - room);
	memset(bitmap, (int)(fill & 0xff), shown);
	cmd.data = special ? 0x1000 : (uintptr_t)bitmap;
	done = golden_run_command(g, IOMMU_HWPT_GET_DIRTY_BITMAP, &cmd, sizeof(cmd));
	machine_fence(g->s->process, NULL, 0);
	if (done && !special) {
		strbuf_add(&g->out, shown ? " bitmap=" : " bitmap=-");
		golden_put_bytes(g, bitmap, shown < SHOWN_BYTES ? shown : SHOWN_BYTES);
	}
	free(memory);
	return g->rc;
}

/* "data=", and zeros behind it as far as the entries go. */
static uint8_t *take_entries(struct golden *g, uint64_t bytes)
{
	size_t len;
	uint8_t *given = golden_hex(g, "data", &len), *entries;

	if (bytes > ENTRIES_MAX)
		golden_bad(g, "%s: entries of more than 0x%x bytes", g->op->name, ENTRIES_MAX);
	if (!given || g->rc) {
		free(given);
		return NULL;
	}
	entries = calloc(1, bytes > len ? bytes : len + 1);
	if (entries)
		memcpy(entries, given, len);
	else
		g->rc = -ENOMEM;
	free(given);
	return entries;
}

static int run_hwpt_invalidate(struct golden *g)
{
	uint64_t entry_len = golden_number(g, "entry_len", 0);
	uint64_t entry_num = golden_number(g, "entry_num", 0);
	uint8_t *data = take_entries(g, (uint32_t)entry_len * (uint64_t)(uint32_t)entry_num);
	struct iommu_hwpt_invalidate cmd = {
		.hwpt_id = golden_object_id(g, rec_bare(g->op, 1)),
		.data_uptr = data ? (uintptr_t)data : golden_pointer(g, "data_uptr", 0),
		.data_type = (uint32_t)golden_number(g, "data_type", 0),
		.entry_len = (uint32_t)entry_len,
		.entry_num = (uint32_t)entry_num,
		.__reserved = (uint32_t)golden_number(g, "reserved", 0),
	};

	golden_run_command(g, IOMMU_HWPT_INVALIDATE, &cmd, sizeof(cmd));
	strbuf_add(&g->out, " entry_num=%u", cmd.entry_num);
	free(data);
	return g->rc;
}

/* ---- hardware information ---- */

static void put_hex(struct golden *g, const uint8_t *bytes, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		strbuf_add(&g->out, "%02x", bytes[i]);
	if (!len)
		strbuf_add(&g->out, "-");
}

/* The call with a buffer of "len=" bytes. True: it succeeded; *bytes is to be freed either way. */
static bool get_hw_info(struct golden *g, struct iommu_hw_info *cmd, uint64_t len, uint8_t **bytes)
{
	if (len > INFO_MAX)
		golden_bad(g, "%s: len is at most %u", g->op->name, INFO_MAX);
	if (g->rc)
		return false;
	*bytes = malloc(len + 1);
	if (!*bytes) {
		g->rc = -ENOMEM;
		return false;
	}
	memset(*bytes, 0xee, len < FILLED_BYTES ? len : FILLED_BYTES);
	if (len > FILLED_BYTES)
		memset(*bytes + FILLED_BYTES, 0, len - FILLED_BYTES);
	cmd->data_len = (uint32_t)len;
	cmd->data_uptr = golden_pointer(g, "data_ptr", (uintptr_t)*bytes);
	return golden_run_command(g, IOMMU_GET_HW_INFO, cmd, sizeof(*cmd));
}

static int run_hw_info(struct golden *g)
{
	uint64_t len = golden_number(g, "len", 64);
	struct iommu_hw_info cmd = {
		.flags = (uint32_t)golden_number(g, "flags", 0),
		.dev_id = golden_object(g, "dev", 0),
	};
	uint8_t *bytes = NULL;

	if (get_hw_info(g, &cmd, len, &bytes)) {
		strbuf_add(&g->out, " type=%u len=%u caps=0x%llx data=", cmd.out_data_type,
			   cmd.data_len, cmd.out_capabilities);
		put_hex(g, bytes, cmd.data_len < len ? cmd.data_len : (uint32_t)len);
	}
	free(bytes);
	return g->rc;
}

static int run_hw_info_ex(struct golden *g)
{
	uint64_t len = golden_number(g, "len", 64);
	struct iommu_hw_info cmd = {
		.flags = (uint32_t)golden_number(g, "flags", 0),
		.dev_id = golden_object(g, "dev", 0),
		.in_data_type = (uint32_t)golden_number(g, "type", 0),
	};
	uint8_t *bytes = NULL;

	cmd.__reserved[0] = (uint8_t)golden_number(g, "reserved", 0);
	if (get_hw_info(g, &cmd, len, &bytes)) {
		strbuf_add(&g->out,
			   " type=0x%x len=%u pasid_log2=%u caps=0x%llx data=", cmd.out_data_type,
			   cmd.data_len, cmd.out_max_pasid_log2, cmd.out_capabilities);
		put_hex(g, bytes, (uint32_t)len);
	}
	free(bytes);
	return g->rc;
}

const struct golden_word golden_hwpt_words[] = {
	{"hwpt_alloc", run_hwpt_alloc, 2, 2,
	 "dev pt flags data_type data data_len fault reserved argsz tail ro"},
	{"hwpt_dirty", run_hwpt_dirty, 2, 2, "flags reserved argsz tail ro"},
	{"hwpt_get_dirty", run_hwpt_get_dirty, 2, 2,
	 "iova size pgsize flags fill data at room reserved argsz tail ro"},
	{"hwpt_invalidate", run_hwpt_invalidate, 2, 2,
	 "data_type entry_len entry_num data data_uptr reserved argsz tail ro"},
	{"hw_info", run_hw_info, 1, 1, "dev len flags argsz tail ro"},
	{"hw_info_ex", run_hw_info_ex, 1, 1, "dev len flags type reserved data_ptr argsz tail ro"},
	{NULL, NULL, 0, 0, NULL},
};
