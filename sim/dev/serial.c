// SPDX-License-Identifier: GPL-2.0-only
/*
 * A PCI serial port as QEMU's pci-serial (1b36:0002): a 16550 in an I/O BAR of 8 bytes.
 *
 * Source: PC16550D data sheet, "Registers".
 *
 * Nothing is connected: the transmitter is always empty, nothing is ever received, and what is sent
 * vanishes. The scratch, line control and divisor registers keep their values, so that a driver's
 * probe finds a port.
 */
#include <stdlib.h>
#include <string.h>

#include "dev.h"

enum uart_reg {
	UART_DATA,
	UART_IER,
	UART_IIR,
	UART_LCR,
	UART_MCR,
	UART_LSR,
	UART_MSR,
	UART_SCRATCH
};

#define LCR_DIVISOR 0x80u
#define LSR_EMPTY   0x60u /* holding register and transmitter */
#define IIR_NONE    0x01u

struct serial {
	struct pci_dev pci;
	uint8_t ier, lcr, mcr, scratch, fifo;
	uint8_t divisor[2];
};

static struct serial *serial_of(struct pci_dev *dev)
{
	return sio_container_of(dev, struct serial, pci);
}

static uint8_t uart_read(const struct serial *uart, uint64_t reg)
{
	bool divisor = uart->lcr & LCR_DIVISOR;

	switch (reg) {
	case UART_DATA:
		return divisor ? uart->divisor[0] : 0;
	case UART_IER:
		return divisor ? uart->divisor[1] : uart->ier;
	case UART_IIR:
		return (uint8_t)(IIR_NONE | (uart->fifo & 1 ? 0xc0u : 0));
	case UART_LCR:
		return uart->lcr;
	case UART_MCR:
		return uart->mcr;
	case UART_LSR:
		return LSR_EMPTY;
	case UART_SCRATCH:
		return uart->scratch;
	default:
		return 0;
	}
}

static void uart_write(struct serial *uart, uint64_t reg, uint8_t value)
{
	bool divisor = uart->lcr & LCR_DIVISOR;

	switch (reg) {
	case UART_DATA:
		if (divisor)
			uart->divisor[0] = value;
		break;
	case UART_IER:
		if (divisor)
			uart->divisor[1] = value;
		else
			uart->ier = value & 0x0f;
		break;
	case UART_IIR:
		uart->fifo = value;
		break;
	case UART_LCR:
		uart->lcr = value;
		break;
	case UART_MCR:
		uart->mcr = value & 0x1f;
		break;
	case UART_SCRATCH:
		uart->scratch = value;
		break;
	default:
		break;
	}
}

static uint64_t serial_read(struct pci_dev *dev, unsigned bar, uint64_t offset, unsigned width)
{
	uint64_t value = 0;

	(void)bar;
	for (unsigned i = 0; i < width; i++)
		value |= (uint64_t)uart_read(serial_of(dev), offset + i) << (8 * i);
	return value;
}

static void serial_write(struct pci_dev *dev, unsigned bar, uint64_t offset, unsigned width,
			 uint64_t value)
{
	(void)bar;
	for (unsigned i = 0; i < width; i++)
		uart_write(serial_of(dev), offset + i, (uint8_t)(value >> (8 * i)));
}

static void serial_reset(struct pci_dev *dev)
{
	struct serial *uart = serial_of(dev);

	uart->ier = 0;
	uart->lcr = 0;
	uart->mcr = 0;
	uart->scratch = 0;
	uart->fifo = 0;
	memset(uart->divisor, 0, sizeof(uart->divisor));
}

static void serial_destroy(struct pci_dev *dev)
{
	free(serial_of(dev));
}

static const struct pci_dev_ops serial_ops = {
	.bar_read = serial_read,
	.bar_write = serial_write,
	.reset = serial_reset,
	.destroy = serial_destroy,
};

struct pci_dev *serial_create(struct pci_function *fn, struct dma_port *port,
			      const struct dev_cfg *cfg)
{
	static const struct pci_dev_ids ids = {
		.vendor = 0x1b36,
		.device = 0x0002,
		.subsystem_vendor = 0x1af4,
		.subsystem = 0x1100,
		.class_code = 0x070002,
		.revision = 0x01,
	};
	struct serial *uart = calloc(1, sizeof(*uart));

	(void)port, (void)cfg;
	if (!uart)
		return NULL;
	pci_dev_init(&uart->pci, fn, &ids);
	uart->pci.ops = &serial_ops;
	uart->pci.model = "serial";
	pci_dev_set_pin(&uart->pci, 1);
	pci_dev_add_bar(&uart->pci, 0, PCI_BAR_IO, 8, false);
	return &uart->pci;
}
