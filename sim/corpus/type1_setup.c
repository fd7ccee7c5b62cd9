// SPDX-License-Identifier: GPL-2.0-only
/*
 * The machine that stands for a recording's, and sessions as inputs: see type1.h.
 *
 * Which group is which is decided for the whole recording at once, because an input begins with the
 * first one in the container.
 */
#include "corpus/type1.h"

#include "corpus/type1_priv.h"

#include "core/personality.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NAMES 16u

bool type1_succeeded(const struct rec_op *line)
{
	return line->expected && !strncmp(line->expected, "ret=0", 5);
}

bool type1_is_container_op(enum op_kind kind)
{
	return kind != OP_LIMIT && kind != OP_PRIVILEGE && kind != OP_HUGEPAGES &&
	       kind != OP_MEMORY;
}

static void choose_platform(struct type1_session *s, const struct recording *rec)
{
	static const struct {
		const char *recorded;
		unsigned platform;
	} nearest[] = {{"vtd48nosc", 0}, {"vtd48noir", 0}, {"vtd48sm", 0}, {"vtd39sc", 1}};

	for (unsigned i = 0; i < OPS_PLATFORMS; i++)
		if (!strcmp(rec->platform, ops_platforms[i].name)) {
			s->setup.platform = i;
			return;
		}
	s->other_platform = true;
	for (size_t i = 0; i < sizeof(nearest) / sizeof(nearest[0]); i++)
		if (!strcmp(rec->platform, nearest[i].recorded))
			s->setup.platform = nearest[i].platform;
}

static void choose_kernel(struct type1_session *s, const struct recording *rec)
{
	const struct personality *kernel = personality_find(rec->kernel);

	if (!kernel)
		kernel = personality_for_kernel(rec->kernel);
	if (!kernel)
		kernel = personality_find(NULL);
	while (personality_at(s->setup.kernel) &&
	       strcmp(personality_at(s->setup.kernel)->name, kernel->name) != 0)
		s->setup.kernel++;
}

static bool is_listed(const struct type1_session *s, const char *device)
{
	for (unsigned i = 0; i < OPS_GROUPS; i++)
		if (s->device[i] && !strcmp(s->device[i], device))
			return true;
	return false;
}

static unsigned place_of(const struct type1_session *s, const char *device)
{
	const struct ops_platform *platform = &ops_platforms[s->setup.platform];

	for (unsigned i = 0; i < OPS_GROUPS; i++)
		if (!strcmp(platform->device[i], device) && !s->device[i])
			return i;
	for (unsigned i = OPS_GROUPS; i-- > 0;)
		if (!s->device[i])
			return i;
	return OPS_GROUPS;
}

/* Groups by the devices that their files are named after; that which joins first is the first. */
static void choose_groups(struct type1_session *s, const struct recording *rec)
{
	const struct ops_platform *platform = &ops_platforms[s->setup.platform];
	const char *first = NULL, *opened[NAMES], *file[NAMES], *swap;
	unsigned files = 0;

	for (unsigned i = 0; i < rec->ops; i++) {
		const struct rec_op *line = &rec->op[i];

		if (!strcmp(line->name, "group") && files < NAMES && rec_bare(line, 1)) {
			file[files] = rec_bare(line, 0);
			opened[files++] = rec_bare(line, 1);
		}
		if ((strcmp(line->name, "set_container") &&
		     strcmp(line->name, "unset_container")) ||
		    !rec_bare(line, 0))
			continue;
		for (unsigned k = 0; k < files; k++) {
			unsigned at = place_of(s, opened[k]);

			if (strcmp(file[k], rec_bare(line, 0)))
				continue;
			if (!is_listed(s, opened[k]) && at < OPS_GROUPS)
				s->device[at] = opened[k];
			if (!first && type1_succeeded(line) && line->name[0] == 's')
				first = opened[k];
		}
	}
	for (unsigned i = 1; first && i < OPS_GROUPS; i++)
		if (s->device[i] && !strcmp(s->device[i], first)) {
			swap = s->device[0];
			s->device[0] = s->device[i];
			s->device[i] = swap;
		}
	for (unsigned i = 0; i < OPS_GROUPS; i++)
		s->other_devices |= s->device[i] && strcmp(s->device[i], platform->device[i]) != 0;
}

/* The type that the container gets first, or is asked for. */
static bool wants_v2(const struct recording *rec)
{
	const char *asked = NULL;

	for (unsigned i = 0; i < rec->ops; i++) {
		const char *type = rec_bare(&rec->op[i], 1);

		if (strcmp(rec->op[i].name, "set_iommu") || !type)
			continue;
		if (!asked || type1_succeeded(&rec->op[i]))
			asked = type;
		if (type1_succeeded(&rec->op[i]))
			break;
	}
	return !asked || strcmp(asked, "1") != 0;
}

void type1_choose(struct type1_session *session, const struct recording *rec)
{
	choose_platform(session, rec);
	choose_kernel(session, rec);
	choose_groups(session, rec);
	session->setup.v2 = wants_v2(rec);
}

void type1_session_fini(struct type1_session *session)
{
	free(session->op);
	free(session->lost);
	*session = (struct type1_session){0};
}

int type1_encode(const struct type1_session *session, uint8_t **data, size_t *size)
{
	unsigned count = session->ops - 1;
	uint8_t *at;

	*size = OPS_HEAD + (size_t)(count < OPS_MAX ? count : OPS_MAX) * OPS_BYTES_MAX;
	at = *data = malloc(*size);
	if (!at)
		return -ENOMEM;
	if (!ops_head(&session->setup, at)) {
		free(at);
		*data = NULL;
		return -EINVAL;
	}
	at += OPS_HEAD;
	for (unsigned i = 1; i < session->ops && at < *data + *size; i++)
		at += ops_encode(&session->op[i].op, at);
	return count <= OPS_MAX ? 0 : -E2BIG;
}
