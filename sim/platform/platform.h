/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Platforms: what a machine is made of, as its platform file says.
 *
 * A platform file has libconfig syntax; keys are spelled as QEMU spells them where QEMU has them
 * (softiommu-platform(5)). Reading one either gives a platform that can be built (every cross
 * reference resolved, no device claimed twice, everything in range) or one line that names file,
 * line, what is wrong and what was expected. A platform never changes after that.
 *
 * Presets are the platforms that come with the program. They are ordinary platform files.
 */
#ifndef SIM_PLATFORM_PLATFORM_H
#define SIM_PLATFORM_PLATFORM_H

#include "topology.h"

#define PLATFORM_RAM_DEFAULT (UINT64_C(16) << 30)
#define PLATFORM_RAM_MIN     (UINT64_C(64) << 20)
#define PLATFORM_RAM_MAX     (UINT64_C(64) << 40)
#define PLATFORM_RAM_STEP    (UINT64_C(2) << 20)
#define PLATFORM_HAW_DEFAULT 46u

/* Where the file says so; for messages. */
struct platform_place {
	const char *file;
	unsigned line;
};

enum platform_driver {
	PLATFORM_VFIO_PCI, /* bound to vfio-pci: a program may open it */
	PLATFORM_HOST,     /* bound to a kernel driver that uses the DMA API */
	PLATFORM_NO_DRIVER,
};

struct platform_unit {
	char name[16]; /* "dmar0" */
	uint64_t cap, ecap;
	uint8_t haw;
	uint8_t version; /* VER register, 0: the model's */
	uint16_t segment;
	bool include_all;
	struct platform_place place;
	/* What cap and ecap are made of when the file does not give them. */
	uint8_t aw_bits, large_levels, fault_records;
	bool snoop_control, intremap, eim, caching_mode, pt, psi;
};

struct platform_device {
	char name[32]; /* may be empty */
	char model[32];
	uint16_t segment, rid;
	enum pci_type type;
	enum platform_driver driver;
	bool typed; /* the file gives the type */
	bool acs, multifunction;
	uint8_t secondary_bus, subordinate_bus; /* bridges */
	uint64_t dma_mask;
	int unit; /* index of the unit that serves it, -1: none */
	struct platform_place place;
};

/* Memory that the firmware wants mapped one to one for some devices (DMAR's RMRR). */
struct platform_rmrr {
	uint64_t first, last;
	uint16_t segment;
	uint16_t *rids;
	unsigned count;
	bool relaxable;
	struct platform_place place;
};

struct platform {
	char *name; /* of the preset or file */
	char *text; /* as it was read */
	char *description;
	uint64_t ram_bytes;
	bool intremap;
	struct platform_unit *unit;
	unsigned unit_count;
	struct platform_device
		*device; /* in order of (segment, rid): bridges precede what is below */
	unsigned device_count;
	struct platform_rmrr *rmrr;
	unsigned rmrr_count;
	struct config_t *config;
	struct platform_include {
		char *name, *path; /* as written; as opened */
	} * include;               /* keeps the places' file names */
	unsigned include_count;
};

/*
 * Read a platform. 0; or -EINVAL, -ENOENT, -ENOMEM with *platform NULL and one line in `error`
 * (error_len bytes). `file` is what messages call the text.
 */
int platform_parse(const char *text, const char *file, struct platform **platform, char *error,
		   size_t error_len);
/* A file if `name` has a '/' or '.', else a preset. */
int platform_load(const char *name, struct platform **platform, char *error, size_t error_len);
void platform_destroy(struct platform *platform);

/* More memory than a unit's address width reaches: NULL, or the unit that cannot. */
const struct platform_unit *platform_ram_excess(const struct platform *platform,
						uint64_t ram_bytes);
static inline bool platform_is_bridge(const struct platform_device *device)
{
	return device->type == PCI_ROOT_PORT || device->type == PCI_UPSTREAM_PORT ||
	       device->type == PCI_DOWNSTREAM_PORT || device->type == PCI_BRIDGE_PCIE_TO_PCI ||
	       device->type == PCI_BRIDGE_PCI_TO_PCIE || device->type == PCI_BRIDGE_CONVENTIONAL;
}

struct platform_preset {
	const char *name;
	const char *text;
};
/* The n-th, NULL past the end. */
const struct platform_preset *platform_preset_at(unsigned n);

/* The entry of `list` (count names) that `word` was most likely meant to be, NULL: none is near. */
const char *platform_nearest(const char *word, const char *const *list, unsigned count);

#endif
