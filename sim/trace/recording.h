/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Recordings: "operation arguments => answer", one a line, read into memory.
 *
 * The header comments say which kernel, IOMMU, platform and container answered, and how the machine
 * was made; a "# caps=" comment between operations is an instruction and stays in the list of
 * operations (expected is NULL). All other comments are dropped.
 */
#ifndef SIM_TRACE_RECORDING_H
#define SIM_TRACE_RECORDING_H

#include "trace/text.h"

struct rec_word {
	const char *key; /* "iova" of "iova=0x1000"; NULL: a bare word */
	const char *value;
};

struct rec_op {
	unsigned line;
	const char *name;
	const char *text;      /* the left side as it stands in the file */
	const char *expected;  /* the right side; NULL: an instruction */
	struct rec_word *word; /* after the name */
	unsigned words;
};

struct recording {
	struct text_file file;
	char kernel[128]; /* "6.12.117", "6.12,SWITCH", "" unknown */
	char platform[32];
	char container[32];
	char iommu[32]; /* "vtd" */
	/* The lines "# platform-file: TEXT", TEXT a line each; NULL: none. */
	char *platform_file;
	bool selftest, strict; /* "# selftest: on", "# strict: on" */
	struct rec_op *op;
	unsigned ops;
	char *copy;             /* the left sides, cut into words */
	struct rec_word *words; /* of all operations */
};

/* Takes over the loaded file, also on failure. 0, -EINVAL with a line in error, -ENOMEM. */
int recording_parse(struct recording *rec, struct text_file *file, char *error, size_t error_len);
void recording_fini(struct recording *rec);
/* The comment says something of the machine, so that it has to stay with the operations. */
bool recording_is_header(const char *line);
/* The n-th bare word; the value of a key. NULL: not there. */
const char *rec_bare(const struct rec_op *op, unsigned n);
const char *rec_value(const struct rec_op *op, const char *key);

#endif
