// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls of a replay as lines of a recording: see transcript.h.
 *
 * Invariant: a file that a line names was opened by a line; memory that a line names is the n-th
 * buffer of the recording, at the address that a replay gives the n-th.
 */
#include "corpus/transcript.h"

#include "machine.h"
#include "trace/author.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/vfio.h>
#include <stdlib.h>
#include <string.h>

#define FILES   256u
#define REGIONS 256u
#define BUFFERS 512u
#define SPACING UINT64_C(0x1000000000)
#define USUAL   UINT64_C(0x200000)

enum kind { OTHER, CONTAINER, GROUP, DEVICE };

struct open_file {
	enum kind kind;
	unsigned number; /* in its name */
};

struct region {
	int fd;
	uint32_t index;
	uint64_t offset, size;
};

struct buffer {
	uint64_t address, size; /* size 0: gone */
};

struct transcript {
	struct strbuf lines;
	char kernel[128];
	struct open_file file[FILES]; /* by descriptor */
	struct region region[REGIONS];
	unsigned regions;
	struct buffer buffer[BUFFERS]; /* b1, b2, ... */
	unsigned buffers, containers, groups, devices;
	char device[32][16]; /* addresses of those that have a name */
	unsigned names;
	const char *refused;
	char kept[512]; /* the structure before the call */
};

static const char letter[] = {[CONTAINER] = 'c', [GROUP] = 'g', [DEVICE] = 'f'};

static struct open_file *file_of(struct transcript *t, int fd)
{
	return fd >= 0 && fd < (int)FILES ? &t->file[fd] : NULL;
}

/* The first reason is the cause of the others. */
static void refuse(struct transcript *t, const char *why)
{
	if (!t->refused)
		t->refused = why;
}

static void add_file(struct transcript *t, long fd, enum kind kind, unsigned number)
{
	if (fd >= (long)FILES)
		refuse(t, "more open files than are followed");
	else if (fd >= 0)
		t->file[fd] = (struct open_file){kind, number};
}

/* The name of a device, which a line gives it when it is first needed. */
static unsigned name_device(struct transcript *t, const char *bdf)
{
	for (unsigned i = 0; i < t->names; i++)
		if (!strcmp(t->device[i], bdf))
			return i;
	if (t->names == SIO_ARRAY_SIZE(t->device)) {
		refuse(t, "more devices than are followed");
		return 0;
	}
	snprintf(t->device[t->names], sizeof(t->device[0]), "%.15s", bdf);
	strbuf_add(&t->lines, "device d%u %s\n", t->names, bdf);
	return t->names++;
}

/* ---- memory ---- */

static void add_buffer(struct transcript *t, uint64_t address, uint64_t size)
{
	if (t->buffers == BUFFERS || size > SPACING - 2 * USUAL)
		refuse(t, "more memory than a recording's buffers have");
	else
		t->buffer[t->buffers++] = (struct buffer){address, size};
}

/* The newest that has the address; 0: none. */
static unsigned buffer_at(const struct transcript *t, uint64_t address)
{
	for (unsigned i = t->buffers; i-- > 0;)
		if (address >= t->buffer[i].address &&
		    address - t->buffer[i].address < t->buffer[i].size)
			return i + 1;
	return 0;
}

static void note_mmap(struct transcript *t, const struct machine_call *call)
{
	const struct mm_map_req *req = (const struct mm_map_req *)(uintptr_t)call->arg;
	const struct sio_file_map *map = (const struct sio_file_map *)(uintptr_t)call->arg;
	const struct open_file *file = file_of(t, call->fd);

	if (call->fd < 0) {
		add_buffer(t, req->va, req->len);
		strbuf_add(&t->lines, "buffer b%u size=0x%" PRIx64 " huge=1", t->buffers, req->len);
		if (req->va % USUAL)
			strbuf_add(&t->lines, " align=0x%" PRIx64, USUAL + req->va % USUAL);
		strbuf_add(&t->lines, "\n");
		return;
	}
	for (unsigned i = t->regions; i-- > 0 && file;) {
		const struct region *region = &t->region[i];

		if (region->fd != call->fd || map->offset < region->offset ||
		    map->offset - region->offset >= region->size)
			continue;
		add_buffer(t, map->address, map->size);
		strbuf_add(&t->lines,
			   "mmap_bar b%u f%u region=%u off=0x%" PRIx64 " size=0x%" PRIx64 "\n",
			   t->buffers, file->number, region->index, map->offset - region->offset,
			   map->size);
		return;
	}
	refuse(t, "memory of a file that is no BAR");
}

/* Whole buffers, or what of them lies in the range. */
static void note_munmap(struct transcript *t, uint64_t address, uint64_t size)
{
	for (unsigned i = 0; i < t->buffers; i++) {
		struct buffer *b = &t->buffer[i];
		uint64_t from = address > b->address ? address : b->address;
		uint64_t end = b->address + b->size;

		if (address + size < end)
			end = address + size;
		if (from >= end)
			continue;
		strbuf_add(&t->lines, "bufunmap b%u off=0x%" PRIx64 " size=0x%" PRIx64 "\n", i + 1,
			   from - b->address, end - from);
		if (from == b->address && end == b->address + b->size)
			b->size = 0;
	}
}

/* ---- calls on containers ---- */

static void add_memory(struct transcript *t, uint64_t vaddr)
{
	unsigned b = buffer_at(t, vaddr);

	if (b)
		strbuf_add(&t->lines, " buf=b%u off=0x%" PRIx64, b,
			   vaddr - t->buffer[b - 1].address);
	else
		strbuf_add(&t->lines, " vaddr=0x%" PRIx64, vaddr);
}

static void add_argsz(struct transcript *t, uint32_t argsz, size_t usual)
{
	if (argsz != usual)
		strbuf_add(&t->lines, " argsz=%u", argsz);
}

static void note_map(struct transcript *t, unsigned c)
{
	struct vfio_iommu_type1_dma_map map;

	memcpy(&map, t->kept, sizeof(map));
	strbuf_add(&t->lines, "%s c%u iova=0x%llx", buffer_at(t, map.vaddr) ? "map" : "map_raw", c,
		   map.iova);
	add_memory(t, map.vaddr);
	strbuf_add(&t->lines, " size=0x%llx flags=%u", map.size, map.flags);
	add_argsz(t, map.argsz, sizeof(map));
	strbuf_add(&t->lines, "\n");
}

static void note_unmap(struct transcript *t, unsigned c)
{
	struct vfio_iommu_type1_dma_unmap unmap;
	struct vfio_bitmap bitmap;
	bool with_bitmap;

	memcpy(&unmap, t->kept, sizeof(unmap));
	memcpy(&bitmap, t->kept + sizeof(unmap), sizeof(bitmap));
	with_bitmap = unmap.flags & VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP &&
		      unmap.argsz >= sizeof(unmap) + sizeof(bitmap);
	strbuf_add(&t->lines, "unmap c%u iova=0x%llx size=0x%llx", c, unmap.iova, unmap.size);
	if (unmap.flags)
		strbuf_add(&t->lines, " flags=%u", unmap.flags);
	if (with_bitmap)
		strbuf_add(&t->lines, " pgsize=%llu bitmap_size=%llu", bitmap.pgsize, bitmap.size);
	add_argsz(t, unmap.argsz, sizeof(unmap) + (with_bitmap ? sizeof(bitmap) : 0));
	strbuf_add(&t->lines, "\n");
}

static void note_dirty(struct transcript *t, unsigned c)
{
	struct {
		uint32_t argsz, flags; /* struct vfio_iommu_type1_dirty_bitmap */
		struct vfio_iommu_type1_dirty_bitmap_get get;
	} dirty;

	memcpy(&dirty, t->kept, sizeof(dirty));
	if (dirty.flags == VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP) {
		strbuf_add(&t->lines,
			   "dirty c%u get iova=0x%llx size=0x%llx pgsize=%llu bitmap_size=%llu", c,
			   dirty.get.iova, dirty.get.size, dirty.get.bitmap.pgsize,
			   dirty.get.bitmap.size);
		add_argsz(t, dirty.argsz, sizeof(dirty));
	} else {
		strbuf_add(&t->lines, "dirty c%u raw flags=%u", c, dirty.flags);
		add_argsz(t, dirty.argsz, 2 * sizeof(uint32_t));
	}
	strbuf_add(&t->lines, "\n");
}

static void note_container(struct transcript *t, const struct machine_call *call, unsigned c)
{
	uint32_t argsz;

	memcpy(&argsz, t->kept, sizeof(argsz));
	switch (call->request) {
	case VFIO_GET_API_VERSION:
		strbuf_add(&t->lines, "api_version c%u\n", c);
		break;
	case VFIO_CHECK_EXTENSION:
		strbuf_add(&t->lines, "check_extension c%u %" PRIu64 "\n", c, call->arg);
		break;
	case VFIO_SET_IOMMU:
		strbuf_add(&t->lines, "set_iommu c%u %" PRIu64 "\n", c, call->arg);
		break;
	case VFIO_IOMMU_GET_INFO:
		strbuf_add(&t->lines, "info c%u argsz=%u\n", c, argsz);
		break;
	case VFIO_IOMMU_MAP_DMA:
		note_map(t, c);
		break;
	case VFIO_IOMMU_UNMAP_DMA:
		note_unmap(t, c);
		break;
	case VFIO_IOMMU_DIRTY_PAGES:
		note_dirty(t, c);
		break;
	default:
		strbuf_add(&t->lines, "ioctl c%u cmd=%lu\n", c, call->request);
	}
}

/* ---- calls on groups and devices ---- */

static void note_group(struct transcript *t, const struct machine_call *call, unsigned g, long rc)
{
	const struct open_file *container;
	unsigned device;
	int fd;

	switch (call->request) {
	case VFIO_GROUP_GET_STATUS:
		strbuf_add(&t->lines, "group_status g%u\n", g);
		break;
	case VFIO_GROUP_SET_CONTAINER:
		memcpy(&fd, t->kept, sizeof(fd));
		container = file_of(t, fd);
		if (container && container->kind == CONTAINER)
			strbuf_add(&t->lines, "set_container g%u c%u\n", g, container->number);
		else
			strbuf_add(&t->lines, "set_container g%u -1\n", g);
		break;
	case VFIO_GROUP_UNSET_CONTAINER:
		strbuf_add(&t->lines, "unset_container g%u\n", g);
		break;
	case VFIO_GROUP_GET_DEVICE_FD:
		device = name_device(t, t->kept);
		strbuf_add(&t->lines, "get_device f%u g%u d%u\n", t->devices, g, device);
		add_file(t, rc, DEVICE, t->devices++);
		break;
	}
}

static void note_device(struct transcript *t, const struct machine_call *call, unsigned f, long rc)
{
	struct vfio_region_info info;

	if (call->request == VFIO_DEVICE_GET_INFO) {
		strbuf_add(&t->lines, "device_info f%u\n", f);
	} else if (call->request == VFIO_DEVICE_RESET) {
		strbuf_add(&t->lines, "reset f%u\n", f);
	} else if (call->request == VFIO_DEVICE_GET_REGION_INFO && rc >= 0 &&
		   t->regions < REGIONS) {
		memcpy(&info, (const void *)(uintptr_t)call->arg, sizeof(info));
		t->region[t->regions++] =
			(struct region){call->fd, info.index, info.offset, info.size};
	}
}

/* ---- all calls ---- */

static void note_open(struct transcript *t, const struct machine_call *call, long rc)
{
	struct sio_machine *machine = call->process->machine;
	const char *path = call->more;
	uint64_t number;

	if (!strcmp(path, "/dev/vfio/vfio")) {
		strbuf_add(&t->lines, "container c%u\n", t->containers);
		add_file(t, rc, CONTAINER, t->containers++);
		return;
	}
	if (!text_take(&path, "/dev/vfio/") || !text_number(path, &number)) {
		refuse(t, "only runs with type1 containers become recordings");
		return;
	}
	for (unsigned i = 0; i < machine->device_count; i++) {
		struct sio_device *device = &machine->device[i];
		unsigned name;

		if (sio_device_group(device) != (int)number)
			continue;
		name = name_device(t, sio_device_bdf(device));
		strbuf_add(&t->lines, "group g%u d%u\n", t->groups, name);
		add_file(t, rc, GROUP, t->groups++);
		return;
	}
}

static void note_ioctl(struct transcript *t, const struct machine_call *call, long rc)
{
	const struct open_file *file = file_of(t, call->fd);

	if (!file)
		return;
	if (file->kind == CONTAINER)
		note_container(t, call, file->number);
	else if (file->kind == GROUP)
		note_group(t, call, file->number, rc);
	else if (file->kind == DEVICE)
		note_device(t, call, file->number, rc);
}

static void forget_regions(struct transcript *t, int fd)
{
	for (unsigned i = t->regions; i-- > 0;)
		if (t->region[i].fd == fd)
			t->region[i] = t->region[--t->regions];
}

static void note(struct transcript *t, const struct machine_call *call, long rc)
{
	struct open_file *file;

	if (!strcmp(call->name, "open")) {
		note_open(t, call, rc);
	} else if (!strcmp(call->name, "ioctl")) {
		note_ioctl(t, call, rc);
	} else if (!strcmp(call->name, "mmap") && rc >= 0) {
		note_mmap(t, call);
	} else if (!strcmp(call->name, "munmap") && rc >= 0) {
		note_munmap(t, call->arg, call->len);
	} else if (!strcmp(call->name, "close")) {
		file = file_of(t, call->fd);
		if (file && file->kind != OTHER)
			strbuf_add(&t->lines, "close %c%u\n", letter[file->kind], file->number);
		if (file)
			file->kind = OTHER;
		forget_regions(t, call->fd);
	}
}

/* The structure as the client gave it: by value or shorter ones are told apart by the request. */
static void keep(struct transcript *t, const struct machine_call *call)
{
	const struct open_file *file = file_of(t, call->fd);
	uint32_t argsz;

	memset(t->kept, 0, sizeof(t->kept));
	if (!file || !call->arg || file->kind == OTHER || file->kind == DEVICE)
		return;
	if (call->request == VFIO_GROUP_SET_CONTAINER) {
		memcpy(t->kept, (const void *)(uintptr_t)call->arg, sizeof(int));
	} else if (call->request == VFIO_GROUP_GET_DEVICE_FD) {
		snprintf(t->kept, sizeof(t->kept), "%s", (const char *)(uintptr_t)call->arg);
	} else if (call->request == VFIO_IOMMU_GET_INFO || call->request == VFIO_IOMMU_MAP_DMA ||
		   call->request == VFIO_IOMMU_UNMAP_DMA ||
		   call->request == VFIO_IOMMU_DIRTY_PAGES) {
		/* The replay's own buffers are larger than any of these structures. */
		memcpy(&argsz, (const void *)(uintptr_t)call->arg, sizeof(argsz));
		memcpy(t->kept, (const void *)(uintptr_t)call->arg,
		       argsz < 64 ? argsz < 4 ? 4 : argsz : 64);
	}
}

static long tap(void *ctx, const struct machine_call *call)
{
	struct transcript *t = ctx;
	bool ioctl = !strcmp(call->name, "ioctl");
	long rc;

	if (!t->kernel[0])
		snprintf(t->kernel, sizeof(t->kernel), "%s",
			 call->process->machine->personality.name);
	if (ioctl)
		keep(t, call);
	rc = machine_call_once(call);
	note(t, call, rc);
	return rc;
}

/* ---- the recording ---- */

static int answer_all(const struct transcript *t, struct author *author, char *error,
		      size_t error_len)
{
	struct text_file file;
	const char *path = "transcript";
	int rc =
		text_file_copy(&file, path, strbuf_text(&t->lines), t->lines.len, error, error_len);

	for (unsigned i = 0; i < file.lines && !rc; i++)
		rc = author_line(author, file.line[i], NULL);
	text_file_fini(&file);
	return rc;
}

static int make(const struct transcript *t, const char *path, const char *platform,
		struct strbuf *out, char *error, size_t error_len)
{
	const struct author_cfg cfg = {.name = path,
				       .kernel = t->kernel,
				       .platform = platform,
				       .container = "type1"};
	struct author *author;
	const char *text;
	size_t len;
	int rc = author_create(&author, &cfg, error, error_len);

	if (rc)
		return rc;
	rc = answer_all(t, author, error, error_len);
	text = author_text(author, &len);
	if (!rc && text)
		strbuf_add(out, "%s", text);
	author_destroy(author);
	return rc ? rc : !text || out->failed ? -ENOMEM : 0;
}

int transcript_make(const char *path, const struct replay_cfg *cfg, struct strbuf *out, char *error,
		    size_t error_len)
{
	struct transcript *t = calloc(1, sizeof(*t));
	struct replay_cfg tapped = *cfg;
	struct replay_result result;
	char platform[64];
	int rc;

	if (!t)
		return -ENOMEM;
	tapped.tap = &(struct machine_tap){tap, t};
	rc = replay_file(path, &tapped, &result, error, error_len);
	if (!rc) {
		result.machine->tap = NULL;
		snprintf(platform, sizeof(platform), "%s",
			 cfg->platform ? cfg->platform : result.machine->platform->name);
		replay_result_fini(&result);
		rc = t->refused ? text_error(error, error_len, path, 0, "%s", t->refused)
				: make(t, path, platform, out, error, error_len);
	}
	strbuf_fini(&t->lines);
	free(t);
	return rc;
}
