// SPDX-License-Identifier: GPL-2.0-only
/*
 * Recordings: what devices and their drivers do of themselves, whoever has them open.
 *
 * "dev_write" and "dev_read" are DMA under the device's own requester id, with any kind of device.
 * "dev_pin", "dev_unpin" and "dev_rw" are what a driver of an emulated device asks of the container
 * that the device is in; after "dev_on_unmap" it gives back what it holds of a mapping that goes.
 * Between "dev_watch" and "dev_watched" a device tries, whenever something was mapped in a domain
 * and the call goes on, to read at an address.
 *
 * Invariant: `pin` has every range that was ever pinned. To give back a page once more than it is
 * pinned changes nothing, so nothing is ever taken out.
 */
#include "trace/golden_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "machine.h"

#define BYTES_MAX 65536u
#define PINS_MAX  512u

struct sio_device *golden_device(struct golden *g, unsigned n)
{
	const char *name = rec_bare(g->op, n);
	const struct golden_name *entry = golden_find(g, GOLDEN_DEVICE, name);

	if (!entry || !entry->device)
		golden_bad(g, "%s: no device \"%.80s\"", g->op->name, name);
	return entry ? entry->device : NULL;
}

/* A buffer of "len=" bytes, 8 without it; NULL: g->rc is set. */
static uint8_t *take_bytes(struct golden *g, size_t *len)
{
	uint64_t asked = golden_number(g, "len", 8);
	uint8_t *bytes;

	if (asked > BYTES_MAX)
		golden_bad(g, "%s: len is at most %u", g->op->name, BYTES_MAX);
	if (g->rc)
		return NULL;
	bytes = calloc(1, asked + 1);
	if (!bytes)
		g->rc = -ENOMEM;
	*len = (size_t)asked;
	return bytes;
}

static void put_crc(struct golden *g, const uint8_t *bytes, size_t len)
{
	strbuf_add(&g->out, " crc32=0x%08lx", crc32(crc32(0, NULL, 0), bytes, (uInt)len));
}

/* ---- DMA ---- */

static int run_dev_read(struct golden *g)
{
	struct sio_device *device = golden_device(g, 0);
	uint64_t iova = golden_need(g, "iova");
	size_t len;
	uint8_t *bytes = take_bytes(g, &len);
	int rc;

	if (!bytes)
		return g->rc;
	rc = sio_dma_read(device, iova, bytes, len, NULL);
	golden_answer(g, rc);
	if (!rc)
		put_crc(g, bytes, len);
	free(bytes);
	return 0;
}

static int run_dev_write(struct golden *g)
{
	struct sio_device *device = golden_device(g, 0);
	uint64_t iova = golden_need(g, "iova");
	uint32_t seed = (uint32_t)golden_number(g, "seed", 1);
	size_t len;
	uint8_t *bytes = take_bytes(g, &len);

	if (!bytes)
		return g->rc;
	golden_sequence(bytes, len, seed);
	golden_answer(g, sio_dma_write(device, iova, bytes, len, NULL));
	free(bytes);
	return g->rc;
}

static int run_dev_request(struct golden *g)
{
	struct sio_device *device = golden_device(g, 0);
	const struct sio_page_request request = {
		.iova = golden_need(g, "iova"),
		.has_pasid = rec_value(g->op, "pasid") != NULL,
		.pasid = (uint32_t)golden_number(g, "pasid", 0),
		.read = golden_number(g, "read", 1),
		.write = golden_number(g, "write", 0),
		.last = golden_number(g, "last", 1),
		.group = (uint16_t)golden_number(g, "group", 0),
	};

	if (!g->rc)
		golden_answer(g, sio_page_request(device, &request));
	return g->rc;
}

/* ---- pages that drivers hold ---- */

static int remember(struct golden *g, uint64_t iova, unsigned pages)
{
	struct golden_pin *pin = realloc(g->pin, (g->pins + 1) * sizeof(*pin));

	if (!pin)
		return -ENOMEM;
	g->pin = pin;
	g->pin[g->pins++] = (struct golden_pin){iova, pages};
	return 0;
}

static int run_dev_pin(struct golden *g)
{
	static const char *const prots[] = {"none", "r", "w", "rw"};
	struct sio_device *device = golden_device(g, 0);
	uint64_t iova = golden_need(g, "iova"), pages = golden_number(g, "pages", 1);
	uint64_t address[PINS_MAX + 1];
	const char *text = rec_value(g->op, "prot");
	unsigned prot = text ? 0 : SIO_PROT_RW;
	int rc;

	while (text && prot < SIO_ARRAY_SIZE(prots) && strcmp(text, prots[prot]))
		prot++;
	if (prot == SIO_ARRAY_SIZE(prots))
		golden_bad(g, "prot: \"%.20s\" is none of none, r, w, rw", text);
	if (pages > SIO_ARRAY_SIZE(address))
		golden_bad(g, "%s: pages is at most %u", g->op->name, PINS_MAX + 1);
	if (g->rc)
		return g->rc;
	rc = sio_device_pin_pages(device, iova, (unsigned)pages, prot, address);
	golden_answer(g, rc);
	return rc > 0 ? remember(g, iova, (unsigned)pages) : 0;
}

static int run_dev_unpin(struct golden *g)
{
	struct sio_device *device = golden_device(g, 0);
	uint64_t iova = golden_need(g, "iova"), pages = golden_number(g, "pages", 1);

	if (!g->rc)
		golden_answer(g, sio_device_unpin_pages(device, iova, (unsigned)pages));
	return g->rc;
}

static void give_back(void *user, struct sio_device *device, uint64_t iova, uint64_t size)
{
	const struct golden *g = user;

	for (unsigned i = 0; i < g->pins; i++)
		for (uint64_t page = 0; page < g->pin[i].pages; page++) {
			uint64_t at = g->pin[i].iova + page * SIO_PAGE_SIZE;

			if (at - iova < size)
				sio_device_unpin_pages(device, at, 1);
		}
}

static int run_dev_on_unmap(struct golden *g)
{
	struct sio_device *device = golden_device(g, 0);

	if (!g->rc)
		golden_answer(g, sio_device_on_unmap(device, give_back, g));
	return g->rc;
}

static int run_dev_rw(struct golden *g)
{
	struct sio_device *device = golden_device(g, 0);
	uint64_t iova = golden_need(g, "iova");
	bool write = golden_number(g, "write", 0), kernel = golden_number(g, "kernel", 0);
	size_t len;
	uint8_t *bytes = take_bytes(g, &len);
	int rc;

	if (!bytes)
		return g->rc;
	if (write)
		golden_sequence(bytes, len, (uint32_t)golden_number(g, "seed", 1));
	rc = sio_device_dma_rw(device, kernel ? NULL : g->s->process, iova, bytes, len, write);
	golden_answer(g, rc);
	if (!rc && !write)
		put_crc(g, bytes, len);
	free(bytes);
	return g->rc;
}

static void forget(struct sio_device *device, const struct golden *g)
{
	if (device->unmap_user == g)
		sio_device_on_unmap(device, NULL, NULL);
}

void golden_device_fini(struct golden *g)
{
	struct sio_machine *machine = g->s->machine;

	if (machine && g->watch)
		machine->iommu.moment = NULL;
	for (unsigned i = 0; machine && i < machine->device_count; i++)
		forget(&machine->device[i], g);
	for (struct sio_device *at = machine ? machine->emulated : NULL; at; at = at->next)
		forget(at, g);
	free(g->pin);
	g->pin = NULL;
	g->pins = 0;
}

/* In the middle of a call, under the machine's lock. */
static void watch(void *ctx, enum iommu_moment which)
{
	struct golden *g = ctx;
	uint64_t got;
	const struct dma_req req = {
		.segment = g->watch->fn->segment,
		.requester = pci_requester_id(g->watch->fn),
		.iova = g->watched,
		.len = sizeof(got),
		.kind = DMA_READ,
	};

	if (which == IOMMU_MOMENT_MAPPED &&
	    !machine_transfer(g->s->machine, g->s->machine->port, &req, &got, NULL))
		g->reached++;
}

static int run_dev_watch(struct golden *g)
{
	struct sio_device *device = golden_device(g, 0);

	g->watched = golden_need(g, "iova");
	if (!g->rc && !device->iommu)
		golden_bad(g, "%s: an emulated device has no DMA", g->op->name);
	if (g->rc)
		return g->rc;
	g->watch = device;
	g->reached = 0;
	g->s->machine->iommu.moment = watch;
	g->s->machine->iommu.moment_ctx = g;
	golden_answer(g, 0);
	return 0;
}

/* How often it was reached meanwhile; and the watch ends. */
static int run_dev_watched(struct golden *g)
{
	golden_device(g, 0);
	if (g->rc)
		return g->rc;
	g->s->machine->iommu.moment = NULL;
	golden_answer(g, 0);
	strbuf_add(&g->out, " reached=%u", g->reached);
	return 0;
}

/* As kernels before 6.6 do: who opens the device may take it away from memory of firmware's. */
static int run_dev_relaxed(struct golden *g)
{
	struct sio_device *device = golden_device(g, 0);

	if (!g->rc && !device->iommu)
		golden_bad(g, "%s: an emulated device has no memory of firmware's", g->op->name);
	if (g->rc)
		return g->rc;
	device->iommu->require_direct = false;
	golden_answer(g, 0);
	return 0;
}

const struct golden_word golden_device_words[] = {
	{"dev_read", run_dev_read, 1, 1, "iova len"},
	{"dev_write", run_dev_write, 1, 1, "iova len seed"},
	{"dev_request", run_dev_request, 1, 1, "iova read write last group pasid"},
	{"dev_pin", run_dev_pin, 1, 1, "iova pages prot"},
	{"dev_unpin", run_dev_unpin, 1, 1, "iova pages"},
	{"dev_on_unmap", run_dev_on_unmap, 1, 1, NULL},
	{"dev_rw", run_dev_rw, 1, 1, "iova len write seed kernel"},
	{"dev_watch", run_dev_watch, 1, 1, "iova"},
	{"dev_watched", run_dev_watched, 1, 1, NULL},
	{"dev_relaxed", run_dev_relaxed, 1, 1, NULL},
	{NULL, NULL, 0, 0, NULL},
};
