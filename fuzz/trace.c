// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes as a trace: a recording, a QEMU log or an ioctl dump, by its first byte. It replays
 * with all audits holding whatever its answers are, or is refused with one line.
 */
#include "fuzz.h"

#include "trace/replay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void fail(const char *what)
{
	fprintf(stderr, "trace: %s\n", what);
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const formats[] = {"auto", "recording", "qemu-log", "ioctl-dump"};
	struct replay_cfg cfg = {.audit_every = 4, .thorough = true};
	struct replay_result result;
	char path[64], error[512] = "";
	int fd, rc;

	if (size < 1 || size > 65536)
		return 0;
	fuzz_counts->inputs++;
	cfg.format = formats[data[0] & 3];
	fd = memfd_create("trace", MFD_CLOEXEC);
	if (fd < 0)
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (write(fd, data + 1, size - 1) == (ssize_t)(size - 1)) {
		rc = replay_file(path, &cfg, &result, error, sizeof(error));
		if (rc == 0) {
			if (result.audit_failures)
				fail(result.first_audit);
			replay_result_fini(&result);
		} else if (!error[0] || strchr(error, '\n')) {
			fail("refused without one line that says why");
		}
	}
	close(fd);
	return 0;
}
