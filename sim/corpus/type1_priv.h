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

#endif
