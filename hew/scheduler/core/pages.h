/* pages.h - the heap in spans of 64 KiB: runs of them for small blocks and for big ones.
 *
 * Span table: one word per span, state:3 | class:6 | maker:24 | n:31, which says what begins there.
 * P1  From span 0 to heap.used, adding up each n leads from run to run, at every instruction: a run
 *     is made, split or joined by ONE store to its first word. Words inside a run are 0 or an old
 *     FREE.
 * P2  Only who holds heap.lock changes where runs begin. A worker that dies with the lock leaves a
 *     correct table; the supervisor then opens the lock (hew_pages_recover).
 * P3  maker is not 0 while a run is being made (carved into blocks, or given its header): no block
 *     of it is in use. After the maker's death it is made anew, or freed.
 * P4  Spans of small blocks stay with their class.
 */
#ifndef HEW_PAGES_H
#define HEW_PAGES_H

#include "layout.h"

typedef enum hew_span_state {
    HEW_SPAN_NONE, /* no run begins here */
    HEW_SPAN_FREE,
    HEW_SPAN_RETURNED, /* free, its memory given back to the kernel: not counted as committed */
    HEW_SPAN_SMALL,    /* one span of blocks of one class */
    HEW_SPAN_BIG       /* one block */
} hew_span_state;

#define HEW_RUN_MAX 0x7fffffffu /* spans */

HEW_INLINE uint64_t hew_span_word(hew_span_state state, uint32_t size_class, uint32_t maker,
                                  uint64_t n)
{
    return (uint64_t)state | (uint64_t)size_class << 3 | (uint64_t)maker << 9 | n << 33;
}
HEW_INLINE hew_span_state hew_span_state_of(uint64_t word)
{
    return (hew_span_state)(word & 7);
}
HEW_INLINE uint32_t hew_span_class(uint64_t word)
{
    return (uint32_t)(word >> 3) & 63u;
}
HEW_INLINE uint32_t hew_span_maker(uint64_t word)
{
    return (uint32_t)(word >> 9) & 0xffffffu;
}
HEW_INLINE uint64_t hew_span_n(uint64_t word)
{
    return word >> 33;
}

HEW_INLINE uint64_t *hew_span_table(const hew_region *r)
{
    return (uint64_t *)r->heap.span_table;
}
HEW_INLINE uint64_t hew_span_address(const hew_region *r, uint64_t span)
{
    return r->heap.base + span * HEW_SPAN;
}
HEW_INLINE uint64_t hew_span_of(const hew_region *r, const void *block)
{
    return ((uint64_t)block - r->heap.base) / HEW_SPAN;
}
HEW_INLINE uint64_t hew_spans_used(const hew_region *r)
{
    return hew_load_acquire(&r->heap.used) / HEW_SPAN;
}

/* A run of n spans, its word made with this state and class and w as maker. Its first span, or
 * UINT64_MAX: no memory. w->heap.new_memory: whether all of it is 0. */
uint64_t hew_pages_take(hew_worker *w, uint64_t n, hew_span_state state, uint32_t size_class);
/* The run is made: maker becomes 0. */
void hew_pages_made(hew_worker *w, uint64_t span);
void hew_pages_give(hew_worker *w, uint64_t span);

/* In the supervisor, after the death of that worker. Idempotent. */
void hew_pages_recover(hew_region *r, hew_worker *dead);

#endif
