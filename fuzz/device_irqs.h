/* SPDX-License-Identifier: GPL-2.0-only */
/* Interrupts: SET_IRQS with all kinds of arguments, and a device that raises them. */
#ifndef FUZZ_DEVICE_IRQS_H
#define FUZZ_DEVICE_IRQS_H

#include "device_target.h"

#include "core/file.h"

/* ---- SET_IRQS ---- */

struct irq_set {
	uint32_t argsz, flags, index, start, count;
	int32_t fd[VECTORS_MAX];
};

/* A program's number of an eventfd: which; NO_TRIGGER for -1, or -errno. */
static inline int fd_means(int32_t fd)
{
	if (fd < 0)
		return NO_TRIGGER;
	for (int i = 0; i < (int)EVENTFDS; i++)
		if (t.eventfd[i] == fd)
			return i;
	return fd == BAD_FD ? -EBADF : -EINVAL;
}

static inline bool chosen(const struct irq_set *set, uint32_t i)
{
	return set->flags & VFIO_IRQ_SET_DATA_NONE || ((const uint8_t *)set->fd)[i];
}

static inline long want_intx(const struct irq_set *set)
{
	struct irqs *irqs = &t.m.irqs;
	const uint32_t action = set->flags & VFIO_IRQ_SET_ACTION_TYPE_MASK;
	const bool on = irqs->type == INTX;
	int means;

	if (action != VFIO_IRQ_SET_ACTION_TRIGGER) {
		if (!on || set->start || set->count != 1)
			return -EINVAL;
		if (action == VFIO_IRQ_SET_ACTION_MASK) {
			if (set->flags & VFIO_IRQ_SET_DATA_EVENTFD)
				return -ENOTTY;
			irqs->masked |= chosen(set, 0);
			return 0;
		}
		if (set->flags & VFIO_IRQ_SET_DATA_EVENTFD) {
			means = fd_means(set->fd[0]);
			if (means < NO_TRIGGER)
				return means;
			if (means >= 0 && irqs->unmask >= 0)
				return -EBUSY;
			irqs->unmask = means;
			return 0;
		}
		if (chosen(set, 0)) {
			irqs->masked = false;
			model_deliver(&t.m, t.expected);
		}
		return 0;
	}
	if (on && !set->count && set->flags & VFIO_IRQ_SET_DATA_NONE) {
		model_irqs_off(&t.m);
		return 0;
	}
	if ((!on && irqs->type != IRQS) || set->start || set->count != 1)
		return -EINVAL;
	if (!(set->flags & VFIO_IRQ_SET_DATA_EVENTFD)) {
		if (on && chosen(set, 0) && !irqs->off)
			model_signal(&t.m, irqs->trigger[0], t.expected);
		return on ? 0 : -EINVAL;
	}
	means = fd_means(set->fd[0]);
	if (means < NO_TRIGGER)
		return means;
	if (!on)
		model_irqs_on(&t.m, INTX, 1);
	irqs->trigger[0] = means;
	model_deliver(&t.m, t.expected);
	return 0;
}

/* All of the block, or none of it up to what is wrong. */
static inline long want_block(const struct irq_set *set)
{
	struct irqs *irqs = &t.m.irqs;

	for (uint32_t i = 0; i < set->count; i++) {
		const uint32_t vector = set->start + i;
		int means = fd_means(set->fd[i]);

		if (means != NO_TRIGGER && set->index == MSI && vector >= irqs->enabled)
			means = -EINVAL;
		irqs->trigger[vector] = means < 0 ? NO_TRIGGER : means;
		if (means >= NO_TRIGGER)
			continue;
		for (uint32_t k = 0; k < i; k++)
			irqs->trigger[set->start + k] = NO_TRIGGER;
		return means;
	}
	return 0;
}

static inline long want_messages(const struct irq_set *set)
{
	struct irqs *irqs = &t.m.irqs;
	const bool on = irqs->type == set->index;
	long rc;

	if (on && !set->count && set->flags & VFIO_IRQ_SET_DATA_NONE) {
		model_irqs_off(&t.m);
		return 0;
	}
	if (!on && irqs->type != IRQS)
		return -EINVAL;
	if (set->flags & VFIO_IRQ_SET_DATA_EVENTFD) {
		if (!on)
			model_irqs_on(&t.m, set->index, set->start + set->count);
		rc = want_block(set);
		if (rc && !on)
			model_irqs_off(&t.m);
		return rc;
	}
	for (uint32_t i = 0; on && i < set->count; i++)
		if (chosen(set, i))
			model_signal(&t.m, irqs->trigger[set->start + i], t.expected);
	return on ? 0 : -EINVAL;
}

static inline long want_single(const struct irq_set *set)
{
	int *single = &t.m.irqs.single[set->index];
	int means;

	if (set->start || set->count > 1)
		return -EINVAL;
	if (set->flags & VFIO_IRQ_SET_DATA_NONE) {
		if (*single < 0)
			return -EINVAL;
		if (set->count)
			model_signal(&t.m, *single, t.expected);
		else
			*single = NO_TRIGGER;
		return 0;
	}
	if (!set->count)
		return -EINVAL;
	if (set->flags & VFIO_IRQ_SET_DATA_BOOL) {
		if (chosen(set, 0))
			model_signal(&t.m, *single, t.expected);
		return 0;
	}
	/* What is below -1 is no number and no wish. */
	if (set->fd[0] < -1)
		return 0;
	means = fd_means(set->fd[0]);
	if (means >= NO_TRIGGER)
		*single = means;
	return means < NO_TRIGGER ? means : 0;
}

static inline long want_set(const struct irq_set *set)
{
	const uint32_t kind = set->flags & 7, action = set->flags & 0x38;
	const uint32_t width = kind == 1 ? 0 : kind == 2 ? 1 : 4;
	const unsigned vectors = set->index < IRQS ? t.m.shape->vectors[set->index] : 0;

	if (set->argsz < 20 || set->index >= IRQS || set->flags & ~0x3fu ||
	    set->count >= UINT32_MAX - set->start)
		return -EINVAL;
	if (set->start >= vectors || set->start + set->count > vectors)
		return -EINVAL;
	if ((kind != 1 && kind != 2 && kind != 4) || set->argsz - 20 < set->count * width)
		return -EINVAL;
	if (action != 8 && action != 16 && action != 32)
		return -ENOTTY;
	if (set->index == INTX)
		return want_intx(set);
	if (action != 32)
		return -ENOTTY;
	return set->index == MSI || set->index == MSIX ? want_messages(set) : want_single(set);
}

/* Which index is on shows in the device's own registers. */
static inline void messages_in_hardware(unsigned before)
{
	const struct shape *s = t.m.shape;
	const unsigned now = t.m.irqs.type;

	if (before == now)
		return;
	if (before == MSI)
		t.m.hardware[s->msi + 2] &= 0xfe;
	if (before == MSIX)
		t.m.hardware[s->msix + 3] &= 0x7f;
	if (now == MSI)
		t.m.hardware[s->msi + 2] = (uint8_t)((t.m.hardware[s->msi + 2] & ~0x70) | 1 |
						     model_msi_lg2(&t.m) << 4);
	if (now == MSIX)
		t.m.hardware[s->msix + 3] = (uint8_t)((t.m.hardware[s->msix + 3] & ~0x40) | 0x80);
}

static inline long set_irqs(struct irq_set *set)
{
	const unsigned before = t.m.irqs.type;
	const long want = want_set(set);
	long rc;

	memcpy(arena, set, sizeof(*set));
	rc = answer(sio_ioctl(t.c.process, t.fd, VFIO_DEVICE_SET_IRQS, client_address(ARGUMENT)));
	note("set_irqs", (uint64_t)set->index << 32 | set->flags,
	     (uint64_t)set->start << 32 | set->count, (uint32_t)set->fd[0], rc);
	same("the answer", (uint64_t)rc, (uint64_t)want);
	messages_in_hardware(before);
	/* Turned on for a moment, it wrote how many there are. */
	if (rc && set->index == MSI && t.m.irqs.type == IRQS && t.m.shape->msi)
		t.m.hardware[t.m.shape->msi + 2] = hardware()[t.m.shape->msi + 2] & 0xfe;
	if (rc && set->index == MSIX && t.m.irqs.type == IRQS && t.m.shape->msix)
		t.m.hardware[t.m.shape->msix + 3] = hardware()[t.m.shape->msix + 3] & 0x7f;
	return rc;
}

static inline int32_t any_eventfd(void)
{
	const unsigned how = (unsigned)take(4);

	if (how < 9)
		return t.eventfd[how % UNMASKER];
	if (how < 13)
		return -1;
	return how == 13 ? -2 : how == 14 ? BAD_FD : t.fd;
}

static inline void do_irqs(void)
{
	static const uint8_t kinds[] = {1, 2, 4, 4, 4, 4, 1, 0},
			     actions[] = {8, 16, 32, 32, 32, 32, 32, 0};
	const unsigned how = (unsigned)take(4);
	struct irq_set set = {.index = (uint32_t)take(3)};

	set.index = set.index < 6 ? set.index : set.index - 6;
	set.flags = (uint32_t)kinds[take(3)] | actions[take(3)];
	set.count = (uint32_t)take(2);
	set.start = how & 8 ? (uint32_t)take(3) : 0;
	set.count = set.count == 3 ? (uint32_t)take(7) : set.count == 2 ? (uint32_t)take(3) : 1;
	if (set.flags & VFIO_IRQ_SET_DATA_NONE && how & 4)
		set.count = 0;
	if (how == 7)
		set.count = UINT32_MAX - set.start - (uint32_t)take(1);
	if (how == 3)
		set.flags ^= 1u << take(3);
	if (set.flags & VFIO_IRQ_SET_DATA_BOOL) {
		set.fd[0] = (int32_t)take(8);
	} else {
		for (unsigned i = 0; i < 4; i++)
			set.fd[i] = any_eventfd();
		for (unsigned i = 4; i < VECTORS_MAX; i++)
			set.fd[i] = set.fd[i % 2];
	}
	/* One that counts for something else as well would unmask by that. */
	if (set.index == INTX && (set.flags & VFIO_IRQ_SET_ACTION_UNMASK) &&
	    fd_means(set.fd[0]) >= 0)
		set.fd[0] = t.eventfd[UNMASKER];
	set.argsz = 20 + 4 * VECTORS_MAX;
	if (how == 5)
		set.argsz = 20 - (set.count % 2) + set.count * (set.flags & 4 ? 4 : 1);
	/* Whether the line is up is not always known. */
	if (t.m.irqs.unsure && set.index == INTX)
		return;
	set_irqs(&set);
}

static inline void do_interrupt(void)
{
	const struct shape *s = t.m.shape;
	const bool message = (s->msi && hardware()[s->msi + 2] & 1) ||
			     (s->msix && hardware()[s->msix + 3] & 0x80);
	const unsigned vector = message ? (unsigned)take(4) : 0;
	const bool level = take(2);

	pci_dev_interrupt(t.device->pci, vector, level);
	note("# interrupt", vector, level, message, 0);
	model_interrupt(&t.m, vector, level, message, t.expected);
}

/* The program signals that INTx may fire again, which is noticed at the next call at the latest. */
static inline void do_unmask(void)
{
	struct irq_set set = {.argsz = 21, .flags = 0x22, .index = REQ, .count = 1};

	if (t.m.irqs.type != INTX || t.m.irqs.unsure)
		return;
	set.flags = 0x14;
	set.index = INTX;
	set.argsz = 24;
	set.fd[0] = t.eventfd[UNMASKER];
	set_irqs(&set);
	eventfd_file_signal(fd_lookup(t.c.process->fds, t.eventfd[UNMASKER]));
	t.m.irqs.masked = false;
	model_deliver(&t.m, t.expected);
	set = (struct irq_set){.argsz = 21, .flags = 0x22, .index = REQ, .count = 1};
	set_irqs(&set);
}

#endif
