// SPDX-License-Identifier: GPL-2.0-only
/*
 * The invariants of all contexts, worked out from scratch, and sums for reports.
 *
 * References are counted anew by looking at who names whom; the count that each object keeps must
 * be the same. A fault queue and an event queue have one more while their file is open, which no
 * object shows.
 */
#include "iommufd/iommufd_private.h"

#include <stdlib.h>

/* ---- all address spaces ---- */

struct io_pagetable **iommufd_iopts(const struct iommufd_env *env, unsigned *count)
{
	struct io_pagetable **iopts;
	size_t room = 1;

	for (const struct iommufd_ctx *ctx = env->contexts; ctx; ctx = ctx->next)
		room += ctx->object_count;
	iopts = nofail_calloc("audits and reports are no operations", room,
			      sizeof(struct io_pagetable *));
	*count = 0;
	for (const struct iommufd_ctx *ctx = env->contexts; iopts && ctx; ctx = ctx->next) {
		struct iommufd_object *obj;
		uint32_t position = 0;

		while ((obj = iommufd_object_at(ctx, &position)))
			if (obj->type == IOMMUFD_OBJ_IOAS)
				iopts[(*count)++] =
					sio_container_of(obj, struct iommufd_ioas, obj)->iopt;
	}
	return iopts;
}

uint64_t iommufd_pinned_pages(const struct iommufd_env *env, const struct mm *mm)
{
	unsigned count;
	struct io_pagetable **iopts = iommufd_iopts(env, &count);
	uint64_t pages = iopts ? iopt_pinned_vm(iopts, count, mm) : 0;

	free(iopts);
	return pages;
}

uint64_t iommufd_locked_pages(const struct iommufd_env *env, const struct mm *mm)
{
	unsigned count;
	struct io_pagetable **iopts = iommufd_iopts(env, &count);
	uint64_t pages = iopts ? iopt_charged(iopts, count, mm, IOPT_ACCOUNT_MM) : 0;

	free(iopts);
	return pages;
}

bool iommufd_each_pin(const struct iommufd_env *env,
		      bool (*fn)(void *ctx, const struct pin_run *run), void *ctx)
{
	unsigned count;
	struct io_pagetable **iopts = iommufd_iopts(env, &count);
	bool ok = iopts && iopt_each_run(iopts, count, fn, ctx);

	free(iopts);
	return ok;
}

void iommufd_stats(const struct iommufd_env *env, struct iommufd_stats *stats)
{
	unsigned count;
	struct io_pagetable **iopts = iommufd_iopts(env, &count);

	*stats = (struct iommufd_stats){0};
	for (const struct iommufd_ctx *ctx = env->contexts; ctx; ctx = ctx->next) {
		uint32_t position = 0;

		while (iommufd_object_at(ctx, &position))
			stats->objects++;
	}
	if (!iopts)
		return;
	stats->pinned_pages = iopt_pinned_vm(iopts, count, NULL);
	for (unsigned i = 0; i < count; i++) {
		struct iopt_area_info area;

		for (uint64_t from = 0; iopt_area_at(iopts[i], from, &area); from = area.last + 1) {
			stats->areas++;
			stats->mapped_bytes += area.last - area.first + 1;
			if (area.last == UINT64_MAX)
				break;
		}
		for (unsigned n = 0; iopt_domain_at(iopts[i], n); n++)
			stats->domains++;
	}
	free(iopts);
}

/* ---- references ---- */

/* Expected users of a context's objects, by id - 1. */
struct tally {
	const struct iommufd_ctx *ctx;
	unsigned *users;
};

static void tally_add(struct tally *tally, const struct iommufd_object *obj, unsigned users)
{
	tally->users[obj->id - 1] += users;
}

static void tally_hwpt(struct tally *tally, const struct iommufd_object *obj)
{
	const struct iommufd_hwpt *hwpt = (const struct iommufd_hwpt *)(const void *)obj;
	const struct iommufd_hwpt_paging *paging = (const void *)obj;
	const struct iommufd_hwpt_nested *nested = (const void *)obj;

	if (hwpt->fault)
		tally_add(tally, &hwpt->fault->obj, 1);
	if (obj->type == IOMMUFD_OBJ_HWPT_PAGING)
		tally_add(tally, &paging->ioas->obj, 1);
	else if (nested->viommu)
		tally_add(tally, &nested->viommu->obj, 1);
	else
		tally_add(tally, &nested->parent->hwpt.obj, 1);
}

/* What one object holds of others; the first member of each type is the object. */
static void tally_object(struct tally *tally, const struct iommufd_object *obj)
{
	const struct iommufd_access *access = (const void *)obj;
	const struct iommufd_hw_queue *queue = (const void *)obj;

	tally_add(tally, obj, 1);
	switch (obj->type) {
	case IOMMUFD_OBJ_DEVICE: /* the driver's own */
		tally_add(tally, obj, 1);
		break;
	case IOMMUFD_OBJ_HWPT_PAGING:
	case IOMMUFD_OBJ_HWPT_NESTED:
		tally_hwpt(tally, obj);
		break;
	case IOMMUFD_OBJ_ACCESS:
		tally_add(tally, obj, 1);
		if (access->ioas)
			tally_add(tally, &access->ioas->obj, 1);
		break;
	case IOMMUFD_OBJ_VIOMMU:
		tally_add(tally,
			  &((const struct iommufd_viommu *)(const void *)obj)->parent->hwpt.obj, 1);
		break;
	case IOMMUFD_OBJ_VDEVICE:
		tally_add(tally, &((const struct iommufd_vdevice *)(const void *)obj)->viommu->obj,
			  1);
		break;
	case IOMMUFD_OBJ_VEVENTQ:
		tally_add(tally, &((const struct iommufd_veventq *)(const void *)obj)->viommu->obj,
			  1);
		break;
	case IOMMUFD_OBJ_HW_QUEUE:
		tally_add(tally, &queue->viommu->obj, 1);
		if (queue->needs)
			tally_add(tally, &queue->needs->obj, 1);
		break;
	default:
		break;
	}
}

static void tally_context(struct tally *tally)
{
	const struct iommufd_ctx *ctx = tally->ctx;
	struct iommufd_object *obj;
	uint32_t position = 0;

	while ((obj = iommufd_object_at(ctx, &position)))
		tally_object(tally, obj);
	for (const struct iommufd_group *group = ctx->groups; group; group = group->next) {
		const struct iommufd_attach *attach = group->attachments;

		for (; attach; attach = attach->next) {
			tally_add(tally, &attach->hwpt->obj, attach->count);
			for (unsigned i = 0; i < attach->count; i++)
				tally_add(tally, &attach->devices[i]->obj, 1);
		}
	}
	for (const struct iommufd_mmap *window = ctx->mmaps; window; window = window->next)
		tally_add(tally, window->owner, window->pieces);
}

static const char *audit_users(const struct iommufd_object *obj, unsigned expected)
{
	const bool has_file = obj->type == IOMMUFD_OBJ_FAULT || obj->type == IOMMUFD_OBJ_VEVENTQ;

	/* What a selftest interface does with its own objects is its own affair. */
	if (obj->type == IOMMUFD_OBJ_SELFTEST || obj->users == expected ||
	    (has_file && obj->users == expected + 1))
		return NULL;
	return "iommufd: an object's users are not 1 and its references";
}

static const char *audit_objects(const struct iommufd_ctx *ctx)
{
	struct tally tally = {ctx, nofail_calloc("audits and reports are no operations",
						 ctx->object_slots + 1u, sizeof(unsigned))};
	const char *what = NULL;
	uint32_t count = 0;

	if (!tally.users)
		return "iommufd: no memory for the audit";
	tally_context(&tally);
	for (uint32_t i = 0; i < ctx->object_slots && !what; i++) {
		const struct iommufd_object *obj = ctx->objects[i];

		if (!obj && i < ctx->object_lowest)
			what = "iommufd: an id below the lowest free one is free";
		if (!obj)
			continue;
		count++;
		if (obj->tombstone)
			continue;
		if (obj->id != i + 1)
			what = "iommufd: an object does not know its id";
		else if (!obj->visible)
			what = "iommufd: an object was never finished";
		else
			what = audit_users(obj, tally.users[i]);
	}
	free(tally.users);
	if (!what && count != ctx->object_count)
		what = "iommufd: objects are miscounted";
	return what;
}

/* ---- address spaces and groups ---- */

/* The domains that show the IOAS are those of its HWPTs. */
static const char *audit_ioas(const struct iommufd_ioas *ioas, bool thorough)
{
	const char *what = iopt_audit(ioas->iopt, thorough);
	unsigned filled = 0, n = 0;

	for (const struct iommufd_hwpt_paging *hwpt = ioas->hwpts; hwpt; hwpt = hwpt->next) {
		if (hwpt->ioas != ioas)
			return "iommufd: a HWPT is in the list of another IOAS";
		filled += hwpt->in_iopt;
	}
	while (iopt_domain_at(ioas->iopt, n))
		n++;
	if (!what && n != filled)
		what = "iommufd: an IOAS has other domains than its HWPTs";
	return what;
}

static const char *audit_attach(const struct iommufd_group *group,
				const struct iommufd_attach *attach)
{
	if (!attach->count)
		return "iommufd: an attachment without devices";
	for (unsigned i = 0; i < attach->count; i++)
		if (attach->devices[i]->igroup != group)
			return "iommufd: a device is attached with another group";
	if (attach->pasid == IOMMU_NO_PASID && group->group->domain != attach->hwpt->domain)
		return "iommufd: a group is not on the domain of its HWPT";
	return NULL;
}

static const char *audit_group(const struct iommufd_group *group)
{
	const struct iommu_group *hardware = group->group;
	const struct iommufd_attach *attach = group->attachments;
	const char *what = NULL;
	bool attached = false;

	for (; attach && !what; attach = attach->next) {
		attached |= attach->pasid == IOMMU_NO_PASID;
		what = audit_attach(group, attach);
	}
	if (what)
		return what;
	if (hardware->owner != group->ctx)
		return "iommufd: a bound group is not the context's own";
	if (!attached && hardware->domain != hardware->blocking_domain)
		return "iommufd: a group that is not attached is not blocked";
	return NULL;
}

static const char *audit_context(const struct iommufd_ctx *ctx, bool thorough)
{
	const char *what = audit_objects(ctx);
	struct iommufd_object *obj;
	uint32_t position = 0;

	while (!what && (obj = iommufd_object_at(ctx, &position)))
		if (obj->type == IOMMUFD_OBJ_IOAS)
			what = audit_ioas(sio_container_of(obj, struct iommufd_ioas, obj),
					  thorough);
	for (const struct iommufd_group *group = ctx->groups; group && !what; group = group->next)
		what = audit_group(group);
	return what;
}

const char *iommufd_audit(const struct iommufd_env *env, bool thorough)
{
	struct io_pagetable **iopts;
	const char *what = NULL;
	unsigned count, live = 0;

	for (const struct iommufd_ctx *ctx = env->contexts; ctx && !what; ctx = ctx->next) {
		what = audit_context(ctx, thorough);
		live++;
	}
	if (!what && live != env->live)
		what = "iommufd: contexts are miscounted";
	if (what)
		return what;
	iopts = iommufd_iopts(env, &count);
	what = iopts ? iopt_audit_users(iopts, count) : "iommufd: no memory for the audit";
	free(iopts);
	return what;
}
