// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reference counts of address spaces and tasks.
 *
 * A task is one malloc'ed block of its creator and holds one reference on its mm (NULL: given up).
 * Both outlive the process that they describe for as long as a mapping remembers them.
 */
#include "core/mm.h"

#include "fail.h"

#include <stdlib.h>

void mm_put(struct mm *mm)
{
	sio_assert(mm->refs != 0);
	if (--mm->refs == 0)
		mm->ops->destroy(mm);
}

struct user *user_create(void)
{
	struct user *user = fail_calloc("user.create", 1, sizeof(*user));

	if (user)
		user->refs = 1;
	return user;
}

void user_put(struct user *user)
{
	sio_assert(user->refs != 0);
	if (--user->refs == 0)
		free(user);
}

struct task *task_get(struct task *task)
{
	task->refs++;
	return task;
}

void task_put(struct task *task)
{
	sio_assert(task->refs != 0);
	if (--task->refs)
		return;
	if (task->mm)
		mm_put(task->mm);
	if (task->user)
		user_put(task->user);
	free(task);
}
