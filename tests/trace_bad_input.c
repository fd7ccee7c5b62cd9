// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bad traces: one line of error that names the place, nothing left behind, never a crash.
 *
 * Cut and damaged copies of real traces may still be whole traces; then they replay. Anything else
 * is refused with -EINVAL.
 */
#include <errno.h>
#include <string.h>

#include "prng.h"
#include "trace_fixture.h"

#define HEADER  "# platform: vtd48\n# container: type1\n"
#define ATTACH  "1@2.000003:vfio_realize  (0000:00:03.0) group 2\n"
#define CONNECT "1@2.000003:iommufd_backend_connect fd=3 owned=1 users=1\n"

static const struct bad {
	const char *why;
	const char *text;
	unsigned line; /* that the error names, 0: none */
	const char *error;
} cases[] = {
	{"an empty file", "", 1, "no trace"},
	{"text that is no trace", "hello\nworld\n", 1, "no trace"},
	{"a binary file", "1@2.000003:vfio_realize  (0000:00:03.0) group 2\n\001\xff", 2, "cut"},
	/* recordings */
	{"an unknown operation", HEADER "container c => ret=0\nfrobnicate c => ret=0\n", 4,
	 "unknown operation \"frobnicate\""},
	{"an operation without an answer", HEADER "container c => ret=0\nclose c\n", 4,
	 "operation => answer"},
	{"an answer without an operation", HEADER "container c => ret=0\n => ret=0\n", 4,
	 "no operation"},
	{"an unknown buffer",
	 HEADER "container c => ret=0\nmap c iova=0 buf=b off=0 size=1 => ret=0\n", 4,
	 "no buffer \"b\""},
	{"an unknown device", HEADER "group g A => ret=0 status_flags=0x1\n", 3, "no device \"A\""},
	{"a malformed number", HEADER "buffer b size=0x12zz => ret=0\n", 3, "no number"},
	{"a number of digits and more", HEADER "buffer b size=0x11111111111111111g => ret=0\n", 3,
	 "no number"},
	{"a missing argument", HEADER "buffer b => ret=0\n", 3, "needs size="},
	{"an unknown key", HEADER "buffer b size=4096 colour=red => ret=0\n", 3, "colour"},
	{"a key that is a part of a key", HEADER "buffer b siz=4096 => ret=0\n", 3, "siz"},
	{"an empty key", HEADER "buffer b size=4096 =1 => ret=0\n", 3, "takes no"},
	{"too many names", HEADER "container c d => ret=0\n", 3, "takes 1 to 1 names"},
	{"too few names", HEADER "set_container g => ret=0\n", 3, "takes 2 to 2 names"},
	{"a bad protection", HEADER "buffer b size=4096 prot=rx => ret=0\n", 3, "prot"},
	{"a bad kind", HEADER "buffer b size=4096 kind=file => ret=0\n", 3, "kind"},
	{"a bad word of dirty", HEADER "dirty c pause => ret=0\n", 3, "dirty"},
	{"a bad bitmap address",
	 HEADER "dirty c get iova=0 size=4096 pgsize=4096 bitmap_size=8 data=x => ret=0\n", 3,
	 "data"},
	{"endfork without fork", HEADER "endfork => ret=0\n", 3, "endfork without fork"},
	{"bad capabilities", HEADER "locked => ret=0 VmLck=0 VmPin=0\n# caps=some\n", 4,
	 "unknown capabilities"},
	{"a transfer beyond the device's buffer",
	 HEADER "dma_to_dev d iova=0 len=8192 => ret=0 ok=1\n", 3, "4096 bytes"},
	{"an unknown key of iommufd", HEADER "ioas_map f i bar=b => ret=0\n", 3,
	 "ioas_map takes no \"bar=\""},
	{"too many names for iommufd", HEADER "iommufd f g => ret=0\n", 3, "takes 1 to 1 names"},
	{"ranges that are none", HEADER "ioas_allow f i ranges=[1-2,3] => ret=0\n", 3,
	 "ranges: \"[1-2,3]\""},
	{"ranges without an end", HEADER "ioas_allow f i ranges=[1-2 => ret=0\n", 3, "ranges"},
	{"allowed ranges that are not named", HEADER "ioas_allow f i num=3 => ret=0\n", 3, "num="},
	{"more ranges than memory", HEADER "ioas_iova_ranges f i num=0xffffffff => ret=0\n", 3,
	 "num is at most"},
	{"an option's unknown word", HEADER "option f id=0 op=toggle => ret=0\n", 3,
	 "\"toggle\" is no number"},
	{"a structure of many megabytes", HEADER "ioas_alloc f i argsz=0x10000000 => ret=0\n", 3,
	 "argsz is at most"},
	{"data that is not hexadecimal",
	 HEADER "hwpt_alloc f h dev=1 pt=2 data_type=1 data=zz => ret=0\n", 3, "hexadecimal"},
	{"more data than there is",
	 HEADER "hwpt_alloc f h dev=1 pt=2 data_type=1 data=00 data_len=2 => ret=0\n", 3,
	 "more than data"},
	{"entries beyond all memory",
	 HEADER "hwpt_invalidate f h entry_len=65536 entry_num=65536 data=00 => ret=0\n", 3,
	 "entries of more"},
	{"an enormous bitmap", HEADER "hwpt_get_dirty f h iova=0 size=0x100000000000 => ret=0\n", 3,
	 "the bitmap is larger"},
	{"a bad address of a bitmap", HEADER "hwpt_get_dirty f h data=null => ret=0\n", 3, "data"},
	{"much hardware information", HEADER "hw_info f dev=1 len=0x100000 => ret=0\n", 3,
	 "len is at most"},
	{"an address that is ours", HEADER "hw_info_ex f dev=1 data_ptr=0x7fff0000 => ret=0\n", 3,
	 "data_ptr: 0x7fff0000"},
	{"a node of an unknown device", HEADER "cdev d A => ret=0\n", 3, "no device \"A\""},
	{"more events than memory", HEADER "vevent_read q len=0x10000000 => ret=0\n", 3,
	 "len is at most"},
	{"a bad buffer for events", HEADER "vevent_read q data=good => ret=0\n", 3, "data"},
	{"a bad kind of file", HEADER "memfd f size=4096 kind=dir => ret=0\n", 3, "kind"},
	{"a bad protection of a window", HEADER "mmap_iommufd b f off=0 prot=w => ret=0\n", 3,
	 "prot"},
	{"a bad sharing of a window", HEADER "mmap_iommufd b f off=0 share=no => ret=0\n", 3,
	 "share"},
	{"a window at no place", HEADER "mmap_iommufd b f off=v+x => ret=0\n", 3, "no number"},
	{"a window without a place", HEADER "mmap_iommufd b f => ret=0\n", 3, "needs off="},
	{"more bytes than a file takes", HEADER "file_write m size=0x80000000 => ret=0\n", 3,
	 "size is at most"},
	{"events without end", HEADER "t_vevent f dev=1 n=0xffffffff => ret=0\n", 3,
	 "n is at most"},
	{"an unknown selftest operation", HEADER "t_frobnicate f => ret=0\n", 3,
	 "unknown operation \"t_frobnicate\""},
	{"a selftest's unknown buffer", HEADER "t_check_refs f buf=b length=4096 => ret=0\n", 3,
	 "no buffer \"b\""},
	{"bits that are not hexadecimal",
	 HEADER "t_dirty f h iova=0 length=4096 pgsize=2048 bits=x0 => ret=0\n", 3, "hexadecimal"},
	{"another container", "# platform: vtd48\n# container: vfio5\nlocked => ret=0\n", 0,
	 "unknown container \"vfio5\""},
	{"another platform", "# platform: smmu\nlocked => ret=0 VmLck=0 VmPin=0\n", 0,
	 "\"smmu\", which is not emulated"},
	{"a cut recording", HEADER "container c => ret=0\nclose c => re", 4, "cut"},
	/* QEMU logs */
	{"a cut event", ATTACH "1@2.000004:vfio_listener_region_add_ram region_add [ra", 2,
	 "not as QEMU prints it"},
	{"a whole event without its newline",
	 ATTACH "1@2.000004:vfio_listener_region_del region_del 0x0 - 0xfff", 2, "cut"},
	{"an event with garbage behind it",
	 ATTACH "1@2.000004:vfio_intx_enable  (0000:00:03.0) x\n", 2, "not as QEMU prints it"},
	{"an event without its numbers",
	 ATTACH "1@2.000004:vfio_listener_region_del region_del 0x0 - zero\n", 2,
	 "not as QEMU prints it"},
	{"the first half of an event of two lines",
	 ATTACH "1@2.000004:vfio_populate_device_config Device 0000:00:03.0 config:\n", 2,
	 "not as QEMU prints it"},
	{"memory before any device",
	 "1@2.000004:vfio_listener_region_add_ram region_add [ram] 0x0 - 0xfff [0x7f0000000000]\n",
	 1, "before any device"},
	{"a range that ends before it begins",
	 ATTACH "1@2.000004:vfio_listener_region_add_ram region_add [ram] 0x2000 - 0xfff "
		"[0x7f0000000000]\n",
	 2, "no range of whole pages"},
	{"a range of part of a page",
	 ATTACH "1@2.000004:vfio_listener_region_del region_del 0x0 - 0x7ff\n", 2,
	 "no range of whole pages"},
	{"a device that was not attached", "1@2.000004:vfio_intx_enable  (0000:00:03.0)\n", 1,
	 "was not attached"},
	{"a device that is attached twice", ATTACH ATTACH, 2, "attached already"},
	{"a group that is put before its device",
	 ATTACH "1@2.000004:vfio_put_group close group->fd=3\n", 2, "no device of the group"},
	{"a vector that no device has",
	 ATTACH "1@2.000004:vfio_msix_vector_do_use  (0000:00:03.0) vector 99999 used\n", 2,
	 "vector"},
	{"a file that is mapped through iommufd",
	 CONNECT
	 "1@2.000004:iommufd_backend_map_file_dma  iommufd=3 ioas=2 iova=0x0 size=0x1000 fd=4 "
	 "start=0 readonly=0 (0)\n",
	 2, "type1 container or iommufd"},
	{"a device without iommufd's bind",
	 CONNECT "1@2.000004:iommufd_cdev_device_info  0000:00:03.0 (11) num_irqs=5 num_regions=9 "
		 "flags=2\n",
	 2, "was not attached"},
	{"a map of part of a page",
	 CONNECT "1@2.000004:iommufd_backend_map_dma  iommufd=3 ioas=2 iova=0x0 size=0x100 "
		 "addr=0x7f0000000000 readonly=0 (0)\n",
	 2, "no whole pages"},
	{"a nested page table",
	 CONNECT "1@2.000004:iommufd_backend_alloc_hwpt  iommufd=3 dev_id=1 pt_id=2 flags=0x0 "
		 "hwpt_type=1 len=24 data_ptr=0x7f0000000000 out_hwpt=3 (0)\n",
	 2, "does not hold the data"},
	{"an event of iommufd with garbage",
	 CONNECT "1@2.000004:iommufd_backend_unmap_dma  iommufd=3 ioas=two\n", 2,
	 "not as QEMU prints it"},
	{"the NVMe driver of QEMU", ATTACH "1@2.000004:qemu_vfio_dma_unmap s 0x1 host 0x2\n", 2,
	 "type1 container"},
	/* dumps */
	{"a dump that is cut between lines",
	 "0 1 2.3 4 fd=3(/dev/vfio/2) 0x3b67 VFIO_GROUP_GET_STATUS arg=ptr:0x1 in=0800000000000000 "
	 "out=0800000001000000 ret=0 errno=0",
	 1, "cut"},
	{"an odd number of digits",
	 "0 1 2.3 4 fd=3(/dev/vfio/2) 0x3b67 VFIO_GROUP_GET_STATUS arg=ptr:0x1 in=080 out=08 ret=0 "
	 "errno=0\n",
	 1, "in="},
	{"no digits",
	 "0 1 2.3 4 fd=3(/dev/vfio/2) 0x3b67 VFIO_GROUP_GET_STATUS arg=ptr:0x1 in=08 out=0x ret=0 "
	 "errno=0\n",
	 1, "out="},
	{"ret and errno at odds",
	 "0 1 2.3 4 fd=3(/dev/vfio/2) 0x3b67 VFIO_GROUP_GET_STATUS arg=ptr:0x1 in=- out=- ret=0 "
	 "errno=5\n",
	 1, "do not agree"},
	{"a line of something else",
	 "0 1 2.3 4 fd=3(/dev/vfio/2) 0x3b67 VFIO_GROUP_GET_STATUS arg=ptr:0x1 in=- out=- ret=0 "
	 "errno=0\nhello\n",
	 2, "expected"},
	{"a file of another driver",
	 "0 1 2.3 4 fd=3(/dev/null) 0x3b67 VFIO_GROUP_GET_STATUS arg=ptr:0x1 in=- out=- ret=0 "
	 "errno=0\n",
	 1, "no file of VFIO"},
	{"a device that nobody gave",
	 "0 1 2.3 4 fd=3(anon_inode:[vfio-device]) 0x3b6b VFIO_DEVICE_GET_INFO arg=ptr:0x1 in=- "
	 "out=- "
	 "ret=0 errno=0\n",
	 1, "no GET_DEVICE_FD"},
	{"a structure of a gigabyte",
	 "0 1 2.3 4 fd=3(/dev/vfio/2) 0x3b67 VFIO_GROUP_GET_STATUS arg=ptr:0x1 in=0000004000000000 "
	 "out=0000004000000000 ret=0 errno=0\n",
	 1, "a structure of"},
	{"a dump of a call with data",
	 "0 1 2.3 4 fd=3(/dev/iommu) 0x3b89 IOMMU_HWPT_ALLOC arg=ptr:0x1 "
	 "in=30000000000000000100000002000000000000000000000001000000180000000010000000000000"
	 "0000000000000000 out=- ret=0 errno=0\n",
	 1, "does not hold what it points to"},
	{"a dump of a map of a file",
	 "0 1 2.3 4 fd=3(/dev/iommu) 0x3b8f IOMMU_IOAS_MAP_FILE arg=ptr:0x1 in=- out=- ret=0 "
	 "errno=0\n",
	 1, "does not hold the file"},
	{"a node that has no number",
	 "0 1 2.3 4 fd=3(/dev/vfio/devices/vfio) 0x3b76 VFIO_DEVICE_BIND_IOMMUFD arg=ptr:0x1 in=- "
	 "out=- ret=0 errno=0\n",
	 1, "no file of VFIO"},
};

START_TEST(a_bad_trace_is_refused_with_its_line)
{
	const struct bad *bad = &cases[_i];
	struct trace_outcome out;
	char place[32] = ": ";

	if (bad->line)
		snprintf(place, sizeof(place), ":%u: ", bad->line);
	trace_replay(bad->text, strlen(bad->text), NULL, &out);
	ck_assert_msg(out.rc == -EINVAL, "%s: status %d", bad->why, out.rc);
	ck_assert_msg(strstr(out.error, bad->error) && strstr(out.error, place), "%s: \"%s\"",
		      bad->why, out.error);
	ck_assert_msg(!strchr(out.error, '\n'), "%s: \"%s\"", bad->why, out.error);
	ck_assert_ptr_null(out.result.machine);
	ck_assert_ptr_null(out.result.kind);
	trace_outcome_fini(&out);
}
END_TEST

START_TEST(a_nul_byte_is_refused_with_its_line)
{
	static const char text[] = "a => ret=0\nb\0c => ret=0\n";
	struct trace_outcome out;

	trace_replay(text, sizeof(text) - 1, NULL, &out);
	ck_assert_int_eq(out.rc, -EINVAL);
	ck_assert_msg(strstr(out.error, ":2: not a text file"), "%s", out.error);
}
END_TEST

START_TEST(a_file_that_is_not_there_is_said_so)
{
	struct replay_cfg cfg = {0};
	struct replay_result result;
	char error[256];

	ck_assert_int_eq(replay_file("/nonexistent/trace", &cfg, &result, error, sizeof(error)),
			 -ENOENT);
	ck_assert_msg(strstr(error, "/nonexistent/trace: "), "%s", error);
	ck_assert_int_eq(replay_file("/", &cfg, &result, error, sizeof(error)), -EINVAL);
	ck_assert_int_eq(replay_file("/nonexistent/trace", &cfg, &result, NULL, 0), -ENOENT);
}
END_TEST

static const struct option_case {
	struct replay_cfg cfg;
	int rc;
	const char *error;
} options[] = {
	{{.format = "strace"}, -EINVAL, "unknown format \"strace\""},
	{{.format = "qemu-log"}, -EINVAL, "no VFIO event"},
	{{.format = "ioctl-dump"}, -EINVAL, "expected"},
	{{.platform = "vtd49"}, -ENOENT, "vtd49"},
	{{.kernel = "1.2.3"}, -EINVAL, "1.2.3"},
	{{.inject = "type1.pim:nth=3"}, -EINVAL, "type1.pim"},
	{{.place = (const char *const[]){"01:00.0"}, .place_count = 1}, -EINVAL, "BDF=DEVICE"},
	{{.place = (const char *const[]){"01:00.0=Z"}, .place_count = 1}, -EINVAL, "Z"},
};

START_TEST(a_bad_option_is_refused)
{
	static const char text[] = HEADER "locked => ret=0 VmLck=0 VmPin=0\n";
	const struct option_case *c = &options[_i];
	struct trace_outcome out;

	trace_replay(text, sizeof(text) - 1, &c->cfg, &out);
	ck_assert_msg(out.rc == c->rc, "%d: %s", out.rc, out.error);
	ck_assert_msg(strstr(out.error, c->error), "%s", out.error);
}
END_TEST

/* ---- real traces, cut and damaged ---- */

static const char *const real[] = {
	SIO_TRACES_DIR "/golden/type1v2/h_dirty_unmap_v2.vtd48.golden",
	SIO_TRACES_DIR "/golden/dma/h_dma_faults_v1.vtd48.golden",
	SIO_TRACES_DIR "/golden/type1/h_fork_child_v1.vtd48.golden",
	SIO_TRACES_DIR "/golden/iommufd/h_mock_fault.mock.golden",
	SIO_TRACES_DIR "/golden/iommufd/h_replace.vtd48.golden",
	SIO_TRACES_DIR "/kernels/7.2.13/iommufd-new/h_mapfile_data.mock.golden",
	SIO_TRACES_DIR "/kernels/7.2.13/iommufd-new/h_viommu_argsz.mock.golden",
	SIO_TRACES_DIR "/kernels/7.2.13/iommufd-new/h_mmap_contents.mock.golden",
	SIO_TRACES_DIR "/qemu/13-iommufd-qemu100-seabios-q35/vfio-ioctls.txt",
	SIO_TRACES_DIR "/qemu/13-iommufd-qemu100-seabios-q35/qemu-trace.log",
	SIO_TRACES_DIR "/qemu/01-seabios-q35/vfio-ioctls.txt",
	SIO_TRACES_DIR "/qemu/01-seabios-q35/qemu-trace.log",
	SIO_TRACES_DIR "/qemu/08-qemu111-seabios-q35/qemu-trace.log",
};

enum { REAL = sizeof(real) / sizeof(real[0]) };

START_TEST(a_cut_trace_is_refused_unless_cut_between_lines)
{
	size_t len;
	char *bytes = trace_read(real[_i], &len);

	for (size_t cut = 1; cut < len; cut += len / 97 + 1) {
		struct trace_outcome out;
		bool whole_lines = bytes[cut - 1] == '\n';

		trace_replay(bytes, cut, NULL, &out);
		ck_assert_msg(out.rc == -EINVAL || (whole_lines && !out.rc), "%s cut at %zu: %d",
			      real[_i], cut, out.rc);
		trace_outcome_fini(&out);
	}
	free(bytes);
}
END_TEST

static void damage(char *bytes, size_t len, struct prng *prng)
{
	static const char alphabet[] = "0123456789abcdefx =->:()[]\n\t-_@.,\"?";

	for (unsigned n = (unsigned)prng_below(prng, 4) + 1; n--;) {
		size_t at = (size_t)prng_below(prng, len);

		if (prng_below(prng, 4))
			bytes[at] = alphabet[prng_below(prng, sizeof(alphabet) - 1)];
		else
			bytes[at] = (char)prng_below(prng, 256);
	}
}

START_TEST(a_damaged_trace_never_crashes)
{
	size_t len;
	char *bytes = trace_read(real[_i], &len);
	char *copy = malloc(len);

	ck_assert_ptr_nonnull(copy);
	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct replay_cfg cfg = {.audit_every = 20};
		struct trace_outcome out;
		struct prng prng = {.state = seed};

		memcpy(copy, bytes, len);
		damage(copy, len, &prng);
		trace_replay(copy, len, &cfg, &out);
		ck_assert_msg(out.rc == 0 || out.rc == -EINVAL, "%s seed %llu: status %d: %s",
			      real[_i], (unsigned long long)seed, out.rc, out.error);
		ck_assert_msg(out.rc == 0 || out.error[0], "%s seed %llu: no error text", real[_i],
			      (unsigned long long)seed);
		ck_assert_msg(out.result.audit_failures == 0, "%s seed %llu: %s", real[_i],
			      (unsigned long long)seed, out.result.first_audit);
		trace_outcome_fini(&out);
	}
	free(copy);
	free(bytes);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("trace_bad_input");
	TCase *tcase = tcase_create("bad input");

	tcase_set_timeout(tcase, 600);
	tcase_add_loop_test(tcase, a_bad_trace_is_refused_with_its_line, 0,
			    sizeof(cases) / sizeof(cases[0]));
	tcase_add_test(tcase, a_nul_byte_is_refused_with_its_line);
	tcase_add_test(tcase, a_file_that_is_not_there_is_said_so);
	tcase_add_loop_test(tcase, a_bad_option_is_refused, 0,
			    sizeof(options) / sizeof(options[0]));
	tcase_add_loop_test(tcase, a_cut_trace_is_refused_unless_cut_between_lines, 0, REAL);
	tcase_add_loop_test(tcase, a_damaged_trace_never_crashes, 0, REAL);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
