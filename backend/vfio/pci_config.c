// SPDX-License-Identifier: GPL-2.0-only
/*
 * Region 7: the configuration space of a device as its user sees it.
 *
 * Kernel behaviour: vfio_pci_config.c of drivers/vfio/pci. An access is cut into naturally aligned
 * pieces of 4, 2 or 1 bytes that never cross from one capability into another inside a dword; each
 * piece is read or written through the two masks, and some registers have an effect beside. The
 * device's own BARs are never changed: the user sizes and places those of the copy.
 *
 * Invariant: bytes of the copy under no virtual bit are not looked at.
 */
#include <errno.h>
#include <linux/vfio.h>
#include <string.h>

#include "vfio/vfio_priv.h"
#include "recycle.h"

/* One piece, inside one capability. */
struct config_piece {
	struct vfio_device *dev;
	unsigned at;
	unsigned width;
	uint8_t cap;
	unsigned cap_at; /* where the capability begins */
	uint32_t value;  /* to write */
};

/* ---- setup at open ---- */

static void walk_caps(struct vfio_config *config, const struct pci_dev *pci)
{
	uint8_t at = pci->config[PCIR_CAP_PTR] & 0xfc;
	unsigned prev = PCIR_CAP_PTR, shown = 0;

	/* A chain that loops ends after as many steps as there are places. */
	for (unsigned step = 0; at >= PCIR_HEADER_END && step < 48; step++) {
		uint8_t id = pci->config[at], next = pci->config[at + 1] & 0xfc;
		unsigned len = vfio_perms_cap(config, pci, id, at);

		if (len) {
			memset(config->cap + at, id, len);
			config->copy[prev] = at;
			prev = at + 1u;
			shown++;
		}
		at = next;
	}
	config->copy[prev] = 0;
	if (!shown)
		config->copy[PCIR_STATUS] &= (uint8_t)~PCI_STS_CAPS;
}

static void walk_ext_caps(struct vfio_config *config, const struct pci_dev *pci)
{
	unsigned at = PCIR_EXT_CAPS, prev = 0;

	/* Without a first one there is no list; the bytes stay the device's. */
	if (!pci->pcie_cap || pci->config_size <= PCI_CFG_SIZE ||
	    pci_config_read(pci, PCIR_EXT_CAPS, 4) == 0)
		return;
	for (unsigned step = 0; at >= PCIR_EXT_CAPS && step < 960; step++) {
		uint32_t header = pci_config_read(pci, at, 4);
		uint16_t id = (uint16_t)header;
		unsigned len = vfio_perms_ext_cap(config, id, at);

		if (len || !prev) {
			memset(config->cap + at, (uint8_t)id, len ? len : 4);
			/* A hidden head shows id and version 0, and where the list goes on. */
			vfio_config_put(config->copy + at, 4, len ? header : 0);
			if (prev)
				vfio_config_put(config->copy + prev + 2, 2,
						(config->copy[prev + 2] & 0xfu) | at << 4);
			prev = at;
		}
		at = header >> 20 & 0xffc;
	}
	vfio_config_put(config->copy + prev + 2, 2, config->copy[prev + 2] & 0xfu);
}

int vfio_config_init(struct vfio_device *dev)
{
	const struct pci_dev *pci = dev->pci;
	struct vfio_config *config = recycle_calloc("vfio.device.config", sizeof(*config));

	if (!config)
		return -ENOMEM;
	memcpy(config->copy, pci->config, pci->config_size);
	memcpy(config->saved, pci->config, pci->config_size);
	memset(config->cap, VFIO_CAP_NOBODY, sizeof(config->cap));
	memset(config->cap, VFIO_CAP_HEADER, PCIR_HEADER_END);
	vfio_perms_header(config);
	walk_caps(config, pci);
	walk_ext_caps(config, pci);
	if (pci->pm_cap) {
		config->copy[pci->pm_cap + PCIR_PM_PMC + 1] &= 0x07;
		config->copy[pci->pm_cap + PCIR_PM_CSR + 1] = 0;
	}
	for (unsigned i = 0; i < 6; i++)
		config->bars[i] = pci_config_read(pci, PCIR_BAR0 + 4 * i, 4);
	config->bars[6] = pci_config_read(pci, PCIR_ROM, 4);
	config->bars_dirty = true;
	dev->config = config;
	return 0;
}

void vfio_config_fini(struct vfio_device *dev)
{
	recycle_free(dev->config);
	dev->config = NULL;
}

/* ---- BARs of the copy ---- */

static void fix_bar(uint8_t *at, const struct pci_bar *bar)
{
	uint64_t mask = ~(bar->size - 1);
	uint32_t flags = 0;

	if (bar->kind == PCI_BAR_IO)
		flags = PCI_BAR_IO_SPACE;
	else if (bar->prefetch)
		flags = PCI_BAR_PREFETCH;
	if (bar->kind == PCI_BAR_MEM64) {
		flags |= PCI_BAR_TYPE_64;
		vfio_config_put(at + 4, 4, vfio_config_get(at + 4, 4) & (uint32_t)(mask >> 32));
	}
	vfio_config_put(at, 4, (vfio_config_get(at, 4) & (uint32_t)mask) | flags);
}

/* What a BAR can hold at all: address bits above its size, and its type. */
static void fix_bars(struct vfio_device *dev)
{
	struct vfio_config *config = dev->config;
	const struct pci_dev *pci = dev->pci;
	uint32_t rom_mask;

	if (!config->bars_dirty)
		return;
	for (unsigned i = 0; i < 6; i++) {
		const struct pci_bar *bar = &pci->bar[i];

		if (bar->kind == PCI_BAR_NONE)
			vfio_config_put(config->copy + PCIR_BAR0 + 4 * i, 4, 0);
		else
			fix_bar(config->copy + PCIR_BAR0 + 4 * i, bar);
		if (bar->kind == PCI_BAR_MEM64)
			i++;
	}
	rom_mask = pci->rom_size ? (uint32_t) ~(pci->rom_size - 1) | PCI_ROM_ENABLE : 0;
	vfio_config_put(config->copy + PCIR_ROM, 4,
			vfio_config_get(config->copy + PCIR_ROM, 4) & rom_mask);
	config->bars_dirty = false;
}

static bool is_bar(unsigned offset)
{
	return (offset >= PCIR_BAR0 && offset < PCIR_BAR0 + 24) ||
	       (offset >= PCIR_ROM && offset < PCIR_ROM + 4);
}

/* ---- through the masks ---- */

static uint32_t masked_read(const struct config_piece *piece)
{
	const struct vfio_config *config = piece->dev->config;
	uint32_t virt = vfio_config_get(config->virt + piece->at, piece->width);
	uint32_t copy = vfio_config_get(config->copy + piece->at, piece->width);

	return (copy & virt) | (pci_config_read(piece->dev->pci, piece->at, piece->width) & ~virt);
}

static void masked_write(const struct config_piece *piece)
{
	struct vfio_config *config = piece->dev->config;
	struct pci_dev *pci = piece->dev->pci;
	uint32_t write = vfio_config_get(config->write + piece->at, piece->width);
	uint32_t virt = vfio_config_get(config->virt + piece->at, piece->width);
	uint32_t old;

	if (write & virt) {
		old = vfio_config_get(config->copy + piece->at, piece->width);
		vfio_config_put(config->copy + piece->at, piece->width,
				(old & ~(write & virt)) | (piece->value & write & virt));
	}
	if (write & ~virt) {
		old = pci_config_read(pci, piece->at, piece->width);
		pci_config_write(pci, piece->at, piece->width,
				 (old & ~(write & ~virt)) | (piece->value & write & ~virt));
	}
}

/* The piece covers byte `offset` of its capability. */
static bool covers(const struct config_piece *piece, unsigned offset)
{
	unsigned at = piece->cap_at + offset;

	return at >= piece->at && at < piece->at + piece->width;
}

/* ---- effects ---- */

/* The device lost its BARs behind our back: the user thinks that decoding is on, and it is not. */
static bool lost_bars(const struct vfio_device *dev, uint32_t wanted)
{
	uint32_t real = pci_config_read(dev->pci, PCIR_COMMAND, 2);
	uint32_t copy = vfio_config_get(dev->config->copy + PCIR_COMMAND, 2);

	return (wanted & copy & ~real & (PCI_CMD_MEMORY | PCI_CMD_IO)) != 0;
}

static void restore_bars(struct vfio_device *dev)
{
	for (unsigned i = 0; i < 6; i++)
		pci_config_write(dev->pci, PCIR_BAR0 + 4 * i, 4, dev->config->bars[i]);
	pci_config_write(dev->pci, PCIR_ROM, 4, dev->config->bars[6]);
}

static void write_header(const struct config_piece *piece)
{
	struct vfio_device *dev = piece->dev;
	struct vfio_config *config = dev->config;
	const uint32_t decode = PCI_CMD_MEMORY | PCI_CMD_IO;

	if (piece->at == PCIR_COMMAND && lost_bars(dev, piece->value))
		restore_bars(dev);
	masked_write(piece);
	/* Decode bits are not virtual, but remembered: whether BARs answer depends on them. */
	if (piece->at == PCIR_COMMAND)
		config->copy[PCIR_COMMAND] =
			(uint8_t)((config->copy[PCIR_COMMAND] & ~decode) | (piece->value & decode));
	if (covers(piece, PCIR_COMMAND) || covers(piece, PCIR_COMMAND + 1))
		vfio_intx_set_disabled(dev, vfio_config_get(config->copy + PCIR_COMMAND, 2) &
						    PCI_CMD_INTX_OFF);
	if (is_bar(piece->at))
		config->bars_dirty = true;
}

/*
 * The kernel changes the power state itself; D1 and D2 only if the device has them. Without
 * No_Soft_Reset the way back from D3hot is a reset, which the user must not notice in the state.
 */
void vfio_set_power_state(struct vfio_device *dev, unsigned state)
{
	struct pci_dev *pci = dev->pci;
	unsigned csr = pci->pm_cap + PCIR_PM_CSR;
	uint8_t saved[PCI_CFG_EXT_SIZE];
	uint32_t pmc, old;

	if (!pci->pm_cap)
		return;
	pmc = pci_config_read(pci, pci->pm_cap + PCIR_PM_PMC, 2);
	old = pci_config_read(pci, csr, 2);
	if ((state == 1 && !(pmc & 0x0200)) || (state == 2 && !(pmc & 0x0400)))
		return;
	memcpy(saved, pci->config, sizeof(saved));
	pci_config_write(pci, csr, 2, (old & ~(uint32_t)PCI_PM_STATE) | state);
	if ((old & PCI_PM_STATE) == 3 && state == 0)
		vfio_restore_state(pci, saved);
}

static void write_pm(const struct config_piece *piece)
{
	masked_write(piece);
	if (piece->at == piece->cap_at + PCIR_PM_CSR)
		vfio_set_power_state(piece->dev, piece->value & PCI_PM_STATE);
}

/* MSI is turned on by SET_IRQS only, and asks for no more vectors than were allocated. */
static void write_msi(const struct config_piece *piece)
{
	struct vfio_config *config = piece->dev->config;
	unsigned at = piece->cap_at + PCIR_MSI_CTRL;
	uint32_t control;

	masked_write(piece);
	if (!covers(piece, PCIR_MSI_CTRL))
		return;
	control = vfio_config_get(config->copy + at, 2);
	if (piece->dev->irqs.type != VFIO_PCI_MSI_IRQ_INDEX)
		control &= ~(uint32_t)PCI_MSI_ENABLE;
	if ((control & 0x70) >> 4 > config->msi_qmax)
		control = (control & ~0x70u) | (uint32_t)config->msi_qmax << 4;
	vfio_config_put(config->copy + at, 2, control);
	pci_config_write(piece->dev->pci, at, 2, control);
}

static void write_pcie(const struct config_piece *piece)
{
	struct vfio_device *dev = piece->dev;
	unsigned at = piece->cap_at + PCIR_PCIE_DEVCTL;
	uint32_t before = vfio_config_get(dev->config->copy + at, 2), control;

	masked_write(piece);
	control = vfio_config_get(dev->config->copy + at, 2);
	if (control & PCI_DEVCTL_FLR) {
		control &= ~(uint32_t)PCI_DEVCTL_FLR;
		vfio_config_put(dev->config->copy + at, 2, control);
		if (pci_config_read(dev->pci, piece->cap_at + PCIR_PCIE_DEVCAP, 4) & PCI_DEVCAP_FLR)
			vfio_reset_function(dev);
	}
	/* The read request size reaches the device, but never below its payload size. */
	if ((before ^ control) & 0x7000) {
		uint32_t real = pci_config_read(dev->pci, at, 2);
		uint32_t size = control >> 12 & 7, payload = real >> 5 & 7;

		if (size < payload)
			size = payload;
		pci_config_write(dev->pci, at, 2, (real & ~0x7000u) | size << 12);
	}
}

static void write_af(const struct config_piece *piece)
{
	struct vfio_device *dev = piece->dev;
	uint8_t *control = &dev->config->copy[piece->cap_at + PCIR_AF_CTRL];

	masked_write(piece);
	if (!(*control & PCI_AF_CTRL_FLR))
		return;
	*control &= (uint8_t)~PCI_AF_CTRL_FLR;
	if (dev->pci->config[piece->cap_at + PCIR_AF_CAP] & PCI_AF_CAP_FLR)
		vfio_reset_function(dev);
}

static void piece_write(const struct config_piece *piece)
{
	bool extended = piece->at >= PCI_CFG_SIZE;

	if (piece->cap == VFIO_CAP_HEADER && !extended)
		write_header(piece);
	else if (piece->cap == PCI_CAPID_PM && !extended)
		write_pm(piece);
	else if (piece->cap == PCI_CAPID_MSI && !extended)
		write_msi(piece);
	else if (piece->cap == PCI_CAPID_PCIE && !extended)
		write_pcie(piece);
	else if (piece->cap == PCI_CAPID_AF && !extended)
		write_af(piece);
	else
		masked_write(piece);
}

static uint32_t piece_read(const struct config_piece *piece)
{
	if (piece->cap == VFIO_CAP_HEADER && is_bar(piece->at))
		fix_bars(piece->dev);
	return masked_read(piece);
}

/* ---- the region ---- */

static struct config_piece piece_at(struct vfio_device *dev, unsigned at, size_t left)
{
	const uint8_t *cap = dev->config->cap;
	struct config_piece piece = {.dev = dev, .at = at, .width = 1, .cap = cap[at]};
	unsigned same = 1;

	while ((at + same) % 4 && cap[at + same] == cap[at])
		same++;
	if (same > left)
		same = (unsigned)left;
	if (same >= 4 && at % 4 == 0)
		piece.width = 4;
	else if (same >= 2 && at % 2 == 0)
		piece.width = 2;
	piece.cap_at = at;
	while (piece.cap_at > 0 && cap[piece.cap_at - 1] == cap[at] &&
	       !(at >= PCI_CFG_SIZE && piece.cap_at == PCI_CFG_SIZE))
		piece.cap_at--;
	return piece;
}

ssize_t vfio_config_rw(struct vfio_device *dev, const struct caller *caller, uint64_t buf,
		       size_t len, uint64_t offset, bool write)
{
	uint64_t size = dev->pci->config_size;
	size_t done = 0;
	int rc;

	if (offset >= size || len > size - offset)
		return -EFAULT;
	while (done < len) {
		struct config_piece piece = piece_at(dev, (unsigned)(offset + done), len - done);

		if (write) {
			rc = copy_from_caller("vfio.config.write.copy-in", caller, &piece.value,
					      buf + done, piece.width);
			if (!rc)
				piece_write(&piece);
		} else {
			piece.value = piece_read(&piece);
			rc = copy_to_caller("vfio.config.read.copy-out", caller, buf + done,
					    &piece.value, piece.width);
		}
		if (rc)
			return rc;
		done += piece.width;
	}
	return (ssize_t)done;
}
