/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The selftest interface of iommufd: mock devices behind a mock IOMMU, and the ioctl that makes
 * them, looks inside, and plays an in-kernel user of mappings.
 *
 * It stands beside the product: a machine has it only when asked for, and nothing in the product
 * depends on it. Which kernel it is follows from the machine's personality.
 *
 * Addresses in the ioctl (iommufd_test.h) are of two sorts. Those that name pages (`uptr` of
 * MD_CHECK_MAP, MD_CHECK_REFS and ACCESS_PAGES) are addresses of the process, as those of IOAS_MAP
 * are. Those that are read or written for the operation itself (`uptr` of ACCESS_RW and DIRTY) are
 * memory of the caller, as the structure is.
 */
#ifndef SIM_MOCK_MOCK_H
#define SIM_MOCK_MOCK_H

#include "iommufd/iommufd.h"

/* Contexts of this environment answer the selftest ioctl from now on. Before the first is opened;
 * nothing has to be undone. */
void mock_enable(struct iommufd_env *env);

#endif
