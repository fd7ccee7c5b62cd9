// SPDX-License-Identifier: GPL-2.0-only
/* Requester ids, DMA aliases and ACS over the topologies that matter for isolation. */
#include "harness.h"
#include "topology.h"

#include <stdio.h>
#include <string.h>

static struct topology topo;

static struct pci_function *add(const char *bdf, enum pci_type type, uint8_t secondary)
{
	struct pci_function fn = {.type = type,
				  .secondary_bus = secondary,
				  .subordinate_bus = secondary};
	struct pci_function *added;
	const char *why;

	ck_assert(pci_parse_bdf(bdf, &fn.segment, &fn.rid));
	snprintf(fn.name, sizeof(fn.name), "%s", bdf);
	added = topology_add(&topo, &fn, &why);
	ck_assert_msg(added, "%s: %s", bdf, why);
	return added;
}

static const char *refused(const char *bdf, enum pci_type type, uint8_t secondary)
{
	struct pci_function fn = {.type = type,
				  .secondary_bus = secondary,
				  .subordinate_bus = secondary};
	const char *why = NULL;

	ck_assert(pci_parse_bdf(bdf, &fn.segment, &fn.rid));
	ck_assert_ptr_null(topology_add(&topo, &fn, &why));
	ck_assert_ptr_nonnull(why);
	return why;
}

static void acs(struct pci_function *fn, uint8_t cap, uint8_t ctrl)
{
	fn->has_acs = true;
	fn->acs_cap = cap;
	fn->acs_ctrl = ctrl;
}

/* "01:00.0 02:00.0 ..." in the order of the callback. */
static char aliases[256];

static int collect(void *ctx, const struct pci_function *owner, uint16_t rid)
{
	unsigned *stop_after = ctx;
	char buf[13];

	ck_assert_ptr_nonnull(owner);
	if (aliases[0])
		strcat(aliases, " ");
	strcat(aliases, pci_format_bdf(buf, 0, rid, false));
	return stop_after && --*stop_after == 0 ? 77 : 0;
}

static const char *aliases_of(const struct pci_function *fn)
{
	aliases[0] = '\0';
	ck_assert_int_eq(pci_for_each_dma_alias(fn, collect, NULL), 0);
	return aliases;
}

static void setup(void)
{
	topology_init(&topo);
}

static void teardown(void)
{
	topology_fini(&topo);
}

START_TEST(express_ports_pass_requester_ids_through)
{
	struct pci_function *root = add("00:1c.0", PCI_ROOT_PORT, 1), *up, *down, *dev;

	up = add("01:00.0", PCI_UPSTREAM_PORT, 2);
	down = add("02:03.0", PCI_DOWNSTREAM_PORT, 3);
	dev = add("03:00.0", PCI_ENDPOINT, 0);
	ck_assert_ptr_eq(dev->parent, down);
	ck_assert_ptr_eq(down->parent, up);
	ck_assert_ptr_eq(up->parent, root);
	ck_assert_ptr_null(root->parent);
	ck_assert_uint_eq(pci_requester_id(dev), 0x0300);
	ck_assert_str_eq(aliases_of(dev), "03:00.0");
}
END_TEST

START_TEST(pcie_to_pci_bridge_owns_what_comes_from_below)
{
	struct pci_function *bridge, *dev, *deeper;

	add("00:1c.0", PCI_ROOT_PORT, 1);
	bridge = add("01:00.0", PCI_BRIDGE_PCIE_TO_PCI, 2);
	dev = add("02:04.0", PCI_CONVENTIONAL, 0);
	add("02:05.0", PCI_BRIDGE_CONVENTIONAL, 3);
	deeper = add("03:01.0", PCI_CONVENTIONAL, 0);
	ck_assert_uint_eq(pci_requester_id(bridge), 0x0100);
	ck_assert_uint_eq(pci_requester_id(dev), 0x0200);
	ck_assert_str_eq(aliases_of(dev), "02:04.0 02:00.0");
	ck_assert_uint_eq(pci_requester_id(deeper), 0x0200);
	ck_assert_str_eq(aliases_of(deeper), "03:01.0 02:05.0 02:00.0");
}
END_TEST

START_TEST(bridges_with_a_conventional_upstream_side_use_their_own_id)
{
	struct pci_function *dev, *express;

	add("00:1e.0", PCI_BRIDGE_CONVENTIONAL, 5);
	dev = add("05:02.0", PCI_CONVENTIONAL, 0);
	add("05:03.0", PCI_BRIDGE_PCI_TO_PCIE, 6);
	express = add("06:00.0", PCI_ENDPOINT, 0);
	ck_assert_uint_eq(pci_requester_id(dev), 0x00f0);
	ck_assert_str_eq(aliases_of(dev), "05:02.0 00:1e.0");
	ck_assert_str_eq(aliases_of(express), "06:00.0 05:03.0 00:1e.0");
	ck_assert_uint_eq(pci_requester_id(express), 0x00f0);
}
END_TEST

START_TEST(quirk_aliases_come_after_the_own_id_and_before_the_bridges)
{
	struct pci_function *dev;
	unsigned stop = 2;

	add("00:1e.0", PCI_BRIDGE_CONVENTIONAL, 5);
	dev = add("05:02.0", PCI_CONVENTIONAL, 0);
	dev->alias_devfns[0] = PCI_DEVFN(2, 1);
	dev->alias_devfns[1] = PCI_DEVFN(0, 0);
	dev->alias_count = 2;
	ck_assert_str_eq(aliases_of(dev), "05:02.0 05:02.1 05:00.0 00:1e.0");
	aliases[0] = '\0';
	ck_assert_int_eq(pci_for_each_dma_alias(dev, collect, &stop), 77);
	ck_assert_str_eq(aliases, "05:02.0 05:02.1");
}
END_TEST

START_TEST(acs_depends_on_the_kind_of_function)
{
	static const enum pci_type never[] = {PCI_CONVENTIONAL, PCI_BRIDGE_PCIE_TO_PCI,
					      PCI_BRIDGE_PCI_TO_PCIE, PCI_BRIDGE_CONVENTIONAL,
					      PCI_RC_EVENT_COLLECTOR};
	static const enum pci_type ports[] = {PCI_ROOT_PORT, PCI_DOWNSTREAM_PORT};
	static const enum pci_type functions[] = {PCI_ENDPOINT, PCI_RC_ENDPOINT, PCI_UPSTREAM_PORT};
	struct pci_function fn = {0};

	acs(&fn, ACS_ISOLATED, ACS_ISOLATED);
	for (size_t i = 0; i < SIO_ARRAY_SIZE(never); i++) {
		fn.type = never[i];
		ck_assert(!pci_acs_enabled(&fn, ACS_ISOLATED));
	}
	for (size_t i = 0; i < SIO_ARRAY_SIZE(ports); i++) {
		fn.type = ports[i];
		ck_assert(pci_acs_enabled(&fn, ACS_ISOLATED));
		fn.has_acs = false;
		ck_assert(!pci_acs_enabled(&fn, ACS_ISOLATED));
		fn.has_acs = true;
	}
	for (size_t i = 0; i < SIO_ARRAY_SIZE(functions); i++) {
		fn.type = functions[i];
		fn.has_acs = false;
		fn.multifunction = false;
		ck_assert(pci_acs_enabled(&fn, ACS_ISOLATED));
		fn.multifunction = true;
		ck_assert(!pci_acs_enabled(&fn, ACS_ISOLATED));
		fn.has_acs = true;
		ck_assert(pci_acs_enabled(&fn, ACS_ISOLATED));
	}
}
END_TEST

START_TEST(absent_acs_bits_count_as_on_but_for_egress_control)
{
	struct pci_function fn = {.type = PCI_ROOT_PORT};

	acs(&fn, ACS_SV | ACS_RR, ACS_SV | ACS_RR);
	ck_assert(pci_acs_enabled(&fn, ACS_ISOLATED));
	ck_assert(!pci_acs_enabled(&fn, ACS_EC));
	acs(&fn, ACS_ISOLATED, ACS_SV | ACS_RR);
	ck_assert(!pci_acs_enabled(&fn, ACS_ISOLATED));
	ck_assert(pci_acs_enabled(&fn, ACS_SV));
	acs(&fn, 0, 0);
	ck_assert(pci_acs_enabled(&fn, ACS_ISOLATED));
}
END_TEST

START_TEST(path_holds_only_if_every_bridge_to_the_root_holds)
{
	struct pci_function *root = add("00:1c.0", PCI_ROOT_PORT, 1), *down, *dev;

	add("01:00.0", PCI_UPSTREAM_PORT, 2);
	down = add("02:03.0", PCI_DOWNSTREAM_PORT, 3);
	dev = add("03:00.0", PCI_ENDPOINT, 0);
	ck_assert(!pci_acs_path_enabled(dev, ACS_ISOLATED));
	acs(root, ACS_ISOLATED, ACS_ISOLATED);
	ck_assert(!pci_acs_path_enabled(dev, ACS_ISOLATED));
	acs(down, ACS_ISOLATED, ACS_ISOLATED);
	ck_assert(pci_acs_path_enabled(dev, ACS_ISOLATED));
	ck_assert(pci_acs_path_enabled(down, ACS_ISOLATED));
	root->acs_ctrl = ACS_SV;
	ck_assert(!pci_acs_path_enabled(dev, ACS_ISOLATED));
	ck_assert(pci_acs_path_enabled(dev, ACS_SV));
	dev->multifunction = true;
	ck_assert(!pci_acs_path_enabled(dev, ACS_SV));
}
END_TEST

START_TEST(functions_are_found_by_place_and_by_name)
{
	struct pci_function *b = add("0001:00:02.0", PCI_RC_ENDPOINT, 0);
	struct pci_function *a = add("00:1f.3", PCI_RC_ENDPOINT, 0);
	struct pci_function *c = add("0001:00:02.1", PCI_RC_ENDPOINT, 0);

	ck_assert_ptr_eq(topo.first, a);
	ck_assert_ptr_eq(a->next, b);
	ck_assert_ptr_eq(b->next, c);
	ck_assert_ptr_null(c->next);
	ck_assert_uint_eq(topo.count, 3);
	ck_assert_ptr_eq(topology_find(&topo, 1, 0x11), c);
	ck_assert_ptr_null(topology_find(&topo, 2, 0x11));
	ck_assert_ptr_eq(topology_find_name(&topo, "00:1f.3"), a);
	ck_assert_ptr_null(topology_find_name(&topo, ""));
}
END_TEST

START_TEST(segments_have_their_own_buses)
{
	struct pci_function *dev;

	add("00:1c.0", PCI_ROOT_PORT, 1);
	dev = add("0001:01:00.0", PCI_ENDPOINT, 0);
	ck_assert_ptr_null(dev->parent);
	ck_assert_ptr_nonnull(add("0000:01:00.0", PCI_ENDPOINT, 0)->parent);
}
END_TEST

START_TEST(impossible_places_are_refused_with_a_reason)
{
	add("00:1c.0", PCI_ROOT_PORT, 1);
	ck_assert_str_eq(refused("00:1c.0", PCI_ROOT_PORT, 2), "another function has this address");
	ck_assert_str_eq(refused("00:1d.0", PCI_ROOT_PORT, 1),
			 "another bridge leads to the same bus");
	refused("01:00.0", PCI_UPSTREAM_PORT, 1);
	refused("05:00.0", PCI_UPSTREAM_PORT, 2);
	ck_assert_uint_eq(topo.count, 1);
	/* A bridge that leads nowhere is fine, any number of them. */
	add("00:1d.0", PCI_ROOT_PORT, 0);
	add("00:1e.0", PCI_ROOT_PORT, 0);
	ck_assert_ptr_null(add("00:02.0", PCI_RC_ENDPOINT, 0)->parent);
}
END_TEST

START_TEST(addresses_are_parsed_and_formatted)
{
	static const char *const bad[] = {"",
					  "0",
					  "00:00",
					  "00:20.0",
					  "00:00.8",
					  "0:00.0",
					  "00:00.00",
					  "000:00:00.0",
					  "0000:00:00.g",
					  "00000:00.00",
					  "00-00.0",
					  "0000:00:1f.3 ",
					  " 00:00.0",
					  "00:1f.3x"};
	uint16_t segment = 7, rid = 7;
	char buf[13];

	ck_assert(pci_parse_bdf("00:1f.3", &segment, &rid));
	ck_assert_uint_eq(segment, 0);
	ck_assert_uint_eq(rid, 0xfb);
	ck_assert(pci_parse_bdf("aBcD:fF:10.7", &segment, &rid));
	ck_assert_uint_eq(segment, 0xabcd);
	ck_assert_uint_eq(rid, 0xff87);
	ck_assert_str_eq(pci_format_bdf(buf, segment, rid, true), "abcd:ff:10.7");
	ck_assert_str_eq(pci_format_bdf(buf, segment, rid, false), "ff:10.7");
	for (size_t i = 0; i < SIO_ARRAY_SIZE(bad); i++)
		ck_assert_msg(!pci_parse_bdf(bad[i], &segment, &rid), "%s", bad[i]);
	for (uint32_t i = 0; i <= 0xffff; i += 37) {
		ck_assert(pci_parse_bdf(pci_format_bdf(buf, (uint16_t)(i * 5), (uint16_t)i, true),
					&segment, &rid));
		ck_assert_uint_eq(segment, (uint16_t)(i * 5));
		ck_assert_uint_eq(rid, i);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("topology_rules");
	TCase *tc = tcase_create("topology");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, express_ports_pass_requester_ids_through);
	tcase_add_test(tc, pcie_to_pci_bridge_owns_what_comes_from_below);
	tcase_add_test(tc, bridges_with_a_conventional_upstream_side_use_their_own_id);
	tcase_add_test(tc, quirk_aliases_come_after_the_own_id_and_before_the_bridges);
	tcase_add_test(tc, acs_depends_on_the_kind_of_function);
	tcase_add_test(tc, absent_acs_bits_count_as_on_but_for_egress_control);
	tcase_add_test(tc, path_holds_only_if_every_bridge_to_the_root_holds);
	tcase_add_test(tc, functions_are_found_by_place_and_by_name);
	tcase_add_test(tc, segments_have_their_own_buses);
	tcase_add_test(tc, impossible_places_are_refused_with_a_reason);
	tcase_add_test(tc, addresses_are_parsed_and_formatted);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
