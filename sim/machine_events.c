// SPDX-License-Identifier: GPL-2.0-only
/*
 * The machine's lock, and what units report from any thread: interrupts and stale translations.
 *
 * A unit raises an interrupt while it is busy with a request, so the driver cannot read its
 * registers from there. The interrupt is queued and the driver runs when the machine's lock is
 * given back, as a handler runs after the instruction that was interrupted. When the queue
 * overflows every unit is looked at instead: a spurious fault interrupt finds nothing and does no
 * harm.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "machine.h"

static void unit_msi(void *ctx, uint64_t address, uint32_t data)
{
	struct machine_unit *unit = ctx;
	struct sio_machine *machine = unit->machine;
	unsigned i = 0;

	pthread_mutex_lock(&machine->event_lock);
	while (i < machine->irq_count &&
	       (machine->irq[i].address != address || machine->irq[i].data != data))
		i++;
	if (i == MACHINE_EVENTS)
		machine->irq_lost = true;
	else if (i == machine->irq_count)
		machine->irq[machine->irq_count++] = (struct machine_irq){address, data};
	__atomic_store_n(&machine->events, true, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&machine->event_lock);
}

/* What devices signal reaches its handler without us: vfio's eventfds stand behind the vectors. */
static void unit_interrupt(void *ctx, const struct irq_message *irq)
{
	(void)ctx;
	(void)irq;
}

/* What was used: a page, or an interrupt entry. */
static uint64_t used_place(const struct stale_use *use)
{
	return use->interrupt ? use->iova : use->iova & SIO_PAGE_MASK;
}

static bool same_use(const struct stale_use *a, const struct stale_use *b)
{
	return a->unit == b->unit && a->cache == b->cache && a->interrupt == b->interrupt &&
	       a->requester == b->requester && a->kind == b->kind && used_place(a) == used_place(b);
}

static void unit_stale(void *ctx, const struct stale_use *use)
{
	struct machine_unit *unit = ctx;
	struct sio_machine *machine = unit->machine;
	unsigned i = 0;

	pthread_mutex_lock(&machine->event_lock);
	/* A transfer that uses one stale page many times is one report, and so are interrupts
	 * through one entry. */
	while (i < machine->stale_new_count && !same_use(&machine->stale_new[i].use, use))
		i++;
	if (i == MACHINE_EVENTS)
		machine->stale_lost++;
	else if (i == machine->stale_new_count)
		machine->stale_new[machine->stale_new_count++] =
			(struct machine_stale){*use, unit->platform->segment};
	__atomic_store_n(&machine->events, true, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&machine->event_lock);
}

static uint64_t unit_clock(void *ctx)
{
	const struct machine_unit *unit = ctx;

	return __atomic_load_n(&unit->machine->iommu.op, __ATOMIC_RELAXED);
}

const struct unit_env machine_unit_env = {
	.msi = unit_msi,
	.stale = unit_stale,
	.clock = unit_clock,
	.interrupt = unit_interrupt,
};

void machine_enter(struct sio_machine *machine, bool counts)
{
	pthread_mutex_lock(&machine->lock);
	/* Without a plan of its own the machine leaves in force what its caller set up. */
	machine->outer_plan =
		fail_enter(machine->iommu.inject.count ? &machine->iommu.inject : fail_current);
	machine->outer_recycler = recycle_enter(machine->recycler);
	if (counts && !machine->numbered)
		__atomic_store_n(&machine->iommu.op, machine->iommu.op + 1, __ATOMIC_RELAXED);
}

void machine_look(struct sio_machine *machine)
{
	machine_enter(machine, false);
	fail_enter(NULL);
}

void machine_leave(struct sio_machine *machine)
{
	if (machine->iommu.late)
		iommu_sync_late(&machine->iommu);
	fail_leave(machine->outer_plan);
	machine_settle(machine);
	if (machine->waiters)
		pthread_cond_broadcast(&machine->changed);
	recycle_leave(machine->outer_recycler);
	pthread_mutex_unlock(&machine->lock);
}

void machine_wait(struct sio_machine *machine)
{
	struct fail_plan *outer_plan = machine->outer_plan;
	struct recycler *outer_recycler = machine->outer_recycler;

	machine_settle(machine);
	machine->waiters++;
	pthread_cond_wait(&machine->changed, &machine->lock);
	machine->waiters--;
	/* Others have had the lock meanwhile. */
	machine->outer_plan = outer_plan;
	machine->outer_recycler = outer_recycler;
}

void machine_operation(struct sio_machine *machine, uint64_t number)
{
	pthread_mutex_lock(&machine->lock);
	machine->numbered = true;
	__atomic_store_n(&machine->iommu.op, number, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&machine->lock);
}

static void collect_faults(struct sio_machine *machine)
{
	struct iommu_fault fault;

	while (iommu_fault_next(&machine->iommu, &fault)) {
		if (machine->fault_count == MACHINE_FAULTS) {
			machine->fault_first = (machine->fault_first + 1) % MACHINE_FAULTS;
			machine->fault_count--;
		}
		machine->fault[(machine->fault_first + machine->fault_count++) % MACHINE_FAULTS] =
			fault;
		machine->faults++;
	}
}

void machine_stale_text(const struct stale_use *use, uint16_t segment, char *text, size_t len)
{
	char bdf[16];

	pci_format_bdf(bdf, segment, use->requester, false);
	if (use->interrupt)
		snprintf(text, len, "%s of %s still holds interrupt entry %" PRIu64 " for %s",
			 use->cache, use->unit, used_place(use), bdf);
	else
		snprintf(text, len, "%s of %s still translates 0x%" PRIx64 " for %s", use->cache,
			 use->unit, used_place(use), bdf);
}

static void stale_text(const struct sio_machine *machine, const struct machine_stale *from,
		       struct sio_stale *to)
{
	const struct stale_use *use = &from->use;
	struct iommu_journal_entry map, unmap;
	size_t used;

	*to = (struct sio_stale){.iova = use->iova};
	machine_stale_text(use, from->segment, to->text, sizeof(to->text));
	/* The journal is of addresses. */
	if (!use->interrupt && iommu_journal_find(&machine->iommu, use->iova, &map, &unmap)) {
		to->mapped_by = map.op;
		to->unmapped_by = unmap.op;
	}
	used = strlen(to->text);
	if (to->mapped_by)
		snprintf(to->text + used, sizeof(to->text) - used, "; mapped by operation %" PRIu64,
			 to->mapped_by);
	used = strlen(to->text);
	if (to->unmapped_by)
		snprintf(to->text + used, sizeof(to->text) - used,
			 "%s unmapped by operation %" PRIu64 ", which did not invalidate",
			 to->mapped_by ? "," : ";", to->unmapped_by);
}

static void collect_stales(struct sio_machine *machine, const struct machine_stale *from,
			   unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		unsigned at = (machine->stale_first + machine->stale_count) % MACHINE_STALES;

		/* The first reports say what went wrong; later ones follow from it. */
		if (machine->stale_count == MACHINE_STALES) {
			machine->stale_lost += count - i;
			return;
		}
		stale_text(machine, &from[i], &machine->stale[at]);
		machine->stale_count++;
	}
}

/* Apart, so that a call which nothing came of pays for no copies on its stack. */
static __attribute__((noinline)) void handle_events(struct sio_machine *machine)
{
	struct machine_irq irq[MACHINE_EVENTS];
	struct machine_stale stale[MACHINE_EVENTS];
	unsigned irqs, stales;
	bool lost;

	do {
		pthread_mutex_lock(&machine->event_lock);
		irqs = machine->irq_count;
		stales = machine->stale_new_count;
		lost = machine->irq_lost;
		memcpy(irq, machine->irq, irqs * sizeof(*irq));
		memcpy(stale, machine->stale_new, stales * sizeof(*stale));
		machine->irq_count = machine->stale_new_count = 0;
		machine->irq_lost = false;
		__atomic_store_n(&machine->events, false, __ATOMIC_RELAXED);
		pthread_mutex_unlock(&machine->event_lock);
		collect_stales(machine, stale, stales);
		if (!machine->booted)
			return;
		machine_drivers_irq(machine, irq, irqs, lost);
		if (irqs || lost)
			collect_faults(machine);
	} while (irqs || lost);
}

void machine_settle(struct sio_machine *machine)
{
	if (__atomic_load_n(&machine->events, __ATOMIC_ACQUIRE))
		handle_events(machine);
}
