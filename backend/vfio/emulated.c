// SPDX-License-Identifier: GPL-2.0-only
/*
 * Emulated devices, and the calls by which drivers of devices reach a container's memory.
 *
 * An emulated device (mdev) has no DMA of its own: a driver on the CPU does it, by pinning pages or
 * by copying. It is alone in a bare group. Its file shows a PCI function that is in no topology:
 * no bus to reset, nothing in physical space to map.
 *
 * The calls belong to a device that is open. Before 6.0 its group in a container is enough. A
 * device behind an IOMMU may pin as well, to say what it dirties.
 *
 * Kernel behaviour: vfio_pin_pages(), vfio_unpin_pages(), vfio_dma_rw() of drivers/vfio.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vfio/vfio_priv.h"

#define PIN_PAGES_MAX 512u

int vfio_emulated_create(struct vfio *vfio, const char *name, struct pci_dev *pci,
			 struct vfio_device **out)
{
	struct vfio_group *group;
	struct iommu_group *bare;
	struct vfio_device *dev;
	int rc;

	if (!vfio->iommu->personality->emulated)
		return -ENOTTY;
	dev = fail_calloc("vfio.emulated.device", 1, sizeof(*dev));
	if (!dev)
		return -ENOMEM;
	rc = -ENOMEM;
	dev->name = fail_strdup("vfio.emulated.name", name);
	if (!dev->name)
		goto err_dev;
	rc = iommu_bare_group_create(vfio->iommu, NULL, &bare);
	if (rc)
		goto err_name;
	rc = -ENOMEM;
	group = vfio_group_create(vfio, bare, VFIO_GROUP_EMULATED);
	if (!group)
		goto err_bare;
	dev->group = group;
	dev->pci = pci;
	dev->irqs.type = VFIO_IRQ_NONE;
	group->devices = dev;
	*out = dev;
	return 0;

err_bare:
	iommu_bare_group_destroy(bare);
err_name:
	free(dev->name);
err_dev:
	free(dev);
	return rc;
}

int vfio_device_group(const struct vfio_device *dev)
{
	return dev->group->iommu_group->id;
}

/* ---- who is asked for pages ---- */

int vfio_device_on_unmap(struct vfio_device *dev,
			 void (*dma_unmap)(void *ctx, iova_t iova, uint64_t size), void *ctx)
{
	if (dev->open_count)
		return -EBUSY;
	dev->has_client = dma_unmap != NULL;
	dev->client = (struct t1_client){.dma_unmap = dma_unmap, .ctx = ctx};
	return 0;
}

/* NULL: an iommufd is in its place, or no driver. */
static struct type1 *type1_of(const struct vfio_device *dev)
{
	return dev->group->container ? dev->group->container->t1 : NULL;
}

void vfio_client_open(struct vfio_device *dev)
{
	struct type1 *t1 = type1_of(dev);

	if (t1 && dev->has_client)
		t1_client_add(t1, &dev->client);
}

void vfio_client_close(struct vfio_device *dev)
{
	struct type1 *t1 = type1_of(dev);

	if (t1 && dev->has_client)
		t1_client_remove(t1, &dev->client);
}

/* ---- calls of drivers ---- */

static bool is_lone(const struct vfio_group *group)
{
	return group->devices && !group->devices->next;
}

/* The container that a device's driver reaches. 0, or why not. */
static int reach(const struct vfio_device *dev, struct type1 **t1)
{
	const struct vfio_container *container = dev->group->container;
	const struct personality *kernel = dev->group->vfio->iommu->personality;

	if (kernel->unmap_callback == UNMAP_CALLBACK_DEVICE) {
		if (!dev->open_count)
			return -EINVAL;
	} else {
		if (container && container->noiommu)
			return -EPERM;
		if (!container || !vfio_container_has_driver(container))
			return -EINVAL;
	}
	/* In an iommufd, where only an emulated device has an access. */
	if (!container)
		return dev->idev ? -EINVAL : -ENOTTY;
	*t1 = container->t1;
	return *t1 ? 0 : -ENOTTY;
}

/* Whoever could give a mapping its address has closed the container: the wait ends with an error.
 */
static int or_fault(const struct vfio_device *dev, int rc)
{
	return rc == T1_WAIT && vfio_container_is_closed(dev->group->container) ? -EFAULT : rc;
}

/* What both calls about pages ask first. */
static int reach_pages(const struct vfio_device *dev, iova_t iova, unsigned pages,
		       struct type1 **t1)
{
	const struct personality *kernel = dev->group->vfio->iommu->personality;
	bool by_device = kernel->unmap_callback == UNMAP_CALLBACK_DEVICE;

	if (!kernel->emulated)
		return -ENOTTY;
	if (!pages || !sio_is_aligned(iova, SIO_PAGE_SIZE) || (by_device && !dev->open_count))
		return -EINVAL;
	if (pages > PIN_PAGES_MAX)
		return -E2BIG;
	return reach(dev, t1);
}

int vfio_device_pin_pages(struct vfio_device *dev, iova_t iova, unsigned pages, unsigned prot,
			  pa_t *pa)
{
	struct type1 *t1;
	int rc = reach_pages(dev, iova, pages, &t1);

	if (rc)
		return rc;
	if (dev->group->vfio->iommu->personality->pin_lone_device && !is_lone(dev->group))
		return -EINVAL;
	return or_fault(dev, t1_pin_pages(t1, dev->group->iommu_group, iova, pages, prot, pa));
}

int vfio_device_unpin_pages(struct vfio_device *dev, iova_t iova, unsigned pages)
{
	struct type1 *t1;
	int rc = reach_pages(dev, iova, pages, &t1);

	return rc ? rc : t1_unpin_pages(t1, iova, pages);
}

int vfio_device_dma_rw(struct vfio_device *dev, const struct task *task, iova_t iova, void *buf,
		       uint64_t len, bool write)
{
	struct type1 *t1;
	int rc;

	if (!dev->group->vfio->iommu->personality->dma_rw)
		return -ENOTTY;
	if (!len)
		return -EINVAL;
	rc = reach(dev, &t1);
	if (rc)
		return rc;
	return or_fault(dev, t1_dma_rw(t1, task, iova, buf, len, write));
}
