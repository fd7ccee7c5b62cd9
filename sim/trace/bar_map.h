/* SPDX-License-Identifier: GPL-2.0-only */
/* A BAR of an open device file as memory of the process, as clients map it for peer-to-peer DMA. */
#ifndef SIM_TRACE_BAR_MAP_H
#define SIM_TRACE_BAR_MAP_H

#include "trace/session.h"

/* Memory enable of the device, without which a BAR cannot be reached. 0 or -errno of the call. */
int bar_enable(struct session *s, int device_fd);
/* Map all of a BAR at `vaddr`. 0 or -errno of the call. */
int bar_map(struct session *s, int device_fd, uint32_t index, uint64_t vaddr);

#endif
