/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The state of the iommufd target: its program, the model beside it, and how bytes name objects,
 * addresses and lengths. Descriptor 0 is /dev/iommu, 1 a memory file.
 */
#ifndef FUZZ_IOMMUFD_TARGET_H
#define FUZZ_IOMMUFD_TARGET_H

#include "client.h"
#include "ioas_model.h"

#include "iommufd/iommufd_private.h"
#include "mock/iommufd_test.h"

#define FDS          16u
#define DATA         (ARENA_FIRST + 0x1000) /* what structures point to */
#define MEMORY_PAGES 64u
#define MEMORY_RW    56u /* the pages after these are read-only */
#define FILE_PAGES   16u
#define FILE_FD      1

struct target {
	struct client c;
	struct sio_process *child; /* NULL: none */
	struct model_ioas ioas[MODEL_IOAS];
	uint32_t access[FDS]; /* the IOAS of the access at a descriptor; 0: none */
	bool limited;         /* pinning may meet a limit */
};

static inline uint64_t take(struct target *t, unsigned bytes)
{
	return client_take(&t->c, bytes);
}

static inline void fail_pair(const struct target *t, const char *what, int got, int want)
{
	char text[160];

	snprintf(text, sizeof(text), "%s answers %d, not %d", what, got, want);
	client_fail(&t->c, text);
}

static inline void fail_iova(const struct target *t, const char *what, uint64_t got, uint64_t want)
{
	char text[160];

	snprintf(text, sizeof(text), "%s gives the iova %#llx, not %#llx", what,
		 (unsigned long long)got, (unsigned long long)want);
	client_fail(&t->c, text);
}

static inline int command(struct target *t, unsigned long request, void *cmd, uint32_t size)
{
	memcpy(cmd, &size, sizeof(size));
	return client_ioctl(&t->c, 0, request, cmd, size);
}

static inline int test(struct target *t, uint32_t op, struct iommu_test_cmd *cmd)
{
	cmd->op = op;
	return command(t, IOMMU_TEST_CMD, cmd, sizeof(*cmd));
}

static inline void put_data(uint64_t offset, const void *data, size_t len)
{
	arena_copy_out(NULL, DATA + offset, data, len);
}

/* ---- naming things ---- */

static inline struct iommufd_ctx *context(const struct target *t)
{
	struct file *file = fd_lookup(t->c.process->fds, 0);

	return file ? iommufd_ctx_from_file(file) : NULL;
}

static inline unsigned count_of(const struct target *t, enum iommufd_object_type type)
{
	const struct iommufd_ctx *ctx = context(t);
	const struct iommufd_object *obj;
	uint32_t position = 0;
	unsigned n = 0;

	while (ctx && (obj = iommufd_object_at(ctx, &position)))
		n += type == IOMMUFD_OBJ_NONE || obj->type == type;
	return n;
}

/* The n-th live object of a kind, now and then any number. */
static inline uint32_t any_id(struct target *t, enum iommufd_object_type type)
{
	const struct iommufd_ctx *ctx = context(t);
	const struct iommufd_object *obj;
	unsigned n = (unsigned)take(t, 1), count = count_of(t, type);
	uint32_t position = 0;

	if (n >= 0xf0 || !count)
		return n % 16;
	n %= count;
	while ((obj = iommufd_object_at(ctx, &position)))
		if ((type == IOMMUFD_OBJ_NONE || obj->type == type) && !n--)
			return obj->id;
	return 0;
}

static inline struct model_ioas *model_of(struct target *t, uint32_t id)
{
	for (unsigned i = 0; id && i < MODEL_IOAS; i++)
		if (t->ioas[i].id == id)
			return &t->ioas[i];
	return NULL;
}

static inline uint64_t any_edge(struct target *t)
{
	static const uint64_t edges[] = {
		0,
		1,
		2047,
		4095,
		4096,
		MOCK_APERTURE_START - 1,
		MOCK_APERTURE_LAST,
		UINT64_C(1) << 32,
		INT64_MAX,
		UINT64_C(1) << 63,
		UINT64_MAX - 8191,
		UINT64_MAX - 4096,
		UINT64_MAX - 4095,
		UINT64_MAX - 1,
		UINT64_MAX,
		MODEL_HUGE,
	};

	return edges[take(t, 1) % SIO_ARRAY_SIZE(edges)];
}

/* Near an area, in the mock's aperture, or at an edge. */
static inline uint64_t any_iova(struct target *t, const struct model_ioas *s)
{
	uint64_t how = take(t, 1);
	const struct model_area *a =
		s && s->areas ? &s->area[(how >> 4) % s->areas] : &(struct model_area){0};

	switch (how & 15) {
	case 0:
	case 1:
	case 2:
		return a->first;
	case 3:
		return a->last + 1;
	case 4:
		return a->last;
	case 5:
		return a->first + 2048;
	case 6:
		return a->first + take(t, 1);
	case 7:
		return a->first - 4096;
	case 8:
		return any_edge(t);
	case 9:
		return MOCK_APERTURE_START + take(t, 1) * 2048 + take(t, 1);
	case 10:
		return MOCK_APERTURE_START + take(t, 1) * 2048;
	default:
		return MOCK_APERTURE_START + take(t, 1) * 4096;
	}
}

static inline uint64_t any_length(struct target *t, const struct model_ioas *s)
{
	uint64_t how = take(t, 1);
	const struct model_area *a =
		s && s->areas ? &s->area[(how >> 4) % s->areas] : &(struct model_area){0};

	switch (how & 7) {
	case 0:
		return a->last - a->first + 1;
	case 1:
		return a->last - a->first + 1 + 4096 * (how >> 4);
	case 2:
		return 2048 * (how >> 3);
	case 3:
		return how & 8 ? take(t, 2) : any_edge(t);
	default:
		return 4096 * (1 + (how >> 3) % 16);
	}
}

static inline uint32_t any_flags(struct target *t)
{
	static const uint32_t flags[] = {7, 7, 7, 7, 7, 7, 6, 6, 6, 5, 3, 2, 4, 1, 8, 7};

	return flags[take(t, 1) % SIO_ARRAY_SIZE(flags)];
}

/* ---- the model beside it ---- */

/* What the program can ask about an address space. NULL stays NULL. */
static inline void look(struct target *t, struct model_ioas *s)
{
	struct iommu_ioas_iova_ranges cmd = {.num_iovas = MODEL_GAPS, .allowed_iovas = DATA};
	int rc;

	if (!s)
		return;
	cmd.ioas_id = s->id;
	rc = command(t, IOMMU_IOAS_IOVA_RANGES, &cmd, sizeof(cmd));
	if (rc)
		fail_pair(t, "IOVA_RANGES", rc, 0);
	s->gaps = cmd.num_iovas;
	s->alignment = cmd.out_iova_alignment;
	s->filled = iopt_has_domain(iommufd_ioas_find(context(t), s->id)->iopt);
	memcpy(s->gap, arena + (DATA - ARENA_FIRST), s->gaps * sizeof(s->gap[0]));
}

static inline void compare(const struct target *t, struct model_ioas *s)
{
	const struct iommufd_ioas *ioas = iommufd_ioas_find(context(t), s->id);
	struct iopt_area_info info;
	unsigned count = 0;
	uint64_t from = 0;

	if (!ioas)
		client_fail(&t->c, "an IOAS is gone");
	while (iopt_area_at(ioas->iopt, from, &info)) {
		const struct model_area *a = model_area_in(s, info.first, info.last);

		if (!a || a->first != info.first || a->last != info.last ||
		    a->byte != info.user_va || a->file != info.file)
			client_fail(&t->c, "an area is not what it should be");
		count++;
		if (info.last == UINT64_MAX)
			break;
		from = info.last + 1;
	}
	if (count != s->areas)
		client_fail(&t->c, "an area is missing");
}

/* The areas that are there after all: those of hardware queues stay, and what lies above them. */
static inline void model_keep(const struct target *t, struct model_ioas *s,
			      const struct model_ioas *old)
{
	const struct iommufd_ioas *ioas = iommufd_ioas_find(context(t), s->id);
	struct iopt_area_info info;

	*s = *old;
	for (unsigned i = s->areas; i--;)
		if (!iopt_area_at(ioas->iopt, s->area[i].first, &info) ||
		    info.first != s->area[i].first)
			model_remove(s, &s->area[i]);
}

static inline void model_forget(struct target *t)
{
	memset(t->ioas, 0, sizeof(t->ioas));
	memset(t->access, 0, sizeof(t->access));
}

/* Pinning is the last thing that can fail, and only where the model is not sure. */
static inline bool may_not_pin(const struct target *t, const struct model_ioas *s, bool unsure,
			       int rc)
{
	return s && s->filled && (unsure || t->limited) &&
	       (rc == -EFAULT || rc == -EINVAL || rc == -ENOMEM);
}

#endif
