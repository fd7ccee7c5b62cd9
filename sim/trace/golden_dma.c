// SPDX-License-Identifier: GPL-2.0-only
/*
 * Recordings: DMA of the test device, and its BAR as memory.
 *
 * The device is driven as its driver would: through the registers of BAR 0 of the device file. It
 * moves bytes between memory and a 4 KiB buffer of its own. Source: QEMU's "EDU device"
 * documentation, "MMIO area spec".
 */
#include "trace/golden_priv.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <string.h>

#define EDU_DMA_SOURCE      0x80
#define EDU_DMA_DESTINATION 0x88
#define EDU_DMA_COUNT       0x90
#define EDU_DMA_COMMAND     0x98
#define EDU_BUFFER          UINT64_C(0x40000)
#define EDU_BUFFER_SIZE     UINT64_C(4096)

enum { EDU_START = 1, EDU_TO_MEMORY = 2 };

/* How often a running transfer is asked whether it is done. */
#define EDU_POLLS 1000

static int region(struct golden *g, int fd, uint32_t index, uint64_t *offset, uint64_t *size)
{
	struct vfio_region_info info = {.argsz = sizeof(info), .index = index};
	long ret = golden_ioctl(g, fd, VFIO_DEVICE_GET_REGION_INFO, &info);

	if (ret < 0)
		return (int)ret;
	*offset = info.offset;
	*size = info.size;
	return 0;
}

static int put(struct golden *g, int fd, uint64_t offset, const void *bytes, size_t len)
{
	ssize_t ret = sio_pwrite(g->s->process, fd, bytes, len, offset);

	return ret < 0 ? -errno : (size_t)ret == len ? 0 : -EIO;
}

static int get(struct golden *g, int fd, uint64_t offset, void *bytes, size_t len)
{
	ssize_t ret = sio_pread(g->s->process, fd, bytes, len, offset);

	return ret < 0 ? -errno : (size_t)ret == len ? 0 : -EIO;
}

int golden_enable(struct golden *g, struct golden_name *file)
{
	uint64_t config = 0, size = 0;
	uint16_t command;
	int rc;

	if (file->file.enabled)
		return 0;
	rc = region(g, file->file.fd, VFIO_PCI_CONFIG_REGION_INDEX, &config, &size);
	if (!rc)
		rc = region(g, file->file.fd, VFIO_PCI_BAR0_REGION_INDEX, &file->file.bar, &size);
	if (!rc)
		rc = get(g, file->file.fd, config + PCI_COMMAND, &command, sizeof(command));
	if (rc)
		return rc;
	command = (uint16_t)(command | PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY);
	rc = put(g, file->file.fd, config + PCI_COMMAND, &command, sizeof(command));
	file->file.enabled = !rc;
	return rc;
}

struct transfer {
	uint64_t iova, len, buffer;
	bool to_memory;
};

static int set(struct golden *g, const struct golden_name *file, unsigned reg, uint64_t value)
{
	return put(g, file->file.fd, file->file.bar + reg, &value, sizeof(value));
}

static int run_transfer(struct golden *g, struct golden_name *file, const struct transfer *t)
{
	uint64_t buffer = EDU_BUFFER + t->buffer;
	uint64_t command = EDU_START | (t->to_memory ? EDU_TO_MEMORY : 0);
	int rc = golden_enable(g, file);

	if (!rc)
		rc = set(g, file, EDU_DMA_SOURCE, t->to_memory ? buffer : t->iova);
	if (!rc)
		rc = set(g, file, EDU_DMA_DESTINATION, t->to_memory ? t->iova : buffer);
	if (!rc)
		rc = set(g, file, EDU_DMA_COUNT, t->len);
	if (!rc)
		rc = set(g, file, EDU_DMA_COMMAND, command);
	for (unsigned i = 0; !rc && (command & EDU_START) && i < EDU_POLLS; i++)
		rc = get(g, file->file.fd, file->file.bar + EDU_DMA_COMMAND, &command,
			 sizeof(command));
	return rc;
}

/* Only the first fault of a transfer counts; the rest of the log belongs to it too. */
static void put_fault(struct golden *g)
{
	struct sio_fault fault;
	bool seen = false;

	while (sio_fault_next(g->s->machine, &fault)) {
		const char *requester = fault.requester;

		if (seen)
			continue;
		text_take(&requester, "0000:");
		strbuf_add(&g->out, " ok=0 fault=0x%02x:0x%llx:%s:%s", fault.reason,
			   (unsigned long long)fault.address, fault.is_read ? "read" : "write",
			   requester);
		seen = true;
	}
	if (!seen)
		strbuf_add(&g->out, " ok=1");
}

static int transfer(struct golden *g, bool to_memory)
{
	struct golden_name *file = golden_find(g, GOLDEN_FILE, rec_bare(g->op, 0));
	struct transfer t = {
		.iova = golden_need(g, "iova"),
		.len = golden_need(g, "len"),
		.buffer = golden_number(g, "dev", 0),
		.to_memory = to_memory,
	};
	struct sio_fault old;
	int rc;

	if (t.buffer > EDU_BUFFER_SIZE || t.len > EDU_BUFFER_SIZE - t.buffer)
		golden_bad(g, "%s: the device's buffer has 4096 bytes", g->op->name);
	if (g->rc)
		return g->rc;
	while (sio_fault_next(g->s->machine, &old))
		;
	rc = file ? run_transfer(g, file, &t) : -EBADF;
	golden_answer(g, rc);
	if (!rc)
		put_fault(g);
	return 0;
}

static int run_dma_to_dev(struct golden *g)
{
	return transfer(g, false);
}

static int run_dma_from_dev(struct golden *g)
{
	return transfer(g, true);
}

static int map_bar(struct golden *g, struct golden_name *file, uint64_t wanted, uint64_t *size)
{
	uint64_t index = golden_number(g, "region", 0);
	uint64_t off = golden_number(g, "off", 0), offset = 0, all = 0;
	int rc;

	if (!file)
		return -EBADF;
	rc = golden_enable(g, file);
	if (!rc)
		rc = region(g, file->file.fd, (uint32_t)index, &offset, &all);
	if (rc)
		return rc;
	*size = golden_number(g, "size", all);
	return sio_mem_map_fd(g->s->process, file->file.fd, offset + off, *size, wanted, &wanted);
}

static int run_mmap_bar(struct golden *g)
{
	struct golden_name *file = golden_find(g, GOLDEN_FILE, rec_bare(g->op, 1));
	uint64_t address = golden_next_address(g, UINT64_C(0x200000));
	struct golden_name *entry;
	uint64_t size = 0;
	int rc;

	rc = map_bar(g, file, address, &size);
	if (g->rc)
		return g->rc;
	golden_answer(g, rc);
	if (!rc)
		strbuf_add(&g->out, " size=0x%llx", (unsigned long long)size);
	/* Where this fails and the recording did not, later lines name a buffer without memory. */
	entry = golden_bind(g, GOLDEN_BUFFER, rec_bare(g->op, 0));
	if (!entry)
		return -ENOMEM;
	entry->buffer.address = address;
	entry->buffer.size = size;
	return 0;
}

const struct golden_word golden_dma_words[] = {
	{"dma_to_dev", run_dma_to_dev, 1, 1, "iova len dev"},
	{"dma_from_dev", run_dma_from_dev, 1, 1, "iova len dev"},
	{"mmap_bar", run_mmap_bar, 2, 2, "region off size"},
	{NULL, NULL, 0, 0, NULL},
};
