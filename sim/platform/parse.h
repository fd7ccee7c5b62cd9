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
	unsigned units_of[2]; /* by type, so far */
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
	KEY_U32,
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

/* A list of "01:00.0", all of one segment; *rids to be freed, also after an error. */
int setting_bdf_list(struct parser *parser, const config_setting_t *setting, uint16_t *segment,
		     uint16_t **rids, unsigned *count);
/*
 * The groups of a list, one object of `size` bytes each: zeroed, its place set at offset `place`,
 * filled by `each`; *count includes the one that is being filled. *array to be freed, also after an
 * error.
 */
struct section {
	const char *name; /* of the list, for messages */
	size_t size, place;
	int (*each)(struct parser *parser, const config_setting_t *group, void *object);
};
int section_parse(struct parser *parser, const config_setting_t *list,
		  const struct section *section, void **array, unsigned *count);

/* What libconfig would pass over in silence, or end the program for. */
int text_check(struct parser *parser, const char *text, const char *file, unsigned depth);
/* The contents of a regular file, to be freed; NULL and *error (0 or an errno). */
char *text_read(const char *file, int *error);

/* Sections, each in its own file. */
int units_parse(struct parser *parser, const config_setting_t *list);
int devices_parse(struct parser *parser, const config_setting_t *list);
int emulated_parse_list(struct parser *parser, const config_setting_t *list, void *object);
int firmware_parse_rmrr(struct parser *parser, const config_setting_t *list, void *object);
int firmware_parse_ivmd(struct parser *parser, const config_setting_t *list, void *object);
int firmware_parse_atsr(struct parser *parser, const config_setting_t *list, void *object);
int firmware_parse_satc(struct parser *parser, const config_setting_t *list, void *object);

/* What a type of unit adds to the keys that all have. */
struct unit_vendor {
	const char *type;   /* value of the key `type` */
	const char *prefix; /* of default names */
	const struct key *keys;
	unsigned count;
	/* `n` units of this type precede it. */
	void (*defaults)(struct platform_unit *unit, unsigned n);
	int (*finish)(struct parser *parser, const config_setting_t *group,
		      struct platform_unit *unit);
};
extern const struct unit_vendor unit_intel, unit_amd;

/* The device at an address, NULL: none; the bridge above a device, NULL: on a root bus. */
struct platform_device *platform_device_at(const struct platform *platform, uint16_t segment,
					   uint16_t rid);
const struct platform_device *platform_bridge_above(const struct platform *platform,
						    const struct platform_device *device);
/* Names; the devices are in order already. */
int emulated_check(struct parser *parser);
/* Scopes, aliases and reserved memory; the devices are in order already. */
int platform_check_firmware(struct parser *parser);
/* Cross references: places, bus ranges, scopes, memory. */
int platform_check(struct parser *parser);

#endif
