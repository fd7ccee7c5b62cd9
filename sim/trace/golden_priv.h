/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside the replay of recordings: the state that operations share. Used by golden*.c and author.c
 * only.
 *
 * Names live in five name spaces (devices, buffers, open files, iommufd objects, processes). A name
 * bound again hides the earlier one until the newer is closed, so bindings form a stack searched
 * from its top; only an object's name is simply given away. A child made by "fork" works on a copy
 * of the stack that "endfork" drops.
 *
 * An operation's function writes the answer into `out` and returns 0, or a negative errno value
 * when the line itself is bad (the error is written then) or memory ran out.
 */
#ifndef SIM_TRACE_GOLDEN_PRIV_H
#define SIM_TRACE_GOLDEN_PRIV_H

#include "softiommu.h"
#include "trace/recording.h"
#include "trace/session.h"

enum golden_space { GOLDEN_DEVICE, GOLDEN_BUFFER, GOLDEN_FILE, GOLDEN_OBJECT, GOLDEN_PROCESS };

struct golden_name {
	enum golden_space space;
	const char *name;
	const char *suffix; /* ".dev" of "m.dev"; "" */
	union {
		struct sio_device *device; /* NULL: the platform has none */
		struct {
			uint64_t address, size;
			enum sio_contiguity contiguity;
		} buffer;
		struct {
			int fd;
			struct sio_device *device; /* of a device file that was opened by name */
			bool enabled;              /* bus master and memory enable were set */
			uint64_t bar;              /* offset of region 0, once enabled */
		} file;
		struct {
			uint32_t id;
			uint64_t window, window_len; /* of the descriptor, that it offers */
		} object;
		struct sio_process *process;
	};
};

struct golden_names {
	struct golden_name *entry;
	unsigned count, room;
};

/* A parent that waits in "fork". */
struct golden_frame {
	struct sio_process *process;
	struct golden_names names;
	unsigned buffers;
	int container;
};

struct golden_pair {
	uint64_t recorded, ours;
};

/* Pages that a device's driver has pinned, or had. */
struct golden_pin {
	uint64_t iova;
	unsigned pages;
};

struct golden {
	struct session *s;
	const struct rec_op *op;
	struct golden_names names;
	unsigned buffers; /* made so far: their addresses follow from it */
	struct golden_frame *frame;
	unsigned frames;
	struct golden_pair *group; /* recorded group numbers and ours */
	unsigned groups;
	struct sio_process *first; /* while it is another one's turn; else NULL */
	struct golden_pin *pin;
	unsigned pins;
	struct sio_device *watch; /* tries to read, whenever something was mapped; NULL: none */
	uint64_t watched;         /* where */
	unsigned reached;         /* how often it got through */
	uint8_t behind;           /* the byte behind the buffer that structures lie in */
	enum sio_contiguity contiguity; /* of memory without huge pages */
	struct strbuf out;
	int rc; /* a malformed argument was met */
};

/* ---- arguments ---- */

/* Number of a key; `absent` if it is not there. A malformed one sets g->rc. */
uint64_t golden_number(struct golden *g, const char *key, uint64_t absent);
/* The same, but the key must be there. */
uint64_t golden_need(struct golden *g, const char *key);
/* The n-th bare word as a number. */
uint64_t golden_bare_number(struct golden *g, unsigned n);
/* Writes the error "bad argument" and sets g->rc. */
SIO_PRINTF(2, 3) void golden_bad(struct golden *g, const char *format, ...);

/* ---- names ---- */

struct golden_name *golden_find(struct golden *g, enum golden_space space, const char *name);
/* Bind; the fields beside space and name are the caller's. NULL: no memory. */
struct golden_name *golden_bind(struct golden *g, enum golden_space space, const char *name);
/* The descriptor of a file name, -1 if nothing is open under it. */
int golden_fd(struct golden *g, const char *name);
/* The buffer that key "buf" or the first bare word names; NULL and g->rc set if there is none. */
const struct golden_name *golden_buffer(struct golden *g, const char *name);
bool golden_names_copy(struct golden_names *to, const struct golden_names *from);
/* Where the next buffer goes. */
uint64_t golden_next_address(struct golden *g, uint64_t align);
/* Bytes of "fillseq": the top byte of a linear congruential sequence behind x; the next x. */
uint32_t golden_sequence(uint8_t *bytes, size_t len, uint32_t x);
/* The new file's name. 0, -ENOMEM. */
int golden_bind_fd(struct golden *g, const char *name, int fd);

/* ---- iommufd: golden_object.c ---- */

/* Id of an object that a word or a key's value names: a number stands for itself, an unknown name
 * for an id that is never valid. */
uint32_t golden_object_id(struct golden *g, const char *name);
uint32_t golden_object(struct golden *g, const char *key, uint32_t absent);
/* Name an object, or give its name away. NULL: no memory. */
struct golden_name *golden_bind_object(struct golden *g, const char *name, const char *suffix,
				       uint32_t id);
/*
 * A command of iommufd on the descriptor `fd`: the structure lies in a zeroed buffer of a page, its
 * size field is `size` or what "argsz=" says, "tail=" is the byte behind it; with "ro=1" it cannot
 * be written. The answer comes back
 * into *cmd; as that of golden_ioctl(). A malformed argument sets g->rc.
 */
long golden_command(struct golden *g, int fd, unsigned long request, void *cmd, size_t size);
/* That on the file of the first bare word; writes the answer. True: it succeeded. */
bool golden_run_command(struct golden *g, unsigned long request, void *cmd, size_t size);
/* " id=N", and the name of the second bare word. 0, -ENOMEM. */
int golden_made(struct golden *g, uint32_t id);
/* An address that a key gives instead of memory of ours, `absent` without the key. It must be one
 * where no program has memory; any other sets g->rc. */
uint64_t golden_pointer(struct golden *g, const char *key, uint64_t absent);
/* Bytes of a key's hexadecimal digits, to be freed; NULL: none, or g->rc set. */
uint8_t *golden_hex(struct golden *g, const char *key, size_t *len);

/* ---- answers ---- */

/* "ret=N", or "ret=-1 errno=NAME" for a negative errno value. */
void golden_answer(struct golden *g, long ret);
/* sio_ioctl(), as >= 0 or a negative errno value. */
long golden_ioctl(struct golden *g, int fd, unsigned long request, void *arg);
/* " bitmap=..." as recordings write bytes. */
void golden_put_bytes(struct golden *g, const uint8_t *bytes, size_t len);

/* ---- operations ---- */

struct golden_word {
	const char *name;
	int (*run)(struct golden *g);
	uint8_t bare_min, bare_max;
	const char *keys; /* allowed keys, each between spaces; NULL: none */
};

/* Ends with a NULL name. */
extern const struct golden_word golden_process_words[], golden_memory_words[], golden_file_words[],
	golden_container_words[], golden_dma_words[], golden_ioas_words[], golden_node_words[],
	golden_hwpt_words[], golden_viommu_words[], golden_events_words[], golden_memfile_words[],
	golden_mock_words[], golden_device_words[], golden_inside_words[];

/* Bus master and memory enable of an open device file, its BAR 0. 0 or -errno of the emulated call.
 */
int golden_enable(struct golden *g, struct golden_name *file);

/* Drivers of devices forget the session. */
void golden_device_fini(struct golden *g);
/* The device of the n-th bare word; NULL and g->rc set if there is none. */
struct sio_device *golden_device(struct golden *g, unsigned n);

/* ---- comparison ---- */

/* Field by field; pairs recorded group numbers with ours. */
bool golden_same_answer(struct golden *g, const char *want, const char *got);
/*
 * The recorded answer of a DMA is what a context entry from before the session gives, of which the
 * unit was never told that it is gone.
 */
bool golden_is_left_over(struct golden *g, const char *want, const char *got);

/* ---- physical contiguity: golden_layout.c ---- */

/* How the session's memory lies, as far as its answers tell. */
struct golden_layout {
	enum sio_contiguity contiguity;
	/* Of each operation with contiguous memory; NULL: a layout was found that explains all. */
	char **answer;
	unsigned answers;
};

/*
 * Find the layout with which the recording holds, by doing it on machines of their own. 0, -ENOMEM,
 * or what is wrong with an operation.
 */
int golden_layout_choose(struct session *s, const struct recording *rec,
			 struct golden_layout *layout);
void golden_layout_fini(struct golden_layout *layout);
/* The charge recorded lies between those of scattered (`got`) and of contiguous memory. */
bool golden_is_between(const struct golden *g, const char *want, const char *got,
		       const char *contiguous);

/* ---- steps of a replay: golden.c ---- */

int golden_boot(struct session *s, const struct recording *rec);
/* Operations and arguments are such as there are. 0, -EINVAL. */
int golden_check(struct session *s, const struct recording *rec);
/* Do an operation; the answer is in g->out. */
int golden_perform(struct golden *g, const struct rec_op *op);
void golden_fini(struct golden *g);

#endif
