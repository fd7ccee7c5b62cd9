// SPDX-License-Identifier: GPL-2.0-only
/*
 * QEMU's events: see qemu_events.h.
 *
 * The table holds each event once per format it had, in a small pattern language: %x a hexadecimal
 * and %d a decimal number that the replay needs, %D the device's name, %s a word of the replay's,
 * %. any text up to what follows; a space stands for any spaces, all else for itself. An event
 * whose arguments nobody needs and whose format was not seen is "%.".
 */
#include "trace/qemu_events.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

struct pattern {
	const char *name;
	const char *arguments;
	enum qemu_kind kind;
};

static const struct pattern patterns[] = {
	/* devices */
	{"vfio_realize", "(%D) group %d", QEMU_ATTACH},
	{"vfio_attach_device", "(%D) group %d", QEMU_ATTACH},
	{"vfio_device_attach", "(%D) group %d", QEMU_ATTACH},
	{"vfio_detach_device", "(%D)%.", QEMU_DETACH},
	{"vfio_device_detach", "(%D)%.", QEMU_DETACH},
	{"vfio_get_device", "Device %D flags: %d, regions: %d, irqs: %d", QEMU_DEVICE_INFO},
	{"vfio_device_get", "Device %D flags: %d, regions: %d, irqs: %d", QEMU_DEVICE_INFO},
	{"vfio_region_setup", "Device %D, region %d \"%.\", flags: 0x%x, offset: 0x%x, size: 0x%x",
	 QEMU_REGION},
	{"vfio_populate_device_config", "Device '%D' config: size: 0x%x, offset: 0x%x, flags: 0x%x",
	 QEMU_CONFIG},
	{"vfio_populate_device_config", "Device %D config: size: 0x%x, offset: 0x%x, flags: 0x%x",
	 QEMU_CONFIG},
	{"vfio_pci_populate_device_config",
	 "Device '%D' config: size: 0x%x, offset: 0x%x, flags: 0x%x", QEMU_CONFIG},
	{"vfio_pci_load_rom", "Device '%D' ROM: size: 0x%x, offset: 0x%x, flags: 0x%x", QEMU_ROM},
	{"vfio_pci_load_rom", "Device %D ROM: size: 0x%x, offset: 0x%x, flags: 0x%x", QEMU_ROM},
	{"vfio_populate_device_get_irq_info_failure", "VFIO_DEVICE_GET_IRQ_INFO failure: %s",
	 QEMU_NO_IRQ},
	{"vfio_pci_populate_device_get_irq_info_failure", "VFIO_DEVICE_GET_IRQ_INFO failure: %s",
	 QEMU_NO_IRQ},
	{"vfio_region_exit", "Device %D, region %d", QEMU_REGION_GONE},
	{"vfio_region_finalize", "Device %D, region %d", QEMU_REGION_GONE},
	{"vfio_put_base_device", "close vdev->fd=%d", QEMU_PUT_DEVICE},
	{"vfio_device_put", "close vdev->fd=%d", QEMU_PUT_DEVICE},
	{"vfio_put_group", "close group->fd=%d", QEMU_PUT_GROUP},
	{"vfio_group_put", "close group->fd=%d", QEMU_PUT_GROUP},
	{"vfio_disconnect_container", "close container->fd=%d", QEMU_IGNORED},
	{"vfio_container_disconnect", "close container->fd=%d", QEMU_IGNORED},
	{"vfio_mdev", "(%D) is_mdev %d", QEMU_IGNORED},
	{"vfio_get_dev_region", "%.", QEMU_IGNORED},
	{"vfio_device_get_region_info_type", "%.", QEMU_IGNORED},
	/* interrupts */
	{"vfio_intx_enable", "(%D)", QEMU_INTX_ON},
	{"vfio_intx_disable", "(%D)", QEMU_INTX_OFF},
	{"vfio_intx_eoi", "(%D) EOI", QEMU_IGNORED},
	{"vfio_pci_intx_eoi", "(%D) EOI", QEMU_IGNORED},
	{"vfio_intx_interrupt", "(%D) Pin %.", QEMU_IGNORED},
	{"vfio_intx_update", "(%D) IRQ moved %. -> %.", QEMU_IGNORED},
	{"vfio_intx_enable_kvm", "%.", QEMU_IGNORED},
	{"vfio_intx_disable_kvm", "%.", QEMU_IGNORED},
	{"vfio_msi_setup", "%D PCI MSI CAP @0x%x", QEMU_IGNORED},
	{"vfio_msi_enable", "(%D) Enabled %d MSI vectors", QEMU_MSI_ON},
	{"vfio_msi_disable", "(%D)", QEMU_MSI_OFF},
	{"vfio_msi_interrupt", "(%D) vector %d 0x%x/0x%x", QEMU_IGNORED},
	{"vfio_msix_early_setup", "%D PCI MSI-X CAP @0x%x, BAR %d, offset 0x%x, entries %.",
	 QEMU_IGNORED},
	{"vfio_msix_enable", "(%D)", QEMU_MSIX_ON},
	{"vfio_msix_disable", "(%D)", QEMU_MSIX_OFF},
	{"vfio_msix_pba_enable", "(%D)", QEMU_IGNORED},
	{"vfio_msix_pba_disable", "(%D)", QEMU_IGNORED},
	{"vfio_msix_vector_do_use", "(%D) vector %d used", QEMU_MSIX_USE},
	{"vfio_msix_vector_release", "(%D) vector %d released", QEMU_IGNORED},
	{"vfio_msix_relo", "%.", QEMU_IGNORED},
	/* configuration space, BARs, ROM */
	{"vfio_pci_read_config", "(%D, @0x%x, len=0x%x) 0x%x", QEMU_IGNORED},
	{"vfio_pci_write_config", "(%D, @0x%x, 0x%x, len=0x%x)", QEMU_CONFIG_WRITE},
	{"vfio_region_read", "(%D:region%d+0x%x, %d) = 0x%x", QEMU_IGNORED},
	{"vfio_region_write", "(%D:region%d+0x%x, 0x%x, %d)", QEMU_IGNORED},
	{"vfio_region_mmap", "Region %. [0x%x - 0x%x]", QEMU_IGNORED},
	{"vfio_region_mmap_fault", "%.", QEMU_IGNORED},
	{"vfio_region_unmap", "%.", QEMU_IGNORED},
	{"vfio_region_mmaps_set_enabled", "Region %. mmaps enabled: %d", QEMU_IGNORED},
	{"vfio_region_sparse_mmap_header", "%.", QEMU_IGNORED},
	{"vfio_region_sparse_mmap_entry", "%.", QEMU_IGNORED},
	{"vfio_rom_read", "(%D, 0x%x, 0x%x) = 0x%x", QEMU_IGNORED},
	{"vfio_pci_size_rom", "%D ROM size 0x%x", QEMU_IGNORED},
	{"vfio_vga_read", "%.", QEMU_IGNORED},
	{"vfio_vga_write", "%.", QEMU_IGNORED},
	{"vfio_quirk_rom_blacklisted", "%.", QEMU_IGNORED},
	{"vfio_quirk_rom_in_denylist", "%.", QEMU_IGNORED},
	/* resets */
	{"vfio_check_pcie_flr", "%D Supports FLR via PCIe cap", QEMU_IGNORED},
	{"vfio_check_pm_reset", "%D Supports PM reset", QEMU_IGNORED},
	{"vfio_check_af_flr", "%.", QEMU_IGNORED},
	{"vfio_pci_reset", "(%D)", QEMU_IGNORED},
	{"vfio_pci_reset_flr", "%D FLR/VFIO_DEVICE_RESET", QEMU_RESET},
	{"vfio_pci_reset_pm", "%D PCI PM Reset", QEMU_RESET},
	{"vfio_pci_hot_reset", "(%D) %s", QEMU_HOT_RESET},
	{"vfio_pci_hot_reset_has_dep_devices", "%D: hot reset dependent devices:", QEMU_IGNORED},
	{"vfio_pci_hot_reset_dep_devices", "%.group %d", QEMU_IGNORED},
	{"vfio_pci_hot_reset_dep_devices_iommufd", "%.", QEMU_IGNORED},
	{"vfio_pci_hot_reset_result", "%D hot reset: %s", QEMU_HOT_RESET_RESULT},
	{"vfio_reset_handler", "", QEMU_IGNORED},
	{"vfio_device_reset_handler", "", QEMU_IGNORED},
	/* memory */
	{"vfio_listener_region_add_ram", "region_add [ram] 0x%x - 0x%x [%x]", QEMU_RAM_ADD},
	{"vfio_dma_map_ram", "region_add [ram] 0x%x - 0x%x [%x]", QEMU_RAM_ADD},
	{"vfio_listener_region_del", "region_del 0x%x - 0x%x", QEMU_REGION_DEL},
	{"vfio_dma_unmap_ram", "region_del 0x%x - 0x%x", QEMU_REGION_DEL},
	{"vfio_iommu_map_notify", "iommu MAP @ 0x%x - 0x%x", QEMU_NOTIFY_MAP},
	{"vfio_iommu_map_notify", "iommu UNMAP @ 0x%x - 0x%x", QEMU_NOTIFY_UNMAP},
	{"vfio_listener_region_add_iommu", "region_add [iommu] 0x%x - 0x%x", QEMU_IGNORED},
	{"vfio_listener_region_add_iommu", "region_add [iommu] %. 0x%x - 0x%x", QEMU_IGNORED},
	{"vfio_listener_region_del_iommu", "region_del [iommu] %.", QEMU_IGNORED},
	{"vfio_listener_region_add_skip", "SKIPPING region_add 0x%x - 0x%x", QEMU_IGNORED},
	{"vfio_listener_region_del_skip", "SKIPPING region_del 0x%x - 0x%x", QEMU_IGNORED},
	{"vfio_listener_region_skip", "SKIPPING region_%. 0x%x - 0x%x", QEMU_IGNORED},
	{"vfio_listener_region_skip_dma_map",
	 "Region \"%.\" 0x%x size=0x%x marked to skip IOMMU mapping", QEMU_IGNORED},
	{"vfio_listener_region_add_no_dma_map",
	 "Region \"%.\" 0x%x size=0x%x is not aligned to 0x%x and cannot be mapped for DMA",
	 QEMU_IGNORED},
	{"vfio_known_safe_misalignment", "Region \"%.\" iova=0x%x offset_within_region=0x%x%.",
	 QEMU_IGNORED},
	{"vfio_dma_unmap_overflow_workaround", "", QEMU_IGNORED},
	{"vfio_legacy_dma_unmap_overflow_workaround", "", QEMU_IGNORED},
	{"vfio_get_dirty_bitmap", "%.", QEMU_IGNORED},
	{"vfio_container_query_dirty_bitmap", "%.", QEMU_IGNORED},
	{"vfio_iommu_map_dirty_notify", "iommu dirty @ 0x%x - 0x%x", QEMU_IGNORED},
	{"vfio_iommu_map_dirty_notify_skip_ro", "iommu dirty @ 0x%x - 0x%x", QEMU_IGNORED},
	/* iommufd */
	{"iommufd_backend_connect", "fd=%d owned=%d users=%d", QEMU_IOMMUFD},
	{"iommufd_backend_disconnect", "fd=%d users=%d", QEMU_IOMMUFD_GONE},
	{"iommufd_cdev_getfd", "%. (fd=%d)", QEMU_IGNORED},
	{"iommufd_cdev_connect_and_bind",
	 "[iommufd=%d] Successfully bound device %D (fd=%d): output devid=%d", QEMU_BIND},
	{"iommufd_cdev_device_info", "%D (%d) num_irqs=%d num_regions=%d flags=%d", QEMU_NODE_INFO},
	{"iommufd_backend_alloc_ioas", "iommufd=%d ioas=%d", QEMU_IOAS_ALLOC},
	{"iommufd_cdev_alloc_ioas", "[iommufd=%d] new IOMMUFD container with ioasid=%d",
	 QEMU_IGNORED},
	{"iommufd_backend_alloc_hwpt",
	 "iommufd=%d dev_id=%d pt_id=%d flags=0x%x hwpt_type=%d len=%d data_ptr=0x%x out_hwpt=%d "
	 "(%s)",
	 QEMU_HWPT_ALLOC},
	{"iommufd_cdev_attach_ioas_hwpt",
	 "[iommufd=%d] Successfully attached device %D (%d) to id=%d", QEMU_NODE_ATTACH},
	{"iommufd_cdev_detach_ioas_hwpt", "[iommufd=%d] Successfully detached %D",
	 QEMU_NODE_DETACH},
	{"iommufd_cdev_fail_attach_existing_container", "%.", QEMU_IGNORED},
	{"iommufd_cdev_pci_hot_reset_dep_devices", "%.", QEMU_IGNORED},
	{"iommufd_backend_map_dma",
	 "iommufd=%d ioas=%d iova=0x%x size=0x%x addr=%x readonly=%d (%s)", QEMU_IOAS_MAP},
	{"iommufd_backend_unmap_dma", "iommufd=%d ioas=%d iova=0x%x size=0x%x (%s)",
	 QEMU_IOAS_UNMAP},
	{"iommufd_backend_unmap_dma_non_exist",
	 "Unmap nonexistent mapping: iommufd=%d ioas=%d iova=0x%x size=0x%x (%s)",
	 QEMU_IOAS_UNMAP_NONE},
	{"iommufd_backend_free_id", "iommufd=%d id=%d (%s)", QEMU_FREE_ID},
	{"iommufd_backend_get_dirty_bitmap", "%.", QEMU_IGNORED},
	{"iommufd_backend_map_file_dma", "%.", QEMU_REFUSED},
	{"vfio_prereg_register", "%.", QEMU_REFUSED},
	{"vfio_prereg_unregister", "%.", QEMU_REFUSED},
	{"vfio_spapr_create_window", "%.", QEMU_REFUSED},
	{"vfio_spapr_remove_window", "%.", QEMU_REFUSED},
	{"vfio_user_dma_map", "%.", QEMU_REFUSED},
	{"vfio_user_dma_unmap", "%.", QEMU_REFUSED},
	{"vfio_migration_state_notifier", "%.", QEMU_IGNORED},
	{"vfio_vmstate_change", "%.", QEMU_IGNORED},
	{"vtd_page_walk_one", "%.", QEMU_IGNORED},
	{"virtio_iommu_notify_map", "%.", QEMU_IGNORED},
	{"virtio_iommu_notify_unmap", "%.", QEMU_IGNORED},
};

/* Families of events that belong to other clients than vfio-pci devices. */
static const struct {
	const char *prefix;
	enum qemu_kind kind;
} families[] = {
	{"iommufd_connect_and_bind", QEMU_REFUSED},
	{"qemu_vfio_", QEMU_REFUSED},
	{"nvme_", QEMU_IGNORED},
};

/* Up to 7.2 the formats of these hold a newline. */
static const char *const two_line_events[] = {"vfio_populate_device_config", "vfio_pci_load_rom"};

static bool take_iso_time(const char **at)
{
	uint64_t n;

	return text_take_number(at, 10, 9999, &n) && text_take(at, "-") &&
	       text_take_number(at, 10, 12, &n) && text_take(at, "-") &&
	       text_take_number(at, 10, 31, &n) && text_take(at, "T") &&
	       text_take_number(at, 10, 23, &n) && text_take(at, ":") &&
	       text_take_number(at, 10, 59, &n) && text_take(at, ":") &&
	       text_take_number(at, 10, 60, &n) && text_take(at, ".") &&
	       text_take_number(at, 10, 999999, &n) && text_take(at, "Z ");
}

static bool take_thread_time(const char **at)
{
	uint64_t n;

	return text_take_number(at, 10, UINT64_MAX, &n) && text_take(at, "@") &&
	       text_take_number(at, 10, UINT64_MAX, &n) && text_take(at, ".") &&
	       text_take_number(at, 10, 999999, &n) && text_take(at, ":");
}

static const char *skip_prefix(const char *line)
{
	const char *at = line;

	if (take_thread_time(&at))
		return at;
	at = line;
	return take_iso_time(&at) ? at : line;
}

static bool match(const char *at, const char *pattern, struct qemu_event *event, unsigned numbers);

static bool match_number(const char *at, const char *pattern, struct qemu_event *event,
			 unsigned numbers)
{
	unsigned base = pattern[1] == 'x' ? 16 : 10;
	uint64_t number = 0;

	if (!text_take(&at, "(nil)") && !text_take_number(&at, base, UINT64_MAX, &number))
		return false;
	if (numbers < SIO_ARRAY_SIZE(event->n))
		event->n[numbers] = number;
	return match(at, pattern + 2, event, numbers + 1);
}

/* As few characters as let the rest match. */
static bool match_words(const char *at, const char *pattern, struct qemu_event *event,
			unsigned numbers)
{
	char what = pattern[1];
	size_t most = what == 'D' ? strcspn(at, " ") : strlen(at);
	size_t len = what == '.' ? 0 : 1;

	while (len <= most && !match(at + len, pattern + 2, event, numbers))
		len++;
	if (len > most)
		return false;
	if (what == 'D')
		snprintf(event->name, sizeof(event->name), "%.*s", (int)len, at);
	else if (what == 's')
		snprintf(event->word, sizeof(event->word), "%.*s", (int)len, at);
	return true;
}

static bool match(const char *at, const char *pattern, struct qemu_event *event, unsigned numbers)
{
	for (; *pattern; pattern++) {
		/* The number takes its own 0x, which old versions did not print. */
		if (!strncmp(pattern, "0x%x", 4))
			pattern += 2;
		if (!strncmp(pattern, "%x", 2) || !strncmp(pattern, "%d", 2))
			return match_number(at, pattern, event, numbers);
		if (*pattern == '%')
			return match_words(at, pattern, event, numbers);
		if (*pattern == ' ' && isspace((unsigned char)*at))
			at += strspn(at, " \t");
		else if (*at++ != *pattern)
			return false;
	}
	return !at[strspn(at, " \t")];
}

static bool is_two_lines(const char *name, size_t len, const char *arguments)
{
	size_t end = strlen(arguments);

	if (!end || arguments[end - 1] != ':')
		return false;
	for (size_t i = 0; i < SIO_ARRAY_SIZE(two_line_events); i++)
		if (strlen(two_line_events[i]) == len && !memcmp(two_line_events[i], name, len))
			return true;
	return false;
}

static bool find_family(const char *name, enum qemu_kind *kind)
{
	for (size_t i = 0; i < SIO_ARRAY_SIZE(families); i++) {
		*kind = families[i].kind;
		if (!strncmp(name, families[i].prefix, strlen(families[i].prefix)))
			return true;
	}
	return false;
}

enum qemu_line qemu_event_parse(const char *line, const char *next, struct qemu_event *event,
				bool *two)
{
	const char *text = skip_prefix(line);
	size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_");
	const char *arguments = text + len + strspn(text + len, " ");
	char joined[512];
	bool known = false;

	*event = (struct qemu_event){.text = text};
	*two = false;
	if (!len || (text[len] && text[len] != ' '))
		return QEMU_LINE_OTHER;
	if (find_family(text, &event->kind))
		return QEMU_LINE_EVENT;
	if (is_two_lines(text, len, arguments)) {
		if (!next)
			return QEMU_LINE_BAD;
		snprintf(joined, sizeof(joined), "%s%s", arguments, next);
		arguments = joined;
		*two = true;
	}
	for (size_t i = 0; i < SIO_ARRAY_SIZE(patterns); i++) {
		const struct pattern *p = &patterns[i];

		if (strlen(p->name) != len || memcmp(p->name, text, len))
			continue;
		known = true;
		if (!match(arguments, p->arguments, event, 0))
			continue;
		event->kind = p->kind;
		return QEMU_LINE_EVENT;
	}
	return known ? QEMU_LINE_BAD : QEMU_LINE_OTHER;
}
