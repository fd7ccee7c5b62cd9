/* SPDX-License-Identifier: GPL-2.0-only */
/* Private to the IVRS table: what its reader, its checks and its text share. */
#ifndef SIM_PLATFORM_ACPI_IVRS_H
#define SIM_PLATFORM_ACPI_IVRS_H

#include "acpi_priv.h"

/* Flags of a hardware block; those of type 0x10 alone repeat the extended features. */
#define ACPI_IVHD_IOTLB    0x10u
#define ACPI_IVHD_PREFETCH 0x40u
#define ACPI_IVHD_PPR      0x80u

/* What blocks say together. */
int acpi_ivrs_check(const struct acpi_reader *reader, const struct acpi_ivrs *ivrs);

/* Fields of the extended features, and where blocks of type 0x10 have them. */
struct acpi_efr_field {
	uint64_t efr;
	uint32_t condensed;
};
extern const struct acpi_efr_field acpi_efr_fields[];
extern const unsigned acpi_efr_field_count;

/* The entry gives settings or an alias to ids first to last; a special device or padding does not.
 */
static inline bool acpi_ivhd_has_ids(const struct acpi_ivhd_entry *entry)
{
	return entry->type != ACPI_IVHD_SPECIAL;
}

static inline bool acpi_ivhd_is_alias(const struct acpi_ivhd_entry *entry)
{
	return entry->type == ACPI_IVHD_ALIAS || entry->type == ACPI_IVHD_ALIAS_RANGE;
}

#endif
