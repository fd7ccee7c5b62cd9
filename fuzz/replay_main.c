// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs a fuzz target over files and the files of folders, in name order, without a fuzzing engine:
 * a crash found once stays found. Exit 0: all ran; 2: nothing to run, or a file cannot be read.
 */
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

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

int main(int argc, char **argv)
{
	struct stat st;
	int status = 0;

	for (int i = 1; i < argc; i++) {
		if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode))
			status |= run_folder(argv[i]);
		else
			status |= run_file(argv[i]);
	}
	printf("%u inputs ran\n", files);
	return files ? status : 2;
}
