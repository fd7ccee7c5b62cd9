// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each switch of a personality set alone on 6.12, and the one answer that it changes.
 *
 * Every value that 6.12 does not have is either in the table, with what 6.12 answers and what it
 * answers with the switch, or among those that nothing here can see alone, with the reason.
 */
#include "core/personality.h"
#include "harness.h"
#include "kernels_emulated.h"
#include "kernels_sequences.h"

/* The group's one device is taken from vfio-pci while the group is in the container. */
static long status_without_devices(void)
{
	struct vfio_group_status status = {.argsz = sizeof(status)};
	long rc;

	use_v2();
	rc = sio_device_unbind(sio_device_find(rig.machine, "A"));
	return rc ? rc : rig_ioctl(&rig, group, VFIO_GROUP_GET_STATUS, &status);
}

static const struct {
	const char *setting;
	long (*run)(void);
	long before, after;
	const char *platform; /* NULL: vtd48 */
} seen[] = {
	{"container_2012", unmap_front, 0x10000, 0x1000, NULL},
	{"container_3_11", count_neighbours, 2, 1, NULL},
	{"set_iommu_none", open_v1, 0, -EINVAL, NULL},
	{"set_iommu_1", open_v2, 0, -ENODEV, NULL},
	{"set_iommu_1_3", open_nesting, -EINVAL, -ENODEV, NULL},
	{"vtd_nesting_enodev", open_nesting, -EINVAL, -ENODEV, NULL},
	{"no_dma_cc", ask_dma_cc, 1, 0, NULL},
	{"no_set_container_fd_first", join_twice_closed_fd, -EBADF, -EINVAL, NULL},
	{"no_set_container_ebadfd", join_another_file, -EBADFD, -EINVAL, NULL},
	{"dma_ownership_none", join_unviable, -EPERM, 0, NULL},
	{"dma_ownership_2021", join_unviable, -EPERM, -EBUSY, NULL},
	{"last_device_leaves", status_without_devices, -ENODEV, 0, NULL},
	{"last_device_waits", status_without_devices, -ENODEV, -EBUSY, NULL},
	{"no_device_fd_name_first", open_unknown_device, -ENODEV, -EINVAL, NULL},
	{"coherency_none", ask_dma_cc, 1, 0, NULL},
	{"coherency_bus", dma_cc_of_snooping_unit, 1, 0, "narrow"},
	{"domain_eio", open_without_tables, -ENOMEM, -EIO, NULL},
	{"no_iova_list", map_reserved, -EINVAL, 0, NULL},
	{"fgsp_leaves", map_after_probe, 0, -ENOMEM, NULL},
	{"fgsp_no_probe", map_after_probe, 0, -ENOMEM, NULL},
	{"map_end_nothing", charge_of_last_page, 4, 0, "amdvi"},
	{"last_page_works", unmap_last_page, 0, 0x1000, "amdvi"},
	{"eoverflow", map_over_the_end, -EINVAL, -EOVERFLOW, NULL},
	{"no_dma_entry_limit", map_third_of_two, -ENOSPC, 0, NULL},
	{"unmap_wrap_2012", unmap_over_the_end, -EINVAL, 0, NULL},
	{"unmap_wrap_unchecked", unmap_over_the_end, -EINVAL, 0, NULL},
	{"unmap_wrap_4_15", unmap_to_the_end, 0, -EINVAL, NULL},
	{"no_unmap_in_order", unmap_across_two, 0, 0x10000, NULL},
	{"unmap_own_mm", unmap_as_child, 0x1000, 0, NULL},
	{"no_batched_sync", second_invalidation, 0, 1, NULL},
	{"no_unmap_all", unmap_all, 0x1000, -EINVAL, NULL},
	{"no_vaddr", invalidate_vaddr, 0x1000, -EINVAL, NULL},
	{"no_vaddr_recharge", charge_after_new_vaddr, 4, 0, NULL},
	{"charge_current", charge_of_child, 0, -4, NULL},
	{"charge_owner", charge_after_exec, 0, -4, NULL},
	{"limit_total", map_bar_over_limit, 0, -ENOMEM, NULL},
	{"pfnmap_offset", map_protected_bar, -EFAULT, 0, NULL},
	{"zero_page_pins", charge_of_untouched, 4, 0, NULL},
	{"no_vtd_alias_kept", move_behind_bridge, 0, 1, NULL},
	{"fork_shares_pins", write_after_fork, 'b', 'a', NULL},
	{"info_0", info_flags, 3, 0, NULL},
	{"info_pgsizes", info_flags, 3, 1, NULL},
	{"info_error_count", info_unwritable, -EFAULT, 16, NULL},
	{"no_iova_cap", info_caps, 231, 23, NULL},
	{"no_migration_cap", info_caps, 231, 31, NULL},
	{"dma_avail_cap_none", info_caps, 231, 21, NULL},
	{"dma_avail_cap_12", info_argsz, 120, 116, NULL},
	{"no_zeroed_caps", info_padding, 0, 1, NULL},
	{"no_emulated", make_emulated, 0, -ENOTTY, NULL},
	{"unmap_callback_notifier", first_asked, 'W', 'V', NULL},
	{"no_pin_behind_iommu", pin_behind_iommu, 1, -EINVAL, NULL},
	{"pin_lone_device", pin_with_neighbour, 1, -EINVAL, "groups"},
	{"no_pin_needs_page", pin_device_memory, -EINVAL, 1, NULL},
	{"no_dma_rw", write_a_byte, 0, -ENOTTY, NULL},
	{"no_dma_rw_dirty_whole", dirty_after_a_byte, 1, 0, NULL},
	{"vaddr_pins_wait", invalidate_beside_emulated, -EBUSY, 0x1000, NULL},
	{"no_noiommu", enable_noiommu, 0, -ENOENT, NULL},
	{"no_replay_rollback", charge_of_failed_replay, 0, 4, NULL},
	{"no_full_dirty_on_detach", dirty_after_detach, 1, 0, NULL},
	{"no_dirty", dirty_v2, 0, -ENOTTY, NULL},
	{"vtd_every_pgsize", info_pgsizes, 0x40201000, -0x1000, NULL},
	{"no_write_only_readable", read_write_only, 1, 0, NULL},
	{"amd_pgsizes_all", info_pgsizes, 0xfff7ffffff000, -0x8000001000, "amdvi"},
	{"amd_pgsizes_64t", info_pgsizes, 0xfff7ffffff000, 0x7f7ffffff000, "amdvi"},
	{"amd_aperture_48", info_last_address, -1, 0xffffffffffff, "amdvi"},
	{"amd_map_busy", map_last_page_twice, 0, -EBUSY, "amdvi"},
	{"no_device_req_irq", device_irqs, 5, 4, NULL},
};

static const struct {
	const char *setting, *why;
} unseen[] = {
	{"companions_stub", "drivers are looked at only without DMA ownership"},
	{"companions_port", "the same"},
	{"intr_remap_open", "only one domain that exists at open can be asked then"},
	{"intr_remap_domain", "interrupts are remapped on all units of a machine or on none"},
	{"intr_remap_bus", "the same"},
	{"intr_remap_bus_or_msi", "the same"},
	{"intr_remap_device_or_msi", "the same"},
	{"coherency_domain", "a domain's answer is the driver's"},
	{"match_one", "of the containers with one domain"},
	{"match_bus_prot", "no preset has groups on two buses behind one unit"},
	{"match_ops_prot", "protection and the answer to enforce are the same thing"},
	{"one_bus", "no preset has a group on two buses"},
	{"fgsp_at_0", "the usable addresses of all presets begin at 0"},
	{"no_sub_page_bitmap", "no unit has pages smaller than 4 KiB"},
	{"try_harder", "only a driver that answers EBUSY makes it try: amd_map_busy"},
	{"map_end_works", "without last_page_works the entry is lost all the same"},
	{"no_find_first_size", "the answer is the same either way"},
	{"limit_shortens_run", "the run after the shortened one fails likewise"},
	{"no_batched_pinning", "pages that were only touched show before 6.3: zero_page_pins"},
	{"no_huge_zero_splits", "zero pages show in charges before 6.3 only: zero_page_pins"},
	{"no_prq_pasid_only", "page requests of devices are in api_ats"},
	{"amd_iommufd", "what drivers have for iommufd is in drv_amdvi_user"},
	{"iommufd_none", "no /dev/iommu: api_iommufd"},
	{"iommufd_7_2", "commands of 7.2 are in selftest_viommu and replay_iommufd"},
	{"iommufd_container", "its answers are those of replay_iommufd's compat"},
	{"cdev_pasid", "vfio_cdev"},
	{"cdev_token", "vfio_cdev"},
};

static void boot(const char *platform, const char *kernel)
{
	struct sio_machine_cfg cfg = {.platform = platform, .kernel = kernel, .strict = true};
	char error[512];

	ck_assert_msg(!sio_machine_create(&cfg, &rig.machine, error, sizeof(error)), "%s", error);
	rig.process = sio_process_create(rig.machine);
	rig.container = sio_open(rig.process, "/dev/vfio/vfio");
	ck_assert_int_ge(rig.container, 0);
}

START_TEST(a_switch_alone_changes_its_answer)
{
	const char *platform = seen[_i].platform ? seen[_i].platform : "vtd48";
	char kernel[64];
	long answer;

	boot(platform, "6.12");
	answer = seen[_i].run();
	ck_assert_msg(answer == seen[_i].before, "%s: 6.12 answered %ld, not %ld", seen[_i].setting,
		      answer, seen[_i].before);
	rig_halt(&rig);
	snprintf(kernel, sizeof(kernel), "6.12,%s", seen[_i].setting);
	boot(platform, kernel);
	answer = seen[_i].run();
	ck_assert_msg(answer == seen[_i].after, "%s: answered %ld, not %ld", kernel, answer,
		      seen[_i].after);
	rig_halt(&rig);
}
END_TEST

/* How often a setting is in one of the tables. */
static unsigned mentions(const char *setting)
{
	unsigned n = 0;

	for (size_t i = 0; i < sizeof(seen) / sizeof(seen[0]); i++)
		n += !strcmp(seen[i].setting, setting);
	for (size_t i = 0; i < sizeof(unseen) / sizeof(unseen[0]); i++)
		n += !strcmp(unseen[i].setting, setting);
	return n;
}

START_TEST(every_value_of_every_switch_is_told_of)
{
	const struct personality *base = personality_find("6.12");
	const struct personality_switch *about;
	size_t values = 0;

	for (unsigned n = 0; (about = personality_switch_at(n)); n++) {
		for (unsigned v = 0; v < (about->yes_no ? 2 : PERSONALITY_VALUES); v++) {
			char setting[64];

			if (v == personality_get(base, n) ||
			    (!about->yes_no && !about->value[v].name))
				continue;
			personality_setting(n, v, setting, sizeof(setting));
			ck_assert_msg(mentions(setting) == 1, "%s is in the tables %u times",
				      setting, mentions(setting));
			values++;
		}
	}
	ck_assert_uint_eq(values,
			  sizeof(seen) / sizeof(seen[0]) + sizeof(unseen) / sizeof(unseen[0]));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("kernel switches");
	TCase *tcase = tcase_create("alone");

	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, every_value_of_every_switch_is_told_of);
	tcase_add_loop_test(tcase, a_switch_alone_changes_its_answer, 0,
			    (int)(sizeof(seen) / sizeof(seen[0])));
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
