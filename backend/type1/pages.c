// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages that devices hold through the pin interface, and memory that they read and write.
 *
 * A page is found by its IOVA and counted: the first pin takes it from the mapper's memory, the
 * last unpin gives it back. It is charged when no domain is in the container; with a domain the
 * IOMMU has pinned, and charged, every page already. When a domain comes later, pages that devices
 * hold are not charged once more; from then on the charge counts as the IOMMU's, and an unpin gives
 * nothing back.
 *
 * This counts each page of a mapping once as long as both find the same kind of page there. When
 * memory changed in between (the shared zero page, which costs nothing, has become an own page) the
 * kernel's count is off by one from then on, and may go below zero. Such a mapping is marked as
 * skewed, and left out of the audit of charges.
 *
 * Kernel behaviour: vfio_iommu_type1_pin_pages(), _unpin_pages(), _dma_rw() of Linux 6.12.
 */
#include "type1/t1.h"

#include "recycle.h"
#include "seeded.h"

#include <errno.h>

/* ---- the record ---- */

static struct t1_page *page_of(const struct imap_entry *e)
{
	return (struct t1_page *)(uintptr_t)e->value;
}

struct t1_pages t1_pages(const struct type1 *t1, const struct t1_dma *dma, iova_t first,
			 iova_t last)
{
	return (struct t1_pages){
		.it = imap_iter(&t1->emulated.pages, first >> SIO_PAGE_LG2),
		.dma = dma,
		.last = last >> SIO_PAGE_LG2,
	};
}

const struct t1_page *t1_pages_next(struct t1_pages *walk, iova_t *iova)
{
	struct imap_entry e;

	while (imap_next(&walk->it, &e) && e.first <= walk->last) {
		/* A mapping that ends at 2^64 may lie over others, whose pages these are. */
		if (page_of(&e)->dma != walk->dma)
			continue;
		*iova = e.first << SIO_PAGE_LG2;
		return page_of(&e);
	}
	return NULL;
}

static struct t1_pages pages_of_mapping(const struct type1 *t1, const struct t1_dma *dma)
{
	return t1_pages(t1, dma, dma->iova, dma->iova + (dma->size - 1));
}

bool t1_has_pages(const struct type1 *t1, const struct t1_dma *dma)
{
	struct t1_pages walk;
	iova_t iova;

	if (!imap_count(&t1->emulated.pages) || !dma->size)
		return false;
	walk = pages_of_mapping(t1, dma);
	return t1_pages_next(&walk, &iova) != NULL;
}

uint64_t t1_pages_charged(const struct type1 *t1, const struct t1_dma *dma)
{
	struct t1_pages walk;
	const struct t1_page *page;
	uint64_t count = 0;
	iova_t iova;

	if (!t1_has_pages(t1, dma))
		return 0;
	walk = pages_of_mapping(t1, dma);
	while ((page = t1_pages_next(&walk, &iova)))
		count += !page->reserved;
	return count;
}

void t1_pages_mark_dirty(const struct type1 *t1, struct t1_dma *dma)
{
	struct t1_pages walk;
	iova_t iova;

	if (!t1_has_pages(t1, dma))
		return;
	walk = pages_of_mapping(t1, dma);
	while (t1_pages_next(&walk, &iova))
		t1_bitmap_mark(t1, dma, iova, 1);
}

static struct t1_page *page_at(const struct type1 *t1, const struct t1_dma *dma, iova_t iova)
{
	uint64_t key = iova >> SIO_PAGE_LG2;
	struct imap_entry e;

	if (!imap_find(&t1->emulated.pages, key, key, &e) || page_of(&e)->dma != dma)
		return NULL;
	return page_of(&e);
}

static struct pin_run page_run(const struct t1_page *page)
{
	return (struct pin_run){
		.pa = page->pa,
		.pages = 1,
		.step = (int64_t)SIO_PAGE_SIZE,
		.reserved = page->reserved,
	};
}

/* ---- pins of the IOMMU beside those of devices ---- */

/* RAM pages of the run, taken as one kind, that devices hold too. */
static uint64_t shared_pages(const struct type1 *t1, struct t1_dma *dma, iova_t iova,
			     uint64_t pages, bool ram)
{
	struct t1_pages walk = t1_pages(t1, dma, iova, iova + (pages * SIO_PAGE_SIZE - 1));
	const struct t1_page *page;
	uint64_t count = 0;

	while ((page = t1_pages_next(&walk, &iova))) {
		if (page->reserved == ram)
			dma->skewed = 1;
		count += ram;
	}
	return count;
}

uint64_t t1_run_price(const struct type1 *t1, struct t1_dma *dma, iova_t iova,
		      const struct pin_run *run)
{
	if (!t1_has_pages(t1, dma))
		return run->reserved ? 0 : run->pages;
	return t1_replay_price(t1, dma, iova, run);
}

uint64_t t1_replay_price(const struct type1 *t1, struct t1_dma *dma, iova_t iova,
			 const struct pin_run *run)
{
	struct pin_run rest = *run;
	uint64_t price = 0;

	while (rest.pages) {
		bool ram;
		uint64_t pages = t1_run_split(t1->iommu->phys, &rest, &ram);
		uint64_t shared = shared_pages(t1, dma, iova, pages, ram);

		price += ram ? pages - shared : 0;
		iova += pages * SIO_PAGE_SIZE;
		rest.pa += pages * (uint64_t)rest.step;
		rest.pages -= pages;
	}
	return price;
}

void t1_unpin_uncharge(struct type1 *t1, struct t1_dma *dma, iova_t iova, const struct pin_run *run)
{
	uint64_t charged = t1_unpin(t1, dma, run);

	if (t1_has_pages(t1, dma))
		charged = t1_replay_price(t1, dma, iova, run);
	t1_uncharge(t1, dma, charged);
}

void t1_pages_abandon(struct type1 *t1, struct t1_dma *dma)
{
	struct imap *pages = &t1->emulated.pages;
	bool recorded = t1_leak_pages(t1, dma);
	struct t1_pages walk;
	iova_t iova;

	for (;;) {
		const struct t1_page *page;
		struct pin_run run;

		walk = pages_of_mapping(t1, dma);
		page = t1_pages_next(&walk, &iova);
		if (!page)
			return;
		/* A pin that nothing remembers would be one that no audit can explain. */
		run = page_run(page);
		if (!recorded)
			t1_unpin(t1, dma, &run);
		recycle_free((void *)(uintptr_t)page);
		imap_erase(pages, iova >> SIO_PAGE_LG2, NULL);
	}
}

/* ---- pin ---- */

/* Whose memory a mapping's pages come from. Before 6.1 it is what the mapper has by now. */
static struct mm *mapper_mm(const struct type1 *t1, const struct t1_dma *dma)
{
	struct mm *mm = dma->owner->mm;

	if (t1_kernel(t1)->charge != CHARGE_MAPPING)
		mm = dma->owner->task->mm;
	return mm && mm_alive(mm) ? mm : NULL;
}

static int page_pin(struct type1 *t1, struct t1_dma *dma, iova_t iova, struct pin_run *run)
{
	struct mm *mm = mapper_mm(t1, dma);
	int rc;

	if (!mm)
		return -ENODEV;
	rc = inject_here("type1.page.pin", FAIL_PIN);
	if (!rc)
		rc = mm->ops->pin(mm, dma->vaddr + (iova - dma->iova), 1, dma->prot & IOMMU_WRITE,
				  run);
	if (rc)
		return rc;
	if (!t1->domain_count && !run->reserved) {
		rc = t1_charge(t1, dma, 1);
		if (rc)
			t1_unpin(t1, dma, run);
	}
	return rc;
}

static void page_unpin(struct type1 *t1, struct t1_dma *dma, const struct pin_run *run)
{
	uint64_t charged = t1_unpin(t1, dma, run);

	if (!t1->domain_count)
		t1_uncharge(t1, dma, charged);
}

static int page_add(struct type1 *t1, struct t1_dma *dma, iova_t iova, const struct pin_run *run)
{
	struct t1_page *page = recycle_calloc("type1.page.add", sizeof(*page));
	struct imap_entry e = {.first = iova >> SIO_PAGE_LG2, .last = iova >> SIO_PAGE_LG2};

	if (!page)
		return -ENOMEM;
	*page = (struct t1_page){.dma = dma, .pa = run->pa, .refs = 1, .reserved = run->reserved};
	e.value = (uintptr_t)page;
	if (imap_insert(&t1->emulated.pages, e))
		return 0;
	recycle_free(page);
	return -ENOMEM;
}

static int page_take(struct type1 *t1, struct t1_dma *dma, iova_t iova, pa_t *pa)
{
	struct t1_page *page = page_at(t1, dma, iova);
	struct pin_run run;
	int rc;

	if (page) {
		page->refs++;
		*pa = page->pa;
		return 0;
	}
	rc = page_pin(t1, dma, iova, &run);
	if (rc)
		return rc;
	/* Device memory has no page to hand out; the shared zero page has. */
	if (t1_kernel(t1)->pin_needs_page && !phys_is_ram(t1->iommu->phys, run.pa, SIO_PAGE_SIZE))
		return -EINVAL;
	rc = page_add(t1, dma, iova, &run);
	if (rc) {
		page_unpin(t1, dma, &run);
		return rc;
	}
	t1_bitmap_mark(t1, dma, iova, 1);
	*pa = run.pa;
	return 0;
}

static void page_give_back(struct type1 *t1, struct t1_dma *dma, iova_t iova)
{
	struct t1_page *page = page_at(t1, dma, iova);
	struct pin_run run;

	if (!page || --page->refs)
		return;
	run = page_run(page);
	page_unpin(t1, dma, &run);
	imap_erase(&t1->emulated.pages, iova >> SIO_PAGE_LG2, NULL);
	recycle_free(page);
}

static void give_back(struct type1 *t1, iova_t iova, unsigned pages)
{
	for (unsigned i = 0; i < pages; i++, iova += SIO_PAGE_SIZE)
		page_give_back(t1, t1_find(t1, iova, SIO_PAGE_SIZE), iova);
}

/* Mappings without an address: 0, -EBUSY, or T1_WAIT if a page of the range is in one. */
static int need_addresses(const struct type1 *t1, iova_t iova, uint64_t pages)
{
	if (!t1->invalid_count || SEEDED(T14))
		return 0;
	if (t1_kernel(t1)->vaddr_pins == VADDR_PINS_REFUSED)
		return -EBUSY;
	for (uint64_t i = 0; i < pages; i++) {
		const struct t1_dma *dma = t1_find(t1, iova + i * SIO_PAGE_SIZE, 1);

		if (!dma)
			return -EINVAL;
		if (dma->vaddr_invalid)
			return T1_WAIT;
	}
	return 0;
}

/*
 * Room to note that the group tracks what it dirties, before anything is pinned. An emulated group
 * always does.
 */
static int reserve_tracking(struct type1 *t1, const struct iommu_group *group)
{
	struct t1_emulated *emulated = &t1->emulated;
	struct iommu_group **grown;

	if (group->bare)
		return 0;
	grown = recycle_realloc("type1.page.tracking", emulated->tracking,
				(emulated->tracking_count + 1) * sizeof(struct iommu_group *));
	if (!grown)
		return -ENOMEM;
	emulated->tracking = grown;
	return 0;
}

static void note_tracking(struct type1 *t1, struct iommu_group *group)
{
	struct t1_emulated *emulated = &t1->emulated;

	if (group->bare)
		return;
	for (unsigned i = 0; i < emulated->tracking_count; i++)
		if (emulated->tracking[i] == group)
			return;
	emulated->tracking[emulated->tracking_count++] = group;
	t1->untracked_groups--;
}

static int may_pin(struct type1 *t1, const struct iommu_group *group, iova_t iova, unsigned pages)
{
	int rc;

	if (!t1->v2)
		return -EACCES;
	rc = need_addresses(t1, iova, pages);
	if (rc)
		return rc;
	if (!t1->emulated.clients)
		return -EINVAL;
	if (!t1_kernel(t1)->pin_behind_iommu && !t1->emulated.group_count)
		return -EINVAL;
	return reserve_tracking(t1, group);
}

int t1_pin_pages(struct type1 *t1, struct iommu_group *group, iova_t iova, unsigned pages,
		 unsigned prot, pa_t *pa)
{
	int rc = may_pin(t1, group, iova, pages);

	for (unsigned i = 0; i < pages && !rc; i++) {
		iova_t at = iova + i * SIO_PAGE_SIZE;
		struct t1_dma *dma = t1_find(t1, at, SIO_PAGE_SIZE);

		if (!dma)
			rc = -EINVAL;
		else if ((dma->prot & prot) != prot)
			rc = -EPERM;
		else
			rc = page_take(t1, dma, at, &pa[i]);
		if (rc)
			give_back(t1, iova, i);
	}
	if (rc)
		return rc;
	note_tracking(t1, group);
	return (int)pages;
}

int t1_unpin_pages(struct type1 *t1, iova_t iova, unsigned pages)
{
	unsigned i;

	if (!t1->v2)
		return -EACCES;
	if (!t1_kernel(t1)->pin_behind_iommu && !t1->emulated.group_count)
		return -EINVAL;
	for (i = 0; i < pages; i++) {
		struct t1_dma *dma = t1_find(t1, iova + i * SIO_PAGE_SIZE, SIO_PAGE_SIZE);

		if (!dma)
			break;
		page_give_back(t1, dma, iova + i * SIO_PAGE_SIZE);
	}
	return i ? (int)i : -EINVAL;
}

/* ---- read and write ---- */

/* One mapping's part of a transfer; *done bytes of it. */
static int rw_chunk(struct type1 *t1, const struct task *task, iova_t iova, void *buf, uint64_t len,
		    bool write, uint64_t *done)
{
	struct t1_dma *dma = t1_find(t1, iova, 1);
	uint64_t offset, dirty;
	struct mm *mm;

	if (!dma)
		return -EINVAL;
	/* A device that may write only is refused as well. */
	if (!(dma->prot & IOMMU_READ) || (write && !(dma->prot & IOMMU_WRITE)))
		return -EPERM;
	mm = mapper_mm(t1, dma);
	if (!mm)
		return -EPERM;
	/* A kernel thread can borrow any memory, a process has its own. */
	if (task && task->mm != mm)
		return -EFAULT;
	offset = iova - dma->iova;
	if (len > dma->size - offset)
		len = dma->size - offset;
	if (mm->ops->copy(mm, dma->vaddr + offset, buf, len, write))
		return -EFAULT;
	*done = len;
	if (!write)
		return 0;
	dirty = ((iova + (len - 1)) >> SIO_PAGE_LG2) - (iova >> SIO_PAGE_LG2) + 1;
	if (!t1_kernel(t1)->dma_rw_dirty_whole || SEEDED(T10))
		dirty = len >> SIO_PAGE_LG2;
	t1_bitmap_mark(t1, dma, iova, dirty);
	return 0;
}

int t1_dma_rw(struct type1 *t1, const struct task *task, iova_t iova, void *buf, uint64_t len,
	      bool write)
{
	uint8_t *bytes = buf;
	uint64_t done;
	int rc = 0;

	if (t1->invalid_count && t1_kernel(t1)->vaddr_pins == VADDR_PINS_REFUSED && !SEEDED(T14))
		return -EBUSY;
	while (len && !rc) {
		rc = need_addresses(t1, iova, 1);
		if (!rc)
			rc = rw_chunk(t1, task, iova, bytes, len, write, &done);
		if (rc)
			break;
		iova += done;
		bytes += done;
		len -= done;
	}
	return rc;
}
