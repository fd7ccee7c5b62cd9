// SPDX-License-Identifier: GPL-2.0-only
/*
 * Resets: of one function, and of everything on its bus.
 *
 * Kernel behaviour: pci_reset_function() and pci_reset_bus() of drivers/pci, vfio_pci_core.c. A
 * function can be reset by itself (function level reset, or through a power state that does not
 * keep its context), or together with its bus if it is alone there. What the PCI core knows of the
 * configuration survives; nothing of the IOMMU is touched.
 */
#include <errno.h>
#include <linux/vfio.h>
#include <stdlib.h>
#include <string.h>

#include "vfio/vfio_priv.h"

#define HEADER_SIZE 12u

/* ---- which functions a bus reset reaches ---- */

/* On the root bus there is no bridge whose reset bit could be set. */
static bool bus_resettable(const struct pci_function *fn)
{
	return fn->parent != NULL;
}

static const struct topology *topology_of(const struct vfio_device *dev)
{
	return dev->group->vfio->iommu->topology;
}

/* Each function on the bus below `bridge`, each followed by what is below it; stops on nonzero. */
static int walk_bus(const struct topology *topo, const struct pci_function *bridge,
		    int (*visit)(void *ctx, const struct pci_function *fn), void *ctx)
{
	int rc = 0;

	for (const struct pci_function *fn = topo->first; fn && !rc; fn = fn->next) {
		if (fn->parent != bridge)
			continue;
		rc = visit(ctx, fn);
		if (!rc)
			rc = walk_bus(topo, fn, visit, ctx);
	}
	return rc;
}

static int walk_set(const struct vfio_device *dev,
		    int (*visit)(void *ctx, const struct pci_function *fn), void *ctx)
{
	return walk_bus(topology_of(dev), dev->pci->fn->parent, visit, ctx);
}

static bool alone_on_bus(const struct vfio_device *dev)
{
	const struct pci_function *fn = dev->pci->fn;

	for (const struct pci_function *it = topology_of(dev)->first; it; it = it->next) {
		if (it != fn && it->parent == fn->parent)
			return false;
	}
	return true;
}

/* The device behind a function that is bound to vfio-pci and on the same bus; NULL: it is not. */
static struct vfio_device *bound_sibling(const struct vfio_device *dev,
					 const struct pci_function *fn)
{
	if (fn->parent != dev->pci->fn->parent)
		return NULL;
	for (struct vfio_group *g = dev->group->vfio->groups; g; g = g->next) {
		for (struct vfio_device *it = g->devices; it; it = it->next) {
			if (it->pci->fn == fn)
				return it;
		}
	}
	return NULL;
}

/* ---- one function ---- */

bool vfio_reset_probe(const struct vfio_device *dev)
{
	const struct pci_dev *pci = dev->pci;

	/* The driver that emulates a device can reset it. */
	if (pci->flr || !dev->idev)
		return true;
	if (pci->pm_cap &&
	    !(pci_config_read(pci, pci->pm_cap + PCIR_PM_CSR, 2) & PCI_PM_NO_SOFT_RESET))
		return true;
	return bus_resettable(dev->pci->fn) && alone_on_bus(dev);
}

static void restore_bytes(struct pci_dev *pci, const uint8_t *saved, unsigned at, unsigned len)
{
	for (unsigned i = at; i < at + len; i++) {
		uint8_t mask = pci->writable[i];

		pci->config[i] = (uint8_t)((pci->config[i] & ~mask) | (saved[i] & mask));
	}
}

void vfio_restore_state(struct pci_dev *pci, const uint8_t *saved)
{
	restore_bytes(pci, saved, 0, PCIR_HEADER_END);
	if (pci->pcie_cap)
		restore_bytes(pci, saved, pci->pcie_cap + PCIR_PCIE_DEVCTL,
			      (pci->config[pci->pcie_cap + PCIR_PCIE_FLAGS] & 0xf) > 1 ? 36 : 12);
	if (pci->msi_cap)
		restore_bytes(pci, saved, pci->msi_cap + PCIR_MSI_CTRL,
			      pci->config[pci->msi_cap + PCIR_MSI_CTRL] & PCI_MSI_64BIT ? 12 : 8);
	if (pci->msix_cap)
		restore_bytes(pci, saved, pci->msix_cap + PCIR_MSIX_CTRL, 2);
}

static void reset_keeping_state(struct pci_dev *pci)
{
	uint8_t saved[PCI_CFG_EXT_SIZE];

	memcpy(saved, pci->config, sizeof(saved));
	pci_dev_reset(pci);
	vfio_restore_state(pci, saved);
}

void vfio_reset_function(struct vfio_device *dev)
{
	reset_keeping_state(dev->pci);
}

/* ---- the bus ---- */

static int reset_visit(void *ctx, const struct pci_function *fn)
{
	struct vfio_device *dev = bound_sibling(ctx, fn);

	reset_keeping_state(dev->pci);
	dev->needs_reset = false;
	return 0;
}

struct close_scan {
	const struct vfio_device *dev;
	bool needed;
};

static int close_visit(void *ctx, const struct pci_function *fn)
{
	struct close_scan *scan = ctx;
	const struct vfio_device *dev = bound_sibling(scan->dev, fn);

	if (!dev || dev->open_count)
		return -EBUSY;
	scan->needed |= dev->needs_reset;
	return 0;
}

void vfio_reset_after_close(struct vfio_device *dev)
{
	struct close_scan scan = {.dev = dev};

	if (bus_resettable(dev->pci->fn) && !walk_set(dev, close_visit, &scan) && scan.needed)
		walk_set(dev, reset_visit, dev);
}

static int count_visit(void *ctx, const struct pci_function *fn)
{
	(void)fn;
	++*(uint32_t *)ctx;
	return 0;
}

/* Of struct vfio_pci_hot_reset_info, for device nodes. */
#define RESET_DEV_ID       1u
#define RESET_DEV_ID_OWNED 2u

struct info_scan {
	const struct vfio_device *dev;
	struct vfio_pci_dependent_device *next;
	uint32_t flags;
};

/* In the context of the device that is asked. */
static uint32_t device_id(const struct info_scan *scan, const struct pci_function *fn)
{
	const struct vfio_device *dev = bound_sibling(scan->dev, fn);

	return dev ? vfio_iommufd_reset_id(dev, iommufd_device_ctx(scan->dev->iommufd))
		   : VFIO_DEVID_NOT_OWNED;
}

static int info_visit(void *ctx, const struct pci_function *fn)
{
	struct info_scan *scan = ctx;
	const struct iommu_device *idev =
		iommu_device_find(scan->dev->group->vfio->iommu, fn->segment, fn->rid);
	uint32_t id;

	if (scan->flags & RESET_DEV_ID) {
		id = device_id(scan, fn);
		if (id == VFIO_DEVID_NOT_OWNED)
			scan->flags &= ~RESET_DEV_ID_OWNED;
	} else {
		/* Nobody could say who owns it. */
		if (!idev || !idev->group)
			return -EPERM;
		id = (uint32_t)idev->group->id;
	}
	*scan->next++ = (struct vfio_pci_dependent_device){
		.group_id = id,
		.segment = fn->segment,
		.bus = (uint8_t)(fn->rid >> 8),
		.devfn = (uint8_t)fn->rid,
	};
	return 0;
}

/* argsz, flags, count */
typedef uint32_t hot_reset_header[HEADER_SIZE / 4];

/* *flags: RESET_*, in and out. */
static int info_devices(struct vfio_device *dev, const struct caller *caller, uint64_t to,
			uint32_t count, uint32_t *flags)
{
	size_t bytes = count * sizeof(struct vfio_pci_dependent_device);
	struct vfio_pci_dependent_device *list = fail_calloc("vfio.reset-info.list", 1, bytes);
	struct info_scan scan = {.dev = dev, .next = list, .flags = *flags};
	int rc;

	if (!list)
		return -ENOMEM;
	rc = walk_set(dev, info_visit, &scan);
	if (!rc)
		rc = copy_to_caller("vfio.reset-info.list.copy-out", caller, to, list, bytes);
	*flags = scan.flags;
	free(list);
	return rc;
}

long vfio_hot_reset_info(struct vfio_device *dev, const struct caller *caller, uint64_t arg)
{
	hot_reset_header header;
	uint32_t count = 0;
	long rc = copy_from_caller("vfio.reset-info.copy-in", caller, header, arg, sizeof(header));

	if (rc)
		return rc;
	if (header[0] < HEADER_SIZE)
		return -EINVAL;
	if (!bus_resettable(dev->pci->fn))
		return -ENODEV;
	walk_set(dev, count_visit, &count);
	header[1] = dev->by_node ? RESET_DEV_ID | RESET_DEV_ID_OWNED : 0;
	header[2] = count;
	if (count > (header[0] - HEADER_SIZE) / sizeof(struct vfio_pci_dependent_device))
		rc = -ENOSPC;
	else
		rc = info_devices(dev, caller, arg + HEADER_SIZE, count, &header[1]);
	if (rc && rc != -ENOSPC)
		return rc;
	return copy_to_caller("vfio.reset-info.copy-out", caller, arg, header, sizeof(header))
		       ? -EFAULT
		       : rc;
}

/* ---- PCI_HOT_RESET ---- */

struct owner_scan {
	const struct vfio_device *dev;
	struct vfio_group **groups;
	uint32_t count;
};

/* Bound to vfio, and its group is among those whose files the caller showed. */
static int owner_visit(void *ctx, const struct pci_function *fn)
{
	struct owner_scan *scan = ctx;
	const struct vfio_device *dev = bound_sibling(scan->dev, fn);

	for (uint32_t i = 0; dev && i < scan->count; i++) {
		if (scan->groups[i] == dev->group)
			return 0;
	}
	return -EINVAL;
}

/* For a device node: bound to vfio, and the context's as far as anyone's. */
static int context_visit(void *ctx, const struct pci_function *fn)
{
	const struct vfio_device *asked = ctx, *dev = bound_sibling(asked, fn);

	if (!dev ||
	    vfio_iommufd_reset_id(dev, iommufd_device_ctx(asked->iommufd)) == VFIO_DEVID_NOT_OWNED)
		return -EINVAL;
	return 0;
}

/* All descriptors are read before the first is looked at. */
static int find_groups(const struct caller *caller, uint64_t from, struct owner_scan *scan)
{
	int32_t *fds = fail_calloc("vfio.hot-reset.fds", scan->count, sizeof(*fds));
	int rc;

	if (!fds)
		return -ENOMEM;
	rc = copy_from_caller("vfio.hot-reset.fds.copy-in", caller, fds, from,
			      scan->count * sizeof(*fds));
	for (uint32_t i = 0; i < scan->count && !rc; i++) {
		struct file *file = fd_lookup(caller->fds, fds[i]);

		scan->groups[i] = file ? vfio_group_from_file(file) : NULL;
		if (!scan->groups[i])
			rc = file ? -EINVAL : -EBADF;
	}
	free(fds);
	return rc;
}

/* `scan` with the number of groups that the caller shows. */
static long reset_by_groups(struct vfio_device *dev, const struct caller *caller, uint64_t from,
			    struct owner_scan *scan)
{
	uint32_t affected = 0;
	int rc;

	walk_set(dev, count_visit, &affected);
	if (scan->count > affected)
		return -EINVAL;
	scan->groups =
		fail_calloc("vfio.hot-reset.groups", scan->count, sizeof(struct vfio_group *));
	if (!scan->groups)
		return -ENOMEM;
	rc = find_groups(caller, from, scan);
	if (!rc)
		rc = walk_set(dev, owner_visit, scan);
	free(scan->groups);
	return rc;
}

long vfio_hot_reset(struct vfio_device *dev, const struct caller *caller, uint64_t arg)
{
	struct owner_scan scan = {.dev = dev};
	hot_reset_header header;
	long rc = copy_from_caller("vfio.hot-reset.copy-in", caller, header, arg, sizeof(header));

	if (rc)
		return rc;
	/* An empty list is for device nodes, and only that. */
	if (header[0] < HEADER_SIZE || header[1] || !header[2] != dev->by_node)
		return -EINVAL;
	if (!bus_resettable(dev->pci->fn))
		return -ENODEV;
	scan.count = header[2];
	rc = dev->by_node ? walk_set(dev, context_visit, dev)
			  : reset_by_groups(dev, caller, arg + HEADER_SIZE, &scan);
	if (!rc && dev->pci->gone)
		rc = -ENOTTY;
	if (!rc)
		walk_set(dev, reset_visit, dev);
	return rc;
}
