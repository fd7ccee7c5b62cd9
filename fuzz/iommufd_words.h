/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Calls of the iommufd target as lines of a recording.
 *
 * A file is called after its descriptor, "x5"; objects are named by their numbers; memory is the
 * buffers m and h, which lie as those of the target do, as far as alignment goes. Memory of the
 * ioctl's own is the buffer s.
 */
#ifndef FUZZ_IOMMUFD_WORDS_H
#define FUZZ_IOMMUFD_WORDS_H

#include "finding.h"

#include "iommufd/iommufd_private.h"
#include "mock/iommufd_test.h"

#include <linux/vfio.h>
#include <stdarg.h>
#include <string.h>

#define NODE_BIND   _IO(IOMMUFD_TYPE, 118)
#define NODE_ATTACH _IO(IOMMUFD_TYPE, 119)
#define NODE_DETACH _IO(IOMMUFD_TYPE, 120)

/* Where the program's memory lies in the target. */
#define MEMORY_PAGES 64u
#define MEMORY_RW    56u /* the pages after these are read-only */
#define HUGE_AT      UINT64_C(0x300000000)
#define HUGE_PAGES   1024u
#define FILE_PAGES   16u
#define FILE_FD      1
#define BITMAP_AT    0x5000u             /* in the arena */
#define RW_BYTES     0xf000u             /* of the arena, behind the structure */
#define BITMAP_MOST  (UINT64_C(1) << 24) /* bytes, in recordings */

/* Not an ioctl. */
enum { WORDS_TEXT, WORDS_DMA_READ, WORDS_DMA_WRITE };

/* A call, before and after. */
struct words {
	unsigned long request; /* or one of the above */
	int fd, rc;
	bool sealed, by_child;
	union {
		uint8_t bytes[80];
		char text[80]; /* with %, the file */
		struct {
			unsigned device;
			uint64_t iova;
		} dma;
	};
	uint8_t after[80], data[64]; /* what a pointer leads to */
};

__attribute__((format(printf, 2, 3))) static inline void say(char *line, const char *format, ...)
{
	const size_t at = strlen(line);
	va_list args;

	va_start(args, format);
	vsnprintf(line + at, FINDING_LINE - at, format, args);
	va_end(args);
}

static inline void say_hex(char *line, const char *key, const uint8_t *bytes, size_t len)
{
	say(line, " %s=", key);
	for (size_t i = 0; i < len && i < 64; i++)
		say(line, "%02x", bytes[i]);
}

static inline void say_memory(char *line, uint64_t address)
{
	if (address >= MEMORY_AT && address - MEMORY_AT < MEMORY_PAGES * MODEL_PAGE)
		say(line, " buf=m off=0x%llx", (unsigned long long)(address - MEMORY_AT));
	else if (address >= HUGE_AT && address - HUGE_AT < HUGE_PAGES * MODEL_PAGE)
		say(line, " buf=h off=0x%llx", (unsigned long long)(address - HUGE_AT));
	else
		say(line, " vaddr=0x%llx", (unsigned long long)address);
}

/* ---- objects ---- */

static inline bool words_dirty(char *line, const struct iommu_hwpt_get_dirty_bitmap *cmd)
{
	const uint64_t at = (cmd->data - ARENA_FIRST) % MODEL_PAGE;

	if (cmd->page_size && cmd->length / cmd->page_size / 8 >= BITMAP_MOST)
		return false;
	say(line,
	    "hwpt_get_dirty x0 %u iova=0x%llx size=0x%llx pgsize=0x%llx flags=%u at=%llu "
	    "room=%llu",
	    cmd->hwpt_id, cmd->iova, cmd->length, cmd->page_size, cmd->flags,
	    (unsigned long long)at, (unsigned long long)(ARENA_SIZE - BITMAP_AT - at));
	return true;
}

static inline void words_hwpt(char *line, const struct words *w)
{
	struct iommu_hwpt_alloc cmd;

	memcpy(&cmd, w->bytes, sizeof(cmd));
	say(line, "hwpt_alloc x0 h dev=%u pt=%u flags=%u data_type=%u", cmd.dev_id, cmd.pt_id,
	    cmd.flags, cmd.data_type);
	if (cmd.data_len)
		say_hex(line, "data", w->data, cmd.data_len);
	if (cmd.fault_id)
		say(line, " fault=%u", cmd.fault_id);
}

static inline void words_invalidate(char *line, const struct words *w)
{
	struct iommu_hwpt_invalidate cmd;
	const size_t len = sizeof(w->data);
	size_t bytes;

	memcpy(&cmd, w->bytes, sizeof(cmd));
	bytes = (size_t)cmd.entry_len * cmd.entry_num;
	say(line, "hwpt_invalidate x0 %u data_type=%u entry_len=%u entry_num=%u", cmd.hwpt_id,
	    cmd.data_type, cmd.entry_len, cmd.entry_num);
	say_hex(line, "data", w->data, bytes < len ? bytes ? bytes : 1 : len);
}

static inline void words_allow(char *line, const struct words *w)
{
	struct iommu_ioas_allow_iovas cmd;
	struct iommu_iova_range range[4];

	memcpy(&cmd, w->bytes, sizeof(cmd));
	memcpy(range, w->data, sizeof(range));
	say(line, "ioas_allow x0 %u %s", cmd.ioas_id, cmd.num_iovas ? "ranges=[" : "num=0");
	for (unsigned i = 0; i < cmd.num_iovas && i < 4; i++)
		say(line, "%s0x%llx-0x%llx", i ? "," : "", range[i].start, range[i].last);
	if (cmd.num_iovas)
		say(line, "]");
}

static inline void words_viommu(char *line, const struct words *w)
{
	struct iommu_viommu_alloc cmd;

	memcpy(&cmd, w->bytes, sizeof(cmd));
	say(line, "viommu_alloc x0 v type=%u dev=%u hwpt=%u flags=%u", cmd.type, cmd.dev_id,
	    cmd.hwpt_id, cmd.flags);
	if (cmd.data_len)
		say_hex(line, "data", w->data, cmd.data_len);
}

static inline void words_option(char *line, const void *bytes)
{
	const struct iommu_option *cmd = bytes;

	say(line, "option x0 id=%u object=%u op=%u val=%llu", cmd->option_id, cmd->object_id,
	    cmd->op, cmd->val64);
}

/* The file that a call made. */
static inline void words_new(char *line, const struct words *w, uint32_t fd)
{
	if (w->rc < 0)
		say(line, " x");
	else
		say(line, " x%u", fd);
}

static inline bool words_object(char *line, const struct words *w)
{
	const struct iommu_vdevice_alloc *vdevice = (const void *)w->bytes;
	const struct iommu_veventq_alloc *events = (const void *)w->bytes,
					 *made = (const void *)w->after;
	const struct iommu_hw_queue_alloc *queue = (const void *)w->bytes;
	const struct iommu_fault_alloc *fault = (const void *)w->after;
	const struct iommu_hw_info *info = (const void *)w->bytes;
	const uint32_t *word = (const void *)w->bytes;

	switch (_IOC_NR(w->request)) {
	case IOMMUFD_CMD_DESTROY:
		say(line, "destroy x0 %u", word[1]);
		return true;
	case IOMMUFD_CMD_HWPT_ALLOC:
		words_hwpt(line, w);
		return true;
	case IOMMUFD_CMD_HWPT_SET_DIRTY_TRACKING:
		say(line, "hwpt_dirty x0 %u flags=%u", word[2], word[1]);
		return true;
	case IOMMUFD_CMD_HWPT_GET_DIRTY_BITMAP:
		return words_dirty(line, (const void *)w->bytes);
	case IOMMUFD_CMD_HWPT_INVALIDATE:
		words_invalidate(line, w);
		return true;
	case IOMMUFD_CMD_GET_HW_INFO:
		say(line, "hw_info x0 dev=%u len=%u flags=%u", info->dev_id, info->data_len,
		    info->flags);
		return true;
	case IOMMUFD_CMD_FAULT_QUEUE_ALLOC:
		say(line, "fault_alloc x0");
		words_new(line, w, fault->out_fault_fd);
		say(line, " flags=%u", word[1]);
		return true;
	case IOMMUFD_CMD_VIOMMU_ALLOC:
		words_viommu(line, w);
		return true;
	case IOMMUFD_CMD_VDEVICE_ALLOC:
		say(line, "vdevice_alloc x0 d viommu=%u dev=%u virt_id=%llu", vdevice->viommu_id,
		    vdevice->dev_id, vdevice->virt_id);
		return true;
	case IOMMUFD_CMD_VEVENTQ_ALLOC:
		say(line, "veventq_alloc x0");
		words_new(line, w, made->out_veventq_fd);
		say(line, " viommu=%u type=%u depth=%u", events->viommu_id, events->type,
		    events->veventq_depth);
		return true;
	case IOMMUFD_CMD_HW_QUEUE_ALLOC:
		say(line,
		    "hw_queue_alloc x0 q viommu=%u type=%u index=%u iova=0x%llx length=0x%llx",
		    queue->viommu_id, queue->type, queue->index, queue->nesting_parent_iova,
		    queue->length);
		return true;
	default:
		return false;
	}
}

/* ---- address spaces ---- */

static inline bool words_space(char *line, const struct words *w)
{
	const struct iommu_ioas_map *map = (const void *)w->bytes;
	const struct iommu_ioas_map_file *file = (const void *)w->bytes;
	const struct iommu_ioas_unmap *unmap = (const void *)w->bytes;
	const struct iommu_ioas_copy *copy = (const void *)w->bytes;
	const struct iommu_vfio_ioas *vfio = (const void *)w->bytes;
	const uint32_t *word = (const void *)w->bytes;

	switch (_IOC_NR(w->request)) {
	case IOMMUFD_CMD_IOAS_ALLOC:
		say(line, "ioas_alloc x0 i flags=%u", word[1]);
		return true;
	case IOMMUFD_CMD_IOAS_MAP:
		say(line, "ioas_map x0 %u", map->ioas_id);
		say_memory(line, map->user_va);
		say(line, " size=0x%llx flags=%u iova=0x%llx", map->length, map->flags, map->iova);
		return true;
	case IOMMUFD_CMD_IOAS_MAP_FILE:
		say(line,
		    "ioas_map_file x0 %u file=x%d start=0x%llx size=0x%llx flags=%u iova=0x%llx",
		    file->ioas_id, file->fd, file->start, file->length, file->flags, file->iova);
		return true;
	case IOMMUFD_CMD_IOAS_UNMAP:
		say(line, "ioas_unmap x0 %u iova=0x%llx size=0x%llx", unmap->ioas_id, unmap->iova,
		    unmap->length);
		return true;
	case IOMMUFD_CMD_IOAS_COPY:
		say(line,
		    "ioas_copy x0 %u %u flags=%u length=0x%llx dst_iova=0x%llx src_iova=0x%llx",
		    copy->dst_ioas_id, copy->src_ioas_id, copy->flags, copy->length, copy->dst_iova,
		    copy->src_iova);
		return true;
	case IOMMUFD_CMD_IOAS_ALLOW_IOVAS:
		words_allow(line, w);
		return true;
	case IOMMUFD_CMD_OPTION:
		words_option(line, w->bytes);
		return true;
	case IOMMUFD_CMD_VFIO_IOAS:
		say(line, "vfio_ioas x0 op=%u ioas=%u", vfio->op, vfio->ioas_id);
		return true;
	case IOMMUFD_CMD_IOAS_CHANGE_PROCESS:
		say(line, "change_process x0");
		return true;
	default:
		return words_object(line, w);
	}
}

/* ---- the selftest's ---- */

static inline void words_access(char *line, const struct words *w)
{
	const struct iommu_test_cmd *cmd = (const void *)w->bytes, *after = (const void *)w->after;

	switch (cmd->op) {
	case IOMMU_TEST_OP_CREATE_ACCESS:
		say(line, "t_access_create x0");
		words_new(line, w, after->create_access.out_access_fd);
		say(line, " ioas=%u flags=%u", cmd->id, cmd->create_access.flags);
		break;
	case IOMMU_TEST_OP_ACCESS_REPLACE_IOAS:
		say(line, "t_access_replace x0 x%u ioas=%u", cmd->id,
		    cmd->access_replace_ioas.ioas_id);
		break;
	case IOMMU_TEST_OP_ACCESS_PAGES:
		say(line, "t_access_pages x0 x%u p iova=0x%llx length=0x%llx flags=%u", cmd->id,
		    cmd->access_pages.iova, cmd->access_pages.length, cmd->access_pages.flags);
		break;
	case IOMMU_TEST_OP_DESTROY_ACCESS_PAGES:
		say(line, "t_access_unpin x0 x%u %u", cmd->id,
		    cmd->destroy_access_pages.access_pages_id);
		break;
	default:
		say(line, "t_access_rw x0 x%u iova=0x%llx length=0x%llx buf=s flags=%u", cmd->id,
		    cmd->access_rw.iova, cmd->access_rw.length, cmd->access_rw.flags);
	}
}

static inline void words_pasid(char *line, const struct iommu_test_cmd *cmd)
{
	static const char *const verbs[] = {"attach", "replace", "detach", "check"};
	const unsigned n = cmd->op - IOMMU_TEST_OP_PASID_ATTACH;

	say(line, "t_pasid_%s x0 %u pasid=%u", verbs[n], cmd->id, cmd->pasid_attach.pasid);
	if (n != 2)
		say(line, " %s=%u", n == 3 ? "hwpt" : "pt", cmd->pasid_attach.pt_id);
}

static inline bool words_test(char *line, const struct words *w)
{
	const struct iommu_test_cmd *cmd = (const void *)w->bytes;

	switch (cmd->op) {
	case IOMMU_TEST_OP_MOCK_DOMAIN_FLAGS:
		say(line, "t_mock_domain x0 m pt=%u dev_flags=%u", cmd->id,
		    cmd->mock_domain_flags.dev_flags);
		return true;
	case IOMMU_TEST_OP_MOCK_DOMAIN_REPLACE:
		say(line, "t_mock_replace x0 %u pt=%u", cmd->id, cmd->mock_domain_replace.pt_id);
		return true;
	case IOMMU_TEST_OP_ADD_RESERVED:
		say(line, "t_add_reserved x0 %u start=0x%llx length=0x%llx", cmd->id,
		    cmd->add_reserved.start, cmd->add_reserved.length);
		return true;
	case IOMMU_TEST_OP_SET_TEMP_MEMORY_LIMIT:
		say(line, "t_memory_limit x0 limit=%u", cmd->memory_limit.limit);
		return true;
	case IOMMU_TEST_OP_DIRTY:
		say(line, "t_dirty x0 %u iova=0x%llx length=0x%llx pgsize=0x%llx", cmd->id,
		    cmd->dirty.iova, cmd->dirty.length, cmd->dirty.page_size);
		say_hex(line, "bits", w->data, 4);
		return true;
	case IOMMU_TEST_OP_TRIGGER_IOPF:
		say(line, "t_iopf x0 dev=%u pasid=%u grpid=%u perm=%u addr=0x%llx",
		    cmd->trigger_iopf.dev_id, cmd->trigger_iopf.pasid, cmd->trigger_iopf.grpid,
		    cmd->trigger_iopf.perm, cmd->trigger_iopf.addr);
		return true;
	case IOMMU_TEST_OP_TRIGGER_VEVENT:
		say(line, "t_vevent x0 dev=%u", cmd->trigger_vevent.dev_id);
		return true;
	case IOMMU_TEST_OP_PASID_ATTACH:
	case IOMMU_TEST_OP_PASID_REPLACE:
	case IOMMU_TEST_OP_PASID_DETACH:
	case IOMMU_TEST_OP_PASID_CHECK_HWPT:
		words_pasid(line, cmd);
		return true;
	case IOMMU_TEST_OP_CREATE_ACCESS:
	case IOMMU_TEST_OP_ACCESS_REPLACE_IOAS:
	case IOMMU_TEST_OP_ACCESS_PAGES:
	case IOMMU_TEST_OP_DESTROY_ACCESS_PAGES:
	case IOMMU_TEST_OP_ACCESS_RW:
		words_access(line, w);
		return true;
	default:
		return false;
	}
}

/* ---- nodes, and the calls of a VFIO container ---- */

static inline bool words_vfio(char *line, const struct words *w)
{
	const struct vfio_iommu_type1_dma_map *map = (const void *)w->bytes;
	const struct vfio_iommu_type1_dma_unmap *unmap = (const void *)w->bytes;
	const uint32_t *word = (const void *)w->bytes;

	switch (w->request) {
	case NODE_BIND:
		say(line, "bind x%d x%d", w->fd, (int)word[2]);
		return true;
	case NODE_ATTACH:
		say(line, "attach x%d %u", w->fd, word[2]);
		return true;
	case NODE_DETACH:
		say(line, "detach x%d", w->fd);
		return true;
	case VFIO_IOMMU_MAP_DMA:
		say(line, "map_raw x0 iova=0x%llx", map->iova);
		say_memory(line, map->vaddr);
		if (strstr(line, " buf="))
			memmove(line + 3, line + 7, strlen(line + 7) + 1);
		say(line, " size=0x%llx flags=%u argsz=%u", map->size, map->flags, map->argsz);
		return true;
	case VFIO_IOMMU_UNMAP_DMA:
		say(line, "unmap x0 iova=0x%llx size=0x%llx flags=%u argsz=%u", unmap->iova,
		    unmap->size, unmap->flags, unmap->argsz);
		return true;
	default:
		return false;
	}
}

/* The line of a call; false: there is no word for it, and `line` says what it is. */
static inline bool words_line(char *line, const struct words *w)
{
	bool said;

	line[0] = '\0';
	if (w->request == WORDS_TEXT) {
		const size_t before = strcspn(w->text, "%");

		say(line, "%.*s", (int)before, w->text);
		if (w->text[before])
			say(line, "x%d%s", w->fd, w->text + before + 1);
		return true;
	}
	if (w->request <= WORDS_DMA_WRITE) {
		say(line, "dev_%s %c iova=0x%llx len=8",
		    w->request == WORDS_DMA_READ ? "read" : "write", "ABCD"[w->dma.device],
		    (unsigned long long)w -> dma.iova);
		return true;
	}
	said = words_vfio(line, w) ||
	       (w->request == IOMMU_TEST_CMD ? words_test(line, w) : words_space(line, w));
	if (said && w->sealed)
		say(line, " ro=1");
	if (!said)
		say(line, "ioctl 0x%lx on x%d", w->request, w->fd);
	return said;
}

#endif
