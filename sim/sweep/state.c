// SPDX-License-Identifier: GPL-2.0-only
/*
 * Facts about a machine: see state.h.
 *
 * The order is that of the objects' lists, which no failed call changes; so lists are compared
 * place by place.
 */
#include "sweep/state.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/iommu_priv.h"
#include "vfio/vfio_priv.h"

/* Mappings whose translations are looked at, spread over all of them. */
#define SAMPLED_MAPPINGS 24u
#define DESCRIPTORS      1024
/* The shared zero pages, one small and one huge, are the machine's once a process needed them. */
#define ZERO_FRAMES 513u

static void add(struct state *state, const char *what, uint64_t of, uint64_t value)
{
	if (state->count == state->room) {
		size_t room = state->room ? state->room * 2 : 256;
		struct state_fact *grown = realloc(state->fact, room * sizeof(*grown));

		if (!grown) {
			state->failed = true;
			return;
		}
		state->fact = grown;
		state->room = room;
	}
	state->fact[state->count++] = (struct state_fact){.what = what, .of = of, .value = value};
}

static void add_physical(struct state *state, const char *what, uint64_t of, uint64_t value)
{
	size_t count = state->count;

	add(state, what, of, value);
	if (state->count > count)
		state->fact[count].physical = true;
}

static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
	return hash;
}

#define HASH_START UINT64_C(0xcbf29ce484222325)

/* ---- processes ---- */

static uint64_t kind_of(const struct file *file)
{
	const char *kind = file->ops->kind;
	uint64_t value = 0;

	for (size_t i = 0; i < sizeof(value) && kind[i]; i++)
		value = value << 8 | (uint8_t)kind[i];
	return value;
}

static void add_process(struct state *state, const struct sio_process *process, unsigned n)
{
	const struct mm *mm = process->task->mm;
	struct mm_map_req area;
	uint64_t va = 0;

	add(state, "locked pages of process", n, mm->locked_pages);
	add(state, "accounted pinned pages of process", n, mm->pinned_pages);
	while (va < MM_USER_END && mm_sim_area(mm, va, &area)) {
		add(state, "end of the memory area at", area.va, area.va + area.len);
		add(state, "protection of the memory area at", area.va, area.prot);
		va = area.va + area.len;
	}
	for (int fd = 0; fd < DESCRIPTORS; fd++) {
		const struct file *file = fd_lookup(process->fds, fd);

		if (file)
			add(state, "kind of descriptor", (uint64_t)fd, kind_of(file));
	}
}

/* ---- groups and devices ---- */

static void add_device(struct state *state, const struct vfio_device *dev)
{
	uint64_t rid = dev->idev->pci->rid;
	const struct vfio_irqs *irqs = &dev->irqs;

	add(state, "open files of device", rid, dev->open_count);
	add(state, "power of device", rid, dev->low_power);
	add(state, "interrupts of device", rid, irqs->type);
	add(state, "vectors of device", rid, irqs->count);
	add(state, "masked interrupts of device", rid, irqs->masked);
	for (uint32_t i = 0; irqs->trigger && i < irqs->count; i++)
		add(state, "interrupt with an eventfd of device", rid << 32 | i,
		    irqs->trigger[i] != NULL);
	add(state, "unmask, error and request eventfds of device", rid,
	    (irqs->unmask ? 1u : 0u) | (irqs->err ? 2u : 0u) | (irqs->req ? 4u : 0u));
	if (dev->config)
		add(state, "virtual configuration of device", rid,
		    hash_bytes(HASH_START, dev->config->copy, sizeof(dev->config->copy)));
	add(state, "command register of device", rid, pci_config_read(dev->pci, PCIR_COMMAND, 2));
}

static void add_group(struct state *state, const struct vfio_group *group)
{
	const struct iommu_group *iommu_group = group->iommu_group;
	uint64_t id = (uint64_t)iommu_group->id;

	add(state, "open file of group", id, group->opened != NULL);
	add(state, "container of group", id, group->container != NULL);
	add(state, "open devices of group", id, group->container_users);
	add(state, "owners of group", id, iommu_group->owner_count);
	add(state, "domain of group", id, iommu_group->domain ? iommu_group->domain->type : ~0u);
	for (const struct vfio_device *dev = group->devices; dev; dev = dev->next)
		add_device(state, dev);
}

/* ---- containers ---- */

static void add_mapping(struct state *state, const struct t1_mapping *mapping)
{
	add(state, "end of the mapping at", mapping->first, mapping->last);
	add(state, "address of the mapping at", mapping->first, mapping->vaddr);
	add(state, "permission and flags of the mapping at", mapping->first,
	    mapping->prot | (mapping->iommu_mapped ? 16u : 0) | (mapping->vaddr_invalid ? 32u : 0));
	add(state, "locked pages of the mapping at", mapping->first, mapping->locked_pages);
}

static void add_domains(struct state *state, const struct type1 *t1)
{
	const struct iommu_domain *domain;
	const struct iommu_group *group;
	iova_t first, last;
	bool enforce;

	for (unsigned d = 0; (domain = t1_domain_at(t1, d, &enforce)); d++) {
		add(state, "coherency of domain", d, enforce);
		add(state, "page sizes of domain", d, domain->pgsize_bitmap);
		for (unsigned g = 0; (group = t1_domain_group(t1, d, g)); g++)
			add(state, "group of domain", d, (uint64_t)group->id);
	}
	for (unsigned i = 0; t1_iova_range_at(t1, i, &first, &last); i++) {
		add(state, "start of usable range", i, first);
		add(state, "end of usable range", i, last);
	}
}

static void add_counts(struct state *state, const struct type1 *t1, unsigned container,
		       struct t1_stats *stats)
{
	t1_stats(t1, stats);
	add(state, "mappings of container", container, stats->mappings);
	add(state, "mapped bytes of container", container, stats->mapped_bytes);
	add(state, "locked pages of container", container, stats->locked_pages);
	add(state, "page sizes of container", container, stats->pgsize_bitmap);
	add(state, "mappings left to container", container, stats->dma_avail);
	add(state, "domains of container", container, stats->domains);
	add(state, "groups of container", container, stats->groups);
	add(state, "dirty tracking of container", container, stats->dirty_tracking);
	add(state, "version of container", container, stats->v2);
}

/* Interrupts and the like: what lies there is not translated, whatever the tables say. Kernels
 * before 4.15 let a container map it. */
static bool is_reserved(const struct iommu_group *group, iova_t iova)
{
	struct resv_list list = {0};
	bool found = iommu_group_reserved(group, &list) != 0;

	for (unsigned i = 0; i < list.count; i++)
		found |= iova >= list.region[i].first && iova <= list.region[i].last;
	resv_list_fini(&list);
	return found;
}

/* The unit's walk for a device of the domain gives what the driver reads in its tables. */
static const char *compare_walk(struct sio_machine *machine, const struct iommu_group *group,
				iova_t iova, const struct pt_run *run)
{
	const struct iommu_device *dev = iommu_group_first_device(group);
	struct dma_req req = {.iova = iova, .len = 1, .kind = DMA_READ};
	struct xlat found;

	if (!dev)
		return NULL;
	req.segment = dev->pci->segment;
	req.requester = pci_requester_id(dev->pci);
	req.kind = run->perm & PT_R ? DMA_READ : DMA_WRITE;
	found = dma_translate(machine->port, &req);
	if ((!found.reason && found.pa == run->oa) || is_reserved(group, iova))
		return NULL;
	return found.reason ? "a unit blocks an address that its tables map"
			    : "a unit translates an address otherwise than its tables";
}

static const char *add_page(struct state *state, struct sio_machine *machine,
			    const struct type1 *t1, iova_t iova)
{
	const struct iommu_domain *domain;
	const char *what = NULL;
	bool enforce;

	for (unsigned d = 0; (domain = t1_domain_at(t1, d, &enforce)) && !what; d++) {
		struct pt_run run = iommu_query(domain, iova, 1);
		const struct iommu_group *group = t1_domain_group(t1, d, 0);

		add(state, "permission of the page at", iova, run.pages ? run.perm : 0);
		add_physical(state, "physical address of the page at", iova,
			     run.pages ? run.oa : PA_NONE);
		if (run.pages && group)
			what = compare_walk(machine, group, iova, &run);
	}
	return what;
}

/* Before 6.18 a mapping that ends at 2^64 cannot be removed, and others replace its pages. */
static bool is_lost(const struct sio_machine *machine, const struct t1_mapping *mapping)
{
	return mapping->last == UINT64_MAX && !machine->personality.last_page_works;
}

static const char *add_container(struct state *state, struct sio_machine *machine,
				 const struct type1 *t1, unsigned n)
{
	struct t1_mapping mapping;
	struct t1_stats stats;
	const char *what = NULL;
	uint64_t every;
	iova_t from = 0;

	add_counts(state, t1, n, &stats);
	add_domains(state, t1);
	every = stats.mappings / SAMPLED_MAPPINGS + 1;
	for (uint64_t i = 0; t1_mapping_at(t1, from, &mapping); i++) {
		bool looks = i % every == 0 && !is_lost(machine, &mapping);

		add_mapping(state, &mapping);
		if (looks && !what)
			what = add_page(state, machine, t1, mapping.first);
		if (looks && !what)
			what = add_page(state, machine, t1, mapping.last & SIO_PAGE_MASK);
		if (mapping.last == UINT64_MAX || mapping.last < from)
			break;
		from = mapping.last + 1;
	}
	return what;
}

/* ---- all ---- */

const char *state_take(struct state *state, struct sio_machine *machine)
{
	const struct type1 *t1;
	const char *what = NULL;
	unsigned n = 0;

	state->count = 0;
	state->failed = false;
	for (const struct sio_process *p = machine->processes; p; p = p->next)
		add_process(state, p, n++);
	for (const struct vfio_group *g = machine->vfio->groups; g; g = g->next)
		add_group(state, g);
	n = 0;
	for (const struct vfio_container *c = machine->vfio->containers; c; c = c->next)
		add(state, "references of container", n++, c->refs);
	for (unsigned i = 0; (t1 = vfio_container_at(machine->vfio, i)) && !what; i++)
		what = add_container(state, machine, t1, i);
	add(state, "pins of all pages", 0, phys_pins_total(machine->phys));
	return what ? what : state->failed ? "no memory to look at the machine" : NULL;
}

void state_fini(struct state *state)
{
	free(state->fact);
	*state = (struct state){0};
}

static bool same_fact(const struct state_fact *a, const struct state_fact *b)
{
	return a->what == b->what && a->of == b->of && a->value == b->value;
}

bool state_differs(const struct state *before, const struct state *after, char *text, size_t len)
{
	size_t i = 0;

	while (i < before->count && i < after->count &&
	       same_fact(&before->fact[i], &after->fact[i]))
		i++;
	if (i == before->count && i == after->count)
		return false;
	if (i == before->count || i == after->count) {
		const struct state *longer = i < before->count ? before : after;

		snprintf(text, len, "%s 0x%" PRIx64 ": %s", longer->fact[i].what,
			 longer->fact[i].of, longer == before ? "gone" : "new");
	} else if (before->fact[i].what == after->fact[i].what &&
		   before->fact[i].of == after->fact[i].of) {
		snprintf(text, len, "%s 0x%" PRIx64 ": 0x%" PRIx64 ", then 0x%" PRIx64,
			 before->fact[i].what, before->fact[i].of, before->fact[i].value,
			 after->fact[i].value);
	} else {
		snprintf(text, len, "%s 0x%" PRIx64 ", then %s 0x%" PRIx64, before->fact[i].what,
			 before->fact[i].of, after->fact[i].what, after->fact[i].of);
	}
	return true;
}

uint64_t state_digest(const struct state *state)
{
	uint64_t hash = HASH_START;

	for (size_t i = 0; i < state->count; i++) {
		const struct state_fact *fact = &state->fact[i];

		if (fact->physical)
			continue;
		hash = hash_bytes(hash, &fact->of, sizeof(fact->of));
		hash = hash_bytes(hash, &fact->value, sizeof(fact->value));
	}
	return hash;
}

struct state_counters state_counters(struct sio_machine *machine)
{
	struct state_counters counters = {
		.pins = phys_pins_total(machine->phys),
		.tables = phys_table_count(machine->phys),
		.frames = phys_frames_total(machine->phys),
	};

	if (machine->phys->zero_page != PA_NONE)
		counters.frames -= ZERO_FRAMES;

	for (const struct iommu_domain *d = machine->iommu.priv->domains; d; d = d->next)
		counters.domains += d->type == IOMMU_DOMAIN_UNMANAGED;
	for (const struct vfio_container *c = machine->vfio->containers; c; c = c->next)
		counters.containers++;
	for (const struct vfio_group *g = machine->vfio->groups; g; g = g->next)
		counters.open_groups += g->opened != NULL;
	for (const struct sio_process *p = machine->processes; p; p = p->next)
		counters.lost += t1_leaked_pages(vfio_params(machine->vfio), p->task->mm);
	return counters;
}
