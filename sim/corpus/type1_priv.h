/* SPDX-License-Identifier: GPL-2.0-only */
/* Inside the conversion of type1 sessions: what reading and choosing share. */
#ifndef CORPUS_TYPE1_PRIV_H
#define CORPUS_TYPE1_PRIV_H

#include "corpus/type1.h"

/* Platform, kernel, type of the container, and which group is which. */
void type1_choose(struct type1_session *session, const struct recording *rec);
bool type1_succeeded(const struct rec_op *line);
/* Not only about the process or the module. */
bool type1_is_container_op(enum op_kind kind);

/* A value of a line that is a number; absent or none: `absent`. */
uint64_t type1_number(const struct rec_op *line, const char *key, uint64_t absent);

/* ---- type1_memory.c ---- */

#define TYPE1_BUFFERS 64u

struct type1_buffer {
	const char *name;
	uint64_t address, size;
	unsigned area; /* OPS_AREAS: it has no memory, or none that can be used */
	bool same;     /* it is that area */
	bool changed;  /* no area is like it */
};

struct type1_memory {
	struct type1_buffer buffer[TYPE1_BUFFERS];
	unsigned buffers, made;
	bool moved; /* some address is another in the encoding */
};

/* False: there is no room, or the line names none. */
bool type1_add_buffer(struct type1_memory *memory, const struct rec_op *line);
/* Where the memory of `vaddr` is in the encoding; false: it has none such. */
bool type1_translate(struct type1_memory *memory, uint64_t vaddr, uint64_t size, uint64_t *to);
/* The newest of that name; NULL: none. */
struct type1_buffer *type1_find_buffer(struct type1_memory *memory, const char *name);

#endif
