/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vIOMMUs, devices behind them, their queues of events and of the hardware: operations of the
 * iommufd target, each with what it has to answer and what follows from it.
 */
#ifndef FUZZ_IOMMUFD_VIOMMU_H
#define FUZZ_IOMMUFD_VIOMMU_H

#include "iommufd_files.h"

#define EVENT_HEADER 8u
#define EVENT_BYTES  12u

static inline void hw_queue(struct target *t, struct iommu_hw_queue_alloc *cmd, uint64_t how)
{
	const struct iommufd_object *obj =
		iommufd_object_find(context(t), cmd->viommu_id, IOMMUFD_OBJ_VIOMMU);
	struct model_ioas *s = NULL;
	struct item *item = t->item;

	if (obj)
		s = model_of(
			t, sio_container_of(obj, struct iommufd_viommu, obj)->parent->ioas->obj.id);
	cmd->nesting_parent_iova = any_iova(t, s);
	cmd->length = how & 0x80 ? any_length(t, s, cmd->nesting_parent_iova) : MODEL_PAGE;
	while (item < t->item + ITEMS && item->owner)
		item++;
	if (item == t->item + ITEMS || command(t, IOMMU_HW_QUEUE_ALLOC, cmd, sizeof(*cmd)))
		return;
	*item = (struct item){UINT32_C(1) << 16 | cmd->out_hw_queue_id, 0, s->id,
			      cmd->nesting_parent_iova & -MODEL_PAGE,
			      (cmd->nesting_parent_iova + (cmd->length - 1)) | (MODEL_PAGE - 1)};
	if (!model_covered(s, item->first, item->last))
		differ(t, "a hardware queue where nothing is mapped");
	for (unsigned n = 0; n < s->areas; n++)
		s->area[n].locks += item_in(item, s, s->area[n].first, s->area[n].last);
	settle(t, s);
}

static inline void window_unmap(struct target *t)
{
	if (!t->window)
		return;
	sio_mem_unmap(t->c.process, t->window, t->window_size);
	t->window = 0;
	note(t, 0, 0, "bufunmap w");
}

static inline void window_map(struct target *t, uint64_t how)
{
	const uint64_t size = (1 + (how >> 3) % 4) << 12, offset = how & 0x80 ? 4096 : 8192;
	int rc;

	window_unmap(t);
	t->window_size = size;
	rc = sio_mem_map_fd(t->c.process, 0, offset, size, 0, &t->window);
	if (rc)
		t->window = 0;
	note(t, 0, rc, "mmap_iommufd w x0 off=%llu size=0x%llx", (unsigned long long)offset,
	     (unsigned long long)size);
}

/* ---- vIOMMUs and devices ---- */

static inline struct viommu *viommu_of(struct target *t, uint32_t id)
{
	for (unsigned i = 0; id && i < VIOMMUS; i++)
		if (t->viommu[i].id == id)
			return &t->viommu[i];
	return NULL;
}

static inline void viommu_new(struct target *t, struct iommu_viommu_alloc *cmd, uint64_t how)
{
	const uint32_t in[6] = {(uint32_t)how};
	const struct device *d = device_of_id(t, cmd->dev_id);
	const struct hwpt *h;
	struct viommu *v = t->viommu;
	int rc, want;

	while (v < t->viommu + VIOMMUS && v->id)
		v++;
	if (v == t->viommu + VIOMMUS)
		return;
	cmd->hwpt_id = any_id(t, IOMMUFD_OBJ_HWPT_PAGING);
	cmd->flags = how >= 0xf8;
	if (how >= 0xf0 && how < 0xf8)
		cmd->type = how & 1;
	h = hwpt_of(t, cmd->hwpt_id);
	want = !h || h->nested ? -ENOENT : h->nest_parent ? 0 : -EINVAL;
	/* Whether its driver has any is asked of the device first. */
	if (cmd->flags || !cmd->type)
		want = -EOPNOTSUPP;
	else if (!d)
		want = type_of(t, cmd->dev_id) == IOMMUFD_OBJ_DEVICE ? UNSURE : -ENOENT;
	else if (d->real)
		want = t->amd ? UNSURE : -EOPNOTSUPP;
	else if (cmd->type != IOMMU_VIOMMU_TYPE_SELFTEST)
		want = -EOPNOTSUPP;
	else if (!want && !h->mock)
		want = UNSURE;
	put_data(0, in, sizeof(in));
	rc = command(t, IOMMU_VIOMMU_ALLOC, cmd, sizeof(*cmd));
	if (want != UNSURE)
		expect(t, "VIOMMU_ALLOC", rc, want);
	if (!rc)
		*v = (struct viommu){cmd->out_viommu_id, cmd->hwpt_id};
}

static inline void vdevice_new(struct target *t, struct iommu_vdevice_alloc *cmd)
{
	const struct device *d = device_of_id(t, cmd->dev_id);
	const struct viommu *v = viommu_of(t, cmd->viommu_id);
	struct vdevice *to = NULL;
	int rc, want = 0;

	for (unsigned i = 0; i < VIOMMUS; i++) {
		const struct vdevice *other = &t->vdevice[i];

		if (!other->id)
			to = &t->vdevice[i];
		else if (other->device == cmd->dev_id ||
			 (other->viommu == cmd->viommu_id && other->virt == cmd->virt_id))
			want = -EEXIST;
	}
	if (!to)
		return;
	if (!v)
		want = -ENOENT;
	else if (!d)
		want = type_of(t, cmd->dev_id) == IOMMUFD_OBJ_DEVICE ? UNSURE : -ENOENT;
	else if (d->real)
		want = t->amd ? UNSURE : -EINVAL;
	rc = command(t, IOMMU_VDEVICE_ALLOC, cmd, sizeof(*cmd));
	if (want != UNSURE)
		expect(t, "VDEVICE_ALLOC", rc, want);
	if (!rc)
		*to = (struct vdevice){cmd->out_vdevice_id, cmd->viommu_id, cmd->dev_id,
				       cmd->virt_id};
}

/* ---- events ---- */

static inline void events_new(struct target *t, struct iommu_veventq_alloc *cmd, bool sealed)
{
	const unsigned before = count_of(t, IOMMUFD_OBJ_NONE);
	struct events *to = NULL;
	int rc, want = sealed ? -EFAULT : 0;

	for (unsigned i = 0; i < VIOMMUS; i++) {
		if (!t->events[i].id)
			to = &t->events[i];
		else if (t->events[i].viommu == cmd->viommu_id)
			want = -EEXIST;
	}
	if (!to || files_full(t))
		return;
	if (!cmd->veventq_depth)
		want = -EINVAL;
	else if (!viommu_of(t, cmd->viommu_id))
		want = -ENOENT;
	arena_sealed = sealed;
	rc = command(t, IOMMU_VEVENTQ_ALLOC, cmd, sizeof(*cmd));
	arena_sealed = false;
	expect(t, "VEVENTQ_ALLOC", rc, want);
	if (!rc)
		*to = (struct events){.id = cmd->out_veventq_id,
				      .viommu = cmd->viommu_id,
				      .fd = (int)cmd->out_veventq_fd,
				      .depth = cmd->veventq_depth};
	else if (count_of(t, IOMMUFD_OBJ_NONE) != before)
		fail_counts(t, "VEVENTQ_ALLOC failed and left an object", "objects=%u", before);
}

static inline void event_queue(struct events *q, uint32_t virt)
{
	if (q->count == q->depth) {
		q->lost = true;
		q->lost_sequence = q->sequence++;
		return;
	}
	q->lost = false;
	q->event[q->count].sequence = q->sequence++;
	q->event[q->count++].virt = virt;
}

static inline void event_trigger(struct target *t, uint32_t id)
{
	struct iommu_test_cmd cmd = {.trigger_vevent = {.dev_id = id}};
	const struct device *d = device_of_id(t, id);
	struct events *q = NULL;
	int rc, want;

	for (unsigned i = 0; d && d->of && i < VIOMMUS; i++)
		if (t->events[i].id && t->events[i].viommu == d->of)
			q = &t->events[i];
	want = !d || !d->of || !d->virt ? -ENOENT : q ? 0 : -EOPNOTSUPP;
	if (!d || d->real || t->pasids)
		want = UNSURE;
	rc = test(t, IOMMU_TEST_OP_TRIGGER_VEVENT, &cmd);
	if (want != UNSURE)
		expect(t, "TRIGGER_VEVENT", rc, want);
	if (!rc && !q)
		differ(t, "an event comes from nowhere");
	if (!rc)
		event_queue(q, d->virt);
}

/* Whole records, as many as there is room for. */
static inline void events_read(struct target *t, struct events *q, size_t len)
{
	uint32_t want[16];
	size_t words = 0;
	unsigned taken = 0;
	long rc;

	if (fd_lookup(t->c.process->fds, q->fd) == NULL)
		return;
	while (taken < q->count && 4 * words + EVENT_BYTES <= len) {
		want[words++] = 0;
		want[words++] = q->event[taken].sequence;
		want[words++] = q->event[taken++].virt;
	}
	if (taken == q->count && q->lost && 4 * words + EVENT_HEADER <= len) {
		want[words++] = IOMMU_VEVENTQ_FLAG_LOST_EVENTS;
		want[words++] = q->lost_sequence;
	}
	rc = sio_pread(t->c.process, q->fd, client_address(DATA), len, 0);
	rc = rc < 0 ? -errno : rc;
	note(t, q->fd, rc, "vevent_read %% len=%zu", len);
	if (len < EVENT_HEADER || (!words && (q->count || q->lost))) {
		if (rc != -EINVAL)
			fail_pair(t, "read of less than an event", rc, -EINVAL);
		return;
	}
	if (rc != (long)(4 * words) || memcmp(want, data_at(0), 4 * words))
		fail_pair(t, "read of events", rc, (long)(4 * words));
	if (taken == q->count && 4 * taken * 3 < 4 * words)
		q->lost = false;
	memmove(q->event, q->event + taken, (q->count - taken) * sizeof(q->event[0]));
	q->count -= taken;
}

static inline void do_viommu(struct target *t)
{
	uint64_t how = take(t, 1);
	struct iommu_viommu_alloc viommu = {.type = IOMMU_VIOMMU_TYPE_SELFTEST,
					    .dev_id = any_id(t, IOMMUFD_OBJ_DEVICE),
					    .data_uptr = DATA,
					    .data_len = how & 16   ? 24
							: how & 32 ? 8
								   : 0};
	struct iommu_vdevice_alloc vdevice = {.viommu_id = any_id(t, IOMMUFD_OBJ_VIOMMU),
					      .dev_id = viommu.dev_id,
					      .virt_id = how & 0xc0 ? 0x1f : how >> 4};
	struct iommu_veventq_alloc events = {.viommu_id = vdevice.viommu_id,
					     .type = IOMMU_VEVENTQ_TYPE_SELFTEST,
					     .veventq_depth = (uint32_t)(how >> 4) % 4};
	struct iommu_hw_queue_alloc queue = {.viommu_id = vdevice.viommu_id,
					     .type = IOMMU_HW_QUEUE_TYPE_SELFTEST,
					     .index = count_of(t, IOMMUFD_OBJ_HW_QUEUE)};

	if (!t->later)
		return;
	switch (how & 7) {
	case 0:
		viommu_new(t, &viommu, how);
		break;
	case 1:
	case 2:
		vdevice_new(t, &vdevice);
		break;
	case 3:
		events_new(t, &events, how >= 0xe0);
		break;
	case 4:
		hw_queue(t, &queue, how);
		break;
	case 5:
		for (unsigned i = 0; i <= (how >> 3 & 3); i++)
			event_trigger(t, viommu.dev_id);
		break;
	case 6:
		window_map(t, how);
		break;
	default:
		for (unsigned i = 0; i < VIOMMUS; i++)
			if (t->events[i].id && t->events[i].fd >= 0)
				events_read(t, &t->events[i], how & 0x80 ? 48 : how >> 2 & 31);
	}
}

#endif
