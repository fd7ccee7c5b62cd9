/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Address spaces: mappings, copies, allowed and reserved ranges, options. Operations of the iommufd
 * target, each with what it has to answer and what follows from it.
 */
#ifndef FUZZ_IOMMUFD_AREAS_H
#define FUZZ_IOMMUFD_AREAS_H

#include "iommufd_compat.h"

/* ---- address spaces ---- */

static inline void do_ioas(struct target *t)
{
	struct iommu_ioas_alloc cmd = {.flags = take(t, 1) >= 0xf0};
	const unsigned before = count_of(t, IOMMUFD_OBJ_NONE);
	unsigned i = 0;
	int rc;

	while (i < MODEL_IOAS && t->ioas[i].id)
		i++;
	if (i == MODEL_IOAS)
		return;
	arena_sealed = take(t, 1) >= 0xe0;
	rc = command(t, IOMMU_IOAS_ALLOC, &cmd, sizeof(cmd));
	expect(t, "IOAS_ALLOC", rc, cmd.flags ? -EOPNOTSUPP : arena_sealed ? -EFAULT : 0);
	arena_sealed = false;
	if (!rc) {
		t->ioas[i] = (struct model_ioas){.id = cmd.out_ioas_id};
		settle(t, &t->ioas[i]);
	} else if (count_of(t, IOMMUFD_OBJ_NONE) != before) {
		fail_counts(t, "IOAS_ALLOC failed and left an object", "objects=%u", before);
	}
}

static inline int run_map(struct target *t, uint32_t id, const struct model_source *source,
			  uint64_t *iova)
{
	struct iommu_ioas_map map = {.ioas_id = id,
				     .flags = source->flags,
				     .user_va = source->byte,
				     .length = source->length,
				     .iova = *iova};
	struct iommu_ioas_map_file file = {.ioas_id = id,
					   .flags = source->flags,
					   .fd = FILE_FD,
					   .start = source->byte,
					   .length = source->length,
					   .iova = *iova};
	int rc = source->file ? command(t, IOMMU_IOAS_MAP_FILE, &file, sizeof(file))
			      : command(t, IOMMU_IOAS_MAP, &map, sizeof(map));

	*iova = source->file ? file.iova : map.iova;
	return rc;
}

static inline void map_source(struct target *t, uint32_t id, struct model_source *source,
			      uint64_t iova, bool by_child)
{
	struct sio_process *parent = t->c.process;
	struct model_ioas *s = model_of(t, id);
	struct model_area area;
	int want, rc;

	source->unsure = !is_sure(source, by_child);
	if ((s && s->areas >= MODEL_FULL) || t->sources == SOURCES)
		return;
	want = model_map(s, source, iova, &area);
	if (by_child)
		t->c.process = t->child;
	rc = run_map(t, id, source, &iova);
	t->c.process = parent;
	if (want || !may_not_pin(t, s, source->unsure || is_odd(t, s, source->flags), rc))
		expect(t, "IOAS_MAP", rc, want);
	if (rc)
		return;
	if (iova != area.first)
		differ_number(t, "IOAS_MAP gives the iova", "iova", iova, area.first, false);
	area_add(t, s, &area, by_child);
}

static inline void do_map(struct target *t)
{
	uint32_t id = any_id(t, IOMMUFD_OBJ_IOAS);
	struct model_ioas *s = model_of(t, id);
	uint64_t how = take(t, 1), iova = any_iova(t, s);
	struct model_source source = {.flags = any_flags(t),
				      .later = t->later,
				      .file = t->later && how % 8 == 7};

	source.byte = any_byte(t, source.file);
	source.length = any_length(t, s, iova);
	/* As much alignment as there is. */
	if (!(source.flags & IOMMU_IOAS_MAP_FIXED_IOVA) && how & 32 && !source.file) {
		source.byte = HUGE_AT;
		source.length = MODEL_PAGE << (how >> 6) * 3;
	}
	/* A buffer around the end of the space. */
	if (how % 8 == 5)
		source.byte = 0 - source.length + MODEL_PAGE * (how >> 6) - MODEL_PAGE;
	map_source(t, id, &source, iova, t->child && how & 64);
}

static inline void do_copy(struct target *t)
{
	struct iommu_ioas_copy cmd = {.flags = any_flags(t),
				      .dst_ioas_id = any_id(t, IOMMUFD_OBJ_IOAS),
				      .src_ioas_id = any_id(t, IOMMUFD_OBJ_IOAS)};
	struct model_ioas *dst = model_of(t, cmd.dst_ioas_id);
	struct model_ioas *src = model_of(t, cmd.src_ioas_id);
	static struct model_pieces to;
	bool unsure = is_odd(t, dst, cmd.flags);
	int want, rc;

	cmd.src_iova = any_iova(t, src);
	cmd.length = any_length(t, src, cmd.src_iova);
	cmd.dst_iova = any_iova(t, dst);
	if ((dst && dst->areas >= MODEL_FULL) || (src && src->areas >= MODEL_FULL))
		return;
	want = model_copy(dst, src, &cmd, &to);
	for (unsigned i = 0; i < to.count; i++) {
		unsure |= to.area[i].unsure;
		/* Behind a piece of odd length others lie askew, which a domain refuses, if there
		 * is one and it comes to that. */
		if (!want && to.area[i].first % dst->alignment)
			return;
	}
	rc = command(t, IOMMU_IOAS_COPY, &cmd, sizeof(cmd));
	if (want || !may_not_pin(t, dst, unsure, rc))
		expect(t, "IOAS_COPY", rc, want);
	if (rc)
		return;
	if (cmd.dst_iova != to.area[0].first)
		differ_number(t, "IOAS_COPY gives the iova", "dst_iova", cmd.dst_iova,
			      to.area[0].first, false);
	memcpy(&dst->area[dst->areas], to.area, to.count * sizeof(to.area[0]));
	dst->areas += to.count;
}

static inline void do_unmap(struct target *t)
{
	struct iommu_ioas_unmap cmd = {.ioas_id = any_id(t, IOMMUFD_OBJ_IOAS)};
	struct model_ioas *s = model_of(t, cmd.ioas_id);
	uint64_t bytes, length;
	int want, rc;

	cmd.iova = any_iova(t, s);
	cmd.length = any_length(t, s, cmd.iova);
	if (take(t, 1) >= 0xf8) {
		cmd.iova = 0;
		cmd.length = UINT64_MAX;
	}
	length = cmd.length;
	want = model_unmap(s, cmd.iova, cmd.length, &bytes);
	rc = command(t, IOMMU_IOAS_UNMAP, &cmd, sizeof(cmd));
	expect(t, "IOAS_UNMAP", rc, want);
	if (cmd.length != (rc ? length : bytes))
		differ_number(t, "IOAS_UNMAP's length", "length", cmd.length, rc ? length : bytes,
			      false);
	if (!s)
		return;
	drop_items(t, s);
	drop_marks(t, s);
}

static inline void do_allow(struct target *t)
{
	struct iommu_iova_range range[4];
	struct iommu_ioas_allow_iovas cmd = {.ioas_id = any_id(t, IOMMUFD_OBJ_IOAS),
					     .allowed_iovas = DATA};
	struct model_ioas *s = model_of(t, cmd.ioas_id);
	static struct model_ioas old;
	const uint64_t how = take(t, 1);
	int want, rc;

	cmd.num_iovas = how & 3;
	for (unsigned i = 0; i < cmd.num_iovas; i++) {
		range[i].start = how & 4 ? any_edge(t) : any_iova(t, s);
		range[i].last = range[i].start + any_length(t, s, range[i].start) - 1;
		if (how & 8 && range[i].last < range[i].start)
			range[i].last = UINT64_MAX;
		/* What is left of the space when little is. */
		if (!i && (how & 0x14) == 0x14) {
			range[i].start = 0 - (MODEL_PAGE << (1 + (how >> 5)));
			range[i].last = how & 8 ? UINT64_MAX : UINT64_MAX - MODEL_PAGE;
		}
	}
	if (s)
		old = *s;
	want = model_allow(s, range, cmd.num_iovas);
	put_data(0, range, cmd.num_iovas * sizeof(range[0]));
	rc = command(t, IOMMU_IOAS_ALLOW_IOVAS, &cmd, sizeof(cmd));
	expect(t, "IOAS_ALLOW_IOVAS", rc, want);
	if (s && rc)
		*s = old;
}

static inline void do_reserve(struct target *t)
{
	struct iommu_test_cmd cmd = {.id = any_id(t, IOMMUFD_OBJ_IOAS)};
	struct model_ioas *s = model_of(t, cmd.id);
	uint64_t last = 0;
	int want, rc;

	if (s && s->reserved_count + 12 > MODEL_RESERVED)
		return;
	cmd.add_reserved.start = any_iova(t, s);
	cmd.add_reserved.length = any_length(t, s, cmd.add_reserved.start);
	if (!cmd.add_reserved.length)
		want = -EINVAL;
	else if (__builtin_add_overflow(cmd.add_reserved.start, cmd.add_reserved.length - 1, &last))
		want = -EOVERFLOW;
	else if (!s)
		want = -ENOENT;
	else
		want = model_may_reserve(s, cmd.add_reserved.start, last) ? 0 : -EADDRINUSE;
	rc = test(t, IOMMU_TEST_OP_ADD_RESERVED, &cmd);
	expect(t, "ADD_RESERVED", rc, want);
	if (rc)
		return;
	model_reserve(s, cmd.add_reserved.start, last, 0);
	settle(t, s);
}

/* ---- options ---- */

static inline void option_pages(struct target *t, uint64_t how)
{
	struct iommu_option cmd = {.option_id = IOMMU_OPTION_HUGE_PAGES,
				   .op = how & 7 ? how & 1 : 2,
				   .val64 = how >> 3 & 7 ? how >> 3 & 1 : 2,
				   .object_id = any_id(t, IOMMUFD_OBJ_IOAS)};
	struct model_ioas *s = model_of(t, cmd.object_id);
	const uint64_t value = cmd.val64;
	int want = !s ? -ENOENT : cmd.op > 1 ? -EOPNOTSUPP : 0;

	if (!want && cmd.op == IOMMU_OPTION_OP_SET) {
		want = value > 1 ? -EINVAL : value ? 0 : set_small_pages(t, s);
		if (value == 1) {
			s->small_pages = false;
			settle(t, s);
		}
	}
	expect(t, "OPTION", command(t, IOMMU_OPTION, &cmd, sizeof(cmd)), want);
	if (!want && cmd.val64 != (cmd.op ? !s->small_pages : value))
		differ_number(t, "HUGE_PAGES", "val", cmd.val64, cmd.op ? !s->small_pages : value,
			      true);
}

static inline void change_process(struct target *t)
{
	struct iommu_ioas_change_process cmd = {0};
	bool memory = false;
	int rc;

	if (!t->later)
		return;
	for (unsigned i = 0; i < MODEL_IOAS; i++)
		for (unsigned n = 0; t->ioas[i].id && n < t->ioas[i].areas; n++)
			memory |= !t->ioas[i].area[n].file;
	rc = command(t, IOMMU_IOAS_CHANGE_PROCESS, &cmd, sizeof(cmd));
	if (memory)
		expect(t, "CHANGE_PROCESS", rc, -EINVAL);
	else if (rc && !t->limited && !t->vague)
		fail_pair(t, "CHANGE_PROCESS", rc, 0);
	for (unsigned i = 0; !memory && i < t->sources; i++) {
		t->vague |= t->source[i].by_child;
		t->source[i].by_child = false;
	}
}

static inline void option_mode(struct target *t, uint64_t how)
{
	struct iommu_option cmd = {.option_id = how >> 2 & 7 ? 0 : 2,
				   .op = how >> 5 & 3,
				   .val64 = 3};
	int want = -EOPNOTSUPP;

	if (!count_of(t, IOMMUFD_OBJ_NONE))
		return;
	if (!cmd.option_id && cmd.op < 2)
		want = cmd.op ? 0 : -EBUSY;
	expect(t, "OPTION", command(t, IOMMU_OPTION, &cmd, sizeof(cmd)), want);
	if (!want && cmd.val64 != (t->account == IOPT_ACCOUNT_MM))
		differ_number(t, "RLIMIT_MODE", "val", cmd.val64, t->account == IOPT_ACCOUNT_MM,
			      true);
}

static inline void do_option(struct target *t)
{
	uint64_t how = take(t, 1), more = take(t, 1);
	struct iommu_test_cmd limit = {.memory_limit = {.limit = 12 + (uint32_t)more * 64}};

	switch (how & 3) {
	case 0:
		option_pages(t, more);
		break;
	case 1:
		change_process(t);
		break;
	case 2:
		expect(t, "MEMORY_LIMIT", test(t, IOMMU_TEST_OP_SET_TEMP_MEMORY_LIMIT, &limit), 0);
		break;
	default:
		option_mode(t, how);
	}
}

#endif
