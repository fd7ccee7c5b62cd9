/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between traces and inputs of fuzz targets, as recordings in the middle.
 *
 * Every fuzz target has a row of corpus_targets; of most inputs nothing is known but their bytes.
 */
#ifndef CORPUS_CONVERT_H
#define CORPUS_CONVERT_H

#include "corpus/type1.h"

/* What a conversion left out: of one sort, in order of appearance. */
struct convert_loss {
	const char *why;
	bool matters; /* what follows may have other answers */
	unsigned count, first_line;
	const char *first; /* that line; the recording's */
};

#define CONVERT_LOSSES 80u

struct convert_report {
	unsigned operations; /* converted */
	struct convert_loss loss[CONVERT_LOSSES];
	unsigned losses;
	bool other_platform, other_devices, moved, cut;
};

struct corpus_target {
	const char *name;
	/* Both NULL: its inputs are bytes, or text already. */
	/* An input as a recording. 0, -EINVAL with a line in error, -ENOMEM. */
	int (*play)(const struct type1_play *play, const uint8_t *data, size_t size,
		    struct strbuf *out, char *error, size_t error_len);
	/* A recording as an input, from malloc(); as above. */
	int (*encode)(const struct recording *rec, uint8_t **data, size_t *size,
		      struct convert_report *report, char *error, size_t error_len);
};

/* The n-th; NULL past the end. By name: NULL, there is none. */
const struct corpus_target *corpus_target_at(unsigned n);
const struct corpus_target *corpus_target_find(const char *name);

/* Any bytes as text, 16 a line with their offset, and back; every input has this form. */
int convert_hex_write(const uint8_t *data, size_t size, struct strbuf *out);
bool convert_hex_detect(const char *text);
int convert_hex_read(const char *name, const char *text, uint8_t **data, size_t *size, char *error,
		     size_t error_len);

#endif
