// SPDX-License-Identifier: GPL-2.0-only
/* Any register value, queue content and table bytes: nothing hangs, crashes or reads outside RAM.
 */
#include "amdvi_rig.h"
#include "ats.h"
#include "prng.h"

#define A      UINT64_C(0x40000000)
#define ROUNDS 12000u
/* Where tables, entries and commands are likely to point to: 16 frames that hold each other. */
#define POOL 0x700000u

/* A number with a taste for small ones, addresses of the pool, and all ones. */
static uint64_t value(struct prng *rng)
{
	uint64_t any = prng_next(rng);

	switch (prng_below(rng, 6)) {
	case 0:
		return any >> prng_below(rng, 64);
	case 1:
		return UINT64_C(1) << (any & 63);
	case 2:
		return ~(UINT64_C(1) << (any & 63));
	case 3:
		return (POOL + (any >> 60 << 12)) | (any & UINT64_C(0xfff0000000000fff));
	case 4:
		return (POOL + (any >> 60 << 12)) | (any & UINT64_C(0x6000000000000e07));
	default:
		return any;
	}
}

static void random_entry(struct rig *rig, struct prng *rng)
{
	uint64_t w0 = value(rng) & ~UINT64_C(0x800000000000007c);

	if (prng_below(rng, 4))
		w0 = 3 | UINT64_C(3) << 61 | (POOL + (prng_below(rng, 16) << 12)) |
		     prng_below(rng, 7) << 9 | (prng_next(rng) & UINT64_C(0x03f0000000000180));
	rig_dte(rig, RID, w0,
		prng_below(rng, 2) ? value(rng) : prng_below(rng, 8) << 32 | DID | 0xe0 << 16,
		prng_below(rng, 2) ? value(rng) & ~(UINT64_C(3) << 52)
				   : UINT64_C(0x2000000000000013) | POOL);
}

static void random_request(struct rig *rig, struct prng *rng)
{
	struct dma_req req = {
		.requester = RID,
		.has_pasid = prng_below(rng, 3) == 0,
		.pasid = (uint32_t)prng_below(rng, 4),
		.iova = prng_below(rng, 2) ? prng_below(rng, 64) << 12 : value(rng),
		.len = prng_below(rng, 5) ? 4 : 9000,
		.kind = prng_below(rng, 2) ? DMA_READ : DMA_WRITE,
		.execute = prng_below(rng, 16) == 0,
		.privileged = prng_below(rng, 16) == 0,
	};
	static uint8_t buf[9000];

	if (prng_below(rng, 8) == 0)
		req.iova = 0xfee00000 | (req.iova & 0xffffc);
	memset(buf, (int)prng_below(rng, 256), sizeof(buf));
	(void)dma_access(rig->port, &req, buf);
	if (prng_below(rng, 8) == 0) {
		struct amdvi_trail trail;

		amdvi_walk(rig->unit, &req, &trail);
		ck_assert_uint_le(trail.steps, PT_LEVELS_MAX);
	}
}

static void random_command(struct rig *rig, struct prng *rng)
{
	uint64_t lo = value(rng), hi = value(rng);

	if (prng_below(rng, 4))
		lo = (1 + prng_below(rng, 8)) << 60 | (lo & UINT64_C(0x0000ffff00000000)) |
		     (prng_below(rng, 2) ? RID : (lo & 7) | PA_WAIT);
	push(rig, lo, hi);
	if (prng_below(rng, 4) == 0)
		kick(rig);
}

static void random_register(struct rig *rig, struct prng *rng)
{
	static const uint32_t offset[] = {0x00,   0x08,   0x10,   0x18,   0x20,   0x28,   0x38,
					  0xe0,   0xe8,   0x158,  0x170,  0x2000, 0x2008, 0x2010,
					  0x2018, 0x2020, 0x2030, 0x2038, 0x2040};
	uint32_t at = prng_below(rng, 8) ? offset[prng_below(rng, SIO_ARRAY_SIZE(offset))]
					 : (uint32_t)prng_next(rng);
	unsigned width = 1u << prng_below(rng, 4);

	rig->unit->ops->mmio_write(rig->unit, at, width, value(rng));
	(void)rig->unit->ops->mmio_read(rig->unit, at + (uint32_t)prng_below(rng, 4), width);
}

/* Back to a unit that works, so that the next rounds reach deep places again. */
static void repair(struct rig *rig)
{
	wr(rig, R_CONTROL, 0);
	wr(rig, R_STATUS, ~UINT64_C(0));
	wr(rig, R_DEVTAB, PA_DEVTAB | 511);
	wr(rig, R_CMDBUF, PA_CMD | UINT64_C(8) << 56);
	wr(rig, R_EVTLOG, PA_EVT | UINT64_C(8) << 56);
	wr(rig, R_EXCL_BASE, 0);
	rig->cmd_tail = 0;
	wr(rig, R_CONTROL, C_ALL_BUT_GA | C_PPR | C_PPR_LOG | C_GA | UINT64_C(1) << 25 | 1 << 28);
}

static void random_step(struct rig *rig, struct ats_cache *cache, struct prng *rng)
{
	struct ats_page_request page = {
		.iova = value(rng),
		.read = true,
		.last = true,
		.group = (uint16_t)prng_below(rng, 512),
	};
	const struct dma_req req = {.iova = prng_below(rng, 64) << 12, .len = 16};
	uint8_t buf[16];

	switch (prng_below(rng, 16)) {
	case 0:
		random_entry(rig, rng);
		push(rig, UINT64_C(2) << 60 | RID, 0);
		kick(rig);
		break;
	case 1:
		random_register(rig, rng);
		break;
	case 2:
		repair(rig);
		break;
	case 3:
		(void)ats_access(cache, &req, buf);
		(void)ats_page_request(cache, &page);
		break;
	case 4:
		ats_set_manners(cache, (enum ats_manners)prng_below(rng, 3));
		(void)ats_complete(cache, prng_below(rng, 2));
		break;
	case 5:
	case 6:
	case 7:
		random_command(rig, rng);
		break;
	case 8:
	case 9:
	case 10:
		poke(rig, POOL + (prng_below(rng, 16) << 12) + 8 * prng_below(rng, 64), value(rng));
		break;
	default:
		random_request(rig, rng);
		break;
	}
}

START_TEST(any_bytes_anywhere_do_no_harm)
{
	const struct amdvi_cfg cfg = {.efr = EFR_FULL | UINT64_C(1) << 21};
	struct ats_cfg function = {.requester = RID};
	struct prng rng = {0x5eed0000u + (unsigned)_i};
	struct ats_cache *cache;
	const char *wrong;
	struct rig rig;

	rig_init_off(&rig, &cfg);
	function.phys = rig.phys;
	cache = ats_create(rig.port, &function);
	ck_assert_ptr_nonnull(cache);
	ats_enable(cache, true, true);
	repair(&rig);
	for (unsigned round = 0; round < ROUNDS; round++) {
		if (round % 64 == 0)
			repair(&rig);
		random_step(&rig, cache, &rng);
		wrong = round % 256 ? NULL : rig.unit->ops->audit(rig.unit);
		ck_assert_msg(!wrong, "seed %#x round %u: %s", 0x5eed0000u + (unsigned)_i, round,
			      wrong);
	}
	ats_destroy(cache);
	rig_fini(&rig);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("amdvi_random");
	TCase *tc = tcase_create("random");

	tcase_add_loop_test(tc, any_bytes_anywhere_do_no_harm, 0, 4);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
