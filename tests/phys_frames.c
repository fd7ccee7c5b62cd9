// SPDX-License-Identifier: GPL-2.0-only
/* Emulated RAM: frames and their counts against flat arrays; tables; windows; contents. */
#include "harness.h"

#include "phys.h"
#include "prng.h"

#include <string.h>

#define TIB (UINT64_C(1) << 40)
#define GIB (UINT64_C(1) << 30)
#define MIB (UINT64_C(1) << 20)

#define FRAMES 16384u /* of a 64 MiB machine */

struct model {
	uint32_t refs[FRAMES], pins[FRAMES];
	uint8_t byte[FRAMES];
	struct prng rng;
	struct phys *phys;
	uint64_t seed;
};

static struct phys *machine(uint64_t ram)
{
	struct phys *phys = phys_create(&(struct phys_cfg){.ram_bytes = ram});

	ck_assert_ptr_nonnull(phys);
	return phys;
}

static void model_drop(struct model *m, uint64_t pfn)
{
	if (!m->refs[pfn] && !m->pins[pfn])
		m->byte[pfn] = 0;
}

static void model_compare(struct model *m)
{
	uint64_t pins = 0, used = 0;

	for (uint64_t pfn = 0; pfn < FRAMES; pfn++) {
		uint8_t byte = 0;

		pins += m->pins[pfn];
		used += m->refs[pfn] || m->pins[pfn];
		/* One assertion per frame would cost more than the comparison. */
		if (phys_frame_refs(m->phys, pfn) != m->refs[pfn] ||
		    phys_frame_pins(m->phys, pfn) != m->pins[pfn])
			ck_abort_msg("seed %lu pfn %lu: counts differ", m->seed, pfn);
		if (m->refs[pfn] &&
		    (!phys_read(m->phys, (pfn << 12) + 77, &byte, 1) || byte != m->byte[pfn]))
			ck_abort_msg("seed %lu pfn %lu: contents differ", m->seed, pfn);
	}
	ck_assert_uint_eq(phys_pins_total(m->phys), pins);
	ck_assert_uint_eq(phys_frames_total(m->phys), used);
}

static void model_alloc(struct model *m)
{
	uint64_t want = 1 + prng_below(&m->rng, prng_below(&m->rng, 4) ? 40 : 1500);
	unsigned align = prng_below(&m->rng, 3) ? 0 : 9;
	uint64_t first = 0, n = phys_frames_alloc(m->phys, want, align, &first);

	ck_assert_uint_le(n, want);
	for (uint64_t pfn = first; pfn < first + n; pfn++) {
		if (m->refs[pfn] || m->pins[pfn])
			ck_abort_msg("seed %lu: frame %lu given twice", m->seed, pfn);
		m->refs[pfn] = 1;
	}
	if (n)
		ck_assert_uint_eq(first & ((1u << align) - 1), 0);
}

/* A run of frames that all have the count to be lowered. */
static uint64_t model_run(struct model *m, const uint32_t *count, uint64_t *first)
{
	uint64_t pfn = prng_below(&m->rng, FRAMES), n = 0;
	uint64_t most = 1 + prng_below(&m->rng, 1200);

	for (uint64_t tries = 0; tries < FRAMES && !count[pfn]; tries++)
		pfn = (pfn + 1) % FRAMES;
	*first = pfn;
	while (pfn + n < FRAMES && n < most && count[pfn + n])
		n++;
	return n;
}

static void model_count(struct model *m, unsigned what)
{
	uint64_t first, n = model_run(m, what == 3 ? m->pins : m->refs, &first);

	if (!n)
		return;
	for (uint64_t pfn = first; pfn < first + n; pfn++) {
		m->refs[pfn] += (uint32_t)(what == 0) - (uint32_t)(what == 1);
		m->pins[pfn] += (uint32_t)(what == 2) - (uint32_t)(what == 3);
		model_drop(m, pfn);
	}
	switch (what) {
	case 0:
		phys_frames_get(m->phys, first, n);
		break;
	case 1:
		phys_frames_put(m->phys, first, n);
		break;
	case 2:
		phys_frames_pin(m->phys, first, n);
		break;
	default:
		phys_frames_unpin(m->phys, first, n);
	}
}

static void model_write(struct model *m)
{
	uint64_t first, n = model_run(m, m->refs, &first);

	for (uint64_t pfn = first; pfn < first + n && pfn < first + 3; pfn++) {
		m->byte[pfn] = (uint8_t)prng_next(&m->rng);
		ck_assert(phys_write(m->phys, (pfn << 12) + 77, &m->byte[pfn], 1));
	}
}

START_TEST(counts_and_contents_agree_with_flat_arrays)
{
	struct model *m = calloc(1, sizeof(*m));

	m->seed = m->rng.state = (uint64_t)_i + 1;
	m->phys = machine(64 * MIB);
	for (unsigned i = 0; i < 1200; i++) {
		uint64_t pick = prng_below(&m->rng, 9);

		if (pick < 2)
			model_alloc(m);
		else if (pick < 3)
			model_write(m);
		else
			model_count(m, pick < 4 ? 0 : pick < 6 ? 1 : pick < 7 ? 2 : 3);
		if (i % 40 == 0) {
			const char *why = phys_audit(m->phys);

			ck_assert_msg(!why, "seed %lu step %u: %s", m->seed, i, why);
			model_compare(m);
		}
	}
	phys_destroy(m->phys);
	free(m);
}
END_TEST

START_TEST(exhausted_ram_is_an_answer_and_comes_back)
{
	struct phys *phys = machine(32 * MIB);
	uint64_t first[64], n[64], total = 0, again = 0, at;
	unsigned runs = 0;

	while (runs < 64 && (n[runs] = phys_frames_alloc(phys, 1000, 0, &first[runs])))
		total += n[runs++];
	ck_assert_uint_eq(phys_frames_alloc(phys, 1, 0, &at), 0);
	ck_assert_uint_gt(total, 5000);
	for (unsigned i = 0; i < runs; i++)
		phys_frames_put(phys, first[i], n[i]);
	ck_assert_uint_eq(phys_frames_total(phys), 0);
	while (again < total) {
		uint64_t got = phys_frames_alloc(phys, total, 0, &at);

		ck_assert_uint_gt(got, 0);
		again += got;
	}
	ck_assert_ptr_null(phys_audit(phys));
	phys_destroy(phys);
}
END_TEST

START_TEST(tables_are_zero_and_reused_last_in_first_out)
{
	struct phys *phys = machine(32 * MIB);
	pa_t a = phys_table_alloc(phys), b = phys_table_alloc(phys), big;

	ck_assert(a != PA_NONE && b != PA_NONE && a != b);
	ck_assert_uint_eq(phys_table_count(phys), 2);
	phys_table_free(phys, a);
	phys_table_free(phys, b);
	ck_assert_uint_eq(phys_table_alloc(phys), b);
	ck_assert_uint_eq(phys_table_alloc(phys), a);
	big = phys_tables_alloc(phys, 4);
	ck_assert_uint_eq(big & 0x3fff, 0);
	ck_assert_uint_eq(phys_table_count(phys), 6);
	phys_tables_free(phys, big, 4);
	ck_assert_uint_eq(phys_tables_alloc(phys, 4), big);
	phys_tables_free(phys, big, 4);
	*(uint64_t *)phys_ptr(phys, big) = 1;
	ck_assert_str_eq(phys_audit(phys), "a free table frame is not zero");
	phys_destroy(phys);
}
END_TEST

START_TEST(tables_take_all_of_ram_when_nothing_else_wants_it)
{
	struct phys *phys = machine(16 * MIB);
	unsigned n = 0;

	while (phys_table_alloc(phys) != PA_NONE)
		n++;
	/* 16 MiB less the first block. */
	ck_assert_uint_ge(n, 14 * 256 - 512);
	ck_assert_ptr_null(phys_audit(phys));
	phys_destroy(phys);
}
END_TEST

START_TEST(a_terabyte_is_pinned_by_blocks)
{
	struct phys *phys = machine(2 * TIB);
	uint64_t first, at, n;
	uint32_t pins;

	ck_assert_uint_eq(phys_frames_alloc(phys, TIB >> 12, 9, &first), TIB >> 12);
	phys_frames_pin(phys, first, TIB >> 12);
	phys_frames_pin(phys, first + 5, 1);
	ck_assert_uint_eq(phys_pins_total(phys), (TIB >> 12) + 1);
	ck_assert(phys_pinned_run(phys, 0, &at, &n, &pins));
	ck_assert_uint_eq(at, first);
	ck_assert_uint_eq(n, 5);
	ck_assert(phys_pinned_run(phys, first + 6, &at, &n, &pins));
	ck_assert_uint_eq(n, (TIB >> 12) - 6);
	ck_assert_uint_eq(pins, 1);
	phys_frames_unpin(phys, first + 5, 1);
	phys_frames_unpin(phys, first, TIB >> 12);
	phys_frames_put(phys, first, TIB >> 12);
	ck_assert_uint_eq(phys_frames_total(phys), 0);
	ck_assert_ptr_null(phys_audit(phys));
	phys_destroy(phys);
}
END_TEST

START_TEST(no_frame_lies_in_the_hole)
{
	struct phys *phys = machine(5 * GIB);
	uint64_t first, n;

	while ((n = phys_frames_alloc(phys, 100000, 0, &first)))
		ck_assert(phys_is_ram(phys, first << 12, n << 12));
	ck_assert(phys_is_ram(phys, phys_table_alloc(phys), 4096));
	phys_destroy(phys);
}
END_TEST

static bool window_read(void *ctx, uint64_t offset, void *buf, uint64_t len)
{
	memset(buf, (int)(offset & 0xff), len);
	return ctx != NULL;
}

static bool window_write(void *ctx, uint64_t offset, const void *buf, uint64_t len)
{
	(void)len;
	*(uint64_t *)ctx = offset << 8 | *(const uint8_t *)buf;
	return true;
}

START_TEST(windows_answer_where_ram_does_not)
{
	static const struct phys_window_ops ops = {window_read, window_write};
	struct phys *phys = machine(64 * MIB);
	pa_t bar = phys_window_place(phys, MIB);
	uint64_t seen = 0;
	uint8_t buf[4] = {9, 9, 9, 9};

	ck_assert_uint_eq(bar & (MIB - 1), 0);
	ck_assert(bar >= PHYS_HOLE_FIRST && bar + MIB - 1 <= PHYS_HOLE_LAST);
	ck_assert(phys_window_add(phys, bar, bar + MIB - 1, &ops, &seen));
	ck_assert(!phys_window_add(phys, bar + 4096, bar + 8191, &ops, &seen));
	ck_assert(!phys_window_add(phys, 0x1000, 0x1fff, &ops, &seen));
	ck_assert(phys_window_place(phys, MIB) != bar);
	ck_assert(phys_read(phys, bar + 0x42, buf, 4));
	ck_assert_uint_eq(buf[3], 0x42);
	ck_assert(phys_write(phys, bar + 0x10, buf, 1));
	ck_assert_uint_eq(seen, 0x1042);
	ck_assert(!phys_read(phys, bar + MIB - 2, buf, 4));
	ck_assert_uint_eq(buf[0], 0xff);
	phys_window_remove(phys, bar);
	ck_assert(!phys_read(phys, bar, buf, 4));
	/* The biggest BAR does not fit below 4 GiB. */
	ck_assert_uint_ge(phys_window_place(phys, 4 * GIB), 4 * GIB);
	phys_destroy(phys);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("phys");
	TCase *tc = tcase_create("phys");

	tcase_add_loop_test(tc, counts_and_contents_agree_with_flat_arrays, 0, 6);
	tcase_add_test(tc, exhausted_ram_is_an_answer_and_comes_back);
	tcase_add_test(tc, tables_are_zero_and_reused_last_in_first_out);
	tcase_add_test(tc, tables_take_all_of_ram_when_nothing_else_wants_it);
	tcase_add_test(tc, a_terabyte_is_pinned_by_blocks);
	tcase_add_test(tc, no_frame_lies_in_the_hole);
	tcase_add_test(tc, windows_answer_where_ram_does_not);
	tcase_set_timeout(tc, 60);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
