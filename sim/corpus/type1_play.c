// SPDX-License-Identifier: GPL-2.0-only
/*
 * Inputs of the fuzz target type1 as recordings: the same machine, process and memory, the same
 * operations, one line or a few each.
 *
 * DMA is a device file's in a recording: it is opened, does it, and is closed, so that nothing else
 * sees it. Devices without an engine for it do none; the line is a comment.
 */
#include "corpus/type1.h"

#include "core/personality.h"
#include "machine.h"
#include "trace/author.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/vfio.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct player {
	struct ops_setup setup;
	struct author *author;
	const struct ops_platform *platform;
	struct ops_view view;
	bool joined[OPS_GROUPS], moves_bytes[OPS_GROUPS];
	uint64_t limit_pages; /* RLIMIT_MEMLOCK */
	bool two;             /* processes */
	unsigned unsaid;
};

#define UNLIMITED (UINT64_MAX / OPS_PAGE)

__attribute__((format(printf, 2, 3))) static int say(struct player *p, const char *format, ...)
{
	char line[256];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	return author_line(p->author, line, NULL);
}

/* Capabilities come with a limit of their own, which is not that of the input. */
static int say_limit(struct player *p)
{
	if (p->limit_pages == UNLIMITED)
		return say(p, "rlimit_memlock inf");
	return say(p, "rlimit_memlock %" PRIu64, p->limit_pages * OPS_PAGE);
}

static int say_privilege(struct player *p, bool has)
{
	int rc = say(p, "# caps=%s", has ? "all" : "no_ipc_lock");

	return rc || has ? rc : say_limit(p);
}

static int say_devices(struct player *p)
{
	struct sio_machine *machine = author_machine(p->author);
	int rc = 0;

	for (unsigned i = 0; i < OPS_GROUPS && !rc; i++) {
		const struct sio_device *device = sio_device_find(machine, p->platform->device[i]);

		if (!device)
			return -EINVAL;
		p->moves_bytes[i] = !strcmp(device->platform->model, "edu");
		rc = say(p, "device %s %s", p->platform->device[i], sio_device_bdf(device));
	}
	return rc;
}

static int say_area(struct player *p, const struct ops_area *area)
{
	p->unsaid += area->device && p->setup.device_memory;
	return say(p, "%sbuffer %s size=0x%" PRIx64 " prot=%s huge=%d%s", area->device ? "# " : "",
		   area->name, area->pages * OPS_PAGE, area->writable ? "rw" : "r", area->huge,
		   area->anonymous || area->device ? "" : " kind=shared");
}

static int prepare(struct player *p)
{
	int rc = say_devices(p);

	if (!rc && p->setup.entry_limit != 65535)
		rc = say(p, "param dma_entry_limit %u", p->setup.entry_limit);
	if (!rc && p->setup.unprivileged)
		rc = say_privilege(p, false);
	for (unsigned i = 0; i < OPS_AREAS && !rc; i++)
		rc = say_area(p, &ops_areas[i]);
	if (!rc)
		rc = say(p, "container c");
	for (unsigned i = 0; i < OPS_GROUPS && !rc; i++)
		rc = say(p, "group g%u %s", i, p->platform->device[i]);
	return rc;
}

static int play_dma(struct player *p, const struct op *op, const char *text)
{
	int rc;

	/* A device that cannot be opened does nothing. */
	if (!p->joined[op->group] || !p->moves_bytes[op->group])
		return author_line(p->author, text, NULL);
	rc = say(p, "get_device x g%u %s", op->group, p->platform->device[op->group]);
	if (!rc)
		rc = say(p, "dma_%s x iova=0x%" PRIx64 " len=8", op->write ? "from_dev" : "to_dev",
			 op->iova + 16);
	return rc ? rc : say(p, "close x");
}

static int play_join(struct player *p, const char *text, bool *done)
{
	bool first = !p->joined[0] && !p->joined[1] && !p->joined[2];
	const char *answer;
	int rc = author_line(p->author, text, &answer);

	*done = !rc && !strncmp(answer, "ret=0", 5);
	if (rc || !*done || !first)
		return rc;
	return say(p, "set_iommu c %d", p->setup.v2 ? VFIO_TYPE1v2_IOMMU : VFIO_TYPE1_IOMMU);
}

static int say_comment(struct player *p, const char *text)
{
	p->unsaid++;
	return say(p, "%s%s", text[0] == '#' ? "" : "# ", text);
}

/* Fresh private memory is what recordings can map again. */
static int play_memory(struct player *p, const struct op *op, const char *text)
{
	static const char *const verbs[OPS_CHANGES] = {
		[OPS_UNMAP] = "bufunmap",     [OPS_RENEW] = "bufmap",
		[OPS_NO_ACCESS] = "bufprot",  [OPS_READ_ONLY] = "bufprot",
		[OPS_READ_WRITE] = "bufprot", [OPS_DISCARD] = "bufdiscard",
	};
	static const char *const prots[OPS_CHANGES] = {
		[OPS_NO_ACCESS] = " prot=none",
		[OPS_READ_ONLY] = " prot=r",
		[OPS_READ_WRITE] = " prot=rw",
	};
	uint64_t vaddr = op_vaddr(op);

	for (unsigned i = 0; i < OPS_AREAS; i++) {
		const struct ops_area *area = &ops_areas[i];
		uint64_t off = vaddr - area->address;

		if (vaddr < area->address || off > area->pages * OPS_PAGE ||
		    op->size > area->pages * OPS_PAGE - off || area->device ||
		    (op->value == OPS_RENEW && !(area->anonymous && area->writable)))
			continue;
		return say(p, "%s %s off=0x%" PRIx64 " size=0x%" PRIx64 "%s", verbs[op->value],
			   area->name, off, op->size, prots[op->value] ? prots[op->value] : "");
	}
	return say_comment(p, text);
}

/* The second process is none of a recording's. */
static bool can_say(struct player *p, const struct op *op)
{
	switch (op->kind) {
	case OP_FORK:
		p->two = true;
		return false;
	case OP_EXIT:
		p->two = false;
		return false;
	case OP_EXEC:
	case OP_FAIL:
		return false;
	case OP_JOIN:
	case OP_LEAVE:
	case OP_DMA:
	case OP_HUGEPAGES:
		return true;
	default:
		return !op->read_only && !(op->actor && p->two);
	}
}

/* " size=0x1000" of an UNMAP's answer. */
static uint64_t bytes_of(const char *answer)
{
	const char *size = strstr(answer, " size=0x");

	return size ? strtoull(size + 6, NULL, 16) : 0;
}

static int step(struct player *p, const struct op *op)
{
	char text[256];
	const char *answer;
	uint64_t bytes = 0;
	bool done = true;
	int rc;

	ops_text(op, text, sizeof(text));
	if (!can_say(p, op))
		return say_comment(p, text);
	switch (op->kind) {
	case OP_MEMORY:
		return play_memory(p, op, text);
	case OP_INFO:
		return op->value ? say(p, "info c argsz=%" PRIu64, op->value) : say(p, "info c");
	case OP_DMA:
		return play_dma(p, op, text);
	case OP_PRIVILEGE:
		return say_privilege(p, op->value);
	case OP_LIMIT:
		p->limit_pages = op->value;
		return say_limit(p);
	case OP_JOIN:
		rc = play_join(p, text, &done);
		break;
	default:
		rc = author_line(p->author, text, &answer);
		if (!rc) {
			done = !strncmp(answer, "ret=0", 5);
			bytes = bytes_of(answer);
		}
	}
	if (!rc && done)
		ops_done(&p->view, p->joined, op, bytes);
	return rc;
}

static int play_all(struct player *p, const uint8_t *data, size_t size)
{
	size_t at[OPS_MAX + 1];
	unsigned count = ops_index(data, size, at);
	struct op op = {.kind = OP_JOIN};
	int rc = prepare(p);

	if (!rc)
		rc = step(p, &op);
	for (unsigned i = 0; i < count && !rc; i++) {
		ops_decode(&op, &p->setup, data, size, at[i], &p->view);
		rc = step(p, &op);
	}
	return rc;
}

static const struct ops_platform *find_platform(const char *name)
{
	for (unsigned i = 0; i < OPS_PLATFORMS; i++)
		if (!strcmp(name, ops_platforms[i].name))
			return &ops_platforms[i];
	return NULL;
}

int type1_play(const struct type1_play *play, const uint8_t *data, size_t size, struct strbuf *out,
	       char *error, size_t error_len)
{
	struct player *p = calloc(1, sizeof(*p));
	struct author_cfg cfg = {.name = play->name, .container = "type1"};
	unsigned kernels = 0;
	const char *text;
	size_t len;
	int rc;

	if (!p)
		return -ENOMEM;
	while (personality_at(kernels))
		kernels++;
	ops_setup(&p->setup, data, size);
	p->limit_pages = UNLIMITED;
	p->platform = &ops_platforms[p->setup.platform];
	cfg.kernel = play->kernel ? play->kernel : personality_at(p->setup.kernel % kernels)->name;
	if (play->platform)
		p->platform = find_platform(play->platform);
	if (p->platform) {
		/* Caching mode is no preset's. */
		cfg.platform = p->platform->caching ? "vtd48" : p->platform->name;
		p->unsaid += p->platform->caching;
		rc = author_create(&p->author, &cfg, error, error_len);
	} else {
		rc = text_error(error, error_len, play->name, 0,
				"inputs have no platform \"%s\", expected vtd48, amdvi or another "
				"of softiommu-convert(1)",
				play->platform);
	}
	if (!rc)
		rc = play_all(p, data, size);
	if (!rc) {
		text = author_text(p->author, &len);
		if (text)
			strbuf_add(out, "%s", text);
		rc = text && !out->failed ? 0 : -ENOMEM;
	}
	if (play->unsaid)
		*play->unsaid = p->unsaid;
	if (p->author)
		author_destroy(p->author);
	free(p);
	return rc;
}
