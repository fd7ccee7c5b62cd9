// SPDX-License-Identifier: GPL-2.0-only
/*
 * Recordings: topology, module parameters, processes and their limits.
 *
 * "fork" makes a child that does the lines up to "endfork" while the parent waits; "fork_orphan"
 * makes one that does all following lines, the parent having exited. "spawn" makes a child that
 * waits until it is its turn, with the names that its parent knows; "exit" ends the process, and
 * another takes its place that has nothing to do with it.
 */
#include "trace/golden_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* RLIMIT_MEMLOCK of sessions that do not run with every capability. */
#define RECORDED_MEMLOCK UINT64_C(8388608)

static int run_device(struct golden *g)
{
	const char *bdf = rec_bare(g->op, 1);
	const char *placed = session_placed(g->s, bdf);
	struct golden_name *entry = golden_bind(g, GOLDEN_DEVICE, rec_bare(g->op, 0));
	int group;

	if (!entry)
		return -ENOMEM;
	entry->device = sio_device_find(g->s->machine, placed ? placed : bdf);
	group = entry->device ? sio_device_group(entry->device) : -1;
	golden_answer(g, group < 0 ? -ENODEV : 0);
	if (group >= 0)
		strbuf_add(&g->out, " group=%d", group);
	return 0;
}

static int run_param(struct golden *g)
{
	uint64_t value = golden_bare_number(g, 1);

	if (g->rc)
		return g->rc;
	golden_answer(g, sio_param(g->s->machine, rec_bare(g->op, 0), value));
	return 0;
}

static int push_frame(struct golden *g)
{
	struct golden_frame *frame = realloc(g->frame, (g->frames + 1) * sizeof(*frame));

	if (!frame)
		return -ENOMEM;
	g->frame = frame;
	frame += g->frames;
	*frame = (struct golden_frame){
		.process = g->s->process,
		.buffers = g->buffers,
		.container = g->s->container,
	};
	if (!golden_names_copy(&frame->names, &g->names))
		return -ENOMEM;
	g->frames++;
	return 0;
}

static int run_fork(struct golden *g)
{
	struct sio_process *child;
	int rc = push_frame(g);

	if (rc)
		return rc;
	child = sio_process_fork(g->s->process);
	if (!child)
		return -ENOMEM;
	g->s->process = child;
	golden_answer(g, 0);
	return 0;
}

static int run_endfork(struct golden *g)
{
	struct golden_frame *frame;

	if (!g->frames) {
		golden_bad(g, "endfork without fork");
		return g->rc;
	}
	frame = &g->frame[--g->frames];
	sio_process_exit(g->s->process);
	free(g->names.entry);
	g->s->process = frame->process;
	g->s->container = frame->container;
	g->names = frame->names;
	g->buffers = frame->buffers;
	golden_answer(g, 0);
	return 0;
}

static int run_fork_orphan(struct golden *g)
{
	struct sio_process *child = sio_process_fork(g->s->process);

	if (!child)
		return -ENOMEM;
	sio_process_exit(g->s->process);
	g->s->process = child;
	golden_answer(g, 0);
	return 0;
}

static int run_spawn(struct golden *g)
{
	struct sio_process *child = sio_process_fork(g->s->process);
	struct golden_name *entry =
		child ? golden_bind(g, GOLDEN_PROCESS, rec_bare(g->op, 0)) : NULL;

	if (!entry)
		return -ENOMEM;
	entry->process = child;
	golden_answer(g, 0);
	return 0;
}

static int run_turn(struct golden *g)
{
	const char *name = rec_bare(g->op, 0);
	const struct golden_name *entry = golden_find(g, GOLDEN_PROCESS, name);

	if (!entry && strcmp(name, "main")) {
		golden_bad(g, "turn: no process \"%.80s\"", name);
		return g->rc;
	}
	if (!g->first)
		g->first = g->s->process;
	g->s->process = entry ? entry->process : g->first;
	if (!entry)
		g->first = NULL;
	golden_answer(g, 0);
	return 0;
}

/* The process that "spawn" made ends. */
static int run_end(struct golden *g)
{
	const char *name = rec_bare(g->op, 0);
	struct golden_name *entry = golden_find(g, GOLDEN_PROCESS, name);

	if (!entry || entry->process == g->s->process) {
		golden_bad(g, "end: \"%.80s\" is no process that waits", name);
		return g->rc;
	}
	sio_process_exit(entry->process);
	g->names.count--;
	memmove(entry, entry + 1,
		(size_t)(&g->names.entry[g->names.count] - entry) * sizeof(*entry));
	golden_answer(g, 0);
	return 0;
}

static int run_exit(struct golden *g)
{
	struct sio_process *next;
	unsigned kept = 0;

	if (g->first || g->frames) {
		golden_bad(g, "exit: only the first process ends so");
		return g->rc;
	}
	next = sio_process_create(g->s->machine);
	if (!next)
		return -ENOMEM;
	sio_process_exit(g->s->process);
	g->s->process = next;
	g->s->container = -1;
	for (unsigned i = 0; i < g->names.count; i++)
		if (g->names.entry[i].space == GOLDEN_DEVICE ||
		    g->names.entry[i].space == GOLDEN_PROCESS)
			g->names.entry[kept++] = g->names.entry[i];
	g->names.count = kept;
	golden_answer(g, 0);
	return 0;
}

static int run_rlimit_memlock(struct golden *g)
{
	bool none = !strcmp(rec_bare(g->op, 0), "inf");
	uint64_t bytes = none ? UINT64_MAX : golden_bare_number(g, 0);

	if (g->rc)
		return g->rc;
	sio_process_set_memlock(g->s->process, bytes);
	golden_answer(g, 0);
	return 0;
}

/* A count that went below zero reads as one near 2^64, which the recorder stored as INT64_MAX. */
static unsigned long long shown_count(uint64_t kib)
{
	return kib > INT64_MAX ? INT64_MAX : kib;
}

static int run_locked(struct golden *g)
{
	golden_answer(g, 0);
	strbuf_add(&g->out, " VmLck=%llu VmPin=%llu", shown_count(sio_process_vmlck(g->s->process)),
		   shown_count(sio_process_vmpin(g->s->process)));
	return 0;
}

/* "# caps=": the rest of the session runs with other capabilities and, if not with all, with the
 * usual limit. */
static int run_caps(struct golden *g)
{
	const char *caps = rec_bare(g->op, 0);
	unsigned bits = 0;

	if (text_take(&caps, "all")) {
		sio_process_set_caps(g->s->process, SIO_CAP_ALL);
		return 0;
	}
	if (text_take(&caps, "none"))
		bits = 0;
	else if (text_take(&caps, "no_ipc_lock"))
		bits = SIO_CAP_ALL & ~(unsigned)SIO_CAP_IPC_LOCK;
	else if (text_take(&caps, "sys_resource"))
		bits = SIO_CAP_SYS_RESOURCE;
	else
		golden_bad(g, "unknown capabilities \"%.80s\"", caps);
	if (g->rc)
		return g->rc;
	sio_process_set_caps(g->s->process, bits);
	sio_process_set_memlock(g->s->process, RECORDED_MEMLOCK);
	return 0;
}

const struct golden_word golden_process_words[] = {
	{"device", run_device, 2, 2, NULL},
	{"param", run_param, 2, 2, NULL},
	{"fork", run_fork, 0, 0, NULL},
	{"endfork", run_endfork, 0, 0, NULL},
	{"spawn", run_spawn, 1, 1, NULL},
	{"turn", run_turn, 1, 1, NULL},
	{"end", run_end, 1, 1, NULL},
	{"exit", run_exit, 0, 0, NULL},
	{"fork_orphan", run_fork_orphan, 0, 0, NULL},
	{"rlimit_memlock", run_rlimit_memlock, 1, 1, NULL},
	{"locked", run_locked, 0, 0, NULL},
	{"# caps", run_caps, 1, 1, NULL},
	{NULL, NULL, 0, 0, NULL},
};
