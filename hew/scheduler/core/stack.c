/* stack.c - mapping, copying out and in, overflow; see stack.h. */
#include "stack.h"
#include "alloc_inline.h"
#include "trap.h"

#include <errno.h>
#include <link.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif
#define ALTERNATE_STACK (64u << 10)
#define RESERVES        (2 * HEW_STACK_RESERVE)
#define MAX_OBJECTS     256

/* ---- private to the process: which addresses are code of loaded libraries (else it is compiled Hew code) ---- */

static struct {
    uint64_t from, to;
} objects[MAX_OBJECTS];
static int n_objects;
static struct sigaction previous_segv;

static int note_object(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size;
    (void)data;
    for (int i = 0; i < info->dlpi_phnum && n_objects < MAX_OBJECTS; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        if (p->p_type == PT_LOAD && p->p_flags & PF_X) {
            objects[n_objects].from = info->dlpi_addr + p->p_vaddr;
            objects[n_objects].to = info->dlpi_addr + p->p_vaddr + p->p_memsz;
            n_objects++;
        }
    }
    return 0;
}

static bool is_library_code(uint64_t pc)
{
    for (int i = 0; i < n_objects; i++) {
        if (pc >= objects[i].from && pc < objects[i].to) {
            return true;
        }
    }
    return false;
}

/* ---- overflow ---- */

static void redirect(ucontext_t *context)
{
#if defined(__x86_64__)
    greg_t *regs = context->uc_mcontext.gregs;
    regs[REG_RSP] -= 8;
    /* + 1: the unwinder looks at the byte before a return address */
    *(uint64_t *)(uintptr_t)regs[REG_RSP] = (uint64_t)regs[REG_RIP] + 1;
    regs[REG_RIP] = (greg_t)(uintptr_t)hew_stack_overflow_entry;
#elif defined(__aarch64__)
    context->uc_mcontext.regs[16] = context->uc_mcontext.pc + 1;
    context->uc_mcontext.pc = (uint64_t)(uintptr_t)hew_stack_overflow_entry;
#endif
}

static uint64_t program_counter(const ucontext_t *context)
{
#if defined(__x86_64__)
    return (uint64_t)context->uc_mcontext.gregs[REG_RIP];
#else
    return context->uc_mcontext.pc;
#endif
}

static void on_segv(int number, siginfo_t *info, void *data)
{
    hew_worker *w = (hew_worker *)HEW_SELF; /* NOLINT: fixed address */
    uint64_t at = (uint64_t)(uintptr_t)info->si_addr, low = hew_stack_low(w);
    bool in_library = is_library_code(program_counter(data));
    if ((!w->overflow || (w->overflow == 1 && !in_library)) && at >= low - HEW_STACK_RESERVE &&
        at < low &&
        mprotect((void *)(uintptr_t)(low - HEW_STACK_RESERVE), HEW_STACK_RESERVE,
                 PROT_READ | PROT_WRITE) == 0) {
        w->overflow = w->overflow ? 3 : 1;
        if (in_library) {
            hew_store_relaxed(&w->poll,
                              1u); /* the core finishes what it does; the next poll traps */
        } else {
            redirect(data);
        }
        return;
    }
    sigaction(number, &previous_segv, NULL);
    /* returns to the fault, which now does what it did before we came */
}

void hew_stack_close_reserve(hew_worker *w)
{
    w->overflow =
        0; /* before it is closed: who reads the stack in a signal must not try the reserve */
    hew_step();
    if (mprotect((void *)(uintptr_t)(w->stack_limit - RESERVES), RESERVES, PROT_NONE) != 0) {
        hew_fatal("cannot close the stack's reserve: %s", strerror(errno));
    }
}

int hew_stack_setup(hew_worker *w)
{
    uint64_t size = w->region->stack_size + RESERVES + HEW_PAGE, low = HEW_STACK_TOP - size;
    void *got = mmap((void *)(uintptr_t)low, size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    if (got != (void *)(uintptr_t)low) {
        return got == MAP_FAILED ? errno : EEXIST;
    }
    if (mprotect(got, RESERVES + HEW_PAGE, PROT_NONE) != 0) {
        return errno;
    }
    w->stack_limit = low + RESERVES + HEW_PAGE;
    w->overflow = 0;
    n_objects = 0;
    dl_iterate_phdr(note_object, NULL);
    void *alternate =
        mmap(NULL, ALTERNATE_STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (alternate == MAP_FAILED) {
        return errno;
    }
    stack_t stack = {.ss_sp = alternate, .ss_size = ALTERNATE_STACK};
    struct sigaction action = {.sa_sigaction = on_segv,
                               .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    if (sigaltstack(&stack, NULL) != 0 || sigaction(SIGSEGV, &action, &previous_segv) != 0) {
        return errno;
    }
    return 0;
}

/* ---- leaving and coming back ---- */

void hew_suspend(hew_worker *w, hew_leave why)
{
    hew_suspend_inline(w, why);
}

bool hew_stack_save(hew_worker *w, hew_actor *a)
{
    uint64_t size = HEW_STACK_TOP - w->run_sp;
    hew_stack *s = hew_alloc_reserve(w, sizeof(hew_stack) + size, hew_slot_of(w->region, a));
    if (HEW_UNLIKELY(!s)) {
        return false;
    }
    s->size = size;
    s->sp = w->run_sp;
    s->blocked_since = w->stamp;
    s->blocked_before = a->blocked_ticks;
    memcpy(s->bytes, (void *)(uintptr_t)w->run_sp, size);
    hew_block_retag(s, HEW_TAG_STACK, hew_slot_of(w->region, a), 0);
    hew_step();
    /* while it waits a reader adds the clock (hew_blocked_ticks) */
    hew_store_relaxed(&a->blocked_ticks, s->blocked_before - s->blocked_since);
    hew_step();
    a->stack = s;
    return true;
}

void hew_stack_resume(hew_worker *w, hew_actor *a)
{
    hew_stack *s = a->stack;
    uint64_t sp = s->sp;
    /* absolute: who is killed before the stack is back does it again */
    hew_store_relaxed(&a->blocked_ticks, s->blocked_before + (w->stamp - s->blocked_since));
    memcpy((void *)(uintptr_t)sp, s->bytes, s->size);
    a->stack = NULL;
    hew_step();
    hew_free_inline(w, s);
    w->leave = HEW_LEAVE_DONE;
    hew_stack_switch(&w->sched_sp, sp);
}
