/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads and writes: configuration space, BARs, the ROM. */
#ifndef FUZZ_DEVICE_CONFIG_H
#define FUZZ_DEVICE_CONFIG_H

#include "device_target.h"

/* ---- configuration space ---- */

static inline unsigned any_register(void)
{
	const struct shape *s = t.m.shape;
	const unsigned places[] = {0x04,        0x10,         0x30,          0x3c,
				   s->pm + 4,   s->msi + 2,   s->msi,        s->pcie + 8,
				   s->pcie + 9, s->msix + 2,  s->af + 4,     s->vendor + 2,
				   s->aer + 4,  s->pcie + 40, s->config - 4, 0x34};
	const unsigned how = (unsigned)take(8);

	if (how & 0x80)
		return (places[how & 15] + (how >> 4 & 3)) % s->config;
	return how & 0x40 ? (unsigned)take(12) % s->config : 4 * (how & 63);
}

/* MSI: on only by SET_IRQS, and for no more vectors than there are. */
static inline void wrote_msi(unsigned before_lg2)
{
	uint8_t *control = &t.m.copy[t.m.shape->msi + 2];
	const uint8_t keeps = t.device->pci->writable[t.m.shape->msi + 2];

	if (t.m.irqs.type != MSI)
		*control &= 0xfe;
	if ((*control >> 4 & 7u) > before_lg2)
		*control = (uint8_t)((*control & ~0x70) | before_lg2 << 4);
	t.m.hardware[t.m.shape->msi + 2] =
		(uint8_t)((t.m.hardware[t.m.shape->msi + 2] & ~keeps) | (*control & keeps));
}

/* Size of reads; and the bit that resets, if the device knows it. */
static inline bool wrote_pcie(uint32_t before)
{
	uint8_t *control = &t.m.copy[t.m.shape->pcie + 8];
	const uint8_t *real = &t.m.hardware[t.m.shape->pcie + 8];
	const bool reset = control[1] & 0x80;
	unsigned size;

	control[1] &= 0x7f;
	if ((before ^ get_bytes(control, 2)) & 0x7000) {
		size = control[1] >> 4 & 7;
		if (size < (real[0] >> 5 & 7u))
			size = real[0] >> 5 & 7;
		t.m.hardware[t.m.shape->pcie + 9] = (uint8_t)((real[1] & ~0x70) | size << 4);
	}
	return reset && t.m.shape->flr;
}

/* No state in between is known to these devices. */
static inline bool wrote_power(unsigned state)
{
	uint8_t *real = &t.m.hardware[t.m.shape->pm + 4];
	const bool back = (*real & 3) == 3 && state == 0 && !(*real & 8);

	if (state == 0 || state == 3)
		*real = (uint8_t)((*real & ~3) | state);
	return back;
}

/* One byte, as if it came alone: true if that resets the function. */
static inline bool write_byte(unsigned at, uint8_t value)
{
	const struct shape *s = t.m.shape;
	const uint8_t may = t.m.may[at], virt = t.m.virt[at], keeps = t.device->pci->writable[at];
	const uint8_t to_copy = may & virt, to_real = (uint8_t)(may & ~virt & keeps);
	const uint32_t devctl = get_bytes(t.m.copy + s->pcie + 8, 2);

	t.m.copy[at] = (uint8_t)((t.m.copy[at] & ~to_copy) | (value & to_copy));
	t.m.hardware[at] = (uint8_t)((t.m.hardware[at] & ~to_real) | (value & to_real));
	if (at == 4)
		t.m.copy[4] = (uint8_t)((t.m.copy[4] & ~3) | (value & 3));
	if (at == 5)
		model_set_off(&t.m, t.m.copy[5] & 4, t.expected);
	if ((at >= 0x10 && at < 0x28) || (at >= 0x30 && at < 0x34))
		fit_bars(&t.m);
	if (s->msi && at == s->msi + 2)
		wrote_msi(model_msi_lg2(&t.m));
	if (s->pm && at == s->pm + 4)
		return wrote_power(value & 3);
	if (s->pcie && (at == s->pcie + 8 || at == s->pcie + 9))
		return wrote_pcie(devctl);
	if (s->af && at == s->af + 4 && t.m.copy[at] & 1) {
		t.m.copy[at] &= 0xfe;
		return true;
	}
	return false;
}

static inline void check_config(unsigned at, unsigned len)
{
	for (unsigned i = 0; i < len; i++) {
		const uint8_t want = model_byte(&t.m, at + i);

		/* The line's state. */
		if (at + i != 6 && *data_at(i) != want)
			differ("a byte of configuration space", (at + i) << 8 | *data_at(i),
			       (at + i) << 8 | want);
	}
}

static inline void do_config(void)
{
	const unsigned how = (unsigned)take(3), size = t.m.shape->config;
	const unsigned at = any_register(), len = 1 + (unsigned)take(how & 1 ? 2 : 4);
	const bool write = how >= 4;
	uint64_t value = take(32), offset = REGION(VFIO_PCI_CONFIG_REGION_INDEX) + at;
	bool reset = false;
	long rc;

	/* The line would fire at another time than it does. */
	if (write && t.m.irqs.unsure && t.m.irqs.type == INTX)
		return;
	value |= value << 32;
	for (unsigned i = 0; i < 16; i += 8)
		memcpy(data_at(i), &value, sizeof(value));
	if (write)
		rc = answer(sio_pwrite(t.c.process, t.fd, client_address(DATA), len, offset));
	else
		rc = answer(sio_pread(t.c.process, t.fd, client_address(DATA), len, offset));
	note(write ? "config_write" : "config_read", at, len, value, rc);
	if (at + len > size) {
		same("the answer", (uint64_t)rc, (uint64_t)-EFAULT);
		return;
	}
	same("the answer", (uint64_t)rc, len);
	for (unsigned i = 0; write && i < len; i++)
		reset |= write_byte(at + i, *data_at(i));
	if (reset)
		was_reset();
	if (!write)
		check_config(at, len);
}

/* Behind are registers of nobody, one like the other. */
static inline void read_all_config(void)
{
	const unsigned size = t.m.shape->config < 0x150 ? t.m.shape->config : 0x150;
	long rc = answer(sio_pread(t.c.process, t.fd, client_address(DATA), size,
				   REGION(VFIO_PCI_CONFIG_REGION_INDEX)));

	note("config_read", 0, size, 0, rc);
	same("the answer", (uint64_t)rc, size);
	check_config(0, size);
}

/* ---- BARs ---- */

static inline bool in_table(unsigned index, uint64_t at)
{
	const struct shape *s = t.m.shape;
	const uint64_t first = t.device->pci->msix_offset;

	return s->msix && s->msix_bar == index && at >= first &&
	       at < first + 16u * s->vectors[MSIX];
}

static inline void check_bar(unsigned index, uint64_t at, uint64_t len)
{
	for (uint64_t i = 0; i < len; i++) {
		if (in_table(index, at + i) ||
		    (index == VFIO_PCI_ROM_REGION_INDEX && at + i >= t.m.shape->rom_used))
			same("a byte that nobody answers for", *data_at(i), 0xff);
		else if (index == VFIO_PCI_ROM_REGION_INDEX)
			same("a byte of the ROM", *data_at(i), t.device->pci->rom[at + i]);
	}
}

/* Reads, and writes where the device has nothing that would change. */
static inline void do_bar(void)
{
	const struct shape *s = t.m.shape;
	const unsigned index = (unsigned)take(3), how = (unsigned)take(4);
	const uint64_t size = index < 6 ? s->bar[index] : index == 6 ? s->rom : 0;
	uint64_t len = take(5), at = how & 1 && size ? size - 8 + take(4) : take(8), left;
	const bool write = how >= 12 && index != 2;
	long rc, want;

	if (index == VFIO_PCI_CONFIG_REGION_INDEX)
		return;
	/* Lower there are registers that change when they are read. */
	if (!(how & 1) && size > 0x2000)
		at += 0x1000;
	if (how & 2 && s->msix && s->msix_bar == index)
		at = t.device->pci->msix_offset + 16u * s->vectors[MSIX] - 8 + (at & 15);
	/* Registers that have an effect are left alone. */
	if (write && !in_table(index, at) && index != VFIO_PCI_ROM_REGION_INDEX && at < size)
		len = 0;
	if (write && in_table(index, at) && !in_table(index, at + len))
		len = 1;
	left = at < size ? size - at : 0;
	want = (long)(len < left ? len : left);
	if (!len)
		want = 0;
	else if (index == VFIO_PCI_ROM_REGION_INDEX && write)
		want = -EINVAL;
	else if (!left)
		want = -EINVAL;
	else if (!model_answers(&t.m) && index != VFIO_PCI_ROM_REGION_INDEX &&
		 s->io_bar != index + 1 && !in_table(index, at))
		want = -EIO;
	else if (!model_answers(&t.m) && s->io_bar != index + 1 &&
		 !in_table(index, at + (uint64_t)want - 1))
		want = -EIO;
	memset(data_at(0), 0x5a, 40);
	if (write)
		rc = answer(sio_pwrite(t.c.process, t.fd, client_address(DATA), len,
				       REGION(index) + at));
	else
		rc = answer(sio_pread(t.c.process, t.fd, client_address(DATA), len,
				      REGION(index) + at));
	note(write ? "bar_write" : "bar_read", index, at, len, rc);
	/* The ROM answers by other rules. */
	if (index == VFIO_PCI_ROM_REGION_INDEX && want > 0 && rc == -EIO && !model_answers(&t.m))
		return;
	if (index == VFIO_PCI_ROM_REGION_INDEX && want == -EIO)
		return;
	same("the answer", (uint64_t)rc, (uint64_t)want);
	if (!write && rc > 0)
		check_bar(index, at, (uint64_t)rc);
	if (rc >= 0 && !write)
		same("the byte behind", *data_at((uint64_t)rc), 0x5a);
}

#endif
