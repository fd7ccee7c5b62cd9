/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What tables say, read from their bytes by themselves: against what the parsers made of them, and
 * two tables against each other that are to say the same.
 */
#ifndef FUZZ_ACPI_NAIVE_H
#define FUZZ_ACPI_NAIVE_H

#include "platform/acpi.h"

/* NULL, or what is wrong. */
const char *naive_dmar_differs(const uint8_t *table, size_t len, const struct acpi_dmar *dmar);
const char *naive_ivrs_differs(const uint8_t *table, size_t len, const struct acpi_ivrs *ivrs);
/* The second was built from what the first says of units and memory. */
const char *naive_dmar_lost(const struct acpi_dmar *from, const struct acpi_dmar *to);
const char *naive_ivrs_lost(const struct acpi_ivrs *from, const struct acpi_ivrs *to);

#endif
