// SPDX-License-Identifier: GPL-2.0-only
/*
 * The memory of processes against recordings of Linux 6.12.117.
 *
 * The sessions below are lines of recordings as they are: operation, " => ", what the kernel
 * answered. A player small enough to be read does what they say with the address space under test;
 * in the place of a container it keeps a list of pinned runs, and where a mapping failed for a
 * reason that is not memory it believes the recording. Compared are: whether memory can be pinned,
 * what munmap, madvise and their kin answer, VmLck, the size an unmap reports, and the CRC of what
 * the process sees after the device wrote.
 *
 * With arguments, the files they name are played instead.
 */
#include "mm_fixture.h"

#include <stdio.h>

#define NAMES    32
#define MAPPINGS 4096
#define RUNS     4096

struct named {
	char name[32];
	uint64_t va; /* buffer: address; 0: not there */
};

struct mapping {
	char container[32];
	uint64_t iova, size, va;
	unsigned flags;
	struct mm *owner;
	uint64_t charged;
	struct pin_run *runs;
	unsigned n_runs;
};

static struct {
	struct named buffers[NAMES];
	unsigned n_buffers;
	unsigned count; /* buffers of the session, for addresses */
	struct mapping mappings[MAPPINGS];
	unsigned n_mappings;
	struct mm *stack[8]; /* parents of the process that executes */
	unsigned depth;
	struct task task;
	uint8_t device[16][4096];
	char device_name[16][32];
	uint8_t *bars[NAMES];
	unsigned n_bars;
	char line[1024];
	unsigned number;
	const char *args, *result;
} s;

/* ---- words of a line ---- */

/* The word after "key=" in text, 0-terminated in buf. False: none. */
static bool word_of(const char *text, const char *key, char *buf, size_t size)
{
	size_t len = strlen(key);
	const char *at = text;

	while ((at = strstr(at, key)) && !(at[len] == '=' && (at == text || at[-1] == ' ')))
		at += len;
	if (!at)
		return false;
	at += len + 1;
	snprintf(buf, size, "%.*s", (int)strcspn(at, " \n"), at);
	return true;
}

static uint64_t number_of(const char *text, const char *key, uint64_t absent)
{
	char buf[64];

	return word_of(text, key, buf, sizeof(buf)) ? strtoull(buf, NULL, 0) : absent;
}

/* The n-th word without "=". */
static void plain(unsigned n, char *buf, size_t size)
{
	const char *at = s.args;

	for (; n; n--) {
		at += strcspn(at, " ");
		at += strspn(at, " ");
	}
	snprintf(buf, size, "%.*s", (int)strcspn(at, " "), at);
}

static int recorded_rc(void)
{
	static const struct {
		const char *name;
		int value;
	} errnos[] = {{"EINVAL", EINVAL}, {"ENOMEM", ENOMEM}, {"EFAULT", EFAULT},
		      {"EPERM", EPERM},   {"EEXIST", EEXIST}, {"EBUSY", EBUSY}};
	char name[32];

	if (!word_of(s.result, "errno", name, sizeof(name)))
		return 0;
	for (size_t i = 0; i < SIO_ARRAY_SIZE(errnos); i++)
		if (!strcmp(errnos[i].name, name))
			return -errnos[i].value;
	return -1000;
}

static unsigned protection(const char *text, const char *key, unsigned absent)
{
	char buf[32];

	if (!word_of(text, key, buf, sizeof(buf)))
		return absent;
	if (buf[0] >= '0' && buf[0] <= '9')
		return (unsigned)strtoul(buf, NULL, 0);
	return (strchr(buf, 'r') ? MM_READ : 0U) | (strchr(buf, 'w') ? MM_WRITE : 0U);
}

static void agree(uint64_t got, uint64_t want, const char *what)
{
	if (got != want)
		ck_abort_msg("line %u: %s is %#llx here: %s => %s", s.number, what,
			     (unsigned long long)got, s.line, s.result);
}

static void agree_rc(int rc)
{
	agree((uint64_t)rc, (uint64_t)recorded_rc(), "the answer");
}

/* ---- buffers ---- */

static uint64_t buffer_va(const char *name)
{
	for (unsigned i = s.n_buffers; i; i--)
		if (!strcmp(s.buffers[i - 1].name, name))
			return s.buffers[i - 1].va;
	return 0;
}

static uint64_t op_va(void)
{
	char name[32];

	plain(0, name, sizeof(name));
	return buffer_va(name) + number_of(s.args, "off", 0);
}

static void buffer_add(uint64_t va)
{
	struct named *buffer = &s.buffers[s.n_buffers++];

	ck_assert_uint_le(s.n_buffers, NAMES);
	plain(0, buffer->name, sizeof(buffer->name));
	buffer->va = va;
}

static void do_buffer(void)
{
	unsigned huge = (unsigned)number_of(s.args, "huge", 0);
	struct mm_map_req req = {
		.va = UINT64_C(0x1000000000) * ++s.count + number_of(s.args, "align", HUGE),
		.len = number_of(s.args, "size", 0),
		.prot = protection(s.args, "prot", RW),
		.hugetlb = huge == 2,
		.contiguity = huge ? MM_RUN_2M : MM_RUN_4K,
	};
	char kind[32] = "";

	word_of(s.args, "kind", kind, sizeof(kind));
	if (!strcmp(kind, "shared"))
		req.kind = MM_SHARED;
	if (!strcmp(kind, "memfd"))
		req.kind = MM_FILE_SHARED;
	if (!strcmp(kind, "memfd_private"))
		req.kind = MM_FILE_PRIVATE;
	agree_rc(mm_sim_map(mm, &req));
	buffer_add(req.va);
	if (number_of(s.args, "touch", 0) && req.prot)
		agree_rc(mm_sim_touch(mm, req.va, req.len));
}

static bool bar_read(void *ctx, uint64_t offset, void *buf, uint64_t len)
{
	memcpy(buf, (uint8_t *)ctx + offset, len);
	return true;
}

static bool bar_write(void *ctx, uint64_t offset, const void *buf, uint64_t len)
{
	memcpy((uint8_t *)ctx + offset, buf, len);
	return true;
}

static void do_mmap_bar(void)
{
	static const struct phys_window_ops ops = {bar_read, bar_write};
	uint64_t size = number_of(s.result, "size", 0);
	pa_t pa = phys_window_place(phys, size);
	struct mm_map_req req = {
		.va = UINT64_C(0x1000000000) * ++s.count + HUGE,
		.len = size,
		.prot = RW,
		.kind = MM_PFN,
		.pfn_pa = pa,
	};

	s.bars[s.n_bars] = calloc(1, size);
	ck_assert(phys_window_add(phys, pa, pa + size - 1, &ops, s.bars[s.n_bars++]));
	agree_rc(mm_sim_map(mm, &req));
	buffer_add(req.va);
}

static void do_bufmap(void)
{
	struct mm_map_req req = {
		.va = op_va(),
		.len = number_of(s.args, "size", 0),
		.prot = RW,
		.contiguity = MM_RUN_4K,
	};

	agree_rc(mm_sim_map(mm, &req));
}

static void do_fill(bool sequence)
{
	uint64_t size = number_of(s.args, "size", 0);
	uint32_t x = (uint32_t)number_of(s.args, "seed", 0);
	uint8_t *bytes = malloc(size);

	memset(bytes, (int)number_of(s.args, "byte", 0), size);
	for (uint64_t i = 0; sequence && i < size; i++) {
		x = x * 1664525 + 1013904223;
		bytes[i] = (uint8_t)(x >> 24);
	}
	agree_rc(mm_sim_write(mm, op_va(), bytes, size));
	free(bytes);
}

static uint32_t crc32_of(const uint8_t *bytes, uint64_t len)
{
	uint32_t crc = ~UINT32_C(0);

	for (uint64_t i = 0; i < len; i++) {
		crc ^= bytes[i];
		for (unsigned k = 0; k < 8; k++)
			crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0xedb88320) : 0);
	}
	return ~crc;
}

static void do_check(void)
{
	uint64_t size = number_of(s.args, "size", 0);
	uint8_t *bytes = malloc(size);
	int rc = mm_sim_read(mm, op_va(), bytes, size);

	agree_rc(rc);
	if (!rc)
		agree(crc32_of(bytes, size), number_of(s.result, "crc32", 0), "the CRC");
	free(bytes);
}

/* ---- mappings ---- */

static void mapping_drop(struct mapping *m)
{
	for (unsigned i = 0; i < m->n_runs; i++)
		m->owner->ops->unpin(m->owner, &m->runs[i], true);
	if (mm_alive(m->owner))
		m->owner->locked_pages -= m->charged;
	mm_put(m->owner);
	free(m->runs);
	*m = s.mappings[--s.n_mappings];
}

static int mapping_pin(struct mapping *m)
{
	uint64_t pages = m->size / PAGE;
	unsigned n = 0;

	m->runs = calloc(RUNS, sizeof(*m->runs));
	for (uint64_t done = 0; done < pages; done += m->runs[n++].pages) {
		int rc;

		ck_assert_uint_lt(n, RUNS);
		rc = mm->ops->pin(mm, m->va + done * PAGE, pages - done, m->flags & 2, &m->runs[n]);
		if (rc) {
			while (n)
				mm->ops->unpin(mm, &m->runs[--n], false);
			free(m->runs);
			return rc;
		}
		m->charged += m->runs[n].reserved ? 0 : m->runs[n].pages;
	}
	m->n_runs = n;
	return 0;
}

/* MAP with the VADDR flag: a new address, the charge goes to the caller. */
static void remap_vaddr(const struct mapping *wanted)
{
	for (unsigned i = 0; i < s.n_mappings; i++) {
		struct mapping *m = &s.mappings[i];

		if (strcmp(m->container, wanted->container) || m->iova != wanted->iova)
			continue;
		m->va = wanted->va;
		if (mm_alive(m->owner))
			m->owner->locked_pages -= m->charged;
		mm->locked_pages += m->charged;
		mm_put(m->owner);
		m->owner = mm_get(mm);
	}
}

static void do_map(void)
{
	char name[32];
	int recorded = recorded_rc();
	struct mapping m = {
		.iova = number_of(s.args, "iova", 0),
		.size = number_of(s.args, "size", 0),
		.flags = protection(s.args, "flags", RW),
	};
	int rc;

	plain(0, m.container, sizeof(m.container));
	m.va = number_of(s.args, "vaddr", 0);
	if (word_of(s.args, "buf", name, sizeof(name)))
		m.va = buffer_va(name) + number_of(s.args, "off", 0);
	if (!recorded && (m.flags & 4)) {
		remap_vaddr(&m);
		return;
	}
	if (recorded && recorded != -EFAULT)
		return; /* refused before or after memory was asked */
	rc = mapping_pin(&m);
	agree_rc(rc);
	if (rc)
		return;
	m.owner = mm_get(mm);
	mm->locked_pages += m.charged;
	ck_assert_uint_lt(s.n_mappings, MAPPINGS);
	s.mappings[s.n_mappings++] = m;
}

/* The lowest mapping of the container with a byte in [iova, last]. */
static struct mapping *mapping_in(const char *container, uint64_t iova, uint64_t last)
{
	struct mapping *best = NULL;

	for (unsigned i = 0; i < s.n_mappings; i++) {
		struct mapping *m = &s.mappings[i];

		if (!strcmp(m->container, container) && m->iova <= last &&
		    m->iova + (m->size - 1) >= iova && (!best || m->iova < best->iova))
			best = m;
	}
	return best;
}

static void do_unmap(void)
{
	uint64_t iova = number_of(s.args, "iova", 0);
	uint64_t size = number_of(s.args, "size", 0);
	unsigned flags = (unsigned)number_of(s.args, "flags", 0);
	uint64_t removed = 0;
	struct mapping *m;
	char container[32];

	plain(0, container, sizeof(container));
	if (recorded_rc() || (flags & 4))
		return;
	if (flags & 2)
		size = UINT64_MAX;
	else if (!(iova + size))
		size = 0; /* a range that ends at 2^64 is never found */
	while (size && (m = mapping_in(container, iova, iova + (size - 1))) && m->iova >= iova) {
		removed += m->size;
		mapping_drop(m);
	}
	agree(removed, number_of(s.result, "size", 0), "the size");
}

/* ---- the device ---- */

static uint8_t *device_buffer(void)
{
	char name[32];
	unsigned i;

	plain(0, name, sizeof(name));
	for (i = 0; s.device_name[i][0] && strcmp(s.device_name[i], name); i++)
		;
	snprintf(s.device_name[i], sizeof(s.device_name[i]), "%s", name);
	return s.device[i];
}

static pa_t translate(uint64_t iova, unsigned flag)
{
	for (unsigned i = 0; i < s.n_mappings; i++) {
		const struct mapping *m = &s.mappings[i];
		uint64_t page = (iova - m->iova) / PAGE;

		if (iova < m->iova || iova - m->iova >= m->size || !(m->flags & flag))
			continue;
		for (unsigned k = 0; k < m->n_runs; page -= m->runs[k++].pages)
			if (page < m->runs[k].pages)
				return run_pa(&m->runs[k], page) + iova % PAGE;
	}
	return PA_NONE;
}

static void do_dma(bool to_device)
{
	uint8_t *buf = device_buffer() + number_of(s.args, "dev", 0);
	uint64_t iova = number_of(s.args, "iova", 0);
	uint64_t len = number_of(s.args, "len", 0);

	while (len) {
		uint64_t n = page_min(len, PAGE - iova % PAGE);
		pa_t pa = translate(iova, to_device ? 1 : 2);

		if (pa == PA_NONE) {
			if (to_device)
				memset(buf, 0, len); /* what this device makes of an error */
			return;
		}
		if (to_device)
			phys_read(phys, pa, buf, n);
		else
			phys_write(phys, pa, buf, n);
		iova += n;
		buf += n;
		len -= n;
	}
}

/* ---- processes ---- */

static void do_fork(bool orphan)
{
	struct mm *child = mm_sim_fork(mm);

	ck_assert_ptr_nonnull(child);
	if (orphan) {
		exit_mm(mm);
	} else {
		ck_assert_uint_lt(s.depth, SIO_ARRAY_SIZE(s.stack));
		s.stack[s.depth++] = mm;
	}
	mm = child;
	s.task.mm = mm;
}

static void do_endfork(void)
{
	audit(mm);
	exit_mm(mm);
	mm = s.stack[--s.depth];
	s.task.mm = mm;
}

/* ---- the player ---- */

/* False: the session goes on with something this player does not follow. */
static bool play_line(const char *op)
{
	uint64_t size = number_of(s.args, "size", 0);

	if (!strcmp(op, "buffer"))
		do_buffer();
	else if (!strcmp(op, "mmap_bar"))
		do_mmap_bar();
	else if (!strcmp(op, "bufprot"))
		agree_rc(mm_sim_protect(mm, op_va(), size, protection(s.args, "prot", RW)));
	else if (!strcmp(op, "bufunmap"))
		agree_rc(mm_sim_unmap(mm, op_va(), size));
	else if (!strcmp(op, "bufmap"))
		do_bufmap();
	else if (!strcmp(op, "bufdiscard"))
		agree_rc(mm_sim_discard(mm, op_va(), size));
	else if (!strcmp(op, "mlock"))
		agree_rc(mm_sim_lock(mm, &s.task, op_va(), size));
	else if (!strcmp(op, "munlock"))
		agree_rc(mm_sim_unlock(mm, op_va(), size));
	else if (!strcmp(op, "fill") || !strcmp(op, "fillseq"))
		do_fill(!strcmp(op, "fillseq"));
	else if (!strcmp(op, "check"))
		do_check();
	else if (!strcmp(op, "locked"))
		agree(mm->locked_pages * 4, number_of(s.result, "VmLck", 0), "VmLck");
	else if (!strcmp(op, "map") || !strcmp(op, "map_raw"))
		do_map();
	else if (!strcmp(op, "unmap"))
		do_unmap();
	else if (!strncmp(op, "dma_", 4))
		do_dma(!strcmp(op, "dma_to_dev"));
	else if (!strncmp(op, "fork", 4))
		do_fork(!strcmp(op, "fork_orphan"));
	else if (!strcmp(op, "endfork"))
		do_endfork();
	else if (!strcmp(op, "close") || !strcmp(op, "unset_container"))
		return false;
	return true;
}

static void session_end(void)
{
	while (s.n_mappings)
		mapping_drop(&s.mappings[0]);
	while (s.depth)
		do_endfork();
	while (s.n_bars)
		free(s.bars[--s.n_bars]);
}

static void play(const char *text)
{
	memset(&s, 0, sizeof(s));
	s.task = (struct task){.mm = mm, .cap_ipc_lock = true, .rlimit_memlock = UINT64_MAX};
	while (*text) {
		size_t len = strcspn(text, "\n");
		char op[32];
		char *arrow;

		snprintf(s.line, sizeof(s.line), "%.*s", (int)len, text);
		text += len + (text[len] == '\n');
		s.number++;
		arrow = strstr(s.line, " => ");
		if (s.line[0] == '#' || !arrow)
			continue;
		*arrow = 0;
		s.result = arrow + 4;
		snprintf(op, sizeof(op), "%.*s", (int)strcspn(s.line, " "), s.line);
		s.args = s.line + strcspn(s.line, " ");
		s.args += strspn(s.args, " ");
		if (!play_line(op))
			break;
		audit(mm);
	}
	session_end();
}

/* ---- sessions ---- */

START_TEST(memory_changed_under_a_mapping)
{
	play("buffer w size=0x100000 => ret=0\n"
	     "fill w off=0 size=0x100000 byte=0x11 => ret=0\n"
	     "map c iova=0x100000 buf=w off=0 size=0x100000 => ret=0\n"
	     "bufunmap w off=0 size=0x10000 => ret=0\n"
	     "locked => ret=0 VmLck=1024 VmPin=0\n"
	     "bufmap w off=0 size=0x10000 => ret=0\n"
	     "check w off=0 size=0x1000 => ret=0 crc32=0xc71c0011\n"
	     "fillseq w off=0x20000 size=0x1000 seed=9 => ret=0\n"
	     "dma_to_dev d iova=0x120000 len=0x100 => ret=0 ok=1\n"
	     "dma_from_dev d iova=0x100000 len=0x100 => ret=0 ok=1\n"
	     "check w off=0 size=0x100 => ret=0 crc32=0x0d968558\n"
	     "dma_from_dev d iova=0x130000 len=0x100 => ret=0 ok=1\n"
	     "check w off=0x30000 size=0x100 => ret=0 crc32=0x8330f305\n"
	     "bufdiscard w off=0x30000 size=0x1000 => ret=0\n"
	     "check w off=0x30000 size=0x100 => ret=0 crc32=0x0d968558\n"
	     "dma_to_dev d iova=0x130000 len=0x100 => ret=0 ok=1\n"
	     "dma_from_dev d iova=0x140000 len=0x100 => ret=0 ok=1\n"
	     "check w off=0x40000 size=0x100 => ret=0 crc32=0x8330f305\n"
	     "bufprot w off=0x50000 size=0x1000 prot=none => ret=0\n"
	     "dma_from_dev d iova=0x150000 len=0x100 => ret=0 ok=1\n"
	     "bufprot w off=0x50000 size=0x1000 prot=rw => ret=0\n"
	     "check w off=0x50000 size=0x100 => ret=0 crc32=0x8330f305\n"
	     "unmap c iova=0x100000 size=0x100000 => ret=0 size=0x100000\n"
	     "locked => ret=0 VmLck=0 VmPin=0\n");
}
END_TEST

START_TEST(protection_decides_what_can_be_mapped)
{
	play("buffer r size=0x10000 prot=r => ret=0\n"
	     "buffer n size=0x10000 prot=none => ret=0\n"
	     "buffer w size=0x10000 => ret=0\n"
	     "locked => ret=0 VmLck=0 VmPin=0\n"
	     "map c iova=0x10000 buf=r off=0 size=0x1000 flags=w => ret=-1 errno=EFAULT\n"
	     "map c iova=0x10000 buf=r off=0 size=0x1000 flags=rw => ret=-1 errno=EFAULT\n"
	     "map c iova=0x10000 buf=r off=0 size=0x10000 flags=r => ret=0\n"
	     "locked => ret=0 VmLck=64 VmPin=0\n"
	     "map c iova=0x20000 buf=n off=0 size=0x1000 flags=r => ret=-1 errno=EFAULT\n"
	     "map c iova=0x20000 buf=n off=0 size=0x1000 flags=w => ret=-1 errno=EFAULT\n"
	     "map c iova=0x20000 buf=w off=0 size=0x10000 flags=w => ret=0\n"
	     "map c iova=0x30000 buf=w off=0 size=0x10000 flags=r => ret=0\n"
	     "locked => ret=0 VmLck=192 VmPin=0\n"
	     "bufprot w off=0x8000 size=0x1000 prot=r => ret=0\n"
	     "map c iova=0x40000 buf=w off=0 size=0x10000 flags=r => ret=0\n"
	     "map c iova=0x50000 buf=w off=0 size=0x10000 flags=rw => ret=-1 errno=EFAULT\n"
	     "locked => ret=0 VmLck=256 VmPin=0\n"
	     "map c iova=0x50000 buf=w off=0 size=0x8000 flags=rw => ret=0\n"
	     "map c iova=0x60000 buf=w off=0x9000 size=0x7000 flags=rw => ret=0\n"
	     "bufprot w off=0x8000 size=0x1000 prot=none => ret=0\n"
	     "map c iova=0x70000 buf=w off=0 size=0x10000 flags=r => ret=-1 errno=EFAULT\n"
	     "bufprot w off=0x8000 size=0x1000 prot=rw => ret=0\n"
	     "map c iova=0x70000 buf=w off=0 size=0x10000 flags=rw => ret=0\n"
	     "locked => ret=0 VmLck=380 VmPin=0\n"
	     "unmap c iova=0 size=0x100000 => ret=0 size=0x5f000\n"
	     "locked => ret=0 VmLck=0 VmPin=0\n");
}
END_TEST

START_TEST(locks_and_charges_add_up)
{
	play("buffer w size=0x100000 => ret=0\n"
	     "mlock w off=0 size=0x10000 => ret=0\n"
	     "locked => ret=0 VmLck=64 VmPin=0\n"
	     "map c iova=0x10000 buf=w off=0 size=0x10000 => ret=0\n"
	     "locked => ret=0 VmLck=128 VmPin=0\n"
	     "munlock w off=0 size=0x8000 => ret=0\n"
	     "locked => ret=0 VmLck=96 VmPin=0\n"
	     "unmap c iova=0x10000 size=0x10000 => ret=0 size=0x10000\n"
	     "locked => ret=0 VmLck=32 VmPin=0\n"
	     "bufunmap w off=0 size=0x100000 => ret=0\n"
	     "locked => ret=0 VmLck=0 VmPin=0\n");
}
END_TEST

START_TEST(huge_page_areas)
{
	play("buffer h size=0x1000000 huge=1 touch=1 => ret=0\n"
	     "buffer t size=0x400000 huge=2 touch=1 => ret=0\n"
	     "map c iova=0x40000000 buf=h off=0 size=0x800000 => ret=0\n"
	     "locked => ret=0 VmLck=8192 VmPin=0\n"
	     "unmap c iova=0x40000000 size=0x1000 => ret=0 size=0x800000\n"
	     "map c iova=0x40000000 buf=h off=0x1000 size=0x7ff000 => ret=0\n"
	     "map c iova=0x50000000 buf=t off=0 size=0x400000 => ret=0\n"
	     "locked => ret=0 VmLck=12284 VmPin=0\n"
	     "map c iova=0x60000000 buf=t off=0x3ff000 size=0x2000 => ret=-1 errno=EFAULT\n"
	     "map c iova=0x60000000 buf=t off=0x1ff000 size=0x2000 => ret=0\n"
	     "bufunmap t off=0 size=0x1000 => ret=-1 errno=EINVAL\n"
	     "bufunmap t off=0 size=0x200000 => ret=0\n"
	     "locked => ret=0 VmLck=12292 VmPin=0\n"
	     "unmap c iova=0 size=0 flags=2 => ret=0 size=0xc01000\n"
	     "locked => ret=0 VmLck=0 VmPin=0\n");
}
END_TEST

START_TEST(device_memory_is_not_charged)
{
	play("mmap_bar bar d => ret=0 size=0x100000\n"
	     "map c iova=0x100000 buf=bar off=0 size=0x1000 flags=rw => ret=0\n"
	     "locked => ret=0 VmLck=0 VmPin=0\n"
	     "map c iova=0x200000 buf=bar off=0 size=0x100000 flags=r => ret=0\n"
	     "locked => ret=0 VmLck=0 VmPin=0\n"
	     "unmap c iova=0x100000 size=0x1000 => ret=0 size=0x1000\n"
	     "unmap c iova=0 size=0 flags=2 => ret=0 size=0x100000\n"
	     "map c iova=0x100000 buf=bar off=0xff000 size=0x2000 => ret=-1 errno=EFAULT\n"
	     "map c iova=0x100000 buf=bar off=0xff000 size=0x1000 => ret=0\n"
	     "bufprot bar off=0 size=0x1000 prot=r => ret=0\n"
	     "map c iova=0x200000 buf=bar off=0 size=0x1000 flags=rw => ret=-1 errno=EFAULT\n"
	     "map c iova=0x200000 buf=bar off=0 size=0x1000 flags=r => ret=0\n"
	     "locked => ret=0 VmLck=0 VmPin=0\n");
}
END_TEST

START_TEST(a_child_charges_its_own_memory)
{
	play("buffer w size=0x100000 touch=1 => ret=0\n"
	     "map c iova=0x10000 buf=w off=0 size=0x8000 => ret=0\n"
	     "locked => ret=0 VmLck=32 VmPin=0\n"
	     "fork => ret=0\n"
	     "locked => ret=0 VmLck=0 VmPin=0\n"
	     "map c iova=0x20000 buf=w off=0 size=0x4000 => ret=0\n"
	     "locked => ret=0 VmLck=16 VmPin=0\n"
	     "unmap c iova=0x10000 size=0x8000 => ret=0 size=0x8000\n"
	     "locked => ret=0 VmLck=16 VmPin=0\n"
	     "endfork => ret=0\n"
	     "locked => ret=0 VmLck=0 VmPin=0\n"
	     "unmap c iova=0x20000 size=0x4000 => ret=0 size=0x4000\n"
	     "locked => ret=0 VmLck=0 VmPin=0\n");
}
END_TEST

START_TEST(discard_next_to_a_hole)
{
	play("buffer n size=0x10000 prot=none => ret=0\n"
	     "bufunmap n off=0x7000 size=0x5000 => ret=0\n"
	     "bufdiscard n off=0x6000 size=0x3000 => ret=-1 errno=ENOMEM\n");
}
END_TEST

/* ---- files named on the command line ---- */

static const char *file_name;

START_TEST(a_recorded_file)
{
	static char text[1 << 20];
	FILE *file = fopen(file_name, "r");
	size_t len;

	ck_assert_ptr_nonnull(file);
	len = fread(text, 1, sizeof(text) - 1, file);
	text[len] = 0;
	fclose(file);
	play(text);
}
END_TEST

static void setup(void)
{
	fixture_setup_ram(UINT64_C(1) << 30);
}

int main(int argc, char **argv)
{
	int failed = 0;

	for (int i = argc > 1 ? 1 : 0; i < argc; i++) {
		Suite *suite = suite_create(argc > 1 ? argv[i] : "mm recordings");
		TCase *tc = tcase_create("sessions");

		tcase_add_checked_fixture(tc, setup, fixture_teardown);
		file_name = argv[i];
		if (argc > 1) {
			tcase_add_test(tc, a_recorded_file);
		} else {
			tcase_add_test(tc, memory_changed_under_a_mapping);
			tcase_add_test(tc, protection_decides_what_can_be_mapped);
			tcase_add_test(tc, locks_and_charges_add_up);
			tcase_add_test(tc, huge_page_areas);
			tcase_add_test(tc, device_memory_is_not_charged);
			tcase_add_test(tc, a_child_charges_its_own_memory);
			tcase_add_test(tc, discard_next_to_a_hole);
		}
		suite_add_tcase(suite, tc);
		failed |= run_suite(suite);
	}
	return failed;
}
