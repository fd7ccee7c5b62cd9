// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's iommufd selftest: commands without any domain, and mappings that change their
 * process.
 */
#include <linux/vfio.h>

#include "selftest_rig.h"

static struct iommu_destroy destroy_of(uint32_t size, uint32_t id)
{
	return (struct iommu_destroy){.size = size, .id = id};
}

static void simple_close(struct st *s)
{
	OK(st_check_refs(s, s->buffer, ST_BYTES, 0));
}

static void cmd_fail(struct st *s)
{
	struct iommu_destroy cmd = destroy_of(sizeof(cmd), 0);

	FAILS(ENOENT, st_ioctl(s, IOMMU_DESTROY, &cmd));
	FAILS(EFAULT, st_ioctl(s, IOMMU_DESTROY, NULL));
	FAILS(ENOTTY, st_ioctl(s, _IO(IOMMUFD_TYPE, IOMMUFD_CMD_BASE - 1), &cmd));
}

static const struct {
	uint32_t nr, min, size;
} commands[] = {
	{0x80, 8, 8},
	{0x81, 12, 12},
	{0x82, 24, 24},
	{0x83, 40, 40},
	{0x84, 32, 32},
	{0x85, 40, 40},
	{0x86, 24, 24},
	{0x87, 24, 24},
	{0x88, 12, 12},
	{0x89, 24, 48},
	{0x8a, 32, 40},
	{0x8b, 16, 16},
	{0x8c, 48, 48},
	{0x8d, 32, 32},
	{0x8e, 16, 16},
	/* Later than 6.12. */
	{0x8f, 40, 40},
	{0x90, 24, 40},
	{0x91, 24, 24},
	{0x92, 8, 8},
	{0x93, 28, 32},
	{0x94, 40, 40},
};

/* The structure all zero but for its size, and one byte behind it. */
static int run_sized(struct st *s, unsigned at, uint32_t size, uint8_t behind)
{
	uint8_t bytes[64] = {0};
	uint32_t id;
	int rc;

	memcpy(bytes, &size, sizeof(size));
	bytes[commands[at].size] = behind;
	rc = st_ioctl(s, _IO(IOMMUFD_TYPE, commands[at].nr), bytes);
	/* Both runs of one that makes something find the same ids free. */
	memcpy(&id, bytes + 8, sizeof(id));
	if (!rc && commands[at].nr == IOMMUFD_CMD_IOAS_ALLOC)
		OK(st_destroy(s, id));
	return rc;
}

static void cmd_length(struct st *s)
{
	const unsigned count = s->later ? SIO_ARRAY_SIZE(commands) : 15;

	for (unsigned i = 0; i < SIO_ARRAY_SIZE(commands); i++) {
		const uint32_t size = commands[i].size;

		if (i >= count) {
			FAILS(ENOTTY, run_sized(s, i, size, 0));
			continue;
		}
		FAILS(EINVAL, run_sized(s, i, commands[i].min - 1, 0));
		FAILS(E2BIG, run_sized(s, i, size + 1, 0xff));
		ck_assert_int_eq(run_sized(s, i, size + 1, 0), run_sized(s, i, size, 0));
	}
}

static void cmd_ex_fail(struct st *s)
{
	struct {
		struct iommu_destroy cmd;
		uint64_t future;
	} longer = {.cmd = destroy_of(sizeof(longer), 0)};

	FAILS(ENOENT, st_ioctl(s, IOMMU_DESTROY, &longer));
	longer.future = 1;
	FAILS(E2BIG, st_ioctl(s, IOMMU_DESTROY, &longer));
	longer.cmd.size = sizeof(longer.cmd);
	FAILS(ENOENT, st_ioctl(s, IOMMU_DESTROY, &longer));
	longer.cmd.size = sizeof(longer.cmd) - 1;
	FAILS(EINVAL, st_ioctl(s, IOMMU_DESTROY, &longer));
}

static int rlimit_mode(struct st *s, uint16_t op, uint64_t *value)
{
	return st_option(s, IOMMU_OPTION_RLIMIT_MODE, op, 0, value);
}

static void global_options(struct st *s)
{
	uint64_t value = 7;
	uint32_t ioas;

	OK(rlimit_mode(s, IOMMU_OPTION_OP_GET, &value));
	ck_assert_uint_eq(value, 0);
	value = 1;
	OK(rlimit_mode(s, IOMMU_OPTION_OP_SET, &value));
	value = 7;
	OK(rlimit_mode(s, IOMMU_OPTION_OP_GET, &value));
	ck_assert_uint_eq(value, 1);
	value = 0;
	OK(rlimit_mode(s, IOMMU_OPTION_OP_SET, &value));
	value = 2;
	FAILS(EINVAL, rlimit_mode(s, IOMMU_OPTION_OP_SET, &value));
	value = 0;
	FAILS(ENOENT, st_option(s, IOMMU_OPTION_HUGE_PAGES, IOMMU_OPTION_OP_SET, 0, &value));

	/* Beyond the kernel's case: the right, and the time. */
	sio_process_set_caps(s->process, 0);
	FAILS(EPERM, rlimit_mode(s, IOMMU_OPTION_OP_SET, &value));
	sio_process_set_caps(s->process, SIO_CAP_ALL);
	OK(st_ioas_alloc(s, &ioas));
	FAILS(EBUSY, rlimit_mode(s, IOMMU_OPTION_OP_SET, &value));
}

/* The value is the argument. */
static int ioctl_value(struct st *s, unsigned long request, uintptr_t value)
{
	return st_ioctl(s, request, (void *)value); /* NOLINT */
}

static void simple_ioctls(struct st *s)
{
	ck_assert_int_eq(ioctl_value(s, VFIO_GET_API_VERSION, 0), VFIO_API_VERSION);
	ck_assert_int_eq(ioctl_value(s, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU), 1);
}

/* A short structure, a flag from the future, and no address space. */
static void refused(struct st *s, unsigned long request, uint32_t *argsz, uint32_t *flags)
{
	(*argsz)--;
	FAILS(EINVAL, st_ioctl(s, request, argsz));
	(*argsz)++;
	*flags = 1u << 31;
	/* GET_INFO takes any flags. */
	FAILS(request == VFIO_IOMMU_GET_INFO ? ENODEV : EINVAL, st_ioctl(s, request, argsz));
	*flags = 0;
	FAILS(ENODEV, st_ioctl(s, request, argsz));
}

static void unmap_cmd(struct st *s)
{
	struct vfio_iommu_type1_dma_unmap cmd = {.argsz = sizeof(cmd),
						 .iova = ST_BASE,
						 .size = ST_PAGE};

	refused(s, VFIO_IOMMU_UNMAP_DMA, &cmd.argsz, &cmd.flags);
}

static void map_cmd(struct st *s)
{
	struct vfio_iommu_type1_dma_map cmd = {.argsz = sizeof(cmd),
					       .iova = ST_BASE,
					       .size = ST_PAGE,
					       .vaddr = s->buffer};

	refused(s, VFIO_IOMMU_MAP_DMA, &cmd.argsz, &cmd.flags);
}

static void info_cmd(struct st *s)
{
	/* Up to iova_pgsizes, which is where the first structure ended. */
	struct vfio_iommu_type1_info cmd = {.argsz = 16};

	refused(s, VFIO_IOMMU_GET_INFO, &cmd.argsz, &cmd.flags);
}

static void set_iommu_cmd(struct st *s)
{
	FAILS(ENODEV, ioctl_value(s, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU));
	FAILS(ENODEV, ioctl_value(s, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU));
}

static int vfio_op(struct st *s, uint16_t op, uint32_t *ioas)
{
	struct iommu_vfio_ioas cmd = {.size = sizeof(cmd), .ioas_id = *ioas, .op = op};
	int rc = st_ioctl(s, IOMMU_VFIO_IOAS, &cmd);

	*ioas = cmd.ioas_id;
	return rc;
}

static void vfio_ioas(struct st *s)
{
	uint32_t ioas, id = 0;

	FAILS(ENODEV, vfio_op(s, IOMMU_VFIO_IOAS_GET, &id));
	id = 0xffff;
	FAILS(ENOENT, vfio_op(s, IOMMU_VFIO_IOAS_SET, &id));
	OK(st_ioas_alloc(s, &ioas));
	id = ioas;
	OK(vfio_op(s, IOMMU_VFIO_IOAS_SET, &id));
	id = 0;
	OK(vfio_op(s, IOMMU_VFIO_IOAS_GET, &id));
	ck_assert_uint_eq(id, ioas);
	OK(vfio_op(s, IOMMU_VFIO_IOAS_CLEAR, &id));
	FAILS(ENODEV, vfio_op(s, IOMMU_VFIO_IOAS_GET, &id));
}

/* ---- change_process ---- */

static int change_process(struct st *s)
{
	struct iommu_ioas_change_process cmd = {.size = sizeof(cmd)};

	return st_ioctl(s, IOMMU_IOAS_CHANGE_PROCESS, &cmd);
}

static int map_file(struct st *s, int memfd, uint64_t start, uint64_t iova)
{
	struct iommu_ioas_map_file cmd = {
		.size = sizeof(cmd),
		.flags = ST_RW | ST_FIXED,
		.ioas_id = s->ioas,
		.fd = memfd,
		.start = start,
		.length = ST_PAGE,
		.iova = iova,
	};

	return st_ioctl(s, IOMMU_IOAS_MAP_FILE, &cmd);
}

/* Pages that each process's limits are charged with. */
static void charges(const struct st *s, struct sio_process *process, uint64_t pages)
{
	/* account_none, account_user, account_mm */
	ck_assert_uint_eq(sio_process_vmpin(process), pages * 4);
	ck_assert_uint_eq(sio_process_vmlck(process), s->variant == 2 ? pages * 4 : 0);
}

static void change_process_basic(struct st *s)
{
	struct sio_process *parent = s->process, *child;
	const int memfd = sio_memfd(s->process, ST_BYTES);
	uint64_t one = 1;
	struct st_mock mock;

	if (s->variant)
		sio_process_set_caps(s->process, SIO_CAP_ALL & ~(unsigned)SIO_CAP_IPC_LOCK);
	if (s->variant == 2)
		OK(rlimit_mode(s, IOMMU_OPTION_OP_SET, &one));
	ck_assert_int_ge(memfd, 0);
	OK(st_ioas_alloc(s, &s->ioas));
	OK(st_mock(s, s->ioas, &mock));

	/* Memory by address belongs to its process. */
	OK(st_map_at(s, s->buffer, ST_PAGE, ST_BASE));
	FAILS(EINVAL, change_process(s));
	OK(st_unmap(s, ST_BASE, ST_PAGE));
	OK(map_file(s, memfd, 0, ST_BASE));
	OK(map_file(s, memfd, ST_PAGE, ST_BASE + ST_PAGE));
	charges(s, parent, 2);

	child = sio_process_fork(parent);
	ck_assert_ptr_nonnull(child);
	charges(s, child, 0);
	s->process = child;
	OK(change_process(s));
	/* With no accounting the pins stay where they were made. */
	charges(s, parent, s->variant ? 0 : 2);
	charges(s, child, s->variant ? 2 : 0);
	s->process = parent;
	OK(change_process(s));
	charges(s, parent, 2);
	charges(s, child, 0);
	sio_process_exit(child);
	OK(st_unmap(s, ST_BASE, 2 * ST_PAGE));
	charges(s, parent, 0);
	OK(sio_close(s->process, memfd));
}

static const struct st_case cases[] = {
	{"iommufd", "simple_close", simple_close},
	{"iommufd", "cmd_fail", cmd_fail},
	{"iommufd", "cmd_length", cmd_length},
	{"iommufd", "cmd_ex_fail", cmd_ex_fail},
	{"iommufd", "global_options", global_options},
	{"iommufd", "simple_ioctls", simple_ioctls},
	{"iommufd", "unmap_cmd", unmap_cmd},
	{"iommufd", "map_cmd", map_cmd},
	{"iommufd", "info_cmd", info_cmd},
	{"iommufd", "set_iommu_cmd", set_iommu_cmd},
	{"iommufd", "vfio_ioas", vfio_ioas},
	{"change_process", "basic", change_process_basic},
};

int main(void)
{
	const struct st_program program = {.name = "iommufd",
					   .cases = cases,
					   .count = SIO_ARRAY_SIZE(cases)};

	return st_main(&program);
}
