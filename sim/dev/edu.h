/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The "edu" device of QEMU (1234:11e8): a teaching device with a factorial unit, interrupts and a
 * DMA engine with a 4 KiB buffer.
 *
 * Source: QEMU's documentation of the device, docs/specs/edu.
 */
#ifndef SIM_DEV_EDU_H
#define SIM_DEV_EDU_H

#include "dma.h"
#include "pcidev.h"

/* Registers of BAR 0. Below 0x80 4-byte accesses only; from 0x80 on 4 or 8 bytes. */
enum edu_reg {
	EDU_ID = 0x00,       /* 0x010000ed */
	EDU_LIVENESS = 0x04, /* reads the inverse of what was written */
	EDU_FACTORIAL = 0x08,
	EDU_STATUS = 0x20, /* bit 7: interrupt when a factorial is done */
	EDU_IRQ_STATUS = 0x24,
	EDU_IRQ_RAISE = 0x60,
	EDU_IRQ_ACK = 0x64,
	EDU_DMA_SRC = 0x80,
	EDU_DMA_DST = 0x88,
	EDU_DMA_COUNT = 0x90,
	EDU_DMA_CMD = 0x98,
	EDU_BUFFER = 0x40000, /* the engine's address of its buffer; the CPU cannot read it */
};
#define EDU_BUFFER_SIZE 4096u

enum edu_dma_cmd {
	EDU_DMA_START = 1,
	EDU_DMA_TO_RAM = 2, /* else from RAM into the buffer */
	EDU_DMA_IRQ = 4,    /* raise 0x100 when done */
};

enum edu_irq { EDU_IRQ_FACTORIAL = 0x001, EDU_IRQ_DMA = 0x100 };

struct edu_cfg {
	uint64_t dma_mask; /* address lines of the DMA engine; 0: all 64 */
};

/* `port` may be NULL: the engine then reaches nothing. NULL: no memory. */
struct pci_dev *edu_create(struct pci_function *fn, struct dma_port *port,
			   const struct edu_cfg *cfg);
/* How the last transfer ended; zeroes when none was made. */
struct dma_result edu_last_dma(const struct pci_dev *dev);

#endif
