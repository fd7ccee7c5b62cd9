/* SPDX-License-Identifier: GPL-2.0-only */
/* The actions of `softiommu platform` that have a file of their own. */
#ifndef SIM_CLI_CMD_PLATFORM_H
#define SIM_CLI_CMD_PLATFORM_H

#include "cli.h"

struct platform_options {
	const char *action, *name;
	const char *kernel, *output, *known;
	bool json, text;
};

/* Write the tables of a platform as dmar.dat and ivrs.dat. Exit status. */
int platform_acpi(const struct platform_options *options);
/* Print a platform file for a table. Exit status. */
int platform_import(const struct platform_options *options);

#endif
