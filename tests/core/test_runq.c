/* test_runq.c - run slot, ring, overflow, stealing, parking: no entry is ever lost, and no search goes on for ever.
 *
 * A token stands for an actor: QUEUED or taken. Entries are hints (Q1), so who finds one must win the token, as a
 * worker must win the state word. A token that is QUEUED must be found by somebody.
 */
#include "laws.h"
#include "runq.h"

enum {
    THREADS = 4,
    TOKENS = 3000, /* more than a ring holds */
    ROUNDS = 200000,
    FEW = 6
};

static uint32_t queued[HEW_MAX_SLOTS]; /* by slot; atomic */

static bool win(uint32_t entry)
{
    uint32_t one = 1;
    return entry && hew_cas_acq_rel(&queued[entry - 1], &one, 0u);
}

static void put(hew_worker *w, uint32_t slot, uint64_t *seed)
{
    CHECK(hew_exchange_acq_rel(&queued[slot], 1u) == 0);
    switch (random_below(seed, 4)) {
    case 0: hew_runq_overflow(w->region, slot); break;
    case 1: hew_runq_wake(w, slot); break;
    default: hew_runq_append(w, slot + 1); break;
    }
}

static uint32_t take_run_slot(hew_worker *w)
{
    uint32_t entry = (uint32_t)w->run_slot;
    hew_store_relaxed(&w->run_slot, w->run_slot & ~0xffffffffull);
    return entry;
}

static uint32_t look(hew_worker *w, uint64_t *seed)
{
    switch (random_below(seed, 8)) {
    case 0: return hew_runq_refill(w) ? hew_ring_pop(w) : 0;
    case 1: return hew_runq_steal(w);
    case 2: return take_run_slot(w);
    default: return hew_ring_pop(w);
    }
}

/* Q4, of a bitmap at rest. */
static void check_summaries(const hew_region *r)
{
    const uint64_t *below = r->overflow;
    for (uint32_t words = HEW_MAX_SLOTS / 64; words > 1; words = (words + 63) / 64) {
        const uint64_t *above = below + words;
        for (uint32_t i = 0; i < words; i++) {
            CHECK(!below[i] || above[i / 64] >> (i % 64) & 1);
        }
        below = above;
    }
}

/* How many tokens the queues still give out, to somebody alone. */
static uint32_t drain(hew_region *r)
{
    uint32_t found = 0, entry;
    for (uint32_t i = 0; i < r->n_workers; i++) {
        hew_worker *w = hew_worker_at(r, i);
        found += win(take_run_slot(w));
        do {
            while ((entry = hew_ring_pop(w)) != 0) {
                found += win(entry);
            }
        } while (hew_runq_refill(w));
    }
    CHECK(!hew_runq_any(r));
    return found;
}

static void *pass_on(void *argument)
{
    law_thread *t = argument;
    for (int round = 0; round < ROUNDS; round++) {
        uint32_t entry = look(t->w, &t->seed);
        CHECK(entry <= HEW_MAX_SLOTS);
        if (win(entry)) {
            put(t->w, entry - 1, &t->seed);
        }
    }
    return NULL;
}

static void test_tokens_passed_on_by_all_ways_are_all_there_in_the_end(uint64_t seed)
{
    hew_region *r = make_region((run_options){.workers = THREADS});
    for (uint32_t slot = 0; slot < TOKENS; slot++) {
        queued[slot] = 1;
        hew_runq_overflow(r, slot);
    }
    check_summaries(r);
    run_threads(r, THREADS, seed, pass_on);
    check_summaries(r);
    CHECK(drain(r) == TOKENS);
    hew_region_destroy(r);
}

/* ---- overflow: few tokens far apart, so that words and summaries come and go all the time ---- */

static uint32_t far_slot(uint64_t *seed)
{
    static const uint32_t steps[] = {1, 64, 4096, 262144};
    uint32_t slot = 0;
    for (int i = 0; i < 4; i++) {
        slot += steps[i] * (uint32_t)random_below(seed, 2);
    }
    return slot;
}

static uint64_t in_flight; /* atomic */

static void *overflow_again(void *argument)
{
    law_thread *t = argument;
    hew_region *r = t->w->region;
    for (int round = 0; round < ROUNDS; round++) {
        uint32_t slot = far_slot(&t->seed), entry;
        if (hew_load_relaxed(&in_flight) < FEW && hew_exchange_acq_rel(&queued[slot], 1u) == 0) {
            hew_add_relaxed(&in_flight, 1);
            hew_runq_overflow(r, slot);
        } else {
            (void)hew_runq_refill(t->w);
        }
        while ((entry = hew_ring_pop(t->w)) != 0) {
            if (win(entry)) {
                hew_add_relaxed(&in_flight, -1ull);
            }
        }
    }
    return NULL;
}

static void test_overflow_loses_nothing_while_summaries_are_set_and_cleared(uint64_t seed)
{
    hew_region *r = make_region((run_options){.workers = THREADS});
    run_threads(r, THREADS, seed, overflow_again);
    check_summaries(r);
    CHECK(drain(r) == in_flight);
    in_flight = 0;
    hew_region_destroy(r);
}

static void test_a_summary_bit_set_for_nothing_ends_in_nothing(uint64_t seed)
{
    hew_region *r = make_region((run_options){.workers = 1});
    (void)begin_worker(r, 0);
    uint32_t start[] = {0, HEW_MAX_SLOTS / 64, HEW_MAX_SLOTS / 64 + HEW_MAX_SLOTS / 4096,
                        HEW_OVERFLOW_WORDS - 1};
    for (int round = 0; round < 2000; round++) {
        uint32_t real = 0;
        for (int i = 0; i < 4; i++) { /* stale bits on one level or more, above words that are 0 */
            uint32_t bit = far_slot(&seed);
            for (uint64_t level = 1; level < 4; level++) {
                bit /= 64;
                if (random_below(&seed, 2)) {
                    r->overflow[start[level] + bit / 64] |= 1ull << (bit % 64);
                }
            }
            uint32_t slot = far_slot(&seed);
            if (random_below(&seed, 2) && !queued[slot]) {
                queued[slot] = 1;
                hew_runq_overflow(r, slot);
                real++;
            }
        }
        CHECK(drain(r) == real);
    }
    hew_region_destroy(r);
}

/* Lower and higher ones come all the time: it is found within one round of all words. */
static void test_every_overflowed_slot_has_its_turn(uint64_t seed)
{
    enum {
        WORDS = 1024
    };
    hew_region *r = make_region((run_options){.workers = 1});
    hew_worker *w = begin_worker(r, 0);
    for (int round = 0; round < 20; round++) {
        uint32_t slot = (uint32_t)random_below(&seed, HEW_MAX_SLOTS), n = 0;
        hew_runq_overflow(r, slot);
        for (bool found = false; !found; n++) {
            CHECK(n <= WORDS + 1);
            for (int i = 0; i < 64; i++) {
                hew_runq_overflow(r,
                                  (uint32_t)random_below(&seed, WORDS) * (HEW_MAX_SLOTS / WORDS));
            }
            CHECK(hew_runq_refill(w));
            for (uint32_t entry; (entry = hew_ring_pop(w)) != 0;) {
                found = found || entry == slot + 1;
            }
        }
    }
    hew_region_destroy(r);
}

/* A worker with more to run than its ring holds: nobody waits much longer than for one turn of all others, though each
 * that has run is runnable again at once, and some wake others. */
static void test_those_who_overflow_wait_no_longer_than_the_others(uint64_t seed)
{
    enum {
        ACTORS = 5000,
        PASSES = 200 * ACTORS
    };
    static int last[ACTORS];
    hew_region *r = make_region((run_options){.workers = 1});
    hew_worker *w = begin_worker(r, 0);
    for (uint32_t slot = 0; slot < ACTORS; slot++) {
        last[slot] = 0;
        hew_runq_append(w, slot + 1);
    }
    int longest = 0;
    for (int now = 1; now <= PASSES; now++) {
        if (now % 64 == 0) { /* as the loop of the worker does */
            (void)hew_runq_refill(w);
        }
        uint32_t entry = hew_ring_pop(w);
        CHECK(entry);
        int waited = now - last[entry - 1];
        longest = waited > longest ? waited : longest;
        last[entry - 1] = now;
        hew_runq_append(w, entry);
        if (random_below(&seed, 4) ==
            0) { /* a double, as when somebody is sent to before its turn has come */
            hew_runq_overflow(r, (uint32_t)random_below(&seed, ACTORS));
        }
    }
    for (int slot = 0; slot < ACTORS; slot++) {
        longest = PASSES - last[slot] > longest ? PASSES - last[slot] : longest;
    }
    CHECK(longest < 3 * ACTORS);
    hew_region_destroy(r);
}

/* ---- the ring ---- */

static void test_a_ring_gives_out_in_order_round_and_round_and_what_is_too_much_overflows(
    uint64_t seed)
{
    hew_region *r = make_region((run_options){.workers = 1});
    hew_worker *w = begin_worker(r, 0);
    uint32_t put_in = 0, taken = 0;
    w->top = w->bottom = (1ull << 32) - 700; /* its counts pass 32 bits */
    for (int round = 0; round < 300; round++) {
        for (uint64_t k = random_below(&seed, HEW_RING);
             k && put_in - taken < HEW_RING - HEW_REFILL; k--) {
            hew_runq_append(w, ++put_in);
        }
        for (uint64_t k = random_below(&seed, HEW_RING); k && taken < put_in; k--) {
            CHECK(hew_ring_pop(w) == ++taken);
        }
    }
    while (taken < put_in) {
        CHECK(hew_ring_pop(w) == ++taken);
    }
    CHECK(hew_ring_pop(w) == 0 && hew_ring_is_empty(w) && !hew_runq_overflow_any(r));
    for (uint32_t entry = 1; entry <= 2 * HEW_RING; entry++) {
        queued[entry - 1] = 1;
        hew_runq_append(w, entry);
    }
    CHECK(w->bottom - w->top == HEW_RING - HEW_REFILL && hew_runq_overflow_any(r));
    CHECK(drain(r) == 2 * HEW_RING);
    hew_region_destroy(r);
}

static void test_a_thief_takes_half_in_order_and_leaves_the_other_half(void)
{
    hew_region *r = make_region((run_options){.workers = 2});
    hew_worker *victim = begin_worker(r, 0), *thief = begin_worker(r, 1);
    for (uint32_t n = 0; n < 400; n++) {
        for (uint32_t i = 1; i <= n; i++) {
            hew_runq_append(victim, i);
        }
        uint32_t half = (n + 1) / 2 > 128 ? 128 : (n + 1) / 2;
        CHECK(hew_runq_steal(thief) == (n ? 1 : 0));
        for (uint32_t i = 2; i <= half; i++) {
            CHECK(hew_ring_pop(thief) == i);
        }
        CHECK(hew_ring_pop(thief) == 0);
        for (uint32_t i = half + 1; i <= n; i++) {
            CHECK(hew_ring_pop(victim) == i);
        }
        CHECK(hew_ring_pop(victim) == 0);
    }
    hew_region_destroy(r);
}

static void test_a_run_slot_is_stolen_only_when_it_was_seen_twice_unchanged(void)
{
    hew_region *r = make_region((run_options){.workers = 2});
    hew_worker *victim = begin_worker(r, 0), *thief = begin_worker(r, 1);
    hew_runq_wake(victim, 7);
    CHECK(hew_runq_steal(thief) == 0);
    hew_runq_wake(victim, 7); /* the same again: another sequence; the first one goes to the ring */
    CHECK(hew_ring_pop(victim) == 8);
    CHECK(hew_runq_steal(thief) == 0);
    CHECK(hew_runq_steal(thief) == 8);
    hew_store_relaxed(&victim->run_slot, victim->run_slot & ~0xffffffffull);
    CHECK(hew_runq_steal(thief) == 0 && hew_runq_steal(thief) == 0);
    hew_region_destroy(r);
}

/* ---- parking: who queues work and wakes all is never overheard ---- */

static uint64_t consumed; /* atomic */

static void *work_and_park(void *argument)
{
    hew_worker *w = ((law_thread *)argument)->w;
    while (!hew_is_over(w->region)) {
        uint32_t entry = hew_ring_pop(w);
        entry = entry ? entry : hew_runq_refill(w) ? hew_ring_pop(w) : hew_runq_steal(w);
        if (win(entry)) {
            hew_add_relaxed(&consumed, 1);
        } else if (!entry) {
            hew_park(w);
        }
    }
    return NULL;
}

static void test_whoever_sleeps_is_woken_for_work(uint64_t seed, uint32_t n)
{
    hew_region *r = make_region((run_options){.workers = n});
    law_thread threads[THREADS];
    hew_store_seq(&r->recovering, 1u); /* no verdict: work comes from outside */
    consumed = 0;
    for (uint32_t i = 0; i < n; i++) {
        threads[i] = (law_thread){.w = begin_worker(r, i)};
    }
    for (uint32_t i = 0; i < n; i++) {
        CHECK(pthread_create(&threads[i].thread, NULL, work_and_park, &threads[i]) == 0);
    }
    for (uint64_t made = 0; made < 20000;) {
        uint64_t k = 1 + random_below(&seed, 3);
        for (uint64_t i = 0; i < k; i++, made++) {
            uint32_t slot = (uint32_t)(made % 64) * 4097u;
            CHECK(hew_exchange_acq_rel(&queued[slot], 1u) == 0);
            hew_runq_overflow(r, slot);
        }
        hew_region_wake_all(r);
        while (hew_load_relaxed(&consumed) !=
               made) { /* all are done, and the workers about to sleep */
            hew_cpu_relax();
        }
    }
    CHECK(hew_region_decide(r, HEW_ENDED, 0));
    for (uint32_t i = 0; i < n; i++) {
        pthread_join(threads[i].thread, NULL);
    }
    hew_region_destroy(r);
}

int main(void)
{
    uint64_t seed = chosen_seed();
    end_after(100);
    test_a_ring_gives_out_in_order_round_and_round_and_what_is_too_much_overflows(seed);
    test_a_thief_takes_half_in_order_and_leaves_the_other_half();
    test_a_run_slot_is_stolen_only_when_it_was_seen_twice_unchanged();
    test_a_summary_bit_set_for_nothing_ends_in_nothing(seed);
    test_every_overflowed_slot_has_its_turn(seed);
    test_those_who_overflow_wait_no_longer_than_the_others(seed);
    test_tokens_passed_on_by_all_ways_are_all_there_in_the_end(seed);
    test_overflow_loses_nothing_while_summaries_are_set_and_cleared(seed);
    test_whoever_sleeps_is_woken_for_work(seed, 1);
    test_whoever_sleeps_is_woken_for_work(seed, THREADS - 1);
    return 0;
}
