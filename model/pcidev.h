/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A PCI function as hardware: configuration space and BARs, as the bus sees them.
 *
 * The configuration space is real bytes with a writable mask; capabilities are laid out by
 * pci_dev_add_cap() in the order in which they are added. BAR contents belong to the device model
 * behind it. What an operating system makes of this (virtualised fields, access rules) is the
 * backend's business.
 *
 * Source: PCI Local Bus and PCI Express Base, "Configuration Space".
 */
#ifndef MODEL_PCIDEV_H
#define MODEL_PCIDEV_H

#include "topology.h"

#define PCI_CFG_SIZE     256u
#define PCI_CFG_EXT_SIZE 4096u

/* Header registers, and offsets inside capabilities (after the two bytes of id and next). */
enum pci_reg {
	PCIR_VENDOR = 0x00,
	PCIR_COMMAND = 0x04,
	PCIR_STATUS = 0x06,
	PCIR_REVISION = 0x08,
	PCIR_CACHE_LINE = 0x0c,
	PCIR_LATENCY = 0x0d,
	PCIR_HEADER_TYPE = 0x0e,
	PCIR_BIST = 0x0f,
	PCIR_BAR0 = 0x10,
	PCIR_BRIDGE_BUS = 0x18, /* type 1: primary, secondary, subordinate */
	PCIR_SUBSYSTEM = 0x2c,
	PCIR_ROM = 0x30,
	PCIR_CAP_PTR = 0x34,
	PCIR_INT_LINE = 0x3c,
	PCIR_INT_PIN = 0x3d,
	PCIR_HEADER_END = 0x40,
	PCIR_EXT_CAPS = 0x100,

	PCIR_PM_PMC = 2,
	PCIR_PM_CSR = 4,
	PCIR_MSI_CTRL = 2,
	PCIR_MSI_ADDRESS = 4,
	PCIR_MSIX_CTRL = 2,
	PCIR_MSIX_TABLE = 4,
	PCIR_MSIX_PBA = 8,
	PCIR_PCIE_FLAGS = 2,
	PCIR_PCIE_DEVCAP = 4,
	PCIR_PCIE_DEVCTL = 8,
	PCIR_PCIE_LNKCAP = 0x0c,
	PCIR_PCIE_LNKCTL = 0x10,
	PCIR_PCIE_LNKSTA = 0x12,
	PCIR_PCIE_DEVCAP2 = 0x24,
	PCIR_PCIE_DEVCTL2 = 0x28,
	PCIR_AF_CAP = 3,
	PCIR_AF_CTRL = 4,
};

enum pci_reg_bits {
	PCI_CMD_IO = 0x0001,
	PCI_CMD_MEMORY = 0x0002,
	PCI_CMD_MASTER = 0x0004,
	PCI_CMD_SERR = 0x0100,
	PCI_CMD_INTX_OFF = 0x0400,
	PCI_STS_INTX = 0x0008,
	PCI_STS_CAPS = 0x0010,
	PCI_PM_STATE = 0x0003,
	PCI_PM_NO_SOFT_RESET = 0x0008,
	PCI_PM_PME_ENABLE = 0x0100,
	PCI_PM_PME_STATUS = 0x8000,
	PCI_MSI_ENABLE = 0x0001,
	PCI_MSI_64BIT = 0x0080,
	PCI_MSI_MASKABLE = 0x0100,
	PCI_MSIX_ENABLE = 0x8000,
	PCI_MSIX_MASKALL = 0x4000,
	PCI_DEVCTL_FLR = 0x8000,
	PCI_AF_CAP_FLR = 0x02,
	PCI_AF_CTRL_FLR = 0x01,
	PCI_BAR_IO_SPACE = 0x1,
	PCI_BAR_TYPE_64 = 0x4,
	PCI_BAR_PREFETCH = 0x8,
	PCI_ROM_ENABLE = 0x1,
};
#define PCI_DEVCAP_FLR UINT32_C(0x10000000)

enum pci_cap_id {
	PCI_CAPID_PM = 0x01,
	PCI_CAPID_MSI = 0x05,
	PCI_CAPID_VENDOR = 0x09,
	PCI_CAPID_PCIE = 0x10,
	PCI_CAPID_MSIX = 0x11,
	PCI_CAPID_AF = 0x13,
};

enum pci_ext_cap_id { PCI_EXTCAP_AER = 0x01, PCI_EXTCAP_DSN = 0x03 };

struct pci_dev;

enum pci_bar_kind { PCI_BAR_NONE, PCI_BAR_MEM32, PCI_BAR_MEM64, PCI_BAR_IO };

struct pci_bar {
	enum pci_bar_kind kind;
	bool prefetch;
	uint64_t size;    /* a power of two */
	uint64_t address; /* physical, assigned by the machine; not changed by BAR writes of a guest
			   */
	struct pci_dev *dev; /* whose it is */
};

/* The device model behind a function. All may be NULL: reads give zero, writes vanish. */
struct pci_dev_ops {
	uint64_t (*bar_read)(struct pci_dev *dev, unsigned bar, uint64_t offset, unsigned width);
	void (*bar_write)(struct pci_dev *dev, unsigned bar, uint64_t offset, unsigned width,
			  uint64_t value);
	void (*reset)(struct pci_dev *dev);
	/* May be NULL. Clear what a reset leaves alone; one went before. */
	void (*power_on)(struct pci_dev *dev);
	void (*destroy)(struct pci_dev *dev);
};

struct pci_dev {
	const struct pci_dev_ops *ops;
	struct pci_function *fn;
	const char *model; /* "edu", "e1000e", "nvme", "bridge", "serial" */
	uint8_t config[PCI_CFG_EXT_SIZE];
	uint8_t writable[PCI_CFG_EXT_SIZE];
	uint8_t initial[PCI_CFG_EXT_SIZE]; /* what the writable bits become at a reset */
	uint16_t config_size;              /* 256, or 4096 with extended space */
	struct pci_bar bar[6];
	uint64_t rom_size;  /* 0: no ROM BAR */
	const uint8_t *rom; /* the image, shorter than the BAR; owned by the device model */
	uint32_t rom_len;
	uint8_t cap_last, cap_end; /* the list's last capability, the byte after its end */
	uint16_t ext_last, ext_end;
	uint8_t pin;                                         /* INTx pin, 0 none */
	uint8_t msi_cap, msix_cap, pcie_cap, pm_cap, af_cap; /* offsets, 0 none */
	uint8_t msi_lg2;                                     /* multiple message capable */
	uint16_t msix_count;
	uint8_t msix_bar;
	uint32_t msix_offset, msix_pba_offset;
	bool flr;  /* function level reset through PCIe or AF */
	bool gone; /* pulled out: reads are all ones, writes vanish, it does nothing any more */
	/* Interrupts leave here; vector is the MSI/MSI-X vector, or 0 for INTx. Set by the backend.
	 */
	void (*irq)(void *ctx, unsigned vector, bool level);
	void *irq_ctx;
};

struct pci_dev_ids {
	uint16_t vendor, device, subsystem_vendor, subsystem;
	uint32_t class_code; /* 24 bits */
	uint8_t revision;
};

/* Header type 0 with these ids; no BAR, no capability. Bridges get header type 1. */
void pci_dev_init(struct pci_dev *dev, struct pci_function *fn, const struct pci_dev_ids *ids);
void pci_dev_add_bar(struct pci_dev *dev, unsigned index, enum pci_bar_kind kind, uint64_t size,
		     bool prefetch);
/* A ROM BAR of `size` bytes that holds an image of `len` bytes, which must outlive the device. */
void pci_dev_add_rom(struct pci_dev *dev, uint64_t size, const uint8_t *image, uint32_t len);
void pci_dev_set_pin(struct pci_dev *dev, uint8_t pin);
/* Value, reset value and writable bits of a field of 1, 2 or 4 bytes. */
void pci_dev_define(struct pci_dev *dev, unsigned offset, unsigned width, uint32_t value,
		    uint32_t writable);
/* The machine places a BAR: its address, and the BAR's bytes as firmware leaves them. */
void pci_dev_set_bar_address(struct pci_dev *dev, unsigned index, uint64_t address);
/* The next capability begins here instead of right behind the last one. */
void pci_dev_place_cap(struct pci_dev *dev, uint8_t offset);
/* Append a capability of `len` bytes to the list; returns its offset, 0: it does not fit. */
uint8_t pci_dev_add_cap(struct pci_dev *dev, uint8_t id, uint8_t len);
/* The same in extended space (a PCIe capability comes first). */
uint16_t pci_dev_add_ext_cap(struct pci_dev *dev, uint16_t id, unsigned version, uint16_t len);
void pci_dev_add_msi(struct pci_dev *dev, unsigned vectors_lg2, bool is_64bit);
void pci_dev_add_msix(struct pci_dev *dev, unsigned bar, uint16_t count, uint32_t table_offset,
		      uint32_t pba_offset);
void pci_dev_add_pm(struct pci_dev *dev);
/* PCIe capability of version 2 (60 bytes) or 1 (20 bytes); the space grows to 4096 bytes. */
void pci_dev_add_pcie(struct pci_dev *dev, bool flr);
void pci_dev_add_pcie_v1(struct pci_dev *dev, bool flr);
/* Advanced features: a function level reset for conventional PCI. */
void pci_dev_add_af(struct pci_dev *dev);
/* Widths 1, 2, 4; offset + width <= config_size. */
uint32_t pci_config_read(const struct pci_dev *dev, unsigned offset, unsigned width);
void pci_config_write(struct pci_dev *dev, unsigned offset, unsigned width, uint32_t value);
static inline bool pci_dev_bus_master(const struct pci_dev *dev)
{
	return !dev->gone && (dev->config[PCIR_COMMAND] & PCI_CMD_MASTER) != 0;
}
static inline bool pci_dev_memory_enabled(const struct pci_dev *dev)
{
	return !dev->gone && (dev->config[PCIR_COMMAND] & PCI_CMD_MEMORY) != 0;
}
static inline unsigned pci_dev_power_state(const struct pci_dev *dev)
{
	return dev->pm_cap ? dev->config[dev->pm_cap + PCIR_PM_CSR] & 3u : 0;
}
/* The device is pulled out while it runs. There is no way back. */
void pci_dev_remove(struct pci_dev *dev);
/* Configuration to its reset values, then the device model. */
void pci_dev_reset(struct pci_dev *dev);
/* As after creation and placement of the BARs: all of the configuration, all of the model. */
void pci_dev_power_on(struct pci_dev *dev);
/*
 * The model raises vector `vector`, or drives the INTx line to `level` when neither MSI nor MSI-X
 * is enabled (vector 0). With MSI or MSI-X, level false is no event.
 */
void pci_dev_interrupt(struct pci_dev *dev, unsigned vector, bool level);

/* Widths 1, 2, 4, 8, naturally aligned, inside the BAR. */
uint64_t pci_bar_read(struct pci_dev *dev, unsigned bar, uint64_t offset, unsigned width);
void pci_bar_write(struct pci_dev *dev, unsigned bar, uint64_t offset, unsigned width,
		   uint64_t value);
/* The widest access that fits: natural alignment of `offset`, at most `left` bytes. */
unsigned pci_access_width(uint64_t offset, uint64_t left);

#endif
