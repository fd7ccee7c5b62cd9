// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of device models, and BARs in physical space.
 *
 * A window answers only while the function decodes memory (command register), as on a bus: a
 * request to a disabled BAR is a bus error.
 */
#include "dev.h"

#include <string.h>

#include "edu.h"

static struct pci_dev *create_edu(struct pci_function *fn, struct dma_port *port,
				  const struct dev_cfg *cfg)
{
	return edu_create(fn, port, &(struct edu_cfg){.dma_mask = cfg->dma_mask});
}

static const struct dev_model models[] = {
	{"edu", "educational device with a DMA engine", 0x1234, 0x11e8, create_edu},
	{"e1000e", "82574L network controller, registers only", 0x8086, 0x10d3, e1000e_create},
	{"nvme", "NVM Express controller, registers only", 0x1b36, 0x0010, nvme_create},
	{"serial", "16550 serial port, registers only", 0x1b36, 0x0002, serial_create},
	{"bridge", "PCI bridge or port", 0x1b36, 0x000c, bridge_create},
	{"generic", "a function described by numbers", 0x1b36, 0x00ff, generic_create},
};

const struct dev_model *dev_model_at(unsigned n)
{
	return n < SIO_ARRAY_SIZE(models) ? &models[n] : NULL;
}

const struct dev_model *dev_model_find(const char *name)
{
	for (unsigned i = 0; i < SIO_ARRAY_SIZE(models); i++) {
		if (!strcmp(models[i].name, name))
			return &models[i];
	}
	return NULL;
}

struct pci_dev *dev_create(const char *model, struct pci_function *fn, struct dma_port *port,
			   const struct dev_cfg *cfg)
{
	static const struct dev_cfg defaults;
	const struct dev_model *found = dev_model_find(model);

	return found ? found->create(fn, port, cfg ? cfg : &defaults) : NULL;
}

void dev_destroy(struct pci_dev *dev)
{
	dev->ops->destroy(dev);
}

/* ---- BARs in physical space ---- */

static bool window_read(void *ctx, uint64_t offset, void *buf, uint64_t len)
{
	struct pci_bar *bar = ctx;
	uint8_t *bytes = buf;

	if (!pci_dev_memory_enabled(bar->dev) || offset >= bar->size || len > bar->size - offset)
		return false;
	while (len) {
		unsigned width = pci_access_width(offset, len);
		uint64_t value =
			pci_bar_read(bar->dev, (unsigned)(bar - bar->dev->bar), offset, width);

		for (unsigned i = 0; i < width; i++)
			*bytes++ = (uint8_t)(value >> (8 * i));
		offset += width;
		len -= width;
	}
	return true;
}

static bool window_write(void *ctx, uint64_t offset, const void *buf, uint64_t len)
{
	struct pci_bar *bar = ctx;
	const uint8_t *bytes = buf;

	if (!pci_dev_memory_enabled(bar->dev) || offset >= bar->size || len > bar->size - offset)
		return false;
	while (len) {
		unsigned width = pci_access_width(offset, len);
		uint64_t value = 0;

		for (unsigned i = 0; i < width; i++)
			value |= (uint64_t)*bytes++ << (8 * i);
		pci_bar_write(bar->dev, (unsigned)(bar - bar->dev->bar), offset, width, value);
		offset += width;
		len -= width;
	}
	return true;
}

static const struct phys_window_ops window_ops = {.read = window_read, .write = window_write};

static bool bar_is_memory(const struct pci_bar *bar)
{
	return bar->kind == PCI_BAR_MEM32 || bar->kind == PCI_BAR_MEM64;
}

static void bars_remove(struct pci_dev *dev, struct phys *phys, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		if (!bar_is_memory(&dev->bar[i]))
			continue;
		phys_window_remove(phys, dev->bar[i].address);
		pci_dev_set_bar_address(dev, i, 0);
	}
}

void dev_bars_remove(struct pci_dev *dev, struct phys *phys)
{
	bars_remove(dev, phys, SIO_ARRAY_SIZE(dev->bar));
}

bool dev_bars_place(struct pci_dev *dev, struct phys *phys)
{
	for (unsigned i = 0; i < SIO_ARRAY_SIZE(dev->bar); i++) {
		struct pci_bar *bar = &dev->bar[i];
		/* A page of its own, so that the BAR can be mapped by a process. */
		uint64_t room = bar->size < SIO_PAGE_SIZE ? SIO_PAGE_SIZE : bar->size;
		pa_t place;

		if (!bar_is_memory(bar))
			continue;
		place = phys_window_place(phys, room);
		if (place == PA_NONE ||
		    !phys_window_add(phys, place, place + room - 1, &window_ops, bar)) {
			bars_remove(dev, phys, i);
			return false;
		}
		pci_dev_set_bar_address(dev, i, place);
	}
	return true;
}
