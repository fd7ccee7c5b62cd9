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

#include "amdvi/amdvi.h"
#include "topology.h"
#include "vtd/vtd.h"

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
	PLATFORM_PCI_STUB, /* bound to a driver that does nothing */
};
/* As the key `driver` spells it. */
const char *platform_driver_name(enum platform_driver driver);

enum platform_unit_type { PLATFORM_INTEL, PLATFORM_AMD };
enum platform_fault_codes { PLATFORM_CODES_MANUAL, PLATFORM_CODES_QEMU_7_2 };

/*
 * What firmware says of an id on the bus that is no PCI function of the platform: interrupt
 * controllers and timers (DMAR scope types 3 and 4, IVHD special devices).
 */
enum platform_special_kind { PLATFORM_IOAPIC, PLATFORM_HPET };
struct platform_special {
	enum platform_special_kind kind;
	uint8_t id; /* of the IOAPIC, or number of the HPET */
	uint16_t rid;
	struct platform_place place;
};

/* The unit looks `rid` up as `alias` (IVHD alias entries). */
struct platform_alias {
	uint16_t rid, alias;
	struct platform_place place;
};

struct platform_unit {
	char name[16]; /* "dmar0", "ivhd0" */
	enum platform_unit_type type;
	uint8_t haw;
	uint16_t segment;
	bool include_all;
	uint64_t base; /* of its registers in physical memory */
	bool has_proximity;
	uint16_t proximity; /* domain of the unit's node */
	struct platform_special *special;
	unsigned special_count;
	struct platform_place place;

	/* VT-d */
	uint64_t cap, ecap;
	uint8_t version; /* VER register, 0: the model's */
	enum platform_fault_codes fault_codes;
	bool quiet_hits;    /* what a cached page does not permit is blocked without a fault */
	bool noncoherent;   /* its walks do not see what a driver has not flushed */
	bool scalable_mode; /* the unit has it, and the kernel wants it */
	/* What cap and ecap are made of when the file does not give them. */
	uint8_t aw_bits, large_levels, fault_records;
	bool snoop_control, intremap, eim, caching_mode, pt, psi, device_iotlb;

	/* AMD-Vi */
	uint64_t efr, efr2;
	uint32_t ivhd_cap;  /* header of the unit's PCI capability */
	uint16_t devid;     /* the unit's own requester id */
	uint8_t ivhd_type;  /* 0x10, 0x11, 0x40: the table's block */
	uint8_t ivhd_flags; /* 1 HT tunnel, 2 PassPW, 4 ResPassPW, 8 isochronous */
	/* What efr and ivhd_cap are made of when the file does not give them. */
	uint8_t levels;
	bool np_cache, ht_tunnel, ppr, xtsup, gt, ga, access_dirty;
	bool old_reserved_masks; /* of early emulated units */
	struct platform_alias *alias;
	unsigned alias_count;
};

struct platform_device {
	char name[32]; /* may be empty */
	char model[32];
	uint16_t segment, rid;
	enum pci_type type;
	enum platform_driver driver;
	bool typed;            /* the file gives the type */
	bool acs, acs_enabled; /* the capability is there; it is on */
	bool multifunction;
	bool ats;                               /* has a device TLB */
	bool pri;                               /* asks for pages by page requests */
	uint8_t pasid_bits;                     /* of the PASIDs that it knows, 0: none */
	bool pasid_execute, pasid_privileged;   /* kinds of requests with one */
	uint8_t secondary_bus, subordinate_bus; /* bridges */
	uint8_t alias_devfns[8];                /* other ids of the same bus that its DMA carries */
	uint8_t alias_count, alias_bus;
	/* On a platform bus: no PCI function, `rid` is what its DMA carries. */
	char acpi[64];       /* path in the ACPI namespace ("\\_SB.I2C0"), else empty */
	char hid[9], uid[9]; /* hardware and unique id, may be empty */
	uint64_t dma_mask;
	int unit; /* index of the unit that serves it, -1: none */
	struct platform_place place;
};

/* A device whose DMA a driver on the CPU does (mdev); on no bus. */
struct platform_emulated {
	char name[64]; /* not empty */
	char model[32];
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

/* Memory that an AMD unit must reach one to one, or leave alone (IVRS's IVMD). */
struct platform_ivmd {
	uint64_t first, last;
	uint16_t segment;
	uint16_t *rids; /* NULL: all devices of the segment */
	unsigned count;
	bool read, write, exclusion;
	struct platform_place place;
};

/*
 * Ports below which devices may use their device TLBs (DMAR's ATSR), or devices of the SoC that
 * have one (SATC).
 */
struct platform_ats {
	uint16_t segment;
	uint16_t *rids;
	unsigned count;
	bool all; /* ATSR: every root port of the segment; SATC: the devices need it */
	struct platform_place place;
};

struct platform {
	char *name; /* of the preset or file */
	char *text; /* as it was read */
	char *description;
	uint64_t ram_bytes;
	bool intremap;
	bool selftest;      /* /dev/iommu answers the kernel's selftest ioctl */
	bool noiommu;       /* the kernel's no-IOMMU mode is enabled */
	bool scalable_mode; /* the kernel uses it in every unit that has it */
	struct platform_unit *unit;
	unsigned unit_count;
	struct platform_device
		*device; /* in order of (segment, rid): bridges precede what is below */
	unsigned device_count;
	struct platform_emulated *emulated; /* in the file's order */
	unsigned emulated_count;
	struct platform_rmrr *rmrr;
	unsigned rmrr_count;
	struct platform_ivmd *ivmd;
	unsigned ivmd_count;
	struct platform_ats *atsr, *satc;
	unsigned atsr_count, satc_count;
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

/* What a unit of that type is built from. */
struct vtd_cfg platform_vtd_cfg(const struct platform_unit *unit);
struct amdvi_cfg platform_amdvi_cfg(const struct platform_unit *unit);

/* More memory than a unit's address width reaches: NULL, or the unit that cannot. */
const struct platform_unit *platform_ram_excess(const struct platform *platform,
						uint64_t ram_bytes);
static inline bool platform_is_bridge(const struct platform_device *device)
{
	return device->type == PCI_ROOT_PORT || device->type == PCI_UPSTREAM_PORT ||
	       device->type == PCI_DOWNSTREAM_PORT || device->type == PCI_BRIDGE_PCIE_TO_PCI ||
	       device->type == PCI_BRIDGE_PCI_TO_PCIE || device->type == PCI_BRIDGE_CONVENTIONAL;
}

/* On a platform bus, not on PCI. */
static inline bool platform_is_acpi(const struct platform_device *device)
{
	return *device->acpi || *device->hid;
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
