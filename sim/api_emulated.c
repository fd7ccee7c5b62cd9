// SPDX-License-Identifier: GPL-2.0-only
/*
 * The public API's emulated devices, and what the driver of a device asks of a container.
 *
 * An emulated device is a PCI function that is on no bus: its file shows it, nothing routes to it.
 * The machine's lock is dropped while a program's callback runs, since that will call back.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dev/dev.h"
#include "machine.h"

#define NAME_MAX_LEN 63u

/* ---- life ---- */

struct sio_device *machine_emulated_find(const struct sio_machine *machine, const char *name)
{
	struct sio_device *device = machine->emulated;

	while (device && strcmp(device->name, name))
		device = device->next;
	return device;
}

static void device_free(struct sio_device *device)
{
	if (device->pci)
		dev_destroy(device->pci);
	free(device->fn);
	free(device->name);
	free(device);
}

static struct sio_device *device_new(struct sio_machine *machine, const char *name,
				     const char *model)
{
	struct sio_device *device = fail_calloc("machine.emulated", 1, sizeof(*device));

	if (!device)
		return NULL;
	device->machine = machine;
	device->name = fail_strdup("machine.emulated.name", name);
	device->fn = fail_calloc("machine.emulated.function", 1, sizeof(*device->fn));
	if (device->fn)
		device->fn->type = PCI_CONVENTIONAL;
	if (device->fn)
		device->pci = dev_create(model, device->fn, NULL, NULL);
	if (!device->name || !device->pci) {
		device_free(device);
		return NULL;
	}
	return device;
}

int machine_emulated_create(struct sio_machine *machine, const char *name, const char *model,
			    struct sio_device **out)
{
	struct sio_device *device = device_new(machine, name, model), **link = &machine->emulated;
	int rc;

	if (!device)
		return -ENOMEM;
	rc = vfio_emulated_create(machine->vfio, name, device->pci, &device->vfio);
	if (rc) {
		device_free(device);
		return rc;
	}
	while (*link)
		link = &(*link)->next;
	*link = device;
	*out = device;
	return 0;
}

int machine_emulated_boot(struct sio_machine *machine, const char *name, const char *model)
{
	struct sio_device *device = machine_emulated_find(machine, name);
	int rc;

	if (device)
		return vfio_emulated_create(machine->vfio, name, device->pci, &device->vfio);
	rc = machine_emulated_create(machine, name, model, &device);
	if (!rc)
		device->of_platform = true;
	return rc;
}

void machine_emulated_end(struct sio_machine *machine)
{
	struct sio_device **link = &machine->emulated;

	while (*link) {
		struct sio_device *device = *link;

		device->vfio = NULL;
		device->unmap = NULL;
		pci_dev_power_on(device->pci);
		if (device->of_platform) {
			link = &device->next;
			continue;
		}
		*link = device->next;
		device_free(device);
	}
}

void machine_emulated_free(struct sio_machine *machine)
{
	while (machine->emulated) {
		struct sio_device *device = machine->emulated;

		machine->emulated = device->next;
		device_free(device);
	}
}

int sio_device_create_emulated(struct sio_machine *machine, const char *name, const char *model,
			       struct sio_device **device)
{
	const struct dev_model *found = dev_model_find(model ? model : "generic");
	uint16_t segment, rid;
	int rc;

	*device = NULL;
	if (!*name || strlen(name) > NAME_MAX_LEN || pci_parse_bdf(name, &segment, &rid))
		return -EINVAL;
	if (!found || !strcmp(found->name, "bridge"))
		return -EINVAL;
	if (sio_device_find(machine, name))
		return -EEXIST;
	machine_enter(machine, true);
	rc = machine_emulated_create(machine, name, found->name, device);
	machine_leave(machine);
	return rc;
}

/* ---- the driver's calls ---- */

/* NULL: a bridge, or bound to no vfio driver. */
static struct vfio_device *vfio_of(const struct sio_device *device)
{
	if (device_is_emulated(device))
		return device->vfio;
	return vfio_device_find(device->machine->vfio, device->iommu);
}

static void device_unmapped(void *ctx, iova_t iova, uint64_t size)
{
	struct sio_device *device = ctx;
	struct sio_machine *machine = device->machine;
	sio_unmap_fn *call = device->unmap;
	void *user = device->unmap_user;

	machine_leave(machine);
	call(user, device, iova, size);
	machine_enter(machine, false);
}

int sio_device_on_unmap(struct sio_device *device, sio_unmap_fn *call, void *user)
{
	struct vfio_device *vfio;
	int rc = -ENODEV;

	machine_enter(device->machine, true);
	vfio = vfio_of(device);
	if (vfio)
		rc = vfio_device_on_unmap(vfio, call ? device_unmapped : NULL, device);
	if (!rc) {
		device->unmap = call;
		device->unmap_user = user;
	}
	machine_leave(device->machine);
	return rc;
}

int sio_device_pin_pages(struct sio_device *device, uint64_t iova, unsigned pages, unsigned prot,
			 uint64_t *address)
{
	struct vfio_device *vfio;
	int rc = -ENODEV;

	if (prot & ~(unsigned)SIO_PROT_RW || !address)
		return -EINVAL;
	machine_enter(device->machine, true);
	vfio = vfio_of(device);
	while (vfio && (rc = vfio_device_pin_pages(vfio, iova, pages, prot, address)) == T1_WAIT)
		machine_wait(device->machine);
	machine_leave(device->machine);
	return rc;
}

int sio_device_unpin_pages(struct sio_device *device, uint64_t iova, unsigned pages)
{
	struct vfio_device *vfio;
	int rc = -ENODEV;

	machine_enter(device->machine, true);
	vfio = vfio_of(device);
	if (vfio)
		rc = vfio_device_unpin_pages(vfio, iova, pages);
	machine_leave(device->machine);
	return rc;
}

int sio_device_dma_rw(struct sio_device *device, struct sio_process *process, uint64_t iova,
		      void *buf, size_t len, bool write)
{
	struct vfio_device *vfio;
	int rc = -ENODEV;

	machine_enter(device->machine, true);
	vfio = vfio_of(device);
	while (vfio && (rc = vfio_device_dma_rw(vfio, process ? process->task : NULL, iova, buf,
						len, write)) == T1_WAIT)
		machine_wait(device->machine);
	machine_leave(device->machine);
	return rc;
}
