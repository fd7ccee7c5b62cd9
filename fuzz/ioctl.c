// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any ioctl with any bytes on any file that the kernel has: containers, groups, devices and their
 * nodes, /dev/iommu and its files of faults and events, eventfds, memory files, under old and new
 * kernels, with reads, writes, maps, forks and DMA between them. Every call answers, and the audits
 * hold.
 *
 * Most inputs begin in the middle of things: with a device in use, by its group or its node.
 * Structures are words of which each is likely a pointer into the arena, an address, an id, a
 * descriptor or an edge.
 */
#include "client.h"

#include <linux/vfio.h>

#include "iommufd/iommufd_uapi.h"

#define OPERATIONS_MAX 300u
#define PROCESSES      3u
#define WORDS_MAX      16u
#define FDS            32u

static const struct sio_machine_cfg machines[] = {
	{.platform = "vtd57nest", .kernel = "7.2", .selftest = true},
	{.platform = "vtd57nest", .kernel = "6.12"},
	{.platform = "amdvi-full", .kernel = "7.2"},
	{.platform = "vtd48", .kernel = "6.12,iommufd_container"},
	{.platform = "vtd-mixed", .kernel = "6.1"},
	{.platform = "vtd39", .kernel = "5.10"},
	{.platform = "two-drhd", .kernel = "3.16"},
	{.platform = "vtd48", .kernel = "2012"},
};

struct target {
	struct client c;
	struct sio_process *process[PROCESSES];
	unsigned processes;
};

static uint64_t take(struct target *t, unsigned bytes)
{
	return client_take(&t->c, bytes);
}

static int any_fd(struct target *t)
{
	unsigned n = (unsigned)take(t, 1);

	return n == 255 ? -1 : (int)(n % FDS);
}

static struct sio_device *any_device(struct target *t)
{
	struct sio_machine *machine = t->c.machine;

	return &machine->device[take(t, 1) % machine->device_count];
}

static uint64_t any_word(struct target *t)
{
	static const uint64_t edges[] = {
		1,
		0xfff,
		0x1000,
		INT32_MAX,
		UINT32_MAX,
		INT64_MAX,
		UINT64_C(1) << 63,
		UINT64_MAX,
		UINT64_MAX - 0xfff,
		UINT64_MAX - 0x1000,
		0x7fffffffe000,
		0x7ffffffff000,
		0xfee00000,
		UINT64_C(1) << 39,
		UINT64_C(1) << 48,
		MEMORY_AT,
	};
	uint64_t how = take(t, 1);

	switch (how & 7) {
	case 0:
		return how & 8 ? how >> 4 : 0;
	case 1:
		return ARENA_FIRST + take(t, 1) * 64 + (how >> 3);
	case 2:
		return MEMORY_AT + take(t, 1) * 4096 + (how & 8 ? take(t, 2) : 0);
	case 3:
		return (take(t, 1) << 12) + (how & 8 ? UINT64_C(1) << 24 : 0);
	case 4:
		return edges[how >> 4];
	case 5:
		return take(t, 8);
	case 6:
		return take(t, 1) << 32 | how >> 3;
	default:
		return (uint64_t)(how >> 3) << 32 | take(t, 1);
	}
}

static void fill_words(struct target *t, uint64_t at, unsigned words)
{
	for (unsigned i = 0; i < words; i++) {
		uint64_t word = any_word(t);

		arena_copy_out(NULL, at + 8 * i, &word, sizeof(word));
	}
}

/* ---- operations ---- */

static unsigned long any_request(struct target *t)
{
	/* VFIO's numbers, iommufd's, the selftest's. */
	static const uint8_t first[] = {100, 100, 0x80, 0x80};
	uint64_t how = take(t, 1), nr;

	if ((how & 0xe0) == 0xe0)
		return take(t, 4);
	nr = (how & 0x18) == 0x18 ? 0xa0 : first[how >> 3 & 3] + (how >> 5) * 4 + (how & 3);
	if (how & 4)
		nr = take(t, 1);
	return _IO(VFIO_TYPE, (unsigned)nr);
}

/* What most structures begin with. iommufd wants zeros behind what it knows, so mostly that much.
 */
static uint32_t usual_size(unsigned long request, uint32_t size)
{
	static const uint8_t sizes[] = {8,  12, 24, 40, 32, 40, 24, 24, 12, 48, 40,
					16, 48, 32, 16, 40, 40, 24, 8,  32, 40};
	const unsigned nr = _IOC_NR(request);

	if (nr == 0xa0)
		return 72;
	return nr - 0x80 < sizeof(sizes) ? sizes[nr - 0x80] : size;
}

static void do_ioctl(struct target *t)
{
	int fd = any_fd(t);
	unsigned long request = any_request(t);
	uint64_t how = take(t, 1), at = ARENA_FIRST;
	unsigned words = 1 + (unsigned)(how % WORDS_MAX);
	uint32_t size = how & 64 ? (uint32_t)take(t, 1) : usual_size(request, words * 8);

	fill_words(t, at, words);
	if (!(how & 128))
		arena_copy_out(NULL, at, &size, sizeof(size));
	if (how & 16)
		at = any_word(t);
	if (how & 32)
		at += take(t, 2);
	sio_ioctl(t->c.process, fd, request, client_address(at));
}

static void do_open(struct target *t)
{
	struct sio_device *device = any_device(t);
	char path[64] = "/dev/iommu";

	switch (take(t, 1) & 7) {
	case 0:
		snprintf(path, sizeof(path), "/dev/vfio/vfio");
		break;
	case 1:
	case 2:
		snprintf(path, sizeof(path), "/dev/vfio/%d", sio_device_group(device));
		break;
	case 3:
	case 4:
		snprintf(path, sizeof(path), "/dev/vfio/devices/vfio%d", sio_device_cdev(device));
		break;
	case 5:
		sio_eventfd(t->c.process);
		return;
	case 6:
		sio_memfd(t->c.process, (take(t, 1) & 63) * 4096);
		return;
	default:
		break;
	}
	sio_open(t->c.process, path);
}

static void do_file(struct target *t)
{
	int fd = any_fd(t);
	uint64_t how = take(t, 1), at = ARENA_FIRST + take(t, 2), len = take(t, 2), offset, count;

	/* Regions of devices begin at multiples of 2^40. */
	offset = (how & 8 ? take(t, 1) % 12 << 40 : 0) + (how & 16 ? any_word(t) : take(t, 2));
	if (how & 32)
		len = take(t, 1) % 17;
	switch (how & 7) {
	case 0:
		sio_pread(t->c.process, fd, client_address(at), len, offset);
		break;
	case 1:
	case 2:
		fill_words(t, at, 2);
		sio_pwrite(t->c.process, fd, client_address(at), len, offset);
		break;
	case 3:
		sio_poll(t->c.process, fd);
		break;
	case 4:
		sio_seek(t->c.process, fd, offset);
		break;
	case 5:
		sio_eventfd_read(t->c.process, fd, &count);
		break;
	case 6:
		sio_dup(t->c.process, fd);
		break;
	default:
		sio_close(t->c.process, fd);
	}
}

static void do_memory(struct target *t)
{
	struct sio_process *p = t->c.process;
	uint64_t how = take(t, 1), at = MEMORY_AT + take(t, 1) * 4096, got;
	uint64_t size = 4096 * (1 + take(t, 1) % 64);
	int fd;

	switch (how & 7) {
	case 0:
		sio_mem_unmap(p, at, size);
		break;
	case 1:
		sio_mem_protect(p, at, size, how >> 3 & 3);
		break;
	case 2:
		sio_mem_discard(p, at, size);
		break;
	case 3:
	case 4:
		fd = any_fd(t);
		sio_mem_map_file(p,
				 &(struct sio_file_map){.fd = fd,
							.offset = any_word(t),
							.size = size,
							.address = at,
							.prot = how >> 3 & 3,
							.private_copy = how & 32,
							.executable = how & 64},
				 &got);
		break;
	case 5:
		fd = any_fd(t);
		if (how & 8)
			sio_file_truncate(p, fd, take(t, 1) << 11);
		else if (how & 16)
			sio_file_punch(p, fd, take(t, 1) << 12, size);
		else
			sio_file_seal(p, fd, (unsigned)how >> 5);
		break;
	default:
		sio_mem_map(p,
			    &(struct sio_mem){.address = at,
					      .size = size,
					      .prot = how >> 3 & 3,
					      .kind = (enum sio_mem_kind)(how >> 5 & 3)},
			    &got);
	}
}

static void do_process(struct target *t)
{
	uint64_t how = take(t, 1);
	unsigned n = (unsigned)(how >> 3) % t->processes;

	switch (how & 7) {
	case 0:
		if (t->processes == PROCESSES)
			break;
		t->process[t->processes] = sio_process_fork(t->c.process);
		if (t->process[t->processes])
			t->processes++;
		break;
	case 1:
		if (t->processes == 1)
			break;
		sio_process_exit(t->process[n]);
		t->process[n] = t->process[--t->processes];
		n = 0;
		break;
	case 2:
		sio_process_exec(t->c.process);
		break;
	case 3:
		sio_process_set_caps(t->c.process, (unsigned)how >> 5);
		break;
	case 4:
		sio_process_set_memlock(t->c.process, take(t, 1) * 4096);
		break;
	default:
		break;
	}
	t->c.process = t->process[n];
}

static void do_device(struct target *t)
{
	static const char *const drivers[] = {"vfio-pci", "vfio-pci", "pci-stub", "host"};
	struct sio_device *device = any_device(t);
	uint64_t how = take(t, 1), iova = any_word(t);
	uint8_t buf[64];
	uint16_t group;
	unsigned code;

	switch (how & 7) {
	case 0:
		sio_device_bind(device, drivers[how >> 3 & 3]);
		break;
	case 1:
		sio_device_unbind(device);
		break;
	case 2:
	case 3:
		sio_page_request(device, &(struct sio_page_request){.iova = iova,
								    .has_pasid = how & 8,
								    .pasid = (uint32_t)(how >> 6),
								    .read = how & 16,
								    .write = how & 32,
								    .last = how & 1,
								    .group = (uint16_t)(how >> 4)});
		while (sio_page_response_next(device, &group, &code))
			;
		break;
	default:
		memset(buf, (int)how, sizeof(buf));
		sio_dma(device,
			&(struct sio_dma){.iova = iova,
					  .len = 1 + (how >> 2) % sizeof(buf),
					  .write = how & 1,
					  .has_pasid = how & 8,
					  .pasid = (uint32_t)(how >> 6),
					  .cached = how & 16},
			buf, NULL);
	}
}

static void step(struct target *t)
{
	uint64_t op = take(t, 1);

	t->c.operations++;
	fuzz_counts->operations++;
	switch (op % 16) {
	case 0:
	case 1:
		do_open(t);
		break;
	case 2:
		do_memory(t);
		break;
	case 3:
		do_process(t);
		break;
	case 4:
		do_device(t);
		break;
	case 5:
	case 6:
	case 7:
		do_file(t);
		break;
	case 8:
		fill_words(t, ARENA_FIRST + op / 16 * 256, 4);
		break;
	default:
		do_ioctl(t);
	}
	if (t->c.operations % 16 == 0)
		client_audit(&t->c, false);
}

/* ---- the middle of things ---- */

/* The first device that programs can open; every platform here has one. */
static struct sio_device *first_device(struct target *t)
{
	char driver[32];

	for (unsigned i = 0; i < t->c.machine->device_count; i++) {
		sio_device_driver(&t->c.machine->device[i], driver);
		if (!strcmp(driver, "vfio-pci"))
			return &t->c.machine->device[i];
	}
	client_fail(&t->c, "the platform has no device for programs");
	return NULL;
}

/* Descriptors: container 0, group 1, device 2. Older kernels refuse parts of it. */
static void begin_group(struct target *t)
{
	struct sio_device *device = first_device(t);
	struct vfio_iommu_type1_dma_map map = {.argsz = sizeof(map),
					       .flags = 3,
					       .vaddr = MEMORY_AT,
					       .iova = 1 << 24,
					       .size = 1 << 16};
	char path[48], name[16];
	int32_t container = sio_open(t->c.process, "/dev/vfio/vfio");
	int group;

	snprintf(path, sizeof(path), "/dev/vfio/%d", sio_device_group(device));
	group = sio_open(t->c.process, path);
	client_ioctl(&t->c, group, VFIO_GROUP_SET_CONTAINER, &container, sizeof(container));
	sio_ioctl(t->c.process, container, VFIO_SET_IOMMU,
		  client_address(t->c.size & 1 ? VFIO_TYPE1_IOMMU : VFIO_TYPE1v2_IOMMU));
	snprintf(name, sizeof(name), "%s", sio_device_bdf(device));
	client_ioctl(&t->c, group, VFIO_GROUP_GET_DEVICE_FD, name, sizeof(name));
	client_ioctl(&t->c, container, VFIO_IOMMU_MAP_DMA, &map, sizeof(map));
}

/* Descriptors: /dev/iommu 0, node 1, faults 2. Objects: IOAS 1, device 2, faults 3, parent 4. */
static void begin_node(struct target *t)
{
	struct sio_device *device = first_device(t);
	struct iommu_ioas_alloc ioas = {.size = sizeof(ioas)};
	struct iommu_fault_alloc fault = {.size = sizeof(fault)};
	struct iommu_hwpt_alloc hwpt = {.size = sizeof(hwpt),
					.flags = IOMMU_HWPT_ALLOC_NEST_PARENT};
	struct {
		uint32_t argsz, flags;
		int32_t iommufd;
		uint32_t devid;
	} bind = {.argsz = sizeof(bind)};
	struct {
		uint32_t argsz, flags, pt_id;
	} attach = {.argsz = sizeof(attach)};
	char path[48];
	int node;

	bind.iommufd = sio_open(t->c.process, "/dev/iommu");
	snprintf(path, sizeof(path), "/dev/vfio/devices/vfio%d", sio_device_cdev(device));
	node = sio_open(t->c.process, path);
	client_ioctl(&t->c, bind.iommufd, IOMMU_IOAS_ALLOC, &ioas, sizeof(ioas));
	client_ioctl(&t->c, node, _IO(VFIO_TYPE, VFIO_BASE + 18), &bind, sizeof(bind));
	client_ioctl(&t->c, bind.iommufd, IOMMU_FAULT_QUEUE_ALLOC, &fault, sizeof(fault));
	hwpt.dev_id = bind.devid;
	hwpt.pt_id = ioas.out_ioas_id;
	client_ioctl(&t->c, bind.iommufd, IOMMU_HWPT_ALLOC, &hwpt, sizeof(hwpt));
	attach.pt_id = hwpt.out_hwpt_id;
	client_ioctl(&t->c, node, _IO(VFIO_TYPE, VFIO_BASE + 19), &attach, sizeof(attach));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct kept kept[SIO_ARRAY_SIZE(machines)];
	struct target t = {.c = {.data = data, .size = size}, .processes = 1};
	uint64_t how, at = MEMORY_AT;

	if (size < 2 || size > 65536)
		return 0;
	fuzz_counts->inputs++;
	how = take(&t, 1);
	client_begin(&t.c, &machines[how % SIO_ARRAY_SIZE(machines)],
		     &kept[how % SIO_ARRAY_SIZE(machines)]);
	t.process[0] = t.c.process;
	sio_mem_map(t.c.process, &(struct sio_mem){.address = at, .size = 1 << 20, .prot = 3}, &at);
	if (how & 16)
		begin_group(&t);
	if (how & 32)
		begin_node(&t);
	while (t.c.operations < OPERATIONS_MAX && t.c.size)
		step(&t);
	client_audit(&t.c, true);
	while (t.processes)
		sio_process_exit(t.process[--t.processes]);
	client_audit(&t.c, true);
	client_end(&t.c);
	return 0;
}
