/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Dumps of ioctls: one call a line, with the bytes of its structure before and after.
 *
 *   <seq> <tid> <sec>.<nsec> <ns> fd=<fd>(<file>) <request> <name> arg=<val|ptr>:<n> in=<hex>
 *   out=<hex> ret=<n> errno=<n>
 *
 * Every line is one operation, done with the bytes of `in`; return value, errno and the bytes of
 * `out` are compared in full but for what names the recorded host:
 *   - descriptors: GET_DEVICE_FD's return value (any descriptor will do), SET_CONTAINER's
 * container, the eventfds of SET_IRQS, the group descriptors of PCI_HOT_RESET;
 *   - pointers to dirty bitmaps in DIRTY_PAGES and UNMAP_DMA;
 *   - group numbers in the answer of GET_PCI_HOT_RESET_INFO;
 *   - of iommufd: BIND's descriptor, descriptors of queues, pointers to what a call reads or
 *     writes beside its structure (ioctl_iommufd.c).
 * Opens and closes are not in a dump and follow from it, see ioctl_files.c.
 */
#ifndef SIM_TRACE_IOCTL_DUMP_H
#define SIM_TRACE_IOCTL_DUMP_H

#include "trace/areas.h"
#include "trace/placement.h"
#include "trace/session.h"

/* In the order in which they are opened; closing goes backwards. */
enum dump_kind { DUMP_CONTAINER, DUMP_IOMMUFD, DUMP_GROUP, DUMP_DEVICE };

#define DUMP_BARS 6
#define DUMP_NONE UINT32_MAX

struct dump_bar {
	uint64_t size;   /* 0: not known, or not mappable */
	uint64_t offset; /* in the device file */
	bool in_parts;   /* holds an MSI-X table: clients map what lies around it */
	uint64_t vaddr;  /* where the client mapped it, 0: nowhere yet */
	bool mapped;     /* by the replay */
};

/* One open file of the recorded program, from its first use to its close. */
struct dump_file {
	enum dump_kind kind;
	int recorded_fd;
	int fd;             /* ours, -1: not open */
	bool node;          /* device: opened by its node, /dev/vfio/devices/vfio<group> */
	uint32_t group;     /* number of a group's file */
	uint32_t parent;    /* device: its group's file; group: its container */
	uint32_t groups;    /* container: groups in it */
	const char *device; /* device: its name; group: that of its first device, NULL unknown */
	/* Closed just before / after this line, DUMP_NONE: not before the end. */
	uint32_t close_before, close_after;
	struct dump_bar bar[DUMP_BARS];
	bool memory_enabled;
};

struct dump_line {
	unsigned line;
	const char *text;
	const char *name; /* of the request */
	const char *path;
	int recorded_fd;
	uint32_t request;
	bool by_value;
	uint64_t value;
	const uint8_t *in, *out;
	uint32_t in_len, out_len;
	int64_t ret;
	int err;
	uint32_t file;          /* index of the file it acts on */
	uint32_t other;         /* file that SET_CONTAINER or BIND names, GET_DEVICE_FD gives */
	uint32_t bar_file, bar; /* MAP_DMA of a BAR */
	bool closes;            /* some file is closed before or after it */
};

struct dump {
	struct text_file text;
	struct dump_line *line;
	uint32_t lines;
	uint8_t *bytes;
	struct dump_file *file;
	uint32_t files, file_room;
	struct areas areas;
};

/* True: the line begins as those of a dump do. */
bool ioctl_dump_detect(const char *line);
/* Takes over the loaded file. 0, -EINVAL, -ENOENT, -ENOMEM with a line in s->error. */
int ioctl_dump_replay(struct session *s, struct text_file *file);

/* ---- between ioctl_parse.c, ioctl_files.c, ioctl_iommufd.c and ioctl_dump.c ---- */

/* Read all lines. 0, -EINVAL, -ENOMEM. */
int dump_parse(struct dump *dump, struct session *s);
/* Which file each line acts on, when files are closed, what memory there was. 0, -EINVAL, -ENOMEM.
 */
int dump_resolve(struct dump *dump, struct session *s);
/* BIND of a device node. */
extern const uint32_t dump_bind;
/* A call whose argument is all in the dump. 0, or -EINVAL and the reason in s->error. */
int dump_iommufd_check(const struct dump_line *line, struct session *s);
/* A field of an iommufd call that points to memory of the program: its offset and how many bytes
 * the call may use there. False: none does. */
bool dump_iommufd_pointer(const struct dump_line *line, size_t *at, uint64_t *bytes);
/* Offset of a field in the answer that is a descriptor; 0: none is. */
size_t dump_iommufd_descriptor(const struct dump_line *line);
/* A 32 or 64 bit field of a structure; 0 beyond its end. */
uint32_t dump_u32(const uint8_t *bytes, size_t len, size_t offset);
uint64_t dump_u64(const uint8_t *bytes, size_t len, size_t offset);

#endif
