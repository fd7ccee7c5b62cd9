// SPDX-License-Identifier: GPL-2.0-only
/*
 * The public API's view of the inside: audits, stale translations, counters, failure plans and
 * module parameters.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"

static bool iommufd_pins(const void *source, t1_pin_fn add, void *ctx)
{
	return iommufd_each_pin(source, add, ctx);
}

/* Frames are pinned exactly as often as the containers and iommufds together say. */
static const char *audit_pins(struct sio_machine *machine)
{
	const struct t1_more_pins more = {iommufd_pins, &machine->iommufd};
	struct type1 **list = NULL, *container;
	const char *what;
	unsigned count = 0;

	while (vfio_container_at(machine->vfio, count))
		count++;
	list = calloc(count + 1, sizeof(*list));
	if (!list)
		return "no memory for the audit";
	for (unsigned i = 0; (container = vfio_container_at(machine->vfio, i)); i++)
		list[i] = container;
	what = t1_audit_all_pins(list, count, vfio_params(machine->vfio), &more, machine->phys);
	free(list);
	return what;
}

/* The first object that does not hold what it should, its name in *who. */
static const char *audit_all(struct sio_machine *machine, bool thorough, const char **who)
{
	const char *what;

	*who = "memory";
	what = phys_audit(machine->phys);
	for (unsigned i = 0; i < machine->unit_count && !what; i++) {
		const struct unit *unit = machine->unit[i].unit;

		*who = unit->name;
		what = unit->ops->audit(unit);
	}
	for (const struct sio_process *at = machine->processes; at && !what; at = at->next) {
		*who = "process";
		what = mm_sim_audit(at->task->mm);
	}
	if (!what) {
		*who = "iommu";
		what = iommu_audit(&machine->iommu);
	}
	if (!what) {
		*who = "vfio";
		what = vfio_audit(machine->vfio, thorough);
	}
	if (!what) {
		*who = "iommufd";
		what = iommufd_audit(&machine->iommufd, thorough);
	}
	if (!what) {
		*who = "pins";
		what = audit_pins(machine);
	}
	return what;
}

int sio_audit(struct sio_machine *machine, bool thorough, char *what, size_t len)
{
	const char *found, *who;

	machine_look(machine);
	found = audit_all(machine, thorough, &who);
	if (what && len)
		snprintf(what, len, "%s%s%s", found ? who : "", found ? ": " : "",
			 found ? found : "");
	machine_leave(machine);
	return found ? -EPROTO : 0;
}

bool sio_stale_next(struct sio_machine *machine, struct sio_stale *stale)
{
	bool found;

	machine_look(machine);
	machine_settle(machine);
	found = machine->stale_count != 0;
	if (found) {
		*stale = machine->stale[machine->stale_first];
		machine->stale_first = (machine->stale_first + 1) % MACHINE_STALES;
		machine->stale_count--;
	}
	machine_leave(machine);
	return found;
}

const char *sio_notice_next(struct sio_machine *machine)
{
	const char *text;

	machine_enter(machine, false);
	text = iommu_notice_next(&machine->iommu);
	machine_leave(machine);
	return text;
}

void sio_stats(struct sio_machine *machine, struct sio_stats *stats)
{
	const struct type1 *container;
	struct iommufd_stats iommufd;

	machine_look(machine);
	machine_settle(machine);
	iommufd_stats(&machine->iommufd, &iommufd);
	*stats = (struct sio_stats){
		.operations = machine->iommu.op,
		.table_pages = phys_table_count(machine->phys),
		.pinned_pages = phys_pins_total(machine->phys),
		.faults = machine->faults,
		.mappings = iommufd.areas,
		.domains = iommufd.domains,
		.iommufd_objects = iommufd.objects,
	};
	for (unsigned i = 0; (container = vfio_container_at(machine->vfio, i)); i++) {
		struct t1_stats t1;

		t1_stats(container, &t1);
		stats->mappings += t1.mappings;
		stats->domains += t1.domains;
		stats->locked_pages += t1.locked_pages;
	}
	machine_leave(machine);
}

int sio_inject(struct sio_machine *machine, const char *plan, char *error, size_t error_len)
{
	char why[INJECT_ERROR_LEN];
	int rc;

	machine_look(machine);
	rc = inject_plan(&machine->iommu.inject, plan, why);
	machine_leave(machine);
	if (error && error_len)
		snprintf(error, error_len, "%s%.200s%s%s", rc ? "inject plan \"" : "",
			 rc ? plan : "", rc ? "\": " : "", rc ? why : "");
	return rc;
}

uint64_t sio_inject_count(struct sio_machine *machine)
{
	uint64_t count;

	machine_look(machine);
	count = machine->iommu.inject.passages;
	machine_leave(machine);
	return count;
}

uint64_t sio_injected(struct sio_machine *machine)
{
	uint64_t injected;

	machine_look(machine);
	injected = machine->iommu.inject.injected;
	machine_leave(machine);
	return injected;
}

const char *sio_inject_last(struct sio_machine *machine)
{
	const struct fail_point *last;

	machine_look(machine);
	last = machine->iommu.inject.last;
	machine_leave(machine);
	return last ? last->name : NULL;
}

bool sio_inject_point(unsigned n, struct sio_inject_point *out)
{
	const struct fail_point *point = fail_point_at(n);

	if (!point)
		return false;
	*out = (struct sio_inject_point){
		.name = point->name,
		.kind = fail_kind_name(point->kind),
		.bug = point->kind == FAIL_BUG,
	};
	for (unsigned i = 0; i < SIO_INJECT_ERRORS; i++)
		out->error[i] = inject_answer(point, i);
	return true;
}

static struct fail_count point_count(struct sio_machine *machine, unsigned n)
{
	const struct fail_point *point = fail_point_at(n);
	struct fail_count count = {0};

	machine_look(machine);
	if (point)
		count = fail_plan_count(&machine->iommu.inject, point);
	machine_leave(machine);
	return count;
}

uint64_t sio_inject_seen(struct sio_machine *machine, unsigned n)
{
	return point_count(machine, n).seen;
}

uint64_t sio_inject_injected(struct sio_machine *machine, unsigned n)
{
	return point_count(machine, n).injected;
}

int sio_rare(struct sio_machine *machine, const char *text, char *error, size_t error_len)
{
	char why[RARE_ERROR_LEN];
	int rc;

	machine_enter(machine, false);
	rc = rare_plan(&machine->iommu.rare, text, why);
	machine_leave(machine);
	if (error && error_len)
		snprintf(error, error_len, "%s", why);
	return rc;
}

bool sio_rarity(unsigned n, struct sio_rarity *rarity)
{
	if (n >= RARE_COUNT)
		return false;
	*rarity = (struct sio_rarity){rare_name((enum rare_id)n), rare_about((enum rare_id)n)};
	return true;
}

uint64_t sio_rare_happened(struct sio_machine *machine, unsigned n)
{
	uint64_t happened = 0;

	machine_enter(machine, false);
	if (n < RARE_COUNT)
		happened = machine->iommu.rare.of[n].happened;
	machine_leave(machine);
	return happened;
}

int sio_param(struct sio_machine *machine, const char *name, uint64_t value)
{
	struct type1_params *params;
	int rc = 0;

	machine_enter(machine, true);
	params = vfio_params(machine->vfio);
	if (!strcmp(name, "enable_unsafe_noiommu_mode"))
		rc = value <= 1 ? vfio_set_noiommu(machine->vfio, value != 0) : -EINVAL;
	else if (!strcmp(name, "dma_entry_limit") && !machine->personality.dma_entry_limit)
		rc = -ENOENT;
	else if (!strcmp(name, "dma_entry_limit") && value <= UINT32_MAX)
		params->dma_entry_limit = (uint32_t)value;
	else if (!strcmp(name, "disable_hugepages") && value <= 1)
		params->disable_hugepages = value != 0;
	else if (!strcmp(name, "allow_unsafe_interrupts") && value <= 1)
		params->allow_unsafe_interrupts = value != 0;
	else if (!strcmp(name, "iommufd.allow_unsafe_interrupts") && value <= 1)
		machine->iommufd.allow_unsafe_interrupts = value != 0;
	else
		rc = -EINVAL;
	machine_leave(machine);
	return rc;
}
