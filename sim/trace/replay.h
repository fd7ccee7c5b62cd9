/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Replay of a trace on an emulated machine, with every answer that the trace carries compared.
 *
 * Formats ("auto" looks at the content; gzip files open directly):
 *   recording   one operation a line with its answer after " => ", of VFIO containers or of iommufd
 *   qemu-log    QEMU's log trace backend (-trace 'vfio_*' -D FILE)
 *   ioctl-dump  one ioctl a line with the bytes of its structure before and after
 *
 * A trace is replayed whole or not at all: what cannot be replayed is refused with a line number,
 * and nothing inside a file is filtered. The same trace gives the same result on every machine.
 */
#ifndef SIM_TRACE_REPLAY_H
#define SIM_TRACE_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sio_machine;
struct sio_process;
struct sweep;
struct machine_tap;

/* One answer that is not the recorded one. The strings live during the callback only. */
struct replay_difference {
	const char *file;
	unsigned line;
	uint64_t operation; /* from 1 */
	const char *text;   /* the operation */
	const char *expected, *got;
};

/* The machine right after one operation. */
struct replay_view {
	struct sio_machine *machine;
	struct sio_process *process; /* that made the operation */
	int container;               /* its newest container descriptor, -1: none known */
	uint64_t operation;
	unsigned line;
	const char *kind, *text; /* of the operation */
	bool same;               /* the answer was the recorded one */
};

struct replay_cfg {
	const char *platform; /* NULL: the trace's own, else the format's default */
	const char *kernel;   /* NULL: the trace's own, else the default personality */
	const char *format;   /* NULL: "auto" */
	/* "BDF=DEVICE": a device of the trace stands at a device of the platform. */
	const char *const *place;
	unsigned place_count;
	const char *inject;      /* failure plan, NULL: none */
	const char *const *rare; /* legal rarities to turn on */
	unsigned rare_count;
	struct sweep *sweep; /* follows the machine; the machine's processes end with the trace */
	const struct machine_tap *tap; /* else, NULL: none */
	bool selftest;        /* the kernel's iommufd test ioctl, whatever the platform says */
	bool strict;          /* compare cached translations with fresh walks */
	unsigned audit_every; /* 0: never */
	bool thorough;
	void (*progress)(void *ctx, uint64_t done, uint64_t total);
	void *ctx;
	void (*difference)(void *ctx, const struct replay_difference *difference);
	void (*note)(void *ctx, const char *text); /* what the importer invented or skipped */
	void (*after_operation)(void *ctx, const struct replay_view *view);
};

struct replay_kind {
	const char *name;
	uint64_t count;
	uint64_t failed; /* recorded as failing, as expected */
};

struct replay_snapshot {
	uint64_t at_operation, mappings, mapped_bytes, locked_pages, pgsize_bitmap;
	unsigned domains;
};

struct replay_result {
	uint64_t operations, different, audits, audit_failures, stale;
	char first_audit[256];
	struct replay_kind *kind; /* in order of first appearance */
	unsigned kinds;
	/* With the most mappings; and the last one with a container in use. */
	struct replay_snapshot fullest, end;
	struct sio_machine *machine; /* still alive at its end state, owned by the result */
};

/*
 * 0: replayed to the end; look at different, audit_failures and stale. -EINVAL: bad input or
 * option, `error` holds "file:line: ..."; -ENOENT: no such file or platform; -ENOMEM. After an
 * error the result is empty.
 */
int replay_file(const char *path, const struct replay_cfg *cfg, struct replay_result *result,
		char *error, size_t error_len);
/* The same of a trace in memory, which is not changed; `name` stands for it in errors. */
int replay_memory(const char *name, const char *text, size_t size, const struct replay_cfg *cfg,
		  struct replay_result *result, char *error, size_t error_len);
void replay_result_fini(struct replay_result *result);
/* "recording", "qemu-log" or "ioctl-dump"; NULL: the file is none of them, or cannot be read. */
const char *replay_format(const char *path);

#endif
