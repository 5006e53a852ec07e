/* alloc.c - small blocks: size classes, a cache per worker, batches between workers; see alloc.h,
 * protocols.md 2.
 *
 * Free blocks of a class lie in a worker's cache (a list, and a second one that is collected for
 * others), or in batches on the shared list heap.free_batches[class]. Lists go through the payload:
 * word 0 the next block, word 1 of a batch's first block the next batch.
 *
 * A batch on the shared list: headers FREE, holder 0; the first one also carries a nonce, which
 * names this push. While a batch is on its way, w->heap.moving names it:
 *   push: moving = b; all headers but the first FREE|0; first FREE|0|nonce; CAS; moving = 0
 *   pop:  moving = b; CAS; first header FREE|me; the others; moving = 0
 * After a death the replacement looks at b's header:
 *   FREE|dead     its chain is whole and nobody else's
 *   the nonce     b is on the list, or in the hand of a living worker, or else it was the dead's
 *   anything else it went its way
 */
#include "alloc.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "alloc_inline.h"
#include "pages.h"

#define LADDER(x) (x) + (x) / 4, (x) + (x) / 2, (x) + (x) / 4 * 3, (x) * 2
const uint32_t hew_class_bytes[HEW_CLASSES] = {
    32,           48,           64,    80,    96,    112,   128,         144,         160,
    176,          192,          208,   224,   240,   256,   LADDER(256), LADDER(512), LADDER(1024),
    LADDER(2048), LADDER(4096), 10912, 13104, 16384, 21840, 32768, /* 6, 5, 4, 3, 2 to a span */
};
const uint32_t hew_class_batch[HEW_CLASSES] = {
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 32,
    32, 32, 32, 16, 16, 16, 16, 8,  8,  8,  8,  4,  4,  4,  4,  4,  3,  2,  2,  2,
};
_Static_assert(HEW_CLASSES_USED <= HEW_CLASSES, "the classes have their caches");

/* ---- addresses in shared heads: tag:25 | (address - region) / 8 : 39 ---- */

static uint64_t *block_at(const hew_region *r, uint64_t head)
{
    return hew_at(r, head & HEW_OFF_MASK);
}

static uint64_t next_head(const hew_region *r, uint64_t head, const uint64_t *block)
{
    return ((head >> 39) + 1) << 39 | hew_off(r, block);
}

static uint64_t free_header(uint32_t size_class, uint32_t holder, uint32_t nonce)
{
    return hew_header(HEW_TAG_FREE, size_class, holder, nonce);
}

/* ---- batches ---- */

static void begin_move(hew_worker *w, const uint64_t *first, uint32_t nonce)
{
    hew_store_relaxed(&w->heap.moving_nonce, nonce);
    hew_step();
    hew_store_release(&w->heap.moving, (uint64_t)first); /* seen before the CAS that moves it */
}

static void end_move(hew_worker *w)
{
    hew_store_release(&w->heap.moving, (uint64_t)0); /* after the headers */
}

static uint32_t new_nonce(hew_worker *w)
{
    w->heap.pushes = w->heap.pushes % 0x7fffff + 1; /* 1 .. 2^23 - 1 */
    return w->heap.pushes << 8 | w->index;
}

/* Retags a chain from `block` on. */
static void retag_chain(uint64_t *block, uint64_t header)
{
    for (; block != NULL; block = (uint64_t *)*block) {
        hew_store_relaxed(block - 1, header);
    }
}

static void push_batch(hew_worker *w, uint32_t size_class, uint64_t *first)
{
    hew_region *r = w->region;
    uint64_t *head = &r->heap.free_batches[size_class];
    uint32_t nonce = new_nonce(w);
    begin_move(w, first, nonce);
    retag_chain((uint64_t *)*first, free_header(size_class, 0, 0));
    hew_step();
    uint64_t now = hew_load_relaxed(head);
    hew_store_relaxed(&first[1], (uint64_t)block_at(r, now));
    hew_store_relaxed(first - 1, free_header(size_class, 0, nonce));
    /* release: who pops the batch sees its headers and links (pairs with pop_batch) */
    while (!hew_cas_weak_acq_rel(head, &now, next_head(r, now, first))) {
        hew_store_relaxed(&first[1], (uint64_t)block_at(r, now));
    }
    end_move(w);
}

/* These words may be a block's that is in use by now; then the head has changed too, and the CAS
 * fails. */
__attribute__((no_sanitize("thread"))) HEW_NOINLINE static uint64_t stale_word(const uint64_t *word)
{
    return *(const volatile uint64_t *)word;
}

/* The first block of a batch that is this worker's now; NULL: the list is empty. */
static uint64_t *pop_batch(hew_worker *w, uint32_t size_class)
{
    hew_region *r = w->region;
    uint64_t *head = &r->heap.free_batches[size_class];
    uint64_t now = hew_load_acquire(head);
    uint64_t *first;
    do {
        first = block_at(r, now);
        if (first == NULL) {
            end_move(w);
            return NULL;
        }
        begin_move(w, first, hew_header_nonce(stale_word(first - 1)));
    } while (!hew_cas_acq_rel(head, &now, next_head(r, now, (uint64_t *)stale_word(&first[1]))));
    hew_step();
    retag_chain(first, free_header(size_class, w->heap.free_holder, 0));
    end_move(w);
    return first;
}

/* ---- spans ---- */

/* Cuts the span into free blocks of this worker, linked in the order of their addresses. */
static uint64_t *carve(hew_worker *w, uint64_t span, uint32_t size_class)
{
    uint64_t size = hew_class_bytes[size_class];
    uint64_t start = hew_span_address(w->region, span);
    uint64_t header = free_header(size_class, w->heap.free_holder, 0);
    uint64_t next = 0;
    for (uint64_t i = HEW_SPAN / size; i-- != 0;) {
        uint64_t *block = (uint64_t *)(start + i * size) + 1;
        hew_store_relaxed(block - 1, header);
        *block = next;
        next = (uint64_t)block;
    }
    hew_step();
    hew_pages_made(w, span); /* from here on its headers tell whose the blocks are */
    return (uint64_t *)next;
}

static uint64_t *new_span(hew_worker *w, uint32_t size_class)
{
    uint64_t span = hew_pages_take(w, 1, HEW_SPAN_SMALL, size_class);
    return span == UINT64_MAX ? NULL : carve(w, span, size_class);
}

/* ---- the cache ---- */

static void put(hew_worker *w, uint32_t size_class, uint64_t *block)
{
    hew_cache *cache = &w->heap.cache[size_class];
    if (cache->n < HEW_KEEP_BATCHES * hew_class_batch[size_class]) {
        *block = cache->first;
        cache->first = (uint64_t)block;
        cache->n += 1;
        return;
    }
    *block = cache->back;
    cache->back = (uint64_t)block;
    cache->n_back += 1;
    if (cache->n_back == hew_class_batch[size_class]) {
        uint64_t *batch = block;
        cache->back = 0;
        cache->n_back = 0;
        push_batch(w, size_class, batch);
    }
}

void hew_alloc_spill(hew_worker *w, uint32_t size_class, void *block)
{
    put(w, size_class, block);
}

void *hew_alloc_refill(hew_worker *w, uint32_t size_class, uint64_t bits)
{
    hew_cache *cache = &w->heap.cache[size_class];
    uint64_t n = hew_class_batch[size_class];
    uint64_t *list = (uint64_t *)cache->back;
    if (list != NULL) {
        n = cache->n_back;
        cache->back = 0;
        cache->n_back = 0;
    } else if ((list = pop_batch(w, size_class)) == NULL) {
        n = HEW_SPAN / hew_class_bytes[size_class];
        list = new_span(w, size_class);
    }
    if (list == NULL) {
        return NULL;
    }
    cache->first = (uint64_t)list;
    cache->n = (uint32_t)n;
    return hew_alloc_class(w, size_class, bits);
}

/* ---- big blocks: size of the run, header, payload ---- */

enum {
    BIG_HEAD = 16
};

void *hew_alloc_big(hew_worker *w, size_t size, uint64_t bits)
{
    if (size > SIZE_MAX - BIG_HEAD - HEW_SPAN) {
        return NULL;
    }
    uint64_t n = hew_round_up(size + BIG_HEAD, HEW_SPAN) / HEW_SPAN;
    uint64_t span = hew_pages_take(w, n, HEW_SPAN_BIG, 0);
    if (span == UINT64_MAX) {
        return NULL;
    }
    hew_alloc_count(w, n * HEW_SPAN);
    uint64_t *run = (uint64_t *)hew_span_address(w->region, span);
    run[0] = n * HEW_SPAN;
    hew_step();
    hew_store_relaxed(&run[1], bits | (uint64_t)HEW_CLASS_BIG << 3);
    hew_step();
    hew_pages_made(w, span);
    return run + 2;
}

void hew_free_big(hew_worker *w, void *block)
{
    uint64_t bytes = hew_block_bytes(block);
    hew_store_relaxed(hew_header_of(block), free_header(HEW_CLASS_BIG, w->heap.free_holder, 0));
    hew_step();
    hew_count(w, DEALLOC_COUNT, 1);
    hew_count(w, BYTES_FREED, bytes);
    hew_alloc_publish_if_due(w);
    hew_pages_give(w, hew_span_of(w->region, block));
}

/* ---- what others call ---- */

void *hew_alloc_try(hew_worker *w, size_t size, uint32_t holder)
{
    return hew_alloc_bits(w, size, hew_header(HEW_TAG_LIVE, 0, holder, 0));
}

static HEW_COLD void *alloc_beyond(hew_worker *w, size_t size, uint32_t holder, uint32_t how_far)
{
    w->heap.may_exceed = how_far;
    void *block = hew_alloc_try(w, size, holder);
    w->heap.may_exceed = 0;
    return block;
}

void *hew_alloc_reserve(hew_worker *w, size_t size, uint32_t holder)
{
    void *block = hew_alloc_try(w, size, holder);
    return HEW_LIKELY(block != NULL) ? block : alloc_beyond(w, size, holder, 1);
}

void *hew_alloc_owed(hew_worker *w, size_t size, uint32_t holder)
{
    void *block = hew_alloc_try(w, size, holder);
    if (HEW_UNLIKELY(block == NULL) && (block = alloc_beyond(w, size, holder, 2)) == NULL) {
        hew_fatal("no memory for a system message of %zu bytes", size);
    }
    return block;
}

void *hew_alloc(hew_worker *w, size_t size)
{
    void *block = hew_alloc_bits(w, size, w->live_bits);
    if (HEW_UNLIKELY(block == NULL)) {
        hew_trap(w, "out of memory", NULL);
    }
    return block;
}

void hew_free(hew_worker *w, void *block)
{
    hew_free_inline(w, block);
}

size_t hew_block_bytes(const void *block)
{
    uint32_t size_class = hew_header_class(hew_load_relaxed(hew_header_of(block)));
    return size_class == HEW_CLASS_BIG ? ((const uint64_t *)block)[-2]
                                       : hew_class_bytes[size_class];
}

size_t hew_block_size(const void *block)
{
    uint32_t size_class = hew_header_class(hew_load_relaxed(hew_header_of(block)));
    return size_class == HEW_CLASS_BIG ? ((const uint64_t *)block)[-2] - BIG_HEAD
                                       : hew_class_bytes[size_class] - 8;
}

bool hew_block_is_zeroed(const hew_worker *w, const void *block)
{
    return w->heap.new_memory &&
           hew_header_class(hew_load_relaxed(hew_header_of(block))) == HEW_CLASS_BIG;
}

void hew_alloc_publish(hew_worker *w)
{
    hew_heap *heap = &w->region->heap;
    uint64_t mine = hew_counted(w, BYTES_ALLOCATED) - hew_counted(w, BYTES_FREED);
    uint64_t more = mine - w->heap.published_live;
    w->heap.published_live = mine;
    uint64_t live = hew_add_relaxed(&heap->live, more) + more;
    uint64_t peak = hew_load_relaxed(&heap->peak);
    /* a worker's own growth may be published late, so that the sum is below 0 for a moment */
    while ((int64_t)live > (int64_t)peak && !hew_cas_weak_acq_rel(&heap->peak, &peak, live)) {
    }
}

uint64_t hew_alloc_table_size(uint64_t heap_bytes)
{
    return heap_bytes / HEW_SPAN * sizeof(uint64_t);
}

void hew_alloc_region_init(hew_region *r)
{
    r->heap.base = hew_round_up(r->heap.base, HEW_SPAN);
    r->heap.end &= ~(uint64_t)(HEW_SPAN - 1);
}

/* ---- after a death: in the supervisor ---- */

void hew_alloc_recover(hew_region *r, uint32_t index)
{
    hew_pages_recover(r, hew_worker_at(r, index));
}

/* ---- after a death: in the replacement ---- */

/* The first header goes last: until then the next replacement finds this still to be done. */
static void adopt_chain(hew_worker *w, uint32_t size_class, uint64_t *first)
{
    uint64_t header = free_header(size_class, w->heap.free_holder, 0);
    retag_chain((uint64_t *)*first, header);
    hew_step();
    hew_store_relaxed(first - 1, header);
    hew_step();
    while (first != NULL) {
        uint64_t *next = (uint64_t *)*first;
        put(w, size_class, first);
        first = next;
    }
}

/* Takes all batches of the class off the shared list and puts them back; whether the one was among
 * them, which is kept. */
static bool take_from_list(hew_worker *w, uint32_t size_class, const uint64_t *wanted)
{
    uint64_t *taken = NULL; /* linked through word 1 */
    uint64_t *batch;
    bool found = false;
    while (!found && (batch = pop_batch(w, size_class)) != NULL) {
        found = batch == wanted;
        batch[1] = (uint64_t)taken;
        taken = batch;
    }
    while (taken != NULL) {
        uint64_t *next = (uint64_t *)taken[1];
        push_batch(w, size_class, taken);
        taken = next;
    }
    return found;
}

/* Whether a living worker is just moving that batch. */
static bool is_being_moved(hew_worker *w, const uint64_t *first)
{
    bool moved = false;
    for (uint32_t i = 0; i < w->region->n_workers; ++i) {
        hew_worker *other = hew_worker_at(w->region, i);
        moved |= i != w->index && !hew_load_acquire(&other->dead) &&
                 hew_load_acquire(&other->heap.moving) == (uint64_t)first;
    }
    return moved;
}

static void settle_orphan(hew_worker *w, hew_orphan o)
{
    uint64_t *first = (uint64_t *)o.block;
    uint64_t header = hew_load_acquire(first - 1);
    uint32_t size_class = hew_header_class(header);
    uint64_t listed = free_header(size_class, 0, o.nonce);
    if (header == free_header(size_class, o.holder, 0)) {
        adopt_chain(w, size_class, first);
        return;
    }
    if (header != listed || o.nonce == 0 || take_from_list(w, size_class, first)) {
        return;
    }
    while (hew_load_acquire(first - 1) == listed && is_being_moved(w, first)) {
        sched_yield(); /* a few instructions of another worker */
    }
    uint64_t expected = listed;
    if (hew_cas_acq_rel(first - 1, &expected, free_header(size_class, o.holder, 0))) {
        adopt_chain(w, size_class, first);
    }
}

/* Keeps the predecessor's unfinished move where our own moves cannot overwrite it. With all places
 * taken (four deaths, each while the one before was being settled) its blocks are lost to the sweep
 * of nobody: 64 at most. */
static void inherit_move(hew_worker *w)
{
    hew_orphan o = {w->heap.moving, w->heap.moving_nonce, w->heap.free_holder};
    for (size_t i = 0; i < HEW_COUNT_OF(w->heap.orphans) && o.block != 0; ++i) {
        if (w->heap.orphans[i].block == 0) {
            w->heap.orphans[i] = o;
            o.block = 0;
        }
    }
    hew_step();
    end_move(w);
}

void hew_alloc_worker_start(hew_worker *w)
{
    uint32_t holder = w->index << 16 | (w->incarnation & 0xffff);
    bool replaces = w->heap.free_holder != 0 && w->heap.free_holder != holder;
    inherit_move(w);
    memset(w->heap.cache, 0, sizeof w->heap.cache);
    w->heap.seen_activations = NULL;
    w->heap.may_exceed = 0;
    w->heap.sweep_at = 0;
    w->heap.sweep_end = replaces ? (uint32_t)hew_spans_used(w->region) : 0;
    w->heap.sweep_waits = w->n_sweep != 0;
    hew_step();
    hew_store_release(&w->heap.free_holder, holder);
    for (size_t i = 0; i < HEW_COUNT_OF(w->heap.orphans); ++i) {
        if (w->heap.orphans[i].block != 0) {
            settle_orphan(w, w->heap.orphans[i]);
            hew_step();
            w->heap.orphans[i].block = 0;
        }
    }
}

static bool is_swept_slot(const hew_worker *w, uint32_t slot)
{
    bool found = false;
    for (uint32_t i = 0; i < w->n_sweep; ++i) {
        found |= w->sweep_slots[i] == slot;
    }
    return found;
}

/* FREE blocks of an earlier incarnation of this worker. */
static bool is_predecessors(const hew_worker *w, uint32_t holder)
{
    return holder != 0 && holder != w->heap.free_holder && holder >> 16 == w->index;
}

/* Also stacks, and system messages that had arrived: all that the killed actor held. */
static bool is_in_use(uint64_t header)
{
    return hew_header_tag(header) != HEW_TAG_FREE;
}

static void sweep_block(hew_worker *w, uint32_t size_class, uint64_t *block)
{
    uint64_t header = hew_load_relaxed(block - 1);
    uint32_t holder = hew_header_holder(header);
    if (hew_header_tag(header) == HEW_TAG_FREE && is_predecessors(w, holder)) {
        hew_store_relaxed(block - 1, free_header(size_class, w->heap.free_holder, 0));
        put(w, size_class, block);
    } else if (is_in_use(header) && is_swept_slot(w, holder)) {
        hew_free(w, block);
    }
}

static void sweep_small(hew_worker *w, uint64_t span, uint64_t word)
{
    uint32_t size_class = hew_span_class(word);
    uint64_t size = hew_class_bytes[size_class];
    uint64_t start = hew_span_address(w->region, span);
    if (hew_span_maker(word) != 0) {
        if (is_predecessors(w, hew_span_maker(word))) {
            adopt_chain(w, size_class, carve(w, span, size_class));
        }
        return;
    }
    for (uint64_t i = 0; i < HEW_SPAN / size; ++i) {
        sweep_block(w, size_class, (uint64_t *)(start + i * size) + 1);
    }
}

static void sweep_big(hew_worker *w, uint64_t span, uint64_t word)
{
    uint64_t *block = (uint64_t *)hew_span_address(w->region, span) + 2;
    uint64_t header = hew_load_relaxed(block - 1);
    uint32_t holder = hew_header_holder(header);
    if (hew_span_maker(word) != 0) {
        if (is_predecessors(w, hew_span_maker(word))) {
            hew_pages_give(w, span); /* it was given to nobody */
        }
    } else if (hew_header_tag(header) == HEW_TAG_FREE && is_predecessors(w, holder)) {
        hew_pages_give(w, span);
    } else if (is_in_use(header) && is_swept_slot(w, holder)) {
        hew_free(w, block);
    }
}

/* A sender that has just given values to an actor of sweep_slots, and then finds it ended, drops
 * them itself. So the sweep waits until each other worker has ended the activation in which it may
 * have done so. True: not yet. */
static bool senders_are_busy(hew_worker *w)
{
    hew_region *r = w->region;
    if (w->heap.sweep_waits == 1) {
        w->heap.seen_activations = calloc(r->n_workers, sizeof(uint32_t));
        for (uint32_t i = 0; w->heap.seen_activations != NULL && i < r->n_workers; ++i) {
            w->heap.seen_activations[i] = hew_load_acquire(&hew_worker_at(r, i)->activations);
        }
        w->heap.sweep_waits = w->heap.seen_activations != NULL ? 2 : 0;
    }
    bool busy = false;
    for (uint32_t i = 0; w->heap.sweep_waits == 2 && i < r->n_workers; ++i) {
        hew_worker *other = hew_worker_at(r, i);
        busy |= i != w->index && !hew_load_acquire(&other->dead) &&
                hew_load_acquire(&other->current) != NULL &&
                hew_load_acquire(&other->activations) == w->heap.seen_activations[i];
    }
    return busy;
}

bool hew_alloc_sweep(hew_worker *w)
{
    if (w->heap.sweep_at >= w->heap.sweep_end ||
        (w->heap.sweep_waits != 0 && senders_are_busy(w))) {
        return w->heap.sweep_at < w->heap.sweep_end;
    }
    free(w->heap.seen_activations);
    w->heap.seen_activations = NULL;
    w->heap.sweep_waits = 0;
    uint64_t span = w->heap.sweep_at;
    uint64_t word = hew_load_acquire(&hew_span_table(w->region)[span]);
    uint64_t step = 1; /* P1: inside a run is 0 or an old FREE, whose length says nothing */
    if (hew_span_state_of(word) == HEW_SPAN_SMALL) {
        sweep_small(w, span, word);
    } else if (hew_span_state_of(word) == HEW_SPAN_BIG) {
        step = hew_span_n(word);
        sweep_big(w, span, word);
    }
    w->heap.sweep_at += (uint32_t)step;
    return w->heap.sweep_at < w->heap.sweep_end;
}
