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

static inline void check_areas(struct target *t, struct model_ioas *s)
{
	const struct iommufd_ioas *ioas = iommufd_ioas_find(context(t), s->id);
	struct iopt_area_info info;
	unsigned count = 0;
	uint64_t from = 0;

	if (!ioas)
		differ(t, "an IOAS is gone");
	while (iopt_area_at(ioas->iopt, from, &info)) {
		const struct model_area *a = model_area_in(s, info.first, info.last);
		const unsigned prot =
			(a && a->prot & IOMMU_IOAS_MAP_READABLE ? (unsigned)IOMMU_READ : 0) |
			(a && a->prot & IOMMU_IOAS_MAP_WRITEABLE ? (unsigned)IOMMU_WRITE : 0);

		if (!a || a->first != info.first || a->last != info.last)
			fail_values(t, "an area", info.first, a ? a->first : 0);
		if (a->byte != info.user_va || a->file != info.file ||
		    (info.prot & (IOMMU_READ | IOMMU_WRITE)) != prot ||
		    info.filled != (s->domains != 0))
			fail_values(t, "an area is not what it should be", info.first, a->first);
		count++;
		if (info.last == UINT64_MAX)
			break;
		from = info.last + 1;
	}
	if (count != s->areas)
		fail_values(t, "areas", count, s->areas);
	if (ioas->iopt->domain_count != s->domains)
		fail_values(t, "domains", ioas->iopt->domain_count, s->domains);
}

/* As the program can ask. */
static inline void check_ranges(struct target *t, struct model_ioas *s)
{
	struct iommu_ioas_iova_ranges cmd = {.size = sizeof(cmd),
					     .ioas_id = s->id,
					     .num_iovas = MODEL_GAPS,
					     .allowed_iovas = DATA};
	int rc = client_ioctl(&t->c, 0, IOMMU_IOAS_IOVA_RANGES, &cmd, sizeof(cmd));

	if (rc)
		fail_pair(t, "IOVA_RANGES", rc, 0);
	if (cmd.out_iova_alignment != s->alignment)
		fail_values(t, "alignment", cmd.out_iova_alignment, s->alignment);
	if (cmd.num_iovas != s->gaps)
		fail_values(t, "usable ranges", cmd.num_iovas, s->gaps);
	if (memcmp(s->gap, data_at(0), s->gaps * sizeof(s->gap[0])))
		differ(t, "a usable range is another");
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
		fail_count(t, "pinned pages", "pinned", stats.pinned_pages, all);
	if ((payer ? payer->locked_pages : 0) != user)
		fail_count(t, "the user's charge", "user", payer ? payer->locked_pages : 0, user);
	if (t->vague)
		return;
	if (sio_process_vmlck(t->c.process) / 4 != mm)
		fail_count(t, "VmLck", "VmLck", sio_process_vmlck(t->c.process), mm * 4);
	if (sio_process_vmpin(t->c.process) / 4 != own)
		fail_count(t, "VmPin", "VmPin", sio_process_vmpin(t->c.process), own * 4);
}

/* ---- what devices see ---- */

/* Where messages of interrupts go, and what never reaches memory. */
static inline bool is_special(uint64_t iova)
{
	return (iova >= 0xfee00000 && iova <= 0xfeefffff) ||
	       (iova >= UINT64_C(0xfd00000000) && iova <= UINT64_C(0xffffffffff));
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
		fail_values(t, "a device reads other bytes", got, want);
}

static inline void fail_mock(const struct target *t, const struct iommu_test_cmd *cmd, int want)
{
	char line[FINDING_LINE] = "", wanted[64];

	say(line, "t_check_map x0 hwpt=%u iova=0x%llx length=0x%llx", cmd->id, cmd->check_map.iova,
	    cmd->check_map.length);
	say_memory(line, cmd->check_map.uptr);
	finding_answer(wanted, sizeof(wanted), want);
	differ_asked(t, "a mock's domain translates otherwise", line, wanted, NULL);
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
		differ_asked(t, "a nested HWPT's cache holds something else", line, "ret=0 ...",
			     NULL);
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
		differ_asked(t, what, "audit", "ret=0", NULL);
}

#endif
