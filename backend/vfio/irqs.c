// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts: GET_IRQ_INFO, SET_IRQS, and their way from the device to an eventfd.
 *
 * Kernel behaviour: vfio_pci_intrs.c of drivers/vfio/pci. One of INTx, MSI and MSI-X is on at a
 * time. INTx masks itself when it fires and waits for an unmask. A signal on the unmask eventfd is
 * noticed at the next event of the device (an interrupt or a call): nothing here sleeps on an
 * eventfd.
 *
 * Invariant: eventfds are held only by an index that is on (ERR and REQ always may).
 */
#include <errno.h>
#include <linux/vfio.h>
#include <stdlib.h>
#include <string.h>

#include "vfio/vfio_priv.h"

#define HEADER_SIZE 20u

/* A SET_IRQS that passed validation. */
struct irq_request {
	struct vfio_device *dev;
	const struct caller *caller;
	uint32_t index, start, count;
	uint32_t kind;       /* VFIO_IRQ_SET_DATA_* */
	uint32_t action;     /* VFIO_IRQ_SET_ACTION_* */
	const uint8_t *data; /* count bytes or descriptors */
};

static bool request_bool(const struct irq_request *req, uint32_t i)
{
	return req->data[i] != 0;
}

static int32_t request_fd(const struct irq_request *req, uint32_t i)
{
	int32_t fd;

	memcpy(&fd, req->data + 4 * (size_t)i, sizeof(fd));
	return fd;
}

/* With a reference. 0, -EBADF, -EINVAL. */
static int eventfd_get(const struct irq_request *req, int32_t fd, struct file **out)
{
	struct file *file = fd_lookup(req->caller->fds, fd);

	if (!file)
		return -EBADF;
	if (!file_is_eventfd(file))
		return -EINVAL;
	*out = file_get(file);
	return 0;
}

static void eventfd_drop(struct file **slot)
{
	if (*slot)
		file_put(*slot);
	*slot = NULL;
}

static void eventfd_notify(struct file *file)
{
	if (file)
		eventfd_file_signal(file);
}

/* ---- INTx ---- */

/* Unless the user turned INTx off in the command register. */
static void intx_notify(struct vfio_device *dev)
{
	if (dev->irqs.type == VFIO_PCI_INTX_IRQ_INDEX && !dev->irqs.disabled)
		eventfd_notify(dev->irqs.trigger[0]);
}

/* The line is up and nothing masks it: it fires once and masks itself. */
static void intx_deliver(struct vfio_device *dev)
{
	struct vfio_irqs *irqs = &dev->irqs;

	if (irqs->type != VFIO_PCI_INTX_IRQ_INDEX || !irqs->line || irqs->masked || irqs->disabled)
		return;
	irqs->masked = true;
	intx_notify(dev);
}

static void intx_unmask(struct vfio_device *dev)
{
	dev->irqs.masked = false;
	intx_deliver(dev);
}

/* The unmask eventfd was signalled since we last looked. */
static void intx_poll_unmask(struct vfio_device *dev)
{
	if (dev->irqs.unmask && eventfd_file_read(dev->irqs.unmask))
		intx_unmask(dev);
}

void vfio_irqs_request_release(struct vfio_device *dev)
{
	if (dev->irqs.req)
		eventfd_file_signal(dev->irqs.req);
}

void vfio_intx_set_disabled(struct vfio_device *dev, bool disabled)
{
	struct vfio_irqs *irqs = &dev->irqs;

	if (irqs->disabled == disabled)
		return;
	irqs->disabled = disabled;
	if (disabled)
		irqs->masked = true;
	else
		intx_unmask(dev);
}

/* ---- on and off ---- */

static void irqs_disable(struct vfio_device *dev)
{
	struct vfio_irqs *irqs = &dev->irqs;
	struct pci_dev *pci = dev->pci;
	unsigned at;

	for (uint32_t i = 0; i < irqs->count; i++)
		eventfd_drop(&irqs->trigger[i]);
	eventfd_drop(&irqs->unmask);
	free(irqs->trigger);
	irqs->trigger = NULL;
	irqs->count = 0;
	irqs->enabled = 0;
	if (irqs->type == VFIO_PCI_MSI_IRQ_INDEX) {
		at = pci->msi_cap + PCIR_MSI_CTRL;
		pci_config_write(pci, at, 2,
				 pci_config_read(pci, at, 2) & ~(uint32_t)PCI_MSI_ENABLE);
		dev->config->msi_qmax = 0;
	} else if (irqs->type == VFIO_PCI_MSIX_IRQ_INDEX) {
		at = pci->msix_cap + PCIR_MSIX_CTRL;
		pci_config_write(pci, at, 2,
				 pci_config_read(pci, at, 2) & ~(uint32_t)PCI_MSIX_ENABLE);
	}
	irqs->type = VFIO_IRQ_NONE;
}

static int irqs_enable(struct vfio_device *dev, uint32_t index, uint32_t vectors)
{
	struct vfio_irqs *irqs = &dev->irqs;
	struct pci_dev *pci = dev->pci;
	uint32_t count = vfio_irq_count(dev, index);
	unsigned at;

	irqs->trigger = fail_calloc("vfio.irq.triggers", count, sizeof(struct file *));
	if (!irqs->trigger)
		return -ENOMEM;
	irqs->count = count;
	irqs->enabled = vectors;
	irqs->type = index;
	if (index == VFIO_PCI_MSI_IRQ_INDEX) {
		uint32_t lg2 = vectors > 1 ? sio_lg2(vectors - 1) + 1 : 0;

		at = pci->msi_cap + PCIR_MSI_CTRL;
		pci_config_write(pci, at, 2,
				 (pci_config_read(pci, at, 2) & ~0x70u) | lg2 << 4 |
					 PCI_MSI_ENABLE);
		/* As many as the user may ask for: the power of two that holds them. */
		dev->config->msi_qmax = (uint8_t)lg2;
	} else if (index == VFIO_PCI_MSIX_IRQ_INDEX) {
		at = pci->msix_cap + PCIR_MSIX_CTRL;
		pci_config_write(pci, at, 2,
				 (pci_config_read(pci, at, 2) & ~(uint32_t)PCI_MSIX_MASKALL) |
					 PCI_MSIX_ENABLE);
	} else {
		irqs->masked = irqs->disabled;
	}
	return 0;
}

/* Of INTx, MSI and MSI-X, none or this one is on. */
static bool is_free_for(const struct vfio_device *dev, uint32_t index)
{
	return dev->irqs.type == VFIO_IRQ_NONE || dev->irqs.type == index;
}

/* ---- what the device does ---- */

static void on_interrupt(void *ctx, unsigned vector, bool level)
{
	struct vfio_device *dev = ctx;
	struct vfio_irqs *irqs = &dev->irqs;

	intx_poll_unmask(dev);
	if (irqs->type == VFIO_PCI_MSI_IRQ_INDEX || irqs->type == VFIO_PCI_MSIX_IRQ_INDEX) {
		if (level && vector < irqs->count)
			eventfd_notify(irqs->trigger[vector]);
		return;
	}
	irqs->line = level;
	intx_deliver(dev);
}

void vfio_irqs_init(struct vfio_device *dev)
{
	memset(&dev->irqs, 0, sizeof(dev->irqs));
	dev->irqs.type = VFIO_IRQ_NONE;
	dev->irqs.line = pci_config_read(dev->pci, PCIR_STATUS, 2) & PCI_STS_INTX;
	dev->pci->irq = on_interrupt;
	dev->pci->irq_ctx = dev;
}

void vfio_irqs_fini(struct vfio_device *dev)
{
	dev->pci->irq = NULL;
	dev->pci->irq_ctx = NULL;
	irqs_disable(dev);
	eventfd_drop(&dev->irqs.err);
	eventfd_drop(&dev->irqs.req);
	dev->irqs.disabled = false;
	dev->irqs.masked = false;
}

/* ---- actions ---- */

static long intx_mask_action(const struct irq_request *req)
{
	struct vfio_irqs *irqs = &req->dev->irqs;

	if (irqs->type != VFIO_PCI_INTX_IRQ_INDEX || req->start != 0 || req->count != 1)
		return -EINVAL;
	if (req->kind == VFIO_IRQ_SET_DATA_EVENTFD)
		return -ENOTTY;
	if (req->kind == VFIO_IRQ_SET_DATA_NONE || request_bool(req, 0))
		irqs->masked = true;
	return 0;
}

static long intx_set_unmask_eventfd(const struct irq_request *req)
{
	struct vfio_irqs *irqs = &req->dev->irqs;
	int32_t fd = request_fd(req, 0);
	struct file *file;
	int rc;

	if (fd < 0) {
		eventfd_drop(&irqs->unmask);
		return 0;
	}
	rc = eventfd_get(req, fd, &file);
	if (rc)
		return rc;
	if (irqs->unmask) {
		file_put(file);
		return -EBUSY;
	}
	irqs->unmask = file;
	intx_poll_unmask(req->dev);
	return 0;
}

static long intx_unmask_action(const struct irq_request *req)
{
	if (req->dev->irqs.type != VFIO_PCI_INTX_IRQ_INDEX || req->start != 0 || req->count != 1)
		return -EINVAL;
	if (req->kind == VFIO_IRQ_SET_DATA_EVENTFD)
		return intx_set_unmask_eventfd(req);
	if (req->kind == VFIO_IRQ_SET_DATA_NONE || request_bool(req, 0))
		intx_unmask(req->dev);
	return 0;
}

static long intx_set_eventfd(const struct irq_request *req)
{
	struct vfio_irqs *irqs = &req->dev->irqs;
	int32_t fd = request_fd(req, 0);
	struct file *file = NULL;
	int rc = fd >= 0 ? eventfd_get(req, fd, &file) : 0;

	if (!rc && irqs->type == VFIO_IRQ_NONE)
		rc = irqs_enable(req->dev, VFIO_PCI_INTX_IRQ_INDEX, 1);
	if (rc) {
		eventfd_drop(&file);
		return rc;
	}
	eventfd_drop(&irqs->trigger[0]);
	irqs->trigger[0] = file;
	intx_deliver(req->dev);
	return 0;
}

static long intx_trigger_action(const struct irq_request *req)
{
	struct vfio_device *dev = req->dev;
	bool on = dev->irqs.type == VFIO_PCI_INTX_IRQ_INDEX;

	if (on && !req->count && req->kind == VFIO_IRQ_SET_DATA_NONE) {
		irqs_disable(dev);
		return 0;
	}
	if (!is_free_for(dev, VFIO_PCI_INTX_IRQ_INDEX) || req->start != 0 || req->count != 1)
		return -EINVAL;
	if (req->kind == VFIO_IRQ_SET_DATA_EVENTFD)
		return intx_set_eventfd(req);
	if (!on)
		return -EINVAL;
	if (req->kind == VFIO_IRQ_SET_DATA_NONE || request_bool(req, 0))
		intx_notify(dev);
	return 0;
}

/* A negative descriptor leaves the vector without one. MSI cannot grow once it is on; MSI-X can. */
static int msi_set_vector(const struct irq_request *req, uint32_t vector, int32_t fd)
{
	struct vfio_irqs *irqs = &req->dev->irqs;

	eventfd_drop(&irqs->trigger[vector]);
	if (fd < 0)
		return 0;
	if (req->index == VFIO_PCI_MSI_IRQ_INDEX && vector >= irqs->enabled)
		return -EINVAL;
	return eventfd_get(req, fd, &irqs->trigger[vector]);
}

/* All of the block, or on failure none of it. */
static long msi_set_block(const struct irq_request *req)
{
	uint32_t i;
	int rc = 0;

	for (i = 0; i < req->count && !rc; i++)
		rc = msi_set_vector(req, req->start + i, request_fd(req, i));
	while (rc && i--)
		eventfd_drop(&req->dev->irqs.trigger[req->start + i]);
	return rc;
}

static long msi_trigger_action(const struct irq_request *req)
{
	struct vfio_device *dev = req->dev;
	bool on = dev->irqs.type == req->index;
	long rc;

	if (on && !req->count && req->kind == VFIO_IRQ_SET_DATA_NONE) {
		irqs_disable(dev);
		return 0;
	}
	if (!is_free_for(dev, req->index))
		return -EINVAL;
	if (req->kind == VFIO_IRQ_SET_DATA_EVENTFD) {
		rc = on ? 0 : irqs_enable(dev, req->index, req->start + req->count);
		if (rc)
			return rc;
		rc = msi_set_block(req);
		if (rc && !on)
			irqs_disable(dev);
		return rc;
	}
	if (!on)
		return -EINVAL;
	for (uint32_t i = 0; i < req->count; i++) {
		if (req->kind == VFIO_IRQ_SET_DATA_NONE || request_bool(req, i))
			eventfd_notify(dev->irqs.trigger[req->start + i]);
	}
	return 0;
}

/* ERR and REQ: one eventfd, no hardware behind it. */
static long single_trigger_action(const struct irq_request *req, struct file **slot)
{
	struct file *file;
	int32_t fd;
	int rc;

	if (req->start != 0 || req->count > 1)
		return -EINVAL;
	if (req->kind == VFIO_IRQ_SET_DATA_NONE) {
		if (!*slot)
			return -EINVAL;
		if (req->count)
			eventfd_notify(*slot);
		else
			eventfd_drop(slot);
		return 0;
	}
	if (!req->count)
		return -EINVAL;
	if (req->kind == VFIO_IRQ_SET_DATA_BOOL) {
		if (request_bool(req, 0))
			eventfd_notify(*slot);
		return 0;
	}
	fd = request_fd(req, 0);
	if (fd < -1)
		return 0;
	if (fd == -1) {
		eventfd_drop(slot);
		return 0;
	}
	rc = eventfd_get(req, fd, &file);
	if (rc)
		return rc;
	eventfd_drop(slot);
	*slot = file;
	return 0;
}

static long irqs_action(const struct irq_request *req)
{
	struct vfio_irqs *irqs = &req->dev->irqs;
	bool trigger = req->action == VFIO_IRQ_SET_ACTION_TRIGGER;

	switch (req->index) {
	case VFIO_PCI_INTX_IRQ_INDEX:
		if (req->action == VFIO_IRQ_SET_ACTION_MASK)
			return intx_mask_action(req);
		if (req->action == VFIO_IRQ_SET_ACTION_UNMASK)
			return intx_unmask_action(req);
		return trigger ? intx_trigger_action(req) : -ENOTTY;
	case VFIO_PCI_MSI_IRQ_INDEX:
	case VFIO_PCI_MSIX_IRQ_INDEX:
		return trigger ? msi_trigger_action(req) : -ENOTTY;
	case VFIO_PCI_ERR_IRQ_INDEX:
		return trigger && req->dev->pci->pcie_cap ? single_trigger_action(req, &irqs->err)
							  : -ENOTTY;
	case VFIO_PCI_REQ_IRQ_INDEX:
		return trigger ? single_trigger_action(req, &irqs->req) : -ENOTTY;
	default:
		return -ENOTTY;
	}
}

/* ---- the ioctls ---- */

uint32_t vfio_irq_count(const struct vfio_device *dev, uint32_t index)
{
	const struct pci_dev *pci = dev->pci;

	switch (index) {
	case VFIO_PCI_INTX_IRQ_INDEX:
		return dev->config->copy[PCIR_INT_PIN] ? 1 : 0;
	case VFIO_PCI_MSI_IRQ_INDEX:
		return pci->msi_cap ? 1u << pci->msi_lg2 : 0;
	case VFIO_PCI_MSIX_IRQ_INDEX:
		return pci->msix_cap ? pci->msix_count : 0;
	case VFIO_PCI_ERR_IRQ_INDEX:
		return pci->pcie_cap ? 1 : 0;
	case VFIO_PCI_REQ_IRQ_INDEX:
		return 1;
	default:
		return 0;
	}
}

long vfio_irq_info(struct vfio_device *dev, const struct caller *caller, uint64_t arg)
{
	struct vfio_irq_info info;
	int rc = copy_from_caller("vfio.irq-info.copy-in", caller, &info, arg, sizeof(info));

	if (rc)
		return rc;
	if (info.argsz < sizeof(info) || info.index >= vfio_irq_indexes(dev))
		return -EINVAL;
	if (info.index == VFIO_PCI_ERR_IRQ_INDEX && !dev->pci->pcie_cap)
		return -EINVAL;
	info.flags = VFIO_IRQ_INFO_EVENTFD;
	info.count = vfio_irq_count(dev, info.index);
	if (info.index == VFIO_PCI_INTX_IRQ_INDEX)
		info.flags |= VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED;
	else if (info.index != VFIO_PCI_MSIX_IRQ_INDEX || !dev->pci->msix_cap)
		info.flags |= VFIO_IRQ_INFO_NORESIZE; /* MSI-X vectors can be added later */
	return copy_to_caller("vfio.irq-info.copy-out", caller, arg, &info, sizeof(info));
}

/* Bytes of data that follow, or what is wrong. */
static int validate(const struct vfio_device *dev, const struct vfio_irq_set *set, size_t *bytes)
{
	const uint32_t known = VFIO_IRQ_SET_DATA_TYPE_MASK | VFIO_IRQ_SET_ACTION_TYPE_MASK;
	uint32_t max = vfio_irq_count(dev, set->index);

	if (set->argsz < HEADER_SIZE || set->index >= vfio_irq_indexes(dev) ||
	    set->count >= UINT32_MAX - set->start || set->flags & ~known)
		return -EINVAL;
	if (set->start >= max || set->start + set->count > max)
		return -EINVAL;
	switch (set->flags & VFIO_IRQ_SET_DATA_TYPE_MASK) {
	case VFIO_IRQ_SET_DATA_NONE:
		*bytes = 0;
		return 0;
	case VFIO_IRQ_SET_DATA_BOOL:
		*bytes = set->count;
		break;
	case VFIO_IRQ_SET_DATA_EVENTFD:
		*bytes = (size_t)set->count * 4;
		break;
	default:
		return -EINVAL;
	}
	return set->argsz - HEADER_SIZE < *bytes ? -EINVAL : 0;
}

long vfio_irqs_ioctl(struct vfio_device *dev, const struct caller *caller, uint64_t arg)
{
	struct irq_request req = {.dev = dev, .caller = caller};
	struct vfio_irq_set set;
	uint8_t *data = NULL;
	size_t bytes = 0;
	long rc = copy_from_caller("vfio.irq.copy-in", caller, &set, arg, HEADER_SIZE);

	if (!rc)
		rc = validate(dev, &set, &bytes);
	if (rc)
		return rc;
	if (bytes) {
		data = fail_calloc("vfio.irq.data", 1, bytes);
		if (!data)
			return -ENOMEM;
		rc = copy_from_caller("vfio.irq.data.copy-in", caller, data, arg + HEADER_SIZE,
				      bytes);
	}
	if (!rc) {
		req.index = set.index;
		req.start = set.start;
		req.count = set.count;
		req.kind = set.flags & VFIO_IRQ_SET_DATA_TYPE_MASK;
		req.action = set.flags & VFIO_IRQ_SET_ACTION_TYPE_MASK;
		req.data = data;
		intx_poll_unmask(dev);
		rc = irqs_action(&req);
	}
	free(data);
	return rc;
}

const char *vfio_irqs_audit(const struct vfio_device *dev)
{
	const struct vfio_irqs *irqs = &dev->irqs;

	if ((irqs->type == VFIO_IRQ_NONE) != (irqs->trigger == NULL))
		return "vfio interrupts: eventfds without an index that is on, or none with one";
	if (irqs->type != VFIO_IRQ_NONE && irqs->count != vfio_irq_count(dev, irqs->type))
		return "vfio interrupts: eventfds are not one for each vector";
	if (irqs->unmask && irqs->type != VFIO_PCI_INTX_IRQ_INDEX)
		return "vfio interrupts: an unmask eventfd while INTx is off";
	if (!dev->open_count && (irqs->err || irqs->req || irqs->type != VFIO_IRQ_NONE))
		return "vfio interrupts: a closed device holds eventfds";
	return NULL;
}
