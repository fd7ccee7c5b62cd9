// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a dump shows of iommufd's calls, and what it does not.
 *
 * Many calls point to memory beside their structure, of which a dump holds nothing. Where the
 * kernel writes there, memory of that size will do; where it reads, the call cannot be done again.
 */
#include <linux/ioctl.h>
#include <linux/vfio.h>

#include "iommufd/iommufd_uapi.h"
#include "trace/ioctl_dump.h"

const uint32_t dump_bind = _IO(VFIO_TYPE, VFIO_BASE + 18);

struct pointer {
	uint32_t request;
	uint16_t pointer, count, each; /* offsets of the fields; bytes of one of the count */
	bool read;                     /* what lies there is an argument */
};

static const struct pointer pointers[] = {
	{IOMMU_GET_HW_INFO, offsetof(struct iommu_hw_info, data_uptr),
	 offsetof(struct iommu_hw_info, data_len), 1, false},
	{IOMMU_IOAS_IOVA_RANGES, offsetof(struct iommu_ioas_iova_ranges, allowed_iovas),
	 offsetof(struct iommu_ioas_iova_ranges, num_iovas), sizeof(struct iommu_iova_range),
	 false},
	{IOMMU_IOAS_ALLOW_IOVAS, offsetof(struct iommu_ioas_allow_iovas, allowed_iovas),
	 offsetof(struct iommu_ioas_allow_iovas, num_iovas), sizeof(struct iommu_iova_range), true},
	{IOMMU_HWPT_ALLOC, offsetof(struct iommu_hwpt_alloc, data_uptr),
	 offsetof(struct iommu_hwpt_alloc, data_len), 1, true},
	{IOMMU_HWPT_INVALIDATE, offsetof(struct iommu_hwpt_invalidate, data_uptr),
	 offsetof(struct iommu_hwpt_invalidate, entry_num), 1, true},
	{IOMMU_VIOMMU_ALLOC, offsetof(struct iommu_viommu_alloc, data_uptr),
	 offsetof(struct iommu_viommu_alloc, data_len), 1, true},
};

static const struct pointer *find(uint32_t request)
{
	for (size_t i = 0; i < SIO_ARRAY_SIZE(pointers); i++)
		if (pointers[i].request == request)
			return &pointers[i];
	return NULL;
}

int dump_iommufd_check(const struct dump_line *line, struct session *s)
{
	const struct pointer *pointer = find(line->request);

	if (pointer && pointer->read && dump_u32(line->in, line->in_len, pointer->count))
		return session_error(s, line->line, "%s: a dump does not hold what it points to",
				     line->name);
	if (line->request == IOMMU_IOAS_MAP_FILE)
		return session_error(s, line->line, "%s: a dump does not hold the file",
				     line->name);
	return 0;
}

static uint64_t bitmap_bytes(const struct dump_line *line)
{
	uint64_t length = dump_u64(line->in, line->in_len,
				   offsetof(struct iommu_hwpt_get_dirty_bitmap, length));
	uint64_t page_size = dump_u64(line->in, line->in_len,
				      offsetof(struct iommu_hwpt_get_dirty_bitmap, page_size));

	return page_size ? length / page_size / 8 + 8 : 8;
}

bool dump_iommufd_pointer(const struct dump_line *line, size_t *at, uint64_t *bytes)
{
	const struct pointer *pointer = find(line->request);

	if (line->request == IOMMU_HWPT_GET_DIRTY_BITMAP) {
		*at = offsetof(struct iommu_hwpt_get_dirty_bitmap, data);
		*bytes = bitmap_bytes(line);
	} else if (pointer) {
		*at = pointer->pointer;
		*bytes = (uint64_t)pointer->each * dump_u32(line->in, line->in_len, pointer->count);
	} else {
		return false;
	}
	return dump_u64(line->in, line->in_len, *at) != 0;
}

size_t dump_iommufd_descriptor(const struct dump_line *line)
{
	if (line->request == IOMMU_FAULT_QUEUE_ALLOC)
		return offsetof(struct iommu_fault_alloc, out_fault_fd);
	if (line->request == IOMMU_VEVENTQ_ALLOC)
		return offsetof(struct iommu_veventq_alloc, out_veventq_fd);
	return 0;
}
