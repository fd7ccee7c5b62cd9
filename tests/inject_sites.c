// SPDX-License-Identifier: GPL-2.0-only
/*
 * No call site escapes: the sources of model/ and backend/ take memory, pin, map, attach, copy and
 * ask for capabilities only where a failure can be had on demand.
 *
 * The sources are read as text. A call that can fail must stand in a function, or a macro, that
 * passes a point; the few that do not are listed below, each with its reason. An entry of that list
 * that matches nothing is a mistake as well. The reader knows the project's layout: a function's
 * braces stand in the first column.
 */
#include <ctype.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "harness.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Calls by name. They have no place outside of fail.[ch], point or not. */
static const char *const raw_calls[] = {
	"malloc",   "calloc",    "realloc",        "reallocarray", "aligned_alloc",
	"memalign", "valloc",    "posix_memalign", "strdup",       "strndup",
	"asprintf", "vasprintf", "mmap",           "mremap",       "getline",
	"getdelim", "fopen",     "open_memstream", "recycle_take", "recycle_resize",
};

/* Calls that need a point beside them: functions, and members of ops (after "->"). */
static const char *const guarded_calls[] = {
	"phys_table_alloc",
	"phys_tables_alloc",
	"phys_frames_alloc",
	"submit_once",
	"->copy_in",
	"->copy_out",
	"->pin",
	"->map_pages",
	"->attach",
	"->capable",
	"->domain_alloc",
	"->iotlb_sync",
	"fail_enter",
};

/* What makes a function one that passes a point. */
static const char *const points[] = {"FAIL_POINT", "inject_here", "fail_at", "inject_at"};

static const struct allowed {
	const char *file, *function, *call, *reason;
} allowed[] = {
	{"model/fail.h", "fail_malloc", "malloc", "the points themselves"},
	{"model/fail.h", "fail_calloc", "calloc", "the points themselves"},
	{"model/fail.h", "fail_realloc", "realloc", "the points themselves"},
	{"model/fail.h", "fail_aligned_alloc", "aligned_alloc", "the points themselves"},
	{"model/fail.h", "fail_strdup", "strdup", "the points themselves"},
	{"model/fail.h", "nofail_calloc", "calloc", "its caller says why"},
	{"model/fail.h", "nofail_realloc", "realloc", "its caller says why"},
	{"model/fail.c", "fail_reserve", "mmap", "for the point of fail_mmap()"},
	{"model/recycle.c", "block_new", "malloc", "for the points of recycle.h"},
	{"model/recycle.c", "block_new", "aligned_alloc", "for the points of recycle.h"},
	{"model/recycle.c", "recycle_resize", "recycle_take", "for the points of recycle.h"},
	{"model/recycle.h", "recycle_calloc", "recycle_take", "the points themselves"},
	{"model/recycle.h", "recycle_realloc", "recycle_resize", "the points themselves"},
	{"model/recycle.h", "recycle_aligned_alloc", "recycle_take", "the points themselves"},
	{"model/recycle.h", "nofail_recycle", "recycle_take", "its caller says why"},
	{"model/phys_frames.c", "run_insert", "fail_enter", "freeing a page needs no memory"},
	{"backend/type1/audit.c", "t1_audit", "fail_enter", "an audit is no operation"},
	{"backend/type1/t1.c", "t1_copy_back_at", "->copy_out", "counts what the failed copy left"},
	{"backend/type1/pin.c", "fault_rest_of_batch", "->pin", "the pin has failed already"},
	{"backend/core/domain.c", "map_descending", "->map_pages", "iommu_map() passed the point"},
	{"backend/core/domain.c", "map_ascending", "->map_pages", "iommu_map() passed the point"},
	{"backend/core/domain.c", "sync_domain", "->iotlb_sync", "drivers pass it per wait"},
	{"backend/core/domain.c", "iommu_iotlb_sync", "->iotlb_sync", "drivers pass it per wait"},
	{"backend/core/group.c", "iommu_group_set_domain", "->attach", "going back cannot fail"},
	{"backend/core/group.c", "iommu_group_restore_domain", "->attach",
	 "going back cannot fail"},
	{"backend/core/group.c", "iommu_group_msi_isolated", "->capable", "who asks passes it"},
	{"backend/iommufd/device.c", "device_capable", "->capable", "who asks passes it"},
	{"backend/core/group.c", "iommu_bus_capable", "->capable", "who asks passes it"},
};

static bool used[COUNT(allowed)];

struct finding {
	char function[64];
	const char *call;
	unsigned line;
};

struct scan {
	const char *file;
	char header[512]; /* of the function to come, from the first column on */
	char function[64];
	bool has_point, in_body, in_macro;
	struct finding pending[64];
	unsigned pending_count;
	unsigned bad;
	bool quiet;
};

/* ---- reading C as text ---- */

/* Blank out what a comment, a string or a character constant holds; lines stay lines. */
static void strip(char *text)
{
	char in = 0; /* '/' line comment, '*' block comment, or the quote */

	for (char *at = text; *at; at++) {
		bool ends = false;

		if (!in) {
			if (at[0] == '/' && (at[1] == '/' || at[1] == '*'))
				in = at[1];
			else if (*at == '"' || *at == '\'')
				in = *at;
			if (in == '*' || in == '/')
				*at++ = ' ';
			if (in)
				*at = ' ';
			continue;
		}
		if (in == '/')
			ends = *at == '\n';
		else if (in == '*' && at[0] == '*' && at[1] == '/')
			ends = true, *at++ = ' ';
		else if (in != '*' && *at == '\\' && at[1])
			*at++ = ' ';
		else if (in != '*' && in == *at)
			ends = true;
		if (*at != '\n')
			*at = ' ';
		if (ends)
			in = 0;
	}
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* `name` as a whole word in the line, followed by "(" if `call`; "->name" wants the arrow. */
static bool line_has(const char *line, const char *name, bool call)
{
	bool member = !strncmp(name, "->", 2);
	size_t len;

	name += member ? 2 : 0;
	len = strlen(name);
	for (const char *at = line; (at = strstr(at, name)); at += len) {
		const char *after = at + len;
		bool arrow = at - line >= 2 && at[-2] == '-' && at[-1] == '>';

		if ((at > line && is_word(at[-1])) || is_word(*after) || member != arrow)
			continue;
		after += strspn(after, " \t");
		if (!call || *after == '(')
			return true;
	}
	return false;
}

/* The word before the first "(" of a definition, or behind "#define". */
static void name_of(const char *header, bool macro, char *name, size_t size)
{
	const char *end, *start;

	if (macro) {
		start = header + strlen("#define");
		start += strspn(start, " \t");
		for (end = start; is_word(*end); end++)
			;
	} else {
		end = strchr(header, '(');
		end = end ? end : header + strlen(header);
		for (start = end; start > header && is_word(start[-1]); start--)
			;
	}
	snprintf(name, size, "%.*s", (int)(end - start), start);
}

/* ---- judging ---- */

static bool is_allowed(const char *file, const struct finding *finding)
{
	for (size_t i = 0; i < COUNT(allowed); i++) {
		if (strcmp(allowed[i].file, file) || strcmp(allowed[i].call, finding->call) ||
		    strcmp(allowed[i].function, finding->function))
			continue;
		used[i] = true;
		return true;
	}
	return false;
}

static void note(struct scan *scan, const char *call, unsigned line)
{
	struct finding *finding = &scan->pending[scan->pending_count];

	ck_assert_uint_lt(scan->pending_count, COUNT(scan->pending));
	scan->pending_count++;
	snprintf(finding->function, sizeof(finding->function), "%s", scan->function);
	finding->call = call;
	finding->line = line;
}

static bool is_raw(const char *call)
{
	for (size_t i = 0; i < COUNT(raw_calls); i++)
		if (raw_calls[i] == call)
			return true;
	return false;
}

/* The function or macro is over: what it calls is judged by whether it passes a point. */
static void judge(struct scan *scan)
{
	for (unsigned i = 0; i < scan->pending_count; i++) {
		const struct finding *finding = &scan->pending[i];

		/* The list is asked first, so that it knows which of its entries are needed. */
		if (is_allowed(scan->file, finding) || (scan->has_point && !is_raw(finding->call) &&
							strcmp(finding->call, "fail_enter") != 0))
			continue;
		scan->bad++;
		if (!scan->quiet)
			fprintf(stderr, "%s:%u: %s() calls %s() and passes no point\n", scan->file,
				finding->line, finding->function, finding->call);
	}
	scan->pending_count = 0;
	scan->has_point = scan->in_body = scan->in_macro = false;
	scan->header[0] = 0;
}

static void look(struct scan *scan, const char *line, unsigned number)
{
	for (size_t i = 0; i < COUNT(points); i++)
		scan->has_point |= line_has(line, points[i], true);
	for (size_t i = 0; i < COUNT(raw_calls); i++)
		if (line_has(line, raw_calls[i], true))
			note(scan, raw_calls[i], number);
	for (size_t i = 0; i < COUNT(guarded_calls); i++)
		if (line_has(line, guarded_calls[i], true))
			note(scan, guarded_calls[i], number);
}

static void read_line(struct scan *scan, const char *line, unsigned number)
{
	size_t len = strlen(line), room = strlen(scan->header);

	if (!scan->in_body && !scan->in_macro && !strncmp(line, "#define", 7)) {
		name_of(line, true, scan->function, sizeof(scan->function));
		scan->in_macro = true;
	}
	if (scan->in_macro) {
		look(scan, line, number);
		if (!len || line[len - 1] != '\\')
			judge(scan);
	} else if (scan->in_body) {
		look(scan, line, number);
		if (line[0] == '}')
			judge(scan);
	} else if (line[0] == '{') {
		name_of(scan->header, false, scan->function, sizeof(scan->function));
		scan->in_body = true;
		look(scan, line, number);
	} else if (!len || strchr("#}", line[0]) || strchr(line, ';')) {
		scan->header[0] = 0;
	} else {
		snprintf(scan->header + room, sizeof(scan->header) - room, " %s", line);
	}
}

/* How many calls of a source text stand where they must not. The text is changed. */
static unsigned scan_text(const char *file, char *text, bool quiet)
{
	struct scan scan = {.file = file, .quiet = quiet};
	unsigned number = 0;
	char *line = text;

	strip(text);
	while (line) {
		char *end = strchr(line, '\n');

		if (end)
			*end = 0;
		read_line(&scan, line, ++number);
		line = end ? end + 1 : NULL;
	}
	return scan.bad;
}

/* ---- the tree ---- */

static unsigned tree_files, tree_bad;

static int scan_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	size_t len = strlen(path);
	char *text;
	FILE *in;

	(void)ftw;
	if (type != FTW_F || (strcmp(path + len - 2, ".c") && strcmp(path + len - 2, ".h")))
		return 0;
	text = calloc(1, (size_t)st->st_size + 1);
	in = fopen(path, "r");
	ck_assert(text && in);
	ck_assert_uint_eq(fread(text, 1, (size_t)st->st_size, in), (size_t)st->st_size);
	fclose(in);
	tree_files++;
	tree_bad += scan_text(path + strlen(SIO_SOURCE_DIR) + 1, text, false);
	free(text);
	return 0;
}

START_TEST(every_call_that_can_fail_stands_beside_a_point)
{
	ck_assert_int_eq(nftw(SIO_SOURCE_DIR "/model", scan_file, 16, FTW_PHYS), 0);
	ck_assert_int_eq(nftw(SIO_SOURCE_DIR "/backend", scan_file, 16, FTW_PHYS), 0);
	ck_assert_uint_gt(tree_files, 100);
	ck_assert_msg(!tree_bad, "%u calls cannot fail on demand", tree_bad);
	for (size_t i = 0; i < COUNT(allowed); i++)
		ck_assert_msg(used[i], "%s: %s() no longer calls %s(): take it off the list",
			      allowed[i].file, allowed[i].function, allowed[i].call);
}
END_TEST

/* ---- the reader itself ---- */

static const struct {
	const char *text;
	unsigned bad;
} planted[] = {
	{"static int f(void)\n{\n\treturn !malloc(1);\n}\n", 1},
	{"static int f(void)\n{\n\treturn !malloc (1) || !calloc(1, 1);\n}\n", 2},
	{"int f(int a,\n      int b)\n{\n\tvoid *p = realloc(p, 1);\n}\n", 1},
	/* A point in the function does not excuse a raw allocation. */
	{"int f(void)\n{\n\tif (fail_at(FAIL_POINT(\"a.b\", FAIL_ALLOC)))\n\t\treturn 1;\n"
	 "\treturn !strdup(x);\n}\n",
	 1},
	{"int f(void)\n{\n\tg(fail_malloc(\"a.b\", 1), my_malloc(1), mallocs, "
	 "malloc_trim(0));\n}\n",
	 0},
	{"/*\n * 2 * malloc(1)\n */\n// calloc(1, 1)\nint f(void)\n{\n\tg(\"malloc(1)\", '\"', "
	 "\"\\\"\");\n}\n",
	 0},
	{"int f(void)\n{\n\tg('\"'); h(malloc(1)); /* \" */\n}\n", 1},
	{"void *malloc(size_t n);\nextern pa_t phys_table_alloc(struct phys *phys);\n", 0},
	{"#define GET(n) malloc(n)\n", 1},
	{"#define GET(n) \\\n\tg(1, \\\n\t  malloc(n))\nint f(void)\n{\n}\n", 1},
	{"int f(void)\n{\n\treturn mm->ops->pin(mm, va, 1, true, &run);\n}\n", 1},
	{"int f(void)\n{\n\tint rc = inject_here(\"a.b\", FAIL_PIN);\n\n"
	 "\treturn rc ? rc : mm->ops->pin(mm, va, 1, true, &run);\n}\n",
	 0},
	{"int f(void)\n{\n\treturn pin(1) + ops->unpin(1) + ops->pinned;\n}\n", 0},
	/* The point of one function is not the next one's. */
	{"int f(void)\n{\n\treturn fail_at(p);\n}\n\nint g(void)\n{\n"
	 "\treturn ua->copy_in(ua, d, s, 1);\n}\n",
	 1},
	{"pa_t f(void)\n{\n\treturn phys_table_alloc(phys);\n}\n", 1},
	{"#define t(n, phys) \\\n\t(fail_at(FAIL_POINT(n, FAIL_TABLE)) ? 0 : "
	 "phys_table_alloc(phys))\n",
	 0},
	{"void f(void)\n{\n\tfail_enter(NULL);\n\tfail_at(p);\n}\n", 1},
	{"int f(void)\n{\n\treturn dev->driver->attach(domain, dev);\n}\n", 1},
	{"void f(void)\n{\n\tdomain->driver->map_pages(domain, &req, &done);\n}\n", 1},
	{"bool f(void)\n{\n\treturn dev->driver->capable(dev, cap);\n}\n", 1},
};

START_TEST(a_planted_call_is_found)
{
	char text[512];

	snprintf(text, sizeof(text), "%s", planted[_i].text);
	ck_assert_uint_eq(scan_text("planted.c", text, true), planted[_i].bad);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("inject_sites");
	TCase *tc = tcase_create("sites");

	tcase_add_test(tc, every_call_that_can_fail_stands_beside_a_point);
	tcase_add_loop_test(tc, a_planted_call_is_found, 0, (int)COUNT(planted));
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
