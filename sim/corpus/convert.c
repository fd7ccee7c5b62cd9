// SPDX-License-Identifier: GPL-2.0-only
/* The targets whose inputs can be converted, and what every conversion reports: see convert.h. */
#include "corpus/convert.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void add_loss(struct convert_report *report, const struct type1_lost *lost)
{
	struct convert_loss *loss = report->loss;
	bool matters = lost->loss == TYPE1_LOST;

	for (unsigned i = 0; i < report->losses; i++, loss++)
		if (loss->matters == matters && !strcmp(loss->why, lost->why)) {
			loss->count++;
			return;
		}
	/* There are fewer reasons than this. */
	if (report->losses == CONVERT_LOSSES)
		return;
	report->losses++;
	*loss = (struct convert_loss){lost->why, matters, 1, lost->line->line, lost->line->text};
}

static int encode_type1(const struct recording *rec, uint8_t **data, size_t *size,
			struct convert_report *report, char *error, size_t error_len)
{
	struct type1_session session;
	int rc = type1_read(&session, rec, error, error_len);

	if (rc)
		return rc;
	*report = (struct convert_report){
		.operations = session.ops,
		.other_platform = session.other_platform,
		.other_devices = session.other_devices,
		.moved = session.moved,
	};
	for (unsigned i = 0; i < session.losts; i++)
		add_loss(report, &session.lost[i]);
	rc = type1_encode(&session, data, size);
	report->cut = rc == -E2BIG;
	type1_session_fini(&session);
	return rc == -E2BIG ? 0 : rc;
}

static const struct corpus_target targets[] = {
	{"acpi", NULL, NULL},       {"device", NULL, NULL},
	{"domain", NULL, NULL},     {"intremap", NULL, NULL},
	{"ioctl", NULL, NULL},      {"ioctl_dump", NULL, NULL},
	{"iommufd", NULL, NULL},    {"multi", NULL, NULL},
	{"platform", NULL, NULL},   {"qemu_log", NULL, NULL},
	{"recording", NULL, NULL},  {"schedule", NULL, NULL},
	{"tables", NULL, NULL},     {"type1", type1_play, encode_type1},
	{"unit_amdvi", NULL, NULL}, {"unit_vtd", NULL, NULL},
};

const struct corpus_target *corpus_target_at(unsigned n)
{
	return n < SIO_ARRAY_SIZE(targets) ? &targets[n] : NULL;
}

const struct corpus_target *corpus_target_find(const char *name)
{
	for (unsigned n = 0; n < SIO_ARRAY_SIZE(targets); n++)
		if (!strcmp(targets[n].name, name))
			return &targets[n];
	return NULL;
}

/* ---- bytes as text ---- */

#define PER_LINE 16u

int convert_hex_write(const uint8_t *data, size_t size, struct strbuf *out)
{
	for (size_t at = 0; at < size; at++) {
		if (at % PER_LINE == 0)
			strbuf_add(out, "%08zx:", at);
		strbuf_add(out, " %02x%s", data[at],
			   at + 1 == size || at % PER_LINE == PER_LINE - 1 ? "\n" : "");
	}
	return out->failed ? -ENOMEM : 0;
}

bool convert_hex_detect(const char *text)
{
	return text_take(&text, "00000000: ");
}

/* "00000010: 00 ff": the bytes of a line go to `data`; false: it is no such line. */
static bool read_line(const char *line, uint8_t *data, size_t *size)
{
	uint64_t value;

	if (!text_take_number(&line, 16, UINT32_MAX, &value) || value != *size ||
	    !text_take(&line, ":"))
		return false;
	while (*line) {
		if (!text_take(&line, " ") || strlen(line) < 2 || !text_hex(line, 2, data + *size))
			return false;
		line += 2;
		++*size;
	}
	return true;
}

int convert_hex_read(const char *name, const char *text, uint8_t **data, size_t *size, char *error,
		     size_t error_len)
{
	struct text_file file;
	int rc = text_file_copy(&file, name, text, strlen(text), error, error_len);

	*size = 0;
	*data = rc ? NULL : malloc(strlen(text) + 1);
	if (!rc && !*data)
		rc = -ENOMEM;
	for (unsigned i = 0; i < file.lines && !rc; i++)
		if (!read_line(file.line[i], *data, size))
			rc = text_error(error, error_len, name, i + 1,
					"expected the offset %08zx: and bytes", *size);
	if (rc) {
		free(*data);
		*data = NULL;
	}
	text_file_fini(&file);
	return rc;
}
