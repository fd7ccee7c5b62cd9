/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The state of the iommufd target: its program, the reference beside it, how bytes name objects,
 * addresses and lengths, and what is printed when the two differ. Descriptor 0 is /dev/iommu, 1 a
 * memory file.
 */
#ifndef FUZZ_IOMMUFD_TARGET_H
#define FUZZ_IOMMUFD_TARGET_H

#include "client.h"
#include "ioas_model.h"
#include "iommufd_words.h"

#include "iommufd/iommufd_private.h"
#include "mock/iommufd_test.h"

#define BITMAP       (DATA + 0x4000)
#define BITMAP_BYTES 0x4000u
#define FDS          24u
#define DATA         (ARENA_FIRST + 0x1000) /* what structures point to */
#define DEVICES      10u
#define REAL         4u /* the first ones are functions on PCI, the others the mock's */
#define HWPTS        16u
#define QUEUES       4u
#define GROUPS       24u
#define ITEMS        48u
#define VIOMMUS      12u
#define SOURCES      512u
#define MARKS        64u
#define LOG          2048u

struct device {
	uint32_t id; /* 0: there is none, or not bound */
	uint32_t hwpt;
	uint32_t stdev;          /* the mock's object */
	struct sio_device *real; /* NULL: a mock */
	int fd, group;           /* of a real one; fd -1: its node is not open */
	bool odd;                /* a mock with flags */
	uint32_t of, virt;       /* vIOMMU and number there, when it was attached; 0: none */
};

struct hwpt {
	uint32_t id; /* 0: none */
	uint32_t ioas, parent;
	bool nested, automatic, mock, nest_parent, dirty_ops, tracking, viommu;
	uint64_t pgsizes;
	uint32_t fault;
	uint32_t of; /* the vIOMMU that a nested one was made from */
	uint32_t iotlb[MOCK_NESTED_DOMAIN_IOTLB_NUM]; /* of a nested one */
	uint64_t mark[MARKS];                         /* dirty, in halves of pages */
	unsigned marks;
	bool overflow; /* more marks than that */
};

/* One group of page requests. */
struct request {
	uint32_t device, hwpt, grpid, cookie, perm;
	unsigned count, group;
	uint64_t addr; /* of the first, the others follow by pages */
};

struct queue {
	uint32_t id; /* 0: none */
	int fd;
	bool zero_free;
	struct request queued[GROUPS], unanswered[GROUPS];
	unsigned queued_count, unanswered_count;
};

struct viommu {
	uint32_t id, parent; /* 0: none */
};

struct vdevice {
	uint32_t id, viommu, device; /* 0: none */
	uint64_t virt;
};

/* Events that wait; those beyond the depth leave one record, the last. */
struct events {
	uint32_t id, viommu; /* 0: none */
	int fd;              /* -1: closed */
	uint32_t depth, sequence, lost_sequence;
	struct {
		uint32_t sequence, virt;
	} event[4];
	unsigned count;
	bool lost;
};

/* What an access or a hardware queue has pinned. */
struct item {
	uint32_t owner; /* descriptor, or 2^16 + the queue's id; 0: none */
	uint32_t id, ioas;
	uint64_t first, last;
};

struct source {
	enum iopt_account account;
	bool by_child;
};

struct access {
	uint32_t ioas; /* 0: no access at this descriptor */
	bool pins;
};

struct target {
	struct client c;
	struct sio_process *child; /* NULL: none */
	bool later, amd;           /* 7.2; the platform */
	enum iopt_account account;
	bool charged; /* the program has no CAP_IPC_LOCK */
	struct model_ioas ioas[MODEL_IOAS];
	struct device device[DEVICES];
	struct hwpt hwpt[HWPTS];
	struct queue queue[QUEUES];
	struct viommu viommu[VIOMMUS];
	struct vdevice vdevice[VIOMMUS];
	struct events events[VIOMMUS];
	struct item item[ITEMS];
	struct access access[FDS];
	struct source source[SOURCES];
	unsigned sources;
	uint32_t compat;
	uint64_t window; /* mapped from the descriptor; 0: none */
	uint64_t window_size;
	bool limited;  /* pinning may meet a limit */
	bool pasids;   /* some are attached, perhaps */
	bool vague;    /* charges of processes went where the reference does not look */
	bool injected; /* this operation may fail for no other reason */
	struct words log[LOG];
	unsigned logged;
};

static inline uint64_t take(struct target *t, unsigned bytes)
{
	return client_take(&t->c, bytes);
}

/* ---- what is printed ---- */

static inline uint8_t *data_at(uint64_t offset)
{
	return arena + (DATA - ARENA_FIRST) + offset;
}

static inline uint8_t *bitmap_at(uint64_t byte)
{
	return data_at(BITMAP - DATA + byte);
}

static inline struct words *next_words(struct target *t)
{
	struct words *w = &t->log[t->logged++ % LOG];

	w->fd = 0;
	w->sealed = false;
	w->by_child = t->child && t->c.process == t->child;
	return w;
}

/* A line of a recording, with % where the file `fd` is named. */
__attribute__((format(printf, 4, 5))) static inline void note(struct target *t, int fd, long rc,
							      const char *format, ...)
{
	struct words *w = next_words(t);
	va_list args;

	w->request = WORDS_TEXT;
	w->fd = fd;
	w->rc = (int)rc;
	va_start(args, format);
	vsnprintf(w->text, sizeof(w->text), format, args);
	va_end(args);
}

static inline void note_dma(struct target *t, const struct device *d, bool write, uint64_t iova,
			    int rc)
{
	struct words *w = next_words(t);

	w->request = write ? WORDS_DMA_WRITE : WORDS_DMA_READ;
	w->rc = rc;
	w->dma.device = (unsigned)(d - t->device);
	w->dma.iova = iova;
}

static inline void print_start(struct finding *f)
{
	static const char *const lines[] = {
		"device A A",
		"device B B",
		"device C C",
		"device D D",
		"buffer m size=0x40000 kind=shared huge=1 align=0x200000000",
		"bufprot m off=0x38000 size=0x8000 prot=r",
		"fillseq m off=0 size=0x38000 seed=1",
		"buffer h size=0x400000 kind=shared huge=1 align=0x300000000",
		"buffer s size=0xf000",
		"iommufd x0",
		"memfd x1 size=0x10000 huge=1",
	};

	for (unsigned i = 0; i < SIO_ARRAY_SIZE(lines); i++)
		finding_do(f, lines[i]);
}

/* All but the last so many. */
static inline void print_session(const struct target *t, struct finding *f, unsigned without)
{
	char line[FINDING_LINE];
	bool by_child = false;

	print_start(f);
	if (t->logged > LOG)
		finding_unsaid(f, "the beginning is missing");
	for (unsigned i = t->logged > LOG ? t->logged - LOG : 0; i < t->logged; i++) {
		const struct words *w = &t->log[i % LOG];

		if (w->by_child != by_child)
			finding_do(f, by_child ? "turn main" : "turn child");
		by_child = w->by_child;
		if (i + without >= t->logged)
			break;
		if (words_line(line, w))
			finding_line(f, w->rc, line);
		else
			finding_unsaid(f, line);
	}
}

/* The session so far, as a recording. */
static inline void print_all(const struct target *t, struct finding *f, FILE *out, unsigned without)
{
	const struct author_cfg cfg = {.name = "iommufd",
				       .kernel = t->later ? "7.2" : "6.12,no_prq_pasid_only",
				       .platform = t->amd ? "amdvi-full" : "vtd57nest",
				       .selftest = true};

	finding_begin(f, out, &cfg);
	print_session(t, f, without);
}

static inline void print_mark(const struct target *t, struct finding *f, const char *what)
{
	char text[200];

	fprintf(stderr, "# ^^^ iommufd: %s\n", what);
	finding_end(f);
	snprintf(text, sizeof(text), "%s", what);
	client_fail(&t->c, text);
}

/* The session, and what is wrong with its last operation. */
static inline void differ(const struct target *t, const char *what)
{
	struct finding f;

	print_all(t, &f, stderr, 0);
	print_mark(t, &f, what);
}

/* The last answer should be `wanted`; with `key`: in that field, the n-th of its name. */
static inline void differ_answer(const struct target *t, const char *what, const char *wanted,
				 const char *key, unsigned n)
{
	char line[FINDING_LINE];
	struct finding f;

	if (!t->logged || !words_line(line, &t->log[(t->logged - 1) % LOG]))
		differ(t, what);
	print_all(t, &f, stderr, 1);
	if (key)
		finding_want_field(&f, line, key, n, wanted);
	else
		finding_want(&f, line, wanted);
	print_mark(t, &f, what);
}

static inline void differ_number(const struct target *t, const char *what, const char *key,
				 uint64_t got, uint64_t want, bool decimal)
{
	char text[160], wanted[32];

	snprintf(text, sizeof(text), "%s: %#llx, not %#llx", what, (unsigned long long)got,
		 (unsigned long long)want);
	snprintf(wanted, sizeof(wanted), decimal ? "%llu" : "0x%llx", (unsigned long long)want);
	differ_answer(t, text, wanted, key, 0);
}

/* The last answer is right, but if one asked `line` then, the answer should be `wanted`. */
static inline void differ_asked(const struct target *t, const char *what, const char *line,
				const char *wanted)
{
	struct finding f;

	print_all(t, &f, stderr, 0);
	finding_want(&f, line, wanted);
	print_mark(t, &f, what);
}

static inline void fail_pair(const struct target *t, const char *what, long got, long want)
{
	char text[160], wanted[64];

	snprintf(text, sizeof(text), "%s answers %ld, not %ld", what, got, want);
	finding_answer(wanted, sizeof(wanted), want);
	differ_answer(t, text, wanted, NULL, 0);
}

static inline void fail_values(const struct target *t, const char *what, uint64_t got,
			       uint64_t want)
{
	char text[160];

	snprintf(text, sizeof(text), "%s: %#llx, not %#llx", what, (unsigned long long)got,
		 (unsigned long long)want);
	differ(t, text);
}

/* What is counted should be that: `fields` of the question "stats". */
__attribute__((format(printf, 3, 4))) static inline void
fail_counts(const struct target *t, const char *what, const char *format, ...)
{
	char fields[200];
	struct finding f;
	va_list args;

	va_start(args, format);
	vsnprintf(fields, sizeof(fields), format, args);
	va_end(args);
	print_all(t, &f, stderr, 0);
	finding_want_fields(&f, "stats", fields);
	print_mark(t, &f, what);
}

/* The bits that came were put right in their place. */
static inline void fail_bits(const struct target *t, const struct iommu_hwpt_get_dirty_bitmap *cmd,
			     const char *what)
{
	const uint64_t pages = (cmd->length - 1) / cmd->page_size + 1;
	const uint64_t offset = cmd->data - BITMAP, len = (pages + 63) / 64 * 8;
	char *wanted;

	if (len > BITMAP_BYTES - offset)
		differ(t, what);
	wanted = finding_bitmap(bitmap_at(offset), len);
	differ_answer(t, what, wanted, "bitmap", 0);
	free(wanted);
}

/* The n-th of a read should be another. */
static inline void fail_record(const struct target *t, const struct iommu_hwpt_pgfault *want,
			       unsigned n)
{
	char wanted[200];

	snprintf(wanted, sizeof(wanted),
		 "flags:0x%x,dev:%u,pasid:%u,grpid:%u,perm:0x%x,addr:0x%llx,length:%u,cookie:%u",
		 want->flags, want->dev_id, want->pasid, want->grpid, want->perm, want->addr,
		 want->length, want->cookie);
	differ_answer(t, "a page request reads otherwise", wanted, "fault", n);
}

/* `want` is what the description says; an operation that was made to fail may, instead. */
static inline void expect(const struct target *t, const char *what, int rc, int want)
{
	if (rc != want && !(t->injected && rc < 0))
		fail_pair(t, what, rc, want);
}

/* ---- calls ---- */

/* The program's memory cannot be written. */
static bool arena_sealed;

static inline int guarded_copy_out(const struct uaccess *ua, uint64_t dst, const void *src,
				   size_t len)
{
	return arena_sealed ? -EFAULT : arena_copy_out(ua, dst, src, len);
}

static inline void put_data(uint64_t offset, const void *data, size_t len)
{
	arena_copy_out(NULL, DATA + offset, data, len);
}

static inline int call(struct target *t, int fd, unsigned long request, void *cmd, uint32_t size)
{
	struct words *w = next_words(t);
	const size_t kept = size < sizeof(w->bytes) ? size : sizeof(w->bytes);

	w->request = request;
	w->fd = fd;
	w->sealed = arena_sealed;
	memcpy(w->bytes, cmd, kept);
	memcpy(w->data, data_at(0), sizeof(w->data));
	w->rc = client_ioctl(&t->c, fd, request, cmd, size);
	memcpy(w->after, cmd, kept);
	return w->rc;
}

static inline int command(struct target *t, unsigned long request, void *cmd, uint32_t size)
{
	memcpy(cmd, &size, sizeof(size));
	return call(t, 0, request, cmd, size);
}

static inline int test(struct target *t, uint32_t op, struct iommu_test_cmd *cmd)
{
	cmd->op = op;
	return command(t, IOMMU_TEST_CMD, cmd, sizeof(*cmd));
}

/* Nothing fails any more. */
static inline void inject_off(struct target *t)
{
	sio_inject(t->c.machine, "", NULL, 0);
	t->injected = false;
	note(t, 0, 0, "inject off");
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

static inline enum iommufd_object_type type_of(const struct target *t, uint32_t id)
{
	const struct iommufd_object *obj = iommufd_object_find(context(t), id, IOMMUFD_OBJ_NONE);

	return obj ? obj->type : IOMMUFD_OBJ_NONE;
}

/* The n-th live object of a kind, now and then any number. */
static inline uint32_t any_id(struct target *t, enum iommufd_object_type type)
{
	const struct iommufd_ctx *ctx = context(t);
	const struct iommufd_object *obj;
	unsigned n = (unsigned)take(t, 1), count = count_of(t, type);
	uint32_t position = 0;

	if (n >= 0xf8 || !count)
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

static inline struct hwpt *hwpt_of(struct target *t, uint32_t id)
{
	for (unsigned i = 0; id && i < HWPTS; i++)
		if (t->hwpt[i].id == id)
			return &t->hwpt[i];
	return NULL;
}

static inline struct device *device_of_id(struct target *t, uint32_t id)
{
	for (unsigned i = 0; id && i < DEVICES; i++)
		if (t->device[i].id == id)
			return &t->device[i];
	return NULL;
}

static inline struct queue *queue_of(struct target *t, uint32_t id)
{
	for (unsigned i = 0; id && i < QUEUES; i++)
		if (t->queue[i].id == id)
			return &t->queue[i];
	return NULL;
}

/* The address space that a HWPT shows, at the bottom. */
static inline struct model_ioas *base_of(struct target *t, const struct hwpt *h)
{
	return h ? model_of(t, h->ioas) : NULL;
}

static inline uint64_t any_edge(struct target *t)
{
	static const uint64_t edges[] = {
		0,
		2048,
		4096,
		0xfee00000,
		0xfef00000,
		MOCK_APERTURE_START,
		UINT64_C(1) << 31,
		UINT64_C(1) << 32,
		UINT64_C(0xfd00000000),
		UINT64_C(1) << 57,
		UINT64_C(1) << 63,
		UINT64_C(0) - (UINT64_C(1) << 30),
		UINT64_C(0) - MODEL_HUGE,
		UINT64_C(0) - MODEL_HUGE / 2,
		UINT64_C(0) - 8192,
		0,
	};
	const uint64_t how = take(t, 1), edge = edges[how & 15];

	switch (how >> 4 & 7) {
	case 0:
		return edge - 1;
	case 1:
		return edge + 4096 * (how >> 7);
	case 2:
		return edge - 4096;
	case 3:
		return edge - 2048;
	case 4:
		return edge - (UINT64_C(1) << 20);
	case 5:
		return edge + (UINT64_C(1) << 20);
	default:
		return edge;
	}
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
		return a->first + 4096 * (how >> 4);
	case 8:
		return any_edge(t);
	case 9:
		return MOCK_APERTURE_START + take(t, 1) * 2048 + (how >> 4);
	case 10:
		return MOCK_APERTURE_START + take(t, 1) * 2048;
	case 11:
		return MOCK_APERTURE_START + take(t, 1) % 16 * MODEL_HUGE;
	default:
		return MOCK_APERTURE_START + take(t, 1) % 64 * 4096;
	}
}

static inline uint64_t any_length(struct target *t, const struct model_ioas *s, uint64_t iova)
{
	uint64_t how = take(t, 1);
	const struct model_area *a =
		s && s->areas ? &s->area[(how >> 4) % s->areas] : &(struct model_area){0};

	switch (how & 15) {
	case 0:
	case 1:
	case 2:
		return a->last - a->first + 1;
	case 3:
		return a->last - iova + 1; /* ends with the area */
	case 4:
		return a->last - a->first + 1 + 4096 * (how >> 4);
	case 5:
		return 2048 * (how >> 4);
	case 6:
		return how & 16 ? take(t, 2) : any_edge(t);
	case 7:
		return how & 16 ? 0 - iova : UINT64_C(1) << (how >> 5) * 9; /* to the very end */
	case 8:
		return MODEL_HUGE << (how >> 6);
	default:
		return 4096 * (1 + (how >> 4) % 16);
	}
}

static inline uint32_t any_flags(struct target *t)
{
	static const uint32_t flags[] = {7, 7, 7, 7, 7, 7, 6, 6, 6, 6, 5, 3, 2, 4, 1, 8};

	return flags[take(t, 1) % SIO_ARRAY_SIZE(flags)];
}

/* ---- what follows from other things ---- */

static inline bool item_in(const struct item *item, const struct model_ioas *s, uint64_t first,
			   uint64_t last)
{
	return item->owner && item->ioas == s->id && item->first <= last && first <= item->last;
}

/* After a change of domains, reserved ranges, accesses: gaps and alignment anew. */
static inline void settle(struct target *t, struct model_ioas *s)
{
	if (!s || !s->id)
		return;
	model_gaps(s);
	s->alignment = s->small_pages ? MODEL_PAGE : 1;
	s->domains = 0;
	for (unsigned i = 0; i < HWPTS; i++) {
		const struct hwpt *h = &t->hwpt[i];

		if (!h->id || h->nested || h->ioas != s->id)
			continue;
		s->domains++;
		if ((h->pgsizes & -h->pgsizes) > s->alignment)
			s->alignment = h->pgsizes & -h->pgsizes;
	}
	for (unsigned i = 0; i < FDS; i++)
		if (t->access[i].ioas == s->id && t->access[i].pins && s->alignment < MODEL_PAGE)
			s->alignment = MODEL_PAGE;
	for (unsigned i = 0; i < ITEMS; i++)
		if (t->item[i].owner >> 16 && t->item[i].ioas == s->id && s->alignment < MODEL_PAGE)
			s->alignment = MODEL_PAGE;
}

/* Pins of accesses go with the areas that they were made in. */
static inline void drop_items(struct target *t, struct model_ioas *s)
{
	for (unsigned i = 0; i < ITEMS; i++)
		if (t->item[i].owner && t->item[i].ioas == s->id &&
		    !model_covered(s, t->item[i].first, t->item[i].last))
			t->item[i].owner = 0;
}

/* ... and marks with the translations. */
static inline void drop_marks(struct target *t, struct model_ioas *s)
{
	for (unsigned i = 0; i < HWPTS; i++) {
		struct hwpt *h = &t->hwpt[i];
		unsigned kept = 0;

		if (!h->id || h->ioas != s->id)
			continue;
		for (unsigned n = 0; n < h->marks; n++)
			if (model_area_in(s, h->mark[n], h->mark[n]))
				h->mark[kept++] = h->mark[n];
		h->marks = kept;
	}
}

/* Pinning is the last thing that can fail, and only where the reference is not sure. */
static inline bool may_not_pin(const struct target *t, const struct model_ioas *s, bool unsure,
			       int rc)
{
	return s && s->domains && (unsure || t->limited) &&
	       (rc == -EFAULT || rc == -EINVAL || rc == -ENOMEM);
}

/* VT-d: the parents of nested domains take nothing that is read-only. */
static inline bool is_odd(const struct target *t, const struct model_ioas *s, uint32_t prot)
{
	for (unsigned i = 0; s && i < HWPTS; i++)
		if (t->hwpt[i].id && t->hwpt[i].ioas == s->id && t->hwpt[i].nest_parent &&
		    !t->hwpt[i].mock)
			return !(prot & IOMMU_IOAS_MAP_WRITEABLE);
	return false;
}

static inline bool any_unsure(const struct model_ioas *s)
{
	for (unsigned i = 0; i < s->areas; i++)
		if (s->area[i].unsure)
			return true;
	return false;
}

/* It has the same files as its parent: before one of them is closed, it ends. */
static inline void child_end(struct target *t)
{
	if (!t->child)
		return;
	sio_process_exit(t->child);
	t->child = NULL;
	note(t, 0, 0, "end child");
	/* What it pays for is beyond reach. */
	for (unsigned i = 0; i < t->sources; i++)
		t->vague |= t->source[i].by_child;
}

#endif
