// SPDX-License-Identifier: GPL-2.0-only
/*
 * Operations on the objects of one /dev/iommu with functions on PCI and mock devices, under 6.12
 * and 7.2: address spaces, mappings, domains of both stages, dirty bits, page requests, accesses,
 * what hangs on a vIOMMU, and the calls of a VFIO container, by a program and its child.
 *
 * An input is a head of 8 bytes and records of 16, an operation each. The head chooses the machine,
 * the scene in which the session begins, who is charged, and the seed of the swarm: per input some
 * operations never happen and others often. A record names "the n-th object of a kind" and "the
 * n-th area and a bit".
 *
 * Answers, areas, ranges, alignment, pins, charges, dirty bits, page requests and translations are
 * compared with a reference after every operation; audits come with every 16th. When all is closed
 * nothing is pinned, charged or alive.
 */
#include "iommufd_areas.h"
#include "iommufd_check.h"
#include "iommufd_nodes.h"
#include "iommufd_viommu.h"

#include "prng.h"

#define HEAD           8u
#define RECORD         16u
#define OPERATIONS_MAX 128u
#define BURST          32u

/* ---- devices ---- */

static void do_dma(struct target *t)
{
	uint64_t how = take(t, 1), word = t->c.operations;
	const struct device *d = &t->device[how % REAL];
	struct hwpt *h = d->id ? hwpt_of(t, group_hwpt(t, d->group)) : NULL;
	struct model_ioas *s = base_of(t, h);
	const uint64_t iova = any_iova(t, s) & -UINT64_C(8);
	const struct model_area *a = s ? model_area_in(s, iova, iova + 7) : NULL;
	int rc;

	if (d->fd < 0 || is_special(iova) || (h && h->nested) || (a && a->unsure))
		return;
	rc = sio_dma_write(d->real, iova, &word, sizeof(word), NULL);
	note_dma(t, d, true, iova, rc);
	/* A word that an area shares with what is beside it is nobody's. */
	if (a && (a->first > iova || a->last < iova + 7))
		return;
	if (!!rc == (a && a->prot & IOMMU_IOAS_MAP_WRITEABLE))
		fail_pair(t, "a device's write", rc, rc ? 0 : -EACCES);
	if (!rc && h->tracking)
		mark(h, iova & -MODEL_PAGE);
}

static void do_info(struct target *t)
{
	uint64_t how = take(t, 1);
	const struct iommu_test_hw_info mock = {.test_reg = IOMMU_HW_INFO_SELFTEST_REGVAL};
	struct iommu_hw_info cmd = {.flags = how & 0xf0 ? 0 : how & 3,
				    .dev_id = any_id(t, IOMMUFD_OBJ_DEVICE),
				    .data_len = (uint32_t)(how >> 2) % 24,
				    .data_uptr = DATA};
	const struct device *d = device_of_id(t, cmd.dev_id);
	const uint32_t len = cmd.data_len;
	uint8_t want[24] = {0};
	int rc;

	memset(data_at(0), 0x5a, 64);
	rc = command(t, IOMMU_GET_HW_INFO, &cmd, sizeof(cmd));
	if (cmd.flags & ~1u)
		expect(t, "GET_HW_INFO", rc, -EOPNOTSUPP);
	else if (d || type_of(t, cmd.dev_id) != IOMMUFD_OBJ_DEVICE)
		expect(t, "GET_HW_INFO", rc, d ? 0 : -ENOENT);
	if (rc || !d || d->real)
		return;
	memcpy(want, &mock, sizeof(mock));
	if (cmd.data_len != sizeof(mock) || cmd.out_data_type != IOMMU_HW_INFO_TYPE_SELFTEST ||
	    memcmp(want, data_at(0), len) || *data_at(len) != 0x5a)
		differ(t, "GET_HW_INFO tells something else");
}

/* What entries of {flags, number} do to a nested HWPT: how many, until which error. */
static int want_invalidate(struct hwpt *h, const uint32_t *entry, uint32_t count, uint32_t *done)
{
	for (*done = 0; *done < count; ++*done) {
		const uint32_t *e = &entry[2 * *done];

		if (e[0] > 1)
			return -EOPNOTSUPP;
		if (e[1] > MOCK_NESTED_DOMAIN_IOTLB_ID_MAX)
			return -EINVAL;
		for (unsigned i = 0; i < MOCK_NESTED_DOMAIN_IOTLB_NUM; i++)
			h->iotlb[i] = e[0] || e[1] == i ? 0 : h->iotlb[i];
	}
	return 0;
}

static void do_invalidate(struct target *t)
{
	uint64_t how = take(t, 1);
	uint32_t entry[8], done = 0;
	struct iommu_hwpt_invalidate cmd = {
		.hwpt_id = any_id(t, how & 0x1e ? IOMMUFD_OBJ_HWPT_NESTED : IOMMUFD_OBJ_VIOMMU),
		.data_uptr = DATA,
		.data_type = IOMMU_HWPT_INVALIDATE_DATA_SELFTEST,
		.entry_len = how & 0xc0 ? 8 : (uint32_t)(how >> 1) % 16,
		.entry_num = (uint32_t)take(t, 1) % 5,
	};
	struct hwpt *h = hwpt_of(t, cmd.hwpt_id);
	const uint32_t count = cmd.entry_num;
	int rc, want;

	for (unsigned i = 0; i < SIO_ARRAY_SIZE(entry); i++) {
		const uint32_t byte = (uint32_t)take(t, 1);

		if (i % 2)
			entry[i] = byte & 0xf0 ? byte & 3 : byte & 7;
		else
			entry[i] = byte & 0xe0 ? 0 : byte & 3;
	}
	put_data(0, entry, sizeof(entry));
	rc = command(t, IOMMU_HWPT_INVALIDATE, &cmd, sizeof(cmd));
	if (!h || !h->nested || !h->mock)
		return;
	want = count && cmd.entry_len != 8 ? -EINVAL : want_invalidate(h, entry, count, &done);
	expect(t, "HWPT_INVALIDATE", rc, want);
	if (cmd.entry_num != done)
		differ_number(t, "HWPT_INVALIDATE's entries", "entry_num", cmd.entry_num, done,
			      true);
}

/* ---- processes ---- */

static void check_nothing_left(const struct target *t)
{
	struct sio_stats stats;

	sio_stats(t->c.machine, &stats);
	if (stats.pinned_pages || stats.iommufd_objects || stats.mappings || stats.domains ||
	    (t->c.machine->user && t->c.machine->user->locked_pages))
		fail_counts(t, "something is left",
			    "pinned=0 user=0 mappings=0 domains=0 objects=0");
}

/* Everything, from the lowest descriptor up or down. */
static void close_all(struct target *t, bool up)
{
	child_end(t);
	window_unmap(t);
	for (unsigned i = 0; i < FDS; i++) {
		const int fd = (int)(up ? i : FDS - 1 - i);

		if (fd != FILE_FD && !sio_close(t->c.process, fd))
			note(t, fd, 0, "close %%");
	}
	audit(t, true);
	check_nothing_left(t);
	if (!t->vague && (sio_process_vmlck(t->c.process) || sio_process_vmpin(t->c.process)))
		differ(t, "the process stays charged");
}

static void open_again(struct target *t)
{
	struct iommu_option mode = {.op = IOMMU_OPTION_OP_SET, .val64 = 1};

	memset(t->ioas, 0, sizeof(t->ioas));
	memset(t->hwpt, 0, sizeof(t->hwpt));
	memset(t->queue, 0, sizeof(t->queue));
	memset(t->item, 0, sizeof(t->item));
	memset(t->access, 0, sizeof(t->access));
	memset(t->viommu, 0, sizeof(t->viommu));
	memset(t->vdevice, 0, sizeof(t->vdevice));
	memset(t->events, 0, sizeof(t->events));
	for (unsigned i = 0; i < DEVICES; i++) {
		t->device[i].id = t->device[i].hwpt = 0;
		t->device[i].fd = -1;
	}
	t->compat = 0;
	t->window = 0;
	t->pasids = false;
	if (sio_open(t->c.process, "/dev/iommu") != 0)
		differ(t, "/dev/iommu does not open again");
	note(t, 0, 0, "iommufd %%");
	if (t->account == IOPT_ACCOUNT_MM)
		expect(t, "OPTION", command(t, IOMMU_OPTION, &mode, sizeof(mode)), 0);
}

static void do_process(struct target *t)
{
	uint64_t how = take(t, 1);

	switch (how & 7) {
	case 0:
	case 1:
		if (t->child)
			break;
		t->child = sio_process_fork(t->c.process);
		note(t, 0, 0, "spawn child");
		break;
	case 2:
		child_end(t);
		break;
	case 3:
		if (!(how & 0xc0)) {
			t->limited = true;
			sio_process_set_memlock(t->c.process, (how >> 3) * 4 * MODEL_PAGE);
			note(t, 0, 0, "rlimit_memlock %u", (unsigned)((how >> 3) * 4 * MODEL_PAGE));
		}
		break;
	case 4:
		if ((how & 0xc0) == 0xc0) {
			close_all(t, how & 8);
			open_again(t);
		}
		break;
	default:
		break;
	}
}

/* ---- scenes ---- */

static uint32_t scene_hwpt(struct target *t, const struct device *d, struct iommu_hwpt_alloc cmd)
{
	const struct iommu_hwpt_vtd_s1 vtd = {.pgtbl_addr = 0x100000, .addr_width = 48};
	const struct iommu_hwpt_selftest mock = {.iotlb = 7};

	cmd.dev_id = d->id;
	cmd.data_uptr = DATA;
	if (d->real)
		put_data(0, &vtd, sizeof(vtd));
	else
		put_data(0, &mock, sizeof(mock));
	if (command(t, IOMMU_HWPT_ALLOC, &cmd, sizeof(cmd)))
		differ(t, "the scene's HWPT is not made");
	hwpt_made(t, &cmd, d, mock.iotlb);
	return cmd.out_hwpt_id;
}

/* A device on a nested domain with a queue of faults; the mock's on a vIOMMU, where there are any.
 */
static void scene_nested(struct target *t, struct device *d, bool viommu)
{
	const uint32_t pasid = viommu ? IOMMU_HWPT_ALLOC_PASID : 0;
	struct iommu_fault_alloc fault = {0};
	struct iommu_viommu_alloc alloc = {.type = IOMMU_VIOMMU_TYPE_SELFTEST, .dev_id = d->id};
	struct iommu_vdevice_alloc vdevice = {.virt_id = 0x1f, .dev_id = d->id};
	struct iommu_veventq_alloc events = {.type = IOMMU_VEVENTQ_TYPE_SELFTEST,
					     .veventq_depth = 1 + d->id % 3};
	struct iommu_test_cmd replace = {.id = d->stdev};
	struct iommu_hwpt_alloc parent = {.pt_id = t->ioas[0].id,
					  .flags = pasid | IOMMU_HWPT_ALLOC_NEST_PARENT |
						   IOMMU_HWPT_ALLOC_DIRTY_TRACKING};
	struct iommu_hwpt_alloc nested = {.flags = pasid | IOMMU_HWPT_FAULT_ID_VALID};
	uint32_t id;

	nested.pt_id = alloc.hwpt_id = scene_hwpt(t, d, parent);
	command(t, IOMMU_FAULT_QUEUE_ALLOC, &fault, sizeof(fault));
	t->queue[0] = (struct queue){.id = fault.out_fault_id, .fd = (int)fault.out_fault_fd};
	if (viommu) {
		command(t, IOMMU_VIOMMU_ALLOC, &alloc, sizeof(alloc));
		nested.pt_id = vdevice.viommu_id = alloc.out_viommu_id;
		t->viommu[0] = (struct viommu){alloc.out_viommu_id, alloc.hwpt_id};
		command(t, IOMMU_VDEVICE_ALLOC, &vdevice, sizeof(vdevice));
		events.viommu_id = vdevice.viommu_id;
		command(t, IOMMU_VEVENTQ_ALLOC, &events, sizeof(events));
		t->events[0] = (struct events){.id = events.out_veventq_id,
					       .viommu = events.viommu_id,
					       .fd = (int)events.out_veventq_fd,
					       .depth = events.veventq_depth};
		t->vdevice[0] = (struct vdevice){vdevice.out_vdevice_id, vdevice.viommu_id, d->id,
						 vdevice.virt_id};
	}
	nested.fault_id = fault.out_fault_id;
	nested.data_type = d->real ? IOMMU_HWPT_DATA_VTD_S1 : IOMMU_HWPT_DATA_SELFTEST;
	nested.data_len = d->real ? sizeof(struct iommu_hwpt_vtd_s1) : 4;
	id = scene_hwpt(t, d, nested);
	if (d->real) {
		node_attach(t, d, id);
		return;
	}
	replace.mock_domain_replace.pt_id = id;
	check_attach(t, d, id, true, 0, test(t, IOMMU_TEST_OP_MOCK_DOMAIN_REPLACE, &replace), id);
}

/* An access that pins, before or beside a domain. */
static void scene_access(struct target *t)
{
	struct iommu_test_cmd cmd = {.id = t->ioas[0].id, .create_access = {.flags = 1}};

	if (test(t, IOMMU_TEST_OP_CREATE_ACCESS, &cmd))
		differ(t, "the scene's access is not made");
	t->access[cmd.create_access.out_access_fd] = (struct access){t->ioas[0].id, true};
	settle(t, &t->ioas[0]);
}

/* An IOAS without domains, and nearly nothing of it may be used. */
static void scene_narrow(struct target *t, uint8_t how)
{
	const struct iommu_iova_range range = {0 - (MODEL_PAGE << (1 + how % 8)),
					       UINT64_MAX - (how & 8 ? 0 : MODEL_PAGE)};
	struct iommu_ioas_allow_iovas cmd = {.num_iovas = 1, .allowed_iovas = DATA};

	do_ioas(t);
	cmd.ioas_id = t->ioas[1].id;
	put_data(0, &range, sizeof(range));
	expect(t, "IOAS_ALLOW_IOVAS", command(t, IOMMU_IOAS_ALLOW_IOVAS, &cmd, sizeof(cmd)),
	       model_allow(&t->ioas[1], &range, 1));
}

static void scene_compat(struct target *t)
{
	struct iommu_vfio_ioas cmd = {.op = IOMMU_VFIO_IOAS_SET, .ioas_id = t->ioas[0].id};

	t->compat = cmd.ioas_id;
	expect(t, "VFIO_IOAS", command(t, IOMMU_VFIO_IOAS, &cmd, sizeof(cmd)), 0);
}

static void scene_devices(struct target *t, unsigned which)
{
	if (which == 1 || which == 6 || which == 7)
		mock_new(t, which == 1 && t->later ? MOCK_FLAGS_DEVICE_PASID : 0, t->ioas[0].id);
	/* A second one behind the same unit. */
	if (which == 1 && t->later)
		mock_new(t, 0, t->ioas[0].id);
	if (which >= 2 && which < 5)
		node_open(t, &t->device[which == 3 ? 2 : 0]);
	if (which == 3 || which == 4)
		node_attach(t, &t->device[which == 3 ? 2 : 0], t->ioas[0].id);
	if (which == 3)
		node_open(t, &t->device[3]);
	if (which == 7)
		scene_access(t);
}

static void scene_begin(struct target *t, unsigned which, uint8_t how)
{
	struct model_source source = {.byte = MEMORY_AT, .length = 4 * MODEL_PAGE, .flags = 7};
	const struct request request = {.count = 2, .grpid = 511, .perm = 1, .addr = 0x5000};
	static const uint8_t scenes[] = {1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 3, 4, 5, 6, 7, 8};

	which = scenes[which % SIO_ARRAY_SIZE(scenes)];
	if (which == 2 && t->amd)
		which = 3;
	scene_devices(t, which);
	map_source(t, t->ioas[0].id, &source, MOCK_APERTURE_START, false);
	map_source(t, t->ioas[0].id, &source, MOCK_APERTURE_START + source.length, false);
	if (how & 7)
		scene_compat(t);
	if (which == 1)
		scene_nested(t, &t->device[REAL], t->later);
	if (which == 2) {
		scene_nested(t, &t->device[0], false);
		if (!request_pages(t, &t->device[0], &request))
			request_wait(t, &t->device[0], request);
	}
	if (which == 3 || which == 4) {
		do_ioas(t);
		mock_new(t, 0, t->ioas[1].id);
	}
	if (which == 8)
		scene_narrow(t, how);
}

/* ---- sessions ---- */

static const struct kind {
	void (*run)(struct target *t);
	uint8_t weight;
	bool may_fail; /* it is known what a failure in the middle of it means */
} kinds[] = {
	{do_ioas, 2, true},        {do_map, 20, true},     {do_copy, 5, true},
	{do_unmap, 6, false},      {do_allow, 4, true},    {do_reserve, 3, true},
	{do_option, 3, false},     {do_destroy, 6, false}, {do_mock, 6, true},
	{do_node, 10, true},       {do_hwpt, 6, true},     {do_track, 4, false},
	{do_mark, 4, false},       {do_dirty, 8, false},   {do_queue, 3, true},
	{do_request, 6, false},    {do_read, 12, false},   {do_respond, 4, false},
	{do_access, 4, true},      {do_pin, 6, true},      {do_access_replace, 1, true},
	{do_close_file, 2, false}, {do_unpin, 2, false},   {do_rw, 4, false},
	{do_info, 1, false},       {do_compat, 16, false}, {do_invalidate, 3, false},
	{do_viommu, 8, false},     {do_dma, 4, false},     {do_process, 2, false},
};

#define KINDS SIO_ARRAY_SIZE(kinds)

struct weights {
	uint8_t weight[KINDS];
	unsigned sum;
};

/* What is missing from a session lets the rest go further than a fair mixture. */
static void swarm(struct weights *weights, uint64_t seed)
{
	struct prng rng = {seed};

	weights->sum = 0;
	for (unsigned i = 0; i < KINDS; i++) {
		const unsigned chance = (unsigned)prng_below(&rng, 8);

		weights->weight[i] = kinds[i].weight;
		if (seed && chance < 2)
			weights->weight[i] = 0;
		else if (seed && chance > 6)
			weights->weight[i] = (uint8_t)(kinds[i].weight * 4);
		weights->sum += weights->weight[i];
	}
	if (!weights->sum)
		weights->sum = weights->weight[0] = 1;
}

static const struct kind *choose(const struct weights *weights, uint8_t byte)
{
	unsigned left = (unsigned)byte * weights->sum / 256, i = 0;

	while (left >= weights->weight[i])
		left -= weights->weight[i++];
	return &kinds[i];
}

static void inject(struct target *t, uint8_t how)
{
	static const char *const what[] = {"alloc", "pin", "table", "map", "attach", "alloc"};
	char plan[32];

	snprintf(plan, sizeof(plan), "%s:nth=%u", what[how % SIO_ARRAY_SIZE(what)],
		 1 + (how >> 3) % 4u);
	if (sio_inject(t->c.machine, plan, NULL, 0))
		differ(t, "there is no such plan");
	note(t, 0, 0, "inject %s nth=%u", what[how % SIO_ARRAY_SIZE(what)], 1 + (how >> 3) % 4u);
	t->injected = true;
}

static void step(struct target *t, const struct kind *kind, uint8_t trouble)
{
	t->c.operations++;
	fuzz_counts->operations++;
	if (trouble >= 0xf0 && kind->may_fail)
		inject(t, (uint8_t)take(t, 1));
	kind->run(t);
	if (t->injected)
		inject_off(t);
	if (fuzz_bare())
		return;
	check_all(t);
	if (t->c.operations % 16 == 4)
		read_all_too_little(t);
	if (t->compat && t->c.operations % 16 == 8)
		compat_info(t, model_of(t, t->compat), t->c.operations / 16);
	if (t->c.operations % 16 == 0)
		audit(t, false);
}

static void start_memory(struct target *t)
{
	struct sio_process *p = t->c.process;
	/* Shared, so that the child sees the same pages. */
	struct sio_mem mem = {.address = MEMORY_AT,
			      .size = MEMORY_PAGES * MODEL_PAGE,
			      .prot = SIO_PROT_RW,
			      .kind = SIO_MEM_SHARED};
	uint64_t at = 0;

	if (sio_mem_map(p, &mem, &at) ||
	    sio_mem_protect(p, at + MEMORY_RW * MODEL_PAGE, (MEMORY_PAGES - MEMORY_RW) * MODEL_PAGE,
			    SIO_PROT_READ))
		client_fail(&t->c, "the program has no memory");
	for (uint64_t word = at; word < at + MEMORY_RW * MODEL_PAGE; word += MODEL_PAGE)
		sio_mem_write(p, word, &word, sizeof(word));
	mem.address = HUGE_AT;
	mem.size = HUGE_PAGES * MODEL_PAGE;
	mem.contiguity = SIO_RUN_2M;
	if (sio_mem_map(p, &mem, &at))
		client_fail(&t->c, "the program has no large pages");
}

static void start_machine(struct target *t, const uint8_t *head)
{
	static const struct sio_machine_cfg machines[] = {
		{.platform = "vtd57nest", .kernel = "6.12,no_prq_pasid_only", .selftest = true},
		{.platform = "vtd57nest", .kernel = "7.2", .selftest = true},
		{.platform = "amdvi-full", .kernel = "6.12", .selftest = true},
		{.platform = "amdvi-full", .kernel = "7.2", .selftest = true},
	};
	static const struct uaccess ua = {arena_copy_in, guarded_copy_out};
	static const char *const names[] = {"A", "B", "C", "D"};
	static struct kept kept[SIO_ARRAY_SIZE(machines)];
	const char *kernel = fuzz_kernel(), *platform = fuzz_platform();
	unsigned n = head[0] & 1;

	if (kernel)
		n = kernel[0] == '7';
	t->later = n;
	t->amd = platform ? !strncmp(platform, "amd", 3) : (head[0] & 14) == 0;
	n += t->amd ? 2 : 0;
	client_begin(&t->c, &machines[n], &kept[n]);
	t->c.machine->ua = &ua;
	arena_sealed = false;
	for (unsigned i = 0; i < DEVICES; i++)
		t->device[i] = (struct device){.fd = -1, .group = 1000 + (int)i};
	for (unsigned i = 0; i < REAL; i++) {
		t->device[i].real = sio_device_find(t->c.machine, names[i]);
		t->device[i].group = sio_device_group(t->device[i].real);
	}
}

static void begin(struct target *t, const uint8_t *head)
{
	struct iommu_option mode = {.op = IOMMU_OPTION_OP_SET, .val64 = 1};
	struct iommu_ioas_alloc ioas = {0};

	start_machine(t, head);
	start_memory(t);
	if (sio_open(t->c.process, "/dev/iommu") != 0 ||
	    sio_memfd(t->c.process, FILE_PAGES * MODEL_PAGE) != FILE_FD)
		client_fail(&t->c, "the program does not start");
	t->account = head[5] & 1 ? IOPT_ACCOUNT_MM : IOPT_ACCOUNT_USER;
	if (head[5] & 1)
		command(t, IOMMU_OPTION, &mode, sizeof(mode));
	t->charged = head[5] & 6;
	if (t->charged) {
		sio_process_set_caps(t->c.process, SIO_CAP_SYS_RESOURCE);
		note(t, 0, 0, "# caps=sys_resource");
		note(t, 0, 0, "rlimit_memlock inf");
	}
	command(t, IOMMU_IOAS_ALLOC, &ioas, sizeof(ioas));
	t->ioas[0] = (struct model_ioas){.id = ioas.out_ioas_id};
	settle(t, &t->ioas[0]);
	scene_begin(t, head[1], head[7]);
}

/* Nothing differed, and it was asked for. */
static void record(const struct target *t)
{
	FILE *out = finding_record();
	struct finding f;

	if (!out)
		return;
	print_all(t, &f, out, 0);
	finding_end(&f);
	fclose(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct target t;
	struct weights weights;
	unsigned count;

	if (!fuzz_is_session(size, HEAD + RECORD))
		return 0;
	fuzz_counts->inputs++;
	memset(&t, 0, offsetof(struct target, log));
	t.logged = 0;
	swarm(&weights, data[2] | (uint64_t)data[3] << 8 | (uint64_t)data[4] << 16);
	begin(&t, data);
	count = (unsigned)((size - HEAD) / RECORD);
	for (unsigned i = 0; i < count && i < OPERATIONS_MAX; i++) {
		const uint8_t *record = data + HEAD + (size_t)i * RECORD;

		t.c.data = record + 2;
		t.c.size = RECORD - 2;
		step(&t, choose(&weights, record[0]), record[1]);
	}
	audit(&t, true);
	if (data[6] & 3)
		close_all(&t, data[6] & 1);
	child_end(&t);
	record(&t);
	sio_process_exit(t.c.process);
	note(&t, 0, 0, "exit");
	audit(&t, true);
	check_nothing_left(&t);
	client_end(&t.c);
	return 0;
}

/* ---- changing inputs ---- */

static void fill(struct prng *rng, uint8_t *bytes, size_t count)
{
	while (count--)
		*bytes++ = (uint8_t)(prng_next(rng) >> 24);
}

static size_t records(size_t size)
{
	const size_t count = size < HEAD ? 0 : (size - HEAD) / RECORD;

	return count < OPERATIONS_MAX ? count : OPERATIONS_MAX;
}

static uint8_t *record_at(uint8_t *data, size_t n)
{
	return data + HEAD + n * RECORD;
}

static void insert(struct prng *rng, uint8_t *data, size_t count, bool like)
{
	const size_t at = prng_below(rng, count + 1), from = prng_below(rng, count + 1);
	uint8_t copy[RECORD];

	fill(rng, copy, RECORD);
	if (like && from < count)
		memcpy(copy, record_at(data, from), RECORD);
	memmove(record_at(data, at + 1), record_at(data, at), (count - at) * RECORD);
	memcpy(record_at(data, at), copy, RECORD);
}

static void swap(uint8_t *a, uint8_t *b)
{
	uint8_t keep[RECORD];

	memcpy(keep, a, RECORD);
	memcpy(a, b, RECORD);
	memcpy(b, keep, RECORD);
}

/* One change of whole records, or a byte of one; nothing becomes a burst. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	struct prng rng = {seed};
	size_t count = records(size), at;
	const size_t most = records(max_size);
	unsigned how = (unsigned)prng_below(&rng, 40);

	if (!most)
		return size < max_size ? size : max_size;
	/* A session tells little about others: begin again often. */
	if (!count || how < 10 || how >= 30) {
		count = most < BURST ? most : BURST;
		fill(&rng, data, HEAD + count * RECORD);
		return HEAD + count * RECORD;
	}
	at = prng_below(&rng, count);
	if (how < 17 && count < most) {
		insert(&rng, data, count, how < 12);
		count++;
	} else if (how < 19 && count > 1) {
		memmove(record_at(data, at), record_at(data, at + 1), (count - at - 1) * RECORD);
		count--;
	} else if (how < 22) {
		size_t other = prng_below(&rng, count);

		if (other != at)
			swap(record_at(data, at), record_at(data, other));
	} else if (how < 27) {
		fill(&rng, record_at(data, at) + prng_below(&rng, RECORD), 1);
	} else {
		fill(&rng, data + prng_below(&rng, HEAD), 1);
	}
	return HEAD + count * RECORD;
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *data1, size_t size1, const uint8_t *data2,
				 size_t size2, uint8_t *out, size_t max_out_size, unsigned seed)
{
	struct prng rng = {seed};
	const size_t most = records(max_out_size);
	size_t head, tail;

	if (size1 < HEAD || size2 < HEAD || max_out_size < HEAD)
		return 0;
	head = prng_below(&rng, records(size1) + 1);
	tail = prng_below(&rng, records(size2) + 1);
	head = head < most ? head : most;
	tail = tail < most - head ? tail : most - head;
	memcpy(out, data1, HEAD + head * RECORD);
	memcpy(record_at(out, head), data2 + HEAD + (records(size2) - tail) * RECORD,
	       tail * RECORD);
	return HEAD + (head + tail) * RECORD;
}
