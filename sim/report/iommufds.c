// SPDX-License-Identifier: GPL-2.0-only
/*
 * What each iommufd context maps: its IOASes, the hardware page tables that show them, and the
 * devices that are attached to those.
 *
 * Objects have the ids that the program knows them by. Pages that several IOASes of a context share
 * are pinned once, so they are counted for the context, not for each IOAS.
 */
#include "report.h"

#include "iommufd/iommufd_private.h"

#include <inttypes.h>
#include <stdlib.h>

/* ---- looking around in a context; the machine's lock is held ---- */

static const struct iommufd_ioas *next_ioas(const struct iommufd_ctx *ctx, uint32_t *position)
{
	struct iommufd_object *obj;

	while ((obj = iommufd_object_at(ctx, position)))
		if (obj->type == IOMMUFD_OBJ_IOAS)
			return sio_container_of(obj, struct iommufd_ioas, obj);
	return NULL;
}

/* The next HWPT, of either kind, that translates through the IOAS. */
static struct iommufd_hwpt *next_hwpt(const struct iommufd_ioas *ioas,
				      const struct iommufd_ctx *ctx, uint32_t *position)
{
	struct iommufd_object *obj;

	while ((obj = iommufd_object_at(ctx, position))) {
		struct iommufd_hwpt *hwpt;

		if (obj->type != IOMMUFD_OBJ_HWPT_PAGING && obj->type != IOMMUFD_OBJ_HWPT_NESTED)
			continue;
		hwpt = sio_container_of(obj, struct iommufd_hwpt, obj);
		if (iommufd_hwpt_base(hwpt)->ioas == ioas)
			return hwpt;
	}
	return NULL;
}

static const struct iommufd_device *next_device(const struct iommufd_ctx *ctx, uint32_t *position)
{
	struct iommufd_object *obj;

	while ((obj = iommufd_object_at(ctx, position)))
		if (obj->type == IOMMUFD_OBJ_DEVICE)
			return sio_container_of(obj, struct iommufd_device, obj);
	return NULL;
}

static bool is_nested(const struct iommufd_hwpt *hwpt)
{
	return hwpt->obj.type == IOMMUFD_OBJ_HWPT_NESTED;
}

static const struct iommufd_hwpt_paging *paging(const struct iommufd_hwpt *hwpt)
{
	return sio_container_of(hwpt, struct iommufd_hwpt_paging, hwpt);
}

static unsigned access_count(const struct iommufd_ioas *ioas, const struct iommufd_ctx *ctx)
{
	struct iommufd_object *obj;
	uint32_t position = 0;
	unsigned count = 0;

	while ((obj = iommufd_object_at(ctx, &position)))
		count += obj->type == IOMMUFD_OBJ_ACCESS &&
			 sio_container_of(obj, struct iommufd_access, obj)->ioas == ioas;
	return count;
}

struct totals {
	uint64_t mappings, bytes;
	unsigned hwpts;
};

/* The lowest mapping with an address >= *from; *from moves behind it, *more says that it could. */
static bool next_mapping(const struct iommufd_ioas *ioas, uint64_t *from, bool *more,
			 struct iopt_area_info *info)
{
	if (!*more || !iopt_area_at(ioas->iopt, *from, info))
		return false;
	*from = info->last + 1;
	*more = *from != 0;
	return true;
}

static struct totals add_up(const struct iommufd_ioas *ioas, const struct iommufd_ctx *ctx)
{
	struct totals totals = {0};
	struct iopt_area_info info;
	uint32_t position = 0;
	uint64_t from = 0;
	bool more = true;

	while (next_mapping(ioas, &from, &more, &info)) {
		totals.mappings++;
		totals.bytes += info.last - info.first + 1;
	}
	while (next_hwpt(ioas, ctx, &position))
		totals.hwpts++;
	return totals;
}

static bool add_run(void *ctx, const struct pin_run *run)
{
	*(uint64_t *)ctx += run->pages;
	return true;
}

/* False: no memory to find out. */
static bool count_pinned(const struct iommufd_ctx *ctx, uint64_t *pages)
{
	struct io_pagetable **iopts = calloc(ctx->object_count + 1u, sizeof(*iopts));
	const struct iommufd_ioas *ioas;
	uint32_t position = 0;
	unsigned count = 0;
	bool ok;

	*pages = 0;
	if (!iopts)
		return false;
	while ((ioas = next_ioas(ctx, &position)))
		iopts[count++] = ioas->iopt;
	ok = iopt_each_run(iopts, count, add_run, pages);
	free(iopts);
	return ok;
}

/* ---- text ---- */

static void show_device(FILE *out, const struct iommufd_device *idev)
{
	const struct iommu_device *dev = idev->dev;
	char bdf[16];

	fprintf(out, "device %u: ", idev->obj.id);
	if (!dev->pci) {
		fprintf(out, "a mock");
		return;
	}
	pci_format_bdf(bdf, dev->pci->segment, pci_requester_id(dev->pci), true);
	fprintf(out, "%s at %s", bdf, dev->unit ? dev->unit->name : "no unit");
}

static void show_attached(FILE *out, const struct iommufd_ctx *ctx, const struct iommufd_hwpt *hwpt)
{
	const struct iommufd_device *idev;
	uint32_t position = 0;

	while ((idev = next_device(ctx, &position))) {
		const struct iommufd_attach *attach = idev->igroup->attachments;

		for (; attach; attach = attach->next) {
			if (iommufd_device_hwpt(idev, attach->pasid) != hwpt)
				continue;
			fprintf(out, "        ");
			show_device(out, idev);
			if (attach->pasid != IOMMU_NO_PASID)
				fprintf(out, ", PASID %" PRIu32, attach->pasid);
			fprintf(out, "\n");
		}
	}
}

static void show_hwpt(FILE *out, const struct iommufd_ctx *ctx, struct iommufd_hwpt *hwpt)
{
	const struct iommu_domain *domain = hwpt->domain;
	char pages[REPORT_TEXT];

	fprintf(out, "      hwpt %u: domain %u", hwpt->obj.id, domain->id);
	if (is_nested(hwpt))
		fprintf(out, ", nested in hwpt %u", iommufd_hwpt_base(hwpt)->hwpt.obj.id);
	else
		fprintf(out, "%s%s, %s, pages %s, addresses up to 0x%" PRIx64,
			paging(hwpt)->automatic ? ", automatic" : "",
			paging(hwpt)->nest_parent ? ", can be nested in" : "",
			paging(hwpt)->enforce_coherency ? "snoop control enforced"
							: "snoop control not enforced",
			report_pgsizes(pages, domain->pgsize_bitmap), domain->aperture_last);
	if (hwpt->fault)
		fprintf(out, ", faults to queue %u", hwpt->fault->obj.id);
	fprintf(out, "\n");
	show_attached(out, ctx, hwpt);
}

static void show_space(FILE *out, const struct iommufd_ioas *ioas)
{
	struct iopt_area_info info;
	struct iopt_range range;
	char size[REPORT_TEXT];
	uint64_t from = 0;
	bool more = true;

	for (unsigned n = 0; iopt_usable_at(ioas->iopt, n, &range); n++)
		fprintf(out, "      usable 0x%016" PRIx64 "-0x%016" PRIx64 "\n", range.first,
			range.last);
	while (next_mapping(ioas, &from, &more, &info))
		fprintf(out, "      0x%016" PRIx64 "-0x%016" PRIx64 " %s %s at 0x%" PRIx64 "%s%s\n",
			info.first, info.last, report_prot(info.prot),
			report_size(size, info.last - info.first + 1), info.user_va,
			info.file ? " of a file" : "", info.filled ? "" : ", in no domain");
}

static void show_ioas(FILE *out, const struct iommufd_ctx *ctx, const struct iommufd_ioas *ioas,
		      bool with_space)
{
	const struct totals totals = add_up(ioas, ctx);
	unsigned accesses = access_count(ioas, ctx);
	struct iommufd_hwpt *hwpt;
	char size[REPORT_TEXT];
	uint32_t position = 0;

	fprintf(out, "    ioas %u: %" PRIu64 " mappings, %s mapped, %u hwpt%s", ioas->obj.id,
		totals.mappings, report_size(size, totals.bytes), totals.hwpts,
		totals.hwpts == 1 ? "" : "s");
	if (accesses)
		fprintf(out, ", %u access%s", accesses, accesses == 1 ? "" : "es");
	fprintf(out, "%s%s\n", iopt_large_pages(ioas->iopt) ? "" : ", small pages only",
		ctx->vfio_ioas == ioas ? ", for VFIO ioctls" : "");
	while ((hwpt = next_hwpt(ioas, ctx, &position)))
		show_hwpt(out, ctx, hwpt);
	if (with_space)
		show_space(out, ioas);
}

static bool is_attached(const struct iommufd_device *idev)
{
	const struct iommufd_attach *attach = idev->igroup->attachments;

	for (; attach; attach = attach->next)
		if (iommufd_device_hwpt(idev, attach->pasid))
			return true;
	return false;
}

static void show_context(FILE *out, const struct iommufd_ctx *ctx, unsigned index, bool with_space)
{
	const struct iommufd_device *idev;
	const struct iommufd_ioas *ioas;
	uint32_t position = 0, objects = 0;
	uint64_t pinned;

	while (iommufd_object_at(ctx, &position))
		objects++;
	fprintf(out, "  iommufd %u: %u object%s", index, objects, objects == 1 ? "" : "s");
	if (count_pinned(ctx, &pinned))
		fprintf(out, ", %" PRIu64 " pages pinned", pinned);
	fprintf(out, "%s\n", ctx->noiommu ? ", no-IOMMU mode" : "");
	for (position = 0; (ioas = next_ioas(ctx, &position));)
		show_ioas(out, ctx, ioas, with_space);
	for (position = 0; (idev = next_device(ctx, &position));) {
		if (is_attached(idev))
			continue;
		fprintf(out, "    ");
		show_device(out, idev);
		fprintf(out, ", not attached\n");
	}
}

unsigned report_iommufds(FILE *out, const struct sio_machine *machine, bool with_space)
{
	const struct iommufd_ctx *ctx = machine->iommufd.contexts;
	unsigned count = 0;

	for (; ctx; ctx = ctx->next)
		show_context(out, ctx, count++, with_space);
	return count;
}

/* ---- JSON ---- */

static json_t *device_json(const struct iommufd_device *idev)
{
	const struct iommu_device *dev = idev->dev;
	json_t *json = json_object();
	char bdf[16];

	json_object_set_new(json, "id", json_integer(idev->obj.id));
	if (dev->pci)
		pci_format_bdf(bdf, dev->pci->segment, pci_requester_id(dev->pci), true);
	json_object_set_new(json, "bdf", dev->pci ? json_string(bdf) : json_null());
	json_object_set_new(json, "unit", dev->unit ? json_string(dev->unit->name) : json_null());
	return json;
}

/* What each device is attached to, by PASID; PASID 0 is its own requests. */
static json_t *attachments_json(const struct iommufd_device *idev)
{
	const struct iommufd_attach *attach = idev->igroup->attachments;
	json_t *list = json_array();

	for (; attach; attach = attach->next) {
		const struct iommufd_hwpt *hwpt = iommufd_device_hwpt(idev, attach->pasid);

		if (hwpt)
			json_array_append_new(list, json_pack("{s:I,s:I}", "pasid",
							      (json_int_t)attach->pasid, "hwpt",
							      (json_int_t)hwpt->obj.id));
	}
	return list;
}

static json_t *devices_json(const struct iommufd_ctx *ctx)
{
	const struct iommufd_device *idev;
	json_t *list = json_array();
	uint32_t position = 0;

	while ((idev = next_device(ctx, &position))) {
		json_t *json = device_json(idev);

		json_object_set_new(json, "attached", attachments_json(idev));
		json_array_append_new(list, json);
	}
	return list;
}

static json_t *hwpt_json(struct iommufd_hwpt *hwpt)
{
	json_t *json = json_object();

	json_object_set_new(json, "id", json_integer(hwpt->obj.id));
	json_object_set_new(json, "domain", json_integer(hwpt->domain->id));
	if (is_nested(hwpt)) {
		json_object_set_new(json, "nested-in",
				    json_integer(iommufd_hwpt_base(hwpt)->hwpt.obj.id));
	} else {
		json_object_set_new(json, "automatic", json_boolean(paging(hwpt)->automatic));
		json_object_set_new(json, "snoop-control",
				    json_boolean(paging(hwpt)->enforce_coherency));
		json_object_set_new(json, "page-sizes", report_hex(hwpt->domain->pgsize_bitmap));
		json_object_set_new(json, "last", report_hex(hwpt->domain->aperture_last));
	}
	return json;
}

static json_t *usable_json(const struct iommufd_ioas *ioas)
{
	json_t *list = json_array();
	struct iopt_range range;

	for (unsigned n = 0; iopt_usable_at(ioas->iopt, n, &range); n++) {
		json_t *json = json_object();

		json_object_set_new(json, "first", report_hex(range.first));
		json_object_set_new(json, "last", report_hex(range.last));
		json_array_append_new(list, json);
	}
	return list;
}

static json_t *space_json(const struct iommufd_ioas *ioas)
{
	json_t *list = json_array();
	struct iopt_area_info info;
	uint64_t from = 0;
	bool more = true;

	while (next_mapping(ioas, &from, &more, &info)) {
		json_t *json = json_object();

		json_object_set_new(json, "first", report_hex(info.first));
		json_object_set_new(json, "last", report_hex(info.last));
		json_object_set_new(json, info.file ? "file-offset" : "vaddr",
				    report_hex(info.user_va));
		json_object_set_new(json, "prot", json_string(report_prot(info.prot)));
		json_object_set_new(json, "in-domains", json_boolean(info.filled));
		json_array_append_new(list, json);
	}
	return list;
}

static json_t *ioas_json(const struct iommufd_ctx *ctx, const struct iommufd_ioas *ioas)
{
	const struct totals totals = add_up(ioas, ctx);
	json_t *json = json_object(), *hwpts = json_array();
	struct iommufd_hwpt *hwpt;
	uint32_t position = 0;

	while ((hwpt = next_hwpt(ioas, ctx, &position)))
		json_array_append_new(hwpts, hwpt_json(hwpt));
	json_object_set_new(json, "id", json_integer(ioas->obj.id));
	json_object_set_new(json, "vfio", json_boolean(ctx->vfio_ioas == ioas));
	json_object_set_new(json, "large-pages", json_boolean(iopt_large_pages(ioas->iopt)));
	json_object_set_new(json, "mappings", json_integer((json_int_t)totals.mappings));
	json_object_set_new(json, "mapped-bytes", report_hex(totals.bytes));
	json_object_set_new(json, "accesses", json_integer(access_count(ioas, ctx)));
	json_object_set_new(json, "hwpts", hwpts);
	json_object_set_new(json, "usable", usable_json(ioas));
	json_object_set_new(json, "space", space_json(ioas));
	return json;
}

static json_t *context_json(const struct iommufd_ctx *ctx)
{
	json_t *json = json_object(), *ioases = json_array();
	const struct iommufd_ioas *ioas;
	uint32_t position = 0;
	uint64_t pinned;

	while ((ioas = next_ioas(ctx, &position)))
		json_array_append_new(ioases, ioas_json(ctx, ioas));
	json_object_set_new(json, "type", json_string("iommufd"));
	json_object_set_new(json, "no-iommu", json_boolean(ctx->noiommu));
	json_object_set_new(json, "pinned-pages",
			    count_pinned(ctx, &pinned) ? json_integer((json_int_t)pinned) : NULL);
	json_object_set_new(json, "devices", devices_json(ctx));
	json_object_set_new(json, "ioases", ioases);
	return json;
}

void report_iommufds_json(json_t *list, const struct sio_machine *machine)
{
	const struct iommufd_ctx *ctx = machine->iommufd.contexts;

	for (; ctx; ctx = ctx->next)
		json_array_append_new(list, context_json(ctx));
}
