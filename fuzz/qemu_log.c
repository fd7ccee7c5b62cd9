// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any text as QEMU's log of trace events: it replays with all audits holding, or is refused with
 * one line.
 */
#include "fuzz.h"

#include "lines.h"

static const char *const heads[] = {
	"169@1795164548.370595:vfio_realize  (0000:00:03.0) group 2\n"
	"169@1795164548.429313:vfio_listener_region_add_ram region_add [ram] 0x0 - 0xfffffff "
	"[0x7ff618800000]\n"
	"169@1795164549.280708:vfio_get_device Device 0000:00:03.0 flags: 2, regions: 9, irqs: 5\n"
	"169@1795164549.282356:vfio_region_setup Device 0000:00:03.0, region 0 \"0000:00:03.0 BAR "
	"0\", flags: 0x7, offset: 0x0, size: 0x100000\n"
	"169@1795164549.295070:vfio_region_mmap Region 0000:00:03.0 BAR 0 mmaps[0] [0x0 - "
	"0xfffff]\n",
	"94@1795165723.818091:vfio_mdev  (0000:00:03.0) is_mdev 0\n"
	"94@1795165723.823070:iommufd_cdev_getfd  /dev/vfio/devices/vfio0 (fd=11)\n"
	"94@1795165723.824448:iommufd_backend_connect fd=10 owned=1 users=1\n"
	"94@1795165723.831557:iommufd_cdev_connect_and_bind  [iommufd=10] Successfully bound "
	"device 0000:00:03.0 (fd=11): output devid=1\n"
	"94@1795165723.834981:iommufd_backend_alloc_ioas  iommufd=10 ioas=2\n"
	"94@1795165723.837435:iommufd_backend_alloc_hwpt  iommufd=10 dev_id=1 pt_id=2 flags=0x0 "
	"hwpt_type=0 len=0 data_ptr=0x0 out_hwpt=3 (0)\n"
	"94@1795165723.839280:iommufd_cdev_attach_ioas_hwpt  [iommufd=10] Successfully attached "
	"device 0000:00:03.0 (11) to id=3\n"
	"94@1795165723.842677:vfio_listener_region_add_ram region_add [ram] 0x0 - 0xfffffff "
	"[0x7f2679000000]\n"
	"94@1795165724.633370:iommufd_backend_map_dma  iommufd=10 ioas=2 iova=0x0 size=0x10000000 "
	"addr=0x7f2679000000 readonly=0 (0)\n",
};

static const char *const lines[] = {
	"169@1795164549.300000:vfio_listener_region_add_ram region_add [ram] 0x10000000 - "
	"0x1fffffff [0x7ff628800000]\n",
	"169@1795164549.300001:vfio_listener_region_add_ram region_add [ram] 0x100000000 - "
	"0x100000fff [0x7ff638800000]\n",
	"169@1795164549.300002:vfio_listener_region_del region_del 0x10000000 - 0x1fffffff\n",
	"169@1795164549.300003:vfio_listener_region_del region_del 0x0 - 0xfffffff\n",
	"169@1795164549.271205:vfio_listener_region_add_skip SKIPPING region_add 0xfec00000 - "
	"0xfec00fff\n",
	"169@1795164549.274618:vfio_mdev  (0000:00:03.0) is_mdev 0\n",
	"169@1795164549.300004:vfio_realize  (0000:00:04.0) group 3\n",
	"169@1795164549.418805:vfio_region_mmaps_set_enabled Region 0000:00:03.0 BAR 0 mmaps "
	"enabled: 1\n",
	"169@1795164549.419452:vfio_pci_write_config  (0000:00:03.0, @0x4, 0x106, len=0x2)\n",
	"169@1795164549.419453:vfio_pci_write_config  (0000:00:03.0, @0x10, 0xfe000000, len=0x4)\n",
	"169@1795164549.295793:vfio_pci_read_config  (0000:00:03.0, @0x3d, len=0x1) 0x1\n",
	"169@1795164549.298553:vfio_intx_enable  (0000:00:03.0)\n",
	"169@1795164549.419291:vfio_intx_disable  (0000:00:03.0)\n",
	"169@1795164549.432880:vfio_pci_reset  (0000:00:03.0)\n",
	"169@1795164549.416428:vfio_pci_hot_reset  (0000:00:03.0) multi\n",
	"169@1795164549.434388:vfio_pci_hot_reset  (0000:00:03.0) one\n",
	"94@1795165724.633370:iommufd_backend_map_dma  iommufd=10 ioas=2 iova=0x20000000 "
	"size=0x200000 addr=0x7f2699000000 readonly=1 (0)\n",
	"94@1795165724.743618:iommufd_backend_unmap_dma  iommufd=10 ioas=2 iova=0x0 "
	"size=0x10000000 (0)\n",
	"94@1795165724.743619:iommufd_backend_alloc_ioas  iommufd=10 ioas=4\n",
	"94@1795165724.743620:iommufd_cdev_attach_ioas_hwpt  [iommufd=10] Successfully attached "
	"device 0000:00:03.0 (11) to id=4\n",
};

static const struct lines_words words = {
	.head = heads,
	.heads = sizeof(heads) / sizeof(heads[0]),
	.line = lines,
	.lines = sizeof(lines) / sizeof(lines[0]),
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	lines_replay(data, size, "qemu-log");
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	return lines_mutate(data, size, max_size, seed, &words);
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *data1, size_t size1, const uint8_t *data2,
				 size_t size2, uint8_t *out, size_t max_out_size, unsigned seed)
{
	return lines_splice(data1, size1, data2, size2, out, max_out_size, seed);
}
