/* park.c - sleeping and waking of workers; see park.h. Quiescence: protocols.md 7. */
#include "park.h"
#include "ending.h"
#include "handler_stats.h"
#include "region.h"
#include "runq.h"
#include "timer.h"

#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SWEEP_PAUSE_NS 5000000u /* a sweep waits for others to end what they run */

static void futex_wake(uint32_t *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

static void futex_wait(uint32_t *word, uint32_t value, uint64_t ns)
{
    struct timespec t = {.tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u)};
    syscall(SYS_futex, word, FUTEX_WAIT, value, ns == UINT64_MAX ? NULL : &t, NULL, 0);
}

/* The word in the region, not its alias at HEW_SELF: a shared futex is keyed by the page in the file,
 * both name the same; but wakers only know this one. */
static bool notify(hew_worker *victim)
{
    uint32_t word = hew_load_seq(&victim->park);
    while ((word & HEW_PARK_MASK) == HEW_PARK_PARKED) {
        if (hew_cas_seq(&victim->park, &word,
                        (word & ~(uint32_t)HEW_PARK_MASK) | HEW_PARK_NOTIFIED)) {
            futex_wake(&victim->park);
            return true;
        }
    }
    return false;
}

void hew_park_wake_one(hew_region *r)
{
    for (uint32_t i = 0; i < HEW_COUNT_OF(r->parked); i++) {
        uint64_t bits = hew_load_relaxed(&r->parked[i]);
        while (bits) {
            uint64_t bit = bits & -bits;
            uint32_t index = i * 64 + (uint32_t)__builtin_ctzll(bit);
            bits &= ~bit;
            if ((hew_and_seq(&r->parked[i], ~bit) & bit) && notify(hew_worker_at(r, index))) {
                return;
            }
        }
    }
}

void hew_region_wake_all(hew_region *r)
{
    hew_fence_seq();
    for (uint32_t i = 0; i < r->n_workers; i++) {
        notify(hew_worker_at(r, i));
    }
}

/* ---- quiescence ---- */

/* The sum of all park words, 0 when not all are PARKED. Sequences only grow: equal sums, equal words. */
static uint64_t all_parked(const hew_region *r)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < r->n_workers; i++) {
        const hew_worker *v = hew_worker_at(r, i);
        uint32_t word = hew_load_seq(&v->park);
        if ((word & HEW_PARK_MASK) != HEW_PARK_PARKED || hew_load_seq(&v->dead) ||
            hew_load_seq(&v->n_timers)) {
            return 0;
        }
        sum += word;
    }
    return sum;
}

void hew_park_judge(hew_region *r)
{
    uint64_t before = all_parked(r);
    if (!before || hew_load_seq(&r->recovering) || hew_runq_any(r)) {
        return;
    }
    for (uint32_t i = 0; i < r->n_workers; i++) {
        if ((uint32_t)hew_load_seq(&hew_worker_at(r, i)->run_slot)) {
            return;
        }
    }
    hew_fence_seq();
    if (all_parked(r) == before && !hew_load_seq(&r->recovering)) {
        hew_ending_quiescent(r);
    }
}

/* ---- parking ---- */

static uint64_t time_to_sleep(const hew_worker *w)
{
    uint64_t most = w->sweeping ? SWEEP_PAUSE_NS : UINT64_MAX;
    if (w->next_deadline == UINT64_MAX) {
        return most;
    }
    uint64_t now = hew_ticks(w->region);
    uint64_t ns =
        w->next_deadline <= now ? 0 : hew_ticks_to_ns(w->region, w->next_deadline - now) + 1000;
    return ns < most ? ns : most;
}

void hew_park(hew_worker *w)
{
    hew_region *r = w->region;
    uint64_t bit = 1ull << (w->index % 64), *hint = &r->parked[w->index / 64];
    hew_alloc_publish(w);
    uint32_t word = (hew_load_relaxed(&w->park) & ~(uint32_t)HEW_PARK_MASK) + 4 + HEW_PARK_PARKED;
    hew_store_seq(&w->park, word);
    hew_or_seq(hint, bit);
    hew_fence_seq(); /* PARKED before the last look; pairs with the fence or exchange of who queues work */
    if (!hew_is_over(r) && !hew_runq_any(r)) {
        hew_count(w, PARKS, 1);
        hew_park_judge(r);
        uint64_t ns = hew_is_over(r) ? 0 : time_to_sleep(w);
        if (ns && hew_load_seq(&w->park) == word) {
            hew_timer_disarm(w);
            hew_handlers_look(w);
            futex_wait(&w->park, word, ns);
        }
    }
    hew_and_seq(hint, ~bit);
    /* Sequence kept: NOTIFIED or PARKED becomes AWAKE. */
    hew_store_seq(&w->park, word & ~(uint32_t)HEW_PARK_MASK);
}
