// SPDX-License-Identifier: GPL-2.0-only
/*
 * Functions without behaviour: described by numbers, and bridges.
 *
 * BARs read as zero and swallow writes. A bridge has a type 1 header with the bus numbers of its
 * place in the topology.
 */
#include <stdlib.h>

#include "dev.h"

static void plain_destroy(struct pci_dev *dev)
{
	free(dev);
}

static const struct pci_dev_ops plain_ops = {.destroy = plain_destroy};

static struct pci_dev *plain_create(struct pci_function *fn, const char *model,
				    const struct pci_dev_ids *ids)
{
	struct pci_dev *dev = calloc(1, sizeof(*dev));

	if (!dev)
		return NULL;
	pci_dev_init(dev, fn, ids);
	dev->ops = &plain_ops;
	dev->model = model;
	return dev;
}

static void generic_build(struct pci_dev *dev, const struct dev_generic_cfg *cfg)
{
	for (unsigned i = 0; i < SIO_ARRAY_SIZE(cfg->bar); i++) {
		if (cfg->bar[i].kind != PCI_BAR_NONE)
			pci_dev_add_bar(dev, i, cfg->bar[i].kind, cfg->bar[i].size,
					cfg->bar[i].prefetch);
	}
	if (cfg->pin)
		pci_dev_set_pin(dev, cfg->pin);
	if (cfg->pm)
		pci_dev_add_pm(dev);
	if (cfg->msi)
		pci_dev_add_msi(dev, cfg->msi_lg2, true);
	if (cfg->pcie)
		pci_dev_add_pcie(dev, cfg->flr);
	if (cfg->msix_count)
		pci_dev_add_msix(dev, cfg->msix_bar, cfg->msix_count, 0,
				 (cfg->msix_count * 16u + 0xfffu) & ~0xfffu);
	if (cfg->af)
		pci_dev_add_af(dev);
}

struct pci_dev *generic_create(struct pci_function *fn, struct dma_port *port,
			       const struct dev_cfg *cfg)
{
	static const struct dev_generic_cfg unnamed = {
		.ids = {.vendor = 0x1b36, .device = 0x00ff, .class_code = 0xff0000},
	};
	const struct dev_generic_cfg *generic = cfg->generic ? cfg->generic : &unnamed;
	struct pci_dev *dev = plain_create(fn, "generic", &generic->ids);

	(void)port;
	if (dev)
		generic_build(dev, generic);
	return dev;
}

struct pci_dev *bridge_create(struct pci_function *fn, struct dma_port *port,
			      const struct dev_cfg *cfg)
{
	struct pci_dev_ids ids = {
		.vendor = 0x1b36,
		.device = fn->type == PCI_BRIDGE_PCIE_TO_PCI ? 0x000e : 0x000c,
		.class_code = 0x060400,
	};
	struct pci_dev *dev = plain_create(fn, "bridge", &ids);

	(void)port, (void)cfg;
	if (dev && fn->type != PCI_BRIDGE_CONVENTIONAL)
		pci_dev_add_pcie(dev, false);
	return dev;
}
