// SPDX-License-Identifier: GPL-2.0-only
/*
 * What DMAR and IVRS share: the header of every ACPI table, bytes in and out.
 *
 * Source: ACPI, "System Description Table Header".
 */
#include "acpi_priv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_LENGTH_AT   4u
#define HEADER_REVISION_AT 8u
#define HEADER_CHECKSUM_AT 9u

int acpi_error(const struct acpi_reader *reader, size_t offset, const char *fmt, ...)
{
	va_list ap;
	int used = snprintf(reader->error, reader->error_len, "%s: offset 0x%zx: ", reader->table,
			    offset);

	va_start(ap, fmt);
	if (used >= 0 && (size_t)used < reader->error_len)
		vsnprintf(reader->error + used, reader->error_len - (size_t)used, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

int acpi_no_memory(const struct acpi_reader *reader)
{
	snprintf(reader->error, reader->error_len, "%s: out of memory", reader->table);
	return -ENOMEM;
}

int acpi_check_header(const struct acpi_reader *reader, size_t fixed)
{
	const uint8_t *data = reader->data;
	uint8_t sum = 0;

	if (reader->len < fixed)
		return acpi_error(reader, 0, "%zu bytes, expected at least the %zu of the header",
				  reader->len, fixed);
	if (memcmp(data, reader->table, 4))
		return acpi_error(reader, 0, "signature %02x %02x %02x %02x, expected \"%s\"",
				  data[0], data[1], data[2], data[3], reader->table);
	if (acpi_get32(data + HEADER_LENGTH_AT) != reader->len)
		return acpi_error(reader, HEADER_LENGTH_AT,
				  "length %" PRIu32 ", expected the %zu bytes that there are",
				  acpi_get32(data + HEADER_LENGTH_AT), reader->len);
	if (reader->len > ACPI_TABLE_MAX)
		return acpi_error(reader, HEADER_LENGTH_AT, "length %zu, expected at most %u",
				  reader->len, ACPI_TABLE_MAX);
	if (!data[HEADER_REVISION_AT])
		return acpi_error(reader, HEADER_REVISION_AT, "revision 0, expected 1 or more");
	for (size_t i = 0; i < reader->len; i++)
		sum = (uint8_t)(sum + data[i]);
	if (sum)
		return acpi_error(reader, HEADER_CHECKSUM_AT,
				  "checksum 0x%02x, expected 0x%02x: the sum of all bytes is 0",
				  data[HEADER_CHECKSUM_AT],
				  (uint8_t)(data[HEADER_CHECKSUM_AT] - sum));
	return 0;
}

void *acpi_grow(void *array, unsigned count, size_t size)
{
	/* Capacity is the next power of two, so it need not be kept. */
	if (!(count & (count - 1)))
		array = realloc(array, (count ? (size_t)count * 2 : 1) * size);
	if (array)
		memset((char *)array + count * size, 0, size);
	return array;
}

void acpi_put(struct acpi_buf *buf, uint64_t value, unsigned bytes)
{
	if (buf->error)
		return;
	if (buf->len + bytes > buf->size) {
		size_t size = buf->size ? 2 * buf->size : 256;
		uint8_t *more = size > ACPI_TABLE_MAX ? NULL : realloc(buf->data, size);

		if (!more) {
			buf->error = size > ACPI_TABLE_MAX ? -EINVAL : -ENOMEM;
			return;
		}
		buf->data = more;
		buf->size = size;
	}
	for (unsigned i = 0; i < bytes; i++)
		buf->data[buf->len++] = (uint8_t)(value >> 8 * i);
}

void acpi_put_text(struct acpi_buf *buf, const char *text, size_t bytes)
{
	size_t len = strlen(text);

	for (size_t i = 0; i < bytes; i++)
		acpi_put(buf, i < len ? (uint8_t)text[i] : 0, 1);
}

void acpi_patch_len(struct acpi_buf *buf, size_t at, size_t from)
{
	size_t len = buf->len - from;

	if (len > UINT16_MAX && !buf->error)
		buf->error = -EINVAL;
	if (buf->error)
		return;
	buf->data[at] = (uint8_t)len;
	buf->data[at + 1] = (uint8_t)(len >> 8);
}

void acpi_put_header(struct acpi_buf *buf, const char *signature, uint8_t revision)
{
	acpi_put_text(buf, signature, 4);
	acpi_put(buf, 0, 4); /* length */
	acpi_put(buf, revision, 1);
	acpi_put(buf, 0, 1); /* checksum */
	acpi_put_text(buf, "SOFTIO", 6);
	acpi_put_text(buf, "SOFTIOMM", 8);
	acpi_put(buf, 1, 4);
	acpi_put_text(buf, "SIOM", 4);
	acpi_put(buf, 1, 4);
}

int acpi_build_error(const struct acpi_builder *builder, const char *fmt, ...)
{
	va_list ap;
	int used = snprintf(builder->error, builder->error_len, "%s: platform %s: ", builder->table,
			    builder->platform->name);

	va_start(ap, fmt);
	if (used >= 0 && (size_t)used < builder->error_len)
		vsnprintf(builder->error + used, builder->error_len - (size_t)used, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

int acpi_build_finish(const struct acpi_builder *builder)
{
	struct acpi_buf *buf = builder->buf;
	uint8_t sum = 0;

	if (buf->error == -EINVAL)
		return acpi_build_error(builder, "too many devices, expected what fits into a "
						 "structure of 64 KiB and a table of 1 MiB");
	if (buf->error) {
		snprintf(builder->error, builder->error_len, "%s: out of memory", builder->table);
		return buf->error;
	}
	for (unsigned i = 0; i < 4; i++)
		buf->data[HEADER_LENGTH_AT + i] = (uint8_t)(buf->len >> 8 * i);
	for (size_t i = 0; i < buf->len; i++)
		sum = (uint8_t)(sum + buf->data[i]);
	buf->data[HEADER_CHECKSUM_AT] = (uint8_t)-sum;
	return 0;
}

void acpi_buf_fini(struct acpi_buf *buf)
{
	free(buf->data);
	*buf = (struct acpi_buf){0};
}
