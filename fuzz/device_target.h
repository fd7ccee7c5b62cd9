/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The device target's state, what it prints, its calls, and what is compared after every operation.
 */
#ifndef FUZZ_DEVICE_TARGET_H
#define FUZZ_DEVICE_TARGET_H

#include "client.h"
#include "device_model.h"
#include "records.h"

#define EVENTFDS  5u /* the last one unmasks INTx */
#define UNMASKER  (EVENTFDS - 1)
#define BAD_FD    100
#define ARGUMENT  (ARENA_FIRST)
#define DATA      (ARENA_FIRST + 0x2000)
#define REGION(n) ((uint64_t)(n) << 40)

static struct target {
	struct client c;
	struct sio_device *device;
	struct model m;
	int container, group, iommufd, fd, eventfd[EVENTFDS];
	uint64_t expected[EVENTFDS];
	uint64_t record; /* what is left of it */
	bool by_node;
	char log[RECORDS_MAX + 1][112];
	unsigned lines;
} t;

/* ---- what is printed ---- */

static inline void note(const char *text, uint64_t a, uint64_t b, uint64_t c, long rc)
{
	if (t.lines < SIO_ARRAY_SIZE(t.log))
		snprintf(t.log[t.lines++], sizeof(t.log[0]), "%s 0x%llx 0x%llx 0x%llx => %ld", text,
			 (unsigned long long)a, (unsigned long long)b, (unsigned long long)c, rc);
}

static inline void differ(const char *what, uint64_t got, uint64_t want)
{
	fprintf(stderr, "# platform: device %s, by its %s\n", t.m.shape->name,
		t.by_node ? "node" : "group");
	for (unsigned i = 0; i < t.lines; i++)
		fprintf(stderr, "%s\n", t.log[i]);
	fprintf(stderr, "# ^^^ device: %s is 0x%llx, expected 0x%llx\n", what,
		(unsigned long long)got, (unsigned long long)want);
	abort();
}

static inline void same(const char *what, uint64_t got, uint64_t want)
{
	if (got != want)
		differ(what, got, want);
}

/* ---- calls ---- */

static inline uint64_t take(unsigned bits)
{
	const uint64_t value = t.record & ((UINT64_C(1) << bits) - 1);

	t.record >>= bits;
	return value;
}

static inline long answer(long rc)
{
	return rc < 0 ? -errno : rc;
}

static inline long call(int fd, unsigned long request, void *arg, size_t bytes)
{
	long rc;

	memcpy(arena, arg, bytes);
	rc = answer(sio_ioctl(t.c.process, fd, request, client_address(ARGUMENT)));
	memcpy(arg, arena, bytes);
	return rc;
}

static inline uint8_t *data_at(uint64_t offset)
{
	return arena + (DATA - ARENA_FIRST) + offset;
}

/* ---- hardware ---- */

static inline uint8_t *hardware(void)
{
	return t.device->pci->config;
}

/* The line's state in the status register is the device's own. */
static inline void check_hardware(void)
{
	t.m.hardware[6] = (uint8_t)((t.m.hardware[6] & ~8) | (hardware()[6] & 8));
	for (unsigned i = 0;
	     memcmp(hardware(), t.m.hardware, t.m.shape->config) && i < t.m.shape->config; i++)
		if (hardware()[i] != t.m.hardware[i])
			differ("the hardware's configuration space", i << 8 | hardware()[i],
			       i << 8 | t.m.hardware[i]);
}

/* Somebody reset the function: header, MSI and power state are as before, and the rest is as new.
 */
static inline void was_reset(void)
{
	const struct shape *s = t.m.shape;
	bool message = t.m.irqs.type == MSI || t.m.irqs.type == MSIX;

	for (unsigned i = 0x40; i < s->config; i++)
		if (!(s->msi && i >= s->msi && i < s->msi + s->msi_bytes) &&
		    !(s->msix && i >= s->msix && i < s->msix + 12))
			t.m.hardware[i] = hardware()[i];
	/* A line goes down with it. */
	t.m.irqs.unsure |= message && t.m.irqs.line;
	if (!message) {
		pci_dev_interrupt(t.device->pci, 0, false);
		t.m.irqs.line = false;
	}
}

static inline void check_eventfds(void)
{
	for (unsigned i = 0; i < UNMASKER; i++) {
		uint64_t count = 0;

		if (sio_eventfd_read(t.c.process, t.eventfd[i], &count))
			count = 0;
		if (count != t.expected[i])
			differ("what an eventfd counted", count, t.expected[i]);
		t.expected[i] = 0;
	}
}

#endif
