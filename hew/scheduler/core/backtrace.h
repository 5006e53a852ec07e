/* backtrace.h - who called whom on a worker's run stack, by frame pointers.
 *
 * B1 Async-signal-safe: no lock, no allocation, nothing written but `out`.
 * B2 It never faults, whatever `fp` is: it reads only inside the open part of this worker's run stack, and each
 *    frame must lie above the last. A wrong `fp` ends it early or gives addresses that are nobody's.
 * B3 All compiled Hew code and the core keep frame pointers. A signal in a function's first or last instructions, or
 *    in a library without them, may lose the one caller whose frame is not there yet.
 */
#ifndef HEW_BACKTRACE_H
#define HEW_BACKTRACE_H

#include "layout.h"

/* Innermost first: out[0] = pc, then the return addresses, of C functions too; at most `max`. How many.
 * Look a return address up as address - 1: it is one past its call. `w`: the running worker. */
uint32_t hew_backtrace(const hew_worker *w, uint64_t pc, uint64_t fp, uint64_t *out, uint32_t max);

/* The same from frame to frame, for who wants no array: the return address of the frame at *fp, which becomes the
 * caller's; 0 at the end. */
uint64_t hew_backtrace_next(const hew_worker *w, uint64_t *fp);

#endif
