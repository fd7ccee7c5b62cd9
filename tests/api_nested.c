// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two stages of translation on either vendor's unit, laid by hand: a device's address through
 * tables of a guest, whose own addresses go through tables of the host. DMA and the walk agree.
 */
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "softiommu.h"

#define GIB (UINT64_C(1) << 30)

/* Guest memory lies this much above where the guest believes it to be. */
#define SHIFT GIB
#define PAGE  UINT64_C(0x5a000) /* guest physical */

static struct sio_hw *hw;
static struct sio_unit *unit;

static void store(uint64_t at, uint64_t word)
{
	ck_assert_int_eq(sio_hw_write(hw, at, &word, sizeof(word)), 0);
}

/* x86-64 tables at guest addresses 0x10000 on: iova 0x100000 is the guest's PAGE, for users. */
static void lay_guest(void)
{
	for (unsigned level = 0; level < 3; level++)
		store(SHIFT + 0x10000 + 0x1000 * level, 0x11000 + 0x1000 * level + 7);
	store(SHIFT + 0x13000 + 8 * 0x100, PAGE | 7);
}

/* Scalable mode, 02:00.0: nested, domain 9. */
static void lay_vtd(void)
{
	uint64_t root = sio_hw_alloc(hw, 1), context = sio_hw_alloc(hw, 1);
	uint64_t dir = sio_hw_alloc(hw, 1), pasids = sio_hw_alloc(hw, 1);
	uint64_t top = sio_hw_alloc(hw, 1), pdpt = sio_hw_alloc(hw, 1);

	store(top, pdpt | 3);
	store(pdpt, SHIFT | 0x83); /* one leaf of 1 GiB */
	store(root + 16 * 2, context | 1);
	store(context, dir | 1);
	store(dir, pasids | 1);
	store(pasids, top | 3 << 6 | 2 << 2 | 1);
	store(pasids + 8, 1 << 23 | 9); /* walks snoop: accessed bits are written */
	store(pasids + 16, 0x10000);
	sio_unit_write(unit, 0x20, 8, root | 1 << 10);
	sio_unit_write(unit, 0x18, 4, 0x40000000);
	sio_unit_write(unit, 0x18, 4, 0x80000000);
}

/* 00:11.0: guest tables by way of the guest CR3 table, three levels of the host's; domain 9. */
static void lay_amdvi(void)
{
	const uint64_t read_write = UINT64_C(3) << 61, gcr3 = 0x20000;
	uint64_t devtab = sio_hw_alloc(hw, 2), top = sio_hw_alloc(hw, 1);
	uint64_t entry = devtab + 32 * 0x88;

	store(top, read_write | SHIFT | 1); /* one leaf of 1 GiB */
	store(gcr3, 0x10000 | 1); /* the table is the host's, what it points to the guest's */
	store(entry, read_write | UINT64_C(3) << 54 | (gcr3 >> 12 & 7) << 58 | top | 3 << 9 | 3);
	store(entry + 8, (gcr3 >> 15 & 0xffff) << 16 | 9);
	sio_unit_write(unit, 0x00, 8, devtab | 1);
	sio_unit_write(unit, 0x18, 8, 1 | 1 << 16);
}

static const struct {
	const char *platform;
	unsigned unit;
	uint16_t requester;
	void (*lay)(void);
	const char *parts[8]; /* of the walk, in this order */
} cases[] = {
	{"vtd-mixed",
	 2,
	 0x0200,
	 lay_vtd,
	 {"requester 0000:02:00.0 at dmar2, domain id 9\n", "\n  root ", "\n  context ",
	  "\n  pasid", "\n  first stage\n  level 3", "4 KiB page at 0x5a000",
	  "\n  second stage\n  level", "1 GiB page at 0x40000000"}},
	{"amdvi-gio",
	 0,
	 0x0088,
	 lay_amdvi,
	 {"requester 0000:00:11.0 at ivhd0, domain id 9\n", "\n  device table ", "\n  guest CR3",
	  "\n  guest tables\n  level 3", "4 KiB page at 0x5a000", "\n  host tables\n  level",
	  "1 GiB page at 0x40000000", ""}},
};

static const char amdvi_gio[] =
	"units = ( { type = \"amd\"; include-all = true; efr = 0x10000000029d3L; } );";

START_TEST(a_guest_address_goes_through_both_stages)
{
	const struct sio_request request = {.requester = cases[_i].requester,
					    .address = 0x100ff8,
					    .len = 8,
					    .write = true};
	struct sio_hw_cfg cfg = {.platform = cases[_i].platform};
	struct sio_request beyond = request;
	char got[8] = "", error[256] = "", *text;
	const char *at;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!strcmp(cfg.platform, "amdvi-gio"))
		cfg.platform_text = amdvi_gio;
	ck_assert_msg(!sio_hw_create(&cfg, &hw, error, sizeof(error)), "%s", error);
	unit = sio_hw_unit(hw, cases[_i].unit);
	lay_guest();
	cases[_i].lay();

	sio_hw_walk(hw, &request, out);
	fclose(out);
	at = text;
	for (unsigned i = 0; i < 8; i++) {
		at = strstr(at, cases[_i].parts[i]);
		ck_assert_msg(at != NULL, "%s lacks %s", text, cases[_i].parts[i]);
	}
	ck_assert_msg(strstr(at, "\n  result   0x4005aff8 in a 4 KiB page, read write") != NULL,
		      "%s", text);
	free(text);

	ck_assert_int_eq(sio_hw_dma(hw, &request, "nested!", NULL), 0);
	sio_hw_read(hw, SHIFT + PAGE + 0xff8, got, sizeof(got));
	ck_assert_str_eq(got, "nested!");
	beyond.address = 0x101000;
	ck_assert_int_ne(sio_hw_dma(hw, &beyond, got, NULL), 0);
	sio_hw_destroy(hw);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("api nested");
	TCase *tc = tcase_create("nested");

	tcase_add_loop_test(tc, a_guest_address_goes_through_both_stages, 0, 2);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
