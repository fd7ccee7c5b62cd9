// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of device models, and the registers of those without an engine. Values are those of the
 * NVM Express, 82574 and 16550 documents.
 */
#include <string.h>

#include "dev/dev.h"
#include "harness.h"

static struct pci_function fn = {.rid = PCI_RID(1, 0), .type = PCI_ENDPOINT};

static unsigned level;

static void on_irq(void *ctx, unsigned vector, bool up)
{
	(void)ctx, (void)vector;
	level = up;
}

START_TEST(every_model_can_be_created)
{
	const struct dev_model *model;

	for (unsigned i = 0; (model = dev_model_at(i)); i++) {
		struct pci_dev *dev = dev_create(model->name, &fn, NULL, NULL);

		ck_assert_ptr_nonnull(dev);
		ck_assert_str_eq(dev->model, model->name);
		ck_assert_uint_eq(pci_config_read(dev, 0, 2), model->vendor);
		ck_assert_uint_eq(pci_config_read(dev, 2, 2), model->device);
		ck_assert_ptr_eq(dev_model_find(model->name), model);
		for (unsigned bar = 0; bar < 6; bar++) {
			if (dev->bar[bar].kind == PCI_BAR_NONE)
				continue;
			for (unsigned width = 1; width <= 8; width *= 2) {
				uint64_t end = dev->bar[bar].size - width;

				pci_bar_write(dev, bar, end, width, UINT64_MAX);
				pci_bar_read(dev, bar, end, width);
				pci_bar_write(dev, bar, 0, width, 0);
			}
		}
		pci_dev_reset(dev);
		dev_destroy(dev);
	}
	ck_assert_ptr_null(dev_model_find("toaster"));
	ck_assert_ptr_null(dev_create("toaster", &fn, NULL, NULL));
}
END_TEST

START_TEST(nvme_becomes_ready_and_shuts_down)
{
	struct pci_dev *nvme = dev_create("nvme", &fn, NULL, NULL);

	ck_assert_uint_eq(pci_bar_read(nvme, 0, 0x08, 4), 0x00010400);
	ck_assert_uint_eq(pci_bar_read(nvme, 0, 0x00, 8) & 0xffff, 0x07ff);
	ck_assert_uint_eq(pci_bar_read(nvme, 0, 0x00, 8) >> 37 & 1, 1);
	pci_bar_write(nvme, 0, 0x24, 4, 0xffffffff);
	ck_assert_uint_eq(pci_bar_read(nvme, 0, 0x24, 4), 0x0fff0fff);
	pci_bar_write(nvme, 0, 0x28, 8, 0x123456789abcdef0);
	ck_assert_uint_eq(pci_bar_read(nvme, 0, 0x28, 8), 0x123456789abcd000);
	pci_bar_write(nvme, 0, 0x30, 4, 0x1fff);
	pci_bar_write(nvme, 0, 0x34, 4, 0x1);
	ck_assert_uint_eq(pci_bar_read(nvme, 0, 0x30, 8), 0x100001000);
	pci_bar_write(nvme, 0, 0x14, 4, 0x00460001);
	ck_assert_uint_eq(pci_bar_read(nvme, 0, 0x1c, 4), 1);
	ck_assert_uint_eq(pci_bar_read(nvme, 0, 0x14, 2), 0x0001);
	pci_bar_write(nvme, 0, 0x14, 4, 0x00464001);
	ck_assert_uint_eq(pci_bar_read(nvme, 0, 0x1c, 4), 9);
	pci_bar_write(nvme, 0, 0x14, 4, 0);
	ck_assert_uint_eq(pci_bar_read(nvme, 0, 0x1c, 4), 0);
	pci_bar_write(nvme, 0, 0x0c, 4, 5);
	pci_bar_write(nvme, 0, 0x10, 4, 1);
	ck_assert_uint_eq(pci_bar_read(nvme, 0, 0x0c, 4), 4);
	dev_destroy(nvme);
}
END_TEST

START_TEST(e1000e_raises_interrupts_that_reading_clears)
{
	struct pci_dev *nic = dev_create("e1000e", &fn, NULL, NULL);

	nic->irq = on_irq;
	level = 0;
	pci_bar_write(nic, 0, 0xc8, 4, 0x4);
	ck_assert_uint_eq(level, 0);
	pci_bar_write(nic, 0, 0xd0, 4, 0x6);
	ck_assert_uint_eq(level, 1);
	ck_assert_uint_eq(pci_bar_read(nic, 0, 0xc0, 4), 0x4);
	ck_assert_uint_eq(level, 0);
	ck_assert_uint_eq(pci_bar_read(nic, 0, 0xc0, 4), 0);
	pci_bar_write(nic, 0, 0xd8, 4, 0x2);
	ck_assert_uint_eq(pci_bar_read(nic, 0, 0xd0, 4), 0x4);
	/* Through the I/O window. */
	pci_bar_write(nic, 2, 0, 4, 0x5400);
	pci_bar_write(nic, 2, 4, 4, 0x56341200);
	ck_assert_uint_eq(pci_bar_read(nic, 0, 0x5400, 4), 0x56341200);
	ck_assert_uint_eq(pci_bar_read(nic, 0, 0x5402, 2), 0x5634);
	pci_bar_write(nic, 2, 0, 4, 0xfffffff0);
	ck_assert_uint_eq(pci_bar_read(nic, 2, 4, 4), 0);
	pci_bar_write(nic, 0, 0, 4, 0x04000000);
	ck_assert_uint_eq(pci_bar_read(nic, 0, 0x5400, 4), 0);
	dev_destroy(nic);
}
END_TEST

START_TEST(serial_answers_a_probe)
{
	struct pci_dev *uart = dev_create("serial", &fn, NULL, NULL);

	pci_bar_write(uart, 0, 7, 1, 0xa5);
	ck_assert_uint_eq(pci_bar_read(uart, 0, 7, 1), 0xa5);
	pci_bar_write(uart, 0, 3, 1, 0x83);
	pci_bar_write(uart, 0, 0, 2, 0x0c01);
	ck_assert_uint_eq(pci_bar_read(uart, 0, 0, 2), 0x0c01);
	pci_bar_write(uart, 0, 3, 1, 0x03);
	ck_assert_uint_eq(pci_bar_read(uart, 0, 0, 1), 0);
	pci_bar_write(uart, 0, 1, 1, 0xff);
	ck_assert_uint_eq(pci_bar_read(uart, 0, 1, 1), 0x0f);
	ck_assert_uint_eq(pci_bar_read(uart, 0, 5, 1), 0x60);
	pci_bar_write(uart, 0, 2, 1, 0x01);
	ck_assert_uint_eq(pci_bar_read(uart, 0, 2, 1), 0xc1);
	dev_destroy(uart);
}
END_TEST

START_TEST(a_generic_function_is_what_its_numbers_say)
{
	static const struct dev_generic_cfg generic = {
		.ids = {.vendor = 0xabcd, .device = 0x1234, .class_code = 0x030201, .revision = 9},
		.bar = {[0] = {PCI_BAR_MEM64, UINT64_C(1) << 33, true},
			[2] = {PCI_BAR_IO, 16, false}},
		.pcie = true,
		.flr = true,
		.pm = true,
		.pin = 2,
		.msi = true,
		.msi_lg2 = 3,
		.msix_count = 17,
	};
	struct pci_dev *dev =
		dev_create("generic", &fn, NULL, &(struct dev_cfg){.generic = &generic});

	ck_assert_uint_eq(pci_config_read(dev, 0, 4), 0x1234abcd);
	ck_assert_uint_eq(pci_config_read(dev, 8, 4), 0x03020109);
	ck_assert_uint_eq(dev->config_size, 4096);
	ck_assert_uint_eq(pci_config_read(dev, 0x3d, 1), 2);
	pci_config_write(dev, 0x10, 4, 0xffffffff);
	pci_config_write(dev, 0x14, 4, 0xffffffff);
	ck_assert_uint_eq(pci_config_read(dev, 0x10, 4), 0x0000000c);
	ck_assert_uint_eq(pci_config_read(dev, 0x14, 4), 0xfffffffe);
	ck_assert_uint_eq(pci_config_read(dev, dev->msi_cap + 2u, 2), 0x0086);
	ck_assert_uint_eq(pci_config_read(dev, dev->msix_cap + 2u, 2), 16);
	ck_assert(dev->flr);
	dev_destroy(dev);
}
END_TEST

START_TEST(a_bridge_has_a_type_1_header)
{
	struct pci_function port = {.rid = PCI_RID(0, 8),
				    .type = PCI_ROOT_PORT,
				    .secondary_bus = 1,
				    .subordinate_bus = 3,
				    .multifunction = true};
	struct pci_dev *dev = dev_create("bridge", &port, NULL, NULL);

	ck_assert_uint_eq(pci_config_read(dev, 0x0e, 1), 0x81);
	ck_assert_uint_eq(pci_config_read(dev, 0x18, 4), 0x00030100);
	ck_assert_uint_eq(pci_config_read(dev, dev->pcie_cap + 2u, 2), 0x0042);
	dev_destroy(dev);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("dev models");
	TCase *tcase = tcase_create("models");

	tcase_add_test(tcase, every_model_can_be_created);
	tcase_add_test(tcase, nvme_becomes_ready_and_shuts_down);
	tcase_add_test(tcase, e1000e_raises_interrupts_that_reading_clears);
	tcase_add_test(tcase, serial_answers_a_probe);
	tcase_add_test(tcase, a_generic_function_is_what_its_numbers_say);
	tcase_add_test(tcase, a_bridge_has_a_type_1_header);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
