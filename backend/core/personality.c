// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernels that we answer as, and every behaviour in which they differ.
 *
 * One row a behaviour. A row lists the kernels at which it changes; the kernels between take the
 * value of the one to their left, in the order of `kernels`. 4.19, 5.10 and 6.1 are the long-term
 * releases 4.19.78, 5.10.262 and 6.1.192, which carry fixes of later kernels: where a fix is
 * younger than the next kernel here, the row changes twice.
 *
 * Two rows never change: iommufd_container and amd_iommufd are choices made when a kernel is built,
 * and no kernel here made them. The one puts the other kind of file at /dev/vfio/vfio; without the
 * other, AMD-Vi hides from programs what came with 7.2.
 *
 * iommufd itself is told apart at two levels, which were recorded: that of 6.12 answers for 6.3 to
 * 6.18, that of 7.2 from there on. What device nodes learned between has rows of its own.
 *
 * Source: recordings of 3.16.0, 4.19.78, 5.10.262, 6.1.192, 6.12.117, 6.17.13, 6.18.15 and 7.2.13,
 * for iommufd of 6.12.117 and 7.2.13; between them drivers/vfio and drivers/iommu of the kernels
 * named. Recordings of 7.3-rc7, of type1 alone, have the answers of 7.2.
 */
#include "core/personality.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kernel {
	K2012,
	K3_11,
	KRFC,
	K3_14,
	K3_16,
	K4_4,
	K4_10,
	K4_15,
	K4_19,
	K5_0,
	K5_1,
	K5_4,
	K5_8,
	K5_10,
	K5_12,
	K6_1,
	K6_3,
	K6_12,
	K6_17,
	K6_18,
	K7_2,
	KERNELS
};

#define SERIES(major, minor) ((unsigned long)(major) << 16 | (minor))

static const struct {
	const char *name;
	unsigned long series; /* 0: never chosen by a version number */
	const char *about;
} kernels[KERNELS] = {
	[K2012] = {"2012", SERIES(3, 6), "VFIO v0.2: one domain, a list that merges neighbours"},
	[K3_11] = {"3.11", SERIES(3, 11), "one domain, a tree, physically contiguous runs"},
	[KRFC] = {"rfc2014", 0, "the first posting of several domains, defects included"},
	[K3_14] = {"3.14", SERIES(3, 14), "several domains, as committed"},
	[K3_16] = {"3.16", SERIES(3, 16), "as recorded from 3.16.0"},
	[K4_4] = {"4.4", SERIES(4, 4), "page sizes in GET_INFO, nesting type"},
	[K4_10] = {"4.10", SERIES(4, 10), "mappings have an owner"},
	[K4_15] = {"4.15", SERIES(4, 15), "UNMAP tests for wrap-around, one byte too strictly"},
	[K4_19] = {"4.19", SERIES(4, 19), "as recorded from 4.19.78, a long-term release"},
	[K5_0] = {"5.0", SERIES(5, 0), "UNMAP up to 2^64 again"},
	[K5_1] = {"5.1", SERIES(5, 1), "a limit for the number of mappings"},
	[K5_4] = {"5.4", SERIES(5, 4), "list of usable addresses"},
	[K5_8] = {"5.8", SERIES(5, 8), "dirty pages"},
	[K5_10] = {"5.10", SERIES(5, 10), "as recorded from 5.10.262, a long-term release"},
	[K5_12] = {"5.12", SERIES(5, 12), "UNMAP ALL and VADDR, search in address order"},
	[K6_1] = {"6.1", SERIES(6, 1), "DMA ownership; as recorded from 6.1.192"},
	[K6_3] = {"6.3", SERIES(6, 3),
		  "isolated interrupts; /dev/iommu and device nodes, as in 6.12"},
	[K6_12] = {"6.12", SERIES(6, 12), "as recorded from 6.12.117; the default"},
	[K6_17] = {"6.17", SERIES(6, 17),
		   "no nesting type, PASIDs of devices; as recorded from 6.17.13"},
	[K6_18] = {"6.18", SERIES(6, 18), "the end of the address space works, EOVERFLOW"},
	[K7_2] = {"7.2", SERIES(7, 2),
		  "iommufd with files, virtual IOMMUs; as recorded from 7.2.13"},
};

#define CHANGES_MAX  8
#define FIELD(field) .at = offsetof(struct personality, field)

struct row {
	struct personality_switch about;
	size_t at; /* of the byte in struct personality */
	/* In order of `kernels`, the first at K2012; the list ends where that comes again. */
	struct {
		enum kernel from;
		uint8_t value;
	} change[CHANGES_MAX];
};

/* clang-format off */
static const struct row rows[] = {
	/* ---- choosing a driver ---- */
	{ {"container", "the container's own algorithm", false, {
		{"2012", "one domain made at open, a list, page by page, neighbours merge"},
		{"3_11", "one domain made at open, a tree, runs of pages, neighbours merge"},
		{"domains", "several domains, a mapping stays as the user made it"}}},
	  FIELD(container), {{K2012, CONTAINER_2012}, {K3_11, CONTAINER_3_11},
			     {KRFC, CONTAINER_DOMAINS}} },
	{ {"set_iommu", "types that SET_IOMMU takes", false, {
		{"none", "only TYPE1 is announced, and its open refuses every type"},
		{"1", "TYPE1"}, {"1_3", "TYPE1, TYPE1v2"}, {"1_3_6", "TYPE1, TYPE1v2, NESTING"}}},
	  FIELD(set_iommu), {{K2012, SET_IOMMU_1}, {KRFC, SET_IOMMU_NONE}, {K3_14, SET_IOMMU_1_3},
			     {K4_4, SET_IOMMU_1_3_6}, {K6_17, SET_IOMMU_1_3}} },
	{ {"vtd_nesting_enodev", "VT-d is asked for nesting and has none: ENODEV, not EINVAL", true,
	   {{0}}},
	  FIELD(vtd_nesting_enodev), {{K2012, 0}, {K5_10, 1}, {K6_1, 0}} },
	{ {"dma_cc", "CHECK_EXTENSION knows DMA_CC", true, {{0}}},
	  FIELD(dma_cc), {{K2012, 0}, {K3_14, 1}} },
	{ {"set_container_fd_first",
	   "SET_CONTAINER: EBADF comes before \"already in a container\"", true, {{0}}},
	  FIELD(set_container_fd_first), {{K2012, 0}, {K6_1, 1}} },
	{ {"set_container_ebadfd",
	   "SET_CONTAINER with another kind of file: EBADFD, not EINVAL", true, {{0}}},
	  FIELD(set_container_ebadfd), {{K2012, 0}, {K6_3, 1}} },
	{ {"dma_ownership", "whose DMA a group does is decided", false, {
		{"none", "by the drivers that are bound; only GET_DEVICE_FD looks (see companions)"},
		{"2021", "by type, as first proposed: SET_CONTAINER and binding a driver: EBUSY"},
		{"mainline", "by owner: SET_CONTAINER EPERM, binding a driver EBUSY"}}},
	  FIELD(dma_ownership), {{K2012, DMA_OWNERSHIP_NONE}, {K6_1, DMA_OWNERSHIP_MAINLINE}} },
	{ {"companions", "without DMA ownership, a group can be used beside functions bound to",
	   false, {
		{"stub", "pci-stub"}, {"port", "pci-stub, pcieport"},
		{"bridge", "pci-stub; bridges count never"}}},
	  FIELD(companions), {{K2012, COMPANIONS_STUB}, {K3_11, COMPANIONS_PORT},
			      {K4_4, COMPANIONS_BRIDGE}} },
	{ {"last_device", "the last device of a group in a container, taken from vfio-pci", false, {
		{"leaves", "leaves; the group stays in the container"},
		{"waits", "stays until the group has left the container"},
		{"detaches", "takes the group out of the container"}}},
	  FIELD(last_device), {{K2012, LAST_DEVICE_LEAVES}, {K4_15, LAST_DEVICE_WAITS},
			       {K6_1, LAST_DEVICE_DETACHES}} },
	{ {"device_fd_name_first",
	   "GET_DEVICE_FD: ENODEV for the name comes before EINVAL for the container", true, {{0}}},
	  FIELD(device_fd_name_first), {{K2012, 0}, {K6_1, 1}} },

	/* ---- groups and domains ---- */
	{ {"intr_remap", "interrupts must be remapped: who is asked", false, {
		{"open", "the one domain, at open"}, {"domain", "the new domain"},
		{"bus", "the bus"}, {"bus_or_msi", "the bus, or every MSI domain"},
		{"device_or_msi", "each device of the group, or every MSI domain"},
		{"isolated", "each device of the group: isolated MSI"}}},
	  FIELD(intr_remap), {{K2012, INTR_REMAP_OPEN}, {KRFC, INTR_REMAP_DOMAIN},
			      {K4_4, INTR_REMAP_BUS}, {K4_15, INTR_REMAP_BUS_OR_MSI},
			      {K6_1, INTR_REMAP_DEVICE_OR_MSI}, {K6_3, INTR_REMAP_ISOLATED}} },
	{ {"coherency", "DMA that does not snoop is made to", false, {
		{"none", "never"}, {"domain", "if the domain can"},
		{"bus", "if every unit can"}, {"enforce", "if the driver agrees to enforce it"}}},
	  FIELD(coherency), {{K2012, COHERENCY_NONE}, {KRFC, COHERENCY_DOMAIN},
			     {K4_4, COHERENCY_BUS}, {K6_1, COHERENCY_ENFORCE}} },
	{ {"match", "a group joins an existing domain of", false, {
		{"one", "the container: there is one"}, {"bus_prot", "its bus and coherency"},
		{"ops_prot", "its driver and coherency"},
		{"ops_enforce", "its driver and answer to enforce"}}},
	  FIELD(match), {{K2012, MATCH_ONE}, {KRFC, MATCH_BUS_PROT}, {K3_14, MATCH_OPS_PROT},
			 {K6_1, MATCH_OPS_ENFORCE}} },
	{ {"one_bus", "a group whose devices are on two buses is refused", true, {{0}}},
	  FIELD(one_bus), {{K2012, 0}, {KRFC, 1}, {K6_1, 0}} },
	{ {"domain_eio", "a domain that cannot be made: EIO, whatever the reason", true, {{0}}},
	  FIELD(domain_eio), {{K2012, 1}, {K6_12, 0}} },
	{ {"iova_list", "MAP and attach keep to apertures and out of reserved regions", true,
	   {{0}}},
	  FIELD(iova_list), {{K2012, 0}, {K5_4, 1}} },
	{ {"replay_rollback", "a replay that fails takes out what it had mapped", true, {{0}}},
	  FIELD(replay_rollback), {{K2012, 0}, {K5_10, 1}} },
	{ {"fgsp", "UNMAP goes by", false, {
		{"leaves", "whatever leaf the unit removes for a page"},
		{"at_0", "runs, or leaves after a probe at address 0"},
		{"reserved", "runs, or leaves after a probe at a usable address"},
		{"no_probe", "runs"}}},
	  FIELD(fgsp), {{K2012, FGSP_LEAVES}, {K4_4, FGSP_AT_0}, {K6_3, FGSP_RESERVED},
			{K6_17, FGSP_NO_PROBE}} },
	{ {"sub_page_bitmap", "IOMMU pages smaller than a page count as a page", true, {{0}}},
	  FIELD(sub_page_bitmap), {{K2012, 0}, {K4_4, 1}} },
	{ {"try_harder", "a run that the IOMMU refuses with EBUSY is mapped page by page; failing "
	   "that, its first page stays mapped", true, {{0}}},
	  FIELD(try_harder), {{K2012, 0}, {K3_11, 1}, {K5_0, 0}} },

	/* ---- MAP and UNMAP ---- */
	{ {"map_end", "MAP of a range that ends at 2^64", false, {
		{"nothing", "succeeds and maps nothing"},
		{"lost", "maps; the entry is never found again"}, {"works", "maps"}}},
	  FIELD(map_end), {{K2012, MAP_END_WORKS}, {KRFC, MAP_END_NOTHING}, {K3_16, MAP_END_LOST},
			   {K6_18, MAP_END_WORKS}} },
	{ {"last_page_works", "ranges that end at 2^64 are found and removed", true, {{0}}},
	  FIELD(last_page_works), {{K2012, 0}, {K6_18, 1}} },
	{ {"eoverflow", "a range whose end wraps: EOVERFLOW, not EINVAL", true, {{0}}},
	  FIELD(eoverflow), {{K2012, 0}, {K6_18, 1}} },
	{ {"dma_entry_limit", "the number of mappings is limited: ENOSPC", true, {{0}}},
	  FIELD(dma_entry_limit), {{K2012, 0}, {K4_19, 1}, {K5_0, 0}, {K5_1, 1}} },
	{ {"unmap_wrap", "UNMAP of a range whose end wraps", false, {
		{"2012", "an entry's size underflows"}, {"unchecked", "finds nothing"},
		{"4_15", "EINVAL, also for one that ends exactly at 2^64"},
		{"5_0", "EINVAL (see eoverflow)"}}},
	  FIELD(unmap_wrap), {{K2012, UNMAP_WRAP_2012}, {K3_11, UNMAP_WRAP_UNCHECKED},
			      {K4_15, UNMAP_WRAP_4_15}, {K4_19, UNMAP_WRAP_5_0}} },
	{ {"unmap_in_order", "UNMAP goes in address order; before, by any overlap in the tree",
	   true, {{0}}},
	  FIELD(unmap_in_order), {{K2012, 0}, {K5_12, 1}} },
	{ {"unmap_own_mm", "UNMAP stops quietly at another process's mapping", true, {{0}}},
	  FIELD(unmap_own_mm), {{K2012, 0}, {K4_10, 1}, {K6_1, 0}} },
	{ {"find_first_size", "TYPE1v2 looks for a cut mapping by one byte, not by none", true,
	   {{0}}},
	  FIELD(find_first_size), {{K2012, 0}, {K5_0, 1}} },
	{ {"batched_sync", "UNMAP invalidates for up to 512 runs at once", true, {{0}}},
	  FIELD(batched_sync), {{K2012, 0}, {K4_19, 1}} },
	{ {"unmap_all", "UNMAP ALL", true, {{0}}}, FIELD(unmap_all), {{K2012, 0}, {K5_12, 1}} },
	{ {"vaddr", "UNMAP and MAP with VADDR", true, {{0}}}, FIELD(vaddr),
	  {{K2012, 0}, {K5_12, 1}} },
	{ {"vaddr_recharge", "MAP with VADDR moves the charge to the caller", true, {{0}}},
	  FIELD(vaddr_recharge), {{K2012, 0}, {K6_1, 1}} },

	/* ---- pages and their price ---- */
	{ {"charge", "locked pages are charged to, and given back by", false, {
		{"current", "whoever calls"}, {"owner", "the process that mapped"},
		{"mapping", "the address space that mapped, also after exec"}}},
	  FIELD(charge), {{K2012, CHARGE_CURRENT}, {K4_10, CHARGE_OWNER},
			  {K6_1, CHARGE_MAPPING}} },
	{ {"limit", "RLIMIT_MEMLOCK is met", false, {
		{"total", "by the whole request, before anything is pinned"},
		{"shortens_run", "by a run that is cut short; the next one fails"},
		{"fails_run", "by the run that exceeds it"}}},
	  FIELD(limit), {{K2012, LIMIT_TOTAL}, {K3_11, LIMIT_SHORTENS_RUN},
			 {K4_19, LIMIT_FAILS_RUN}} },
	{ {"batched_pinning", "pages are pinned up to 512 at a time", true, {{0}}},
	  FIELD(batched_pinning), {{K2012, 0}, {K5_12, 1}} },
	{ {"pfnmap_offset", "a device's memory is found by its area, whatever its protection", true,
	   {{0}}},
	  FIELD(pfnmap_offset), {{K2012, 1}, {K5_8, 0}} },
	{ {"zero_page_pins", "reading pins memory as it is: the zero page, the file's, the other "
	   "process's", true, {{0}}},
	  FIELD(zero_page_pins), {{K2012, 1}, {K6_3, 0}} },
	{ {"fork_shares_pins", "a fork leaves pinned pages to whoever does not write first", true,
	   {{0}}},
	  FIELD(fork_shares_pins), {{K2012, 1}, {K5_10, 0}} },
	{ {"huge_zero_splits", "a write to the huge zero page takes a small page, not a huge one",
	   true, {{0}}},
	  FIELD(huge_zero_splits), {{K2012, 0}, {K5_8, 1}, {K6_17, 0}} },

	/* ---- information, dirty pages ---- */
	{ {"info", "flags of GET_INFO", false, {
		{"0", "none"}, {"pgsizes", "PGSIZES"}, {"caps", "PGSIZES, CAPS"}}},
	  FIELD(info), {{K2012, INFO_0}, {K4_4, INFO_PGSIZES}, {K5_4, INFO_CAPS}} },
	{ {"info_error_count",
	   "a structure that cannot be written back: bytes not copied, not EFAULT", true, {{0}}},
	  FIELD(info_error_count), {{K2012, 1}, {K4_4, 0}} },
	{ {"iova_cap", "GET_INFO: IOVA_RANGE", true, {{0}}}, FIELD(iova_cap),
	  {{K2012, 0}, {K5_4, 1}} },
	{ {"migration_cap", "GET_INFO: MIGRATION", true, {{0}}}, FIELD(migration_cap),
	  {{K2012, 0}, {K5_8, 1}} },
	{ {"dma_avail_cap", "GET_INFO: DMA_AVAIL", false, {
		{"none", "not there"}, {"12", "12 bytes"}, {"16", "16 bytes, aligned"}}},
	  FIELD(avail_cap), {{K2012, AVAIL_CAP_NONE}, {K5_10, AVAIL_CAP_12},
			     {K6_12, AVAIL_CAP_16}} },
	{ {"zeroed_caps", "GET_INFO: padding is zero", true, {{0}}}, FIELD(zeroed_caps),
	  {{K2012, 0}, {K6_12, 1}} },
	{ {"dirty", "DIRTY_PAGES, UNMAP with GET_DIRTY_BITMAP", true, {{0}}}, FIELD(dirty),
	  {{K2012, 0}, {K5_8, 1}} },
	{ {"full_dirty_on_detach", "a group that cannot track marks everything when it leaves",
	   true, {{0}}},
	  FIELD(full_dirty_on_detach), {{K2012, 0}, {K5_12, 1}} },

	/* ---- devices without an IOMMU of their own ---- */
	{ {"emulated", "emulated devices: they pin the pages of mappings that they use", true,
	   {{0}}},
	  FIELD(emulated), {{K2012, 0}, {K4_10, 1}} },
	{ {"unmap_callback", "UNMAP asks for pinned pages back", false, {
		{"notifier", "by a chain of notifiers, the first one registered first"},
		{"device", "of each open device, the last one opened first"}}},
	  FIELD(unmap_callback), {{K2012, UNMAP_CALLBACK_NOTIFIER}, {K6_1, UNMAP_CALLBACK_DEVICE}} },
	{ {"pin_behind_iommu", "pages can be pinned without an emulated group in the container",
	   true, {{0}}},
	  FIELD(pin_behind_iommu), {{K2012, 0}, {K5_8, 1}} },
	{ {"pin_lone_device", "a device can pin only if it is the only one of its group", true,
	   {{0}}},
	  FIELD(pin_lone_device), {{K2012, 0}, {K5_8, 1}, {K6_1, 0}} },
	{ {"pin_needs_page", "an emulated device cannot pin device memory: EINVAL", true, {{0}}},
	  FIELD(pin_needs_page), {{K2012, 0}, {K6_1, 1}} },
	{ {"dma_rw", "emulated devices can read and write without pinning", true, {{0}}},
	  FIELD(dma_rw), {{K2012, 0}, {K5_8, 1}} },
	{ {"dma_rw_dirty_whole", "their write marks every page that it touches as dirty", true,
	   {{0}}},
	  FIELD(dma_rw_dirty_whole), {{K2012, 0}, {K5_10, 1}} },
	{ {"vaddr_pins", "pages of a mapping without an address", false, {
		{"wait", "whoever wants one waits for the new address"},
		{"refused", "EBUSY; with an emulated group no mapping loses its address"}}},
	  FIELD(vaddr_pins), {{K2012, VADDR_PINS_WAIT}, {K6_1, VADDR_PINS_REFUSED}} },
	{ {"noiommu", "no-IOMMU mode exists", true, {{0}}}, FIELD(noiommu),
	  {{K2012, 0}, {K4_10, 1}} },

	/* ---- drivers and device files ---- */
	{ {"vtd_every_pgsize", "VT-d reports every multiple of 4 KiB as a page size", true, {{0}}},
	  FIELD(vtd_every_pgsize), {{K2012, 1}, {K5_12, 0}} },
	{ {"write_only_readable", "VT-d: a device can read a write-only mapping", true, {{0}}},
	  FIELD(write_only_readable), {{K2012, 0}, {K5_10, 1}, {K7_2, 0}} },
	{ {"vtd_alias_kept", "VT-d: a unit is not told when the entry of an id that a bridge puts on a "
	   "device's DMA changes", true, {{0}}},
	  FIELD(vtd_alias_kept), {{K2012, 0}, {K6_12, 1}} },
	{ {"amd_pgsizes", "page sizes that AMD-Vi reports: powers of two but 512 GiB", false, {
		{"all", "from 4 KiB up"}, {"2p", "4 KiB to 2 PiB"}, {"64t", "4 KiB to 64 TiB"}}},
	  FIELD(amd_pgsizes), {{K2012, AMD_PGSIZES_ALL}, {K6_12, AMD_PGSIZES_2P},
			       {K7_2, AMD_PGSIZES_64T}} },
	{ {"amd_aperture_48", "AMD-Vi's address space ends at 2^48, not at 2^64", true, {{0}}},
	  FIELD(amd_aperture_48), {{K2012, 0}, {K6_17, 1}} },
	{ {"amd_map_busy", "AMD-Vi: EBUSY where something is mapped; later that is replaced", true,
	   {{0}}},
	  FIELD(amd_map_busy), {{K2012, 1}, {K5_0, 0}} },
	{ {"prq_pasid_only", "VT-d: a page request without PASID is answered as invalid", true,
	   {{0}}},
	  FIELD(prq_pasid_only), {{K2012, 1}, {K6_17, 0}} },
	{ {"amd_iommufd",
	   "AMD-Vi is built with its part of iommufd: register contents, domains to nest in", true,
	   {{0}}},
	  FIELD(amd_iommufd), {{K2012, 0}} },
	{ {"device_req_irq", "devices have a fifth interrupt, the request to be released", true,
	   {{0}}},
	  FIELD(device_req_irq), {{K2012, 0}, {K4_4, 1}} },

	/* ---- iommufd ---- */
	{ {"iommufd", "/dev/iommu and a node for each device", false, {
		{"none", "do not exist"},
		{"6_12", "address spaces, page tables (nested ones too), dirty pages, fault queues"},
		{"7_2", "also files, virtual IOMMUs and their queues, PASIDs, another process"}}},
	  FIELD(iommufd), {{K2012, IOMMUFD_NONE}, {K6_3, IOMMUFD_6_12}, {K7_2, IOMMUFD_7_2}} },
	{ {"iommufd_container", "/dev/vfio/vfio is iommufd's, built in place of type1", true,
	   {{0}}},
	  FIELD(iommufd_container), {{K2012, 0}} },
	{ {"cdev_pasid", "device nodes attach and detach PASIDs", true, {{0}}},
	  FIELD(cdev_pasid), {{K2012, 0}, {K6_17, 1}} },
	{ {"cdev_token", "BIND_IOMMUFD knows a token; what it does not know must be zero", true,
	   {{0}}},
	  FIELD(cdev_token), {{K2012, 0}, {K6_18, 1}} },
};
/* clang-format on */

/* ---- the personalities, worked out once ---- */

static struct personality built[KERNELS];
static pthread_once_t built_once = PTHREAD_ONCE_INIT;

static uint8_t *byte_of(struct personality *personality, const struct row *row)
{
	return (uint8_t *)personality + row->at;
}

static uint8_t row_value(const struct row *row, unsigned kernel)
{
	uint8_t value = row->change[0].value;

	for (unsigned i = 1; i < CHANGES_MAX && row->change[i].from != K2012; i++)
		if (row->change[i].from <= kernel)
			value = row->change[i].value;
	return value;
}

static void build(void)
{
	for (unsigned k = 0; k < KERNELS; k++) {
		snprintf(built[k].name, sizeof(built[k].name), "%s", kernels[k].name);
		for (size_t r = 0; r < SIO_ARRAY_SIZE(rows); r++)
			*byte_of(&built[k], &rows[r]) = row_value(&rows[r], k);
	}
}

const struct personality *personality_at(unsigned n)
{
	pthread_once(&built_once, build);
	return n < KERNELS ? &built[n] : NULL;
}

const char *personality_about(unsigned n)
{
	return n < KERNELS ? kernels[n].about : NULL;
}

/* ---- by name ---- */

/* "6.12.117" -> 6 * 65536 + 12; 0 when it does not begin with two numbers. */
static unsigned long kernel_series(const char *version)
{
	unsigned long major, minor;
	char *end;

	if (version[0] < '0' || version[0] > '9')
		return 0;
	major = strtoul(version, &end, 10);
	if (end[0] != '.' || end[1] < '0' || end[1] > '9')
		return 0;
	minor = strtoul(end + 1, &end, 10);
	if (major > 0xffff || minor > 0xffff)
		return 0;
	/* "6.12", "6.12.117", "6.12-rc3", "6.12+"; but not "6.12x". */
	if (*end && !strchr(".-+", *end))
		return 0;
	return SERIES(major, minor);
}

const struct personality *personality_find(const char *name)
{
	for (unsigned k = 0; k < KERNELS; k++)
		if (name ? !strcmp(kernels[k].name, name) : k == K6_12)
			return personality_at(k);
	return NULL;
}

const struct personality *personality_for_kernel(const char *version)
{
	const struct personality *best = NULL;
	unsigned long wanted = kernel_series(version);

	for (unsigned k = 0; k < KERNELS; k++)
		if (kernels[k].series && kernels[k].series <= wanted)
			best = personality_at(k);
	return best;
}

/* ---- switches ---- */

const struct personality_switch *personality_switch_at(unsigned n)
{
	return n < SIO_ARRAY_SIZE(rows) ? &rows[n].about : NULL;
}

unsigned personality_get(const struct personality *personality, unsigned n)
{
	return ((const uint8_t *)personality)[rows[n].at];
}

void personality_setting(unsigned n, unsigned value, char *text, size_t len)
{
	const struct personality_switch *about = &rows[n].about;

	if (about->yes_no)
		snprintf(text, len, "%s%s", value ? "" : "no_", about->key);
	else
		snprintf(text, len, "%s_%s", about->key, about->value[value].name);
}

static bool set_switch(struct personality *personality, const char *text)
{
	for (unsigned n = 0; n < SIO_ARRAY_SIZE(rows); n++) {
		unsigned values = rows[n].about.yes_no ? 2 : PERSONALITY_VALUES;

		for (unsigned v = 0; v < values; v++) {
			char setting[64];

			if (!rows[n].about.yes_no && !rows[n].about.value[v].name)
				break;
			personality_setting(n, v, setting, sizeof(setting));
			if (strcmp(setting, text))
				continue;
			*byte_of(personality, &rows[n]) = (uint8_t)v;
			return true;
		}
	}
	return false;
}

static bool parse_error(char *error, size_t len, const char *what, const char *text)
{
	if (error && len)
		snprintf(error, len, what, text);
	return false;
}

static bool no_kernel(const char *name, char *error, size_t len)
{
	size_t used;

	parse_error(error, len, "no kernel \"%.40s\", expected one of:", name);
	for (unsigned k = 0; error && k < KERNELS; k++) {
		used = strlen(error);
		if (used < len)
			snprintf(error + used, len - used, "%s %s", k ? "," : "", kernels[k].name);
	}
	return false;
}

bool personality_parse(const char *text, struct personality *out, char *error, size_t error_len)
{
	char copy[PERSONALITY_NAME_MAX], *word, *rest = NULL;
	const struct personality *base;

	if (!text) {
		*out = *personality_find(NULL);
		return true;
	}
	if (strlen(text) >= sizeof(copy))
		return parse_error(error, error_len, "kernel \"%.40s...\" is too long", text);
	strcpy(copy, text);
	word = strtok_r(copy, ",", &rest);
	base = word ? personality_find(word) : NULL;
	if (word && !base)
		base = personality_for_kernel(word);
	if (!base)
		return no_kernel(word ? word : "", error, error_len);
	*out = *base;
	while ((word = strtok_r(NULL, ",", &rest)))
		if (!set_switch(out, word))
			return parse_error(error, error_len,
					   "no switch \"%.40s\", see softiommu kernels --switches",
					   word);
	if (strchr(text, ','))
		strcpy(out->name, text);
	return true;
}
