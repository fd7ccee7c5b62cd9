// SPDX-License-Identifier: GPL-2.0-only
/*
 * Replay: opens a trace, finds out what it is, and hands it to the engine of its format.
 *
 * Invariant: after an error nothing of the result is left; after success its machine is at the end
 * state of the trace.
 */
#include "trace/replay.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sweep/sweep.h"
#include "trace/golden.h"
#include "trace/ioctl_dump.h"
#include "trace/qemu_log.h"

/* Lines that are looked at to tell a format; a log may begin with other messages. */
#define DETECT_LINES 1000u

struct format {
	const char *name;
	bool (*detect)(const char *line, const char *next);
	int (*replay)(struct session *s, struct text_file *file);
};

static bool detect_recording(const char *line, const char *next)
{
	(void)next;
	return line[0] != '#' && strstr(line, " => ret=");
}

static bool detect_dump(const char *line, const char *next)
{
	(void)next;
	return ioctl_dump_detect(line);
}

static const struct format formats[] = {
	{"ioctl-dump", detect_dump, ioctl_dump_replay},
	{"recording", detect_recording, golden_replay},
	{"qemu-log", qemu_log_detect, qemu_log_replay},
};

static const struct format *detect(const struct text_file *file)
{
	for (unsigned i = 0; i < file->lines && i < DETECT_LINES; i++)
		for (size_t f = 0; f < SIO_ARRAY_SIZE(formats); f++)
			if (formats[f].detect(file->line[i],
					      i + 1 < file->lines ? file->line[i + 1] : NULL))
				return &formats[f];
	return NULL;
}

const char *replay_format(const char *path)
{
	const struct format *format = NULL;
	struct text_file file;

	if (!text_file_load(&file, path, NULL, 0)) {
		format = detect(&file);
		text_file_fini(&file);
	}
	return format ? format->name : NULL;
}

static const struct format *find_format(struct session *s, const struct text_file *file)
{
	const char *name = s->cfg->format;
	const struct format *format;

	if (name && strcmp(name, "auto")) {
		for (size_t f = 0; f < SIO_ARRAY_SIZE(formats); f++)
			if (!strcmp(formats[f].name, name))
				return &formats[f];
		session_error(
			s, 0,
			"unknown format \"%s\"; known are auto, recording, qemu-log, ioctl-dump",
			name);
		return NULL;
	}
	format = detect(file);
	if (!format)
		session_error(s, 1, "no trace: neither a recording, a QEMU log nor an ioctl dump");
	return format;
}

/* `text` NULL: the file itself. */
static int replay(struct session *s, const char *text, size_t size)
{
	const struct format *format;
	struct text_file file;
	int rc;

	if (text)
		rc = text_file_copy(&file, s->path, text, size, s->error, s->error_len);
	else
		rc = text_file_load(&file, s->path, s->error, s->error_len);
	if (rc)
		return rc;
	format = find_format(s, &file);
	rc = format ? format->replay(s, &file) : -EINVAL;
	text_file_fini(&file);
	return rc;
}

int replay_file(const char *path, const struct replay_cfg *cfg, struct replay_result *result,
		char *error, size_t error_len)
{
	return replay_memory(path, NULL, 0, cfg, result, error, error_len);
}

int replay_memory(const char *name, const char *text, size_t size, const struct replay_cfg *cfg,
		  struct replay_result *result, char *error, size_t error_len)
{
	struct session s = {
		.path = name,
		.cfg = cfg,
		.result = result,
		.error = error,
		.error_len = error_len,
		.container = -1,
	};
	int rc;

	*result = (struct replay_result){0};
	if (error && error_len)
		error[0] = '\0';
	rc = replay(&s, text, size);
	if (cfg->sweep)
		sweep_end(cfg->sweep);
	result->machine = s.machine;
	if (!rc) {
		if (cfg->progress)
			cfg->progress(cfg->ctx, s.total, s.total);
		return 0;
	}
	if (error && error_len && !error[0])
		snprintf(error, error_len, "%s: %s", name, strerror(-rc));
	replay_result_fini(result);
	return rc == -ENOENT || rc == -ENOMEM ? rc : -EINVAL;
}

void replay_result_fini(struct replay_result *result)
{
	for (unsigned i = 0; i < result->kinds; i++)
		free((char *)result->kind[i].name);
	free(result->kind);
	if (result->machine)
		sio_machine_destroy(result->machine);
	*result = (struct replay_result){0};
}
