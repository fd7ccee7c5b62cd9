// SPDX-License-Identifier: GPL-2.0-only
/*
 * Traces of iommufd that no recording holds: operations of the language that real sessions did not
 * need, answers that are changed and must be reported, and what QEMU does when devices come and go.
 *
 * The answers are worked out from the interface's documented behaviour.
 */
#include <errno.h>
#include <string.h>

#include "trace_fixture.h"

#define OLD    "# kernel: Linux 6.12.117 x86_64\n"
#define LATER  "# kernel: Linux 7.2.13 x86_64\n"
#define MOCK   "# platform: mock\n"
#define DEVICE "iommufd f => ret=0\nioas_alloc f i => ret=0 id=1\n"
#define MOCKED DEVICE "t_mock_domain f m pt=i => ret=0 stdev=2 hwpt=4 idev=3\n"

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

/* ---- differences ---- */

static const struct changed {
	const char *text;
	unsigned line;
	const char *got;
} changed[] = {
	{LATER MOCK "iommufd f => ret=0\nioas_alloc f i => ret=0 id=2\n", 4, "ret=0 id=1"},
	{LATER MOCK DEVICE "destroy f i => ret=-1 errno=EBUSY\n", 5, "ret=0"},
	{LATER MOCK DEVICE "ioas_unmap f i iova=0 size=4096 => ret=-1 errno=ENOENT length=0x0\n", 5,
	 "ret=-1 errno=ENOENT length=0x1000"},
	{LATER MOCK DEVICE "ioas_iova_ranges f i => ret=0 num=1 alignment=0x1000 "
			   "ranges=[0x0-0xffffffffffffffff]\n",
	 5, "ret=0 num=1 alignment=0x1 ranges=[0x0-0xffffffffffffffff]"},
	{LATER MOCK DEVICE "option f id=1 object=i op=get => ret=0 val=0\n", 5, "ret=0 val=1"},
	{LATER MOCK DEVICE "poll f2 => ret=1 revents=in\n", 5, "ret=0 revents=-"},
	{LATER MOCK MOCKED
	 "hw_info f dev=m.dev len=4 => ret=0 type=4276993775 len=8 caps=0x9 data=-\n",
	 6, "ret=0 type=4276993775 len=8 caps=0x9 data=00000000"},
	/* A container line chooses whose the container device is. */
	{"# platform: vtd48\n# container: iommufd-compat\ncontainer c => ret=0\n"
	 "check_extension c 10 => ret=1\n",
	 4, "ret=0"},
};

START_TEST(one_changed_answer_is_one_difference)
{
	const struct changed *c = &changed[_i];
	struct trace_outcome out;

	replay_text(c->text, &out);
	ck_assert_uint_eq(out.result.different, 1);
	ck_assert_uint_eq(out.line, c->line);
	ck_assert_str_eq(out.got, c->got);
	trace_outcome_fini(&out);
}
END_TEST

/* ---- names and structures ---- */

START_TEST(a_name_never_given_is_an_id_that_is_never_valid)
{
	expect_same(LATER MOCK DEVICE "destroy f nobody => ret=-1 errno=ENOENT\n"
				      "destroy f 0xfffffff0 => ret=-1 errno=ENOENT\n"
				      "destroy g 1 => ret=-1 errno=EBADF\n"
				      "ioas_alloc f i => ret=0 id=2\n"
				      "destroy f i => ret=0\n"
				      "destroy f i => ret=-1 errno=ENOENT\n"
				      "destroy f 1 => ret=0\n");
}
END_TEST

START_TEST(objects_that_a_child_names_are_unknown_to_its_parent)
{
	expect_same(LATER MOCK DEVICE "fork => ret=0\n"
				      "ioas_alloc f j => ret=0 id=2\n"
				      "endfork => ret=0\n"
				      "destroy f j => ret=-1 errno=ENOENT\n"
				      "destroy f 2 => ret=0\n");
}
END_TEST

/* The recorders differed in what lay there. */
START_TEST(the_byte_behind_the_buffer_goes_by_the_recorder)
{
	expect_same(OLD MOCK "iommufd f => ret=0\n"
			     "ioas_alloc f i argsz=4096 => ret=0 id=1\n"
			     "ioas_alloc f i argsz=4097 => ret=-1 errno=E2BIG\n");
	expect_same(LATER MOCK "iommufd f => ret=0\n"
			       "ioas_alloc f i argsz=4097 => ret=0 id=1\n");
}
END_TEST

START_TEST(numbers_that_do_not_fit_are_the_largest_that_does)
{
	expect_same(LATER MOCK DEVICE
		    "ioas_unmap f i iova=0x1ffffffffffffffff size=2 => ret=-1 errno=EOVERFLOW "
		    "length=0x2\n"
		    "ioas_unmap f i iova=99999999999999999999 size=2 => ret=-1 errno=EOVERFLOW "
		    "length=0x2\n");
}
END_TEST

/* ---- operations that no recording needs ---- */

START_TEST(memory_files_have_holes_and_ends)
{
	/* 0xc71c0011 is the CRC-32 of 4096 zeros, 0xd8f49994 of 8192. */
	expect_same(LATER MOCK "memfd m size=0x4000 => ret=0\n"
			       "file_check m size=0x2000 => ret=8192 crc32=0xd8f49994\n"
			       "file_write m size=0x4000 seed=7 => ret=16384\n"
			       "file_punch m off=0x1000 => ret=0\n"
			       "file_check m off=0x1000 => ret=4096 crc32=0xc71c0011\n"
			       "file_size m size=0x2000 => ret=0\n"
			       "file_check m off=0x1000 size=0x4000 => ret=4096 crc32=0xc71c0011\n"
			       "buffer_file b m prot=r => ret=0\n"
			       "fill b off=0 size=1 byte=1 => ret=-1 errno=EFAULT\n"
			       "check b off=0x1000 => ret=0 crc32=0xc71c0011\n"
			       "check b off=0x2000 size=1 => ret=-1 errno=EFAULT\n"
			       "file_seal m seals=1 => ret=0\n"
			       "file_seal m seals=2 => ret=-1 errno=EPERM\n"
			       "memfd t kind=tmp size=4096 => ret=0\n"
			       "file_seal t seals=2 => ret=-1 errno=EPERM\n"
			       "memfd z kind=zero => ret=0\n"
			       "file_size z size=1 => ret=-1 errno=EINVAL\n"
			       "dup n m => ret=0\n"
			       "close m => ret=0\n"
			       "file_check n off=0x1000 => ret=4096 crc32=0xc71c0011\n"
			       "lseek n off=4096 => ret=4096\n");
}
END_TEST

START_TEST(data_that_cannot_be_written_leaves_nothing_behind)
{
	expect_same(LATER MOCK MOCKED
		    "hwpt_alloc f p dev=m.dev pt=i flags=1 => ret=0 id=5\n"
		    "viommu_alloc f v dev=m.dev hwpt=p data=bad => ret=-1 errno=EFAULT\n"
		    "viommu_alloc f v dev=m.dev hwpt=p data=ro => ret=-1 errno=EFAULT\n"
		    "viommu_alloc f v dev=m.dev hwpt=p data=2a000000" /* in, out, offset, length */
		    "00000000"
		    "0000000000000000"
		    "0000000000000000 => ret=0 id=6 "
		    "data=2a0000002a00000000100000000000000020000000000000\n"
		    "mmap_iommufd b f off=v prot=none => ret=0\n"
		    "buf_word b => ret=-1 errno=EFAULT\n"
		    "destroy f v => ret=-1 errno=EBUSY\n"
		    "bufunmap b => ret=0\n"
		    "destroy f v => ret=0\n");
}
END_TEST

START_TEST(dma_buffers_have_descriptors)
{
	expect_same(LATER MOCK DEVICE "t_dmabuf_get f d length=0 => ret=-1 errno=EINVAL\n"
				      "t_dmabuf_get f d length=0x200001 => ret=-1 errno=EINVAL\n"
				      "t_dmabuf_get f d length=0x1000 => ret=0\n"
				      "t_dmabuf_revoke f x => ret=-1 errno=EBADF\n"
				      "t_dmabuf_revoke f f => ret=-1 errno=EINVAL\n"
				      "t_dmabuf_revoke f d => ret=0\n"
				      "t_dmabuf_revoke f d revoked=0 => ret=0\n"
				      "close d => ret=0\n"
				      "t_dmabuf_revoke f d => ret=-1 errno=EBADF\n");
}
END_TEST

START_TEST(bare_selftest_operations_go_through)
{
	/* Operation 9 is the limit of temporary memory, at least 12. */
	expect_same(LATER MOCK DEVICE "t_op f op=0 => ret=-1 errno=EOPNOTSUPP\n"
				      "t_op f op=99 => ret=-1 errno=EOPNOTSUPP\n"
				      "t_op f op=9 a=11 => ret=-1 errno=EINVAL\n"
				      "t_op f op=9 a=12 => ret=0\n"
				      "t_memory_limit f limit=11 => ret=-1 errno=EINVAL\n"
				      "t_memory_limit f limit=65536 => ret=0\n");
}
END_TEST

/* ---- QEMU's log ---- */

#define AT       "1@2.000003:"
#define CONNECT  AT "iommufd_backend_connect fd=10 owned=1 users="
#define BIND     AT "iommufd_cdev_connect_and_bind  [iommufd=10] Successfully bound device "
#define ATTACHED AT "iommufd_cdev_attach_ioas_hwpt  [iommufd=10] Successfully attached device "
#define MAP      AT "iommufd_backend_map_dma  iommufd=10 ioas=2 "
#define UNMAP    AT "iommufd_backend_unmap_dma  iommufd=10 ioas=2 "
#define ONE_DEVICE                                                                               \
	CONNECT "1\n" BIND "0000:00:03.0 (fd=11): output devid=1\n" AT                           \
		"iommufd_backend_alloc_ioas  iommufd=10 ioas=2\n" AT                             \
		"iommufd_backend_alloc_hwpt  iommufd=10 dev_id=1 pt_id=2 flags=0x0 hwpt_type=0 " \
		"len=0 data_ptr=0x0 out_hwpt=3 (0)\n" ATTACHED "0000:00:03.0 (11) to id=3\n" MAP \
		"iova=0x0 size=0x10000 addr=0x7f0000000000 readonly=0 (0)\n"

START_TEST(devices_of_a_log_come_and_go)
{
	struct trace_outcome out;

	replay_text(
		ONE_DEVICE CONNECT
		"2\n" BIND "0000:00:05.0 (fd=12): output devid=4\n" ATTACHED
		"0000:00:05.0 (12) to id=3\n" MAP
		"iova=0x10000 size=0x1000 addr=0x7f0000010000 readonly=1 (0)\n" UNMAP
		"iova=0x10000 size=0x1000 (0)\n" AT
		"iommufd_backend_unmap_dma_non_exist  Unmap nonexistent mapping: iommufd=10 ioas=2 "
		"iova=0x10000 size=0x1000 (-1)\n" AT
		"iommufd_cdev_detach_ioas_hwpt  [iommufd=10] Successfully detached "
		"0000:00:05.0\n" AT "iommufd_backend_disconnect fd=10 users=1\n" CONNECT "2\n" BIND
		"0000:00:05.0 (fd=12): output devid=4\n" AT
		"iommufd_cdev_detach_ioas_hwpt  [iommufd=10] Successfully detached "
		"0000:00:05.0\n" AT "iommufd_backend_disconnect fd=10 users=1\n" AT
		"iommufd_cdev_detach_ioas_hwpt  [iommufd=10] Successfully detached "
		"0000:00:03.0\n" AT "iommufd_backend_free_id  iommufd=10 id=3 (0)\n" AT
		"iommufd_backend_free_id  iommufd=10 id=2 (0)\n" AT
		"iommufd_backend_disconnect fd=10 users=0\n",
		&out);
	ck_assert_msg(out.result.different == 0, "%u: %s: %s", out.line, out.text, out.got);
	ck_assert_uint_eq(out.result.operations, 20);
	trace_outcome_fini(&out);
}
END_TEST

START_TEST(ids_and_results_of_a_log_are_compared)
{
	static const struct {
		const char *text;
		unsigned line;
		const char *got;
	} logs[] = {
		{ONE_DEVICE AT "iommufd_backend_alloc_ioas  iommufd=10 ioas=9\n", 7, "ret=0 id=4"},
		{ONE_DEVICE UNMAP "iova=0x1000 size=0x1000 (0)\n", 7, "ret=-1"},
		{ONE_DEVICE MAP "iova=0x0 size=0x1000 addr=0x7f0000000000 readonly=0 (0)\n", 7,
		 "ret=-1"},
		{ONE_DEVICE AT "iommufd_backend_free_id  iommufd=10 id=3 (0)\n", 7, "ret=-1"},
		{CONNECT "1\n" BIND "0000:00:03.0 (fd=11): output devid=5\n", 2, "ret=0 id=1"},
	};
	struct trace_outcome out;

	replay_text(logs[_i].text, &out);
	ck_assert_uint_eq(out.result.different, 1);
	ck_assert_uint_eq(out.line, logs[_i].line);
	ck_assert_str_eq(out.got, logs[_i].got);
	trace_outcome_fini(&out);
}
END_TEST

/* ---- dumps ---- */

#define NODE    "(/dev/vfio/devices/vfio0) 0x3b76 VFIO_DEVICE_BIND_IOMMUFD arg=ptr:0x1 "
#define IOMMUFD "0 1 2.3 4 fd=10(/dev/iommu) "

/* No close is in a dump: a node that is bound again was closed, or else it would be refused. */
START_TEST(a_node_that_is_bound_again_was_closed)
{
	expect_same("0 1 2.3 4 fd=11" NODE "in=10000000000000000a00000000000000 "
		    "out=10000000000000000a00000001000000 ret=0 errno=0\n"
		    "0 1 2.3 4 fd=12" NODE "in=10000000000000000a00000000000000 "
		    "out=10000000000000000a00000001000000 ret=0 errno=0\n"
		    "0 1 2.3 4 fd=12" NODE "in=10000000000000000a00000000000000 "
		    "out=10000000000000000a00000000000000 ret=-1 errno=22\n");
}
END_TEST

START_TEST(descriptors_and_pointers_of_a_dump_are_the_recorded_hosts)
{
	/* A fault queue's descriptor, and ranges at an address that nobody has. */
	expect_same(IOMMUFD "0x3b8e IOMMU_FAULT_QUEUE_ALLOC arg=ptr:0x1 "
			    "in=10000000000000000000000000000000 "
			    "out=1000000000000000010000004d000000 ret=0 errno=0\n" IOMMUFD
			    "0x3b81 IOMMU_IOAS_ALLOC arg=ptr:0x1 in=0c0000000000000000000000 "
			    "out=0c0000000000000002000000 ret=0 errno=0\n" IOMMUFD
			    "0x3b84 IOMMU_IOAS_IOVA_RANGES arg=ptr:0x1 "
			    "in=2000000002000000010000000000000000100000000000000000000000000000 "
			    "out=2000000002000000010000000000000000100000000000000100000000000000 "
			    "ret=0 errno=0\n");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("trace_iommufd");
	TCase *tcase = tcase_create("traces");

	tcase_set_timeout(tcase, 600);
	tcase_add_loop_test(tcase, one_changed_answer_is_one_difference, 0,
			    sizeof(changed) / sizeof(changed[0]));
	tcase_add_test(tcase, a_name_never_given_is_an_id_that_is_never_valid);
	tcase_add_test(tcase, objects_that_a_child_names_are_unknown_to_its_parent);
	tcase_add_test(tcase, the_byte_behind_the_buffer_goes_by_the_recorder);
	tcase_add_test(tcase, numbers_that_do_not_fit_are_the_largest_that_does);
	tcase_add_test(tcase, memory_files_have_holes_and_ends);
	tcase_add_test(tcase, data_that_cannot_be_written_leaves_nothing_behind);
	tcase_add_test(tcase, dma_buffers_have_descriptors);
	tcase_add_test(tcase, bare_selftest_operations_go_through);
	tcase_add_test(tcase, devices_of_a_log_come_and_go);
	tcase_add_loop_test(tcase, ids_and_results_of_a_log_are_compared, 0, 5);
	tcase_add_test(tcase, a_node_that_is_bound_again_was_closed);
	tcase_add_test(tcase, descriptors_and_pointers_of_a_dump_are_the_recorded_hosts);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
