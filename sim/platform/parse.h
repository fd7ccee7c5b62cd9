/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Private to the platform parser: errors with a place, and objects filled by tables of keys.
 */
#ifndef SIM_PLATFORM_PARSE_H
#define SIM_PLATFORM_PARSE_H

#include <libconfig.h>

#include "platform.h"

struct parser {
	const char *file;
	char *error;
	size_t error_len;
	struct platform *platform;
	struct platform_claim *claim; /* scopes as written, resolved once all devices are known */
	unsigned claim_count;
};

/* One entry of a unit's scope. */
struct platform_claim {
	uint16_t segment, rid;
	unsigned unit;
	struct platform_place place;
};

enum key_kind {
	KEY_BOOL,
	KEY_U8,
	KEY_U16,
	KEY_U64,   /* a number, or a string that holds one */
	KEY_BYTES, /* the same with K, M, G, T */
	KEY_TEXT,  /* max: size of the array */
	KEY_CALL,
};

struct key {
	const char *name;
	enum key_kind kind;
	size_t offset; /* of the field in the object */
	uint64_t min, max;
	int (*call)(struct parser *parser, const config_setting_t *setting, void *object);
};

/* Write "file:line: ..." and return -EINVAL. */
int parser_error(struct parser *parser, struct platform_place place, const char *fmt, ...)
	SIO_PRINTF(3, 4);
int parser_no_memory(struct parser *parser);
/* Where a setting stands. */
struct platform_place parser_place(const struct parser *parser, const config_setting_t *setting);

/* The path of a file that was included by that name. */
const char *parser_included(const struct parser *parser, const char *name);

/* Fill `object` from a group by its table; unknown keys are errors. `what`: "unit", "device". */
int keys_parse(struct parser *parser, const config_setting_t *group, const char *what,
	       const struct key *keys, unsigned count, void *object);
/* "01:00.0" in a string setting. */
int setting_bdf(struct parser *parser, const config_setting_t *setting, uint16_t *segment,
		uint16_t *rid);
/* The index of a string setting's value in `list`. */
int setting_choice(struct parser *parser, const config_setting_t *setting, const char *const *list,
		   unsigned count, unsigned *index);

/* What libconfig would pass over in silence, or end the program for. */
int text_check(struct parser *parser, const char *text, const char *file, unsigned depth);
/* The contents of a regular file, to be freed; NULL and *error (0 or an errno). */
char *text_read(const char *file, int *error);

/* Sections, each in its own file. */
int units_parse(struct parser *parser, const config_setting_t *list);
int devices_parse(struct parser *parser, const config_setting_t *list);
int rmrr_parse(struct parser *parser, const config_setting_t *list);
/* Cross references: places, bus ranges, scopes, memory. */
int platform_check(struct parser *parser);

#endif
