// SPDX-License-Identifier: GPL-2.0-only
/*
 * Processes of a machine and their memory.
 *
 * A process is a task, a simulated address space and a table of descriptors. Exit gives up the
 * memory before the files, as the kernel does: a container that is released then finds its owner's
 * address space gone and leaves the accounting alone.
 */
#include <errno.h>

#include "core/memfd.h"
#include "machine.h"

/* Where memory goes that may lie anywhere; neighbours stay 2 MiB apart. */
#define ADDRESS_FIRST (UINT64_C(1) << 32)
#define ADDRESS_ALIGN (UINT64_C(2) << 20)

struct caller machine_caller(const struct sio_process *process)
{
	return (struct caller){
		.task = process->task,
		.fds = process->fds,
		.ua = &process->program.ua,
	};
}

/* Takes over the reference on mm, also when it fails. */
static struct sio_process *process_new(struct sio_machine *machine, struct mm *mm,
				       struct fd_table *fds)
{
	struct sio_process *process = recycle_take(sizeof(*process), false);
	struct task *task = task_create();

	if (!machine->user)
		machine->user = user_create();
	if (!process || !task || !mm || !fds || !machine->user) {
		recycle_free(process);
		recycle_free(task);
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
		.user = machine->user,
		.refs = 1,
		.cap_ipc_lock = true,
		.cap_sys_rawio = true,
		.cap_sys_resource = true,
		.rlimit_memlock = UINT64_MAX,
	};
	machine->user->refs++;
	*process = (struct sio_process){
		.machine = machine,
		.program = {.ua = machine_program_memory},
		.task = task,
		.fds = fds,
		.next_address = ADDRESS_FIRST,
		.next = machine->processes,
	};
	machine->processes = process;
	return process;
}

/* An empty address space that behaves as the machine's kernel. NULL: no memory. */
static struct mm *memory_new(struct sio_machine *machine)
{
	struct mm *mm = mm_sim_create(machine->phys, machine->seed);

	if (!mm)
		return NULL;
	mm->pins_as_is = machine->personality.zero_page_pins;
	mm->fork_shares_pins = machine->personality.fork_shares_pins;
	mm->charges_drift = machine->personality.charge != CHARGE_MAPPING;
	mm->pfnmap_offset = machine->personality.pfnmap_offset;
	mm->huge_zero_splits = machine->personality.huge_zero_splits;
	mm->rare = &machine->iommu.rare;
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

static long process_fork(const struct machine_call *call)
{
	const struct sio_process *parent = call->process;
	const struct task *from = parent->task;
	struct sio_process **out = call->more, *child;

	child = process_new(parent->machine, mm_sim_fork(from->mm), fd_table_fork(parent->fds));
	*out = child;
	if (!child)
		return -ENOMEM;
	child->next_address = parent->next_address;
	child->task->cap_ipc_lock = from->cap_ipc_lock;
	child->task->cap_sys_rawio = from->cap_sys_rawio;
	child->task->cap_sys_resource = from->cap_sys_resource;
	child->task->rlimit_memlock = from->rlimit_memlock;
	return 0;
}

struct sio_process *sio_process_fork(struct sio_process *parent)
{
	struct sio_process *child = NULL;

	machine_call(&(struct machine_call){
		.process = parent,
		.name = "fork",
		.run = process_fork,
		.more = &child,
	});
	return child;
}

static long process_exec(const struct machine_call *call)
{
	struct sio_process *process = call->process;
	struct mm *old = process->task->mm, *mm = memory_new(process->machine);

	if (!mm)
		return -ENOMEM;
	process->task->mm = mm;
	process->next_address = ADDRESS_FIRST;
	mm_sim_exit(old);
	mm_put(old);
	return 0;
}

int sio_process_exec(struct sio_process *process)
{
	return (int)machine_call(&(struct machine_call){
		.process = process,
		.name = "exec",
		.run = process_exec,
	});
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
	recycle_free(process);
}

static long process_exit(const struct machine_call *call)
{
	/* Whoever exits is nobody's memory to charge. */
	call->process->machine->iommu.current = NULL;
	process_end(call->process);
	return 0;
}

void sio_process_exit(struct sio_process *process)
{
	if (process)
		machine_call(&(struct machine_call){
			.process = process,
			.name = "exit",
			.run = process_exit,
		});
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
	process->task->cap_sys_resource = (caps & SIO_CAP_SYS_RESOURCE) != 0;
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

/* Round the length and choose an address, if none is wanted. */
static int memory_place(struct sio_process *process, struct mm_map_req *req)
{
	req->len = page_round(req->len);
	if (!req->len)
		return -EINVAL;
	if (!req->va)
		req->va = address_choose(process, req->len);
	if (!req->va || req->va >= MM_USER_END || req->len > MM_USER_END - req->va)
		return -ENOMEM;
	return 0;
}

static int memory_map(struct sio_process *process, struct mm_map_req *req, uint64_t *address)
{
	int rc = memory_place(process, req);

	if (!rc)
		rc = mm_sim_map(process->task->mm, req);
	if (!rc && address)
		*address = req->va;
	return rc;
}

/* The request is changed on the way, and the place is chosen anew if the call is repeated. */
static long call_map(const struct machine_call *call)
{
	struct mm_map_req req = *(const struct mm_map_req *)(uintptr_t)call->arg;
	uint64_t next = call->process->next_address;
	int rc = memory_map(call->process, &req, call->more);

	if (rc)
		call->process->next_address = next;
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

	if (!sio_is_aligned(mem->address, SIO_PAGE_SIZE) || mem->prot > SIO_PROT_RW ||
	    (unsigned)mem->kind >= SIO_ARRAY_SIZE(kinds) ||
	    (unsigned)mem->contiguity >= SIO_ARRAY_SIZE(runs))
		return -EINVAL;
	req.kind = kinds[mem->kind];
	req.contiguity = runs[mem->contiguity];
	return (int)machine_call(&(struct machine_call){
		.process = process,
		.name = "mmap",
		.run = call_map,
		.fd = -1,
		.arg = (uintptr_t)&req,
		.more = address,
	});
}

static int map_memfd(struct sio_process *process, struct file *file, const struct sio_file_map *map,
		     struct mm_map_req *req)
{
	int rc = memory_place(process, req);

	return rc ? rc : memfd_map(file, process->task->mm, req, map->offset, !map->private_copy);
}

static int map_file(struct sio_process *process, struct file *file, const struct sio_file_map *map,
		    uint64_t *address)
{
	struct mm_map_req req = {
		.va = map->address,
		.len = page_round(map->size),
		.prot = map->prot,
		.kind = MM_PFN,
		.file = file,
		.file_offset = map->offset,
	};
	int rc;

	if (file_is_memfd(file)) {
		rc = map_memfd(process, file, map, &req);
		if (!rc && address)
			*address = req.va;
		return rc;
	}
	if (!file->ops->mmap)
		return -ENODEV;
	if (!map->private_copy && map->executable && file->ops->mmap_noexec)
		return -EPERM;
	rc = file->ops->mmap(file, map->offset, req.len, !map->private_copy, &req.pfn_pa);
	return rc ? rc : memory_map(process, &req, address);
}

static long call_map_file(const struct machine_call *call)
{
	const struct sio_file_map *map = (const struct sio_file_map *)(uintptr_t)call->arg;
	struct file *file = fd_lookup(call->process->fds, map->fd);
	uint64_t next = call->process->next_address;
	int rc = file ? map_file(call->process, file, map, call->more) : -EBADF;

	if (rc)
		call->process->next_address = next;
	return rc;
}

int sio_mem_map_file(struct sio_process *process, const struct sio_file_map *map, uint64_t *address)
{
	if (!sio_is_aligned(map->address | map->offset, SIO_PAGE_SIZE) || !page_round(map->size) ||
	    map->prot > SIO_PROT_RW)
		return -EINVAL;
	return (int)machine_call(&(struct machine_call){
		.process = process,
		.name = "mmap",
		.run = call_map_file,
		.fd = map->fd,
		.arg = (uintptr_t)map,
		.offset = map->offset,
		.more = address,
	});
}

int sio_mem_map_fd(struct sio_process *process, int fd, uint64_t offset, uint64_t size,
		   uint64_t wanted, uint64_t *address)
{
	const struct sio_file_map map = {
		.fd = fd,
		.offset = offset,
		.size = size,
		.address = wanted,
		.prot = SIO_PROT_RW,
	};

	return sio_mem_map_file(process, &map, address);
}

static long call_unmap(const struct machine_call *call)
{
	return mm_sim_unmap(call->process->task->mm, call->arg, call->len);
}

int sio_mem_unmap(struct sio_process *process, uint64_t address, uint64_t size)
{
	return (int)machine_call(&(struct machine_call){
		.process = process,
		.name = "munmap",
		.run = call_unmap,
		.arg = address,
		.len = size,
	});
}

static long call_protect(const struct machine_call *call)
{
	return mm_sim_protect(call->process->task->mm, call->arg, call->len,
			      (unsigned)call->offset);
}

int sio_mem_protect(struct sio_process *process, uint64_t address, uint64_t size, unsigned prot)
{
	return (int)machine_call(&(struct machine_call){
		.process = process,
		.name = "mprotect",
		.run = call_protect,
		.arg = address,
		.len = size,
		.offset = prot,
	});
}

static long call_discard(const struct machine_call *call)
{
	return mm_sim_discard(call->process->task->mm, call->arg, call->len);
}

int sio_mem_discard(struct sio_process *process, uint64_t address, uint64_t size)
{
	return (int)machine_call(&(struct machine_call){
		.process = process,
		.name = "madvise",
		.run = call_discard,
		.arg = address,
		.len = size,
	});
}

static long call_lock(const struct machine_call *call)
{
	return mm_sim_lock(call->process->task->mm, call->process->task, call->arg, call->len);
}

int sio_mem_lock(struct sio_process *process, uint64_t address, uint64_t size)
{
	return (int)machine_call(&(struct machine_call){
		.process = process,
		.name = "mlock",
		.run = call_lock,
		.arg = address,
		.len = size,
	});
}

static long call_unlock(const struct machine_call *call)
{
	return mm_sim_unlock(call->process->task->mm, call->arg, call->len);
}

int sio_mem_unlock(struct sio_process *process, uint64_t address, uint64_t size)
{
	return (int)machine_call(&(struct machine_call){
		.process = process,
		.name = "munlock",
		.run = call_unlock,
		.arg = address,
		.len = size,
	});
}

static long call_read(const struct machine_call *call)
{
	return mm_sim_read(call->process->task->mm, call->arg, call->more, call->len);
}

int sio_mem_read(struct sio_process *process, uint64_t address, void *buf, size_t len)
{
	return (int)machine_call(&(struct machine_call){
		.process = process,
		.name = "read",
		.run = call_read,
		.arg = address,
		.len = len,
		.more = buf,
	});
}

static long call_write(const struct machine_call *call)
{
	return mm_sim_write(call->process->task->mm, call->arg, call->more, call->len);
}

int sio_mem_write(struct sio_process *process, uint64_t address, const void *buf, size_t len)
{
	return (int)machine_call(&(struct machine_call){
		.process = process,
		.name = "write",
		.run = call_write,
		.arg = address,
		.len = len,
		.more = (void *)(uintptr_t)buf,
	});
}

int sio_mem_physical(struct sio_process *process, uint64_t address, uint64_t *physical)
{
	bool found;

	machine_enter(process->machine, false);
	found = mm_sim_physical(process->task->mm, address, physical);
	machine_leave(process->machine);
	return found ? 0 : -EFAULT;
}
