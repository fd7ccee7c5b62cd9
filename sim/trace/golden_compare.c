// SPDX-License-Identifier: GPL-2.0-only
/*
 * Recordings: comparison of answers, field by field as text.
 *
 * "?" matches anything, "..." at the end whatever else is there, and group numbers match up to one
 * bijection per session.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "trace/golden_priv.h"

static bool same_group(struct golden *g, uint64_t recorded, uint64_t ours)
{
	struct golden_pair *pair;

	for (unsigned i = 0; i < g->groups; i++)
		if (g->group[i].recorded == recorded || g->group[i].ours == ours)
			return g->group[i].recorded == recorded && g->group[i].ours == ours;
	pair = realloc(g->group, (g->groups + 1) * sizeof(*pair));
	if (!pair) {
		g->rc = -ENOMEM;
		return false;
	}
	g->group = pair;
	pair[g->groups++] = (struct golden_pair){recorded, ours};
	return true;
}

static bool same_field(struct golden *g, const char *want, size_t want_len, const char *got,
		       size_t got_len)
{
	const char *equals = memchr(want, '=', want_len);
	size_t name_len = equals ? (size_t)(equals + 1 - want) : 0;
	uint64_t a, b;

	if (want_len == got_len && !memcmp(want, got, want_len) && strncmp(want, "group=", 6))
		return true;
	if (!equals || got_len < name_len || memcmp(want, got, name_len))
		return false;
	want += name_len;
	got += name_len;
	if (want_len - name_len == 1 && *want == '?')
		return true;
	return name_len == 6 && !memcmp(want - 6, "group=", 6) &&
	       text_take_number(&want, 10, UINT64_MAX, &a) &&
	       text_take_number(&got, 10, UINT64_MAX, &b) && same_group(g, a, b);
}

static const char *next_field(const char *at, size_t *len)
{
	at += strspn(at, " ");
	*len = strcspn(at, " ");
	return at;
}

bool golden_same_answer(struct golden *g, const char *want, const char *got)
{
	for (;;) {
		size_t want_len, got_len;

		want = next_field(want, &want_len);
		got = next_field(got, &got_len);
		if (want_len == 3 && !strncmp(want, "...", 3))
			return !want[3];
		if (!want_len || !got_len)
			return want_len == got_len;
		if (!same_field(g, want, want_len, got, got_len))
			return false;
		want += want_len;
		got += got_len;
		/* Where nothing is known of the fault, none is recorded. */
		if (!strncmp(want - want_len, "ok=?", want_len)) {
			const char *fault = next_field(got, &got_len);

			if (!strncmp(fault, "fault=", 6))
				got = fault + got_len;
		}
	}
}
