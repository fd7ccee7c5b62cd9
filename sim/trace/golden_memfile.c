// SPDX-License-Identifier: GPL-2.0-only
/*
 * Recordings: files that are memory, and files that only stand in the way.
 *
 * A file without a kind is a memfd that can be sealed. Files that hold no memory that could be
 * pinned (a pipe, /dev/zero, a file of /proc) are told apart by nothing that a recording looks at.
 */
#include "trace/golden_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define CHUNK 16384u
/* Most bytes that one line moves. */
#define BYTES_MAX (UINT64_C(1) << 28)
/* No file is longer. */
#define FILE_END (UINT64_C(1) << 63)

static int run_memfd(struct golden *g)
{
	const char *kind = rec_value(g->op, "kind");
	struct sio_memfd_cfg memfile = {
		.size = golden_number(g, "size", 0),
		.hugetlb = kind && !strcmp(kind, "huge"),
		.no_seals = kind && (!strcmp(kind, "tmp") || !strcmp(kind, "ro")),
		.read_only = kind && !strcmp(kind, "ro"),
		.contiguity = golden_number(g, "huge", 0) ? SIO_RUN_2M : SIO_RUN_4K,
	};
	bool other =
		kind && (!strcmp(kind, "zero") || !strcmp(kind, "proc") || !strcmp(kind, "pipe"));
	int fd;

	if (kind && !other && !memfile.hugetlb && !memfile.no_seals)
		golden_bad(g, "kind: \"%.20s\" is none of huge, tmp, ro, zero, proc, pipe", kind);
	if (g->rc)
		return g->rc;
	fd = other ? sio_eventfd(g->s->process) : sio_memfd_open(g->s->process, &memfile);
	golden_answer(g, fd < 0 ? -errno : 0);
	return fd < 0 ? 0 : golden_bind_fd(g, rec_bare(g->op, 0), fd);
}

static void answer(struct golden *g, ssize_t ret)
{
	golden_answer(g, ret < 0 ? -errno : ret);
}

static int run_file_size(struct golden *g)
{
	uint64_t size = golden_need(g, "size");

	if (!g->rc)
		answer(g, sio_file_truncate(g->s->process, golden_fd(g, rec_bare(g->op, 0)), size));
	return g->rc;
}

static int run_file_seal(struct golden *g)
{
	unsigned seals = (unsigned)golden_need(g, "seals");

	if (!g->rc)
		answer(g, sio_file_seal(g->s->process, golden_fd(g, rec_bare(g->op, 0)), seals));
	return g->rc;
}

static int run_file_punch(struct golden *g)
{
	uint64_t off = golden_number(g, "off", 0), size = golden_number(g, "size", SIO_PAGE_SIZE);

	if (!g->rc)
		answer(g,
		       sio_file_punch(g->s->process, golden_fd(g, rec_bare(g->op, 0)), off, size));
	return g->rc;
}

static uint64_t take_bytes(struct golden *g)
{
	uint64_t size = golden_number(g, "size", SIO_PAGE_SIZE);

	if (size > BYTES_MAX)
		golden_bad(g, "%s: size is at most 0x%llx", g->op->name,
			   (unsigned long long)BYTES_MAX);
	return size;
}

static int run_file_write(struct golden *g)
{
	uint64_t off = golden_number(g, "off", 0), size = take_bytes(g);
	uint32_t x = (uint32_t)golden_number(g, "seed", 1);
	int fd = golden_fd(g, rec_bare(g->op, 0));
	uint8_t chunk[CHUNK];
	uint64_t done = 0;
	ssize_t ret = 0;

	while (!g->rc && done < size) {
		size_t len = size - done < CHUNK ? (size_t)(size - done) : CHUNK;

		x = golden_sequence(chunk, len, x);
		ret = sio_pwrite(g->s->process, fd, chunk, len, off + done);
		if (ret <= 0)
			break;
		done += (uint64_t)ret;
	}
	answer(g, done ? (ssize_t)done : ret);
	return g->rc;
}

static int run_file_check(struct golden *g)
{
	uint64_t off = golden_number(g, "off", 0), size = take_bytes(g);
	int fd = golden_fd(g, rec_bare(g->op, 0));
	uLong crc = crc32(0, NULL, 0);
	uint8_t chunk[CHUNK];
	uint64_t done = 0;
	ssize_t ret = 0;

	while (!g->rc && done < size) {
		size_t len = size - done < CHUNK ? (size_t)(size - done) : CHUNK;

		ret = sio_pread(g->s->process, fd, chunk, len, off + done);
		if (ret <= 0)
			break;
		crc = crc32(crc, chunk, (uInt)ret);
		done += (uint64_t)ret;
	}
	answer(g, done ? (ssize_t)done : ret);
	if (done || !ret)
		strbuf_add(&g->out, " crc32=0x%08lx", crc);
	return g->rc;
}

/* Without a size: the whole file from `off` on. A byte can be read exactly before the end. */
static uint64_t file_bytes(struct golden *g, int fd, uint64_t off)
{
	uint64_t first = 0, end = FILE_END;
	uint8_t byte;

	while (first < end) {
		uint64_t middle = first + (end - first) / 2;

		if (sio_pread(g->s->process, fd, &byte, 1, middle) == 1)
			first = middle + 1;
		else
			end = middle;
	}
	return first > off ? first - off : 0;
}

static int run_buffer_file(struct golden *g)
{
	int fd = golden_fd(g, rec_bare(g->op, 1));
	const char *prot = rec_value(g->op, "prot");
	struct sio_file_map map = {
		.fd = fd,
		.offset = golden_number(g, "off", 0),
		.prot = prot && !strcmp(prot, "r") ? SIO_PROT_READ : SIO_PROT_RW,
	};
	struct golden_name *entry;

	map.size = rec_value(g->op, "size") ? golden_number(g, "size", 0)
					    : file_bytes(g, fd, map.offset);
	if (g->rc)
		return g->rc;
	map.address = golden_next_address(g, UINT64_C(0x200000));
	golden_answer(g, sio_mem_map_file(g->s->process, &map, &map.address));
	entry = golden_bind(g, GOLDEN_BUFFER, rec_bare(g->op, 0));
	if (!entry)
		return -ENOMEM;
	entry->buffer.address = map.address;
	entry->buffer.size = map.size;
	return 0;
}

const struct golden_word golden_memfile_words[] = {
	{"memfd", run_memfd, 1, 1, "size kind huge"},
	{"file_size", run_file_size, 1, 1, "size"},
	{"file_seal", run_file_seal, 1, 1, "seals"},
	{"file_punch", run_file_punch, 1, 1, "off size"},
	{"file_write", run_file_write, 1, 1, "off size seed"},
	{"file_check", run_file_check, 1, 1, "off size"},
	{"buffer_file", run_buffer_file, 2, 2, "off size prot"},
	{NULL, NULL, 0, 0, NULL},
};
