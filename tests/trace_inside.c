// SPDX-License-Identifier: GPL-2.0-only
/*
 * Recordings that say more than a program can see: how the machine was made, what fails on demand,
 * whose turn it is, what devices do of themselves, and what is inside.
 *
 * Answers are worked out by hand from the documented behaviour. Each recording replays without a
 * difference, and one with a wrong number in it differs exactly there.
 */
#include <errno.h>
#include <string.h>

#include "corpus/minimize.h"
#include "trace_fixture.h"

#define KERNEL   "# kernel: Linux 6.12\n"
#define VTD      KERNEL "# platform: vtd48\n"
#define SELFTEST VTD "# selftest: on\n"
#define TYPE1    VTD "# container: type1\n"
#define OPENED                                  \
	"device A A => ret=0 group=1\n"         \
	"container c => ret=0\n"                \
	"group g A => ret=0 status_flags=0x1\n" \
	"set_container g c => ret=0\n"          \
	"set_iommu c 3 => ret=0\n"              \
	"buffer b size=0x10000 => ret=0\n"
/* A machine of its own, with an emulated device. */
#define OWN                                                                                \
	KERNEL "# container: type1\n"                                                      \
	       "# platform-file: machine = { ram = \"64M\"; };\n"                          \
	       "# platform-file: devices = ( { name = \"A\"; bdf = \"00:02.0\";\n"         \
	       "# platform-file:   model = \"edu\"; type = \"rc-endpoint\"; } );\n"        \
	       "# platform-file:\n"                                                        \
	       "# platform-file: emulated = ( { name = \"V\"; } );\n"                      \
	       "# platform-file: units = ( { name = \"dmar0\"; include-all = true; } );\n" \
	       "device V V => ret=0 group=1\n"                                             \
	       "container c => ret=0\n"                                                    \
	       "group g V => ret=0 status_flags=0x1\n"                                     \
	       "dev_on_unmap V => ret=0\n"                                                 \
	       "set_container g c => ret=0\n"                                              \
	       "set_iommu c 3 => ret=0\n"                                                  \
	       "get_device f g V info=0 => ret=0\n"                                        \
	       "buffer b size=0x10000 => ret=0\n"

static const char *const good[] = {
	/* Switches of the kernel. */
	"# kernel: Linux 6.12,no_vaddr\n# platform: vtd48\n# container: type1\n" OPENED
	"check_extension c 10 => ret=0\n",
	TYPE1 OPENED "check_extension c 10 => ret=1\n",
	/* The selftest's ioctl, where it is asked for. */
	SELFTEST "iommufd i => ret=0\nt_memory_limit i limit=65536 => ret=0\n",
	VTD "iommufd i => ret=0\nt_memory_limit i limit=65536 => ret=-1 errno=ENOTTY\n",
	/* The rest of an answer. */
	TYPE1 OPENED "unmap c iova=0 size=4096 => ret=0 ...\n"
		     "unmap c iova=0 size=4096 => ...\n"
		     "unmap c iova=0 size=1 => ret=-1 errno=? ...\n",
	/* Failures on demand, which end. */
	TYPE1 OPENED "inject type1.pin nth=1 => ret=0\n"
		     "map c iova=0 buf=b off=0 size=0x1000 flags=rw => ret=-1 errno=EFAULT\n"
		     "map c iova=0 buf=b off=0 size=0x1000 flags=rw => ret=0\n"
		     "inject off => ret=0 failed=type1.pin\n"
		     "inject type1.pin nth=1 errno=ENOMEM => ret=0\n"
		     "map c iova=0x1000 buf=b off=0 size=0x1000 flags=rw => ret=-1 errno=ENOMEM\n"
		     "inject off => ret=0 failed=type1.pin\n"
		     "inject nowhere nth=1 => ret=-1 errno=EINVAL\n",
	/* Rarities: a TYPE1 container's UNMAP stops behind the first mapping. */
	TYPE1 "device A A => ret=0 group=1\ncontainer c => ret=0\n"
	      "group g A => ret=0 status_flags=0x1\nset_container g c => ret=0\n"
	      "set_iommu c 1 => ret=0\nbuffer b size=0x10000 => ret=0\n"
	      "map c iova=0 buf=b off=0 size=0x1000 flags=rw => ret=0\n"
	      "map c iova=0x1000 buf=b off=0 size=0x1000 flags=rw => ret=0\n"
	      "rare unmap.short => ret=0\n"
	      "unmap c iova=0 size=0x2000 => ret=0 size=0x1000\n"
	      "rare off => ret=0\nrare nonsense => ret=-1 errno=EINVAL\n",
	/* Processes that take turns. A child pays for what it maps; its own memory is a copy. */
	VTD "iommufd i => ret=0\noption i id=0 op=set val=1 => ret=0 val=1\n"
	    "# caps=no_ipc_lock\nrlimit_memlock inf => ret=0\n"
	    "device A A => ret=0 group=1\ncdev d A => ret=0\nbind d i => ret=0 id=1\n"
	    "ioas_alloc i s => ret=0 id=2\nattach d s => ret=0 id=3\n"
	    "buffer b size=0x10000 kind=shared => ret=0\n"
	    "spawn p => ret=0\nturn p => ret=0\n"
	    "ioas_map i s buf=b off=0 size=0x3000 flags=7 iova=0x10000 => ret=0 iova=0x10000\n"
	    "locked => ret=0 VmLck=12 VmPin=12\n"
	    "turn main => ret=0\nlocked => ret=0 VmLck=0 VmPin=0\n"
	    "end p => ret=0\n",
	/* A process ends, and with it what it had; another goes on. */
	TYPE1 OPENED "map c iova=0 buf=b off=0 size=0x3000 flags=rw => ret=0\n"
		     "stats => ret=0 pinned=3 user=0 VmLck=12 VmPin=0 mappings=1 domains=1 "
		     "objects=0\n"
		     "exit => ret=0\n"
		     "stats => ret=0 pinned=0 user=0 VmLck=0 VmPin=0 mappings=0 domains=0 "
		     "objects=0\n"
		     "group g A => ret=0 status_flags=0x1\naudit => ret=0\n",
	/* DMA under the device's own name, and its bytes. */
	TYPE1 "# strict: on\n" OPENED
	      "map c iova=0x4000 buf=b off=0 size=0x1000 flags=rw => ret=0\n"
	      "dev_write A iova=0x4010 len=16 seed=7 => ret=0\n"
	      "fillseq b off=0x1000 size=16 seed=7 => ret=0\n"
	      "check b off=0x10 size=16 => ret=0 crc32=0x49d8a4a2\n"
	      "check b off=0x1000 size=16 => ret=0 crc32=0x49d8a4a2\n"
	      "dev_read A iova=0x4010 len=16 => ret=0 crc32=0x49d8a4a2\n"
	      "dev_read A iova=0x5000 => ret=-1 errno=EACCES\n"
	      "stale => ret=0 count=0\n",
	/* A device that tries an address meanwhile: the one MAP lets it through, UNMAP maps
	   nothing. */
	TYPE1 OPENED "dev_watch A iova=0x4000 => ret=0\n"
		     "map c iova=0x4000 buf=b off=0 size=0x1000 flags=rw => ret=0\n"
		     "unmap c iova=0x4000 size=0x1000 => ret=0 size=0x1000\n"
		     "dev_watched A => ret=0 reached=1\n",
	/* Pages that a driver holds go with the mapping, if it is asked. */
	OWN "map c iova=0x4000 buf=b off=0 size=0x4000 flags=rw => ret=0\n"
	    "dev_pin V iova=0x5000 pages=2 => ret=2\n"
	    "locked => ret=0 VmLck=8 VmPin=0\n"
	    "dev_unpin V iova=0x5000 pages=1 => ret=1\n"
	    "locked => ret=0 VmLck=4 VmPin=0\n"
	    "dev_rw V iova=0x4800 len=16 write=1 seed=7 => ret=0\n"
	    "dev_rw V iova=0x4800 len=16 => ret=0 crc32=0x49d8a4a2\n"
	    "check b off=0x800 size=16 => ret=0 crc32=0x49d8a4a2\n"
	    "dev_rw V iova=0x8000 len=16 => ret=-1 errno=EINVAL\n"
	    "unmap c iova=0x4000 size=0x4000 => ret=0 size=0x4000\n"
	    "locked => ret=0 VmLck=0 VmPin=0\n",
	/* An emulated device has neither DMA nor requests nor a node. */
	OWN "dev_read V iova=0x4000 => ret=-1 errno=EINVAL\n"
	    "dev_write V iova=0x4000 => ret=-1 errno=EINVAL\n"
	    "dev_request V iova=0x4000 => ret=-1 errno=ENODEV\n"
	    "cdev d V => ret=-1 errno=ENOENT\n",
	/* A device that is an iommufd's has no container whose pages its driver could have. */
	VTD "iommufd i => ret=0\ndevice A A => ret=0 group=1\ndev_on_unmap A => ret=0\n"
	    "cdev d A => ret=0\nbind d i => ret=0 id=1\n"
	    "dev_pin A iova=0x1000 => ret=-1 errno=EINVAL\n"
	    "dev_unpin A iova=0x1000 => ret=-1 errno=EINVAL\n"
	    "dev_rw A iova=0x1000 => ret=-1 errno=EINVAL\n",
	/* What is mapped, and structures that cannot be written. */
	SELFTEST "iommufd i => ret=0\nioas_alloc i s ro=1 => ret=-1 errno=EFAULT\n"
		 "ioas_alloc i s => ret=0 id=1\nbuffer b size=0x10000 => ret=0\n"
		 "ioas_map i s buf=b off=0 size=0x3000 flags=5 iova=0x10000 => ret=0 iova=0x10000\n"
		 "ioas_areas i s => ret=0 domains=0 areas=[0x10000-0x12fff:r-:empty]\n"
		 "t_mock_domain i m pt=s => ret=-1 errno=EADDRINUSE\n"
		 "ioas_unmap i s iova=0 size=0xffffffffffffffff => ret=0 length=0x3000\n"
		 "t_mock_domain i m pt=s => ret=0 stdev=2 hwpt=4 idev=3\n"
		 "ioas_map i s buf=b off=0 size=0x1000 flags=7 iova=0x1000000 => ret=0 "
		 "iova=0x1000000\n"
		 "ioas_areas i s => ret=0 domains=1 areas=[0x1000000-0x1000fff:rw]\n"
		 "ioas_areas i 9 => ret=-1 errno=ENOENT\n",
	/* Every byte of an answer: those behind the structure stay as they were. */
	TYPE1 OPENED "info c argsz=16 fill=0x5a => ret=0 flags=0x3 pgsizes=0x40201000 argsz=120 "
		     "crc32=0xe7b98d53\n",
};

START_TEST(these_recordings_replay)
{
	struct replay_cfg cfg = {.audit_every = 1};
	struct trace_outcome out;

	trace_replay(good[_i], strlen(good[_i]), &cfg, &out);
	ck_assert_msg(out.rc == 0, "%s", out.error);
	ck_assert_msg(out.result.audit_failures == 0, "%s", out.result.first_audit);
	ck_assert_msg(out.result.different == 0, "%u: %s\n  expected %s\n  got      %s", out.line,
		      out.text, out.expected, out.got);
	trace_outcome_fini(&out);
}
END_TEST

static const struct {
	const char *text, *error;
} bad[] = {
	{"# kernel: Linux 6.12,no_such_switch\n# platform: vtd48\nlocked => ret=0\n", "no switch"},
	{KERNEL "# platform-file: units = 7;\nlocked => ret=0\n", "units"},
	{VTD "turn p => ret=0\n", "no process"},
	{VTD "spawn p => ret=0\nturn p => ret=0\nend p => ret=0\n", "that waits"},
	{VTD "spawn p => ret=0\nturn p => ret=0\nexit => ret=0\n", "first process"},
	{VTD "dev_read A iova=0 => ret=0\n", "no device"},
	{VTD "device A A => ret=0 group=1\ndev_read A iova=0 len=0x100000 => ret=0\n", "at most"},
	{VTD "device A A => ret=0 group=1\ndev_pin A iova=0 prot=x => ret=0\n", "none of none"},
	{TYPE1 OPENED "unmap c iova=0 size=1 => ... ret=0\n", NULL},
};

START_TEST(these_do_not)
{
	struct trace_outcome out;

	trace_replay(bad[_i].text, strlen(bad[_i].text), NULL, &out);
	if (!bad[_i].error) {
		ck_assert_int_eq(out.rc, 0);
		ck_assert_uint_eq(out.result.different, 1);
	} else {
		ck_assert_int_eq(out.rc, -EINVAL);
		ck_assert_msg(strstr(out.error, bad[_i].error) != NULL, "%s", out.error);
	}
	trace_outcome_fini(&out);
}
END_TEST

/* The last answer is not what it is here, and an empty session would not have the same. */
START_TEST(what_a_recording_says_of_its_machine_stays_when_it_is_minimized)
{
	static const char text[] =
		OWN "map c iova=0x4000 buf=b off=0 size=0x4000 flags=rw => ret=0\n"
		    "dev_pin V iova=0x5000 pages=2 => ret=2\n"
		    "locked => ret=0 VmLck=8 VmPin=0\n"
		    "stats => ret=0 pinned=3 user=0 VmLck=8 VmPin=0 mappings=1 domains=0 "
		    "objects=0\n";
	const struct replay_cfg replay = {.audit_every = 1};
	const struct minimize_cfg cfg = {.replay = &replay};
	struct minimize_result result;
	struct strbuf out = {0};
	char error[256] = "";
	int rc = minimize("own", text, strlen(text), &cfg, &out, &result, error, sizeof(error));

	ck_assert_msg(rc == 0, "%s", error);
	ck_assert(result.found);
	ck_assert_ptr_nonnull(strstr(strbuf_text(&out), "# platform-file: emulated"));
	ck_assert_ptr_nonnull(strstr(strbuf_text(&out), "dev_pin V"));
	ck_assert_ptr_nonnull(strstr(strbuf_text(&out), "# ^^^ pinned=2\n"));
	ck_assert_ptr_null(strstr(strbuf_text(&out), "locked"));
	strbuf_fini(&out);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("trace_inside");
	TCase *tcase = tcase_create("words");

	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, these_recordings_replay, 0, SIO_ARRAY_SIZE(good));
	tcase_add_loop_test(tcase, these_do_not, 0, SIO_ARRAY_SIZE(bad));
	tcase_add_test(tcase, what_a_recording_says_of_its_machine_stays_when_it_is_minimized);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
