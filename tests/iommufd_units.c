// SPDX-License-Identifier: GPL-2.0-only
/*
 * A program with /dev/iommu and a device node on machines whose units have all that iommufd can ask
 * for: from ioctl to what the device sees, with strict checking on. What a device reads and which
 * pages are dirty follows from what the program itself wrote.
 */
#include "api_client.h"
#include "iommufd/iommufd_uapi.h"

#define PAGE  4096u
#define IOVA  UINT64_C(0x100000)
#define PASID 7u

#define IOMMUFD(nr)     (0x3b00ul | (nr))
#define IOAS_ALLOC      IOMMUFD(0x81)
#define IOAS_MAP        IOMMUFD(0x85)
#define HWPT_ALLOC      IOMMUFD(0x89)
#define HW_INFO         IOMMUFD(0x8a)
#define SET_DIRTY       IOMMUFD(0x8b)
#define GET_DIRTY       IOMMUFD(0x8c)
#define HWPT_INVALIDATE IOMMUFD(0x8d)
#define FAULT_ALLOC     IOMMUFD(0x8e)
#define BIND            IOMMUFD(0x76)
#define ATTACH          IOMMUFD(0x77)
#define DETACH          IOMMUFD(0x78)

static struct client c;
static uint32_t ioas, devid;
static uint64_t memory;

static int call(int fd, unsigned long request, void *arg)
{
	int rc = sio_ioctl(c.process, fd, request, arg);

	return rc < 0 ? -errno : rc;
}

static int iommufd(unsigned long request, void *arg)
{
	return call(c.container, request, arg);
}

/* Device A bound, and 1 MiB of memory in an IOAS. */
static void open_bound(const char *platform)
{
	const struct sio_machine_cfg cfg = {.platform = platform, .kernel = "7.2", .strict = true};
	struct {
		uint32_t argsz, flags;
		int32_t iommufd;
		uint32_t devid;
	} bind = {.argsz = sizeof(bind)};
	struct iommu_ioas_alloc alloc = {.size = sizeof(alloc)};
	struct iommu_ioas_map map = {.size = sizeof(map), .flags = 7, .length = MIB, .iova = IOVA};
	char path[64];

	c = (struct client){.machine = client_machine(&cfg)};
	c.process = sio_process_create(c.machine);
	c.device = sio_device_find(c.machine, "A");
	c.container = sio_open(c.process, "/dev/iommu");
	ck_assert_int_ge(c.container, 0);
	snprintf(path, sizeof(path), "/dev/vfio/devices/vfio%d", sio_device_cdev(c.device));
	c.fd = sio_open(c.process, path);
	ck_assert_int_ge(c.fd, 0);
	bind.iommufd = c.container;
	ck_assert_int_eq(call(c.fd, BIND, &bind), 0);
	devid = bind.devid;
	ck_assert_int_eq(iommufd(IOAS_ALLOC, &alloc), 0);
	ioas = map.ioas_id = alloc.out_ioas_id;
	memory = map.user_va = client_memory(&c, MIB);
	ck_assert_int_eq(iommufd(IOAS_MAP, &map), 0);
}

static void teardown(void)
{
	struct sio_stale stale;

	ck_assert(!sio_stale_next(c.machine, &stale));
	client_audit(&c);
	sio_machine_destroy(c.machine);
}

static int alloc_hwpt(struct iommu_hwpt_alloc hwpt, uint32_t *id)
{
	int rc;

	hwpt.size = sizeof(hwpt);
	hwpt.dev_id = devid;
	rc = iommufd(HWPT_ALLOC, &hwpt);
	*id = hwpt.out_hwpt_id;
	return rc;
}

static uint32_t paging(uint32_t flags)
{
	uint32_t id;

	ck_assert_int_eq(alloc_hwpt((struct iommu_hwpt_alloc){.flags = flags, .pt_id = ioas}, &id),
			 0);
	return id;
}

/* pasid 0: requests without one. */
static int attach(uint32_t pt, uint32_t pasid)
{
	struct {
		uint32_t argsz, flags, pt, pasid;
	} arg = {sizeof(arg), pasid != 0, pt, pasid};

	return call(c.fd, ATTACH, &arg);
}

static void detach(uint32_t pasid)
{
	struct {
		uint32_t argsz, flags, pasid;
	} arg = {sizeof(arg), pasid != 0, pasid};

	ck_assert_int_eq(call(c.fd, DETACH, &arg), 0);
}

static void poke(uint64_t offset, uint64_t value)
{
	ck_assert_int_eq(sio_mem_write(c.process, memory + offset, &value, sizeof(value)), 0);
}

/* What the device reads at an address; -1: it is blocked. */
static int64_t reads(uint64_t iova, uint32_t pasid)
{
	const struct sio_dma dma = {.iova = iova, .len = 4, .has_pasid = pasid, .pasid = pasid};
	uint32_t word = 0;

	return sio_dma(c.device, &dma, &word, NULL) ? -1 : (int64_t)word;
}

static void writes(uint64_t iova, bool cached)
{
	const struct sio_dma dma = {.iova = iova, .len = 4, .write = true, .cached = cached};
	uint32_t word = 1;

	ck_assert_int_eq(sio_dma(c.device, &dma, &word, NULL), 0);
}

/* Dirty bits of the first 64 pages. */
static uint64_t dirty(uint32_t hwpt)
{
	uint64_t bits = 0;
	struct iommu_hwpt_get_dirty_bitmap get = {
		.size = sizeof(get),
		.hwpt_id = hwpt,
		.iova = IOVA,
		.length = 64 * PAGE,
		.page_size = PAGE,
		.data = (uintptr_t)&bits,
	};

	ck_assert_int_eq(iommufd(GET_DIRTY, &get), 0);
	return bits;
}

START_TEST(capabilities_are_those_of_unit_and_function)
{
	struct iommu_hw_info info = {.size = sizeof(info)};

	open_bound(_i ? "amdvi-full" : "vtd57nest");
	info.dev_id = devid;
	ck_assert_int_eq(iommufd(HW_INFO, &info), 0);
	/* Dirty tracking; requests with a PASID that execute or have privileges; ATS. */
	ck_assert_uint_eq(info.out_capabilities, _i ? 1 : 1 | 2 | 4);
	ck_assert_uint_eq(info.out_max_pasid_log2, _i ? 16 : 20);
	ck_assert_uint_eq(info.out_data_type, _i ? 0 : IOMMU_HW_INFO_TYPE_INTEL_VTD);
}
END_TEST

START_TEST(pages_that_the_device_writes_to_are_dirty_until_asked)
{
	struct iommu_hwpt_set_dirty_tracking set = {.size = sizeof(set), .flags = 1};
	uint64_t want;
	uint32_t hwpt;

	open_bound(_i ? "amdvi-full" : "vtd57nest");
	/* AMD-Vi takes large pages of any power of two: here all 64 pages are one. */
	want = _i ? UINT64_MAX : 0x28;
	hwpt = set.hwpt_id = paging(IOMMU_HWPT_ALLOC_DIRTY_TRACKING);
	ck_assert_int_eq(attach(hwpt, 0), 0);
	writes(IOVA + 3 * PAGE, false);
	ck_assert_int_eq(iommufd(SET_DIRTY, &set), 0);
	ck_assert_uint_eq(dirty(hwpt), 0);
	for (unsigned round = 0; round < 3; round++) {
		writes(IOVA + 3 * PAGE, false);
		writes(IOVA + 5 * PAGE, true);
		ck_assert_uint_eq(dirty(hwpt), want);
		ck_assert_uint_eq(dirty(hwpt), 0);
	}
	detach(0);
}
END_TEST

START_TEST(a_pasid_goes_by_its_own_hwpt_where_the_driver_has_that)
{
	uint32_t hwpt;

	open_bound(_i ? "amdvi-full" : "vtd57nest");
	poke(3 * PAGE, 0x600d);
	hwpt = paging(IOMMU_HWPT_ALLOC_PASID);
	ck_assert_int_eq(attach(hwpt, 0), 0);
	ck_assert_int_eq(reads(IOVA + 3 * PAGE, 0), 0x600d);
	ck_assert_int_eq(reads(IOVA + 3 * PAGE, PASID), -1);
	ck_assert_int_eq(attach(hwpt, PASID), _i ? -EOPNOTSUPP : 0);
	ck_assert_int_eq(reads(IOVA + 3 * PAGE, PASID), _i ? -1 : 0x600d);
	detach(PASID);
	ck_assert_int_eq(reads(IOVA + 3 * PAGE, PASID), -1);
	ck_assert_int_eq(reads(IOVA + 3 * PAGE, 0), 0x600d);
}
END_TEST

/* A guest's tables in the first pages: address 0 leads to page `to` of the memory. */
static uint32_t nested(uint32_t fault, unsigned to)
{
	struct iommu_hwpt_vtd_s1 stage1 = {.pgtbl_addr = IOVA, .addr_width = 48};
	uint32_t id;

	for (unsigned level = 0; level < 3; level++)
		poke(level * PAGE, IOVA + (level + 1) * PAGE + 7);
	poke(3 * PAGE, IOVA + to * PAGE + 7);
	ck_assert_int_eq(alloc_hwpt(
				 (struct iommu_hwpt_alloc){
					 .flags = IOMMU_HWPT_FAULT_ID_VALID,
					 .pt_id = paging(IOMMU_HWPT_ALLOC_NEST_PARENT),
					 .data_type = IOMMU_HWPT_DATA_VTD_S1,
					 .data_len = sizeof(stage1),
					 .data_uptr = (uintptr_t)&stage1,
					 .fault_id = fault,
				 },
				 &id),
			 0);
	return id;
}

static struct iommu_fault_alloc fault_queue(void)
{
	struct iommu_fault_alloc fault = {.size = sizeof(fault)};

	ck_assert_int_eq(iommufd(FAULT_ALLOC, &fault), 0);
	return fault;
}

START_TEST(a_guest_changes_its_tables_and_invalidates)
{
	struct iommu_hwpt_vtd_s1_invalidate entry = {.npages = 1};
	struct iommu_hwpt_invalidate inval = {
		.size = sizeof(inval),
		.data_uptr = (uintptr_t)&entry,
		.entry_len = sizeof(entry),
		.entry_num = 1,
	};

	open_bound("vtd57nest");
	poke(10 * PAGE, 10);
	poke(11 * PAGE, 11);
	inval.hwpt_id = nested(fault_queue().out_fault_id, 10);
	ck_assert_int_eq(attach(inval.hwpt_id, 0), 0);
	ck_assert_int_eq(reads(0, 0), 10);
	ck_assert_int_eq(reads(PAGE, 0), -1);
	poke(3 * PAGE, IOVA + 11 * PAGE + 7);
	ck_assert_int_eq(iommufd(HWPT_INVALIDATE, &inval), 0);
	ck_assert_uint_eq(inval.entry_num, 1);
	ck_assert_int_eq(reads(0, 0), 11);
	detach(0);
}
END_TEST

START_TEST(a_guest_takes_the_devices_page_requests)
{
	const struct sio_page_request request = {.iova = 0x9000,
						 .write = true,
						 .last = true,
						 .group = 5};
	struct iommu_hwpt_page_response response = {.code = IOMMUFD_PAGE_RESP_INVALID};
	struct iommu_hwpt_pgfault fault = {0};
	struct iommu_fault_alloc queue;
	uint16_t group = 0;
	unsigned code = 99;
	int fd;

	open_bound("vtd57nest");
	queue = fault_queue();
	fd = (int)queue.out_fault_fd;
	ck_assert_int_eq(sio_page_request(c.device, &request), -ENODEV);
	ck_assert_int_eq(attach(nested(queue.out_fault_id, 10), 0), 0);
	ck_assert_int_eq(sio_page_request(c.device, &request), 0);
	ck_assert_int_eq(sio_pread(c.process, fd, &fault, sizeof(fault), 0), sizeof(fault));
	ck_assert_uint_eq(fault.addr, 0x9000);
	ck_assert_uint_eq(fault.perm, IOMMU_PGFAULT_PERM_WRITE);
	ck_assert_uint_eq(fault.grpid, 5);
	ck_assert_uint_eq(fault.dev_id, devid);
	ck_assert(!sio_page_response_next(c.device, &group, &code));
	response.cookie = fault.cookie;
	ck_assert_int_eq(sio_pwrite(c.process, fd, &response, sizeof(response), 0),
			 sizeof(response));
	ck_assert(sio_page_response_next(c.device, &group, &code));
	ck_assert_uint_eq(group, 5);
	ck_assert_uint_eq(code, 1);
	/* What waits when the attachment ends is answered as invalid. */
	ck_assert_int_eq(sio_page_request(c.device, &request), 0);
	detach(0);
	ck_assert_int_eq(sio_page_request(c.device, &request), -ENODEV);
	ck_assert_int_eq(sio_close(c.process, fd), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("iommufd on units that have everything");
	TCase *tc = tcase_create("units");

	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_add_loop_test(tc, capabilities_are_those_of_unit_and_function, 0, 2);
	tcase_add_loop_test(tc, pages_that_the_device_writes_to_are_dirty_until_asked, 0, 2);
	tcase_add_loop_test(tc, a_pasid_goes_by_its_own_hwpt_where_the_driver_has_that, 0, 2);
	tcase_add_test(tc, a_guest_changes_its_tables_and_invalidates);
	tcase_add_test(tc, a_guest_takes_the_devices_page_requests);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
