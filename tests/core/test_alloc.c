/* test_alloc.c - the allocator against the test's own record of what is allocated. */
#include <pthread.h>

#include "heap_support.h"

/* ---- classes ---- */

static void test_each_size_gets_the_least_class_that_holds_it(void)
{
    for (uint32_t c = 0; c < HEW_CLASSES_USED; ++c) {
        CHECK(hew_class_bytes[c] % 16 == 0 && hew_class_batch[c] != 0);
        CHECK(c == 0 || hew_class_bytes[c] > hew_class_bytes[c - 1]);
        CHECK(hew_class_batch[c] <= HEW_SPAN / hew_class_bytes[c]);
    }
    CHECK(hew_class_bytes[HEW_CLASSES_USED - 1] == HEW_SMALL_MOST);
    for (size_t size = 0; size <= HEW_SMALL_MOST - 8; ++size) {
        uint32_t c = hew_class_of(size);
        CHECK(c < HEW_CLASSES_USED);
        CHECK(hew_class_bytes[c] >= size + 8);
        CHECK(c == 0 || hew_class_bytes[c - 1] < size + 8);
    }
}

/* ---- one worker, at random ---- */

typedef struct record {
    char *block; /* NULL: none */
    size_t size;
    char fill;
} record;

static size_t random_size(uint64_t *seed)
{
    uint64_t kind = random_below(seed, 100);
    return kind < 70   ? random_below(seed, 256)
           : kind < 95 ? random_below(seed, 8192)
                       : random_below(seed, 300000);
}

static void fill(record *item, uint64_t *seed)
{
    item->fill = (char)random_next(seed);
    memset(item->block, item->fill, item->size);
}

static void check_filled(const record *item)
{
    for (size_t i = 0; i < item->size; ++i) {
        CHECK(item->block[i] == item->fill);
    }
}

static void test_blocks_keep_what_is_written_until_they_are_freed(uint64_t seed)
{
    enum {
        ITEMS = 400,
        ROUNDS = 40000
    };
    static record items[ITEMS];
    memset(items, 0, sizeof items);
    hew_region *r = make_region(1, 1ull << 30, 1ull << 30);
    hew_worker *w = start_worker(r, 0, 1);
    for (int round = 0; round < ROUNDS; ++round) {
        record *item = &items[random_below(&seed, ITEMS)];
        if (item->block != NULL) {
            check_filled(item);
            hew_free(w, item->block);
            item->block = NULL;
            continue;
        }
        item->size = random_size(&seed);
        item->block = hew_alloc(w, item->size);
        CHECK((uint64_t)item->block % 8 == 0);
        CHECK(hew_block_size(item->block) >= item->size);
        CHECK(hew_block_bytes(item->block) > hew_block_size(item->block));
        CHECK(hew_header_holder(*hew_header_of(item->block)) == 5);
        fill(item, &seed);
        if (round % 5000 == 0) {
            check_heap(r);
        }
    }
    check_heap(r);
    for (int i = 0; i < ITEMS; ++i) {
        if (items[i].block != NULL) {
            check_filled(&items[i]);
            hew_free(w, items[i].block);
        }
    }
    check_heap(r);
    CHECK(audited(r).used_blocks == 0);
    free_region(r);
}

static void test_memory_of_freed_blocks_is_used_again(void)
{
    hew_region *r = make_region(1, 1ull << 30, 1ull << 30);
    hew_worker *w = start_worker(r, 0, 1);
    uint64_t after_first = 0;
    for (int round = 0; round < 50; ++round) {
        void *blocks[300];
        for (int i = 0; i < 300; ++i) {
            blocks[i] = hew_alloc(w, (size_t)i * 400);
        }
        for (int i = 0; i < 300; ++i) {
            hew_free(w, blocks[i * 7 % 300]);
        }
        after_first = round == 0 ? r->heap.used : after_first;
        CHECK(r->heap.used <= after_first + after_first / 4);
    }
    check_heap(r);
    free_region(r);
}

/* ---- limit ---- */

static void test_at_the_limit_allocation_gives_null_and_goes_on_after_a_free(void)
{
    const uint64_t limit = 16 << 20;
    hew_region *r = make_region(1, 1ull << 30, limit);
    hew_worker *w = start_worker(r, 0, 1);
    void *big = hew_alloc_try(w, 9 << 20, 7);
    CHECK(big != NULL && hew_header_holder(*hew_header_of(big)) == 7);
    CHECK(hew_alloc_try(w, 9 << 20, 7) == NULL);
    CHECK(hew_alloc_try(w, SIZE_MAX, 7) == NULL && hew_alloc_try(w, SIZE_MAX / 2, 7) == NULL);
    CHECK(TRAPS_WITH(w, hew_alloc(w, 9 << 20), "out of memory"));
    uint64_t n = 0;
    void *last = NULL;
    for (void *block; (block = hew_alloc_try(w, 1000, 7)) != NULL; last = block) {
        n += 1;
    }
    CHECK(n > 5 * 1024 && n < 7 * 1024);
    CHECK(r->heap.committed <= limit);
    hew_free(w, last);
    CHECK(hew_alloc_try(w, 1000, 7) == last && hew_alloc_try(w, 1000, 7) == NULL);
    hew_free(w, big);
    CHECK(hew_alloc_try(w, 1000, 7) != NULL);
    check_heap(r);
    CHECK(!hew_commit(r, limit, 0) && hew_commit(r, limit - r->heap.committed, 0) &&
          !hew_commit(r, 1, 0));
    free_region(r);
}

static void test_peak_is_exact_to_a_step_for_each_worker(void)
{
    hew_region *r = make_region(1, 1ull << 30, 1ull << 30);
    hew_worker *w = start_worker(r, 0, 1);
    void *blocks[1000];
    for (int i = 0; i < 1000; ++i) {
        blocks[i] = hew_alloc(w, 100);
    }
    uint64_t live = hew_counted(w, BYTES_ALLOCATED);
    for (int i = 0; i < 1000; ++i) {
        hew_free(w, blocks[i]);
    }
    CHECK(r->heap.peak <= live && r->heap.peak + HEW_PUBLISH_STEP >= live);
    hew_alloc_publish(w);
    CHECK(r->heap.live == 0);
    free_region(r);
}

/* ---- workers that free each other's blocks ---- */

enum {
    WORKERS = 4,
    PLACES = 512,
    THREAD_ROUNDS = 30000
};

typedef struct job {
    hew_worker *w;
    uint64_t seed;
    uint64_t *places; /* shared: a block is put into a place, and who finds one there frees it */
} job;

static void *exchange_blocks(void *argument)
{
    job *j = argument;
    for (int i = 0; i < THREAD_ROUNDS; ++i) {
        size_t size = random_size(&j->seed) + 8;
        uint64_t *block = hew_alloc(j->w, size);
        *block = (uint64_t)block ^ size;
        uint64_t *place = &j->places[random_below(&j->seed, PLACES)];
        uint64_t *other = (uint64_t *)hew_exchange_acq_rel(place, (uint64_t)block);
        if (other != NULL) {
            CHECK((*other ^ (uint64_t)other) <= hew_block_size(other));
            hew_free(j->w, other);
        }
    }
    return NULL;
}

static void test_workers_may_free_blocks_of_others(uint64_t seed)
{
    static uint64_t places[PLACES];
    memset(places, 0, sizeof places);
    hew_region *r = make_region(WORKERS, 1ull << 30, 1ull << 30);
    job jobs[WORKERS];
    pthread_t threads[WORKERS];
    for (uint32_t i = 0; i < WORKERS; ++i) {
        jobs[i] = (job){start_worker(r, i, i + 1), seed + i, places};
    }
    for (int i = 0; i < WORKERS; ++i) {
        CHECK(pthread_create(&threads[i], NULL, exchange_blocks, &jobs[i]) == 0);
    }
    for (int i = 0; i < WORKERS; ++i) {
        pthread_join(threads[i], NULL);
    }
    check_heap(r);
    for (int i = 0; i < PLACES; ++i) {
        if (places[i] != 0) {
            hew_free(jobs[0].w, (void *)places[i]);
        }
    }
    check_heap(r);
    CHECK(audited(r).used_blocks == 0);
    free_region(r);
}

/* ---- a death at rest: what its worker had cached comes back, what a killed actor held is freed
 * ---- */

static void test_a_replacement_sweeps_what_the_dead_worker_left(void)
{
    hew_region *r = make_region(2, 1ull << 30, 1ull << 30);
    hew_worker *w = start_worker(r, 0, 1);
    hew_worker *other = start_worker(r, 1, 2);
    void *kept = hew_alloc_try(other, 100, 9);
    for (int i = 0; i < 1000; ++i) {
        void *mine = hew_alloc_try(w, 64, 3);
        void *freed = hew_alloc_try(w, 64, 4);
        CHECK(mine != NULL && freed != NULL);
        hew_free(i % 2 ? w : other, freed);
    }
    CHECK(hew_alloc_try(w, 100000, 3) != NULL);
    w->dead = 1;
    hew_alloc_recover(r, 0);
    w->n_sweep = 1;
    w->sweep_slots[0] = 3;
    w->dead = 0;
    start_worker(r, 0, 3);
    while (hew_alloc_sweep(w)) {
    }
    CHECK(audited(r).used_blocks == 1);
    check_heap(r);
    hew_free(other, kept);
    free_region(r);
}

int main(void)
{
    uint64_t seed = chosen_seed();
    test_each_size_gets_the_least_class_that_holds_it();
    test_blocks_keep_what_is_written_until_they_are_freed(seed);
    test_memory_of_freed_blocks_is_used_again();
    test_at_the_limit_allocation_gives_null_and_goes_on_after_a_free();
    test_peak_is_exact_to_a_step_for_each_worker();
    test_workers_may_free_blocks_of_others(seed + 1);
    test_a_replacement_sweeps_what_the_dead_worker_left();
    return 0;
}
