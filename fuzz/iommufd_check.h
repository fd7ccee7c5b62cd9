/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is compared after every operation of the iommufd target: areas, ranges and alignment, pins,
 * charges, and for a sample what mocks and functions on PCI see of them.
 */
#ifndef FUZZ_IOMMUFD_CHECK_H
#define FUZZ_IOMMUFD_CHECK_H

#include "iommufd_objects.h"

#include "iommufd/io_pagetable_private.h"

/* ---- one address space ---- */

/* The area with the lowest address from `from` on; NULL: none. */
static inline const struct model_area *area_from(const struct model_ioas *s, uint64_t from)
{
	const struct model_area *lowest = NULL;

	for (unsigned i = 0; i < s->areas; i++)
		if (s->area[i].first >= from && (!lowest || s->area[i].first < lowest->first))
			lowest = &s->area[i];
	return lowest;
}

/* What "ioas_areas" should answer. */
static inline void fail_areas(const struct target *t, const struct model_ioas *s, const char *what)
{
	static char wanted[64 * MODEL_AREAS];
	const struct model_area *a = area_from(s, 0);
	size_t at;
	char line[64];

	snprintf(line, sizeof(line), "ioas_areas x0 %u", s->id);
	at = (size_t)snprintf(wanted, sizeof(wanted), "ret=0 domains=%u areas=[", s->domains);
	for (; a && at < sizeof(wanted); a = a->last == UINT64_MAX ? NULL : area_from(s, a->last))
		at += (size_t)snprintf(wanted + at, sizeof(wanted) - at, "%s0x%llx-0x%llx:%s%s%s",
				       wanted[at - 1] == '[' ? "" : ",",
				       (unsigned long long)a->first, (unsigned long long)a->last,
				       a->prot & IOMMU_IOAS_MAP_READABLE ? "r" : "-",
				       a->prot & IOMMU_IOAS_MAP_WRITEABLE ? "w" : "-",
				       s->domains ? "" : ":empty");
	if (at < sizeof(wanted))
		snprintf(wanted + at, sizeof(wanted) - at, "]");
	differ_asked(t, what, line, wanted);
}

static inline void check_areas(struct target *t, struct model_ioas *s)
{
	const struct iommufd_ioas *ioas = iommufd_ioas_find(context(t), s->id);
	struct iopt_area_info info;
	unsigned count = 0;
	uint64_t from = 0;

	if (!ioas)
		fail_areas(t, s, "an IOAS is gone");
	while (iopt_area_at(ioas->iopt, from, &info)) {
		const struct model_area *a = model_area_in(s, info.first, info.last);
		const unsigned prot =
			(a && a->prot & IOMMU_IOAS_MAP_READABLE ? (unsigned)IOMMU_READ : 0) |
			(a && a->prot & IOMMU_IOAS_MAP_WRITEABLE ? (unsigned)IOMMU_WRITE : 0);

		if (!a || a->first != info.first || a->last != info.last)
			fail_areas(t, s, "an area is another");
		if (a->byte != info.user_va || a->file != info.file)
			fail_values(t, "an area shows other memory", info.user_va, a->byte);
		if ((info.prot & (IOMMU_READ | IOMMU_WRITE)) != prot ||
		    info.filled != (s->domains != 0))
			fail_areas(t, s, "an area is not what it should be");
		count++;
		if (info.last == UINT64_MAX)
			break;
		from = info.last + 1;
	}
	if (count != s->areas)
		fail_areas(t, s, "an area is missing");
	if (ioas->iopt->domain_count != s->domains)
		fail_areas(t, s, "the number of domains is another");
}

static inline void fail_ranges(const struct target *t, const struct model_ioas *s, const char *what)
{
	static char wanted[48 * MODEL_GAPS + 64];
	size_t at;
	char line[64];

	snprintf(line, sizeof(line), "ioas_iova_ranges x0 %u num=%u", s->id, MODEL_GAPS);
	at = (size_t)snprintf(wanted, sizeof(wanted), "ret=0 num=%u alignment=0x%llx ranges=[",
			      s->gaps, (unsigned long long)s->alignment);
	for (unsigned i = 0; i < s->gaps; i++)
		at += (size_t)snprintf(wanted + at, sizeof(wanted) - at, "%s0x%llx-0x%llx",
				       i ? "," : "", (unsigned long long)s->gap[i].first,
				       (unsigned long long)s->gap[i].last);
	snprintf(wanted + at, sizeof(wanted) - at, "]");
	differ_asked(t, what, line, wanted);
}

/* As the program can ask. */
static inline void check_ranges(struct target *t, struct model_ioas *s)
{
	struct iommu_ioas_iova_ranges cmd = {.size = sizeof(cmd),
					     .ioas_id = s->id,
					     .num_iovas = MODEL_GAPS,
					     .allowed_iovas = DATA};

	if (client_ioctl(&t->c, 0, IOMMU_IOAS_IOVA_RANGES, &cmd, sizeof(cmd)))
		fail_ranges(t, s, "IOVA_RANGES fails");
	if (cmd.out_iova_alignment != s->alignment)
		fail_ranges(t, s, "the alignment is another");
	if (cmd.num_iovas != s->gaps || memcmp(s->gap, data_at(0), s->gaps * sizeof(s->gap[0])))
		fail_ranges(t, s, "a usable range is another");
}

/* ---- pins and charges ---- */

struct held_run {
	unsigned pages;
	uint64_t first, last;
};

struct held_runs {
	struct held_run run[2048];
	unsigned count;
};

static inline void held_add(struct held_runs *runs, const struct model_area *a, uint64_t first,
			    uint64_t last)
{
	if (first < a->first)
		first = a->first;
	if (last > a->last)
		last = a->last;
	if (runs->count < SIO_ARRAY_SIZE(runs->run))
		runs->run[runs->count++] =
			(struct held_run){a->pages, (a->byte + (first - a->first)) / MODEL_PAGE,
					  (a->byte + (last - a->first)) / MODEL_PAGE};
}

static inline int held_order(const void *one, const void *other)
{
	const struct held_run *a = one, *b = other;

	if (a->pages != b->pages)
		return a->pages < b->pages ? -1 : 1;
	return a->first < b->first ? -1 : a->first > b->first;
}

/* What domains show and accesses have pinned. */
static inline void held_collect(struct target *t, struct held_runs *runs)
{
	runs->count = 0;
	for (unsigned i = 0; i < MODEL_IOAS; i++) {
		struct model_ioas *s = &t->ioas[i];

		for (unsigned n = 0; s->id && n < s->areas; n++) {
			const struct model_area *a = &s->area[n];

			if (s->domains)
				held_add(runs, a, a->first, a->last);
			for (unsigned k = 0; k < ITEMS; k++)
				if (item_in(&t->item[k], s, a->first, a->last))
					held_add(runs, a, t->item[k].first, t->item[k].last);
		}
	}
	qsort(runs->run, runs->count, sizeof(runs->run[0]), held_order);
}

static inline void fail_pins(const struct target *t, const char *what, uint64_t all, uint64_t user,
			     uint64_t mm, uint64_t own)
{
	if (t->vague)
		fail_counts(t, what, "pinned=%llu user=%llu", (unsigned long long)all,
			    (unsigned long long)user);
	fail_counts(t, what, "pinned=%llu user=%llu VmLck=%llu VmPin=%llu", (unsigned long long)all,
		    (unsigned long long)user, (unsigned long long)mm * 4,
		    (unsigned long long)own * 4);
}

static inline void check_pins(struct target *t)
{
	static struct held_runs runs;
	uint64_t all = 0, user = 0, mm = 0, own = 0, end = 0;
	const struct user *payer = t->c.machine->user;
	struct sio_stats stats;
	unsigned pages = SOURCES;

	held_collect(t, &runs);
	for (unsigned i = 0; i < runs.count; i++) {
		const struct held_run *run = &runs.run[i];
		const struct source *source = &t->source[run->pages];
		uint64_t first = run->first, n;

		if (run->pages != pages)
			end = 0;
		pages = run->pages;
		if (first < end)
			first = end;
		n = run->last >= first ? run->last + 1 - first : 0;
		end = first + n;
		all += n;
		user += source->account == IOPT_ACCOUNT_USER ? n : 0;
		mm += source->account == IOPT_ACCOUNT_MM && !source->by_child ? n : 0;
		own += source->by_child ? 0 : n;
	}
	sio_stats(t->c.machine, &stats);
	if (stats.pinned_pages != all)
		fail_pins(t, "pinned pages", all, user, mm, own);
	if ((payer ? payer->locked_pages : 0) != user)
		fail_pins(t, "the user's charge", all, user, mm, own);
	if (t->vague)
		return;
	if (sio_process_vmlck(t->c.process) / 4 != mm)
		fail_pins(t, "VmLck", all, user, mm, own);
	if (sio_process_vmpin(t->c.process) / 4 != own)
		fail_pins(t, "VmPin", all, user, mm, own);
}

/* ---- what devices see ---- */

/* Where messages of interrupts go, and what never reaches memory. */
static inline bool is_special(uint64_t iova)
{
	return (iova >= 0xfee00000 && iova <= 0xfeefffff) ||
	       (iova >= UINT64_C(0xfd00000000) && iova <= UINT64_C(0xffffffffff));
}

/* The same bytes by the program's own way have the answer that is wanted. */
static inline void fail_bytes(const struct target *t, const struct model_area *a, uint64_t byte,
			      const char *what)
{
	char line[FINDING_LINE] = "", wanted[32] = "?";
	struct finding f;

	print_all(t, &f, stderr, 1);
	if (a->file)
		say(line, "file_check x%d off=0x%llx size=8", FILE_FD, (unsigned long long)byte);
	else
		say(line, "check %c off=0x%llx size=8", byte < HUGE_AT ? 'm' : 'h',
		    (unsigned long long)(byte - (byte < HUGE_AT ? MEMORY_AT : HUGE_AT)));
	finding_value(finding_do(&f, line), "crc32", wanted, sizeof(wanted));
	words_line(line, &t->log[(t->logged - 1) % LOG]);
	finding_want_field(&f, line, "crc32", 0, wanted);
	print_mark(t, &f, what);
}

static inline void check_dma(struct target *t, const struct device *d, const struct model_area *a,
			     uint64_t iova)
{
	uint64_t got = 0, want = 0;
	const int rc = sio_dma_read(d->real, iova, &got, sizeof(got), NULL);
	uint64_t byte;

	note_dma(t, d, false, iova, rc);
	/* Not every format can say that there is no reading where there is writing. */
	if (a && !(a->prot & IOMMU_IOAS_MAP_READABLE))
		return;
	if (!a) {
		if (!rc)
			fail_pair(t, "a device's read where nothing is mapped", rc, -EACCES);
		return;
	}
	byte = a->byte + (iova - a->first);
	if (rc)
		fail_pair(t, "a device's read", rc, 0);
	if (a->file ? sio_pread(t->c.process, FILE_FD, client_address(DATA), sizeof(want), byte) !=
				      sizeof(want) ||
			      arena_copy_in(NULL, &want, DATA, sizeof(want))
		    : sio_mem_read(t->c.process, byte, &want, sizeof(want)))
		differ(t, "the program cannot read its own memory");
	if (got != want)
		fail_bytes(t, a, byte, "a device reads other bytes");
}

static inline void fail_mock(const struct target *t, const struct iommu_test_cmd *cmd, int want)
{
	char line[FINDING_LINE] = "", wanted[64];

	say(line, "t_check_map x0 hwpt=%u iova=0x%llx length=0x%llx", cmd->id, cmd->check_map.iova,
	    cmd->check_map.length);
	say_memory(line, cmd->check_map.uptr);
	finding_answer(wanted, sizeof(wanted), want);
	differ_asked(t, "a mock's domain translates otherwise", line, wanted);
}

static inline void check_mock(struct target *t, const struct hwpt *h, const struct model_area *a,
			      uint64_t iova)
{
	struct iommu_test_cmd cmd = {.size = sizeof(cmd),
				     .op = IOMMU_TEST_OP_MD_CHECK_MAP,
				     .id = h->id,
				     .check_map = {.iova = iova}};
	const uint64_t page = h->pgsizes & -h->pgsizes;
	int rc;

	if (iova % page || (a && (a->byte + (iova - a->first)) % page))
		return;
	cmd.check_map.length = page;
	cmd.check_map.uptr = a ? a->byte + (iova - a->first) : MEMORY_AT;
	rc = client_ioctl(&t->c, 0, IOMMU_TEST_CMD, &cmd, sizeof(cmd));
	if (rc != (a ? 0 : -EINVAL))
		fail_mock(t, &cmd, a ? 0 : -EINVAL);
}

/* One page of one area, and the byte behind it if nothing is there. */
static inline void check_seen(struct target *t, struct model_ioas *s)
{
	const unsigned n = t->c.operations;
	const struct model_area *a = s->areas ? &s->area[n % s->areas] : NULL;
	uint64_t at, behind;

	if (!a || !s->domains)
		return;
	at = a->first + (a->last - a->first + 1) / 8 * (n / 7 % 8);
	behind = (a->last | (MODEL_PAGE - 1)) + 1;
	for (unsigned i = 0; i < HWPTS; i++) {
		const struct hwpt *h = &t->hwpt[i];

		if (!h->id || h->nested || h->ioas != s->id || !h->mock)
			continue;
		if (!a->file && !a->unsure)
			check_mock(t, h, a, at & -(uint64_t)MOCK_PAGE_SIZE);
		if (behind && !model_area_in(s, behind, behind))
			check_mock(t, h, NULL, behind);
	}
	for (unsigned i = 0; i < REAL; i++) {
		const struct device *d = &t->device[i];
		const struct hwpt *h = d->id ? hwpt_of(t, d->hwpt) : NULL;

		if (!h || h->nested || h->ioas != s->id)
			continue;
		at &= -UINT64_C(8);
		if (at >= a->first && !a->unsure && !is_special(at))
			check_dma(t, d, a, at);
		if (behind && !model_area_in(s, behind, behind) && !is_special(behind))
			check_dma(t, d, NULL, behind);
	}
}

/* One entry of each nested HWPT's cache. */
static inline void check_iotlbs(struct target *t)
{
	const unsigned n = t->c.operations % MOCK_NESTED_DOMAIN_IOTLB_NUM;

	for (unsigned i = 0; i < HWPTS; i++) {
		const struct hwpt *h = &t->hwpt[i];
		struct iommu_test_cmd cmd = {.size = sizeof(cmd),
					     .op = IOMMU_TEST_OP_MD_CHECK_IOTLB,
					     .id = h->id,
					     .check_iotlb = {n, h->iotlb[n]}};

		char line[FINDING_LINE] = "";

		if (!h->id || !h->nested || !h->mock ||
		    !client_ioctl(&t->c, 0, IOMMU_TEST_CMD, &cmd, sizeof(cmd)))
			continue;
		say(line, "t_check_iotlb x0 %u id=%u iotlb=%u", h->id, n, h->iotlb[n]);
		differ_asked(t, "a nested HWPT's cache holds something else", line, "ret=0 ...");
	}
}

static inline void check_all(struct target *t)
{
	for (unsigned i = 0; i < MODEL_IOAS; i++) {
		struct model_ioas *s = &t->ioas[i];

		if (!s->id)
			continue;
		check_areas(t, s);
		check_ranges(t, s);
		check_seen(t, s);
	}
	check_pins(t);
	check_iotlbs(t);
	for (unsigned i = 0; i < HWPTS; i++)
		if (t->hwpt[i].id &&
		    type_of(t, t->hwpt[i].id) !=
			    (t->hwpt[i].nested ? IOMMUFD_OBJ_HWPT_NESTED : IOMMUFD_OBJ_HWPT_PAGING))
			differ(t, "a HWPT is gone");
	for (unsigned i = 0; i < QUEUES; i++)
		if (t->queue[i].id && type_of(t, t->queue[i].id) != IOMMUFD_OBJ_FAULT)
			differ(t, "a fault queue is gone");
}

static inline void audit(struct target *t, bool thorough)
{
	char what[512] = "";

	if (sio_audit(t->c.machine, thorough, what, sizeof(what)))
		differ_asked(t, what, "audit", "ret=0");
}

#endif
