/* pages.c - see pages.h. */
#include "pages.h"

#include <errno.h>
#include <sched.h>
#include <sys/mman.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

enum {
    CHUNK = 4,                   /* spans claimed at a time: 256 KiB */
    POPULATE_AT_ONCE = 32 << 20, /* bytes; a signal gets through between two */
    SPINS_BEFORE_YIELD = 128,
    RETURN_FROM = 64,  /* spans: smaller runs are never given back (4 MiB) */
    RESERVE_PART = 32, /* of the limit */
    RESERVE_MOST = 4 << 20,
    KEEP_FREE = 1024, /* spans that may lie free before big runs are given back (64 MiB) */
};

/* ---- the lock ---- */

static void lock(hew_worker *w)
{
    hew_heap *heap = &w->region->heap;
    for (uint32_t tries = 1;; ++tries) {
        uint64_t nobody = 0;
        if (hew_load_relaxed(&heap->lock) == 0 &&
            hew_cas_acq_rel(&heap->lock, &nobody, (uint64_t)w->heap.free_holder)) {
            return;
        }
        if (tries % SPINS_BEFORE_YIELD == 0) {
            sched_yield(); /* its holder may be dead: the supervisor opens it */
        } else {
            hew_cpu_relax();
        }
    }
}

static void unlock(hew_worker *w)
{
    hew_store_release(&w->region->heap.lock, (uint64_t)0);
}

/* ---- memory and its limit ---- */

bool hew_commit(hew_region *r, uint64_t bytes, uint64_t spare)
{
    uint64_t now = hew_load_relaxed(&r->heap.committed);
    do {
        if (bytes + spare > r->heap.limit || now > r->heap.limit - spare - bytes) {
            return false;
        }
    } while (!hew_cas_weak_acq_rel(&r->heap.committed, &now, now + bytes));
    return true;
}

uint64_t hew_spare(const hew_worker *w)
{
    if (!w->current || w->current->pid == 0 || w->heap.may_exceed) {
        return 0;
    }
    uint64_t part = w->region->heap.limit / RESERVE_PART;
    return part < RESERVE_MOST ? part : RESERVE_MOST;
}

static void uncommit(hew_region *r, uint64_t bytes)
{
    (void)hew_add_relaxed(&r->heap.committed, 0 - bytes);
}

/* Has the kernel give the memory now, so that a lack of it is an answer and not a signal. Kernels
 * before 5.14 do not know how; then it comes with the first touch. */
static bool populate(uint64_t address, uint64_t bytes)
{
    for (uint64_t at = 0; at < bytes; at += POPULATE_AT_ONCE) {
        uint64_t size = bytes - at < POPULATE_AT_ONCE ? bytes - at : POPULATE_AT_ONCE;
        int result;
        do {
            result = madvise((void *)(address + at), size, MADV_POPULATE_WRITE);
        } while (result != 0 && (errno == EINTR || errno == EAGAIN));
        if (result != 0 && errno != EINVAL) {
            return false;
        }
    }
    return true;
}

/* Claims n spans against the limit. Killed before claim_done, hew_pages_recover sees whether they
 * were used. */
static bool claim(hew_worker *w, uint64_t first, uint64_t n)
{
    if (!hew_commit(w->region, n * HEW_SPAN, hew_spare(w))) {
        if (w->heap.may_exceed != 2) {
            return false;
        }
        (void)hew_add_relaxed(&w->region->heap.committed, n * HEW_SPAN);
    }
    hew_store_relaxed(&w->heap.claimed_at, first);
    hew_step();
    hew_store_relaxed(&w->heap.claimed, n * HEW_SPAN);
    hew_step();
    return true;
}

static void claim_done(hew_worker *w)
{
    hew_step();
    hew_store_relaxed(&w->heap.claimed, (uint64_t)0);
}

/* ---- runs; all of it with the lock ---- */

/* Who made a run tells so without the lock: other words are read whole. */
static uint64_t word_at(const hew_region *r, uint64_t span)
{
    return hew_load_relaxed(&hew_span_table(r)[span]);
}

static bool is_free(uint64_t word)
{
    return hew_span_state_of(word) == HEW_SPAN_FREE;
}

static bool is_returned(uint64_t word)
{
    return hew_span_state_of(word) == HEW_SPAN_RETURNED;
}

/* Joins the free runs that follow the free run at `span`; its length. */
static uint64_t join_following(hew_region *r, uint64_t span, uint64_t used)
{
    uint64_t n = hew_span_n(word_at(r, span));
    while (span + n < used && is_free(word_at(r, span + n)) &&
           n + hew_span_n(word_at(r, span + n)) <= HEW_RUN_MAX) {
        n += hew_span_n(word_at(r, span + n));
    }
    hew_store_relaxed(&hew_span_table(r)[span], hew_span_word(HEW_SPAN_FREE, 0, 0, n));
    return n;
}

/* The first free run of at least n spans, or UINT64_MAX. */
static uint64_t find_free(hew_region *r, uint64_t n, uint64_t used)
{
    bool seen_smaller = false;
    if (r->heap.free_spans < n) {
        return UINT64_MAX;
    }
    for (uint64_t span = r->heap.first_free; span < used; span += hew_span_n(word_at(r, span))) {
        if (!is_free(word_at(r, span))) {
            continue;
        }
        if (!seen_smaller) {
            r->heap.first_free = span;
        }
        if (join_following(r, span, used) >= n) {
            return span;
        }
        seen_smaller = true;
    }
    return UINT64_MAX;
}

/* A run whose memory was given back, claimed again; the whole of it becomes free. */
static uint64_t find_returned(hew_worker *w, uint64_t n, uint64_t used)
{
    uint64_t *table = hew_span_table(w->region);
    for (uint64_t span = 0; span < used; span += hew_span_n(word_at(w->region, span))) {
        uint64_t size = hew_span_n(word_at(w->region, span));
        if (!is_returned(word_at(w->region, span)) || size < n) {
            continue;
        }
        if (size > n) { /* the rest stays with the kernel; its word counts from the next store on */
            hew_store_relaxed(&table[span + n], hew_span_word(HEW_SPAN_RETURNED, 0, 0, size - n));
            hew_step();
            hew_store_relaxed(&table[span], hew_span_word(HEW_SPAN_RETURNED, 0, 0, n));
        }
        if (!claim(w, span, n)) {
            return UINT64_MAX;
        }
        w->region->heap.free_spans += n;
        hew_store_relaxed(&table[span], hew_span_word(HEW_SPAN_FREE, 0, 0, n));
        claim_done(w);
        return span;
    }
    return UINT64_MAX;
}

/* A new free run of at least n spans at the end of the used part. */
static uint64_t extend(hew_worker *w, uint64_t n, uint64_t used)
{
    hew_region *r = w->region;
    uint64_t left = (r->heap.end - r->heap.base) / HEW_SPAN - used;
    uint64_t wanted = w->heap.may_exceed ? n : hew_round_up(n, CHUNK);
    if (wanted > left || !claim(w, used, wanted)) {
        wanted = n; /* near the limit: just what is asked for */
        if (wanted > left || !claim(w, used, wanted)) {
            return UINT64_MAX;
        }
    }
    r->heap.free_spans += wanted;
    if (r->heap.first_free > used) {
        r->heap.first_free = used;
    }
    hew_store_relaxed(&hew_span_table(r)[used], hew_span_word(HEW_SPAN_FREE, 0, 0, wanted));
    hew_store_release(&r->heap.used,
                      (used + wanted) * HEW_SPAN); /* P1: the table is ready before */
    claim_done(w);
    return used;
}

/* A free run of at least n spans; *fresh: its memory is new. UINT64_MAX: none. */
static uint64_t find(hew_worker *w, uint64_t n, bool *fresh)
{
    uint64_t used = hew_spans_used(w->region);
    uint64_t span = find_free(w->region, n, used);
    *fresh = span == UINT64_MAX;
    if (span == UINT64_MAX && n >= RETURN_FROM) {
        span = find_returned(w, n, used);
    }
    if (span == UINT64_MAX) {
        span = extend(w, n, used);
    }
    return span == UINT64_MAX && n < RETURN_FROM ? find_returned(w, n, used) : span;
}

/* Makes the free run at `span` one of n spans, and the rest of it a free run. */
static uint64_t cut(hew_worker *w, uint64_t span, uint64_t n, uint64_t word)
{
    uint64_t *table = hew_span_table(w->region);
    uint64_t whole = hew_span_n(word_at(w->region, span));
    if (whole != n) { /* P1: the word behind counts from the next store on */
        hew_store_relaxed(&table[span + n], hew_span_word(HEW_SPAN_FREE, 0, 0, whole - n));
        hew_step();
    }
    w->region->heap.free_spans -= n;
    hew_store_relaxed(&table[span], word);
    return whole;
}

uint64_t hew_pages_take(hew_worker *w, uint64_t n, hew_span_state state, uint32_t size_class)
{
    uint64_t whole = 0;
    bool fresh = false;
    if (n > HEW_RUN_MAX - CHUNK) {
        return UINT64_MAX;
    }
    lock(w);
    uint64_t span = find(w, n, &fresh);
    if (span != UINT64_MAX) {
        whole = cut(w, span, n, hew_span_word(state, size_class, w->heap.free_holder, n));
    }
    unlock(w);
    w->heap.new_memory = fresh;
    /* Outside the lock: gigabytes take a second. The rest of a fresh run is less than a chunk. */
    if (span != UINT64_MAX && fresh &&
        !populate(hew_span_address(w->region, span), whole * HEW_SPAN)) {
        hew_pages_give(w, span);
        return UINT64_MAX;
    }
    return span;
}

void hew_pages_made(hew_worker *w, uint64_t span)
{
    uint64_t *word = &hew_span_table(w->region)[span];
    hew_store_release(
        word, hew_span_word(hew_span_state_of(*word), hew_span_class(*word), 0, hew_span_n(*word)));
}

/* Gives the memory of the free run at `span` back to the kernel; killed in between it is a free run
 * without memory. */
static void give_back(hew_region *r, uint64_t span, uint64_t n)
{
    if (madvise((void *)hew_span_address(r, span), n * HEW_SPAN, MADV_REMOVE) != 0) {
        return;
    }
    r->heap.free_spans -= n;
    hew_store_relaxed(&hew_span_table(r)[span], hew_span_word(HEW_SPAN_RETURNED, 0, 0, n));
    hew_step();
    uncommit(r, n * HEW_SPAN);
}

void hew_pages_give(hew_worker *w, uint64_t span)
{
    hew_region *r = w->region;
    uint64_t *word = &hew_span_table(r)[span];
    uint64_t n = hew_span_n(*word);
    lock(w);
    hew_store_relaxed(word, hew_span_word(HEW_SPAN_FREE, 0, 0, n));
    r->heap.free_spans += n;
    if (span < r->heap.first_free) {
        r->heap.first_free = span;
    }
    if (n >= RETURN_FROM && r->heap.free_spans > KEEP_FREE) {
        give_back(r, span, n);
    }
    unlock(w);
}

/* ---- after a death ---- */

static void recount(hew_region *r)
{
    uint64_t used = hew_spans_used(r);
    uint64_t free_spans = 0;
    for (uint64_t span = 0; span < used; span += hew_span_n(word_at(r, span))) {
        free_spans += is_free(word_at(r, span)) ? hew_span_n(word_at(r, span)) : 0;
    }
    r->heap.free_spans = free_spans;
    r->heap.first_free = 0;
}

/* Whether the claim of the dead became a run: it is neither past the used part nor still given
 * back. */
static bool was_used(hew_region *r, uint64_t span)
{
    return span < hew_spans_used(r) && !is_returned(hew_span_table(r)[span]);
}

void hew_pages_recover(hew_region *r, hew_worker *dead)
{
    if (dead->heap.free_holder == 0 || hew_load_acquire(&r->heap.lock) != dead->heap.free_holder) {
        return;
    }
    recount(r);
    uint64_t claimed = dead->heap.claimed;
    hew_store_relaxed(&dead->heap.claimed, (uint64_t)0);
    if (!was_used(r, dead->heap.claimed_at)) {
        uncommit(r, claimed);
    }
    hew_store_release(&r->heap.lock, (uint64_t)0);
}
