// SPDX-License-Identifier: GPL-2.0-only
/*
 * The public API's devices with PASIDs, translation caches and page requests.
 *
 * A translation cache belongs to the control plane's own port: it is used under the machine's lock.
 */
#include <errno.h>
#include <string.h>

#include "machine.h"

/* By the cache, which does the same as others while it is off. */
static int cached_transfer(struct sio_device *device, const struct dma_req *req, void *buf,
			   struct sio_fault *fault)
{
	const struct ats_result result = ats_access(device->ats, req, buf);

	if (result.outcome == ATS_BLOCKED && result.fault.reason)
		machine_fault_of(device->machine, req, &result.fault, fault);
	switch (result.outcome) {
	case ATS_OK:
		return 0;
	case ATS_NOWHERE:
		return -EIO;
	default:
		return -EACCES;
	}
}

int sio_dma(struct sio_device *device, const struct sio_dma *dma, void *buf,
	    struct sio_fault *fault)
{
	struct sio_machine *machine = device->machine;
	const struct dma_req req = {
		.segment = device->fn->segment,
		.requester = pci_requester_id(device->fn),
		.has_pasid = dma->has_pasid,
		.pasid = dma->pasid,
		.iova = dma->iova,
		.len = dma->len,
		.kind = dma->write ? DMA_WRITE : DMA_READ,
	};
	struct sio_fault ignored;
	int rc;

	if (device_is_emulated(device))
		return -EINVAL;
	fault = fault ? fault : &ignored;
	*fault = (struct sio_fault){0};
	machine_enter(machine, true);
	if (dma->cached && device->ats)
		rc = cached_transfer(device, &req, buf, fault);
	else
		rc = machine_transfer(machine, machine->port, &req, buf, fault);
	machine_leave(machine);
	return rc;
}

int sio_page_request(struct sio_device *device, const struct sio_page_request *request)
{
	const struct ats_page_request req = {
		.has_pasid = request->has_pasid,
		.pasid = request->pasid,
		.iova = request->iova & SIO_PAGE_MASK,
		.read = request->read,
		.write = request->write,
		.execute = request->execute,
		.privileged = request->privileged,
		.last = request->last,
		.group = request->group,
	};
	int rc = -ENODEV;

	machine_enter(device->machine, true);
	if (device->ats && device->iommu->iopf_users)
		rc = ats_page_request(device->ats, &req) ? 0 : -EBUSY;
	machine_leave(device->machine);
	return rc;
}

bool sio_page_response_next(struct sio_device *device, uint16_t *group, unsigned *code)
{
	struct ats_response response;
	bool found = false;

	machine_enter(device->machine, false);
	if (device->ats)
		found = ats_next_response(device->ats, &response);
	machine_leave(device->machine);
	if (found) {
		*group = response.group;
		*code = response.code;
	}
	return found;
}
