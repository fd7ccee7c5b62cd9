// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files that are memory: see memfile.h.
 *
 * The pages are a memory object as shared mappings have one, with the file's end as its limit. The
 * file itself holds one reference on the object, each mapping another; pinned frames stay where
 * they are when the file is cut or goes.
 *
 * Invariant: no page of the object lies at or above its limit.
 */
#include "core/memfile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/mm_sim_priv.h"

#define HUGE_BYTES (HUGE_PAGES * SIO_PAGE_SIZE)
/* As far as a file's offsets go (MAX_LFS_FILESIZE). */
#define SIZE_LIMIT UINT64_C(0x7fffffffffffffff)

struct memfile {
	struct file file;
	struct mm_object *object;
	struct prng rng;
	uint64_t size;
	unsigned seals;
	bool hugetlb, read_only;
	enum mm_contiguity contiguity;
};

static struct memfile *memfile_of(const struct file *file)
{
	return (struct memfile *)((uintptr_t)file - offsetof(struct memfile, file));
}

static uint64_t page_count(uint64_t size)
{
	return size / SIO_PAGE_SIZE + (size % SIO_PAGE_SIZE != 0);
}

/* Pages [index, index + n) of the file on frames, as far as one run goes. */
static int fault(struct memfile *memfile, uint64_t index, uint64_t n, struct extent *out)
{
	struct mm_sim frames = {.phys = memfile->object->phys, .rng = memfile->rng};
	const struct area area = {
		.last = memfile->object->limit - 1,
		.prot = MM_READ | MM_WRITE,
		.kind = MM_FILE_SHARED,
		.contiguity = memfile->contiguity,
		.hugetlb = memfile->hugetlb,
		.object = memfile->object,
	};
	int rc = page_fault(&frames, &area, index, n, out);

	memfile->rng = frames.rng;
	return rc;
}

/* ---- pins ---- */

static int memfile_pin(struct file *file, uint64_t index, uint64_t max_pages, bool write,
		       struct pin_run *run)
{
	struct memfile *memfile = memfile_of(file);
	struct extent x;
	int rc;

	/* How the file was opened, and whether it is sealed, is not looked at. */
	(void)write;
	if (!max_pages || index >= memfile->object->limit)
		return -EINVAL;
	rc = fault(memfile, index, page_min(max_pages, memfile->object->limit - index), &x);
	if (rc)
		return rc;
	phys_frames_pin(memfile->object->phys, extent_low(&x), x.n);
	*run = (struct pin_run){
		.pa = x.pfn << SIO_PAGE_LG2,
		.pages = x.n,
		.step = x.flags & EXTENT_DOWN ? -(int64_t)SIO_PAGE_SIZE : (int64_t)SIO_PAGE_SIZE,
	};
	return 0;
}

static void memfile_unpin(struct file *file, const struct pin_run *run, bool write)
{
	uint64_t pfn = run->pa >> SIO_PAGE_LG2;

	(void)write;
	if (run->step < 0)
		pfn -= run->pages - 1;
	phys_frames_unpin(memfile_of(file)->object->phys, pfn, run->pages);
}

static bool is_pinned(const struct memfile *memfile)
{
	struct extent x;

	for (uint64_t page = 0; extent_ceil(&memfile->object->pages, page, &x); page = x.page + x.n)
		for (uint64_t i = 0; i < x.n; i++)
			if (phys_frame_pins(memfile->object->phys, extent_frame(&x, i)))
				return true;
	return false;
}

/* ---- read, write ---- */

/* Bytes that one page holds of [offset, offset + len). */
static size_t in_page(uint64_t offset, uint64_t len)
{
	uint64_t room = SIO_PAGE_SIZE - offset % SIO_PAGE_SIZE;

	return (size_t)(len < room ? len : room);
}

static pa_t address_of(const struct extent *x, uint64_t offset)
{
	return (x->pfn << SIO_PAGE_LG2) + offset % SIO_PAGE_SIZE;
}

static ssize_t memfile_pread(struct file *file, const struct caller *caller, uint64_t buf,
			     size_t len, uint64_t offset)
{
	struct memfile *memfile = memfile_of(file);
	size_t done = 0;

	if (offset > SIZE_LIMIT)
		return -EINVAL;
	if (offset >= memfile->size)
		return 0;
	len = (size_t)page_min(len, memfile->size - offset);
	while (done < len) {
		uint64_t at = offset + done;
		size_t n = in_page(at, len - done);
		uint8_t bytes[SIO_PAGE_SIZE] = {0};
		struct extent x;

		if (extent_at(&memfile->object->pages, at >> SIO_PAGE_LG2, &x))
			phys_read(memfile->object->phys, address_of(&x, at), bytes, n);
		if (caller->ua->copy_out(caller->ua, buf + done, bytes, n))
			return done ? (ssize_t)done : -EFAULT;
		done += n;
	}
	return (ssize_t)done;
}

static int check_write(const struct memfile *memfile, size_t len, uint64_t offset)
{
	if (memfile->read_only)
		return -EBADF;
	if (offset > SIZE_LIMIT || len > SIZE_LIMIT - offset || memfile->hugetlb)
		return -EINVAL;
	if (!len)
		return 0;
	if (memfile->seals & MEMFILE_SEAL_WRITE)
		return -EPERM;
	return offset + len > memfile->size && (memfile->seals & MEMFILE_SEAL_GROW) ? -EPERM : 0;
}

static void grow(struct memfile *memfile, uint64_t size)
{
	if (size <= memfile->size)
		return;
	memfile->size = size;
	memfile->object->limit = page_count(size);
}

static ssize_t memfile_pwrite(struct file *file, const struct caller *caller, uint64_t buf,
			      size_t len, uint64_t offset)
{
	struct memfile *memfile = memfile_of(file);
	int rc = check_write(memfile, len, offset);
	size_t done = 0;

	while (!rc && done < len) {
		uint64_t at = offset + done, old = memfile->size;
		size_t n = in_page(at, len - done);
		uint8_t bytes[SIO_PAGE_SIZE];
		struct extent x;

		rc = caller->ua->copy_in(caller->ua, bytes, buf + done, n);
		if (rc)
			break;
		grow(memfile, at + n);
		rc = fault(memfile, at >> SIO_PAGE_LG2, 1, &x);
		if (rc) {
			memfile->size = old;
			memfile->object->limit = page_count(old);
			break;
		}
		phys_write(memfile->object->phys, address_of(&x, at), bytes, n);
		done += n;
	}
	return done ? (ssize_t)done : rc;
}

/* ---- size, holes, seals ---- */

/* Zeros in [offset, offset + len), which lies in one page. */
static void clear_part(struct memfile *memfile, uint64_t offset, uint64_t len)
{
	static const uint8_t zeros[SIO_PAGE_SIZE];
	struct extent x;

	if (len && extent_at(&memfile->object->pages, offset >> SIO_PAGE_LG2, &x))
		phys_write(memfile->object->phys, address_of(&x, offset), zeros, len);
}

int memfile_truncate(struct file *file, uint64_t size)
{
	struct memfile *memfile = memfile_of(file);
	uint64_t pages = page_count(size);

	if (memfile->read_only || size > SIZE_LIMIT || (memfile->hugetlb && size % HUGE_BYTES))
		return -EINVAL;
	if ((size < memfile->size && (memfile->seals & MEMFILE_SEAL_SHRINK)) ||
	    (size > memfile->size && (memfile->seals & MEMFILE_SEAL_GROW)))
		return -EPERM;
	if (pages < memfile->object->limit) {
		if (!extent_drop(&memfile->object->pages, memfile->object->phys, pages,
				 memfile->object->limit - 1))
			return -ENOMEM;
	}
	if (size < memfile->size && size % SIO_PAGE_SIZE)
		clear_part(memfile, size, SIO_PAGE_SIZE - size % SIO_PAGE_SIZE);
	memfile->size = size;
	memfile->object->limit = pages;
	return 0;
}

int memfile_punch(struct file *file, uint64_t offset, uint64_t len)
{
	struct memfile *memfile = memfile_of(file);
	uint64_t unit = memfile->hugetlb ? HUGE_BYTES : SIO_PAGE_SIZE;
	uint64_t end, first, last;

	if (memfile->read_only)
		return -EBADF;
	if (!len || offset > SIZE_LIMIT || len > SIZE_LIMIT - offset)
		return -EINVAL;
	if (memfile->seals & MEMFILE_SEAL_WRITE)
		return -EPERM;
	end = offset + len;
	first = (offset + unit - 1) / unit * unit;
	last = end / unit * unit;
	if (first < last && !extent_drop(&memfile->object->pages, memfile->object->phys,
					 first >> SIO_PAGE_LG2, (last >> SIO_PAGE_LG2) - 1))
		return -ENOMEM;
	/* Huge pages are only taken away whole. */
	if (memfile->hugetlb)
		return 0;
	clear_part(memfile, offset, page_min(first, end) - offset);
	if (last > offset)
		clear_part(memfile, last, end - last);
	return 0;
}

int memfile_seal(struct file *file, unsigned seals)
{
	struct memfile *memfile = memfile_of(file);
	bool write = (seals & ~memfile->seals & MEMFILE_SEAL_WRITE) != 0;

	if (memfile->read_only)
		return -EPERM;
	if (seals & ~(unsigned)MEMFILE_SEALS_ALL)
		return -EINVAL;
	if (memfile->seals & MEMFILE_SEAL_SEAL)
		return -EPERM;
	if (write && (memfile->object->refs > 1 || is_pinned(memfile)))
		return -EBUSY;
	memfile->seals |= seals;
	return 0;
}

int memfile_map(struct file *file, struct mm *mm, const struct mm_map_req *req, uint64_t offset)
{
	const struct memfile *memfile = memfile_of(file);
	struct mm_map_req map = *req;

	if ((req->prot & MM_WRITE) && memfile->read_only)
		return -EACCES;
	if ((req->prot & MM_WRITE) && (memfile->seals & MEMFILE_SEAL_WRITE))
		return -EPERM;
	map.kind = MM_FILE_SHARED;
	map.contiguity = memfile->contiguity;
	map.hugetlb = memfile->hugetlb;
	return mm_map_object(mm, &map, memfile->object, offset >> SIO_PAGE_LG2);
}

/* ---- the file ---- */

static void memfile_release(struct file *file)
{
	struct memfile *memfile = memfile_of(file);

	mm_object_put(memfile->object);
	free(memfile);
}

static const struct file_ops memfile_ops = {
	.kind = "memory",
	.pread = memfile_pread,
	.pwrite = memfile_pwrite,
	.pin = memfile_pin,
	.unpin = memfile_unpin,
	.release = memfile_release,
};

struct file *memfile_create(struct phys *phys, const struct memfile_cfg *cfg, int *error)
{
	struct memfile *memfile;

	*error = -EINVAL;
	if (cfg->size > SIZE_LIMIT || (unsigned)cfg->contiguity > MM_RUN_WHOLE ||
	    (cfg->hugetlb && cfg->size % HUGE_BYTES))
		return NULL;
	*error = -ENOMEM;
	memfile = calloc(1, sizeof(*memfile));
	if (!memfile)
		return NULL;
	*memfile = (struct memfile){
		.file = {.ops = &memfile_ops, .refs = 1},
		.object = mm_object_create(phys),
		.size = cfg->size,
		.seals = cfg->unsealable ? MEMFILE_SEAL_SEAL : 0,
		.hugetlb = cfg->hugetlb,
		.read_only = cfg->read_only,
		.contiguity = cfg->contiguity,
	};
	if (!memfile->object) {
		free(memfile);
		return NULL;
	}
	memfile->rng.state = cfg->seed;
	memfile->object->refs = 1;
	memfile->object->limit = page_count(cfg->size);
	return &memfile->file;
}

bool file_is_memfile(const struct file *file)
{
	return file->ops == &memfile_ops;
}
