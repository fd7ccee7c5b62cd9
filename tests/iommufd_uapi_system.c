// SPDX-License-Identifier: GPL-2.0-only
/*
 * The same facts against the system's own header, where there is one of that level.
 */
#include <linux/version.h>

#if defined(__has_include) && LINUX_VERSION_CODE >= KERNEL_VERSION(7, 2, 0)
#if __has_include(<linux/iommufd.h>)
#include <linux/iommufd.h>

/* Ours gives way to whichever came first. */
#include "iommufd/iommufd_uapi.h"

#include "iommufd_uapi_facts.h"
#define COMPARED 1
#endif
#endif
#ifndef COMPARED
#define COMPARED 0
#endif

#include <stdio.h>

#include "harness.h"

START_TEST(the_system_header_agrees)
{
	/* Checked when this was compiled. */
	printf("the system header of iommufd was %s\n", COMPARED ? "compared" : "not there");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("iommufd interface of this system");
	TCase *tcase = tcase_create("facts");

	tcase_add_test(tcase, the_system_header_agrees);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
