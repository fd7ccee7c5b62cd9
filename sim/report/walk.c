// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page walk of one address, as memory stands now.
 *
 * Raw entries are shown beside their meaning, so that a dump from a kernel can be held against it.
 * Both vendors' trails become one form first: entries that choose the tables, then the levels of
 * one stage or two.
 */
#include "report.h"

#include <inttypes.h>
#include <string.h>

#define MEANING_TEXT (3 * REPORT_TEXT)
#define ENTRIES_MAX  4u

struct walk_entry {
	const char *what; /* "root", "device table" */
	pa_t pa;
	unsigned words;
	uint64_t word[4];
};

struct walk_stage {
	const char *name; /* NULL: the only one there can be */
	struct pt_step step[PT_LEVELS_MAX];
	unsigned steps;
};

struct walk {
	struct unit *unit; /* NULL: the address is physical */
	struct dma_req req;
	struct walk_entry entry[ENTRIES_MAX];
	unsigned entries;
	struct walk_stage stage[2];
	unsigned stages;
	uint16_t domain_id;
	struct xlat result;
	const char *fault; /* of result.reason, NULL: none or unknown */
};

/* ---- the vendors' trails ---- */

static void stage_add(struct walk *walk, const char *name, const struct pt_step *step,
		      unsigned steps)
{
	struct walk_stage *stage = &walk->stage[walk->stages++];

	stage->name = name;
	stage->steps = steps;
	memcpy(stage->step, step, steps * sizeof(*step));
}

static void walk_vtd(struct walk *walk)
{
	struct vtd_trail trail = {.entries = 0};

	vtd_walk(walk->unit, &walk->req, &trail);
	for (unsigned i = 0; i < trail.entries; i++)
		walk->entry[i] = (struct walk_entry){
			.what = trail.entry[i].what,
			.pa = trail.entry[i].pa,
			.words = strcmp(trail.entry[i].what, "pasid-directory") ? 2 : 1,
			.word = {trail.entry[i].lo, trail.entry[i].hi},
		};
	walk->entries = trail.entries;
	stage_add(walk, trail.nested || trail.first_stage ? "first stage" : NULL, trail.step,
		  trail.steps);
	if (trail.nested)
		stage_add(walk, "second stage", trail.second, trail.seconds);
	walk->domain_id = trail.domain_id;
	walk->result = trail.result;
	if (trail.result.reason)
		walk->fault = vtd_fault_text(trail.result.reason);
}

static void walk_amdvi(struct walk *walk)
{
	struct amdvi_trail trail = {.entries = 0};

	amdvi_walk(walk->unit, &walk->req, &trail);
	for (unsigned i = 0; i < trail.entries; i++) {
		walk->entry[i] = (struct walk_entry){
			.what = trail.entry[i].what,
			.pa = trail.entry[i].pa,
			.words = trail.entry[i].words,
		};
		memcpy(walk->entry[i].word, trail.entry[i].word, sizeof(walk->entry[i].word));
	}
	walk->entries = trail.entries;
	stage_add(walk, trail.guest ? "guest tables" : NULL, trail.step, trail.steps);
	if (trail.nested)
		stage_add(walk, "host tables", trail.host_step, trail.host_steps);
	walk->domain_id = trail.domain_id;
	walk->result = trail.result;
	if (trail.result.reason)
		walk->fault = amdvi_event_text(trail.result.reason);
}

static const struct machine_unit *unit_at(const struct sio_machine *machine, uint16_t segment,
					  uint16_t requester)
{
	const struct unit *unit = dma_fabric_route(machine->fabric, segment, requester);

	for (unsigned i = 0; unit && i < machine->unit_count; i++)
		if (machine->unit[i].unit == unit)
			return &machine->unit[i];
	return NULL;
}

static void walk_once(const struct machine_unit *unit, const struct dma_req *req, struct walk *walk)
{
	*walk = (struct walk){.req = *req};
	if (!unit)
		return;
	walk->unit = unit->unit;
	if (unit->platform->type == PLATFORM_AMD)
		walk_amdvi(walk);
	else
		walk_vtd(walk);
}

/* A read first; what may only be written is shown as a write. The machine's lock is held. */
static void walk_do(struct sio_machine *machine, struct dma_req req, struct walk *walk)
{
	const struct machine_unit *unit = unit_at(machine, req.segment, req.requester);
	struct walk write;

	req.len = 1;
	req.kind = DMA_READ;
	walk_once(unit, &req, walk);
	if (!walk->result.reason)
		return;
	req.kind = DMA_WRITE;
	walk_once(unit, &req, &write);
	if (!write.result.reason)
		*walk = write;
}

/* ---- text ---- */

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

static void show_entry(FILE *out, const struct walk_entry *entry)
{
	fprintf(out, "  %-8s at 0x%" PRIx64 ":", entry->what, entry->pa);
	for (unsigned i = entry->words; i--;)
		fprintf(out, " 0x%016" PRIx64, entry->word[i]);
	fprintf(out, "  %s\n", entry->word[0] & 1 ? "present" : "not present");
}

static void show_stage(FILE *out, const struct walk_stage *stage)
{
	char meaning[MEANING_TEXT];

	if (stage->name)
		fprintf(out, "  %s\n", stage->name);
	for (unsigned i = 0; i < stage->steps; i++)
		fprintf(out, "  level %u  at 0x%" PRIx64 ": 0x%016" PRIx64 "  %s\n",
			stage->step[i].level, stage->step[i].entry_pa, stage->step[i].raw,
			step_meaning(meaning, &stage->step[i]));
}

static void show_result(FILE *out, const struct walk *walk)
{
	const struct xlat *result = &walk->result;
	const char *kind = walk->req.kind == DMA_READ ? "read" : "write";
	char perm[REPORT_TEXT], size[REPORT_TEXT];

	if (result->reason)
		fprintf(out, "  result   a %s faults: reason 0x%02x, %s\n", kind, result->reason,
			walk->fault ? walk->fault : "unknown");
	else
		fprintf(out, "  result   0x%" PRIx64 " in a %s page, %s\n", result->pa,
			report_size(size, SIO_BIT(result->size_lg2)),
			perm_text(perm, result->perm));
}

static void show_walk(FILE *out, const struct walk *walk, const char *who)
{
	char bdf[16];

	pci_format_bdf(bdf, walk->req.segment, walk->req.requester, true);
	if (!walk->unit) {
		fprintf(out, "0x%" PRIx64 " of %s: no unit, the address is physical\n",
			walk->req.iova, who ? who : bdf);
		return;
	}
	fprintf(out, "0x%" PRIx64 " of %s: requester %s at %s, domain id %u", walk->req.iova,
		who ? who : bdf, bdf, walk->unit->name, walk->domain_id);
	if (walk->req.has_pasid)
		fprintf(out, ", PASID %" PRIu32, walk->req.pasid);
	fprintf(out, "\n");
	for (unsigned i = 0; i < walk->entries; i++)
		show_entry(out, &walk->entry[i]);
	for (unsigned i = 0; i < walk->stages; i++)
		show_stage(out, &walk->stage[i]);
	show_result(out, walk);
}

static struct dma_req device_req(const struct sio_device *device, const struct report_address *at)
{
	return (struct dma_req){
		.segment = device->fn->segment,
		.requester = pci_requester_id(device->fn),
		.has_pasid = at->has_pasid,
		.pasid = at->pasid,
		.iova = at->iova,
	};
}

void report_walk(FILE *out, struct sio_device *device, const struct report_address *at)
{
	struct walk walk;

	machine_look(device->machine);
	walk_do(device->machine, device_req(device, at), &walk);
	machine_leave(device->machine);
	show_walk(out, &walk, device->bdf);
}

void report_walk_request(FILE *out, struct sio_machine *machine, const struct dma_req *req)
{
	struct walk walk;

	machine_look(machine);
	walk_do(machine, *req, &walk);
	machine_leave(machine);
	show_walk(out, &walk, NULL);
}

/* ---- JSON ---- */

static json_t *entry_json(const struct walk_entry *entry)
{
	json_t *json = json_object(), *words;

	json_object_set_new(json, "what", json_string(entry->what));
	json_object_set_new(json, "at", report_hex(entry->pa));
	json_object_set_new(json, "low", report_hex(entry->word[0]));
	if (entry->words == 2)
		json_object_set_new(json, "high", report_hex(entry->word[1]));
	if (entry->words > 2) {
		words = json_array();
		for (unsigned i = 0; i < entry->words; i++)
			json_array_append_new(words, report_hex(entry->word[i]));
		json_object_set_new(json, "words", words);
	}
	return json;
}

static json_t *step_json(const struct walk_stage *stage, const struct pt_step *step)
{
	char meaning[MEANING_TEXT];
	json_t *json = json_object();

	json_object_set_new(json, "what", json_string("entry"));
	if (stage->name)
		json_object_set_new(json, "stage", json_string(stage->name));
	json_object_set_new(json, "level", json_integer(step->level));
	json_object_set_new(json, "at", report_hex(step->entry_pa));
	json_object_set_new(json, "raw", report_hex(step->raw));
	json_object_set_new(json, "meaning", json_string(step_meaning(meaning, step)));
	return json;
}

static json_t *steps_json(const struct walk *walk)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < walk->entries; i++)
		json_array_append_new(list, entry_json(&walk->entry[i]));
	for (unsigned i = 0; i < walk->stages; i++)
		for (unsigned j = 0; j < walk->stage[i].steps; j++)
			json_array_append_new(list,
					      step_json(&walk->stage[i], &walk->stage[i].step[j]));
	return list;
}

json_t *report_walk_json(struct sio_device *device, const struct report_address *at)
{
	json_t *json = json_object();
	struct walk walk;

	machine_look(device->machine);
	walk_do(device->machine, device_req(device, at), &walk);
	machine_leave(device->machine);
	json_object_set_new(json, "bdf", json_string(device->bdf));
	json_object_set_new(json, "iova", report_hex(at->iova));
	if (at->has_pasid)
		json_object_set_new(json, "pasid", json_integer(at->pasid));
	json_object_set_new(json, "unit", walk.unit ? json_string(walk.unit->name) : json_null());
	if (!walk.unit)
		return json;
	json_object_set_new(json, "domain-id", json_integer(walk.domain_id));
	json_object_set_new(json, "steps", steps_json(&walk));
	json_object_set_new(json, "reason", json_integer(walk.result.reason));
	if (walk.result.reason) {
		json_object_set_new(json, "fault",
				    walk.fault ? json_string(walk.fault) : json_null());
	} else {
		json_object_set_new(json, "address", report_hex(walk.result.pa));
		json_object_set_new(json, "page-size", report_hex(SIO_BIT(walk.result.size_lg2)));
	}
	return json;
}
