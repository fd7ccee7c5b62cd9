// SPDX-License-Identifier: GPL-2.0-only
/* The registers of AMD-Vi: reset values, what can be written, features, PCI capability and MSI. */
#include "amdvi_rig.h"

static void rig_with(struct rig *rig, uint64_t efr)
{
	const struct amdvi_cfg cfg = {.efr = efr, .efr2 = 0x20, .devid = 2};

	rig_init_off(rig, &cfg);
}

START_TEST(bits_that_can_be_written_are_the_manuals)
{
	static const struct {
		uint32_t offset;
		uint64_t bits;
	} reg[] = {
		{0x00, UINT64_C(0x000ffffffffff1ff)},
		{0x08, UINT64_C(0x0f0ffffffffff000)},
		{0x10, UINT64_C(0x0f0ffffffffff000)},
		{0x20, UINT64_C(0x000ffffffffff003)},
		{0x28, UINT64_C(0x000ffffffffff000)},
		{0x38, UINT64_C(0x0f0ffffffffff000)},
		{0x30, 0},
		{0x1a0, 0},
		{0x2000, 0x7fff0},
		{0x2010, 0x7fff0},
		{0x2018, 0x7fff0},
		{0x2030, 0x7fff0},
		{0x2020, 0},
		{0x4000, 0},
		{0x1000, 0},
		{0xfffffff8, 0},
	};
	struct rig rig;

	rig_with(&rig, EFR_RECORDED);
	for (unsigned i = 0; i < SIO_ARRAY_SIZE(reg); i++) {
		uint64_t before = rd(&rig, reg[i].offset);

		wr(&rig, reg[i].offset, ~UINT64_C(0));
		ck_assert_uint_eq(rd(&rig, reg[i].offset),
				  reg[i].bits | (reg[i].bits ? 0 : before));
		wr(&rig, reg[i].offset, 0);
		ck_assert_uint_eq(rd(&rig, reg[i].offset), reg[i].bits ? 0 : before);
	}
	ck_assert_uint_eq(rd(&rig, R_EFR), EFR_RECORDED);
	ck_assert_uint_eq(rd(&rig, 0x1a0), 0x20);
	rig_fini(&rig);
}
END_TEST

START_TEST(rings_reset_to_256_entries)
{
	const struct amdvi_cfg cfg = {.efr = EFR_RECORDED};
	const struct unit_env env = {0};
	struct phys *phys = phys_create(&(struct phys_cfg){.ram_bytes = UINT64_C(1) << 33});
	struct unit *unit = amdvi_create(&cfg, phys, NULL, &env);

	for (uint32_t offset = 8; offset <= 0x10; offset += 8)
		ck_assert_uint_eq(unit->ops->mmio_read(unit, offset, 8), UINT64_C(8) << 56);
	unit->ops->destroy(unit);
	phys_destroy(phys);
}
END_TEST

START_TEST(control_bits_exist_with_their_features)
{
	static const struct {
		uint64_t efr, bits;
	} feature[] = {
		{0, UINT64_C(0x0800000000001fff)},
		{AMDVI_EFR_PPR, 0xe000},
		{AMDVI_EFR_GT, 0x10000},
		{AMDVI_EFR_GA, 0x20000},
		{UINT64_C(1) << 21, 0x3e000000},
		{AMDVI_EFR_XT, UINT64_C(3) << 50},
		{AMDVI_EFR_EPH, UINT64_C(1) << 45},
	};
	struct rig rig;

	for (unsigned i = 0; i < SIO_ARRAY_SIZE(feature); i++) {
		const struct amdvi_cfg cfg = {.efr = feature[i].efr | AMDVI_EFR_GA};

		rig_init_off(&rig, &cfg);
		wr(&rig, R_CONTROL, ~UINT64_C(0));
		ck_assert_uint_eq(rd(&rig, R_CONTROL), feature[0].bits | feature[i].bits | 0x20000);
		wr(&rig, R_CONTROL, 0);
		rig_fini(&rig);
	}
}
END_TEST

START_TEST(registers_of_missing_features_do_not_exist)
{
	static const uint32_t offset[] = {0x38,  0x40,  0x50,  0xe0,   0xe8,   0x158,  0x15c,
					  0x164, 0x170, 0x180, 0x2030, 0x2038, 0x2040, 0x2048};
	struct rig rig;

	rig_with(&rig, 0);
	for (unsigned i = 0; i < SIO_ARRAY_SIZE(offset); i++) {
		wr(&rig, offset[i], ~UINT64_C(0));
		ck_assert_uint_eq(rd(&rig, offset[i]), 0);
	}
	rig_fini(&rig);
}
END_TEST

START_TEST(halves_and_bytes_reach_their_register)
{
	struct rig rig;

	rig_with(&rig, EFR_RECORDED);
	rig.unit->ops->mmio_write(rig.unit, 0, 4, 0x12345007);
	rig.unit->ops->mmio_write(rig.unit, 4, 4, 0x6);
	ck_assert_uint_eq(rd(&rig, 0), UINT64_C(0x612345007));
	rig.unit->ops->mmio_write(rig.unit, 2, 1, 0xff);
	ck_assert_uint_eq(rd(&rig, 0), UINT64_C(0x612ff5007));
	ck_assert_uint_eq(rig.unit->ops->mmio_read(rig.unit, 2, 2), 0x12ff);
	/* The upper half of the control register alone changes nothing below. */
	rig.unit->ops->mmio_write(rig.unit, 0x18, 4, C_ENABLE | C_EVENT_LOG);
	rig.unit->ops->mmio_write(rig.unit, 0x1c, 4, 0);
	ck_assert_uint_eq(rd(&rig, R_STATUS), 0x8);
	rig_fini(&rig);
}
END_TEST

START_TEST(run_bits_follow_the_enable_bits)
{
	struct rig rig;

	rig_with(&rig, EFR_RECORDED);
	wr(&rig, R_CONTROL, C_EVENT_LOG | C_COMMAND | C_PPR_LOG);
	ck_assert_uint_eq(rd(&rig, R_STATUS), 0);
	wr(&rig, R_CONTROL, C_EVENT_LOG | C_COMMAND | C_PPR_LOG | C_ENABLE);
	ck_assert_uint_eq(rd(&rig, R_STATUS), 0x98);
	wr(&rig, R_CONTROL, C_EVENT_LOG | C_ENABLE);
	ck_assert_uint_eq(rd(&rig, R_STATUS), 0x8);
	wr(&rig, R_CONTROL, 0);
	ck_assert_uint_eq(rd(&rig, R_STATUS), 0);
	rig_fini(&rig);
}
END_TEST

START_TEST(base_registers_reset_their_pointers)
{
	struct rig rig;

	rig_with(&rig, EFR_RECORDED);
	wr(&rig, R_CMD_HEAD, 0x40);
	wr(&rig, R_CMD_TAIL, 0x80);
	wr(&rig, R_EVT_TAIL, 0x80);
	wr(&rig, R_CMDBUF, PA_CMD | UINT64_C(8) << 56);
	wr(&rig, R_EVTLOG, PA_EVT | UINT64_C(8) << 56);
	ck_assert_uint_eq(rd(&rig, R_CMD_HEAD) | rd(&rig, R_CMD_TAIL) | rd(&rig, R_EVT_TAIL), 0);
	rig_fini(&rig);
}
END_TEST

START_TEST(msi_registers_show_the_capability)
{
	struct rig rig;

	rig_with(&rig, EFR_RECORDED | AMDVI_EFR_MSI);
	ck_assert_uint_eq(amdvi_config_read(rig.unit, 0x40), CAP_RECORDED);
	ck_assert_uint_eq(amdvi_config_read(rig.unit, 0x64), 0x00850005);
	ck_assert_uint_eq(rig.unit->ops->mmio_read(rig.unit, 0x158, 4), 0x00850005);
	ck_assert_uint_eq(rig.unit->ops->mmio_read(rig.unit, 0x15c, 4), 0xfee03000);
	rig.unit->ops->mmio_write(rig.unit, 0x164, 4, 0x55);
	ck_assert_uint_eq(amdvi_config_read(rig.unit, 0x70), 0x55);
	ck_assert_uint_eq(amdvi_config_read(rig.unit, 0x68), 0xfee03000);
	amdvi_config_write(rig.unit, 0x6c, 0x12);
	ck_assert_uint_eq(amdvi_config_read(rig.unit, 0x6c), 0x12);
	ck_assert_uint_eq(rig.unit->ops->mmio_read(rig.unit, 0x160, 4), 0x12);
	/* 52 bits of physical and 64 of virtual addresses. */
	ck_assert_uint_eq(amdvi_config_read(rig.unit, 0x50), 52u << 8 | 64u << 15);
	/* The enable bit of the base address locks it. */
	amdvi_config_write(rig.unit, 0x48, 0x1);
	amdvi_config_write(rig.unit, 0x44, 0xfd200001);
	amdvi_config_write(rig.unit, 0x44, 0);
	ck_assert_uint_eq(amdvi_config_read(rig.unit, 0x44), 0xfd200001);
	amdvi_config_write(rig.unit, 0x48, 0x2);
	ck_assert_uint_eq(amdvi_config_read(rig.unit, 0x48), 1);
	/* Between registers, and beyond them. */
	amdvi_config_write(rig.unit, 0x66, 0xffffffff);
	ck_assert_uint_eq(amdvi_config_read(rig.unit, 0x64), 0x00850005);
	ck_assert_uint_eq(amdvi_config_read(rig.unit, 0x54), 0);
	ck_assert_uint_eq(amdvi_config_read(rig.unit, 0x3c), 0);
	ck_assert_uint_eq(amdvi_config_read(rig.unit, 0x1000), 0);
	rig_fini(&rig);
}
END_TEST

START_TEST(x2apic_interrupts_come_from_their_own_registers)
{
	struct rig rig;

	rig_init(&rig, EFR_FULL, CAP_NO_NP);
	wr(&rig, 0x170, UINT64_C(0x1200006134567804));
	control(&rig, C_EVENT_INT | UINT64_C(3) << 50, 0);
	rread(&rig, 0x40000000);
	ck_assert_uint_eq(rig.msis, 1);
	ck_assert_uint_eq(rig.msi_address, UINT64_C(0x12345600fee78004));
	ck_assert_uint_eq(rig.msi_data, 0x61);
	rig_fini(&rig);
}
END_TEST

START_TEST(capabilities_that_cannot_be_are_named)
{
	static const struct amdvi_cfg bad[] = {
		{.capability = 0x1f030010},
		{.efr = 3 << 10},
		{.efr = 3 << 14},
		{.haw = 53},
		{.efr = UINT64_C(20) << 32},
		{.efr = AMDVI_EFR_GIO},
		{.efr = AMDVI_EFR_HD},
		{.capability = 0x1f02000f},
		{.haw = 31},
		{.efr = AMDVI_EFR_GAM & -AMDVI_EFR_GAM},
	};
	const struct amdvi_cfg good = {.efr = EFR_FULL};
	/* EFRSup, bit 27, is clear: there is no such register, and tables have six levels. */
	const struct amdvi_cfg old = {.efr = EFR_FULL, .efr2 = 1, .capability = 0x1703000f};
	struct amdvi_caps caps;

	for (unsigned i = 0; i < SIO_ARRAY_SIZE(bad); i++) {
		caps = amdvi_caps_decode(&bad[i]);
		ck_assert_ptr_nonnull(amdvi_caps_check(&caps));
	}
	caps = amdvi_caps_decode(&good);
	ck_assert_ptr_null(amdvi_caps_check(&caps));
	ck_assert_uint_eq(caps.host_levels, 6);
	ck_assert_uint_eq(caps.gcr3_levels, 3);
	ck_assert_uint_eq(caps.pasid_bits, 20);
	caps = amdvi_caps_decode(&old);
	ck_assert_ptr_null(amdvi_caps_check(&caps));
	ck_assert_uint_eq(caps.efr | caps.efr2, 0);
	ck_assert_uint_eq(caps.host_levels, 6);
	ck_assert(!caps.guest);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("amdvi_regs");
	TCase *tc = tcase_create("regs");

	tcase_add_test(tc, bits_that_can_be_written_are_the_manuals);
	tcase_add_test(tc, rings_reset_to_256_entries);
	tcase_add_test(tc, control_bits_exist_with_their_features);
	tcase_add_test(tc, registers_of_missing_features_do_not_exist);
	tcase_add_test(tc, halves_and_bytes_reach_their_register);
	tcase_add_test(tc, run_bits_follow_the_enable_bits);
	tcase_add_test(tc, base_registers_reset_their_pointers);
	tcase_add_test(tc, msi_registers_show_the_capability);
	tcase_add_test(tc, x2apic_interrupts_come_from_their_own_registers);
	tcase_add_test(tc, capabilities_that_cannot_be_are_named);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
