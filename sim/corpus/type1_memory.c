// SPDX-License-Identifier: GPL-2.0-only
/*
 * The memory of a recorded process, in the areas that the process of an input has.
 *
 * A buffer without such an area keeps its addresses, where nothing is.
 */
#include "corpus/type1_priv.h"

#include <string.h>

#define SPACING     UINT64_C(0x1000000000)
#define USUAL_ALIGN UINT64_C(0x200000)

uint64_t type1_number(const struct rec_op *line, const char *key, uint64_t absent)
{
	const char *text = rec_value(line, key);
	uint64_t value = absent;

	if (text && !text_number(text, &value))
		return absent;
	return value;
}

bool type1_add_buffer(struct type1_memory *memory, const struct rec_op *line)
{
	const char *prot = rec_value(line, "prot"), *kind = rec_value(line, "kind");
	uint64_t huge = type1_number(line, "huge", 0);
	struct type1_buffer *b = &memory->buffer[memory->buffers];

	if (memory->buffers == TYPE1_BUFFERS || !rec_bare(line, 0))
		return false;
	memory->buffers++;
	*b = (struct type1_buffer){
		.name = rec_bare(line, 0),
		.address = SPACING * ++memory->made + type1_number(line, "align", USUAL_ALIGN),
		.size = type1_number(line, "size", 0),
		.area = !prot || !strcmp(prot, "rw") ? 0u
			: !strcmp(prot, "r")         ? 2u
						     : OPS_AREAS,
	};
	for (unsigned i = 0; i < OPS_AREAS && (!kind || !strcmp(kind, "shared")); i++)
		if (b->address == ops_areas[i].address &&
		    b->size == ops_areas[i].pages * OPS_PAGE && (huge != 0) == ops_areas[i].huge &&
		    (b->area == 2) == !ops_areas[i].writable && !kind == ops_areas[i].anonymous &&
		    !ops_areas[i].device && b->area != OPS_AREAS) {
			b->same = true;
			b->area = i;
		}
	return true;
}

/* Memory of an area for `size` bytes of a buffer at `off`; false: the area is too small. */
static bool place(const struct type1_buffer *b, uint64_t off, uint64_t size, uint64_t *vaddr)
{
	const struct ops_area *area = &ops_areas[b->area];
	uint64_t room = area->pages * OPS_PAGE;
	uint64_t whole = size + off % OPS_PAGE + OPS_PAGE - 1;

	whole -= whole % OPS_PAGE;
	if (off >= b->size) {
		off = room + (off - b->size);
	} else if (size <= b->size - off) {
		if (whole > room)
			return false;
		off = off % OPS_PAGE + off / OPS_PAGE % ((room - whole) / OPS_PAGE + 1) * OPS_PAGE;
	} else {
		if (b->size - off > room)
			return false;
		off = room - (b->size - off);
	}
	*vaddr = area->address + off;
	return true;
}

static bool in_area(uint64_t vaddr)
{
	for (unsigned i = 0; i < OPS_AREAS; i++)
		if (vaddr >= ops_areas[i].address &&
		    vaddr - ops_areas[i].address < ops_areas[i].pages * OPS_PAGE)
			return true;
	return false;
}

bool type1_translate(struct type1_memory *memory, uint64_t vaddr, uint64_t size, uint64_t *to)
{
	const struct type1_buffer *b = NULL;
	uint64_t recorded = vaddr;
	bool fits = true;

	for (unsigned i = 0; i < memory->buffers; i++)
		if (vaddr >= memory->buffer[i].address &&
		    vaddr - memory->buffer[i].address < SPACING / 2)
			b = &memory->buffer[i];
	*to = vaddr;
	if (b && (b->same || b->changed))
		return !b->changed;
	if (b && b->area < OPS_AREAS)
		fits = place(b, vaddr - b->address, size, to);
	else if (in_area(vaddr)) /* where the process has no memory that it could map */
		*to = vaddr + SPACING * (OPS_AREAS + 1);
	memory->moved |= *to != recorded;
	return fits;
}

struct type1_buffer *type1_find_buffer(struct type1_memory *memory, const char *name)
{
	for (unsigned i = memory->buffers; name && i-- > 0;)
		if (!strcmp(memory->buffer[i].name, name))
			return &memory->buffer[i];
	return NULL;
}
