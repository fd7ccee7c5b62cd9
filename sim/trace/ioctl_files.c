// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a dump of ioctls does not show: opens, closes, and the memory behind user addresses.
 *
 * Files: a descriptor is opened at its first use. A successful UNSET_CONTAINER means that the
 * group's device files were closed before it; the group is closed after it, and the container too
 * when that was its last group (hot unplug). A descriptor number that comes back as another file
 * was closed meanwhile, and so was a device node that is bound once more. All else stays open to
 * the end, as in a program that exits.
 *
 * Memory: a MAP_DMA (or an IOAS_MAP, which fails then) maps a BAR if it is read-write, its user
 * address is in no area known as memory, and its IOVA range is exactly a naturally aligned BAR of
 * an open device, or begins or ends at such a block's border where the BAR holds an MSI-X table. A
 * BAR of the same size as others is told apart by its user address; devices and BARs are taken in
 * order of appearance. Everything else is memory.
 */
#include "trace/ioctl_dump.h"

#include <errno.h>
#include <linux/vfio.h>
#include <stdlib.h>
#include <string.h>

#include "iommufd/iommufd_uapi.h"

/* No device is found below; BARs of a guest are not put there. */
#define BAR_LOWEST UINT64_C(0x100000)

static const char container_path[] = "/dev/vfio/vfio";
static const char group_prefix[] = "/dev/vfio/";
static const char node_prefix[] = "/dev/vfio/devices/vfio";
static const char device_path[] = "anon_inode:[vfio-device]";
static const char iommufd_path[] = "/dev/iommu";

static struct dump_file new_file(enum dump_kind kind, int recorded_fd)
{
	return (struct dump_file){
		.kind = kind,
		.recorded_fd = recorded_fd,
		.fd = -1,
		.parent = DUMP_NONE,
		.close_before = DUMP_NONE,
		.close_after = DUMP_NONE,
	};
}

static bool classify(const struct dump_line *line, struct dump_file *file)
{
	const char *number = line->path;
	uint64_t group;

	*file = new_file(DUMP_GROUP, line->recorded_fd);
	if (!strcmp(line->path, container_path)) {
		file->kind = DUMP_CONTAINER;
		return true;
	}
	if (!strcmp(line->path, device_path)) {
		file->kind = DUMP_DEVICE;
		return true;
	}
	if (!strcmp(line->path, iommufd_path)) {
		file->kind = DUMP_IOMMUFD;
		return true;
	}
	file->node = text_take(&number, node_prefix);
	if (!file->node && !text_take(&number, group_prefix))
		return false;
	if (!text_number(number, &group) || group > INT32_MAX)
		return false;
	file->kind = file->node ? DUMP_DEVICE : DUMP_GROUP;
	/* Nothing in a dump says which device it is: the node's own name stands for it. */
	file->device = file->node ? number - strlen("vfio") : NULL;
	file->group = (uint32_t)group;
	return true;
}

static uint32_t add_file(struct dump *dump, const struct dump_file *file)
{
	if (dump->files == dump->file_room) {
		uint32_t room = dump->file_room ? dump->file_room * 2 : 16;
		struct dump_file *all = realloc(dump->file, room * sizeof(*all));

		if (!all)
			return DUMP_NONE;
		dump->file = all;
		dump->file_room = room;
	}
	dump->file[dump->files] = *file;
	return dump->files++;
}

static bool is_open(const struct dump_file *file)
{
	return file->close_before == DUMP_NONE && file->close_after == DUMP_NONE;
}

/* The open file under a recorded descriptor number. */
static uint32_t open_file(const struct dump *dump, int recorded_fd)
{
	for (uint32_t i = dump->files; i-- > 0;)
		if (dump->file[i].recorded_fd == recorded_fd && is_open(&dump->file[i]))
			return i;
	return DUMP_NONE;
}

static void close_before(struct dump *dump, uint32_t file, uint32_t line)
{
	dump->file[file].close_before = line;
	dump->line[line].closes = true;
}

/* The name that the first GET_DEVICE_FD on this group asks for. */
static const char *group_device(const struct dump *dump, const char *path)
{
	for (uint32_t i = 0; i < dump->lines; i++) {
		const struct dump_line *line = &dump->line[i];

		if (line->request == VFIO_GROUP_GET_DEVICE_FD && !strcmp(line->path, path) &&
		    line->in_len && memchr(line->in, '\0', line->in_len))
			return (const char *)line->in;
	}
	return NULL;
}

static int resolve_file(struct dump *dump, struct session *s, uint32_t i)
{
	struct dump_line *line = &dump->line[i];
	struct dump_file file;
	uint32_t old = open_file(dump, line->recorded_fd);

	if (!classify(line, &file))
		return session_error(s, line->line, "\"%.80s\" is no file of VFIO", line->path);
	if (old != DUMP_NONE) {
		const struct dump_file *known = &dump->file[old];

		line->file = old;
		if (known->kind == file.kind &&
		    (file.kind != DUMP_GROUP || known->group == file.group) &&
		    (!file.node || (known->node && known->group == file.group)))
			return 0;
		close_before(dump, old, i);
	}
	if (file.kind == DUMP_DEVICE && !file.node)
		return session_error(s, line->line,
				     "descriptor %d is a device that no GET_DEVICE_FD gave",
				     line->recorded_fd);
	if (file.kind == DUMP_GROUP)
		file.device = group_device(dump, line->path);
	line->file = add_file(dump, &file);
	return line->file == DUMP_NONE ? -ENOMEM : 0;
}

static int resolve_device_fd(struct dump *dump, struct session *s, uint32_t i)
{
	struct dump_line *line = &dump->line[i];
	struct dump_file file = new_file(DUMP_DEVICE, (int)line->ret);
	uint32_t old;

	if (!line->in_len || !memchr(line->in, '\0', line->in_len))
		return session_error(s, line->line, "GET_DEVICE_FD: the name has no end");
	if (line->ret < 0)
		return 0;
	file.parent = line->file;
	file.device = (const char *)line->in;
	old = open_file(dump, (int)line->ret);
	if (old != DUMP_NONE)
		close_before(dump, old, i);
	line->other = add_file(dump, &file);
	return line->other == DUMP_NONE ? -ENOMEM : 0;
}

static int resolve_set_container(struct dump *dump, uint32_t i)
{
	struct dump_line *line = &dump->line[i];
	int recorded = (int)dump_u32(line->in, line->in_len, 0);
	struct dump_file container = new_file(DUMP_CONTAINER, recorded);

	if (line->in_len < sizeof(int) || recorded < 0)
		return 0;
	line->other = open_file(dump, recorded);
	/* A container that no call was made on yet. */
	if (line->other == DUMP_NONE && !line->err)
		line->other = add_file(dump, &container);
	if (line->other == DUMP_NONE)
		return line->err ? 0 : -ENOMEM;
	if (!line->err && dump->file[line->other].kind == DUMP_CONTAINER) {
		dump->file[line->file].parent = line->other;
		dump->file[line->other].groups++;
	}
	return 0;
}

/* BIND may be the first that is heard of the iommufd, and the end of another file of the node. */
static int resolve_bind(struct dump *dump, uint32_t i)
{
	struct dump_line *line = &dump->line[i];
	int recorded = (int)dump_u32(line->in, line->in_len, 8);
	struct dump_file iommufd = new_file(DUMP_IOMMUFD, recorded);

	if (line->in_len < 12 || recorded < 0)
		return 0;
	line->other = open_file(dump, recorded);
	if (line->err)
		return 0;
	if (line->other == DUMP_NONE)
		line->other = add_file(dump, &iommufd);
	for (uint32_t f = 0; f < dump->files; f++)
		if (f != line->file && dump->file[f].node && is_open(&dump->file[f]) &&
		    dump->file[f].group == dump->file[line->file].group)
			close_before(dump, f, i);
	return line->other == DUMP_NONE ? -ENOMEM : 0;
}

static void resolve_unset_container(struct dump *dump, uint32_t i)
{
	struct dump_line *line = &dump->line[i];
	struct dump_file *group = &dump->file[line->file], *container;

	if (line->err)
		return;
	for (uint32_t f = 0; f < dump->files; f++)
		if (dump->file[f].kind == DUMP_DEVICE && dump->file[f].parent == line->file &&
		    is_open(&dump->file[f]))
			close_before(dump, f, i);
	group->close_after = i;
	line->closes = true;
	if (group->parent == DUMP_NONE)
		return;
	container = &dump->file[group->parent];
	if (container->groups && !--container->groups)
		container->close_after = i;
}

static void resolve_region(struct dump *dump, const struct dump_line *line)
{
	struct dump_file *device = &dump->file[line->file];
	uint32_t flags = dump_u32(line->out, line->out_len, 4);
	uint32_t index = dump_u32(line->out, line->out_len, 8);

	if (device->kind != DUMP_DEVICE || line->err || index >= DUMP_BARS ||
	    !(flags & VFIO_REGION_INFO_FLAG_MMAP))
		return;
	device->bar[index].size = dump_u64(line->out, line->out_len, 16);
	device->bar[index].in_parts = (flags & VFIO_REGION_INFO_FLAG_CAPS) != 0;
}

/* How the range lies in a BAR-sized block: its offset there; false: not as a BAR would be mapped.
 */
static bool fits_bar(const struct dump_bar *bar, uint64_t iova, uint64_t size, uint64_t *offset)
{
	if (!bar->size || (bar->size & (bar->size - 1)) || size > bar->size || iova < BAR_LOWEST)
		return false;
	*offset = iova & (bar->size - 1);
	if (size == bar->size)
		return !*offset;
	return bar->in_parts && size <= bar->size - *offset &&
	       (!*offset || *offset + size == bar->size);
}

static bool bind_bar(struct dump *dump, struct dump_line *line, uint64_t vaddr, uint64_t iova,
		     uint64_t size)
{
	for (unsigned pass = 0; pass < 2; pass++)
		for (uint32_t f = 0; f < dump->files; f++)
			for (unsigned b = 0; b < DUMP_BARS; b++) {
				struct dump_bar *bar = &dump->file[f].bar[b];
				uint64_t offset;

				if (!is_open(&dump->file[f]) || !fits_bar(bar, iova, size, &offset))
					continue;
				/* First look for the BAR that is known to lie there. */
				if (pass ? bar->vaddr != 0 : bar->vaddr != vaddr - offset)
					continue;
				bar->vaddr = vaddr - offset;
				line->bar_file = f;
				line->bar = b;
				return true;
			}
	return false;
}

static int resolve_map(struct dump *dump, struct dump_line *line)
{
	const bool ioas = dump->file[line->file].kind == DUMP_IOMMUFD;
	const uint32_t rw = ioas ? IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE
				 : VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE;
	uint32_t flags = dump_u32(line->in, line->in_len, 4);
	uint64_t vaddr = dump_u64(line->in, line->in_len, ioas ? 16 : 8);
	uint64_t iova = dump_u64(line->in, line->in_len, ioas ? 32 : 16);
	uint64_t size = dump_u64(line->in, line->in_len, 24);

	if (!area_possible(vaddr, size))
		return 0;
	/* iommufd takes no memory of a device. */
	if (line->err) {
		if (ioas && line->err == EFAULT && (flags & rw) == rw &&
		    !areas_touch(&dump->areas, vaddr, size))
			bind_bar(dump, line, vaddr, iova, size);
		return 0;
	}
	if (!ioas && flags == rw && !areas_touch(&dump->areas, vaddr, size) &&
	    bind_bar(dump, line, vaddr, iova, size))
		return 0;
	return areas_add(&dump->areas, vaddr, size) ? 0 : -ENOMEM;
}

static int resolve_line(struct dump *dump, struct session *s, uint32_t i)
{
	struct dump_line *line = &dump->line[i];
	int rc = resolve_file(dump, s, i);
	enum dump_kind kind;

	if (rc)
		return rc;
	kind = dump->file[line->file].kind;
	if (kind == DUMP_GROUP && line->request == VFIO_GROUP_GET_DEVICE_FD)
		return resolve_device_fd(dump, s, i);
	if (kind == DUMP_GROUP && line->request == VFIO_GROUP_SET_CONTAINER)
		return resolve_set_container(dump, i);
	if (kind == DUMP_GROUP && line->request == VFIO_GROUP_UNSET_CONTAINER)
		resolve_unset_container(dump, i);
	if (kind == DUMP_DEVICE && line->request == VFIO_DEVICE_GET_REGION_INFO)
		resolve_region(dump, line);
	if (kind == DUMP_CONTAINER && line->request == VFIO_IOMMU_MAP_DMA)
		return resolve_map(dump, line);
	if (kind == DUMP_IOMMUFD && line->request == IOMMU_IOAS_MAP)
		return resolve_map(dump, line);
	if (kind == DUMP_DEVICE && line->request == dump_bind)
		return resolve_bind(dump, i);
	return kind == DUMP_IOMMUFD ? dump_iommufd_check(line, s) : 0;
}

int dump_resolve(struct dump *dump, struct session *s)
{
	int rc = 0;

	for (uint32_t i = 0; i < dump->lines && !rc; i++)
		rc = resolve_line(dump, s, i);
	return rc;
}
