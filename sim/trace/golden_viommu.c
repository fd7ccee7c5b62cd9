// SPDX-License-Identifier: GPL-2.0-only
/*
 * Recordings: virtual IOMMUs, virtual devices, their queues, and windows of the descriptor.
 *
 * A virtual IOMMU whose driver answered with 24 bytes of data offers a window: offset and length
 * are its last two words, and "mmap_iommufd" finds them by the object's name.
 */
#include "trace/golden_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "iommufd/iommufd_uapi.h"
#include "machine.h"

/* What the selftest's driver calls its types. */
#define MOCK_VIOMMU_TYPE   UINT32_C(0xdeadbeef)
#define MOCK_VEVENTQ_TYPE  UINT32_C(0xbeefbeef)
#define MOCK_HW_QUEUE_TYPE UINT32_C(0xdeadbeef)

#define DATA_BYTES   24u
#define SHOWN_BYTES  64u
#define WINDOW_BYTES UINT64_C(8192)
#define BAD_ADDRESS  UINT64_C(0x1000)

struct data {
	uint8_t *bytes; /* NULL: none, or a special address */
	size_t len;
	uint8_t read_only[DATA_BYTES];
	uint64_t address;
	uint32_t asked; /* the length field */
};

static void take_data(struct golden *g, struct data *data)
{
	const char *text = rec_value(g->op, "data");
	bool bad = text && !strcmp(text, "bad"), read_only = text && !strcmp(text, "ro");

	*data = (struct data){0};
	if (bad || read_only) {
		data->address = bad ? BAD_ADDRESS : (uintptr_t)data->read_only;
		data->asked = DATA_BYTES;
	} else if (text) {
		data->bytes = golden_hex(g, "data", &data->len);
		data->address = (uintptr_t)data->bytes;
		data->asked = (uint32_t)data->len;
	}
	data->address = golden_pointer(g, "data_ptr", data->address);
	data->asked = (uint32_t)golden_number(g, "data_len", data->asked);
	if (data->bytes && data->asked > data->len)
		golden_bad(g, "%s: data_len is more than data", g->op->name);
}

/* Show what came back, and remember a window. */
static int viommu_made(struct golden *g, const struct iommu_viommu_alloc *cmd,
		       const struct data *data)
{
	uint32_t shown = cmd->data_len < data->len ? cmd->data_len : (uint32_t)data->len;
	struct golden_name *entry;
	int rc = golden_made(g, cmd->out_viommu_id);

	if (rc || !data->bytes)
		return rc;
	strbuf_add(&g->out, " data=");
	for (uint32_t i = 0; i < shown && i < SHOWN_BYTES; i++)
		strbuf_add(&g->out, "%02x", data->bytes[i]);
	entry = golden_find(g, GOLDEN_OBJECT, rec_bare(g->op, 1));
	if (entry && shown == DATA_BYTES) {
		memcpy(&entry->object.window, data->bytes + 8, 8);
		memcpy(&entry->object.window_len, data->bytes + 16, 8);
	}
	return 0;
}

static int run_viommu_alloc(struct golden *g)
{
	struct iommu_viommu_alloc cmd = {
		.flags = (uint32_t)golden_number(g, "flags", 0),
		.type = (uint32_t)golden_number(g, "type", MOCK_VIOMMU_TYPE),
		.dev_id = golden_object(g, "dev", 0),
		.hwpt_id = golden_object(g, "hwpt", 0),
		.__reserved = (uint32_t)golden_number(g, "reserved", 0),
	};
	struct data data;
	bool done;
	int rc;

	take_data(g, &data);
	cmd.data_len = data.asked;
	cmd.data_uptr = data.address;
	machine_fence(g->s->process, data.read_only, sizeof(data.read_only));
	done = golden_run_command(g, IOMMU_VIOMMU_ALLOC, &cmd, sizeof(cmd));
	machine_fence(g->s->process, NULL, 0);
	rc = done ? viommu_made(g, &cmd, &data) : g->rc;
	free(data.bytes);
	return rc;
}

static int run_vdevice_alloc(struct golden *g)
{
	struct iommu_vdevice_alloc cmd = {
		.viommu_id = golden_object(g, "viommu", 0),
		.dev_id = golden_object(g, "dev", 0),
		.virt_id = golden_number(g, "virt_id", 0),
	};

	if (!golden_run_command(g, IOMMU_VDEVICE_ALLOC, &cmd, sizeof(cmd)))
		return g->rc;
	return golden_made(g, cmd.out_vdevice_id);
}

static int run_veventq_alloc(struct golden *g)
{
	struct iommu_veventq_alloc cmd = {
		.flags = (uint32_t)golden_number(g, "flags", 0),
		.viommu_id = golden_object(g, "viommu", 0),
		.type = (uint32_t)golden_number(g, "type", MOCK_VEVENTQ_TYPE),
		.veventq_depth = (uint32_t)golden_number(g, "depth", 2),
		.__reserved = (uint32_t)golden_number(g, "reserved", 0),
	};
	int rc;

	if (!golden_run_command(g, IOMMU_VEVENTQ_ALLOC, &cmd, sizeof(cmd)))
		return g->rc;
	rc = golden_made(g, cmd.out_veventq_id);
	return rc ? rc : golden_bind_fd(g, rec_bare(g->op, 1), (int)cmd.out_veventq_fd);
}

static int run_hw_queue_alloc(struct golden *g)
{
	struct iommu_hw_queue_alloc cmd = {
		.flags = (uint32_t)golden_number(g, "flags", 0),
		.viommu_id = golden_object(g, "viommu", 0),
		.type = (uint32_t)golden_number(g, "type", MOCK_HW_QUEUE_TYPE),
		.index = (uint32_t)golden_number(g, "index", 0),
		.nesting_parent_iova = golden_number(g, "iova", 0),
		.length = golden_number(g, "length", SIO_PAGE_SIZE),
	};

	if (!golden_run_command(g, IOMMU_HW_QUEUE_ALLOC, &cmd, sizeof(cmd)))
		return g->rc;
	return golden_made(g, cmd.out_hw_queue_id);
}

/* ---- windows ---- */

/* "NUMBER", "V" or "V+NUMBER". */
static void take_window(struct golden *g, uint64_t *offset, uint64_t *len)
{
	const char *text = rec_value(g->op, "off");
	const char *plus = text ? strchr(text, '+') : NULL;
	const struct golden_name *entry = NULL;
	uint64_t more = 0;
	char name[64];

	*offset = 0;
	*len = WINDOW_BYTES;
	if (!text) {
		golden_bad(g, "%s needs off=", g->op->name);
		return;
	}
	if (text_number(text, offset))
		return;
	if (plus && !text_number(plus + 1, &more))
		golden_bad(g, "off: \"%.80s\" is no number", plus + 1);
	snprintf(name, sizeof(name), "%.*s", plus ? (int)(plus - text) : (int)strlen(text), text);
	entry = golden_find(g, GOLDEN_OBJECT, name);
	if (entry && entry->object.window_len) {
		*offset = entry->object.window;
		*len = entry->object.window_len;
	}
	*offset += more;
}

static bool take_map_prot(struct golden *g, struct sio_file_map *map)
{
	const char *prot = rec_value(g->op, "prot"), *share = rec_value(g->op, "share");

	map->prot = SIO_PROT_RW;
	if (prot && !strcmp(prot, "none"))
		map->prot = SIO_PROT_NONE;
	else if (prot && prot[0] == 'r' && strcmp(prot, "rw"))
		map->prot = SIO_PROT_READ;
	map->executable = prot && !strcmp(prot, "rx");
	map->private_copy = share && !strcmp(share, "private");
	if (prot && strcmp(prot, "rw") && strcmp(prot, "r") && strcmp(prot, "rx") &&
	    strcmp(prot, "none"))
		golden_bad(g, "prot: \"%.20s\" is none of rw, r, rx, none", prot);
	if (share && strcmp(share, "private") && strcmp(share, "shared"))
		golden_bad(g, "share: \"%.20s\" is none of shared, private", share);
	return !g->rc;
}

static void put_word(struct golden *g, uint64_t address)
{
	uint32_t word;

	if (!sio_mem_read(g->s->process, address, &word, sizeof(word)))
		strbuf_add(&g->out, " word=0x%x", word);
}

static int run_mmap_iommufd(struct golden *g)
{
	struct sio_file_map map = {.fd = golden_fd(g, rec_bare(g->op, 1))};
	struct golden_name *entry;
	int rc;

	take_window(g, &map.offset, &map.size);
	map.size = golden_number(g, "size", map.size);
	if (!take_map_prot(g, &map))
		return g->rc;
	map.address = golden_next_address(g, UINT64_C(0x200000));
	rc = sio_mem_map_file(g->s->process, &map, &map.address);
	golden_answer(g, rc);
	if (!rc)
		put_word(g, map.address);
	entry = golden_bind(g, GOLDEN_BUFFER, rec_bare(g->op, 0));
	if (!entry)
		return -ENOMEM;
	entry->buffer.address = map.address;
	entry->buffer.size = map.size;
	return 0;
}

static int run_buf_word(struct golden *g)
{
	const struct golden_name *buffer = golden_buffer(g, rec_bare(g->op, 0));
	uint64_t address = (buffer ? buffer->buffer.address : 0) + golden_number(g, "off", 0);
	uint32_t word = (uint32_t)golden_number(g, "set", 0);
	int rc = 0;

	if (g->rc)
		return g->rc;
	if (rec_value(g->op, "set"))
		rc = sio_mem_write(g->s->process, address, &word, sizeof(word));
	if (!rc)
		rc = sio_mem_read(g->s->process, address, &word, sizeof(word));
	golden_answer(g, rc);
	if (!rc)
		strbuf_add(&g->out, " word=0x%x", word);
	return 0;
}

const struct golden_word golden_viommu_words[] = {
	{"viommu_alloc", run_viommu_alloc, 2, 2,
	 "dev hwpt type flags reserved data data_len data_ptr argsz tail ro"},
	{"vdevice_alloc", run_vdevice_alloc, 2, 2, "viommu dev virt_id argsz tail ro"},
	{"veventq_alloc", run_veventq_alloc, 2, 2,
	 "viommu type depth flags reserved argsz tail ro"},
	{"hw_queue_alloc", run_hw_queue_alloc, 2, 2,
	 "viommu type index iova length flags argsz tail ro"},
	{"mmap_iommufd", run_mmap_iommufd, 2, 2, "off size prot share"},
	{"buf_word", run_buf_word, 1, 1, "off set"},
	{NULL, NULL, 0, 0, NULL},
};
