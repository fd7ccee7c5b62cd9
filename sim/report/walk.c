// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page walk of one address, as memory stands now.
 *
 * Raw entries are shown beside their meaning, so that a dump from a kernel can be held against it.
 */
#include "report.h"

#include <inttypes.h>
#include <string.h>

#define MEANING_TEXT (3 * REPORT_TEXT)

struct walk {
	struct unit *unit; /* NULL: the address is physical */
	struct dma_req req;
	struct vtd_trail trail;
};

/* A read first; what may only be written is shown as a write. */
static void walk_do(struct sio_device *device, uint64_t iova, struct walk *walk)
{
	struct vtd_trail trail;

	*walk = (struct walk){
		.unit = device->iommu->unit,
		.req =
			{
				.segment = device->fn->segment,
				.requester = pci_requester_id(device->fn),
				.iova = iova,
				.len = 1,
				.kind = DMA_READ,
			},
	};
	if (!walk->unit)
		return;
	vtd_walk(walk->unit, &walk->req, &walk->trail);
	if (!walk->trail.result.reason)
		return;
	walk->req.kind = DMA_WRITE;
	vtd_walk(walk->unit, &walk->req, &trail);
	if (trail.result.reason)
		walk->req.kind = DMA_READ;
	else
		walk->trail = trail;
}

static const char *perm_text(char buf[REPORT_TEXT], unsigned perm)
{
	snprintf(buf, REPORT_TEXT, "%s%s%s%s", perm & PT_R ? "read" : "",
		 perm & PT_R && perm & PT_W ? " " : "", perm & PT_W ? "write" : "",
		 perm & PT_SNP ? " snoop" : "");
	return *buf ? buf : strcpy(buf, "no access");
}

static const char *step_meaning(char buf[MEANING_TEXT], const struct pt_step *step)
{
	const struct pt_entry *entry = &step->entry;
	char perm[REPORT_TEXT], size[REPORT_TEXT];

	perm_text(perm, entry->perm);
	switch (entry->kind) {
	case PT_TABLE:
		snprintf(buf, MEANING_TEXT, "table at 0x%" PRIx64 ", %s", entry->oa, perm);
		break;
	case PT_LEAF:
		report_size(size, SIO_BIT(entry->size_lg2));
		snprintf(buf, MEANING_TEXT, "%s page at 0x%" PRIx64 ", %s", size, entry->oa, perm);
		break;
	case PT_RESERVED:
		snprintf(buf, MEANING_TEXT, "reserved bits are set, %s", perm);
		break;
	default:
		snprintf(buf, MEANING_TEXT, "not present");
	}
	return buf;
}

static void show_result(FILE *out, const struct walk *walk)
{
	const struct xlat *result = &walk->trail.result;
	const char *kind = walk->req.kind == DMA_READ ? "read" : "write", *text;
	char perm[REPORT_TEXT], size[REPORT_TEXT];

	if (result->reason) {
		text = vtd_fault_text(result->reason);
		fprintf(out, "  result   a %s faults: reason 0x%02x, %s\n", kind, result->reason,
			text ? text : "unknown");
		return;
	}
	fprintf(out, "  result   0x%" PRIx64 " in a %s page, %s\n", result->pa,
		report_size(size, SIO_BIT(result->size_lg2)), perm_text(perm, result->perm));
}

void report_walk(FILE *out, struct sio_device *device, uint64_t iova)
{
	struct sio_machine *machine = device->machine;
	char bdf[16], meaning[MEANING_TEXT];
	struct walk walk;

	machine_enter(machine, false);
	walk_do(device, iova, &walk);
	machine_leave(machine);
	pci_format_bdf(bdf, walk.req.segment, walk.req.requester, true);
	if (!walk.unit) {
		fprintf(out, "0x%" PRIx64 " of %s: no unit, the address is physical\n", iova,
			device->bdf);
		return;
	}
	fprintf(out, "0x%" PRIx64 " of %s: requester %s at %s, domain id %u\n", iova, device->bdf,
		bdf, walk.unit->name, walk.trail.domain_id);
	for (unsigned i = 0; i < walk.trail.entries; i++)
		fprintf(out, "  %-8s at 0x%" PRIx64 ": 0x%016" PRIx64 " 0x%016" PRIx64 "  %s\n",
			walk.trail.entry[i].what, walk.trail.entry[i].pa, walk.trail.entry[i].hi,
			walk.trail.entry[i].lo,
			walk.trail.entry[i].lo & 1 ? "present" : "not present");
	for (unsigned i = 0; i < walk.trail.steps; i++)
		fprintf(out, "  level %u  at 0x%" PRIx64 ": 0x%016" PRIx64 "  %s\n",
			walk.trail.step[i].level, walk.trail.step[i].entry_pa,
			walk.trail.step[i].raw, step_meaning(meaning, &walk.trail.step[i]));
	show_result(out, &walk);
}

static json_t *steps_json(const struct vtd_trail *trail)
{
	char meaning[MEANING_TEXT];
	json_t *list = json_array();

	for (unsigned i = 0; i < trail->entries; i++) {
		json_t *step = json_object();

		json_object_set_new(step, "what", json_string(trail->entry[i].what));
		json_object_set_new(step, "at", report_hex(trail->entry[i].pa));
		json_object_set_new(step, "low", report_hex(trail->entry[i].lo));
		json_object_set_new(step, "high", report_hex(trail->entry[i].hi));
		json_array_append_new(list, step);
	}
	for (unsigned i = 0; i < trail->steps; i++) {
		json_t *step = json_object();

		json_object_set_new(step, "what", json_string("entry"));
		json_object_set_new(step, "level", json_integer(trail->step[i].level));
		json_object_set_new(step, "at", report_hex(trail->step[i].entry_pa));
		json_object_set_new(step, "raw", report_hex(trail->step[i].raw));
		json_object_set_new(step, "meaning",
				    json_string(step_meaning(meaning, &trail->step[i])));
		json_array_append_new(list, step);
	}
	return list;
}

json_t *report_walk_json(struct sio_device *device, uint64_t iova)
{
	struct sio_machine *machine = device->machine;
	json_t *json = json_object();
	const char *text;
	struct walk walk;

	machine_enter(machine, false);
	walk_do(device, iova, &walk);
	machine_leave(machine);
	json_object_set_new(json, "bdf", json_string(device->bdf));
	json_object_set_new(json, "iova", report_hex(iova));
	json_object_set_new(json, "unit", walk.unit ? json_string(walk.unit->name) : json_null());
	if (!walk.unit)
		return json;
	json_object_set_new(json, "domain-id", json_integer(walk.trail.domain_id));
	json_object_set_new(json, "steps", steps_json(&walk.trail));
	json_object_set_new(json, "reason", json_integer(walk.trail.result.reason));
	if (walk.trail.result.reason) {
		text = vtd_fault_text(walk.trail.result.reason);
		json_object_set_new(json, "fault", text ? json_string(text) : json_null());
	} else {
		json_object_set_new(json, "address", report_hex(walk.trail.result.pa));
		json_object_set_new(json, "page-size",
				    report_hex(SIO_BIT(walk.trail.result.size_lg2)));
	}
	return json;
}
