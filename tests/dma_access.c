// SPDX-License-Identifier: GPL-2.0-only
/* A device's DMA as bytes: pages, faults in the middle, windows and addresses where nobody answers.
 */
#include "harness.h"
#include "vtd_rig.h"

#define A UINT64_C(0x40000000)

static struct dma_result dma(struct rig *rig, enum dma_kind kind, uint64_t iova, void *buf,
			     uint64_t len)
{
	const struct dma_req req = {.requester = RID, .iova = iova, .len = len, .kind = kind};

	return dma_access(rig->port, &req, buf);
}

static void fill(uint8_t *buf, size_t len, unsigned salt)
{
	for (size_t i = 0; i < len; i++)
		buf[i] = (uint8_t)(i * 7 + (i >> 8) + salt);
}

START_TEST(bytes_cross_pages_that_lie_apart)
{
	uint8_t out[0x3000], in[0x3000], direct[0x3000];
	struct dma_result result;
	struct rig rig;

	rig_init(&rig, CAP_VTD48, ECAP_VTD48);
	/* Four pages, in memory in another order. */
	rig_map(&rig, A, (PA_DATA + 0x5000) | 3);
	rig_map(&rig, A + 0x1000, (PA_DATA + 0x2000) | 3);
	rig_map(&rig, A + 0x2000, (PA_DATA + 0x9000) | 3);
	rig_map(&rig, A + 0x3000, (PA_DATA + 0x1000) | 3);
	fill(out, sizeof(out), 3);
	result = dma(&rig, DMA_WRITE, A + 0xf01, out, sizeof(out));
	ck_assert_uint_eq(result.done, sizeof(out));
	ck_assert_uint_eq(result.fault.reason, 0);
	ck_assert(!result.bus_error);
	phys_read(rig.phys, PA_DATA + 0x5f01, direct, 0xff);
	phys_read(rig.phys, PA_DATA + 0x2000, direct + 0xff, 0x1000);
	phys_read(rig.phys, PA_DATA + 0x9000, direct + 0x10ff, 0x1000);
	phys_read(rig.phys, PA_DATA + 0x1000, direct + 0x20ff, 0xf01);
	ck_assert_mem_eq(direct, out, sizeof(out));
	result = dma(&rig, DMA_READ, A + 0xf01, in, sizeof(in));
	ck_assert_uint_eq(result.done, sizeof(in));
	ck_assert_mem_eq(in, out, sizeof(in));
	rig_fini(&rig);
}
END_TEST

START_TEST(fault_in_the_middle_leaves_the_bytes_before_it)
{
	uint8_t out[0x400], direct[0x200];
	struct dma_result result;
	struct rig rig;

	rig_init(&rig, CAP_VTD48, ECAP_VTD48);
	rig_map(&rig, A, PA_DATA | 3);
	rig_map(&rig, A + 0x1000, (PA_DATA + 0x1000) | 1);
	fill(out, sizeof(out), 9);
	result = dma(&rig, DMA_WRITE, A + 0xe00, out, sizeof(out));
	ck_assert_uint_eq(result.done, 0x200);
	ck_assert_uint_eq(result.fault.reason, 5);
	ck_assert_uint_eq(result.fault.iova, A + 0x1000);
	ck_assert_uint_eq(result.fault.requester, RID);
	ck_assert_uint_eq(result.fault.kind, DMA_WRITE);
	phys_read(rig.phys, PA_DATA + 0xe00, direct, sizeof(direct));
	ck_assert_mem_eq(direct, out, sizeof(direct));
	ck_assert_uint_eq(mem(&rig, PA_DATA + 0x1000), 0);
	ck_assert_uint_eq(rd(&rig, R_FRCD, 8), A + 0x1000);
	result = dma(&rig, DMA_READ, A + 0xe00, out, sizeof(out));
	ck_assert_uint_eq(result.done, sizeof(out));
	rig_fini(&rig);
}
END_TEST

START_TEST(large_pages_are_copied_in_long_pieces)
{
	const size_t len = 5u << 20;
	uint8_t *out = malloc(len), *in = malloc(len);
	struct rig rig;

	ck_assert(out && in);
	rig_init(&rig, CAP_VTD48, ECAP_VTD48);
	poke(&rig, rig_slot(&rig, A, 1), 0x20000083);
	poke(&rig, rig_slot(&rig, A + 0x200000, 1), 0x30000083);
	poke(&rig, rig_slot(&rig, A + 0x400000, 1), 0x28000083);
	fill(out, len, 1);
	ck_assert_uint_eq(dma(&rig, DMA_WRITE, A + 0x80123, out, len).done, len);
	ck_assert_uint_eq(dma(&rig, DMA_READ, A + 0x80123, in, len).done, len);
	ck_assert_mem_eq(in, out, len);
	ck_assert(phys_read(rig.phys, 0x30000000, in, 0x200000));
	ck_assert_mem_eq(in, out + 0x17fedd, 0x200000);
	rig_fini(&rig);
	free(out);
	free(in);
}
END_TEST

START_TEST(an_empty_request_is_translated_all_the_same)
{
	struct dma_result result;
	struct rig rig;

	rig_init(&rig, CAP_VTD48, ECAP_VTD48);
	result = dma(&rig, DMA_READ, A, NULL, 0);
	ck_assert_uint_eq(result.fault.reason, 6);
	rig_map(&rig, A, PA_DATA | 1);
	result = dma(&rig, DMA_READ, A, NULL, 0);
	ck_assert_uint_eq(result.fault.reason, 0);
	ck_assert_uint_eq(result.done, 0);
	ck_assert(!result.bus_error);
	rig_fini(&rig);
}
END_TEST

START_TEST(nobody_answers_beyond_memory)
{
	uint64_t word = 0;
	struct dma_result result;
	struct rig rig;

	rig_init(&rig, CAP_VTD48, ECAP_VTD48);
	rig_map(&rig, A, PA_NOWHERE | 3);
	result = dma(&rig, DMA_WRITE, A, &word, 8);
	ck_assert(result.bus_error);
	ck_assert_uint_eq(result.done, 0);
	ck_assert_uint_eq(result.fault.reason, 0);
	result = dma(&rig, DMA_READ, A, &word, 8);
	ck_assert(result.bus_error);
	/* The top of the space, with no unit in the way. */
	gcmd(&rig, 0, G_TE);
	result = dma(&rig, DMA_READ, UINT64_MAX - 3, &word, 8);
	ck_assert(result.bus_error);
	ck_assert_uint_eq(rd(&rig, R_FSTS, 4), 0);
	rig_fini(&rig);
}
END_TEST

/* A register of another device that answers a write with DMA of its own, through the same port. */
struct doorbell {
	struct rig *rig;
	unsigned rings;
};

static bool ring(void *ctx, uint64_t offset, const void *buf, uint64_t len)
{
	struct doorbell *bell = ctx;
	uint64_t value = 0;

	ck_assert_uint_eq(offset, 0x10);
	ck_assert_uint_eq(len, 4);
	bell->rings++;
	ck_assert_uint_eq(*(const uint8_t *)buf, 0xab);
	ck_assert_uint_eq(dma(bell->rig, DMA_READ, A + 0x1000, &value, 8).done, 8);
	ck_assert_uint_eq(value, UINT64_C(0x1122334455667788));
	flush_iotlb(bell->rig);
	return true;
}

START_TEST(peer_registers_may_do_dma_themselves)
{
	const struct phys_window_ops ops = {.write = ring};
	const uint32_t value = 0xab;
	struct doorbell bell = {0};
	struct rig rig;

	bell.rig = &rig;
	rig_init(&rig, CAP_VTD48, ECAP_VTD48);
	ck_assert(phys_window_add(rig.phys, 0xd0000000, 0xd0000fff, &ops, &bell));
	rig_map(&rig, A, 0xd0000003);
	rig_map(&rig, A + 0x1000, PA_DATA | 3);
	poke(&rig, PA_DATA, UINT64_C(0x1122334455667788));
	ck_assert_uint_eq(dma(&rig, DMA_WRITE, A + 0x10, (void *)&value, 4).done, 4);
	ck_assert_uint_eq(bell.rings, 1);
	phys_window_remove(rig.phys, 0xd0000000);
	rig_fini(&rig);
}
END_TEST

START_TEST(without_a_unit_addresses_are_physical)
{
	const struct phys_cfg cfg = {.ram_bytes = UINT64_C(1) << 30};
	struct phys *phys = phys_create(&cfg);
	struct dma_fabric *fabric = dma_fabric_create(phys);
	struct dma_port *port = dma_port_create(fabric);
	const struct dma_req req = {.requester = RID,
				    .iova = 0x1ffffc,
				    .len = 8,
				    .kind = DMA_WRITE};
	uint64_t word = UINT64_C(0x0102030405060708), back = 0;

	ck_assert_uint_eq(dma_access(port, &req, &word).done, 8);
	ck_assert(phys_read(phys, 0x1ffffc, &back, 8));
	ck_assert_uint_eq(back, word);
	ck_translates(dma_translate(port, &req), 0x1ffffc);
	dma_port_destroy(port);
	dma_fabric_destroy(fabric);
	phys_destroy(phys);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("dma_access");
	TCase *tc = tcase_create("dma");

	tcase_add_test(tc, bytes_cross_pages_that_lie_apart);
	tcase_add_test(tc, fault_in_the_middle_leaves_the_bytes_before_it);
	tcase_add_test(tc, large_pages_are_copied_in_long_pieces);
	tcase_add_test(tc, an_empty_request_is_translated_all_the_same);
	tcase_add_test(tc, nobody_answers_beyond_memory);
	tcase_add_test(tc, peer_registers_may_do_dma_themselves);
	tcase_add_test(tc, without_a_unit_addresses_are_physical);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
