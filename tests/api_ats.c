// SPDX-License-Identifier: GPL-2.0-only
/* Devices with PASIDs, translation caches and page requests, by the public API. */
#include "api_client.h"

static const char *const platforms[] = {"vtd57nest", "vtd57", "amdvi-full", "amdvi"};

static struct client open_strict(const char *platform)
{
	return client_open(client_machine(
				   &(struct sio_machine_cfg){.platform = platform, .strict = true}),
			   "A");
}

static void close_clean(struct client *c)
{
	struct sio_stale stale;

	ck_assert(!sio_stale_next(c->machine, &stale));
	client_audit(c);
	sio_machine_destroy(c->machine);
}

START_TEST(a_cached_translation_goes_with_the_mapping)
{
	struct client c = open_strict(platforms[_i]);
	uint64_t va = client_memory(&c, MIB);
	struct sio_dma dma = {.iova = MIB, .len = 5, .write = true, .cached = true};
	char text[8] = "";

	for (unsigned round = 0; round < 3; round++) {
		ck_assert_int_eq(client_map(&c, MIB, va, MIB), 0);
		ck_assert_int_eq(sio_dma(c.device, &dma, "word", NULL), 0);
		ck_assert_int_eq(sio_mem_read(c.process, va, text, 5), 0);
		ck_assert_str_eq(text, "word");
		ck_assert_int_eq(client_unmap(&c, MIB, MIB), MIB);
		ck_assert_int_eq(sio_dma(c.device, &dma, text, NULL), -EACCES);
	}
	close_clean(&c);
}
END_TEST

START_TEST(a_pasid_that_is_attached_to_nothing_is_blocked)
{
	struct client c = open_strict(platforms[_i]);
	uint64_t va = client_memory(&c, MIB);
	struct sio_dma dma = {.iova = MIB, .len = 4, .has_pasid = true, .pasid = 3};
	struct sio_fault fault;
	char text[8];

	ck_assert_int_eq(client_map(&c, MIB, va, MIB), 0);
	ck_assert_int_eq(sio_dma(c.device, &dma, text, &fault), -EACCES);
	ck_assert_uint_ne(fault.reason, 0);
	dma.has_pasid = false;
	ck_assert_int_eq(sio_dma(c.device, &dma, text, &fault), 0);
	ck_assert_uint_eq(fault.reason, 0);
	close_clean(&c);
}
END_TEST

START_TEST(nobody_takes_page_requests_unless_someone_asked_for_them)
{
	struct client c = open_strict(platforms[_i]);
	struct sio_page_request request = {.iova = MIB, .read = true, .last = true};
	uint16_t group;
	unsigned code;

	ck_assert_int_eq(sio_page_request(c.device, &request), -ENODEV);
	ck_assert(!sio_page_response_next(c.device, &group, &code));
	close_clean(&c);
}
END_TEST

int main(void)
{
	const int count = (int)(sizeof(platforms) / sizeof(platforms[0]));
	Suite *suite = suite_create("translation caches");
	TCase *tc = tcase_create("api");

	tcase_add_loop_test(tc, a_cached_translation_goes_with_the_mapping, 0, count);
	tcase_add_loop_test(tc, a_pasid_that_is_attached_to_nothing_is_blocked, 0, count);
	tcase_add_loop_test(tc, nobody_takes_page_requests_unless_someone_asked_for_them, 0, count);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
