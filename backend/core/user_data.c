// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a program hands to a driver through iommufd: structures whose type and length it states.
 *
 * Kernel behaviour: iommu_copy_struct_from_user() and iommu_copy_struct_from_user_array(). A
 * structure longer than the driver's own is refused whatever its tail holds, so that a driver never
 * ignores what a newer program asked for.
 */
#include <errno.h>
#include <string.h>

#include "core/file.h"
#include "core/iommu.h"

static bool length_is_known(uint32_t len, uint32_t known, uint32_t min)
{
	return len >= min && len <= known;
}

static int copy_in(const struct caller *caller, void *dst, uint32_t known, uint64_t src,
		   uint32_t len)
{
	memset(dst, 0, known);
	return copy_from_caller("iommu.user-data.copy-in", caller, dst, src, len);
}

int iommu_copy_user_data(void *dst, uint32_t known, uint32_t min, uint32_t type,
			 const struct iommu_user_data *data)
{
	if (data->type != type || !length_is_known(data->len, known, min))
		return -EINVAL;
	return copy_in(data->caller, dst, known, data->uptr, data->len);
}

int iommu_copy_user_entry(void *dst, uint32_t known, uint32_t min, uint32_t type,
			  const struct iommu_user_array *array, uint32_t n)
{
	uint64_t src;

	if (array->type != type || !length_is_known(array->entry_len, known, min))
		return -EINVAL;
	if (__builtin_add_overflow(array->uptr, (uint64_t)array->entry_len * n, &src))
		return -EFAULT;
	return copy_in(array->caller, dst, known, src, array->entry_len);
}
