// SPDX-License-Identifier: GPL-2.0-only
/* Which functions share a group: the recordings' machine, and one case per rule. */
#include "core_fake.h"
#include "harness.h"

static struct fake_machine machine;

static void setup(void)
{
	fake_open(&machine);
}

static void teardown(void)
{
	fake_close(&machine);
}

static struct pci_function *root_port(uint8_t dev, uint8_t bus, bool acs)
{
	return fake_function(&machine, &(struct pci_function){
					       .rid = PCI_RID(0, PCI_DEVFN(dev, 0)),
					       .type = PCI_ROOT_PORT,
					       .has_acs = acs,
					       .acs_cap = ACS_ISOLATED,
					       .acs_ctrl = ACS_ISOLATED,
					       .secondary_bus = bus,
					       .subordinate_bus = bus,
				       });
}

static struct pci_function *function(uint8_t bus, uint8_t devfn, enum pci_type type, bool multi)
{
	return fake_function(&machine, &(struct pci_function){
					       .rid = PCI_RID(bus, devfn),
					       .type = type,
					       .multifunction = multi,
				       });
}

static int group_at(uint8_t bus, uint8_t devfn)
{
	struct iommu_device *dev = iommu_device_find(&machine.iommu, 0, PCI_RID(bus, devfn));

	ck_assert_ptr_nonnull(dev);
	return dev->group ? dev->group->id : -1;
}

static unsigned group_size(int id)
{
	unsigned size = 0;

	for (struct iommu_device *dev = iommu_group_find(&machine.iommu, id)->devices; dev;
	     dev = dev->next_in_group)
		size++;
	return size;
}

START_TEST(recorded_machine_has_the_recorded_partition)
{
	struct pci_function *port;
	int e;

	function(0, 0, PCI_RC_ENDPOINT, false);
	for (uint8_t n = 1; n <= 3; n++)
		root_port(n, n, true);
	port = root_port(4, 4, true);
	port->subordinate_bus = 5;
	root_port(5, 6, true);
	function(0, PCI_DEVFN(0x10, 0), PCI_CONVENTIONAL, false); /* G */
	function(1, 0, PCI_CONVENTIONAL, false);                  /* A */
	function(2, 0, PCI_CONVENTIONAL, false);                  /* B */
	function(3, 0, PCI_CONVENTIONAL, true);                   /* C */
	function(3, 1, PCI_CONVENTIONAL, true);                   /* D */
	fake_function(&machine, &(struct pci_function){.rid = PCI_RID(4, 0),
						       .type = PCI_BRIDGE_PCIE_TO_PCI,
						       .secondary_bus = 5,
						       .subordinate_bus = 5});
	function(5, PCI_DEVFN(1, 0), PCI_CONVENTIONAL, false); /* E */
	function(6, 0, PCI_CONVENTIONAL, true);                /* F */
	function(6, 1, PCI_CONVENTIONAL, true);                /* its serial port */
	fake_boot(&machine);

	ck_assert_uint_eq(group_size(group_at(1, 0)), 1);
	ck_assert_uint_eq(group_size(group_at(2, 0)), 1);
	ck_assert_uint_eq(group_size(group_at(0, PCI_DEVFN(0x10, 0))), 1);
	ck_assert_int_eq(group_at(3, 0), group_at(3, 1));
	ck_assert_uint_eq(group_size(group_at(3, 0)), 2);
	e = group_at(5, PCI_DEVFN(1, 0));
	ck_assert_int_eq(e, group_at(4, 0));
	ck_assert_uint_eq(group_size(e), 2);
	ck_assert_int_eq(group_at(6, 0), group_at(6, 1));
	ck_assert_uint_eq(group_size(group_at(6, 0)), 2);
	/* Every port and the host bridge stand alone; numbers follow discovery. */
	for (uint8_t n = 0; n <= 5; n++)
		ck_assert_int_eq(group_at(0, PCI_DEVFN(n, 0)), n);
}
END_TEST

START_TEST(port_without_acs_takes_everything_below_it)
{
	root_port(1, 1, false);
	function(1, 0, PCI_ENDPOINT, false);
	fake_boot(&machine);
	ck_assert_int_eq(group_at(1, 0), group_at(0, PCI_DEVFN(1, 0)));
}
END_TEST

START_TEST(two_slots_under_a_switch_without_acs_share_a_group_with_its_ports)
{
	struct pci_function *root = root_port(1, 1, true);
	struct pci_function up = {.rid = PCI_RID(1, 0),
				  .type = PCI_UPSTREAM_PORT,
				  .secondary_bus = 2,
				  .subordinate_bus = 4};

	root->subordinate_bus = 4;
	fake_function(&machine, &up);
	for (uint8_t n = 0; n < 2; n++) {
		fake_function(&machine,
			      &(struct pci_function){.rid = PCI_RID(2, PCI_DEVFN(n, 0)),
						     .type = PCI_DOWNSTREAM_PORT,
						     .secondary_bus = (uint8_t)(3 + n),
						     .subordinate_bus = (uint8_t)(3 + n)});
		function((uint8_t)(3 + n), 0, PCI_ENDPOINT, false);
	}
	fake_boot(&machine);
	/*
	 * The upstream port has one function, which counts as isolated, and its own path is closed
	 * by the root port; a device joins its downstream port, whose path is open.
	 */
	ck_assert_int_eq(group_at(3, 0), group_at(2, 0));
	ck_assert_int_eq(group_at(4, 0), group_at(2, PCI_DEVFN(1, 0)));
}
END_TEST

START_TEST(functions_with_acs_are_apart_and_without_it_together)
{
	struct pci_function fn = {.type = PCI_ENDPOINT, .multifunction = true, .has_acs = true};

	root_port(1, 1, true);
	fn.acs_cap = ACS_ISOLATED;
	fn.acs_ctrl = ACS_ISOLATED;
	for (uint8_t n = 0; n < 2; n++) {
		fn.rid = PCI_RID(1, n);
		fake_function(&machine, &fn);
	}
	fn.acs_ctrl = 0;
	for (uint8_t n = 2; n < 4; n++) {
		fn.rid = PCI_RID(1, n);
		fake_function(&machine, &fn);
	}
	fake_boot(&machine);
	ck_assert_int_ne(group_at(1, 0), group_at(1, 1));
	ck_assert_int_ne(group_at(1, 1), group_at(1, 2));
	ck_assert_int_eq(group_at(1, 2), group_at(1, 3));
}
END_TEST

START_TEST(quirk_aliases_join_in_either_direction)
{
	struct pci_function fn = {.rid = PCI_RID(0, PCI_DEVFN(3, 0)), .type = PCI_ENDPOINT};

	function(0, PCI_DEVFN(2, 0), PCI_ENDPOINT, false);
	function(0, PCI_DEVFN(4, 0), PCI_ENDPOINT, false);
	function(0, PCI_DEVFN(5, 0), PCI_ENDPOINT, false);
	fn.alias_devfns[0] = PCI_DEVFN(2, 0);
	fn.alias_devfns[1] = PCI_DEVFN(4, 0);
	fn.alias_count = 2;
	fake_function(&machine, &fn);
	fake_boot(&machine);
	ck_assert_int_eq(group_at(0, PCI_DEVFN(3, 0)), group_at(0, PCI_DEVFN(2, 0)));
	ck_assert_int_eq(group_at(0, PCI_DEVFN(4, 0)), group_at(0, PCI_DEVFN(3, 0)));
	ck_assert_int_ne(group_at(0, PCI_DEVFN(5, 0)), group_at(0, PCI_DEVFN(3, 0)));
}
END_TEST

START_TEST(device_behind_no_unit_has_no_group)
{
	fake_function(&machine, &(struct pci_function){.segment = 1, .type = PCI_ENDPOINT});
	fake_boot(&machine);
	ck_assert_ptr_null(iommu_device_find(&machine.iommu, 1, 0)->group);
	ck_assert_ptr_null(iommu_device_find(&machine.iommu, 1, 0)->driver);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("core_groups");
	TCase *tc = tcase_create("groups");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, recorded_machine_has_the_recorded_partition);
	tcase_add_test(tc, port_without_acs_takes_everything_below_it);
	tcase_add_test(tc, two_slots_under_a_switch_without_acs_share_a_group_with_its_ports);
	tcase_add_test(tc, functions_with_acs_are_apart_and_without_it_together);
	tcase_add_test(tc, quirk_aliases_join_in_either_direction);
	tcase_add_test(tc, device_behind_no_unit_has_no_group);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
