/* park.h - a worker without work sleeps on its own futex word; who has surplus wakes one.
 *
 * park = sequence:30 | state:2. A worker writes PARKED with a new sequence, looks at all queues once
 * more, then sleeps. A waker turns PARKED into NOTIFIED before it calls the kernel, so a wake-up is
 * never lost and never counted; region->parked only hints where to look.
 */
#ifndef HEW_PARK_H
#define HEW_PARK_H

#include "layout.h"

typedef enum hew_park_state {
    HEW_PARK_AWAKE,
    HEW_PARK_PARKED,
    HEW_PARK_NOTIFIED,
    HEW_PARK_MASK
} hew_park_state;

/* Wakes one sleeping worker, if there is one. Safe in a signal handler. */
void hew_park_wake_one(hew_region *r);

HEW_INLINE bool hew_park_anybody(const hew_region *r)
{
    return hew_load_relaxed(&r->parked[0]) ||
           (r->n_workers > 64 &&
            (hew_load_relaxed(&r->parked[1]) || hew_load_relaxed(&r->parked[2]) ||
             hew_load_relaxed(&r->parked[3])));
}

/* There is more work than this worker takes at once. The fence of a parking worker comes between its
 * PARKED bit and its last look; ours is missing on purpose: the timer's tick offers again. */
HEW_INLINE void hew_park_offer(hew_worker *w)
{
    if (HEW_UNLIKELY(hew_park_anybody(w->region))) {
        hew_park_wake_one(w->region);
    }
}

/* Sleeps until notified or the next deadline, unless there is work; gives the verdict when all sleep. */
void hew_park(hew_worker *w);

/* All workers PARKED, twice the same words, no timer, no queue: nothing can ever run again.
 * Called by who parks last, and by the supervisor after a recovery. */
void hew_park_judge(hew_region *r);

#endif
