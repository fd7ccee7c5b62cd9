// SPDX-License-Identifier: GPL-2.0-only
/*
 * The edu device on a bare fabric: no IOMMU, so the addresses of its DMA are physical. DMA is
 * compared with a copy done by the test on its own picture of memory.
 */
#include <stdio.h>
#include <string.h>

#include "dev/dev.h"
#include "dev/edu.h"
#include "harness.h"
#include "prng.h"

#define RAM  (UINT64_C(64) << 20)
#define SPAN 0x10000u

static struct phys *phys;
static struct dma_fabric *fabric;
static struct dma_port *port;
static struct pci_function fn, other_fn;
static struct pci_dev *edu;

static unsigned irqs;
static bool line;

static void on_irq(void *ctx, unsigned vector, bool level)
{
	(void)ctx;
	ck_assert_uint_eq(vector, 0);
	irqs += level;
	line = level;
}

static struct pci_dev *create(uint64_t dma_mask)
{
	struct pci_dev *dev = dev_create("edu", &fn, port, &(struct dev_cfg){.dma_mask = dma_mask});

	ck_assert_ptr_nonnull(dev);
	pci_config_write(dev, PCIR_COMMAND, 2, PCI_CMD_MEMORY | PCI_CMD_MASTER);
	dev->irq = on_irq;
	irqs = 0;
	line = false;
	return dev;
}

static void setup(void)
{
	phys = phys_create(&(struct phys_cfg){.ram_bytes = RAM});
	ck_assert_ptr_nonnull(phys);
	fabric = dma_fabric_create(phys);
	port = dma_port_create(fabric);
	ck_assert_ptr_nonnull(port);
	fn = (struct pci_function){.rid = PCI_RID(1, 0), .type = PCI_CONVENTIONAL};
	other_fn = (struct pci_function){.rid = PCI_RID(2, 0), .type = PCI_ENDPOINT};
	edu = create(0);
}

static void teardown(void)
{
	dev_destroy(edu);
	dma_port_destroy(port);
	dma_fabric_destroy(fabric);
	phys_destroy(phys);
}

static void ram_write(pa_t pa, const void *bytes, uint64_t len)
{
	ck_assert(phys_write(phys, pa, bytes, len));
}

static void ram_read(pa_t pa, void *bytes, uint64_t len)
{
	ck_assert(phys_read(phys, pa, bytes, len));
}

static bool ram_equals(pa_t pa, const void *bytes, uint64_t len)
{
	static uint8_t ram[SPAN];

	ram_read(pa, ram, len);
	return !memcmp(ram, bytes, len);
}

static uint64_t reg(unsigned at, unsigned width)
{
	return pci_bar_read(edu, 0, at, width);
}

static void set_reg(unsigned at, unsigned width, uint64_t value)
{
	pci_bar_write(edu, 0, at, width, value);
}

static void dma(uint64_t from, uint64_t to, uint64_t len, uint64_t command)
{
	set_reg(EDU_DMA_SRC, 8, from);
	set_reg(EDU_DMA_DST, 8, to);
	set_reg(EDU_DMA_COUNT, 8, len);
	set_reg(EDU_DMA_CMD, 8, command | EDU_DMA_START);
	ck_assert_uint_eq(reg(EDU_DMA_CMD, 8), command);
}

START_TEST(identification_liveness_factorial)
{
	static const struct {
		uint32_t n, factorial;
	} row[] = {{0, 1}, {1, 1}, {5, 120}, {12, 479001600}, {13, 1932053504}, {34, 0}, {~0u, 0}};

	ck_assert_uint_eq(reg(EDU_ID, 4), 0x010000ed);
	set_reg(EDU_LIVENESS, 4, 0x0f0f0f0f);
	ck_assert_uint_eq(reg(EDU_LIVENESS, 4), 0xf0f0f0f0);
	for (unsigned i = 0; i < SIO_ARRAY_SIZE(row); i++) {
		set_reg(EDU_FACTORIAL, 4, row[i].n);
		ck_assert_uint_eq(reg(EDU_FACTORIAL, 4), row[i].factorial);
	}
	ck_assert_uint_eq(irqs, 0);
}
END_TEST

START_TEST(widths_that_a_register_does_not_know)
{
	set_reg(EDU_LIVENESS, 4, 0);
	set_reg(EDU_LIVENESS, 2, 0x1234);
	set_reg(0, 8, 0x1234);
	ck_assert_uint_eq(reg(EDU_LIVENESS, 4), 0xffffffff);
	ck_assert_uint_eq(reg(EDU_ID, 8), UINT64_MAX);
	ck_assert_uint_eq(reg(EDU_ID, 1), UINT64_MAX);
	set_reg(EDU_DMA_SRC, 8, 0x1122334455667788);
	set_reg(EDU_DMA_SRC, 4, 0x99aabbcc);
	ck_assert_uint_eq(reg(EDU_DMA_SRC, 8), 0x99aabbcc);
	ck_assert_uint_eq(reg(EDU_BUFFER, 4), UINT64_MAX);
}
END_TEST

START_TEST(the_line_is_up_while_any_cause_is)
{
	set_reg(EDU_IRQ_RAISE, 4, 0x6);
	ck_assert(line);
	ck_assert_uint_eq(edu->config[PCIR_STATUS] & PCI_STS_INTX, PCI_STS_INTX);
	set_reg(EDU_IRQ_ACK, 4, 0x2);
	ck_assert(line);
	ck_assert_uint_eq(reg(EDU_IRQ_STATUS, 4), 0x4);
	set_reg(EDU_IRQ_ACK, 4, 0x4);
	ck_assert(!line);
	ck_assert_uint_eq(edu->config[PCIR_STATUS] & PCI_STS_INTX, 0);
	set_reg(EDU_STATUS, 4, 0xff);
	ck_assert_uint_eq(reg(EDU_STATUS, 4), 0x80);
	set_reg(EDU_FACTORIAL, 4, 3);
	ck_assert_uint_eq(reg(EDU_IRQ_STATUS, 4), EDU_IRQ_FACTORIAL);
}
END_TEST

START_TEST(dma_goes_both_ways)
{
	char text[16] = "";

	ram_write(0x5000, "over the bridge", 16);
	dma(0x5000, EDU_BUFFER + 16, 16, 0);
	ck_assert_uint_eq(edu_last_dma(edu).done, 16);
	ck_assert_uint_eq(irqs, 0);
	dma(EDU_BUFFER + 16, 0x7ff8, 16, EDU_DMA_TO_RAM | EDU_DMA_IRQ);
	ram_read(0x7ff8, text, 16);
	ck_assert_str_eq(text, "over the bridge");
	ck_assert_uint_eq(reg(EDU_IRQ_STATUS, 4), EDU_IRQ_DMA);
	ck_assert_uint_eq(irqs, 1);
}
END_TEST

START_TEST(dma_needs_bus_master_and_the_buffer)
{
	static const struct {
		uint64_t local, len;
	} outside[] = {
		{EDU_BUFFER - 1, 1},
		{EDU_BUFFER + 4096, 1},
		{EDU_BUFFER, 4097},
		{EDU_BUFFER + 4095, 2},
		{0, 4},
		{UINT64_MAX, 8},
		{EDU_BUFFER, UINT64_MAX},
		{EDU_BUFFER, 0},
	};
	char text[8] = "";

	ram_write(0x5000, "\x55\x55\x55\x55\x55\x55\x55\x55", 8);
	for (unsigned i = 0; i < SIO_ARRAY_SIZE(outside); i++) {
		dma(outside[i].local, 0x5000, outside[i].len, EDU_DMA_TO_RAM);
		ck_assert_uint_eq(edu_last_dma(edu).done, 0);
	}
	pci_config_write(edu, PCIR_COMMAND, 2, PCI_CMD_MEMORY);
	dma(EDU_BUFFER, 0x5000, 8, EDU_DMA_TO_RAM);
	ck_assert_uint_eq(edu_last_dma(edu).done, 0);
	ram_read(0x5000, text, 8);
	ck_assert_int_eq(memcmp(text, "\x55\x55\x55\x55\x55\x55\x55\x55", 8), 0);
}
END_TEST

START_TEST(nothing_answers_beyond_memory)
{
	dma(EDU_BUFFER, RAM, 8, EDU_DMA_TO_RAM);
	ck_assert(edu_last_dma(edu).bus_error);
	ck_assert_uint_eq(edu_last_dma(edu).done, 0);
}
END_TEST

START_TEST(the_mask_cuts_addresses)
{
	dev_destroy(edu);
	edu = create(SIO_BIT(16) - 1);
	ram_write(0x5000, "\x77\x77\x77\x77", 4);
	dma(0xabc5000, EDU_BUFFER, 4, 0);
	dma(EDU_BUFFER, 0x10006000, 4, EDU_DMA_TO_RAM);
	ck_assert(ram_equals(0x6000, "\x77\x77\x77\x77", 4));
}
END_TEST

START_TEST(random_transfers_agree_with_a_copy)
{
	uint64_t seed = (uint64_t)_i + 1;
	struct prng prng = {seed};
	static uint8_t memory[SPAN], buffer[EDU_BUFFER_SIZE];

	memset(buffer, 0, sizeof(buffer));
	for (unsigned i = 0; i < SPAN; i++)
		memory[i] = (uint8_t)prng_next(&prng);
	ram_write(0x100000, memory, SPAN);
	for (unsigned i = 0; i < 300; i++) {
		uint64_t len = 1 + prng_next(&prng) % EDU_BUFFER_SIZE;
		uint64_t local = prng_next(&prng) % (EDU_BUFFER_SIZE - len + 1);
		uint64_t at = prng_next(&prng) % (SPAN - len + 1);

		if (prng_next(&prng) & 1) {
			dma(EDU_BUFFER + local, 0x100000 + at, len, EDU_DMA_TO_RAM);
			memcpy(memory + at, buffer + local, len);
		} else {
			dma(0x100000 + at, EDU_BUFFER + local, len, 0);
			memcpy(buffer + local, memory + at, len);
		}
		ck_assert_msg(ram_equals(0x100000, memory, SPAN), "seed %lu, transfer %u",
			      (unsigned long)seed, i);
	}
}
END_TEST

START_TEST(a_bar_is_reached_while_it_is_decoded)
{
	struct pci_dev *nvme = dev_create("nvme", &other_fn, port, NULL);
	uint32_t word = 1;
	uint8_t odd[9];
	pa_t at;

	ck_assert(dev_bars_place(nvme, phys));
	at = nvme->bar[0].address;
	ck_assert(sio_is_aligned(at, 0x4000));
	ck_assert(!phys_is_ram(phys, at, 1));
	ck_assert(!phys_write(phys, at + 0x14, &word, 4));
	pci_config_write(nvme, PCIR_COMMAND, 2, PCI_CMD_MEMORY);
	ck_assert(phys_write(phys, at + 0x14, &word, 4));
	ck_assert(phys_read(phys, at + 0x1c, &word, 4));
	ck_assert_uint_eq(word, 1);
	/* Any start and length is cut into aligned accesses. */
	ck_assert(phys_read(phys, at + 5, odd, 9));
	ck_assert_int_eq(memcmp(odd, "\x00\x40\x00\x00\x04\x01\x00\x00\x00", 9), 0);
	/* Another device's DMA. */
	dma(at + 8, EDU_BUFFER, 4, 0);
	dma(EDU_BUFFER, 0x9000, 4, EDU_DMA_TO_RAM);
	ck_assert(ram_equals(0x9000, "\x00\x04\x01\x00", 4));
	dev_bars_remove(nvme, phys);
	ck_assert(!phys_read(phys, at, &word, 4));
	ck_assert_uint_eq(nvme->bar[0].address, 0);
	dev_destroy(nvme);
}
END_TEST

/* A transfer into the engine's own command register would start itself for ever. */
START_TEST(dma_into_its_own_registers_ends)
{
	uint64_t command = EDU_DMA_START | EDU_DMA_TO_RAM;

	ck_assert(dev_bars_place(edu, phys));
	ram_write(0x5000, &command, 8);
	dma(0x5000, EDU_BUFFER, 8, 0);
	dma(EDU_BUFFER, edu->bar[0].address + EDU_DMA_CMD, 8, EDU_DMA_TO_RAM);
	ck_assert_uint_eq(edu_last_dma(edu).done, 8);
	dma(EDU_BUFFER, edu->bar[0].address + EDU_LIVENESS, 4, EDU_DMA_TO_RAM);
	ck_assert_uint_eq(reg(EDU_LIVENESS, 4), (uint32_t)~command);
	dev_bars_remove(edu, phys);
}
END_TEST

START_TEST(a_reset_forgets_registers)
{
	set_reg(EDU_LIVENESS, 4, 1);
	set_reg(EDU_STATUS, 4, 0x80);
	set_reg(EDU_IRQ_RAISE, 4, 1);
	set_reg(EDU_DMA_SRC, 8, 1);
	pci_dev_reset(edu);
	ck_assert_uint_eq(reg(EDU_LIVENESS, 4), 0);
	ck_assert_uint_eq(reg(EDU_STATUS, 4), 0);
	ck_assert_uint_eq(reg(EDU_IRQ_STATUS, 4), 0);
	ck_assert_uint_eq(reg(EDU_DMA_SRC, 8), 0);
	ck_assert_uint_eq(edu->config[PCIR_COMMAND], 0);
	ck_assert(!line);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("dev edu");
	TCase *tcase = tcase_create("registers and DMA");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, identification_liveness_factorial);
	tcase_add_test(tcase, widths_that_a_register_does_not_know);
	tcase_add_test(tcase, the_line_is_up_while_any_cause_is);
	tcase_add_test(tcase, dma_goes_both_ways);
	tcase_add_test(tcase, dma_needs_bus_master_and_the_buffer);
	tcase_add_test(tcase, nothing_answers_beyond_memory);
	tcase_add_test(tcase, the_mask_cuts_addresses);
	tcase_add_loop_test(tcase, random_transfers_agree_with_a_copy, 0, 8);
	tcase_add_test(tcase, a_bar_is_reached_while_it_is_decoded);
	tcase_add_test(tcase, dma_into_its_own_registers_ends);
	tcase_add_test(tcase, a_reset_forgets_registers);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
