/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Private to the ACPI tables: reading with an offset in every message, writing little-endian bytes,
 * and the sections of platform text that both tables share.
 */
#ifndef SIM_PLATFORM_ACPI_PRIV_H
#define SIM_PLATFORM_ACPI_PRIV_H

#include <stdio.h>

#include "acpi.h"

#define ACPI_HEADER_LEN 36u

struct acpi_reader {
	const char *table; /* "DMAR" */
	const uint8_t *data;
	size_t len;
	char *error;
	size_t error_len;
};

/* Write "DMAR: offset 0x30: ..." and return -EINVAL. */
int acpi_error(const struct acpi_reader *reader, size_t offset, const char *fmt, ...)
	SIO_PRINTF(3, 4);
/* Write "DMAR: out of memory" and return -ENOMEM. */
int acpi_no_memory(const struct acpi_reader *reader);
/* Signature, length, revision, checksum; `fixed`: bytes before the first structure. */
int acpi_check_header(const struct acpi_reader *reader, size_t fixed);
/*
 * Make room for one more element of `size` bytes behind `count`; zeroed. NULL: out of memory, the
 * array is still valid.
 */
void *acpi_grow(void *array, unsigned count, size_t size);

static inline uint16_t acpi_get16(const uint8_t *at)
{
	return (uint16_t)(at[0] | at[1] << 8);
}

static inline uint32_t acpi_get32(const uint8_t *at)
{
	return acpi_get16(at) | (uint32_t)acpi_get16(at + 2) << 16;
}

static inline uint64_t acpi_get64(const uint8_t *at)
{
	return acpi_get32(at) | (uint64_t)acpi_get32(at + 4) << 32;
}

/* The low `bytes` of a value, little-endian; out of memory is noted in the buffer. */
void acpi_put(struct acpi_buf *buf, uint64_t value, unsigned bytes);
/* Text in a field of `bytes`, filled up with zeros. */
void acpi_put_text(struct acpi_buf *buf, const char *text, size_t bytes);
/* Put a length at `at` once a structure that began at `from` is complete. */
void acpi_patch_len(struct acpi_buf *buf, size_t at, size_t from);
void acpi_put_header(struct acpi_buf *buf, const char *signature, uint8_t revision);
/* ---- building ---- */

struct acpi_builder {
	const char *table; /* "DMAR" */
	const struct platform *platform;
	struct acpi_buf *buf;
	char *error;
	size_t error_len;
};

/* Write "DMAR: platform NAME: ..." and return -EINVAL. */
int acpi_build_error(const struct acpi_builder *builder, const char *fmt, ...) SIO_PRINTF(2, 3);
/* Length and checksum; -ENOMEM or -EINVAL if any byte could not be kept. */
int acpi_build_finish(const struct acpi_builder *builder);

/* ---- platform text ---- */

struct acpi_text {
	FILE *out;
	char **text; /* what `out` fills */
	size_t len;
	const struct platform *known;   /* or NULL: then the devices that the table names */
	struct platform_device *device; /* ours, or those of `known` */
	unsigned device_count;
	struct acpi_reader reader; /* for messages */
};

/* -ENOMEM with a message. */
int acpi_text_open(struct acpi_text *text);
/* One more device that the table names, valid until the next; NULL: out of memory. */
struct platform_device *acpi_text_device(struct acpi_text *text, uint16_t segment, uint16_t rid);
/* In order of place, each once; not needed, nor done, with a known platform. */
void acpi_text_sort(struct acpi_text *text);
/* Index of the first device at or behind a place; sorted before. */
unsigned acpi_text_from(const struct acpi_text *text, uint16_t segment, uint16_t rid);
/* Close; after an error the text is freed and NULL. Returns rc or -ENOMEM. */
int acpi_text_close(struct acpi_text *text, int rc);

/* `description` and `machine`; the memory fits below 2^haw. */
void acpi_text_machine(struct acpi_text *text, unsigned haw, bool intremap);
void acpi_text_devices(struct acpi_text *text);
/* "key = 0x1L;", with the suffix that platform text wants above 32 bits. */
void acpi_text_number(FILE *out, const char *key, uint64_t value);
void acpi_text_bdf(FILE *out, const char *key, uint16_t segment, uint16_t rid);
/* "key = ( "01:00.0", ... );" */
void acpi_text_rids(FILE *out, const char *key, uint16_t segment, const uint16_t *rids,
		    unsigned count);
void acpi_text_string(FILE *out, const char *key, const char *text);
/* The `special` key of a unit. */
void acpi_text_special(FILE *out, uint16_t segment, const struct platform_special *special,
		       unsigned count);
/* A name that a platform's key can hold in `size` bytes: short enough, no blanks. */
bool acpi_text_is_name(const char *name, size_t size);

#endif
