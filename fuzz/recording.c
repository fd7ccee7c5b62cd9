// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any text as a recording: it replays with all audits holding whatever its answers are, or is
 * refused with one line.
 */
#include "fuzz.h"

#include "lines.h"

#include <stdlib.h>
#include <string.h>

/* Bytes of all buffers and files of an input. */
#define MEMORY_MAX (UINT64_C(256) << 20)
#define LINE_MAX   4096u

/* How recordings begin. */
#define SYSTEM(kernel, platform) "# kernel: Linux " kernel "\n# platform: " platform "\n"
#define DEVICES(a, b)                       \
	"device A " a " => ret=0 group=9\n" \
	"device B " b " => ret=0 group=10\n"
#define TYPE1(kernel, platform, a, b, type)                                           \
	SYSTEM(kernel, platform)                                                      \
	"# container: type1\n" DEVICES(a, b) "container c => ret=0\n"                 \
					     "group g A => ret=0 status_flags=0x1\n"  \
					     "group g2 B => ret=0 status_flags=0x1\n" \
					     "set_container g c => ret=0\n"           \
					     "set_iommu c " type " => ret=0\n"        \
					     "get_device d g A => ret=0\n"            \
					     "buffer b size=0x400000 => ret=0\n"
#define IOMMUFD(kernel, platform, a, b)     \
	SYSTEM(kernel, platform)            \
	DEVICES(a, b)                       \
	"iommufd f => ret=0\n"              \
	"cdev d A => ret=0\n"               \
	"bind d f => ret=0 id=1\n"          \
	"ioas_alloc f i => ret=0 id=2\n"    \
	"buffer b size=0x400000 => ret=0\n" \
	"attach d i as=h => ret=0 id=3\n"

static const char *const heads[] = {
	TYPE1("6.12.117", "vtd48", "01:00.0", "02:00.0", "3"),
	TYPE1("3.16.0", "vtd39", "01:00.0", "02:00.0", "1"),
	TYPE1("4.19.78", "amdvi", "00:11.0", "00:12.0", "3"),
	TYPE1("6.1.192", "vtd48", "01:00.0", "02:00.0", "3"),
	TYPE1("7.2.13", "amdvi", "00:11.0", "00:12.0", "1"),
	IOMMUFD("6.12.117", "vtd48", "01:00.0", "02:00.0"),
	IOMMUFD("7.2.13", "amdvi", "00:11.0", "00:12.0"),
	"# kernel: Linux 6.12.117\n"
	"# platform: mock\n"
	"iommufd f => ret=0\n"
	"ioas_alloc f i => ret=0 id=1\n"
	"t_mock_domain f m pt=i => ret=0 stdev=2 hwpt=3 idev=4\n"
	"buffer b size=0x400000 => ret=0\n"
	"memfd mf size=0x20000 => ret=0\n",
	"# kernel: Linux 7.2.13\n"
	"# platform: mock\n"
	"iommufd f => ret=0\n"
	"ioas_alloc f i => ret=0 id=1\n"
	"t_mock_domain f m pt=i => ret=0 stdev=2 hwpt=3 idev=4\n"
	"buffer b size=0x400000 => ret=0\n"
	"memfd mf size=0x20000 => ret=0\n",
};

static const char *const lines[] = {
	"map c iova=0x10000 buf=b off=0 size=0x10000 => ret=0\n",
	"map c iova=0x200000 buf=b off=0x200000 size=0x200000 flags=rw => ret=0\n",
	"map c iova=0x40000 buf=b off=0x1000 size=0x3000 flags=r => ret=0\n",
	"map_raw c iova=0xfffffffff000 vaddr=0x1000200000 size=0x1000 flags=rw => ret=-1 "
	"errno=EINVAL\n",
	"unmap c iova=0x10000 size=0x10000 => ret=0 size=0x10000\n",
	"unmap c iova=0x0 size=0x400000 => ret=0 size=0x10000\n",
	"unmap c iova=0 size=0 flags=2 => ret=0 size=0x10000\n",
	"unmap c iova=0x10000 size=0x10000 flags=4 => ret=0 size=0x10000\n",
	"unmap c iova=0x10000 size=0x10000 flags=1 pgsize=4096 bitmap_size=8 => ret=0 size=0x10000 "
	"bitmap=ffff000000000000\n",
	"dirty c start => ret=0\n",
	"dirty c stop => ret=0\n",
	"dirty c get iova=0x10000 size=0x10000 pgsize=4096 bitmap_size=8 => ret=0 "
	"bitmap=ffff000000000000\n",
	"info c => ret=0\n",
	"check_extension c 4 => ret=1\n",
	"set_container g2 c => ret=0\n",
	"unset_container g2 => ret=0\n",
	"unset_container g => ret=-1 errno=EBUSY\n",
	"group_status g => ret=0 status_flags=0x3\n",
	"get_device d2 g2 B => ret=0\n",
	"close d => ret=0\n",
	"close g => ret=0\n",
	"close c => ret=0\n",
	"locked => ret=0 VmLck=64 VmPin=0\n",
	"rlimit_memlock 0x40000 => ret=0\n",
	"# caps=none\n",
	"# caps=all\n",
	"param dma_entry_limit 4 => ret=0\n",
	"param disable_hugepages 1 => ret=0\n",
	"buffer h size=0x400000 huge=1 => ret=0\n",
	"buffer s size=0x40000 kind=shared => ret=0\n",
	"bufunmap b off=0x1000 size=0x1000 => ret=0\n",
	"bufprot b off=0 size=0x2000 prot=r => ret=0\n",
	"bufmap b off=0x1000 size=0x1000 => ret=0\n",
	"bufdiscard b off=0 size=0x4000 => ret=0\n",
	"fill b off=0 size=0x1000 byte=0x5a => ret=0\n",
	"fillseq b seed=5 => ret=0\n",
	"check b off=0 size=0x1000 => ret=0 crc32=0x0\n",
	"dma_to_dev d iova=0x10000 len=64 => ret=0 ok=1\n",
	"dma_from_dev d iova=0x11000 len=4096 => ret=0 ok=1\n",
	"fork => ret=0\n"
	"locked => ret=0 VmLck=0 VmPin=0\n"
	"endfork => ret=0\n",
	"mmap_bar bar d => ret=0 size=0x100000\n",
	"spawn p => ret=0\n"
	"turn p => ret=0\n",
	"turn main => ret=0\n",
	"end p => ret=0\n",
	"exit => ret=0\n",
	"inject alloc nth=3 => ret=0\n",
	"inject type1.* nth=5 errno=ENOMEM => ret=0\n",
	"inject off => ret=0 failed=-\n",
	"rare map.busy => ret=0\n",
	"rare off => ret=0\n",
	"dev_read A iova=0x10000 => ret=0 crc32=?\n",
	"dev_write A iova=0x11ff8 len=16 => ret=0\n",
	"dev_on_unmap A => ret=0\n",
	"dev_pin A iova=0x10000 pages=3 => ret=3\n",
	"dev_unpin A iova=0x11000 => ret=1\n",
	"dev_rw A iova=0x10ffc len=8 write=1 => ret=0\n",
	"dev_watch A iova=0x10000 => ret=0\n",
	"dev_watched A => ret=0 reached=1\n",
	"stats => ret=0 ...\n",
	"ioas_areas f i => ret=0 domains=1 areas=[]\n",
	"ioas_alloc f k ro=1 => ret=-1 errno=EFAULT\n",
	"reset d => ret=-1 errno=ENOTTY\n",
	"ioas_map f i buf=b off=0 size=0x10000 flags=7 iova=0x10000 => ret=0 iova=0x10000\n",
	"ioas_map f i buf=b off=0x1000 size=0x8000 flags=6 => ret=0 iova=0x0\n",
	"ioas_map_file f i file=mf size=0x10000 start=0x4000 flags=7 iova=0x1000000 => ret=0 "
	"iova=0x1000000\n",
	"ioas_unmap f i iova=0x10000 size=0x10000 => ret=0 length=0x10000\n",
	"ioas_unmap f i iova=0 size=0xffffffffffffffff => ret=0 length=0x10000\n",
	"ioas_alloc f j => ret=0 id=4\n",
	"attach d j as=hj => ret=0 id=5\n",
	"detach d => ret=0\n",
	"hwpt_alloc f h2 dev=d pt=i flags=0 => ret=0 id=6\n",
	"destroy f i => ret=-1 errno=EBUSY\n",
	"t_check_map f hwpt=m.hwpt iova=0x1000000 length=0x10000 buf=b off=0x4000 => ret=0\n",
	"t_check_refs f buf=b off=0x4000 length=0x10000 refs=1 => ret=0\n",
	"t_access_create f x ioas=i flags=0 => ret=0\n",
	"t_access_rw f x iova=0x1000000 length=0x10000 buf=b flags=0 => ret=0\n",
};

static const struct lines_words words = {
	.head = heads,
	.heads = sizeof(heads) / sizeof(heads[0]),
	.line = lines,
	.lines = sizeof(lines) / sizeof(lines[0]),
};

static uint64_t line_memory(const char *line)
{
	const char *size = strstr(line, " size=");

	if (!size || (strncmp(line, "buffer", 6) != 0 && strncmp(line, "memfd", 5) != 0))
		return 0;
	return strtoull(size + strlen(" size="), NULL, 0);
}

/* The emulated memory that is touched is memory of the host. */
static bool is_modest(const uint8_t *data, size_t size)
{
	char line[LINE_MAX];
	uint64_t sum = 0;
	size_t end;

	for (size_t at = 0; at < size && sum <= MEMORY_MAX; at = end + 1) {
		const uint8_t *feed = memchr(data + at, '\n', size - at);
		size_t len;
		uint64_t more;

		end = feed ? (size_t)(feed - data) : size;
		len = end - at < LINE_MAX - 1 ? end - at : LINE_MAX - 1;
		memcpy(line, data + at, len);
		line[len] = '\0';
		more = line_memory(line + strspn(line, " \t"));
		sum = more > MEMORY_MAX ? more : sum + more;
	}
	return sum <= MEMORY_MAX;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (is_modest(data, size))
		lines_replay(data, size, "recording");
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	return lines_mutate(data, size, max_size, seed, &words);
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *data1, size_t size1, const uint8_t *data2,
				 size_t size2, uint8_t *out, size_t max_out_size, unsigned seed)
{
	return lines_splice(data1, size1, data2, size2, out, max_out_size, seed);
}
