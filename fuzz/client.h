/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What targets that play a program share: input bytes as numbers, a machine of each kind that is
 * switched off and on between inputs, the program's memory, audits.
 *
 * The program's memory is an arena at a fixed address that exists for the emulated kernel only:
 * whatever a structure's pointer says, the kernel reaches bytes of the arena or answers EFAULT.
 * Memory to be mapped is that of the simulated process, at a fixed address too, so that no address
 * depends on the host.
 */
#ifndef FUZZ_CLIENT_H
#define FUZZ_CLIENT_H

#include "fuzz.h"

#include "kept.h"
#include "softiommu.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_FIRST UINT64_C(0x10000000)
#define ARENA_SIZE  65536u
#define MEMORY_AT   UINT64_C(0x200000000)

static uint8_t arena[ARENA_SIZE];

struct client {
	const uint8_t *data;
	size_t size;
	struct kept *kept;
	struct sio_machine *machine;
	struct sio_process *process; /* whose turn it is */
	unsigned operations;
};

static inline void client_fail(const struct client *c, const char *what)
{
	fprintf(stderr, "operation %u: %s\n", c->operations, what);
	abort();
}

static inline uint64_t client_take(struct client *c, unsigned bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < bytes && c->size; i++, c->size--)
		value = value << 8 | *c->data++;
	return value;
}

/* ---- the program's memory ---- */

static inline bool arena_has(uint64_t address, size_t len)
{
	return address >= ARENA_FIRST && address - ARENA_FIRST <= ARENA_SIZE &&
	       len <= ARENA_SIZE - (address - ARENA_FIRST);
}

static inline int arena_copy_in(const struct uaccess *ua, void *dst, uint64_t src, size_t len)
{
	(void)ua;
	if (!arena_has(src, len))
		return -EFAULT;
	memcpy(dst, arena + (src - ARENA_FIRST), len);
	return 0;
}

static inline int arena_copy_out(const struct uaccess *ua, uint64_t dst, const void *src,
				 size_t len)
{
	(void)ua;
	if (!arena_has(dst, len))
		return -EFAULT;
	memcpy(arena + (dst - ARENA_FIRST), src, len);
	return 0;
}

static inline void *client_address(uint64_t address)
{
	return (void *)(uintptr_t)address;
}

/* The structure goes through the arena's first bytes. 0 or what it returns, else -errno. */
static inline int client_ioctl(struct client *c, int fd, unsigned long request, void *cmd,
			       size_t size)
{
	int rc;

	memcpy(arena, cmd, size);
	rc = sio_ioctl(c->process, fd, request, client_address(ARENA_FIRST));
	rc = rc < 0 ? -errno : rc;
	memcpy(cmd, arena, size);
	return rc;
}

/* ---- machines ---- */

static inline void client_audit(struct client *c, bool thorough)
{
	char what[512] = "";

	if (sio_audit(c->machine, thorough, what, sizeof(what)))
		client_fail(c, what);
}

/* A machine that cannot be had ends the target. */
static inline void client_begin(struct client *c, const struct sio_machine_cfg *cfg,
				struct kept *kept)
{
	static const struct uaccess ua = {arena_copy_in, arena_copy_out};
	char why[512] = "the machine does not come up again";

	if (kept_begin(kept, cfg, why, sizeof(why)))
		client_fail(c, why);
	c->kept = kept;
	c->machine = kept->machine;
	c->machine->ua = &ua;
	memset(arena, 0, sizeof(arena));
	c->process = sio_process_create(c->machine);
	if (!c->process)
		client_fail(c, "no process");
}

/* Nothing of the input may be left. */
static inline void client_end(struct client *c)
{
	const char *wrong = kept_end(c->kept);

	if (wrong)
		client_fail(c, wrong);
}

#endif
