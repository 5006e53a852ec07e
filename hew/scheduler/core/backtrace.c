/* backtrace.c - see backtrace.h. On x86-64 and aarch64 alike a frame begins with {caller's fp, return address}. */
#include "backtrace.h"
#include "stack.h"

#define FRAME (2 * sizeof(uint64_t))

uint64_t hew_backtrace_next(const hew_worker *w, uint64_t *fp)
{
    /* B2: the reserve below the limit can be read only while an overflow has it open */
    uint64_t low = hew_stack_low(w);
    uint64_t at = *fp;
    if (!w->stack_limit || at < low || at > HEW_STACK_TOP - FRAME || at % sizeof(uint64_t)) {
        return 0;
    }
    const uint64_t *frame = (const uint64_t *)(uintptr_t)at;
    *fp = frame[0] > at ? frame[0] : 0;
    return frame[1];
}

uint32_t hew_backtrace(const hew_worker *w, uint64_t pc, uint64_t fp, uint64_t *out, uint32_t max)
{
    uint32_t n = 0;
    while (pc && n < max) {
        out[n++] = pc;
        pc = hew_backtrace_next(w, &fp);
    }
    return n;
}
