/* account.h - what an activation cost is charged to its actor.
 *
 * One clock stamp per activation: the end of one is the start of the next. Bytes are the differences of the
 * worker's counters, so an allocation costs nothing more. What goes with a message is taken from the sender
 * when it is built (w->moved) and given to the receiver when its node is taken: in flight it is [runtime]'s,
 * and so is all that belongs to main. bytes_allocated is what the actor itself has allocated, and the block of
 * its fields; it never falls, and all of them with [runtime]'s are the allocator's figures. An actor may own more
 * than it ever allocated: what it was sent.
 */
#ifndef HEW_ACCOUNT_H
#define HEW_ACCOUNT_H

#include "region.h"

/* Off a worker in its handlers: waiting or preempted, a wait in progress up to now. */
HEW_INLINE uint64_t hew_blocked_ticks(const hew_region *r, const hew_actor *a)
{
    uint64_t ticks = hew_load_relaxed(&a->blocked_ticks);
    return (int64_t)ticks < 0 ? ticks + hew_ticks(r) : ticks;
}

HEW_INLINE void hew_account_begin(hew_worker *w)
{
#if defined(HEW_NO_COUNTERS)
    (void)w;
    return;
#endif
    w->allocated_before = hew_counted(w, BYTES_ALLOCATED);
    w->freed_before = hew_counted(w, BYTES_FREED);
    w->moved = 0;
}

HEW_INLINE void hew_account(hew_worker *w, hew_actor *a)
{
#if defined(HEW_NO_COUNTERS)
    (void)w, (void)a;
    return;
#endif
    uint64_t now = hew_ticks(w->region);
    uint64_t allocated = hew_counted(w, BYTES_ALLOCATED), freed = hew_counted(w, BYTES_FREED);
    hew_bump(&a->ticks, now - w->stamp);
    hew_store_relaxed(&w->stamp, now);
    hew_bump(&a->bytes_allocated, allocated - w->allocated_before);
    hew_bump(&a->bytes_live, (int64_t)(allocated - w->allocated_before) -
                                 (int64_t)(freed - w->freed_before) + w->moved);
    w->allocated_before = allocated;
    w->freed_before = freed;
    w->moved = 0;
}

#endif
