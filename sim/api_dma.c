// SPDX-License-Identifier: GPL-2.0-only
/*
 * The public API's devices: finding them, and DMA that they do on command.
 *
 * The control plane's own port is used under the machine's lock. A sio_port belongs to one thread
 * and takes the lock only after a fault, to let the driver read it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"

struct sio_device *machine_device_at(struct sio_machine *machine, uint16_t segment, uint16_t rid)
{
	for (unsigned i = 0; i < machine->device_count; i++) {
		const struct platform_device *platform = machine->device[i].platform;

		if (platform->segment == segment && platform->rid == rid)
			return &machine->device[i];
	}
	return NULL;
}

struct sio_device *sio_device_find(struct sio_machine *machine, const char *name)
{
	uint16_t segment, rid;

	for (unsigned i = 0; *name && i < machine->device_count; i++)
		if (!strcmp(machine->device[i].platform->name, name))
			return &machine->device[i];
	if (!pci_parse_bdf(name, &segment, &rid)) {
		struct sio_device *emulated;

		machine_enter(machine, false);
		emulated = machine_emulated_find(machine, name);
		machine_leave(machine);
		return emulated;
	}
	return machine_device_at(machine, segment, rid);
}

const char *sio_device_bdf(const struct sio_device *device)
{
	return device_is_emulated(device) ? device->name : device->bdf;
}

int sio_device_group(const struct sio_device *device)
{
	if (device_is_emulated(device))
		return device->vfio ? vfio_device_group(device->vfio) : -1;
	return device->iommu->group ? device->iommu->group->id : -1;
}

int sio_device_cdev(struct sio_device *device)
{
	int index;

	if (device_is_emulated(device))
		return -1;
	machine_enter(device->machine, false);
	index = vfio_device_node(device->machine->vfio, device->iommu);
	machine_leave(device->machine);
	return index;
}

void machine_fault_of(const struct sio_machine *machine, const struct dma_req *req,
		      const struct dma_fault *from, struct sio_fault *to)
{
	const struct unit *unit = dma_fabric_route(machine->fabric, req->segment, req->requester);

	*to = (struct sio_fault){
		.reason = from->reason,
		.is_read = from->kind == DMA_READ,
		.address = from->iova & SIO_PAGE_MASK,
	};
	snprintf(to->unit, sizeof(to->unit), "%s", unit ? unit->name : "");
	pci_format_bdf(to->requester, req->segment, from->requester, true);
}

int machine_transfer(const struct sio_machine *machine, struct dma_port *port,
		     const struct dma_req *req, void *buf, struct sio_fault *fault)
{
	struct dma_result result = dma_access(port, req, buf);

	if (fault)
		*fault = (struct sio_fault){0};
	if (result.fault.reason) {
		if (fault)
			machine_fault_of(machine, req, &result.fault, fault);
		return -EACCES;
	}
	return result.bus_error ? -EIO : 0;
}

/* Serves both kinds of port. */
static int transfer(struct dma_port *port, const struct sio_device *device, struct dma_req *req,
		    void *buf, struct sio_fault *fault)
{
	if (device->pci && device->pci->gone)
		return -ENODEV;
	req->segment = device->fn->segment;
	req->requester = pci_requester_id(device->fn);
	return machine_transfer(device->machine, port, req, buf, fault);
}

static int device_dma(struct sio_device *device, uint64_t iova, void *buf, size_t len, bool write,
		      struct sio_fault *fault)
{
	struct sio_machine *machine = device->machine;
	struct dma_req req = {.iova = iova, .len = len, .kind = write ? DMA_WRITE : DMA_READ};
	int rc;

	if (device_is_emulated(device))
		return -EINVAL;
	machine_enter(machine, true);
	rc = transfer(machine->port, device, &req, buf, fault);
	machine_leave(machine);
	return rc;
}

int sio_dma_read(struct sio_device *device, uint64_t iova, void *buf, size_t len,
		 struct sio_fault *fault)
{
	return device_dma(device, iova, buf, len, false, fault);
}

int sio_dma_write(struct sio_device *device, uint64_t iova, const void *buf, size_t len,
		  struct sio_fault *fault)
{
	/* A write only reads the buffer; dma_access() takes one pointer for both directions. */
	return device_dma(device, iova, (void *)(uintptr_t)buf, len, true, fault);
}

struct sio_port *sio_port_create(struct sio_machine *machine)
{
	struct sio_port *port = calloc(1, sizeof(*port));

	if (!port)
		return NULL;
	machine_enter(machine, false);
	port->machine = machine;
	port->dma = dma_port_create(machine->fabric);
	machine_leave(machine);
	if (!port->dma) {
		free(port);
		return NULL;
	}
	return port;
}

void sio_port_destroy(struct sio_port *port)
{
	if (!port)
		return;
	machine_enter(port->machine, false);
	dma_port_destroy(port->dma);
	machine_leave(port->machine);
	free(port);
}

int sio_port_dma(struct sio_port *port, struct sio_device *device, uint64_t iova, void *buf,
		 size_t len, bool write, struct sio_fault *fault)
{
	struct dma_req req = {.iova = iova, .len = len, .kind = write ? DMA_WRITE : DMA_READ};
	int rc;

	if (device_is_emulated(device))
		return -EINVAL;
	rc = transfer(port->dma, device, &req, buf, fault);
	if (rc == -EACCES) {
		machine_enter(port->machine, false);
		machine_leave(port->machine);
	}
	return rc;
}

void machine_fault_format(const struct iommu_fault *fault, struct sio_fault *out)
{
	*out = (struct sio_fault){
		.reason = fault->reason,
		.is_read = fault->is_read,
		.flags = fault->flags,
		.address = fault->address,
	};
	snprintf(out->unit, sizeof(out->unit), "%s", fault->unit);
	pci_format_bdf(out->requester, fault->segment, fault->requester, true);
}

bool sio_fault_next(struct sio_machine *machine, struct sio_fault *fault)
{
	bool found;

	machine_enter(machine, false);
	machine_settle(machine);
	found = machine->fault_count != 0;
	if (found) {
		machine_fault_format(&machine->fault[machine->fault_first], fault);
		machine->fault_first = (machine->fault_first + 1) % MACHINE_FAULTS;
		machine->fault_count--;
	}
	machine_leave(machine);
	return found;
}
