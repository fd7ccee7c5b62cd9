// SPDX-License-Identifier: GPL-2.0-only
/*
 * An IOMMU unit with its capabilities decoded, as the boot log would show them.
 *
 * A feature is one line of a table: its words for people, its key for programs, and the field of
 * the decoded capabilities or the bit of the register that says so.
 */
#include "report.h"

#include <inttypes.h>
#include <string.h>

/* "a, b, c" without those that are not there. */
struct list {
	FILE *out;
	const char *comma;
};

static void list_add(struct list *list, const char *name)
{
	fprintf(list->out, "%s%s", list->comma, name);
	list->comma = ", ";
}

static void list_end(struct list *list)
{
	fprintf(list->out, "%s\n", *list->comma ? "" : "no optional features");
}

/* ---- VT-d ---- */

static uint64_t vtd_pgsizes(const struct vtd_caps *caps)
{
	uint64_t bitmap = SIO_PAGE_SIZE;

	for (unsigned level = 1; level < 8; level++)
		if (caps->large_levels >> level & 1)
			bitmap |= SIO_PAGE_SIZE << 9 * level;
	return bitmap;
}

/* Widths of the tables that the unit walks: "39 48". */
static const char *vtd_widths(char buf[REPORT_TEXT], const struct vtd_caps *caps)
{
	buf[0] = '\0';
	for (unsigned bit = 1; bit < 5; bit++) {
		size_t used = strlen(buf);

		if (caps->sagaw >> bit & 1)
			snprintf(buf + used, REPORT_TEXT - used, "%s%u", used ? " " : "",
				 30 + 9 * bit);
	}
	return buf;
}

#define VTD(field) offsetof(struct vtd_caps, field)

static const struct vtd_feature {
	const char *name, *key;
	size_t offset;
	bool scalable; /* said only of units that have scalable mode */
} vtd_features[] = {
	{"snoop control", "snoop-control", VTD(snoop_control), false},
	{"interrupt remapping", "intremap", VTD(intremap), false},
	{"extended interrupts", "eim", VTD(eim), false},
	{"queued invalidation", "queued-invalidation", VTD(qi), false},
	{"page-selective invalidation", "psi", VTD(psi), false},
	{"pass-through", "pt", VTD(pass_through), false},
	{"device TLBs", "device-tlb", VTD(device_tlb), false},
	{"coherent walks", "coherent", VTD(coherent), false},
	{"caching mode", "caching-mode", VTD(caching_mode), false},
	{"write-buffer flushing", "rwbf", VTD(rwbf), false},
	{"zero-length reads", "zlr", VTD(zlr), false},
	{"scalable mode", "scalable-mode", VTD(scalable), true},
	{"first stage", "first-stage", VTD(first_stage), true},
	{"second stage", "second-stage", VTD(second_stage), true},
	{"nested", "nested", VTD(nested), true},
	{"first-stage 1 GiB pages", "first-stage-1g", VTD(first_1g), true},
	{"first-stage 5 levels", "first-stage-5-levels", VTD(first_5level), true},
	{"second-stage dirty bits", "second-stage-dirty", VTD(second_dirty), true},
	{"snooped walks", "walk-snoop", VTD(walk_snoop), true},
	{"PASIDs", "pasid", VTD(pasid), true},
	{"page requests", "page-requests", VTD(page_requests), true},
};

static bool vtd_has(const struct vtd_caps *caps, const struct vtd_feature *feature)
{
	return *((const bool *)((const char *)caps + feature->offset));
}

static void show_vtd(FILE *out, const struct machine_unit *from)
{
	const struct vtd_caps *caps = vtd_caps(from->unit);
	char widths[REPORT_TEXT], pages[REPORT_TEXT];
	struct list list = {out, ""};

	fprintf(out, "  %s: VT-d, table widths %s, guest addresses of %u bits, pages %s\n",
		from->unit->name, vtd_widths(widths, caps), caps->mgaw,
		report_pgsizes(pages, vtd_pgsizes(caps)));
	fprintf(out, "        cap 0x%016" PRIx64 " ecap 0x%016" PRIx64 "\n", caps->cap, caps->ecap);
	fprintf(out, "        host addresses of %u bits, %u domains, %u fault record%s\n",
		caps->haw, caps->domain_ids, caps->fault_records,
		caps->fault_records == 1 ? "" : "s");
	fprintf(out, "        ");
	for (unsigned i = 0; i < SIO_ARRAY_SIZE(vtd_features); i++)
		if (vtd_has(caps, &vtd_features[i]))
			list_add(&list, vtd_features[i].name);
	list_end(&list);
	if (!caps->snoop_control)
		fprintf(out, "        no snoop control\n");
	if (caps->scalable)
		fprintf(out, "        the kernel uses %s mode\n",
			from->machine->platform->scalable_mode ? "scalable" : "legacy");
}

static void vtd_json(json_t *json, const struct machine_unit *from)
{
	const struct vtd_caps *caps = vtd_caps(from->unit);
	json_t *widths = json_array();

	for (unsigned bit = 1; bit < 5; bit++)
		if (caps->sagaw >> bit & 1)
			json_array_append_new(widths, json_integer(30 + 9 * bit));
	json_object_set_new(json, "cap", report_hex(caps->cap));
	json_object_set_new(json, "ecap", report_hex(caps->ecap));
	json_object_set_new(json, "table-widths", widths);
	json_object_set_new(json, "mgaw", json_integer(caps->mgaw));
	json_object_set_new(json, "haw", json_integer(caps->haw));
	json_object_set_new(json, "domains", json_integer(caps->domain_ids));
	json_object_set_new(json, "fault-records", json_integer(caps->fault_records));
	json_object_set_new(json, "page-sizes", report_hex(vtd_pgsizes(caps)));
	for (unsigned i = 0; i < SIO_ARRAY_SIZE(vtd_features); i++)
		if (caps->scalable || !vtd_features[i].scalable)
			json_object_set_new(json, vtd_features[i].key,
					    json_boolean(vtd_has(caps, &vtd_features[i])));
}

/* ---- AMD-Vi ---- */

/* The format has every power of two up to 2 PiB but 512 GiB, whatever the unit. */
#define AMD_PGSIZES UINT64_C(0xfff7ffffff000)

static const struct amd_feature {
	const char *name, *key;
	uint64_t efr;        /* bits, all of them */
	uint32_t capability; /* or a bit here */
} amd_features[] = {
	{"not-present caching", "np-cache", 0, AMDVI_CAP_NP_CACHE},
	{"device TLBs", "device-iotlb", 0, AMDVI_CAP_IOTLB},
	{"HyperTransport tunnel", "ht-tunnel", 0, AMDVI_CAP_HT},
	{"prefetch", "prefetch", AMDVI_EFR_PREFETCH, 0},
	{"page requests", "ppr", AMDVI_EFR_PPR, 0},
	{"x2APIC", "xtsup", AMDVI_EFR_XT, 0},
	{"no-execute", "nx", AMDVI_EFR_NX, 0},
	{"guest translation", "gt", AMDVI_EFR_GT, 0},
	{"guest translation without PASID", "gio", AMDVI_EFR_GIO, 0},
	{"invalidate all", "invalidate-all", AMDVI_EFR_IA, 0},
	{"guest virtual APIC", "ga", AMDVI_EFR_GA, 0},
	{"hardware error registers", "he", AMDVI_EFR_HE, 0},
	{"performance counters", "pc", AMDVI_EFR_PC, 0},
	{"accessed and dirty bits", "access-dirty", AMDVI_EFR_HA | AMDVI_EFR_HD, 0},
};

static bool amd_has(const struct amdvi_caps *caps, const struct amd_feature *feature)
{
	return feature->efr ? (caps->efr & feature->efr) == feature->efr
			    : (caps->capability & feature->capability) != 0;
}

static void show_amd(FILE *out, const struct machine_unit *from)
{
	const struct amdvi_caps *caps = amdvi_caps(from->unit);
	char bdf[16], pages[REPORT_TEXT];
	struct list list = {out, ""};

	fprintf(out, "  %s: AMD-Vi at %s, tables of 1 to %u levels, pages %s\n", from->unit->name,
		pci_format_bdf(bdf, from->platform->segment, from->platform->devid, true),
		caps->host_levels, report_pgsizes(pages, AMD_PGSIZES));
	fprintf(out,
		"        efr 0x%016" PRIx64 " efr2 0x%016" PRIx64 " capability 0x%08" PRIx32 "\n",
		caps->efr, caps->efr2, caps->capability);
	fprintf(out, "        host addresses of %u bits", caps->haw);
	if (caps->guest)
		fprintf(out, ", guest tables of %u levels, PASIDs of %u bit%s in %u level%s",
			caps->guest_levels, caps->pasid_bits, caps->pasid_bits == 1 ? "" : "s",
			caps->gcr3_levels, caps->gcr3_levels == 1 ? "" : "s");
	fprintf(out, "\n        ");
	for (unsigned i = 0; i < SIO_ARRAY_SIZE(amd_features); i++)
		if (amd_has(caps, &amd_features[i]))
			list_add(&list, amd_features[i].name);
	list_end(&list);
}

static void amd_json(json_t *json, const struct machine_unit *from)
{
	const struct amdvi_caps *caps = amdvi_caps(from->unit);
	char bdf[16];

	json_object_set_new(json, "efr", report_hex(caps->efr));
	json_object_set_new(json, "efr2", report_hex(caps->efr2));
	json_object_set_new(json, "capability", report_hex(caps->capability));
	json_object_set_new(json, "bdf",
			    json_string(pci_format_bdf(bdf, from->platform->segment,
						       from->platform->devid, true)));
	json_object_set_new(json, "haw", json_integer(caps->haw));
	json_object_set_new(json, "page-sizes", report_hex(AMD_PGSIZES));
	json_object_set_new(json, "levels", json_integer(caps->host_levels));
	if (caps->guest) {
		json_object_set_new(json, "guest-levels", json_integer(caps->guest_levels));
		json_object_set_new(json, "gcr3-levels", json_integer(caps->gcr3_levels));
		json_object_set_new(json, "pasid-bits", json_integer(caps->pasid_bits));
	}
	for (unsigned i = 0; i < SIO_ARRAY_SIZE(amd_features); i++)
		json_object_set_new(json, amd_features[i].key,
				    json_boolean(amd_has(caps, &amd_features[i])));
}

/* ---- either ---- */

void report_unit(FILE *out, const struct machine_unit *unit)
{
	if (unit->platform->type == PLATFORM_AMD)
		show_amd(out, unit);
	else
		show_vtd(out, unit);
}

json_t *report_unit_json(const struct machine_unit *unit)
{
	json_t *json = json_object();
	bool amd = unit->platform->type == PLATFORM_AMD;

	json_object_set_new(json, "name", json_string(unit->unit->name));
	json_object_set_new(json, "type", json_string(amd ? "amd" : "intel"));
	json_object_set_new(json, "segment", json_integer(unit->platform->segment));
	json_object_set_new(json, "include-all", json_boolean(unit->platform->include_all));
	if (amd)
		amd_json(json, unit);
	else
		vtd_json(json, unit);
	return json;
}
