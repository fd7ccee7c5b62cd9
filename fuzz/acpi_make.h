/* SPDX-License-Identifier: GPL-2.0-only */
/* Records as structures of a DMAR or blocks of an IVRS: tables that are nearly good. */
#ifndef FUZZ_ACPI_MAKE_H
#define FUZZ_ACPI_MAKE_H

#include <stddef.h>
#include <stdint.h>

#define ACPI_MAKE_MAX 8192u

/* The bytes of a table into `out`, and how many; length and checksum are the caller's to make. */
size_t acpi_make(const uint8_t *data, size_t size, uint8_t *out);

#endif
