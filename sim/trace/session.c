// SPDX-License-Identifier: GPL-2.0-only
/*
 * A replay's frame: see session.h.
 *
 * Invariant: result->operations counts session_operation() calls, and the kinds' counts add up to
 * it.
 */
#include "trace/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/personality.h"
#include "machine.h"
#include "sweep/sweep.h"
#include "trace/snapshot.h"

/* How often the progress callback is worth a call. */
#define PROGRESS_STEP 256

int session_error(struct session *s, unsigned line, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	text_verror(s->error, s->error_len, s->path, line, format, args);
	va_end(args);
	return -EINVAL;
}

void session_note(struct session *s, const char *format, ...)
{
	char text[512];
	va_list args;

	if (!s->cfg->note)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	s->cfg->note(s->cfg->ctx, text);
}

const char *session_errno_name(int err, char buf[16])
{
	const char *name = strerrorname_np(err);

	if (name)
		return name;
	snprintf(buf, 16, "E%d", err);
	return buf;
}

/* "0000:01:00.0" and "01:00.0" name the same device. */
static bool same_bdf(const char *a, size_t a_len, const char *b)
{
	if (strncmp(b, "0000:", 5) == 0 && strlen(b) == 12)
		b += 5;
	if (a_len == 12 && strncmp(a, "0000:", 5) == 0) {
		a += 5;
		a_len -= 5;
	}
	return strlen(b) == a_len && strncasecmp(a, b, a_len) == 0;
}

const char *session_placed(const struct session *s, const char *bdf)
{
	for (unsigned i = 0; i < s->cfg->place_count; i++) {
		const char *place = s->cfg->place[i];
		const char *equals = strchr(place, '=');

		if (equals && same_bdf(place, (size_t)(equals - place), bdf))
			return equals + 1;
	}
	return NULL;
}

static int check_places(struct session *s)
{
	for (unsigned i = 0; i < s->cfg->place_count; i++) {
		const char *equals = strchr(s->cfg->place[i], '=');

		if (!equals || equals == s->cfg->place[i] || !equals[1])
			return session_error(s, 0, "--place %s: expected BDF=DEVICE",
					     s->cfg->place[i]);
		if (!sio_device_find(s->machine, equals + 1))
			return session_error(s, 0, "--place %s: the platform has no device %s",
					     s->cfg->place[i], equals + 1);
	}
	return 0;
}

static const char *kernel_of(const struct session *s, const struct session_machine *machine)
{
	const struct personality *personality;

	if (s->cfg->kernel || !machine->kernel)
		return s->cfg->kernel;
	if (strchr(machine->kernel, ','))
		return machine->kernel;
	/* The first kernels have a name and no number. */
	personality = personality_find(machine->kernel);
	if (!personality)
		personality = personality_for_kernel(machine->kernel);
	return personality ? personality->name : NULL;
}

int session_boot(struct session *s, const struct session_machine *machine)
{
	struct sio_machine_cfg cfg = {
		.platform = s->cfg->platform ? s->cfg->platform : machine->platform,
		.kernel = kernel_of(s, machine),
		.platform_text = s->cfg->platform ? NULL : machine->platform_file,
		.strict = s->cfg->strict || machine->strict,
		.selftest = s->cfg->selftest || machine->selftest,
	};
	const struct machine_extra extra = {
		.quiet_hits = machine->emulated_vtd && !s->cfg->platform,
	};
	char why[256] = "", kernel[256];
	int rc;

	if (machine->iommufd_container) {
		snprintf(kernel, sizeof(kernel), "%s,iommufd_container",
			 cfg.kernel ? cfg.kernel : "6.12");
		cfg.kernel = kernel;
	}
	rc = machine_create(&cfg, &extra, &s->machine, why, sizeof(why));
	if (rc == -ENOENT && !s->cfg->platform)
		return session_error(s, 0, "recorded on platform \"%s\", which is not emulated",
				     machine->platform);
	if (rc) {
		if (s->error && s->error_len)
			snprintf(s->error, s->error_len, "%s",
				 why[0] ? why : "cannot build the machine");
		return rc;
	}
	rc = check_places(s);
	if (rc)
		return rc;
	if (s->cfg->inject && *s->cfg->inject) {
		rc = sio_inject(s->machine, s->cfg->inject, why, sizeof(why));
		if (rc)
			return session_error(s, 0, "--inject %s: %s", s->cfg->inject, why);
	}
	for (unsigned i = 0; i < s->cfg->rare_count; i++) {
		rc = sio_rare(s->machine, s->cfg->rare[i], why, sizeof(why));
		if (rc)
			return session_error(s, 0, "--rare %s: %s", s->cfg->rare[i], why);
	}
	if (s->cfg->sweep)
		sweep_begin(s->cfg->sweep, s->machine);
	s->machine->tap = s->cfg->tap;
	machine_operation(s->machine, 1);
	s->container = -1;
	s->process = sio_process_create(s->machine);
	return s->process ? 0 : -ENOMEM;
}

static struct replay_kind *find_kind(struct session *s, const char *name)
{
	struct replay_result *result = s->result;
	struct replay_kind *kind;

	for (unsigned i = 0; i < result->kinds; i++)
		if (!strcmp(result->kind[i].name, name))
			return &result->kind[i];
	if (result->kinds == s->kind_room) {
		unsigned room = s->kind_room ? s->kind_room * 2 : 32;

		kind = realloc(result->kind, room * sizeof(*kind));
		if (!kind)
			return NULL;
		result->kind = kind;
		s->kind_room = room;
	}
	kind = &result->kind[result->kinds];
	*kind = (struct replay_kind){.name = strdup(name)};
	if (!kind->name)
		return NULL;
	result->kinds++;
	return kind;
}

static void report(struct session *s, const struct session_op *op)
{
	struct replay_difference difference = {
		.file = s->path,
		.line = op->line,
		.operation = s->result->operations,
		.text = op->text,
		.expected = op->expected,
		.got = op->got,
	};

	s->result->different++;
	if (s->cfg->difference)
		s->cfg->difference(s->cfg->ctx, &difference);
}

static void audit(struct session *s)
{
	struct replay_result *result = s->result;
	char what[256] = "";

	if (!s->cfg->audit_every || result->operations % s->cfg->audit_every)
		return;
	result->audits++;
	if (!sio_audit(s->machine, s->cfg->thorough, what, sizeof(what)))
		return;
	if (!result->audit_failures++)
		snprintf(result->first_audit, sizeof(result->first_audit), "operation %llu: %.200s",
			 (unsigned long long)result->operations, what);
}

static void drain_stale(struct session *s)
{
	struct sio_stale stale;

	if (!s->machine->iommu.strict)
		return;
	while (sio_stale_next(s->machine, &stale)) {
		if (!s->result->stale++)
			session_note(s, "stale: %s", stale.text);
	}
}

static void drain_notices(struct session *s, unsigned line)
{
	const char *text;

	while ((text = sio_notice_next(s->machine)))
		session_note(s, "line %u: %s", line, text);
}

int session_operation(struct session *s, const struct session_op *op)
{
	struct replay_result *result = s->result;
	struct replay_kind *kind = find_kind(s, op->kind);

	if (!kind)
		return -ENOMEM;
	result->operations++;
	kind->count++;
	if (!op->same)
		report(s, op);
	else if (op->failed)
		kind->failed++;
	audit(s);
	drain_stale(s);
	drain_notices(s, op->line);
	snapshot_take(s->machine, result);
	if (s->cfg->after_operation) {
		struct replay_view view = {
			.machine = s->machine,
			.process = s->process,
			.container = s->container,
			.operation = result->operations,
			.line = op->line,
			.kind = op->kind,
			.text = op->text,
			.same = op->same,
		};

		s->cfg->after_operation(s->cfg->ctx, &view);
	}
	machine_operation(s->machine, result->operations + 1);
	if (s->cfg->progress && result->operations % PROGRESS_STEP == 0)
		s->cfg->progress(s->cfg->ctx, result->operations, s->total);
	return 0;
}
