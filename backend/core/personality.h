/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which kernel we answer as: behaviours that differ between versions, as data.
 *
 * A personality is a row of switches. The named ones are kernels, oldest first, each stated as what
 * it changes against the one before (personality.c); "6.12,unmap_wrap_4_15" is one with a switch
 * set by hand. It never changes while a machine lives. Code asks for the behaviour, not for the
 * version.
 */
#ifndef BACKEND_CORE_PERSONALITY_H
#define BACKEND_CORE_PERSONALITY_H

#include "base.h"

enum pers_container { CONTAINER_2012, CONTAINER_3_11, CONTAINER_DOMAINS };
enum pers_set_iommu { SET_IOMMU_NONE, SET_IOMMU_1, SET_IOMMU_1_3, SET_IOMMU_1_3_6 };
enum pers_map_end { MAP_END_NOTHING, MAP_END_LOST, MAP_END_WORKS };
enum pers_unmap_wrap { UNMAP_WRAP_2012, UNMAP_WRAP_UNCHECKED, UNMAP_WRAP_4_15, UNMAP_WRAP_5_0 };
enum pers_info { INFO_0, INFO_PGSIZES, INFO_CAPS };
enum pers_avail_cap { AVAIL_CAP_NONE, AVAIL_CAP_12, AVAIL_CAP_16 };
enum pers_intr_remap {
	INTR_REMAP_OPEN,
	INTR_REMAP_DOMAIN,
	INTR_REMAP_BUS,
	INTR_REMAP_BUS_OR_MSI,
	INTR_REMAP_DEVICE_OR_MSI,
	INTR_REMAP_ISOLATED
};
enum pers_dma_ownership { DMA_OWNERSHIP_NONE, DMA_OWNERSHIP_2021, DMA_OWNERSHIP_MAINLINE };
enum pers_companions { COMPANIONS_STUB, COMPANIONS_PORT, COMPANIONS_BRIDGE };
enum pers_last_device { LAST_DEVICE_LEAVES, LAST_DEVICE_WAITS, LAST_DEVICE_DETACHES };
enum pers_coherency { COHERENCY_NONE, COHERENCY_DOMAIN, COHERENCY_BUS, COHERENCY_ENFORCE };
enum pers_match { MATCH_ONE, MATCH_BUS_PROT, MATCH_OPS_PROT, MATCH_OPS_ENFORCE };
enum pers_charge { CHARGE_CURRENT, CHARGE_OWNER, CHARGE_MAPPING };
enum pers_limit { LIMIT_TOTAL, LIMIT_SHORTENS_RUN, LIMIT_FAILS_RUN };
enum pers_amd_pgsizes { AMD_PGSIZES_ALL, AMD_PGSIZES_2P, AMD_PGSIZES_64T };
enum pers_iommufd { IOMMUFD_NONE, IOMMUFD_6_12, IOMMUFD_7_2 };
enum pers_unmap_callback { UNMAP_CALLBACK_NOTIFIER, UNMAP_CALLBACK_DEVICE };
enum pers_vaddr_pins { VADDR_PINS_WAIT, VADDR_PINS_REFUSED };
enum pers_fgsp { FGSP_LEAVES, FGSP_AT_0, FGSP_RESERVED, FGSP_NO_PROBE };

#define PERSONALITY_NAME_MAX 128

/* One byte a switch: 0 and 1, or one of the enumerations above. What each means: personality.c. */
struct personality {
	char name[PERSONALITY_NAME_MAX]; /* "6.12", "6.12,unmap_wrap_4_15" */
	/* choosing a driver */
	uint8_t container, set_iommu, vtd_nesting_enodev, dma_cc;
	uint8_t set_container_fd_first, set_container_ebadfd, dma_ownership, device_fd_name_first;
	uint8_t companions, last_device;
	/* groups and domains */
	uint8_t intr_remap, coherency, match, one_bus, domain_eio, iova_list, replay_rollback, fgsp;
	uint8_t sub_page_bitmap, try_harder;
	/* MAP and UNMAP */
	uint8_t map_end, last_page_works, eoverflow, dma_entry_limit;
	uint8_t unmap_wrap, unmap_in_order, unmap_own_mm, find_first_size, batched_sync;
	uint8_t unmap_all, vaddr, vaddr_recharge;
	/* pages and their price */
	uint8_t charge, limit, batched_pinning, pfnmap_offset, zero_page_pins, fork_shares_pins;
	uint8_t huge_zero_splits;
	/* information, dirty pages */
	uint8_t info, info_error_count, iova_cap, migration_cap, avail_cap, zeroed_caps;
	uint8_t dirty, full_dirty_on_detach;
	/* devices without an IOMMU of their own */
	uint8_t emulated, unmap_callback, pin_behind_iommu, pin_lone_device, pin_needs_page;
	uint8_t dma_rw, dma_rw_dirty_whole, vaddr_pins, noiommu;
	/* drivers and device files */
	uint8_t vtd_every_pgsize, write_only_readable, amd_pgsizes, amd_aperture_48, amd_map_busy;
	uint8_t vtd_alias_kept, prq_pasid_only, amd_iommufd;
	uint8_t device_req_irq;
	/* iommufd */
	uint8_t iommufd, iommufd_container, cdev_pasid, cdev_token;
};

/* NULL: no kernel of that name. NULL as name: the default, 6.12. */
const struct personality *personality_find(const char *name);
/* The personality for a recorded kernel ("6.12.117"): its own series, else the newest not above. */
const struct personality *personality_for_kernel(const char *version);
/* The n-th, oldest first; NULL past the end. */
const struct personality *personality_at(unsigned n);
/*
 * A kernel's name or version, or NULL, with any number of switches: "6.12,unmap_wrap_4_15". False:
 * `error` (if any) says what is wrong.
 */
bool personality_parse(const char *text, struct personality *out, char *error, size_t error_len);

/* ---- for lists ---- */

#define PERSONALITY_VALUES 6

struct personality_value {
	const char *name, *what;
};

/* A switch. Set by "KEY" or "no_KEY" if it is a yes-or-no one, else by "KEY_VALUE". */
struct personality_switch {
	const char *key, *what;
	bool yes_no; /* 0: no, 1: yes; `value` is empty */
	struct personality_value value[PERSONALITY_VALUES];
};

/* The n-th switch, NULL past the end. */
const struct personality_switch *personality_switch_at(unsigned n);
unsigned personality_get(const struct personality *personality, unsigned n);
/* The text that sets the n-th switch to a value. */
void personality_setting(unsigned n, unsigned value, char *text, size_t len);
/* What kernel a personality stands for. */
const char *personality_about(unsigned n);

#endif
