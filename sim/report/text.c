// SPDX-License-Identifier: GPL-2.0-only
/* Pieces of text that several reports share. */
#include "report.h"

#include <inttypes.h>
#include <string.h>

const char *report_size(char buf[REPORT_TEXT], uint64_t bytes)
{
	static const char *const names[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
	unsigned unit = 0;

	while (bytes && bytes % 1024 == 0 && unit + 1 < SIO_ARRAY_SIZE(names)) {
		bytes /= 1024;
		unit++;
	}
	snprintf(buf, REPORT_TEXT, "%" PRIu64 " %s", bytes, names[unit]);
	return buf;
}

static void add_size(char *buf, const char *before, unsigned lg2)
{
	static const char suffix[] = {' ', 'K', 'M', 'G', 'T', 'P'};
	size_t used = strlen(buf);

	snprintf(buf + used, REPORT_TEXT - used, "%s%u%c", used ? before : "", 1u << lg2 % 10,
		 suffix[lg2 / 10]);
}

const char *report_pgsizes(char buf[REPORT_TEXT], uint64_t bitmap)
{
	buf[0] = '\0';
	for (unsigned lg2 = 10; lg2 < 60; lg2++) {
		unsigned last = lg2;

		if (!(bitmap & SIO_BIT(lg2)))
			continue;
		while (last + 1 < 60 && bitmap & SIO_BIT(last + 1))
			last++;
		add_size(buf, " ", lg2);
		if (last > lg2)
			add_size(buf, last > lg2 + 1 ? "-" : " ", last);
		lg2 = last;
	}
	return buf;
}

const char *report_prot(unsigned prot)
{
	static const char *const names[] = {"--", "r-", "-w", "rw"};

	return names[prot & (IOMMU_READ | IOMMU_WRITE)];
}

json_t *report_hex(uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%" PRIx64, value);
	return json_string(text);
}

const struct unit *report_group_unit(const struct iommu_group *group)
{
	return group && group->devices ? group->devices->unit : NULL;
}
