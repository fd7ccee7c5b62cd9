// SPDX-License-Identifier: GPL-2.0-only
/*
 * The public API's hardware without a kernel: registers, physical memory, DMA, events.
 *
 * Registers and memory are reached without the machine's lock, since units have locks of their own
 * and call back with none held; so a handler of an event can read what the event is about. The lock
 * guards the one DMA port and the allocator.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flush.h"
#include "machine_boot.h"
#include "report/report.h"

struct sio_hw {
	struct sio_machine *machine;
	void (*event)(void *ctx, const struct sio_event *event);
	void *ctx;
	struct sio_unit *unit;
	unsigned unit_count;
};

/* ---- events ---- */

/* A unit that is not finished yet has nothing to say. */
static void event_send(const struct machine_unit *from, struct sio_event *event)
{
	struct sio_hw *hw = from->machine->hw;

	if (!hw->event)
		return;
	for (unsigned i = 0; i < hw->unit_count; i++)
		if (hw->unit[i].unit == from->unit)
			event->unit = &hw->unit[i];
	if (event->unit)
		hw->event(hw->ctx, event);
}

static void hw_msi(void *ctx, uint64_t address, uint32_t data)
{
	struct sio_event event = {.kind = SIO_EVENT_MSI, .address = address, .data = data};

	event_send(ctx, &event);
}

static void hw_interrupt(void *ctx, const struct irq_message *irq)
{
	struct sio_event event = {
		.kind = SIO_EVENT_INTERRUPT,
		.requester = irq->requester,
		.remapped = irq->remapped,
		.posted = irq->posted,
		.logical = irq->logical,
		.level = irq->level,
		.mode = irq->mode,
		.vector = irq->vector,
		.destination = irq->destination,
	};

	event_send(ctx, &event);
}

static void hw_stale(void *ctx, const struct stale_use *use)
{
	const struct machine_unit *from = ctx;
	char text[128];
	struct sio_event event = {
		.kind = SIO_EVENT_STALE,
		.requester = use->requester,
		.address = use->iova,
		.text = text,
	};

	machine_stale_text(use, from->platform->segment, text, sizeof(text));
	event_send(from, &event);
}

static const struct unit_env hw_unit_env = {
	.msi = hw_msi,
	.stale = hw_stale,
	.interrupt = hw_interrupt,
};

/* ---- life ---- */

static int hw_boot(struct sio_hw *hw, const struct boot *boot)
{
	struct sio_machine *machine = hw->machine;
	int rc;

	machine->hw = hw;
	rc = boot_hardware(boot);
	if (rc)
		return rc;
	hw->unit = calloc(machine->unit_count + 1, sizeof(*hw->unit));
	if (!hw->unit)
		return boot_no_memory(boot);
	for (unsigned i = 0; i < machine->unit_count; i++)
		hw->unit[i] = (struct sio_unit){
			.hw = hw,
			.unit = machine->unit[i].unit,
			.platform = machine->unit[i].platform,
		};
	hw->unit_count = machine->unit_count;
	return 0;
}

int sio_hw_create(const struct sio_hw_cfg *cfg, struct sio_hw **out, char *error, size_t error_len)
{
	static const struct sio_hw_cfg defaults;
	char line[512] = "";
	struct sio_hw *hw = calloc(1, sizeof(*hw));
	struct boot boot = {.error = line, .error_len = sizeof(line), .env = &hw_unit_env};
	int rc;

	*out = NULL;
	cfg = cfg ? cfg : &defaults;
	boot.platform = cfg->platform;
	boot.platform_text = cfg->platform_text;
	boot.ram_bytes = cfg->ram_bytes;
	boot.strict = cfg->strict;
	if (hw) {
		hw->event = cfg->event;
		hw->ctx = cfg->ctx;
		hw->machine = boot.machine = machine_new();
	}
	rc = boot.machine ? hw_boot(hw, &boot) : boot_no_memory(&boot);
	if (error && error_len)
		snprintf(error, error_len, "%s", line);
	if (rc)
		sio_hw_destroy(hw);
	else
		*out = hw;
	return rc;
}

void sio_hw_destroy(struct sio_hw *hw)
{
	if (!hw)
		return;
	if (hw->machine)
		machine_free(hw->machine);
	free(hw->unit);
	free(hw);
}

void sio_hw_reset(struct sio_hw *hw)
{
	machine_enter(hw->machine, false);
	machine_power_on(hw->machine);
	machine_forget_events(hw->machine);
	machine_leave(hw->machine);
}

/* ---- units ---- */

struct sio_unit *sio_hw_unit(struct sio_hw *hw, unsigned n)
{
	return n < hw->unit_count ? &hw->unit[n] : NULL;
}

const char *sio_unit_name(const struct sio_unit *unit)
{
	return unit->unit->name;
}

static bool is_register(uint32_t offset, unsigned width)
{
	return (width == 4 || width == 8) && sio_is_aligned(offset, width);
}

uint64_t sio_unit_read(struct sio_unit *unit, uint32_t offset, unsigned width)
{
	if (!is_register(offset, width))
		return UINT64_MAX;
	return unit->unit->ops->mmio_read(unit->unit, offset, width);
}

void sio_unit_write(struct sio_unit *unit, uint32_t offset, unsigned width, uint64_t value)
{
	if (is_register(offset, width))
		unit->unit->ops->mmio_write(unit->unit, offset, width, value);
}

uint32_t sio_unit_config_read(struct sio_unit *unit, uint32_t offset)
{
	if (unit->platform->type != PLATFORM_AMD || !sio_is_aligned(offset, 4))
		return UINT32_MAX;
	return amdvi_config_read(unit->unit, offset);
}

void sio_unit_config_write(struct sio_unit *unit, uint32_t offset, uint32_t value)
{
	if (unit->platform->type == PLATFORM_AMD && sio_is_aligned(offset, 4))
		amdvi_config_write(unit->unit, offset, value);
}

/* ---- memory ---- */

int sio_hw_read(struct sio_hw *hw, uint64_t address, void *buf, size_t len)
{
	return !len || phys_read(hw->machine->phys, address, buf, len) ? 0 : -EFAULT;
}

int sio_hw_write(struct sio_hw *hw, uint64_t address, const void *buf, size_t len)
{
	return !len || phys_write(hw->machine->phys, address, buf, len) ? 0 : -EFAULT;
}

void sio_hw_flush(struct sio_hw *hw, uint64_t address, size_t len)
{
	const struct phys *phys = hw->machine->phys;

	if (len && phys_is_ram(phys, address, len))
		phys_table_flush(phys, address, len);
}

static bool is_power_of_two(unsigned pages)
{
	return pages && pages <= 512 && !(pages & (pages - 1));
}

uint64_t sio_hw_alloc(struct sio_hw *hw, unsigned pages)
{
	struct phys *phys = hw->machine->phys;
	pa_t pa;

	if (!is_power_of_two(pages))
		return SIO_NO_MEMORY;
	machine_enter(hw->machine, false);
	pa = pages == 1 ? phys_table_alloc(phys) : phys_tables_alloc(phys, pages);
	machine_leave(hw->machine);
	return pa == PA_NONE ? SIO_NO_MEMORY : pa;
}

void sio_hw_free(struct sio_hw *hw, uint64_t address, unsigned pages)
{
	struct phys *phys = hw->machine->phys;

	if (!is_power_of_two(pages) || !sio_is_aligned(address, SIO_PAGE_SIZE) ||
	    !phys_is_ram(phys, address, pages * SIO_PAGE_SIZE))
		return;
	machine_enter(hw->machine, false);
	memset(phys_ptr(phys, address), 0, pages * SIO_PAGE_SIZE);
	if (pages == 1)
		phys_table_free(phys, address);
	else
		phys_tables_free(phys, address, pages);
	machine_leave(hw->machine);
}

/* ---- DMA, and looking inside ---- */

static struct dma_req model_request(const struct sio_request *request)
{
	return (struct dma_req){
		.segment = request->segment,
		.requester = request->requester,
		.has_pasid = request->has_pasid,
		.pasid = request->pasid,
		.iova = request->address,
		.len = request->len,
		.kind = request->write ? DMA_WRITE : DMA_READ,
	};
}

int sio_hw_dma(struct sio_hw *hw, const struct sio_request *request, void *buf,
	       struct sio_fault *fault)
{
	struct dma_req req = model_request(request);
	int rc;

	machine_enter(hw->machine, false);
	rc = machine_transfer(hw->machine, hw->machine->port, &req, buf, fault);
	machine_leave(hw->machine);
	return rc;
}

void sio_hw_walk(struct sio_hw *hw, const struct sio_request *request, FILE *out)
{
	struct dma_req req = model_request(request);

	report_walk_request(out, hw->machine, &req);
}

int sio_hw_audit(struct sio_hw *hw, char *what, size_t len)
{
	const char *who = "memory", *found;

	machine_enter(hw->machine, false);
	found = phys_audit(hw->machine->phys);
	for (unsigned i = 0; i < hw->unit_count && !found; i++) {
		who = sio_unit_name(&hw->unit[i]);
		found = hw->unit[i].unit->ops->audit(hw->unit[i].unit);
	}
	machine_leave(hw->machine);
	if (what && len)
		snprintf(what, len, "%s%s%s", found ? who : "", found ? ": " : "",
			 found ? found : "");
	return found ? -EPROTO : 0;
}
