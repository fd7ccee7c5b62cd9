// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs a fuzz target without a fuzzing engine: over files and the files of folders, in name order,
 * so that a crash found once stays found; and with `--random COUNT SEED` over that many inputs of
 * seeded random bytes. `--repeat N COUNT SIZE SEED` measures: N times the same COUNT inputs of SIZE
 * random bytes each, and how many of them and of their operations there are in a second. Exit 0:
 * all ran; 2: nothing to run, or a file cannot be read.
 */
#include "fuzz.h"

#include "prng.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static unsigned files;

static int run_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data = NULL;
	size_t size = 0, got;
	struct stat st;

	if (file && fstat(fileno(file), &st) == 0 && (data = malloc((size_t)st.st_size + 1)))
		while ((got = fread(data + size, 1, (size_t)st.st_size - size, file)) > 0)
			size += got;
	if (!data) {
		perror(path);
	} else {
		LLVMFuzzerTestOneInput(data, size);
		files++;
	}
	if (file)
		fclose(file);
	free(data);
	return data ? 0 : 2;
}

static int run_folder(const char *path)
{
	struct dirent **entry;
	int n = scandir(path, &entry, NULL, alphasort), status = 0;

	if (n < 0) {
		perror(path);
		return 2;
	}
	for (int i = 0; i < n; i++) {
		char name[4096];

		snprintf(name, sizeof(name), "%s/%s", path, entry[i]->d_name);
		if (entry[i]->d_name[0] != '.')
			status |= run_file(name);
		free(entry[i]);
	}
	free(entry);
	return status;
}

/* Each input has a seed of its own; FUZZ_VERBOSE names it before it runs, to repeat a crash. */
static void run_random(unsigned count, uint64_t seed)
{
	static uint8_t data[4096];

	for (unsigned i = 0; i < count; i++) {
		struct prng rng = {seed + i};
		size_t size = 1 + prng_below(&rng, sizeof(data));

		for (size_t at = 0; at < size; at++)
			data[at] = (uint8_t)(prng_next(&rng) >> 24);
		if (getenv("FUZZ_VERBOSE"))
			fprintf(stderr, "--random 1 %llu\n", (unsigned long long)(seed + i));
		LLVMFuzzerTestOneInput(data, size);
		files++;
	}
	printf("random inputs of seeds %llu to %llu ran\n", (unsigned long long)seed,
	       (unsigned long long)(seed + count - 1));
}

/* Of this process: what others do on the machine does not count. */
static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* The first pass is not measured: it builds what a target keeps. */
static void run_repeat(unsigned passes, unsigned count, size_t size, uint64_t seed)
{
	uint8_t *data = malloc(count * size + 1);
	struct prng rng = {seed};
	uint64_t operations = 0;
	double start = 0;

	if (!data)
		return;
	for (size_t at = 0; at < count * size; at++)
		data[at] = (uint8_t)(prng_next(&rng) >> 24);
	for (unsigned pass = 0; pass <= passes; pass++) {
		if (pass == 1) {
			operations = fuzz_counts->operations;
			start = seconds();
		}
		for (unsigned i = 0; i < count; i++, files++)
			LLVMFuzzerTestOneInput(data + i * size, size);
	}
	start = seconds() - start;
	operations = fuzz_counts->operations - operations;
	printf("%.0f executions/s, %.0f operations/s, %.1f operations each\n",
	       passes * (double)count / start, (double)operations / start,
	       (double)operations / passes / count);
	free(data);
}

int main(int argc, char **argv)
{
	struct stat st;
	int status = 0;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--random") && i + 2 < argc) {
			run_random((unsigned)strtoul(argv[i + 1], NULL, 0),
				   strtoull(argv[i + 2], NULL, 0));
			i += 2;
			continue;
		}
		if (!strcmp(argv[i], "--repeat") && i + 4 < argc) {
			run_repeat((unsigned)strtoul(argv[i + 1], NULL, 0),
				   (unsigned)strtoul(argv[i + 2], NULL, 0),
				   strtoul(argv[i + 3], NULL, 0), strtoull(argv[i + 4], NULL, 0));
			i += 4;
			continue;
		}
		if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode))
			status |= run_folder(argv[i]);
		else
			status |= run_file(argv[i]);
	}
	printf("%u inputs ran\n", files);
	return files ? status : 2;
}
