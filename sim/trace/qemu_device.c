// SPDX-License-Identifier: GPL-2.0-only
/*
 * Replay of QEMU logs: device files, regions, interrupts and resets.
 */
#include "trace/qemu_priv.h"

#include <errno.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trace/bar_map.h"

/* ---- files and BARs ---- */

int qemu_device_map_bar(struct qemu_run *run, struct qemu_device *device, unsigned bar,
			uint64_t vaddr)
{
	struct qemu_bar *known = &device->bar[bar];
	struct vfio_region_info info = {.argsz = sizeof(info), .index = bar};
	int rc = bar_enable(run->s, device->fd);

	if (!rc && !known->mapped) {
		rc = (int)qemu_ioctl(run, device->fd, VFIO_DEVICE_GET_REGION_INFO, &info);
		if (!rc)
			rc = bar_map(run->s, device->fd, bar, vaddr);
		known->mapped = !rc;
		known->vaddr = vaddr;
		known->size = info.size;
	}
	if (rc && rc != -ENOMEM)
		session_note(run->s, "line %u: BAR %u of %s cannot be mapped: %s",
			     run->import.event[run->at].line, bar, device->name, strerror(-rc));
	return rc == -ENOMEM ? rc : 0;
}

int qemu_device_close(struct qemu_run *run, struct qemu_device *device)
{
	int rc = 0;

	for (unsigned bar = 0; bar < QEMU_BARS && !rc; bar++) {
		struct qemu_bar *known = &device->bar[bar];

		if (!known->mapped)
			continue;
		known->mapped = false;
		rc = sio_mem_unmap(run->s->process, known->vaddr, known->size);
		if (!rc)
			rc = areas_map_range(&run->import.areas, run->s, known->vaddr, known->size);
	}
	if (device->fd >= 0)
		sio_close(run->s->process, device->fd);
	device->fd = -1;
	return rc;
}

/* ---- information ---- */

int qemu_device_info(struct qemu_run *run, struct qemu_device *device, const uint64_t want[3])
{
	struct vfio_device_info info = {.argsz = sizeof(info)};
	long ret = qemu_ioctl(run, device->fd, VFIO_DEVICE_GET_INFO, &info);

	snprintf(run->informed, sizeof(run->informed), "%s", device->name);
	if (ret < 0)
		return qemu_done_ret(run, "device-info", ret);
	strbuf_clear(&run->expected);
	strbuf_clear(&run->got);
	strbuf_add(&run->expected, "flags=%llu regions=%llu irqs=%llu", (unsigned long long)want[0],
		   (unsigned long long)want[1], (unsigned long long)want[2]);
	strbuf_add(&run->got, "flags=%u regions=%u irqs=%u", info.flags, info.num_regions,
		   info.num_irqs);
	return qemu_done(run, "device-info");
}

static int group_device_info(struct qemu_run *run, struct qemu_device *device,
			     const struct qemu_event *event)
{
	char name[32];
	long ret;

	if (device->fd >= 0)
		sio_close(run->s->process, device->fd);
	snprintf(name, sizeof(name), "%s", sio_device_bdf(device->device));
	ret = qemu_ioctl(run, device->group_fd, VFIO_GROUP_GET_DEVICE_FD, name);
	device->fd = ret < 0 ? -1 : (int)ret;
	if (ret >= 0)
		return qemu_device_info(run, device, event->n);
	snprintf(run->informed, sizeof(run->informed), "%s", device->name);
	return qemu_done_ret(run, "device-info", ret);
}

struct region_answer {
	uint32_t index;
	uint64_t flags, offset, size;
};

static int region_info(struct qemu_run *run, struct qemu_device *device,
		       const struct region_answer *want)
{
	struct vfio_region_info info = {.argsz = sizeof(info), .index = want->index};
	long ret = qemu_ioctl(run, device->fd, VFIO_DEVICE_GET_REGION_INFO, &info);

	if (ret < 0)
		return qemu_done_ret(run, "region-info", ret);
	strbuf_clear(&run->expected);
	strbuf_clear(&run->got);
	strbuf_add(&run->expected, "flags=0x%llx offset=0x%llx size=0x%llx",
		   (unsigned long long)want->flags, (unsigned long long)want->offset,
		   (unsigned long long)want->size);
	strbuf_add(&run->got, "flags=0x%x offset=0x%llx size=0x%llx", info.flags, info.offset,
		   info.size);
	return qemu_done(run, "region-info");
}

static int numbered_region(struct qemu_run *run, struct qemu_device *device,
			   const struct qemu_event *event)
{
	struct region_answer want = {
		.index = (uint32_t)event->n[0],
		.flags = event->n[1],
		.offset = event->n[2],
		.size = event->n[3],
	};

	return region_info(run, device, &want);
}

/* Configuration space and ROM are printed size first. */
static int named_region(struct qemu_run *run, struct qemu_device *device,
			const struct qemu_event *event, uint32_t index)
{
	struct region_answer want = {
		.index = index,
		.size = event->n[0],
		.offset = event->n[1],
		.flags = event->n[2],
	};

	return region_info(run, device, &want);
}

/* QEMU asks for the error interrupt of every device and prints why there is none. */
static int no_irq(struct qemu_run *run, const struct qemu_event *event)
{
	struct vfio_irq_info info = {.argsz = sizeof(info), .index = VFIO_PCI_ERR_IRQ_INDEX};
	struct qemu_device *device;
	int rc = 0;
	long ret;

	device = qemu_find_device(run, run->informed, &rc);
	if (!device)
		return rc;
	ret = qemu_ioctl(run, device->fd, VFIO_DEVICE_GET_IRQ_INFO, &info);
	strbuf_clear(&run->expected);
	strbuf_clear(&run->got);
	strbuf_add(&run->expected, "%s", event->word);
	strbuf_add(&run->got, "%s", ret < 0 ? strerror((int)-ret) : "success");
	return qemu_done(run, "irq-info");
}

/* ---- interrupts ---- */

static int eventfd_of(struct qemu_run *run, unsigned vector, int *fd)
{
	while (run->eventfds <= vector) {
		int *all = realloc(run->eventfd, (run->eventfds + 1) * sizeof(*all));

		if (!all)
			return -ENOMEM;
		run->eventfd = all;
		all[run->eventfds] = sio_eventfd(run->s->process);
		if (all[run->eventfds] < 0)
			return -errno;
		run->eventfds++;
	}
	*fd = run->eventfd[vector];
	return 0;
}

/* SET_IRQS: eventfds for vectors 0 to count - 1 of an index; count 0 turns the index off. */
static int set_irqs(struct qemu_run *run, const struct qemu_device *device, uint32_t index,
		    unsigned count, long *ret)
{
	struct vfio_irq_set *set = calloc(1, sizeof(*set) + count * sizeof(int));
	int rc = 0;

	if (!set)
		return -ENOMEM;
	set->argsz = (uint32_t)(sizeof(*set) + count * sizeof(int));
	set->flags = VFIO_IRQ_SET_ACTION_TRIGGER |
		     (count ? VFIO_IRQ_SET_DATA_EVENTFD : VFIO_IRQ_SET_DATA_NONE);
	set->index = index;
	set->count = count;
	for (unsigned i = 0; i < count && !rc; i++) {
		int fd = -1;

		rc = eventfd_of(run, i, &fd);
		memcpy(set->data + i * sizeof(fd), &fd, sizeof(fd));
	}
	if (!rc)
		*ret = qemu_ioctl(run, device->fd, VFIO_DEVICE_SET_IRQS, set);
	free(set);
	return rc;
}

static int irqs(struct qemu_run *run, struct qemu_device *device, uint32_t index, unsigned count)
{
	long ret = 0;
	int rc = set_irqs(run, device, index, count, &ret);

	if (rc)
		return rc;
	device->vectors = index == VFIO_PCI_INTX_IRQ_INDEX ? 0 : count;
	device->vector_index = index;
	return qemu_done_ret(run, "set-irqs", ret);
}

/* QEMU turns MSI-X off before INTx is on again, and prints it after both. */
static int intx_on(struct qemu_run *run, struct qemu_device *device)
{
	long ignored;
	int rc = 0;

	if (device->vectors)
		rc = set_irqs(run, device, device->vector_index, 0, &ignored);
	return rc ? rc : irqs(run, device, VFIO_PCI_INTX_IRQ_INDEX, 1);
}

/* Vectors in use grow: off and on again, as versions without dynamic MSI-X do. */
static int msix_use(struct qemu_run *run, struct qemu_device *device, uint64_t vector)
{
	unsigned count = (unsigned)vector + 1;
	long ignored;
	int rc;

	if (vector >= QEMU_VECTORS)
		return session_error(run->s, run->import.event[run->at].line, "MSI-X vector %llu",
				     (unsigned long long)vector);
	if (count <= device->vectors)
		count = device->vectors;
	rc = set_irqs(run, device, VFIO_PCI_MSIX_IRQ_INDEX, 0, &ignored);
	return rc ? rc : irqs(run, device, VFIO_PCI_MSIX_IRQ_INDEX, count);
}

static int msi_on(struct qemu_run *run, struct qemu_device *device, uint64_t vectors)
{
	if (!vectors || vectors > QEMU_VECTORS)
		return session_error(run->s, run->import.event[run->at].line, "%llu MSI vectors",
				     (unsigned long long)vectors);
	return irqs(run, device, VFIO_PCI_MSI_IRQ_INDEX, (unsigned)vectors);
}

/* ---- resets ---- */

/* QEMU asks which devices a hot reset would take; the log does not hold the answer. */
static int hot_reset(struct qemu_run *run, struct qemu_device *device)
{
	struct vfio_pci_hot_reset_info info = {.argsz = sizeof(info)};
	char name[16];
	long ret = qemu_ioctl(run, device->fd, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, &info);

	strbuf_clear(&run->expected);
	strbuf_clear(&run->got);
	for (unsigned i = 0; i < 2; i++)
		strbuf_add(i ? &run->got : &run->expected, "%s",
			   ret < 0 ? session_errno_name((int)-ret, name) : "ret=0");
	return qemu_done(run, "hot-reset-info");
}

static int hot_reset_result(struct qemu_run *run, struct qemu_device *device,
			    const struct qemu_event *event)
{
	/* Who opened a node shows by it that all is his, and names no group. */
	unsigned count = device->node ? 0 : run->devices;
	struct vfio_pci_hot_reset *reset = calloc(1, sizeof(*reset) + count * sizeof(int));
	long ret;

	if (!reset)
		return -ENOMEM;
	reset->argsz = (uint32_t)(sizeof(*reset) + count * sizeof(int));
	reset->count = count;
	for (unsigned i = 0; i < count; i++)
		reset->group_fds[i] = run->device[i].group_fd;
	ret = qemu_ioctl(run, device->fd, VFIO_DEVICE_PCI_HOT_RESET, reset);
	free(reset);
	strbuf_clear(&run->expected);
	strbuf_clear(&run->got);
	strbuf_add(&run->expected, "%s", event->word);
	strbuf_add(&run->got, "%s", ret < 0 ? strerror((int)-ret) : "Success");
	return qemu_done(run, "reset");
}

/* ---- all events ---- */

int qemu_device_event(struct qemu_run *run, const struct qemu_event *event)
{
	struct qemu_device *device;
	int rc = 0;

	if (event->kind == QEMU_NO_IRQ)
		return no_irq(run, event);
	device = qemu_find_device(run, event->name, &rc);
	if (!device)
		return rc;
	switch (event->kind) {
	case QEMU_DEVICE_INFO:
		return group_device_info(run, device, event);
	case QEMU_REGION:
		return numbered_region(run, device, event);
	case QEMU_CONFIG:
		return named_region(run, device, event, VFIO_PCI_CONFIG_REGION_INDEX);
	case QEMU_ROM:
		return named_region(run, device, event, VFIO_PCI_ROM_REGION_INDEX);
	case QEMU_INTX_ON:
		return intx_on(run, device);
	case QEMU_INTX_OFF:
		return irqs(run, device, VFIO_PCI_INTX_IRQ_INDEX, 0);
	case QEMU_MSI_ON:
		return msi_on(run, device, event->n[0]);
	case QEMU_MSI_OFF:
		return device->vectors ? irqs(run, device, VFIO_PCI_MSI_IRQ_INDEX, 0) : 0;
	case QEMU_MSIX_USE:
		return msix_use(run, device, event->n[0]);
	case QEMU_MSIX_ON:
		return device->vectors ? 0 : irqs(run, device, VFIO_PCI_MSIX_IRQ_INDEX, 1);
	case QEMU_MSIX_OFF:
		return device->vectors ? irqs(run, device, VFIO_PCI_MSIX_IRQ_INDEX, 0) : 0;
	case QEMU_RESET:
		return qemu_done_ret(run, "reset",
				     qemu_ioctl(run, device->fd, VFIO_DEVICE_RESET, NULL));
	case QEMU_HOT_RESET:
		return hot_reset(run, device);
	case QEMU_HOT_RESET_RESULT:
		return hot_reset_result(run, device, event);
	default: /* QEMU_CONFIG_WRITE: was looked at when the file was read */
		return 0;
	}
}
