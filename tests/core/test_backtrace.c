/* test_backtrace.c - the frames of a run stack: all of a real chain of calls, and no fault whatever the pointer is. */
#include "backtrace.h"
#include "laws.h"
#include "stack.h"

enum {
    DEPTH = 40,
    ROUNDS = 200000,
    WORDS = 4096 /* at the top of the stack, filled at random */
};

static uint64_t found[DEPTH + 8];
static uint32_t n_found;

static HEW_NOINLINE int descend(hew_worker *w, int depth)
{
    if (depth == 0) {
        n_found = hew_backtrace(w, (uint64_t)(uintptr_t)descend,
                                (uint64_t)(uintptr_t)__builtin_frame_address(0), found,
                                HEW_COUNT_OF(found));
        return 1;
    }
    int deeper = descend(w, depth - 1);
    __asm__ volatile("" : "+r"(deeper)); /* no compiler makes a loop of it */
    return deeper + 1;
}

static void on_run_stack(hew_worker *w, hew_actor *a)
{
    (void)a;
    CHECK(descend(w, DEPTH) == DEPTH + 1);
    hew_stack_abandon(w->sched_sp);
}

/* pc, DEPTH returns into descend, one into on_run_stack, one into hew_stack_enter, whose frame is none. */
static void a_chain_of_calls_is_seen_whole(hew_worker *w)
{
    hew_stack_enter(w, NULL, on_run_stack, &w->sched_sp, HEW_STACK_TOP - 64);
    CHECK(n_found == DEPTH + 3);
    CHECK(found[0] == (uint64_t)(uintptr_t)descend);
    for (int i = 2; i <= DEPTH; i++) {
        CHECK(found[i] == found[1]);
    }
    CHECK(found[DEPTH + 1] != found[1]);
    uint64_t few[3];
    CHECK(hew_backtrace(w, 1, HEW_STACK_TOP - 1024, few, 0) == 0);
    CHECK(hew_backtrace(w, 0, HEW_STACK_TOP - 1024, few, 3) == 0);
}

static uint64_t random_pointer(uint64_t *seed, uint64_t low)
{
    switch (random_below(seed, 4)) {
    case 0: return random_next(seed);
    case 1: return HEW_STACK_TOP - random_below(seed, WORDS * 8);
    case 2: return (HEW_STACK_TOP - random_below(seed, WORDS * 8)) & ~7ull;
    default: return low - HEW_PAGE + random_below(seed, 2 * HEW_PAGE);
    }
}

/* A fault would end the test. Ascending frames are as many as there are words, at most. */
static void a_wrong_pointer_does_no_harm(hew_worker *w, uint64_t *seed)
{
    uint64_t *stack = (uint64_t *)(uintptr_t)HEW_STACK_TOP - WORDS, out[WORDS];
    for (int i = 0; i < ROUNDS; i++) {
        stack[random_below(seed, WORDS)] = random_pointer(seed, w->stack_limit);
        uint64_t fp = random_pointer(seed, w->stack_limit);
        uint32_t n = hew_backtrace(w, 1, fp, out, WORDS);
        CHECK(n >= 1 && n < WORDS && out[0] == 1);
    }
}

/* B2: below the limit only while the reserve is open. */
static void the_reserve_is_read_only_while_it_is_open(hew_worker *w)
{
    uint64_t out[4], at = w->stack_limit - HEW_STACK_RESERVE;
    CHECK(hew_backtrace(w, 1, at, out, 4) == 1);
    CHECK(mprotect((void *)(uintptr_t)at, HEW_STACK_RESERVE, PROT_READ | PROT_WRITE) == 0);
    w->overflow = 1;
    ((uint64_t *)(uintptr_t)at)[0] = 0;
    ((uint64_t *)(uintptr_t)at)[1] = 7;
    CHECK(hew_backtrace(w, 1, at, out, 4) == 2 && out[1] == 7);
    hew_stack_close_reserve(w);
    CHECK(hew_backtrace(w, 1, at, out, 4) == 1);
}

static void without_a_stack_there_is_the_address_alone(hew_region *r)
{
    uint64_t out[4];
    hew_worker *w = hew_worker_at(r, 1);
    CHECK(hew_backtrace(w, 5, (uint64_t)(uintptr_t)__builtin_frame_address(0), out, 4) == 1);
    CHECK(out[0] == 5);
}

int main(void)
{
    end_after(120);
    uint64_t seed = chosen_seed();
    hew_region *r = make_region((run_options){.workers = 2});
    hew_worker *w = hew_worker_map(r, 0);
    CHECK(w && hew_stack_setup(w) == 0);
    a_chain_of_calls_is_seen_whole(w);
    a_wrong_pointer_does_no_harm(w, &seed);
    the_reserve_is_read_only_while_it_is_open(w);
    without_a_stack_there_is_the_address_alone(r);
    hew_region_destroy(r);
    return 0;
}
