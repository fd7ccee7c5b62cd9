/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reports: what a machine consists of, what its containers and iommufd contexts hold, how an
 * address is translated; as text for people and as JSON for programs.
 *
 * A report takes the machine's lock while it looks. The same state gives the same bytes. JSON
 * addresses are strings in hexadecimal, since a number in JSON holds 53 bits.
 */
#ifndef SIM_REPORT_REPORT_H
#define SIM_REPORT_REPORT_H

#include <jansson.h>
#include <stdio.h>

#include "machine.h"

/* Units and capabilities, devices, groups. */
void report_machine(FILE *out, struct sio_machine *machine);
json_t *report_machine_json(struct sio_machine *machine);

/* One unit and its decoded capabilities, as lines of report_machine(). */
void report_unit(FILE *out, const struct machine_unit *unit);
json_t *report_unit_json(const struct machine_unit *unit);

/* Every container: totals, its domains and, if there are several, why. Every iommufd context: its
 * IOASes, their hardware page tables and who is attached. */
void report_containers(FILE *out, struct sio_machine *machine);
/* The same with every mapping and every usable range. False: there is none of either. */
bool report_maps(FILE *out, struct sio_machine *machine);
/* An array, containers first; "type" tells one from the other. */
json_t *report_maps_json(struct sio_machine *machine);

struct report_address {
	uint64_t iova;
	bool has_pasid;
	uint32_t pasid;
};
/* The page walk of one address for one device, level by level, caches bypassed. */
void report_walk(FILE *out, struct sio_device *device, const struct report_address *at);
json_t *report_walk_json(struct sio_device *device, const struct report_address *at);
/* The same for any requester; length and direction of the request are not looked at. */
void report_walk_request(FILE *out, struct sio_machine *machine, const struct dma_req *req);

/* ---- pieces of text; buf holds the result and is returned ---- */

#define REPORT_TEXT 96

/* "16 GiB", "4 KiB", "513 bytes": exact, in the largest unit that divides. */
const char *report_size(char buf[REPORT_TEXT], uint64_t bytes);
/* "4K 2M 1G"; "4K-256G 1T-2P" for all powers of two between. */
const char *report_pgsizes(char buf[REPORT_TEXT], uint64_t bitmap);
/* A JSON string "0x...". */
json_t *report_hex(uint64_t value);
/* "rw", "r-", "-w", "--" for IOMMU_READ and IOMMU_WRITE. */
const char *report_prot(unsigned prot);
/* The iommufd contexts, oldest first, as parts of the reports on containers; the machine's lock is
 * held. How many there are; and appended to `list`. */
unsigned report_iommufds(FILE *out, const struct sio_machine *machine, bool with_space);
void report_iommufds_json(json_t *list, const struct sio_machine *machine);
/* The unit that translates a domain's devices, NULL: none is attached. */
const struct unit *report_group_unit(const struct iommu_group *group);

#endif
