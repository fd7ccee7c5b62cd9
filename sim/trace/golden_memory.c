// SPDX-License-Identifier: GPL-2.0-only
/*
 * Recordings: the memory of the process.
 *
 * Buffers lie 64 GiB apart, so that past the end of one there is nothing; the k-th one is a
 * multiple of its alignment and not of twice that. Memory without huge pages comes from scattered
 * frames unless golden_layout.c found otherwise, with them from 2 MiB runs.
 */
#include "trace/golden_priv.h"

#include <errno.h>
#include <string.h>
#include <zlib.h>

#define BUFFER_SPACING UINT64_C(0x1000000000)
#define BUFFER_ALIGN   UINT64_C(0x200000)

uint64_t golden_next_address(struct golden *g, uint64_t align)
{
	return BUFFER_SPACING * ++g->buffers + align;
}

struct span {
	uint64_t address, size;
	const struct golden_name *buffer;
};

static bool take_prot(struct golden *g, unsigned absent, unsigned *prot)
{
	static const struct {
		const char *name;
		unsigned prot;
	} names[] = {
		{"none", SIO_PROT_NONE},
		{"r", SIO_PROT_READ},
		{"w", SIO_PROT_WRITE},
		{"rw", SIO_PROT_RW},
	};
	const char *text = rec_value(g->op, "prot");

	*prot = absent;
	for (size_t i = 0; text && i < SIO_ARRAY_SIZE(names); i++) {
		if (strcmp(names[i].name, text))
			continue;
		*prot = names[i].prot;
		return true;
	}
	if (text)
		golden_bad(g, "prot: \"%.20s\" is none of none, r, w, rw", text);
	return !text;
}

static bool take_kind(struct golden *g, enum sio_mem_kind *kind)
{
	const char *text = rec_value(g->op, "kind");

	*kind = SIO_MEM_ANON;
	if (!text)
		return true;
	if (!strcmp(text, "shared"))
		*kind = SIO_MEM_SHARED;
	else if (!strcmp(text, "memfd"))
		*kind = SIO_MEM_MEMFD;
	else if (!strcmp(text, "memfd_private"))
		*kind = SIO_MEM_MEMFD_PRIVATE;
	else
		golden_bad(g, "kind: \"%.20s\" is none of shared, memfd, memfd_private", text);
	return !g->rc;
}

/* One byte a page: written, or read where the memory is not writable. */
static int touch(struct golden *g, const struct sio_mem *mem)
{
	int rc = 0;

	for (uint64_t at = 0; at < mem->size && !rc; at += SIO_PAGE_SIZE) {
		uint8_t byte = 0;

		if (mem->prot & SIO_PROT_WRITE)
			rc = sio_mem_write(g->s->process, mem->address + at, &byte, 1);
		else
			rc = sio_mem_read(g->s->process, mem->address + at, &byte, 1);
	}
	return rc;
}

static int run_buffer(struct golden *g)
{
	uint64_t align = golden_number(g, "align", BUFFER_ALIGN);
	uint64_t huge = golden_number(g, "huge", 0);
	uint64_t wants_touch = golden_number(g, "touch", 0);
	struct sio_mem mem = {.size = golden_need(g, "size")};
	struct golden_name *entry;
	int rc;

	if (!take_prot(g, SIO_PROT_RW, &mem.prot) || !take_kind(g, &mem.kind))
		return g->rc;
	if (huge > 2 || align >= BUFFER_SPACING || align % SIO_PAGE_SIZE)
		golden_bad(g, "buffer: huge is 0 to 2, align a multiple of 4096 below 2^36");
	if (g->rc)
		return g->rc;
	mem.contiguity = huge ? SIO_RUN_2M : g->contiguity;
	mem.hugetlb = huge == 2;
	mem.address = golden_next_address(g, align);
	rc = sio_mem_map(g->s->process, &mem, &mem.address);
	if (!rc && wants_touch)
		rc = touch(g, &mem);
	golden_answer(g, rc);
	/* Where this fails and the recording did not, later lines name a buffer without memory. */
	entry = golden_bind(g, GOLDEN_BUFFER, rec_bare(g->op, 0));
	if (!entry)
		return -ENOMEM;
	entry->buffer.address = mem.address;
	entry->buffer.size = mem.size;
	entry->buffer.contiguity = mem.contiguity;
	return 0;
}

/* "B off= size=": part of a buffer, or past its end; without a size, its rest. */
static bool take_span(struct golden *g, struct span *span)
{
	uint64_t off = golden_number(g, "off", 0), rest;

	span->buffer = golden_buffer(g, rec_bare(g->op, 0));
	if (g->rc)
		return false;
	rest = span->buffer->buffer.size > off ? span->buffer->buffer.size - off : 0;
	span->address = span->buffer->buffer.address + off;
	span->size = golden_number(g, "size", rest);
	return !g->rc;
}

static int on_span(struct golden *g,
		   int (*call)(struct sio_process *process, uint64_t address, uint64_t size))
{
	struct span span;

	if (!take_span(g, &span))
		return g->rc;
	golden_answer(g, call(g->s->process, span.address, span.size));
	return 0;
}

static int run_bufunmap(struct golden *g)
{
	return on_span(g, sio_mem_unmap);
}

static int run_bufdiscard(struct golden *g)
{
	return on_span(g, sio_mem_discard);
}

static int run_mlock(struct golden *g)
{
	return on_span(g, sio_mem_lock);
}

static int run_munlock(struct golden *g)
{
	return on_span(g, sio_mem_unlock);
}

static int run_bufprot(struct golden *g)
{
	struct span span;
	unsigned prot;

	if (!rec_value(g->op, "prot"))
		golden_bad(g, "bufprot needs prot=");
	if (!take_prot(g, 0, &prot) || !take_span(g, &span))
		return g->rc;
	golden_answer(g, sio_mem_protect(g->s->process, span.address, span.size, prot));
	return 0;
}

static int run_bufmap(struct golden *g)
{
	struct sio_mem mem = {.prot = SIO_PROT_RW};
	struct span span;

	if (!take_span(g, &span))
		return g->rc;
	mem.address = span.address;
	mem.size = span.size;
	mem.contiguity = span.buffer->buffer.contiguity;
	golden_answer(g, sio_mem_map(g->s->process, &mem, &mem.address));
	return 0;
}

uint32_t golden_sequence(uint8_t *bytes, size_t len, uint32_t x)
{
	for (size_t i = 0; i < len; i++) {
		x = x * 1664525u + 1013904223u;
		bytes[i] = (uint8_t)(x >> 24);
	}
	return x;
}

static int fill(struct golden *g, bool is_sequence, uint64_t start)
{
	uint8_t chunk[16384];
	uint32_t x = (uint32_t)start;
	struct span span;
	int rc = 0;

	if (!take_span(g, &span))
		return g->rc;
	memset(chunk, (int)(start & 0xff), sizeof(chunk));
	for (uint64_t at = 0; at < span.size && !rc;) {
		size_t len =
			span.size - at < sizeof(chunk) ? (size_t)(span.size - at) : sizeof(chunk);

		if (is_sequence)
			x = golden_sequence(chunk, len, x);
		rc = sio_mem_write(g->s->process, span.address + at, chunk, len);
		at += len;
	}
	golden_answer(g, rc);
	return 0;
}

static int run_fill(struct golden *g)
{
	return fill(g, false, golden_need(g, "byte"));
}

static int run_fillseq(struct golden *g)
{
	return fill(g, true, golden_need(g, "seed"));
}

static int run_check(struct golden *g)
{
	uint8_t chunk[16384];
	uLong crc = crc32(0, NULL, 0);
	struct span span;
	int rc = 0;

	if (!take_span(g, &span))
		return g->rc;
	for (uint64_t at = 0; at < span.size && !rc;) {
		size_t len =
			span.size - at < sizeof(chunk) ? (size_t)(span.size - at) : sizeof(chunk);

		rc = sio_mem_read(g->s->process, span.address + at, chunk, len);
		crc = crc32(crc, chunk, (uInt)len);
		at += len;
	}
	golden_answer(g, rc);
	if (!rc)
		strbuf_add(&g->out, " crc32=0x%08lx", crc);
	return 0;
}

const struct golden_word golden_memory_words[] = {
	{"buffer", run_buffer, 1, 1, "size prot huge align touch kind"},
	{"bufprot", run_bufprot, 1, 1, "off size prot"},
	{"bufunmap", run_bufunmap, 1, 1, "off size"},
	{"bufmap", run_bufmap, 1, 1, "off size"},
	{"bufdiscard", run_bufdiscard, 1, 1, "off size"},
	{"mlock", run_mlock, 1, 1, "off size"},
	{"munlock", run_munlock, 1, 1, "off size"},
	{"fill", run_fill, 1, 1, "off size byte"},
	{"fillseq", run_fillseq, 1, 1, "off size seed"},
	{"check", run_check, 1, 1, "off size"},
	{NULL, NULL, 0, 0, NULL},
};
