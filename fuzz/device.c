// SPDX-License-Identifier: GPL-2.0-only
/*
 * A program with one device of vfio-pci, by its group or its node: information, configuration
 * space, BARs, interrupts, features, resets, and arguments of all kinds that are wrong, beside a
 * plain account of what each answers (device_model.h).
 *
 * After every operation all of the hardware's configuration space is what it should be, and every
 * eventfd has counted what it should have. An input is a head and records of 8 bytes each, a record
 * an operation.
 */
#include "device_config.h"
#include "device_irqs.h"

#include <linux/vfio.h>

#define NODE_CALL  (VFIO_BASE + 18)
#define GENERIC_AT 0x40u

static const char platform[] =
	"machine = { ram = \"64M\"; };\n"
	"units = ( { name = \"dmar0\"; include-all = true; aw-bits = 48;\n"
	"            snoop-control = true; intremap = true; } );\n"
	"devices = (\n"
	"  { bdf = \"00:01.0\"; model = \"pcie-root-port\"; secondary-bus = 1; acs = true; },\n"
	"  { bdf = \"00:02.0\"; model = \"pcie-root-port\"; secondary-bus = 2; acs = true; },\n"
	"  { name = \"edu\"; bdf = \"00:03.0\"; model = \"edu\"; },\n"
	"  { name = \"nic\"; bdf = \"00:05.0\"; model = \"e1000e\"; },\n"
	"  { name = \"disk\"; bdf = \"00:06.0\"; model = \"nvme\"; },\n"
	"  { name = \"many\"; bdf = \"00:07.0\"; model = \"generic\"; },\n"
	"  { name = \"alone\"; bdf = \"01:00.0\"; model = \"edu\"; },\n"
	"  { name = \"two\"; bdf = \"02:00.0\"; model = \"edu\"; },\n"
	"  { name = \"other\"; bdf = \"02:00.1\"; model = \"edu\"; } );\n";

static const struct shape shapes[] = {
	{.name = "edu",
	 .bar = {1 << 20},
	 .vectors = {1, 1, 0, 0, 1},
	 .config = 256,
	 .msi = 0x40,
	 .msi_bytes = 14},
	{.name = "nic",
	 .bar = {0x20000, 0x20000, 32, 0x4000},
	 .io_bar = 3,
	 .rom = 0x40000,
	 .rom_used = 512,
	 .vectors = {1, 1, 5, 1, 1},
	 .msix_bar = 3,
	 .config = 4096,
	 .pm = 0xc8,
	 .msi = 0xd0,
	 .msi_bytes = 14,
	 .pcie = 0xe0,
	 .msix = 0xa0,
	 .aer = 0x100,
	 .serial = 0x140,
	 .reset = true},
	{.name = "disk",
	 .bar = {0x4000},
	 .wide_bar = 1,
	 .vectors = {1, 0, 65, 1, 1},
	 .config = 4096,
	 .pm = 0x60,
	 .pcie = 0x80,
	 .msix = 0x40,
	 .reset = true,
	 .flr = true},
	{.name = "many",
	 .vectors = {1, 8, 0, 0, 1},
	 .config = 256,
	 .pm = GENERIC_AT,
	 .msi = GENERIC_AT + 8,
	 .msi_bytes = 10,
	 .vendor = GENERIC_AT + 20,
	 .vendor_bytes = 8,
	 .af = GENERIC_AT + 28,
	 .reset = true,
	 .flr = true},
	{.name = "alone",
	 .bar = {1 << 20},
	 .vectors = {1, 1, 0, 0, 1},
	 .config = 256,
	 .msi = 0x40,
	 .msi_bytes = 14,
	 .reset = true,
	 .bus = true,
	 .alone_on_bus = true},
	{.name = "two",
	 .bar = {1 << 20},
	 .vectors = {1, 1, 0, 0, 1},
	 .config = 256,
	 .msi = 0x40,
	 .msi_bytes = 14,
	 .bus = true},
};

/* ---- information ---- */

static void do_info(void)
{
	static const uint32_t sizes[] = {0, 15, 16, 20, 23, 24, 40, 24};
	uint32_t info[10], want[10];
	long rc;

	memset(info, 0xa5, sizeof(info));
	info[0] = sizes[take(3)];
	memcpy(want, info, sizeof(want));
	want[1] = VFIO_DEVICE_FLAGS_PCI | (t.m.shape->reset ? 1u : 0);
	want[2] = VFIO_PCI_NUM_REGIONS;
	want[3] = VFIO_PCI_NUM_IRQS;
	want[4] = want[5] = 0;
	if (info[0] < 24)
		memcpy((uint8_t *)want + info[0], (uint8_t *)info + info[0], 24 - info[0]);
	rc = call(t.fd, VFIO_DEVICE_GET_INFO, info, sizeof(info));
	note("info", want[0], 0, 0, rc);
	same("the answer", (uint64_t)rc, (uint64_t)(want[0] < 16 ? -EINVAL : 0));
	if (!rc && memcmp(info, want, sizeof(info)))
		differ("what GET_INFO tells", info[1], want[1]);
}

static void do_region_info(void)
{
	static const uint32_t sizes[] = {31, 32, 36, 39, 40, 64, 40, 32};
	struct {
		struct vfio_region_info info;
		struct vfio_info_cap_header cap;
		uint64_t behind;
	} got, want;
	const struct shape *s = t.m.shape;
	unsigned index = (unsigned)take(4);
	bool table;
	long rc;

	memset(&got, 0xa5, sizeof(got));
	got.info.argsz = sizes[take(3)];
	got.info.index = index = index == 15 ? UINT32_MAX : index;
	want = got;
	want.info.offset = REGION(index & 255);
	want.info.flags = index == VFIO_PCI_CONFIG_REGION_INDEX ? 3 : 0;
	want.info.size = index == VFIO_PCI_CONFIG_REGION_INDEX ? s->config : 0;
	if (index < 6) {
		want.info.size = s->bar[index];
		want.info.flags = !want.info.size ? 0 : s->io_bar == index + 1 ? 3 : 7;
	} else if (index == VFIO_PCI_ROM_REGION_INDEX) {
		want.info.size = s->rom;
		want.info.flags = s->rom ? 1 : 0;
	}
	table = s->msix && s->msix_bar == index;
	if (table) {
		want.info.flags |= VFIO_REGION_INFO_FLAG_CAPS;
		want.info.cap_offset = got.info.argsz < 40 ? 0 : 32;
		want.info.argsz = got.info.argsz < 40 ? 40 : got.info.argsz;
		if (want.info.cap_offset)
			want.cap = (struct vfio_info_cap_header){3, 1, 0};
	}
	rc = got.info.argsz < 32 || index > 7 ? -EINVAL : 0;
	note("region_info", index, got.info.argsz, 0, rc);
	same("the answer", (uint64_t)call(t.fd, VFIO_DEVICE_GET_REGION_INFO, &got, sizeof(got)),
	     (uint64_t)rc);
	if (!rc && memcmp(&got, &want, sizeof(got)))
		differ("what GET_REGION_INFO tells", got.info.flags, want.info.flags);
}

static void do_irq_info(void)
{
	const uint32_t flags[] = {7, 9, t.m.shape->msix ? 1 : 9, 9, 9};
	uint32_t got[5], want[5], index = (uint32_t)take(3);
	long rc;

	memset(got, 0xa5, sizeof(got));
	got[0] = 15 + (uint32_t)take(2);
	got[2] = index;
	memcpy(want, got, sizeof(want));
	rc = got[0] < 16 || index >= IRQS || (index == ERR && !t.m.shape->pcie) ? -EINVAL : 0;
	if (!rc) {
		want[1] = flags[index];
		want[3] = t.m.shape->vectors[index];
	}
	note("irq_info", index, got[0], 0, rc);
	same("the answer", (uint64_t)call(t.fd, VFIO_DEVICE_GET_IRQ_INFO, got, sizeof(got)),
	     (uint64_t)rc);
	if (memcmp(got, want, sizeof(got)))
		differ("what GET_IRQ_INFO tells", got[1], want[1]);
}

/* ---- features, resets ---- */

static void do_feature(void)
{
	static const uint8_t flags[] = {2, 2, 2, 1, 4, 6, 3, 5};
	const unsigned feature = (unsigned)take(3), how = (unsigned)take(3),
		       more = (unsigned)take(4);
	uint32_t arg[4] = {16, 0, (uint32_t)t.eventfd[0], 0};
	const bool low_power = feature >= 3 && feature <= 5;
	long want = 0, rc;

	arg[1] = (uint32_t)flags[how] << 16 | feature;
	if (more == 0)
		arg[0] = 7;
	else if (more == 1)
		arg[0] = 8 + (uint32_t)take(3);
	else if (more == 2)
		arg[1] |= UINT32_C(1) << (19 + take(3));
	else if (more == 3)
		arg[2] = more & 1 ? BAD_FD : (uint32_t)t.fd;
	if (arg[0] < 8 || arg[1] >> 19 || (flags[how] & 7) == 3)
		want = -EINVAL;
	else if (!low_power)
		want = -ENOTTY;
	else if (flags[how] & 1)
		want = -EINVAL;
	else if (!(flags[how] & 4) && feature == 4 && arg[0] < 16)
		want = -EINVAL;
	else if (!(flags[how] & 4) && feature == 4 && arg[2] == BAD_FD)
		want = -EBADF;
	else if (!(flags[how] & 4) && feature < 5)
		want = t.m.no_power ? -EINVAL : 0;
	rc = call(t.fd, VFIO_DEVICE_FEATURE, arg, sizeof(arg));
	note("feature", arg[0], arg[1], arg[2], rc);
	same("the answer", (uint64_t)rc, (uint64_t)want);
	if (!rc && low_power && !(flags[how] & 4))
		t.m.no_power = feature < 5;
}

static void do_reset(void)
{
	uint32_t info[16] = {12 + (uint32_t)take(6)};
	const uint32_t others = t.m.shape->alone_on_bus ? 1 : 2;
	long rc = answer(sio_ioctl(t.c.process, t.fd, VFIO_DEVICE_RESET, NULL)), want;

	note("reset", 0, 0, 0, rc);
	same("the answer", (uint64_t)rc, (uint64_t)(t.m.shape->reset ? 0 : -EINVAL));
	if (!rc) {
		if (t.m.shape->pm)
			wrote_power(0);
		was_reset();
	}
	want = !t.m.shape->bus ? -ENODEV : info[0] < 12 + 8 * others ? -ENOSPC : 0;
	info[1] = 0xff;
	rc = call(t.fd, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, info, sizeof(info));
	note("hot_reset_info", info[0], 0, 0, rc);
	same("the answer", (uint64_t)rc, (uint64_t)want);
	if (want == -ENODEV)
		return;
	same("the number of devices", info[2], others);
	if (!rc && !t.by_node)
		same("the group of a device", info[3], (uint32_t)sio_device_group(t.device));
}

/* ---- open and close ---- */

static void opened(const uint8_t *before)
{
	const struct shape *shape = t.m.shape;
	const uint8_t *now = hardware();

	/* As the last program found it, but that it decodes; DMA is off. */
	same("the command register", get_bytes(now + 4, 2),
	     shape->io_bar   ? 3
	     : shape->bar[0] ? 2
			     : 0);
	for (unsigned i = 8; i < 0x40; i++)
		same("a byte of the header", now[i], before[i]);
	if (shape->msi)
		same("MSI in the hardware", now[shape->msi + 2] & 1, 0);
	if (shape->msix)
		same("MSI-X in the hardware", now[shape->msix + 3] & 0x80, 0);
	if (shape->pm)
		same("the power state", now[shape->pm + 4] & 3, 0);
	model_open(&t.m, shape, now);
}

static void open_by_group(void)
{
	char path[32], name[16];
	int32_t container = t.container;

	if (t.group < 0) {
		snprintf(path, sizeof(path), "/dev/vfio/%d", sio_device_group(t.device));
		t.group = sio_open(t.c.process, path);
		client_ioctl(&t.c, t.group, VFIO_GROUP_SET_CONTAINER, &container,
			     sizeof(container));
		sio_ioctl(t.c.process, t.container, VFIO_SET_IOMMU,
			  client_address(VFIO_TYPE1v2_IOMMU));
	}
	snprintf(name, sizeof(name), "%s", sio_device_bdf(t.device));
	t.fd = client_ioctl(&t.c, t.group, VFIO_GROUP_GET_DEVICE_FD, name, sizeof(name));
}

/* With arguments that are refused first. */
static void open_by_node(unsigned how)
{
	uint32_t bind[4] = {16, 0, (uint32_t)t.iommufd, 0};
	const long wrong[] = {0, -EINVAL, -EINVAL, -EINVAL, -EBADF, -EBADFD, -EINVAL, 0};
	const long want = wrong[how & 7];
	char path[48];
	long rc;

	snprintf(path, sizeof(path), "/dev/vfio/devices/vfio%d", sio_device_cdev(t.device));
	t.fd = sio_open(t.c.process, path);
	switch (how & 7) {
	case 1:
		bind[0] = 15;
		break;
	case 2:
		bind[1] = 2u << (how >> 3 & 3);
		break;
	case 3:
		bind[2] = UINT32_MAX;
		break;
	case 4:
		bind[2] = BAD_FD;
		break;
	case 5:
		bind[2] = (uint32_t)t.container;
		break;
	case 6:
		bind[0] = 0;
		break;
	default:
		break;
	}
	if (want) {
		rc = call(t.fd, _IO(VFIO_TYPE, NODE_CALL), bind, sizeof(bind));
		note("bind", bind[0], bind[1], bind[2], rc);
		same("the answer", (uint64_t)rc, (uint64_t)want);
		same("GET_INFO before BIND",
		     (uint64_t)call(t.fd, VFIO_DEVICE_GET_INFO, bind, sizeof(bind)),
		     (uint64_t)-EINVAL);
	}
	memcpy(bind, (uint32_t[]){16, 0, (uint32_t)t.iommufd, 0}, sizeof(bind));
	rc = call(t.fd, _IO(VFIO_TYPE, NODE_CALL), bind, sizeof(bind));
	same("BIND", (uint64_t)rc, 0);
}

static void open_device(unsigned how)
{
	uint8_t before[0x40];

	memcpy(before, hardware(), sizeof(before));
	if (t.by_node)
		open_by_node(how);
	else
		open_by_group();
	note("open", how, 0, 0, t.fd);
	if (t.fd < 0)
		differ("the device's descriptor", (uint64_t)t.fd, 0);
	opened(before);
}

/* What a program changed is as it was; the next one begins anew. */
static void do_reopen(void)
{
	const unsigned how = (unsigned)take(6);
	uint64_t pages;
	struct sio_stats stats;

	sio_close(t.c.process, t.fd);
	note("close", 0, 0, 0, 0);
	if (hardware()[4] & 4)
		differ("DMA of a device that is closed", 1, 0);
	sio_stats(t.c.machine, &stats);
	pages = stats.pinned_pages;
	same("pinned pages", pages, 0);
	open_device(how);
}

/* ---- what a node's file does ---- */

static void do_attach(void)
{
	const unsigned how = (unsigned)take(4);
	uint32_t arg[4] = {how == 0   ? 11
			   : how == 1 ? 0
				      : 16,
			   how == 2 ? 4u << take(3) : 0,
			   how == 3   ? 99
			   : how == 4 ? 0
				      : 1,
			   0};
	uint32_t detach[3] = {how == 5 ? 7 : 12, how == 6 ? 2u << take(3) : 0, 0};
	long want = arg[0] < 12 || arg[1] ? -EINVAL : arg[2] != 1 ? -ENOENT : 0, rc;

	/* With a PASID, of which they have no byte, or not all; or of which the kernel knows
	 * nothing. */
	if (how == 7 || how == 9) {
		arg[0] = 12 + (uint32_t)take(2);
		detach[0] = 8 + (uint32_t)take(2);
		arg[1] = detach[1] = 1;
		want = -EINVAL;
	}
	/* A file of a group has no such calls. */
	if (!t.by_node) {
		same("ATTACH",
		     (uint64_t)call(t.fd, _IO(VFIO_TYPE, NODE_CALL + 1), arg, sizeof(arg)),
		     (uint64_t)-ENOTTY);
		same("BIND", (uint64_t)call(t.fd, _IO(VFIO_TYPE, NODE_CALL), arg, sizeof(arg)),
		     (uint64_t)-EINVAL);
		return;
	}
	if (how & 8) {
		want = detach[0] < 8 || detach[1] ? -EINVAL : 0;
		rc = call(t.fd, _IO(VFIO_TYPE, NODE_CALL + 2), detach, sizeof(detach));
		note("detach", detach[0], detach[1], 0, rc);
	} else {
		rc = call(t.fd, _IO(VFIO_TYPE, NODE_CALL + 1), arg, sizeof(arg));
		note("attach", arg[0], arg[1], arg[2], rc);
	}
	same("the answer", (uint64_t)rc, (uint64_t)want);
}

/* ---- sessions ---- */

static const struct {
	void (*run)(void);
	uint8_t weight;
} kinds[] = {
	{do_config, 60},     {do_irqs, 60},    {do_interrupt, 30}, {do_info, 4},
	{do_region_info, 8}, {do_irq_info, 6}, {do_unmask, 12},    {do_bar, 24},
	{do_feature, 8},     {do_reset, 6},    {do_reopen, 6},     {do_attach, 6},
};

static void step(uint64_t record, const uint8_t *weight, unsigned sum)
{
	unsigned left = (unsigned)(record & 255) * sum / 256, i = 0;

	while (left >= weight[i])
		left -= weight[i++];
	/* More bits than a record has, from those that it has. */
	t.record = record >> 8 | (record << 56) * UINT64_C(0x9e3779b97f4a7c15);
	fuzz_counts->operations++;
	t.c.operations++;
	kinds[i].run();
	if (fuzz_bare())
		return;
	check_hardware();
	check_eventfds();
	if (t.c.operations % 16 == 0) {
		read_all_config();
		client_audit(&t.c, false);
	}
}

/* A function with what the others lack: several vectors, registers of its vendor, its own reset. */
static void prepare_many(struct sio_machine *machine)
{
	struct pci_dev *pci = sio_device_find(machine, "many")->pci;

	if (pci->msi_cap)
		return;
	pci_dev_set_pin(pci, 1);
	pci_dev_add_pm(pci);
	pci_dev_add_msi(pci, 3, false);
	pci_dev_define(pci, pci_dev_add_cap(pci, 9, 8) + 2u, 4, 8, 0xffffff00);
	pci_dev_add_af(pci);
}

static void begin(uint64_t head)
{
	static struct kept kept[2];
	const char *kernel = fuzz_kernel();
	const bool later = kernel ? kernel[0] == '7' : head & 1;
	const struct sio_machine_cfg cfg = {.platform_text = platform,
					    .kernel = later ? "7.2" : "6.12"};
	struct iommu_ioas_alloc_words {
		uint32_t size, flags, id;
	} ioas = {12, 0, 0};

	t.m.shape = &shapes[(head >> 8) % SIO_ARRAY_SIZE(shapes)];
	t.by_node = head & 2;
	t.lines = 0;
	t.c.operations = 0;
	memset(t.expected, 0, sizeof(t.expected));
	client_begin(&t.c, &cfg, &kept[later]);
	prepare_many(t.c.machine);
	t.device = sio_device_find(t.c.machine, t.m.shape->name);
	t.container = sio_open(t.c.process, "/dev/vfio/vfio");
	t.iommufd = sio_open(t.c.process, "/dev/iommu");
	t.group = -1;
	client_ioctl(&t.c, t.iommufd, _IO(VFIO_TYPE, 0x81), &ioas, sizeof(ioas));
	for (unsigned i = 0; i < EVENTFDS; i++)
		t.eventfd[i] = sio_eventfd(t.c.process);
	open_device(0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const size_t count = records_count(size);
	uint8_t usual[SIO_ARRAY_SIZE(kinds)], weight[SIO_ARRAY_SIZE(kinds)];
	unsigned sum;

	if (!fuzz_is_session(size, 2 * RECORD_BYTES))
		return 0;
	fuzz_counts->inputs++;
	for (unsigned i = 0; i < SIO_ARRAY_SIZE(kinds); i++)
		usual[i] = kinds[i].weight;
	sum = records_swarm(weight, usual, SIO_ARRAY_SIZE(kinds),
			    records_get(data, size, -1) >> 16);
	begin(records_get(data, size, -1));
	for (size_t i = 0; i < count; i++)
		step(records_get(data, size, (ptrdiff_t)i), weight, sum);
	sio_process_exit(t.c.process);
	client_audit(&t.c, true);
	client_end(&t.c);
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	return records_mutate(data, size, max_size, seed);
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *data1, size_t size1, const uint8_t *data2,
				 size_t size2, uint8_t *out, size_t max_out_size, unsigned seed)
{
	return records_splice(data1, size1, data2, size2, out, max_out_size, seed);
}
