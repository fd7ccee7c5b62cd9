// SPDX-License-Identifier: GPL-2.0-only
/*
 * The files of /dev/vfio under failures: containers, groups and devices are opened, used and closed
 * with every point on the way failing once.
 */
#include "sweep_run.h"

#define CONFIG(at) (((uint64_t)VFIO_PCI_CONFIG_REGION_INDEX << 40) + (at))

/* Newer than the oldest header that this builds with. */
#define LOW_POWER_ENTRY        3u
#define LOW_POWER_ENTRY_WAKEUP 4u
#define LOW_POWER_EXIT         5u

static const struct machine {
	const char *platform, *kernel;
	const char *device, *other; /* of another group */
} machines[] = {
	{"vtd48", "6.12", "A", "B"},
	{"vtd48", "4.4", "A", "B"},
	{"vtd48sm", "6.12", "A", "E"},
	{"amdvi", "6.12", "A", "B"},
	{"amd-mixed", "6.12", "disk0", "nic1"},
};

static const struct machine *now;

/* The device's group in a container with a driver, and the device. */
static int open_device(struct sweep_client *c, int *group)
{
	c->container = sio_open(c->process, "/dev/vfio/vfio");
	*group = sweep_group(c, now->device);
	sweep_join(c, *group);
	sio_ioctl(c->process, c->container, VFIO_SET_IOMMU, (void *)VFIO_TYPE1_IOMMU);
	return sweep_device(c, *group, now->device);
}

static void come_and_go(struct sweep_client *c)
{
	struct vfio_group_status status = {.argsz = sizeof(status)};
	char nobody[] = "0000:7f:00.0";
	int group, other, device, again;

	c->container = sio_open(c->process, "/dev/vfio/vfio");
	sio_ioctl(c->process, c->container, VFIO_GET_API_VERSION, NULL);
	sio_ioctl(c->process, c->container, VFIO_CHECK_EXTENSION, (void *)VFIO_TYPE1v2_IOMMU);
	group = sweep_group(c, now->device);
	sio_ioctl(c->process, group, VFIO_GROUP_GET_STATUS, &status);
	sweep_join(c, group);
	sweep_join(c, group);
	other = sweep_group(c, now->other);
	sweep_join(c, other);
	sio_ioctl(c->process, c->container, VFIO_SET_IOMMU, (void *)VFIO_TYPE1v2_IOMMU);
	sio_ioctl(c->process, group, VFIO_GROUP_GET_STATUS, &status);
	device = sweep_device(c, group, now->device);
	again = sweep_device(c, group, now->device);
	sio_ioctl(c->process, group, VFIO_GROUP_GET_DEVICE_FD, nobody);
	sio_ioctl(c->process, group, VFIO_GROUP_UNSET_CONTAINER, NULL);
	sio_close(c->process, again);
	sio_close(c->process, group);
	sio_close(c->process, device);
	sio_ioctl(c->process, other, VFIO_GROUP_UNSET_CONTAINER, NULL);
	sio_close(c->process, c->container);
}

static void set_irqs(const struct sweep_client *c, int device, uint32_t index, uint32_t flags,
		     uint32_t start, uint32_t count, const int *fd)
{
	union {
		struct vfio_irq_set set;
		int32_t word[9]; /* descriptors from the sixth on */
	} arg = {
		.set = {.flags = flags, .index = index, .start = start, .count = count},
	};

	arg.set.argsz = (uint32_t)(sizeof(arg.set) + (fd ? count * sizeof(*fd) : 0));
	if (fd)
		memcpy(arg.word + 5, fd, count * sizeof(*fd));
	sio_ioctl(c->process, device, VFIO_DEVICE_SET_IRQS, &arg);
}

#define IRQ_FDS (VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER)
#define IRQ_OFF (VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER)

static void interrupts(struct sweep_client *c)
{
	struct vfio_irq_info info = {.argsz = sizeof(info)};
	int group, device = open_device(c, &group), fd[3];

	for (unsigned i = 0; i < 3; i++)
		fd[i] = sio_eventfd(c->process);
	for (uint32_t index = 0; index < VFIO_PCI_NUM_IRQS; index++) {
		info.index = index;
		sio_ioctl(c->process, device, VFIO_DEVICE_GET_IRQ_INFO, &info);
	}
	set_irqs(c, device, VFIO_PCI_INTX_IRQ_INDEX, IRQ_FDS, 0, 1, fd);
	set_irqs(c, device, VFIO_PCI_INTX_IRQ_INDEX,
		 VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_MASK, 0, 1, NULL);
	set_irqs(c, device, VFIO_PCI_INTX_IRQ_INDEX,
		 VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_UNMASK, 0, 1, fd + 1);
	set_irqs(c, device, VFIO_PCI_INTX_IRQ_INDEX, IRQ_OFF, 0, 0, NULL);
	set_irqs(c, device, VFIO_PCI_MSI_IRQ_INDEX, IRQ_FDS, 0, 1, fd);
	set_irqs(c, device, VFIO_PCI_MSI_IRQ_INDEX, IRQ_OFF, 0, 0, NULL);
	set_irqs(c, device, VFIO_PCI_MSIX_IRQ_INDEX, IRQ_FDS, 0, 2, fd);
	set_irqs(c, device, VFIO_PCI_MSIX_IRQ_INDEX, IRQ_FDS, 0, 3, fd);
	set_irqs(c, device, VFIO_PCI_MSIX_IRQ_INDEX, IRQ_OFF, 0, 1, NULL);
	set_irqs(c, device, VFIO_PCI_MSIX_IRQ_INDEX, IRQ_OFF, 0, 0, NULL);
	set_irqs(c, device, VFIO_PCI_ERR_IRQ_INDEX, IRQ_FDS, 0, 1, fd);
	set_irqs(c, device, VFIO_PCI_REQ_IRQ_INDEX, IRQ_FDS, 0, 1, fd + 1);
	sio_close(c->process, device);
}

static void feature(const struct sweep_client *c, int device, uint32_t what, int fd)
{
	union {
		struct vfio_device_feature head;
		int32_t word[4]; /* the descriptor is the third */
	} arg = {
		.head = {.argsz = sizeof(arg), .flags = VFIO_DEVICE_FEATURE_SET | what},
	};

	arg.word[2] = fd;
	sio_ioctl(c->process, device, VFIO_DEVICE_FEATURE, &arg);
}

static void registers(struct sweep_client *c)
{
	struct vfio_device_info info = {.argsz = sizeof(info)};
	struct {
		struct vfio_region_info info;
		uint8_t room[64];
	} region = {.info = {.argsz = sizeof(region)}};
	int group, device = open_device(c, &group);
	uint8_t bytes[64] = {6};
	uint64_t va = 0;

	sio_ioctl(c->process, device, VFIO_DEVICE_GET_INFO, &info);
	for (uint32_t index = 0; index < VFIO_PCI_NUM_REGIONS; index++) {
		region.info.argsz = sizeof(region);
		region.info.index = index;
		sio_ioctl(c->process, device, VFIO_DEVICE_GET_REGION_INFO, &region);
	}
	sio_pwrite(c->process, device, bytes, 2, CONFIG(4));
	sio_pread(c->process, device, bytes, 64, CONFIG(0));
	sio_pread(c->process, device, bytes, 64, 0);
	sio_pwrite(c->process, device, bytes, 8, 0x10);
	sio_mem_map_fd(c->process, device, 0, 0x4000, 0, &va);
	sweep_map(c, 16 * MIB, va, 0x4000, SWEEP_RW);
	sweep_unmap(c, 16 * MIB, 0x4000, 0);
	sio_mem_unmap(c->process, va, 0x4000);
	feature(c, device, LOW_POWER_ENTRY, 0);
	feature(c, device, LOW_POWER_EXIT, 0);
	feature(c, device, LOW_POWER_ENTRY_WAKEUP, sio_eventfd(c->process));
	feature(c, device, LOW_POWER_EXIT, 0);
	sio_close(c->process, device);
}

static void resets(struct sweep_client *c)
{
	union {
		struct vfio_pci_hot_reset_info info;
		uint8_t bytes[512];
	} info = {.info.argsz = sizeof(info)};
	union {
		struct vfio_pci_hot_reset reset;
		int32_t word[5]; /* the group is the fourth */
	} hot = {.reset = {.argsz = sizeof(hot), .count = 1}};
	int group, device = open_device(c, &group), iommufd = 0;

	sio_ioctl(c->process, device, VFIO_DEVICE_RESET, NULL);
	sio_ioctl(c->process, device, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, &info);
	hot.word[3] = group;
	sio_ioctl(c->process, device, VFIO_DEVICE_PCI_HOT_RESET, &hot);
	hot.word[3] = c->container;
	sio_ioctl(c->process, device, VFIO_DEVICE_PCI_HOT_RESET, &hot);
	/* What only files of device nodes know. */
	sio_ioctl(c->process, device, _IO(VFIO_TYPE, VFIO_BASE + 18), (uint32_t[8]){32, 0});
	sio_ioctl(c->process, device, _IO(VFIO_TYPE, VFIO_BASE + 99), &iommufd);
	sio_close(c->process, device);
	sio_close(c->process, group);
}

static const struct {
	const char *name;
	void (*run)(struct sweep_client *c);
} clients[] = {
	{"come and go", come_and_go},
	{"interrupts", interrupts},
	{"registers", registers},
	{"resets", resets},
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
	{"vfio.bar.hole.copy-out", "no BAR with an MSI-X table is read here"},
	{"type1.*", "mappings: tests/sweep_type1.c"},
	{"mm.*", "memory: tests/sweep_type1.c"},
	{"imap.*", "mappings: tests/sweep_type1.c"},
	{"pt.*", "mappings: tests/sweep_type1.c"},
	{"fd.*", "processes: tests/sweep_type1.c"},
	SWEEP_BOOT_REASONS,
	{NULL, NULL},
};

int main(void)
{
	Suite *suite = suite_create("vfio sweep");
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
