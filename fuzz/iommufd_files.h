/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is done through files: page requests and accesses. Operations of the iommufd target, each
 * with what it has to answer and what follows from it.
 */
#ifndef FUZZ_IOMMUFD_FILES_H
#define FUZZ_IOMMUFD_FILES_H

#include "iommufd_dirty.h"

#include <poll.h>

/* ---- page requests ---- */

static inline bool files_full(const struct target *t)
{
	unsigned n = 0;

	for (unsigned fd = 2; fd < FDS; fd++)
		n += fd_lookup(t->c.process->fds, (int)fd) != NULL;
	return n + 4 > FDS - 2;
}

static inline void do_queue(struct target *t)
{
	struct iommu_fault_alloc cmd = {.flags = take(t, 1) >= 0xf0};
	const unsigned before = count_of(t, IOMMUFD_OBJ_NONE);
	struct queue *q = t->queue;
	int rc;

	while (q < t->queue + QUEUES && q->id)
		q++;
	if (q == t->queue + QUEUES || files_full(t))
		return;
	arena_sealed = take(t, 1) % 4 == 0;
	rc = command(t, IOMMU_FAULT_QUEUE_ALLOC, &cmd, sizeof(cmd));
	expect(t, "FAULT_QUEUE_ALLOC", rc, cmd.flags ? -EOPNOTSUPP : arena_sealed ? -EFAULT : 0);
	arena_sealed = false;
	if (!rc)
		*q = (struct queue){.id = cmd.out_fault_id, .fd = (int)cmd.out_fault_fd};
	else if (count_of(t, IOMMUFD_OBJ_NONE) != before)
		fail_counts(t, "FAULT_QUEUE_ALLOC failed and left an object", "objects=%u", before);
}

static inline void request_wait(struct target *t, const struct device *d, struct request request)
{
	const struct hwpt *h = hwpt_of(t, d->hwpt);
	struct queue *q = h ? queue_of(t, h->fault) : NULL;

	if (!q)
		return;
	request.device = d->id;
	request.hwpt = h->id;
	request.group = (unsigned)d->group;
	q->queued[q->queued_count++] = request;
}

static inline bool requests_full(const struct target *t)
{
	for (unsigned i = 0; i < QUEUES; i++)
		if (t->queue[i].id &&
		    t->queue[i].queued_count + t->queue[i].unanswered_count >= GROUPS)
			return true;
	return false;
}

static inline int request_pages(struct target *t, const struct device *d,
				const struct request *request)
{
	int rc = 0;

	for (unsigned i = 0; i < request->count && !rc; i++) {
		rc = sio_page_request(
			d->real, &(struct sio_page_request){.iova = request->addr + i * MODEL_PAGE,
							    .read = request->perm & 1,
							    .write = request->perm & 2,
							    .last = i + 1 == request->count,
							    .group = (uint16_t)request->grpid});
		note(t, 0, rc, "dev_request %c iova=0x%llx read=%u write=%u last=%u group=%u",
		     "ABCD"[d - t->device], (unsigned long long)(request->addr + i * MODEL_PAGE),
		     request -> perm & 1, request -> perm >> 1 & 1, i + 1 == request -> count,
		     request -> grpid);
	}
	return rc;
}

/* One group of up to three requests of a function, or one of a mock. */
static inline void do_request(struct target *t)
{
	uint64_t how = take(t, 1);
	struct request request = {.count = 1 + (unsigned)(how >> 2) % 3,
				  .grpid = t->c.operations % 512,
				  .perm = 1 + (uint32_t)(how >> 4) % 3,
				  .addr = take(t, 1) << 12};
	struct iommu_test_cmd cmd = {.trigger_iopf = {.grpid = request.grpid,
						      .perm = request.perm,
						      .addr = request.addr}};
	struct device *d = &t->device[how & 1];
	const struct hwpt *h;
	int rc;

	if (requests_full(t))
		return;
	if (how & 2 || d->fd < 0) {
		d = any_mock(t);
		if (!d->id)
			return;
		cmd.trigger_iopf.dev_id = d->id;
		request.count = 1;
		expect(t, "TRIGGER_IOPF", test(t, IOMMU_TEST_OP_TRIGGER_IOPF, &cmd), 0);
		request_wait(t, d, request);
		return;
	}
	h = hwpt_of(t, d->hwpt);
	rc = request_pages(t, d, &request);
	if (rc && rc != -EBUSY && h && h->fault && !t->pasids)
		differ(t, "a device cannot request pages");
	if (!rc)
		request_wait(t, d, request);
}

/* The number that the next group gets. */
static inline uint32_t next_cookie(const struct queue *q)
{
	for (uint32_t cookie = q->zero_free ? 0 : 1;; cookie++) {
		bool used = false;

		for (unsigned i = 0; i < q->unanswered_count; i++)
			used |= q->unanswered[i].cookie == cookie;
		if (!used)
			return cookie;
	}
}

static inline void check_records(struct target *t, const struct request *r, size_t at)
{
	for (unsigned i = 0; i < r->count; i++) {
		const struct iommu_hwpt_pgfault want = {
			.flags = i + 1 == r->count ? (uint32_t)IOMMU_PGFAULT_FLAGS_LAST_PAGE : 0,
			.dev_id = r->device,
			.grpid = r->grpid,
			.perm = r->perm,
			.addr = r->addr + i * MODEL_PAGE,
			.cookie = r->cookie,
		};

		if (memcmp(&want, data_at(at + i * sizeof(want)), sizeof(want)))
			fail_record(t, &want, (unsigned)(at / sizeof(want)) + i);
	}
}

static inline struct queue *any_queue(struct target *t)
{
	const unsigned n = (unsigned)take(t, 1) % QUEUES;

	for (unsigned i = 0; i < QUEUES; i++)
		if (t->queue[(n + i) % QUEUES].id && t->queue[(n + i) % QUEUES].fd >= 0)
			return &t->queue[(n + i) % QUEUES];
	return NULL;
}

static inline void check_poll(struct target *t, const struct queue *q)
{
	const unsigned polled = (unsigned)sio_poll(t->c.process, q->fd);
	const unsigned want = POLLOUT | (q->queued_count ? (unsigned)(POLLIN | POLLRDNORM) : 0);

	char line[32];

	snprintf(line, sizeof(line), "poll x%d", q->fd);
	if (polled != want)
		differ_asked(t, "poll tells something else", line,
			     q->queued_count ? "ret=1 revents=in,out,rdnorm" : "ret=1 revents=out");
}

/* Room for less than the first group: an error, and the group stays. */
static inline void read_too_little(struct target *t, const struct queue *q)
{
	const size_t len = 40 * (size_t)(q->queued[0].count - 1);
	long rc = sio_pread(t->c.process, q->fd, client_address(DATA), len, 0);

	rc = rc < 0 ? -errno : rc;
	note(t, q->fd, rc, "fault_read %% len=%zu", len);
	if (rc != -EINVAL)
		fail_pair(t, "read of less than a group", rc, -EINVAL);
}

static inline void read_all_too_little(struct target *t)
{
	for (unsigned i = 0; i < QUEUES; i++) {
		const struct queue *q = &t->queue[i];

		if (q->id && q->fd >= 0 && q->queued_count && q->queued[0].count > 1)
			read_too_little(t, q);
	}
}

static inline void do_read(struct target *t)
{
	struct queue *q = any_queue(t);
	uint64_t how = take(t, 1);
	size_t len = how >= 0xf0 ? how & 0x7f : 40 * (how & 3), done = 0;
	long rc, want = 0;

	if (!q)
		return;
	check_poll(t, q);
	if (q->queued_count && q->queued[0].count > 1)
		read_too_little(t, q);
	arena_sealed = (how & 0xf8) == 0xe8;
	rc = sio_pread(t->c.process, q->fd, client_address(DATA), len, 0);
	rc = rc < 0 ? -errno : rc;
	note(t, q->fd, rc, "fault_read %% len=%zu%s", len, arena_sealed ? " ro=1" : "");
	while (done < len && q->queued_count && len % 40 == 0) {
		struct request r = q->queued[0];

		want = 40 * r.count > len - done ? -EINVAL : arena_sealed ? -EFAULT : 0;
		if (want)
			break;
		r.cookie = next_cookie(q);
		check_records(t, &r, done);
		done += 40 * r.count;
		memmove(q->queued, q->queued + 1, --q->queued_count * sizeof(r));
		q->unanswered[q->unanswered_count++] = r;
	}
	arena_sealed = false;
	want = len % 40 ? -ESPIPE : done ? (long)done : want;
	if (rc != want)
		fail_pair(t, "read of faults", rc, want);
}

static inline void do_respond(struct target *t)
{
	struct queue *q = any_queue(t);
	uint64_t how = take(t, 1);
	struct iommu_hwpt_page_response response[2];
	const size_t len = how >= 0xf0 ? how & 15 : how & 1 ? 16 : 8;
	long rc, want = 0, done = 0;

	if (!q)
		return;
	for (unsigned i = 0; i < 2; i++) {
		response[i].cookie = (uint32_t)(how >> (1 + 2 * i)) & 3;
		response[i].code = how >> 5 == 6 ? 2 : (uint32_t)(how >> 6 & 1);
	}
	put_data(0, response, sizeof(response));
	rc = sio_pwrite(t->c.process, q->fd, client_address(DATA), len, 0);
	rc = rc < 0 ? -errno : rc;
	note(t, q->fd, rc, "fault_write %% cookie=%u code=%u cookie2=%u code2=%u len=%zu",
	     response[0].cookie, response[0].code, response[1].cookie, response[1].code, len);
	for (unsigned i = 0; len % 8 == 0 && i < len / 8 && !want; i++) {
		unsigned n = 0;

		while (n < q->unanswered_count && q->unanswered[n].cookie != response[i].cookie)
			n++;
		want = response[i].code > 1 || n == q->unanswered_count ? -EINVAL : 0;
		if (want && response[i].code <= 1 && !response[i].cookie && q->unanswered_count)
			q->zero_free = true;
		if (want)
			break;
		q->unanswered[n] = q->unanswered[--q->unanswered_count];
		done += 8;
	}
	want = len % 8 ? -ESPIPE : done ? done : want;
	if (rc != want)
		fail_pair(t, "response to a fault", rc, want);
}

/* ---- accesses ---- */

static inline unsigned any_access(struct target *t)
{
	unsigned n = (unsigned)take(t, 1) % FDS;

	for (unsigned i = 0; i < FDS; i++)
		if (t->access[(n + i) % FDS].ioas)
			return (n + i) % FDS;
	return 2;
}

/* All areas would suit an access that pins. */
static inline bool pages_suit(const struct model_ioas *s)
{
	for (unsigned i = 0; i < s->areas; i++)
		if ((s->area[i].first | (s->area[i].last + 1) | s->area[i].byte) % MODEL_PAGE)
			return s->alignment >= MODEL_PAGE;
	return true;
}

static inline void do_access(struct target *t)
{
	uint64_t how = take(t, 1);
	struct iommu_test_cmd cmd = {.id = any_id(t, IOMMUFD_OBJ_IOAS)};
	struct model_ioas *s = model_of(t, cmd.id);
	const unsigned before = count_of(t, IOMMUFD_OBJ_NONE);
	const uint32_t flags = (how & 0xf0) == 0xf0 ? 2 : how & 7 ? 1 : 0;
	int rc, want = 0;

	if (files_full(t))
		return;
	cmd.create_access.flags = flags;
	arena_sealed = (how & 0xf0) == 0xe0;
	if (flags > 1)
		want = -EOPNOTSUPP;
	else if (!s)
		want = -ENOENT;
	else if (flags && !pages_suit(s))
		want = -EADDRINUSE;
	else if (arena_sealed)
		want = -EFAULT;
	rc = test(t, IOMMU_TEST_OP_CREATE_ACCESS, &cmd);
	arena_sealed = false;
	expect(t, "CREATE_ACCESS", rc, want);
	if (!rc) {
		t->access[cmd.create_access.out_access_fd] = (struct access){s->id, flags};
		settle(t, s);
	} else if (count_of(t, IOMMUFD_OBJ_NONE) != before) {
		fail_counts(t, "CREATE_ACCESS failed and left an object", "objects=%u", before);
	}
}

static inline void access_forget(struct target *t, unsigned fd)
{
	struct model_ioas *s = model_of(t, t->access[fd].ioas);

	for (unsigned i = 0; i < ITEMS; i++)
		if (t->item[i].owner == fd)
			t->item[i].owner = 0;
	t->access[fd].ioas = 0;
	settle(t, s);
}

static inline void do_access_replace(struct target *t)
{
	const unsigned fd = any_access(t);
	struct iommu_test_cmd cmd = {.id = fd};
	const struct access old = t->access[fd];
	struct model_ioas *s;
	int rc, want = 0;

	cmd.access_replace_ioas.ioas_id = any_id(t, IOMMUFD_OBJ_IOAS);
	s = model_of(t, cmd.access_replace_ioas.ioas_id);
	if (!old.ioas)
		want = -EBADFD;
	else if (!s)
		want = -ENOENT;
	else if (s->id != old.ioas && old.pins && !pages_suit(s))
		want = -EADDRINUSE;
	rc = test(t, IOMMU_TEST_OP_ACCESS_REPLACE_IOAS, &cmd);
	expect(t, "ACCESS_REPLACE_IOAS", rc, want);
	if (rc || s->id == old.ioas)
		return;
	access_forget(t, fd);
	t->access[fd] = (struct access){s->id, old.pins};
	settle(t, s);
}

static inline void do_close_file(struct target *t)
{
	const int fd = (int)(2 + take(t, 1) % (FDS - 2));
	int rc;

	for (unsigned i = 0; i < REAL; i++)
		if (t->device[i].fd == fd)
			return;
	child_end(t);
	rc = sio_close(t->c.process, fd);
	note(t, fd, rc < 0 ? -errno : 0, "close %%");
	if (t->access[fd].ioas)
		access_forget(t, (unsigned)fd);
	for (unsigned i = 0; i < QUEUES; i++)
		if (t->queue[i].id && t->queue[i].fd == fd)
			t->queue[i].fd = -1;
	for (unsigned i = 0; i < VIOMMUS; i++)
		if (t->events[i].id && t->events[i].fd == fd)
			t->events[i].fd = -1;
}

static inline int want_pin(const struct target *t, const struct access *access,
			   struct model_ioas *s, uint64_t iova, uint64_t length, uint32_t prot)
{
	uint64_t last, at = iova;

	if (length > UINT64_C(16) << 20)
		return -ENOMEM;
	if (!access->ioas)
		return -EBADFD;
	if (!access->pins)
		return -EOPNOTSUPP;
	if (!length)
		return -EINVAL;
	if (__builtin_add_overflow(iova, length - 1, &last))
		return -EOVERFLOW;
	for (;;) {
		const struct model_area *a = model_area_in(s, at, at);
		const uint64_t byte = a ? a->byte + (at - a->first) : 0;

		if (!a)
			return -ENOENT;
		if (byte % MODEL_PAGE ||
		    (a->last < last && (a->byte + (a->last - a->first) + 1) % MODEL_PAGE))
			return -EINVAL;
		if (!(a->prot & prot))
			return -EPERM;
		if (a->unsure || t->limited)
			return UNSURE;
		if (a->last >= last)
			return 0;
		at = a->last + 1;
	}
}

/* Some pages of one area, or anything. */
static inline void any_pages(struct target *t, const struct model_ioas *s, uint64_t how,
			     uint64_t *iova, uint64_t *length)
{
	const uint64_t n = take(t, 1), first = take(t, 1);
	const struct model_area *a = s && s->areas ? &s->area[n % s->areas] : NULL;
	uint64_t pages;

	if (!a || (how & 6) == 6) {
		*iova = any_iova(t, s);
		*length = any_length(t, s, *iova);
		return;
	}
	pages = (a->last - a->first) / MODEL_PAGE + 1;
	*iova = a->first + first % pages * MODEL_PAGE;
	*length = (1 + (first >> 4) % 4) * MODEL_PAGE;
	/* Now and then on into the next one, or nothing. */
	if (*length > a->last - *iova + 1 && !(how & 8))
		*length = a->last - *iova + 1;
}

static inline void do_pin(struct target *t)
{
	uint64_t how = take(t, 1);
	const unsigned fd = any_access(t);
	struct model_ioas *s = model_of(t, t->access[fd].ioas);
	struct iommu_test_cmd cmd = {.id = fd};
	struct item *item = t->item;
	uint64_t iova, length;
	int want, rc;

	any_pages(t, s, how, &iova, &length);
	while (item < t->item + ITEMS && item->owner)
		item++;
	if (item == t->item + ITEMS)
		return;
	cmd.access_pages.flags = how & 1;
	cmd.access_pages.iova = iova;
	cmd.access_pages.length = length;
	want = want_pin(t, &t->access[fd], s, iova, length,
			how & 1 ? IOMMU_IOAS_MAP_WRITEABLE : IOMMU_IOAS_MAP_READABLE);
	arena_sealed = (how & 0xf0) == 0xe0;
	rc = test(t, IOMMU_TEST_OP_ACCESS_PAGES, &cmd);
	if (arena_sealed && want == 0)
		want = -EFAULT;
	arena_sealed = false;
	if (want != UNSURE)
		expect(t, "ACCESS_PAGES", rc, want);
	if (!rc)
		*item = (struct item){fd, cmd.access_pages.out_access_pages_id, s->id, iova,
				      iova + (length - 1)};
}

static inline void do_unpin(struct target *t)
{
	const unsigned n = (unsigned)take(t, 1);
	struct item *item = &t->item[n % ITEMS];
	struct iommu_test_cmd cmd = {.id = any_access(t)};
	int want;

	for (unsigned i = 0; i < ITEMS && (!item->owner || item->owner >> 16); i++)
		item = &t->item[(n + i) % ITEMS];
	if (item->owner && !(item->owner >> 16)) {
		cmd.id = item->owner;
		cmd.destroy_access_pages.access_pages_id = item->id;
		want = 0;
		item->owner = 0;
	} else {
		cmd.destroy_access_pages.access_pages_id = n << 16;
		want = t->access[cmd.id].ioas ? -ENOENT : -EBADFD;
	}
	expect(t, "DESTROY_ACCESS_PAGES", test(t, IOMMU_TEST_OP_DESTROY_ACCESS_PAGES, &cmd), want);
}

/* Every byte that was read is the one behind its area. */
static inline void check_read(struct target *t, struct model_ioas *s, uint64_t iova,
			      uint64_t length)
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
			differ(t, "the program cannot read its own memory");
		if (memcmp(bytes, data_at(done), n))
			differ(t, "an access reads other bytes");
		done += n;
	}
}

static inline void do_rw(struct target *t)
{
	uint64_t how = take(t, 1);
	unsigned fd = any_access(t);
	struct model_ioas *s = model_of(t, t->access[fd].ioas);
	uint64_t iova = any_iova(t, s), last;
	uint64_t length = how & 2 ? take(t, 1) : any_length(t, s, iova);
	struct iommu_test_cmd cmd = {.id = fd,
				     .access_rw = {.iova = iova,
						   .length = length,
						   .uptr = DATA,
						   .flags = (how & 1) | (how & 4)}};
	/* Not compared: more than the arena has room for. */
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
	memset(data_at(0), (int)how, 64);
	if (how & 1)
		note(t, 0, 0, "fill s off=0 size=64 byte=%u", (unsigned)how);
	rc = test(t, IOMMU_TEST_OP_ACCESS_RW, &cmd);
	if (good ? rc && sure : known && !rc)
		fail_pair(t, "ACCESS_RW", rc, good ? 0 : -ENOENT);
	if (good && sure && !(how & 1))
		check_read(t, s, iova, length);
}

#endif
