/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ACPI tables that tell an operating system about IOMMUs: Intel's DMAR and AMD's IVRS.
 *
 * Three steps, each of them usable alone:
 *
 *   platform --acpi_dmar_build()--> table      what this machine's firmware would hand out
 *   table    --acpi_dmar_parse()--> structs    checked, every byte accounted for
 *   structs  --acpi_dmar_text()---> platform   text that platform_parse() takes, to show and edit
 *
 * A table that is malformed is refused with one line that names table, offset and what was expected
 * there; nothing beyond the buffer is ever read.
 *
 * What a table cannot say is taken from another platform, `known`, if there is one: capabilities
 * that lie in registers, models and names of devices, bus numbers behind bridges. Without it units
 * get the defaults, devices the model "generic", and buses are numbered as firmware would, depth
 * first.
 *
 * Source: Intel VT-d "BIOS Considerations", AMD IOMMU specification "I/O Virtualization ACPI
 * Table".
 */
#ifndef SIM_PLATFORM_ACPI_H
#define SIM_PLATFORM_ACPI_H

#include "platform.h"

#define ACPI_TABLE_MAX (1u << 20)

struct acpi_buf {
	uint8_t *data;
	size_t len, size;
	int error; /* while it was filled: -ENOMEM, or -EINVAL: too large */
};
void acpi_buf_fini(struct acpi_buf *buf);

/* ---- DMAR ---- */

enum acpi_dmar_flags {
	ACPI_DMAR_INTR_REMAP = 1,
	ACPI_DMAR_X2APIC_OPT_OUT = 2,
	ACPI_DMAR_PLATFORM_OPT_IN = 4,
};

enum acpi_dmar_type {
	ACPI_DRHD,
	ACPI_RMRR,
	ACPI_ATSR,
	ACPI_RHSA,
	ACPI_ANDD,
	ACPI_SATC,
	ACPI_DMAR_UNKNOWN, /* and above: skipped, as the specification asks */
};

enum acpi_scope_type {
	ACPI_SCOPE_ENDPOINT = 1,
	ACPI_SCOPE_BRIDGE, /* and everything below it */
	ACPI_SCOPE_IOAPIC,
	ACPI_SCOPE_HPET,
	ACPI_SCOPE_NAMESPACE, /* id: of an ANDD */
};

/* A device, by the way to it: `hops` pairs of device and function, starting on `bus`. */
struct acpi_scope {
	uint32_t offset;
	unsigned entry; /* index of the structure that it belongs to */
	uint8_t type, flags, id, bus, hops;
	const uint8_t *path; /* into acpi_dmar.table */
};

struct acpi_dmar_entry {
	uint32_t offset;
	uint16_t type, len;
	uint16_t segment;
	uint8_t flags;      /* DRHD: 1 INCLUDE_ALL; ATSR: 1 ALL_PORTS; SATC: 1 ATC_REQUIRED */
	uint8_t size_lg2;   /* DRHD: registers, log2 of 4 KiB pages */
	uint8_t device;     /* ANDD: number */
	uint64_t base;      /* DRHD, RHSA: registers; RMRR: first byte */
	uint64_t limit;     /* RMRR: last byte */
	uint32_t proximity; /* RHSA */
	const char *name;   /* ANDD, into acpi_dmar.table */
	unsigned scope, scope_count; /* the first, in acpi_dmar.scope */
};

struct acpi_dmar {
	uint8_t *table; /* a copy */
	uint8_t haw, flags;
	struct acpi_dmar_entry *entry;
	unsigned entry_count;
	struct acpi_scope *scope;
	unsigned scope_count;
};

/*
 * 0, or -ENOENT: the platform has no unit of that vendor, -EINVAL: a table cannot say what it is,
 * -ENOMEM; with one line in `error`. The buffer is the caller's to release.
 */
int acpi_dmar_build(const struct platform *platform, struct acpi_buf *buf, char *error,
		    size_t error_len);
/* 0, -EINVAL or -ENOMEM with one line in `error`. `data` is not kept. */
int acpi_dmar_parse(const void *data, size_t len, struct acpi_dmar *dmar, char *error,
		    size_t error_len);
/* *text is to be freed. -EINVAL: `known` (may be NULL) is not the platform the table speaks of. */
int acpi_dmar_text(const struct acpi_dmar *dmar, const struct platform *known, char **text,
		   char *error, size_t error_len);
void acpi_dmar_fini(struct acpi_dmar *dmar);

/* ---- IVRS ---- */

enum acpi_ivhd_entry_type {
	ACPI_IVHD_PAD = 0x00,
	ACPI_IVHD_ALL = 0x01,
	ACPI_IVHD_SELECT = 0x02,
	ACPI_IVHD_RANGE = 0x03, /* joined with its end */
	ACPI_IVHD_RANGE_END = 0x04,
	ACPI_IVHD_PAD8 = 0x40,
	ACPI_IVHD_ALIAS = 0x42,
	ACPI_IVHD_ALIAS_RANGE = 0x43,
	ACPI_IVHD_EXT_SELECT = 0x46,
	ACPI_IVHD_EXT_RANGE = 0x47,
	ACPI_IVHD_SPECIAL = 0x48,
	ACPI_IVHD_HID = 0xf0,
};

enum acpi_special { ACPI_SPECIAL_IOAPIC = 1, ACPI_SPECIAL_HPET = 2 };

struct acpi_ivhd_entry {
	uint32_t offset;
	uint8_t type;
	uint16_t first, last;    /* device ids; one: equal */
	uint16_t alias;          /* alias entries: the id that DMA carries */
	uint8_t data;            /* 1 INIT, 2 EInt, 4 NMI, 0x30 SysMgt, 0x40 LINT0, 0x80 LINT1 */
	uint32_t ext;            /* extended entries: 31 ATS is off */
	uint8_t handle, variety; /* special: id of the IOAPIC or HPET; enum acpi_special */
	char hid[9], cid[9];     /* without trailing zeros */
	uint8_t uid_format, uid_len; /* 0 none, 1 a number, 2 a string */
	const uint8_t *uid;          /* into acpi_ivrs.table */
};

struct acpi_ivhd {
	uint32_t offset;
	uint8_t type, flags;
	uint16_t devid, cap_offset, segment, info;
	uint64_t base;
	uint32_t attributes;         /* type 0x10: the condensed EFR */
	uint64_t efr, efr2;          /* types 0x11 and 0x40 */
	unsigned entry, entry_count; /* the first, in acpi_ivrs.entry */
};

enum acpi_ivmd_flags {
	ACPI_IVMD_UNITY = 1,
	ACPI_IVMD_IR = 2,
	ACPI_IVMD_IW = 4,
	ACPI_IVMD_EXCL = 8
};

struct acpi_ivmd {
	uint32_t offset;
	uint8_t flags;
	bool all;
	uint16_t segment, first_id, last_id;
	uint64_t start, len;
};

struct acpi_ivrs {
	uint8_t *table; /* a copy */
	uint32_t info;
	uint8_t ivhd_type; /* the highest there is: the blocks that count */
	struct acpi_ivhd *ivhd;
	unsigned ivhd_count;
	struct acpi_ivhd_entry *entry;
	unsigned entry_count;
	struct acpi_ivmd *ivmd;
	unsigned ivmd_count;
};

/* As their counterparts above. */
int acpi_ivrs_build(const struct platform *platform, struct acpi_buf *buf, char *error,
		    size_t error_len);
int acpi_ivrs_parse(const void *data, size_t len, struct acpi_ivrs *ivrs, char *error,
		    size_t error_len);
int acpi_ivrs_text(const struct acpi_ivrs *ivrs, const struct platform *known, char **text,
		   char *error, size_t error_len);
void acpi_ivrs_fini(struct acpi_ivrs *ivrs);

#endif
