/* trap.h - a handler's end by an error: forced unwind, a line on stderr, the actor crashes. */
#ifndef HEW_TRAP_H
#define HEW_TRAP_H

#include "layout.h"

HEW_NORETURN void hew_trap_no_reply(hew_worker *w, uint64_t about, const hew_handler *h,
                                    const hew_loc *loc);
HEW_NORETURN void hew_trap_full(hew_worker *w, const hew_actor *a, uint64_t to, const hew_loc *loc);
HEW_NORETURN void hew_trap_overflow(void);
HEW_NORETURN void hew_trap_stack(hew_worker *w);

/* Leaves the running handler without unwinding: the program is over. */
HEW_NORETURN void hew_trap_leave(hew_worker *w, hew_leave why);

/* On the loop's own stack, after a handler has trapped: the line on stderr. *text, *size: its last part, valid
 * until hew_trap_clear. */
void hew_trap_report(hew_worker *w, hew_actor *a, const char **text, uint32_t *size);
void hew_trap_clear(hew_worker *w);

#endif
