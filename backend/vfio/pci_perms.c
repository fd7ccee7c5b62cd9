// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which bits of configuration space are virtual, which a user may write, and which capabilities he
 * sees.
 *
 * Kernel behaviour: vfio_pci_config.c of drivers/vfio/pci. A virtual bit is read from and written
 * to the private copy; any other goes to the device. A bit that is not writable swallows writes.
 * What belongs to no capability is passed straight through: some devices keep registers there.
 */
#include "vfio/vfio_priv.h"

#define ALL UINT32_MAX

static void set_bits(struct vfio_config *config, unsigned at, unsigned width, uint32_t virt,
		     uint32_t write)
{
	vfio_config_put(config->virt + at, width, virt);
	vfio_config_put(config->write + at, width, write);
}

void vfio_perms_header(struct vfio_config *config)
{
	/* Nobody's bytes, until a capability claims them. */
	memset(config->virt, 0, PCI_CFG_EXT_SIZE);
	memset(config->write, 0, PCIR_HEADER_END);
	memset(config->write + PCIR_HEADER_END, 0xff, PCI_CFG_EXT_SIZE - PCIR_HEADER_END);

	set_bits(config, PCIR_VENDOR, 4, ALL, 0);
	/* INTx disable is the kernel's way to mask the line. */
	set_bits(config, PCIR_COMMAND, 2, PCI_CMD_INTX_OFF, ALL);
	/* The list may become empty when all capabilities are hidden. */
	set_bits(config, PCIR_STATUS, 2, PCI_STS_CAPS, 0);
	set_bits(config, PCIR_CACHE_LINE, 2, 0, ALL); /* and latency timer */
	set_bits(config, PCIR_BIST, 1, 0, ALL);
	for (unsigned i = 0; i < 6; i++)
		set_bits(config, PCIR_BAR0 + 4 * i, 4, ALL, ALL);
	set_bits(config, PCIR_ROM, 4, ALL, ALL);
	set_bits(config, PCIR_CAP_PTR, 1, ALL, 0);
	set_bits(config, PCIR_INT_LINE, 1, ALL, ALL);
	set_bits(config, PCIR_INT_PIN, 1, ALL, 0);
}

/* ---- capabilities ---- */

static unsigned msi_len(const struct pci_dev *pci, unsigned at)
{
	uint32_t control = pci_config_read(pci, at + PCIR_MSI_CTRL, 2);

	return 10u + (control & PCI_MSI_64BIT ? 4 : 0) + (control & PCI_MSI_MASKABLE ? 10 : 0);
}

static unsigned pcie_len(const struct pci_dev *pci, unsigned at)
{
	uint32_t flags = pci_config_read(pci, at + PCIR_PCIE_FLAGS, 2);
	bool integrated = (flags >> 4 & 0xf) == 9; /* in the root complex: no link registers */

	if ((flags & 0xf) == 1)
		return integrated ? 12 : 20;
	return integrated ? 44 : 60;
}

/* 0: the user must not see it. */
static unsigned cap_len(const struct pci_dev *pci, uint8_t id, unsigned at)
{
	switch (id) {
	case PCI_CAPID_PM:
		return 8;
	case PCI_CAPID_MSI:
		return msi_len(pci, at);
	case PCI_CAPID_VENDOR:
		return pci->config[at + 2];
	case PCI_CAPID_PCIE:
		return pcie_len(pci, at);
	case PCI_CAPID_MSIX:
		return 12;
	case PCI_CAPID_AF:
		return 6;
	default:
		return 0;
	}
}

/* Claimed bytes are the device's and read-only, unless masks say otherwise. */
static void claim(struct vfio_config *config, unsigned at, unsigned len)
{
	for (unsigned i = at; i < at + len; i++)
		set_bits(config, i, 1, 0, 0);
}

static void pm_masks(struct vfio_config *config, unsigned at)
{
	uint32_t pme = PCI_PM_PME_ENABLE | PCI_PM_PME_STATUS;

	/* Wakeup from D3cold cannot reach the user; the state bits take effect through a hook. */
	set_bits(config, at + PCIR_PM_PMC, 2, 0xf800, 0);
	set_bits(config, at + PCIR_PM_CSR, 4, pme, ~(pme | PCI_PM_STATE));
}

static void msi_masks(struct vfio_config *config, const struct pci_dev *pci, unsigned at)
{
	uint32_t control = pci_config_read(pci, at + PCIR_MSI_CTRL, 2);

	set_bits(config, at + PCIR_MSI_CTRL, 1, ALL, ALL);
	at += PCIR_MSI_ADDRESS;
	set_bits(config, at, 4, ALL, ALL);
	at += 4;
	if (control & PCI_MSI_64BIT) {
		set_bits(config, at, 4, ALL, ALL);
		at += 4;
	}
	set_bits(config, at, 2, ALL, ALL);
	if (control & PCI_MSI_MASKABLE) {
		set_bits(config, at + 4, 4, 0, ALL); /* mask bits */
		set_bits(config, at + 8, 4, 0, ALL); /* pending bits */
	}
}

static void pcie_masks(struct vfio_config *config, unsigned at, unsigned len)
{
	/*
	 * Phantom functions would confuse the IOMMU, and a payload size other devices on the path.
	 * The reset bit is acted on; the copy also keeps the read request size.
	 */
	set_bits(config, at + PCIR_PCIE_DEVCTL, 2, PCI_DEVCTL_FLR | 0x70e0, 0xfdff);
	if (len > PCIR_PCIE_DEVCTL2)
		set_bits(config, at + PCIR_PCIE_DEVCTL2, 2, 0, 0xffdf); /* all but ARI */
}

unsigned vfio_perms_cap(struct vfio_config *config, const struct pci_dev *pci, uint8_t id,
			unsigned at)
{
	unsigned len = cap_len(pci, id, at);

	if (len < 2 || at + len > PCI_CFG_SIZE)
		return 0;
	claim(config, at, len);
	/* Identity and chain: the next pointer skips what is hidden. */
	set_bits(config, at, 2, ALL, 0);
	if (id == PCI_CAPID_PM)
		pm_masks(config, at);
	else if (id == PCI_CAPID_MSI)
		msi_masks(config, pci, at);
	else if (id == PCI_CAPID_PCIE)
		pcie_masks(config, at, len);
	else if (id == PCI_CAPID_AF)
		set_bits(config, at + PCIR_AF_CTRL, 1, PCI_AF_CTRL_FLR, PCI_AF_CTRL_FLR);
	for (unsigned i = 2; i < len && id == PCI_CAPID_VENDOR; i++)
		set_bits(config, at + i, 1, 0, ALL);
	return len;
}

static void aer_masks(struct vfio_config *config, unsigned at)
{
	const uint32_t uncorrectable = 0x03fff031, correctable = 0x0000f1c1;

	set_bits(config, at + 0x04, 4, 0, uncorrectable); /* status */
	set_bits(config, at + 0x08, 4, 0, uncorrectable); /* mask */
	set_bits(config, at + 0x0c, 4, 0, uncorrectable); /* severity */
	set_bits(config, at + 0x10, 4, 0, correctable);   /* status */
	set_bits(config, at + 0x14, 4, 0, correctable);   /* mask */
	set_bits(config, at + 0x18, 4, 0, 0x00000140);    /* ECRC generation and check */
}

unsigned vfio_perms_ext_cap(struct vfio_config *config, uint16_t id, unsigned at)
{
	unsigned len = id == PCI_EXTCAP_AER ? 44 : id == PCI_EXTCAP_DSN ? 12 : 0;

	/* A hidden one at the head of the list stays as four bytes, to anchor it. */
	claim(config, at, len ? len : 4);
	set_bits(config, at, 4, ALL, 0);
	if (id == PCI_EXTCAP_AER)
		aer_masks(config, at);
	return len;
}
