// SPDX-License-Identifier: GPL-2.0-only
/*
 * Recordings: physical contiguity, which is no part of a recording and shows in some.
 *
 * Up to 5.11 type1 pins page by page until the frames stop following each other and hands that run
 * to the IOMMU. Where the IOMMU refuses, how much memory was touched by then, and up to 4.20 what
 * of it stays mapped, depends on how long the run happened to be. So a recording of such a kernel
 * holds if there is a layout with which it holds: first all memory scattered, as everywhere else,
 * then all of it contiguous. If neither explains every answer, runs of some length between lay
 * there: then a charge may be anything between those of the two, and all else is compared with
 * scattered memory.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"
#include "trace/golden_priv.h"

/* The kernel that will answer pins in runs: nothing else makes contiguity visible. */
static bool can_show(const struct session *s, const struct recording *rec)
{
	const struct personality *kernel = personality_for_kernel(rec->kernel);
	struct personality chosen;

	if (s->cfg->inject && *s->cfg->inject)
		return false;
	if (s->cfg->kernel)
		return personality_parse(s->cfg->kernel, &chosen, NULL, 0) &&
		       !chosen.batched_pinning;
	return kernel && !kernel->batched_pinning;
}

/* One session on a machine that nobody sees. *same: it answers as recorded throughout. */
static int trial(const struct session *s, const struct recording *rec, struct golden_layout *layout,
		 bool *same)
{
	const struct replay_cfg cfg = {
		.platform = s->cfg->platform,
		.kernel = s->cfg->kernel,
		.place = s->cfg->place,
		.place_count = s->cfg->place_count,
	};
	struct session own = {.path = s->path,
			      .cfg = &cfg,
			      .error = s->error,
			      .error_len = s->error_len,
			      .container = -1};
	struct golden g = {.s = &own, .contiguity = layout->contiguity};
	int rc = golden_boot(&own, rec);

	*same = true;
	layout->answer = calloc(rec->ops, sizeof(*layout->answer));
	if (!rc && !layout->answer)
		rc = -ENOMEM;
	for (; !rc && layout->answers < rec->ops; layout->answers++) {
		const struct rec_op *op = &rec->op[layout->answers];
		char **answer = &layout->answer[layout->answers];

		rc = golden_perform(&g, op);
		if (rc || !op->expected)
			continue;
		*answer = strdup(strbuf_text(&g.out));
		if (!*answer)
			rc = -ENOMEM;
		else
			*same &= golden_same_answer(&g, op->expected, *answer);
	}
	golden_fini(&g);
	if (own.machine)
		sio_machine_destroy(own.machine);
	return rc;
}

int golden_layout_choose(struct session *s, const struct recording *rec,
			 struct golden_layout *layout)
{
	bool same = false;
	int rc;

	layout->contiguity = SIO_RUN_4K;
	if (!can_show(s, rec))
		return 0;
	rc = trial(s, rec, layout, &same);
	golden_layout_fini(layout);
	if (rc || same)
		return rc;
	layout->contiguity = SIO_RUN_WHOLE;
	rc = trial(s, rec, layout, &same);
	if (rc || same)
		golden_layout_fini(layout);
	else
		layout->contiguity = SIO_RUN_4K;
	if (!rc && same)
		session_note(
			s, "every answer holds with memory in one run, not with scattered memory");
	return rc;
}

void golden_layout_fini(struct golden_layout *layout)
{
	for (unsigned i = 0; i < layout->answers; i++)
		free(layout->answer[i]);
	free(layout->answer);
	layout->answer = NULL;
	layout->answers = 0;
}

/* "ret=0 VmLck=N VmPin=M" */
static bool take_charges(const char *text, uint64_t *locked, uint64_t *pinned)
{
	return text_take(&text, "ret=0 VmLck=") &&
	       text_take_number(&text, 10, UINT64_MAX, locked) && text_take(&text, " VmPin=") &&
	       text_take_number(&text, 10, UINT64_MAX, pinned) && !*text;
}

bool golden_is_between(const struct golden *g, const char *want, const char *got,
		       const char *contiguous)
{
	uint64_t recorded, scattered, whole, pinned[3];

	if (!contiguous || strcmp(g->op->name, "locked") ||
	    !take_charges(want, &recorded, &pinned[0]) ||
	    !take_charges(got, &scattered, &pinned[1]) ||
	    !take_charges(contiguous, &whole, &pinned[2]))
		return false;
	return pinned[0] == pinned[1] && (scattered < whole ? scattered : whole) <= recorded &&
	       recorded <= (scattered < whole ? whole : scattered);
}
