// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device that an iommufd context drives: bind, attach, PASIDs, and who owns what a reset reaches.
 *
 * A device is bound from its first open to its last close, by whatever file that was: the node's
 * BIND names the context, a group passes on the one that it was given as container. The first one
 * decides; files that are opened later share it.
 *
 * Kernel behaviour: drivers/vfio/iommufd.c. Which PASIDs are attached is recorded apart from what
 * iommufd knows: PASID 0 of an ATTACH with the PASID flag is the device's own requests to iommufd,
 * and yet another attachment to VFIO.
 *
 * Invariant: `pasid` ascends; nothing is attached while the device is not bound.
 */
#include <errno.h>
#include <stdlib.h>

#include "vfio/vfio_priv.h"

/* The record of attached PASIDs takes numbers up to here. */
#define PASID_LAST INT32_MAX

int vfio_iommufd_bind(struct vfio_device *dev, struct iommufd_ctx *ctx)
{
	uint32_t id;

	return iommufd_device_bind(ctx, dev->idev, &dev->iommufd, &id);
}

void vfio_iommufd_unbind(struct vfio_device *dev)
{
	while (dev->pasid_count)
		vfio_iommufd_detach_pasid(dev, dev->pasid[0]);
	vfio_iommufd_detach(dev);
	iommufd_device_unbind(dev->iommufd);
	dev->iommufd = NULL;
}

/* ---- the device's own requests ---- */

int vfio_iommufd_attach(struct vfio_device *dev, uint32_t *pt_id)
{
	int rc;

	if (dev->attached)
		return iommufd_device_replace(dev->iommufd, IOMMU_NO_PASID, pt_id);
	rc = iommufd_device_attach(dev->iommufd, IOMMU_NO_PASID, pt_id);
	dev->attached = !rc;
	return rc;
}

void vfio_iommufd_detach(struct vfio_device *dev)
{
	if (!dev->attached)
		return;
	iommufd_device_detach(dev->iommufd, IOMMU_NO_PASID);
	dev->attached = false;
}

int vfio_iommufd_attach_compat(struct vfio_device *dev)
{
	uint32_t id;
	int rc = iommufd_vfio_ioas_id(iommufd_device_ctx(dev->iommufd), &id);

	return rc ? rc : vfio_iommufd_attach(dev, &id);
}

/* ---- PASIDs ---- */

/* Where the PASID is, or would be. */
static unsigned pasid_place(const struct vfio_device *dev, uint32_t pasid)
{
	unsigned at = 0;

	while (at < dev->pasid_count && dev->pasid[at] < pasid)
		at++;
	return at;
}

static bool pasid_known(const struct vfio_device *dev, uint32_t pasid)
{
	unsigned at = pasid_place(dev, pasid);

	return at < dev->pasid_count && dev->pasid[at] == pasid;
}

int vfio_iommufd_attach_pasid(struct vfio_device *dev, uint32_t pasid, uint32_t *pt_id)
{
	const unsigned at = pasid_place(dev, pasid);
	uint32_t *grown;
	int rc;

	if (pasid_known(dev, pasid))
		return iommufd_device_replace(dev->iommufd, pasid, pt_id);
	if (pasid > PASID_LAST)
		return -ENOSPC;
	grown = fail_calloc("vfio.node.pasid", dev->pasid_count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	rc = iommufd_device_attach(dev->iommufd, pasid, pt_id);
	if (rc) {
		free(grown);
		return rc;
	}
	for (unsigned i = 0; i < dev->pasid_count; i++)
		grown[i < at ? i : i + 1] = dev->pasid[i];
	grown[at] = pasid;
	free(dev->pasid);
	dev->pasid = grown;
	dev->pasid_count++;
	return 0;
}

void vfio_iommufd_detach_pasid(struct vfio_device *dev, uint32_t pasid)
{
	if (!pasid_known(dev, pasid))
		return;
	iommufd_device_detach(dev->iommufd, pasid);
	dev->pasid_count--;
	for (unsigned i = pasid_place(dev, pasid); i < dev->pasid_count; i++)
		dev->pasid[i] = dev->pasid[i + 1];
	if (dev->pasid_count)
		return;
	free(dev->pasid);
	dev->pasid = NULL;
}

/* ---- resets ---- */

uint32_t vfio_iommufd_reset_id(const struct vfio_device *dev, const struct iommufd_ctx *ctx)
{
	if (dev->iommufd && iommufd_device_ctx(dev->iommufd) == ctx)
		return iommufd_device_id(dev->iommufd);
	return iommufd_ctx_has_group(ctx, dev->idev->group) ? VFIO_DEVID_OWNED
							    : VFIO_DEVID_NOT_OWNED;
}

/* ---- audit ---- */

const char *vfio_iommufd_audit(const struct vfio_device *dev)
{
	if (!dev->iommufd)
		return dev->attached || dev->pasid_count
			       ? "vfio device: attached to something while not bound"
			       : NULL;
	if (!dev->open_count)
		return "vfio device: a closed device is bound to an iommufd";
	if (dev->attached && !iommufd_device_attached(dev->iommufd, IOMMU_NO_PASID))
		return "vfio device: iommufd knows nothing of its attachment";
	for (unsigned i = 0; i < dev->pasid_count; i++) {
		if (i && dev->pasid[i - 1] >= dev->pasid[i])
			return "vfio device: PASIDs do not ascend";
		if (!iommufd_device_attached(dev->iommufd, dev->pasid[i]))
			return "vfio device: iommufd knows nothing of a PASID's attachment";
	}
	return NULL;
}
