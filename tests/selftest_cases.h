/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The inventory of the kernel's iommufd selftest: its fixtures with their variants, its cases, and
 * which of our programs does each. Counts are those of the kernel's own program.
 *
 * Source: names and counts of tools/testing/selftests/iommu/iommufd.c, Linux 6.12 and later.
 */
#ifndef TESTS_SELFTEST_CASES_H
#define TESTS_SELFTEST_CASES_H

#include <stdbool.h>
#include <string.h>

#include "base.h"

/* When it came. */
enum st_since { ST_6_12, ST_2025, ST_7_2, ST_SINCE_COUNT };

struct st_variant {
	const char *fixture, *name;
	enum st_since since;
};

struct st_listed {
	const char *fixture, *name, *program;
	enum st_since since;
};

static const struct st_variant st_variants[] = {
	{"iommufd", "", ST_6_12},
	{"change_process", "account_none", ST_2025},
	{"change_process", "account_user", ST_2025},
	{"change_process", "account_mm", ST_2025},
	{"iommufd_ioas", "no_domain", ST_6_12},
	{"iommufd_ioas", "mock_domain", ST_6_12},
	{"iommufd_ioas", "two_mock_domain", ST_6_12},
	{"iommufd_ioas", "mock_domain_limit", ST_6_12},
	{"iommufd_mock_domain", "one_domain", ST_6_12},
	{"iommufd_mock_domain", "two_domains", ST_6_12},
	{"iommufd_mock_domain", "one_domain_hugepage", ST_6_12},
	{"iommufd_mock_domain", "two_domains_hugepage", ST_6_12},
	{"iommufd_mock_domain", "one_domain_file", ST_2025},
	{"iommufd_mock_domain", "one_domain_file_hugepage", ST_2025},
	{"iommufd_dirty_tracking", "8k", ST_6_12},
	{"iommufd_dirty_tracking", "16k", ST_6_12},
	{"iommufd_dirty_tracking", "64k", ST_6_12},
	{"iommufd_dirty_tracking", "128k", ST_6_12},
	{"iommufd_dirty_tracking", "320k", ST_6_12},
	{"iommufd_dirty_tracking", "64M", ST_6_12},
	{"iommufd_dirty_tracking", "64M_huge", ST_6_12},
	{"iommufd_dirty_tracking", "128M", ST_6_12},
	{"iommufd_dirty_tracking", "128M_huge", ST_6_12},
	{"vfio_compat_mock_domain", "Ver1v2", ST_6_12},
	{"vfio_compat_mock_domain", "Ver1v0", ST_6_12},
	{"iommufd_viommu", "no_viommu", ST_2025},
	{"iommufd_viommu", "mock_viommu", ST_2025},
	{"iommufd_device_pasid", "no_pasid", ST_2025},
	{"iommufd_device_pasid", "has_pasid", ST_2025},
};

static const struct st_listed st_listed[] = {
	{"iommufd", "simple_close", "iommufd", ST_6_12},
	{"iommufd", "cmd_fail", "iommufd", ST_6_12},
	{"iommufd", "cmd_length", "iommufd", ST_6_12},
	{"iommufd", "cmd_ex_fail", "iommufd", ST_6_12},
	{"iommufd", "global_options", "iommufd", ST_6_12},
	{"iommufd", "simple_ioctls", "iommufd", ST_6_12},
	{"iommufd", "unmap_cmd", "iommufd", ST_6_12},
	{"iommufd", "map_cmd", "iommufd", ST_6_12},
	{"iommufd", "info_cmd", "iommufd", ST_6_12},
	{"iommufd", "set_iommu_cmd", "iommufd", ST_6_12},
	{"iommufd", "vfio_ioas", "iommufd", ST_6_12},
	{"change_process", "basic", "iommufd", ST_2025},
	{"iommufd_ioas", "ioas_auto_destroy", "ioas", ST_6_12},
	{"iommufd_ioas", "ioas_destroy", "ioas", ST_6_12},
	{"iommufd_ioas", "alloc_hwpt_nested", "ioas_hwpt", ST_6_12},
	{"iommufd_ioas", "hwpt_attach", "ioas_hwpt", ST_6_12},
	{"iommufd_ioas", "ioas_area_destroy", "ioas", ST_6_12},
	{"iommufd_ioas", "ioas_area_auto_destroy", "ioas", ST_6_12},
	{"iommufd_ioas", "get_hw_info", "ioas_hwpt", ST_6_12},
	{"iommufd_ioas", "area", "ioas", ST_6_12},
	{"iommufd_ioas", "unmap_fully_contained_areas", "ioas", ST_6_12},
	{"iommufd_ioas", "area_auto_iova", "ioas", ST_6_12},
	{"iommufd_ioas", "area_allowed", "ioas", ST_6_12},
	{"iommufd_ioas", "copy_area", "ioas", ST_6_12},
	{"iommufd_ioas", "iova_ranges", "ioas", ST_6_12},
	{"iommufd_ioas", "access_domain_destory", "ioas_access", ST_6_12},
	{"iommufd_ioas", "access_pin", "ioas_access", ST_6_12},
	{"iommufd_ioas", "access_pin_unmap", "ioas_access", ST_6_12},
	{"iommufd_ioas", "access_rw", "ioas_access", ST_6_12},
	{"iommufd_ioas", "access_rw_unaligned", "ioas_access", ST_6_12},
	{"iommufd_ioas", "fork_gone", "ioas_access", ST_6_12},
	{"iommufd_ioas", "fork_present", "ioas_access", ST_6_12},
	{"iommufd_ioas", "ioas_option_huge_pages", "ioas", ST_6_12},
	{"iommufd_ioas", "ioas_iova_alloc", "ioas", ST_6_12},
	{"iommufd_ioas", "ioas_align_change", "ioas", ST_6_12},
	{"iommufd_ioas", "copy_sweep", "ioas", ST_6_12},
	{"iommufd_ioas", "reserved_overflow", "ioas", ST_7_2},
	{"iommufd_ioas", "dmabuf_simple", "ioas_access", ST_7_2},
	{"iommufd_ioas", "dmabuf_revoke", "ioas_access", ST_7_2},
	{"iommufd_mock_domain", "basic", "mock_domain", ST_6_12},
	{"iommufd_mock_domain", "ro_unshare", "mock_domain", ST_6_12},
	{"iommufd_mock_domain", "all_aligns", "mock_domain", ST_6_12},
	{"iommufd_mock_domain", "all_aligns_copy", "mock_domain", ST_6_12},
	{"iommufd_mock_domain", "user_copy", "mock_domain", ST_6_12},
	{"iommufd_mock_domain", "replace", "mock_domain", ST_6_12},
	{"iommufd_mock_domain", "alloc_hwpt", "mock_domain", ST_6_12},
	{"iommufd_dirty_tracking", "enforce_dirty", "dirty", ST_6_12},
	{"iommufd_dirty_tracking", "set_dirty_tracking", "dirty", ST_6_12},
	{"iommufd_dirty_tracking", "device_dirty_capability", "dirty", ST_6_12},
	{"iommufd_dirty_tracking", "get_dirty_bitmap", "dirty", ST_6_12},
	{"iommufd_dirty_tracking", "get_dirty_bitmap_no_clear", "dirty", ST_6_12},
	{"vfio_compat_mock_domain", "simple_close", "compat", ST_6_12},
	{"vfio_compat_mock_domain", "option_huge_pages", "compat", ST_6_12},
	{"vfio_compat_mock_domain", "get_info", "compat", ST_6_12},
	{"vfio_compat_mock_domain", "map", "compat", ST_6_12},
	{"vfio_compat_mock_domain", "huge_map", "compat", ST_6_12},
	{"iommufd_viommu", "viommu_auto_destroy", "viommu", ST_2025},
	{"iommufd_viommu", "viommu_negative_tests", "viommu", ST_2025},
	{"iommufd_viommu", "viommu_alloc_nested_iopf", "viommu", ST_2025},
	{"iommufd_viommu", "viommu_alloc_with_data", "viommu", ST_2025},
	{"iommufd_viommu", "vdevice_alloc", "viommu", ST_2025},
	{"iommufd_viommu", "vdevice_cache", "viommu", ST_2025},
	{"iommufd_viommu", "hw_queue", "viommu", ST_2025},
	{"iommufd_viommu", "vdevice_tombstone", "viommu", ST_7_2},
	{"iommufd_device_pasid", "pasid_attach", "viommu", ST_2025},
};

/* The kernel's numbers, and what the later cases add to those of 2025. */
static const struct {
	unsigned cases, groups;
} st_counts[ST_SINCE_COUNT] = {{190, 20}, {223, 29}, {223 + 4 + 4 + 4 + 2, 29}};

/* How many variants a fixture has by then. */
static inline unsigned st_variants_of(const char *fixture, enum st_since now)
{
	unsigned count = 0;

	for (size_t i = 0; i < SIO_ARRAY_SIZE(st_variants); i++)
		count += !strcmp(st_variants[i].fixture, fixture) && st_variants[i].since <= now;
	return count;
}

/* Cases times variants by then; `program` NULL: of all programs. */
static inline unsigned st_cases_of(const char *program, enum st_since now)
{
	unsigned count = 0;

	for (size_t i = 0; i < SIO_ARRAY_SIZE(st_listed); i++)
		if (st_listed[i].since <= now &&
		    (!program || !strcmp(st_listed[i].program, program)))
			count += st_variants_of(st_listed[i].fixture, now);
	return count;
}

#endif
