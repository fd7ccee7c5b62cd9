// SPDX-License-Identifier: GPL-2.0-only
/*
 * Recordings: the selftest's ioctl, that is mock devices, accesses by the kernel, and looks inside.
 *
 * Addresses that name pages are the recorded process's own. Those that the ioctl reads or writes
 * for itself are memory of this program, so bytes of a buffer travel through a copy.
 */
#include "trace/golden_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mock/iommufd_test.h"

/* Longer accesses are refused before any byte is touched. */
#define ACCESS_MAX (UINT64_C(16) << 20)
/* Longer bitmaps too. */
#define BITMAP_MAX (UINT64_C(16) << 20)
/* Most events of one line. */
#define EVENTS_MAX 65536u

static bool test(struct golden *g, uint32_t op, struct iommu_test_cmd *cmd)
{
	cmd->op = op;
	return golden_run_command(g, IOMMU_TEST_CMD, cmd, sizeof(*cmd));
}

/* "buf= off=" or "vaddr=". */
static uint64_t take_uptr(struct golden *g)
{
	const char *name = rec_value(g->op, "buf");
	const struct golden_name *buffer = name ? golden_buffer(g, name) : NULL;

	if (!buffer)
		return golden_number(g, "vaddr", 0);
	return buffer->buffer.address + golden_number(g, "off", 0);
}

/* Id by the first word behind the file's. */
static uint32_t named(struct golden *g)
{
	return golden_object_id(g, rec_bare(g->op, 1));
}

static uint32_t take_u32(struct golden *g, const char *key, uint32_t absent)
{
	return (uint32_t)golden_number(g, key, absent);
}

/* ---- devices ---- */

static int run_mock_domain(struct golden *g)
{
	struct iommu_test_cmd cmd = {.id = golden_object(g, "pt", 0)};
	const char *name = rec_bare(g->op, 1);
	bool flags = rec_value(g->op, "dev_flags") != NULL;

	if (flags)
		cmd.mock_domain_flags.dev_flags = take_u32(g, "dev_flags", 0);
	if (!test(g, flags ? IOMMU_TEST_OP_MOCK_DOMAIN_FLAGS : IOMMU_TEST_OP_MOCK_DOMAIN, &cmd))
		return g->rc;
	strbuf_add(&g->out, " stdev=%u hwpt=%u idev=%u", cmd.mock_domain.out_stdev_id,
		   cmd.mock_domain.out_hwpt_id, cmd.mock_domain.out_idev_id);
	if (!golden_bind_object(g, name, "", cmd.mock_domain.out_stdev_id) ||
	    !golden_bind_object(g, name, ".hwpt", cmd.mock_domain.out_hwpt_id) ||
	    !golden_bind_object(g, name, ".dev", cmd.mock_domain.out_idev_id))
		return -ENOMEM;
	return 0;
}

static int run_mock_replace(struct golden *g)
{
	struct iommu_test_cmd cmd = {
		.id = named(g),
		.mock_domain_replace = {.pt_id = golden_object(g, "pt", 0)},
	};

	if (test(g, IOMMU_TEST_OP_MOCK_DOMAIN_REPLACE, &cmd))
		strbuf_add(&g->out, " id=%u", cmd.mock_domain_replace.pt_id);
	return g->rc;
}

static int pasid_change(struct golden *g, uint32_t op)
{
	struct iommu_test_cmd cmd = {
		.id = named(g),
		.pasid_attach = {.pasid = take_u32(g, "pasid", 0),
				 .pt_id = golden_object(g, "pt", 0)},
	};

	if (test(g, op, &cmd))
		strbuf_add(&g->out, " id=%u", cmd.pasid_attach.pt_id);
	return g->rc;
}

static int run_pasid_attach(struct golden *g)
{
	return pasid_change(g, IOMMU_TEST_OP_PASID_ATTACH);
}

static int run_pasid_replace(struct golden *g)
{
	return pasid_change(g, IOMMU_TEST_OP_PASID_REPLACE);
}

static int run_pasid_detach(struct golden *g)
{
	struct iommu_test_cmd cmd = {
		.id = named(g),
		.pasid_detach = {.pasid = take_u32(g, "pasid", 0)},
	};

	test(g, IOMMU_TEST_OP_PASID_DETACH, &cmd);
	return g->rc;
}

static int run_pasid_check(struct golden *g)
{
	struct iommu_test_cmd cmd = {
		.id = named(g),
		.pasid_check = {.pasid = take_u32(g, "pasid", 0),
				.hwpt_id = golden_object(g, "hwpt", 0)},
	};

	test(g, IOMMU_TEST_OP_PASID_CHECK_HWPT, &cmd);
	return g->rc;
}

static int run_iopf(struct golden *g)
{
	struct iommu_test_cmd cmd = {
		.trigger_iopf =
			{
				.dev_id = golden_object(g, "dev", 0),
				.pasid = take_u32(g, "pasid", 0),
				.grpid = take_u32(g, "grpid", 0),
				.perm = take_u32(g, "perm", 0),
				.addr = golden_number(g, "addr", 0),
			},
	};

	test(g, IOMMU_TEST_OP_TRIGGER_IOPF, &cmd);
	return g->rc;
}

static int run_vevent(struct golden *g)
{
	uint64_t times = golden_number(g, "n", 1);
	struct iommu_test_cmd cmd = {.trigger_vevent = {.dev_id = golden_object(g, "dev", 0)}};
	bool done = true;

	if (times > EVENTS_MAX)
		golden_bad(g, "%s: n is at most %u", g->op->name, EVENTS_MAX);
	for (uint64_t i = 0; i < times && done; i++) {
		strbuf_clear(&g->out);
		done = test(g, IOMMU_TEST_OP_TRIGGER_VEVENT, &cmd);
	}
	return g->rc;
}

/* ---- accesses ---- */

/* An access is named by its descriptor. */
static uint32_t access_id(struct golden *g)
{
	return (uint32_t)golden_fd(g, rec_bare(g->op, 1));
}

static int run_access_create(struct golden *g)
{
	struct iommu_test_cmd cmd = {
		.id = golden_object(g, "ioas", 0),
		.create_access = {.flags = take_u32(g, "flags", 0)},
	};

	if (!test(g, IOMMU_TEST_OP_CREATE_ACCESS, &cmd))
		return g->rc;
	return golden_bind_fd(g, rec_bare(g->op, 1), (int)cmd.create_access.out_access_fd);
}

static int run_access_pages(struct golden *g)
{
	struct iommu_test_cmd cmd = {
		.id = access_id(g),
		.access_pages =
			{
				.flags = take_u32(g, "flags", 0),
				.iova = golden_number(g, "iova", 0),
				.length = golden_number(g, "length", 0),
				.uptr = take_uptr(g),
			},
	};

	if (!test(g, IOMMU_TEST_OP_ACCESS_PAGES, &cmd))
		return g->rc;
	strbuf_add(&g->out, " id=%u", cmd.access_pages.out_access_pages_id);
	return golden_bind_object(g, rec_bare(g->op, 2), "", cmd.access_pages.out_access_pages_id)
		       ? 0
		       : -ENOMEM;
}

static int run_access_unpin(struct golden *g)
{
	struct iommu_test_cmd cmd = {
		.id = access_id(g),
		.destroy_access_pages =
			{
				.access_pages_id = golden_object_id(g, rec_bare(g->op, 2)),
			},
	};

	test(g, IOMMU_TEST_OP_DESTROY_ACCESS_PAGES, &cmd);
	return g->rc;
}

static int run_access_rw(struct golden *g)
{
	struct iommu_test_cmd cmd = {
		.id = access_id(g),
		.access_rw =
			{
				.flags = take_u32(g, "flags", 0),
				.iova = golden_number(g, "iova", 0),
				.length = golden_number(g, "length", 0),
			},
	};
	uint64_t uptr = take_uptr(g), len = cmd.access_rw.length;
	bool write = (cmd.access_rw.flags & MOCK_ACCESS_RW_WRITE) != 0, reached;
	uint8_t *copy = calloc(1, len <= ACCESS_MAX ? len + 1 : 1);

	if (!copy)
		return -ENOMEM;
	/* What the process could not have read or written, the ioctl cannot either. */
	reached = len > ACCESS_MAX || !sio_mem_read(g->s->process, uptr, copy, len);
	cmd.access_rw.uptr = reached ? (uintptr_t)copy : 0;
	if (test(g, IOMMU_TEST_OP_ACCESS_RW, &cmd) && !write && len &&
	    sio_mem_write(g->s->process, uptr, copy, len)) {
		strbuf_clear(&g->out);
		golden_answer(g, -EFAULT);
	}
	free(copy);
	return g->rc;
}

static int run_access_replace(struct golden *g)
{
	struct iommu_test_cmd cmd = {
		.id = access_id(g),
		.access_replace_ioas = {.ioas_id = golden_object(g, "ioas", 0)},
	};

	test(g, IOMMU_TEST_OP_ACCESS_REPLACE_IOAS, &cmd);
	return g->rc;
}

/* ---- looks inside ---- */

static int run_check_map(struct golden *g)
{
	struct iommu_test_cmd cmd = {
		.id = golden_object(g, "hwpt", 0),
		.check_map =
			{
				.iova = golden_number(g, "iova", 0),
				.length = golden_number(g, "length", 0),
				.uptr = take_uptr(g),
			},
	};

	test(g, IOMMU_TEST_OP_MD_CHECK_MAP, &cmd);
	return g->rc;
}

static int run_check_refs(struct golden *g)
{
	struct iommu_test_cmd cmd = {
		.check_refs =
			{
				.length = golden_number(g, "length", 0),
				.uptr = take_uptr(g),
				.refs = take_u32(g, "refs", 0),
			},
	};

	test(g, IOMMU_TEST_OP_MD_CHECK_REFS, &cmd);
	return g->rc;
}

static int run_check_iotlb(struct golden *g)
{
	struct iommu_test_cmd cmd = {
		.id = named(g),
		.check_iotlb = {.id = take_u32(g, "id", 0), .iotlb = take_u32(g, "iotlb", 0)},
	};

	test(g, IOMMU_TEST_OP_MD_CHECK_IOTLB, &cmd);
	return g->rc;
}

static int run_check_cache(struct golden *g)
{
	struct iommu_test_cmd cmd = {
		.id = named(g),
		.check_dev_cache =
			{
				.id = take_u32(g, "id", 0),
				.cache = take_u32(g, "cache", IOMMU_TEST_DEV_CACHE_DEFAULT),
			},
	};

	test(g, IOMMU_TEST_OP_DEV_CHECK_CACHE, &cmd);
	return g->rc;
}

static int run_add_reserved(struct golden *g)
{
	struct iommu_test_cmd cmd = {
		.id = named(g),
		.add_reserved =
			{
				.start = golden_number(g, "start", 0),
				.length = golden_number(g, "length", 0),
			},
	};

	test(g, IOMMU_TEST_OP_ADD_RESERVED, &cmd);
	return g->rc;
}

static int run_memory_limit(struct golden *g)
{
	struct iommu_test_cmd cmd = {.memory_limit = {.limit = take_u32(g, "limit", 0)}};

	test(g, IOMMU_TEST_OP_SET_TEMP_MEMORY_LIMIT, &cmd);
	return g->rc;
}

/* "bits=", and zeros behind it as far as the operation looks. */
static uint8_t *take_bits(struct golden *g, uint64_t bytes)
{
	size_t len;
	uint8_t *given = golden_hex(g, "bits", &len), *bits;

	if (g->rc || !given) {
		free(given);
		return NULL;
	}
	if (bytes > BITMAP_MAX)
		bytes = BITMAP_MAX;
	bits = calloc(1, bytes > len ? bytes : len + 1);
	if (bits)
		memcpy(bits, given, len);
	else
		g->rc = -ENOMEM;
	free(given);
	return bits;
}

static int run_dirty(struct golden *g)
{
	struct iommu_test_cmd cmd = {
		.id = named(g),
		.dirty =
			{
				.flags = take_u32(g, "flags", 0),
				.iova = golden_number(g, "iova", 0),
				.length = golden_number(g, "length", 0),
				.page_size = golden_number(g, "pgsize", 0),
			},
	};
	uint64_t pages = cmd.dirty.page_size ? cmd.dirty.length / cmd.dirty.page_size : 0;
	uint8_t *bits = take_bits(g, pages / 64 * 8 + 8);

	cmd.dirty.uptr = (uintptr_t)bits;
	if (test(g, IOMMU_TEST_OP_DIRTY, &cmd))
		strbuf_add(&g->out, " nr_dirty=%llu", cmd.dirty.out_nr_dirty);
	free(bits);
	return g->rc;
}

/* ---- DMA buffers, and what has no name of its own ---- */

static int run_dmabuf_get(struct golden *g)
{
	struct iommu_test_cmd cmd = {
		.op = IOMMU_TEST_OP_DMABUF_GET,
		.dmabuf_get =
			{
				.length = take_u32(g, "length", 0),
				.open_flags = take_u32(g, "open_flags", 0),
			},
	};
	long ret = g->rc ? -EINVAL
			 : golden_command(g, golden_fd(g, rec_bare(g->op, 0)), IOMMU_TEST_CMD, &cmd,
					  sizeof(cmd));

	if (g->rc)
		return g->rc;
	golden_answer(g, ret < 0 ? ret : 0);
	return ret < 0 ? 0 : golden_bind_fd(g, rec_bare(g->op, 1), (int)ret);
}

static int run_dmabuf_revoke(struct golden *g)
{
	struct iommu_test_cmd cmd = {
		.dmabuf_revoke =
			{
				.dmabuf_fd = golden_fd(g, rec_bare(g->op, 1)),
				.revoked = take_u32(g, "revoked", 1),
			},
	};

	test(g, IOMMU_TEST_OP_DMABUF_REVOKE, &cmd);
	return g->rc;
}

static int run_op(struct golden *g)
{
	struct iommu_test_cmd cmd = {
		.id = golden_object(g, "id", 0),
		.create_access = {take_u32(g, "a", 0), take_u32(g, "b", 0)},
	};
	uint32_t op = (uint32_t)golden_need(g, "op");

	test(g, op, &cmd);
	return g->rc;
}

const struct golden_word golden_mock_words[] = {
	{"t_mock_domain", run_mock_domain, 2, 2, "pt dev_flags argsz tail ro"},
	{"t_mock_replace", run_mock_replace, 2, 2, "pt argsz tail ro"},
	{"t_pasid_attach", run_pasid_attach, 2, 2, "pasid pt argsz tail ro"},
	{"t_pasid_replace", run_pasid_replace, 2, 2, "pasid pt argsz tail ro"},
	{"t_pasid_detach", run_pasid_detach, 2, 2, "pasid argsz tail ro"},
	{"t_pasid_check", run_pasid_check, 2, 2, "pasid hwpt argsz tail ro"},
	{"t_iopf", run_iopf, 1, 1, "dev pasid grpid perm addr argsz tail ro"},
	{"t_vevent", run_vevent, 1, 1, "dev n argsz tail ro"},
	{"t_access_create", run_access_create, 2, 2, "ioas flags argsz tail ro"},
	{"t_access_pages", run_access_pages, 3, 3, "iova length buf off vaddr flags argsz tail ro"},
	{"t_access_unpin", run_access_unpin, 3, 3, "argsz tail ro"},
	{"t_access_rw", run_access_rw, 2, 2, "iova length buf off vaddr flags argsz tail ro"},
	{"t_access_replace", run_access_replace, 2, 2, "ioas argsz tail ro"},
	{"t_check_map", run_check_map, 1, 1, "hwpt iova length buf off vaddr argsz tail ro"},
	{"t_check_refs", run_check_refs, 1, 1, "buf off vaddr length refs argsz tail ro"},
	{"t_check_iotlb", run_check_iotlb, 2, 2, "id iotlb argsz tail ro"},
	{"t_check_cache", run_check_cache, 2, 2, "id cache argsz tail ro"},
	{"t_add_reserved", run_add_reserved, 2, 2, "start length argsz tail ro"},
	{"t_memory_limit", run_memory_limit, 1, 1, "limit argsz tail ro"},
	{"t_dirty", run_dirty, 2, 2, "flags iova length pgsize bits argsz tail ro"},
	{"t_dmabuf_get", run_dmabuf_get, 2, 2, "length open_flags argsz tail ro"},
	{"t_dmabuf_revoke", run_dmabuf_revoke, 2, 2, "revoked argsz tail ro"},
	{"t_op", run_op, 1, 1, "op id a b argsz tail ro"},
	{NULL, NULL, 0, 0, NULL},
};
