// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory of the kernel as a DMA buffer: a file that IOAS_MAP_FILE can map, until it is revoked.
 *
 * The pages are one physical run and are never charged.
 *
 * Kernel behaviour: drivers/iommu/iommufd/selftest.c of Linux 7.2.
 */
#include "mock/mock_priv.h"

#include <errno.h>
#include <stdlib.h>

#define BUFFER_PAGES_MAX 512u

struct mock_dmabuf {
	struct file file;
	struct phys *phys;
	uint64_t pfn, pages;
	bool revoked;
};

static struct mock_dmabuf *dmabuf_of(const struct file *file)
{
	return sio_container_of(file, struct mock_dmabuf, file);
}

/* Judged when it is mapped, whether or not anything is pinned then. */
static int dmabuf_map_check(struct file *file, uint64_t start, uint64_t length)
{
	const struct mock_dmabuf *dmabuf = dmabuf_of(file);
	const uint64_t bytes = dmabuf->pages * SIO_PAGE_SIZE;

	if (start > bytes || length > bytes - start)
		return -EINVAL;
	return dmabuf->revoked ? -ENODEV : 0;
}

static int dmabuf_pin(struct file *file, uint64_t index, uint64_t max_pages, bool write,
		      struct pin_run *run)
{
	const struct mock_dmabuf *dmabuf = dmabuf_of(file);
	uint64_t pages;

	(void)write;
	if (dmabuf->revoked)
		return -ENODEV;
	if (index >= dmabuf->pages)
		return -EINVAL;
	pages = dmabuf->pages - index < max_pages ? dmabuf->pages - index : max_pages;
	*run = (struct pin_run){
		.pa = (dmabuf->pfn + index) << SIO_PAGE_LG2,
		.pages = pages,
		.step = (int64_t)SIO_PAGE_SIZE,
	};
	phys_frames_pin(dmabuf->phys, dmabuf->pfn + index, pages);
	return 0;
}

static void dmabuf_unpin(struct file *file, const struct pin_run *run, bool write)
{
	(void)write;
	phys_frames_unpin(dmabuf_of(file)->phys, run->pa >> SIO_PAGE_LG2, run->pages);
}

static void dmabuf_release(struct file *file)
{
	struct mock_dmabuf *dmabuf = dmabuf_of(file);

	phys_frames_put(dmabuf->phys, dmabuf->pfn, dmabuf->pages);
	free(dmabuf);
}

static const struct file_ops dmabuf_file_ops = {
	.kind = "dmabuf",
	.map_check = dmabuf_map_check,
	.pin = dmabuf_pin,
	.unpin = dmabuf_unpin,
	.unaccounted = true,
	.release = dmabuf_release,
};

static struct mock_dmabuf *dmabuf_create(struct phys *phys, uint64_t pages)
{
	const unsigned align_lg2 = pages > 1 ? sio_lg2(pages - 1) + 1 : 0;
	struct mock_dmabuf *dmabuf = fail_calloc("mock.dmabuf", 1, sizeof(*dmabuf));
	uint64_t got = 0;

	if (!dmabuf)
		return NULL;
	dmabuf->file = (struct file){&dmabuf_file_ops, 1};
	dmabuf->phys = phys;
	dmabuf->pages = pages;
	if (!fail_at(FAIL_POINT("mock.dmabuf.pages", FAIL_ALLOC)))
		got = phys_frames_alloc(phys, pages, align_lg2, &dmabuf->pfn);
	if (got == pages)
		return dmabuf;
	if (got)
		phys_frames_put(phys, dmabuf->pfn, got);
	free(dmabuf);
	return NULL;
}

long mock_op_dmabuf_get(struct iommufd_ucmd *ucmd)
{
	const uint64_t length = mock_cmd_of(ucmd)->dmabuf_get.length;
	const uint64_t pages = (length + SIO_PAGE_SIZE - 1) / SIO_PAGE_SIZE;
	struct mock_dmabuf *dmabuf;
	int fd;

	if (!pages || pages > BUFFER_PAGES_MAX)
		return -EINVAL;
	dmabuf = dmabuf_create(ucmd->ctx->iommu->phys, pages);
	if (!dmabuf)
		return -ENOMEM;
	fd = fd_install(ucmd->caller->fds, &dmabuf->file);
	if (fd < 0)
		file_put(&dmabuf->file);
	return fd;
}

long mock_op_dmabuf_revoke(struct iommufd_ucmd *ucmd)
{
	const struct iommu_test_cmd *cmd = mock_cmd_of(ucmd);
	struct file *file = fd_lookup(ucmd->caller->fds, cmd->dmabuf_revoke.dmabuf_fd);

	if (!file)
		return -EBADF;
	if (file->ops != &dmabuf_file_ops)
		return -EINVAL;
	dmabuf_of(file)->revoked = cmd->dmabuf_revoke.revoked != 0;
	return 0;
}
