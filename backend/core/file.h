/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Open files, descriptor tables and the caller's memory: what an ioctl needs from its process.
 *
 * A file is reference counted and shared over fork and by descriptors that name it (SET_CONTAINER).
 * An operation gets a caller: whose task, whose descriptors, and how to reach the caller's memory.
 */
#ifndef BACKEND_CORE_FILE_H
#define BACKEND_CORE_FILE_H

#include <sys/types.h>

#include "fail.h"
#include "mm.h"

struct file;
struct fd_table;
struct pin_run;

/* Access to the calling program's memory. 0, or -EFAULT. */
struct uaccess {
	int (*copy_in)(const struct uaccess *ua, void *dst, uint64_t src, size_t len);
	int (*copy_out)(const struct uaccess *ua, uint64_t dst, const void *src, size_t len);
};

/* A user range that can exist at all (access_ok): below the kernel half, no wrap. */
static inline bool uaccess_ok(uint64_t address, uint64_t len)
{
	return len <= UINT64_C(0x7fffffffffff) && address <= UINT64_C(0x7fffffffffff) - len;
}

struct caller {
	struct task *task;
	struct fd_table *fds;
	const struct uaccess *ua;
};

/* Between the caller's memory and ours, each call a point of its own. 0, or -EFAULT. */
#define copy_from_caller(name, caller, dst, src, len) \
	caller_copy_in(FAIL_POINT(name, FAIL_COPY_IN), caller, dst, src, len)
#define copy_to_caller(name, caller, dst, src, len) \
	caller_copy_out(FAIL_POINT(name, FAIL_COPY_OUT), caller, dst, src, len)
int caller_copy_in(const struct fail_point *point, const struct caller *caller, void *dst,
		   uint64_t src, size_t len);
int caller_copy_out(const struct fail_point *point, const struct caller *caller, uint64_t dst,
		    const void *src, size_t len);

struct file_ops {
	const char *kind; /* "container", "group", "device", "eventfd" */
	bool stream;      /* has no positions: it is only ever read and written at offset 0 */
	long (*ioctl)(struct file *file, const struct caller *caller, unsigned int cmd,
		      uint64_t arg);
	/* Positional; NULL: -EINVAL. */
	ssize_t (*pread)(struct file *file, const struct caller *caller, uint64_t buf, size_t len,
			 uint64_t offset);
	ssize_t (*pwrite)(struct file *file, const struct caller *caller, uint64_t buf, size_t len,
			  uint64_t offset);
	/* POLLIN and so on, at this moment. NULL: always POLLIN | POLLOUT. */
	unsigned (*poll)(struct file *file);
	/* Where in physical space [offset, offset + len) lies, for a PFN map. NULL: -ENODEV. */
	int (*mmap)(struct file *file, uint64_t offset, uint64_t len, bool shared, pa_t *pa);
	/* A piece of such a map from `offset` came to be, by mmap, split or fork; or went. It holds
	 * a reference on the file in any case. Both or NULL: pieces mean nothing to the file. */
	void (*mmap_open)(struct file *file, uint64_t offset);
	void (*mmap_close)(struct file *file, uint64_t offset);
	bool mmap_noexec; /* a shared map that is executable: -EPERM before anything is asked */
	/*
	 * Memory files: pin up to max_pages from page `index` on, as mm_ops.pin does; the run is
	 * given back to unpin, with a reference on the file held meanwhile. -EINVAL beyond the end,
	 * -ENODEV revoked, -ENOMEM. NULL: no memory behind it.
	 */
	int (*pin)(struct file *file, uint64_t index, uint64_t max_pages, bool write,
		   struct pin_run *run);
	void (*unpin)(struct file *file, const struct pin_run *run, bool write);
	/* Whether IOAS_MAP_FILE takes [start, start + length) bytes at all, before anything is
	 * pinned. NULL: always. -EINVAL beyond the end, -ENODEV revoked. */
	int (*map_check)(struct file *file, uint64_t start, uint64_t length);
	bool unaccounted; /* pages of it are never charged (a DMA buffer) */
	/* The last reference went. */
	void (*release)(struct file *file);
};

struct file {
	const struct file_ops *ops;
	uint32_t refs;
};

static inline struct file *file_get(struct file *file)
{
	file->refs++;
	return file;
}
void file_put(struct file *file);

/* Descriptors of one process; the lowest free number is given. */
struct fd_table *fd_table_create(void);
/* The child's table after fork: the same files. */
struct fd_table *fd_table_fork(const struct fd_table *table);
/* Closes everything, in ascending order. */
void fd_table_destroy(struct fd_table *table);
/* Takes over the caller's reference. >= 0, or -EMFILE / -ENOMEM (reference kept by the caller). */
int fd_install(struct fd_table *table, struct file *file);
struct file *fd_lookup(const struct fd_table *table, int fd); /* NULL: EBADF; no reference taken */
int fd_close(struct fd_table *table, int fd);                 /* 0 or -EBADF */

/* An eventfd: a counter that interrupts add to. */
struct file *eventfd_file_create(void);
bool file_is_eventfd(const struct file *file);
uint64_t eventfd_file_read(struct file *file); /* the count, which becomes 0 */
void eventfd_file_signal(struct file *file);

#endif
