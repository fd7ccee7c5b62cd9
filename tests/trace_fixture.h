/* SPDX-License-Identifier: GPL-2.0-only */
/* Traces written by a test: into a temporary file, replayed, removed. */
#ifndef TESTS_TRACE_FIXTURE_H
#define TESTS_TRACE_FIXTURE_H

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "trace/replay.h"

struct trace_outcome {
	int rc;
	struct replay_result result;
	char error[512];
	/* Of the first difference. */
	unsigned line;
	char text[256], expected[512], got[512];
	char notes[2048];
};

static inline void trace_difference(void *ctx, const struct replay_difference *d)
{
	struct trace_outcome *out = ctx;

	if (out->line)
		return;
	out->line = d->line;
	snprintf(out->text, sizeof(out->text), "%s", d->text);
	snprintf(out->expected, sizeof(out->expected), "%s", d->expected);
	snprintf(out->got, sizeof(out->got), "%s", d->got);
}

static inline void trace_note(void *ctx, const char *text)
{
	struct trace_outcome *out = ctx;
	size_t len = strlen(out->notes);

	snprintf(out->notes + len, sizeof(out->notes) - len, "%s\n", text);
}

/* Replay `len` bytes as a file; `cfg` may be NULL. The caller ends with trace_outcome_fini(). */
static inline void trace_replay(const char *bytes, size_t len, const struct replay_cfg *cfg,
				struct trace_outcome *out)
{
	struct replay_cfg own = cfg ? *cfg : (struct replay_cfg){0};
	char path[] = "/tmp/softiommu-trace-XXXXXX";
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, bytes, len), (ssize_t)len);
	close(fd);
	memset(out, 0, sizeof(*out));
	own.difference = trace_difference;
	own.note = trace_note;
	own.ctx = out;
	out->rc = replay_file(path, &own, &out->result, out->error, sizeof(out->error));
	unlink(path);
}

static inline void trace_outcome_fini(struct trace_outcome *out)
{
	replay_result_fini(&out->result);
}

/* The whole of a file; to be freed. */
static inline char *trace_read(const char *path, size_t *len)
{
	FILE *file = fopen(path, "rb");
	char *bytes = malloc(1 << 20);

	ck_assert_msg(file && bytes, "%s", path);
	*len = fread(bytes, 1, (1 << 20) - 1, file);
	bytes[*len] = '\0';
	fclose(file);
	return bytes;
}

#endif
