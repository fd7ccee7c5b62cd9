/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's iommufd selftest: what the cases of fixture iommufd_ioas begin with. */
#ifndef TESTS_SELFTEST_IOAS_H
#define TESTS_SELFTEST_IOAS_H

#include "selftest_rig.h"

/* no_domain, mock_domain, two_mock_domain, mock_domain_limit */
static inline void st_ioas_setup(struct st *s, const char *fixture)
{
	static const unsigned domains[] = {0, 1, 2, 1};
	struct st_mock mock;

	(void)fixture;
	FAILS(EINVAL, st_memory_limit(s, 11));
	OK(st_memory_limit(s, s->variant == 3 ? 16 : 65536));
	OK(st_ioas_alloc(s, &s->ioas));
	for (unsigned i = 0; i < domains[s->variant]; i++)
		st_add_domain(s);
	if (s->variant != 1)
		return;
	OK(st_mock_flags(s, s->ioas, MOCK_FLAGS_DEVICE_PASID, &mock));
	s->pasid_stdev = mock.stdev;
	s->pasid_idev = mock.idev;
}

#endif
