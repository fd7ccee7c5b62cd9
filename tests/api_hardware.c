// SPDX-License-Identifier: GPL-2.0-only
/* The hardware without a kernel: what its calls answer at the edges, and what they never do. */
#include "softiommu.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "prng.h"

static struct sio_hw *create(const char *platform)
{
	struct sio_hw *hw;
	char error[512];
	int rc = sio_hw_create(&(struct sio_hw_cfg){.platform = platform}, &hw, error,
			       sizeof(error));

	ck_assert_msg(rc == 0, "%s: %s", platform, error);
	return hw;
}

START_TEST(units_are_as_they_come_out_of_reset)
{
	struct sio_hw *hw = create("vtd-mixed");

	ck_assert_str_eq(sio_unit_name(sio_hw_unit(hw, 0)), "dmar0");
	ck_assert_str_eq(sio_unit_name(sio_hw_unit(hw, 2)), "dmar2");
	ck_assert_ptr_null(sio_hw_unit(hw, 3));
	ck_assert_uint_eq(sio_unit_read(sio_hw_unit(hw, 0), 0x00, 4), 0x10);
	ck_assert_uint_eq(sio_unit_read(sio_hw_unit(hw, 2), 0x00, 4), 0x60);
	ck_assert_uint_eq(sio_unit_read(sio_hw_unit(hw, 0), 0x08, 8), 0x9008022660212);
	ck_assert_uint_eq(sio_unit_read(sio_hw_unit(hw, 2), 0x10, 8), 0x3ef9ea6f050df);
	for (unsigned i = 0; i < 3; i++) /* GSTS: no driver was here */
		ck_assert_uint_eq(sio_unit_read(sio_hw_unit(hw, i), 0x1c, 4), 0);
	ck_assert_int_eq(sio_hw_audit(hw, NULL, 0), 0);
	sio_hw_destroy(hw);

	hw = create("amd-mixed");
	ck_assert_str_eq(sio_unit_name(sio_hw_unit(hw, 1)), "ivhd1");
	ck_assert_uint_eq(sio_unit_read(sio_hw_unit(hw, 1), 0x30, 8), 0x2141);
	for (unsigned i = 0; i < 2; i++) /* control: off */
		ck_assert_uint_eq(sio_unit_read(sio_hw_unit(hw, i), 0x18, 8) & 1, 0);
	sio_hw_destroy(hw);
}
END_TEST

START_TEST(a_register_access_of_odd_shape_does_nothing)
{
	static const struct {
		uint32_t offset;
		unsigned width;
	} odd[] = {{0x3c, 1}, {0x3c, 2}, {0x3c, 8}, {0x3d, 4}, {0x3c, 0}, {0x3c, 16}, {0x3c, 3}};
	struct sio_hw *hw = create("vtd48");
	struct sio_unit *unit = sio_hw_unit(hw, 0);

	sio_unit_write(unit, 0x3c, 4, 0x1234);
	for (unsigned i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
		sio_unit_write(unit, odd[i].offset, odd[i].width, 0xabcd);
		ck_assert_uint_eq(sio_unit_read(unit, odd[i].offset, odd[i].width), UINT64_MAX);
	}
	ck_assert_uint_eq(sio_unit_read(unit, 0x3c, 4), 0x1234);
	/* A VT-d unit has no PCI function. */
	sio_unit_config_write(unit, 0x40, 1);
	ck_assert_uint_eq(sio_unit_config_read(unit, 0x40), UINT32_MAX);
	sio_hw_destroy(hw);
}
END_TEST

START_TEST(an_amd_unit_shows_its_capability_in_configuration_space)
{
	struct sio_hw *hw = create("amdvi");
	struct sio_unit *unit = sio_hw_unit(hw, 0);
	uint32_t header = sio_unit_config_read(unit, 0x40);

	/* The pointer to the next capability is the function's own business. */
	ck_assert_uint_eq(header & 0xffff00ffu, 0x1f03000f);
	ck_assert_uint_eq(sio_unit_config_read(unit, 0x41), UINT32_MAX);
	sio_hw_destroy(hw);
}
END_TEST

START_TEST(memory_ends_where_it_ends)
{
	const uint64_t size = UINT64_C(1) << 30;
	const struct sio_hw_cfg cfg = {.platform = "vtd48", .ram_bytes = size};
	struct sio_hw *hw;
	char bytes[2] = {1};

	ck_assert_int_eq(sio_hw_create(&cfg, &hw, NULL, 0), 0);
	ck_assert_int_eq(sio_hw_write(hw, size - 1, bytes, 1), 0);
	ck_assert_int_eq(sio_hw_read(hw, size - 1, bytes, 2), -EFAULT);
	ck_assert_int_eq(sio_hw_write(hw, size, bytes, 1), -EFAULT);
	ck_assert_int_eq(sio_hw_read(hw, UINT64_MAX, bytes, 1), -EFAULT);
	ck_assert_int_eq(sio_hw_read(hw, UINT64_MAX, bytes, 0), 0);
	sio_hw_destroy(hw);
}
END_TEST

START_TEST(pages_come_zeroed_and_go_back)
{
	static const unsigned refused[] = {0, 3, 5, 511, 1024, 0x80000000u};
	struct sio_hw *hw = create("vtd48");
	uint64_t one = sio_hw_alloc(hw, 1), many = sio_hw_alloc(hw, 8), word = 0x55;

	ck_assert_uint_eq(many % (8 * 4096), 0);
	ck_assert_int_eq(sio_hw_write(hw, one, &word, 8), 0);
	sio_hw_free(hw, one, 1);
	one = sio_hw_alloc(hw, 1);
	ck_assert_int_eq(sio_hw_read(hw, one, &word, 8), 0);
	ck_assert_uint_eq(word, 0);
	sio_hw_free(hw, many, 8);
	sio_hw_free(hw, one, 1);
	for (unsigned i = 0; i < sizeof(refused) / sizeof(*refused); i++)
		ck_assert_uint_eq(sio_hw_alloc(hw, refused[i]), SIO_NO_MEMORY);
	/* What was never allocated from is not taken back. */
	sio_hw_free(hw, UINT64_MAX & ~UINT64_C(4095), 1);
	sio_hw_free(hw, one + 1, 1);
	ck_assert_int_eq(sio_hw_audit(hw, NULL, 0), 0);
	sio_hw_destroy(hw);
}
END_TEST

START_TEST(dma_is_physical_until_somebody_translates)
{
	struct sio_request request = {.requester = 0x0100, .len = 4, .write = true};
	struct sio_hw *hw = create("vtd48");
	uint32_t word = 0x1234, got = 0;

	request.address = sio_hw_alloc(hw, 1);
	ck_assert_int_eq(sio_hw_dma(hw, &request, &word, NULL), 0);
	ck_assert_int_eq(sio_hw_read(hw, request.address, &got, 4), 0);
	ck_assert_uint_eq(got, 0x1234);
	request.write = false;
	request.segment = 7; /* no unit there */
	ck_assert_int_eq(sio_hw_dma(hw, &request, &got, NULL), 0);
	request.address = UINT64_C(1) << 44;
	ck_assert_int_eq(sio_hw_dma(hw, &request, &got, NULL), -EIO);
	sio_hw_destroy(hw);
}
END_TEST

static void note_interrupt(void *ctx, const struct sio_event *event)
{
	if (event->kind == SIO_EVENT_INTERRUPT)
		*(struct sio_event *)ctx = *event;
}

static void note_stale(void *ctx, const struct sio_event *event)
{
	if (event->kind != SIO_EVENT_STALE)
		return;
	ck_assert_str_eq(event->text, "IOTLB of dmar0 still translates 0x5000 for 01:00.0");
	*(struct sio_event *)ctx = *event;
}

START_TEST(an_interrupt_request_arrives_as_an_event)
{
	/* Destination 1, physical; vector 0x51, fixed, edge. */
	const struct sio_request request = {.requester = 0x0100,
					    .address = 0xfee01000,
					    .len = 4,
					    .write = true};
	static const char *const platforms[] = {"vtd48", "amdvi"};
	struct sio_event got = {.kind = SIO_EVENT_MSI};
	const struct sio_hw_cfg cfg = {.platform = platforms[_i],
				       .event = note_interrupt,
				       .ctx = &got};
	uint32_t data = 0x51;
	struct sio_hw *hw;

	ck_assert_int_eq(sio_hw_create(&cfg, &hw, NULL, 0), 0);
	ck_assert_int_eq(sio_hw_dma(hw, &request, &data, NULL), 0);
	ck_assert_int_eq(got.kind, SIO_EVENT_INTERRUPT);
	ck_assert_ptr_eq(got.unit, sio_hw_unit(hw, 0));
	ck_assert_uint_eq(got.requester, 0x0100);
	ck_assert_uint_eq(got.vector, 0x51);
	ck_assert_uint_eq(got.destination, 1);
	ck_assert(!got.remapped);
	sio_hw_destroy(hw);
}
END_TEST

START_TEST(what_was_not_invalidated_is_an_event_with_strict_checking)
{
	struct sio_event got = {.kind = SIO_EVENT_MSI};
	const struct sio_hw_cfg cfg = {.platform = "vtd48",
				       .strict = true,
				       .event = note_stale,
				       .ctx = &got};
	const struct sio_request request = {.requester = 0x0100, .address = 0x5000, .len = 1};
	uint64_t root, context, top, entry;
	struct sio_hw *hw;
	char byte;

	ck_assert_int_eq(sio_hw_create(&cfg, &hw, NULL, 0), 0);
	root = sio_hw_alloc(hw, 1);
	context = sio_hw_alloc(hw, 1);
	top = sio_hw_alloc(hw, 1);
	entry = context | 1;
	sio_hw_write(hw, root + 16, &entry, 8);
	entry = 7 << 8 | 1; /* 39 bits, domain 7 */
	sio_hw_write(hw, context + 8, &entry, 8);
	entry = top | 1;
	sio_hw_write(hw, context, &entry, 8);
	entry = 0x83; /* 1 GiB at 0 */
	sio_hw_write(hw, top, &entry, 8);
	sio_unit_write(sio_hw_unit(hw, 0), 0x20, 8, root);
	sio_unit_write(sio_hw_unit(hw, 0), 0x18, 4, 0x40000000);
	sio_unit_write(sio_hw_unit(hw, 0), 0x18, 4, 0x80000000);
	ck_assert_int_eq(sio_hw_dma(hw, &request, &byte, NULL), 0);
	entry = 0;
	sio_hw_write(hw, top, &entry, 8);
	ck_assert_int_eq(sio_hw_dma(hw, &request, &byte, NULL), 0); /* stale, which is legal */
	ck_assert_int_eq(got.kind, SIO_EVENT_STALE);
	ck_assert_uint_eq(got.address, 0x5000);
	sio_hw_destroy(hw);
}
END_TEST

static void note_stale_entry(void *ctx, const struct sio_event *event)
{
	if (event->kind != SIO_EVENT_STALE)
		return;
	ck_assert_str_eq(
		event->text,
		"interrupt entry cache of dmar0 still holds interrupt entry 7 for 01:00.0");
	*(struct sio_event *)ctx = *event;
}

START_TEST(a_stale_interrupt_entry_is_told_of_by_its_index)
{
	struct sio_event got = {.kind = SIO_EVENT_MSI};
	const struct sio_hw_cfg cfg = {.platform = "vtd48",
				       .strict = true,
				       .event = note_stale_entry,
				       .ctx = &got};
	/* The remappable format, handle 7. */
	const struct sio_request request = {.requester = 0x0100,
					    .address = 0xfee000f0,
					    .len = 4,
					    .write = true};
	/* Present, vector 0x51, destination 1. */
	uint64_t table, entry = 0x10000510001, none = 0;
	uint32_t data = 0;
	struct sio_hw *hw;

	ck_assert_int_eq(sio_hw_create(&cfg, &hw, NULL, 0), 0);
	table = sio_hw_alloc(hw, 1);
	sio_hw_write(hw, table + 7 * 16, &entry, 8);
	sio_unit_write(sio_hw_unit(hw, 0), 0xb8, 8, table | 7);
	sio_unit_write(sio_hw_unit(hw, 0), 0x18, 4, 0x01000000);
	sio_unit_write(sio_hw_unit(hw, 0), 0x18, 4, 0x02000000);
	ck_assert_int_eq(sio_hw_dma(hw, &request, &data, NULL), 0);
	ck_assert_int_eq(got.kind, SIO_EVENT_MSI);
	sio_hw_write(hw, table + 7 * 16, &none, 8);
	ck_assert_int_eq(sio_hw_dma(hw, &request, &data, NULL), 0);
	ck_assert_int_eq(got.kind, SIO_EVENT_STALE);
	ck_assert_uint_eq(got.address, 7);
	sio_hw_destroy(hw);
}
END_TEST

START_TEST(a_walk_shows_why_an_address_faults)
{
	const struct sio_request request = {.requester = 0x0100, .address = 0x5000};
	static const char *const platforms[] = {"vtd48", "amdvi"};
	struct sio_hw *hw = create(platforms[_i]);
	struct sio_unit *unit = sio_hw_unit(hw, 0);
	uint64_t table = sio_hw_alloc(hw, 1);
	size_t len;
	char *text;
	FILE *out = open_memstream(&text, &len);

	if (_i == 0) { /* an empty root table, translation on */
		sio_unit_write(unit, 0x20, 8, table);
		sio_unit_write(unit, 0x18, 4, 0x40000000);
		sio_unit_write(unit, 0x18, 4, 0x80000000);
	} else { /* a device table of bus 0 alone */
		sio_unit_write(unit, 0x00, 8, table);
		sio_unit_write(unit, 0x18, 8, 1);
	}
	sio_hw_walk(hw, &request, out);
	fclose(out);
	ck_assert_ptr_nonnull(strstr(text, "0x5000 of 0000:01:00.0: requester 0000:01:00.0 at "));
	ck_assert_ptr_nonnull(strstr(text, "\n  result   a read faults: reason 0x01, "));
	free(text);
	sio_hw_destroy(hw);
}
END_TEST

/* Any accesses; a digest of all that was answered. */
static uint64_t scribble(struct sio_hw *hw, uint64_t seed)
{
	struct prng rng = {seed};
	uint64_t digest = sio_hw_alloc(hw, 64), arena = digest;

	for (unsigned i = 0; i < 2000; i++) {
		struct sio_unit *unit = sio_hw_unit(hw, (unsigned)prng_below(&rng, 2));
		uint64_t kind = prng_below(&rng, 4), word = arena + prng_below(&rng, 64) * 4096;
		uint32_t at = (uint32_t)prng_below(&rng, 64) * 8;
		struct sio_request request = {
			.requester = (uint16_t)(prng_below(&rng, 32) * 8),
			.address = word,
			.len = 8,
			.write = prng_below(&rng, 2),
		};

		word |= prng_below(&rng, 8) | prng_below(&rng, 16) << 60;
		if (kind == 0 && unit)
			sio_unit_write(unit, at, 8, prng_below(&rng, 4) ? word : prng_next(&rng));
		if (kind == 1 && unit)
			digest = digest * 31 + sio_unit_read(unit, at, 8);
		if (kind == 2)
			sio_hw_write(hw, arena + at + prng_below(&rng, 4) * 4096, &word, 8);
		if (kind == 3)
			digest = digest * 31 + (uint64_t)sio_hw_dma(hw, &request, &word, NULL);
		digest = digest * 31 + word;
	}
	return digest;
}

START_TEST(what_was_reset_answers_as_what_is_new)
{
	static const char *const platform[] = {"vtd48", "vtd-mixed", "amdvi", "amd-mixed"};
	struct sio_hw *used = create(platform[_i]);
	char what[256];

	for (uint64_t seed = 1; seed <= 30; seed++) {
		struct sio_hw *fresh = create(platform[_i]);

		scribble(used, seed + 1000);
		sio_hw_reset(used);
		ck_assert_msg(!sio_hw_audit(used, what, sizeof(what)), "seed %u: %s",
			      (unsigned)seed, what);
		for (unsigned unit = 0; sio_hw_unit(fresh, unit); unit++)
			for (uint32_t at = 0; at < 0x3000; at += 8)
				ck_assert_msg(sio_unit_read(sio_hw_unit(used, unit), at, 8) ==
						      sio_unit_read(sio_hw_unit(fresh, unit), at,
								    8),
					      "seed %u: register 0x%x", (unsigned)seed, at);
		ck_assert_msg(scribble(used, seed) == scribble(fresh, seed), "seed %u",
			      (unsigned)seed);
		sio_hw_reset(used);
		sio_hw_destroy(fresh);
	}
	sio_hw_destroy(used);
}
END_TEST

START_TEST(a_platform_that_cannot_be_is_refused_as_for_a_machine)
{
	struct sio_hw *hw = (void *)1;
	char error[128];

	ck_assert_int_eq(sio_hw_create(&(struct sio_hw_cfg){.platform = "vtd84"}, &hw, error,
				       sizeof(error)),
			 -ENOENT);
	ck_assert_ptr_null(hw);
	ck_assert_ptr_nonnull(strstr(error, "expected \"vtd48\""));
	ck_assert_int_eq(sio_hw_create(&(struct sio_hw_cfg){.platform_text = "units = 5;"}, &hw,
				       error, sizeof(error)),
			 -EINVAL);
	ck_assert_ptr_null(hw);
	sio_hw_destroy(hw);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("api hardware");
	TCase *tc = tcase_create("hardware");

	tcase_add_test(tc, units_are_as_they_come_out_of_reset);
	tcase_add_test(tc, a_register_access_of_odd_shape_does_nothing);
	tcase_add_test(tc, an_amd_unit_shows_its_capability_in_configuration_space);
	tcase_add_test(tc, memory_ends_where_it_ends);
	tcase_add_test(tc, pages_come_zeroed_and_go_back);
	tcase_add_test(tc, dma_is_physical_until_somebody_translates);
	tcase_add_loop_test(tc, an_interrupt_request_arrives_as_an_event, 0, 2);
	tcase_add_test(tc, what_was_not_invalidated_is_an_event_with_strict_checking);
	tcase_add_test(tc, a_stale_interrupt_entry_is_told_of_by_its_index);
	tcase_add_loop_test(tc, a_walk_shows_why_an_address_faults, 0, 2);
	tcase_add_loop_test(tc, what_was_reset_answers_as_what_is_new, 0, 4);
	tcase_add_test(tc, a_platform_that_cannot_be_is_refused_as_for_a_machine);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
