/* accounting.c - nanoseconds of what the core does for figures: a block allocated and freed, and an activation charged
 * to its actor. Linked with the core as it is and with one built with HEW_NO_COUNTERS; the difference is the cost.
 *
 * accounting N -> "allocation NS\ncharge NS"
 */
#include "account.h"
#include "alloc_inline.h"
#include "harness.h"

#define BLOCK_BYTES 24

static uint64_t N;

static uint64_t allocate_and_free(hew_worker *w)
{
    uint64_t start = hew_monotonic_ns();
    for (uint64_t i = 0; i < N; i++) {
        void *block = hew_alloc_bits(w, BLOCK_BYTES, w->live_bits);
        __asm__ volatile("" : : "r"(block) : "memory");
        hew_free_inline(w, block);
    }
    return hew_monotonic_ns() - start;
}

static uint64_t charge(hew_worker *w)
{
    uint64_t start = hew_monotonic_ns();
    for (uint64_t i = 0; i < N; i++) {
        hew_account_begin(w);
        __asm__ volatile("" : : : "memory");
        hew_account(w, w->current);
    }
    return hew_monotonic_ns() - start;
}

static void run_both(hew_worker *w, void *fields, void *args)
{
    (void)fields, (void)args;
    uint64_t allocation = allocate_and_free(w), charged = charge(w);
    printf("allocation %.3f\ncharge %.3f\n", (double)allocation / (double)N,
           (double)charged / (double)N);
    fflush(stdout);
    hew_main_result(w, 0);
}
static const hew_handler handlers[] = {HANDLER(0, "never", run_both, NULL, NULL, 0)};
ACTOR(nobody, "Nobody", 0, NULL, handlers, 0);
static const hew_actor_type *const types[] = {&nobody};
PROGRAM(both, types, run_both);

int main(int argc, char **argv)
{
    N = argc > 1 ? (uint64_t)atoll(argv[1]) : 10000000;
    outcome o = run_program(&both, (run_options){.workers = 1, .heap_max = 256ull << 20});
    CHECK(o.verdict == HEW_ENDED);
    return 0;
}
