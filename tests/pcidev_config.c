// SPDX-License-Identifier: GPL-2.0-only
/*
 * Configuration space as the bus sees it: writable bits, capability lists, BAR sizing, resets.
 * Expected bytes are worked out by hand from the PCI and PCI Express documents.
 */
#include <string.h>

#include "harness.h"
#include "pcidev.h"

static struct pci_function fn;
static struct pci_dev dev;
static unsigned resets;

static void count_reset(struct pci_dev *which)
{
	ck_assert_ptr_eq(which, &dev);
	resets++;
}

static const struct pci_dev_ops ops = {.reset = count_reset};

static void setup(void)
{
	static const struct pci_dev_ids ids = {
		.vendor = 0x1af4,
		.device = 0x1041,
		.subsystem_vendor = 0x1111,
		.subsystem = 0x2222,
		.class_code = 0x020000,
		.revision = 3,
	};

	fn = (struct pci_function){.rid = PCI_RID(0, PCI_DEVFN(4, 0)), .type = PCI_RC_ENDPOINT};
	pci_dev_init(&dev, &fn, &ids);
	dev.ops = &ops;
	resets = 0;
}

static uint32_t get(unsigned at, unsigned width)
{
	return pci_config_read(&dev, at, width);
}

START_TEST(an_empty_function_is_ids_only)
{
	static const uint8_t header[64] = {
		[0] = 0xf4, 0x1a, 0x41,          0x10, [8] = 0x03, 0x00,
		0x00,       0x02, [0x2c] = 0x11, 0x11, 0x22,       0x22,
	};

	ck_assert_int_eq(memcmp(dev.config, header, 64), 0);
	ck_assert_uint_eq(dev.config_size, 256);
}
END_TEST

START_TEST(only_writable_bits_change)
{
	for (unsigned at = 0; at < 64; at += 4)
		pci_config_write(&dev, at, 4, 0xffffffff);
	ck_assert_uint_eq(get(0, 4), 0x10411af4);
	ck_assert_uint_eq(get(4, 4), 0x00000507);
	ck_assert_uint_eq(get(8, 4), 0x02000003);
	ck_assert_uint_eq(get(0x0c, 4), 0x000000ff);
	ck_assert_uint_eq(get(0x10, 4), 0);
	ck_assert_uint_eq(get(0x3c, 4), 0x000000ff);
	pci_config_write(&dev, 4, 2, 0);
	pci_config_write(&dev, 5, 1, 0xff);
	ck_assert_uint_eq(get(4, 2), 0x0500);
}
END_TEST

START_TEST(bars_read_back_their_size)
{
	pci_dev_add_bar(&dev, 0, PCI_BAR_MEM32, 0x1000, true);
	pci_dev_add_bar(&dev, 1, PCI_BAR_IO, 0x20, false);
	pci_dev_add_bar(&dev, 4, PCI_BAR_MEM64, 0x200000, false);
	ck_assert_uint_eq(get(0x10, 4), 0x8);
	ck_assert_uint_eq(get(0x14, 4), 0x1);
	ck_assert_uint_eq(get(0x20, 4), 0x4);
	for (unsigned at = 0x10; at < 0x28; at += 4)
		pci_config_write(&dev, at, 4, 0xffffffff);
	ck_assert_uint_eq(get(0x10, 4), 0xfffff008);
	ck_assert_uint_eq(get(0x14, 4), 0xffffffe1);
	ck_assert_uint_eq(get(0x18, 4), 0);
	ck_assert_uint_eq(get(0x20, 4), 0xffe00004);
	ck_assert_uint_eq(get(0x24, 4), 0xffffffff);
	pci_dev_set_bar_address(&dev, 4, 0x1234600000);
	ck_assert_uint_eq(get(0x20, 4), 0x34600004);
	ck_assert_uint_eq(get(0x24, 4), 0x12);
	ck_assert_uint_eq(dev.bar[4].address, 0x1234600000);
}
END_TEST

START_TEST(capabilities_form_a_list)
{
	ck_assert_uint_eq(get(6, 2), 0);
	ck_assert_uint_eq(pci_dev_add_cap(&dev, 0x09, 7), 0x40);
	ck_assert_uint_eq(get(6, 2), 0x10);
	ck_assert_uint_eq(get(0x34, 1), 0x40);
	pci_dev_add_msi(&dev, 2, true);
	ck_assert_uint_eq(get(0x40, 2), 0x4809);
	ck_assert_uint_eq(get(0x48, 4), 0x00840005);
	pci_dev_add_msix(&dev, 3, 9, 0x1000, 0x2000);
	ck_assert_uint_eq(get(0x49, 1), 0x58);
	ck_assert_uint_eq(get(0x58, 4), 0x00080011);
	ck_assert_uint_eq(get(0x5c, 4), 0x1003);
	ck_assert_uint_eq(get(0x60, 4), 0x2003);
	pci_dev_add_pcie(&dev, true);
	ck_assert_uint_eq(get(0x64, 4), 0x00920010);
	ck_assert_uint_eq(get(0x68, 4), 0x10008000);
	ck_assert_uint_eq(dev.config_size, 4096);
	ck_assert_uint_eq(pci_dev_add_ext_cap(&dev, 3, 1, 12), 0x100);
	ck_assert_uint_eq(pci_dev_add_ext_cap(&dev, 0x10, 2, 64), 0x140);
	ck_assert_uint_eq(get(0x100, 4), 0x14010003);
	ck_assert_uint_eq(get(0x140, 4), 0x00020010);
	/* Full: 0xa0 to the end is 96 bytes. */
	ck_assert_uint_eq(pci_dev_add_cap(&dev, 0x09, 97), 0);
	ck_assert_uint_eq(pci_dev_add_cap(&dev, 0x09, 96), 0xa0);
	ck_assert_uint_eq(pci_dev_add_cap(&dev, 0x09, 3), 0);
}
END_TEST

START_TEST(function_level_reset_starts_with_its_bit)
{
	pci_dev_add_pcie(&dev, true);
	pci_config_write(&dev, 4, 2, 7);
	pci_config_write(&dev, dev.pcie_cap + 8u, 2, 0x000f);
	ck_assert_uint_eq(resets, 0);
	pci_config_write(&dev, dev.pcie_cap + 9u, 1, 0x80);
	ck_assert_uint_eq(resets, 1);
	ck_assert_uint_eq(get(4, 2), 0);
	ck_assert_uint_eq(get(dev.pcie_cap + 8u, 2), 0);
	pci_config_write(&dev, dev.pcie_cap + 8u, 2, 0x8000);
	ck_assert_uint_eq(resets, 2);
}
END_TEST

START_TEST(conventional_reset_starts_with_its_bit)
{
	pci_dev_add_af(&dev);
	ck_assert_uint_eq(get(dev.af_cap, 4), 0x03060013);
	ck_assert(dev.flr);
	pci_config_write(&dev, dev.af_cap + 4u, 1, 1);
	ck_assert_uint_eq(resets, 1);
	ck_assert_uint_eq(get(dev.af_cap + 4u, 1), 0);
}
END_TEST

START_TEST(leaving_d3hot_resets_unless_it_says_not)
{
	pci_dev_add_pm(&dev);
	for (unsigned keeps = 0; keeps < 2; keeps++) {
		unsigned csr = dev.pm_cap + PCIR_PM_CSR;

		pci_dev_define(&dev, csr, 2, keeps ? PCI_PM_NO_SOFT_RESET : 0, PCI_PM_STATE);
		resets = 0;
		pci_config_write(&dev, csr, 2, 3);
		ck_assert_uint_eq(pci_dev_power_state(&dev), 3);
		ck_assert_uint_eq(resets, 0);
		pci_config_write(&dev, csr, 2, 0);
		ck_assert_uint_eq(resets, keeps ? 0 : 1);
	}
}
END_TEST

static unsigned events;

static void on_irq(void *ctx, unsigned vector, bool level)
{
	ck_assert_ptr_eq(ctx, &fn);
	ck_assert_uint_eq(vector, 0);
	(void)level;
	events++;
}

/* "Device/Port Type" of the PCI Express Capabilities Register, bits 7:4. */
START_TEST(the_port_type_says_what_a_function_is)
{
	static const struct {
		enum pci_type type;
		unsigned code;
	} rows[] = {
		{PCI_ENDPOINT, 0},        {PCI_ROOT_PORT, 4},           {PCI_UPSTREAM_PORT, 5},
		{PCI_DOWNSTREAM_PORT, 6}, {PCI_BRIDGE_PCIE_TO_PCI, 7},  {PCI_BRIDGE_PCI_TO_PCIE, 8},
		{PCI_RC_ENDPOINT, 9},     {PCI_RC_EVENT_COLLECTOR, 10},
	};

	for (size_t i = 0; i < SIO_ARRAY_SIZE(rows); i++) {
		setup();
		fn.type = rows[i].type;
		pci_dev_add_pcie(&dev, false);
		ck_assert_uint_eq(get(dev.pcie_cap + PCIR_PCIE_FLAGS, 2), 2 | rows[i].code << 4);
	}
}
END_TEST

static uint64_t last_write;

static void note_write(struct pci_dev *which, unsigned bar, uint64_t offset, unsigned width,
		       uint64_t value)
{
	ck_assert_ptr_eq(which, &dev);
	ck_assert_uint_eq(bar, 0);
	ck_assert_uint_eq(offset, 8);
	ck_assert_uint_eq(width, 4);
	last_write = value;
}

/* Nobody answers on the bus: reads give ones, and everything else is lost. */
START_TEST(a_function_that_was_pulled_out_answers_ones)
{
	static const struct pci_dev_ops writes = {.reset = count_reset, .bar_write = note_write};

	pci_dev_add_bar(&dev, 0, PCI_BAR_MEM32, 0x1000, true);
	ck_assert_uint_eq(get(0x10, 4), 8);
	dev.ops = &writes;
	dev.irq = on_irq;
	dev.irq_ctx = &fn;
	events = 0;
	pci_bar_write(&dev, 0, 8, 4, 0x55);
	ck_assert_uint_eq(last_write, 0x55);
	pci_config_write(&dev, 4, 2, 4);
	ck_assert(pci_dev_bus_master(&dev));
	pci_dev_remove(&dev);
	ck_assert(!pci_dev_bus_master(&dev));
	pci_bar_write(&dev, 0, 8, 4, 0x66);
	ck_assert_uint_eq(last_write, 0x55);
	ck_assert_uint_eq(get(0, 4), 0xffffffff);
	ck_assert_uint_eq(get(0, 2), 0xffff);
	ck_assert_uint_eq(get(0, 1), 0xff);
	ck_assert_uint_eq(pci_bar_read(&dev, 0, 0, 8), UINT64_MAX);
	ck_assert_uint_eq(pci_bar_read(&dev, 0, 0, 2), 0xffff);
	pci_config_write(&dev, 4, 2, 0);
	pci_dev_reset(&dev);
	pci_dev_interrupt(&dev, 0, true);
	ck_assert_uint_eq(resets, 0);
	ck_assert_uint_eq(events, 0);
	ck_assert_uint_eq(dev.config[4], 4);
}
END_TEST

START_TEST(an_extended_list_is_full_at_the_end_of_the_space)
{
	pci_dev_add_pcie(&dev, false);
	ck_assert_uint_eq(pci_dev_add_ext_cap(&dev, 3, 1, 12), 0x100);
	ck_assert_uint_eq(pci_dev_add_ext_cap(&dev, 0xb, 1, 4096 - 0x140 + 1), 0);
	ck_assert_uint_eq(pci_dev_add_ext_cap(&dev, 0xb, 1, 4096 - 0x140), 0x140);
	ck_assert_uint_eq(pci_dev_add_ext_cap(&dev, 0xb, 1, 4), 0);
	ck_assert_uint_eq(get(0x140, 4), 0x0001000b);
}
END_TEST

START_TEST(messages_replace_the_line)
{
	pci_dev_add_msi(&dev, 0, false);
	dev.irq = on_irq;
	dev.irq_ctx = &fn;
	events = 0;
	pci_dev_interrupt(&dev, 0, true);
	ck_assert_uint_eq(get(6, 2), 0x18);
	pci_dev_interrupt(&dev, 0, false);
	ck_assert_uint_eq(get(6, 2), 0x10);
	ck_assert_uint_eq(events, 2);
	pci_config_write(&dev, dev.msi_cap + 2u, 2, 1);
	pci_dev_interrupt(&dev, 0, true);
	ck_assert_uint_eq(get(6, 2), 0x10);
	pci_dev_interrupt(&dev, 0, false);
	ck_assert_uint_eq(events, 3);
	dev.irq = NULL;
	pci_dev_interrupt(&dev, 0, true);
}
END_TEST

START_TEST(a_function_without_a_model_reads_zero)
{
	pci_dev_add_bar(&dev, 0, PCI_BAR_MEM32, 0x1000, false);
	pci_bar_write(&dev, 0, 0, 4, 1);
	ck_assert_uint_eq(pci_bar_read(&dev, 0, 0, 4), 0);
}
END_TEST

START_TEST(accesses_are_cut_at_their_alignment)
{
	for (uint64_t offset = 0; offset < 16; offset++) {
		for (uint64_t left = 1; left < 17; left++) {
			unsigned width = pci_access_width(offset, left);

			ck_assert(width <= left && offset % width == 0);
			ck_assert(width == 8 || width * 2 > left || offset % (width * 2) != 0);
		}
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pcidev");
	TCase *tcase = tcase_create("configuration");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, an_empty_function_is_ids_only);
	tcase_add_test(tcase, only_writable_bits_change);
	tcase_add_test(tcase, bars_read_back_their_size);
	tcase_add_test(tcase, capabilities_form_a_list);
	tcase_add_test(tcase, function_level_reset_starts_with_its_bit);
	tcase_add_test(tcase, conventional_reset_starts_with_its_bit);
	tcase_add_test(tcase, leaving_d3hot_resets_unless_it_says_not);
	tcase_add_test(tcase, the_port_type_says_what_a_function_is);
	tcase_add_test(tcase, a_function_that_was_pulled_out_answers_ones);
	tcase_add_test(tcase, an_extended_list_is_full_at_the_end_of_the_space);
	tcase_add_test(tcase, messages_replace_the_line);
	tcase_add_test(tcase, a_function_without_a_model_reads_zero);
	tcase_add_test(tcase, accesses_are_cut_at_their_alignment);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
