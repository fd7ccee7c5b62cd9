// SPDX-License-Identifier: GPL-2.0-only
/*
 * Recordings: failures and rarities on demand, and looks at what no program can ask.
 *
 * A plan of failures counts from its line on, and holds until "inject off" or the next one.
 */
#include "trace/golden_priv.h"

#include <errno.h>
#include <string.h>

#include "iommufd/io_pagetable_private.h"
#include "iommufd/iommufd_private.h"
#include "machine.h"

/* "POINT nth=2 errno=ENOMEM" is the plan "POINT:nth=2,errno=ENOMEM". */
static void take_plan(const struct rec_op *op, struct strbuf *plan)
{
	static const char *const keys[] = {"nth", "prob", "seed", "errno"};
	char between = ':';

	strbuf_add(plan, "%s", rec_bare(op, 0));
	for (size_t i = 0; i < SIO_ARRAY_SIZE(keys); i++) {
		const char *value = rec_value(op, keys[i]);

		if (!value)
			continue;
		strbuf_add(plan, "%c%s=%s", between, keys[i], value);
		between = ',';
	}
}

static int run_inject(struct golden *g)
{
	const char *last = sio_inject_last(g->s->machine);
	bool off = !strcmp(rec_bare(g->op, 0), "off");
	struct strbuf plan = {0};
	int rc;

	if (!off)
		take_plan(g->op, &plan);
	rc = plan.failed ? -ENOMEM : sio_inject(g->s->machine, strbuf_text(&plan), NULL, 0);
	strbuf_fini(&plan);

	golden_answer(g, rc);
	if (off)
		strbuf_add(&g->out, " failed=%s", last ? last : "-");
	return 0;
}

/* "off" is all that are on. */
static int run_rare(struct golden *g)
{
	const char *name = rec_bare(g->op, 0);

	golden_answer(g, sio_rare(g->s->machine, strcmp(name, "off") ? name : "", NULL, 0));
	return 0;
}

static int run_audit(struct golden *g)
{
	golden_answer(g, sio_audit(g->s->machine, golden_number(g, "thorough", 1), NULL, 0));
	return g->rc;
}

static int run_stats(struct golden *g)
{
	struct sio_machine *machine = g->s->machine;
	uint64_t vmlck = sio_process_vmlck(g->s->process), vmpin = sio_process_vmpin(g->s->process);
	struct sio_stats stats;

	sio_stats(machine, &stats);
	golden_answer(g, 0);
	strbuf_add(&g->out, " pinned=%llu user=%llu VmLck=%llu VmPin=%llu",
		   (unsigned long long)stats.pinned_pages,
		   (unsigned long long)(machine->user ? machine->user->locked_pages : 0),
		   (unsigned long long)vmlck, (unsigned long long)vmpin);
	strbuf_add(&g->out, " mappings=%llu domains=%llu objects=%llu",
		   (unsigned long long)stats.mappings, (unsigned long long)stats.domains,
		   (unsigned long long)stats.iommufd_objects);
	return 0;
}

/* How many stale translations were used, as far as "# strict: on" looks for them. */
static int run_stale(struct golden *g)
{
	struct sio_stale stale;

	while (sio_stale_next(g->s->machine, &stale))
		g->s->result->stale++;
	golden_answer(g, 0);
	strbuf_add(&g->out, " count=%llu", (unsigned long long)g->s->result->stale);
	return 0;
}

static void put_areas(struct golden *g, const struct io_pagetable *iopt)
{
	struct iopt_area_info info;
	uint64_t from = 0;
	const char *comma = "";

	strbuf_add(&g->out, " domains=%u areas=[", iopt->domain_count);
	while (iopt_area_at(iopt, from, &info)) {
		strbuf_add(&g->out, "%s0x%llx-0x%llx:%s%s%s", comma, (unsigned long long)info.first,
			   (unsigned long long)info.last, info.prot & IOMMU_READ ? "r" : "-",
			   info.prot & IOMMU_WRITE ? "w" : "-", info.filled ? "" : ":empty");
		comma = ",";
		if (info.last == UINT64_MAX)
			break;
		from = info.last + 1;
	}
	strbuf_add(&g->out, "]");
}

static int run_areas(struct golden *g)
{
	struct file *file = fd_lookup(g->s->process->fds, golden_fd(g, rec_bare(g->op, 0)));
	struct iommufd_ctx *ctx = file ? iommufd_ctx_from_file(file) : NULL;
	const struct iommufd_ioas *ioas =
		ctx ? iommufd_ioas_find(ctx, golden_object_id(g, rec_bare(g->op, 1))) : NULL;

	golden_answer(g, !ctx ? -EBADF : ioas ? 0 : -ENOENT);
	if (ioas)
		put_areas(g, ioas->iopt);
	return 0;
}

const struct golden_word golden_inside_words[] = {
	{"inject", run_inject, 1, 1, "nth prob seed errno"},
	{"rare", run_rare, 1, 1, NULL},
	{"audit", run_audit, 0, 0, "thorough"},
	{"stats", run_stats, 0, 0, NULL},
	{"stale", run_stale, 0, 0, NULL},
	{"ioas_areas", run_areas, 2, 2, NULL},
	{NULL, NULL, 0, 0, NULL},
};
