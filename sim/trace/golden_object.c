// SPDX-License-Identifier: GPL-2.0-only
/*
 * Recordings: objects of an iommufd and the frame of its commands, which all operations on it
 * share.
 *
 * A structure lies at the start of a zeroed buffer of 4096 bytes; "argsz=" changes the size field
 * only, "tail=" the byte right behind the structure; with "ro=1" the buffer cannot be written. A
 * size beyond the buffer reaches the byte behind it, which the recorder left as it was: nonzero
 * with 6.12, zero with later kernels.
 */
#include "trace/golden_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "machine.h"

/* An id that was never given. */
#define NO_OBJECT UINT32_C(0xfffffff0)

/* The lowest address that a mapping can have (vm.mmap_min_addr). */
#define PROGRAM_FIRST 0x10000u

#define BUFFER_BYTES   4096u
#define SIZE_MAX_ASKED (1u << 20)

uint32_t golden_object_id(struct golden *g, const char *name)
{
	const struct golden_name *entry;
	uint64_t number;

	if (!name)
		return NO_OBJECT;
	if (text_number(name, &number))
		return (uint32_t)number;
	entry = golden_find(g, GOLDEN_OBJECT, name);
	return entry ? entry->object.id : NO_OBJECT;
}

uint32_t golden_object(struct golden *g, const char *key, uint32_t absent)
{
	const char *name = rec_value(g->op, key);

	return name ? golden_object_id(g, name) : absent;
}

static struct golden_name *find_exact(struct golden *g, const char *name, const char *suffix)
{
	for (unsigned i = g->names.count; i-- > 0;) {
		struct golden_name *entry = &g->names.entry[i];

		if (entry->space == GOLDEN_OBJECT && !strcmp(entry->name, name) &&
		    !strcmp(entry->suffix, suffix))
			return entry;
	}
	return NULL;
}

struct golden_name *golden_bind_object(struct golden *g, const char *name, const char *suffix,
				       uint32_t id)
{
	struct golden_name *entry = find_exact(g, name, suffix);

	if (!entry)
		entry = golden_bind(g, GOLDEN_OBJECT, name);
	if (!entry)
		return NULL;
	entry->suffix = suffix;
	memset(&entry->object, 0, sizeof(entry->object));
	entry->object.id = id;
	return entry;
}

int golden_made(struct golden *g, uint32_t id)
{
	strbuf_add(&g->out, " id=%u", id);
	return golden_bind_object(g, rec_bare(g->op, 1), "", id) ? 0 : -ENOMEM;
}

long golden_command(struct golden *g, int fd, unsigned long request, void *cmd, size_t size)
{
	uint64_t argsz = golden_number(g, "argsz", size);
	uint64_t tail = golden_number(g, "tail", 0);
	size_t room = argsz > BUFFER_BYTES ? (size_t)argsz : BUFFER_BYTES;
	uint32_t size_field = (uint32_t)argsz;
	uint8_t *buf;
	long ret;

	if (argsz > SIZE_MAX_ASKED)
		golden_bad(g, "%s: argsz is at most 0x%x", g->op->name, SIZE_MAX_ASKED);
	if (g->rc)
		return -EINVAL;
	buf = calloc(1, room);
	if (!buf) {
		g->rc = -ENOMEM;
		return -ENOMEM;
	}
	memcpy(buf, cmd, size);
	memcpy(buf, &size_field, sizeof(size_field));
	buf[size] = (uint8_t)tail;
	if (room > BUFFER_BYTES)
		buf[BUFFER_BYTES] = g->behind;
	if (golden_number(g, "ro", 0))
		machine_fence(g->s->process, buf, room);
	ret = golden_ioctl(g, fd, request, buf);
	machine_fence(g->s->process, NULL, 0);
	memcpy(cmd, buf, size);
	free(buf);
	return ret;
}

bool golden_run_command(struct golden *g, unsigned long request, void *cmd, size_t size)
{
	long ret = g->rc ? -EINVAL
			 : golden_command(g, golden_fd(g, rec_bare(g->op, 0)), request, cmd, size);

	if (!g->rc)
		golden_answer(g, ret);
	return !g->rc && ret >= 0;
}

uint64_t golden_pointer(struct golden *g, const char *key, uint64_t absent)
{
	uint64_t address = golden_number(g, key, absent);

	if (rec_value(g->op, key) && address >= PROGRAM_FIRST && uaccess_ok(address, 1))
		golden_bad(g, "%s: 0x%llx may be anyone's memory; only addresses below 0x%x", key,
			   (unsigned long long)address, PROGRAM_FIRST);
	return address;
}

uint8_t *golden_hex(struct golden *g, const char *key, size_t *len)
{
	const char *text = rec_value(g->op, key);
	uint8_t *bytes;

	*len = 0;
	if (!text)
		return NULL;
	bytes = malloc(strlen(text) / 2 + 1);
	if (!bytes) {
		g->rc = -ENOMEM;
		return NULL;
	}
	if (!text_hex(text, strlen(text), bytes)) {
		golden_bad(g, "%s: \"%.80s\" is no string of hexadecimal bytes", key, text);
		free(bytes);
		return NULL;
	}
	*len = strlen(text) / 2;
	return bytes;
}
