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

static void replay_on(const char *platform, const char *bdf, const char *error, const char *before,
		      const char *after, struct output *out)
{
	char path[] = "/tmp/softiommu-test-XXXXXX", arguments[256], text[2048];
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	close(fd);
	snprintf(text, sizeof(text), recording, platform, bdf, error);
	write_file(path, text);
	snprintf(arguments, sizeof(arguments), "%s %s %s 2>/dev/null", before, path, after);
	run_program(arguments, out);
	unlink(path);
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
	const char *at = out.text;

	replay("EEXIST", "walk --replay", "A 0x12345", &out);
	ck_assert_int_eq(out.status, 0);
	for (unsigned i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		at = strstr(at, parts[i]);
		ck_assert_msg(at != NULL, "%s lacks %s", out.text, parts[i]);
	}
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
	const char *at = out.text;

	replay_on(walks[_i].platform, walks[_i].bdf, "EEXIST", "walk --replay", "A 0x12345", &out);
	ck_assert_int_eq(out.status, 0);
	for (unsigned i = 0; i < 8; i++) {
		at = strstr(at, walks[_i].parts[i]);
		ck_assert_msg(at != NULL, "%s lacks %s", out.text, walks[_i].parts[i]);
	}
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
	ck_assert_str_eq(out.text, "  no container is in use\n");
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
	tcase_add_test(tc, the_same_input_gives_the_same_bytes);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
