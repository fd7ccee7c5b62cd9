// SPDX-License-Identifier: GPL-2.0-only
/*
 * The type1 container under failures: each client below is run with every point that it passes
 * failing once, on each kind of unit and as several kernels.
 */
#include "sweep_run.h"

/* Devices of groups of their own; where the units differ, in an order that makes new domains. */
static const struct machine {
	const char *platform, *kernel;
	const char *device[3];
	bool page_by_page; /* the kernel pins or invalidates page by page: less memory will do */
} machines[] = {
	{"vtd-mixed", "6.12", {"middle", "old", "new"}, false},
	{"vtd-mixed", "5.10", {"middle", "old", "new"}, true},
	{"vtd-mixed", "4.4", {"new", "middle", "old"}, true},
	{"vtd48", "6.12", {"A", "B", "E"}, false},
	{"vtd48", "2012", {"A", "B", "E"}, true},
	{"vtd48", "3.10", {"A", "B", "E"}, true},
	{"vtd48", "3.11", {"A", "B", "E"}, true},
	{"vtd48", "5.10", {"A", "B", "E"}, true},
	{"vtd48sm", "6.12", {"A", "B", "E"}, false},
	{"laptop", "7.2", {"lan", "graphics", "lan"}, false},
	{"amdvi", "6.12", {"A", "B", "E"}, false},
	{"amdvi", "4.19", {"A", "B", "E"}, true},
	{"amd-mixed", "6.12", {"disk0", "nic1", "disk0"}, false},
};

static const struct machine *now;

/* A container with the first device's group. */
static int begin(struct sweep_client *c)
{
	int group = sweep_group(c, now->device[0]);

	c->container = sio_open(c->process, "/dev/vfio/vfio");
	sweep_join(c, group);
	if (sio_ioctl(c->process, c->container, VFIO_SET_IOMMU, (void *)VFIO_TYPE1v2_IOMMU))
		sio_ioctl(c->process, c->container, VFIO_SET_IOMMU, (void *)VFIO_TYPE1_IOMMU);
	return group;
}

static void get_info(const struct sweep_client *c)
{
	union {
		struct vfio_iommu_type1_info info;
		uint8_t bytes[512];
	} buf = {.info.argsz = sizeof(buf)};

	sio_ioctl(c->process, c->container, VFIO_IOMMU_GET_INFO, &buf);
}

/* Chunks of every kind into all domains, then out again one by one and together. */
static void map_and_unmap(struct sweep_client *c)
{
	uint64_t big = now->page_by_page ? 0x10000 : 4 * MIB;
	uint64_t middle = now->page_by_page ? 0x20000 : 2 * MIB;
	uint64_t whole, small, seeded;

	begin(c);
	sweep_join(c, sweep_group(c, now->device[1]));
	sweep_join(c, sweep_group(c, now->device[2]));
	whole = sweep_memory(c, big, SIO_RUN_2M);
	small = sweep_memory(c, 0x8000, SIO_RUN_4K);
	seeded = sweep_memory(c, middle, SIO_RUN_SEEDED);
	sweep_map(c, 0, whole, big, SWEEP_RW);
	sweep_map(c, 8 * MIB, small, 0x8000, SWEEP_RW);
	sweep_map(c, 0x40000000, seeded, middle, VFIO_DMA_MAP_FLAG_READ);
	/* Already mapped, not aligned, no memory: refused whatever fails. */
	sweep_map(c, 8 * MIB, whole, 0x1000, SWEEP_RW);
	sweep_map(c, 0x800, whole, 0x1000, SWEEP_RW);
	sweep_map(c, 16 * MIB, 0x1000, 0x2000, SWEEP_RW);
	for (uint64_t i = 0; i < 6; i++)
		sweep_map(c, 0x80000000 + i * 0x3000, small + i * 0x1000, 0x1000, SWEEP_RW);
	get_info(c);
	sweep_unmap(c, 8 * MIB, 0x8000, 0);
	sweep_unmap(c, 0x80000000, 0x20000, 0);
	sweep_unmap(c, 0x40000000, middle, 0);
	sweep_unmap(c, 0, 0, VFIO_DMA_UNMAP_FLAG_ALL);
}

/* Groups that come to mappings and leave them. */
static void attach_and_detach(struct sweep_client *c)
{
	uint64_t size = now->page_by_page ? 0x8000 : MIB, memory;
	int group[3];

	group[0] = begin(c);
	memory = sweep_memory(c, 2 * MIB, SIO_RUN_SEEDED);
	sweep_map(c, 0, memory, size, SWEEP_RW);
	sweep_map(c, 64 * MIB, memory + size, 0x6000, SWEEP_RW);
	for (unsigned i = 1; i < 3; i++) {
		group[i] = sweep_group(c, now->device[i]);
		sweep_join(c, group[i]);
	}
	get_info(c);
	sio_ioctl(c->process, group[1], VFIO_GROUP_UNSET_CONTAINER, NULL);
	sio_close(c->process, group[2]);
	get_info(c);
	sweep_join(c, group[1]);
	sio_close(c->process, group[0]);
	sio_ioctl(c->process, group[1], VFIO_GROUP_UNSET_CONTAINER, NULL);
	sio_close(c->process, c->container);
}

/* A container that gets its driver when all groups are there. */
static void all_groups_at_once(struct sweep_client *c)
{
	int group[3];

	c->container = sio_open(c->process, "/dev/vfio/vfio");
	for (unsigned i = 0; i < 3; i++) {
		group[i] = sweep_group(c, now->device[i]);
		sweep_join(c, group[i]);
	}
	sio_ioctl(c->process, c->container, VFIO_SET_IOMMU, (void *)VFIO_TYPE1_IOMMU);
	sweep_map(c, MIB, sweep_memory(c, 0x4000, SIO_RUN_4K), 0x4000, SWEEP_RW);
	sweep_unmap(c, 0, 2 * MIB, 0);
	for (unsigned i = 0; i < 3; i++)
		sio_close(c->process, group[i]);
}

static void dirty(const struct sweep_client *c, uint32_t flags)
{
	struct vfio_iommu_type1_dirty_bitmap dirty = {.argsz = sizeof(dirty), .flags = flags};

	sio_ioctl(c->process, c->container, VFIO_IOMMU_DIRTY_PAGES, &dirty);
}

/* The kernel's structures have an open end, behind which more follows. */
struct dirty_get_arg {
	uint32_t argsz, flags;
	struct vfio_iommu_type1_dirty_bitmap_get get;
};

struct dirty_unmap_arg {
	uint32_t argsz, flags;
	uint64_t iova, size;
	struct vfio_bitmap bitmap;
};

static void dirty_get(const struct sweep_client *c, uint64_t iova, uint64_t size)
{
	struct dirty_get_arg arg = {
		.argsz = sizeof(arg),
		.flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP,
		.get = {.iova = iova, .size = size},
	};
	uint64_t bits[64] = {0};

	arg.get.bitmap.pgsize = 4096;
	arg.get.bitmap.size = sizeof(bits);
	arg.get.bitmap.data = (void *)bits;
	sio_ioctl(c->process, c->container, VFIO_IOMMU_DIRTY_PAGES, &arg);
}

static void unmap_dirty(const struct sweep_client *c, uint64_t iova, uint64_t size)
{
	struct dirty_unmap_arg arg = {
		.argsz = sizeof(arg),
		.flags = VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP,
		.iova = iova,
		.size = size,
	};
	uint64_t bits[64] = {0};

	arg.bitmap.pgsize = 4096;
	arg.bitmap.size = sizeof(bits);
	arg.bitmap.data = (void *)bits;
	sio_ioctl(c->process, c->container, VFIO_IOMMU_UNMAP_DMA, &arg);
}

static void track_dirty_pages(struct sweep_client *c)
{
	uint64_t memory;

	begin(c);
	memory = sweep_memory(c, MIB, SIO_RUN_SEEDED);
	sweep_map(c, 0, memory, 0x10000, SWEEP_RW);
	sweep_map(c, 0x20000, memory + 0x10000, 0x4000, SWEEP_RW);
	dirty(c, VFIO_IOMMU_DIRTY_PAGES_FLAG_START);
	sweep_map(c, 0x30000, memory + 0x20000, 0x8000, SWEEP_RW);
	dirty_get(c, 0, 0x40000);
	unmap_dirty(c, 0x20000, 0x20000);
	dirty(c, VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP);
	sweep_unmap(c, 0, MIB, 0);
}

/* The mapping's memory moves: to another place, and to another process. */
static void update_addresses(struct sweep_client *c)
{
	struct sweep_client child = *c;
	uint64_t memory;

	begin(c);
	memory = sweep_memory(c, MIB, SIO_RUN_2M);
	sweep_map(c, 0, memory, 0x8000, SWEEP_RW);
	sweep_map(c, MIB, memory + 0x8000, 0x8000, SWEEP_RW);
	sweep_unmap(c, 0, 2 * MIB, VFIO_DMA_UNMAP_FLAG_VADDR);
	sweep_map(c, 0, memory + 0x20000, 0x8000, VFIO_DMA_MAP_FLAG_VADDR);
	child.process = sio_process_fork(c->process);
	child.container = c->container;
	if (child.process) {
		sweep_map(&child, MIB, memory, 0x8000, VFIO_DMA_MAP_FLAG_VADDR);
		sweep_unmap(&child, 0, 2 * MIB, 0);
		sio_process_exit(child.process);
	}
}

/* A user without the right to lock as much as he likes, whose mappings are many. */
static void ordinary_user(struct sweep_client *c)
{
	uint64_t memory;

	begin(c);
	sio_process_set_caps(c->process, 0);
	sio_process_set_memlock(c->process, 0x40000);
	memory = sweep_memory(c, MIB, SIO_RUN_2M);
	for (uint64_t i = 0; i < 12; i++)
		sweep_map(c, i * 2 * MIB, memory + i * 0x4000, 0x4000, SWEEP_RW);
	sweep_map(c, 0x40000000, memory, 0x40000, SWEEP_RW);
	sweep_unmap(c, 0, 24 * MIB, 0);
}

/* Memory that is not plain: a device's, huge pages, files, what is locked already. */
static void unusual_memory(struct sweep_client *c)
{
	struct sio_mem mem = {.size = 4 * MIB, .prot = SIO_PROT_RW, .hugetlb = true};
	uint64_t huge = 0, file = 0, bar = 0, most = now->page_by_page ? 0x8000 : 4 * MIB;
	int group = begin(c), device = sweep_device(c, group, now->device[0]);
	uint32_t command = 6;

	sio_mem_map(c->process, &mem, &huge);
	sweep_map(c, 0, huge, most, SWEEP_RW);
	mem = (struct sio_mem){.size = MIB, .prot = SIO_PROT_READ, .kind = SIO_MEM_MEMFD};
	sio_mem_map(c->process, &mem, &file);
	sweep_map(c, 8 * MIB, file, most < MIB ? most : MIB, VFIO_DMA_MAP_FLAG_READ);
	sio_mem_lock(c->process, file, 0x4000);
	sio_pwrite(c->process, device, &command, 2,
		   ((uint64_t)VFIO_PCI_CONFIG_REGION_INDEX << 40) + 4);
	sio_mem_map_fd(c->process, device, 0, 0x4000, 0, &bar);
	sweep_map(c, 16 * MIB, bar, 0x4000, SWEEP_RW);
	sio_mem_protect(c->process, file, 0x1000, SIO_PROT_NONE);
	sio_mem_discard(c->process, file, 0x2000);
	sio_mem_unlock(c->process, file, 0x2000);
	sweep_unmap(c, 0, 0, VFIO_DMA_UNMAP_FLAG_ALL);
	sweep_unmap(c, 0, 32 * MIB, 0);
	sio_mem_unmap(c->process, huge, 4 * MIB);
	sio_close(c->process, device);
}

/* A unit of 64 bits, whose last page some kernels cannot unmap again. */
static void last_page(struct sweep_client *c)
{
	uint64_t memory;

	begin(c);
	memory = sweep_memory(c, 0x4000, SIO_RUN_4K);
	sweep_map(c, 0xffffffffffffc000, memory, 0x4000, SWEEP_RW);
	sweep_map(c, 0x7fffffffc000, memory, 0x4000, SWEEP_RW);
	sweep_unmap(c, 0xffffffffffffc000, 0x4000, 0);
	sweep_unmap(c, 0x7fffffffc000, 0x4000, 0);
}

/* The first type: an UNMAP may cut an entry low, high and in the middle. */
static void cuts(struct sweep_client *c)
{
	uint64_t memory;

	c->container = sio_open(c->process, "/dev/vfio/vfio");
	sweep_join(c, sweep_group(c, now->device[0]));
	sio_ioctl(c->process, c->container, VFIO_SET_IOMMU, (void *)VFIO_TYPE1_IOMMU);
	memory = sweep_memory(c, 0x10000, SIO_RUN_4K);
	sweep_map(c, MIB, memory, 0x8000, SWEEP_RW);
	sweep_map(c, MIB + 0x8000, memory + 0x8000, 0x8000, SWEEP_RW);
	sweep_unmap(c, MIB + 0x3000, 0x2000, 0);
	sweep_unmap(c, MIB, 0x1000, 0);
	sweep_unmap(c, MIB + 0xe000, 0x2000, 0);
	sweep_unmap(c, MIB + 0x7000, 0x2000, 0);
	sweep_unmap(c, 0, 2 * MIB, 0);
}

static const struct {
	const char *name;
	void (*run)(struct sweep_client *c);
} clients[] = {
	{"map and unmap", map_and_unmap},
	{"attach and detach", attach_and_detach},
	{"all groups at once", all_groups_at_once},
	{"track dirty pages", track_dirty_pages},
	{"update addresses", update_addresses},
	{"ordinary user", ordinary_user},
	{"unusual memory", unusual_memory},
	{"last page", last_page},
	{"cuts", cuts},
};

START_TEST(every_failure_is_refused_or_survived)
{
	now = &machines[_i];
	for (size_t i = 0; i < SIO_ARRAY_SIZE(clients); i++) {
		struct sio_machine_cfg cfg = {.platform = now->platform,
					      .kernel = now->kernel,
					      .strict = true};
		char name[80];

		snprintf(name, sizeof(name), "%s, %s: %s", now->platform, now->kernel,
			 clients[i].name);
		sweep_machine(name, &cfg, clients[i].run);
	}
}
END_TEST

static const struct sweep_reason reasons[] = {
	{"vfio.*", "files of devices: tests/sweep_vfio.c"},
	{"eventfd.*", "files of devices: tests/sweep_vfio.c"},
	{"mm.frames.unaligned", "passed when RAM has no free run that is aligned"},
	{"pt.split", "no kernel of today cuts a large page"},
	{"pt.grow-root", "a driver gives its domains all levels at once"},
	{"mm.create", "passed before a process can make a call"},
	{"fd.create", "passed before a process can make a call"},
	SWEEP_BOOT_REASONS,
	{NULL, NULL},
};

int main(void)
{
	Suite *suite = suite_create("type1 sweep");
	TCase *tcase = tcase_create("sweep");
	int rc;

	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, every_failure_is_refused_or_survived, 0,
			    SIO_ARRAY_SIZE(machines));
	suite_add_tcase(suite, tcase);
	rc = run_suite(suite);
	sweep_print(reasons);
	return rc;
}
