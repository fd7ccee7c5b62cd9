// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory files.
 *
 * Each file has an address space of its own that no process sees, with one shared map in which page
 * n of the file is page n. Pins, read() and write() go through it, and so follow the same rules as
 * those through a process's map.
 *
 * Invariant: the object has no page at or above its limit, which is the size in pages rounded up;
 * bytes behind the size in the last page were zero when the size was set.
 */
#include "core/memfd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/mm_sim_priv.h"
#include "phys.h"

struct memfd {
	struct file file;
	struct mm *space;
	uint64_t size;
	unsigned seals;
	enum mm_contiguity contiguity;
	bool hugetlb;
	bool read_only;
};

static const struct file_ops memfd_ops;

static struct memfd *memfd_of(const struct file *file)
{
	sio_assert(file->ops == &memfd_ops);
	return (struct memfd *)((char *)(uintptr_t)file - offsetof(struct memfd, file));
}

static struct mm_object *object_of(const struct memfd *memfd)
{
	return area_at(mm_sim_of(memfd->space), 0)->object;
}

static uint64_t unit_of(const struct memfd *memfd)
{
	return memfd->hugetlb ? HUGE_PAGES * SIO_PAGE_SIZE : SIO_PAGE_SIZE;
}

bool file_is_memfd(const struct file *file)
{
	return file->ops == &memfd_ops;
}

/* ---- size and holes ---- */

static void size_set(struct memfd *memfd, uint64_t size)
{
	memfd->size = size;
	object_of(memfd)->limit = (size + SIO_PAGE_SIZE - 1) / SIO_PAGE_SIZE;
}

/* A file of huge pages has whole ones only. */
static bool size_is_valid(const struct memfd *memfd, uint64_t size)
{
	return size <= MEMFD_BYTES_MAX && (!memfd->hugetlb || sio_is_aligned(size, unit_of(memfd)));
}

/* Zero [offset, end) of pages that are there. */
static void zero_bytes(struct memfd *memfd, uint64_t offset, uint64_t end)
{
	static const uint8_t zeros[SIO_PAGE_SIZE];

	while (offset < end) {
		uint64_t left = SIO_PAGE_SIZE - offset % SIO_PAGE_SIZE;
		struct extent x;

		if (left > end - offset)
			left = end - offset;
		if (extent_at(&object_of(memfd)->pages, offset / SIO_PAGE_SIZE, &x))
			(void)phys_write(mm_sim_of(memfd->space)->phys,
					 (x.pfn << SIO_PAGE_LG2) + offset % SIO_PAGE_SIZE, zeros,
					 left);
		offset += left;
	}
}

int memfd_truncate(struct file *file, uint64_t size)
{
	struct memfd *memfd = memfd_of(file);
	uint64_t keep = (size + SIO_PAGE_SIZE - 1) / SIO_PAGE_SIZE;
	int rc;

	if (memfd->read_only || !size_is_valid(memfd, size))
		return -EINVAL;
	if ((size < memfd->size && (memfd->seals & MEMFD_SEAL_SHRINK)) ||
	    (size > memfd->size && (memfd->seals & MEMFD_SEAL_GROW)))
		return -EPERM;
	if (size < memfd->size) {
		rc = object_drop(object_of(memfd), keep, UINT64_MAX >> SIO_PAGE_LG2, true);
		if (rc)
			return rc;
		zero_bytes(memfd, size, keep * SIO_PAGE_SIZE);
	}
	size_set(memfd, size);
	return 0;
}

int memfd_punch(struct file *file, uint64_t offset, uint64_t len)
{
	struct memfd *memfd = memfd_of(file);
	const uint64_t unit = unit_of(memfd);
	uint64_t end, first, last;
	int rc;

	if (memfd->read_only)
		return -EBADF;
	if (!len || offset > INT64_MAX || len > (uint64_t)INT64_MAX - offset)
		return -EINVAL;
	if (memfd->seals & (MEMFD_SEAL_WRITE | MEMFD_SEAL_FUTURE_WRITE))
		return -EPERM;
	end = page_min(offset + len, object_of(memfd)->limit * SIO_PAGE_SIZE);
	first = sio_align_down(offset + (unit - 1), unit);
	last = sio_align_down(end, unit);
	if (offset >= end)
		return 0;
	if (first >= last) {
		zero_bytes(memfd, offset, end);
		return 0;
	}
	rc = object_drop(object_of(memfd), first / SIO_PAGE_SIZE, last / SIO_PAGE_SIZE - 1, false);
	if (rc)
		return rc;
	zero_bytes(memfd, offset, first);
	zero_bytes(memfd, last, end);
	return 0;
}

/* ---- seals ---- */

static bool has_pins(const struct memfd *memfd)
{
	const struct imap *pages = &object_of(memfd)->pages;
	const struct phys *phys = mm_sim_of(memfd->space)->phys;
	struct extent x;

	for (uint64_t page = 0; extent_ceil(pages, page, &x); page = x.page + x.n) {
		const uint64_t low = extent_low(&x);
		uint64_t first, n;
		uint32_t pins;

		if (phys_pinned_run(phys, low, &first, &n, &pins) && first < low + x.n)
			return true;
	}
	return false;
}

int memfd_seal(struct file *file, unsigned seals)
{
	struct memfd *memfd = memfd_of(file);

	if (memfd->read_only)
		return -EPERM;
	if (seals & ~(unsigned)MEMFD_SEAL_ALL)
		return -EINVAL;
	if (memfd->seals & MEMFD_SEAL_SEAL)
		return -EPERM;
	if ((seals & MEMFD_SEAL_WRITE) && !(memfd->seals & MEMFD_SEAL_WRITE) &&
	    (object_of(memfd)->writers || has_pins(memfd)))
		return -EBUSY;
	memfd->seals |= seals;
	return 0;
}

/* ---- as a file ---- */

static long memfd_ioctl(struct file *file, const struct caller *caller, unsigned int cmd,
			uint64_t arg)
{
	(void)file, (void)caller, (void)cmd, (void)arg;
	return -ENOTTY;
}

/* Bytes between the file and the caller's memory: what was done before an error counts. */
static ssize_t transfer(struct memfd *memfd, const struct caller *caller, uint64_t buf, size_t len,
			uint64_t offset, bool write)
{
	uint8_t page[SIO_PAGE_SIZE];
	size_t done = 0;
	int rc = 0;

	while (done < len && !rc) {
		const uint64_t at = offset + done;
		size_t now = (size_t)(SIO_PAGE_SIZE - at % SIO_PAGE_SIZE);

		if (now > len - done)
			now = len - done;
		if (write) {
			rc = copy_from_caller("memfd.write.copy-in", caller, page, buf + done, now);
			if (!rc)
				rc = mm_sim_write(memfd->space, at, page, now);
		} else {
			rc = mm_sim_read(memfd->space, at, page, now);
			if (!rc)
				rc = copy_to_caller("memfd.read.copy-out", caller, buf + done, page,
						    now);
		}
		if (!rc)
			done += now;
	}
	return done ? (ssize_t)done : rc;
}

static ssize_t memfd_pread(struct file *file, const struct caller *caller, uint64_t buf, size_t len,
			   uint64_t offset)
{
	struct memfd *memfd = memfd_of(file);

	if (offset >= memfd->size)
		return 0;
	if (len > memfd->size - offset)
		len = (size_t)(memfd->size - offset);
	return transfer(memfd, caller, buf, len, offset, false);
}

static ssize_t memfd_pwrite(struct file *file, const struct caller *caller, uint64_t buf,
			    size_t len, uint64_t offset)
{
	struct memfd *memfd = memfd_of(file);
	const uint64_t size = memfd->size;
	ssize_t rc;

	if (memfd->read_only)
		return -EBADF;
	if (memfd->hugetlb)
		return -EINVAL;
	if (!len)
		return 0;
	if (offset > MEMFD_BYTES_MAX || len > MEMFD_BYTES_MAX - offset)
		return -EFBIG;
	if (memfd->seals & (MEMFD_SEAL_WRITE | MEMFD_SEAL_FUTURE_WRITE))
		return -EPERM;
	if ((memfd->seals & MEMFD_SEAL_GROW) && offset + len > size)
		return -EPERM;
	if (offset + len > size)
		size_set(memfd, offset + len);
	rc = transfer(memfd, caller, buf, len, offset, true);
	/* What could not be written does not make the file longer. */
	if (offset + len > size) {
		const uint64_t end = rc > 0 ? offset + (uint64_t)rc : size;

		size_set(memfd, end > size ? end : size);
	}
	return rc;
}

static int memfd_pin(struct file *file, uint64_t index, uint64_t max_pages, bool write,
		     struct pin_run *run)
{
	struct memfd *memfd = memfd_of(file);
	const uint64_t limit = object_of(memfd)->limit;

	/* How the file was opened, and its seals, are not asked. */
	(void)write;
	if (index >= limit)
		return -EINVAL;
	return sim_pin(memfd->space, index * SIO_PAGE_SIZE, page_min(max_pages, limit - index),
		       true, run);
}

static void memfd_unpin(struct file *file, const struct pin_run *run, bool write)
{
	sim_unpin(memfd_of(file)->space, run, write);
}

static void memfd_release(struct file *file)
{
	struct memfd *memfd = memfd_of(file);

	mm_sim_exit(memfd->space);
	mm_put(memfd->space);
	free(memfd);
}

static const struct file_ops memfd_ops = {
	.kind = "memfd",
	.ioctl = memfd_ioctl,
	.pread = memfd_pread,
	.pwrite = memfd_pwrite,
	.pin = memfd_pin,
	.unpin = memfd_unpin,
	.release = memfd_release,
};

int memfd_map(struct file *file, struct mm *mm, const struct mm_map_req *req, uint64_t offset,
	      bool shared)
{
	const struct memfd *memfd = memfd_of(file);
	struct mm_map_req map = *req;

	if (!sio_is_aligned(offset, unit_of(memfd)))
		return -EINVAL;
	map.kind = shared ? MM_FILE_SHARED : MM_FILE_PRIVATE;
	map.contiguity = memfd->contiguity;
	map.hugetlb = memfd->hugetlb;
	if (shared && memfd->read_only) {
		if (req->prot & MM_WRITE)
			return -EACCES;
		map.write_never = true;
	}
	if (shared && (memfd->seals & (MEMFD_SEAL_WRITE | MEMFD_SEAL_FUTURE_WRITE))) {
		if (req->prot & MM_WRITE)
			return -EPERM;
		map.write_never = true;
	}
	return mm_map_object(mm, &map, object_of(memfd), offset / SIO_PAGE_SIZE);
}

struct file *memfd_create_file(struct phys *phys, const struct memfd_cfg *cfg, int *error)
{
	const struct mm_map_req all = {
		.len = MEMFD_BYTES_MAX,
		.prot = MM_READ | MM_WRITE,
		.kind = MM_FILE_SHARED,
		.hugetlb = cfg->hugetlb,
		.contiguity = cfg->contiguity,
		.write_never = true, /* not a map that a seal has to wait for */
	};
	struct memfd *memfd = fail_calloc("memfd.create", 1, sizeof(*memfd));

	*error = -ENOMEM;
	if (!memfd)
		return NULL;
	*memfd = (struct memfd){
		.file = {&memfd_ops, 1},
		.space = mm_sim_create(phys, cfg->seed),
		.seals = cfg->sealable ? 0 : MEMFD_SEAL_SEAL,
		.contiguity = cfg->contiguity,
		.hugetlb = cfg->hugetlb,
		.read_only = cfg->read_only,
	};
	if (memfd->space)
		*error = size_is_valid(memfd, cfg->size) ? mm_sim_map(memfd->space, &all) : -EINVAL;
	if (!*error) {
		size_set(memfd, cfg->size);
		return &memfd->file;
	}
	if (memfd->space)
		memfd_release(&memfd->file);
	else
		free(memfd);
	return NULL;
}
