// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the program prints and how it ends. Expected output is committed in tests/expected;
 * UPDATE_EXPECTED=1 in the environment rewrites it.
 */
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "softiommu.h"

#define EXPECTED SIO_SOURCE_DIR "/tests/expected/"

struct output {
	char text[1 << 16];
	int status;
};

/* Standard output only; `arguments` is for the shell. */
static void run_program(const char *arguments, struct output *out)
{
	char command[1024];
	FILE *pipe;
	size_t len;

	snprintf(command, sizeof(command), "unset ARGP_HELP_FMT; %s %s", SIO_PROGRAM, arguments);
	pipe = popen(command, "r");
	ck_assert_ptr_nonnull(pipe);
	len = fread(out->text, 1, sizeof(out->text) - 1, pipe);
	out->text[len] = '\0';
	out->status = WEXITSTATUS(pclose(pipe));
}

static const char *read_file(const char *path)
{
	static char text[1 << 16];
	FILE *in = fopen(path, "r");
	size_t len;

	ck_assert_msg(in != NULL, "%s is missing: run once with UPDATE_EXPECTED=1", path);
	len = fread(text, 1, sizeof(text) - 1, in);
	text[len] = '\0';
	fclose(in);
	return text;
}

static void write_file(const char *path, const char *text)
{
	FILE *out = fopen(path, "w");

	ck_assert_ptr_nonnull(out);
	fputs(text, out);
	fclose(out);
}

static const struct {
	const char *arguments, *file;
} pages[] = {
	{"--help", "help.txt"},
	{"replay --help", "help-replay.txt"},
	{"platform --help", "help-platform.txt"},
	{"walk --help", "help-walk.txt"},
	{"maps --help", "help-maps.txt"},
	{"kernels --help", "help-kernels.txt"},
	{"convert --help", "help-convert.txt"},
	{"minimize --help", "help-minimize.txt"},
	{"kernels", "kernels.txt"},
	{"kernels --switches", "kernels-switches.txt"},
	{"platform list", "platform-list.txt"},
	{"platform show two-drhd", "platform-two-drhd.txt"},
	{"platform show laptop", "platform-laptop.txt"},
	{"platform show amd-mixed", "platform-amd-mixed.txt"},
	{"platform show vtd-mixed", "platform-vtd-mixed.txt"},
	{"platform show groups", "platform-groups.txt"},
	{"platform show --json narrow", "platform-narrow.json"},
	{"platform show --json amdvi", "platform-amdvi.json"},
};

START_TEST(output_is_the_committed_text)
{
	char path[1024];
	struct output out;

	snprintf(path, sizeof(path), EXPECTED "%s", pages[_i].file);
	run_program(pages[_i].arguments, &out);
	ck_assert_int_eq(out.status, 0);
	if (getenv("UPDATE_EXPECTED"))
		write_file(path, out.text);
	ck_assert_str_eq(out.text, read_file(path));
}
END_TEST

static const struct {
	const char *arguments;
	int status;
} endings[] = {
	{"--version", 0},
	{"", 2},
	{"no-such-command", 2},
	{"platform", 2},
	{"minimize", 2},
	{"minimize no-such-file", 2},
	{"minimize " SIO_SOURCE_DIR "/README.md", 2},
	{"minimize " SIO_TRACES_DIR "/qemu/01-seabios-q35/qemu-trace.log", 2},
	{"minimize " SIO_TRACES_DIR "/golden/type1v2/h_overlap_v2.vtd48.golden", 1},
	{"minimize -k 5.10 " SIO_TRACES_DIR "/golden/type1v2/h_vaddr_v2.vtd48.golden", 0},
	{"minimize --max-replays x " SIO_SOURCE_DIR "/README.md", 2},
	{"convert", 2},
	{"convert no-such-file", 2},
	{"convert --to qemu-log " SIO_SOURCE_DIR "/README.md", 2},
	{"convert --json " SIO_SOURCE_DIR "/README.md", 2},
	{"convert --target unit_vtd --to recording " SIO_SOURCE_DIR "/README.md", 2},
	{"convert --from recording " SIO_SOURCE_DIR "/README.md", 2},
	{"convert -p laptop " SIO_SOURCE_DIR "/fuzz/corpus/type1/6.1-narrow", 2},
	{"convert " SIO_SOURCE_DIR "/fuzz/corpus/type1/6.1-narrow", 0},
	{"convert --to hex " SIO_SOURCE_DIR "/fuzz/corpus/ioctl/seed-00", 0},
	{"convert --target ioctl " SIO_SOURCE_DIR "/fuzz/corpus/ioctl/seed-00", 0},
	{"convert --target no-such-target " SIO_SOURCE_DIR "/fuzz/corpus/ioctl/seed-00", 2},
	{"convert --target ioctl --to hex " SIO_SOURCE_DIR "/fuzz/corpus/ioctl/seed-00", 0},
	{"convert " SIO_TRACES_DIR "/golden/type1v2/h_overlap_v2.vtd48.golden", 0},
	{"convert " SIO_TRACES_DIR "/golden/type1v2/h_fork_child_v2.vtd48.golden", 1},
	{"platform show", 2},
	{"platform list extra", 2},
	{"platform show no-such-platform", 2},
	{"platform check ./no-such-file", 2},
	{"platform show --no-such-option vtd48", 2},
	{"platform show --kernel 1.0 vtd48", 2},
	{"platform acpi no-such-platform", 2},
	{"platform acpi -o /no-such-directory vtd48", 2},
	{"platform import ./no-such-file", 2},
	{"platform import /dev/null", 2},
	{"replay", 2},
	{"replay ./no-such-file", 2},
	{"replay --audit-every x ./no-such-file", 2},
	{"replay --inject sweep:max=0 ./no-such-file", 2},
	{"replay --inject sweep ./no-such-file", 2},
	{"replay --rare list", 0},
	{"replay --rare no.such ./no-such-file", 2},
	{"walk A 0", 2},
	{"walk --replay x A", 2},
	{"walk --replay x A zero", 2},
	{"walk --pasid 0x100000 --replay x A 0", 2},
	{"maps", 2},
	{"kernels 1.0", 2},
	{"kernels 6.12,no_such_switch", 2},
	{"kernels 6.12,unmap_wrap_4_15", 0},
	{"maps --replay ./no-such-file", 2},
	{"platform list >/dev/full", 2},
};

START_TEST(the_exit_status_tells_usage_from_result)
{
	char arguments[256];
	struct output out;

	snprintf(arguments, sizeof(arguments), "%s 2>/dev/null", endings[_i].arguments);
	run_program(arguments, &out);
	ck_assert_msg(out.status == endings[_i].status, "%s: exit status %d", arguments,
		      out.status);
}
END_TEST

START_TEST(a_platform_file_is_checked)
{
	char path[] = "/tmp/softiommu-test-XXXXXX", arguments[128], message[128];
	struct output out;
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	close(fd);
	write_file(path, "machine = { ram = \"1G\"; };\n");
	snprintf(arguments, sizeof(arguments), "platform check %s", path);
	run_program(arguments, &out);
	ck_assert_int_eq(out.status, 0);
	snprintf(message, sizeof(message), "%s: ok\n", path);
	ck_assert_str_eq(out.text, message);

	write_file(path, "machine = {\n  rum = \"1G\"; };\n");
	snprintf(arguments, sizeof(arguments), "platform check %s 2>&1", path);
	run_program(arguments, &out);
	ck_assert_int_eq(out.status, 2);
	snprintf(message, sizeof(message),
		 "softiommu: %s:2: unknown key \"rum\" in a machine, expected \"ram\"\n", path);
	ck_assert_str_eq(out.text, message);
	unlink(path);
}
END_TEST

START_TEST(the_text_of_a_preset_is_a_platform_file)
{
	struct output out;

	run_program("platform show --text server4 > /tmp/softiommu-test.cfg && " SIO_PROGRAM
		    " platform check /tmp/softiommu-test.cfg",
		    &out);
	ck_assert_str_eq(out.text, "/tmp/softiommu-test.cfg: ok\n");
	unlink("/tmp/softiommu-test.cfg");
}
END_TEST

START_TEST(tables_lead_back_to_the_platform_that_they_came_from)
{
	static const char *const platforms[] = {"vtd48", "amdvi"};
	static const char *const files[] = {"dmar.dat", "ivrs.dat"};
	static struct output before, after;
	char dir[] = "/tmp/softiommu-test-XXXXXX", arguments[512];

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(arguments, sizeof(arguments), "platform acpi -o %s %s", dir, platforms[_i]);
	run_program(arguments, &before);
	ck_assert_int_eq(before.status, 0);
	ck_assert_int_eq(strncmp(before.text, dir, strlen(dir)), 0);
	snprintf(arguments, sizeof(arguments),
		 "platform import -p %s %s/%s > %s/p.cfg && " SIO_PROGRAM
		 " platform show --json %s/p.cfg | grep -v platform",
		 platforms[_i], dir, files[_i], dir, dir);
	run_program(arguments, &after);
	ck_assert_int_eq(after.status, 0);
	snprintf(arguments, sizeof(arguments), "platform show --json %s | grep -v platform",
		 platforms[_i]);
	run_program(arguments, &before);
	ck_assert_str_eq(strstr(after.text, "\"units\""), strstr(before.text, "\"units\""));
	snprintf(arguments, sizeof(arguments), "%s/p.cfg", dir);
	unlink(arguments);
	snprintf(arguments, sizeof(arguments), "%s/%s", dir, files[_i]);
	unlink(arguments);
	ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

/* ---- traces ---- */

static const char recording[] =
	"# kernel: Linux 6.12.117 x86_64\n"
	"# platform: %s\n"
	"# container: type1\n"
	"# caps=all (root)\n"
	"device A %s => ret=0 group=9\n"
	"container c => ret=0\n"
	"group g A => ret=0 status_flags=0x1\n"
	"set_container g c => ret=0\n"
	"set_iommu c 3 => ret=0\n"
	"buffer w size=0x200000 => ret=0\n"
	"map c iova=0x10000 buf=w off=0 size=0x4000 flags=rw => ret=0\n"
	"map c iova=0x13000 buf=w off=0 size=0x1000 flags=rw => ret=-1 errno=%s\n"
	"locked => ret=0 VmLck=16 VmPin=0\n";

static const char *last_line(const char *text)
{
	size_t at = strlen(text);

	ck_assert_uint_gt(at, 0);
	for (at--; at && text[at - 1] != '\n'; at--)
		;
	return text + at;
}

static void replay_text(const char *text, const char *before, const char *after, struct output *out)
{
	char path[] = "/tmp/softiommu-test-XXXXXX", arguments[256];
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	close(fd);
	write_file(path, text);
	snprintf(arguments, sizeof(arguments), "%s %s %s 2>/dev/null", before, path, after);
	run_program(arguments, out);
	unlink(path);
}

static void replay_on(const char *platform, const char *bdf, const char *error, const char *before,
		      const char *after, struct output *out)
{
	char text[2048];

	snprintf(text, sizeof(text), recording, platform, bdf, error);
	replay_text(text, before, after, out);
}

static void replay(const char *error, const char *before, const char *after, struct output *out)
{
	replay_on("vtd48", "01:00.0", error, before, after, out);
}

START_TEST(a_replay_ends_with_its_verdict)
{
	struct output out;

	replay("EEXIST", "replay --thorough", "", &out);
	ck_assert_str_eq(last_line(out.text), "9 operations, 0 differ\n");
	ck_assert_int_eq(out.status, 0);
	ck_assert_ptr_nonnull(strstr(out.text, "9 audits, all hold\n"));
	ck_assert_ptr_nonnull(strstr(out.text, "1 mappings, 16 KiB mapped, 4 pages locked"));
}
END_TEST

START_TEST(a_replay_shows_what_differs)
{
	struct output out;

	replay("EINVAL", "replay --quiet", "", &out);
	ck_assert_int_eq(out.status, 1);
	ck_assert_str_eq(last_line(out.text), "9 operations, 1 differ\n");
	ck_assert_ptr_nonnull(strstr(out.text, ":12: operation 8 differs: map c iova=0x13000"));
	ck_assert_ptr_nonnull(strstr(out.text, "  expected ret=-1 errno=EINVAL\n"));
	ck_assert_ptr_nonnull(strstr(out.text, "  got      ret=-1 errno=EEXIST\n"));
}
END_TEST

START_TEST(a_replay_is_json_on_demand)
{
	json_t *json, *file;
	struct output out;

	replay("EINVAL", "replay --json", "", &out);
	ck_assert_int_eq(out.status, 1);
	json = json_loads(out.text, 0, NULL);
	ck_assert_ptr_nonnull(json);
	ck_assert_int_eq(json_integer_value(json_object_get(json, "operations")), 9);
	ck_assert_int_eq(json_integer_value(json_object_get(json, "different")), 1);
	file = json_array_get(json_object_get(json, "files"), 0);
	ck_assert_uint_eq(json_array_size(json_object_get(file, "differences")), 1);
	ck_assert_uint_eq(json_array_size(json_object_get(file, "containers")), 1);
	json_decref(json);
}
END_TEST

START_TEST(a_sweep_says_what_it_did)
{
	json_t *json, *sweep;
	struct output out;

	replay("EEXIST", "replay --quiet --inject sweep", "", &out);
	ck_assert_int_eq(out.status, 0);
	ck_assert_str_eq(last_line(out.text), "9 operations, 0 differ\n");
	ck_assert_ptr_nonnull(strstr(out.text, " audits, leaks 0, problems 0\n"));
	ck_assert_ptr_null(strstr(out.text, "left out"));
	replay("EEXIST", "replay --quiet --inject sweep:max=1", "", &out);
	ck_assert_ptr_nonnull(strstr(out.text, "left out: more than 1 in one call"));
	replay("EINVAL", "replay --json --inject sweep", "", &out);
	ck_assert_int_eq(out.status, 1);
	json = json_loads(out.text, 0, NULL);
	ck_assert_ptr_nonnull(json);
	sweep = json_object_get(json_array_get(json_object_get(json, "files"), 0), "sweep");
	ck_assert_int_gt(json_integer_value(json_object_get(sweep, "injected")), 0);
	ck_assert_int_eq(json_integer_value(json_object_get(sweep, "leaks")), 0);
	ck_assert_uint_eq(json_array_size(json_object_get(sweep, "problems")), 0);
	json_decref(json);
}
END_TEST

START_TEST(a_rarity_may_differ_and_audits_hold)
{
	struct output out;

	replay("EEXIST", "replay --strict --rare sync.late --rare map.small-pages", "", &out);
	ck_assert_int_eq(out.status, 0);
	ck_assert_ptr_nonnull(strstr(out.text, "9 audits, all hold\n"));
	replay("EEXIST", "replay --rare map.limit:nth=1", "", &out);
	ck_assert_int_eq(out.status, 1);
	ck_assert_ptr_nonnull(strstr(out.text, "errno=ENOSPC"));
	ck_assert_ptr_nonnull(strstr(out.text, "9 audits, all hold\n"));
}
END_TEST

static void expect_parts(const char *text, const char *const *parts, unsigned count)
{
	const char *at = text;

	for (unsigned i = 0; i < count; i++) {
		at = strstr(at, parts[i]);
		ck_assert_msg(at != NULL, "%s lacks %s", text, parts[i]);
	}
}

START_TEST(a_walk_shows_each_level)
{
	static const char *const parts[] = {
		"0x12345 of 0000:01:00.0: requester 0000:01:00.0 at dmar0, domain id ",
		"\n  root     at 0x",
		"\n  context  at 0x",
		"\n  level 3  at 0x",
		"\n  level 2  at 0x",
		"\n  level 1  at 0x",
		"\n  level 0  at 0x",
		"4 KiB page at 0x",
		"\n  result   0x",
	};
	struct output out;

	replay("EEXIST", "walk --replay", "A 0x12345", &out);
	ck_assert_int_eq(out.status, 0);
	expect_parts(out.text, parts, sizeof(parts) / sizeof(*parts));
	replay("EEXIST", "walk --replay", "A 0x80000000", &out);
	ck_assert_int_eq(out.status, 0);
	ck_assert_ptr_nonnull(strstr(out.text, "result   a read faults: reason 0x06"));
	replay("EEXIST", "walk --at 7 --json --replay", "A 0x10000", &out);
	ck_assert_ptr_nonnull(strstr(out.text, "\"reason\": 0"));
	replay("EEXIST", "walk --at 6 --json --replay", "A 0x10000", &out);
	ck_assert_ptr_nonnull(strstr(out.text, "\"reason\": 6"));
	replay("EEXIST", "walk --at 10 --replay", "A 0x10000", &out);
	ck_assert_int_eq(out.status, 2);
}
END_TEST

static const struct {
	const char *platform, *bdf, *parts[8];
} walks[] = {
	{"vtd48sm",
	 "01:00.0",
	 {" at dmar0, domain id ", "\n  root     at 0x", "\n  context  at 0x",
	  "\n  pasid-directory at 0x", "\n  pasid    at 0x", "\n  level 3  at 0x",
	  "\n  level 0  at 0x", "\n  result   0x"}},
	{"amdvi",
	 "00:11.0",
	 {" at ivhd0, domain id ", "\n  device table at 0x", "  present\n", "\n  level 2  at 0x",
	  "\n  level 1  at 0x", "\n  level 0  at 0x", "KiB page at 0x", "\n  result   0x"}},
};

START_TEST(a_walk_shows_the_structures_of_the_unit)
{
	struct output out;

	replay_on(walks[_i].platform, walks[_i].bdf, "EEXIST", "walk --replay", "A 0x12345", &out);
	ck_assert_int_eq(out.status, 0);
	expect_parts(out.text, walks[_i].parts, 8);
	replay_on(walks[_i].platform, walks[_i].bdf, "EEXIST", "walk --json --replay", "A 0x12345",
		  &out);
	ck_assert_ptr_nonnull(strstr(out.text, "\"reason\": 0,"));
}
END_TEST

START_TEST(maps_show_the_space_of_a_container)
{
	struct output out;

	replay("EEXIST", "maps --replay", "", &out);
	ck_assert_int_eq(out.status, 0);
	ck_assert_ptr_nonnull(strstr(out.text, "usable 0x0000000000000000-0x00000000fedfffff\n"));
	ck_assert_ptr_nonnull(
		strstr(out.text,
		       "0x0000000000010000-0x0000000000013fff rw 16 KiB at 0x1000200000, 4 pages "
		       "locked, by operation 7\n"));
	replay("EEXIST", "maps --at 2 --replay", "", &out);
	ck_assert_str_eq(out.text, "  no container or iommufd is in use\n");
}
END_TEST

/* A device with a PASID, one that is not attached, a domain for guests, a second address space. */
static const char iommufd_recording[] =
	"# kernel: Linux 7.2.13 x86_64\n"
	"# platform: vtd57nest\n"
	"# caps=all (root)\n"
	"device A 01:00.0 => ret=0 group=9\n"
	"device B 02:00.0 => ret=0 group=10\n"
	"iommufd f => ret=0\n"
	"cdev d A => ret=0\n"
	"bind d f => ret=0 id=1\n"
	"cdev e B => ret=0\n"
	"bind e f => ret=0 id=2\n"
	"ioas_alloc f i => ret=0 id=3\n"
	"buffer w size=0x200000 => ret=0\n"
	"ioas_map f i buf=w off=0 size=0x4000 flags=7 iova=0x10000 => ret=0 iova=0x10000\n"
	"hwpt_alloc f p dev=d pt=i flags=8 => ret=0 id=4\n"
	"attach d p => ret=0 id=4\n"
	"attach_pasid d p pasid=5 => ret=0 id=4\n"
	"hwpt_alloc f h dev=d pt=i flags=1 => ret=0 id=5\n"
	"hwpt_alloc f n dev=d pt=h data_type=1 "
	"data=000000000000000000000100000000003000000000000000 => ret=0 id=6\n"
	"ioas_alloc f j => ret=0 id=7\n"
	"ioas_copy f j i src_iova=0x11000 length=0x1000 flags=3 dst_iova=0x1000 "
	"=> ret=0 dst_iova=0x1000\n";

static const char iommufd_maps[] =
	"  iommufd 0: 7 objects, 4 pages pinned\n"
	"    ioas 3: 1 mappings, 16 KiB mapped, 3 hwpts\n"
	"      hwpt 4: domain @, snoop control enforced, pages 4K 2M 1G, "
	"addresses up to 0x1ffffffffffffff\n"
	"        device 1: 0000:01:00.0 at dmar0, PASID 5\n"
	"        device 1: 0000:01:00.0 at dmar0\n"
	"      hwpt 5: domain @, can be nested in, snoop control enforced, pages 4K 2M 1G, "
	"addresses up to 0x1ffffffffffffff\n"
	"      hwpt 6: domain @, nested in hwpt 5\n"
	"      usable 0x0000000000000000-0x00000000fedfffff\n"
	"      usable 0x00000000fef00000-0x01ffffffffffffff\n"
	"      0x0000000000010000-0x0000000000013fff rw 16 KiB at 0x1000200000\n"
	"    ioas 7: 1 mappings, 4 KiB mapped, 0 hwpts\n"
	"      usable 0x0000000000000000-0xffffffffffffffff\n"
	"      0x0000000000001000-0x0000000000001fff -w 4 KiB at 0x1000201000, in no domain\n"
	"    device 2: 0000:02:00.0 at dmar0, not attached\n";

/* Replace the number behind each "domain ": it counts those of the boot too. */
static void hide_domains(char *text)
{
	static const char word[] = "domain ";

	for (char *at = text; (at = strstr(at, word));) {
		at += strlen(word);
		if (*at < '0' || *at > '9')
			continue;
		*at++ = '@';
		memmove(at, at + strspn(at, "0123456789"),
			strlen(at + strspn(at, "0123456789")) + 1);
	}
}

START_TEST(maps_show_address_spaces_of_iommufd)
{
	json_t *json, *context, *ioas, *device;
	struct output out;

	replay_text(iommufd_recording, "maps --replay", "", &out);
	ck_assert_int_eq(out.status, 0);
	hide_domains(out.text);
	ck_assert_str_eq(out.text, iommufd_maps);
	replay_text(iommufd_recording, "replay", "", &out);
	ck_assert_ptr_nonnull(
		strstr(out.text,
		       "at the end (operation 17): 2 mappings, 20 KiB mapped, 4 pages locked, "
		       "2 domains\n"));
	replay_text(iommufd_recording, "maps --json --replay", "", &out);
	json = json_loads(out.text, 0, NULL);
	ck_assert_uint_eq(json_array_size(json), 1);
	context = json_array_get(json, 0);
	ck_assert_str_eq(json_string_value(json_object_get(context, "type")), "iommufd");
	ck_assert_int_eq(json_integer_value(json_object_get(context, "pinned-pages")), 4);
	device = json_array_get(json_object_get(context, "devices"), 0);
	ck_assert_str_eq(json_string_value(json_object_get(device, "bdf")), "0000:01:00.0");
	ck_assert_uint_eq(json_array_size(json_object_get(device, "attached")), 2);
	ck_assert_uint_eq(json_array_size(json_object_get(context, "ioases")), 2);
	ioas = json_array_get(json_object_get(context, "ioases"), 0);
	ck_assert_int_eq(json_integer_value(json_object_get(ioas, "id")), 3);
	ck_assert_str_eq(json_string_value(json_object_get(ioas, "mapped-bytes")), "0x4000");
	ck_assert_uint_eq(json_array_size(json_object_get(ioas, "hwpts")), 3);
	ck_assert_uint_eq(json_array_size(json_object_get(ioas, "usable")), 2);
	ck_assert_uint_eq(json_array_size(json_object_get(ioas, "space")), 1);
	json_decref(json);
}
END_TEST

START_TEST(maps_show_containers_before_iommufds)
{
	char text[sizeof(recording) + 256];
	struct output out;
	const char *container;

	snprintf(text, sizeof(text), recording, "vtd48", "01:00.0", "EEXIST");
	strcat(text, "iommufd f => ret=0\nioas_alloc f i => ret=0 id=1\n");
	replay_text(text, "maps --replay", "", &out);
	container = strstr(out.text, "  container 0: type1 v2, 1 mappings, 16 KiB mapped");
	ck_assert_ptr_eq(container, out.text);
	ck_assert_ptr_nonnull(strstr(container,
				     "\n  iommufd 0: 1 object, 0 pages pinned\n"
				     "    ioas 1: 0 mappings, 0 bytes mapped, 0 hwpts\n"
				     "      usable 0x0000000000000000-0xffffffffffffffff\n"));
}
END_TEST

/* The mock devices have no address, and pages of 2 KiB. */
START_TEST(maps_show_mock_devices)
{
	struct output out;

	replay_text("# kernel: Linux 6.12.117 x86_64\n"
		    "# platform: mock\n"
		    "iommufd f => ret=0\n"
		    "ioas_alloc f i => ret=0 id=1\n"
		    "t_mock_domain f m pt=i => ret=0 stdev=2 hwpt=4 idev=3\n",
		    "maps --replay", "", &out);
	ck_assert_int_eq(out.status, 0);
	hide_domains(out.text);
	ck_assert_str_eq(out.text,
			 "  iommufd 0: 4 objects, 0 pages pinned\n"
			 "    ioas 1: 0 mappings, 0 bytes mapped, 1 hwpt\n"
			 "      hwpt 4: domain @, automatic, snoop control not enforced, pages 2K, "
			 "addresses up to 0x7fffffff\n"
			 "        device 3: a mock\n"
			 "      usable 0x0000000001000000-0x000000007fffffff\n");
}
END_TEST

START_TEST(a_walk_follows_what_iommufd_attached)
{
	static const char *const levels[] = {
		"0x12345 of 0000:01:00.0: requester 0000:01:00.0 at dmar0, domain id ",
		"\n  pasid    at 0x",
		"  present\n  level 4  at 0x",
		"\n  level 0  at 0x",
		"4 KiB page at 0x",
		"345 in a 4 KiB page, read write",
	};
	static const char *const nested[] = {
		", domain id ",
		"\n  first stage\n  level 3  at 0x",
		"\n  second stage\n",
		"result   a read faults: reason 0x71, first-stage entry not present\n",
	};
	char text[sizeof(iommufd_recording) + 256];
	struct output out;

	replay_text(iommufd_recording, "walk --replay", "A 0x12345", &out);
	ck_assert_int_eq(out.status, 0);
	expect_parts(out.text, levels, sizeof(levels) / sizeof(levels[0]));
	replay_text(iommufd_recording, "walk --pasid 5 --replay", "A 0x12345", &out);
	ck_assert_ptr_nonnull(strstr(out.text, ", PASID 5\n"));
	expect_parts(out.text, levels, sizeof(levels) / sizeof(levels[0]));
	replay_text(iommufd_recording, "walk --pasid 6 --replay", "A 0x12345", &out);
	ck_assert_ptr_nonnull(strstr(out.text, "faults: reason 0x59, PASID entry not present"));
	/* Bound and never attached: the group is blocked. */
	replay_text(iommufd_recording, "walk --json --replay", "B 0x12345", &out);
	ck_assert_ptr_null(strstr(out.text, "\"reason\": 0,"));
	/* The guest's table is in the zeroed page at 0x10000 of the parent. */
	snprintf(text, sizeof(text), "%s%s", iommufd_recording,
		 "detach_pasid d pasid=5 => ret=0\nattach d n => ret=0 id=6\n");
	replay_text(text, "walk --replay", "A 0x12345", &out);
	expect_parts(out.text, nested, sizeof(nested) / sizeof(nested[0]));
}
END_TEST

START_TEST(the_points_that_can_fail_are_listed)
{
	struct sio_inject_point point;
	static struct output out;
	const char *at = out.text;
	unsigned n;

	run_program("replay --inject list", &out);
	ck_assert_int_eq(out.status, 0);
	for (n = 0; sio_inject_point(n, &point); n++) {
		ck_assert_int_eq(strncmp(at, point.name, strlen(point.name)), 0);
		at = strchr(at, '\n');
		ck_assert_ptr_nonnull(at);
		at++;
	}
	ck_assert_int_eq(*at, 0);
	ck_assert_uint_gt(n, 100);
	ck_assert_ptr_nonnull(
		strstr(out.text,
		       "\ntype1.pin                        pin        EFAULT ENOMEM EINTR\n"));
	ck_assert_ptr_nonnull(
		strstr(out.text, "\ndrv.skip-iotlb                   bug        -\n"));
	run_program("replay --inject list >/dev/full", &out);
	ck_assert_int_eq(out.status, 2);
}
END_TEST

START_TEST(the_same_input_gives_the_same_bytes)
{
	static struct output first, second;

	run_program("platform show --json server4", &first);
	run_program("platform show --json server4", &second);
	ck_assert_str_eq(first.text, second.text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cli output");
	TCase *tc = tcase_create("cli");

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, output_is_the_committed_text, 0,
			    (int)(sizeof(pages) / sizeof(*pages)));
	tcase_add_loop_test(tc, the_exit_status_tells_usage_from_result, 0,
			    (int)(sizeof(endings) / sizeof(*endings)));
	tcase_add_test(tc, a_platform_file_is_checked);
	tcase_add_test(tc, the_points_that_can_fail_are_listed);
	tcase_add_loop_test(tc, tables_lead_back_to_the_platform_that_they_came_from, 0, 2);
	tcase_add_test(tc, the_text_of_a_preset_is_a_platform_file);
	tcase_add_test(tc, a_replay_ends_with_its_verdict);
	tcase_add_test(tc, a_replay_shows_what_differs);
	tcase_add_test(tc, a_replay_is_json_on_demand);
	tcase_add_test(tc, a_sweep_says_what_it_did);
	tcase_add_test(tc, a_rarity_may_differ_and_audits_hold);
	tcase_add_test(tc, a_walk_shows_each_level);
	tcase_add_loop_test(tc, a_walk_shows_the_structures_of_the_unit, 0, 2);
	tcase_add_test(tc, maps_show_the_space_of_a_container);
	tcase_add_test(tc, maps_show_address_spaces_of_iommufd);
	tcase_add_test(tc, maps_show_containers_before_iommufds);
	tcase_add_test(tc, maps_show_mock_devices);
	tcase_add_test(tc, a_walk_follows_what_iommufd_attached);
	tcase_add_test(tc, the_same_input_gives_the_same_bytes);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
