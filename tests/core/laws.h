/* laws.h - for tests that do random things against a model: seeds, and an end to what would run forever. */
#ifndef HEW_TEST_LAWS_H
#define HEW_TEST_LAWS_H

#include "harness.h"

#include <pthread.h>
#include <time.h>

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

/* Printed, so that a failure can be had again by SEED=... (with threads: perhaps). */
static inline uint64_t chosen_seed(void)
{
    const char *given = getenv("SEED");
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t seed = given ? strtoull(given, NULL, 10) : (uint64_t)now.tv_nsec << 8;
    printf("SEED=%llu\n", (unsigned long long)seed);
    fflush(stdout);
    return seed;
}

static void out_of_time(int number)
{
    static const char words[] = "it takes too long: something was lost, or a loop has no end\n";
    (void)number;
    (void)!write(2, words, sizeof words - 1);
    abort();
}

static inline void end_after(unsigned seconds)
{
    signal(SIGALRM, out_of_time);
    alarm(seconds);
}

/* Worker `index` of the region, for a thread of a test that calls the core itself. */
static inline hew_worker *begin_worker(hew_region *r, uint32_t index)
{
    hew_worker *w = hew_worker_at(r, index);
    w->thread_mode = 1;
    w->random = index * 7919u + 1;
    hew_worker_begin(w, 1);
    return w;
}

typedef struct law_thread {
    pthread_t thread;
    hew_worker *w;
    uint64_t seed;
    void *(*run)(void *);
} law_thread;

static inline void run_threads(hew_region *r, uint32_t n, uint64_t seed, void *(*run)(void *))
{
    law_thread threads[16];
    CHECK(n <= HEW_COUNT_OF(threads));
    for (uint32_t i = 0; i < n; i++) {
        threads[i] = (law_thread){.w = begin_worker(r, i), .seed = seed + i};
    }
    for (uint32_t i = 0; i < n; i++) {
        CHECK(pthread_create(&threads[i].thread, NULL, run, &threads[i]) == 0);
    }
    for (uint32_t i = 0; i < n; i++) {
        pthread_join(threads[i].thread, NULL);
    }
}

#endif
