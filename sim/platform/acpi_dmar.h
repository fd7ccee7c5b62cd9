/* SPDX-License-Identifier: GPL-2.0-only */
/* Private to the DMAR table: what its reader, its checks and its text share. */
#ifndef SIM_PLATFORM_ACPI_DMAR_H
#define SIM_PLATFORM_ACPI_DMAR_H

#include "acpi_priv.h"

/* What structures say together. */
int acpi_dmar_check(const struct acpi_reader *reader, const struct acpi_dmar *dmar);
const char *acpi_dmar_name(const struct acpi_dmar_entry *entry);

/*
 * All scopes in the order of a walk through the buses: by segment, start bus and path, a bridge
 * before what is below it. To be freed; NULL: none, or out of memory.
 */
const struct acpi_scope **acpi_scopes_sorted(const struct acpi_dmar *dmar);
/* How many hops two paths have in common, from the same start; 0 also if they start elsewhere. */
unsigned acpi_scopes_common(const struct acpi_dmar *dmar, const struct acpi_scope *a,
			    const struct acpi_scope *b);

#endif
