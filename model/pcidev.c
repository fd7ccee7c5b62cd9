// SPDX-License-Identifier: GPL-2.0-only
/*
 * Configuration space of a PCI function.
 *
 * Source: PCI Local Bus "Configuration Space Organization", "Capabilities List"; PCI Express Base
 * "PCI Express Capability Structure", "Function Level Reset".
 *
 * Three arrays run in parallel: the bytes, which bits software can change, and what a reset leaves.
 * A bit that software cannot change is never touched by pci_config_write(). Bits that act and read
 * as zero (function level reset) are not in the mask; pci_config_write() looks for them.
 *
 * Invariant: capability lists ascend in the order of addition and end with a zero next pointer.
 */
#include "pcidev.h"

#include <string.h>

static uint32_t bytes_get(const uint8_t *at, unsigned width)
{
	uint32_t value = 0;

	for (unsigned i = 0; i < width; i++)
		value |= (uint32_t)at[i] << (8 * i);
	return value;
}

static void bytes_put(uint8_t *at, unsigned width, uint32_t value)
{
	for (unsigned i = 0; i < width; i++)
		at[i] = (uint8_t)(value >> (8 * i));
}

void pci_dev_define(struct pci_dev *dev, unsigned offset, unsigned width, uint32_t value,
		    uint32_t writable)
{
	sio_assert(offset + width <= PCI_CFG_EXT_SIZE);
	bytes_put(dev->config + offset, width, value);
	bytes_put(dev->initial + offset, width, value);
	bytes_put(dev->writable + offset, width, writable);
}

static void init_bridge(struct pci_dev *dev)
{
	const struct pci_function *fn = dev->fn;

	pci_dev_define(dev, PCIR_BRIDGE_BUS, 1, fn->rid >> 8, 0xff);
	pci_dev_define(dev, PCIR_BRIDGE_BUS + 1, 1, fn->secondary_bus, 0xff);
	pci_dev_define(dev, PCIR_BRIDGE_BUS + 2, 1, fn->subordinate_bus, 0xff);
}

void pci_dev_init(struct pci_dev *dev, struct pci_function *fn, const struct pci_dev_ids *ids)
{
	bool bridge = fn->secondary_bus != 0;

	memset(dev, 0, sizeof(*dev));
	dev->fn = fn;
	dev->config_size = PCI_CFG_SIZE;
	dev->cap_end = PCIR_HEADER_END;
	dev->ext_end = PCIR_EXT_CAPS;
	pci_dev_define(dev, PCIR_VENDOR, 4, ids->vendor | (uint32_t)ids->device << 16, 0);
	pci_dev_define(dev, PCIR_COMMAND, 2, 0,
		       PCI_CMD_IO | PCI_CMD_MEMORY | PCI_CMD_MASTER | PCI_CMD_SERR |
			       PCI_CMD_INTX_OFF);
	pci_dev_define(dev, PCIR_REVISION, 4, ids->revision | ids->class_code << 8, 0);
	pci_dev_define(dev, PCIR_CACHE_LINE, 1, 0, 0xff);
	pci_dev_define(dev, PCIR_HEADER_TYPE, 1, (fn->multifunction ? 0x80u : 0) | (bridge ? 1 : 0),
		       0);
	pci_dev_define(dev, PCIR_INT_LINE, 1, 0, 0xff);
	if (bridge)
		init_bridge(dev);
	else
		pci_dev_define(dev, PCIR_SUBSYSTEM, 4,
			       ids->subsystem_vendor | (uint32_t)ids->subsystem << 16, 0);
}

static uint32_t bar_flags(const struct pci_bar *bar)
{
	switch (bar->kind) {
	case PCI_BAR_IO:
		return PCI_BAR_IO_SPACE;
	case PCI_BAR_MEM64:
		return PCI_BAR_TYPE_64 | (bar->prefetch ? PCI_BAR_PREFETCH : 0u);
	case PCI_BAR_MEM32:
		return bar->prefetch ? PCI_BAR_PREFETCH : 0;
	case PCI_BAR_NONE:
		break;
	}
	return 0;
}

void pci_dev_add_bar(struct pci_dev *dev, unsigned index, enum pci_bar_kind kind, uint64_t size,
		     bool prefetch)
{
	struct pci_bar *bar = &dev->bar[index];
	unsigned offset = PCIR_BAR0 + 4 * index;
	uint64_t mask = ~(size - 1);

	sio_assert(index < 6 && size >= 4 && sio_is_aligned(size, size));
	sio_assert(kind != PCI_BAR_MEM64 || index < 5);
	*bar = (struct pci_bar){.kind = kind, .prefetch = prefetch, .size = size, .dev = dev};
	pci_dev_define(dev, offset, 4, bar_flags(bar), (uint32_t)mask);
	if (kind == PCI_BAR_MEM64)
		pci_dev_define(dev, offset + 4, 4, 0, (uint32_t)(mask >> 32));
}

void pci_dev_set_bar_address(struct pci_dev *dev, unsigned index, uint64_t address)
{
	struct pci_bar *bar = &dev->bar[index];
	unsigned offset = PCIR_BAR0 + 4 * index;

	bar->address = address;
	bytes_put(dev->config + offset, 4, (uint32_t)address | bar_flags(bar));
	if (bar->kind == PCI_BAR_MEM64)
		bytes_put(dev->config + offset + 4, 4, (uint32_t)(address >> 32));
}

void pci_dev_add_rom(struct pci_dev *dev, uint64_t size, const uint8_t *image, uint32_t len)
{
	dev->rom_size = size;
	dev->rom = image;
	dev->rom_len = len;
	pci_dev_define(dev, PCIR_ROM, 4, 0, (uint32_t) ~(size - 1) | PCI_ROM_ENABLE);
}

void pci_dev_set_pin(struct pci_dev *dev, uint8_t pin)
{
	dev->pin = pin;
	pci_dev_define(dev, PCIR_INT_PIN, 1, pin, 0);
}

void pci_dev_place_cap(struct pci_dev *dev, uint8_t offset)
{
	dev->cap_end = offset;
}

uint8_t pci_dev_add_cap(struct pci_dev *dev, uint8_t id, uint8_t len)
{
	unsigned offset = (dev->cap_end + 3u) & ~3u;

	if (offset + len > PCI_CFG_SIZE)
		return 0;
	pci_dev_define(dev, offset, 2, id, 0);
	if (dev->cap_last)
		pci_dev_define(dev, dev->cap_last + 1u, 1, offset, 0);
	else
		pci_dev_define(dev, PCIR_CAP_PTR, 1, offset, 0);
	pci_dev_define(dev, PCIR_STATUS, 2, PCI_STS_CAPS, 0);
	dev->cap_last = (uint8_t)offset;
	/* 255: a list that fills the space to its last byte has no room for another. */
	dev->cap_end = (uint8_t)(offset + len < PCI_CFG_SIZE ? offset + len : PCI_CFG_SIZE - 1);
	return (uint8_t)offset;
}

uint16_t pci_dev_add_ext_cap(struct pci_dev *dev, uint16_t id, unsigned version, uint16_t len)
{
	unsigned offset = dev->ext_end;

	sio_assert(dev->pcie_cap);
	if (offset + len > PCI_CFG_EXT_SIZE)
		return 0;
	if (dev->ext_last) {
		uint32_t header = bytes_get(dev->config + dev->ext_last, 4);

		pci_dev_define(dev, dev->ext_last, 4, header | offset << 20, 0);
	}
	pci_dev_define(dev, offset, 4, id | version << 16, 0);
	dev->ext_last = (uint16_t)offset;
	/* Capabilities of real devices begin at multiples of 64 bytes; so do these. */
	dev->ext_end = (uint16_t)((offset + len + 63u) & ~63u);
	return (uint16_t)offset;
}

void pci_dev_add_msi(struct pci_dev *dev, unsigned vectors_lg2, bool is_64bit)
{
	uint8_t cap = pci_dev_add_cap(dev, PCI_CAPID_MSI, is_64bit ? 14 : 10);
	unsigned at = cap;

	sio_assert(cap && vectors_lg2 <= 5);
	dev->msi_cap = cap;
	dev->msi_lg2 = (uint8_t)vectors_lg2;
	pci_dev_define(dev, at + PCIR_MSI_CTRL, 2,
		       vectors_lg2 << 1 | (is_64bit ? (unsigned)PCI_MSI_64BIT : 0u), 0x0071);
	at += PCIR_MSI_ADDRESS;
	pci_dev_define(dev, at, 4, 0, ~UINT32_C(3));
	at += 4;
	if (is_64bit) {
		pci_dev_define(dev, at, 4, 0, ~UINT32_C(0));
		at += 4;
	}
	pci_dev_define(dev, at, 2, 0, 0xffff);
}

void pci_dev_add_msix(struct pci_dev *dev, unsigned bar, uint16_t count, uint32_t table_offset,
		      uint32_t pba_offset)
{
	uint8_t cap = pci_dev_add_cap(dev, PCI_CAPID_MSIX, 12);

	sio_assert(cap && count >= 1 && count <= 2048);
	dev->msix_cap = cap;
	dev->msix_count = count;
	dev->msix_bar = (uint8_t)bar;
	dev->msix_offset = table_offset;
	dev->msix_pba_offset = pba_offset;
	pci_dev_define(dev, cap + PCIR_MSIX_CTRL, 2, count - 1u,
		       PCI_MSIX_ENABLE | PCI_MSIX_MASKALL);
	pci_dev_define(dev, cap + PCIR_MSIX_TABLE, 4, table_offset | bar, 0);
	pci_dev_define(dev, cap + PCIR_MSIX_PBA, 4, pba_offset | bar, 0);
}

void pci_dev_add_pm(struct pci_dev *dev)
{
	uint8_t cap = pci_dev_add_cap(dev, PCI_CAPID_PM, 8);

	sio_assert(cap);
	dev->pm_cap = cap;
	pci_dev_define(dev, cap + PCIR_PM_PMC, 2, 0x0003, 0);
	pci_dev_define(dev, cap + PCIR_PM_CSR, 2, PCI_PM_NO_SOFT_RESET, PCI_PM_STATE);
}

/* Device/Port Type: endpoint 0, root complex integrated endpoint 9, ports and bridges theirs. */
static uint32_t pcie_type(enum pci_type type)
{
	switch (type) {
	case PCI_RC_ENDPOINT:
		return 9;
	case PCI_ROOT_PORT:
		return 4;
	case PCI_UPSTREAM_PORT:
		return 5;
	case PCI_DOWNSTREAM_PORT:
		return 6;
	case PCI_BRIDGE_PCIE_TO_PCI:
		return 7;
	case PCI_BRIDGE_PCI_TO_PCIE:
		return 8;
	case PCI_RC_EVENT_COLLECTOR:
		return 10;
	case PCI_ENDPOINT:
	case PCI_CONVENTIONAL:
	case PCI_BRIDGE_CONVENTIONAL:
		break;
	}
	return 0;
}

static void add_pcie(struct pci_dev *dev, bool flr, unsigned version, uint8_t len)
{
	uint8_t cap = pci_dev_add_cap(dev, PCI_CAPID_PCIE, len);

	sio_assert(cap);
	dev->pcie_cap = cap;
	dev->flr = dev->flr || flr;
	dev->config_size = PCI_CFG_EXT_SIZE;
	pci_dev_define(dev, cap + PCIR_PCIE_FLAGS, 2, version | pcie_type(dev->fn->type) << 4, 0);
	/* Role-based error reporting, which every device since PCI Express 1.1 has. */
	pci_dev_define(dev, cap + PCIR_PCIE_DEVCAP, 4, 0x8000u | (flr ? PCI_DEVCAP_FLR : 0u), 0);
	/* Error reporting, relaxed ordering, payload size, no snoop, read request size. */
	pci_dev_define(dev, cap + PCIR_PCIE_DEVCTL, 2, 0, 0x78ff);
	/* One lane at 2.5 GT/s. */
	pci_dev_define(dev, cap + PCIR_PCIE_LNKCAP, 4, 0x11, 0);
	pci_dev_define(dev, cap + PCIR_PCIE_LNKCTL, 2, 0, 0x00c3);
	pci_dev_define(dev, cap + PCIR_PCIE_LNKSTA, 2, 0x11, 0);
}

void pci_dev_add_pcie(struct pci_dev *dev, bool flr)
{
	add_pcie(dev, flr, 2, 60);
	/* Extended format field and end-to-end prefixes supported. */
	pci_dev_define(dev, dev->pcie_cap + PCIR_PCIE_DEVCAP2, 4, 0x300000, 0);
	pci_dev_define(dev, dev->pcie_cap + PCIR_PCIE_DEVCTL2, 2, 0, 0x8000);
}

void pci_dev_add_pcie_v1(struct pci_dev *dev, bool flr)
{
	add_pcie(dev, flr, 1, 20);
}

void pci_dev_add_af(struct pci_dev *dev)
{
	uint8_t cap = pci_dev_add_cap(dev, PCI_CAPID_AF, 6);

	sio_assert(cap);
	dev->af_cap = cap;
	dev->flr = true;
	pci_dev_define(dev, cap + 2u, 1, 6, 0); /* length */
	pci_dev_define(dev, cap + PCIR_AF_CAP, 1, 0x01u | PCI_AF_CAP_FLR, 0);
}

uint32_t pci_config_read(const struct pci_dev *dev, unsigned offset, unsigned width)
{
	sio_assert(offset + width <= dev->config_size);
	if (dev->gone)
		return UINT32_MAX >> (32 - 8 * width);
	return bytes_get(dev->config + offset, width);
}

/* Some written byte lies at `at`: the value that it got, else 0. */
static uint8_t written_byte(unsigned at, unsigned offset, unsigned width, uint32_t value)
{
	if (at < offset || at >= offset + width)
		return 0;
	return (uint8_t)(value >> (8 * (at - offset)));
}

/* The bits that start a function level reset. */
static bool write_starts_reset(const struct pci_dev *dev, unsigned offset, unsigned width,
			       uint32_t value)
{
	if (dev->pcie_cap &&
	    (pci_config_read(dev, dev->pcie_cap + PCIR_PCIE_DEVCAP, 4) & PCI_DEVCAP_FLR)) {
		unsigned at = dev->pcie_cap + PCIR_PCIE_DEVCTL + 1u;

		if (written_byte(at, offset, width, value) & (PCI_DEVCTL_FLR >> 8))
			return true;
	}
	return dev->af_cap &&
	       (written_byte(dev->af_cap + PCIR_AF_CTRL, offset, width, value) & PCI_AF_CTRL_FLR);
}

void pci_config_write(struct pci_dev *dev, unsigned offset, unsigned width, uint32_t value)
{
	unsigned before = pci_dev_power_state(dev);

	sio_assert(offset + width <= dev->config_size);
	if (dev->gone)
		return;
	for (unsigned i = 0; i < width; i++) {
		uint8_t mask = dev->writable[offset + i];
		uint8_t byte = (uint8_t)(value >> (8 * i));

		dev->config[offset + i] =
			(uint8_t)((dev->config[offset + i] & ~mask) | (byte & mask));
	}
	if (write_starts_reset(dev, offset, width, value)) {
		pci_dev_reset(dev);
		return;
	}
	/* "Power Management Control/Status": D3hot to D0 without No_Soft_Reset is a reset. */
	if (before == 3 && pci_dev_power_state(dev) == 0 &&
	    !(dev->config[dev->pm_cap + PCIR_PM_CSR] & PCI_PM_NO_SOFT_RESET))
		pci_dev_reset(dev);
}

void pci_dev_remove(struct pci_dev *dev)
{
	dev->gone = true;
}

void pci_dev_reset(struct pci_dev *dev)
{
	if (dev->gone)
		return;
	for (unsigned i = 0; i < dev->config_size; i++) {
		uint8_t mask = dev->writable[i];

		dev->config[i] = (uint8_t)((dev->config[i] & ~mask) | (dev->initial[i] & mask));
	}
	dev->config[PCIR_STATUS] &= (uint8_t)~PCI_STS_INTX;
	if (dev->ops && dev->ops->reset)
		dev->ops->reset(dev);
}

void pci_dev_power_on(struct pci_dev *dev)
{
	memcpy(dev->config, dev->initial, dev->config_size);
	if (dev->ops && dev->ops->reset)
		dev->ops->reset(dev);
	for (unsigned i = 0; i < SIO_ARRAY_SIZE(dev->bar); i++) {
		if (dev->bar[i].address)
			pci_dev_set_bar_address(dev, i, dev->bar[i].address);
	}
	if (dev->ops && dev->ops->power_on)
		dev->ops->power_on(dev);
}

static bool message_signalled(const struct pci_dev *dev)
{
	if (dev->msi_cap && (dev->config[dev->msi_cap + PCIR_MSI_CTRL] & PCI_MSI_ENABLE))
		return true;
	return dev->msix_cap &&
	       (dev->config[dev->msix_cap + PCIR_MSIX_CTRL + 1] & (PCI_MSIX_ENABLE >> 8));
}

void pci_dev_interrupt(struct pci_dev *dev, unsigned vector, bool level)
{
	if (dev->gone)
		return;
	if (message_signalled(dev)) {
		if (!level)
			return;
	} else if (level) {
		dev->config[PCIR_STATUS] |= PCI_STS_INTX;
	} else {
		dev->config[PCIR_STATUS] &= (uint8_t)~PCI_STS_INTX;
	}
	if (dev->irq)
		dev->irq(dev->irq_ctx, vector, level);
}

uint64_t pci_bar_read(struct pci_dev *dev, unsigned bar, uint64_t offset, unsigned width)
{
	sio_assert(offset + width <= dev->bar[bar].size);
	/* Nobody answers on the bus. */
	if (dev->gone)
		return UINT64_MAX >> (64 - 8 * width);
	return dev->ops && dev->ops->bar_read ? dev->ops->bar_read(dev, bar, offset, width) : 0;
}

void pci_bar_write(struct pci_dev *dev, unsigned bar, uint64_t offset, unsigned width,
		   uint64_t value)
{
	sio_assert(offset + width <= dev->bar[bar].size);
	if (!dev->gone && dev->ops && dev->ops->bar_write)
		dev->ops->bar_write(dev, bar, offset, width, value);
}

unsigned pci_access_width(uint64_t offset, uint64_t left)
{
	unsigned width = 8;

	while (width > left || !sio_is_aligned(offset, width))
		width /= 2;
	return width;
}
