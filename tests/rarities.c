// SPDX-License-Identifier: GPL-2.0-only
/*
 * Legal rarities, each with what a client sees of it. Every answer is a documented one, and all
 * audits hold throughout.
 */
#include "api_client.h"

static struct client open_on(const char *platform, const char *kernel, const char *device)
{
	struct sio_machine_cfg cfg = {.platform = platform, .kernel = kernel, .strict = true};

	return client_open(client_machine(&cfg), device);
}

static void rare(const struct client *c, const char *text)
{
	char error[256];

	ck_assert_msg(!sio_rare(c->machine, text, error, sizeof(error)), "%s", error);
}

static uint64_t happened(const struct client *c, const char *name)
{
	struct sio_rarity rarity;

	for (unsigned n = 0; sio_rarity(n, &rarity); n++)
		if (!strcmp(rarity.name, name))
			return sio_rare_happened(c->machine, n);
	ck_abort_msg("no rarity %s", name);
}

static void end(const struct client *c)
{
	struct sio_stale stale;

	client_audit(c);
	ck_assert(!sio_stale_next(c->machine, &stale));
	sio_machine_destroy(c->machine);
}

/* The device reads what the process wrote, at the first and the last byte. */
static void reads_through(const struct client *c, uint64_t iova, uint64_t va, uint64_t size)
{
	char first = 'f', last = 'l', got = 0;

	ck_assert_int_eq(sio_mem_write(c->process, va, &first, 1), 0);
	ck_assert_int_eq(sio_mem_write(c->process, va + size - 1, &last, 1), 0);
	ck_assert_int_eq(sio_dma_read(c->device, iova, &got, 1, NULL), 0);
	ck_assert_int_eq(got, first);
	ck_assert_int_eq(sio_dma_read(c->device, iova + size - 1, &got, 1, NULL), 0);
	ck_assert_int_eq(got, last);
}

static uint64_t tables(const struct client *c)
{
	struct sio_stats stats;

	sio_stats(c->machine, &stats);
	return stats.table_pages;
}

/* ---- maps ---- */

START_TEST(a_busy_iommu_refuses_huge_pages_and_changes_nothing)
{
	struct client c = open_on("vtd48", "6.12", "A");
	uint64_t va = client_memory(&c, 4 * MIB), before = tables(&c);

	rare(&c, "map.busy");
	ck_assert_int_eq(client_map(&c, 0, va, 4 * MIB), -EBUSY);
	ck_assert_uint_eq(sio_process_vmlck(c.process), 0);
	ck_assert_uint_eq(tables(&c), before);
	client_audit(&c);
	/* Small pages are no occasion. */
	ck_assert_int_eq(client_map(&c, 0x1000, va, 0x8000), 0);
	ck_assert_uint_eq(happened(&c, "map.busy"), 1);
	rare(&c, "");
	ck_assert_int_eq(client_map(&c, 8 * MIB, va, 4 * MIB), 0);
	end(&c);
}
END_TEST

START_TEST(a_kernel_of_old_maps_page_by_page_what_was_busy)
{
	struct client c = open_on("amdvi", "4.19", "A");
	uint64_t va = client_memory(&c, 4 * MIB), before = tables(&c);

	rare(&c, "map.busy:nth=1");
	ck_assert_int_eq(client_map(&c, 0, va, 4 * MIB), 0);
	ck_assert_uint_eq(happened(&c, "map.busy"), 1);
	/* Two tables of leaves at least, where two large leaves would have done without. */
	ck_assert_uint_ge(tables(&c), before + 2);
	reads_through(&c, 0, va, 4 * MIB);
	ck_assert_int_eq(client_unmap(&c, 0, 4 * MIB), 4 * (int64_t)MIB);
	end(&c);
}
END_TEST

static const char *const formats[] = {"vtd48", "vtd48sm", "amdvi", "vtd57"};

START_TEST(a_domain_may_take_small_pages_where_large_ones_fit)
{
	struct client usual = open_on(formats[_i], "6.12", "A");
	struct client c = open_on(formats[_i], "6.12", "A");
	uint64_t va = client_memory(&c, 4 * MIB);

	ck_assert_int_eq(client_map(&usual, 0, client_memory(&usual, 4 * MIB), 4 * MIB), 0);
	rare(&c, "map.small-pages");
	ck_assert_int_eq(client_map(&c, 0, va, 4 * MIB), 0);
	ck_assert_uint_ge(tables(&c), tables(&usual) + 2);
	reads_through(&c, 0, va, 4 * MIB);
	rare(&c, "");
	ck_assert_int_eq(client_unmap(&c, 0, 4 * MIB), 4 * (int64_t)MIB);
	ck_assert_int_eq(sio_dma_read(c.device, 0, &(char){0}, 1, NULL), -EACCES);
	end(&usual);
	end(&c);
}
END_TEST

START_TEST(memory_may_be_scattered)
{
	struct client usual = open_on("vtd48", "6.12", "A"), c = open_on("vtd48", "6.12", "A");
	uint64_t va = client_memory(&c, 2 * MIB);

	ck_assert_int_eq(client_map(&usual, 0, client_memory(&usual, 2 * MIB), 2 * MIB), 0);
	rare(&c, "pin.scattered");
	ck_assert_int_eq(client_map(&c, 0, va, 2 * MIB), 0);
	ck_assert_uint_ge(happened(&c, "pin.scattered"), 1);
	/* No two neighbours, so no large page. */
	ck_assert_uint_gt(tables(&c), tables(&usual));
	ck_assert_uint_eq(sio_process_vmlck(c.process), 2048);
	reads_through(&c, 0, va, 2 * MIB);
	ck_assert_int_eq(client_unmap(&c, 0, 2 * MIB), 2 * (int64_t)MIB);
	ck_assert_uint_eq(sio_process_vmlck(c.process), 0);
	end(&usual);
	end(&c);
}
END_TEST

static uint32_t entries_left(const struct client *c)
{
	union {
		struct vfio_iommu_type1_info info;
		uint8_t bytes[512];
	} buf = {.info.argsz = sizeof(buf)};
	struct vfio_iommu_type1_info_dma_avail *avail;

	ck_assert_int_eq(sio_ioctl(c->process, c->container, VFIO_IOMMU_GET_INFO, &buf), 0);
	for (uint32_t at = buf.info.cap_offset; at; at = avail->header.next) {
		avail = (void *)(buf.bytes + at);
		if (avail->header.id == VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL)
			return avail->avail;
	}
	ck_abort_msg("no DMA_AVAIL");
}

START_TEST(the_limit_of_entries_is_met_early)
{
	struct sio_machine *machine = client_machine(NULL);
	struct client c = {.machine = machine};
	uint64_t va;

	rare(&c, "map.limit:nth=3");
	c = client_open(machine, "A");
	va = client_memory(&c, MIB);
	ck_assert_uint_eq(entries_left(&c), 2);
	ck_assert_int_eq(client_map(&c, 0, va, 0x1000), 0);
	ck_assert_int_eq(client_map(&c, MIB, va, 0x1000), 0);
	ck_assert_int_eq(client_map(&c, 2 * MIB, va, 0x1000), -ENOSPC);
	ck_assert_uint_eq(entries_left(&c), 0);
	ck_assert_int_eq(client_unmap(&c, 0, 0x1000), 0x1000);
	ck_assert_int_eq(client_map(&c, 2 * MIB, va, 0x1000), 0);
	end(&c);
}
END_TEST

/* ---- unmaps ---- */

/* TYPE1, where a client has to look at the size. */
static struct client open_v1(const char *kernel)
{
	struct sio_machine_cfg cfg = {.platform = "vtd48", .kernel = kernel, .strict = true};
	struct client c = {.machine = client_machine(&cfg)};

	c.process = sio_process_create(c.machine);
	c.device = sio_device_find(c.machine, "A");
	c.container = sio_open(c.process, "/dev/vfio/vfio");
	ck_assert_int_eq(client_join(&c, client_open_group(&c, "A")), 0);
	client_set_iommu(&c, VFIO_TYPE1_IOMMU);
	return c;
}

static const char *const kernels[] = {"6.12", "5.10", "4.4", "3.12"};

START_TEST(an_unmap_may_be_short_and_is_repeated)
{
	struct client c = open_v1(kernels[_i]);
	uint64_t va = client_memory(&c, MIB), left = 0xc000;
	char byte;

	/* Neither neighbours in memory nor of the same protection, so that nothing merges. */
	for (uint64_t i = 0; i < 3; i++)
		ck_assert_int_eq(client_map(&c, i * 0x10000, va + i * 0x20000, 0x4000), 0);
	rare(&c, "unmap.short");
	ck_assert_int_eq(client_unmap(&c, 0, 0x30000), 0x4000);
	client_audit(&c);
	ck_assert_uint_eq(sio_process_vmlck(c.process), 0x8000 / 1024);
	rare(&c, "");
	left -= 0x4000;
	ck_assert_int_eq(client_unmap(&c, 0, 0x30000), (int64_t)left);
	ck_assert_int_eq(sio_dma_read(c.device, 0x10000, &byte, 1, NULL), -EACCES);
	ck_assert_uint_eq(sio_process_vmlck(c.process), 0);
	end(&c);
}
END_TEST

START_TEST(an_unmap_of_type1v2_is_never_short)
{
	struct client c = open_on("vtd48", "6.12", "A");
	uint64_t va = client_memory(&c, MIB);

	rare(&c, "unmap.short");
	ck_assert_int_eq(client_map(&c, 0, va, 0x4000), 0);
	ck_assert_int_eq(client_map(&c, 0x10000, va + 0x20000, 0x4000), 0);
	ck_assert_int_eq(client_unmap(&c, 0, 0x20000), 0x8000);
	ck_assert_uint_eq(happened(&c, "unmap.short"), 0);
	end(&c);
}
END_TEST

static const char *const units[] = {"vtd39", "vtd48", "vtd48sm", "amdvi"};

/* With strict checking, a translation used beyond the call would be reported. */
START_TEST(a_late_invalidation_is_not_later_than_the_call)
{
	struct client c = open_on(units[_i], "6.12", "A");
	uint64_t va = client_memory(&c, 4 * MIB);
	struct sio_stale stale;
	char byte;

	rare(&c, "sync.late");
	for (unsigned round = 0; round < 3; round++) {
		ck_assert_int_eq(client_map(&c, 0, va, 4 * MIB), 0);
		ck_assert_int_eq(client_map(&c, 8 * MIB, va, 0x3000), 0);
		reads_through(&c, 0, va, 4 * MIB);
		reads_through(&c, 8 * MIB, va, 0x3000);
		ck_assert_int_eq(client_unmap(&c, 0, 16 * MIB), 4 * (int64_t)MIB + 0x3000);
		client_audit(&c);
		ck_assert_int_eq(sio_dma_read(c.device, 0, &byte, 1, NULL), -EACCES);
		ck_assert_int_eq(sio_dma_read(c.device, 8 * MIB, &byte, 1, NULL), -EACCES);
		ck_assert(!sio_stale_next(c.machine, &stale));
	}
	ck_assert_uint_gt(happened(&c, "sync.late"), 0);
	end(&c);
}
END_TEST

/* Several domains: those that are not walked are invalidated late too. */
START_TEST(late_invalidations_of_several_domains_all_happen)
{
	struct sio_machine *machine =
		client_machine(&(struct sio_machine_cfg){.platform = "vtd-mixed", .strict = true});
	struct sio_device *old = sio_device_find(machine, "old");
	struct client c;
	uint64_t va;
	char byte;

	/* The oldest unit does not remap interrupts. */
	ck_assert_int_eq(sio_param(machine, "allow_unsafe_interrupts", 1), 0);
	c = client_open(machine, "middle");
	va = client_memory(&c, 2 * MIB);
	rare(&c, "sync.late");
	ck_assert_int_eq(client_map(&c, 0, va, 2 * MIB), 0);
	ck_assert_int_eq(client_join(&c, client_open_group(&c, "old")), 0);
	ck_assert_int_eq(client_join(&c, client_open_group(&c, "new")), 0);
	ck_assert_int_eq(sio_dma_read(old, 0x1000, &byte, 1, NULL), 0);
	ck_assert_int_eq(client_unmap(&c, 0, 2 * MIB), 2 * (int64_t)MIB);
	ck_assert_int_eq(sio_dma_read(old, 0x1000, &byte, 1, NULL), -EACCES);
	end(&c);
}
END_TEST

/* ---- groups and devices ---- */

static uint32_t group_flags(const struct client *c, int group)
{
	struct vfio_group_status status = {.argsz = sizeof(status)};

	ck_assert_int_eq(sio_ioctl(c->process, group, VFIO_GROUP_GET_STATUS, &status), 0);
	return status.flags;
}

START_TEST(a_group_that_is_not_viable_is_refused_until_it_is)
{
	struct sio_machine *machine = client_machine(NULL);
	struct client c = {.machine = machine, .process = sio_process_create(machine)};
	int group = client_open_group(&c, "A");

	c.container = sio_open(c.process, "/dev/vfio/vfio");
	rare(&c, "group.unviable");
	ck_assert_uint_eq(group_flags(&c, group), 0);
	ck_assert_int_eq(client_join(&c, group), -EPERM);
	client_audit(&c);
	rare(&c, "");
	ck_assert_uint_eq(group_flags(&c, group), VFIO_GROUP_FLAGS_VIABLE);
	ck_assert_int_eq(client_join(&c, group), 0);
	end(&c);
}
END_TEST

START_TEST(before_dma_ownership_the_device_is_refused)
{
	struct client c = {
		.machine = client_machine(&(struct sio_machine_cfg){.kernel = "5.10"}),
	};
	struct sio_device *device = sio_device_find(c.machine, "A");
	int group;

	c.process = sio_process_create(c.machine);
	c.container = sio_open(c.process, "/dev/vfio/vfio");
	group = client_open_group(&c, "A");
	ck_assert_int_eq(client_join(&c, group), 0);
	client_set_iommu(&c, VFIO_TYPE1v2_IOMMU);
	rare(&c, "group.unviable");
	ck_assert_uint_eq(group_flags(&c, group), VFIO_GROUP_FLAGS_CONTAINER_SET);
	ck_assert_int_eq(sio_ioctl(c.process, group, VFIO_GROUP_GET_DEVICE_FD,
				   (void *)(uintptr_t)sio_device_bdf(device)),
			 -1);
	ck_assert_int_eq(errno, EINVAL);
	end(&c);
}
END_TEST

#define CONFIG(at) (((uint64_t)VFIO_PCI_CONFIG_REGION_INDEX << 40) + (at))

static int request_eventfd(const struct client *c)
{
	union {
		struct vfio_irq_set set;
		int32_t word[6];
	} arg = {
		.set = {.argsz = sizeof(arg),
			.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
			.index = VFIO_PCI_REQ_IRQ_INDEX,
			.count = 1},
	};

	arg.word[5] = sio_eventfd(c->process);
	ck_assert_int_eq(sio_ioctl(c->process, c->fd, VFIO_DEVICE_SET_IRQS, &arg), 0);
	return arg.word[5];
}

START_TEST(a_device_that_was_pulled_out_reads_as_ones)
{
	struct client c = open_on("vtd48", "6.12", "A");
	uint64_t va = client_memory(&c, 0x1000), count = 0;
	uint32_t value = 0, command = 6;
	int fd = request_eventfd(&c);

	ck_assert_int_eq(client_map(&c, 0, va, 0x1000), 0);
	ck_assert_int_eq(sio_pwrite(c.process, c.fd, &command, 2, CONFIG(4)), 2);
	ck_assert_int_eq(sio_pread(c.process, c.fd, &value, 4, 0), 4);
	ck_assert_uint_eq(value, 0x010000ed);
	rare(&c, "device.gone:nth=2");
	ck_assert_int_eq(sio_pread(c.process, c.fd, &value, 2, CONFIG(0)), 2);
	ck_assert_uint_eq(value & 0xffff, 0x1234);
	ck_assert_int_eq(sio_eventfd_read(c.process, fd, &count), 0);
	ck_assert_uint_eq(count, 0);
	/* Now it goes. */
	ck_assert_int_eq(sio_pread(c.process, c.fd, &value, 4, CONFIG(8)), 4);
	ck_assert_uint_eq(value, UINT32_MAX);
	ck_assert_int_eq(sio_pread(c.process, c.fd, &value, 4, 0), 4);
	ck_assert_uint_eq(value, UINT32_MAX);
	ck_assert_int_eq(sio_pwrite(c.process, c.fd, &command, 4, 0), 4);
	ck_assert_int_eq(sio_eventfd_read(c.process, fd, &count), 0);
	ck_assert_uint_eq(count, 1);
	client_audit(&c);
	ck_assert_int_eq(sio_ioctl(c.process, c.fd, VFIO_DEVICE_RESET, NULL), -1);
	ck_assert_int_eq(errno, ENOTTY);
	ck_assert_int_eq(sio_dma_read(c.device, 0, &value, 4, NULL), -ENODEV);
	/* The container is none the wiser. */
	ck_assert_int_eq(client_unmap(&c, 0, 0x1000), 0x1000);
	ck_assert_int_eq(sio_close(c.process, c.fd), 0);
	client_audit(&c);
	ck_assert_int_eq(sio_ioctl(c.process, c.group, VFIO_GROUP_GET_DEVICE_FD,
				   (void *)(uintptr_t)sio_device_bdf(c.device)),
			 -1);
	ck_assert_int_eq(errno, ENODEV);
	end(&c);
}
END_TEST

/* ---- all of them ---- */

/* A client that looks at its answers lives with every rarity, all at once and each alone. */
START_TEST(a_careful_client_lives_with_each)
{
	struct sio_machine *machine =
		client_machine(&(struct sio_machine_cfg){.kernel = kernels[_i % 4]});
	struct client c = {.machine = machine, .process = sio_process_create(machine)};
	struct sio_rarity rarity;
	uint64_t va;
	int group;

	ck_assert(sio_rarity((unsigned)_i / 4, &rarity));
	rare(&c, rarity.name);
	c.container = sio_open(c.process, "/dev/vfio/vfio");
	group = client_open_group(&c, "A");
	if (client_join(&c, group))
		rare(&c, "");
	if (!group_flags(&c, group))
		ck_assert_int_eq(client_join(&c, group), 0);
	client_join(&c, group);
	client_set_iommu(&c, VFIO_TYPE1_IOMMU);
	va = client_memory(&c, 4 * MIB);
	for (uint64_t i = 0; i < 4; i++) {
		int rc = client_map(&c, i * 16 * MIB, va, i % 2 ? 0x5000 : 4 * MIB);

		ck_assert_msg(!rc || rc == -EBUSY || rc == -ENOSPC, "%s: %d", rarity.name, rc);
		client_audit(&c);
	}
	for (unsigned tries = 0; sio_process_vmlck(c.process); tries++) {
		int64_t got = client_unmap(&c, 0, 64 * MIB);

		ck_assert_msg(got > 0 && tries < 8, "%s: %lld", rarity.name, (long long)got);
		client_audit(&c);
	}
	ck_assert_uint_eq(sio_process_vmlck(c.process), 0);
	end(&c);
}
END_TEST

START_TEST(a_name_that_nobody_knows_changes_nothing)
{
	struct client c = open_on("vtd48", "6.12", "A");
	char error[256];

	ck_assert_int_eq(sio_rare(c.machine, "map.lazy", error, sizeof(error)), -EINVAL);
	ck_assert_str_eq(error, "no rarity \"map.lazy\"");
	ck_assert_int_eq(sio_rare(c.machine, "map.busy:nth=0", error, sizeof(error)), -EINVAL);
	ck_assert_str_eq(error, "the form is map.busy or map.busy:nth=N, with N from 1 up");
	ck_assert_int_eq(sio_rare(c.machine, "map.busy:often", NULL, 0), -EINVAL);
	ck_assert_int_eq(client_map(&c, 0, client_memory(&c, 4 * MIB), 4 * MIB), 0);
	end(&c);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("legal rarities");
	TCase *maps = tcase_create("maps"), *unmaps = tcase_create("unmaps");
	TCase *devices = tcase_create("groups and devices"), *all = tcase_create("all");

	tcase_add_test(maps, a_busy_iommu_refuses_huge_pages_and_changes_nothing);
	tcase_add_test(maps, a_kernel_of_old_maps_page_by_page_what_was_busy);
	tcase_add_loop_test(maps, a_domain_may_take_small_pages_where_large_ones_fit, 0, 4);
	tcase_add_test(maps, memory_may_be_scattered);
	tcase_add_test(maps, the_limit_of_entries_is_met_early);
	suite_add_tcase(suite, maps);
	tcase_add_loop_test(unmaps, an_unmap_may_be_short_and_is_repeated, 0, 4);
	tcase_add_test(unmaps, an_unmap_of_type1v2_is_never_short);
	tcase_add_loop_test(unmaps, a_late_invalidation_is_not_later_than_the_call, 0, 4);
	tcase_add_test(unmaps, late_invalidations_of_several_domains_all_happen);
	suite_add_tcase(suite, unmaps);
	tcase_add_test(devices, a_group_that_is_not_viable_is_refused_until_it_is);
	tcase_add_test(devices, before_dma_ownership_the_device_is_refused);
	tcase_add_test(devices, a_device_that_was_pulled_out_reads_as_ones);
	suite_add_tcase(suite, devices);
	tcase_add_loop_test(all, a_careful_client_lives_with_each, 0, 32);
	tcase_add_test(all, a_name_that_nobody_knows_changes_nothing);
	suite_add_tcase(suite, all);
	return run_suite(suite);
}
