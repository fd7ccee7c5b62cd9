// SPDX-License-Identifier: GPL-2.0-only
/* One program, units of every kind: the same calls move the same bytes. */
#include "api_client.h"

static const struct {
	const char *platform, *device;
	bool faults; /* the unit tells whom it blocked */
} places[] = {
	{"vtd48", "A", true},          {"vtd48sm", "A", true},      {"vtd57", "A", true},
	{"vtd-mixed", "old", true}, /* registers only, walks that do not snoop */
	{"vtd-mixed", "middle", true}, {"vtd-mixed", "new", true},  {"amdvi", "A", true},
	{"amd-mixed", "disk0", true},  {"amd-mixed", "nic1", true}, {"groups", "slot1", true},
	{"groups", "quirk", true},
};

/* Without interrupt remapping, as in the oldest unit, a container wants to be told. */
static struct sio_machine *boot(const char *platform)
{
	const struct sio_machine_cfg cfg = {.platform = platform, .strict = true};
	struct sio_machine *machine = client_machine(&cfg);

	ck_assert_int_eq(sio_param(machine, "allow_unsafe_interrupts", 1), 0);
	return machine;
}

START_TEST(a_page_is_reached_while_it_is_mapped_and_no_longer)
{
	struct sio_machine *machine = boot(places[_i].platform);
	struct client c = client_open(machine, places[_i].device);
	uint64_t va = client_memory(&c, 4 * MIB);
	struct sio_fault fault, read;
	struct sio_stale stale;
	char text[8] = "";

	for (unsigned round = 0; round < 3; round++) {
		ck_assert_int_eq(client_map(&c, 0x200000, va, 4 * MIB), 0);
		ck_assert_int_eq(sio_dma_write(c.device, 0x3ffffc, "devices", 8, NULL), 0);
		ck_assert_int_eq(sio_mem_read(c.process, va + 0x1ffffc, text, 8), 0);
		ck_assert_str_eq(text, "devices");
		client_audit(&c);
		ck_assert_int_eq(client_unmap(&c, 0x200000, 4 * MIB), 4 * MIB);
		ck_assert_int_eq(sio_dma_write(c.device, 0x3ffffc, "x", 1, &fault), -EACCES);
		client_audit(&c);
	}
	ck_assert_uint_eq(fault.address, 0x3ff000);
	ck_assert_uint_ne(fault.reason, 0);
	ck_assert_msg(sio_fault_next(machine, &read) == places[_i].faults, "%s of %s",
		      places[_i].device, places[_i].platform);
	if (places[_i].faults)
		ck_assert_str_eq(read.requester, fault.requester);
	ck_assert(!sio_stale_next(machine, &stale));
	sio_machine_destroy(machine);
}
END_TEST

START_TEST(unlike_units_share_a_container)
{
	static const char *const pairs[][3] = {{"vtd-mixed", "middle", "new"},
					       {"vtd-mixed", "new", "old"},
					       {"amd-mixed", "disk0", "nic1"}};
	struct sio_machine *machine = boot(pairs[_i][0]);
	struct client c = client_open(machine, pairs[_i][1]);
	struct sio_device *second = sio_device_find(machine, pairs[_i][2]);
	uint64_t va = client_memory(&c, MIB);
	int group = client_open_group(&c, pairs[_i][2]);
	char text[8] = "";

	/* Mapped before the second comes: it is replayed. */
	ck_assert_int_eq(client_map(&c, 0x100000, va, MIB), 0);
	ck_assert_int_eq(sio_ioctl(c.process, group, VFIO_GROUP_SET_CONTAINER, &c.container), 0);
	ck_assert_int_eq(sio_dma_write(c.device, 0x100000, "first", 6, NULL), 0);
	ck_assert_int_eq(sio_dma_read(second, 0x100000, text, 6, NULL), 0);
	ck_assert_str_eq(text, "first");
	client_audit(&c);
	ck_assert_int_eq(client_unmap(&c, 0x100000, MIB), MIB);
	ck_assert_int_eq(sio_dma_read(second, 0x100000, text, 6, NULL), -EACCES);
	ck_assert_int_eq(sio_dma_read(c.device, 0x100000, text, 6, NULL), -EACCES);
	client_audit(&c);
	sio_machine_destroy(machine);
}
END_TEST

START_TEST(a_device_with_memory_of_firmware_cannot_be_given_away)
{
	struct sio_machine *machine = boot("amd-mixed");
	struct client c = {.machine = machine, .process = sio_process_create(machine)};
	int group, container = sio_open(c.process, "/dev/vfio/vfio");
	uint32_t word = 0x1234;

	/* The range is mapped one to one for edu1, and for nobody else. */
	ck_assert_int_eq(sio_dma_write(sio_device_find(machine, "edu1"), 0x7d000ffc, &word, 4,
				       NULL),
			 0);
	ck_assert_int_ne(sio_dma_write(sio_device_find(machine, "nic1"), 0x7d000ffc, &word, 4,
				       NULL),
			 0);
	group = client_open_group(&c, "edu1");
	ck_assert_int_ge(group, 0);
	ck_assert_int_eq(sio_ioctl(c.process, group, VFIO_GROUP_SET_CONTAINER, &container), -1);
	ck_assert_int_eq(errno, EINVAL);
	sio_machine_destroy(machine);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("api vendors");
	TCase *tc = tcase_create("vendors");

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, a_page_is_reached_while_it_is_mapped_and_no_longer, 0,
			    (int)(sizeof(places) / sizeof(*places)));
	tcase_add_loop_test(tc, unlike_units_share_a_container, 0, 3);
	tcase_add_test(tc, a_device_with_memory_of_firmware_cannot_be_given_away);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
