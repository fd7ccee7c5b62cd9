// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every point fails once while a machine boots and while processes come, work and go: the answer is
 * one that the point may give, nothing is left behind, and the next attempt succeeds.
 */
#include "api_client.h"
#include "core/inject.h"
#include "machine.h"

/* A unit that reads past the processors' caches, a device without a unit, and emulated ones. */
static const char special[] =
	"machine = { ram = \"64M\"; noiommu = true; };\n"
	"units = ( { include-all = true; aw-bits = 48; scalable-mode = true; noncoherent = true; } "
	");\n"
	"devices = ( { name = \"A\"; bdf = \"00:04.0\"; model = \"edu\"; },\n"
	"  { name = \"N\"; bdf = \"0001:00:04.0\"; model = \"edu\"; } );\n"
	"emulated = ( { name = \"V\"; }, { name = \"W\"; model = \"serial\"; } );\n";

static const struct {
	const char *platform, *text;
} platforms[] = {
	{"vtd48", NULL},     {"vtd48sm", NULL},    {"vtd39", NULL},
	{"amdvi", NULL},     {"laptop", NULL},     {"groups", NULL},
	{"vtd57nest", NULL}, {"amdvi-full", NULL}, {"special", special},
};

/* A plan of the test's own, for what happens before there is a machine to give one to. */
static struct fail_plan plan;

static void plan_nth(unsigned nth)
{
	char text[32], why[INJECT_ERROR_LEN];

	snprintf(text, sizeof(text), "*:nth=%u", nth);
	ck_assert_msg(inject_plan(&plan, text, why) == 0, "%s", why);
	fail_enter(&plan);
}

static void plan_end(void)
{
	fail_leave(NULL);
	fail_plan_clear(&plan);
}

/* The errno is one that the point which failed may answer. */
static bool answered(const struct fail_point *point, int rc)
{
	for (unsigned n = 0; inject_answer(point, n); n++)
		if (rc == -inject_answer(point, n))
			return true;
	return false;
}

START_TEST(a_boot_that_fails_leaves_nothing)
{
	const struct sio_machine_cfg cfg = {
		.platform = platforms[_i].text ? NULL : platforms[_i].platform,
		.platform_text = platforms[_i].text,
		.strict = true,
	};
	bool failed = true;

	for (unsigned nth = 1; failed; nth++) {
		struct sio_machine *machine;
		char error[512], what[256];
		int rc;

		plan_nth(nth);
		rc = sio_machine_create(&cfg, &machine, error, sizeof(error));
		failed = plan.injected != 0;
		if (rc) {
			ck_assert_msg(failed && answered(plan.last, rc), "%s nth=%u %s: %d, %s",
				      platforms[_i].platform, nth, failed ? plan.last->name : "-",
				      rc, error);
			ck_assert_ptr_null(machine);
			ck_assert(error[0]);
		}
		plan_end();
		if (!rc) {
			ck_assert_msg(!sio_audit(machine, true, what, sizeof(what)), "nth=%u: %s",
				      nth, what);
			sio_machine_destroy(machine);
		}
	}
}
END_TEST

static const struct {
	const char *kernel, *plan;
	int error;
} selections[] = {
	{"4.4", "type1.attach.domain:nth=1", ENOMEM},
	{"4.4", "type1.attach.domains:nth=1", ENOMEM},
	{"4.4", "type1.attach.group:nth=1", ENOMEM},
	{"4.4", "iommu.domain.create:nth=1", EIO},
	{"4.4", "pt.root:nth=1", EIO},
	{"7.2", "iommu.domain.create:nth=1", ENOMEM},
	{"7.2", "type1.attach.group:nth=1", ENOMEM},
};

/* Older kernels call a domain that cannot be had EIO, whatever the reason; nothing else. */
START_TEST(only_a_missing_domain_is_an_io_error)
{
	struct sio_machine *machine =
		client_machine(&(struct sio_machine_cfg){.kernel = selections[_i].kernel});
	struct client c = {.machine = machine, .process = sio_process_create(machine)};
	char error[256];
	int container = sio_open(c.process, "/dev/vfio/vfio"), group = client_open_group(&c, "A");

	ck_assert_int_eq(sio_ioctl(c.process, group, VFIO_GROUP_SET_CONTAINER, &container), 0);
	ck_assert_int_eq(sio_inject(machine, selections[_i].plan, error, sizeof(error)), 0);
	ck_assert_int_eq(sio_ioctl(c.process, container, VFIO_SET_IOMMU,
				   (void *)VFIO_TYPE1v2_IOMMU),
			 -1);
	ck_assert_int_eq(errno, selections[_i].error);
	ck_assert_uint_eq(sio_injected(machine), 1);
	ck_assert_int_eq(sio_ioctl(c.process, container, VFIO_SET_IOMMU,
				   (void *)VFIO_TYPE1v2_IOMMU),
			 0);
	client_audit(&c);
	sio_machine_destroy(machine);
}
END_TEST

/* A file that is mapped, written, holed and cut. */
static void file_lives(struct sio_process *process)
{
	const int fd = sio_memfd(process, 8 * 4096);
	struct sio_file_map map = {.fd = fd, .size = 8 * 4096, .prot = SIO_PROT_RW};
	uint64_t at = 0;

	if (fd < 0)
		return;
	sio_pwrite(process, fd, "x", 1, 4096);
	if (!sio_mem_map_file(process, &map, &at))
		sio_mem_write(process, at + 3 * 4096, "y", 1);
	map.private_copy = true;
	if (!sio_mem_map_file(process, &map, &at))
		sio_mem_write(process, at + 2 * 4096, "z", 1);
	sio_file_punch(process, fd, 4096, 2 * 4096);
	sio_file_truncate(process, fd, 3 * 4096);
	sio_close(process, fd);
}

/* What two processes do to their memory and files; whatever fails is left out. */
static void lives(struct sio_machine *machine)
{
	struct sio_process *parent = sio_process_create(machine), *child;
	uint64_t at[4] = {0};
	char bytes[64] = "x";

	if (!parent)
		return;
	for (unsigned i = 0; i < 4; i++) {
		struct sio_mem mem = {
			.size = 4 * MIB,
			.prot = SIO_PROT_RW,
			.kind = (enum sio_mem_kind)i,
			.contiguity = (enum sio_contiguity)i,
		};

		sio_mem_map(parent, &mem, &at[i]);
		if (!at[i])
			continue;
		sio_mem_write(parent, at[i] + 0x3000, bytes, sizeof(bytes));
		sio_mem_lock(parent, at[i] + MIB, MIB);
		sio_mem_protect(parent, at[i] + 0x5000, 0x4000, SIO_PROT_READ);
	}
	for (int i = 0; i < 20; i++)
		sio_eventfd(parent);
	file_lives(parent);
	child = sio_process_fork(parent);
	for (unsigned i = 0; i < 4 && at[i]; i++) {
		sio_mem_write(parent, at[i] + 0x3000, bytes, sizeof(bytes));
		if (child)
			sio_mem_write(child, at[i] + 0x2ff0, bytes, sizeof(bytes));
		sio_mem_discard(parent, at[i] + 0x1000, 0x2000);
		sio_mem_unlock(parent, at[i] + MIB, 0x3000);
		sio_mem_unmap(parent, at[i] + 2 * MIB, 0x3000);
	}
	sio_process_exit(child);
	sio_process_exit(parent);
}

START_TEST(a_process_that_runs_out_of_memory_stays_sound)
{
	struct sio_machine *machine =
		client_machine(&(struct sio_machine_cfg){.platform = "vtd48"});
	char text[32], what[256], error[256];
	bool failed = true;

	for (unsigned nth = 1; failed; nth++) {
		snprintf(text, sizeof(text), "*:nth=%u", nth);
		ck_assert_int_eq(sio_inject(machine, text, error, sizeof(error)), 0);
		lives(machine);
		failed = sio_injected(machine) != 0;
		ck_assert_msg(!sio_audit(machine, true, what, sizeof(what)), "nth=%u %s: %s", nth,
			      failed ? sio_inject_last(machine) : "-", what);
		ck_assert_int_eq((int)phys_pins_total(machine->phys), 0);
	}
	sio_machine_destroy(machine);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("inject_undo");
	TCase *tc = tcase_create("undo");

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, a_boot_that_fails_leaves_nothing, 0,
			    (int)SIO_ARRAY_SIZE(platforms));
	tcase_add_loop_test(tc, only_a_missing_domain_is_an_io_error, 0,
			    (int)SIO_ARRAY_SIZE(selections));
	tcase_add_test(tc, a_process_that_runs_out_of_memory_stays_sound);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
