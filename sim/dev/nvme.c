// SPDX-License-Identifier: GPL-2.0-only
/*
 * An NVM Express controller as QEMU's (1b36:0010), registers only.
 *
 * Source: NVM Express Base Specification, "Controller Registers".
 *
 * The controller becomes ready when CC.EN is set and leaves that state when it is cleared; a
 * shutdown notification completes at once. It has no submission queues: doorbells are accepted and
 * nothing follows. The MSI-X table lies in the same BAR.
 */
#include <stdlib.h>

#include "dev.h"

enum nvme_reg {
	NVME_CAP = 0x00,
	NVME_VS = 0x08,
	NVME_INTMS = 0x0c,
	NVME_INTMC = 0x10,
	NVME_CC = 0x14,
	NVME_CSTS = 0x1c,
	NVME_AQA = 0x24,
	NVME_ASQ = 0x28,
	NVME_ACQ = 0x30,
};

#define NVME_BAR_SIZE UINT64_C(0x4000)
#define NVME_VECTORS  65
#define NVME_TABLE    0x2000u
#define NVME_PBA      0x3000u
/* 2048 queue entries, contiguous queues, 7.5 s timeout, NVM command set, pages of 4 KiB to 64 KiB.
 */
#define NVME_CAP_VALUE \
	(UINT64_C(0x7ff) | SIO_BIT(16) | UINT64_C(0xf) << 24 | SIO_BIT(37) | UINT64_C(4) << 52)
#define NVME_VS_VALUE  0x00010400u /* 1.4 */
#define CC_ENABLE      0x00000001u
#define CC_SHUTDOWN    0x0000c000u
#define CSTS_READY     0x00000001u
#define CSTS_SHUT_DOWN 0x00000008u

struct nvme {
	struct pci_dev pci;
	uint32_t masked, cc, csts, aqa;
	uint64_t asq, acq;
};

static struct nvme *nvme_of(struct pci_dev *dev)
{
	return sio_container_of(dev, struct nvme, pci);
}

/* 8 bytes of register space at a multiple of 8. */
static uint64_t nvme_qword(const struct nvme *nvme, uint64_t at)
{
	switch (at) {
	case NVME_CAP:
		return NVME_CAP_VALUE;
	case NVME_VS:
		return NVME_VS_VALUE | (uint64_t)nvme->masked << 32;
	case NVME_INTMC:
		return nvme->masked | (uint64_t)nvme->cc << 32;
	case 0x18:
		return (uint64_t)nvme->csts << 32;
	case 0x20:
		return (uint64_t)nvme->aqa << 32;
	case NVME_ASQ:
		return nvme->asq;
	case NVME_ACQ:
		return nvme->acq;
	default:
		return 0;
	}
}

static uint64_t nvme_read(struct pci_dev *dev, unsigned bar, uint64_t offset, unsigned width)
{
	uint64_t value = nvme_qword(nvme_of(dev), offset & ~UINT64_C(7));

	(void)bar;
	value >>= 8 * (offset & 7);
	return width == 8 ? value : value & (SIO_BIT(8 * width) - 1);
}

static void nvme_set_cc(struct nvme *nvme, uint32_t cc)
{
	nvme->cc = cc;
	nvme->csts = 0;
	if (cc & CC_ENABLE)
		nvme->csts |= CSTS_READY;
	if (cc & CC_SHUTDOWN)
		nvme->csts |= CSTS_SHUT_DOWN;
}

static void nvme_write_dword(struct nvme *nvme, uint64_t offset, uint32_t value)
{
	switch (offset) {
	case NVME_INTMS:
		nvme->masked |= value;
		break;
	case NVME_INTMC:
		nvme->masked &= ~value;
		break;
	case NVME_CC:
		nvme_set_cc(nvme, value);
		break;
	case NVME_AQA:
		nvme->aqa = value & 0x0fff0fff;
		break;
	case NVME_ASQ:
		nvme->asq = (nvme->asq & ~UINT64_C(0xffffffff)) | (value & ~UINT32_C(0xfff));
		break;
	case NVME_ASQ + 4:
		nvme->asq = (uint32_t)nvme->asq | (uint64_t)value << 32;
		break;
	case NVME_ACQ:
		nvme->acq = (nvme->acq & ~UINT64_C(0xffffffff)) | (value & ~UINT32_C(0xfff));
		break;
	case NVME_ACQ + 4:
		nvme->acq = (uint32_t)nvme->acq | (uint64_t)value << 32;
		break;
	default:
		break;
	}
}

/* "Register Access": at least 4 bytes; smaller writes are dropped. */
static void nvme_write(struct pci_dev *dev, unsigned bar, uint64_t offset, unsigned width,
		       uint64_t value)
{
	struct nvme *nvme = nvme_of(dev);

	(void)bar;
	if (width < 4)
		return;
	nvme_write_dword(nvme, offset, (uint32_t)value);
	if (width == 8)
		nvme_write_dword(nvme, offset + 4, (uint32_t)(value >> 32));
}

static void nvme_reset(struct pci_dev *dev)
{
	struct nvme *nvme = nvme_of(dev);

	nvme->masked = 0;
	nvme->aqa = 0;
	nvme->asq = 0;
	nvme->acq = 0;
	nvme_set_cc(nvme, 0);
}

static void nvme_destroy(struct pci_dev *dev)
{
	free(nvme_of(dev));
}

static const struct pci_dev_ops nvme_ops = {
	.bar_read = nvme_read,
	.bar_write = nvme_write,
	.reset = nvme_reset,
	.destroy = nvme_destroy,
};

struct pci_dev *nvme_create(struct pci_function *fn, struct dma_port *port,
			    const struct dev_cfg *cfg)
{
	static const struct pci_dev_ids ids = {
		.vendor = 0x1b36,
		.device = 0x0010,
		.subsystem_vendor = 0x1af4,
		.subsystem = 0x1100,
		.class_code = 0x010802,
		.revision = 0x02,
	};
	struct nvme *nvme = calloc(1, sizeof(*nvme));

	(void)port, (void)cfg;
	if (!nvme)
		return NULL;
	pci_dev_init(&nvme->pci, fn, &ids);
	nvme->pci.ops = &nvme_ops;
	nvme->pci.model = "nvme";
	pci_dev_set_pin(&nvme->pci, 1);
	pci_dev_add_bar(&nvme->pci, 0, PCI_BAR_MEM64, NVME_BAR_SIZE, false);
	pci_dev_add_msix(&nvme->pci, 0, NVME_VECTORS, NVME_TABLE, NVME_PBA);
	pci_dev_place_cap(&nvme->pci, 0x80);
	pci_dev_add_pcie(&nvme->pci, true);
	/* Last in the list, but in front of it in the space. */
	pci_dev_place_cap(&nvme->pci, 0x60);
	pci_dev_add_pm(&nvme->pci);
	return &nvme->pci;
}
