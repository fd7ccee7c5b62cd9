// SPDX-License-Identifier: GPL-2.0-only
/*
 * Processes of a machine and their memory.
 *
 * A process is a task, a simulated address space and a table of descriptors. Exit gives up the
 * memory before the files, as the kernel does: a container that is released then finds its owner's
 * address space gone and leaves the accounting alone.
 */
#include <errno.h>
#include <stdlib.h>

#include "machine.h"

/* Where memory goes that may lie anywhere; neighbours stay 2 MiB apart. */
#define ADDRESS_FIRST (UINT64_C(1) << 32)
#define ADDRESS_ALIGN (UINT64_C(2) << 20)

struct caller machine_caller(const struct sio_process *process)
{
	return (struct caller){.task = process->task, .fds = process->fds};
}

/* Takes over the reference on mm, also when it fails. */
static struct sio_process *process_new(struct sio_machine *machine, struct mm *mm,
				       struct fd_table *fds)
{
	struct sio_process *process = calloc(1, sizeof(*process));
	struct task *task = calloc(1, sizeof(*task));

	if (!process || !task || !mm || !fds) {
		free(process);
		free(task);
		if (fds)
			fd_table_destroy(fds);
		if (mm) {
			mm_sim_exit(mm);
			mm_put(mm);
		}
		return NULL;
	}
	*task = (struct task){
		.mm = mm,
		.refs = 1,
		.cap_ipc_lock = true,
		.cap_sys_rawio = true,
		.rlimit_memlock = UINT64_MAX,
	};
	*process = (struct sio_process){
		.machine = machine,
		.task = task,
		.fds = fds,
		.next_address = ADDRESS_FIRST,
		.next = machine->processes,
	};
	machine->processes = process;
	return process;
}

/* An empty address space that behaves as the machine's kernel. NULL: no memory. */
static struct mm *memory_new(const struct sio_machine *machine)
{
	struct mm *mm = mm_sim_create(machine->phys, machine->seed);

	if (!mm)
		return NULL;
	mm->pins_as_is = machine->personality.zero_page_pins;
	mm->fork_shares_pins = machine->personality.fork_shares_pins;
	mm->charges_drift = machine->personality.charge != CHARGE_MAPPING;
	mm->pfnmap_offset = machine->personality.pfnmap_offset;
	return mm;
}

struct sio_process *sio_process_create(struct sio_machine *machine)
{
	struct sio_process *process;

	machine_enter(machine, false);
	process = process_new(machine, memory_new(machine), fd_table_create());
	machine_leave(machine);
	return process;
}

struct sio_process *sio_process_fork(struct sio_process *parent)
{
	struct sio_machine *machine = parent->machine;
	const struct task *from = parent->task;
	struct sio_process *child;

	machine_enter(machine, true);
	child = process_new(machine, mm_sim_fork(from->mm), fd_table_fork(parent->fds));
	if (child) {
		child->next_address = parent->next_address;
		child->task->cap_ipc_lock = from->cap_ipc_lock;
		child->task->cap_sys_rawio = from->cap_sys_rawio;
		child->task->rlimit_memlock = from->rlimit_memlock;
	}
	machine_leave(machine);
	return child;
}

int sio_process_exec(struct sio_process *process)
{
	struct sio_machine *machine = process->machine;
	struct mm *old = process->task->mm, *mm;

	machine_enter(machine, true);
	mm = memory_new(machine);
	if (mm) {
		process->task->mm = mm;
		process->next_address = ADDRESS_FIRST;
		mm_sim_exit(old);
		mm_put(old);
	}
	machine_leave(machine);
	return mm ? 0 : -ENOMEM;
}

static void process_end(struct sio_process *process)
{
	struct sio_process **link = &process->machine->processes;

	while (*link != process)
		link = &(*link)->next;
	*link = process->next;
	mm_sim_exit(process->task->mm);
	fd_table_destroy(process->fds);
	process->task->exited = true;
	task_put(process->task);
	free(process);
}

void sio_process_exit(struct sio_process *process)
{
	struct sio_machine *machine;

	if (!process)
		return;
	machine = process->machine;
	machine_enter(machine, true);
	process_end(process);
	machine_leave(machine);
}

void machine_processes_end(struct sio_machine *machine)
{
	while (machine->processes)
		process_end(machine->processes);
}

void sio_process_set_caps(struct sio_process *process, unsigned caps)
{
	machine_enter(process->machine, false);
	process->task->cap_ipc_lock = (caps & SIO_CAP_IPC_LOCK) != 0;
	process->task->cap_sys_rawio = (caps & SIO_CAP_SYS_RAWIO) != 0;
	machine_leave(process->machine);
}

void sio_process_set_memlock(struct sio_process *process, uint64_t bytes)
{
	machine_enter(process->machine, false);
	process->task->rlimit_memlock = bytes;
	machine_leave(process->machine);
}

uint64_t sio_process_vmlck(const struct sio_process *process)
{
	uint64_t pages;

	machine_enter(process->machine, false);
	pages = process->task->mm->locked_pages;
	machine_leave(process->machine);
	return pages * (SIO_PAGE_SIZE / 1024);
}

uint64_t sio_process_vmpin(const struct sio_process *process)
{
	uint64_t pages;

	machine_enter(process->machine, false);
	pages = process->task->mm->pinned_pages;
	machine_leave(process->machine);
	return pages * (SIO_PAGE_SIZE / 1024);
}

/* ---- memory ---- */

/* Round a length up to pages; 0 when that is no length of a mapping. */
static uint64_t page_round(uint64_t size)
{
	return size > MM_USER_END ? 0 : (size + SIO_PAGE_SIZE - 1) & SIO_PAGE_MASK;
}

/* A free range, above all that were handed out before. 0: none. */
static uint64_t address_choose(struct sio_process *process, uint64_t size)
{
	struct mm_map_req area;
	uint64_t va = process->next_address;

	while (va < MM_USER_END && size <= MM_USER_END - va &&
	       mm_sim_area(process->task->mm, va, &area) && area.va < va + size)
		va = sio_align_down(area.va + area.len + ADDRESS_ALIGN - 1, ADDRESS_ALIGN);
	if (va >= MM_USER_END || size > MM_USER_END - va)
		return 0;
	process->next_address = sio_align_down(va + size + 2 * ADDRESS_ALIGN - 1, ADDRESS_ALIGN);
	return va;
}

static int memory_map(struct sio_process *process, struct mm_map_req *req, uint64_t *address)
{
	int rc;

	req->len = page_round(req->len);
	if (!req->len)
		return -EINVAL;
	if (!req->va)
		req->va = address_choose(process, req->len);
	if (!req->va || req->va >= MM_USER_END || req->len > MM_USER_END - req->va)
		return -ENOMEM;
	rc = mm_sim_map(process->task->mm, req);
	if (!rc && address)
		*address = req->va;
	return rc;
}

int sio_mem_map(struct sio_process *process, const struct sio_mem *mem, uint64_t *address)
{
	static const enum mm_kind kinds[] = {
		[SIO_MEM_ANON] = MM_ANON,
		[SIO_MEM_SHARED] = MM_SHARED,
		[SIO_MEM_MEMFD] = MM_FILE_SHARED,
		[SIO_MEM_MEMFD_PRIVATE] = MM_FILE_PRIVATE,
	};
	static const enum mm_contiguity runs[] = {
		[SIO_RUN_2M] = MM_RUN_2M,
		[SIO_RUN_4K] = MM_RUN_4K,
		[SIO_RUN_SEEDED] = MM_RUN_SEEDED,
		[SIO_RUN_WHOLE] = MM_RUN_WHOLE,
	};
	struct mm_map_req req = {
		.va = mem->address,
		.len = mem->size,
		.prot = mem->prot,
		.hugetlb = mem->hugetlb,
	};
	int rc;

	if (!sio_is_aligned(mem->address, SIO_PAGE_SIZE) || mem->prot > SIO_PROT_RW ||
	    (unsigned)mem->kind >= SIO_ARRAY_SIZE(kinds) ||
	    (unsigned)mem->contiguity >= SIO_ARRAY_SIZE(runs))
		return -EINVAL;
	req.kind = kinds[mem->kind];
	req.contiguity = runs[mem->contiguity];
	machine_enter(process->machine, true);
	rc = memory_map(process, &req, address);
	machine_leave(process->machine);
	return rc;
}

static int map_file(struct sio_process *process, struct file *file, struct mm_map_req *req,
		    uint64_t offset, uint64_t *address)
{
	int rc;

	if (!file->ops->mmap)
		return -ENODEV;
	rc = file->ops->mmap(file, offset, req->len, true, &req->pfn_pa);
	return rc ? rc : memory_map(process, req, address);
}

int sio_mem_map_fd(struct sio_process *process, int fd, uint64_t offset, uint64_t size,
		   uint64_t wanted, uint64_t *address)
{
	struct mm_map_req req = {
		.va = wanted,
		.len = page_round(size),
		.prot = MM_READ | MM_WRITE,
		.kind = MM_PFN,
	};
	struct file *file;
	int rc;

	if (!sio_is_aligned(wanted, SIO_PAGE_SIZE) || !sio_is_aligned(offset, SIO_PAGE_SIZE) ||
	    !req.len)
		return -EINVAL;
	machine_enter(process->machine, true);
	file = fd_lookup(process->fds, fd);
	rc = file ? map_file(process, file, &req, offset, address) : -EBADF;
	machine_leave(process->machine);
	return rc;
}

int sio_mem_unmap(struct sio_process *process, uint64_t address, uint64_t size)
{
	int rc;

	machine_enter(process->machine, true);
	rc = mm_sim_unmap(process->task->mm, address, size);
	machine_leave(process->machine);
	return rc;
}

int sio_mem_protect(struct sio_process *process, uint64_t address, uint64_t size, unsigned prot)
{
	int rc;

	machine_enter(process->machine, true);
	rc = mm_sim_protect(process->task->mm, address, size, prot);
	machine_leave(process->machine);
	return rc;
}

int sio_mem_discard(struct sio_process *process, uint64_t address, uint64_t size)
{
	int rc;

	machine_enter(process->machine, true);
	rc = mm_sim_discard(process->task->mm, address, size);
	machine_leave(process->machine);
	return rc;
}

int sio_mem_lock(struct sio_process *process, uint64_t address, uint64_t size)
{
	int rc;

	machine_enter(process->machine, true);
	rc = mm_sim_lock(process->task->mm, process->task, address, size);
	machine_leave(process->machine);
	return rc;
}

int sio_mem_unlock(struct sio_process *process, uint64_t address, uint64_t size)
{
	int rc;

	machine_enter(process->machine, true);
	rc = mm_sim_unlock(process->task->mm, address, size);
	machine_leave(process->machine);
	return rc;
}

int sio_mem_read(struct sio_process *process, uint64_t address, void *buf, size_t len)
{
	int rc;

	machine_enter(process->machine, true);
	rc = mm_sim_read(process->task->mm, address, buf, len);
	machine_leave(process->machine);
	return rc;
}

int sio_mem_write(struct sio_process *process, uint64_t address, const void *buf, size_t len)
{
	int rc;

	machine_enter(process->machine, true);
	rc = mm_sim_write(process->task->mm, address, buf, len);
	machine_leave(process->machine);
	return rc;
}

int sio_mem_physical(struct sio_process *process, uint64_t address, uint64_t *physical)
{
	bool found;

	machine_enter(process->machine, false);
	found = mm_sim_physical(process->task->mm, address, physical);
	machine_leave(process->machine);
	return found ? 0 : -EFAULT;
}
