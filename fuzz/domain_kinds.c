// SPDX-License-Identifier: GPL-2.0-only
/* Machines of the target `domain`: see domain_kinds.h. */
#include "domain_kinds.h"

#include "base.h"
#include "fail.h"
#include "softiommu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CACHING                                                                   \
	"machine = { ram = \"16G\"; };\n"                                         \
	"units = ( { name = \"dmar0\"; include-all = true; aw-bits = 48;\n"       \
	"            snoop-control = true; intremap = true; caching-mode = true;" \
	" } );\n"                                                                 \
	"devices = ( { name = \"A\"; bdf = \"00:10.0\"; model = \"edu\"; },\n"    \
	"            { name = \"B\"; bdf = \"00:11.0\"; model = \"edu\"; },\n"    \
	"            { name = \"G\"; bdf = \"00:12.0\"; model = \"edu\"; } );\n"

/*
 * No device of VT-d is behind a bridge: since 6.12 units are not told when the entry of an id that
 * a bridge puts on DMA changes, and are rightly caught with it.
 */
static const struct machine_kind kinds[] = {
	{.name = "vtd48", .device = {"A", "B", "G"}, .bits = 48, .snoops = true},
	{.name = "amdvi", .device = {"A", "B", "E"}, .amd = true},
	{.name = "caching", .text = CACHING, .device = {"A", "B", "G"}, .bits = 48, .snoops = true},
	{.name = "amdvi-full", .device = {"A", "B", "E"}, .amd = true},
	{.name = "vtd39", .device = {"A", "B", "G"}, .bits = 39},
	{.name = "vtd48nosc", .device = {"A", "B", "G"}, .bits = 48},
	{.name = "vtd48sm", .device = {"A", "B", "G"}, .bits = 48},
	{.name = "vtd57", .device = {"A", "B", "G"}, .bits = 57, .snoops = true},
	{.name = "vtd57nest", .device = {"A", "B", "G"}, .bits = 57, .snoops = true},
	{.name = "vtd-mixed", .device = {"old", "middle", "new"}, .mixed = true},
	{.name = "amd-mixed", .device = {"disk0", "nic1"}, .mixed = true, .amd = true},
};

#define KINDS SIO_ARRAY_SIZE(kinds)

static const char *const kernels[] = {"6.12", "7.2"};
static struct kept machines[KINDS][SIO_ARRAY_SIZE(kernels)][2];

const struct machine_kind *machine_kind_of(const char *name, uint64_t number)
{
	for (unsigned i = 0; name && i < KINDS; i++)
		if (!strcmp(kinds[i].name, name))
			return &kinds[i];
	return name ? NULL : &kinds[number % KINDS];
}

struct kept *machine_of(const struct machine_kind *kind, const char *kernel, uint64_t number,
			bool strict)
{
	struct sio_machine_cfg cfg = {
		.platform = kind->text ? NULL : kind->name,
		.platform_text = kind->text,
		.kernel = kernel ? kernel : kernels[number % SIO_ARRAY_SIZE(kernels)],
		.strict = strict,
	};
	/* A kernel that is given is the same for all inputs. */
	struct kept *kept =
		&machines[kind - kinds][kernel ? 0 : number % SIO_ARRAY_SIZE(kernels)][strict];
	char why[512] = "";

	if (kept_begin(kept, &cfg, why, sizeof(why))) {
		fprintf(stderr, "domain: %s: %s\n", kind->name, why);
		abort();
	}
	return kept;
}

/* ---- failures ---- */

static struct fail_plan plan;

static bool is_table(const void *ctx, const struct fail_point *point)
{
	(void)ctx;
	return point->kind == FAIL_TABLE;
}

struct fail_plan *fail_next(uint64_t n)
{
	/* It outlives the machine that runs. */
	struct recycler *outer = recycle_enter(NULL);
	bool set = plan.count || fail_plan_set(&plan, is_table, NULL);

	recycle_leave(outer);
	if (!set)
		abort();
	plan.nth = n;
	plan.passages = plan.injected = 0;
	return &plan;
}

bool fail_met(void)
{
	return plan.injected != 0;
}
