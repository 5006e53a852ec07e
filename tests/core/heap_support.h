/* heap_support.h - a small region for tests of the allocator and of values: workers, span table,
 * heap; no scheduler.
 *
 * Traps land at CATCH. The few functions of the core that would run an actor are replaced while it
 * is not linked.
 */
#ifndef HEAP_SUPPORT_H
#define HEAP_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "alloc_audit.h"
#include "alloc_inline.h"
#include "layout.h"
#include "rt/value.h"

#define CHECK(x) ((x) ? (void)0 : failed_check(__FILE__, __LINE__, #x))

__attribute__((noreturn)) static void failed_check(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: %s\n", file, line, what);
    abort();
}

/* ---- random numbers; the seed is printed, and may be given as SEED ---- */

static inline uint64_t random_next(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15u;
    uint64_t z = *state;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static inline uint64_t random_below(uint64_t *state, uint64_t n)
{
    return random_next(state) % n;
}

static inline uint64_t chosen_seed(void)
{
    const char *given = getenv("SEED");
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t seed = given != NULL ? strtoull(given, NULL, 10)
                                  : (uint64_t)now.tv_nsec ^ (uint64_t)now.tv_sec << 20;
    printf("SEED=%llu\n", (unsigned long long)seed);
    fflush(stdout);
    return seed;
}

/* ---- the region ---- */

enum {
    TABLE_OFFSET = 1 << 20,
    HEAP_OFFSET = 2 << 20
}; /* the workers' records lie before */

static inline size_t region_bytes(uint64_t heap_bytes)
{
    return HEAP_OFFSET + heap_bytes;
}

static inline hew_region *make_region(uint32_t n_workers, uint64_t heap_bytes, uint64_t limit)
{
    size_t size = region_bytes(heap_bytes);
    char *at = mmap(NULL, size + HEW_SPAN, PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(at != MAP_FAILED);
    hew_region *r = (hew_region *)hew_round_up((uint64_t)at, HEW_SPAN);
    r->base = (uint64_t)r;
    r->size = size;
    r->notify_fd = -1;
    r->n_workers = n_workers;
    r->worker_stride = hew_round_up(sizeof(hew_worker), HEW_PAGE);
    r->workers = (hew_worker *)((char *)r + HEW_PAGE);
    r->own_counters = (uint64_t *)((char *)r->workers + n_workers * r->worker_stride);
    CHECK(sizeof(hew_region) <= HEW_PAGE);
    CHECK((char *)(r->own_counters + n_workers * HEW_COUNTER_STRIDE) <= (char *)r + TABLE_OFFSET);
    r->heap.base = (uint64_t)r + HEAP_OFFSET;
    r->heap.end = (uint64_t)r + size;
    r->heap.limit = limit;
    r->heap.span_table = (uint64_t)r + TABLE_OFFSET;
    r->heap.span_table_size = hew_alloc_table_size(heap_bytes);
    CHECK(r->heap.span_table_size <= HEAP_OFFSET - TABLE_OFFSET);
    hew_alloc_region_init(r);
    return r;
}

static inline void free_region(hew_region *r)
{
    munmap(r, r->size);
}

/* Whom the worker runs: its blocks belong to it. */
static inline void run_as(hew_worker *w, uint32_t slot)
{
    w->holder = slot;
    w->live_bits = hew_header(HEW_TAG_LIVE, 0, slot, 0);
}

/* Starts worker i, as a thread or after a death. */
static inline hew_worker *start_worker(hew_region *r, uint32_t i, uint32_t incarnation)
{
    hew_worker *w = hew_worker_at(r, i);
    w->region = r;
    w->index = i;
    w->incarnation = incarnation;
    w->thread_mode = 1;
    w->counters = r->own_counters + i * HEW_COUNTER_STRIDE;
    run_as(w, 5);
    hew_alloc_worker_start(w);
    hew_rt_worker_start(w);
    return w;
}

static inline uint64_t counted_in_all(hew_region *r, hew_counter counter)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < r->n_workers; ++i) {
        sum += hew_load_relaxed(&r->own_counters[i * HEW_COUNTER_STRIDE + counter]);
    }
    return sum;
}

/* The audit, which must be good and have lost no block. */
static inline hew_heap_audit audited(hew_region *r)
{
    hew_heap_audit out;
    char error[200] = "";
    if (!hew_alloc_audit(r, &out, error, sizeof error)) {
        fprintf(stderr, "audit: %s\n", error);
        abort();
    }
    CHECK(out.lost_blocks == 0);
    return out;
}

/* The same, and the counters agree with what is there. */
static inline void check_heap(hew_region *r)
{
    hew_heap_audit out = audited(r);
    CHECK(out.used_blocks ==
          counted_in_all(r, HEW_C_ALLOC_COUNT) - counted_in_all(r, HEW_C_DEALLOC_COUNT));
    CHECK(out.used_bytes ==
          counted_in_all(r, HEW_C_BYTES_ALLOCATED) - counted_in_all(r, HEW_C_BYTES_FREED));
}

/* ---- traps ---- */

/* True when `statement` trapped; w->trap_words has its text. */
#define TRAPS(w, statement)                                                                        \
    ({                                                                                             \
        jmp_buf landing_;                                                                          \
        volatile bool trapped_ = true;                                                             \
        expect_trap((w), &landing_, __builtin_frame_address(0));                                   \
        if (setjmp(landing_) == 0) {                                                               \
            statement;                                                                             \
            trapped_ = false;                                                                      \
        }                                                                                          \
        (w)->unwinding = 0;                                                                        \
        (w)->current = NULL;                                                                       \
        trapped_;                                                                                  \
    })
#define TRAPS_WITH(w, statement, words) (TRAPS(w, statement) && strcmp((w)->trap_words, words) == 0)

static inline void expect_trap(hew_worker *w, jmp_buf *landing, void *frame)
{
    static hew_actor nobody;
    w->current = &nobody; /* only actors trap */
    w->jump = landing;
    w->run_bottom = (uint64_t)frame;
}

#endif
