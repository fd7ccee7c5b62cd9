// SPDX-License-Identifier: GPL-2.0-only
/*
 * Operations on the objects of one /dev/iommu with mock devices, under 6.12 and 7.2: address
 * spaces, mappings, domains of both stages, dirty bits, faults, accesses, and what hangs on a
 * vIOMMU, made and destroyed in any order, by a program and its child.
 *
 * Bytes name "the n-th object of a kind" and "the n-th area and a bit". Areas, the errors of the
 * commands that change them and the bytes that an access reads are compared with ioas_model.h.
 * When all is closed nothing is pinned, charged or alive.
 */
#include "iommufd_target.h"

#define OPERATIONS_MAX 400u

/* ---- address spaces ---- */

static void do_ioas(struct target *t)
{
	struct iommu_ioas_alloc cmd = {0};
	unsigned i = 0;
	int rc;

	while (i < MODEL_IOAS && t->ioas[i].id)
		i++;
	if (i == MODEL_IOAS)
		return;
	rc = command(t, IOMMU_IOAS_ALLOC, &cmd, sizeof(cmd));
	if (rc)
		fail_pair(t, "IOAS_ALLOC", rc, 0);
	t->ioas[i] = (struct model_ioas){.id = cmd.out_ioas_id};
}

/* What is pinned of it is known beforehand. */
static bool is_sure(const struct model_source *source, bool by_child)
{
	uint64_t end;

	if (__builtin_add_overflow(source->byte, source->length, &end) || by_child)
		return false;
	if (source->file)
		return end <= FILE_PAGES * MODEL_PAGE;
	return source->byte >= MEMORY_AT && end <= MEMORY_AT + MEMORY_RW * MODEL_PAGE;
}

static int run_map(struct target *t, uint32_t id, const struct model_source *source, uint64_t *iova)
{
	struct iommu_ioas_map map = {.ioas_id = id,
				     .flags = source->flags,
				     .user_va = source->byte,
				     .length = source->length,
				     .iova = *iova};
	struct iommu_ioas_map_file file = {.ioas_id = id,
					   .flags = source->flags,
					   .fd = FILE_FD,
					   .start = source->byte,
					   .length = source->length,
					   .iova = *iova};
	int rc = source->file ? command(t, IOMMU_IOAS_MAP_FILE, &file, sizeof(file))
			      : command(t, IOMMU_IOAS_MAP, &map, sizeof(map));

	*iova = source->file ? file.iova : map.iova;
	return rc;
}

static void do_map(struct target *t, bool file)
{
	struct sio_process *parent = t->c.process;
	uint32_t id = any_id(t, IOMMUFD_OBJ_IOAS);
	struct model_ioas *s = model_of(t, id);
	uint64_t how = take(t, 1), iova = any_iova(t, s);
	struct model_source source = {.length = any_length(t, s), .flags = any_flags(t)};
	bool by_child = t->child && how & 128;
	struct model_area area;
	int want, rc;

	source.later = iommufd_is_7_2(context(t));
	source.file = file && source.later;
	source.byte = (source.file ? 0 : MEMORY_AT) + how % MEMORY_PAGES * MODEL_PAGE;
	if (how & 64)
		source.byte += take(t, 1) * 16;
	source.unsure = !is_sure(&source, by_child);
	if (s && s->areas >= MODEL_FULL)
		return;
	look(t, s);
	want = model_map(s, &source, iova, &area);
	if (by_child)
		t->c.process = t->child;
	rc = run_map(t, id, &source, &iova);
	t->c.process = parent;
	if (rc != want && (want || !may_not_pin(t, s, area.unsure, rc)))
		fail_pair(t, "IOAS_MAP", rc, want);
	if (rc)
		return;
	if (iova != area.first)
		fail_iova(t, "IOAS_MAP", iova, area.first);
	s->area[s->areas++] = area;
}

static void do_copy(struct target *t)
{
	struct iommu_ioas_copy cmd = {.flags = any_flags(t),
				      .dst_ioas_id = any_id(t, IOMMUFD_OBJ_IOAS),
				      .src_ioas_id = any_id(t, IOMMUFD_OBJ_IOAS)};
	struct model_ioas *dst = model_of(t, cmd.dst_ioas_id);
	struct model_ioas *src = model_of(t, cmd.src_ioas_id);
	struct model_pieces to;
	bool unsure = false;
	int want, rc;

	cmd.src_iova = any_iova(t, src);
	cmd.length = any_length(t, src);
	cmd.dst_iova = any_iova(t, dst);
	if ((dst && dst->areas >= MODEL_FULL) || (src && src->areas >= MODEL_FULL))
		return;
	look(t, dst);
	want = model_copy(dst, src, &cmd, &to);
	for (unsigned i = 0; i < to.count; i++)
		unsure |= to.area[i].unsure;
	rc = command(t, IOMMU_IOAS_COPY, &cmd, sizeof(cmd));
	if (rc != want && (want || !may_not_pin(t, dst, unsure, rc)))
		fail_pair(t, "IOAS_COPY", rc, want);
	if (rc)
		return;
	if (cmd.dst_iova != to.area[0].first)
		fail_iova(t, "IOAS_COPY", cmd.dst_iova, to.area[0].first);
	memcpy(&dst->area[dst->areas], to.area, to.count * sizeof(to.area[0]));
	dst->areas += to.count;
}

static void do_unmap(struct target *t)
{
	struct iommu_ioas_unmap cmd = {.ioas_id = any_id(t, IOMMUFD_OBJ_IOAS)};
	struct model_ioas *s = model_of(t, cmd.ioas_id), old;
	uint64_t bytes;
	int want, rc;

	cmd.iova = any_iova(t, s);
	cmd.length = any_length(t, s);
	if (s)
		old = *s;
	want = model_unmap(s, cmd.iova, cmd.length, &bytes);
	rc = command(t, IOMMU_IOAS_UNMAP, &cmd, sizeof(cmd));
	if (rc == -EBUSY && s && count_of(t, IOMMUFD_OBJ_HW_QUEUE)) {
		model_keep(t, s, &old);
		return;
	}
	if (rc != want)
		fail_pair(t, "IOAS_UNMAP", rc, want);
	if (!rc && cmd.length != bytes)
		client_fail(&t->c, "IOAS_UNMAP counts other bytes");
}

static void do_allow(struct target *t)
{
	struct iommu_iova_range range[4];
	struct iommu_ioas_allow_iovas cmd = {.ioas_id = any_id(t, IOMMUFD_OBJ_IOAS),
					     .num_iovas = (uint32_t)take(t, 1) % 5,
					     .allowed_iovas = DATA};
	struct model_ioas *s = model_of(t, cmd.ioas_id);
	int want, rc;

	for (unsigned i = 0; i < cmd.num_iovas; i++) {
		range[i].start = any_iova(t, s);
		range[i].last = range[i].start + any_length(t, s) - 1;
	}
	look(t, s);
	want = model_allow(s, range, cmd.num_iovas);
	put_data(0, range, cmd.num_iovas * sizeof(range[0]));
	rc = command(t, IOMMU_IOAS_ALLOW_IOVAS, &cmd, sizeof(cmd));
	if (rc != want)
		fail_pair(t, "IOAS_ALLOW_IOVAS", rc, want);
}

static void do_option(struct target *t)
{
	uint64_t how = take(t, 1);
	struct iommu_option cmd = {.option_id = how & 1,
				   .op = how >> 1 & 1,
				   .val64 = how >> 2 & 3,
				   .object_id = how & 1 ? any_id(t, IOMMUFD_OBJ_IOAS) : 0};
	struct iommu_ioas_change_process change = {0};
	struct iommu_vfio_ioas vfio = {.op = how >> 4 & 3};
	struct iommu_test_cmd limit = {.memory_limit = {.limit = 12 + (uint32_t)(how >> 4) * 64}};
	struct iommu_test_cmd reserve = {0};

	switch (how >> 6) {
	case 0:
		command(t, IOMMU_IOAS_CHANGE_PROCESS, &change, sizeof(change));
		break;
	case 1:
		vfio.ioas_id = any_id(t, IOMMUFD_OBJ_IOAS);
		command(t, IOMMU_VFIO_IOAS, &vfio, sizeof(vfio));
		break;
	case 2:
		reserve.id = any_id(t, IOMMUFD_OBJ_IOAS);
		reserve.add_reserved.start = any_iova(t, model_of(t, reserve.id));
		reserve.add_reserved.length = 1 + take(t, 1) * 256;
		test(t, how & 1 ? IOMMU_TEST_OP_ADD_RESERVED : IOMMU_TEST_OP_SET_TEMP_MEMORY_LIMIT,
		     how & 1 ? &reserve : &limit);
		break;
	default:
		command(t, IOMMU_OPTION, &cmd, sizeof(cmd));
	}
}

static void do_destroy(struct target *t)
{
	struct iommu_destroy cmd = {.id = any_id(t, IOMMUFD_OBJ_NONE)};
	struct model_ioas *s = model_of(t, cmd.id);

	if (command(t, IOMMU_DESTROY, &cmd, sizeof(cmd)) == 0 && s)
		s->id = 0;
}

/* ---- devices and domains ---- */

static uint32_t any_pt(struct target *t)
{
	static const enum iommufd_object_type types[] = {
		IOMMUFD_OBJ_IOAS,
		IOMMUFD_OBJ_HWPT_PAGING,
		IOMMUFD_OBJ_HWPT_NESTED,
		IOMMUFD_OBJ_VIOMMU,
	};

	return any_id(t, types[take(t, 1) % SIO_ARRAY_SIZE(types)]);
}

static void do_device(struct target *t)
{
	uint64_t how = take(t, 1);
	struct iommu_test_cmd cmd = {0};

	if (count_of(t, IOMMUFD_OBJ_SELFTEST) < 6 && how & 1) {
		cmd.id = any_pt(t);
		cmd.mock_domain_flags.dev_flags = how >> 2 & 7;
		test(t, how & 2 ? IOMMU_TEST_OP_MOCK_DOMAIN_FLAGS : IOMMU_TEST_OP_MOCK_DOMAIN,
		     &cmd);
		return;
	}
	cmd.id = any_id(t, IOMMUFD_OBJ_SELFTEST);
	if (how & 2) {
		cmd.mock_domain_replace.pt_id = any_pt(t);
		test(t, IOMMU_TEST_OP_MOCK_DOMAIN_REPLACE, &cmd);
		return;
	}
	cmd.pasid_attach.pasid = how & 4 ? IOMMU_TEST_PASID_RESERVED : (uint32_t)take(t, 1) % 4;
	cmd.pasid_attach.pt_id = any_pt(t);
	test(t, IOMMU_TEST_OP_PASID_ATTACH + (uint32_t)(how >> 3) % 4, &cmd);
}

/* Of the first stage on an IOAS, or nested on a parent or a vIOMMU. */
static void do_hwpt(struct target *t)
{
	uint64_t how = take(t, 1);
	struct iommu_hwpt_selftest data = {.iotlb = (uint32_t)how, .pagetable_type = how >> 5 & 1};
	struct iommu_hwpt_alloc cmd = {.flags = how & 15,
				       .dev_id = any_id(t, IOMMUFD_OBJ_DEVICE),
				       .pt_id = any_pt(t),
				       .data_uptr = DATA};

	if (how & 16) {
		cmd.flags &= IOMMU_HWPT_FAULT_ID_VALID;
		cmd.data_type = IOMMU_HWPT_DATA_SELFTEST;
		cmd.data_len = how & 64 ? 8 : 4;
	}
	if (cmd.flags & IOMMU_HWPT_FAULT_ID_VALID)
		cmd.fault_id = any_id(t, IOMMUFD_OBJ_FAULT);
	put_data(0, &data, sizeof(data));
	command(t, IOMMU_HWPT_ALLOC, &cmd, sizeof(cmd));
}

static void do_info(struct target *t)
{
	uint64_t how = take(t, 1);
	struct model_ioas *s = &t->ioas[how >> 6 & 1];
	struct iommu_hw_info info = {.flags = how >> 1 & 1,
				     .dev_id = any_id(t, IOMMUFD_OBJ_DEVICE),
				     .data_len = (uint32_t)(how >> 2) % 16,
				     .data_uptr = DATA};
	struct iommu_test_cmd check = {.id = any_id(t, IOMMUFD_OBJ_HWPT_PAGING)};

	if (how & 1) {
		command(t, IOMMU_GET_HW_INFO, &info, sizeof(info));
		return;
	}
	check.check_map.iova = any_iova(t, s);
	check.check_map.length = 2048 * (how >> 1 & 15);
	check.check_map.uptr = MEMORY_AT + take(t, 1) * 2048;
	test(t, IOMMU_TEST_OP_MD_CHECK_MAP, &check);
}

static void do_dirty(struct target *t)
{
	uint64_t how = take(t, 1);
	uint32_t id = any_id(t, IOMMUFD_OBJ_HWPT_PAGING);
	struct model_ioas *s = &t->ioas[how >> 4 & 1];
	struct iommu_hwpt_set_dirty_tracking set = {.hwpt_id = id, .flags = how >> 2 & 3};
	struct iommu_hwpt_get_dirty_bitmap get = {.hwpt_id = id,
						  .flags = how >> 2 & 1,
						  .page_size = 2048u << (how >> 3 & 3),
						  .data = DATA};
	struct iommu_test_cmd mark = {.id = id};

	if (how & 1) {
		command(t, IOMMU_HWPT_SET_DIRTY_TRACKING, &set, sizeof(set));
		return;
	}
	get.iova = mark.dirty.iova = any_iova(t, s);
	get.length = mark.dirty.length = any_length(t, s);
	mark.dirty.page_size = get.page_size;
	mark.dirty.uptr = DATA;
	if (how & 2) {
		command(t, IOMMU_HWPT_GET_DIRTY_BITMAP, &get, sizeof(get));
		return;
	}
	memset(arena + (DATA - ARENA_FIRST), (int)how, 256);
	test(t, IOMMU_TEST_OP_DIRTY, &mark);
	if (how & 64)
		command(t, IOMMU_HWPT_GET_DIRTY_BITMAP, &get, sizeof(get));
}

static void do_invalidate(struct target *t)
{
	uint64_t how = take(t, 1);
	uint32_t entry[8];
	struct iommu_hwpt_invalidate cmd = {
		.hwpt_id = any_id(t, how & 1 ? IOMMUFD_OBJ_VIOMMU : IOMMUFD_OBJ_HWPT_NESTED),
		.data_uptr = DATA,
		.data_type = IOMMU_HWPT_INVALIDATE_DATA_SELFTEST,
		.entry_len = (uint32_t)(how >> 1) % 16,
		.entry_num = (uint32_t)(how >> 5),
	};

	for (unsigned i = 0; i < SIO_ARRAY_SIZE(entry); i++)
		entry[i] = (uint32_t)take(t, 1) % 5;
	put_data(0, entry, sizeof(entry));
	command(t, IOMMU_HWPT_INVALIDATE, &cmd, sizeof(cmd));
}

/* ---- files: faults, events, accesses ---- */

static void do_faults(struct target *t)
{
	uint64_t how = take(t, 1);
	int fd = (int)(2 + take(t, 1) % (FDS - 2));
	struct iommu_fault_alloc alloc = {0};
	struct iommu_test_cmd fault = {.trigger_iopf = {.dev_id = any_id(t, IOMMUFD_OBJ_DEVICE),
							.grpid = (uint32_t)(how >> 4),
							.perm = (uint32_t)(how >> 5),
							.addr = take(t, 1) << 12}};
	struct iommu_hwpt_page_response response = {.cookie = (uint32_t)(how >> 3) % 8,
						    .code = (uint32_t)(how >> 6 & 1)};

	switch (how & 7) {
	case 0:
		command(t, IOMMU_FAULT_QUEUE_ALLOC, &alloc, sizeof(alloc));
		break;
	case 1:
	case 2:
		test(t, IOMMU_TEST_OP_TRIGGER_IOPF, &fault);
		break;
	case 3:
	case 4:
		sio_pread(t->c.process, fd, client_address(DATA), 40 * (how >> 3 & 7), 0);
		break;
	case 5:
		sio_poll(t->c.process, fd);
		break;
	default:
		put_data(0, &response, sizeof(response));
		sio_pwrite(t->c.process, fd, client_address(DATA), sizeof(response), 0);
	}
}

static void do_access(struct target *t)
{
	uint64_t how = take(t, 1);
	unsigned fd = (unsigned)(2 + take(t, 1) % (FDS - 2));
	struct iommu_test_cmd cmd = {.id = any_id(t, IOMMUFD_OBJ_IOAS)};
	uint32_t ioas = cmd.id;

	if (how & 1) {
		cmd.create_access.flags = how >> 1 & 1;
		if (test(t, IOMMU_TEST_OP_CREATE_ACCESS, &cmd) == 0 &&
		    cmd.create_access.out_access_fd < FDS)
			t->access[cmd.create_access.out_access_fd] = ioas;
	} else if (how & 2) {
		cmd.id = fd;
		cmd.access_replace_ioas.ioas_id = ioas;
		/* An access of a /dev/iommu closed before finds its own. */
		if (test(t, IOMMU_TEST_OP_ACCESS_REPLACE_IOAS, &cmd) == 0 && t->access[fd])
			t->access[fd] = ioas;
	} else {
		sio_close(t->c.process, (int)fd);
		t->access[fd] = 0;
	}
}

/* An access, if there is one. */
static unsigned any_access(struct target *t)
{
	unsigned n = (unsigned)take(t, 1) % FDS;

	for (unsigned i = 0; i < FDS; i++)
		if (t->access[(n + i) % FDS])
			return (n + i) % FDS;
	return n;
}

static void do_pages(struct target *t)
{
	uint64_t how = take(t, 1);
	unsigned fd = any_access(t);
	struct model_ioas *s = model_of(t, t->access[fd]);
	struct iommu_test_cmd cmd = {.id = fd};

	if (how & 1) {
		cmd.destroy_access_pages.access_pages_id = (uint32_t)(how >> 1) % 8;
		test(t, IOMMU_TEST_OP_DESTROY_ACCESS_PAGES, &cmd);
		return;
	}
	cmd.access_pages.flags = how >> 1 & 1;
	cmd.access_pages.iova = any_iova(t, s);
	cmd.access_pages.length = any_length(t, s);
	test(t, IOMMU_TEST_OP_ACCESS_PAGES, &cmd);
}

/* Every byte that was read is the one behind its area. */
static void check_read(struct target *t, struct model_ioas *s, uint64_t iova, uint64_t length)
{
	for (uint64_t done = 0; done < length;) {
		const struct model_area *a = model_area_in(s, iova + done, iova + done);
		uint64_t at = a->byte + (iova + done - a->first), n = a->last - (iova + done) + 1;
		uint8_t bytes[MODEL_PAGE];

		n = n > length - done ? length - done : n;
		n = n > sizeof(bytes) ? sizeof(bytes) : n;
		if (a->file ? sio_pread(t->c.process, FILE_FD, client_address(DATA + 0x8000), n,
					at) != (ssize_t)n ||
				      arena_copy_in(NULL, bytes, DATA + 0x8000, n)
			    : sio_mem_read(t->c.process, at, bytes, n))
			client_fail(&t->c, "the program cannot read its own memory");
		if (memcmp(bytes, arena + (DATA - ARENA_FIRST) + done, n))
			client_fail(&t->c, "an access reads other bytes");
		done += n;
	}
}

static void do_rw(struct target *t)
{
	uint64_t how = take(t, 1);
	unsigned fd = any_access(t);
	struct model_ioas *s = model_of(t, t->access[fd]);
	uint64_t iova = any_iova(t, s), length = how & 2 ? take(t, 1) : any_length(t, s), last;
	struct iommu_test_cmd cmd = {.id = fd,
				     .access_rw = {.iova = iova,
						   .length = length,
						   .uptr = DATA,
						   .flags = (how & 1) | (how & 4)}};
	/* Not compared: more than the arena has room for, accesses of a /dev/iommu closed before.
	 */
	bool known = s && length < 0x8000, sure = known;
	bool good = known && length && !__builtin_add_overflow(iova, length - 1, &last) &&
		    model_covered(s, iova, last);
	int rc;

	for (unsigned i = 0; good && i < s->areas; i++) {
		const struct model_area *a = &s->area[i];

		if (a->first > last || iova > a->last)
			continue;
		sure = sure && !a->unsure && !t->limited;
		good = a->prot & (how & 1 ? IOMMU_IOAS_MAP_WRITEABLE : IOMMU_IOAS_MAP_READABLE);
	}
	memset(arena + (DATA - ARENA_FIRST), (int)how, 64);
	rc = test(t, IOMMU_TEST_OP_ACCESS_RW, &cmd);
	if (good ? rc && sure : known && !rc)
		fail_pair(t, "ACCESS_RW", rc, good ? 0 : -ENOENT);
	if (good && sure && !(how & 1))
		check_read(t, s, iova, length);
}

/* ---- what hangs on a vIOMMU ---- */

static void do_viommu(struct target *t)
{
	uint64_t how = take(t, 1), got;
	uint32_t in[6] = {(uint32_t)how};
	struct iommu_viommu_alloc viommu = {.type = IOMMU_VIOMMU_TYPE_SELFTEST,
					    .dev_id = any_id(t, IOMMUFD_OBJ_DEVICE),
					    .data_uptr = DATA,
					    .data_len = how & 16   ? 24
							: how & 32 ? 8
								   : 0};
	struct iommu_vdevice_alloc vdevice = {.viommu_id = any_id(t, IOMMUFD_OBJ_VIOMMU),
					      .dev_id = viommu.dev_id,
					      .virt_id = how >> 4};
	struct iommu_veventq_alloc events = {.viommu_id = vdevice.viommu_id,
					     .type = IOMMU_VEVENTQ_TYPE_SELFTEST,
					     .veventq_depth = (uint32_t)(how >> 4) % 4};
	struct iommu_hw_queue_alloc queue = {.viommu_id = vdevice.viommu_id,
					     .type = IOMMU_HW_QUEUE_TYPE_SELFTEST,
					     .index = count_of(t, IOMMUFD_OBJ_HW_QUEUE)};
	struct iommu_test_cmd trigger = {.trigger_vevent = {.dev_id = viommu.dev_id}};

	switch (how & 7) {
	case 0:
	case 1:
		viommu.hwpt_id = any_id(t, IOMMUFD_OBJ_HWPT_PAGING);
		put_data(0, in, sizeof(in));
		command(t, IOMMU_VIOMMU_ALLOC, &viommu, sizeof(viommu));
		break;
	case 2:
		command(t, IOMMU_VDEVICE_ALLOC, &vdevice, sizeof(vdevice));
		break;
	case 3:
		command(t, IOMMU_VEVENTQ_ALLOC, &events, sizeof(events));
		break;
	case 4:
		queue.nesting_parent_iova = any_iova(t, &t->ioas[0]);
		queue.length = how & 0x80 ? any_length(t, &t->ioas[0]) : MODEL_PAGE;
		command(t, IOMMU_HW_QUEUE_ALLOC, &queue, sizeof(queue));
		break;
	case 5:
		test(t, IOMMU_TEST_OP_TRIGGER_VEVENT, &trigger);
		break;
	case 6:
		sio_mem_map_fd(t->c.process, 0, (1 + (how >> 3) % 8) << 12,
			       how & 0x80 ? 4096 : 8192, 0, &got);
		break;
	default:
		sio_pread(t->c.process, (int)(how >> 3) % (int)FDS, client_address(DATA), 48, 0);
	}
}

/* ---- processes ---- */

static void child_end(struct target *t)
{
	if (t->child)
		sio_process_exit(t->child);
	t->child = NULL;
}

/* The descriptor goes first; accesses and event files keep its objects. */
static void do_close(struct target *t)
{
	child_end(t);
	sio_close(t->c.process, 0);
	model_forget(t);
	if (sio_open(t->c.process, "/dev/iommu") != 0)
		client_fail(&t->c, "/dev/iommu does not open again");
}

static void do_process(struct target *t)
{
	uint64_t how = take(t, 1);

	switch (how & 7) {
	case 0:
	case 1:
		if (!t->child)
			t->child = sio_process_fork(t->c.process);
		break;
	case 2:
		child_end(t);
		break;
	case 3:
		t->limited = true;
		sio_process_set_caps(t->c.process, (unsigned)(how >> 3) & SIO_CAP_ALL);
		sio_process_set_memlock(t->c.process, (how >> 3) * MODEL_PAGE);
		break;
	case 4:
		if (how & 0x80)
			do_close(t);
		break;
	default:
		break;
	}
}

/* In the middle of things: a device on a nested domain of a vIOMMU, queues of events and
 * faults. */
static void begin_nested(struct target *t)
{
	struct iommu_test_cmd mock = {.id = t->ioas[0].id}, replace = {0};
	struct model_source source = {.byte = MEMORY_AT, .length = 4 * MODEL_PAGE, .flags = 7};
	struct iommu_hwpt_alloc hwpt = {.pt_id = t->ioas[0].id,
					.flags = IOMMU_HWPT_ALLOC_NEST_PARENT |
						 IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
					.data_uptr = DATA};
	struct iommu_viommu_alloc viommu = {.type = IOMMU_VIOMMU_TYPE_SELFTEST,
					    .data_uptr = DATA,
					    .data_len = sizeof(struct iommu_viommu_selftest)};
	struct iommu_fault_alloc fault = {0};
	struct iommu_vdevice_alloc vdevice = {.virt_id = 0x1f};
	struct iommu_veventq_alloc events = {.type = IOMMU_VEVENTQ_TYPE_SELFTEST,
					     .veventq_depth = 2};
	struct iommu_hwpt_set_dirty_tracking dirty = {.flags = IOMMU_HWPT_DIRTY_TRACKING_ENABLE};
	/* 6.12 knows no PASIDs. */
	const uint32_t pasid = iommufd_is_7_2(context(t)) ? IOMMU_HWPT_ALLOC_PASID : 0;
	uint64_t iova = MOCK_APERTURE_START;

	mock.mock_domain_flags.dev_flags = pasid ? MOCK_FLAGS_DEVICE_PASID : 0;
	hwpt.flags |= pasid;
	test(t, IOMMU_TEST_OP_MOCK_DOMAIN_FLAGS, &mock);
	look(t, &t->ioas[0]);
	if (model_map(&t->ioas[0], &source, iova, &t->ioas[0].area[0]) ||
	    run_map(t, t->ioas[0].id, &source, &iova))
		client_fail(&t->c, "the first page is not mapped");
	t->ioas[0].areas = 1;
	hwpt.dev_id = viommu.dev_id = vdevice.dev_id = mock.mock_domain.out_idev_id;
	command(t, IOMMU_HWPT_ALLOC, &hwpt, sizeof(hwpt));
	viommu.hwpt_id = dirty.hwpt_id = hwpt.out_hwpt_id;
	command(t, IOMMU_HWPT_SET_DIRTY_TRACKING, &dirty, sizeof(dirty));
	command(t, IOMMU_VIOMMU_ALLOC, &viommu, sizeof(viommu));
	vdevice.viommu_id = events.viommu_id = viommu.out_viommu_id;
	command(t, IOMMU_VDEVICE_ALLOC, &vdevice, sizeof(vdevice));
	command(t, IOMMU_VEVENTQ_ALLOC, &events, sizeof(events));
	command(t, IOMMU_FAULT_QUEUE_ALLOC, &fault, sizeof(fault));
	/* 6.12 has no vIOMMU: on the parent. */
	hwpt.pt_id = viommu.out_viommu_id ? viommu.out_viommu_id : hwpt.out_hwpt_id;
	hwpt.flags = IOMMU_HWPT_FAULT_ID_VALID | pasid;
	hwpt.fault_id = fault.out_fault_id;
	hwpt.data_type = IOMMU_HWPT_DATA_SELFTEST;
	hwpt.data_len = sizeof(uint32_t);
	command(t, IOMMU_HWPT_ALLOC, &hwpt, sizeof(hwpt));
	replace.id = mock.mock_domain.out_stdev_id;
	replace.mock_domain_replace.pt_id = hwpt.out_hwpt_id;
	test(t, IOMMU_TEST_OP_MOCK_DOMAIN_REPLACE, &replace);
}

static void begin(struct target *t)
{
	static const struct sio_machine_cfg machines[] = {
		{.platform = "mock", .kernel = "6.12"},
		{.platform = "mock", .kernel = "7.2"},
	};
	static struct sio_machine *kept[SIO_ARRAY_SIZE(machines)];
	uint64_t how = take(t, 1);
	unsigned n = how % 4 ? 1 : 0;
	uint64_t at = MEMORY_AT, word;
	struct sio_process *p;

	client_begin(&t->c, &machines[n], &kept[n]);
	p = t->c.process;
	/* Shared, so that the child sees the same pages. */
	if (sio_mem_map(p,
			&(struct sio_mem){.address = at,
					  .size = MEMORY_PAGES * MODEL_PAGE,
					  .prot = SIO_PROT_RW,
					  .kind = SIO_MEM_SHARED},
			&at) ||
	    sio_mem_protect(p, at + MEMORY_RW * MODEL_PAGE, (MEMORY_PAGES - MEMORY_RW) * MODEL_PAGE,
			    SIO_PROT_READ) ||
	    sio_open(p, "/dev/iommu") != 0 || sio_memfd(p, FILE_PAGES * MODEL_PAGE) != FILE_FD)
		client_fail(&t->c, "the program does not start");
	for (word = at; word < at + MEMORY_RW * MODEL_PAGE; word += 1024)
		sio_mem_write(p, word, &word, sizeof(word));
	do_ioas(t);
	if (how & 4)
		begin_nested(t);
}

static void step(struct target *t)
{
	static void (*const others[])(struct target *) = {
		do_ioas, do_unmap,      do_copy,   do_allow,  do_option, do_destroy, do_device,
		do_hwpt, do_dirty,      do_faults, do_access, do_pages,  do_rw,      do_info,
		do_rw,   do_invalidate, do_viommu, do_viommu, do_hwpt,   do_process, do_device,
	};
	uint64_t op = take(t, 1);

	t->c.operations++;
	fuzz_counts->operations++;
	if (op % 32 < SIO_ARRAY_SIZE(others))
		others[op % 32](t);
	else
		do_map(t, op % 32 > 28);
	for (unsigned i = 0; i < MODEL_IOAS; i++)
		if (t->ioas[i].id)
			compare(t, &t->ioas[i]);
	if (t->c.operations % 16 == 0)
		client_audit(&t->c, false);
}

/* All processes are gone. */
static void check_nothing_left(const struct target *t)
{
	struct sio_stats stats;

	sio_stats(t->c.machine, &stats);
	if (stats.pinned_pages)
		client_fail(&t->c, "pages stay pinned");
	if (stats.iommufd_objects || stats.mappings || stats.domains)
		client_fail(&t->c, "objects stay alive");
	if (t->c.machine->user && t->c.machine->user->locked_pages)
		client_fail(&t->c, "the user stays charged");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct target t = {.c = {.data = data, .size = size}};

	if (size < 2 || size > 65536)
		return 0;
	fuzz_counts->inputs++;
	begin(&t);
	while (t.c.operations < OPERATIONS_MAX && t.c.size)
		step(&t);
	client_audit(&t.c, true);
	child_end(&t);
	sio_process_exit(t.c.process);
	client_audit(&t.c, true);
	check_nothing_left(&t);
	return 0;
}
