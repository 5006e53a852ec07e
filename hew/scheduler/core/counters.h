/* counters.h - the counters of a worker: a slice of 64-bit words that only it writes.
 *
 * The slice lies in the array the supervisor gives (multiprocessing.RawArray), or in the region.
 * Every reader sums the slices of all workers; profiler.md 2 gives the meanings and the read order.
 */
#ifndef HEW_COUNTERS_H
#define HEW_COUNTERS_H

#include "atomic.h"

#define HEW_COUNTERS(X)                                                                            \
    X(TASKS_SPAWNED, "tasks_spawned")                                                              \
    X(TASKS_COMPLETED, "tasks_completed")                                                          \
    X(STEALS, "steals")                                                                            \
    X(MESSAGES_SENT, "messages_sent")                                                              \
    X(MESSAGES_RECEIVED, "messages_received")                                                      \
    X(MESSAGES_DROPPED, "messages_dropped")                                                        \
    X(ALLOC_COUNT, "alloc_count")                                                                  \
    X(DEALLOC_COUNT, "dealloc_count")                                                              \
    X(BYTES_ALLOCATED, "bytes_allocated")                                                          \
    X(BYTES_FREED, "bytes_freed")                                                                  \
    X(PARKS, "parks")                                                                              \
    X(ACTORS_SPAWNED, "actors_spawned")                                                            \
    X(ACTORS_CRASHED, "actors_crashed")                                                            \
    X(ACTORS_ENDED, "actors_ended")         /* however they ended, crashed ones too */             \
    X(CURRENT_ACTOR, "current_actor")       /* 1 + slot of the actor that runs; 0: none */         \
    X(ACTIVATION_START, "activation_start") /* ticks of the clock of region.h */                   \
    X(RESTARTS, "restarts")

typedef enum hew_counter {
#define X(name, text) HEW_C_##name,
    HEW_COUNTERS(X)
#undef X
    HEW_C_COUNT
} hew_counter;

#define HEW_COUNTER_STRIDE 32 /* words of a slice when the region holds them: 4 lines */

/* Only for the worker `w` itself. Relaxed stores: a reader never sees a torn word.
 * HEW_NO_COUNTERS: without all that is there for figures alone, to measure what that costs
 * (bench/profiler_overhead.py). Not for use: no deadlock is found, timers are late while a worker is busy. */
#if defined(HEW_NO_COUNTERS)
#define hew_count(w, name, n) ((void)(w), (void)(n))
#define hew_tally(p, n)       ((void)(p), (void)(n))
#else
#define hew_count(w, name, n) hew_bump(&(w)->counters[HEW_C_##name], (uint64_t)(n))
#define hew_tally(p, n)       hew_bump(p, n) /* the same for a figure of an actor */
#endif
#define hew_counted(w, name) hew_load_relaxed(&(w)->counters[HEW_C_##name])

#endif
