/* sample.h - what workers execute, sampled by CPU time for as long as somebody asks.
 *
 * The samples' part of the region:
 *
 *   hew_sampling, a page of its own: the request, and the only page of the region that a reader writes |
 *   a ring of records for each worker, which that worker alone writes
 *
 * A request is a rate and a time until which it holds; who wants more prolongs it. So nobody has to end it, and who asked
 * and was killed leaves nothing behind. Workers look at it where their preemption timer ticks and where it is armed
 * after a sleep: with no request that is one load each. With one, the worker arms a timer on its own CPU time, whose
 * signal (SIGPROF, on the alternate stack) writes a record; one that is stuck in a handler is ticked as well. The timer's
 * signal that finds the request over stops the timer; a sleeping worker's stands still.
 *
 * S1  A record is whole when its `sequence` is 2n + 2, before and after it was read, n being its number in the ring.
 *     2n + 1: it is being written, or its worker was killed in it; then the next life writes number n anew.
 * S2  `written` grows after the record is whole. A reader keeps its own place; what was overwritten before it came is
 *     lost to it and counted.
 */
#ifndef HEW_SAMPLE_H
#define HEW_SAMPLE_H

#include "layout.h"

#define HEW_SAMPLE_RING 256u

typedef struct hew_sampling {
    HEW_ALIGNED(HEW_PAGE) uint64_t until; /* ticks; atomic; 0: nobody has ever asked */
    uint64_t period_ns;                   /* atomic; of CPU time */
    char pad[HEW_PAGE - 2 * sizeof(uint64_t)];
} hew_sampling;

typedef struct hew_sample_ring {
    HEW_ALIGNED(HEW_PAGE) uint64_t written; /* [P] atomic: records so far, all of them whole */
    char pad[HEW_LINE - sizeof(uint64_t)];
    hew_sample records[HEW_SAMPLE_RING];
} hew_sample_ring;

_Static_assert(sizeof(hew_sample) == 1024, "records are counted in KiB");

HEW_INLINE uint64_t hew_sampling_bytes(uint32_t workers)
{
    return sizeof(hew_sampling) + workers * sizeof(hew_sample_ring);
}
HEW_INLINE hew_sample_ring *hew_sample_ring_of(const hew_region *r, uint32_t worker)
{
    return (hew_sample_ring *)(r->sampling + 1) + worker;
}

/* Takes over SIGPROF. 0 or an errno. In the worker process. */
int hew_sample_setup(void);

/* Starts or stops the timer if the request has changed. Async-signal-safe. */
void hew_sample_adapt(hew_worker *w);
HEW_INLINE void hew_sample_look(hew_worker *w)
{
    if (HEW_UNLIKELY(hew_load_relaxed(&w->region->sampling->until))) {
        hew_sample_adapt(w);
    }
}

/* The record's store, for tests too: `from` without its sequence. Async-signal-safe; one writer to a ring. */
void hew_sample_write(hew_sample_ring *ring, const hew_sample *from);

#endif
