// SPDX-License-Identifier: GPL-2.0-only
/*
 * Groups of emulated devices in a container, and the clients that UNMAP asks for pages.
 *
 * An emulated group has no domain: attaching it checks nothing and maps nothing. It counts as
 * tracking what it dirties, because it reaches memory only through the calls of pages.c. A group
 * behind an IOMMU becomes one that tracks with its first successful pin, for good.
 *
 * A client is told without the lock: it will call back to unpin. Whatever the container held may be
 * gone afterwards, down to the container itself, which `busy` keeps for the ioctl's sake.
 *
 * Kernel behaviour: vfio_iommu_type1_attach_group(), _detach_group(), vfio_notify_dma_unmap() and
 * vfio_iommu_unmap_unpin_reaccount() of Linux 6.12.
 */
#include "type1/t1.h"

#include "recycle.h"

#include <errno.h>
#include <string.h>

void t1_emulated_init(struct type1 *t1)
{
	imap_init(&t1->emulated.pages);
}

void t1_emulated_fini(struct type1 *t1)
{
	sio_assert(!imap_count(&t1->emulated.pages));
	imap_fini(&t1->emulated.pages);
	recycle_free(t1->emulated.group);
	recycle_free(t1->emulated.tracking);
}

/* ---- groups ---- */

/* Where the group stands in a list; `count`: it does not. */
static unsigned position(struct iommu_group *const *list, unsigned count,
			 const struct iommu_group *group)
{
	unsigned at = 0;

	while (at < count && list[at] != group)
		at++;
	return at;
}

static void take_out(struct iommu_group **list, unsigned *count, unsigned at)
{
	--*count;
	memmove(list + at, list + at + 1, (*count - at) * sizeof(struct iommu_group *));
}

int t1_attach_emulated(struct type1 *t1, struct iommu_group *group)
{
	struct t1_emulated *emulated = &t1->emulated;
	struct iommu_group **grown;

	if (t1->invalid_count)
		return -EBUSY;
	if (t1_has_one_domain(t1) ||
	    position(emulated->group, emulated->group_count, group) != emulated->group_count)
		return -EINVAL;
	grown = recycle_realloc("type1.attach.emulated", emulated->group,
				(emulated->group_count + 1) * sizeof(struct iommu_group *));
	if (!grown)
		return -ENOMEM;
	memmove(grown + 1, grown, emulated->group_count * sizeof(struct iommu_group *));
	grown[0] = group;
	emulated->group = grown;
	emulated->group_count++;
	return 0;
}

bool t1_detach_emulated(struct type1 *t1, const struct iommu_group *group)
{
	struct t1_emulated *emulated = &t1->emulated;
	unsigned at = position(emulated->group, emulated->group_count, group);

	if (at == emulated->group_count)
		return false;
	take_out(emulated->group, &emulated->group_count, at);
	if (!emulated->group_count && !t1->domain_count)
		t1_remove_all(t1);
	return true;
}

bool t1_forget_tracking(struct type1 *t1, const struct iommu_group *group)
{
	struct t1_emulated *emulated = &t1->emulated;
	unsigned at = position(emulated->tracking, emulated->tracking_count, group);

	if (at == emulated->tracking_count)
		return true;
	take_out(emulated->tracking, &emulated->tracking_count, at);
	return false;
}

void t1_reaccount(struct type1 *t1)
{
	struct t1_walk walk = t1_walk(t1);
	struct t1_dma *dma;

	while ((dma = t1_walk_next(&walk))) {
		uint64_t unlocked = t1_unmap_unpin(t1, dma);
		uint64_t locked = t1_pages_charged(t1, dma);

		/* What ends at 2^64 keeps its pins, but no domain has it any more. */
		dma->iommu_mapped = 0;
		if (locked <= unlocked)
			t1_uncharge(t1, dma, unlocked - locked);
		else if (t1_charge(t1, dma, locked - unlocked))
			dma->skewed = 1; /* over the limit: nobody looks at the answer */
	}
}

/* ---- clients ---- */

void t1_client_add(struct type1 *t1, struct t1_client *client)
{
	struct t1_client **link = &t1->emulated.clients;

	if (t1_kernel(t1)->unmap_callback == UNMAP_CALLBACK_NOTIFIER)
		while (*link)
			link = &(*link)->next;
	/* One that comes while others are told is not told any more. */
	client->told = t1->emulated.round;
	client->next = *link;
	*link = client;
}

void t1_client_remove(struct type1 *t1, struct t1_client *client)
{
	struct t1_client **link = &t1->emulated.clients;

	while (*link && *link != client)
		link = &(*link)->next;
	if (*link)
		*link = client->next;
	client->next = NULL;
}

static struct t1_client *next_client(const struct type1 *t1, uint64_t round)
{
	struct t1_client *client = t1->emulated.clients;

	while (client && client->told >= round)
		client = client->next;
	return client;
}

void t1_tell_clients(struct type1 *t1, const struct t1_dma *dma)
{
	const struct task *current = t1->iommu->current;
	const iova_t iova = dma->iova;
	const uint64_t size = dma->size, round = ++t1->emulated.round;
	struct t1_client *client;

	/* From the list's head each time: a client may come or go while another is told. */
	while ((client = next_client(t1, round))) {
		client->told = round;
		client->dma_unmap(client->ctx, iova, size);
		t1->iommu->current = current;
	}
}

/* ---- reports, audit ---- */

struct iommu_group *t1_emulated_group(const struct type1 *t1, unsigned n)
{
	return n < t1->emulated.group_count ? t1->emulated.group[n] : NULL;
}

uint64_t t1_device_pages(const struct type1 *t1)
{
	return imap_count(&t1->emulated.pages);
}

static bool is_behind_iommu(const struct type1 *t1, const struct iommu_group *group)
{
	for (unsigned d = 0; d < t1->domain_count; d++)
		for (unsigned g = 0; g < t1->domain[d]->group_count; g++)
			if (t1->domain[d]->group[g] == group)
				return true;
	return false;
}

static const char *audit_pages(const struct type1 *t1)
{
	struct imap_iter it = imap_iter(&t1->emulated.pages, 0);
	struct imap_entry e;

	while (imap_next(&it, &e)) {
		const struct t1_page *page = (const struct t1_page *)(uintptr_t)e.value;
		struct pin_run run = {.pa = page->pa, .pages = 1, .step = (int64_t)SIO_PAGE_SIZE};
		bool ram;

		if (!page->refs)
			return "a page that devices hold has no reference";
		if (t1_find(t1, e.first << SIO_PAGE_LG2, SIO_PAGE_SIZE) != page->dma)
			return "a device holds a page of a mapping that is not there";
		t1_run_split(t1->iommu->phys, &run, &ram);
		if (ram == page->reserved)
			return "a page that a device holds is neither RAM nor reserved";
	}
	return NULL;
}

const char *t1_emulated_audit(const struct type1 *t1)
{
	const struct t1_emulated *emulated = &t1->emulated;
	const char *what = imap_audit(&emulated->pages);

	for (unsigned i = 0; i < emulated->group_count && !what; i++)
		if (!emulated->group[i]->bare || is_behind_iommu(t1, emulated->group[i]))
			what = "an emulated group is behind an IOMMU";
	for (unsigned i = 0; i < emulated->tracking_count && !what; i++)
		if (!is_behind_iommu(t1, emulated->tracking[i]))
			what = "a group that tracks what it dirties is in no domain";
	return what ? what : audit_pages(t1);
}
