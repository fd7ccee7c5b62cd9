// SPDX-License-Identifier: GPL-2.0-only
/*
 * Machines whose IOMMU units differ, seen by one container: the reason for several domains.
 *
 * Tables are read out of emulated memory by the second walker (second_walk.h).
 */
#include "api_client.h"
#include "second_walk.h"

#include "machine.h"

#include <errno.h>

#define GIB (UINT64_C(1) << 30)

/* A machine with a process that has a container open and `bytes` of memory at c->memory. */
static struct client boot(const struct sio_machine_cfg *cfg, uint64_t bytes)
{
	struct client c = {.machine = client_machine(cfg)};

	c.process = sio_process_create(c.machine);
	ck_assert_ptr_nonnull(c.process);
	c.container = sio_open(c.process, "/dev/vfio/vfio");
	ck_assert_int_ge(c.container, 0);
	if (bytes)
		c.memory = client_memory(&c, bytes);
	return c;
}

static void end(struct client *c)
{
	client_audit(c);
	sio_machine_destroy(c->machine);
}

static int map(const struct client *c, uint64_t iova, uint64_t offset, uint64_t size)
{
	return client_map(c, iova, c->memory + offset, size);
}

static bool leaf_of(const struct client *c, const char *device, uint64_t iova,
		    struct second_leaf *leaf)
{
	struct sio_device *dev = sio_device_find(c->machine, device);

	return second_find(dev->iommu->unit, c->machine->phys, dev->fn->rid, iova, leaf);
}

static uint64_t domains(const struct client *c)
{
	struct sio_stats stats;

	sio_stats(c->machine, &stats);
	return stats.domains;
}

/* ---- a unit with and a unit without snoop control ---- */

#define SNP UINT64_C(0x800)

START_TEST(a_unit_without_snoop_control_gets_a_domain_of_its_own)
{
	struct client c = boot(&(struct sio_machine_cfg){.platform = "laptop"}, 4 * MIB);
	struct sio_device *lan = sio_device_find(c.machine, "lan");
	struct sio_device *graphics = sio_device_find(c.machine, "graphics");
	struct second_leaf with, without;
	char sent[64] = "the same bytes through both", got[64];

	ck_assert_int_eq(client_join(&c, client_open_group(&c, "lan")), 0);
	client_set_iommu(&c, VFIO_TYPE1v2_IOMMU);
	ck_assert_int_eq(map(&c, 0x100000, 0, MIB), 0);
	ck_assert_int_eq(map(&c, 0x40000000, 0x123000, 0x5000), 0);
	ck_assert_int_eq(sio_ioctl(c.process, c.container, VFIO_CHECK_EXTENSION,
				   (void *)VFIO_DMA_CC_IOMMU),
			 1);
	ck_assert_uint_eq(domains(&c), 1);

	ck_assert_int_eq(client_join(&c, client_open_group(&c, "graphics")), 0);
	ck_assert_uint_eq(domains(&c), 2);
	ck_assert_int_eq(sio_ioctl(c.process, c.container, VFIO_CHECK_EXTENSION,
				   (void *)VFIO_DMA_CC_IOMMU),
			 0);
	client_audit(&c);

	ck_assert(leaf_of(&c, "lan", 0x40002000, &with));
	ck_assert(leaf_of(&c, "graphics", 0x40002000, &without));
	ck_assert_uint_eq(with.raw & SNP, SNP);
	ck_assert_uint_eq(without.raw & SNP, 0);
	ck_assert_uint_eq(with.raw & ~SNP, without.raw);

	ck_assert_int_eq(sio_dma_write(lan, 0x40002ff0, sent, sizeof(sent), NULL), 0);
	ck_assert_int_eq(sio_dma_read(graphics, 0x40002ff0, got, sizeof(got), NULL), 0);
	ck_assert_mem_eq(sent, got, sizeof(sent));
	memset(got, 0, sizeof(got));
	ck_assert_int_eq(sio_mem_read(c.process, c.memory + 0x125ff0, got, sizeof(got)), 0);
	ck_assert_mem_eq(sent, got, sizeof(sent));
	end(&c);
}
END_TEST

START_TEST(devices_behind_one_unit_share_a_domain)
{
	struct client c = boot(&(struct sio_machine_cfg){.platform = "laptop"}, MIB);

	ck_assert_int_eq(client_join(&c, client_open_group(&c, "lan")), 0);
	client_set_iommu(&c, VFIO_TYPE1v2_IOMMU);
	ck_assert_int_eq(client_join(&c, client_open_group(&c, "wifi")), 0);
	ck_assert_uint_eq(domains(&c), 1);
	end(&c);
}
END_TEST

/* ---- a unit that is narrower and has no 1 GiB pages ---- */

static struct client narrow_boot(uint64_t bytes, const char **wide, const char **narrow)
{
	struct client c = boot(&(struct sio_machine_cfg){.platform = "narrow"}, 0);

	*wide = "wide0";
	*narrow = "narrow0";
	ck_assert_int_eq(sio_mem_map(c.process,
				     &(struct sio_mem){.address = 16 * GIB,
						       .size = bytes,
						       .prot = SIO_PROT_RW,
						       .contiguity = SIO_RUN_WHOLE},
				     &c.memory),
			 0);
	ck_assert_int_eq(client_join(&c, client_open_group(&c, *wide)), 0);
	client_set_iommu(&c, VFIO_TYPE1v2_IOMMU);
	return c;
}

START_TEST(a_narrower_unit_shrinks_page_sizes_and_iova_ranges)
{
	const char *wide, *narrow;
	struct client c = narrow_boot(MIB, &wide, &narrow);
	struct vfio_iova_range range[8];
	uint64_t pgsizes;
	unsigned n;

	n = client_info(&c, &pgsizes, range, 8);
	ck_assert_uint_eq(pgsizes, 4096 | 2 * MIB | GIB);
	ck_assert_uint_ge(n, 1);
	ck_assert_uint_eq(range[n - 1].end, (UINT64_C(1) << 48) - 1);
	ck_assert_int_eq(client_join(&c, client_open_group(&c, narrow)), 0);
	n = client_info(&c, &pgsizes, range, 8);
	ck_assert_uint_eq(pgsizes, 4096 | 2 * MIB);
	ck_assert_uint_eq(range[n - 1].end, (UINT64_C(1) << 39) - 1);
	ck_assert_int_eq(map(&c, UINT64_C(1) << 39, 0, 4096), -EINVAL);
	end(&c);
}
END_TEST

START_TEST(a_narrower_unit_is_refused_while_a_mapping_lies_above_it)
{
	const char *wide, *narrow;
	struct client c = narrow_boot(MIB, &wide, &narrow);
	int group = client_open_group(&c, narrow);

	ck_assert_int_eq(map(&c, UINT64_C(1) << 40, 0, 4096), 0);
	ck_assert_int_eq(client_join(&c, group), -EINVAL);
	client_audit(&c);
	ck_assert_uint_eq(domains(&c), 1);
	ck_assert_int_eq(client_unmap(&c, UINT64_C(1) << 40, 4096), 4096);
	ck_assert_int_eq(client_join(&c, group), 0);
	end(&c);
}
END_TEST

START_TEST(large_leaves_stand_in_one_table_and_smaller_ones_in_the_other)
{
	const char *wide, *narrow;
	struct client c = narrow_boot(2 * GIB, &wide, &narrow);
	struct second_leaf leaf;

	/* A page frame run of 2 GiB from a 1 GiB border on: the address has to match its offset. */
	ck_assert_int_eq(map(&c, 4 * GIB, 0, 2 * GIB), 0);
	ck_assert_int_eq(client_join(&c, client_open_group(&c, narrow)), 0);
	ck_assert(leaf_of(&c, wide, 5 * GIB, &leaf));
	ck_assert_uint_eq(leaf.bytes, GIB);
	ck_assert(leaf_of(&c, narrow, 5 * GIB, &leaf));
	ck_assert_uint_eq(leaf.bytes, 2 * MIB);
	end(&c);
}
END_TEST

/* ---- no interrupt remapping ---- */

START_TEST(without_interrupt_remapping_attach_is_eperm_unless_allowed)
{
	struct client c = boot(&(struct sio_machine_cfg){.platform = "vtd48noir"}, MIB);
	int group = client_open_group(&c, "A");

	ck_assert_int_eq(sio_param(c.machine, "allow_unsafe_interrupts", 0), 0);
	ck_assert_int_eq(client_join(&c, group), 0);
	errno = 0;
	ck_assert_int_eq(sio_ioctl(c.process, c.container, VFIO_SET_IOMMU,
				   (void *)VFIO_TYPE1v2_IOMMU),
			 -1);
	ck_assert_int_eq(errno, EPERM);
	ck_assert_uint_eq(domains(&c), 0);
	client_audit(&c);
	/* Nothing is left of the attempt: no driver is selected. */
	ck_assert_int_eq(map(&c, 0, 0, 4096), -EINVAL);

	ck_assert_int_eq(sio_param(c.machine, "allow_unsafe_interrupts", 1), 0);
	client_set_iommu(&c, VFIO_TYPE1v2_IOMMU);
	ck_assert_int_eq(map(&c, 0, 0, 4096), 0);
	end(&c);
}
END_TEST

START_TEST(one_unit_without_interrupt_remapping_takes_it_from_all)
{
	static const char text[] =
		"units = ( { name = \"dmar0\"; aw-bits = 48; intremap = false; scope = ( "
		"\"00:04.0\" ); },\n"
		"          { name = \"dmar1\"; aw-bits = 48; intremap = true; include-all = true; "
		"} );\n"
		"devices = ( { name = \"one\"; bdf = \"00:04.0\"; model = \"edu\"; },\n"
		"            { name = \"two\"; bdf = \"00:05.0\"; model = \"edu\"; } );\n";
	struct client c = boot(&(struct sio_machine_cfg){.platform_text = text}, MIB);

	ck_assert_int_eq(sio_param(c.machine, "allow_unsafe_interrupts", 0), 0);
	ck_assert_int_eq(client_join(&c, client_open_group(&c, "two")), 0);
	ck_assert_int_eq(sio_ioctl(c.process, c.container, VFIO_SET_IOMMU,
				   (void *)VFIO_TYPE1v2_IOMMU),
			 -1);
	ck_assert_int_eq(errno, EPERM);
	end(&c);
}
END_TEST

/* ---- failure in the middle of a replay ---- */

/* _i: which of the replay's map calls fails. */
START_TEST(a_failed_replay_rolls_everything_back)
{
	struct client c = boot(&(struct sio_machine_cfg){.platform = "laptop"}, 4 * MIB);
	struct sio_stats before, after;
	struct second_leaf leaf;
	char plan[64], error[256];
	int group;

	ck_assert_int_eq(client_join(&c, client_open_group(&c, "lan")), 0);
	client_set_iommu(&c, VFIO_TYPE1v2_IOMMU);
	for (uint64_t i = 0; i < 5; i++)
		ck_assert_int_eq(map(&c, i * 16 * MIB, i * 0x10000, 0x8000), 0);
	sio_stats(c.machine, &before);
	group = client_open_group(&c, "graphics");
	/* The probe of a new domain maps once before the replay does. */
	snprintf(plan, sizeof(plan), "iommu.map:nth=%d,errno=ENOMEM", _i + 2);
	ck_assert_int_eq(sio_inject(c.machine, plan, error, sizeof(error)), 0);
	ck_assert_int_eq(client_join(&c, group), -ENOMEM);
	ck_assert_int_eq(sio_inject(c.machine, "", error, sizeof(error)), 0);
	client_audit(&c);
	sio_stats(c.machine, &after);
	ck_assert_uint_eq(after.domains, before.domains);
	ck_assert_uint_eq(after.mappings, before.mappings);
	ck_assert_uint_eq(after.locked_pages, before.locked_pages);
	ck_assert_uint_eq(after.pinned_pages, before.pinned_pages);
	ck_assert_uint_eq(after.table_pages, before.table_pages);
	ck_assert(!leaf_of(&c, "graphics", 0, &leaf));
	ck_assert_int_eq(client_join(&c, group), 0);
	ck_assert(leaf_of(&c, "graphics", 64 * MIB, &leaf));
	end(&c);
}
END_TEST

/* ---- defects that have to be seen ---- */

START_TEST(strict_names_a_forgotten_invalidation)
{
	struct client c = boot(&(struct sio_machine_cfg){.platform = "vtd48", .strict = true}, MIB);
	struct sio_device *dev = sio_device_find(c.machine, "A");
	struct sio_stale stale;
	char buf[16] = "stale", error[256];

	ck_assert_int_eq(client_join(&c, client_open_group(&c, "A")), 0);
	client_set_iommu(&c, VFIO_TYPE1v2_IOMMU);
	ck_assert_int_eq(map(&c, 0x10000, 0, 0x2000), 0);
	ck_assert_int_eq(sio_dma_write(dev, 0x11000, buf, sizeof(buf), NULL), 0);
	ck_assert_int_eq(sio_inject(c.machine, "drv.skip-iotlb:nth=1", error, sizeof(error)), 0);
	ck_assert_int_eq(client_unmap(&c, 0x10000, 0x2000), 0x2000);
	ck_assert(!sio_stale_next(c.machine, &stale));
	/* Silicon would still translate, and so does the model. */
	ck_assert_int_eq(sio_dma_write(dev, 0x11000, buf, sizeof(buf), NULL), 0);
	ck_assert(sio_stale_next(c.machine, &stale));
	ck_assert_uint_eq(stale.iova & ~UINT64_C(0xfff), 0x11000);
	ck_assert_uint_ne(stale.mapped_by, 0);
	ck_assert_uint_gt(stale.unmapped_by, stale.mapped_by);
	ck_assert_msg(strstr(stale.text, "IOTLB") && strstr(stale.text, "01:00.0"), "%s",
		      stale.text);
	end(&c);
}
END_TEST

START_TEST(without_strict_the_device_sees_the_stale_page)
{
	struct client c = boot(&(struct sio_machine_cfg){.platform = "vtd48"}, MIB);
	struct sio_device *dev = sio_device_find(c.machine, "A");
	char sent[16] = "old page", got[16] = "", error[256];
	struct sio_fault fault;

	ck_assert_int_eq(client_join(&c, client_open_group(&c, "A")), 0);
	client_set_iommu(&c, VFIO_TYPE1v2_IOMMU);
	ck_assert_int_eq(map(&c, 0x10000, 0, 0x1000), 0);
	ck_assert_int_eq(sio_mem_write(c.process, c.memory, sent, sizeof(sent)), 0);
	ck_assert_int_eq(sio_dma_read(dev, 0x10000, got, sizeof(got), NULL), 0);
	ck_assert_int_eq(sio_inject(c.machine, "drv.skip-iotlb:nth=1", error, sizeof(error)), 0);
	ck_assert_int_eq(client_unmap(&c, 0x10000, 0x1000), 0x1000);
	memset(got, 0, sizeof(got));
	ck_assert_int_eq(sio_dma_read(dev, 0x10000, got, sizeof(got), NULL), 0);
	ck_assert_str_eq(got, sent);
	/* The next invalidation of that page ends it. */
	ck_assert_int_eq(map(&c, 0x10000, 0x1000, 0x1000), 0);
	ck_assert_int_eq(client_unmap(&c, 0x10000, 0x1000), 0x1000);
	ck_assert_int_eq(sio_dma_read(dev, 0x10000, got, sizeof(got), &fault), -EACCES);
	ck_assert_uint_eq(fault.reason, 6);
	end(&c);
}
END_TEST

START_TEST(one_cleared_read_bit_faults_exactly_that_page)
{
	struct client c = boot(&(struct sio_machine_cfg){.platform = "vtd48"}, MIB);
	struct sio_device *dev = sio_device_find(c.machine, "A");
	struct unit *unit = dev->iommu->unit;
	struct second_leaf leaf;
	struct sio_fault fault;
	uint64_t *entry;
	char buf[16];

	ck_assert_int_eq(client_join(&c, client_open_group(&c, "A")), 0);
	client_set_iommu(&c, VFIO_TYPE1v2_IOMMU);
	ck_assert_int_eq(map(&c, 0x10000, 0, 0x8000), 0);
	ck_assert(leaf_of(&c, "A", 0x13000, &leaf));
	ck_assert_uint_eq(leaf.raw & 3, 3);
	entry = phys_ptr(c.machine->phys, leaf.at);
	*entry &= ~UINT64_C(1);
	/* IOTLB_REG (at ECAP.IRO x 16 + 8): IVT, global. */
	unit->ops->mmio_write(unit,
			      (uint32_t)((unit->ops->mmio_read(unit, 0x10, 8) >> 8 & 0x3ff) * 16 +
					 8),
			      8, UINT64_C(1) << 63 | UINT64_C(1) << 60);
	for (uint64_t page = 0; page < 8; page++) {
		int rc = sio_dma_read(dev, 0x10000 + page * 0x1000, buf, sizeof(buf), &fault);

		ck_assert_int_eq(rc, page == 3 ? -EACCES : 0);
		if (page == 3) {
			ck_assert_uint_eq(fault.reason, 6);
			ck_assert_uint_eq(fault.address, 0x13000);
			ck_assert(fault.is_read);
		}
		ck_assert_int_eq(sio_dma_write(dev, 0x10000 + page * 0x1000, buf, sizeof(buf),
					       NULL),
				 0);
	}
	*entry |= 1;
	end(&c);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mixed units");
	TCase *tc = tcase_create("units");

	tcase_add_test(tc, a_unit_without_snoop_control_gets_a_domain_of_its_own);
	tcase_add_test(tc, devices_behind_one_unit_share_a_domain);
	tcase_add_test(tc, a_narrower_unit_shrinks_page_sizes_and_iova_ranges);
	tcase_add_test(tc, a_narrower_unit_is_refused_while_a_mapping_lies_above_it);
	tcase_add_test(tc, large_leaves_stand_in_one_table_and_smaller_ones_in_the_other);
	tcase_add_test(tc, without_interrupt_remapping_attach_is_eperm_unless_allowed);
	tcase_add_test(tc, one_unit_without_interrupt_remapping_takes_it_from_all);
	tcase_add_loop_test(tc, a_failed_replay_rolls_everything_back, 0, 5);
	tcase_add_test(tc, strict_names_a_forgotten_invalidation);
	tcase_add_test(tc, without_strict_the_device_sees_the_stale_page);
	tcase_add_test(tc, one_cleared_read_bit_faults_exactly_that_page);
	tcase_set_timeout(tc, 120);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
