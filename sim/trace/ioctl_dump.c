// SPDX-License-Identifier: GPL-2.0-only
/*
 * Replay of ioctl dumps: see ioctl_dump.h for what is compared.
 *
 * Each call gets the recorded bytes, with the recorded host's descriptors and pointers replaced by
 * ours; before the answer is compared those fields are set back to what was recorded.
 */
#include "trace/ioctl_dump.h"

#include <errno.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trace/bar_map.h"

#define BUFFER_LEAST 4096u
#define BUFFER_MOST  (1u << 20)
/* The kernel takes no larger dirty bitmap. */
#define BITMAP_MOST (UINT64_C(1) << 28)
/* Offset of vfio_bitmap.data in DIRTY_PAGES (get) and UNMAP_DMA (with a bitmap). */
#define DIRTY_POINTER 40u
#define UNMAP_POINTER 40u

struct dump_eventfd {
	int recorded, fd;
};

struct dump_run {
	struct session *s;
	struct dump dump;
	struct placement placement;
	struct dump_eventfd *eventfd;
	unsigned eventfds;
	struct strbuf text, expected, got;
};

/* ---- files ---- */

static int open_group(struct dump_run *run, struct dump_file *file, unsigned line)
{
	char name[40], path[32];
	struct sio_device *device;
	int rc;

	snprintf(name, sizeof(name), "group %u", file->group);
	device = placement_get(&run->placement, run->s, file->device ? file->device : name, line,
			       &rc);
	if (!device)
		return rc;
	snprintf(path, sizeof(path), "/dev/vfio/%d", sio_device_group(device));
	file->fd = sio_open(run->s->process, path);
	if (file->fd < 0)
		session_note(run->s, "line %u: %s: %s", line, path, strerror(errno));
	return 0;
}

static int open_node(struct dump_run *run, struct dump_file *file, unsigned line)
{
	struct sio_device *device;
	char path[48];
	int rc;

	device = placement_get(&run->placement, run->s, file->device, line, &rc);
	if (!device)
		return rc;
	snprintf(path, sizeof(path), "/dev/vfio/devices/vfio%d", sio_device_cdev(device));
	file->fd = sio_open(run->s->process, path);
	if (file->fd < 0)
		session_note(run->s, "line %u: %s: %s", line, path, strerror(errno));
	return 0;
}

static int ensure_open(struct dump_run *run, struct dump_file *file, unsigned line)
{
	if (file->fd < 0 && file->kind == DUMP_GROUP)
		return open_group(run, file, line);
	if (file->fd < 0 && file->node)
		return open_node(run, file, line);
	if (file->fd < 0 && file->kind == DUMP_CONTAINER)
		file->fd = sio_open(run->s->process, "/dev/vfio/vfio");
	if (file->fd < 0 && file->kind == DUMP_IOMMUFD)
		file->fd = sio_open(run->s->process, "/dev/iommu");
	return 0;
}

static int close_file(struct dump_run *run, struct dump_file *file)
{
	struct session *s = run->s;
	int rc = 0;

	for (unsigned b = 0; b < DUMP_BARS && !rc; b++) {
		struct dump_bar *bar = &file->bar[b];

		if (!bar->mapped)
			continue;
		bar->mapped = false;
		rc = sio_mem_unmap(s->process, bar->vaddr, bar->size);
		if (!rc)
			rc = areas_map_range(&run->dump.areas, s, bar->vaddr, bar->size);
	}
	if (file->fd >= 0)
		sio_close(s->process, file->fd);
	if (file->fd == s->container)
		s->container = -1;
	file->fd = -1;
	return rc;
}

/* Devices first, then groups, then containers: none is closed while another needs it. */
static int close_files(struct dump_run *run, uint32_t line, bool before)
{
	int rc = 0;

	if (!run->dump.line[line].closes)
		return 0;
	for (int kind = DUMP_DEVICE; kind >= DUMP_CONTAINER; kind--)
		for (uint32_t f = 0; f < run->dump.files && !rc; f++) {
			struct dump_file *file = &run->dump.file[f];

			if ((int)file->kind == kind &&
			    (before ? file->close_before : file->close_after) == line)
				rc = close_file(run, file);
		}
	return rc;
}

/* ---- one call ---- */

struct call {
	uint8_t *buf;
	size_t room;
	uint8_t *bitmap; /* or other memory beside the structure */
};

static void set_int(struct call *call, size_t offset, int value)
{
	if (offset + sizeof(value) <= call->room)
		memcpy(call->buf + offset, &value, sizeof(value));
}

/* Our descriptor for one that the program got from elsewhere: an eventfd. */
static int eventfd_for(struct dump_run *run, const struct dump_line *line, int recorded, int *fd)
{
	struct dump_eventfd *all;

	*fd = -1;
	if (recorded < 0)
		return 0;
	/* What was no descriptor there is none here. */
	if (line->err == EBADF) {
		*fd = INT32_MAX;
		return 0;
	}
	for (unsigned i = 0; i < run->eventfds; i++) {
		*fd = run->eventfd[i].fd;
		if (run->eventfd[i].recorded == recorded)
			return 0;
	}
	all = realloc(run->eventfd, (run->eventfds + 1) * sizeof(*all));
	if (!all)
		return -ENOMEM;
	run->eventfd = all;
	*fd = sio_eventfd(run->s->process);
	all[run->eventfds++] = (struct dump_eventfd){recorded, *fd};
	return *fd < 0 ? -errno : 0;
}

static bool has_eventfds(const struct dump_line *line)
{
	return line->request == VFIO_DEVICE_SET_IRQS &&
	       (dump_u32(line->in, line->in_len, 4) & VFIO_IRQ_SET_DATA_EVENTFD);
}

static int set_eventfds(struct dump_run *run, const struct dump_line *line, struct call *call)
{
	int rc = 0;

	for (size_t at = sizeof(struct vfio_irq_set); at + 4 <= line->in_len && !rc; at += 4) {
		int fd;

		rc = eventfd_for(run, line, (int)dump_u32(line->in, line->in_len, at), &fd);
		set_int(call, at, fd);
	}
	return rc;
}

static void set_group_fds(struct dump_run *run, const struct dump_line *line, struct call *call)
{
	for (size_t at = sizeof(struct vfio_pci_hot_reset); at + 4 <= line->in_len; at += 4) {
		int recorded = (int)dump_u32(line->in, line->in_len, at), fd = -1;

		for (uint32_t f = 0; f < run->dump.files; f++)
			if (run->dump.file[f].recorded_fd == recorded && run->dump.file[f].fd >= 0)
				fd = run->dump.file[f].fd;
		set_int(call, at, fd);
	}
}

static void set_container(struct dump_run *run, const struct dump_line *line, struct call *call)
{
	set_int(call, 0, line->other == DUMP_NONE ? -1 : run->dump.file[line->other].fd);
}

/* BIND: the descriptor is the third word; later kernels read a token that its end points to. */
#define BIND_IOMMUFD     8u
#define BIND_TOKEN       16u
#define BIND_TOKEN_BYTES 16u

static int set_iommufd(struct dump_run *run, const struct dump_line *line, struct call *call)
{
	uint64_t pointer;

	set_int(call, BIND_IOMMUFD, line->other == DUMP_NONE ? -1 : run->dump.file[line->other].fd);
	if (!dump_u64(line->in, line->in_len, BIND_TOKEN))
		return 0;
	call->bitmap = calloc(1, BIND_TOKEN_BYTES);
	if (!call->bitmap)
		return -ENOMEM;
	pointer = (uint64_t)(uintptr_t)call->bitmap;
	memcpy(call->buf + BIND_TOKEN, &pointer, sizeof(pointer));
	return 0;
}

/* Memory beside the structure, where a call of iommufd points to some. */
static int set_pointer(struct dump_run *run, const struct dump_line *line, struct call *call)
{
	uint64_t bytes, pointer;
	size_t at;

	if (!dump_iommufd_pointer(line, &at, &bytes))
		return 0;
	if (bytes > BITMAP_MOST)
		return session_error(run->s, line->line, "%s: %llu bytes beside the structure",
				     line->name, (unsigned long long)bytes);
	call->bitmap = calloc(1, bytes + 8);
	if (!call->bitmap)
		return -ENOMEM;
	pointer = (uint64_t)(uintptr_t)call->bitmap;
	memcpy(call->buf + at, &pointer, sizeof(pointer));
	return 0;
}

/* Offset of the pointer to a dirty bitmap, 0: none. */
static size_t bitmap_pointer(const struct dump *dump, const struct dump_line *line)
{
	uint32_t flags = dump_u32(line->in, line->in_len, 4);

	if (dump->file[line->file].kind != DUMP_CONTAINER)
		return 0;
	if (line->request == VFIO_IOMMU_DIRTY_PAGES &&
	    (flags & VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP) && line->in_len >= DIRTY_POINTER + 8)
		return DIRTY_POINTER;
	if (line->request == VFIO_IOMMU_UNMAP_DMA &&
	    (flags & VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP) && line->in_len >= UNMAP_POINTER + 8)
		return UNMAP_POINTER;
	return 0;
}

static int set_bitmap(const struct dump *dump, const struct dump_line *line, struct call *call)
{
	size_t at = bitmap_pointer(dump, line);
	uint64_t size, pointer;

	if (!at)
		return 0;
	/* vfio_bitmap: pgsize, size, data. */
	size = dump_u64(line->in, line->in_len, at - 8);
	if (size > BITMAP_MOST)
		size = BITMAP_MOST;
	call->bitmap = calloc(1, size + 8);
	if (!call->bitmap)
		return -ENOMEM;
	pointer = (uint64_t)(uintptr_t)call->bitmap;
	memcpy(call->buf + at, &pointer, sizeof(pointer));
	return 0;
}

static bool has_argsz(const struct dump_line *line)
{
	return line->request != VFIO_GROUP_SET_CONTAINER &&
	       line->request != VFIO_GROUP_GET_DEVICE_FD;
}

static int call_init(struct dump_run *run, const struct dump_line *line, struct call *call)
{
	struct dump *dump = &run->dump;
	const struct dump_file *file = &dump->file[line->file];
	uint32_t argsz = has_argsz(line) ? dump_u32(line->in, line->in_len, 0) : 0;

	*call = (struct call){.room = BUFFER_LEAST};
	if (argsz > BUFFER_MOST)
		return session_error(run->s, line->line, "a structure of %u bytes", argsz);
	if (argsz > call->room)
		call->room = argsz;
	if (line->in_len > call->room)
		call->room = line->in_len;
	if (line->out_len > call->room)
		call->room = line->out_len;
	call->buf = calloc(1, call->room);
	if (!call->buf)
		return -ENOMEM;
	if (line->in_len)
		memcpy(call->buf, line->in, line->in_len);
	if (file->kind == DUMP_GROUP && line->request == VFIO_GROUP_SET_CONTAINER)
		set_container(run, line, call);
	if (file->kind == DUMP_DEVICE && line->request == VFIO_DEVICE_PCI_HOT_RESET)
		set_group_fds(run, line, call);
	if (file->kind == DUMP_DEVICE && has_eventfds(line))
		return set_eventfds(run, line, call);
	if (file->kind == DUMP_DEVICE && line->request == dump_bind)
		return set_iommufd(run, line, call);
	if (file->kind == DUMP_IOMMUFD)
		return set_pointer(run, line, call);
	return set_bitmap(dump, line, call);
}

static void call_fini(struct call *call)
{
	free(call->buf);
	free(call->bitmap);
}

static void hide_field(const struct dump_line *line, struct call *call, size_t at, size_t len)
{
	if (at + len <= line->out_len)
		memcpy(call->buf + at, line->out + at, len);
}

static void hide_iommufd(const struct dump_line *line, struct call *call)
{
	size_t at = dump_iommufd_descriptor(line);
	uint64_t bytes;

	if (at)
		hide_field(line, call, at, sizeof(int));
	if (dump_iommufd_pointer(line, &at, &bytes))
		hide_field(line, call, at, sizeof(uint64_t));
}

/* The fields that name the recorded host, back as they were recorded. */
static void hide_host(const struct dump *dump, const struct dump_line *line, struct call *call)
{
	enum dump_kind kind = dump->file[line->file].kind;
	size_t pointer = bitmap_pointer(dump, line), first = line->out_len, end = line->out_len;

	if (kind == DUMP_GROUP && line->request == VFIO_GROUP_SET_CONTAINER)
		first = 0;
	else if (kind == DUMP_DEVICE && has_eventfds(line))
		first = sizeof(struct vfio_irq_set);
	else if (kind == DUMP_DEVICE && line->request == VFIO_DEVICE_PCI_HOT_RESET)
		first = sizeof(struct vfio_pci_hot_reset);
	if (pointer) {
		first = pointer;
		end = pointer + 8;
	}
	if (first < end && end <= line->out_len)
		memcpy(call->buf + first, line->out + first, end - first);
	if (kind == DUMP_IOMMUFD)
		hide_iommufd(line, call);
	if (kind == DUMP_DEVICE && line->request == dump_bind) {
		hide_field(line, call, BIND_IOMMUFD, sizeof(int));
		hide_field(line, call, BIND_TOKEN, sizeof(uint64_t));
	}
	if (kind != DUMP_DEVICE || line->request != VFIO_DEVICE_GET_PCI_HOT_RESET_INFO)
		return;
	for (size_t at = sizeof(struct vfio_pci_hot_reset_info); at + 8 <= line->out_len; at += 8)
		memcpy(call->buf + at, line->out + at, 4);
}

static void put_answer(struct strbuf *buf, int64_t ret, int err, bool descriptor)
{
	char name[16];

	strbuf_clear(buf);
	if (ret < 0)
		strbuf_add(buf, "ret=-1 errno=%s", session_errno_name(err, name));
	else if (descriptor)
		strbuf_add(buf, "ret=descriptor");
	else
		strbuf_add(buf, "ret=%lld", (long long)ret);
}

static void put_bytes(struct strbuf *buf, const uint8_t *bytes, size_t len)
{
	strbuf_add(buf, len ? " out=" : " out=-");
	for (size_t i = 0; i < len; i++)
		strbuf_add(buf, "%02x", bytes[i]);
}

/* "fd=10(/dev/vfio/vfio) ... in=...": the line without its times and its answer. */
static void put_text(struct strbuf *buf, const char *line)
{
	const char *from = strstr(line, "fd="), *to = strstr(line, " out=");

	strbuf_clear(buf);
	strbuf_add(buf, "%.*s", (int)(to - from), from);
}

static int compare(struct dump_run *run, const struct dump_line *line, struct call *call, int ret,
		   int err)
{
	const struct dump *dump = &run->dump;
	bool is_fd = dump->file[line->file].kind == DUMP_GROUP &&
		     line->request == VFIO_GROUP_GET_DEVICE_FD;
	struct session_op op = {.line = line->line, .kind = line->name, .failed = line->ret < 0};

	hide_host(dump, line, call);
	put_text(&run->text, line->text);
	put_answer(&run->expected, line->ret, line->err, is_fd);
	put_bytes(&run->expected, line->out, line->out_len);
	put_answer(&run->got, ret, err, is_fd);
	put_bytes(&run->got, call->buf, line->out_len);
	if (run->text.failed || run->expected.failed || run->got.failed)
		return -ENOMEM;
	op.text = strbuf_text(&run->text);
	op.expected = strbuf_text(&run->expected);
	op.got = strbuf_text(&run->got);
	op.same = !strcmp(op.expected, op.got);
	return session_operation(run->s, &op);
}

static void *argument(const struct dump_run *run, const struct dump_line *line, struct call *call)
{
	const struct placement *placement = &run->placement;

	if (line->by_value)
		return (void *)(uintptr_t)line->value;
	if (run->dump.file[line->file].kind == DUMP_GROUP &&
	    line->request == VFIO_GROUP_GET_DEVICE_FD)
		for (unsigned i = 0; i < placement->count; i++)
			if (!strcmp(placement->entry[i].name, (const char *)line->in))
				snprintf((char *)call->buf, call->room, "%s",
					 sio_device_bdf(placement->entry[i].device));
	return call->buf;
}

static int map_bar_first(struct dump_run *run, const struct dump_line *line)
{
	struct dump_file *file = &run->dump.file[line->bar_file];
	struct dump_bar *bar = &file->bar[line->bar];
	int rc = bar_enable(run->s, file->fd);

	if (!rc && !bar->mapped) {
		rc = bar_map(run->s, file->fd, line->bar, bar->vaddr);
		bar->mapped = !rc;
	}
	if (rc == -ENOMEM)
		return rc;
	if (rc)
		session_note(run->s, "line %u: BAR %u of %s cannot be mapped: %s", line->line,
			     line->bar, file->device, strerror(-rc));
	return 0;
}

static int do_call(struct dump_run *run, const struct dump_line *line, struct call *call)
{
	struct dump_file *file = &run->dump.file[line->file];
	int ret, err;

	ret = sio_ioctl(run->s->process, file->fd, line->request, argument(run, line, call));
	err = ret < 0 ? errno : 0;
	if (line->other != DUMP_NONE && run->dump.file[line->other].kind == DUMP_DEVICE)
		run->dump.file[line->other].fd = ret;
	if (file->kind == DUMP_CONTAINER)
		run->s->container = file->fd;
	return compare(run, line, call, ret, err);
}

static int step(struct dump_run *run, uint32_t i)
{
	const struct dump_line *line = &run->dump.line[i];
	struct call call = {0};
	int rc = close_files(run, i, true);

	if (!rc)
		rc = ensure_open(run, &run->dump.file[line->file], line->line);
	if (!rc && line->other != DUMP_NONE)
		rc = ensure_open(run, &run->dump.file[line->other], line->line);
	if (!rc && line->bar_file != DUMP_NONE)
		rc = map_bar_first(run, line);
	if (!rc)
		rc = call_init(run, line, &call);
	if (!rc)
		rc = do_call(run, line, &call);
	call_fini(&call);
	return rc ? rc : close_files(run, i, false);
}

static void dump_run_fini(struct dump_run *run)
{
	text_file_fini(&run->dump.text);
	free(run->dump.line);
	free(run->dump.bytes);
	free(run->dump.file);
	areas_fini(&run->dump.areas);
	placement_fini(&run->placement);
	free(run->eventfd);
	strbuf_fini(&run->text);
	strbuf_fini(&run->expected);
	strbuf_fini(&run->got);
}

int ioctl_dump_replay(struct session *s, struct text_file *file)
{
	struct session_machine machine = {.platform = "qemu-host"};
	struct dump_run run = {.s = s, .dump.text = *file};
	int rc;

	*file = (struct text_file){0};
	rc = dump_parse(&run.dump, s);
	if (!rc)
		rc = dump_resolve(&run.dump, s);
	if (!rc)
		rc = session_boot(s, &machine);
	if (!rc)
		rc = areas_map(&run.dump.areas, s);
	if (!rc && run.dump.areas.count)
		session_note(s, "%u areas of memory behind the recorded user addresses",
			     run.dump.areas.count);
	s->total = run.dump.lines;
	for (uint32_t i = 0; i < run.dump.lines && !rc; i++)
		rc = step(&run, i);
	dump_run_fini(&run);
	return rc;
}
