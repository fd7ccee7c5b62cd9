/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a program sees of one device through vfio-pci, said as plainly as it can be: its regions,
 * each bit of its configuration space, its interrupts.
 *
 * Source: <linux/vfio.h>, PCI Local Bus and PCI Express for where registers are, and for which of
 * them a program may change the behaviour of vfio-pci of Linux 6.12. What the hardware itself keeps
 * of what is written is asked of the hardware.
 */
#ifndef FUZZ_DEVICE_MODEL_H
#define FUZZ_DEVICE_MODEL_H

#include "pcidev.h"

#include <errno.h>
#include <linux/vfio.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define VECTORS_MAX 80u
#define NO_TRIGGER  (-1)

/* A function as its data sheet has it; places of capabilities are 0 where there is none. */
struct shape {
	const char *name;
	uint64_t bar[6], rom;
	uint32_t rom_used;
	unsigned io_bar, wide_bar; /* which one is, plus 1 */
	unsigned msix_bar, vectors[VFIO_PCI_NUM_IRQS];
	unsigned config, pm, msi, msi_bytes, msix, pcie, af, vendor, vendor_bytes, aer, serial;
	bool reset, flr, alone_on_bus, bus;
};

/* Vectors of MSI and MSI-X, INTx, errors, requests: as GET_IRQ_INFO numbers them. */
enum { INTX, MSI, MSIX, ERR, REQ, IRQS };

struct irqs {
	unsigned type; /* INTX, MSI, MSIX; IRQS: none is on */
	unsigned enabled;
	int trigger[VECTORS_MAX], single[IRQS]; /* which eventfd; NO_TRIGGER */
	int unmask;
	bool masked, off, line;
	bool unsure; /* whether the line is up */
};

struct model {
	const struct shape *shape;
	uint8_t copy[PCI_CFG_EXT_SIZE], virt[PCI_CFG_EXT_SIZE], may[PCI_CFG_EXT_SIZE];
	uint8_t hardware[PCI_CFG_EXT_SIZE]; /* what its configuration space should hold */
	bool no_power;                      /* by the feature */
	struct irqs irqs;
};

/* ---- bytes ---- */

static inline uint32_t get_bytes(const uint8_t *at, unsigned width)
{
	uint32_t value = 0;

	memcpy(&value, at, width);
	return value;
}

static inline void put_bytes(uint8_t *at, unsigned width, uint32_t value)
{
	memcpy(at, &value, width);
}

static inline void allow(struct model *m, unsigned at, unsigned width, uint32_t virt, uint32_t may)
{
	put_bytes(m->virt + at, width, virt);
	put_bytes(m->may + at, width, may);
}

/* A capability whose bytes nobody may change, and whose head is the copy's. */
static inline void allow_cap(struct model *m, unsigned at, unsigned bytes, unsigned head)
{
	memset(m->virt + at, 0, bytes);
	memset(m->may + at, 0, bytes);
	memset(m->virt + at, 0xff, head);
}

/* ---- which bits are whose ---- */

static inline void allow_header(struct model *m)
{
	memset(m->virt, 0, sizeof(m->virt));
	memset(m->may, 0xff, sizeof(m->may));
	memset(m->may, 0, 0x40);
	allow(m, 0x00, 4, ~0u, 0);
	allow(m, 0x04, 2, 0x0400, 0xffff);
	allow(m, 0x06, 2, 0x0010, 0);
	allow(m, 0x0c, 2, 0, 0xffff);
	allow(m, 0x0f, 1, 0, 0xff);
	for (unsigned at = 0x10; at < 0x28; at += 4)
		allow(m, at, 4, ~0u, ~0u);
	allow(m, 0x30, 4, ~0u, ~0u);
	allow(m, 0x34, 1, 0xff, 0);
	allow(m, 0x3c, 2, 0xffff, 0x00ff);
}

static inline unsigned pcie_bytes(const struct model *m)
{
	const unsigned flags = get_bytes(m->hardware + m->shape->pcie + 2, 2);
	const bool integrated = (flags >> 4 & 15) == 9;

	if ((flags & 15) == 1)
		return integrated ? 12 : 20;
	return integrated ? 44 : 60;
}

static inline void allow_caps(struct model *m)
{
	const struct shape *s = m->shape;

	if (s->pm) {
		allow_cap(m, s->pm, 8, 2);
		allow(m, s->pm + 2, 2, 0xf800, 0);
		allow(m, s->pm + 4, 4, 0x8100, ~0x8103u);
	}
	if (s->msi) {
		allow_cap(m, s->msi, s->msi_bytes, 2);
		allow(m, s->msi + 2, 1, 0xff, 0xff);
		for (unsigned i = 4; i < s->msi_bytes; i++)
			allow(m, s->msi + i, 1, 0xff, 0xff);
	}
	if (s->pcie) {
		const unsigned bytes = pcie_bytes(m);

		allow_cap(m, s->pcie, bytes, 2);
		/* No phantom functions; payload, reset and read request sizes are the copy's. */
		allow(m, s->pcie + 8, 2, 0xf0e0, 0xfdff);
		if (bytes > 40)
			allow(m, s->pcie + 40, 2, 0, 0xffdf);
	}
	if (s->msix)
		allow_cap(m, s->msix, 12, 2);
	if (s->af) {
		allow_cap(m, s->af, 6, 2);
		allow(m, s->af + 4, 1, 1, 1);
	}
	if (s->vendor) {
		allow_cap(m, s->vendor, s->vendor_bytes, 2);
		for (unsigned i = 2; i < s->vendor_bytes; i++)
			allow(m, s->vendor + i, 1, 0, 0xff);
	}
	if (s->aer) {
		static const uint32_t bits[] = {0x03fff031, 0x03fff031, 0x03fff031,
						0x0000f1c1, 0x0000f1c1, 0x00000140};

		allow_cap(m, s->aer, 44, 4);
		for (unsigned i = 0; i < 6; i++)
			allow(m, s->aer + 4 + 4 * i, 4, 0, bits[i]);
	}
	if (s->serial)
		allow_cap(m, s->serial, 12, 4);
}

/* What a BAR can hold: addresses of its size, and its type. */
static inline void fit_bars(struct model *m)
{
	const struct shape *s = m->shape;

	for (unsigned i = 0; i < 6; i++) {
		uint8_t *at = m->copy + 0x10 + 4 * i;
		const uint32_t type = s->io_bar == i + 1 ? 1 : s->wide_bar == i + 1 ? 4 : 0;

		if (s->wide_bar == i && i)
			continue;
		put_bytes(at, 4, s->bar[i] ? (get_bytes(at, 4) & (uint32_t)-s->bar[i]) | type : 0);
	}
	put_bytes(m->copy + 0x30, 4,
		  s->rom ? get_bytes(m->copy + 0x30, 4) & ((uint32_t)-s->rom | 1) : 0);
}

/* A program begins to use the device. */
static inline void model_open(struct model *m, const struct shape *shape, const uint8_t *hardware)
{
	m->shape = shape;
	m->no_power = false;
	memcpy(m->hardware, hardware, sizeof(m->hardware));
	memcpy(m->copy, hardware, sizeof(m->copy));
	allow_header(m);
	allow_caps(m);
	fit_bars(m);
	if (shape->pm) {
		m->copy[shape->pm + 3] &= 7;
		m->copy[shape->pm + 5] = 0;
	}
	m->irqs = (struct irqs){.type = IRQS, .unmask = NO_TRIGGER};
	for (unsigned i = 0; i < IRQS; i++)
		m->irqs.single[i] = NO_TRIGGER;
	m->irqs.line = hardware[6] & 8;
}

static inline uint8_t model_byte(const struct model *m, unsigned at)
{
	return (uint8_t)((m->copy[at] & m->virt[at]) | (m->hardware[at] & ~m->virt[at]));
}

static inline bool model_answers(const struct model *m)
{
	const unsigned pm = m->shape->pm;

	return !m->no_power && (m->copy[4] & 2) && !(pm && (m->hardware[pm + 4] & 3) == 3);
}

/* ---- interrupts ---- */

static inline void model_signal(const struct model *m, int eventfd, uint64_t *expected)
{
	(void)m;
	if (eventfd >= 0)
		expected[eventfd]++;
}

/* INTx fires once, and waits. */
static inline void model_deliver(struct model *m, uint64_t *expected)
{
	struct irqs *irqs = &m->irqs;

	if (irqs->type != INTX || !irqs->line || irqs->masked || irqs->off)
		return;
	irqs->masked = true;
	model_signal(m, irqs->trigger[0], expected);
}

static inline void model_irqs_off(struct model *m)
{
	m->irqs.type = IRQS;
	m->irqs.unmask = NO_TRIGGER;
	m->irqs.enabled = 0;
}

static inline void model_irqs_on(struct model *m, unsigned type, unsigned enabled)
{
	m->irqs.type = type;
	m->irqs.enabled = enabled;
	for (unsigned i = 0; i < VECTORS_MAX; i++)
		m->irqs.trigger[i] = NO_TRIGGER;
	if (type == INTX)
		m->irqs.masked = m->irqs.off;
}

/* The device raises a vector, or its line. */
static inline void model_interrupt(struct model *m, unsigned vector, bool level, bool message,
				   uint64_t *expected)
{
	struct irqs *irqs = &m->irqs;

	if (message && !level)
		return;
	if (irqs->type == MSI || irqs->type == MSIX) {
		if (level && vector < m->shape->vectors[irqs->type])
			model_signal(m, irqs->trigger[vector], expected);
		irqs->unsure |= !message;
		return;
	}
	irqs->line = level;
	irqs->unsure = false;
	model_deliver(m, expected);
}

/* INTx off or on, by the command register. */
static inline void model_set_off(struct model *m, bool off, uint64_t *expected)
{
	struct irqs *irqs = &m->irqs;

	if (irqs->off == off)
		return;
	irqs->off = off;
	irqs->masked = off;
	model_deliver(m, expected);
}

/* The hardware's bits of MSI: as many vectors as hold the `enabled`. */
static inline unsigned model_msi_lg2(const struct model *m)
{
	unsigned lg2 = 0;

	while (m->irqs.type == MSI && 1u << lg2 < m->irqs.enabled)
		lg2++;
	return lg2;
}

#endif
