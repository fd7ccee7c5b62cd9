// SPDX-License-Identifier: GPL-2.0-only
/*
 * The reference, rule by rule in the order in which a kernel tests them.
 *
 * Source: the observable behaviour of vfio_iommu_type1 as recorded from the kernels named, and the
 * text of <linux/vfio.h>. Every mapping is pinned and in every domain while the container has a
 * driver: there are no emulated devices here.
 */
#include "naive.h"

#include <errno.h>
#include <linux/vfio.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define V(major, minor) ((major)*100u + (minor))

/* "6.12" as V(6, 12); 0: a kernel that is not followed. */
static unsigned kernel_find(const char *name)
{
	unsigned major = 0, minor = 0;
	int end = 0;

	if (sscanf(name, "%u.%u%n", &major, &minor, &end) != 2 || name[end])
		return 0;
	return V(major, minor) < V(3, 14) ? 0 : V(major, minor);
}

void naive_init(struct naive *naive, const char *kernel, const struct ops_setup *setup)
{
	unsigned k = kernel ? kernel_find(kernel) : 0;

	memset(naive, 0, offsetof(struct naive, held));
	naive->kernel = k;
	naive->platform = &ops_platforms[setup->platform];
	naive->v2 = setup->v2;
	naive->entry_limit = k == V(4, 19) || k >= V(5, 1) ? setup->entry_limit : UINT32_MAX;
	naive->device_memory = setup->device_memory && naive->platform->other;
	if (kernel)
		naive_memory_init(naive, !setup->unprivileged);
	/* Before 6.1 a group joins any domain whose tables it can use, however narrow, and a domain
	 * keeps its width when the group that made it leaves. */
	naive->blind = !k || (k < V(6, 1) && naive->platform->bits[0] != naive->platform->bits[1]);
}

/* ---- the state, looked at ---- */

static bool has_driver(const struct naive *naive)
{
	return naive->joined[0] || naive->joined[1] || naive->joined[2];
}

static uint64_t aperture_last(const struct naive *naive, unsigned group)
{
	bool newer_amd = naive->platform->amd && naive->kernel >= V(6, 17);
	unsigned bits = newer_amd ? 48 : naive->platform->bits[group];

	return bits == 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;
}

/* Of all domains. */
uint64_t naive_common_last(const struct naive *naive)
{
	uint64_t last = UINT64_MAX;

	/* All of them are one less than a power of two. */
	for (unsigned i = 0; i < OPS_GROUPS; i++)
		last &= naive->joined[i] ? aperture_last(naive, i) : UINT64_MAX;
	return last;
}

/* What no device of the platform may have mapped. */
unsigned naive_reserved(const struct naive *naive, struct ops_range range[2])
{
	range[0] = (struct ops_range){0xfee00000, 0xfeefffff};
	range[1] = (struct ops_range){UINT64_C(0xfd00000000), UINT64_C(0xffffffffff)};
	return naive->platform->amd ? 2 : 1;
}

static bool touches_reserved(const struct naive *naive, uint64_t first, uint64_t last)
{
	struct ops_range range[2];
	unsigned count = naive_reserved(naive, range);

	for (unsigned i = 0; i < count; i++)
		if (first <= range[i].last && last >= range[i].first)
			return true;
	return false;
}

static unsigned overlaps(const struct naive *naive, uint64_t first, uint64_t last)
{
	unsigned count = 0;

	for (unsigned i = 0; i < naive->maps; i++)
		count += naive->map[i].iova <= last && naive->map[i].last >= first;
	return count;
}

/* A mapping has both pages, the one before `iova` and that at it. */
static bool cuts(const struct naive *naive, uint64_t iova)
{
	for (unsigned i = 0; i < naive->maps; i++)
		if (naive->map[i].iova < iova && naive->map[i].last >= iova)
			return true;
	return false;
}

uint64_t naive_locked_pages(const struct naive *naive, unsigned mm)
{
	uint64_t pages = 0;

	for (unsigned i = 0; i < naive->maps; i++)
		if (mm == UINT_MAX || naive->map[i].mm == mm)
			pages += naive->map[i].paid;
	return pages;
}

void naive_view(const struct naive *naive, struct ops_view *view)
{
	view->count = naive->maps;
	for (unsigned i = 0; i < naive->maps; i++)
		view->live[i] = (struct ops_range){naive->map[i].iova, naive->map[i].last};
}

/* ---- what is not known ---- */

static bool knows_unmap(const struct naive *naive, const struct op *op)
{
	uint64_t last = op->iova + op->size - 1;

	if (naive->kernel < V(4, 15) && op->size && (last < op->iova || last == UINT64_MAX))
		return false;
	/* Which of several mappings is found first was a matter of the tree's shape. */
	return naive->kernel >= V(5, 12) || naive->v2 || !cuts(naive, op->iova) ||
	       overlaps(naive, op->iova, last) < 2;
}

static bool knows_map(const struct naive *naive, const struct op *op)
{
	uint64_t last = op->iova + op->size - 1;

	for (uint64_t at = 0; at < op->size && at / OPS_PAGE < NAIVE_PAGES; at += OPS_PAGE)
		if (!naive_knows_pin(naive, op->actor, op_vaddr(op) + at,
				     op->flags & VFIO_DMA_MAP_FLAG_WRITE))
			return false;
	if (!op->size || last < op->iova)
		return naive->kernel >= V(4, 4) || last != UINT64_MAX;
	/* Within a mapping, what has no page puts the kernel's tree out of order. */
	if (naive->kernel == V(3, 14) && last == UINT64_MAX)
		return !overlaps(naive, op->iova, op->iova);
	if (naive->kernel < V(5, 4))
		return last <= naive_common_last(naive) && last != UINT64_MAX;
	return last != UINT64_MAX || naive_common_last(naive) != UINT64_MAX;
}

/* A note without pages is found by who looks for something around it. */
static bool meets_lost(const struct naive *naive, const struct op *op)
{
	for (unsigned i = 0; i < naive->losts; i++)
		if (naive->lost[i] - op->iova < op->size)
			return true;
	return false;
}

bool naive_knows(const struct naive *naive, const struct op *op)
{
	if (naive->blind)
		return false;
	switch (op->kind) {
	case OP_MAP:
	case OP_REVALIDATE:
		return knows_map(naive, op) && !meets_lost(naive, op);
	case OP_MEMORY:
	case OP_FORK:
	case OP_EXEC:
	case OP_EXIT:
		return naive_knows_change(naive, op);
	case OP_UNMAP:
	case OP_INVALIDATE:
	case OP_UNMAP_ALL:
		return knows_unmap(naive, op) && !meets_lost(naive, op);
	case OP_JOIN:
		return naive->kernel >= V(5, 4) || naive->joined[op->group] ||
		       !overlaps(naive, aperture_last(naive, op->group), UINT64_MAX);
	default:
		return true;
	}
}

/* ---- MAP ---- */

/* Page by page: the first that cannot be pinned, or is one too many, decides. */
static int map_pages(struct naive *naive, const struct op *op, struct naive_map *map)
{
	const struct naive_process *process = &naive->process[op->actor];
	uint64_t locked = naive_locked_pages(naive, process->mm);
	bool write = op->flags & VFIO_DMA_MAP_FLAG_WRITE;
	size_t holds = naive->holds;

	for (uint64_t done = 0; done < op->size; done += OPS_PAGE) {
		uint32_t id;

		if (!naive_can_pin(naive, op->actor, op_vaddr(op) + done, write))
			return EFAULT;
		id = naive_pin(naive, op->actor, op_vaddr(op) + done, write);
		naive->held[holds++] = id;
		if (id < NAIVE_FIRST || id >= NAIVE_DEVICE)
			continue;
		map->paid++;
		if (!process->privileged && locked + map->paid > process->limit_pages)
			return ENOMEM;
	}
	map->first = naive->holds;
	naive->holds = holds;
	return 0;
}

/* The caller takes over the address, and what the pages cost. */
static int revalidate(struct naive *naive, const struct op *op)
{
	const struct naive_process *process = &naive->process[op->actor];
	uint64_t last = op->iova + op->size - 1;

	if (!overlaps(naive, op->iova, last))
		return ENOENT;
	for (unsigned i = 0; i < naive->maps; i++) {
		struct naive_map *map = &naive->map[i];

		if (map->iova != op->iova || map->last != last || !map->invalid)
			continue;
		if (map->mm != process->mm && !process->privileged && map->paid &&
		    naive_locked_pages(naive, process->mm) + map->paid > process->limit_pages)
			return ENOMEM;
		map->mm = process->mm;
		map->vaddr = op_vaddr(op);
		map->invalid = false;
		return 0;
	}
	return EINVAL;
}

static int map_flags(const struct naive *naive, const struct op *op, bool wraps)
{
	bool prot = op->flags & (VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE);
	bool vaddr = op->flags & VFIO_DMA_MAP_FLAG_VADDR;

	if (op->argsz < sizeof(struct vfio_iommu_type1_dma_map) ||
	    op->flags > (naive->kernel < V(5, 12) ? 3 : 7))
		return EINVAL;
	if (naive->kernel >= V(6, 18) && op->size && wraps)
		return EOVERFLOW;
	return !op->size || prot == vaddr ? EINVAL : 0;
}

static int do_map(struct naive *naive, const struct op *op)
{
	uint64_t last = op->iova + op->size - 1;
	bool at_end = last == UINT64_MAX && naive->kernel < V(6, 18);
	bool wraps = last < op->iova || op_vaddr(op) + op->size - 1 < op_vaddr(op);
	int error = map_flags(naive, op, wraps);
	struct naive_map map = {.iova = op->iova,
				.last = last,
				.vaddr = op_vaddr(op),
				.prot = op->flags,
				.mm = naive->process[op->actor].mm};

	if (error)
		return error;
	if (!op->size || (op->size | op->iova | op_vaddr(op)) % OPS_PAGE || wraps)
		return EINVAL;
	if (op->flags & VFIO_DMA_MAP_FLAG_VADDR)
		return at_end ? ENOENT : revalidate(naive, op);
	/* The search for a range that ends with the space finds nothing. */
	if (!at_end && overlaps(naive, op->iova, last))
		return EEXIST;
	if (naive->maps >= naive->entry_limit)
		return ENOSPC;
	if (naive->kernel >= V(5, 4) &&
	    (last > naive_common_last(naive) || touches_reserved(naive, op->iova, last)))
		return EINVAL;
	if (at_end && naive->kernel == V(3, 14)) {
		naive->lost[naive->losts++] = op->iova;
		return 0;
	}
	error = map_pages(naive, op, &map);
	if (!error)
		naive->map[naive->maps++] = map;
	return error;
}

/* ---- UNMAP ---- */

static int unmap_tests(const struct naive *naive, const struct op *op)
{
	uint64_t last = op->iova + op->size - 1;
	uint32_t known = naive->kernel >= V(5, 12) ? 7 : naive->kernel >= V(5, 8) ? 1 : 0;
	bool dirty = op->flags & VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP;

	if (op->argsz < sizeof(struct vfio_iommu_type1_dma_unmap) || op->flags & ~known ||
	    op->iova % OPS_PAGE)
		return EINVAL;
	if (dirty && (op->flags != VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP || !op_has_bitmap(op) ||
		      !op->size || op_bitmap_bytes(op) * 8 < op->size / OPS_PAGE))
		return EINVAL;
	if (op->flags & VFIO_DMA_UNMAP_FLAG_ALL)
		return op->iova || op->size ? EINVAL : 0;
	if (!op->size || op->size % OPS_PAGE)
		return EINVAL;
	if (last < op->iova)
		return naive->kernel >= V(6, 18) ? EOVERFLOW : EINVAL;
	if ((dirty && !naive->tracking) || (naive->kernel == V(4, 15) && last == UINT64_MAX) ||
	    (naive->v2 && (cuts(naive, op->iova) || cuts(naive, last + 1))))
		return EINVAL;
	return 0;
}

/* Only what starts in the range goes, or loses its address. */
static bool starts_in(const struct naive_map *map, uint64_t first, uint64_t last)
{
	return map->iova >= first && map->iova <= last;
}

static struct naive_answer invalidate(struct naive *naive, uint64_t first, uint64_t last)
{
	struct naive_answer answer = {0};

	for (unsigned i = 0; i < naive->maps; i++)
		if (starts_in(&naive->map[i], first, last) && naive->map[i].invalid)
			return (struct naive_answer){.error = EINVAL};
	for (unsigned i = 0; i < naive->maps; i++)
		if (starts_in(&naive->map[i], first, last)) {
			naive->map[i].invalid = true;
			answer.value += naive->map[i].last - naive->map[i].iova + 1;
		}
	return answer;
}

/* What could not be written back was done all the same. */
static struct naive_answer unwritten(const struct naive *naive, struct naive_answer answer)
{
	if (answer.error)
		return answer;
	if (naive->kernel < V(4, 4))
		return (struct naive_answer){.value = sizeof(struct vfio_iommu_type1_dma_unmap)};
	return (struct naive_answer){.error = EFAULT};
}

static struct naive_answer do_unmap(struct naive *naive, const struct op *op)
{
	struct naive_answer answer = {.error = unmap_tests(naive, op)};
	uint64_t first = op->iova, last = op->iova + op->size - 1;
	bool all = op->flags & VFIO_DMA_UNMAP_FLAG_ALL;

	if (answer.error)
		return answer;
	/* Up to 6.17 a range that ends with the space holds nothing. */
	if (cuts(naive, first) || (!all && last == UINT64_MAX && naive->kernel < V(6, 18)))
		return answer;
	if (all)
		last = UINT64_MAX;
	if (op->flags & VFIO_DMA_UNMAP_FLAG_VADDR)
		return invalidate(naive, first, last);
	for (unsigned i = naive->maps; i-- > 0;)
		if (starts_in(&naive->map[i], first, last)) {
			answer.value += naive->map[i].last - naive->map[i].iova + 1;
			naive->map[i] = naive->map[--naive->maps];
		}
	return answer;
}

/* ---- groups ---- */

static int do_join(struct naive *naive, const struct op *op)
{
	if (naive->joined[op->group])
		return EINVAL;
	for (unsigned i = 0; i < naive->maps; i++)
		if (naive->map[i].invalid)
			return EBUSY;
	for (unsigned i = 0; i < naive->maps; i++)
		if (naive->map[i].last > aperture_last(naive, op->group))
			return EINVAL;
	naive->joined[op->group] = true;
	return 0;
}

static int do_leave(struct naive *naive, const struct op *op)
{
	if (!naive->joined[op->group])
		return EINVAL;
	naive->joined[op->group] = false;
	if (!has_driver(naive)) {
		naive->maps = naive->losts = 0;
		naive->tracking = false;
	}
	return 0;
}

/* ---- dirty pages, DMA ---- */

static int do_dirty(struct naive *naive, const struct op *op)
{
	uint64_t last = op->iova + op->size - 1;

	if (naive->kernel < V(5, 8))
		return ENOTTY;
	if (!naive->v2)
		return EACCES;
	if (op->kind == OP_TRACK) {
		naive->tracking = op->value;
		return 0;
	}
	if (!op->size)
		return EINVAL;
	if (naive->kernel >= V(6, 18) && last < op->iova)
		return EOVERFLOW;
	if (last < op->iova || (last == UINT64_MAX && naive->kernel < V(6, 18)) ||
	    (op->iova | op->size) % OPS_PAGE || !naive->tracking ||
	    op_bitmap_bytes(op) * 8 < op->size / OPS_PAGE || cuts(naive, op->iova) ||
	    cuts(naive, last + 1))
		return EINVAL;
	return 0;
}

enum naive_dma naive_dma(const struct naive *naive, const struct op *op, uint64_t *vaddr,
			 uint32_t *id)
{
	if (naive->blind || touches_reserved(naive, op->iova, op->iova))
		return NAIVE_DMA_UNKNOWN;
	for (unsigned i = 0; i < naive->maps; i++) {
		const struct naive_map *map = &naive->map[i];

		if (op->iova < map->iova || op->iova > map->last)
			continue;
		*vaddr = map->vaddr + (op->iova - map->iova);
		*id = naive->held[map->first + (op->iova - map->iova) / OPS_PAGE];
		if (op->write)
			return map->prot & 2 ? NAIVE_DMA_WORKS : NAIVE_DMA_FAULTS;
		/* Some units let a device read what it may write. */
		return map->prot & 1 ? NAIVE_DMA_WORKS : NAIVE_DMA_UNKNOWN;
	}
	return NAIVE_DMA_FAULTS;
}

/* ---- the whole ---- */

struct naive_answer naive_do(struct naive *naive, const struct op *op)
{
	uint8_t buf[NAIVE_INFO_MAX], care[NAIVE_INFO_MAX];
	struct naive_answer answer = {0};

	switch (op->kind) {
	case OP_JOIN:
		answer.error = do_join(naive, op);
		break;
	case OP_LEAVE:
		answer.error = do_leave(naive, op);
		break;
	case OP_LIMIT:
		naive->process[op->actor].limit_pages = op->value;
		break;
	case OP_PRIVILEGE:
		naive->process[op->actor].privileged = op->value;
		break;
	case OP_EXTENSION:
		answer.value = naive_extension(naive, op->value);
		break;
	case OP_MEMORY:
	case OP_FORK:
	case OP_EXEC:
	case OP_EXIT:
		answer.error = naive_change(naive, op);
		break;
	default:
		if (op->kind == OP_HUGEPAGES || op->kind == OP_DMA || op->kind == OP_FAIL)
			break;
		if (!has_driver(naive))
			answer.error = EINVAL;
		else if (op->kind == OP_MAP || op->kind == OP_REVALIDATE)
			answer.error = do_map(naive, op);
		else if (op->kind <= OP_UNMAP_ALL && op->read_only)
			answer = unwritten(naive, do_unmap(naive, op));
		else if (op->kind <= OP_UNMAP_ALL)
			answer = do_unmap(naive, op);
		else if (op->kind == OP_INFO)
			answer = naive_info(naive, op, buf, care, sizeof(buf));
		else
			answer.error = do_dirty(naive, op);
	}
	return answer;
}
