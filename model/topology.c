// SPDX-License-Identifier: GPL-2.0-only
/*
 * PCI topology: the tree of functions, their DMA aliases and their ACS rules.
 *
 * Source: PCI Express Base "Access Control Services"; PCI Express to PCI/PCI-X Bridge, "Requester
 * ID"; Linux pci_for_each_dma_alias(), pci_acs_enabled(), pci_acs_path_enabled().
 *
 * Invariants: the list is sorted by (segment, rid) and holds no pair twice; a bridge leads to a bus
 * with a higher number than the one it sits on, so that following `parent` always ends at a root
 * bus.
 */
#include "topology.h"

#include "fail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void topology_init(struct topology *topo)
{
	*topo = (struct topology){0};
}

void topology_fini(struct topology *topo)
{
	struct pci_function *next;

	for (struct pci_function *fn = topo->first; fn; fn = next) {
		next = fn->next;
		free(fn);
	}
	topology_init(topo);
}

static uint32_t place(const struct pci_function *fn)
{
	return (uint32_t)fn->segment << 16 | fn->rid;
}

static uint8_t bus_of(const struct pci_function *fn)
{
	return (uint8_t)(fn->rid >> 8);
}

bool pci_is_bridge(const struct pci_function *fn)
{
	switch (fn->type) {
	case PCI_ROOT_PORT:
	case PCI_UPSTREAM_PORT:
	case PCI_DOWNSTREAM_PORT:
	case PCI_BRIDGE_PCIE_TO_PCI:
	case PCI_BRIDGE_PCI_TO_PCIE:
	case PCI_BRIDGE_CONVENTIONAL:
		return true;
	case PCI_ENDPOINT:
	case PCI_RC_ENDPOINT:
	case PCI_CONVENTIONAL:
	case PCI_RC_EVENT_COLLECTOR:
		break;
	}
	return false;
}

/* The bridge whose secondary bus `fn` sits on; NULL on a root bus. */
static struct pci_function *bridge_above(const struct topology *topo, const struct pci_function *fn)
{
	for (struct pci_function *up = topo->first; up; up = up->next) {
		if (up->segment == fn->segment && pci_is_bridge(up) &&
		    up->secondary_bus == bus_of(fn))
			if (up->secondary_bus != 0)
				return up;
	}
	return NULL;
}

/* NULL: the fields describe a function that can be placed. */
static const char *unplaceable(const struct topology *topo, const struct pci_function *fn)
{
	if (topology_find(topo, fn->segment, fn->rid))
		return "another function has this address";
	if (fn->alias_count > SIO_ARRAY_SIZE(fn->alias_devfns))
		return "too many aliases";
	/* Bus 0 as secondary bus: a bridge that leads nowhere yet. */
	if (!pci_is_bridge(fn) || fn->secondary_bus == 0)
		return NULL;
	if (fn->secondary_bus <= bus_of(fn))
		return "the bus below a bridge must have a higher number than its own";
	if (fn->subordinate_bus < fn->secondary_bus)
		return "the subordinate bus is below the secondary bus";
	for (const struct pci_function *other = topo->first; other; other = other->next) {
		if (other->segment == fn->segment && pci_is_bridge(other) &&
		    other->secondary_bus == fn->secondary_bus)
			return "another bridge leads to the same bus";
	}
	return NULL;
}

struct pci_function *topology_add(struct topology *topo, const struct pci_function *fn,
				  const char **why)
{
	struct pci_function **link = &topo->first;
	struct pci_function *copy;

	*why = unplaceable(topo, fn);
	if (*why)
		return NULL;
	copy = fail_malloc("topology.add", sizeof(*copy));
	if (!copy) {
		*why = "out of memory";
		return NULL;
	}
	*copy = *fn;
	copy->name[sizeof(copy->name) - 1] = '\0';
	copy->parent = bridge_above(topo, fn);
	while (*link && place(*link) < place(fn))
		link = &(*link)->next;
	copy->next = *link;
	*link = copy;
	topo->count++;
	return copy;
}

struct pci_function *topology_find(const struct topology *topo, uint16_t segment, uint16_t rid)
{
	for (struct pci_function *fn = topo->first; fn; fn = fn->next) {
		if (fn->segment == segment && fn->rid == rid)
			return fn;
	}
	return NULL;
}

struct pci_function *topology_find_name(const struct topology *topo, const char *name)
{
	for (struct pci_function *fn = topo->first; fn; fn = fn->next) {
		if (fn->name[0] && strcmp(fn->name, name) == 0)
			return fn;
	}
	return NULL;
}

/*
 * The id under which DMA from below leaves a bridge: false where the bridge passes ids through, as
 * all PCI Express ports do. A PCIe-to-PCI bridge takes ownership with (secondary bus, 0); bridges
 * with a conventional upstream side take it with their own id.
 */
static bool bridge_takes_over(const struct pci_function *bridge, uint16_t *rid)
{
	switch (bridge->type) {
	case PCI_BRIDGE_PCIE_TO_PCI:
		*rid = PCI_RID(bridge->secondary_bus, 0);
		return true;
	case PCI_BRIDGE_PCI_TO_PCIE:
	case PCI_BRIDGE_CONVENTIONAL:
		*rid = bridge->rid;
		return true;
	default:
		return false;
	}
}

uint16_t pci_requester_id(const struct pci_function *fn)
{
	uint16_t rid = fn->rid;

	/* The root complex sees what the topmost of these bridges made of the request. */
	for (const struct pci_function *up = fn->parent; up; up = up->parent)
		bridge_takes_over(up, &rid);
	return rid;
}

int pci_for_each_dma_alias(const struct pci_function *fn,
			   int (*fn_cb)(void *ctx, const struct pci_function *owner, uint16_t rid),
			   void *ctx)
{
	int rc = fn_cb(ctx, fn, fn->rid);

	for (unsigned i = 0; !rc && i < fn->alias_count; i++)
		rc = fn_cb(ctx, fn, PCI_RID(bus_of(fn), fn->alias_devfns[i]));
	for (const struct pci_function *up = fn->parent; !rc && up; up = up->parent) {
		uint16_t rid;

		if (bridge_takes_over(up, &rid))
			rc = fn_cb(ctx, up, rid);
	}
	return rc;
}

/* A bit that the capability does not implement is hard-wired on, except egress control. */
static bool acs_flags_on(const struct pci_function *fn, uint8_t flags)
{
	if (!fn->has_acs)
		return false;
	flags &= fn->acs_cap | ACS_EC;
	return (fn->acs_ctrl & flags) == flags;
}

bool pci_acs_enabled(const struct pci_function *fn, uint8_t flags)
{
	switch (fn->type) {
	case PCI_CONVENTIONAL:
	case PCI_BRIDGE_CONVENTIONAL:
	case PCI_BRIDGE_PCIE_TO_PCI:
	case PCI_BRIDGE_PCI_TO_PCIE:
	case PCI_RC_EVENT_COLLECTOR:
		return false;
	case PCI_ROOT_PORT:
	case PCI_DOWNSTREAM_PORT:
		return acs_flags_on(fn, flags);
	case PCI_ENDPOINT:
	case PCI_RC_ENDPOINT:
	case PCI_UPSTREAM_PORT:
		/* A single function has no peer that it could reach without leaving the device. */
		return !fn->multifunction || acs_flags_on(fn, flags);
	}
	return false;
}

bool pci_acs_path_enabled(const struct pci_function *start, uint8_t flags)
{
	for (const struct pci_function *fn = start; fn; fn = fn->parent) {
		if (!pci_acs_enabled(fn, flags))
			return false;
	}
	return true;
}

/* Exactly `digits` hexadecimal digits, then the character `end`. */
static bool hex_field(const char **text, unsigned digits, char end, unsigned *value)
{
	*value = 0;
	for (unsigned i = 0; i < digits; i++) {
		char c = *(*text)++;

		if (c >= '0' && c <= '9')
			*value = *value << 4 | (unsigned)(c - '0');
		else if (c >= 'a' && c <= 'f')
			*value = *value << 4 | (unsigned)(c - 'a' + 10);
		else if (c >= 'A' && c <= 'F')
			*value = *value << 4 | (unsigned)(c - 'A' + 10);
		else
			return false;
	}
	return *(*text)++ == end;
}

bool pci_parse_bdf(const char *text, uint16_t *segment, uint16_t *rid)
{
	unsigned seg = 0, bus, dev, fn;

	if (strlen(text) == strlen("0000:00:00.0") && !hex_field(&text, 4, ':', &seg))
		return false;
	if (!hex_field(&text, 2, ':', &bus) || !hex_field(&text, 2, '.', &dev) ||
	    !hex_field(&text, 1, '\0', &fn))
		return false;
	if (dev > 31 || fn > 7)
		return false;
	*segment = (uint16_t)seg;
	*rid = PCI_RID(bus, PCI_DEVFN(dev, fn));
	return true;
}

const char *pci_format_bdf(char *buf, uint16_t segment, uint16_t rid, bool with_segment)
{
	unsigned bus = rid >> 8, dev = rid >> 3 & 31u, fn = rid & 7u;

	if (with_segment)
		snprintf(buf, 13, "%04x:%02x:%02x.%x", segment & 0xffffu, bus, dev, fn);
	else
		snprintf(buf, 13, "%02x:%02x.%x", bus, dev, fn);
	return buf;
}
