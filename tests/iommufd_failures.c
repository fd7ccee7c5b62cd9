// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each command fails at each of its steps: a copy, the driver, an allocation or other point of
 * failure. Whatever it had done is undone: the objects, their users, the domains and the pins are
 * those of before. When no step is left to fail it works, and the next command is tried on top of
 * it.
 */
#include "iommufd_fake.h"

static struct fk fk;
static struct iommufd_ctx *ctx;
static struct iommufd_device *idev[2]; /* of one group; idev[0] only is attached first */
static long ioas, other, fault, parent, hwpt, viommu, vdev, nested, veventq, queue;
static int fd, fault_fd, event_fd;

/* ---- commands: > 0 or 0 worked ---- */

static long bind_one(unsigned n)
{
	uint32_t id;

	return iommufd_device_bind(ctx, fk.device[n].dev, &idev[n], &id);
}

static long bind_first(void)
{
	return bind_one(0);
}

static long bind_second(void)
{
	return bind_one(1);
}

static long dev(void)
{
	return iommufd_device_id(idev[0]);
}

static long make_ioas(void)
{
	return ioas = fk_ioas(&fk, ctx);
}

static long make_other(void)
{
	return other = fk_ioas(&fk, ctx);
}

/* A map whose answer cannot be written stays: the kernel does not take it back. */
static long map_at(uint64_t iova, uint64_t va)
{
	const struct iommufd_ioas *object = iommufd_ioas_find(ctx, (uint32_t)ioas);
	long rc = fk_map(&fk, ctx, ioas, iova, va, 3);
	struct iopt_area_info area;

	return iopt_area_at(object->iopt, iova, &area) ? 0 : rc;
}

static long map_run(void)
{
	return map_at(0, FK_VA_RUN);
}

static long map_more(void)
{
	return map_at(8 * PAGE, FK_VA);
}

static long make_fault(void)
{
	return fault = fk_fault_queue(&fk, ctx, &fault_fd);
}

static long make_hwpt(void)
{
	return hwpt = fk_fault_hwpt(&fk, ctx, dev(), ioas, IOMMU_HWPT_ALLOC_PASID, fault);
}

static long make_parent(void)
{
	return parent = fk_hwpt(&fk, ctx, dev(), ioas,
				IOMMU_HWPT_ALLOC_NEST_PARENT | IOMMU_HWPT_ALLOC_DIRTY_TRACKING);
}

static long attach_ioas(void)
{
	return fk_attach_pt(idev[0], 0, ioas);
}

static long attach_second(void)
{
	return fk_attach_pt(idev[1], 0, ioas);
}

static long replace_ioas(void)
{
	return fk_replace_pt(idev[1], 0, other);
}

static long replace_hwpt(void)
{
	return fk_replace_pt(idev[0], 0, hwpt);
}

static long attach_pasid(void)
{
	return fk_attach_pt(idev[0], 3, hwpt);
}

static long make_viommu(void)
{
	uint64_t data[3] = {7};
	struct iommu_viommu_alloc cmd = {.size = sizeof(cmd),
					 .type = FK_VIOMMU,
					 .dev_id = (uint32_t)dev(),
					 .hwpt_id = (uint32_t)parent,
					 .data_len = sizeof(data),
					 .data_uptr = (uintptr_t)data};
	long rc = fk_ioctl(&fk, ctx, IOMMU_VIOMMU_ALLOC, &cmd);

	viommu = cmd.out_viommu_id;
	return rc;
}

static long make_vdev(void)
{
	return vdev = fk_vdevice(&fk, ctx, viommu, dev(), 5);
}

static long make_nested(void)
{
	return nested = fk_nested_hwpt(&fk, ctx, dev(), viommu, 0);
}

static long make_veventq(void)
{
	return veventq = fk_veventq(&fk, ctx, viommu, FK_VIOMMU, 4, &event_fd);
}

static long make_queue(void)
{
	return queue = fk_hw_queue(&fk, ctx, viommu, 0, 0x40, 2 * PAGE);
}

static long make_next_queue(void)
{
	return fk_hw_queue(&fk, ctx, viommu, 1, PAGE, PAGE);
}

static long track_dirty(void)
{
	struct iommu_hwpt_set_dirty_tracking cmd = {sizeof(cmd), 1, (uint32_t)parent, 0};

	return fk_ioctl(&fk, ctx, IOMMU_HWPT_SET_DIRTY_TRACKING, &cmd);
}

static const struct {
	const char *name;
	long (*run)(void);
} commands[] = {
	{"bind", bind_first},
	{"bind the second", bind_second},
	{"ioas", make_ioas},
	{"another ioas", make_other},
	{"map", map_run},
	{"fault queue", make_fault},
	{"hwpt", make_hwpt},
	{"parent", make_parent},
	{"map into two domains", map_more},
	{"attach to an ioas", attach_ioas},
	{"attach the second", attach_second},
	{"replace by an ioas", replace_ioas},
	{"replace by a hwpt", replace_hwpt},
	{"attach a PASID", attach_pasid},
	{"viommu", make_viommu},
	{"vdevice", make_vdev},
	{"nested hwpt", make_nested},
	{"event queue", make_veventq},
	{"hardware queue", make_queue},
	{"next hardware queue", make_next_queue},
	{"dirty tracking", track_dirty},
};

/* ---- before and after ---- */

struct state {
	char objects[1024];
	unsigned domains, on[FK_DEVICES], viommus, vdevices, queues;
	uint64_t pins;
	uint32_t files;
};

static struct state state_now(void)
{
	struct state state = {
		.domains = fk.domains,
		.viommus = fk.viommus,
		.vdevices = fk.vdevices,
		.queues = fk.queues,
		.pins = phys_pins_total(fk.phys),
		.files = ctx->file.refs,
	};
	struct iommufd_object *obj;
	uint32_t position = 0;
	size_t len = 0;

	while ((obj = iommufd_object_at(ctx, &position)))
		len += (size_t)snprintf(state.objects + len, sizeof(state.objects) - len,
					"%u:%u:%u ", obj->id, (unsigned)obj->type, obj->users);
	ck_assert_uint_lt(len, sizeof(state.objects));
	/* A claimed group's blocking domain is made once and stays. */
	for (unsigned n = 0; n < FK_DEVICES; n++) {
		state.on[n] = fk.device[n].domain->base.id;
		if (n != 1 && n != 2)
			state.domains -= fk.device[n].dev->group->blocking_domain != NULL;
	}
	return state;
}

static void compare(const struct state *before, const char *name, uint64_t nth)
{
	const struct state now = state_now();

	ck_assert_msg(!strcmp(before->objects, now.objects),
		      "%s, step %llu leaves objects: %s, was %s", name, (unsigned long long)nth,
		      now.objects, before->objects);
	ck_assert_msg(before->domains == now.domains && before->pins == now.pins &&
			      before->viommus == now.viommus && before->vdevices == now.vdevices &&
			      before->queues == now.queues && before->files == now.files,
		      "%s, step %llu leaves something", name, (unsigned long long)nth);
	ck_assert_msg(!memcmp(before->on, now.on, sizeof(now.on)), "%s, step %llu moves a device",
		      name, (unsigned long long)nth);
	fk_audit(&fk);
}

/* Until it works. How often it failed. */
static unsigned try_all(unsigned n, void (*arm)(struct fk *fk, uint64_t nth))
{
	for (uint64_t nth = 1;; nth++) {
		const struct state before = state_now();
		long rc;

		ck_assert_msg(nth < 100, "%s never works", commands[n].name);
		arm(&fk, nth);
		rc = commands[n].run();
		arm(&fk, 0);
		if (rc >= 0)
			return (unsigned)nth - 1;
		compare(&before, commands[n].name, nth);
	}
}

START_TEST(a_command_that_fails_leaves_nothing_behind)
{
	unsigned failed = 0;

	fk_open(&fk, "7.2");
	fk.device[0].resv[0] = (struct resv_region){0xf0 * PAGE, 0xf1 * PAGE - 1, RESV_RESERVED};
	fk.device[0].resv_count = 1;
	fk_boot(&fk);
	ctx = fk_ctx(&fk, &fd);
	for (unsigned n = 0; n < SIO_ARRAY_SIZE(commands); n++)
		failed += try_all(n, _i ? fk_fail_point : fk_fail_step);
	/* Each has steps that fail, and most have several. */
	ck_assert_uint_gt(failed, 2 * SIO_ARRAY_SIZE(commands));
	ck_assert(vdev > 0 && nested > 0 && veventq > 0 && queue > 0);
	iommufd_device_detach(idev[0], 3);
	for (unsigned n = 0; n < 2; n++) {
		iommufd_device_detach(idev[n], 0);
		iommufd_device_unbind(idev[n]);
	}
	fk_close(&fk);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("iommufd_failures");
	TCase *tc = tcase_create("failures");

	tcase_add_loop_test(tc, a_command_that_fails_leaves_nothing_behind, 0, 2);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
