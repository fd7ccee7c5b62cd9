// SPDX-License-Identifier: GPL-2.0-only
/*
 * The selftest's user of mappings inside the kernel: a file, and the pins that were made with it.
 *
 * Each pin is an item with a number. What an unmap wants back is dropped at once.
 *
 * Kernel behaviour: drivers/iommu/iommufd/selftest.c.
 */
#include "mock/mock_priv.h"

#include <errno.h>
#include <stdlib.h>

#define TRANSFER_MAX (UINT64_C(16) << 20)

struct item {
	uint64_t iova, length;
	uint32_t id;
	struct item *next;
};

struct mock_access {
	struct file file;
	struct iommufd_access *access; /* NULL: it could not be made */
	struct item *items, **items_tail;
	uint32_t next_id;
};

/* ---- items ---- */

static void item_drop(struct mock_access *mock, struct item **at)
{
	struct item *item = *at;

	*at = item->next;
	if (!*at)
		mock->items_tail = at;
	iommufd_access_unpin(mock->access, item->iova, item->length);
	free(item);
}

/* The pins in the range have to go. */
static void access_unmap(void *data, uint64_t iova, uint64_t length)
{
	struct mock_access *mock = data;
	const uint64_t last = iova + (length - 1);

	for (struct item **at = &mock->items; *at;) {
		if (iova > (*at)->iova + ((*at)->length - 1) || last < (*at)->iova)
			at = &(*at)->next;
		else
			item_drop(mock, at);
	}
}

/* ---- the file ---- */

static void access_release(struct file *file)
{
	struct mock_access *mock = sio_container_of(file, struct mock_access, file);

	if (mock->access) {
		access_unmap(mock, 0, UINT64_MAX);
		iommufd_access_destroy(mock->access);
	}
	free(mock);
}

static const struct file_ops access_file_ops = {
	.kind = "iommufd_test_staccess",
	.release = access_release,
};

/* The access of an open file; NULL: no file, or another kind. */
static struct mock_access *access_find(const struct iommufd_ucmd *ucmd)
{
	struct file *file = fd_lookup(ucmd->caller->fds, (int)mock_cmd_of(ucmd)->id);

	if (!file || file->ops != &access_file_ops)
		return NULL;
	return sio_container_of(file, struct mock_access, file);
}

/* With one reference on the file, attached to the IOAS. */
static int access_new(const struct iommufd_ucmd *ucmd, bool pins, struct mock_access **out)
{
	static const struct iommufd_access_ops ops = {false, access_unmap};
	static const struct iommufd_access_ops ops_pin = {true, access_unmap};
	struct mock_access *mock = fail_calloc("mock.access", 1, sizeof(*mock));
	uint32_t id;
	int rc;

	if (!mock)
		return -ENOMEM;
	mock->file = (struct file){&access_file_ops, 1};
	mock->items_tail = &mock->items;
	rc = iommufd_access_create(ucmd->ctx, pins ? &ops_pin : &ops, mock, &mock->access, &id);
	if (!rc)
		rc = iommufd_access_attach(mock->access, mock_cmd_of(ucmd)->id);
	if (rc)
		file_put(&mock->file);
	else
		*out = mock;
	return rc;
}

long mock_op_access_create(struct iommufd_ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = mock_cmd_of(ucmd);
	const uint32_t flags = cmd->create_access.flags;
	struct mock_access *mock;
	int rc, fd;

	if (flags & ~(uint32_t)MOCK_FLAGS_ACCESS_CREATE_NEEDS_PIN_PAGES)
		return -EOPNOTSUPP;
	rc = access_new(ucmd, flags & MOCK_FLAGS_ACCESS_CREATE_NEEDS_PIN_PAGES, &mock);
	if (rc)
		return rc;
	fd = fd_install(ucmd->caller->fds, &mock->file);
	if (fd < 0) {
		file_put(&mock->file);
		return -ENOMEM;
	}
	cmd->create_access.out_access_fd = (uint32_t)fd;
	rc = iommufd_ucmd_respond(ucmd);
	if (rc)
		fd_close(ucmd->caller->fds, fd);
	return rc;
}

long mock_op_access_replace(struct iommufd_ucmd *ucmd)
{
	const struct mock_access *mock = access_find(ucmd);

	if (!mock)
		return -EBADFD;
	return iommufd_access_replace(mock->access, mock_cmd_of(ucmd)->access_replace_ioas.ioas_id);
}

/* ---- pins ---- */

uint64_t mock_nth_iova(const struct iommufd_ioas *ioas, uint64_t iova)
{
	const uint32_t nth = (uint32_t)iova, offset = (uint32_t)(iova >> 32);
	struct iopt_area_info info;
	uint64_t from = 0;

	if (!ioas)
		return 0;
	for (uint32_t i = 0; iopt_area_at(ioas->iopt, from, &info); i++) {
		if (i == nth)
			return info.first + offset;
		from = info.last + 1;
		if (!from)
			break;
	}
	return 0;
}

/* The pages under [iova, ...) are those of the process at uptr. */
static int check_pages(const struct iommufd_ucmd *ucmd, uint64_t uptr, uint64_t iova,
		       const pa_t *pages, uint64_t count)
{
	uptr -= iova % SIO_PAGE_SIZE;
	for (uint64_t i = 0; i < count; i++) {
		pa_t pa;
		int rc = mock_user_page(ucmd, uptr + i * SIO_PAGE_SIZE, &pa);

		if (rc)
			return rc;
		if (pa != pages[i])
			return -EBADE;
	}
	return 0;
}

/* An item for what is pinned, and the answer that names it. */
static int item_add(struct iommufd_ucmd *ucmd, struct mock_access *mock, uint64_t iova)
{
	struct iommu_test_cmd *cmd = mock_cmd_of(ucmd);
	struct item *item = fail_calloc("mock.access.item", 1, sizeof(*item));
	int rc;

	if (!item)
		return -ENOMEM;
	*item = (struct item){iova, cmd->access_pages.length, mock->next_id++, NULL};
	cmd->access_pages.out_access_pages_id = item->id;
	rc = iommufd_ucmd_respond(ucmd);
	if (rc) {
		free(item);
		return rc;
	}
	*mock->items_tail = item;
	mock->items_tail = &item->next;
	return 0;
}

static int pin_pages(struct iommufd_ucmd *ucmd, struct mock_access *mock, uint64_t iova,
		     pa_t *pages, uint64_t count)
{
	const struct iommu_test_cmd *cmd = mock_cmd_of(ucmd);
	const uint64_t length = cmd->access_pages.length, uptr = cmd->access_pages.uptr;
	int rc = iommufd_access_pin(mock->access, iova, length, pages,
				    cmd->access_pages.flags & MOCK_FLAGS_ACCESS_WRITE
					    ? (unsigned)IOMMUFD_ACCESS_WRITE
					    : 0);

	if (rc)
		return rc;
	/* Without an address nothing is compared. */
	if (uptr)
		rc = check_pages(ucmd, uptr, iova, pages, count);
	if (!rc)
		rc = item_add(ucmd, mock, iova);
	if (rc)
		iommufd_access_unpin(mock->access, iova, length);
	return rc;
}

long mock_op_access_pages(struct iommufd_ucmd *ucmd)
{
	const struct iommu_test_cmd *cmd = mock_cmd_of(ucmd);
	const uint32_t flags = cmd->access_pages.flags;
	const uint64_t length = cmd->access_pages.length;
	uint64_t iova = cmd->access_pages.iova, count;
	struct mock_access *mock;
	pa_t *pages;
	int rc;

	if (length > TRANSFER_MAX)
		return -ENOMEM;
	if (flags & ~(uint32_t)(MOCK_FLAGS_ACCESS_WRITE | MOCK_FLAGS_ACCESS_SYZ))
		return -EOPNOTSUPP;
	mock = access_find(ucmd);
	if (!mock)
		return -EBADFD;
	if (!mock->access->ops->needs_pin_pages)
		return -EOPNOTSUPP;
	if (flags & MOCK_FLAGS_ACCESS_SYZ)
		iova = mock_nth_iova(mock->access->ioas, iova);
	count = (iova % SIO_PAGE_SIZE + length + SIO_PAGE_SIZE - 1) / SIO_PAGE_SIZE;
	pages = fail_calloc("mock.access.pages", count + 1, sizeof(*pages));
	if (!pages)
		return -ENOMEM;
	rc = pin_pages(ucmd, mock, iova, pages, count);
	free(pages);
	return rc;
}

long mock_op_access_unpin(struct iommufd_ucmd *ucmd)
{
	const uint32_t id = mock_cmd_of(ucmd)->destroy_access_pages.access_pages_id;
	struct mock_access *mock = access_find(ucmd);
	struct item **at;

	if (!mock)
		return -EBADFD;
	for (at = &mock->items; *at; at = &(*at)->next) {
		if ((*at)->id == id) {
			item_drop(mock, at);
			return 0;
		}
	}
	return -ENOENT;
}

/* ---- bytes ---- */

static int transfer(const struct iommufd_ucmd *ucmd, struct mock_access *mock, void *data)
{
	const struct iommu_test_cmd *cmd = mock_cmd_of(ucmd);
	const uint32_t flags = cmd->access_rw.flags;
	const uint64_t length = cmd->access_rw.length, uptr = cmd->access_rw.uptr;
	uint64_t iova = cmd->access_rw.iova;
	int rc = 0;

	if (flags & MOCK_ACCESS_RW_WRITE)
		rc = iommufd_copy_in(ucmd->caller, data, uptr, length);
	if (flags & MOCK_FLAGS_ACCESS_SYZ)
		iova = mock_nth_iova(mock->access->ioas, iova);
	if (!rc)
		rc = iommufd_access_rw(mock->access, iova, data, length,
				       flags & ~(uint32_t)MOCK_FLAGS_ACCESS_SYZ);
	if (!rc && !(flags & MOCK_ACCESS_RW_WRITE))
		rc = iommufd_copy_out(ucmd->caller, uptr, data, length);
	return rc;
}

long mock_op_access_rw(struct iommufd_ucmd *ucmd)
{
	const struct iommu_test_cmd *cmd = mock_cmd_of(ucmd);
	struct mock_access *mock;
	void *data;
	int rc;

	_Static_assert((int)MOCK_ACCESS_RW_WRITE == IOMMUFD_ACCESS_WRITE, "flags differ");
	_Static_assert((int)MOCK_ACCESS_RW_SLOW_PATH == IOMMUFD_ACCESS_SLOW, "flags differ");
	if (cmd->access_rw.length > TRANSFER_MAX)
		return -ENOMEM;
	if (cmd->access_rw.flags &
	    ~(uint32_t)(MOCK_ACCESS_RW_WRITE | MOCK_ACCESS_RW_SLOW_PATH | MOCK_FLAGS_ACCESS_SYZ))
		return -EOPNOTSUPP;
	mock = access_find(ucmd);
	if (!mock)
		return -EBADFD;
	data = fail_calloc("mock.access.bytes", 1, cmd->access_rw.length + 1);
	if (!data)
		return -ENOMEM;
	rc = transfer(ucmd, mock, data);
	free(data);
	return rc;
}
