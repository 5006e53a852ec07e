/* region.h - the shared mapping, its clock, and the verdict that ends the program. */
#ifndef HEW_REGION_H
#define HEW_REGION_H

#include "layout.h"
#include <time.h>

/* ---- clock: one for all processes ---- */

HEW_INLINE uint64_t hew_monotonic_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}
HEW_INLINE uint64_t hew_ticks(const hew_region *r)
{
#if defined(__x86_64__)
    return HEW_LIKELY(r->clock_tsc) ? __builtin_ia32_rdtsc() : hew_monotonic_ns();
#elif defined(__aarch64__)
    uint64_t t;
    (void)r;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(t));
    return t;
#else
    (void)r;
    return hew_monotonic_ns();
#endif
}
HEW_INLINE uint64_t hew_ticks_to_ns(const hew_region *r, uint64_t ticks)
{
    return (uint64_t)((unsigned __int128)ticks * r->ticks_mult >> 32);
}
HEW_INLINE uint64_t hew_ns_to_ticks(const hew_region *r, uint64_t ns)
{
    unsigned __int128 t = ((unsigned __int128)ns << 32) / r->ticks_mult;
    return t > UINT64_MAX / 4 ? UINT64_MAX / 4 : (uint64_t)t;
}

/* ---- verdict ---- */

HEW_INLINE bool hew_is_over(const hew_region *r)
{
    return hew_load_relaxed(&r->verdict) != 0;
}

/* The record of the supervisor: for allocations before the start and in a recovery. */
HEW_INLINE hew_worker *hew_supervisor(const hew_region *r)
{
    return hew_worker_at(r, r->n_workers);
}

/* Sets a fresh record's links into the region; the counters are zeroed by who owns them. */
void hew_worker_init(hew_region *r, hew_worker *w, uint32_t index, uint64_t *counters);

#endif
