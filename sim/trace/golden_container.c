// SPDX-License-Identifier: GPL-2.0-only
/*
 * Recordings: the type1 ioctls of a container: information, map, unmap, dirty logging.
 *
 * A dirty bitmap's buffer is filled before the call and shown after it, the first bytes only. The
 * structures are those of <linux/vfio.h>; "argsz=" changes the field only, never how much memory
 * stands behind it.
 */
#include "trace/golden_priv.h"

#include <errno.h>
#include <linux/vfio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <zlib.h>

#define INFO_BYTES   8192u
#define INFO_MAX     (1u << 20)
#define FILL_SHOWN   2048u
#define FILLED_BYTES 65536u
#define SHOWN_BYTES  8192u
/* No bitmap above this size is ever written. */
#define BITMAP_MAX (UINT64_C(1) << 28)

/* ---- info ---- */

static void put_iova_ranges(struct golden *g, const uint8_t *info, uint32_t at, uint32_t room)
{
	struct vfio_iommu_type1_info_cap_iova_range cap;
	struct vfio_iova_range range;

	memcpy(&cap, info + at, sizeof(cap));
	strbuf_add(&g->out, " iova_ranges=[");
	for (uint32_t i = 0; i < cap.nr_iovas; i++) {
		uint64_t offset = at + sizeof(cap) + (uint64_t)i * sizeof(range);

		if (offset + sizeof(range) > room)
			break;
		memcpy(&range, info + offset, sizeof(range));
		strbuf_add(&g->out, "%s0x%llx-0x%llx", i ? "," : "", range.start, range.end);
	}
	strbuf_add(&g->out, "]");
}

/* The contents of one capability, as far as it lies inside the buffer. */
static void put_capability(struct golden *g, const uint8_t *info, uint32_t at, uint32_t room)
{
	struct vfio_iommu_type1_info_cap_migration migration;
	struct vfio_iommu_type1_info_dma_avail avail;
	struct vfio_info_cap_header header;

	memcpy(&header, info + at, sizeof(header));
	if (header.id == VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE &&
	    at + sizeof(struct vfio_iommu_type1_info_cap_iova_range) <= room) {
		put_iova_ranges(g, info, at, room);
	} else if (header.id == VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION &&
		   at + sizeof(migration) <= room) {
		memcpy(&migration, info + at, sizeof(migration));
		strbuf_add(&g->out, " migration=0x%llx:0x%llx", migration.pgsize_bitmap,
			   migration.max_dirty_bitmap_size);
	} else if (header.id == VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL && at + sizeof(avail) <= room) {
		memcpy(&avail, info + at, sizeof(avail));
		strbuf_add(&g->out, " dma_avail=%u", avail.avail);
	}
}

/* A chain that does not ascend would never end: it stops there. */
static uint32_t next_capability(const uint8_t *info, uint32_t at, uint32_t room)
{
	struct vfio_info_cap_header header;

	memcpy(&header, info + at, sizeof(header));
	if (header.next <= at || header.next + sizeof(header) > room)
		return 0;
	return header.next;
}

static void put_capabilities(struct golden *g, const uint8_t *info, uint32_t first, uint32_t room)
{
	struct vfio_info_cap_header header;
	uint32_t at;

	if (!first || first + sizeof(header) > room)
		return;
	strbuf_add(&g->out, " caps=[");
	for (at = first; at; at = next_capability(info, at, room)) {
		memcpy(&header, info + at, sizeof(header));
		strbuf_add(&g->out, "%s%u:%u", at == first ? "" : ",", header.id, header.version);
	}
	strbuf_add(&g->out, "]");
	for (at = first; at; at = next_capability(info, at, room))
		put_capability(g, info, at, room);
}

static int run_info(struct golden *g)
{
	uint64_t argsz = golden_number(g, "argsz", INFO_BYTES);
	uint32_t room = argsz > INFO_BYTES ? (uint32_t)argsz : INFO_BYTES;
	uint64_t fill = golden_number(g, "fill", 0);
	struct vfio_iommu_type1_info info;
	uint8_t *buf;
	long ret;

	if (argsz > INFO_MAX)
		golden_bad(g, "info: argsz is at most 0x%x", INFO_MAX);
	if (g->rc)
		return g->rc;
	buf = malloc(room);
	if (!buf)
		return -ENOMEM;
	memset(buf, (int)(fill & 0xff), room);
	((struct vfio_iommu_type1_info *)buf)->argsz = (uint32_t)argsz;
	ret = golden_ioctl(g, golden_fd(g, rec_bare(g->op, 0)), VFIO_IOMMU_GET_INFO, buf);
	golden_answer(g, ret);
	memcpy(&info, buf, sizeof(info));
	if (ret >= 0) {
		strbuf_add(&g->out, " flags=0x%x pgsizes=0x%llx argsz=%u", info.flags,
			   info.iova_pgsizes, info.argsz);
		if (argsz >= sizeof(info)) {
			strbuf_add(&g->out, " cap_offset=%u", info.cap_offset);
			put_capabilities(g, buf, info.cap_offset, room);
		}
	}
	if (rec_value(g->op, "fill"))
		strbuf_add(&g->out, " crc32=0x%08lx", crc32(crc32(0, NULL, 0), buf, FILL_SHOWN));
	free(buf);
	return 0;
}

/* ---- map ---- */

static uint32_t take_flags(struct golden *g, uint32_t absent)
{
	const char *text = rec_value(g->op, "flags");

	if (!text)
		return absent;
	if (!strcmp(text, "none"))
		return 0;
	if (!strcmp(text, "r"))
		return VFIO_DMA_MAP_FLAG_READ;
	if (!strcmp(text, "w"))
		return VFIO_DMA_MAP_FLAG_WRITE;
	if (!strcmp(text, "rw"))
		return VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE;
	return (uint32_t)golden_number(g, "flags", 0);
}

static int map(struct golden *g, uint64_t vaddr)
{
	struct vfio_iommu_type1_dma_map req = {
		.argsz = (uint32_t)golden_number(g, "argsz", sizeof(req)),
		.flags = take_flags(g, VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE),
		.vaddr = vaddr,
		.iova = golden_need(g, "iova"),
		.size = golden_need(g, "size"),
	};

	if (g->rc)
		return g->rc;
	golden_answer(g,
		      golden_ioctl(g, golden_fd(g, rec_bare(g->op, 0)), VFIO_IOMMU_MAP_DMA, &req));
	return 0;
}

static int run_map(struct golden *g)
{
	const struct golden_name *buffer = golden_buffer(g, rec_value(g->op, "buf"));

	if (!buffer)
		return g->rc;
	return map(g, buffer->buffer.address + golden_number(g, "off", 0));
}

static int run_map_raw(struct golden *g)
{
	return map(g, golden_need(g, "vaddr"));
}

/* ---- bitmaps ---- */

struct user_bitmap {
	uint8_t *mem;     /* NULL: a special address was asked for */
	uint64_t room;    /* bytes of mem */
	uint64_t shown;   /* bytes to show */
	uint64_t address; /* that the structure carries */
};

static bool special_address(struct golden *g, uint64_t *address)
{
	const char *data = rec_value(g->op, "data");

	if (!data)
		return false;
	if (!strcmp(data, "null"))
		*address = 0;
	else if (!strcmp(data, "bad"))
		*address = 0x1000;
	else if (!strcmp(data, "kernel"))
		*address = UINT64_C(0xffff888000000000);
	else
		golden_bad(g, "data: \"%.20s\" is none of null, bad, kernel", data);
	return true;
}

static int bitmap_init(struct golden *g, struct user_bitmap *bitmap)
{
	uint64_t size = golden_number(g, "bitmap_size", 0);
	uint64_t fill = golden_number(g, "fill", 0);

	*bitmap = (struct user_bitmap){0};
	if (special_address(g, &bitmap->address) || g->rc)
		return g->rc;
	bitmap->room = size < BITMAP_MAX ? size + SIO_PAGE_SIZE : BITMAP_MAX;
	bitmap->shown = size < SHOWN_BYTES ? size : SHOWN_BYTES;
	bitmap->mem = mmap(NULL, bitmap->room, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (bitmap->mem == MAP_FAILED) {
		bitmap->mem = NULL;
		return -ENOMEM;
	}
	bitmap->address = (uint64_t)(uintptr_t)bitmap->mem;
	memset(bitmap->mem, (int)(fill & 0xff), size < FILLED_BYTES ? size : FILLED_BYTES);
	return 0;
}

static void bitmap_fini(struct user_bitmap *bitmap)
{
	if (bitmap->mem)
		munmap(bitmap->mem, bitmap->room);
}

static void bitmap_put(struct golden *g, const struct user_bitmap *bitmap)
{
	if (!bitmap->mem)
		return;
	strbuf_add(&g->out, " bitmap=");
	golden_put_bytes(g, bitmap->mem, bitmap->shown);
}

/* ---- unmap, dirty ---- */

/* A bitmap's description stands behind the structure that it belongs to. */
#define UNMAP_BYTES (sizeof(struct vfio_iommu_type1_dma_unmap) + sizeof(struct vfio_bitmap))
#define DIRTY_BYTES                                     \
	(sizeof(struct vfio_iommu_type1_dirty_bitmap) + \
	 sizeof(struct vfio_iommu_type1_dirty_bitmap_get))

static int run_unmap(struct golden *g)
{
	bool with_bitmap = rec_value(g->op, "pgsize") || rec_value(g->op, "bitmap_size");
	_Alignas(uint64_t) uint8_t req[UNMAP_BYTES] = {0};
	struct vfio_iommu_type1_dma_unmap *unmap = (void *)req;
	struct vfio_bitmap *described = (void *)(req + sizeof(*unmap));
	struct user_bitmap bitmap = {0};
	int rc = with_bitmap ? bitmap_init(g, &bitmap) : 0;
	long ret;

	unmap->argsz =
		(uint32_t)golden_number(g, "argsz", with_bitmap ? sizeof(req) : sizeof(*unmap));
	unmap->flags = (uint32_t)golden_number(g, "flags", 0);
	unmap->iova = golden_need(g, "iova");
	unmap->size = golden_need(g, "size");
	described->pgsize = golden_number(g, "pgsize", 0);
	described->size = golden_number(g, "bitmap_size", 0);
	described->data = (__u64 *)(uintptr_t)bitmap.address;
	if (!rc && !g->rc) {
		ret = golden_ioctl(g, golden_fd(g, rec_bare(g->op, 0)), VFIO_IOMMU_UNMAP_DMA, req);
		golden_answer(g, ret);
		strbuf_add(&g->out, " size=0x%llx", unmap->size);
		if (ret >= 0)
			bitmap_put(g, &bitmap);
	}
	bitmap_fini(&bitmap);
	return rc;
}

static int dirty_get(struct golden *g)
{
	_Alignas(uint64_t) uint8_t req[DIRTY_BYTES] = {0};
	struct vfio_iommu_type1_dirty_bitmap *dirty = (void *)req;
	struct vfio_iommu_type1_dirty_bitmap_get *get = (void *)(req + sizeof(*dirty));
	struct user_bitmap bitmap;
	int rc = bitmap_init(g, &bitmap);
	long ret;

	dirty->argsz = (uint32_t)golden_number(g, "argsz", sizeof(req));
	dirty->flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP;
	get->iova = golden_need(g, "iova");
	get->size = golden_need(g, "size");
	get->bitmap.pgsize = golden_need(g, "pgsize");
	get->bitmap.size = golden_need(g, "bitmap_size");
	get->bitmap.data = (__u64 *)(uintptr_t)bitmap.address;
	if (!rc && !g->rc) {
		ret = golden_ioctl(g, golden_fd(g, rec_bare(g->op, 0)), VFIO_IOMMU_DIRTY_PAGES,
				   req);
		golden_answer(g, ret);
		if (ret >= 0)
			bitmap_put(g, &bitmap);
	}
	bitmap_fini(&bitmap);
	return rc;
}

static int run_dirty(struct golden *g)
{
	const char *what = rec_bare(g->op, 1);
	/* A raw call may name any flags: zeros stand where a bitmap would be described. */
	_Alignas(uint64_t) uint8_t req[DIRTY_BYTES] = {0};
	struct vfio_iommu_type1_dirty_bitmap *dirty = (void *)req;

	if (what && !strcmp(what, "get"))
		return dirty_get(g);
	dirty->argsz = (uint32_t)golden_number(g, "argsz", sizeof(*dirty));
	if (!what || !strcmp(what, "raw"))
		dirty->flags = (uint32_t)golden_need(g, "flags");
	else if (!strcmp(what, "start"))
		dirty->flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_START;
	else if (!strcmp(what, "stop"))
		dirty->flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP;
	else
		golden_bad(g, "dirty: \"%.20s\" is none of start, stop, raw, get", what);
	if (g->rc)
		return g->rc;
	golden_answer(g, golden_ioctl(g, golden_fd(g, rec_bare(g->op, 0)), VFIO_IOMMU_DIRTY_PAGES,
				      req));
	return 0;
}

const struct golden_word golden_container_words[] = {
	{"info", run_info, 1, 1, "argsz fill"},
	{"map", run_map, 1, 1, "iova buf off size flags argsz"},
	{"map_raw", run_map_raw, 1, 1, "iova vaddr size flags argsz"},
	{"unmap", run_unmap, 1, 1, "iova size flags argsz pgsize bitmap_size fill data"},
	{"dirty", run_dirty, 1, 2, "flags iova size pgsize bitmap_size argsz fill data"},
	{NULL, NULL, 0, 0, NULL},
};
