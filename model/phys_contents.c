// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is in emulated RAM: copies in and out, and which pages hold anything but zeros.
 *
 * A page that phys_write() never wrote reads as zero without being looked at, so that the host
 * backs nothing for it; cleared and reset are only pages that were written. Tables are written by
 * their owners without notice: their blocks are always looked at.
 *
 * Invariant: a page outside chunks of tables whose bit in `written` is clear is all zero; a block
 * with such a bit has its bit in `written_blocks`.
 */
#include "phys_priv.h"

#include <string.h>
#include <sys/mman.h>

#define DROP_PAGES 16u /* from here on handing pages back beats writing zeros */

static bool bit_is_set(const uint64_t *map, uint64_t n)
{
	return __atomic_load_n(&map[n / 64], __ATOMIC_RELAXED) & SIO_BIT(n % 64);
}

static void bit_set(uint64_t *map, uint64_t n)
{
	__atomic_fetch_or(&map[n / 64], SIO_BIT(n % 64), __ATOMIC_RELAXED);
}

/* First frame in [pfn, end) whose bit is `set`, else `end`. */
static uint64_t written_next(const struct phys_priv *priv, uint64_t pfn, uint64_t end, bool set)
{
	while (pfn < end) {
		uint64_t word = __atomic_load_n(&priv->written[pfn / 64], __ATOMIC_RELAXED);
		uint64_t found = (set ? word : ~word) >> pfn % 64;

		if (found) {
			pfn += (unsigned)__builtin_ctzll(found);
			return pfn < end ? pfn : end;
		}
		pfn = (pfn / 64 + 1) * 64;
	}
	return end;
}

/* ---- clearing ---- */

static void run_clear(struct phys *phys, uint64_t pfn, uint64_t end)
{
	void *host = phys_ptr(phys, pfn << SIO_PAGE_LG2);
	uint64_t bytes = (end - pfn) << SIO_PAGE_LG2;

	if (end - pfn < DROP_PAGES || madvise(host, bytes, MADV_DONTNEED) != 0)
		memset(host, 0, bytes);
	while (pfn < end) {
		uint64_t n = 64 - pfn % 64 < end - pfn ? 64 - pfn % 64 : end - pfn;
		uint64_t mask = (n == 64 ? ~UINT64_C(0) : SIO_BIT(n) - 1) << pfn % 64;

		__atomic_fetch_and(&phys->priv->written[pfn / 64], ~mask, __ATOMIC_RELAXED);
		pfn += n;
	}
}

/* Written frames of [pfn, end), all in one block. */
static void block_clear(struct phys *phys, uint64_t pfn, uint64_t end)
{
	struct phys_priv *priv = phys->priv;

	while ((pfn = written_next(priv, pfn, end, true)) < end) {
		uint64_t run_end = written_next(priv, pfn, end, false);

		run_clear(phys, pfn, run_end);
		pfn = run_end;
	}
}

void phys_contents_clear(struct phys *phys, uint64_t pfn, uint64_t n)
{
	struct phys_priv *priv = phys->priv;

	while (n) {
		uint64_t block = pfn / FRAMES_PER_BLOCK;
		uint64_t here = FRAMES_PER_BLOCK - pfn % FRAMES_PER_BLOCK;

		if (here > n)
			here = n;
		if (bit_is_set(priv->written_blocks, block)) {
			if (here == FRAMES_PER_BLOCK)
				__atomic_fetch_and(&priv->written_blocks[block / 64],
						   ~SIO_BIT(block % 64), __ATOMIC_RELAXED);
			block_clear(phys, pfn, pfn + here);
		}
		pfn += here;
		n -= here;
	}
}

void phys_contents_reset(struct phys *phys)
{
	struct phys_priv *priv = phys->priv;
	uint64_t words = ((phys->ram_bytes >> BLOCK_LG2) + 63) / 64;

	for (uint64_t i = 0; i < words; i++) {
		uint64_t blocks = priv->written_blocks[i];

		priv->written_blocks[i] = 0;
		for (; blocks; blocks &= blocks - 1) {
			uint64_t pfn =
				(i * 64 + (unsigned)__builtin_ctzll(blocks)) * FRAMES_PER_BLOCK;

			block_clear(phys, pfn, pfn + FRAMES_PER_BLOCK);
		}
	}
}

/* ---- copies ---- */

static void ram_mark_written(const struct phys_priv *priv, pa_t pa, uint64_t len)
{
	for (uint64_t pfn = pa >> SIO_PAGE_LG2; pfn <= (pa + len - 1) >> SIO_PAGE_LG2; pfn++) {
		if (bit_is_set(priv->written, pfn))
			continue;
		bit_set(priv->written, pfn);
		if (!bit_is_set(priv->written_blocks, pfn / FRAMES_PER_BLOCK))
			bit_set(priv->written_blocks, pfn / FRAMES_PER_BLOCK);
	}
}

static bool ram_may_hold(const struct phys_priv *priv, pa_t pa)
{
	return bit_is_set(priv->written, pa >> SIO_PAGE_LG2) ||
	       __atomic_load_n(&priv->is_tables[pa >> BLOCK_LG2], __ATOMIC_RELAXED);
}

/* Copy out of RAM page by page; a page that nobody wrote is zero and stays untouched. */
static void ram_read(const struct phys *phys, pa_t pa, uint8_t *buf, uint64_t len)
{
	while (len) {
		uint64_t n = SIO_PAGE_SIZE - (pa & (SIO_PAGE_SIZE - 1));

		if (n > len)
			n = len;
		if (ram_may_hold(phys->priv, pa))
			memcpy(buf, phys_ptr(phys, pa), n);
		else
			memset(buf, 0, n);
		pa += n;
		buf += n;
		len -= n;
	}
}

bool phys_read(const struct phys *phys, pa_t pa, void *buf, uint64_t len)
{
	const struct window *window;

	if (!len)
		return true;
	if (phys_is_ram(phys, pa, len)) {
		ram_read(phys, pa, buf, len);
		return true;
	}
	window = phys_window_find(phys, pa);
	if (!window || window->last - pa < len - 1 ||
	    !window->ops->read(window->ctx, pa - window->first, buf, len)) {
		memset(buf, 0xff, len);
		return false;
	}
	return true;
}

bool phys_write(struct phys *phys, pa_t pa, const void *buf, uint64_t len)
{
	const struct window *window;

	if (!len)
		return true;
	if (phys_is_ram(phys, pa, len)) {
		ram_mark_written(phys->priv, pa, len);
		memcpy(phys_ptr(phys, pa), buf, len);
		return true;
	}
	window = phys_window_find(phys, pa);
	return window && window->last - pa >= len - 1 &&
	       window->ops->write(window->ctx, pa - window->first, buf, len);
}
