// SPDX-License-Identifier: GPL-2.0-only
/*
 * Recordings: answers that depend on the sessions before, which no recording tells of.
 *
 * Sessions of one boot share the unit. A kernel that does not invalidate the context entries of
 * aliases (vtd_alias_kept) leaves them cached with the tables of a domain that is gone, through
 * which nothing is mapped. So "not present" under an alias is an answer that such a kernel may give
 * at any mapped address, and no other difference is. Recordings of 6.17.13 and 6.18.15 have it in
 * one of two sessions that do the same.
 */
#include "trace/golden_priv.h"

#include <stdio.h>
#include <string.h>

#include "machine.h"

static int names_alias(void *ctx, const struct pci_function *owner, uint16_t rid)
{
	char bdf[16];

	(void)owner;
	pci_format_bdf(bdf, 0, rid, false);
	return !strcmp(bdf, ctx);
}

/* The fault of a transfer at this address, up to the requester. */
static void not_present(char *text, size_t len, uint64_t address, bool to_memory)
{
	snprintf(text, len, "ret=0 ok=0 fault=0x%02x:0x%llx:%s:", to_memory ? 5 : 6,
		 (unsigned long long)(address & SIO_PAGE_MASK), to_memory ? "write" : "read");
}

bool golden_is_left_over(struct golden *g, const char *want, const char *got)
{
	bool to_memory = !strcmp(g->op->name, "dma_from_dev");
	const struct golden_name *file;
	const struct sio_device *device;
	const char *iova = rec_value(g->op, "iova");
	uint64_t address;
	char fault[80], *requester;

	if (!g->s->machine->personality.vtd_alias_kept || strcmp(got, "ret=0 ok=1") ||
	    (!to_memory && strcmp(g->op->name, "dma_to_dev")) || !text_number(iova, &address))
		return false;
	file = golden_find(g, GOLDEN_FILE, rec_bare(g->op, 0));
	device = file ? file->file.device : NULL;
	not_present(fault, sizeof(fault), address, to_memory);
	if (!device || !text_take(&want, fault))
		return false;
	/* The device's own id is invalidated; an alias is one of its others. */
	requester = (char *)(uintptr_t)want;
	return !names_alias(requester, device->fn, device->fn->rid) &&
	       pci_for_each_dma_alias(device->fn, names_alias, requester);
}
