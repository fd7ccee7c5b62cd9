/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The steps of building a machine, for the two that take them: sio_machine_create() boots a kernel
 * on the hardware, sio_hw_create() does not.
 */
#ifndef SIM_MACHINE_BOOT_H
#define SIM_MACHINE_BOOT_H

#include "machine.h"

struct boot {
	struct sio_machine *machine;
	char *error;
	size_t error_len;
	/* What the caller of the public API asked for. */
	const char *platform, *platform_text;
	uint64_t ram_bytes;
	bool strict, selftest;
	struct machine_extra extra;
	const struct unit_env *env; /* callbacks of units; ctx becomes a struct machine_unit */
};

/* Write the line that the caller reads, return rc. */
SIO_PRINTF(3, 4) int boot_error(const struct boot *boot, int rc, const char *fmt, ...);
int boot_no_memory(const struct boot *boot);

/* An empty machine with its locks. NULL: no memory. */
struct sio_machine *machine_new(void);
/* Memory, units, functions, routes. 0 or a negative errno, the error's line is written. */
int boot_hardware(const struct boot *boot);
/* Takes down what boot_hardware() built, however far it came, and the machine itself. */
void machine_free(struct sio_machine *machine);

/* Drivers, devices and their groups, vfio. 0 or a negative errno, the error's line is written. */
int machine_boot_system(const struct boot *boot);
/* The reverse, processes first, however far the boot came; only the core's own state is left. */
void machine_end_system(struct sio_machine *machine);

/* What the boot makes of the parts that have no state of their own. */
void machine_iommufd_init(struct sio_machine *machine);
/* Everything that runs ends, files included; the system stays. */
void machine_end_use(struct sio_machine *machine);

/* ---- machine_reset.c ---- */

/* Units, functions and memory as after power-on; nobody is at work. */
void machine_power_on(struct sio_machine *machine);
/* What arrived and was not looked at, and the counters. */
void machine_forget_events(struct sio_machine *machine);

/* ---- machine_keep.c ---- */

/* The system was just booted: remember it, if it is one that can be put back. */
void machine_keep(struct sio_machine *machine);
/* Put it back; nobody is at work. False: it has changed too much, and is as it was. */
bool machine_rewind(struct sio_machine *machine);
void machine_kept_free(struct sio_machine *machine);

/* Bring up the units that are there. Removal accepts what a failed boot left. */
int machine_boot_drivers(const struct boot *boot);
void machine_remove_drivers(struct sio_machine *machine);

#endif
