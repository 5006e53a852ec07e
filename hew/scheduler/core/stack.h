/* stack.h - the run stack of a worker process, and handlers that leave it and come back.
 *
 * Handlers run on one private stack that ends at HEW_STACK_TOP in every worker. A handler that waits has its
 * used part copied to a STACK block, and back when it goes on, on any worker: same address, so pointers
 * into it stay right. Below the usable part lies a reserve, closed until it is touched: then the handler is
 * ended by a trap, for whose unwinding the reserve serves. When it was the core that touched it, which must finish
 * what it does first, compiled code may come to the end of the reserve before it traps: below lies a second one for
 * that. Below that lies nothing. No frame steps over a reserve: compiled functions touch each page of a large frame
 * in order (codegen's PROBED), those of the core are small.
 */
#ifndef HEW_STACK_H
#define HEW_STACK_H

#include "account.h"
#include "message.h"
#include "rt/value.h"

#define HEW_STACK_RESERVE (64u << 10) /* each of the two */

/* The lowest address that can be read. */
HEW_INLINE uint64_t hew_stack_low(const hew_worker *w)
{
    return w->stack_limit - (w->overflow == 3 ? 2 : w->overflow ? 1 : 0) * HEW_STACK_RESERVE;
}

typedef void (*hew_stack_fn)(hew_worker *w, hew_actor *a);

/* stack_*.S. Each of these pushes the callee-saved registers first and stores the stack pointer. */
void hew_stack_enter(hew_worker *w, hew_actor *a, hew_stack_fn fn, uint64_t *save, uint64_t top);
void hew_stack_switch(uint64_t *save, uint64_t to);
__attribute__((noreturn)) void hew_stack_abandon(uint64_t to);
/* Returned to by the signal handler of a stack overflow as if the faulting instruction had called it. */
void hew_stack_overflow_entry(void);

/* Maps the stack and takes over SIGSEGV. 0 or an errno. In the worker process. */
int hew_stack_setup(hew_worker *w);
/* The reserve is closed again after an overflow. */
void hew_stack_close_reserve(hew_worker *w);

/* Leaves the run stack; returns when the handler goes on, perhaps in another process: `w` is the same address
 * there. Publishes, flushes and accounts before. Traps when there is no memory for the copy. */
void hew_suspend(hew_worker *w, hew_leave why);

/* The same, for who waits often: each return after a switch is one the processor does not foresee. */
HEW_INLINE void hew_suspend_inline(hew_worker *w, hew_leave why)
{
    if (HEW_UNLIKELY(w->thread_mode)) {
        hew_fatal("a handler waits in a test whose workers are threads");
    }
    hew_message_publish_all(w);
    w->open.to = HEW_NO_HANDLE;
    hew_account(w, w->current);
    w->leave = why;
    hew_stack_switch(&w->run_sp, w->sched_sp);
    if (HEW_UNLIKELY(w->leave == HEW_LEAVE_TRAPPED)) {
        hew_trap(w, "out of memory", NULL); /* there was none to keep the stack */
    }
}

/* By the loop, for the actor that has just left: its stack to a block. false: no memory. */
bool hew_stack_save(hew_worker *w, hew_actor *a);
/* The block back to the stack, and freed; then control goes on there. */
void hew_stack_resume(hew_worker *w, hew_actor *a);

#endif
