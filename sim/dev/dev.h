/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Device models by name: what sits behind a PCI function of a machine.
 *
 * A model gives configuration space, BARs and, where it has one, a DMA engine that reaches memory
 * only through a port of the machine's fabric. Models run on the thread that touches them and
 * finish what a register write starts before the write returns.
 */
#ifndef SIM_DEV_DEV_H
#define SIM_DEV_DEV_H

#include "dma.h"
#include "pcidev.h"

/* A device without behaviour, described by numbers. */
struct dev_generic_cfg {
	struct pci_dev_ids ids;
	struct {
		enum pci_bar_kind kind;
		uint64_t size;
		bool prefetch;
	} bar[6];
	bool pcie, flr, af, pm;
	uint8_t pin;
	bool msi;
	uint8_t msi_lg2;
	uint16_t msix_count; /* 0: no MSI-X; table at the start of msix_bar */
	uint8_t msix_bar;
};

struct dev_cfg {
	uint64_t dma_mask;                     /* edu: address lines of its DMA engine; 0: all 64 */
	const struct dev_generic_cfg *generic; /* generic: what it is; NULL: ids only */
};

struct dev_model {
	const char *name; /* "edu" */
	const char *description;
	uint16_t vendor, device;
	struct pci_dev *(*create)(struct pci_function *fn, struct dma_port *port,
				  const struct dev_cfg *cfg);
};

/* The n-th model, NULL past the end. */
const struct dev_model *dev_model_at(unsigned n);
const struct dev_model *dev_model_find(const char *name);

/*
 * A device of that model behind fn. `port` does its DMA and outlives it; NULL: it cannot do DMA.
 * cfg NULL: all defaults. NULL: no such model, or no memory.
 */
struct pci_dev *dev_create(const char *model, struct pci_function *fn, struct dma_port *port,
			   const struct dev_cfg *cfg);
void dev_destroy(struct pci_dev *dev);

/*
 * Give each memory BAR a place in physical space and answer there while memory decoding is enabled:
 * this is how other devices' DMA reaches it. False: no place or no memory, nothing was placed.
 */
bool dev_bars_place(struct pci_dev *dev, struct phys *phys);
void dev_bars_remove(struct pci_dev *dev, struct phys *phys);

/* The other models, one file each. */
struct pci_dev *e1000e_create(struct pci_function *fn, struct dma_port *port,
			      const struct dev_cfg *cfg);
struct pci_dev *nvme_create(struct pci_function *fn, struct dma_port *port,
			    const struct dev_cfg *cfg);
struct pci_dev *serial_create(struct pci_function *fn, struct dma_port *port,
			      const struct dev_cfg *cfg);
struct pci_dev *generic_create(struct pci_function *fn, struct dma_port *port,
			       const struct dev_cfg *cfg);
struct pci_dev *bridge_create(struct pci_function *fn, struct dma_port *port,
			      const struct dev_cfg *cfg);

#endif
