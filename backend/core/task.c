// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reference counts of address spaces and tasks.
 *
 * A task holds one reference on its mm (NULL: given up). Both outlive the process that they
 * describe for as long as a mapping remembers them.
 */
#include "core/mm.h"

#include "recycle.h"

void mm_put(struct mm *mm)
{
	sio_assert(mm->refs != 0);
	if (--mm->refs == 0)
		mm->ops->destroy(mm);
}

struct user *user_create(void)
{
	struct user *user = recycle_calloc("user.create", sizeof(*user));

	if (user)
		user->refs = 1;
	return user;
}

void user_put(struct user *user)
{
	sio_assert(user->refs != 0);
	if (--user->refs == 0)
		recycle_free(user);
}

struct task *task_create(void)
{
	return nofail_recycle("what runs is no matter of the IOMMU", sizeof(struct task));
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
	recycle_free(task);
}
