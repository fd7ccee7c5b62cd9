// SPDX-License-Identifier: GPL-2.0-only
/*
 * Descriptor tables, eventfds, and copies between a caller's memory and ours.
 *
 * Invariant: every slot below `lowest` is taken, so that the search for the lowest free number
 * begins there. A table holds one reference on each of its files.
 */
#include "core/file.h"

#include "recycle.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

/* The usual soft RLIMIT_NOFILE. */
#define FD_MAX 1024u

struct fd_table {
	struct file **slot;
	unsigned slots;
	unsigned lowest;
};

int caller_copy_in(const struct fail_point *point, const struct caller *caller, void *dst,
		   uint64_t src, size_t len)
{
	if (fail_at(point) || !uaccess_ok(src, len))
		return -EFAULT;
	return caller->ua->copy_in(caller->ua, dst, src, len);
}

int caller_copy_out(const struct fail_point *point, const struct caller *caller, uint64_t dst,
		    const void *src, size_t len)
{
	if (fail_at(point) || !uaccess_ok(dst, len))
		return -EFAULT;
	return caller->ua->copy_out(caller->ua, dst, src, len);
}

void file_put(struct file *file)
{
	sio_assert(file->refs != 0);
	if (--file->refs == 0)
		file->ops->release(file);
}

struct fd_table *fd_table_create(void)
{
	return recycle_calloc("fd.create", sizeof(struct fd_table));
}

struct fd_table *fd_table_fork(const struct fd_table *table)
{
	struct fd_table *child = fd_table_create();

	if (!child || !table->slots)
		return child;
	child->slot = recycle_calloc("fd.fork", table->slots * sizeof(*child->slot));
	if (!child->slot) {
		recycle_free(child);
		return NULL;
	}
	child->slots = table->slots;
	child->lowest = table->lowest;
	for (unsigned i = 0; i < table->slots; i++) {
		if (table->slot[i])
			child->slot[i] = file_get(table->slot[i]);
	}
	return child;
}

void fd_table_destroy(struct fd_table *table)
{
	for (unsigned i = 0; i < table->slots; i++) {
		if (table->slot[i])
			file_put(table->slot[i]);
	}
	recycle_free(table->slot);
	recycle_free(table);
}

static int fd_table_grow(struct fd_table *table)
{
	unsigned slots = table->slots ? table->slots * 2 : 16;
	struct file **slot;

	if (table->slots >= FD_MAX)
		return -EMFILE;
	slot = recycle_realloc("fd.grow", table->slot, slots * sizeof(*slot));
	if (!slot)
		return -ENOMEM;
	memset(slot + table->slots, 0, (slots - table->slots) * sizeof(*slot));
	table->slot = slot;
	table->slots = slots;
	return 0;
}

int fd_install(struct fd_table *table, struct file *file)
{
	unsigned fd = table->lowest;
	int rc;

	while (fd < table->slots && table->slot[fd])
		fd++;
	if (fd == table->slots) {
		rc = fd_table_grow(table);
		if (rc)
			return rc;
	}
	table->slot[fd] = file;
	table->lowest = fd + 1;
	return (int)fd;
}

struct file *fd_lookup(const struct fd_table *table, int fd)
{
	return fd >= 0 && (unsigned)fd < table->slots ? table->slot[fd] : NULL;
}

int fd_close(struct fd_table *table, int fd)
{
	struct file *file = fd_lookup(table, fd);

	if (!file)
		return -EBADF;
	table->slot[fd] = NULL;
	if ((unsigned)fd < table->lowest)
		table->lowest = (unsigned)fd;
	file_put(file);
	return 0;
}

/* ---- eventfd ---- */

struct eventfd_file {
	struct file file;
	uint64_t count;
};

static long eventfd_ioctl(struct file *file, const struct caller *caller, unsigned int cmd,
			  uint64_t arg)
{
	(void)file, (void)caller, (void)cmd, (void)arg;
	return -ENOTTY;
}

static unsigned eventfd_poll(struct file *file)
{
	const struct eventfd_file *eventfd = sio_container_of(file, struct eventfd_file, file);

	return (eventfd->count ? POLLIN : 0u) | (eventfd->count < UINT64_MAX - 1 ? POLLOUT : 0u);
}

static void eventfd_release(struct file *file)
{
	recycle_free(sio_container_of(file, struct eventfd_file, file));
}

static const struct file_ops eventfd_ops = {
	.kind = "eventfd",
	.ioctl = eventfd_ioctl,
	.poll = eventfd_poll,
	.release = eventfd_release,
};

struct file *eventfd_file_create(void)
{
	struct eventfd_file *eventfd = recycle_calloc("eventfd.create", sizeof(*eventfd));

	if (!eventfd)
		return NULL;
	eventfd->file.ops = &eventfd_ops;
	eventfd->file.refs = 1;
	return &eventfd->file;
}

bool file_is_eventfd(const struct file *file)
{
	return file->ops == &eventfd_ops;
}

uint64_t eventfd_file_read(struct file *file)
{
	struct eventfd_file *eventfd = sio_container_of(file, struct eventfd_file, file);
	uint64_t count = eventfd->count;

	eventfd->count = 0;
	return count;
}

void eventfd_file_signal(struct file *file)
{
	struct eventfd_file *eventfd = sio_container_of(file, struct eventfd_file, file);

	/* The counter of eventfd(2) stops one below its largest value. */
	if (eventfd->count < UINT64_MAX - 1)
		eventfd->count++;
}
