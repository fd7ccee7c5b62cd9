/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The calls of a VFIO container, as /dev/iommu answers them: operations of the iommufd target.
 */
#ifndef FUZZ_IOMMUFD_COMPAT_H
#define FUZZ_IOMMUFD_COMPAT_H

#include "iommufd_files.h"

#include <linux/vfio.h>
#include <zlib.h>

#define INFO_BYTES 2048u

/* ---- sources of mappings ---- */

/* What is pinned of it is known beforehand. */
static inline bool is_sure(const struct model_source *source, bool by_child)
{
	uint64_t end;

	if (__builtin_add_overflow(source->byte, source->length, &end) || by_child)
		return false;
	if (source->file)
		return end <= FILE_PAGES * MODEL_PAGE;
	return (source->byte >= MEMORY_AT && end <= MEMORY_AT + MEMORY_RW * MODEL_PAGE) ||
	       (source->byte >= HUGE_AT && end <= HUGE_AT + HUGE_PAGES * MODEL_PAGE);
}

/* Memory, the file, or an address at the end of the space. */
static inline uint64_t any_byte(struct target *t, bool file)
{
	const uint64_t how = take(t, 2);
	uint64_t byte = (how & 63) * MODEL_PAGE;

	if (how & 0x40 && how & 0x80)
		byte += (how >> 8 & 15) * 256;
	if (file)
		return how & 0x8000 ? byte : byte % (FILE_PAGES * MODEL_PAGE);
	switch (how >> 12) {
	case 0:
	case 1:
	case 2:
		return HUGE_AT + (how & 0x40 ? byte : 0);
	case 3:
		return 0 - ((how & 7) << 12);
	case 4:
		return 0;
	default:
		return MEMORY_AT + byte;
	}
}

static inline void area_add(struct target *t, struct model_ioas *s, struct model_area *area,
			    bool by_child)
{
	t->source[t->sources] = (struct source){
		t->charged ? t->account : IOPT_ACCOUNT_NONE,
		by_child,
	};
	area->pages = t->sources++;
	s->area[s->areas++] = *area;
}

/* ---- small pages ---- */

static inline int set_small_pages(struct target *t, struct model_ioas *s)
{
	if (s->small_pages)
		return 0;
	if (s->domains && s->areas)
		return -EINVAL;
	if (!pages_suit(s))
		return -EADDRINUSE;
	s->small_pages = true;
	settle(t, s);
	return 0;
}

/* ---- calls ---- */

static inline uint64_t info_pgsizes(const struct target *t, const struct model_ioas *s)
{
	uint64_t sizes = UINT64_MAX;

	for (unsigned i = 0; i < HWPTS; i++)
		if (t->hwpt[i].id && !t->hwpt[i].nested && t->hwpt[i].ioas == s->id)
			sizes &= t->hwpt[i].pgsizes;
	if (sizes % MODEL_PAGE)
		sizes = (sizes & -MODEL_PAGE) | MODEL_PAGE;
	return sizes > s->alignment ? sizes : s->alignment;
}

/* The whole buffer as it has to be, byte by byte; what is not written keeps what it had. */
static inline void info_expect(const struct target *t, const struct model_ioas *s, uint32_t argsz,
			       uint8_t *want)
{
	const uint32_t full = 24 + 16 + 16 + 16 * s->gaps;
	const uint32_t head[6] = {full,
				  3,
				  (uint32_t)info_pgsizes(t, s),
				  (uint32_t)(info_pgsizes(t, s) >> 32),
				  argsz >= full ? 24 : 0,
				  0};
	const uint32_t avail[4] = {3 | 1 << 16, 40, UINT32_MAX, 0};
	const uint32_t ranges[4] = {1 | 1 << 16, 0, s->gaps, 0};

	memcpy(want, head, argsz < 24 ? argsz : 24);
	if (argsz >= 40)
		memcpy(want + 24, avail, sizeof(avail));
	if (argsz < full)
		return;
	memcpy(want + 40, ranges, sizeof(ranges));
	memcpy(want + 56, s->gap, 16 * s->gaps);
}

static inline void fail_info(const struct target *t, unsigned i, const uint8_t *expected)
{
	char what[80], wanted[32];

	snprintf(what, sizeof(what), "GET_INFO, byte %u is 0x%02x, not 0x%02x", i, arena[i],
		 expected[i]);
	snprintf(wanted, sizeof(wanted), "0x%08lx", crc32(crc32(0, NULL, 0), expected, INFO_BYTES));
	differ_answer(t, what, wanted, "crc32", 0);
}

static inline void compat_info(struct target *t, struct model_ioas *s, uint64_t how)
{
	static const uint16_t sizes[] = {24, 16, 20, 40, 56, 72, 1024, 12, 41, 88, 104, 24};
	uint32_t argsz = sizes[how % SIO_ARRAY_SIZE(sizes)];
	const int want = argsz < 16 ? -EINVAL : s ? 0 : -ENODEV;
	uint8_t expected[INFO_BYTES];
	int rc;

	memset(arena, 0x5a, INFO_BYTES);
	memcpy(arena, &argsz, sizeof(argsz));
	memcpy(expected, arena, INFO_BYTES);
	if (!want)
		info_expect(t, s, argsz, expected);
	rc = sio_ioctl(t->c.process, 0, VFIO_IOMMU_GET_INFO, client_address(ARENA_FIRST));
	rc = rc < 0 ? -errno : rc;
	note(t, 0, rc, "info x0 argsz=%u fill=0x5a", argsz);
	expect(t, "GET_INFO", rc, want);
	for (unsigned i = 0; i < INFO_BYTES; i++)
		if (arena[i] != expected[i])
			fail_info(t, i, expected);
}

static inline void compat_map(struct target *t, struct model_ioas *s, uint64_t how)
{
	uint64_t iova = any_iova(t, s);
	struct vfio_iommu_type1_dma_map cmd = {.argsz = how >= 0xf8 ? 24 : sizeof(cmd),
					       .flags = how & 0xc0 ? 3 : how >> 3 & 7,
					       .vaddr = any_byte(t, false),
					       .iova = iova,
					       .size = any_length(t, s, iova)};
	struct model_source source = {.byte = cmd.vaddr,
				      .length = cmd.size,
				      .flags = IOMMU_IOAS_MAP_FIXED_IOVA | (cmd.flags & 1) * 4 |
					       (cmd.flags & 2),
				      .later = t->later};
	struct model_area area;
	int want = 0, rc;

	source.unsure = !is_sure(&source, false) || !(cmd.flags & 3);
	if ((s && s->areas >= MODEL_FULL) || t->sources == SOURCES)
		return;
	if (cmd.argsz < 32 || cmd.flags & ~3u)
		want = -EINVAL;
	else if (!s)
		want = -ENODEV;
	else
		want = model_map_into(s, &source, iova, &area);
	rc = call(t, 0, VFIO_IOMMU_MAP_DMA, &cmd, sizeof(cmd));
	if (want || !may_not_pin(t, s, source.unsure || is_odd(t, s, source.flags), rc))
		expect(t, "MAP_DMA", rc, want);
	if (!rc)
		area_add(t, s, &area, false);
}

static inline bool is_pinned(const struct target *t, struct model_ioas *s, uint64_t byte)
{
	const struct model_area *a = model_area_in(s, byte, byte);

	for (unsigned i = 0; a && i < ITEMS; i++)
		if (item_in(&t->item[i], s, a->first, a->last))
			return true;
	return false;
}

/* What UNMAP tests, and the cuts that it makes, before it comes to the range. */
static inline int want_unmap(struct target *t, struct model_ioas *s,
			     const struct vfio_iommu_type1_dma_unmap *cmd)
{
	const uint64_t cuts[2] = {cmd->iova + cmd->size - 1, cmd->iova - 1};
	int rc = 0;

	if (cmd->argsz < 24 || cmd->flags & ~2u)
		return -EINVAL;
	if (!s)
		return -ENODEV;
	if (cmd->flags)
		return cmd->iova || cmd->size ? -EINVAL : 0;
	for (unsigned i = 0; !rc && s->small_pages && i < (cmd->iova ? 2u : 1u); i++)
		rc = model_cut(s, cuts[i], is_pinned(t, s, cuts[i]));
	return rc;
}

static inline void compat_unmap(struct target *t, struct model_ioas *s, uint64_t how)
{
	uint64_t iova = any_iova(t, s), bytes = 0;
	struct vfio_iommu_type1_dma_unmap cmd = {.argsz = how >= 0xf8 ? 16 : sizeof(cmd),
						 .flags = how & 0xe0 ? 0 : how >> 3 & 3,
						 .iova = iova,
						 .size = any_length(t, s, iova)};
	const struct model_area *a = s && s->areas ? &s->area[(how & 7) % s->areas] : NULL;
	uint64_t size;
	int want, rc;
	bool reached;

	/* An area and the beginning of what follows. */
	if (a && !(cmd.flags & 2) && how & 8) {
		cmd.iova = iova = a->first;
		cmd.size = a->last - a->first + 1 + MODEL_PAGE;
	}
	size = cmd.size;

	/* These mean something else to the reference. */
	if (iova == UINT64_MAX || size == UINT64_MAX || (s && s->areas >= MODEL_FULL))
		return;
	want = want_unmap(t, s, &cmd);
	reached = !want;
	if (reached && cmd.flags)
		want = model_unmap(s, 0, UINT64_MAX, &bytes);
	else if (reached)
		want = model_unmap(s, iova, size, &bytes);
	/* Nothing there is no error here. */
	if (reached && want == -ENOENT && !model_area_in(s, iova, iova + (size - 1)))
		want = 0;
	rc = call(t, 0, VFIO_IOMMU_UNMAP_DMA, &cmd, sizeof(cmd));
	expect(t, "UNMAP_DMA", rc, want);
	if (cmd.size != (reached ? bytes : size))
		differ_number(t, "UNMAP_DMA's size", "size", cmd.size, reached ? bytes : size,
			      false);
	if (!s)
		return;
	drop_items(t, s);
	drop_marks(t, s);
}

static inline void compat_choose(struct target *t, uint64_t how)
{
	struct iommu_vfio_ioas cmd = {.op = how & 3, .ioas_id = any_id(t, IOMMUFD_OBJ_IOAS)};
	const uint32_t id = cmd.ioas_id;
	int want = 0;

	if (cmd.op == IOMMU_VFIO_IOAS_CLEAR && how & 0x30)
		return;
	if (cmd.op == IOMMU_VFIO_IOAS_GET)
		want = t->compat ? 0 : -ENODEV;
	else if (cmd.op == IOMMU_VFIO_IOAS_SET)
		want = model_of(t, id) ? 0 : -ENOENT;
	else if (cmd.op > IOMMU_VFIO_IOAS_CLEAR)
		want = -EOPNOTSUPP;
	expect(t, "VFIO_IOAS", command(t, IOMMU_VFIO_IOAS, &cmd, sizeof(cmd)), want);
	if (!want && cmd.op == IOMMU_VFIO_IOAS_GET && cmd.ioas_id != t->compat)
		differ_number(t, "VFIO_IOAS", "id", cmd.ioas_id, t->compat, true);
	if (!want && cmd.op)
		t->compat = cmd.op == IOMMU_VFIO_IOAS_SET ? id : 0;
}

static inline void compat_type(struct target *t, struct model_ioas *s, uint64_t how)
{
	const unsigned long type = how & 7 ? 1 + (how & 2) : how >> 3 & 15;
	int rc, want = 0;

	if (type != 1 && type != 3)
		want = -EINVAL;
	else if (!s)
		want = -ENODEV;
	else if (type == 1)
		want = set_small_pages(t, s);
	rc = sio_ioctl(t->c.process, 0, VFIO_SET_IOMMU, client_address(type));
	rc = rc < 0 ? -errno : rc;
	note(t, 0, rc, "set_iommu x0 %lu", type);
	expect(t, "SET_IOMMU", rc, want);
}

static inline void compat_extension(struct target *t, const struct model_ioas *s, uint64_t how)
{
	const unsigned long number = how % 12;
	int rc = sio_ioctl(t->c.process, 0, VFIO_CHECK_EXTENSION, client_address(number));
	const int want = number == 1 || number == 3 || number == 8 || number == 9;

	rc = rc < 0 ? -errno : rc;
	note(t, 0, rc, "check_extension x0 %lu", number);
	if (number == 4 ? (s ? rc < 0 : rc != -ENODEV) : rc != want)
		fail_pair(t, "CHECK_EXTENSION", rc, want);
}

static inline void do_compat(struct target *t)
{
	uint64_t what = take(t, 1), how = take(t, 1);
	struct model_ioas *s = model_of(t, t->compat);

	switch (what % 12) {
	case 0:
		compat_choose(t, how);
		break;
	case 1:
		compat_type(t, s, how);
		break;
	case 2:
		compat_extension(t, s, how);
		break;
	case 3:
	case 4:
	case 5:
		compat_info(t, s, how);
		break;
	case 6:
	case 7:
	case 8:
		compat_map(t, s, how);
		break;
	default:
		compat_unmap(t, s, how);
	}
}

#endif
