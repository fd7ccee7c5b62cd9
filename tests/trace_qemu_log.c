// SPDX-License-Identifier: GPL-2.0-only
/*
 * QEMU's log: every version's wording of an event, and life cycles that no bundled run has.
 *
 * Lines are written by hand after QEMU's trace-events files; what a log must lead to is looked up
 * in the machine that the replay leaves behind.
 */
#include <errno.h>
#include <string.h>

#include "machine.h"
#include "trace/qemu_events.h"
#include "trace_fixture.h"

/* ---- lines ---- */

static const struct line {
	const char *text, *next;
	enum qemu_line result;
	enum qemu_kind kind;
	const char *name;
	uint64_t n[4];
} lines[] = {
	/* prefixes */
	{"7@8.123456:vfio_realize  (0000:00:03.0) group 2",
	 NULL,
	 QEMU_LINE_EVENT,
	 QEMU_ATTACH,
	 "0000:00:03.0",
	 {2}},
	{"vfio_realize  (0000:00:03.0) group 2",
	 NULL,
	 QEMU_LINE_EVENT,
	 QEMU_ATTACH,
	 "0000:00:03.0",
	 {2}},
	{"2026-11-20T10:11:12.123456Z vfio_device_attach  (0000:00:03.0) group 2",
	 NULL,
	 QEMU_LINE_EVENT,
	 QEMU_ATTACH,
	 "0000:00:03.0",
	 {2}},
	{"2026-11-20T10:11:12.123456Z qemu-system-x86_64: warning: no",
	 NULL,
	 QEMU_LINE_OTHER,
	 QEMU_IGNORED,
	 "",
	 {0}},
	{"vfio_something_new (x) 1", NULL, QEMU_LINE_OTHER, QEMU_IGNORED, "", {0}},
	{"", NULL, QEMU_LINE_OTHER, QEMU_IGNORED, "", {0}},
	/* wording of versions */
	{"vfio_attach_device  (0000:00:03.0) group 2",
	 NULL,
	 QEMU_LINE_EVENT,
	 QEMU_ATTACH,
	 "0000:00:03.0",
	 {2}},
	{"vfio_get_device Device 0000:00:03.0 flags: 2, regions: 9, irqs: 5",
	 NULL,
	 QEMU_LINE_EVENT,
	 QEMU_DEVICE_INFO,
	 "0000:00:03.0",
	 {2, 9, 5}},
	{"vfio_device_get Device 0000:00:03.0 flags: 2, regions: 9, irqs: 5",
	 NULL,
	 QEMU_LINE_EVENT,
	 QEMU_DEVICE_INFO,
	 "0000:00:03.0",
	 {2, 9, 5}},
	{"vfio_region_setup Device 0000:00:03.0, region 1 \"0000:00:03.0 BAR 1\", flags: 0x7, "
	 "offset: "
	 "0x10000000000, size: 0x100000",
	 NULL,
	 QEMU_LINE_EVENT,
	 QEMU_REGION,
	 "0000:00:03.0",
	 {1, 7, 0x10000000000, 0x100000}},
	{"vfio_populate_device_config Device 0000:00:03.0 config:",
	 "  size: 0x100, offset: 0x70000000000, flags: 0x3",
	 QEMU_LINE_EVENT,
	 QEMU_CONFIG,
	 "0000:00:03.0",
	 {0x100, 0x70000000000, 3}},
	{"vfio_populate_device_config Device '0000:00:03.0' config: size: 0x100, offset: 0x7, "
	 "flags: "
	 "0x3",
	 NULL,
	 QEMU_LINE_EVENT,
	 QEMU_CONFIG,
	 "0000:00:03.0",
	 {0x100, 7, 3}},
	{"vfio_pci_populate_device_config Device '0000:00:03.0' config: size: 0x100, offset: 0x7, "
	 "flags: 0x3",
	 NULL,
	 QEMU_LINE_EVENT,
	 QEMU_CONFIG,
	 "0000:00:03.0",
	 {0x100, 7, 3}},
	{"vfio_pci_load_rom Device 0000:00:05.0 ROM:",
	 "  size: 0x40000, offset: 0x60000000000, flags: 0x1",
	 QEMU_LINE_EVENT,
	 QEMU_ROM,
	 "0000:00:05.0",
	 {0x40000, 0x60000000000, 1}},
	{"vfio_msi_enable  (0000:00:03.0) Enabled 4 MSI vectors",
	 NULL,
	 QEMU_LINE_EVENT,
	 QEMU_MSI_ON,
	 "0000:00:03.0",
	 {4}},
	{"vfio_msix_vector_do_use  (0000:00:05.0) vector 2 used",
	 NULL,
	 QEMU_LINE_EVENT,
	 QEMU_MSIX_USE,
	 "0000:00:05.0",
	 {2}},
	{"vfio_pci_write_config  (0000:00:03.0, @0x10, 0xfea00000, len=0x4)",
	 NULL,
	 QEMU_LINE_EVENT,
	 QEMU_CONFIG_WRITE,
	 "0000:00:03.0",
	 {0x10, 0xfea00000, 4}},
	{"vfio_region_write  (0000:00:05.0:region3+0xc, 0x1, 4)",
	 NULL,
	 QEMU_LINE_EVENT,
	 QEMU_IGNORED,
	 "0000:00:05.0",
	 {3, 0xc, 1, 4}},
	{"vfio_pci_hot_reset_result 0000:00:05.0 hot reset: Success",
	 NULL,
	 QEMU_LINE_EVENT,
	 QEMU_HOT_RESET_RESULT,
	 "0000:00:05.0",
	 {0}},
	{"vfio_listener_region_add_ram region_add [ram] 0x0 - 0xfff [0x7f0000000000]",
	 NULL,
	 QEMU_LINE_EVENT,
	 QEMU_RAM_ADD,
	 "",
	 {0, 0xfff, 0x7f0000000000}},
	/* Numbers without 0x are of very old versions; a null pointer is "(nil)". */
	{"vfio_listener_region_add_ram region_add [ram] 0 - fff [(nil)]",
	 NULL,
	 QEMU_LINE_EVENT,
	 QEMU_RAM_ADD,
	 "",
	 {0, 0xfff, 0}},
	{"vfio_dma_map_ram region_add [ram] 0x0 - 0xfff [0x7f0000000000]",
	 NULL,
	 QEMU_LINE_EVENT,
	 QEMU_RAM_ADD,
	 "",
	 {0, 0xfff, 0x7f0000000000}},
	{"vfio_listener_region_add_iommu region_add [iommu] 0x0 - 0xffffffffffffffff",
	 NULL,
	 QEMU_LINE_EVENT,
	 QEMU_IGNORED,
	 "",
	 {0, UINT64_MAX}},
	{"vfio_listener_region_add_iommu region_add [iommu] vtd-00.0-dmar 0x0 - 0xfff",
	 NULL,
	 QEMU_LINE_EVENT,
	 QEMU_IGNORED,
	 "",
	 {0, 0xfff}},
	{"vfio_listener_region_skip SKIPPING region_del 0x0 - 0x3ff",
	 NULL,
	 QEMU_LINE_EVENT,
	 QEMU_IGNORED,
	 "",
	 {0, 0x3ff}},
	{"vfio_iommu_map_notify iommu MAP @ 0x1000 - 0x1fff",
	 NULL,
	 QEMU_LINE_EVENT,
	 QEMU_NOTIFY_MAP,
	 "",
	 {0x1000, 0x1fff}},
	{"vfio_iommu_map_notify iommu UNMAP @ 0xfef00000 - 0xffffffffffffffff",
	 NULL,
	 QEMU_LINE_EVENT,
	 QEMU_NOTIFY_UNMAP,
	 "",
	 {0xfef00000, UINT64_MAX}},
	/* damaged */
	{"vfio_iommu_map_notify iommu REMAP @ 0x1000 - 0x1fff",
	 NULL,
	 QEMU_LINE_BAD,
	 QEMU_IGNORED,
	 "",
	 {0}},
	{"vfio_iommu_map_notify iommu MAP @ 0x11112222333344445 - 0x1fff",
	 NULL,
	 QEMU_LINE_BAD,
	 QEMU_IGNORED,
	 "",
	 {0}},
	{"vfio_realize  (0000:00:03.0 group 2", NULL, QEMU_LINE_BAD, QEMU_IGNORED, "", {0}},
	{"vfio_get_device Device  flags: 2, regions: 9, irqs: 5",
	 NULL,
	 QEMU_LINE_BAD,
	 QEMU_IGNORED,
	 "",
	 {0}},
};

START_TEST(a_line_is_read_as_its_version_wrote_it)
{
	const struct line *c = &lines[_i];
	struct qemu_event event;
	bool two;

	ck_assert_msg(qemu_event_parse(c->text, c->next, &event, &two) == c->result, "%s", c->text);
	if (c->result != QEMU_LINE_EVENT)
		return;
	ck_assert_msg(event.kind == c->kind, "%s: kind %d", c->text, (int)event.kind);
	ck_assert_msg(two == (c->next != NULL), "%s", c->text);
	ck_assert_str_eq(event.name, c->name);
	for (unsigned i = 0; i < 4; i++)
		ck_assert_msg(event.n[i] == c->n[i], "%s: number %u is 0x%llx", c->text, i,
			      (unsigned long long)event.n[i]);
}
END_TEST

/* ---- life cycles ---- */

#define EDU "vfio_realize  (0000:00:03.0) group 2\n"
#define EDU_ON                                                                                 \
	"vfio_get_device Device 0000:00:03.0 flags: 2, regions: 9, irqs: 5\n"                  \
	"vfio_region_setup Device 0000:00:03.0, region 0 \"0000:00:03.0 BAR 0\", flags: 0x7, " \
	"offset: 0x0, "                                                                        \
	"size: 0x100000\n"
#define NIC    "vfio_realize  (0000:00:05.0) group 4\n"
#define NIC_ON "vfio_get_device Device 0000:00:05.0 flags: 3, regions: 9, irqs: 5\n"
#define RAM    "vfio_listener_region_add_ram region_add [ram] 0x0 - 0xfffff [0x7f0000000000]\n"

static void replay_log(const char *text, struct trace_outcome *out)
{
	struct replay_cfg cfg = {
		.format = "qemu-log",
		.audit_every = 1,
		.thorough = true,
		.strict = true,
	};

	trace_replay(text, strlen(text), &cfg, out);
	ck_assert_msg(out->rc == 0, "%s", out->error);
	ck_assert_msg(out->result.different == 0, "%u: %s: expected %s, got %s", out->line,
		      out->text, out->expected, out->got);
	ck_assert_msg(out->result.audit_failures == 0, "%s", out->result.first_audit);
}

static unsigned containers(const struct trace_outcome *out)
{
	unsigned n = 0;

	while (vfio_container_at(out->result.machine->vfio, n))
		n++;
	return n;
}

START_TEST(devices_of_one_address_space_share_a_container)
{
	struct trace_outcome out;

	replay_log(EDU RAM EDU_ON NIC NIC_ON, &out);
	ck_assert_uint_eq(containers(&out), 1);
	ck_assert_uint_eq(out.result.end.mappings, 1);
	trace_outcome_fini(&out);
}
END_TEST

/* With a virtual IOMMU the listener tells each new container what there is. */
START_TEST(devices_behind_a_virtual_iommu_have_containers_of_their_own)
{
	struct trace_outcome out;

	replay_log(EDU RAM EDU_ON NIC RAM NIC_ON
		   "vfio_listener_region_del region_del 0x0 - 0xfffff\n"
		   "vfio_listener_region_del region_del 0x0 - 0xfffff\n"
		   "vfio_iommu_map_notify iommu MAP @ 0x10000 - 0x1ffff\n"
		   "vfio_iommu_map_notify iommu MAP @ 0x10000 - 0x10fff\n",
		   &out);
	ck_assert_uint_eq(containers(&out), 2);
	ck_assert_uint_eq(out.result.end.mappings, 2);
	ck_assert_uint_eq(out.result.end.mapped_bytes, 0x11000);
	ck_assert_msg(strstr(out.notes, "notify MAP"), "%s", out.notes);
	trace_outcome_fini(&out);
}
END_TEST

START_TEST(the_last_group_takes_the_container_along)
{
	struct trace_outcome out;

	replay_log(EDU RAM EDU_ON "vfio_region_exit Device 0000:00:03.0, region 0\n"
				  "vfio_region_finalize Device 0000:00:03.0, region 0\n"
				  "vfio_put_base_device close vdev->fd=11\n"
				  "vfio_disconnect_container close container->fd=10\n"
				  "vfio_put_group close group->fd=9\n" EDU RAM EDU_ON,
		   &out);
	ck_assert_uint_eq(containers(&out), 1);
	ck_assert_uint_eq(out.result.end.mappings, 1);
	trace_outcome_fini(&out);
}
END_TEST

START_TEST(a_bar_is_found_by_its_register)
{
	struct trace_outcome out;

	replay_log(EDU RAM EDU_ON
		   "vfio_pci_write_config  (0000:00:03.0, @0x10, 0xffffffff, len=0x4)\n"
		   "vfio_pci_write_config  (0000:00:03.0, @0x10, 0xfea00000, len=0x4)\n"
		   "vfio_listener_region_add_ram region_add [ram] 0xfea00000 - 0xfeafffff "
		   "[0x7f1000000000]\n"
		   "vfio_listener_region_add_ram region_add [ram] 0x100000 - 0x1fffff "
		   "[0x7f0000100000]\n",
		   &out);
	ck_assert_uint_eq(out.result.end.mappings, 3);
	/* Only memory is charged and pinned: two times 1 MiB. */
	ck_assert_uint_eq(out.result.end.locked_pages, 512);
	trace_outcome_fini(&out);
}
END_TEST

START_TEST(all_of_the_address_space_can_be_unmapped)
{
	struct trace_outcome out;

	replay_log(EDU RAM EDU_ON "vfio_iommu_map_notify iommu UNMAP @ 0x0 - 0xffffffffffffffff\n",
		   &out);
	ck_assert_uint_eq(out.result.end.mappings, 0);
	trace_outcome_fini(&out);
}
END_TEST

START_TEST(interrupts_go_through_their_life)
{
	struct trace_outcome out;

	replay_log(EDU RAM EDU_ON NIC NIC_ON
		   "vfio_intx_enable  (0000:00:03.0)\n"
		   "vfio_intx_disable  (0000:00:03.0)\n"
		   "vfio_msi_enable  (0000:00:03.0) Enabled 1 MSI vectors\n"
		   "vfio_msi_disable  (0000:00:03.0)\n"
		   "vfio_msix_vector_do_use  (0000:00:05.0) vector 0 used\n"
		   "vfio_msix_enable  (0000:00:05.0)\n"
		   "vfio_msix_vector_do_use  (0000:00:05.0) vector 2 used\n"
		   "vfio_msix_vector_do_use  (0000:00:05.0) vector 1 used\n"
		   "vfio_intx_enable  (0000:00:05.0)\n"
		   "vfio_msix_disable  (0000:00:05.0)\n"
		   "vfio_pci_reset_flr 0000:00:05.0 FLR/VFIO_DEVICE_RESET\n"
		   "vfio_pci_hot_reset  (0000:00:05.0) one\n",
		   &out);
	trace_outcome_fini(&out);
}
END_TEST

START_TEST(other_lines_are_skipped_and_counted)
{
	struct trace_outcome out;

	replay_log("qemu-system-x86_64: warning: something\n" EDU "vfio_event_of_tomorrow 1 2 3\n"
		   "\n"
		   "IN: \n"
		   "0x000fffe0:  jmp\n" RAM EDU_ON,
		   &out);
	ck_assert_msg(strstr(out.notes, "4 lines are no known event"), "%s", out.notes);
	trace_outcome_fini(&out);
}
END_TEST

START_TEST(an_answer_of_the_log_that_differs_is_reported)
{
	struct replay_cfg cfg = {0};
	struct trace_outcome out;
	static const char text[] =
		EDU RAM "vfio_get_device Device 0000:00:03.0 flags: 2, regions: 9, irqs: 6\n";

	trace_replay(text, sizeof(text) - 1, &cfg, &out);
	ck_assert_msg(out.rc == 0, "%s", out.error);
	ck_assert_uint_eq(out.result.different, 1);
	ck_assert_uint_eq(out.line, 3);
	ck_assert_str_eq(out.expected, "flags=2 regions=9 irqs=6");
	ck_assert_str_eq(out.got, "flags=2 regions=9 irqs=5");
	trace_outcome_fini(&out);
}
END_TEST

/* What follows from a failure that the run did not have is different, not bad input. */
START_TEST(a_planned_failure_of_an_attach_goes_on)
{
	static const char text[] =
		EDU RAM EDU_ON "vfio_listener_region_del region_del 0x0 - 0xfffff\n"
			       "vfio_region_finalize Device 0000:00:03.0, region 0\n"
			       "vfio_put_base_device close vdev->fd=11\n"
			       "vfio_put_group close group->fd=9\n";
	struct replay_cfg cfg = {.inject = "iommu.attach:nth=1,errno=ENOMEM", .audit_every = 1};
	struct trace_outcome out;

	trace_replay(text, sizeof(text) - 1, &cfg, &out);
	ck_assert_msg(out.rc == 0, "%s", out.error);
	ck_assert_uint_eq(out.line, 1);
	ck_assert_str_eq(out.got, "ret=-1 errno=ENOMEM");
	ck_assert_uint_ge(out.result.different, 3);
	ck_assert_uint_eq(out.result.audit_failures, 0);
	trace_outcome_fini(&out);
}
END_TEST

START_TEST(devices_stand_where_there_is_room)
{
	static const char text[] = "vfio_realize  (0000:81:00.0) group 44\n" RAM;
	static const char *const place[] = {"0000:81:00.0=00:05.0"};
	struct replay_cfg cfg = {.place = place, .place_count = 1};
	struct trace_outcome out;

	trace_replay(text, sizeof(text) - 1, NULL, &out);
	ck_assert_msg(out.rc == 0 && !out.result.different, "%s", out.error);
	ck_assert_msg(strstr(out.notes, "device 0000:81:00.0 of the trace stands at 0000:00:"),
		      "%s", out.notes);
	trace_outcome_fini(&out);
	trace_replay(text, sizeof(text) - 1, &cfg, &out);
	ck_assert_msg(out.rc == 0 && !out.result.different, "%s", out.error);
	ck_assert_msg(strstr(out.notes, "stands at 0000:00:05.0"), "%s", out.notes);
	trace_outcome_fini(&out);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("trace_qemu_log");
	TCase *tcase = tcase_create("logs");

	tcase_set_timeout(tcase, 600);
	tcase_add_loop_test(tcase, a_line_is_read_as_its_version_wrote_it, 0,
			    sizeof(lines) / sizeof(lines[0]));
	tcase_add_test(tcase, devices_of_one_address_space_share_a_container);
	tcase_add_test(tcase, devices_behind_a_virtual_iommu_have_containers_of_their_own);
	tcase_add_test(tcase, the_last_group_takes_the_container_along);
	tcase_add_test(tcase, a_bar_is_found_by_its_register);
	tcase_add_test(tcase, all_of_the_address_space_can_be_unmapped);
	tcase_add_test(tcase, interrupts_go_through_their_life);
	tcase_add_test(tcase, other_lines_are_skipped_and_counted);
	tcase_add_test(tcase, an_answer_of_the_log_that_differs_is_reported);
	tcase_add_test(tcase, a_planned_failure_of_an_attach_goes_on);
	tcase_add_test(tcase, devices_stand_where_there_is_room);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
