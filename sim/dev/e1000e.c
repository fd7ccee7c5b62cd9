// SPDX-License-Identifier: GPL-2.0-only
/*
 * An 82574L network controller as QEMU's e1000e (8086:10d3), registers only.
 *
 * Source: Intel 82574 GbE Controller Family Datasheet, "PCIe Programming Interface", "Device
 * Registers"; register values as an assigned e1000e shows them.
 *
 * The link is down and there are no queues. Registers of BAR 0 keep what is written, except STATUS
 * and the reset bit of CTRL; BAR 2 is the indirect window onto them. BAR 1 is flash, empty. It has
 * no function level reset: leaving D3hot resets it.
 */
#include <stdlib.h>
#include <string.h>

#include "dev.h"

#define E1000E_BAR_SIZE UINT64_C(0x20000)
#define E1000E_ROM_SIZE UINT64_C(0x40000)
#define E1000E_VECTORS  5

enum e1000e_reg {
	E1000E_CTRL = 0x0000,
	E1000E_STATUS = 0x0008,
	E1000E_ICR = 0x00c0,
	E1000E_ICS = 0x00c8,
	E1000E_IMS = 0x00d0,
	E1000E_IMC = 0x00d8,
	E1000E_IO_ADDRESS = 0x0, /* of BAR 2 */
	E1000E_IO_DATA = 0x4,
};

#define CTRL_RESET    0x04000000u
#define CTRL_DEFAULT  0x00100241u /* full duplex, 1000 Mb/s, PHY power */
#define STATUS_VALUE  0x00080080u /* master enabled, speed unresolved, link down */
#define ICR_REGISTERS (E1000E_BAR_SIZE / 4)

struct e1000e {
	struct pci_dev pci;
	uint32_t reg[ICR_REGISTERS];
	uint32_t io_address;
	uint32_t cause, mask;
};

/* An empty option ROM of one 512-byte block: signature, and where the PCI data structure is. */
static const uint8_t rom_image[512] =
	{
		[0x00] = 0x55, 0xaa, 0x01,         0xcb, /* 0xcb: initialisation returns at once */
		[0x18] = 0x1c, 0x00, [0x1c] = 'P', 'C',           'I',           'R',  0x86,
		0x80,          0xd3, 0x10,         [0x26] = 0x18, 0x00,          0x00, 0x00,
		0x00,          0x02, 0x01,         0x00,          [0x31] = 0x80,
};

static struct e1000e *e1000e_of(struct pci_dev *dev)
{
	return sio_container_of(dev, struct e1000e, pci);
}

static void update_irq(struct e1000e *nic)
{
	pci_dev_interrupt(&nic->pci, 0, (nic->cause & nic->mask) != 0);
}

static void registers_reset(struct e1000e *nic)
{
	memset(nic->reg, 0, sizeof(nic->reg));
	nic->reg[E1000E_CTRL / 4] = CTRL_DEFAULT;
	nic->reg[E1000E_STATUS / 4] = STATUS_VALUE;
	nic->io_address = 0;
	nic->cause = 0;
	nic->mask = 0;
}

static uint32_t register_read(struct e1000e *nic, uint64_t offset)
{
	uint32_t cause = nic->cause;

	switch (offset) {
	case E1000E_ICR:
		/* Read to clear. */
		nic->cause = 0;
		update_irq(nic);
		return cause;
	case E1000E_IMS:
		return nic->mask;
	default:
		return nic->reg[offset / 4];
	}
}

static void register_write(struct e1000e *nic, uint64_t offset, uint32_t value)
{
	switch (offset) {
	case E1000E_CTRL:
		if (value & CTRL_RESET)
			registers_reset(nic);
		else
			nic->reg[0] = value;
		break;
	case E1000E_STATUS:
		break;
	case E1000E_ICR:
		nic->cause &= ~value;
		update_irq(nic);
		break;
	case E1000E_ICS:
		nic->cause |= value;
		update_irq(nic);
		break;
	case E1000E_IMS:
		nic->mask |= value;
		update_irq(nic);
		break;
	case E1000E_IMC:
		nic->mask &= ~value;
		update_irq(nic);
		break;
	default:
		nic->reg[offset / 4] = value;
		break;
	}
}

static uint32_t io_read(struct e1000e *nic, uint64_t offset)
{
	if (offset == E1000E_IO_ADDRESS)
		return nic->io_address;
	if (offset == E1000E_IO_DATA && nic->io_address < E1000E_BAR_SIZE)
		return register_read(nic, nic->io_address & ~UINT32_C(3));
	return 0;
}

static void io_write(struct e1000e *nic, uint64_t offset, uint32_t value)
{
	if (offset == E1000E_IO_ADDRESS)
		nic->io_address = value;
	else if (offset == E1000E_IO_DATA && nic->io_address < E1000E_BAR_SIZE)
		register_write(nic, nic->io_address & ~UINT32_C(3), value);
}

/* The 4 bytes at a multiple of 4. */
static uint32_t dword_read(struct e1000e *nic, unsigned bar, uint64_t offset)
{
	if (bar == 0)
		return register_read(nic, offset);
	return bar == 2 ? io_read(nic, offset) : 0;
}

static void dword_write(struct e1000e *nic, unsigned bar, uint64_t offset, uint32_t value)
{
	if (bar == 0)
		register_write(nic, offset, value);
	else if (bar == 2)
		io_write(nic, offset, value);
}

static uint64_t e1000e_read(struct pci_dev *dev, unsigned bar, uint64_t offset, unsigned width)
{
	struct e1000e *nic = e1000e_of(dev);
	uint64_t value = dword_read(nic, bar, offset & ~UINT64_C(3));

	if (width == 8)
		return value | (uint64_t)dword_read(nic, bar, offset + 4) << 32;
	return (value >> (8 * (offset & 3))) & (SIO_BIT(8 * width) - 1);
}

/* "Register Conventions": registers are written as 32-bit words; narrower writes are dropped. */
static void e1000e_write(struct pci_dev *dev, unsigned bar, uint64_t offset, unsigned width,
			 uint64_t value)
{
	struct e1000e *nic = e1000e_of(dev);

	if (width < 4)
		return;
	dword_write(nic, bar, offset, (uint32_t)value);
	if (width == 8)
		dword_write(nic, bar, offset + 4, (uint32_t)(value >> 32));
}

static void e1000e_reset(struct pci_dev *dev)
{
	registers_reset(e1000e_of(dev));
}

static void e1000e_destroy(struct pci_dev *dev)
{
	free(e1000e_of(dev));
}

static const struct pci_dev_ops e1000e_ops = {
	.bar_read = e1000e_read,
	.bar_write = e1000e_write,
	.reset = e1000e_reset,
	.destroy = e1000e_destroy,
};

static void add_caps(struct pci_dev *dev)
{
	unsigned at;

	pci_dev_place_cap(dev, 0xc8);
	pci_dev_add_pm(dev);
	pci_dev_define(dev, dev->pm_cap + PCIR_PM_PMC, 2, 0xc822, 0);
	pci_dev_define(dev, dev->pm_cap + PCIR_PM_CSR, 2, 0,
		       PCI_PM_STATE | PCI_PM_PME_ENABLE | 0x1e00);
	pci_dev_add_msi(dev, 0, true);
	pci_dev_place_cap(dev, 0xe0);
	pci_dev_add_pcie_v1(dev, false);
	pci_dev_place_cap(dev, 0xa0);
	pci_dev_add_msix(dev, 3, E1000E_VECTORS, 0, 0x2000);
	at = pci_dev_add_ext_cap(dev, PCI_EXTCAP_AER, 2, 0x2c);
	pci_dev_define(dev, at + 0x08, 4, 0, 0x007ff030);
	pci_dev_define(dev, at + 0x0c, 4, 0x00462030, 0x007ff030);
	pci_dev_define(dev, at + 0x14, 4, 0x0000e000, 0x0000f1c1);
	pci_dev_define(dev, at + 0x18, 4, 0x000000a0, 0x00000140);
	at = pci_dev_add_ext_cap(dev, PCI_EXTCAP_DSN, 1, 12);
	pci_dev_define(dev, at + 4, 4, 0xff123456, 0);
	pci_dev_define(dev, at + 8, 4, 0x525400ff, 0);
}

struct pci_dev *e1000e_create(struct pci_function *fn, struct dma_port *port,
			      const struct dev_cfg *cfg)
{
	static const struct pci_dev_ids ids = {
		.vendor = 0x8086,
		.device = 0x10d3,
		.subsystem_vendor = 0x8086,
		.class_code = 0x020000,
	};
	struct e1000e *nic = calloc(1, sizeof(*nic));

	(void)port, (void)cfg;
	if (!nic)
		return NULL;
	pci_dev_init(&nic->pci, fn, &ids);
	nic->pci.ops = &e1000e_ops;
	nic->pci.model = "e1000e";
	pci_dev_set_pin(&nic->pci, 1);
	pci_dev_add_bar(&nic->pci, 0, PCI_BAR_MEM32, E1000E_BAR_SIZE, false);
	pci_dev_add_bar(&nic->pci, 1, PCI_BAR_MEM32, E1000E_BAR_SIZE, false);
	pci_dev_add_bar(&nic->pci, 2, PCI_BAR_IO, 32, false);
	pci_dev_add_bar(&nic->pci, 3, PCI_BAR_MEM32, 0x4000, false);
	pci_dev_add_rom(&nic->pci, E1000E_ROM_SIZE, rom_image, sizeof(rom_image));
	add_caps(&nic->pci);
	registers_reset(nic);
	return &nic->pci;
}
