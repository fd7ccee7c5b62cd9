// SPDX-License-Identifier: GPL-2.0-only
/* The benchmark program: options, repetition, and results as JSON or a table. */
#include "bench.h"

#include <argp.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define REPEATS     7u
#define RESULTS_MAX 512u

void bench_limits(struct bench *bench);
void bench_imap(struct bench *bench);
void bench_pt(struct bench *bench);
void bench_translate(struct bench *bench);
void bench_container(struct bench *bench);
void bench_guest(struct bench *bench);
void bench_machine(struct bench *bench);
void bench_iommufd(struct bench *bench);

static const struct {
	const char *name;
	void (*run)(struct bench *bench);
} groups[] = {
	{"limit", bench_limits},        {"imap", bench_imap},           {"pt", bench_pt},
	{"translate", bench_translate}, {"container", bench_container}, {"guest", bench_guest},
	{"machine", bench_machine},     {"iommufd", bench_iommufd},
};

struct result {
	const char *group;
	char name[64];
	const char *unit;
	double value;
};

struct bench {
	bool quick, table;
	const char *only;
	struct result result[RESULTS_MAX];
	unsigned results;
};

uint64_t bench_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

bool bench_quick(const struct bench *bench)
{
	return bench->quick;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double bench_run(struct bench *bench, void (*body)(void *ctx, uint64_t n), void *ctx, uint64_t n)
{
	unsigned repeats = bench->quick ? 1 : REPEATS;
	double ns[REPEATS];

	for (unsigned i = 0; i < repeats; i++) {
		uint64_t start = bench_now();

		body(ctx, n);
		ns[i] = (double)(bench_now() - start) / (double)n;
	}
	qsort(ns, repeats, sizeof(ns[0]), by_value);
	return ns[repeats / 2];
}

void bench_report(struct bench *bench, const char *group, const char *name, double value,
		  const char *unit)
{
	struct result *result = &bench->result[bench->results];

	if (bench->results == RESULTS_MAX)
		return;
	bench->results++;
	result->group = group;
	result->unit = unit;
	result->value = value;
	snprintf(result->name, sizeof(result->name), "%s", name);
	if (bench->table) {
		printf("%-10s %-56s %12.2f %s\n", group, name, value, unit);
		fflush(stdout);
	}
}

double bench_limit(const struct bench *bench, const char *name)
{
	for (unsigned i = 0; i < bench->results; i++)
		if (!strcmp(bench->result[i].group, "limit") &&
		    !strcmp(bench->result[i].name, name))
			return bench->result[i].value;
	return 0;
}

static void cpu_model(char *text, size_t len)
{
	FILE *file = fopen("/proc/cpuinfo", "r");
	char line[256];

	snprintf(text, len, "unknown");
	while (file && fgets(line, sizeof(line), file)) {
		char *colon = strchr(line, ':');

		if (strncmp(line, "model name", 10) || !colon)
			continue;
		line[strcspn(line, "\n")] = '\0';
		snprintf(text, len, "%s", colon + 2);
		break;
	}
	if (file)
		fclose(file);
}

static void print_json(const struct bench *bench, const char *cpu, const double *load)
{
	json_t *results = json_array();
	json_t *root;

	for (unsigned i = 0; i < bench->results; i++)
		json_array_append_new(results, json_pack("{s:s, s:s, s:f, s:s}", "group",
							 bench->result[i].group, "name",
							 bench->result[i].name, "value",
							 bench->result[i].value, "unit",
							 bench->result[i].unit));
	root = json_pack("{s:s, s:f, s:b, s:o}", "cpu", cpu, "load_average", load[0], "quick",
			 bench->quick, "results", results);
	json_dumpf(root, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
	putchar('\n');
	json_decref(root);
}

enum { OPT_QUICK = 'q', OPT_TABLE = 't', OPT_ONLY = 'o' };

static const struct argp_option options[] = {
	{"quick", OPT_QUICK, NULL, 0, "Small sizes, one repetition: does it run at all", 0},
	{"table", OPT_TABLE, NULL, 0, "A line per figure as it is measured instead of JSON", 0},
	{"only", OPT_ONLY, "GROUP", 0,
	 "One group (imap, pt, translate, container, guest, machine, iommufd); the limits are "
	 "always "
	 "measured",
	 0},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct bench *bench = state->input;
	bool known = false;

	switch (key) {
	case OPT_QUICK:
		bench->quick = true;
		return 0;
	case OPT_TABLE:
		bench->table = true;
		return 0;
	case OPT_ONLY:
		for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
			known |= !strcmp(groups[i].name, arg);
		if (!known)
			argp_error(state, "no group '%s'", arg);
		bench->only = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		options,
		parse,
		NULL,
		"Benchmarks of softiommu: ns per operation beside the limits of this machine.",
		NULL,
		NULL,
		NULL};
	static struct bench bench;
	double load[3] = {0};
	char cpu[256];

	argp_parse(&argp, argc, argv, 0, NULL, &bench);
	cpu_model(cpu, sizeof(cpu));
	if (getloadavg(load, 3) < 0)
		load[0] = 0;
	if (bench.table)
		printf("cpu %s, load average %.2f\n", cpu, load[0]);
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if (i == 0 || !bench.only || !strcmp(groups[i].name, bench.only))
			groups[i].run(&bench);
	if (!bench.table)
		print_json(&bench, cpu, load);
	return 0;
}
