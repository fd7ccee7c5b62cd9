// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random lives of all objects of an iommufd, against a model that knows only who refers to whom.
 *
 * The model is a list of objects with what each refers to, and what each device is attached to. An
 * operation that the iommufd carries out is carried out in the model; one that it refuses changes
 * nothing there. After each, the iommufd must have exactly the model's objects, each with one user
 * plus the references that the model counts; ids are the lowest that the model has free; and the
 * driver's devices are where the model's are. In a third of the operations some step fails.
 *
 * At the end files are closed, devices unbound and accesses destroyed in random order, the
 * descriptor's own file among them: the context goes with the last of them and not before.
 */
#include "iommufd_fake.h"
#include "prng.h"

#define OBJECTS    64u
#define REFS       2u
#define PASIDS     3u /* 0 is the device itself */
#define OPERATIONS 800u
#define NONE       (-1)

struct object {
	enum iommufd_object_type type; /* NONE: the place is free */
	uint32_t id;
	int refs[REFS];  /* places, NONE: unused */
	unsigned extra;  /* users that are no objects: drivers, open files, pieces of maps */
	bool dead;       /* only the id is left */
	bool automatic;  /* HWPT */
	bool hidden;     /* an access of a hardware queue */
	int fd;          /* an open file, NONE: none */
	int second;      /* a hardware queue's access, NONE: no such thing */
	uint64_t offset; /* vIOMMU: its window, 0: none */
	unsigned pieces;
	unsigned device; /* DEVICE: which; vDEVICE: of which */
	struct iommufd_access *access;
};

static struct fk fk;
static struct iommufd_ctx *ctx;
static struct file *ctx_file;
static int ctx_fd;
static struct prng rng;
static uint64_t seed;
static struct object object[OBJECTS];
static struct iommufd_device *idev[FK_DEVICES]; /* NULL: not bound */
static int on[FK_DEVICES][PASIDS];              /* the HWPT's place */
static unsigned failed, done;

static uint64_t below(uint64_t bound)
{
	return prng_below(&rng, bound);
}

/* ---- the model ---- */

static bool same_group(unsigned a, unsigned b)
{
	return a == b || (a < 3 && b < 3);
}

static bool is_hwpt(const struct object *obj)
{
	return obj->type == IOMMUFD_OBJ_HWPT_PAGING || obj->type == IOMMUFD_OBJ_HWPT_NESTED;
}

static int place_of(enum iommufd_object_type type, uint32_t id)
{
	for (int i = 0; i < (int)OBJECTS; i++)
		if (object[i].type && object[i].id == id && !object[i].dead &&
		    (type == IOMMUFD_OBJ_NONE || object[i].type == type))
			return i;
	return NONE;
}

/* Any live object of the type, NONE: there is none. */
static int any(enum iommufd_object_type type)
{
	const int start = (int)below(OBJECTS);

	for (int i = 0; i < (int)OBJECTS; i++) {
		const int at = (start + i) % (int)OBJECTS;

		if (object[at].type == type && !object[at].dead && !object[at].hidden)
			return at;
	}
	return NONE;
}

/* An id of such an object, sometimes of none or of another type. */
static uint32_t any_id(enum iommufd_object_type type)
{
	const int at = any(type);

	return at == NONE || !below(12) ? 1 + (uint32_t)below(40) : object[at].id;
}

static unsigned users_of(int place)
{
	unsigned users = 1 + object[place].extra + object[place].pieces;

	for (unsigned i = 0; i < OBJECTS; i++)
		for (unsigned r = 0; object[i].type && !object[i].dead && r < REFS; r++)
			users += object[i].refs[r] == place;
	for (unsigned d = 0; d < FK_DEVICES; d++) {
		for (unsigned p = 0; p < PASIDS; p++) {
			users += on[d][p] == place;
			users += object[place].type == IOMMUFD_OBJ_DEVICE &&
				 object[place].device == d && on[d][p] != NONE;
		}
	}
	return users;
}

static uint32_t lowest_id(void)
{
	for (uint32_t id = 1;; id++) {
		bool taken = false;

		for (unsigned i = 0; i < OBJECTS; i++)
			taken |= object[i].type && object[i].id == id;
		if (!taken)
			return id;
	}
}

/* A new object; its id must be the lowest. */
static struct object *born(enum iommufd_object_type type, long id, int ref)
{
	int at = 0;

	ck_assert_msg(id == (long)lowest_id(), "seed %#llx: id %ld and not %u",
		      (unsigned long long)seed, id, lowest_id());
	while (object[at].type)
		ck_assert_int_lt(++at, (int)OBJECTS);
	object[at] = (struct object){
		.type = type, .id = (uint32_t)id, .refs = {ref, NONE}, .fd = NONE, .second = NONE};
	return &object[at];
}

static void gone(int place)
{
	object[place].type = IOMMUFD_OBJ_NONE;
}

static bool full(void)
{
	unsigned count = 0;

	for (unsigned i = 0; i < OBJECTS; i++)
		count += object[i].type != IOMMUFD_OBJ_NONE;
	return count + 4 > OBJECTS;
}

/* Automatic HWPTs go with their last attachment. */
static void reap(void)
{
	for (int i = 0; i < (int)OBJECTS; i++)
		if (is_hwpt(&object[i]) && object[i].automatic && users_of(i) == 1)
			gone(i);
}

/* ---- comparison ---- */

static void compare_objects(void)
{
	unsigned live = 0, seen = 0;
	uint32_t position = 0;

	for (int i = 0; i < (int)OBJECTS; i++) {
		const struct object *obj = &object[i];
		const struct iommufd_object *real;

		if (!obj->type || obj->dead)
			continue;
		live++;
		real = iommufd_object_find(ctx, obj->id, obj->type);
		ck_assert_msg(real != NULL, "seed %#llx, %u: object %u is missing",
			      (unsigned long long)seed, done, obj->id);
		ck_assert_msg(real->users == users_of(i),
			      "seed %#llx, %u: object %u of type %u has %u users and not %u",
			      (unsigned long long)seed, done, obj->id, (unsigned)obj->type,
			      real->users, users_of(i));
	}
	while (iommufd_object_at(ctx, &position))
		seen++;
	ck_assert_uint_eq(seen, live);
}

/* What the group of a device is on by this PASID. */
static int group_on(unsigned n, unsigned pasid)
{
	for (unsigned d = 0; d < FK_DEVICES; d++)
		if (same_group(n, d) && on[d][pasid] != NONE)
			return on[d][pasid];
	return NONE;
}

static void compare_device(unsigned n)
{
	const struct iommu_group *group = fk.device[n].dev->group;
	bool owned = false, faults = false;

	for (unsigned d = 0; d < FK_DEVICES; d++)
		owned |= same_group(n, d) && idev[d];
	for (unsigned p = 0; p < PASIDS; p++) {
		const int place = group_on(n, p);
		const struct fk_domain *want = NULL;

		if (place != NONE) {
			want = fk_domain_of(ctx, object[place].id);
			faults |= object[place].refs[1] != NONE;
		} else if (p == 0) {
			want = fk_domain(owned ? group->blocking_domain : group->default_domain);
		}
		ck_assert_msg((p ? fk.device[n].pasid[p] : fk.device[n].domain) == want,
			      "seed %#llx, %u: device %u, PASID %u is on another domain",
			      (unsigned long long)seed, done, n, p);
		if (idev[n])
			ck_assert_int_eq(iommufd_device_attached(idev[n], p), on[n][p] != NONE);
	}
	ck_assert_msg(fk.device[n].pri_on == faults, "seed %#llx, %u: page requests of device %u",
		      (unsigned long long)seed, done, n);
}

static void compare(void)
{
	compare_objects();
	for (unsigned n = 0; n < FK_DEVICES; n++)
		compare_device(n);
	if (done % 16 == 0)
		fk_audit(&fk);
}

/* ---- operations: each returns what the iommufd answered ---- */

static long make_ioas(void)
{
	long id;

	/* A few suffice: the more, the less they have to do with each other. */
	if (any(IOMMUFD_OBJ_IOAS) != NONE && below(4))
		return 0;
	id = fk_ioas(&fk, ctx);
	if (id > 0)
		born(IOMMUFD_OBJ_IOAS, id, NONE);
	return id;
}

static uint32_t random_device(void)
{
	return any_id(IOMMUFD_OBJ_DEVICE);
}

static long make_hwpt(void)
{
	static const uint32_t flags[] = {0, 1, 2, 3, 4, 8, 9, 12};
	static const uint32_t nested_flags[] = {0, 0, 2, 4, 8, 12};
	const bool nested = below(3) == 0;
	const int fault = any(IOMMUFD_OBJ_FAULT);
	uint32_t value = 1;
	struct iommu_hwpt_alloc cmd = {
		.dev_id = random_device(),
		.flags = nested ? nested_flags[below(6)] : flags[below(8)],
		.fault_id = fault == NONE ? 77 : object[fault].id,
	};
	struct object *obj;
	int pt;
	long id;

	if (nested && below(2))
		cmd.pt_id = any_id(IOMMUFD_OBJ_VIOMMU);
	else
		cmd.pt_id = any_id(nested ? IOMMUFD_OBJ_HWPT_PAGING : IOMMUFD_OBJ_IOAS);
	if (nested) {
		cmd.data_type = FK_NESTED;
		cmd.data_len = sizeof(value);
		cmd.data_uptr = (uintptr_t)&value;
	}
	pt = place_of(IOMMUFD_OBJ_NONE, cmd.pt_id);
	id = fk_hwpt_cmd(&fk, ctx, cmd);
	if (id <= 0)
		return id;
	ck_assert_int_ne(pt, NONE);
	obj = born(nested ? IOMMUFD_OBJ_HWPT_NESTED : IOMMUFD_OBJ_HWPT_PAGING, id, pt);
	if (cmd.flags & IOMMU_HWPT_FAULT_ID_VALID)
		obj->refs[1] = fault;
	return id;
}

static long make_fault(void)
{
	int fd = NONE;
	struct object *obj;
	long id;

	if (any(IOMMUFD_OBJ_FAULT) != NONE && below(4))
		return 0;
	id = fk_fault_queue(&fk, ctx, &fd);
	if (id > 0) {
		obj = born(IOMMUFD_OBJ_FAULT, id, NONE);
		obj->fd = fd;
		obj->extra = 1;
	}
	return id;
}

static long make_viommu(void)
{
	uint64_t data[3] = {0};
	const uint32_t hwpt = any_id(IOMMUFD_OBJ_HWPT_PAGING);
	struct iommu_viommu_alloc cmd = {.size = sizeof(cmd),
					 .type = FK_VIOMMU,
					 .dev_id = random_device(),
					 .hwpt_id = hwpt,
					 .data_len = below(2) ? sizeof(data) : 0,
					 .data_uptr = (uintptr_t)data};
	long rc = fk_ioctl(&fk, ctx, IOMMU_VIOMMU_ALLOC, &cmd);

	if (!rc)
		born(IOMMUFD_OBJ_VIOMMU, cmd.out_viommu_id, place_of(IOMMUFD_OBJ_NONE, hwpt))
			->offset = data[1];
	return rc;
}

static long make_vdevice(void)
{
	const uint32_t viommu = any_id(IOMMUFD_OBJ_VIOMMU), dev = random_device();
	long id = fk_vdevice(&fk, ctx, viommu, dev, below(8));

	if (id > 0)
		born(IOMMUFD_OBJ_VDEVICE, id, place_of(IOMMUFD_OBJ_NONE, viommu))->device =
			object[place_of(IOMMUFD_OBJ_DEVICE, dev)].device;
	return id;
}

static long make_veventq(void)
{
	const uint32_t viommu = any_id(IOMMUFD_OBJ_VIOMMU);
	int fd = NONE;
	long id = fk_veventq(&fk, ctx, viommu, FK_VIOMMU + (uint32_t)below(2),
			     1 + (uint32_t)below(3), &fd);
	struct object *obj;

	if (id > 0) {
		obj = born(IOMMUFD_OBJ_VEVENTQ, id, place_of(IOMMUFD_OBJ_NONE, viommu));
		obj->fd = fd;
		obj->extra = 1;
	}
	return id;
}

static int queue_below(uint32_t index)
{
	const struct iommu_hw_queue *base = index ? fk.queue[index - 1] : NULL;

	return base ? place_of(IOMMUFD_OBJ_HW_QUEUE,
			       sio_container_of(base, struct iommufd_hw_queue, base)->obj.id)
		    : NONE;
}

static long make_queue(void)
{
	const uint32_t viommu = any_id(IOMMUFD_OBJ_VIOMMU), index = (uint32_t)below(FK_QUEUES);
	const int needs = queue_below(index);
	long id = fk_hw_queue(&fk, ctx, viommu, index, below(8) * PAGE, 1 + below(2 * PAGE));
	struct object *obj, *queue;
	int ioas;

	if (id <= 0)
		return id;
	obj = born(IOMMUFD_OBJ_HW_QUEUE, id, place_of(IOMMUFD_OBJ_NONE, viommu));
	obj->refs[1] = needs;
	ioas = object[object[obj->refs[0]].refs[0]].refs[0];
	queue = obj;
	obj = born(IOMMUFD_OBJ_ACCESS, lowest_id(), ioas);
	obj->hidden = true;
	obj->extra = 1;
	queue->second = (int)(obj - object);
	return id;
}

static void access_unmap(void *data, uint64_t iova, uint64_t len)
{
	(void)data, (void)iova, (void)len;
}

static long make_access(void)
{
	static const struct iommufd_access_ops ops = {.unmap = access_unmap};
	struct iommufd_access *access;
	struct object *obj;
	uint32_t id;
	int rc;

	if (any(IOMMUFD_OBJ_ACCESS) != NONE && below(4))
		return 0;
	rc = iommufd_access_create(ctx, &ops, NULL, &access, &id);
	if (rc)
		return rc;
	obj = born(IOMMUFD_OBJ_ACCESS, id, NONE);
	obj->access = access;
	obj->extra = 1;
	return 0;
}

static long change_access(void)
{
	const int at = any(IOMMUFD_OBJ_ACCESS);
	const uint32_t ioas = any_id(IOMMUFD_OBJ_IOAS);
	int rc;

	if (at == NONE)
		return 0;
	if (below(4) == 0) {
		iommufd_access_detach(object[at].access);
		object[at].refs[0] = NONE;
		return 0;
	}
	rc = object[at].refs[0] == NONE ? iommufd_access_attach(object[at].access, ioas)
					: iommufd_access_replace(object[at].access, ioas);
	if (!rc)
		object[at].refs[0] = place_of(IOMMUFD_OBJ_IOAS, ioas);
	return rc;
}

static void drop_access(int at)
{
	iommufd_access_destroy(object[at].access);
	gone(at);
}

static long bind_device(void)
{
	const unsigned n = (unsigned)below(FK_DEVICES);
	struct object *obj;
	uint32_t id;
	int rc;

	if (idev[n])
		return 0;
	rc = iommufd_device_bind(ctx, fk.device[n].dev, &idev[n], &id);
	if (rc) {
		idev[n] = NULL;
		return rc;
	}
	obj = born(IOMMUFD_OBJ_DEVICE, id, NONE);
	obj->device = n;
	obj->extra = 1;
	return 0;
}

static void unbind_device(unsigned n)
{
	for (unsigned p = 0; p < PASIDS; p++) {
		iommufd_device_detach(idev[n], p);
		on[n][p] = NONE;
	}
	reap();
	for (int i = 0; i < (int)OBJECTS; i++) {
		if (object[i].type == IOMMUFD_OBJ_DEVICE && object[i].device == n)
			gone(i);
		if (object[i].type == IOMMUFD_OBJ_VDEVICE && object[i].device == n)
			object[i].dead = true;
	}
	iommufd_device_unbind(idev[n]);
	idev[n] = NULL;
}

/* A device that is bound, FK_DEVICES: none is. */
static unsigned bound_device(void)
{
	const unsigned start = (unsigned)below(FK_DEVICES);

	for (unsigned i = 0; i < FK_DEVICES; i++)
		if (idev[(start + i) % FK_DEVICES])
			return (start + i) % FK_DEVICES;
	return FK_DEVICES;
}

/* The HWPT that an attach came to: a new one if nobody knows its id. */
static int hwpt_of(uint32_t asked, uint32_t got)
{
	const int ioas = place_of(IOMMUFD_OBJ_IOAS, asked), at = place_of(IOMMUFD_OBJ_NONE, got);

	if (ioas == NONE) {
		ck_assert_uint_eq(asked, got);
		return at;
	}
	if (at != NONE) {
		ck_assert(object[at].automatic && object[at].refs[0] == ioas);
		return at;
	}
	born(IOMMUFD_OBJ_HWPT_PAGING, got, ioas)->automatic = true;
	return place_of(IOMMUFD_OBJ_NONE, got);
}

static long attach_device(void)
{
	static const enum iommufd_object_type targets[] = {IOMMUFD_OBJ_IOAS,
							   IOMMUFD_OBJ_HWPT_PAGING,
							   IOMMUFD_OBJ_HWPT_NESTED};
	const unsigned n = bound_device(), pasid = (unsigned)below(2) * (unsigned)below(PASIDS);
	const uint32_t asked = any_id(targets[below(3)]);
	uint32_t got = asked;
	bool replace;
	int rc, hwpt;

	if (n == FK_DEVICES)
		return 0;
	/* Mostly what can work. */
	replace = (on[n][pasid] != NONE) == (below(6) != 0);
	rc = replace ? iommufd_device_replace(idev[n], pasid, &got)
		     : iommufd_device_attach(idev[n], pasid, &got);
	if (rc)
		return rc;
	hwpt = hwpt_of(asked, got);
	for (unsigned d = 0; replace && d < FK_DEVICES; d++)
		if (same_group(n, d) && on[d][pasid] != NONE)
			on[d][pasid] = hwpt;
	ck_assert(replace ? on[n][pasid] == hwpt : on[n][pasid] == NONE);
	on[n][pasid] = hwpt;
	reap();
	return 0;
}

static long detach_device(void)
{
	const unsigned n = bound_device(), pasid = (unsigned)below(PASIDS);

	if (n == FK_DEVICES)
		return 0;
	iommufd_device_detach(idev[n], pasid);
	on[n][pasid] = NONE;
	reap();
	return 0;
}

static long destroy_object(void)
{
	const uint32_t id = 1 + (uint32_t)below(lowest_id() + 8);
	const int at = place_of(IOMMUFD_OBJ_NONE, id);
	const unsigned users = at == NONE ? 0 : users_of(at);
	long rc = fk_destroy(&fk, ctx, id);

	if (rc == -EFAULT)
		return rc;
	ck_assert_msg(rc == (!users      ? -ENOENT
			     : users > 1 ? -EBUSY
					 : 0),
		      "seed %#llx, %u: DESTROY of %u answers %ld, it has %u users",
		      (unsigned long long)seed, done, id, rc, users);
	if (rc)
		return rc;
	if (object[at].second != NONE)
		gone(object[at].second);
	gone(at);
	return 0;
}

static void close_file(int at)
{
	ck_assert_int_eq(fd_close(fk.caller.fds, object[at].fd), 0);
	object[at].fd = NONE;
	object[at].extra = 0;
}

static long close_some_file(void)
{
	const int at = any(below(2) ? IOMMUFD_OBJ_FAULT : IOMMUFD_OBJ_VEVENTQ);

	if (at != NONE && object[at].fd != NONE)
		close_file(at);
	return 0;
}

static long change_memory(void)
{
	const uint32_t ioas = any_id(IOMMUFD_OBJ_IOAS);
	const uint64_t iova = below(16) * PAGE, pages = 1 + below(4);

	if (below(3))
		return fk_map(&fk, ctx, ioas, iova, (below(2) ? FK_VA : FK_VA_RUN) + iova, pages);
	return fk_unmap(&fk, ctx, ioas, iova, pages);
}

static long page_request(void)
{
	const struct iopf_fault fault = {.dev = fk.device[below(FK_DEVICES)].dev,
					 .pasid = (uint32_t)below(PASIDS),
					 .has_pasid = true,
					 .last = below(3) != 0,
					 .grpid = (uint32_t)below(4),
					 .perm = 1,
					 .addr = below(256) * PAGE};

	return iommu_report_fault(&fault);
}

static long use_file(void)
{
	const int at = any(below(2) ? IOMMUFD_OBJ_FAULT : IOMMUFD_OBJ_VEVENTQ);
	const struct iommu_hwpt_page_response answer = {(uint32_t)below(4), (uint32_t)below(2)};
	uint8_t data[400];
	struct file *file;

	if (at == NONE || object[at].fd == NONE)
		return 0;
	file = fd_lookup(fk.caller.fds, object[at].fd);
	if (below(2) && file->ops->pwrite)
		return file->ops->pwrite(file, &fk.caller, (uintptr_t)&answer, sizeof(answer), 0);
	return file->ops->pread(file, &fk.caller, (uintptr_t)data, sizeof(data), 0);
}

static long post_event(void)
{
	const int at = any(IOMMUFD_OBJ_VIOMMU);
	struct iommufd_viommu *viommu;
	const uint32_t value = 1;

	if (at == NONE)
		return 0;
	viommu = iommufd_viommu_find(ctx, object[at].id);
	return viommu->base.report_event(&viommu->base, FK_VIOMMU, &value, sizeof(value));
}

/* Pieces of maps hold the file too. */
static long change_window(void)
{
	const int at = any(IOMMUFD_OBJ_VIOMMU);

	if (at == NONE || !object[at].offset)
		return 0;
	if (below(2) && object[at].pieces < 2) {
		file_get(ctx_file);
		ctx_file->ops->mmap_open(ctx_file, object[at].offset);
		object[at].pieces++;
	} else if (object[at].pieces) {
		ctx_file->ops->mmap_close(ctx_file, object[at].offset);
		file_put(ctx_file);
		object[at].pieces--;
	}
	return 0;
}

static long drop_something(void)
{
	const unsigned n = bound_device();
	const int at = any(IOMMUFD_OBJ_ACCESS);

	if (below(2) && at != NONE)
		drop_access(at);
	else if (n != FK_DEVICES && below(3) == 0)
		unbind_device(n);
	return 0;
}

/* ---- a life ---- */

static void fail_some_step(void)
{
	if (below(3))
		return;
	if (below(2))
		fk_fail_step(&fk, 1 + below(12));
	else
		fk_fail_point(&fk, 1 + below(12));
}

static void one_operation(void)
{
	static long (*const operations[])(void) = {
		make_ioas,       make_hwpt,     make_hwpt,      make_fault,     make_viommu,
		make_vdevice,    make_vdevice,  make_veventq,   make_queue,     make_access,
		change_access,   bind_device,   bind_device,    attach_device,  attach_device,
		attach_device,   attach_device, detach_device,  destroy_object, destroy_object,
		close_some_file, change_memory, change_memory,  page_request,   page_request,
		use_file,        post_event,    drop_something, change_window,
	};
	const unsigned which = (unsigned)below(SIO_ARRAY_SIZE(operations));

	if (full() && which < 10)
		return;
	fail_some_step();
	if (operations[which]() < 0)
		failed++;
	fk_fail_step(&fk, 0);
	fk_fail_point(&fk, 0);
	compare();
}

/* One of what keeps the context. False: nothing does. */
static bool let_go_of_something(void)
{
	const int start = (int)below(OBJECTS);
	const unsigned n = bound_device();

	if (ctx_fd != NONE && !below(8)) {
		ck_assert_int_eq(fd_close(fk.caller.fds, ctx_fd), 0);
		ctx_fd = NONE;
		return true;
	}
	if (n != FK_DEVICES && below(2)) {
		unbind_device(n);
		return true;
	}
	for (int i = 0; i < (int)OBJECTS; i++) {
		const int at = (start + i) % (int)OBJECTS;

		if (!object[at].type || object[at].dead)
			continue;
		if (object[at].pieces) {
			object[at].pieces--;
			ctx_file->ops->mmap_close(ctx_file, object[at].offset);
			file_put(ctx_file);
			return true;
		}
		if (object[at].fd != NONE) {
			close_file(at);
			return true;
		}
		if (object[at].access && !object[at].hidden) {
			drop_access(at);
			return true;
		}
	}
	return ctx_fd != NONE || n != FK_DEVICES;
}

START_TEST(references_are_those_that_can_be_counted)
{
	seed = UINT64_C(0x10f3d000) + (uint64_t)_i;
	rng = (struct prng){seed};
	failed = done = 0;
	memset(object, 0, sizeof(object));
	memset(idev, 0, sizeof(idev));
	memset(on, 0xff, sizeof(on));
	fk_open(&fk, "7.2");
	fk.device[1].resv[0] = (struct resv_region){0xf0 * PAGE, 0xf1 * PAGE - 1, RESV_RESERVED};
	fk.device[3].resv[0] = (struct resv_region){0xe0 * PAGE, 0xe2 * PAGE - 1, RESV_MSI};
	fk.device[1].resv_count = fk.device[3].resv_count = 1;
	fk.device[4].model = 2;
	fk_boot(&fk);
	ctx = fk_ctx(&fk, &ctx_fd);
	ctx_file = &ctx->file;
	for (done = 0; done < OPERATIONS; done++)
		one_operation();
	ck_assert_uint_gt(failed, OPERATIONS / 20);
	while (let_go_of_something())
		;
	ck_assert_msg(fk.env.live == 0, "seed %#llx: the context stays", (unsigned long long)seed);
	fk_close(&fk);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("iommufd_lifetime");
	TCase *tc = tcase_create("lifetime");

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, references_are_those_that_can_be_counted, 0, 6);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
