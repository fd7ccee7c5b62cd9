// SPDX-License-Identifier: GPL-2.0-only
/*
 * Recordings: queues of page faults and events, read and written through descriptors of their own.
 *
 * A read that succeeds shows its records one by one. An event's record is a header, and four bytes
 * of the selftest's driver unless it stands for lost events.
 */
#include "trace/golden_priv.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "iommufd/iommufd_uapi.h"
#include "machine.h"

#define READ_MAX    (1u << 20)
#define BAD_ADDRESS ((void *)(uintptr_t)0x1000)

static int run_fault_alloc(struct golden *g)
{
	struct iommu_fault_alloc cmd = {.flags = (uint32_t)golden_number(g, "flags", 0)};
	int rc;

	if (!golden_run_command(g, IOMMU_FAULT_QUEUE_ALLOC, &cmd, sizeof(cmd)))
		return g->rc;
	rc = golden_made(g, cmd.out_fault_id);
	return rc ? rc : golden_bind_fd(g, rec_bare(g->op, 1), (int)cmd.out_fault_fd);
}

/* A zeroed buffer of "len=" bytes; NULL: g->rc is set. */
static uint8_t *take_buffer(struct golden *g, uint64_t absent, size_t *len)
{
	uint64_t asked = golden_number(g, "len", absent);
	uint8_t *buf;

	if (asked > READ_MAX)
		golden_bad(g, "%s: len is at most 0x%x", g->op->name, READ_MAX);
	if (g->rc)
		return NULL;
	buf = calloc(1, asked + 1);
	if (!buf)
		g->rc = -ENOMEM;
	*len = (size_t)asked;
	return buf;
}

static int run_fault_read(struct golden *g)
{
	struct iommu_hwpt_pgfault fault;
	size_t len;
	uint8_t *buf = take_buffer(g, sizeof(fault), &len);
	ssize_t ret;

	if (!buf)
		return g->rc;
	if (golden_number(g, "ro", 0))
		machine_fence(g->s->process, buf, len);
	ret = sio_pread(g->s->process, golden_fd(g, rec_bare(g->op, 0)), buf, len, 0);
	golden_answer(g, ret < 0 ? -errno : ret);
	machine_fence(g->s->process, NULL, 0);
	for (ssize_t at = 0; at + (ssize_t)sizeof(fault) <= ret; at += (ssize_t)sizeof(fault)) {
		memcpy(&fault, buf + at, sizeof(fault));
		strbuf_add(&g->out,
			   " fault=flags:0x%x,dev:%u,pasid:%u,grpid:%u,perm:0x%x,addr:0x%llx,"
			   "length:%u,cookie:%u",
			   fault.flags, fault.dev_id, fault.pasid, fault.grpid, fault.perm,
			   fault.addr, fault.length, fault.cookie);
	}
	free(buf);
	return 0;
}

static int run_fault_write(struct golden *g)
{
	struct iommu_hwpt_page_response response[2] = {
		{.cookie = (uint32_t)golden_number(g, "cookie", 0),
		 .code = (uint32_t)golden_number(g, "code", 0)},
		{.cookie = (uint32_t)golden_number(g, "cookie2", 0),
		 .code = (uint32_t)golden_number(g, "code2", 0)},
	};
	size_t len;
	uint8_t *buf = take_buffer(g, sizeof(response[0]), &len);
	ssize_t ret;

	if (!buf)
		return g->rc;
	memcpy(buf, response, len < sizeof(response) ? len : sizeof(response));
	ret = sio_pwrite(g->s->process, golden_fd(g, rec_bare(g->op, 0)), buf, len, 0);
	golden_answer(g, ret < 0 ? -errno : ret);
	free(buf);
	return 0;
}

/* ---- events ---- */

static void put_events(struct golden *g, const uint8_t *buf, size_t len)
{
	struct iommufd_vevent_header header;
	uint32_t virt_id;
	size_t at = 0;

	while (len - at >= sizeof(header)) {
		bool lost;

		memcpy(&header, buf + at, sizeof(header));
		lost = (header.flags & IOMMU_VEVENTQ_FLAG_LOST_EVENTS) != 0;
		if (!lost && len - at < sizeof(header) + sizeof(virt_id))
			break;
		at += sizeof(header);
		strbuf_add(&g->out, " event=flags:0x%x,seq:%u", header.flags, header.sequence);
		if (lost)
			continue;
		memcpy(&virt_id, buf + at, sizeof(virt_id));
		at += sizeof(virt_id);
		strbuf_add(&g->out, ",virt_id:0x%x", virt_id);
	}
	if (at < len)
		strbuf_add(&g->out, " rest=%zu", len - at);
}

/* read(), or with "off=" pread(), which a file without positions refuses. */
static ssize_t read_events(struct golden *g, int fd, void *buf, size_t len)
{
	uint64_t offset = golden_number(g, "off", 0);
	ssize_t ret;

	if (rec_value(g->op, "off") && sio_seek(g->s->process, fd, offset))
		return -errno;
	ret = sio_pread(g->s->process, fd, buf, len, offset);
	return ret < 0 ? -errno : ret;
}

static int run_vevent_read(struct golden *g)
{
	const char *data = rec_value(g->op, "data");
	bool bad = data && !strcmp(data, "bad"), split = data && !strcmp(data, "split");
	uint64_t keep = golden_number(g, "keep", 8);
	int fd = golden_fd(g, rec_bare(g->op, 0));
	size_t len;
	uint8_t *buf = take_buffer(g, 64, &len);
	ssize_t ret;

	if (data && !bad && !split)
		golden_bad(g, "data: \"%.20s\" is none of bad, split", data);
	if (g->rc || !buf) {
		free(buf);
		return g->rc;
	}
	if (split && keep < len)
		machine_fence(g->s->process, buf + keep, len - keep);
	ret = read_events(g, fd, bad ? BAD_ADDRESS : buf, len);
	machine_fence(g->s->process, NULL, 0);
	golden_answer(g, ret);
	if (ret > 0)
		put_events(g, buf, (size_t)ret);
	free(buf);
	return g->rc;
}

static int run_vevent_write(struct golden *g)
{
	size_t len;
	uint8_t *buf = take_buffer(g, 8, &len);
	ssize_t ret;

	if (!buf)
		return g->rc;
	ret = sio_pwrite(g->s->process, golden_fd(g, rec_bare(g->op, 0)), buf, len, 0);
	golden_answer(g, ret < 0 ? -errno : ret);
	free(buf);
	return 0;
}

static int run_poll(struct golden *g)
{
	static const struct {
		int bit;
		const char *name;
	} names[] = {
		{POLLIN, "in"},   {POLLPRI, "pri"},   {POLLOUT, "out"},       {POLLERR, "err"},
		{POLLHUP, "hup"}, {POLLNVAL, "nval"}, {POLLRDNORM, "rdnorm"},
	};
	int fd = golden_fd(g, rec_bare(g->op, 0));
	int events = fd < 0 ? 0 : sio_poll(g->s->process, fd);
	const char *comma = "";

	events = events < 0 ? POLLNVAL : events;
	golden_answer(g, events != 0);
	strbuf_add(&g->out, " revents=%s", events ? "" : "-");
	for (size_t i = 0; i < SIO_ARRAY_SIZE(names); i++) {
		if (!(events & names[i].bit))
			continue;
		strbuf_add(&g->out, "%s%s", comma, names[i].name);
		comma = ",";
	}
	return 0;
}

static int run_lseek(struct golden *g)
{
	int fd = golden_fd(g, rec_bare(g->op, 0));
	uint64_t offset = golden_number(g, "off", 0);
	int rc = sio_seek(g->s->process, fd, offset);

	golden_answer(g, rc < 0 ? -errno : (long)offset);
	return g->rc;
}

static int run_dup(struct golden *g)
{
	const struct golden_name *old = golden_find(g, GOLDEN_FILE, rec_bare(g->op, 1));
	int fd = sio_dup(g->s->process, old ? old->file.fd : -1);

	golden_answer(g, fd < 0 ? -errno : 0);
	return fd < 0 ? 0 : golden_bind_fd(g, rec_bare(g->op, 0), fd);
}

const struct golden_word golden_events_words[] = {
	{"fault_alloc", run_fault_alloc, 2, 2, "flags argsz tail ro"},
	{"fault_read", run_fault_read, 1, 1, "len ro"},
	{"fault_write", run_fault_write, 1, 1, "cookie code cookie2 code2 len"},
	{"vevent_read", run_vevent_read, 1, 1, "len data keep off"},
	{"vevent_write", run_vevent_write, 1, 1, "len"},
	{"poll", run_poll, 1, 1, "ms"},
	{"lseek", run_lseek, 1, 1, "off"},
	{"dup", run_dup, 2, 2, NULL},
	{NULL, NULL, 0, 0, NULL},
};
