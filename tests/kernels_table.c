// SPDX-License-Identifier: GPL-2.0-only
/*
 * What each kernel answers: for every behaviour in which kernels differ, a sequence of operations
 * and the answer, on every kernel.
 *
 * A case lists the kernels at which its answer changes; the kernels between answer as the one
 * before them. The answers are recorded ones where there is a recording of that kernel. rfc2014
 * opens with no driver, so its cases, but those about opening, let it.
 */
#include "core/personality.h"
#include "harness.h"
#include "vfio_machine.h"

#define PAGE UINT64_C(0x1000)
#define LAST (-PAGE)

static struct rig rig;
static int group = -1;

static long set_iommu(unsigned long type)
{
	return rig_ioctl_value(&rig, rig.container, VFIO_SET_IOMMU, type);
}

/* Group A in the container, and the driver on. */
static void use(unsigned long type)
{
	group = rig_group(&rig, "A");
	ck_assert_int_eq(rig_join(&rig, group, rig.container), 0);
	ck_assert_int_eq(set_iommu(type), 0);
}

/* The newest type that there is. */
static void use_v2(void)
{
	bool v2 = rig_ioctl_value(&rig, rig.container, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU);

	use(v2 ? VFIO_TYPE1v2_IOMMU : VFIO_TYPE1_IOMMU);
}

static uint64_t memory(uint64_t pages)
{
	struct sio_mem mem = {.size = pages * PAGE,
			      .prot = SIO_PROT_RW,
			      .contiguity = SIO_RUN_WHOLE};
	uint64_t va;

	ck_assert_int_eq(sio_mem_map(rig.process, &mem, &va), 0);
	return va;
}

static long map_flags(uint64_t iova, uint64_t va, uint64_t size, uint32_t flags)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map), .flags = flags, .vaddr = va, .iova = iova, .size = size};

	return rig_ioctl(&rig, rig.container, VFIO_IOMMU_MAP_DMA, &map);
}

static long map(uint64_t iova, uint64_t va, uint64_t size)
{
	return map_flags(iova, va, size, VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE);
}

/* What stands in the structure afterwards, or -errno. */
static long unmap_flags(uint64_t iova, uint64_t size, uint32_t flags)
{
	struct vfio_iommu_type1_dma_unmap unmap = {.argsz = sizeof(unmap),
						   .flags = flags,
						   .iova = iova,
						   .size = size};
	long rc = rig_ioctl(&rig, rig.container, VFIO_IOMMU_UNMAP_DMA, &unmap);

	return rc ? rc : (long)unmap.size;
}

static long unmap(uint64_t iova, uint64_t size)
{
	return unmap_flags(iova, size, 0);
}

static long dirty_start(void)
{
	struct vfio_iommu_type1_dirty_bitmap dirty = {.argsz = sizeof(dirty),
						      .flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_START};

	return rig_ioctl(&rig, rig.container, VFIO_IOMMU_DIRTY_PAGES, &dirty);
}

static long extension(unsigned long number)
{
	use(VFIO_TYPE1_IOMMU);
	return rig_ioctl_value(&rig, rig.container, VFIO_CHECK_EXTENSION, number);
}

/* ---- sequences ---- */

static long open_type(unsigned long type)
{
	group = rig_group(&rig, "A");
	ck_assert_int_eq(rig_join(&rig, group, rig.container), 0);
	return set_iommu(type);
}

static long open_v1(void)
{
	return open_type(VFIO_TYPE1_IOMMU);
}

static long open_v2(void)
{
	return open_type(VFIO_TYPE1v2_IOMMU);
}

static long open_nesting(void)
{
	return open_type(VFIO_TYPE1_NESTING_IOMMU);
}

static long ask_dma_cc(void)
{
	return extension(VFIO_DMA_CC_IOMMU);
}

static long ask_unmap_all(void)
{
	return extension(VFIO_UNMAP_ALL);
}

static long ask_update_vaddr(void)
{
	return extension(VFIO_UPDATE_VADDR);
}

static long join_bad_fd(void)
{
	group = rig_group(&rig, "A");
	return rig_join(&rig, group, -1);
}

static long join_closed_fd(void)
{
	group = rig_group(&rig, "A");
	return rig_join(&rig, group, 999);
}

static long join_twice_closed_fd(void)
{
	use(VFIO_TYPE1_IOMMU);
	return rig_join(&rig, group, 999);
}

static long join_another_file(void)
{
	group = rig_group(&rig, "A");
	return rig_join(&rig, group, group);
}

static long join_unviable(void)
{
	group = rig_group(&rig, "F");
	return rig_join(&rig, group, rig.container);
}

static long open_device_unviable(void)
{
	if (join_unviable() || set_iommu(VFIO_TYPE1_IOMMU))
		return -EPERM;
	return rig_device(&rig, group, "F");
}

static long open_unknown_device(void)
{
	group = rig_group(&rig, "A");
	return rig_device(&rig, group, "0000:99:00.0");
}

static long device_irqs(void)
{
	struct vfio_device_info info = {.argsz = sizeof(info)};
	int fd;

	use(VFIO_TYPE1_IOMMU);
	fd = rig_device(&rig, group, "A");
	ck_assert_int_eq(rig_ioctl(&rig, fd, VFIO_DEVICE_GET_INFO, &info), 0);
	return info.num_irqs;
}

static long map_to_the_end(void)
{
	use_v2();
	return map(LAST, memory(1), PAGE);
}

static long map_to_the_end_is_noticed(void)
{
	long notices = 0;

	map_to_the_end();
	while (sio_notice_next(rig.machine))
		notices++;
	return notices;
}

/* An entry that ends at 2^64 is not found, so that only the driver can object to the second. */
static long map_last_page_twice(void)
{
	uint64_t va = memory(2);
	long rc;

	use_v2();
	rc = map(LAST, va, PAGE);
	return rc ? rc : map(LAST, va + PAGE, PAGE);
}

static long map_over_the_end(void)
{
	use_v2();
	return map(LAST, memory(2), 2 * PAGE);
}

static long map_reserved(void)
{
	use_v2();
	return map(0xfee00000, memory(1), PAGE);
}

static long map_beyond_aperture(void)
{
	use_v2();
	return map(UINT64_C(1) << 48, memory(1), PAGE);
}

static long map_third_of_two(void)
{
	uint64_t va = memory(3);

	sio_param(rig.machine, "dma_entry_limit", 2);
	use_v2();
	ck_assert_int_eq(map(0x1000, va, PAGE), 0);
	ck_assert_int_eq(map(0x5000, va + PAGE, PAGE), 0);
	return map(0x9000, va + 2 * PAGE, PAGE);
}

static long count_neighbours(void)
{
	uint64_t va = memory(2);
	struct sio_stats stats;

	use_v2();
	ck_assert_int_eq(map(0x1000, va, PAGE), 0);
	ck_assert_int_eq(map(0x2000, va + PAGE, PAGE), 0);
	sio_stats(rig.machine, &stats);
	return (long)stats.mappings;
}

static long unmap_over_the_end(void)
{
	use(VFIO_TYPE1_IOMMU);
	return unmap(LAST - PAGE, 3 * PAGE);
}

static long unmap_to_the_end(void)
{
	use(VFIO_TYPE1_IOMMU);
	ck_assert_int_eq(map(0x5000, memory(1), PAGE), 0);
	return unmap(0x1000, -UINT64_C(0x1000));
}

static long unmap_nothing(void)
{
	use(VFIO_TYPE1_IOMMU);
	return unmap(0x1000, 0);
}

/* The upper mapping was made first, so it is the root of the tree. */
static long unmap_across_two(void)
{
	uint64_t va = memory(64);

	use(VFIO_TYPE1_IOMMU);
	ck_assert_int_eq(map(0x20000, va, 0x10000), 0);
	ck_assert_int_eq(map(0x10000, va + 0x20000, 0x10000), 0);
	return unmap(0x1f000, 0x2000);
}

static long unmap_front(void)
{
	use(VFIO_TYPE1_IOMMU);
	ck_assert_int_eq(map(0x10000, memory(16), 0x10000), 0);
	return unmap(0x10000, PAGE);
}

static long unmap_front_v2(void)
{
	use_v2();
	ck_assert_int_eq(map(0x10000, memory(16), 0x10000), 0);
	return unmap(0x10000, PAGE);
}

static long unmap_as_child(void)
{
	struct sio_process *parent = rig.process;
	long size;

	use(VFIO_TYPE1_IOMMU);
	ck_assert_int_eq(map(0x10000, memory(1), PAGE), 0);
	rig.process = sio_process_fork(parent);
	ck_assert_ptr_nonnull(rig.process);
	size = unmap(0x10000, PAGE);
	rig.process = parent;
	return size;
}

/* The parent's count after its child unmapped what it had mapped. */
static long charge_after_child(void)
{
	unmap_as_child();
	return (long)sio_process_vmlck(rig.process);
}

static long unmap_all(void)
{
	use(VFIO_TYPE1_IOMMU);
	ck_assert_int_eq(map(0x10000, memory(1), PAGE), 0);
	return unmap_flags(0, 0, VFIO_DMA_UNMAP_FLAG_ALL);
}

static long invalidate_vaddr(void)
{
	use(VFIO_TYPE1_IOMMU);
	ck_assert_int_eq(map(0x10000, memory(1), PAGE), 0);
	return unmap_flags(0x10000, PAGE, VFIO_DMA_UNMAP_FLAG_VADDR);
}

static long charge_of_untouched(void)
{
	struct sio_mem mem = {.size = PAGE, .prot = SIO_PROT_RW, .contiguity = SIO_RUN_4K};
	uint64_t va;

	ck_assert_int_eq(sio_mem_map(rig.process, &mem, &va), 0);
	use_v2();
	ck_assert_int_eq(map_flags(0x10000, va, PAGE, VFIO_DMA_MAP_FLAG_READ), 0);
	return (long)sio_process_vmlck(rig.process);
}

/* Read, then written to beside what was read: the first time a reader finds the huge zero page. */
static long charge_beside_written(void)
{
	struct sio_mem mem = {.size = 512 * PAGE, .prot = SIO_PROT_RW, .contiguity = SIO_RUN_2M};
	uint64_t va = UINT64_C(1) << 40;

	mem.address = va;
	ck_assert_int_eq(sio_mem_map(rig.process, &mem, &va), 0);
	use_v2();
	ck_assert_int_eq(map_flags(0x10000, va, PAGE, VFIO_DMA_MAP_FLAG_READ), 0);
	ck_assert_int_eq(map(0x20000, va + PAGE, PAGE), 0);
	ck_assert_int_eq(unmap(0x10000, PAGE), PAGE);
	ck_assert_int_eq(unmap(0x20000, PAGE), PAGE);
	ck_assert_int_eq(map_flags(0x10000, va + 2 * PAGE, PAGE, VFIO_DMA_MAP_FLAG_READ), 0);
	return (long)sio_process_vmlck(rig.process);
}

static struct vfio_iommu_type1_info info_of_driver(void)
{
	struct vfio_iommu_type1_info info = {.argsz = 16};

	use_v2();
	ck_assert_int_eq(rig_ioctl(&rig, rig.container, VFIO_IOMMU_GET_INFO, &info), 0);
	return info;
}

static long info_flags(void)
{
	return info_of_driver().flags;
}

static long info_argsz(void)
{
	return info_of_driver().argsz;
}

static long info_pgsizes(void)
{
	return (long)info_of_driver().iova_pgsizes;
}

static long info_unwritable(void)
{
	struct vfio_iommu_type1_info info = {.argsz = 16};

	use_v2();
	ck_assert_int_eq(sio_inject(rig.machine, "copy.out:nth=1,errno=EFAULT", NULL, 0), 0);
	return rig_ioctl(&rig, rig.container, VFIO_IOMMU_GET_INFO, &info);
}

static long dirty_v1(void)
{
	use(VFIO_TYPE1_IOMMU);
	return dirty_start();
}

static long dirty_v2(void)
{
	use_v2();
	return dirty_start();
}

static long read_write_only(void)
{
	struct sio_device *device = sio_device_find(rig.machine, "A");
	char byte;

	use_v2();
	ck_assert_int_ge(rig_device(&rig, group, "A"), 0);
	ck_assert_int_eq(map_flags(0x10000, memory(1), PAGE, VFIO_DMA_MAP_FLAG_WRITE), 0);
	return sio_dma_read(device, 0x10000, &byte, 1, NULL) == 0;
}

/* Device E's DMA carries the id of the bridge above it. Its old domain lives on with device A. */
static long move_behind_bridge(void)
{
	struct sio_device *device = sio_device_find(rig.machine, "E");
	int first = rig.container, bridged, fd;
	long reads;
	char byte;

	use(VFIO_TYPE1_IOMMU);
	ck_assert_int_eq(map(0x10000, memory(1), PAGE), 0);
	bridged = rig_group(&rig, "E");
	ck_assert_int_eq(rig_join(&rig, bridged, first), 0);
	fd = rig_device(&rig, bridged, "E");
	ck_assert_int_eq(sio_dma_read(device, 0x10000, &byte, 1, NULL), 0);
	sio_close(rig.process, fd);
	sio_close(rig.process, bridged);
	rig.container = sio_open(rig.process, "/dev/vfio/vfio");
	bridged = rig_group(&rig, "E");
	ck_assert_int_eq(rig_join(&rig, bridged, rig.container), 0);
	ck_assert_int_eq(set_iommu(VFIO_TYPE1_IOMMU), 0);
	ck_assert_int_ge(rig_device(&rig, bridged, "E"), 0);
	ck_assert_int_eq(map(0x20000, memory(1), PAGE), 0);
	reads = sio_dma_read(device, 0x20000, &byte, 1, NULL) == 0;
	rig.container = first;
	return reads;
}

/* ---- answers ---- */

struct change {
	const char *from;
	long answer;
};

struct row {
	const char *name;
	long (*run)(void);
	bool rfc_as_it_is;
	struct change change[8];
};

static const struct row vtd48[] = {
	{"SET_IOMMU 1", open_v1, true, {{"2012", 0}, {"rfc2014", -EINVAL}, {"3.14", 0}}},
	{"SET_IOMMU 3", open_v2, true, {{"2012", -ENODEV}, {"3.14", 0}}},
	{"SET_IOMMU 6",
	 open_nesting,
	 true,
	 {{"2012", -ENODEV},
	  {"4.4", -EINVAL},
	  {"5.10", -ENODEV},
	  {"6.1", -EINVAL},
	  {"6.17", -ENODEV}}},
	{"CHECK_EXTENSION DMA_CC", ask_dma_cc, false, {{"2012", 0}, {"3.14", 1}}},
	{"CHECK_EXTENSION UNMAP_ALL", ask_unmap_all, false, {{"2012", 0}, {"5.12", 1}}},
	{"CHECK_EXTENSION UPDATE_VADDR", ask_update_vaddr, false, {{"2012", 0}, {"5.12", 1}}},
	{"SET_CONTAINER -1", join_bad_fd, false, {{"2012", -EINVAL}, {"6.1", -EBADF}}},
	{"SET_CONTAINER closed", join_closed_fd, false, {{"2012", -EBADF}}},
	{"SET_CONTAINER twice, closed",
	 join_twice_closed_fd,
	 false,
	 {{"2012", -EINVAL}, {"6.1", -EBADF}}},
	{"SET_CONTAINER with a group",
	 join_another_file,
	 false,
	 {{"2012", -EINVAL}, {"6.3", -EBADFD}}},
	{"SET_CONTAINER, not viable", join_unviable, false, {{"2012", 0}, {"6.1", -EPERM}}},
	{"GET_DEVICE_FD, not viable",
	 open_device_unviable,
	 false,
	 {{"2012", -EINVAL}, {"6.1", -EPERM}}},
	{"GET_DEVICE_FD, no container",
	 open_unknown_device,
	 false,
	 {{"2012", -EINVAL}, {"6.1", -ENODEV}}},
	{"DEVICE_GET_INFO irqs", device_irqs, false, {{"2012", 4}, {"4.4", 5}}},
	{"MAP to 2^64",
	 map_to_the_end,
	 false,
	 {{"2012", -EFAULT}, {"rfc2014", 0}, {"3.16", -EFAULT}, {"5.4", -EINVAL}}},
	{"MAP to 2^64, where the kernel stops",
	 map_to_the_end_is_noticed,
	 false,
	 {{"2012", 1}, {"rfc2014", 0}, {"3.16", 1}, {"5.4", 0}}},
	{"MAP over 2^64", map_over_the_end, false, {{"2012", -EINVAL}, {"6.18", -EOVERFLOW}}},
	{"MAP of a reserved region", map_reserved, false, {{"2012", 0}, {"5.4", -EINVAL}}},
	{"MAP beyond the aperture",
	 map_beyond_aperture,
	 false,
	 {{"2012", -EFAULT}, {"5.4", -EINVAL}}},
	{"MAP over the count limit",
	 map_third_of_two,
	 false,
	 {{"2012", 0}, {"4.19", -ENOSPC}, {"5.0", 0}, {"5.1", -ENOSPC}}},
	{"entries of two neighbours", count_neighbours, false, {{"2012", 1}, {"rfc2014", 2}}},
	{"UNMAP over 2^64",
	 unmap_over_the_end,
	 false,
	 {{"2012", 0x3000}, {"3.11", 0}, {"4.15", -EINVAL}, {"6.18", -EOVERFLOW}}},
	{"UNMAP to 2^64",
	 unmap_to_the_end,
	 false,
	 {{"2012", -0x1000}, {"3.11", 0}, {"4.15", -EINVAL}, {"4.19", 0}, {"6.18", 0x1000}}},
	{"UNMAP of size 0", unmap_nothing, false, {{"2012", 0}, {"3.11", -EINVAL}}},
	{"UNMAP from one mapping into the next",
	 unmap_across_two,
	 false,
	 {{"2012", 0x2000}, {"rfc2014", 0x10000}, {"5.12", 0}}},
	{"UNMAP of the front, v1", unmap_front, false, {{"2012", 0x1000}, {"rfc2014", 0x10000}}},
	{"UNMAP of the front, v2", unmap_front_v2, false, {{"2012", 0x1000}, {"rfc2014", -EINVAL}}},
	{"UNMAP by a child",
	 unmap_as_child,
	 false,
	 {{"2012", 0x1000}, {"4.10", 0}, {"6.1", 0x1000}}},
	{"VmLck after UNMAP by a child", charge_after_child, false, {{"2012", 4}, {"6.1", 0}}},
	{"UNMAP ALL", unmap_all, false, {{"2012", -EINVAL}, {"5.12", 0x1000}}},
	{"UNMAP VADDR", invalidate_vaddr, false, {{"2012", -EINVAL}, {"5.12", 0x1000}}},
	{"VmLck of an untouched page", charge_of_untouched, false, {{"2012", 0}, {"6.3", 4}}},
	{"VmLck beside a page written",
	 charge_beside_written,
	 false,
	 {{"2012", 4}, {"5.8", 0}, {"6.3", 4}}},
	{"GET_INFO flags", info_flags, false, {{"2012", 0}, {"4.4", 1}, {"5.4", 3}}},
	{"GET_INFO argsz",
	 info_argsz,
	 false,
	 {{"2012", 16}, {"5.4", 72}, {"5.8", 104}, {"5.10", 116}, {"6.12", 120}}},
	{"GET_INFO page sizes", info_pgsizes, false, {{"2012", -0x1000}, {"5.12", 0x40201000}}},
	{"GET_INFO, not writable", info_unwritable, false, {{"2012", 16}, {"4.4", -EFAULT}}},
	{"DIRTY_PAGES, v1", dirty_v1, false, {{"2012", -ENOTTY}, {"5.8", -EACCES}}},
	{"DIRTY_PAGES, v2", dirty_v2, false, {{"2012", -ENOTTY}, {"5.8", 0}}},
	{"a device reads a write-only mapping",
	 read_write_only,
	 false,
	 {{"2012", 0}, {"5.10", 1}, {"7.2", 0}}},
	{"a device behind a bridge reads after a move",
	 move_behind_bridge,
	 false,
	 {{"2012", 1}, {"6.12", 0}}},
};

static const struct row amdvi[] = {
	{"SET_IOMMU 6",
	 open_nesting,
	 true,
	 {{"2012", -ENODEV}, {"4.4", -EINVAL}, {"6.17", -ENODEV}}},
	{"MAP of the last page twice",
	 map_last_page_twice,
	 false,
	 {{"2012", -EEXIST},
	  {"3.11", -EBUSY},
	  {"rfc2014", 0},
	  {"3.16", -EBUSY},
	  {"5.0", 0},
	  {"6.17", -EINVAL}}},
};

#define VTD48_ROWS (sizeof(vtd48) / sizeof(vtd48[0]))
#define AMDVI_ROWS (sizeof(amdvi) / sizeof(amdvi[0]))

static const struct row *row_at(int n, const char **platform)
{
	*platform = n < (int)VTD48_ROWS ? "vtd48" : "amdvi";
	return n < (int)VTD48_ROWS ? &vtd48[n] : &amdvi[n - (int)VTD48_ROWS];
}

/* The last change at or before the kernel, in the order of the kernels. */
static long expected(unsigned kernel, const struct change *change)
{
	long answer = 0;

	for (unsigned k = 0; k <= kernel; k++)
		for (unsigned i = 0; i < 8 && change[i].from; i++)
			if (!strcmp(personality_at(k)->name, change[i].from))
				answer = change[i].answer;
	return answer;
}

static void boot(const char *kernel, const char *platform)
{
	struct sio_machine_cfg cfg = {.platform = platform, .kernel = kernel};
	char error[512];

	ck_assert_msg(!sio_machine_create(&cfg, &rig.machine, error, sizeof(error)), "%s", error);
	rig.process = sio_process_create(rig.machine);
	rig.container = sio_open(rig.process, "/dev/vfio/vfio");
	ck_assert_int_ge(rig.container, 0);
}

START_TEST(every_kernel_gives_its_answer)
{
	const struct personality *kernel;
	const char *platform;
	const struct row *row = row_at(_i, &platform);

	for (unsigned k = 0; (kernel = personality_at(k)); k++) {
		bool rfc = !strcmp(kernel->name, "rfc2014") && !row->rfc_as_it_is;
		long answer;

		boot(rfc ? "rfc2014,set_iommu_1_3,unmap_wrap_unchecked" : kernel->name, platform);
		answer = row->run();
		ck_assert_msg(answer == expected(k, row->change),
			      "%s on %s with %s: answered %ld, expected %ld", row->name, platform,
			      kernel->name, answer, expected(k, row->change));
		rig_halt(&rig);
	}
}
END_TEST

START_TEST(a_case_names_kernels_in_their_order)
{
	unsigned kernel = 0;
	const char *platform;
	const struct row *row = row_at(_i, &platform);

	for (unsigned i = 0; i < 8 && row->change[i].from; i++) {
		while (personality_at(kernel) &&
		       strcmp(personality_at(kernel)->name, row->change[i].from))
			kernel++;
		ck_assert_msg(personality_at(kernel) != NULL, "%s: %s", row->name,
			      row->change[i].from);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("kernels table");
	TCase *tcase = tcase_create("answers");
	int n = (int)(VTD48_ROWS + AMDVI_ROWS);

	tcase_set_timeout(tcase, 300);
	tcase_add_loop_test(tcase, a_case_names_kernels_in_their_order, 0, n);
	tcase_add_loop_test(tcase, every_kernel_gives_its_answer, 0, n);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
