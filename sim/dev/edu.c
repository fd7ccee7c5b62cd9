// SPDX-License-Identifier: GPL-2.0-only
/*
 * The edu device.
 *
 * Source: QEMU's documentation of the device, docs/specs/edu.
 *
 * Work that the real model does in a thread or on a timer is done inside the register write that
 * starts it, so status bits that say "busy" are never seen. A transfer that leaves the buffer, or
 * that starts while the function may not master the bus, moves nothing and is done at once. What
 * went wrong on the bus is not visible in the device; the IOMMU reports it.
 */
#include "edu.h"

#include <stdlib.h>
#include <string.h>

#define EDU_ID_VALUE    0x010000edu
#define STATUS_IRQ_FACT 0x80u
#define ALL_ONES        (~UINT64_C(0))
#define EDU_BAR_SIZE    (UINT64_C(1) << 20)

struct edu {
	struct pci_dev pci;
	struct dma_port *port;
	uint64_t dma_mask;
	uint32_t liveness;
	uint32_t factorial;
	uint32_t status;
	uint32_t irq_status;
	uint64_t src, dst, count, cmd;
	uint8_t buffer[EDU_BUFFER_SIZE];
	struct dma_result last;
};

static struct edu *edu_of(struct pci_dev *dev)
{
	return sio_container_of(dev, struct edu, pci);
}

static void raise_irq(struct edu *edu, uint32_t bits)
{
	edu->irq_status |= bits;
	if (edu->irq_status)
		pci_dev_interrupt(&edu->pci, 0, true);
}

static void ack_irq(struct edu *edu, uint32_t bits)
{
	edu->irq_status &= ~bits;
	if (!edu->irq_status)
		pci_dev_interrupt(&edu->pci, 0, false);
}

/* The product wraps at 32 bits, and from 34 on it is 0 for good. */
static uint32_t factorial(uint32_t n)
{
	uint32_t product = 1;

	for (; n > 1 && product; n--)
		product *= n;
	return product;
}

/* The engine's local address: offset in the buffer, or false when the transfer would leave it. */
static bool buffer_offset(uint64_t local, uint64_t len, uint64_t *offset)
{
	if (local < EDU_BUFFER || len > EDU_BUFFER_SIZE)
		return false;
	*offset = local - EDU_BUFFER;
	return *offset <= EDU_BUFFER_SIZE - len;
}

/*
 * One request a page, as a bus carries them: a blocked one does not stop those behind it. What a
 * blocked read should have brought arrives as zeros. The result is that of the first that failed.
 */
static struct dma_result transfer(struct edu *edu, const struct dma_req *whole, uint8_t *buf)
{
	struct dma_result result = {0}, piece;
	struct dma_req req = *whole;
	bool failed = false;

	for (uint64_t at = 0; at < whole->len; at += req.len) {
		req.iova = whole->iova + at;
		req.len = SIO_PAGE_SIZE - (req.iova & (SIO_PAGE_SIZE - 1));
		if (req.len > whole->len - at)
			req.len = whole->len - at;
		piece = dma_access(edu->port, &req, buf + at);
		if (piece.done < req.len && req.kind == DMA_READ)
			memset(buf + at + piece.done, 0, req.len - piece.done);
		if (failed)
			continue;
		failed = piece.done < req.len;
		result.done += piece.done;
		result.fault = piece.fault;
		result.bus_error = piece.bus_error;
	}
	return result;
}

static void dma_run(struct edu *edu)
{
	bool to_ram = edu->cmd & EDU_DMA_TO_RAM;
	struct dma_req req = {
		.segment = edu->pci.fn->segment,
		.requester = pci_requester_id(edu->pci.fn),
		.iova = (to_ram ? edu->dst : edu->src) & edu->dma_mask,
		.len = edu->count,
		.kind = to_ram ? DMA_WRITE : DMA_READ,
	};
	uint64_t offset;

	memset(&edu->last, 0, sizeof(edu->last));
	if (edu->count && edu->port && pci_dev_bus_master(&edu->pci) &&
	    buffer_offset(to_ram ? edu->src : edu->dst, edu->count, &offset))
		edu->last = transfer(edu, &req, edu->buffer + offset);
	edu->cmd &= ~(uint64_t)EDU_DMA_START;
	if (edu->cmd & EDU_DMA_IRQ)
		raise_irq(edu, EDU_IRQ_DMA);
}

static uint64_t edu_read(struct pci_dev *dev, unsigned bar, uint64_t offset, unsigned width)
{
	struct edu *edu = edu_of(dev);

	(void)bar;
	if (width != 4 && (offset < 0x80 || width != 8))
		return ALL_ONES;
	switch (offset) {
	case EDU_ID:
		return EDU_ID_VALUE;
	case EDU_LIVENESS:
		return edu->liveness;
	case EDU_FACTORIAL:
		return edu->factorial;
	case EDU_STATUS:
		return edu->status;
	case EDU_IRQ_STATUS:
		return edu->irq_status;
	case EDU_DMA_SRC:
		return edu->src;
	case EDU_DMA_DST:
		return edu->dst;
	case EDU_DMA_COUNT:
		return edu->count;
	case EDU_DMA_CMD:
		return edu->cmd;
	default:
		return ALL_ONES;
	}
}

/*
 * The engine's registers do not change while it runs. Its own transfer can reach them: through the
 * BAR, on the bus.
 */
static void dma_write_register(struct edu *edu, uint64_t offset, uint64_t value)
{
	if (edu->cmd & EDU_DMA_START)
		return;
	switch (offset) {
	case EDU_DMA_SRC:
		edu->src = value;
		break;
	case EDU_DMA_DST:
		edu->dst = value;
		break;
	case EDU_DMA_COUNT:
		edu->count = value;
		break;
	default:
		edu->cmd = value & (EDU_DMA_START | EDU_DMA_TO_RAM | EDU_DMA_IRQ);
		if (edu->cmd & EDU_DMA_START)
			dma_run(edu);
		break;
	}
}

static void edu_write(struct pci_dev *dev, unsigned bar, uint64_t offset, unsigned width,
		      uint64_t value)
{
	struct edu *edu = edu_of(dev);

	(void)bar;
	if (width != 4 && (offset < 0x80 || width != 8))
		return;
	switch (offset) {
	case EDU_LIVENESS:
		edu->liveness = ~(uint32_t)value;
		break;
	case EDU_FACTORIAL:
		edu->factorial = factorial((uint32_t)value);
		if (edu->status & STATUS_IRQ_FACT)
			raise_irq(edu, EDU_IRQ_FACTORIAL);
		break;
	case EDU_STATUS:
		edu->status = (uint32_t)value & STATUS_IRQ_FACT;
		break;
	case EDU_IRQ_RAISE:
		raise_irq(edu, (uint32_t)value);
		break;
	case EDU_IRQ_ACK:
		ack_irq(edu, (uint32_t)value);
		break;
	case EDU_DMA_SRC:
	case EDU_DMA_DST:
	case EDU_DMA_COUNT:
	case EDU_DMA_CMD:
		dma_write_register(edu, offset, value);
		break;
	default:
		break;
	}
}

static void edu_reset(struct pci_dev *dev)
{
	struct edu *edu = edu_of(dev);

	edu->liveness = 0;
	edu->factorial = 0;
	edu->status = 0;
	ack_irq(edu, ~UINT32_C(0));
	edu->src = 0;
	edu->dst = 0;
	edu->count = 0;
	edu->cmd = 0;
}

static void edu_power_on(struct pci_dev *dev)
{
	struct edu *edu = edu_of(dev);

	memset(edu->buffer, 0, sizeof(edu->buffer));
	edu->last = (struct dma_result){0};
}

static void edu_destroy(struct pci_dev *dev)
{
	free(edu_of(dev));
}

static const struct pci_dev_ops edu_ops = {
	.bar_read = edu_read,
	.bar_write = edu_write,
	.reset = edu_reset,
	.power_on = edu_power_on,
	.destroy = edu_destroy,
};

struct pci_dev *edu_create(struct pci_function *fn, struct dma_port *port,
			   const struct edu_cfg *cfg)
{
	static const struct pci_dev_ids ids = {
		.vendor = 0x1234,
		.device = 0x11e8,
		.subsystem_vendor = 0x1af4,
		.subsystem = 0x1100,
		.class_code = 0x00ff00,
		.revision = 0x10,
	};
	struct edu *edu = calloc(1, sizeof(*edu));

	if (!edu)
		return NULL;
	pci_dev_init(&edu->pci, fn, &ids);
	edu->pci.ops = &edu_ops;
	edu->pci.model = "edu";
	pci_dev_set_pin(&edu->pci, 1);
	pci_dev_add_bar(&edu->pci, 0, PCI_BAR_MEM32, EDU_BAR_SIZE, false);
	pci_dev_add_msi(&edu->pci, 0, true);
	edu->port = port;
	edu->dma_mask = cfg->dma_mask ? cfg->dma_mask : ALL_ONES;
	return &edu->pci;
}

struct dma_result edu_last_dma(const struct pci_dev *dev)
{
	const struct edu *edu = (const struct edu *)((const char *)dev - offsetof(struct edu, pci));

	return edu->last;
}
