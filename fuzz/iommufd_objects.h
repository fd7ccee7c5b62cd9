/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Devices and what they are attached to: operations of the iommufd target, each with what it has to
 * answer and what follows from it. Devices are functions on PCI, two of them in one group, and
 * mocks; neither kind can use the other's domains.
 */
#ifndef FUZZ_IOMMUFD_OBJECTS_H
#define FUZZ_IOMMUFD_OBJECTS_H

#include "iommufd_target.h"

#define UNSURE 1 /* an answer that the reference does not know */

/* ---- reserved regions ---- */

struct regions {
	struct model_range range[2];
	unsigned count;
};

static inline struct regions regions_of(const struct target *t, const struct device *d)
{
	const struct regions vtd = {{{0xfee00000, 0xfeefffff}}, 1};
	const struct regions amd = {{{0xfee00000, 0xfeefffff},
				     {UINT64_C(0xfd00000000), UINT64_C(0xffffffffff)}},
				    2};

	if (!d->real)
		return (struct regions){0};
	return t->amd ? amd : vtd;
}

static inline uint32_t owner_of(const struct target *t, const struct device *d)
{
	return UINT32_C(1) << 31 | (uint32_t)(d - t->device);
}

static inline bool regions_fit(const struct target *t, const struct device *d, struct model_ioas *s)
{
	const struct regions regions = regions_of(t, d);

	for (unsigned i = 0; i < regions.count; i++)
		if (!model_may_reserve(s, regions.range[i].first, regions.range[i].last))
			return false;
	return true;
}

static inline void regions_add(const struct target *t, const struct device *d, struct model_ioas *s)
{
	const struct regions regions = regions_of(t, d);

	for (unsigned i = 0; i < regions.count; i++)
		model_reserve(s, regions.range[i].first, regions.range[i].last, owner_of(t, d));
}

/* ---- HWPTs ---- */

static inline struct hwpt *hwpt_room(struct target *t)
{
	for (unsigned i = 0; i < HWPTS; i++)
		if (!t->hwpt[i].id)
			return &t->hwpt[i];
	return NULL;
}

/* Room for one more is always kept: attaching can make one. */
static inline bool hwpts_full(const struct target *t)
{
	unsigned n = 0;

	for (unsigned i = 0; i < HWPTS; i++)
		n += t->hwpt[i].id != 0;
	return n + 2 > HWPTS;
}

static inline void hwpt_paging(struct target *t, struct hwpt like)
{
	const struct iommufd_hwpt *real = iommufd_hwpt_find(context(t), like.id);
	struct model_ioas *s = model_of(t, like.ioas);
	struct hwpt *h;
	unsigned kept = 0;

	/* The order of creation is that of the table. */
	for (unsigned i = 0; i < HWPTS; i++)
		if (t->hwpt[i].id)
			t->hwpt[kept++] = t->hwpt[i];
	for (unsigned i = kept; i < HWPTS; i++)
		t->hwpt[i].id = 0;
	h = hwpt_room(t);
	if (!real || !s || !h)
		differ(t, "a new HWPT is not there");
	*h = like;
	h->pgsizes = real->domain->pgsize_bitmap;
	if (real->domain->aperture_first)
		model_reserve(s, 0, real->domain->aperture_first - 1, h->id);
	if (real->domain->aperture_last != UINT64_MAX)
		model_reserve(s, real->domain->aperture_last + 1, UINT64_MAX, h->id);
	settle(t, s);
}

static inline void hwpt_gone(struct target *t, struct hwpt *h)
{
	struct model_ioas *s = base_of(t, h);
	const uint32_t id = h->id;

	h->id = 0;
	if (h->nested)
		return;
	model_unreserve(s, id);
	settle(t, s);
}

static inline unsigned hwpt_devices(const struct target *t, const struct hwpt *h)
{
	unsigned n = 0;

	for (unsigned i = 0; i < DEVICES; i++)
		n += t->device[i].id && t->device[i].hwpt == h->id;
	return n;
}

/* A device left. */
static inline void hwpt_left(struct target *t, uint32_t id)
{
	struct hwpt *h = hwpt_of(t, id);

	if (h && h->automatic && !hwpt_devices(t, h))
		hwpt_gone(t, h);
}

/* ---- page requests that wait ---- */

static inline void requests_drop(struct request *list, unsigned *count, uint32_t hwpt, int group)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < *count; i++)
		if (list[i].hwpt != hwpt || (int)list[i].group != group)
			list[kept++] = list[i];
	*count = kept;
}

/* The group does not use the HWPT any more. */
static inline void requests_end(struct target *t, uint32_t hwpt, int group)
{
	for (unsigned i = 0; i < QUEUES; i++) {
		requests_drop(t->queue[i].queued, &t->queue[i].queued_count, hwpt, group);
		requests_drop(t->queue[i].unanswered, &t->queue[i].unanswered_count, hwpt, group);
	}
}

/* ---- attaching ---- */

static inline unsigned group_attached(const struct target *t, int group)
{
	unsigned n = 0;

	for (unsigned i = 0; i < DEVICES; i++)
		n += t->device[i].id && t->device[i].hwpt && t->device[i].group == group;
	return n;
}

/* What the group is on; 0: nothing. */
static inline uint32_t group_hwpt(const struct target *t, int group)
{
	for (unsigned i = 0; i < DEVICES; i++)
		if (t->device[i].id && t->device[i].hwpt && t->device[i].group == group)
			return t->device[i].hwpt;
	return 0;
}

static inline void detached(struct target *t, struct device *d)
{
	const uint32_t id = d->hwpt;
	struct model_ioas *s = base_of(t, hwpt_of(t, id));

	if (!id)
		return;
	d->hwpt = 0;
	d->of = d->virt = 0;
	if (!group_attached(t, d->group))
		requests_end(t, id, d->group);
	model_unreserve(s, owner_of(t, d));
	settle(t, s);
	hwpt_left(t, id);
}

/* Events carry the number that the device has by now. */
static inline void number_now(const struct target *t, struct device *d, const struct hwpt *h)
{
	d->of = d->virt = 0;
	for (unsigned i = 0; h->of && i < VIOMMUS; i++)
		if (t->vdevice[i].id && t->vdevice[i].viommu == h->of &&
		    t->vdevice[i].device == d->id) {
			d->of = h->of;
			d->virt = (uint32_t)t->vdevice[i].virt;
		}
}

static inline void attached(struct target *t, struct device *d, struct hwpt *h)
{
	struct model_ioas *s = base_of(t, h);

	number_now(t, d, h);
	d->hwpt = h->id;
	regions_add(t, d, s);
	settle(t, s);
}

static inline void group_unreserve(struct target *t, int group, struct model_ioas *s)
{
	for (unsigned i = 0; i < DEVICES; i++)
		if (t->device[i].id && t->device[i].hwpt && t->device[i].group == group)
			model_unreserve(s, owner_of(t, &t->device[i]));
	settle(t, s);
}

static inline void replaced(struct target *t, struct device *d, struct hwpt *h)
{
	const uint32_t id = d->hwpt;
	struct model_ioas *s = base_of(t, h), *old = base_of(t, hwpt_of(t, id));

	if (id == h->id)
		return;
	number_now(t, d, h);
	if (s != old)
		group_unreserve(t, d->group, old);
	for (unsigned i = 0; i < DEVICES; i++) {
		struct device *other = &t->device[i];

		if (!other->id || !other->hwpt || other->group != d->group)
			continue;
		if (s != old)
			regions_add(t, other, s);
		other->hwpt = h->id;
	}
	requests_end(t, id, d->group);
	settle(t, s);
	hwpt_left(t, id);
}

/* Whether the driver takes the device in: 0, -errno, UNSURE. */
static inline int want_driver(const struct target *t, const struct device *d, const struct hwpt *h)
{
	/* Page requests are switched on before. */
	if (h->mock != !d->real)
		return h->fault ? UNSURE : -EINVAL;
	/* Page requests, virtual numbers, PASIDs, devices without dirty bits. */
	return h->fault || h->viommu || t->pasids || d->odd ? UNSURE : 0;
}

/* A domain of its own. */
static inline int want_new_domain(struct target *t, const struct device *d, struct model_ioas *s,
				  bool replace)
{
	const uint64_t low = MOCK_APERTURE_START - 1, high = MOCK_APERTURE_LAST + UINT64_C(1);

	if (hwpts_full(t) || any_unsure(s) || t->limited || d->odd || t->pasids)
		return UNSURE;
	if (!replace && group_attached(t, d->group))
		return -EINVAL;
	if (!replace && !regions_fit(t, d, s))
		return -EADDRINUSE;
	if (d->real)
		return s->areas || s->allowed_count ? UNSURE : 0;
	for (unsigned i = 0; i < s->areas; i++)
		if (s->alignment < MOCK_PAGE_SIZE &&
		    (s->area[i].first | (s->area[i].last + 1) | s->area[i].byte % MODEL_PAGE) %
			    MOCK_PAGE_SIZE)
			return -EADDRINUSE;
	if (!model_may_reserve(s, 0, low) || !model_may_reserve(s, high, UINT64_MAX))
		return -EADDRINUSE;
	return replace ? UNSURE : 0;
}

/* Attach or replace; what a failure of the latter does to reserved regions is done here. */
static inline int want_attach(struct target *t, struct device *d, uint32_t pt, bool replace)
{
	const uint32_t on = group_hwpt(t, d->group);
	struct model_ioas *s = model_of(t, pt), *old = base_of(t, hwpt_of(t, on));
	struct hwpt *h = hwpt_of(t, pt);
	int rc;

	if (!s && !h)
		return type_of(t, pt) == IOMMUFD_OBJ_NONE ? -ENOENT : -EINVAL;
	if (replace && !d->hwpt)
		return -EINVAL;
	if (h && replace && h->id == on)
		return 0;
	if (h && !replace && on && on != h->id)
		return -EINVAL;
	for (unsigned i = 0; s && i < HWPTS; i++) {
		struct hwpt *at = &t->hwpt[i];

		if (!at->id || at->nested || !at->automatic || at->ioas != s->id)
			continue;
		if (on == at->id && (replace || regions_fit(t, d, s)))
			return 0;
		if (!replace && on && on != at->id)
			continue;
		if ((!replace || old != s) && !regions_fit(t, d, s))
			return -EADDRINUSE;
		rc = want_driver(t, d, at);
		if (rc != -EINVAL)
			return rc;
		if (replace && old == s)
			group_unreserve(t, d->group, s);
	}
	if (s)
		return want_new_domain(t, d, s, replace);
	s = base_of(t, h);
	if ((!replace || old != s) && !regions_fit(t, d, s))
		return -EADDRINUSE;
	if (!replace && on)
		return 0;
	rc = want_driver(t, d, h);
	if (replace && rc == -EINVAL && old == s)
		group_unreserve(t, d->group, s);
	return rc;
}

/* `rc` and the HWPT that it says; a new one is the IOAS's, automatic. */
static inline void check_attach(struct target *t, struct device *d, uint32_t pt, bool replace,
				int want, int rc, uint32_t got)
{
	struct model_ioas *s = model_of(t, pt);
	struct hwpt *h;

	if (want != UNSURE)
		expect(t, replace ? "replace" : "attach", rc, want);
	if (rc < 0) {
		/* It was the driver, or what comes just before it. */
		h = hwpt_of(t, pt);
		if (replace && h && (want == UNSURE || (want == 0 && t->injected)) &&
		    base_of(t, h) == base_of(t, hwpt_of(t, d->hwpt)))
			group_unreserve(t, d->group, base_of(t, h));
		return;
	}
	h = hwpt_of(t, got);
	if (!h && s) {
		hwpt_paging(t, (struct hwpt){.id = got,
					     .ioas = s->id,
					     .automatic = true,
					     .mock = !d->real});
		h = hwpt_of(t, got);
	}
	if (!h || (s && base_of(t, h) != s) || (!s && got != pt))
		differ(t, "the answer names another HWPT");
	if (h->mock != !d->real)
		differ(t, "a device is on another driver's domain");
	if (replace)
		replaced(t, d, h);
	else
		attached(t, d, h);
}

static inline uint32_t any_pt(struct target *t)
{
	static const enum iommufd_object_type types[] = {
		IOMMUFD_OBJ_IOAS,        IOMMUFD_OBJ_HWPT_PAGING, IOMMUFD_OBJ_IOAS,
		IOMMUFD_OBJ_HWPT_PAGING, IOMMUFD_OBJ_HWPT_NESTED, IOMMUFD_OBJ_VIOMMU,
		IOMMUFD_OBJ_HWPT_NESTED, IOMMUFD_OBJ_NONE,
	};

	return any_id(t, types[take(t, 1) % SIO_ARRAY_SIZE(types)]);
}

/* ---- mock devices ---- */

static inline struct device *any_mock(struct target *t)
{
	const unsigned n = (unsigned)take(t, 1) % (DEVICES - REAL);

	for (unsigned i = 0; i < DEVICES - REAL; i++)
		if (t->device[REAL + (n + i) % (DEVICES - REAL)].id)
			return &t->device[REAL + (n + i) % (DEVICES - REAL)];
	return &t->device[REAL + n];
}

static inline void mock_new(struct target *t, uint64_t how, uint32_t pt)
{
	struct iommu_test_cmd cmd = {.id = pt};
	const uint32_t valid = MOCK_FLAGS_DEVICE_NO_DIRTY | MOCK_FLAGS_DEVICE_PASID |
			       (t->later ? 0 : (uint32_t)MOCK_FLAGS_DEVICE_HUGE_IOVA);
	struct device *d = &t->device[REAL];
	int want, rc;

	while (d < t->device + DEVICES && d->id)
		d++;
	if (d == t->device + DEVICES || hwpts_full(t))
		return;
	cmd.mock_domain_flags.dev_flags = how & 0x70 ? 0 : how & 7;
	*d = (struct device){.fd = -1,
			     .group = 1000 + (int)(d - t->device),
			     .odd = cmd.mock_domain_flags.dev_flags};
	want = want_attach(t, d, pt, false);
	/* The number may be that of the device itself, by then. */
	if (want == -ENOENT)
		want = UNSURE;
	if (cmd.mock_domain_flags.dev_flags & ~valid)
		want = -EINVAL;
	rc = test(t, IOMMU_TEST_OP_MOCK_DOMAIN_FLAGS, &cmd);
	if (!rc) {
		d->id = cmd.mock_domain.out_idev_id;
		d->stdev = cmd.mock_domain.out_stdev_id;
	}
	check_attach(t, d, pt, false, want, rc, cmd.mock_domain.out_hwpt_id);
}

static inline void do_mock(struct target *t)
{
	uint64_t how = take(t, 1);
	uint32_t pt = any_pt(t);
	struct device *d = any_mock(t);
	struct iommu_test_cmd cmd = {.id = d->stdev};
	int want, rc;

	if (how & 1 || !d->id) {
		mock_new(t, how >> 1, pt);
	} else if (hwpts_full(t)) {
		return;
	} else if (how & 2 || !t->later) {
		want = want_attach(t, d, pt, true);
		cmd.mock_domain_replace.pt_id = pt;
		rc = test(t, IOMMU_TEST_OP_MOCK_DOMAIN_REPLACE, &cmd);
		check_attach(t, d, pt, true, want, rc, cmd.mock_domain_replace.pt_id);
	} else if ((how & 0x1c) == 0) {
		t->pasids = true;
		cmd.pasid_attach.pasid =
			how & 32 ? IOMMU_TEST_PASID_RESERVED : 1 + (uint32_t)take(t, 1) % 3;
		cmd.pasid_attach.pt_id = hwpt_of(t, pt) ? pt : 0;
		test(t, IOMMU_TEST_OP_PASID_ATTACH + (uint32_t)(how >> 6), &cmd);
	}
}

/* ---- HWPT_ALLOC ---- */

static inline int want_nested(struct target *t, const struct iommu_hwpt_alloc *cmd,
			      const struct hwpt *parent, const struct device *d)
{
	const uint32_t valid =
		IOMMU_HWPT_FAULT_ID_VALID | (t->later ? (uint32_t)IOMMU_HWPT_ALLOC_PASID : 0);

	if (d->real)
		return UNSURE;
	if (cmd->flags & ~valid || !cmd->data_len)
		return -EOPNOTSUPP;
	if (parent->nested || !parent->nest_parent || !parent->mock)
		return -EINVAL;
	if (cmd->data_type != IOMMU_HWPT_DATA_SELFTEST)
		return -EOPNOTSUPP;
	return cmd->data_len < 4 || cmd->data_len > (t->later ? 8u : 4u) ? -EINVAL : 0;
}

static inline int want_paging(struct target *t, const struct iommu_hwpt_alloc *cmd,
			      struct model_ioas *s, const struct device *d)
{
	uint32_t valid = IOMMU_HWPT_ALLOC_NEST_PARENT | IOMMU_HWPT_ALLOC_DIRTY_TRACKING;

	if (t->later)
		valid |= IOMMU_HWPT_FAULT_ID_VALID | IOMMU_HWPT_ALLOC_PASID;
	if (cmd->flags & ~valid)
		return -EOPNOTSUPP;
	if ((cmd->flags & IOMMU_HWPT_FAULT_ID_VALID) && (cmd->flags & IOMMU_HWPT_ALLOC_NEST_PARENT))
		return -EOPNOTSUPP;
	if (d->real || d->odd || cmd->data_len)
		return UNSURE;
	return want_new_domain(t, &(struct device){.group = -1}, s, false);
}

static inline int want_hwpt(struct target *t, const struct iommu_hwpt_alloc *cmd)
{
	const struct device *d = device_of_id(t, cmd->dev_id);
	struct model_ioas *s = model_of(t, cmd->pt_id);
	const struct hwpt *h = hwpt_of(t, cmd->pt_id);
	int rc = UNSURE;

	if ((cmd->data_type == IOMMU_HWPT_DATA_NONE) != !cmd->data_len)
		return -EINVAL;
	if (!d)
		return type_of(t, cmd->dev_id) == IOMMUFD_OBJ_DEVICE ? UNSURE : -ENOENT;
	if (s)
		rc = want_paging(t, cmd, s, d);
	else if (h)
		rc = h->nested ? -EINVAL : want_nested(t, cmd, h, d);
	else if (type_of(t, cmd->pt_id) != IOMMUFD_OBJ_VIOMMU)
		rc = -EINVAL;
	if (!rc && (cmd->flags & IOMMU_HWPT_FAULT_ID_VALID) && !queue_of(t, cmd->fault_id))
		rc = type_of(t, cmd->fault_id) == IOMMUFD_OBJ_FAULT ? UNSURE : -ENOENT;
	return rc;
}

static inline void hwpt_made(struct target *t, const struct iommu_hwpt_alloc *cmd,
			     const struct device *d, uint32_t iotlb)
{
	struct model_ioas *s = model_of(t, cmd->pt_id);
	const struct hwpt *parent = hwpt_of(t, cmd->pt_id);
	struct hwpt new = {
		.id = cmd->out_hwpt_id,
		.mock = !d->real,
		.nested = !s,
		.viommu = !s && !parent,
		.of = !s && !parent ? cmd->pt_id : 0,
		.nest_parent = cmd->flags & IOMMU_HWPT_ALLOC_NEST_PARENT,
		.dirty_ops = cmd->flags & IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
		.fault = cmd->flags & IOMMU_HWPT_FAULT_ID_VALID ? cmd->fault_id : 0,
		.ioas = s ? s->id : 0,
	};
	const struct iommufd_object *obj;

	if (s) {
		hwpt_paging(t, new);
		return;
	}
	/* On a vIOMMU: that of its parent. */
	obj = iommufd_object_find(context(t), cmd->pt_id, IOMMUFD_OBJ_VIOMMU);
	new.parent =
		parent ? parent->id
		       : sio_container_of(obj, struct iommufd_viommu, obj)->parent->hwpt.obj.id;
	new.ioas = hwpt_of(t, new.parent)->ioas;
	for (unsigned i = 0; i < MOCK_NESTED_DOMAIN_IOTLB_NUM; i++)
		new.iotlb[i] = iotlb;
	*hwpt_room(t) = new;
}

/* Of the first stage on an IOAS, or nested on a parent or a vIOMMU. */
static inline void do_hwpt(struct target *t)
{
	uint64_t how = take(t, 1), more = take(t, 1);
	struct iommu_hwpt_selftest data = {.iotlb = (uint32_t)how, .pagetable_type = how >> 5 & 1};
	const struct iommu_hwpt_vtd_s1 vtd = {.pgtbl_addr = 0x100000, .addr_width = 48};
	struct iommu_hwpt_alloc cmd = {.flags = how & 15,
				       .dev_id = any_id(t, IOMMUFD_OBJ_DEVICE),
				       .pt_id = any_pt(t),
				       .data_uptr = DATA};
	const struct device *d = device_of_id(t, cmd.dev_id);
	const unsigned before = count_of(t, IOMMUFD_OBJ_NONE);
	int want, rc;

	if (hwpts_full(t))
		return;
	if (how & 16 || hwpt_of(t, cmd.pt_id)) {
		cmd.flags &= IOMMU_HWPT_FAULT_ID_VALID;
		cmd.data_type = d && d->real ? IOMMU_HWPT_DATA_VTD_S1 : IOMMU_HWPT_DATA_SELFTEST;
		cmd.data_len = d && d->real ? sizeof(vtd) : how & 64 ? 8 : 4;
		if ((more & 0xf0) == 0xf0)
			cmd.data_len = (uint32_t)more & 15;
	} else if (how & 32) {
		cmd.flags &= IOMMU_HWPT_ALLOC_NEST_PARENT | IOMMU_HWPT_ALLOC_DIRTY_TRACKING;
	}
	if (cmd.flags & IOMMU_HWPT_FAULT_ID_VALID)
		cmd.fault_id = any_id(t, IOMMUFD_OBJ_FAULT);
	if (d && d->real)
		put_data(0, &vtd, sizeof(vtd));
	else
		put_data(0, &data, sizeof(data));
	want = want_hwpt(t, &cmd);
	arena_sealed = (more & 0xf0) == 0xe0;
	rc = command(t, IOMMU_HWPT_ALLOC, &cmd, sizeof(cmd));
	if (arena_sealed && (want == 0 || (want == UNSURE && rc == -EFAULT)))
		want = -EFAULT;
	arena_sealed = false;
	if (want != UNSURE)
		expect(t, "HWPT_ALLOC", rc, want);
	if (!rc)
		hwpt_made(t, &cmd, d, data.iotlb);
	else if (count_of(t, IOMMUFD_OBJ_NONE) != before)
		fail_counts(t, "HWPT_ALLOC failed and left an object", "objects=%u", before);
}

/* ---- DESTROY ---- */

/* What still needs the object; UNSURE: others than the reference knows may. */
static inline int want_destroy(struct target *t, uint32_t id)
{
	const enum iommufd_object_type type = type_of(t, id);
	const struct hwpt *h = hwpt_of(t, id);

	switch (type) {
	case IOMMUFD_OBJ_NONE:
		return -ENOENT;
	case IOMMUFD_OBJ_DEVICE:
	case IOMMUFD_OBJ_ACCESS:
		return -EBUSY;
	case IOMMUFD_OBJ_IOAS:
		for (unsigned i = 0; i < HWPTS; i++)
			if (t->hwpt[i].id && !t->hwpt[i].nested && t->hwpt[i].ioas == id)
				return -EBUSY;
		for (unsigned i = 0; i < FDS; i++)
			if (t->access[i].ioas == id)
				return -EBUSY;
		return 0;
	case IOMMUFD_OBJ_HWPT_PAGING:
	case IOMMUFD_OBJ_HWPT_NESTED:
		if (!h || hwpt_devices(t, h))
			return -EBUSY;
		for (unsigned i = 0; i < HWPTS; i++)
			if (t->hwpt[i].id && t->hwpt[i].nested && !t->hwpt[i].viommu &&
			    t->hwpt[i].parent == id)
				return -EBUSY;
		return t->pasids || count_of(t, IOMMUFD_OBJ_VIOMMU) ? UNSURE : 0;
	case IOMMUFD_OBJ_FAULT:
		/* Its file is open; else it depends on HWPTs. */
		return queue_of(t, id) && queue_of(t, id)->fd >= 0 ? -EBUSY : UNSURE;
	default:
		return UNSURE;
	}
}

/* A hardware queue lets go of its pages. */
static inline void queue_unlocked(struct target *t, struct item *item)
{
	struct model_ioas *s = model_of(t, item->ioas);

	for (unsigned n = 0; s && n < s->areas; n++)
		s->area[n].locks -= item_in(item, s, s->area[n].first, s->area[n].last);
	item->owner = 0;
	settle(t, s);
}

/* What hangs on a vIOMMU: itself, its queues; devices there also go with the device. */
static inline void viommu_parts_gone(struct target *t, uint32_t id)
{
	for (unsigned i = 0; i < VIOMMUS; i++) {
		if (t->viommu[i].id == id)
			t->viommu[i].id = 0;
		if (t->vdevice[i].id == id || t->vdevice[i].device == id)
			t->vdevice[i].id = 0;
		if (t->events[i].id == id)
			t->events[i].id = 0;
	}
}

static inline void destroyed(struct target *t, uint32_t id)
{
	struct hwpt *h = hwpt_of(t, id);

	viommu_parts_gone(t, id);

	for (unsigned i = REAL; i < DEVICES; i++) {
		struct device *d = &t->device[i];

		if (d->id && d->stdev == id) {
			detached(t, d);
			viommu_parts_gone(t, d->id);
			d->id = 0;
		}
	}
	for (unsigned i = 0; i < ITEMS; i++)
		if (t->item[i].owner == (UINT32_C(1) << 16 | id))
			queue_unlocked(t, &t->item[i]);
	if (h)
		hwpt_gone(t, h);
	if (queue_of(t, id))
		queue_of(t, id)->id = 0;
	if (model_of(t, id))
		model_of(t, id)->id = 0;
	if (t->compat == id)
		t->compat = 0;
}

static inline void do_destroy(struct target *t)
{
	static const enum iommufd_object_type types[] = {
		IOMMUFD_OBJ_NONE, IOMMUFD_OBJ_SELFTEST,    IOMMUFD_OBJ_HWPT_PAGING,
		IOMMUFD_OBJ_NONE, IOMMUFD_OBJ_HWPT_NESTED, IOMMUFD_OBJ_NONE,
		IOMMUFD_OBJ_NONE, IOMMUFD_OBJ_SELFTEST,
	};
	struct iommu_destroy cmd = {.id = any_id(t, types[take(t, 1) % SIO_ARRAY_SIZE(types)])};
	const int want = want_destroy(t, cmd.id);
	const int rc = command(t, IOMMU_DESTROY, &cmd, sizeof(cmd));

	if (want != UNSURE)
		expect(t, "DESTROY", rc, want);
	if (!rc)
		destroyed(t, cmd.id);
}

#endif
