// SPDX-License-Identifier: GPL-2.0-only
/*
 * Region 7: configuration space as a user sees it. Values of edu, 82574L and NVMe are those that
 * QEMU read from such devices through vfio-pci of Linux 6.12.
 */
#include "vfio_machine.h"

#include "harness.h"

static struct rig rig;

static void setup(void)
{
	rig_boot(&rig, "qemu-host", NULL);
}

static void teardown(void)
{
	rig_halt(&rig);
}

static uint64_t config(int fd, unsigned at, unsigned width)
{
	return rig_read(&rig, fd, CONFIG(at), width);
}

static void set_config(int fd, unsigned at, unsigned width, uint64_t value)
{
	rig_write(&rig, fd, CONFIG(at), width, value);
}

struct field {
	unsigned at, width;
	uint64_t value;
};

static void check_fields(const char *device, const struct field *field, size_t n)
{
	int fd = rig_open(&rig, device, NULL);

	for (size_t i = 0; i < n; i++)
		ck_assert_msg(config(fd, field[i].at, field[i].width) == field[i].value,
			      "%s at %#x: %#lx, not %#lx", device, field[i].at,
			      (unsigned long)config(fd, field[i].at, field[i].width),
			      (unsigned long)field[i].value);
}

START_TEST(edu_reads_as_recorded)
{
	static const struct field field[] = {
		{0x00, 4, 0x11e81234}, {0x06, 2, 0x10},   {0x08, 4, 0x00ff0010}, {0x0a, 2, 0xff},
		{0x0c, 4, 0},          {0x0e, 1, 0},      {0x14, 4, 0},          {0x18, 4, 0},
		{0x1c, 4, 0},          {0x20, 4, 0},      {0x24, 4, 0},          {0x28, 4, 0},
		{0x2c, 4, 0x11001af4}, {0x2e, 2, 0x1100}, {0x30, 4, 0},          {0x34, 1, 0x40},
		{0x38, 4, 0},          {0x3d, 1, 1},      {0x40, 2, 0x0005},     {0x42, 2, 0x0080},
		{0x04, 2, 0x0002},
	};

	check_fields("edu0", field, sizeof(field) / sizeof(field[0]));
}
END_TEST

START_TEST(e1000e_reads_as_recorded)
{
	static const struct field field[] = {
		{0x00, 4, 0x10d38086},  {0x06, 2, 0x10},        {0x08, 4, 0x02000000},
		{0x2c, 4, 0x00008086},  {0x34, 1, 0xc8},        {0x3d, 1, 1},
		{0xa0, 2, 0x0011},      {0xa2, 2, 0x0004},      {0xa4, 4, 0x00000003},
		{0xc8, 2, 0xd001},      {0xca, 2, 0x0022},      {0xcc, 2, 0},
		{0xd0, 2, 0xe005},      {0xd2, 2, 0x0080},      {0xe0, 2, 0xa010},
		{0xe4, 4, 0x00008000},  {0xe8, 2, 0},           {0xec, 4, 0x11},
		{0xf0, 2, 0},           {0xf2, 2, 0x11},        {0x100, 4, 0x14020001},
		{0x104, 4, 0},          {0x108, 4, 0},          {0x10c, 4, 0x00462030},
		{0x110, 4, 0},          {0x114, 4, 0x0000e000}, {0x118, 4, 0xa0},
		{0x140, 4, 0x00010003},
	};

	check_fields("nic0", field, sizeof(field) / sizeof(field[0]));
}
END_TEST

START_TEST(nvme_reads_as_recorded)
{
	static const struct field field[] = {
		{0x00, 4, 0x00101b36}, {0x06, 2, 0x10},   {0x08, 4, 0x01080202},
		{0x2c, 4, 0x11001af4}, {0x34, 1, 0x40},   {0x40, 2, 0x8011},
		{0x42, 2, 0x0040},     {0x44, 4, 0x2000}, {0x60, 2, 0x0001},
		{0x62, 2, 0x0003},     {0x64, 2, 0x0008}, {0x80, 2, 0x6010},
		{0x84, 4, 0x10008000}, {0x88, 2, 0},      {0xa4, 4, 0x00300000},
		{0xa8, 2, 0},          {0x100, 4, 0},     {0x3d, 1, 1},
	};

	check_fields("disk0", field, sizeof(field) / sizeof(field[0]));
}
END_TEST

START_TEST(command_shows_the_hard_wired_zeros)
{
	int fd = rig_open(&rig, "edu0", NULL);

	set_config(fd, 0x04, 2, 0xffff);
	ck_assert_uint_eq(config(fd, 0x04, 2), 0x0507);
	set_config(fd, 0x04, 2, 0);
	ck_assert_uint_eq(config(fd, 0x04, 2), 0);
}
END_TEST

START_TEST(read_only_fields_swallow_writes)
{
	static const unsigned at[] = {0x00, 0x02, 0x06, 0x08, 0x0a, 0x0e,
				      0x28, 0x2c, 0x34, 0x3e, 0x40};
	int fd = rig_open(&rig, "edu0", NULL);

	for (unsigned i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		uint64_t before = config(fd, at[i], 2);

		set_config(fd, at[i], 2, ~before & 0xffff);
		ck_assert_msg(config(fd, at[i], 2) == before, "at %#x", at[i]);
	}
	set_config(fd, 0x3d, 1, 0xff);
	ck_assert_uint_eq(config(fd, 0x3d, 1), 1);
	set_config(fd, 0x3c, 1, 0x5a);
	ck_assert_uint_eq(config(fd, 0x3c, 1), 0x5a);
	set_config(fd, 0x0c, 1, 0x10);
	ck_assert_uint_eq(config(fd, 0x0c, 1), 0x10);
}
END_TEST

START_TEST(bars_are_sized_on_the_copy)
{
	static const struct {
		const char *device;
		unsigned at;
		uint32_t write, read;
	} row[] = {
		{"edu0", 0x10, 0xffffffff, 0xfff00000},
		{"edu0", 0x10, 0x12345678, 0x12300000},
		{"edu0", 0x10, 0, 0},
		{"edu0", 0x14, 0xffffffff, 0},
		{"edu0", 0x30, 0xffffffff, 0},
		{"nic0", 0x10, 0xffffffff, 0xfffe0000},
		{"nic0", 0x14, 0xffffffff, 0xfffe0000},
		{"nic0", 0x18, 0xffffffff, 0xffffffe1},
		{"nic0", 0x18, 0, 1},
		{"nic0", 0x1c, 0xffffffff, 0xffffc000},
		{"nic0", 0x30, 0xfffff800, 0xfffc0000},
		{"nic0", 0x30, 0xffffffff, 0xfffc0001},
		{"disk0", 0x10, 0xffffffff, 0xffffc004},
		{"disk0", 0x14, 0xffffffff, 0xffffffff},
		{"disk0", 0x10, 0, 4},
		{"disk0", 0x18, 0xffffffff, 0},
	};

	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		int group, fd = rig_open(&rig, row[i].device, &group);

		set_config(fd, row[i].at, 4, row[i].write);
		ck_assert_msg(config(fd, row[i].at, 4) == row[i].read, "row %u: %#lx", i,
			      (unsigned long)config(fd, row[i].at, 4));
		/* The device did not move: its registers are still there. */
		if (row[i].at == 0x10 && !strcmp(row[i].device, "edu0"))
			ck_assert_uint_eq(rig_read(&rig, fd, REGION(0), 4), 0x010000ed);
		sio_close(rig.process, fd);
		sio_close(rig.process, group);
	}
}
END_TEST

START_TEST(a_bar_can_be_written_in_bytes)
{
	int fd = rig_open(&rig, "edu0", NULL);

	for (unsigned i = 0; i < 4; i++)
		set_config(fd, 0x10 + i, 1, 0x78563412u >> (8 * i) & 0xff);
	ck_assert_uint_eq(config(fd, 0x10, 4), 0x78500000);
	ck_assert_uint_eq(config(fd, 0x12, 2), 0x7850);
}
END_TEST

START_TEST(the_copy_is_new_at_each_first_open)
{
	int group, fd, second;
	uint64_t bar;

	fd = rig_open(&rig, "edu0", &group);
	bar = config(fd, 0x10, 4);
	ck_assert_uint_ne(bar, 0); /* where the host put it */
	set_config(fd, 0x10, 4, 0xabc00000);
	set_config(fd, 0x3c, 1, 0x77);
	set_config(fd, 0x04, 2, 0x0507);
	second = rig_device(&rig, group, "edu0");
	ck_assert_uint_eq(config(second, 0x10, 4), 0xabc00000);
	ck_assert_uint_eq(config(second, 0x04, 2), 0x0507);
	sio_close(rig.process, fd);
	ck_assert_uint_eq(config(second, 0x10, 4), 0xabc00000);
	sio_close(rig.process, second);
	fd = rig_device(&rig, group, "edu0");
	ck_assert_uint_eq(config(fd, 0x10, 4), bar);
	ck_assert_uint_eq(config(fd, 0x3c, 1), 0);
	/* Bus master is off at open. */
	ck_assert_uint_eq(config(fd, 0x04, 2), 0x0002);
}
END_TEST

START_TEST(msi_is_not_turned_on_here)
{
	static const struct {
		uint32_t write, read;
	} row[] = {
		{0x0071, 0x0000}, {0x0081, 0x0080}, {0x00ff, 0x008e},
		{0x0080, 0x0080}, {0xff80, 0x0080},
	};
	int fd = rig_open(&rig, "edu0", NULL);

	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		set_config(fd, 0x42, 2, row[i].write);
		ck_assert_msg(config(fd, 0x42, 2) == row[i].read, "row %u: %#lx", i,
			      (unsigned long)config(fd, 0x42, 2));
	}
	set_config(fd, 0x44, 4, 0xfee01004);
	set_config(fd, 0x48, 4, 0x12345678);
	set_config(fd, 0x4c, 2, 0x4041);
	ck_assert_uint_eq(config(fd, 0x44, 4), 0xfee01004);
	ck_assert_uint_eq(config(fd, 0x48, 4), 0x12345678);
	ck_assert_uint_eq(config(fd, 0x4c, 2), 0x4041);
}
END_TEST

START_TEST(msi_control_follows_what_was_allocated)
{
	uint32_t set[6] = {24, 0x24, 1, 0, 1, 0};
	int fd = rig_open(&rig, "edu0", NULL);

	set[5] = (uint32_t)sio_eventfd(rig.process);
	ck_assert_int_eq(rig_ioctl(&rig, fd, VFIO_DEVICE_SET_IRQS, set), 0);
	set_config(fd, 0x42, 2, 0x00f1);
	ck_assert_uint_eq(config(fd, 0x42, 2), 0x0081);
}
END_TEST

START_TEST(msix_control_is_read_only)
{
	uint32_t set[6] = {24, 0x24, 2, 0, 1, 0};
	int fd = rig_open(&rig, "disk0", NULL);

	set_config(fd, 0x42, 2, 0xc000);
	ck_assert_uint_eq(config(fd, 0x42, 2), 0x0040);
	set[5] = (uint32_t)sio_eventfd(rig.process);
	ck_assert_int_eq(rig_ioctl(&rig, fd, VFIO_DEVICE_SET_IRQS, set), 0);
	ck_assert_uint_eq(config(fd, 0x42, 2), 0x8040);
	set[0] = 20;
	set[1] = 0x21;
	set[4] = 0;
	ck_assert_int_eq(rig_ioctl(&rig, fd, VFIO_DEVICE_SET_IRQS, set), 0);
	ck_assert_uint_eq(config(fd, 0x42, 2), 0x0040);
}
END_TEST

START_TEST(accesses_past_the_end_are_faults)
{
	int edu = rig_open(&rig, "edu0", NULL), nic;
	uint8_t all[4096];

	ck_assert_int_eq(rig_read_errno(&rig, edu, CONFIG(256), 1), EFAULT);
	ck_assert_int_eq(rig_read_errno(&rig, edu, CONFIG(254), 4), EFAULT);
	ck_assert_int_eq(rig_write_errno(&rig, edu, CONFIG(254), 4), EFAULT);
	ck_assert_int_eq(rig_read_errno(&rig, edu, CONFIG(1ull << 39), 1), EFAULT);
	ck_assert_int_eq(sio_pread(rig.process, edu, all, 256, CONFIG(0)), 256);
	ck_assert_int_eq(sio_pread(rig.process, edu, all, 257, CONFIG(0)), -1);
	ck_assert_int_eq(sio_pread(rig.process, edu, all, 0, CONFIG(4096)), 0);
	nic = rig_open(&rig, "nic0", NULL);
	ck_assert_int_eq(sio_pread(rig.process, nic, all, 4096, CONFIG(0)), 4096);
	ck_assert_uint_eq(all[0x101], 0);
	ck_assert_uint_eq(all[0x102], 2);
	ck_assert_int_eq(rig_read_errno(&rig, nic, CONFIG(4096), 1), EFAULT);
	ck_assert_int_eq(sio_pread(rig.process, nic, (void *)16, 4, CONFIG(0)), -1);
	ck_assert_int_eq(errno, EFAULT);
}
END_TEST

/* Any cut of the space gives the same bytes. */
START_TEST(pieces_read_as_the_whole)
{
	static const char *const names[] = {"edu0", "nic0", "disk0"};

	for (unsigned d = 0; d < 3; d++) {
		int fd = rig_open(&rig, names[d], NULL);
		uint8_t whole[256], piece[8];

		ck_assert_int_eq(sio_pread(rig.process, fd, whole, 256, CONFIG(0)), 256);
		for (unsigned at = 0; at < 256; at++) {
			for (unsigned n = 1; n <= 7 && at + n <= 256; n++) {
				ck_assert_int_eq(sio_pread(rig.process, fd, piece, n, CONFIG(at)),
						 n);
				ck_assert_int_eq(memcmp(piece, whole + at, n), 0);
			}
		}
	}
}
END_TEST

START_TEST(power_states_change_by_the_kernel)
{
	int fd = rig_open(&rig, "nic0", NULL);

	set_config(fd, 0x18, 4, 0xc000);
	set_config(fd, 0xcc, 2, 3);
	ck_assert_uint_eq(config(fd, 0xcc, 2) & 3, 3);
	ck_assert_int_eq(rig_read_errno(&rig, fd, REGION(0), 4), EIO);
	set_config(fd, 0xcc, 2, 1); /* D1 is not supported */
	ck_assert_uint_eq(config(fd, 0xcc, 2) & 3, 3);
	set_config(fd, 0xcc, 2, 0);
	ck_assert_uint_eq(config(fd, 0xcc, 2) & 3, 0);
	ck_assert_uint_eq(rig_read(&rig, fd, REGION(0), 4), 0x00100241);
	ck_assert_uint_eq(config(fd, 0x18, 4), 0xc001);
	/* PME belongs to nobody. */
	set_config(fd, 0xcc, 2, 0x8100);
	ck_assert_uint_eq(config(fd, 0xcc, 2), 0);
}
END_TEST

START_TEST(leaving_d3_resets_the_device_but_not_its_header)
{
	int fd = rig_open(&rig, "nic0", NULL);

	set_config(fd, 0x04, 2, 0x0007);
	rig_write(&rig, fd, REGION(0) + 0x5400, 4, 0x12345678);
	set_config(fd, 0xcc, 2, 3);
	set_config(fd, 0xcc, 2, 0);
	ck_assert_uint_eq(rig_read(&rig, fd, REGION(0) + 0x5400, 4), 0);
	ck_assert_uint_eq(config(fd, 0x04, 2), 0x0007);
}
END_TEST

START_TEST(the_flr_bit_resets_and_reads_zero)
{
	int fd = rig_open(&rig, "disk0", NULL);

	rig_write(&rig, fd, REGION(0) + 0x14, 4, 1);
	ck_assert_uint_eq(rig_read(&rig, fd, REGION(0) + 0x1c, 4), 1);
	set_config(fd, 0x04, 2, 0x0006);
	set_config(fd, 0x88, 2, 0x8000);
	ck_assert_uint_eq(config(fd, 0x88, 2), 0);
	ck_assert_uint_eq(rig_read(&rig, fd, REGION(0) + 0x1c, 4), 0);
	ck_assert_uint_eq(config(fd, 0x04, 2), 0x0006);
}
END_TEST

START_TEST(an_flr_bit_without_flr_does_nothing)
{
	int fd = rig_open(&rig, "nic0", NULL);

	rig_write(&rig, fd, REGION(0) + 0x5400, 4, 0x12345678);
	set_config(fd, 0xe8, 2, 0x8000);
	ck_assert_uint_eq(config(fd, 0xe8, 2), 0);
	ck_assert_uint_eq(rig_read(&rig, fd, REGION(0) + 0x5400, 4), 0x12345678);
}
END_TEST

START_TEST(device_control_keeps_payload_size_in_the_copy)
{
	int fd = rig_open(&rig, "disk0", NULL);

	set_config(fd, 0x88, 2,
		   0x2a2f); /* read request 512, payload 256, phantom functions, errors */
	ck_assert_uint_eq(config(fd, 0x88, 2), 0x282f);
}
END_TEST

START_TEST(aer_masks_are_partly_writable)
{
	int fd = rig_open(&rig, "nic0", NULL);

	set_config(fd, 0x108, 4, 0xffffffff);
	ck_assert_uint_eq(config(fd, 0x108, 4), 0x007ff030);
	set_config(fd, 0x100, 4, 0xffffffff);
	ck_assert_uint_eq(config(fd, 0x100, 4), 0x14020001);
	set_config(fd, 0x144, 4, 0);
	ck_assert_uint_ne(config(fd, 0x144, 4), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vfio config");
	TCase *tcase = tcase_create("region 7");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, edu_reads_as_recorded);
	tcase_add_test(tcase, e1000e_reads_as_recorded);
	tcase_add_test(tcase, nvme_reads_as_recorded);
	tcase_add_test(tcase, command_shows_the_hard_wired_zeros);
	tcase_add_test(tcase, read_only_fields_swallow_writes);
	tcase_add_test(tcase, bars_are_sized_on_the_copy);
	tcase_add_test(tcase, a_bar_can_be_written_in_bytes);
	tcase_add_test(tcase, the_copy_is_new_at_each_first_open);
	tcase_add_test(tcase, msi_is_not_turned_on_here);
	tcase_add_test(tcase, msi_control_follows_what_was_allocated);
	tcase_add_test(tcase, msix_control_is_read_only);
	tcase_add_test(tcase, accesses_past_the_end_are_faults);
	tcase_add_test(tcase, pieces_read_as_the_whole);
	tcase_add_test(tcase, power_states_change_by_the_kernel);
	tcase_add_test(tcase, leaving_d3_resets_the_device_but_not_its_header);
	tcase_add_test(tcase, the_flr_bit_resets_and_reads_zero);
	tcase_add_test(tcase, an_flr_bit_without_flr_does_nothing);
	tcase_add_test(tcase, device_control_keeps_payload_size_in_the_copy);
	tcase_add_test(tcase, aer_masks_are_partly_writable);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
