// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading a QEMU log: lines to events, and which memory stood behind the mappings.
 *
 * "region_add [ram]" names a host address for guest RAM, ROM and the BARs of assigned devices
 * alike. It is a BAR when its IOVA lies where the guest last put one (vfio_pci_write_config of the
 * BAR registers 0x10 to 0x24) and its host address in no memory seen so far; all else is memory.
 * Runs with iommufd name the host address again where they map, and there a BAR is what is refused.
 */
#include "trace/qemu_log.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trace/qemu_priv.h"

/* What the log has shown of one device's BARs. */
struct guess {
	char name[32];
	uint64_t size[QEMU_BARS]; /* 0: cannot be mapped */
	bool empty[QEMU_BARS];    /* no region: perhaps the upper half of a 64-bit BAR */
	uint32_t reg[QEMU_BARS];
};

struct guesses {
	struct guess *guess;
	unsigned count;
};

static struct guess *find_guess(struct guesses *all, const char *name)
{
	struct guess *guess;

	for (unsigned i = 0; i < all->count; i++)
		if (!strcmp(all->guess[i].name, name))
			return &all->guess[i];
	guess = realloc(all->guess, (all->count + 1) * sizeof(*guess));
	if (!guess)
		return NULL;
	all->guess = guess;
	guess += all->count++;
	*guess = (struct guess){0};
	snprintf(guess->name, sizeof(guess->name), "%s", name);
	return guess;
}

static int see_region(struct guesses *all, const struct qemu_event *event)
{
	struct guess *guess = find_guess(all, event->name);
	uint64_t index = event->n[0], flags = event->n[1];

	if (!guess)
		return -ENOMEM;
	if (index >= QEMU_BARS)
		return 0;
	guess->size[index] = flags & VFIO_REGION_INFO_FLAG_MMAP ? event->n[3] : 0;
	guess->empty[index] = !event->n[3];
	return 0;
}

static int see_config_write(struct guesses *all, const struct qemu_event *event)
{
	uint64_t address = event->n[0], value = event->n[1], len = event->n[2];
	struct guess *guess;

	/* All ones asks for the size, and is no address. */
	if (len != 4 || value == UINT32_MAX || address < PCI_BASE_ADDRESS_0 ||
	    address > PCI_BASE_ADDRESS_5 || address % 4)
		return 0;
	guess = find_guess(all, event->name);
	if (!guess)
		return -ENOMEM;
	guess->reg[(address - PCI_BASE_ADDRESS_0) / 4] = (uint32_t)value;
	return 0;
}

static uint64_t bar_base(const struct guess *guess, unsigned bar)
{
	uint64_t base = guess->reg[bar] & PCI_BASE_ADDRESS_MEM_MASK;

	if (bar + 1 < QEMU_BARS && guess->empty[bar + 1])
		base |= (uint64_t)guess->reg[bar + 1] << 32;
	return base;
}

static bool name_bar(const struct guesses *all, struct qemu_event *event)
{
	uint64_t start = event->n[0], end = event->n[1];

	for (unsigned i = 0; i < all->count; i++)
		for (unsigned bar = 0; bar < QEMU_BARS; bar++) {
			const struct guess *guess = &all->guess[i];
			uint64_t base = bar_base(guess, bar);

			if (!guess->size[bar] || !base || start < base ||
			    end - base >= guess->size[bar])
				continue;
			snprintf(event->name, sizeof(event->name), "%s", guess->name);
			event->n[2] -= start - base;
			event->n[3] = bar + 1;
			return true;
		}
	return false;
}

static bool is_page_range(uint64_t start, uint64_t end)
{
	return start <= end && sio_is_aligned(start, SIO_PAGE_SIZE) &&
	       sio_is_aligned(end + 1, SIO_PAGE_SIZE);
}

static int see_memory(struct qemu_import *import, struct session *s, struct guesses *all,
		      struct qemu_event *event)
{
	uint64_t start = event->n[0], end = event->n[1];

	if (!is_page_range(start, end))
		return session_error(s, event->line, "0x%llx - 0x%llx is no range of whole pages",
				     (unsigned long long)start, (unsigned long long)end);
	/* A range of 2^64 bytes has no size. */
	if (event->kind == QEMU_REGION_DEL || event->kind == QEMU_NOTIFY_UNMAP)
		return 0;
	if (end - start == UINT64_MAX)
		return session_error(s, event->line, "a mapping of all addresses");
	if (event->kind == QEMU_NOTIFY_MAP) {
		import->notifies++;
		event->n[2] = QEMU_NOTIFY_BASE + (start & QEMU_NOTIFY_MASK);
	} else if (!areas_touch(&import->areas, event->n[2], end - start + 1) &&
		   name_bar(all, event)) {
		return 0;
	}
	return areas_add(&import->areas, event->n[2], end - start + 1) ? 0 : -ENOMEM;
}

static int see_ioas_map(struct qemu_import *import, struct session *s, struct guesses *all,
			struct qemu_event *event)
{
	uint64_t iova = event->n[2], size = event->n[3], vaddr = event->n[4];
	struct qemu_event bar = {.n = {iova, iova + (size - 1), vaddr}};

	event->n[6] = 0;
	if (!size || !is_page_range(iova, iova + (size - 1)))
		return session_error(s, event->line, "0x%llx bytes at 0x%llx: no whole pages",
				     (unsigned long long)size, (unsigned long long)iova);
	if (!strcmp(event->word, "0"))
		return areas_add(&import->areas, vaddr, size) ? 0 : -ENOMEM;
	if (areas_touch(&import->areas, vaddr, size) || !name_bar(all, &bar))
		return 0;
	memcpy(event->name, bar.name, sizeof(event->name));
	event->n[6] = bar.n[3];
	event->n[7] = bar.n[2];
	return 0;
}

static int see(struct qemu_import *import, struct session *s, struct guesses *all,
	       struct qemu_event *event)
{
	switch (event->kind) {
	case QEMU_REGION:
		return see_region(all, event);
	case QEMU_CONFIG_WRITE:
		return see_config_write(all, event);
	case QEMU_RAM_ADD:
	case QEMU_REGION_DEL:
	case QEMU_NOTIFY_MAP:
	case QEMU_NOTIFY_UNMAP:
		return import->iommufd ? 0 : see_memory(import, s, all, event);
	case QEMU_IOAS_MAP:
		return see_ioas_map(import, s, all, event);
	case QEMU_REFUSED:
		return session_error(s, event->line,
				     "\"%.40s\": only runs with a type1 container or iommufd "
				     "are replayed",
				     event->text);
	default:
		return 0;
	}
}

bool qemu_log_detect(const char *line, const char *next)
{
	struct qemu_event event;
	bool two;

	return qemu_event_parse(line, next, &event, &two) != QEMU_LINE_OTHER;
}

static int parse(struct qemu_import *import, struct session *s)
{
	const struct text_file *text = &import->text;

	for (unsigned i = 0; i < text->lines; i++) {
		const char *next = i + 1 < text->lines ? text->line[i + 1] : NULL;
		struct qemu_event *event = &import->event[import->events];
		bool two;

		switch (qemu_event_parse(text->line[i], next, event, &two)) {
		case QEMU_LINE_BAD:
			return session_error(s, i + 1, "not as QEMU prints it: \"%.120s\"",
					     text->line[i]);
		case QEMU_LINE_OTHER:
			import->skipped += text->line[i][0] != '\0';
			break;
		case QEMU_LINE_EVENT:
			event->line = i + 1;
			i += two;
			import->events += event->kind != QEMU_IGNORED;
			import->iommufd |= event->kind == QEMU_IOMMUFD;
			break;
		}
	}
	if (text->cut)
		return session_error(s, text->lines, "the last line is cut");
	if (!import->events)
		return session_error(s, 0, "no VFIO event in the file");
	return 0;
}

int qemu_import(struct qemu_import *import, struct session *s)
{
	struct guesses all = {0};
	int rc;

	import->event = calloc(import->text.lines + 1u, sizeof(*import->event));
	if (!import->event)
		return -ENOMEM;
	rc = parse(import, s);
	for (unsigned i = 0; i < import->events && !rc; i++)
		rc = see(import, s, &all, &import->event[i]);
	free(all.guess);
	return rc;
}

void qemu_import_fini(struct qemu_import *import)
{
	text_file_fini(&import->text);
	free(import->event);
	areas_fini(&import->areas);
	*import = (struct qemu_import){0};
}
