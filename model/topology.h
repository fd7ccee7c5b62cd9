/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * PCI topology: buses, ports, bridges, functions, their ACS capability and their aliases.
 *
 * It answers three questions and decides nothing: which requester id a function's DMA carries when
 * it reaches the root complex, which ids may appear for it (its DMA aliases), and whether the path
 * from a function to the root isolates it (ACS). Groups are the backend's business.
 *
 * Source: PCI Express Base "Access Control Services", PCI Express to PCI/PCI-X Bridge "requester
 * id".
 */
#ifndef MODEL_TOPOLOGY_H
#define MODEL_TOPOLOGY_H

#include "base.h"

enum pci_type {
	PCI_ENDPOINT,     /* PCI Express endpoint */
	PCI_RC_ENDPOINT,  /* root complex integrated endpoint */
	PCI_CONVENTIONAL, /* conventional PCI function, no PCIe capability */
	PCI_ROOT_PORT,
	PCI_UPSTREAM_PORT,
	PCI_DOWNSTREAM_PORT,
	PCI_BRIDGE_PCIE_TO_PCI, /* DMA from below carries (secondary bus, 0) */
	PCI_BRIDGE_PCI_TO_PCIE,
	PCI_BRIDGE_CONVENTIONAL,
	PCI_RC_EVENT_COLLECTOR,
};

/* ACS bits, as in the capability register. */
enum pci_acs {
	ACS_SV = 0x01, /* source validation */
	ACS_TB = 0x02,
	ACS_RR = 0x04, /* request redirect */
	ACS_CR = 0x08, /* completion redirect */
	ACS_UF = 0x10, /* upstream forwarding */
	ACS_EC = 0x20,
	ACS_DT = 0x40,
	ACS_ISOLATED = ACS_SV | ACS_RR | ACS_CR | ACS_UF,
};

#define PCI_DEVFN(dev, fn)  ((uint8_t)((dev) << 3 | (fn)))
#define PCI_RID(bus, devfn) ((uint16_t)((bus) << 8 | (devfn)))

struct pci_function {
	struct pci_function *parent; /* bridge above; NULL on a root bus */
	struct pci_function *next;   /* in order of (segment, rid) */
	char name[32];               /* the platform's name for it, may be empty */
	uint16_t segment;
	uint16_t rid; /* bus << 8 | devfn */
	enum pci_type type;
	bool multifunction;
	bool has_acs;
	uint8_t acs_cap, acs_ctrl;              /* implemented; enabled */
	uint8_t secondary_bus, subordinate_bus; /* bridges */
	uint8_t alias_devfns[8];                /* quirk aliases on the same bus */
	uint8_t alias_count;
	void *owner; /* the device model or driver object behind it; not used here */
};

struct topology {
	struct pci_function *first;
	size_t count;
};

void topology_init(struct topology *topo);
void topology_fini(struct topology *topo);
/*
 * Add a function; its fields are copied from *fn (parent, next are filled in: the bridge whose
 * secondary bus is fn's bus). Bridges come before what is below them. NULL and *why set: the place
 * is taken, or out of memory.
 */
struct pci_function *topology_add(struct topology *topo, const struct pci_function *fn,
				  const char **why);
struct pci_function *topology_find(const struct topology *topo, uint16_t segment, uint16_t rid);
struct pci_function *topology_find_name(const struct topology *topo, const char *name);

/* A port or bridge: there is a bus behind it. */
bool pci_is_bridge(const struct pci_function *fn);
/* Requester id that the function's DMA carries at the root complex. */
uint16_t pci_requester_id(const struct pci_function *fn);
/* Each DMA alias, own id first, then upward; stops and returns nonzero when the callback does. */
int pci_for_each_dma_alias(const struct pci_function *fn,
			   int (*fn_cb)(void *ctx, const struct pci_function *owner, uint16_t rid),
			   void *ctx);
/* All of `flags` are in force at this function / on the whole path from it up to the root bus. */
bool pci_acs_enabled(const struct pci_function *fn, uint8_t flags);
bool pci_acs_path_enabled(const struct pci_function *start, uint8_t flags);

/* "0000:01:00.0" or "01:00.0"; false: not that form. */
bool pci_parse_bdf(const char *text, uint16_t *segment, uint16_t *rid);
/* Writes "01:00.0" (with_segment: "0000:01:00.0"); buf of at least 13 bytes. */
const char *pci_format_bdf(char *buf, uint16_t segment, uint16_t rid, bool with_segment);

#endif
