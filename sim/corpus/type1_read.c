// SPDX-License-Identifier: GPL-2.0-only
/*
 * Recordings as operations: every line is one, belongs to the machine that inputs have anyway, or
 * is lost.
 *
 * Invariant: each line of the recording is in `op`, in `lost`, or says only what the encoding's
 * machine has: devices, buffers, the container, groups.
 */
#include "corpus/type1.h"

#include "corpus/type1_priv.h"

#include <errno.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMES 16u
/* RLIMIT_MEMLOCK of recorded processes without every capability. */
#define USUAL_LIMIT (UINT64_C(8388608) / OPS_PAGE)
#define UNLIMITED   (UINT64_MAX / OPS_PAGE)
#define PLENTY      256u /* bytes for GET_INFO */

/* A name of a device, or of the file of its group. */
struct name {
	const char *name, *device;
};

struct reader {
	struct type1_session *session;
	const struct recording *rec;
	unsigned at; /* the line under way */
	struct type1_memory memory;
	struct name device[NAMES], group[NAMES];
	struct name file[NAMES]; /* open devices: of the group that has that device */
	unsigned devices, groups, files;
	const char *container;
	bool closed; /* its name: nothing reaches it any more */
	bool joined[OPS_GROUPS];
	struct {
		const struct rec_op *line;
		unsigned group;
	} waits[OPS_GROUPS]; /* for SET_IOMMU, in order of joining */
	unsigned waiting;
	bool typed, began, failed;
	uint64_t limit_pages;
	bool privileged, limit_implied;
};

/* ---- what comes out ---- */

static void *grow(void *array, unsigned count, unsigned *room, size_t each)
{
	unsigned more = *room ? *room * 2 : 64;
	void *larger;

	if (count < *room)
		return array;
	larger = realloc(array, more * each);
	if (larger)
		*room = more;
	return larger;
}

static void lose(struct reader *r, enum type1_loss loss, const char *why)
{
	struct type1_session *s = r->session;
	const struct rec_op *line = &r->rec->op[r->at];
	struct type1_lost *lost = grow(s->lost, s->losts, &s->lost_room, sizeof(*lost));

	if (!lost) {
		r->failed = true;
		return;
	}
	s->lost = lost;
	/* What failed has changed nothing. */
	if (line->expected && !strncmp(line->expected, "ret=-1 ", 7))
		loss = TYPE1_OBSERVED;
	lost[s->losts++] = (struct type1_lost){loss, line, why};
}

static void emit(struct reader *r, const struct op *op, const struct rec_op *line)
{
	struct type1_session *s = r->session;
	uint8_t bytes[OPS_HEAD + OPS_BYTES_MAX] = {0};
	static const struct ops_view nothing;
	struct type1_op *all;

	/* Inputs begin with a group in the container, which is then this one or leaves. */
	if (!r->began && s->ops && type1_is_container_op(op->kind)) {
		r->began = true;
		if (op->kind == OP_JOIN && !op->group && type1_succeeded(line)) {
			s->op[0].line = line;
			return;
		}
		emit(r, &(struct op){.kind = OP_LEAVE}, NULL);
	}
	all = grow(s->op, s->ops, &s->op_room, sizeof(*all));
	if (!all) {
		r->failed = true;
		return;
	}
	s->op = all;
	if (!ops_encode(op, bytes + OPS_HEAD)) {
		lose(r, TYPE1_LOST, "argsz is larger than the encoding has room for");
		return;
	}
	/* As it will be read. */
	all[s->ops].line = line;
	ops_decode(&all[s->ops++].op, &s->setup, bytes, sizeof(bytes), OPS_HEAD, &nothing);
}

/* ---- arguments ---- */

static uint32_t map_flags(const struct rec_op *line)
{
	const char *text = rec_value(line, "flags");
	uint64_t value = 0;

	if (!text)
		return VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE;
	if (!strcmp(text, "none"))
		return 0;
	if (text_number(text, &value))
		return (uint32_t)value;
	return (strchr(text, 'r') ? VFIO_DMA_MAP_FLAG_READ : 0u) |
	       (strchr(text, 'w') ? VFIO_DMA_MAP_FLAG_WRITE : 0u);
}

static const char *device_of(const struct name *all, unsigned count, const char *name)
{
	for (unsigned i = count; i-- > 0;)
		if (name && !strcmp(all[i].name, name))
			return all[i].device;
	return NULL;
}

/* The group of a group file's name; OPS_GROUPS: the encoding has none for it. */
static unsigned group_of(const struct reader *r, const char *name)
{
	const char *device = device_of(r->group, r->groups, name);

	for (unsigned i = 0; device && i < OPS_GROUPS; i++)
		if (r->session->device[i] && !strcmp(r->session->device[i], device))
			return i;
	return OPS_GROUPS;
}

/* ---- operations ---- */

static void read_map(struct reader *r, const struct rec_op *line)
{
	struct op op = {
		.kind = OP_MAP,
		.iova = type1_number(line, "iova", 0),
		.size = type1_number(line, "size", 0),
		.flags = map_flags(line),
		.argsz = (uint32_t)type1_number(line, "argsz",
						sizeof(struct vfio_iommu_type1_dma_map)),
	};
	uint64_t vaddr = type1_number(line, "vaddr", 0);
	const char *name = rec_value(line, "buf");

	const struct type1_buffer *b = type1_find_buffer(&r->memory, name);

	if (b) {
		vaddr = b->address + type1_number(line, "off", 0);
		name = NULL;
	}
	if (name)
		lose(r, TYPE1_LOST, "memory that is no buffer");
	else if (!type1_translate(&r->memory, vaddr, op.size, &vaddr))
		lose(r, TYPE1_LOST, "memory that is more, or other, than the encoding has");
	else {
		op.offset = vaddr - ops_areas[0].address;
		emit(r, &op, line);
	}
}

static void read_unmap(struct reader *r, const struct rec_op *line)
{
	struct op op = {
		.kind = OP_UNMAP,
		.iova = type1_number(line, "iova", 0),
		.size = type1_number(line, "size", 0),
		.flags = (uint32_t)type1_number(line, "flags", 0),
		.argsz = (uint32_t)type1_number(line, "argsz",
						sizeof(struct vfio_iommu_type1_dma_unmap)),
	};

	bool bitmap = rec_value(line, "pgsize") || rec_value(line, "bitmap_size");

	if (bitmap)
		op.argsz = (uint32_t)type1_number(line, "argsz", OPS_DIRTY_ARGSZ);
	if (bitmap != op_has_bitmap(&op) ||
	    (bitmap && (type1_number(line, "pgsize", 0) != OPS_PAGE ||
			type1_number(line, "bitmap_size", 0) != op_bitmap_bytes(&op) ||
			rec_value(line, "fill") || rec_value(line, "data"))))
		lose(r, TYPE1_LOST, "UNMAP with a bitmap");
	else
		emit(r, &op, line);
}

static void read_dirty(struct reader *r, const struct rec_op *line)
{
	const char *what = rec_bare(line, 1);
	struct op op = {.kind = OP_TRACK};

	if (what && (!strcmp(what, "start") || !strcmp(what, "stop")) &&
	    !rec_value(line, "argsz")) {
		op.value = !strcmp(what, "start");
		emit(r, &op, line);
		return;
	}
	op = (struct op){
		.kind = OP_DIRTY,
		.iova = type1_number(line, "iova", 0),
		.size = type1_number(line, "size", 0),
	};
	if (what && !strcmp(what, "get") && type1_number(line, "pgsize", 0) == OPS_PAGE &&
	    type1_number(line, "bitmap_size", 0) == op_bitmap_bytes(&op) &&
	    !rec_value(line, "argsz") && !type1_number(line, "fill", 0) && !rec_value(line, "data"))
		emit(r, &op, line);
	else
		lose(r, what && !strcmp(what, "get") ? TYPE1_OBSERVED : TYPE1_LOST,
		     "DIRTY_PAGES with another bitmap, or raw");
}

static bool any_joined(const struct reader *r)
{
	return r->joined[0] || r->joined[1] || r->joined[2];
}

static void add_waiting(struct reader *r, unsigned group, const struct rec_op *line)
{
	r->waits[r->waiting].line = line;
	r->waits[r->waiting++].group = group;
}

static void read_set_container(struct reader *r, const struct rec_op *line)
{
	const char *container = rec_bare(line, 1);
	struct op op = {.kind = OP_JOIN, .group = group_of(r, rec_bare(line, 0))};

	if (op.group == OPS_GROUPS)
		lose(r, TYPE1_LOST, "a group beyond those of the encoding");
	else if (!r->container || r->closed || !container || strcmp(container, r->container))
		lose(r, TYPE1_LOST, "another container");
	else if (type1_succeeded(line) && !r->typed && r->waiting < OPS_GROUPS)
		add_waiting(r, op.group, line);
	else if (!r->typed)
		lose(r, TYPE1_LOST, "SET_CONTAINER while there is no driver");
	else if (line->expected && strstr(line->expected, "EPERM"))
		lose(r, TYPE1_LOST, "a group that is not viable");
	else {
		emit(r, &op, line);
		r->joined[op.group] |= type1_succeeded(line);
	}
}

static void read_set_iommu(struct reader *r, const struct rec_op *line)
{
	const char *text = rec_bare(line, 1);
	uint64_t type = 0;
	bool v2;

	if (text)
		text_number(text, &type);
	v2 = type == VFIO_TYPE1v2_IOMMU;
	/* Inputs try it once, whatever the answer. */
	if (!r->waiting || (!v2 && type != VFIO_TYPE1_IOMMU) ||
	    (r->began && r->session->setup.v2 != v2)) {
		lose(r, TYPE1_LOST, "SET_IOMMU other than behind the first SET_CONTAINER");
		return;
	}
	for (unsigned i = 0; i < r->waiting; i++) {
		struct op op = {.kind = OP_JOIN, .group = r->waits[i].group};

		emit(r, &op, r->waits[i].line);
		r->joined[op.group] = true;
	}
	r->waiting = 0;
	r->typed = true;
}

static void leave(struct reader *r, unsigned group, const struct rec_op *line)
{
	struct op op = {.kind = OP_LEAVE, .group = group};

	emit(r, &op, line);
	if (type1_succeeded(line))
		r->joined[group] = false;
	r->typed = r->typed && any_joined(r);
}

static void read_unset_container(struct reader *r, const struct rec_op *line)
{
	struct op op = {.kind = OP_LEAVE, .group = group_of(r, rec_bare(line, 0))};

	if (op.group == OPS_GROUPS || r->waiting)
		lose(r, TYPE1_LOST, "a group beyond those of the encoding, or without a driver");
	else if (!type1_succeeded(line) && r->joined[op.group])
		lose(r, TYPE1_LOST, "UNSET_CONTAINER of a group whose device is open");
	else
		leave(r, op.group, line);
}

static void read_limit(struct reader *r, const struct rec_op *line)
{
	const char *text = rec_bare(line, 0);
	struct op op = {.kind = OP_LIMIT, .value = UNLIMITED};
	uint64_t bytes;

	if (text && text_number(text, &bytes))
		op.value = bytes / OPS_PAGE;
	if (op.value != r->limit_pages)
		emit(r, &op, line);
	r->limit_pages = op.value;
	r->limit_implied = false;
}

/* The limit that comes with fewer capabilities, unless the next line sets another. */
static void imply_limit(struct reader *r)
{
	struct op op = {.kind = OP_LIMIT, .value = USUAL_LIMIT};

	if (!r->limit_implied)
		return;
	r->limit_implied = false;
	if (r->limit_pages != USUAL_LIMIT)
		emit(r, &op, NULL);
	r->limit_pages = USUAL_LIMIT;
}

static void read_caps(struct reader *r, const struct rec_op *line)
{
	bool all = !strncmp(rec_bare(line, 0), "all", 3);
	struct op op = {.kind = OP_PRIVILEGE, .value = all};

	r->limit_implied = !all;
	if (all == r->privileged)
		return;
	r->privileged = all;
	if (!r->began && r->session->ops == 1)
		r->session->setup.unprivileged = !all;
	else
		emit(r, &op, line);
}

static void read_param(struct reader *r, const struct rec_op *line)
{
	const char *name = rec_bare(line, 0), *text = rec_bare(line, 1);
	struct op op = {.kind = OP_HUGEPAGES};
	uint64_t value = 0;

	if (text)
		text_number(text, &value);
	op.value = value != 0;
	if (name && !strcmp(name, "disable_hugepages"))
		emit(r, &op, line);
	else if (name && !strcmp(name, "dma_entry_limit") && !r->began &&
		 (value == 65535 || (value && value <= 16)))
		r->session->setup.entry_limit = type1_succeeded(line) ? (unsigned)value : 65535;
	else if (!name || strcmp(name, "allow_unsafe_interrupts") || !value)
		lose(r, TYPE1_LOST, "a module parameter that inputs cannot set");
}

/* "get_device", DMA of 8 bytes, "close": one operation. */
static bool read_dma(struct reader *r, const struct rec_op *line)
{
	const struct rec_op *dma = line + 1, *close = line + 2;
	struct op op = {.kind = OP_DMA, .group = group_of(r, rec_bare(line, 1))};
	const char *file = rec_bare(line, 0);

	if (r->at + 2 >= r->rec->ops || op.group == OPS_GROUPS || strncmp(dma->name, "dma_", 4) ||
	    strcmp(close->name, "close") || strcmp(rec_bare(dma, 0), file) ||
	    strcmp(rec_bare(close, 0), file) || type1_number(dma, "len", 0) != 8 ||
	    type1_number(dma, "dev", 0) || type1_number(dma, "iova", 0) % OPS_PAGE != 16)
		return false;
	op.write = !strcmp(dma->name, "dma_from_dev");
	op.iova = type1_number(dma, "iova", 0) - 16;
	emit(r, &op, dma);
	r->at += 2;
	return true;
}

static void read_info(struct reader *r, const struct rec_op *line)
{
	struct op op = {.kind = OP_INFO};

	/* Inputs have none, or as much as the answer ever takes. */
	op.value = type1_number(line, "argsz", 0);
	if (rec_value(line, "argsz") && (!op.value || op.value > PLENTY))
		lose(r, TYPE1_OBSERVED, "GET_INFO with argsz=0, or a large one");
	else
		emit(r, &op, line);
}

static void read_extension(struct reader *r, const struct rec_op *line)
{
	struct op op = {.kind = OP_EXTENSION};

	text_number(rec_bare(line, 1) ? rec_bare(line, 1) : "0", &op.value);
	emit(r, &op, line);
}

static void add_name(struct reader *r, struct name *all, unsigned *count, const char *device)
{
	const char *name = rec_bare(&r->rec->op[r->at], 0);

	if (*count == NAMES || !name || !device)
		lose(r, TYPE1_LOST, "more files than are followed");
	else
		all[(*count)++] = (struct name){name, device};
}

/* ---- lines ---- */

static void read_buffer(struct reader *r, const struct rec_op *line)
{
	if (!type1_add_buffer(&r->memory, line))
		lose(r, TYPE1_LOST, "more buffers than are followed");
}

static void read_device(struct reader *r, const struct rec_op *line)
{
	add_name(r, r->device, &r->devices, rec_bare(line, 0));
}

static void read_group(struct reader *r, const struct rec_op *line)
{
	if (!type1_succeeded(line))
		lose(r, TYPE1_OBSERVED, "a group that cannot be opened");
	else
		add_name(r, r->group, &r->groups, rec_bare(line, 1));
}

static void read_container(struct reader *r, const struct rec_op *line)
{
	const char *name = rec_bare(line, 0);

	/* One that nothing is left of was as good as this one. */
	if (!r->container || (r->closed && !r->waiting && !any_joined(r))) {
		r->container = name;
		r->closed = r->typed = false;
		return;
	}
	/* A name given again hides the first. */
	r->closed |= name && !strcmp(name, r->container);
	lose(r, TYPE1_OBSERVED, "a second container");
}

/* enum ops_change; OPS_CHANGES: none. */
static unsigned change_of(const struct rec_op *line)
{
	const char *prot = rec_value(line, "prot");

	if (!strcmp(line->name, "bufunmap"))
		return OPS_UNMAP;
	if (!strcmp(line->name, "bufmap"))
		return OPS_RENEW;
	if (!strcmp(line->name, "bufdiscard"))
		return OPS_DISCARD;
	if (strcmp(line->name, "bufprot") || !prot)
		return OPS_CHANGES;
	return !strcmp(prot, "none") ? OPS_NO_ACCESS
	       : !strcmp(prot, "r")  ? OPS_READ_ONLY
	       : !strcmp(prot, "rw") ? OPS_READ_WRITE
				     : OPS_CHANGES;
}

/* An area changes as a buffer does, unless new memory would be of another sort. */
static bool change_area(struct reader *r, const struct rec_op *line, const struct type1_buffer *b)
{
	const struct ops_area *area = &ops_areas[b->area];
	uint64_t off = type1_number(line, "off", 0), size = type1_number(line, "size", 0);
	struct op op = {.kind = OP_MEMORY, .area = b->area, .value = change_of(line)};

	if (op.value == OPS_CHANGES || (off | size) % OPS_PAGE || !size || off > b->size ||
	    size > b->size - off || (op.value == OPS_RENEW && !(area->anonymous && area->writable)))
		return false;
	op.offset = off;
	op.size = size;
	emit(r, &op, line);
	return true;
}

/* Only what is mapped from there later is concerned: that is lost then. */
static void read_change(struct reader *r, const struct rec_op *line)
{
	struct type1_buffer *b = type1_find_buffer(&r->memory, rec_bare(line, 0));

	if (b && b->same && change_area(r, line, b))
		return;
	/* What is pinned stays; what is not comes back. */
	if (b && !strcmp(line->name, "bufdiscard"))
		b = NULL;
	if (b) {
		b->changed = true;
		b->same = false;
	}
	lose(r, TYPE1_OBSERVED, "memory is changed");
}

static void read_bar(struct reader *r, const struct rec_op *line)
{
	if (!type1_add_buffer(&r->memory, line))
		lose(r, TYPE1_LOST, "more buffers than are followed");
	read_change(r, line);
}

/* Forget the newest of that name; the device it stands for, NULL: there is none. */
static const char *forget(struct name *all, unsigned *count, const char *name)
{
	for (unsigned i = *count; name && i-- > 0;) {
		const char *device = all[i].device;

		if (strcmp(all[i].name, name))
			continue;
		memmove(&all[i], &all[i + 1], (--*count - i) * sizeof(all[i]));
		return device;
	}
	return NULL;
}

static bool is_open(const struct name *all, unsigned count, const char *device)
{
	for (unsigned i = 0; i < count; i++)
		if (!strcmp(all[i].device, device))
			return true;
	return false;
}

/* A group leaves its container with the last file of it and of its devices. */
static void read_close(struct reader *r, const struct rec_op *line)
{
	const char *name = rec_bare(line, 0);
	unsigned group = group_of(r, name);
	const char *device;

	if (r->container && name && !strcmp(name, r->container)) {
		r->closed = true;
		lose(r, r->waiting ? TYPE1_LOST : TYPE1_OBSERVED, "CLOSE of the container");
		return;
	}
	device = forget(r->file, &r->files, name);
	if (!device)
		device = forget(r->group, &r->groups, name);
	for (unsigned i = 0; device && group == OPS_GROUPS && i < OPS_GROUPS; i++)
		if (r->session->device[i] && !strcmp(r->session->device[i], device))
			group = i;
	if (r->waiting)
		lose(r, TYPE1_LOST, "CLOSE of a group without a driver");
	else if (!device || group == OPS_GROUPS || !r->joined[group] ||
		 is_open(r->file, r->files, device) || is_open(r->group, r->groups, device))
		lose(r, TYPE1_OBSERVED, "CLOSE of a file that others keep open, or nobody needs");
	else
		leave(r, group, line);
}

static void read_question(struct reader *r, const struct rec_op *line)
{
	(void)line;
	lose(r, TYPE1_OBSERVED, "a question that inputs do not ask");
}

static void read_get_device(struct reader *r, const struct rec_op *line)
{
	const char *device = device_of(r->group, r->groups, rec_bare(line, 1));

	if (read_dma(r, line))
		return;
	if (device && line->expected && strncmp(line->expected, "ret=-1 ", 7) != 0)
		add_name(r, r->file, &r->files, device);
	lose(r, TYPE1_OBSERVED, "a device file");
}

/* The first bare word is the container. */
static bool of_container(const struct reader *r, const struct rec_op *line)
{
	const char *name = rec_bare(line, 0);

	return r->container && !r->closed && name && !strcmp(name, r->container);
}

static const struct {
	const char *name;
	void (*read)(struct reader *r, const struct rec_op *line);
	bool of_container;
} readers[] = {
	{"map", read_map, true},
	{"map_raw", read_map, true},
	{"unmap", read_unmap, true},
	{"dirty", read_dirty, true},
	{"info", read_info, true},
	{"check_extension", read_extension, true},
	{"set_iommu", read_set_iommu, true},
	{"set_container", read_set_container, false},
	{"unset_container", read_unset_container, false},
	{"rlimit_memlock", read_limit, false},
	{"# caps", read_caps, false},
	{"param", read_param, false},
	{"buffer", read_buffer, false},
	{"device", read_device, false},
	{"group", read_group, false},
	{"container", read_container, false},
	{"get_device", read_get_device, false},
	{"bufunmap", read_change, false},
	{"bufprot", read_change, false},
	{"bufmap", read_change, false},
	{"mmap_bar", read_bar, false},
	{"close", read_close, false},
	{"bufdiscard", read_change, false},
	{"fill", read_question, false},
	{"fillseq", read_question, false},
	{"check", read_question, false},
	{"locked", read_question, false},
	{"group_status", read_question, false},
	{"api_version", read_question, false},
	{"device_info", read_question, false},
	{"reset", read_question, false},
	{"dma_to_dev", read_question, false},
	{"dma_from_dev", read_question, false},
};

static void read_line(struct reader *r)
{
	const struct rec_op *line = &r->rec->op[r->at];

	if (strcmp(line->name, "rlimit_memlock") && strcmp(line->name, "# caps"))
		imply_limit(r);
	for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++) {
		if (strcmp(readers[i].name, line->name))
			continue;
		if (readers[i].of_container && !of_container(r, line))
			lose(r, TYPE1_LOST, "another container");
		else
			readers[i].read(r, line);
		return;
	}
	lose(r, TYPE1_LOST, "an operation that inputs do not have");
}

/* ---- the whole ---- */

/* What is lost behind the last operation has changed the answer of none. */
static void forgive_end(struct type1_session *s)
{
	unsigned last = 0;

	for (unsigned i = 0; i < s->ops; i++)
		if (s->op[i].line && s->op[i].line->line > last)
			last = s->op[i].line->line;
	for (unsigned i = 0; i < s->losts; i++)
		if (s->lost[i].line->line > last)
			s->lost[i].loss = TYPE1_OBSERVED;
}

int type1_read(struct type1_session *session, const struct recording *rec, char *error,
	       size_t error_len)
{
	struct reader *r;
	int rc;

	*session = (struct type1_session){.setup = {.entry_limit = 65535}};
	if (*rec->container && strcmp(rec->container, "type1"))
		return text_error(error, error_len, rec->file.path, 0,
				  "a recording of container \"%s\", expected one of type1",
				  rec->container);
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	*r = (struct reader){.session = session,
			     .rec = rec,
			     .limit_pages = UNLIMITED,
			     .privileged = true};
	type1_choose(session, rec);
	emit(r, &(struct op){.kind = OP_JOIN}, NULL);
	for (; r->at < rec->ops && !r->failed; r->at++)
		read_line(r);
	session->moved = r->memory.moved;
	imply_limit(r);
	forgive_end(session);
	rc = r->failed ? -ENOMEM : 0;
	if (!rc && !r->container)
		rc = text_error(error, error_len, rec->file.path, 0,
				"no container is opened, expected a recording of type1");
	free(r);
	if (rc)
		type1_session_fini(session);
	return rc;
}
