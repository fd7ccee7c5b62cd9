// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the environment says to every fuzz target: FUZZ_COUNTS names a file that keeps the totals,
 * also when the target dies; FUZZ_KERNEL and FUZZ_PLATFORM fix what inputs otherwise choose; in a
 * build that has seeded bugs, SIO_BUG puts one in force.
 */
#include "fuzz.h"

#include "canary.h"
#include "seeded.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * What ASan does unless ASAN_OPTIONS says otherwise. A quarter of a gigabyte of freed memory, which
 * no input of a few hundred kilobytes needs, throws the processor's caches out at every malloc();
 * and a whole stack for each allocation is wanted when a crash is looked at, not before:
 * ASAN_OPTIONS=malloc_context_size=30 TARGET FILE. Two frames are the least: an allocation whose
 * caller is not known is never a leak to LeakSanitizer.
 */
const char *__asan_default_options(void);
__attribute__((visibility("default"))) const char *__asan_default_options(void)
{
	return "quarantine_size_mb=4:thread_local_quarantine_size_kb=64:malloc_context_size=2";
}

static struct fuzz_counts unread;
struct fuzz_counts *fuzz_counts = &unread;

const char *fuzz_kernel(void)
{
	return getenv("FUZZ_KERNEL");
}

const char *fuzz_platform(void)
{
	return getenv("FUZZ_PLATFORM");
}

bool fuzz_bare(void)
{
	static int bare = -1;

	if (bare < 0)
		bare = getenv("FUZZ_BARE") != NULL;
	return bare;
}

bool fuzz_is_session(size_t size, size_t least)
{
	return size >= least && size <= 65536;
}

#ifdef FUZZ_FLAGS
static bool has_flags(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (argv[i][0] == '-' && strchr(argv[i], '='))
			return true;
	return false;
}

/*
 * What TARGET.options says to those who read it: weighing inputs by their rare features takes more
 * time than running them where each has thousands. First, so that the command can say otherwise;
 * and only where there are flags: other engines have none.
 */
int LLVMFuzzerInitialize(int *argc, char ***argv);
__attribute__((visibility("default"))) int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static char flags[] = FUZZ_FLAGS;
	char **more, *rest;
	int n = 1;

	if (!has_flags(*argc, *argv))
		return 0;
	more = calloc((size_t)*argc + sizeof(flags), sizeof(*more));
	if (!more)
		return 0;
	more[0] = (*argv)[0];
	for (char *flag = strtok_r(flags, " ", &rest); flag; flag = strtok_r(NULL, " ", &rest))
		more[n++] = flag;
	memcpy(more + n, *argv + 1, (size_t)(*argc - 1) * sizeof(*more));
	*argv = more;
	*argc += n - 1;
	return 0;
}
#endif

/* ---- leaks ---- */

/*
 * libFuzzer has LeakSanitizer look through all memory after an input that took more blocks than it
 * gave back. Where those are known, a machine that is kept, it takes longer than hundreds of inputs
 * and finds nothing: then as many blocks are given back from a heap that is there for this.
 */
#define HEAP_BLOCKS (1u << 18)

struct heap_block {
	struct heap_block *next;
};

static struct heap_block *heap;
static int64_t taken;

static void on_malloc(const volatile void *block, size_t size)
{
	(void)block;
	(void)size;
	taken++;
}

static void on_free(const volatile void *block)
{
	taken -= block != NULL;
}

/* Those of a program that is libFuzzer's. */
__attribute__((weak)) int LLVMFuzzerRunDriver(int *argc, char ***argv,
					      int (*run)(const uint8_t *data, size_t size));
__attribute__((weak)) int
__sanitizer_install_malloc_and_free_hooks(void (*malloc_hook)(const volatile void *, size_t),
					  void (*free_hook)(const volatile void *));

int64_t fuzz_taken(void)
{
	static bool begun;

	if (begun || !LLVMFuzzerRunDriver || !__sanitizer_install_malloc_and_free_hooks)
		return taken;
	begun = true;
	for (unsigned i = 0; i < HEAP_BLOCKS; i++) {
		struct heap_block *block = malloc(sizeof(*block));

		if (!block)
			break;
		block->next = heap;
		heap = block;
	}
	__sanitizer_install_malloc_and_free_hooks(on_malloc, on_free);
	return taken;
}

void fuzz_give_back(int64_t blocks)
{
	for (; heap && blocks > 0; blocks--) {
		struct heap_block *block = heap;

		heap = block->next;
		free(block);
	}
}

/* ---- at the beginning ---- */

static void choose_bug(void)
{
#ifdef SIO_SEEDED_BUGS
	const char *name = getenv("SIO_BUG");

	if (name && !seeded_choose(name) && !canary_choose(name)) {
		fprintf(stderr, "SIO_BUG=%s: no such bug; T01 to X06, canary, or none\n", name);
		exit(2);
	}
#endif
}

__attribute__((constructor)) static void fuzz_start(void)
{
	const char *path = getenv("FUZZ_COUNTS");
	void *page;
	int fd;

	choose_bug();
	if (!path)
		return;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	page = fd < 0 || ftruncate(fd, sizeof(*fuzz_counts))
		       ? MAP_FAILED
		       : mmap(NULL, sizeof(*fuzz_counts), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			      0);
	if (page == MAP_FAILED) {
		perror(path);
		exit(2);
	}
	fuzz_counts = page;
	close(fd);
}
