/* runq.h - whose turn is next: a run slot, a ring, a shared overflow; and stealing.
 *
 * Q1  Every entry is a hint. The actor's state word is the truth: who takes an entry must win the
 *     exchange to RUNNING, so doubles are harmless and a lost queue is rebuilt from the actor table.
 * Q2  run_slot holds the actor just woken by the running one: sequence:32 | slot + 1:32. Only its
 *     worker writes it. A thief takes what it saw there unchanged a little while before, and leaves
 *     it there (Q1).
 * Q3  The ring is put to by its worker at `bottom`, taken from by all at `top`.
 * Q4  Overflow is a bitmap over all slots with three summary levels. A bit of a summary may be set
 *     for nothing, never clear while a word below is not zero and its setter has returned.
 * Q5  Everyone has a turn: a worker goes round the bitmap, and the last HEW_REFILL places of its ring
 *     are for what it takes there, so that those who come to a full ring queue up in the bitmap too.
 */
#ifndef HEW_RUNQ_H
#define HEW_RUNQ_H

#include "layout.h"
#include "park.h"

#define HEW_OVERFLOW_WORDS (HEW_MAX_SLOTS / 64 + HEW_MAX_SLOTS / 4096 + HEW_MAX_SLOTS / 262144 + 1)
#define HEW_OVERFLOW_BYTES (8ull * HEW_OVERFLOW_WORDS)
#define HEW_RUN_SLOT_USES  64u
#define HEW_REFILL         64u /* at most; no fewer than the slots of a word */
#define HEW_RUN_SLOT_UPTO  4u  /* entries in the ring: with more of them all wait their turn */
#define HEW_LOOK_AHEAD     3u

void hew_runq_overflow(hew_region *r, uint32_t slot);
/* The same for the slots 64 * index + i, i the bits of `slots`. */
void hew_runq_overflow_many(hew_region *r, uint32_t index, uint64_t slots);
/* Moves up to HEW_REFILL overflowed slots to the worker's ring; false: there were none, or there is no room. */
bool hew_runq_refill(hew_worker *w);
/* 1 + slot stolen from another worker, 0: nothing found. */
uint32_t hew_runq_steal(hew_worker *w);
/* Anything in a ring or in the overflow of the region? Run slots of awake workers do not count. */
bool hew_runq_any(const hew_region *r);
bool hew_runq_overflow_any(const hew_region *r);

HEW_INLINE bool hew_ring_is_empty(const hew_worker *w)
{
    return hew_load_relaxed(&w->top) == hew_load_relaxed(&w->bottom);
}

/* Its own worker only: thieves can but make the room larger. */
HEW_INLINE uint64_t hew_ring_room(const hew_worker *w)
{
    return HEW_RING - (hew_load_relaxed(&w->bottom) - hew_load_acquire(&w->top));
}

/* There must be room. */
HEW_INLINE void hew_ring_put(hew_worker *w, uint32_t entry)
{
    uint64_t b = hew_load_relaxed(&w->bottom);
    hew_store_relaxed(&w->ring[b % HEW_RING], entry);
    hew_store_release(&w->bottom, b + 1); /* pairs with the loads of bottom by thieves */
}

/* To the tail of the worker's own ring. */
HEW_INLINE void hew_runq_append(hew_worker *w, uint32_t entry)
{
    if (HEW_UNLIKELY(hew_ring_room(w) <= HEW_REFILL)) {
        hew_runq_overflow(w->region, entry - 1);
    } else {
        hew_ring_put(w, entry);
    }
    hew_park_offer(w);
}

/* The actor has just been made runnable by this worker: next in turn here. */
HEW_INLINE void hew_runq_wake(hew_worker *w, uint32_t slot)
{
    uint64_t s = w->run_slot;
    if (hew_load_relaxed(&w->bottom) - hew_load_relaxed(&w->top) > HEW_RUN_SLOT_UPTO) {
        hew_runq_append(w, slot + 1);
        return;
    }
    hew_prefetch_own(&w->actors[slot].state);
    hew_prefetch_own(&w->actors[slot].type);
    hew_store_relaxed(&w->run_slot, ((s >> 32) + 1) << 32 | (slot + 1));
    if ((uint32_t)s) {
        hew_runq_append(w, (uint32_t)s);
    }
}

/* Those whose turn comes soon, from place `t` of the ring on, begin to come from wherever they are. */
HEW_INLINE void hew_look_ahead(hew_worker *w, uint64_t t)
{
    uint64_t n = hew_load_relaxed(&w->bottom) - t;
    if ((int64_t)n >= HEW_LOOK_AHEAD) {
        const hew_actor *a = w->actors + hew_load_relaxed(&w->ring[(t + 2) % HEW_RING]) - 1;
        hew_prefetch_own(&a->head);
        hew_prefetch_own(&a->state);
        hew_prefetch_own(&a->type);
        hew_prefetch_own(&a->wait);
        a = w->actors + hew_load_relaxed(&w->ring[t % HEW_RING]) - 1;
        hew_prefetch_own(hew_at(w->region, hew_load_relaxed(&a->head) & HEW_OFF_MASK));
        hew_prefetch_own(hew_load_relaxed(&a->fields));
    }
}

/* 1 + slot from the own ring, 0: empty. */
HEW_INLINE uint32_t hew_ring_pop(hew_worker *w)
{
    uint64_t t = hew_load_acquire(&w->top);
    for (;;) {
        if (t == hew_load_relaxed(&w->bottom)) {
            return 0;
        }
        uint32_t entry = hew_load_relaxed(&w->ring[t % HEW_RING]);
        if (hew_cas_acq_rel(&w->top, &t, t + 1)) {
            hew_look_ahead(w, t + 1);
            return entry;
        }
    }
}

#endif
