// SPDX-License-Identifier: GPL-2.0-only
/*
 * Locked-page accounting: who owns a mapping and what it costs them.
 *
 * The unit is pages of the owner's locked_vm; a page held by two mappings is charged twice. Whether
 * the owner had CAP_IPC_LOCK when it mapped decides for the life of the mapping: the charge is
 * added all the same, only the limit is not tested. A charge on an address space that has died is
 * not taken back.
 *
 * A mapping that is `skewed` (pages.c) may be given back more than it paid.
 *
 * Invariant: the sum of locked_pages over an mm's mappings is what type1 added to its locked_vm.
 */
#include "type1/t1.h"

#include "recycle.h"

#include <errno.h>

/* Mappings of one process share a record: containers have one owner, or two. */
static struct t1_owner *owner_get(struct type1 *t1, struct task *task)
{
	const bool lock_cap =
		task->cap_ipc_lock && !fail_at(FAIL_POINT("type1.map.ipc-lock", FAIL_CAPABILITY));
	struct t1_owner *owner;

	for (owner = t1->owners; owner; owner = owner->next) {
		if (owner->task == task && owner->mm == task->mm && owner->lock_cap == lock_cap) {
			owner->mappings++;
			return owner;
		}
	}
	owner = recycle_calloc("type1.map.owner", sizeof(*owner));
	if (!owner)
		return NULL;
	*owner = (struct t1_owner){
		.next = t1->owners,
		.task = task_get(task),
		.mm = mm_get(task->mm),
		.mappings = 1,
		.lock_cap = lock_cap,
	};
	t1->owners = owner;
	return owner;
}

static void owner_put(struct type1 *t1, struct t1_owner *owner)
{
	struct t1_owner **link = &t1->owners;

	if (--owner->mappings)
		return;
	while (*link != owner)
		link = &(*link)->next;
	*link = owner->next;
	mm_put(owner->mm);
	task_put(owner->task);
	recycle_free(owner);
}

int t1_owner_set(struct type1 *t1, struct t1_dma *dma, struct task *task)
{
	dma->owner = owner_get(t1, task);
	return dma->owner ? 0 : -ENOMEM;
}

void t1_owner_drop(struct type1 *t1, struct t1_dma *dma)
{
	owner_put(t1, dma->owner);
	dma->owner = NULL;
}

uint64_t t1_room(const struct type1 *t1, const struct task *task, const struct mm *mm,
		 bool lock_cap)
{
	uint64_t limit = task->rlimit_memlock >> SIO_PAGE_LG2;

	if (lock_cap || t1_kernel(t1)->limit == LIMIT_TOTAL)
		return UINT64_MAX;
	/* The count may be one below zero, and then the sum with the first page is 0. */
	return mm->locked_pages + 1 <= limit ? limit - mm->locked_pages : 0;
}

bool t1_request_fits(const struct type1 *t1, const struct task *task, uint64_t pages)
{
	uint64_t limit = task->rlimit_memlock >> SIO_PAGE_LG2;

	if (t1_kernel(t1)->limit != LIMIT_TOTAL || task->cap_ipc_lock)
		return true;
	/* A count below zero makes the sum small again. */
	return task->mm->locked_pages + pages <= limit;
}

/*
 * Whose count changes. Before 6.1 it is asked anew each time, so it need not be the address space
 * that was charged: whoever calls (up to 4.9), or what the owner has by now (exec).
 */
static struct mm *payer(const struct type1 *t1, const struct t1_dma *dma)
{
	switch (SEEDED(T13) ? CHARGE_OWNER : t1_kernel(t1)->charge) {
	case CHARGE_CURRENT:
		return t1->iommu->current ? t1->iommu->current->mm : NULL;
	case CHARGE_OWNER:
		return dma->owner->task->mm;
	default:
		return dma->owner->mm;
	}
}

/* A charge waits for the worker, which another charge or call wakes up. */
SEEDED_ONLY static void charge_later(struct type1 *t1, struct mm *mm, uint64_t pages)
{
	t1_charges_arrive(t1);
	t1->late.mm = mm_get(mm);
	t1->late.pages = pages;
}

SEEDED_ONLY void t1_charges_arrive(struct type1 *t1)
{
	struct mm *mm = t1->late.mm;

	if (!mm)
		return;
	if (mm_alive(mm))
		mm->locked_pages += t1->late.pages;
	t1->late.mm = NULL;
	mm_put(mm);
}

int t1_charge(struct type1 *t1, struct t1_dma *dma, uint64_t pages)
{
	struct t1_owner *owner = dma->owner;
	struct mm *mm = payer(t1, dma);

	if (pages > t1_room(t1, owner->task, owner->mm, owner->lock_cap))
		return -ENOMEM;
	if (mm && SEEDED(T18))
		charge_later(t1, mm, pages);
	else if (mm)
		mm->locked_pages += SEEDED(X03) ? 2 * pages : pages;
	dma->locked_pages += pages;
	return 0;
}

void t1_uncharge(struct type1 *t1, struct t1_dma *dma, uint64_t pages)
{
	struct mm *mm = payer(t1, dma);

	if (SEEDED(T18))
		t1_charges_arrive(t1);
	if (!mm || !mm_alive(mm))
		return;
	sio_assert(mm != dma->owner->mm || t1_kernel(t1)->charge != CHARGE_MAPPING ||
		   mm->locked_pages >= pages || dma->skewed);
	sio_assert(dma->locked_pages >= pages || dma->skewed);
	/* Below zero when somebody else paid: the kernel's count wraps as well. */
	mm->locked_pages -= pages;
	dma->locked_pages -= pages;
}

int t1_owner_change(struct type1 *t1, struct t1_dma *dma, struct task *task)
{
	struct t1_owner *old = dma->owner, *owner;
	uint64_t pages = dma->locked_pages;

	/* Another thread group on the same memory changes nothing. */
	if (task->mm == old->mm || !t1_kernel(t1)->vaddr_recharge || SEEDED(T15))
		return 0;
	owner = owner_get(t1, task);
	if (!owner)
		return -ENOMEM;
	/* The new owner is charged first, by its own limit, and only then the old one released. */
	if (pages > t1_room(t1, task, task->mm, task->cap_ipc_lock) ||
	    !t1_request_fits(t1, task, pages)) {
		owner_put(t1, owner);
		return -ENOMEM;
	}
	task->mm->locked_pages += pages;
	if (mm_alive(old->mm))
		old->mm->locked_pages -= pages;
	dma->owner = owner;
	owner_put(t1, old);
	return 0;
}

uint64_t t1_charged_pages(const struct type1 *t1, const struct mm *mm)
{
	struct t1_walk walk = t1_walk(t1);
	struct t1_dma *dma;
	uint64_t pages = 0;

	while ((dma = t1_walk_next(&walk)))
		if (dma->owner->mm == mm)
			pages += dma->locked_pages;
	return pages;
}
