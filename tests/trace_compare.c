// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a replay calls different, and what it counts.
 *
 * Recordings and dumps with known answers get one answer changed: exactly that line must be
 * reported, with both texts. Operations that no bundled recording holds have recordings of their
 * own here, with answers worked out by hand from the documented behaviour.
 */
#include <errno.h>
#include <string.h>
#include <zlib.h>

#include "trace_fixture.h"

#define HEADER "# kernel: Linux 6.12.117 x86_64\n# platform: vtd48\n# container: type1\n"
#define DEVICES                               \
	"device A 01:00.0 => ret=0 group=9\n" \
	"device B 02:00.0 => ret=0 group=10\n"
#define OPENED                                  \
	"container c => ret=0\n"                \
	"group g A => ret=0 status_flags=0x1\n" \
	"set_container g c => ret=0\n"          \
	"set_iommu c 3 => ret=0\n"              \
	"buffer b size=0x10000 => ret=0\n"

static void replay_text(const char *text, struct trace_outcome *out)
{
	struct replay_cfg cfg = {.audit_every = 1, .thorough = true, .strict = true};

	trace_replay(text, strlen(text), &cfg, out);
	ck_assert_msg(out->rc == 0, "%s", out->error);
	ck_assert_msg(out->result.audit_failures == 0, "%s", out->result.first_audit);
}

static void expect_same(const char *text)
{
	struct trace_outcome out;

	replay_text(text, &out);
	ck_assert_msg(out.result.different == 0, "%u: %s\n  expected %s\n  got      %s", out.line,
		      out.text, out.expected, out.got);
	trace_outcome_fini(&out);
}

/* ---- single differences ---- */

static const struct changed {
	const char *text;
	unsigned line;
	const char *got;
} changed[] = {
	{HEADER DEVICES OPENED "locked => ret=0 VmLck=4 VmPin=0\n", 11, "ret=0 VmLck=0 VmPin=0"},
	{HEADER DEVICES OPENED "map c iova=0 buf=b off=0 size=4096 => ret=-1 errno=EINVAL\n", 11,
	 "ret=0"},
	{HEADER DEVICES OPENED "unmap c iova=0 size=4096 => ret=0\n", 11, "ret=0 size=0x0"},
	{HEADER DEVICES OPENED "unmap c iova=0 size=4096 => ret=0 size=0x0 more=1\n", 11,
	 "ret=0 size=0x0"},
	{HEADER DEVICES OPENED "unmap c iova=0 size=1 => ret=-1 errno=EFAULT size=0x1\n", 11,
	 "ret=-1 errno=EINVAL size=0x1"},
	/* The same number in another notation is another text. */
	{HEADER DEVICES OPENED "unmap c iova=0 size=4096 => ret=0 size=0\n", 11, "ret=0 size=0x0"},
	{HEADER "device A 01:00.0 => ret=-1 errno=ENODEV\n", 4, "ret=0 group="},
	{HEADER "device A 77:00.0 => ret=0 group=1\n", 4, "ret=-1 errno=ENODEV"},
};

START_TEST(one_changed_answer_is_one_difference)
{
	const struct changed *c = &changed[_i];
	struct trace_outcome out;

	replay_text(c->text, &out);
	ck_assert_uint_eq(out.result.different, 1);
	ck_assert_uint_eq(out.line, c->line);
	ck_assert_msg(strncmp(out.got, c->got, strlen(c->got)) == 0, "%s", out.got);
	ck_assert_ptr_null(strstr(out.text, "=>"));
	trace_outcome_fini(&out);
}
END_TEST

START_TEST(a_question_mark_matches_anything)
{
	expect_same(HEADER DEVICES OPENED "get_device d g A => ret=0 flags=? regions=9 irqs=?\n"
					  "map c iova=0 buf=b off=0 size=4096 => ret=0\n"
					  "dma_to_dev d iova=0 len=64 => ret=0 ok=?\n"
					  "dma_to_dev d iova=0x100000 len=64 => ret=0 ok=?\n"
					  "locked => ret=? VmLck=? VmPin=?\n");
}
END_TEST

/* ---- what recordings do not tell ---- */

/* Recordings whose last answer need not be ours, and whether it may be this one. */
static const struct untold {
	const char *text;
	bool same;
} untold[] = {
#define BRIDGED(version)                                                                        \
	"# kernel: Linux " version "\n# platform: vtd48\n# container: type1\n"                  \
	"device E 05:01.0 => ret=0 group=12\ncontainer c => ret=0\n"                            \
	"group g E => ret=0 status_flags=0x1\nset_container g c => ret=0\n"                     \
	"set_iommu c 1 => ret=0\nget_device d g E => ret=0 flags=0x3 regions=9 irqs=5\n"        \
	"buffer b size=0x10000 => ret=0\nmap c iova=0x10000 buf=b off=0 size=0x1000 => ret=0\n" \
	"dma_to_dev d iova=0x10010 len=64 => ret=0 ok="
	{BRIDGED("6.12.117") "1\n", true},
	{BRIDGED("6.12.117") "0 fault=0x06:0x10000:read:05:00.0\n", true},
	{BRIDGED("6.1.192") "0 fault=0x06:0x10000:read:05:00.0\n", false},
	{BRIDGED("6.12.117") "0 fault=0x06:0x10000:read:05:01.0\n", false},
	{BRIDGED("6.12.117") "0 fault=0x06:0x10000:read:06:00.0\n", false},
	{BRIDGED("6.12.117") "0 fault=0x06:0x11000:read:05:00.0\n", false},
	{BRIDGED("6.12.117") "0 fault=0x02:0x10000:read:05:00.0\n", false},
/*
 * 15 pages, of which the first three lie in the aperture. Scattered: the fourth is refused, the
 * fifth was looked at to see that the run ends. In one run: all are refused at once.
 */
#define TOUCHED(version)                                                             \
	"# kernel: Linux " version "\n# platform: vtd48\n# container: type1\n"       \
	"device A 01:00.0 => ret=0 group=9\n" OPENED                                 \
	"map c iova=0xffffffffd000 buf=b off=0 size=0xf000 => ret=-1 errno=EFAULT\n" \
	"map c iova=0 buf=b off=0 size=0x10000 flags=r => ret=0\nlocked => ret=0 VmLck="
	{TOUCHED("3.16.0") "20 VmPin=0\n", true},
	{TOUCHED("3.16.0") "60 VmPin=0\n", true},
	{TOUCHED("3.16.0") "40 VmPin=0\n", true},
	{TOUCHED("3.16.0") "16 VmPin=0\n", false},
	{TOUCHED("3.16.0") "64 VmPin=0\n", false},
	{TOUCHED("3.16.0") "40 VmPin=4\n", false},
/* A page that is cached as read-only is written to. */
#define DENIED(iommu)                                                                \
	"# kernel: Linux 6.12.117\n" iommu "# platform: vtd48\n# container: type1\n" \
	"device A 01:00.0 => ret=0 group=9\n" OPENED                                 \
	"get_device d g A => ret=0 flags=0x3 regions=9 irqs=5\n"                     \
	"map c iova=0 buf=b off=0 size=0x1000 flags=r => ret=0\n"                    \
	"dma_to_dev d iova=0 len=4 => ret=0 ok=1\n"                                  \
	"dma_from_dev d iova=0 len=4 => ret=0 ok="
	{DENIED("# iommu: vtd aw-bits=48\n") "1\n", true},
	{DENIED("# iommu: vtd aw-bits=48\n") "0 fault=0x05:0x0:write:01:00.0\n", false},
	{DENIED("") "1\n", false},
	{DENIED("") "0 fault=0x05:0x0:write:01:00.0\n", true},
};

START_TEST(only_what_recordings_do_not_tell_may_be_another_answer)
{
	struct trace_outcome out;

	replay_text(untold[_i].text, &out);
	ck_assert_msg((out.result.different == 0) == untold[_i].same, "%s\n%s: got %s",
		      untold[_i].text, out.text, out.got);
	trace_outcome_fini(&out);
}
END_TEST

START_TEST(a_map_that_stops_the_kernel_is_noticed)
{
	struct trace_outcome out;

	replay_text(
		"# kernel: Linux 4.19.78\n# platform: vtd48\n# container: type1\n"
		"device A 01:00.0 => ret=0 group=9\n" OPENED
		"map c iova=0xfffffffffffff000 buf=b off=0 size=0x1000 => ret=-1 errno=EFAULT\n",
		&out);
	ck_assert_uint_eq(out.result.different, 0);
	ck_assert_ptr_nonnull(strstr(out.notes, "line 10: VT-d is asked for a page that ends at"));
	trace_outcome_fini(&out);
}
END_TEST

/* ---- group numbers ---- */

START_TEST(group_numbers_match_up_to_a_bijection)
{
	expect_same(HEADER "device A 01:00.0 => ret=0 group=901\n"
			   "device B 02:00.0 => ret=0 group=0\n"
			   "device C 03:00.0 => ret=0 group=7\n"
			   "device D 03:00.1 => ret=0 group=7\n"
			   "device A2 01:00.0 => ret=0 group=901\n");
}
END_TEST

START_TEST(a_group_number_that_breaks_the_bijection_differs)
{
	static const char *const texts[] = {
		HEADER "device A 01:00.0 => ret=0 group=1\ndevice B 02:00.0 => ret=0 group=1\n",
		HEADER "device C 03:00.0 => ret=0 group=1\ndevice D 03:00.1 => ret=0 group=2\n",
	};
	struct trace_outcome out;

	replay_text(texts[_i], &out);
	ck_assert_uint_eq(out.result.different, 1);
	ck_assert_uint_eq(out.line, 5);
	trace_outcome_fini(&out);
}
END_TEST

/* ---- operations and names ---- */

START_TEST(a_hidden_name_comes_back_when_the_newer_is_closed)
{
	expect_same(HEADER DEVICES "container c => ret=0\n"
				   "group g A => ret=0 status_flags=0x1\n"
				   "group g B => ret=0 status_flags=0x1\n"
				   "set_container g c => ret=0\n"
				   "close g => ret=0\n"
				   "group_status g => ret=0 status_flags=0x1\n"
				   "set_container g c => ret=0\n"
				   "group_status g => ret=0 status_flags=0x3\n"
				   "close g => ret=0\n"
				   "close g => ret=-1 errno=EBADF\n"
				   "group_status g => ret=-1 errno=EBADF\n"
				   "set_container g c => ret=-1 errno=EBADF\n");
}
END_TEST

START_TEST(names_of_a_child_are_unknown_to_its_parent)
{
	expect_same(HEADER DEVICES OPENED "fork => ret=0\n"
					  "container c => ret=0\n"
					  "container k => ret=0\n"
					  "close g => ret=0\n"
					  "buffer n size=4096 => ret=0\n"
					  "endfork => ret=0\n"
					  "close k => ret=-1 errno=EBADF\n"
					  "group_status g => ret=0 status_flags=0x3\n"
					  "map c iova=0 buf=b off=0 size=4096 => ret=0\n"
					  "locked => ret=0 VmLck=4 VmPin=0\n");
}
END_TEST

/* The mapping stays charged to the parent's memory, which is gone. */
START_TEST(an_orphan_goes_on_with_the_files_of_its_parent)
{
	expect_same(HEADER DEVICES OPENED "map c iova=0 buf=b off=0 size=4096 => ret=0\n"
					  "locked => ret=0 VmLck=4 VmPin=0\n"
					  "fork_orphan => ret=0\n"
					  "locked => ret=0 VmLck=0 VmPin=0\n"
					  "unmap c iova=0 size=4096 => ret=0 size=0x1000\n"
					  "map c iova=0 buf=b off=0 size=8192 => ret=0\n"
					  "locked => ret=0 VmLck=8 VmPin=0\n");
}
END_TEST

START_TEST(bare_ioctls_reach_the_file)
{
	/* 0x3b64 GET_API_VERSION, 0x3b67 GROUP_GET_STATUS with argsz 0, and a number nobody has. */
	expect_same(HEADER DEVICES OPENED "ioctl c cmd=0x3b64 => ret=0\n"
					  "ioctl g cmd=0x3b67 => ret=-1 errno=EINVAL\n"
					  "ioctl g cmd=0x3bff => ret=-1 errno=ENOTTY\n"
					  "ioctl x cmd=0x3b64 => ret=-1 errno=EBADF\n");
}
END_TEST

START_TEST(fill_and_check_agree_with_zlib)
{
	char text[1024];
	uint8_t bytes[4096];

	memset(bytes, 0x5a, sizeof(bytes));
	snprintf(text, sizeof(text),
		 HEADER "buffer b size=0x1000 => ret=0\n"
			"fill b off=0 size=0x1000 byte=0x5a => ret=0\n"
			"check b off=0 size=0x1000 => ret=0 crc32=0x%08lx\n"
			"bufprot b off=0 size=0x1000 prot=none => ret=0\n"
			"check b off=0 size=0x1000 => ret=-1 errno=EFAULT\n"
			"check b off=0 size=0x2000 => ret=-1 errno=EFAULT\n",
		 crc32(0, bytes, sizeof(bytes)));
	expect_same(text);
}
END_TEST

START_TEST(operations_are_counted_by_kind)
{
	struct trace_outcome out;
	const struct replay_result *r = &out.result;

	replay_text(HEADER DEVICES OPENED
		    "map c iova=0 buf=b off=0 size=4096 => ret=0\n"
		    "map c iova=0 buf=b off=0 size=4096 => ret=-1 errno=EEXIST\n"
		    "map c iova=0x2000 buf=b off=0 size=8192 => ret=0\n"
		    "unmap c iova=0 size=4096 => ret=0 size=0x1000\n"
		    "close g => ret=0\n"
		    "close c => ret=0\n",
		    &out);
	ck_assert_uint_eq(r->operations, 13);
	ck_assert_uint_eq(r->audits, 13);
	ck_assert_uint_eq(r->different, 0);
	ck_assert_str_eq(r->kind[0].name, "device");
	ck_assert_uint_eq(r->kind[0].count, 2);
	ck_assert_str_eq(r->kind[6].name, "map");
	ck_assert_uint_eq(r->kind[6].count, 3);
	ck_assert_uint_eq(r->kind[6].failed, 1);
	/* Two mappings at their most; one at the end: the group takes the rest along. */
	ck_assert_uint_eq(r->fullest.at_operation, 10);
	ck_assert_uint_eq(r->fullest.mappings, 2);
	ck_assert_uint_eq(r->fullest.mapped_bytes, 0x3000);
	ck_assert_uint_eq(r->end.at_operation, 11);
	ck_assert_uint_eq(r->end.mappings, 1);
	ck_assert_uint_eq(r->end.mapped_bytes, 0x2000);
	ck_assert_uint_eq(r->end.locked_pages, 2);
	ck_assert_uint_eq(r->end.domains, 1);
	ck_assert_uint_eq(r->end.pgsize_bitmap, 0x40201000);
	ck_assert_ptr_nonnull(r->machine);
	trace_outcome_fini(&out);
}
END_TEST

/* ---- platform, kernel, placement, failures ---- */

START_TEST(a_device_is_placed_where_the_user_says)
{
	static const char text[] = HEADER "device A 0a:00.0 => ret=0 group=1\n"
					  "device B 02:00.0 => ret=0 group=1\n";
	static const char *const place[] = {"0000:0a:00.0=B"};
	struct replay_cfg cfg = {.place = place, .place_count = 1};
	struct trace_outcome out;

	trace_replay(text, strlen(text), &cfg, &out);
	ck_assert_msg(out.rc == 0, "%s", out.error);
	ck_assert_msg(out.result.different == 0, "%s", out.got);
	trace_outcome_fini(&out);
}
END_TEST

START_TEST(a_planned_failure_shows_as_a_difference)
{
	static const char text[] =
		HEADER DEVICES OPENED "map c iova=0 buf=b off=0 size=4096 => ret=0\n"
				      "map c iova=0x1000 buf=b off=0 size=4096 => ret=0\n"
				      "unmap c iova=0x1000 size=4096 => ret=0 size=0x1000\n";
	struct replay_cfg cfg = {.inject = "type1.pin:nth=2,errno=EFAULT", .audit_every = 1};
	struct trace_outcome out;

	trace_replay(text, strlen(text), &cfg, &out);
	ck_assert_msg(out.rc == 0, "%s", out.error);
	ck_assert_uint_eq(out.result.different, 2);
	ck_assert_uint_eq(out.line, 12);
	ck_assert_str_eq(out.got, "ret=-1 errno=EFAULT");
	ck_assert_uint_eq(out.result.audit_failures, 0);
	trace_outcome_fini(&out);
}
END_TEST

static void count_calls(void *ctx, uint64_t done, uint64_t total)
{
	(void)ctx;
	ck_assert_uint_le(done, total);
}

START_TEST(progress_never_passes_its_end)
{
	struct replay_cfg cfg = {.progress = count_calls};
	struct trace_outcome out;
	size_t len;
	char *bytes =
		trace_read(SIO_TRACES_DIR "/qemu/07-qemu100-viommu-nvme/vfio-ioctls.txt", &len);

	trace_replay(bytes, len, &cfg, &out);
	ck_assert_msg(out.rc == 0, "%s", out.error);
	trace_outcome_fini(&out);
	free(bytes);
}
END_TEST

/* ---- dumps ---- */

START_TEST(every_changed_byte_of_an_answer_is_seen_once)
{
	size_t len;
	char *bytes = trace_read(SIO_TRACES_DIR "/qemu/01-seabios-q35/vfio-ioctls.txt", &len);
	unsigned changes = 0;

	for (char *at = bytes; (at = strstr(at, " out=")); at++) {
		char *digit = at + 5, kept = *digit, *line = at;
		struct trace_outcome out;
		bool hidden;

		while (line > bytes && line[-1] != '\n')
			line--;
		if (kept == '-')
			continue;
		/* SET_CONTAINER's only field is a descriptor of the recorded host. */
		hidden = !!memmem(line, (size_t)(at - line), "SET_CONTAINER", 13);
		*digit = kept == '0' ? '1' : '0';
		trace_replay(bytes, len, NULL, &out);
		ck_assert_msg(out.rc == 0, "%s", out.error);
		ck_assert_msg(out.result.different == !hidden, "%.60s: %llu differ", line,
			      (unsigned long long)out.result.different);
		trace_outcome_fini(&out);
		*digit = kept;
		changes++;
	}
	ck_assert_uint_eq(changes, 53);
	free(bytes);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("trace_compare");
	TCase *tcase = tcase_create("comparison");

	tcase_set_timeout(tcase, 600);
	tcase_add_loop_test(tcase, one_changed_answer_is_one_difference, 0,
			    sizeof(changed) / sizeof(changed[0]));
	tcase_add_test(tcase, a_question_mark_matches_anything);
	tcase_add_test(tcase, group_numbers_match_up_to_a_bijection);
	tcase_add_loop_test(tcase, a_group_number_that_breaks_the_bijection_differs, 0, 2);
	tcase_add_test(tcase, a_hidden_name_comes_back_when_the_newer_is_closed);
	tcase_add_test(tcase, names_of_a_child_are_unknown_to_its_parent);
	tcase_add_test(tcase, an_orphan_goes_on_with_the_files_of_its_parent);
	tcase_add_test(tcase, bare_ioctls_reach_the_file);
	tcase_add_test(tcase, fill_and_check_agree_with_zlib);
	tcase_add_test(tcase, operations_are_counted_by_kind);
	tcase_add_test(tcase, a_device_is_placed_where_the_user_says);
	tcase_add_test(tcase, a_planned_failure_shows_as_a_difference);
	tcase_add_test(tcase, progress_never_passes_its_end);
	tcase_add_loop_test(tcase, only_what_recordings_do_not_tell_may_be_another_answer, 0,
			    (int)(sizeof(untold) / sizeof(untold[0])));
	tcase_add_test(tcase, a_map_that_stops_the_kernel_is_noticed);
	tcase_add_test(tcase, every_changed_byte_of_an_answer_is_seen_once);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
