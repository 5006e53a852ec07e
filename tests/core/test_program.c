/* test_program.c - whole programs on worker processes: counting, ping-pong, asks, crashes, sleeping, closing. */
#include "harness.h"

#include <time.h>

LOC(here, 12);

typedef struct shared { /* results, in the region's own heap: all processes see it */
    uint64_t a, b, c;
} shared;
static shared *results; /* mapped before the fork */

/* ---- Counter ---- */

typedef struct counter_fields {
    int64_t n;
    hew_string *name;
} counter_fields;
static const hew_field counter_field_list[] = {{.name = "n", .type = &int_type, .offset = 0},
                                               {.name = "name", .type = &text_type, .offset = 8}};
static const hew_type counter_type = {.kind = HEW_KIND_RECORD,
                                      .align = 8,
                                      .size = 16,
                                      .n = 2,
                                      .name = "Counter",
                                      .fields = counter_field_list};
static const hew_actor_type counter;

static void counter_tick(hew_worker *w, void *fields, void *args)
{
    (void)w, (void)args;
    ((counter_fields *)fields)->n++;
}
static void counter_add(hew_worker *w, void *fields, void *args)
{
    (void)w;
    ((counter_fields *)fields)->n += *(int64_t *)args;
}
static void counter_get(hew_worker *w, void *fields, void *args)
{
    (void)args;
    int64_t n = ((counter_fields *)fields)->n;
    hew_reply(w, &n);
}
static void counter_fail(hew_worker *w, void *fields, void *args)
{
    (void)fields, (void)args;
    hew_trap(w, "division by zero", &here);
}
static void counter_nap(hew_worker *w, void *fields, void *args)
{
    hew_sleep_ns(w, *(int64_t *)args * 1000000, &here);
    ((counter_fields *)fields)->n++;
    hew_reply(w, NULL);
}
static void counter_deep(hew_worker *w, void *fields, void *args);
static const hew_handler counter_handlers[] = {
    HANDLER(0, "tick", counter_tick, NULL, NULL, 0),
    HANDLER(1, "add", counter_add, &one_int, NULL, 0),
    HANDLER(2, "get", counter_get, NULL, &int_type, 0),
    HANDLER(3, "fail", counter_fail, NULL, NULL, 0),
    HANDLER(4, "nap", counter_nap, &one_int, NULL, 0),
    HANDLER(5, "deep", counter_deep, NULL, NULL, 0),
};
ACTOR(counter, "Counter", 0, &counter_type, counter_handlers, 0);
static const hew_actor_type *const types[] = {&counter};

static uint64_t spawn_counter(hew_worker *w, int64_t n)
{
    counter_fields *f = hew_spawn_begin(w, &counter, &here);
    f->n = n;
    return hew_spawn_commit(w);
}
static int64_t ask_counter(hew_worker *w, uint64_t c)
{
    int64_t n = -1;
    (void)hew_ask_begin(w, c, &counter_handlers[2], &here);
    hew_await_reply(w, hew_ask_commit(w), &n, &here);
    return n;
}

/* ---- programs ---- */

static void main_counts(hew_worker *w, void *fields, void *args)
{
    (void)fields, (void)args;
    uint64_t c = spawn_counter(w, 0);
    for (int i = 0; i < 3000; i++) {
        hew_send0(w, c, &counter_handlers[0], &here);
    }
    for (int i = 0; i < 10; i++) {
        hew_send1(w, c, &counter_handlers[1], 100, &here);
    }
    results->a = (uint64_t)ask_counter(w, c);
    hew_main_result(w, 7);
}
PROGRAM(counts, types, main_counts);

static void test_counts(void)
{
    for (uint32_t workers = 1; workers <= 2; workers++) {
        outcome o = run_program(&counts, (run_options){.workers = workers});
        CHECK(o.verdict == HEW_ENDED && o.code == 7);
        CHECK(results->a == 4000);
        CHECK(o.counters[HEW_C_MESSAGES_SENT] == 3011);
        CHECK(o.counters[HEW_C_MESSAGES_RECEIVED] == 3011);
        CHECK(o.counters[HEW_C_MESSAGES_DROPPED] == 0);
        CHECK(o.counters[HEW_C_ACTORS_SPAWNED] == 1);
        CHECK(o.counters[HEW_C_TASKS_SPAWNED] == o.counters[HEW_C_TASKS_COMPLETED]);
        CHECK(o.errors[0] == 0);
    }
}

static void main_crashes(hew_worker *w, void *fields, void *args)
{
    (void)fields, (void)args;
    uint64_t c = spawn_counter(w, 5);
    hew_send0(w, c, &counter_handlers[3], &here);
    hew_send0(w, c, &counter_handlers[0], &here);
    struct {
        uint64_t tag;
        hew_string *reason;
    } reason = {9, NULL};
    hew_await_exit(w, c, &reason, &here);
    results->a = reason.tag;
    results->b = reason.reason ? reason.reason->len : 0;
    hew_drop(w, &hew_type_exit_reason, &reason);
    results->c = (uint64_t)hew_is_alive(w, c);
    hew_send0(w, c, &counter_handlers[0], &here);
    hew_await_exit(w, c, &reason, &here); /* again, long after: the same */
    CHECK(reason.tag == 2);
    hew_drop(w, &hew_type_exit_reason, &reason);
    (void)ask_counter(w, c);
}
PROGRAM(crashes, types, main_crashes);

static void test_crashes(void)
{
    outcome o = run_program(&crashes, (run_options){.workers = 2});
    CHECK(o.verdict == HEW_MAIN_TRAPPED && o.code == 1);
    CHECK(results->a == 2 && results->b == strlen("division by zero") && results->c == 0);
    CHECK(strstr(o.errors, "[hew] Counter#1 crashed in fail at test.hew:12:5: division by zero\n"));
    CHECK(
        strstr(o.errors,
               "[hew] main trapped at test.hew:12:5: Counter#1 ended before it replied to get\n"));
    CHECK(o.counters[HEW_C_ACTORS_CRASHED] == 1 && o.counters[HEW_C_ACTORS_ENDED] == 1);
    CHECK(o.counters[HEW_C_MESSAGES_DROPPED] == 3);
}

static void main_sleeps(hew_worker *w, void *fields, void *args)
{
    (void)fields, (void)args;
    uint64_t c[20];
    for (int i = 0; i < 20; i++) {
        c[i] = spawn_counter(w, 0);
    }
    hew_future *f[20];
    for (int i = 0; i < 20; i++) {
        *(int64_t *)hew_ask_begin(w, c[i], &counter_handlers[4], &here) = 20 - i;
        f[i] = hew_future_of_ask(w, hew_ask_commit(w));
    }
    hew_sleep_ns(w, 5000000, &here);
    for (int i = 0; i < 20; i++) {
        hew_await_future(w, f[i], NULL, &here);
    }
    results->a = 0;
    for (int i = 0; i < 20; i++) {
        results->a += (uint64_t)ask_counter(w, c[i]);
    }
    for (int i = 0; i < 20; i++) {
        hew_close(w, c[i]);
    }
    uint64_t reason[2];
    for (int i = 0; i < 20; i++) {
        hew_await_exit(w, c[i], reason, &here);
        CHECK(reason[0] == 0);
    }
    hew_main_result(w, 0);
}
PROGRAM(sleeps, types, main_sleeps);

static void test_sleeps(void)
{
    outcome o = run_program(&sleeps, (run_options){.workers = 2});
    CHECK(o.verdict == HEW_ENDED && o.code == 0);
    CHECK(results->a == 20);
    CHECK(o.counters[HEW_C_ACTORS_ENDED] == 20);
    CHECK(o.counters[HEW_C_TASKS_SPAWNED] == o.counters[HEW_C_TASKS_COMPLETED]);
}

/* ---- stack overflow, endless loop, memory ---- */

__attribute__((noinline)) static int64_t sink(volatile char *p)
{
    return p[0];
}
__attribute__((noinline)) static int64_t recurse(hew_worker *w, int64_t depth)
{
    volatile char frame[200];
    if (depth < 0) {
        return 0; /* never */
    }
    frame[0] = (char)depth;
    if (*(volatile uint32_t *)w) {
        hew_safepoint(w);
    }
    return recurse(w, depth + 1) + sink(frame);
}
static void counter_deep(hew_worker *w, void *fields, void *args)
{
    (void)fields, (void)args;
    recurse(w, 0);
}
static void main_overflows(hew_worker *w, void *fields, void *args)
{
    (void)fields, (void)args;
    uint64_t reason[2];
    for (int i = 0; i < 5; i++) {
        uint64_t c = spawn_counter(w, 0);
        hew_send0(w, c, &counter_handlers[5], &here);
        hew_await_exit(w, c, reason, &here);
        CHECK(reason[0] == 2);
        hew_drop(w, &hew_type_exit_reason, reason);
    }
    hew_main_result(w, 3);
}
PROGRAM(overflows, types, main_overflows);

static void test_overflows(void)
{
    outcome o = run_program(&overflows, (run_options){.workers = 2});
    CHECK(o.verdict == HEW_ENDED && o.code == 3);
    CHECK(strstr(o.errors, "[hew] Counter#5 crashed in deep at test.hew:1:1: stack overflow\n"));
    CHECK(o.counters[HEW_C_ACTORS_CRASHED] == 5);
}

static void main_deadlock(hew_worker *w, void *fields, void *args)
{
    (void)fields, (void)args;
    uint64_t c = spawn_counter(w, 0), reason[2];
    hew_await_exit(w, c, reason, &here);
}
PROGRAM(deadlock, types, main_deadlock);

static void test_deadlock(void)
{
    outcome o;
    hew_region *r = make_region((run_options){.workers = 2});
    run_in(r, &deadlock, &o);
    CHECK(o.verdict == HEW_DEADLOCK && o.code == 2);
    char text[4096];
    CHECK(hew_deadlock_report(r, text, sizeof text) > 0);
    CHECK(strcmp(text, "[hew] deadlock: nothing can run, 1 wait\n"
                       "[hew]   main waits for the end of Counter#1 (test.hew:12:5)\n") == 0);
    hew_region_destroy(r);
}

static void main_many(hew_worker *w, void *fields, void *args)
{
    (void)fields, (void)args;
    for (int i = 0; i < 200000; i++) {
        uint64_t c = spawn_counter(w, 0);
        hew_send0(w, c, &counter_handlers[0], &here);
        hew_close(w, c);
    }
    hew_main_result(w, 0);
}
PROGRAM(many, types, main_many);

static void test_many(void)
{
    outcome o = run_program(&many, (run_options){.workers = 2});
    CHECK(o.verdict == HEW_ENDED);
    CHECK(o.counters[HEW_C_ACTORS_SPAWNED] == 200000 && o.counters[HEW_C_ACTORS_ENDED] == 200000);
    CHECK(o.counters[HEW_C_MESSAGES_RECEIVED] == 200000);
    CHECK(o.counters[HEW_C_TASKS_SPAWNED] == o.counters[HEW_C_TASKS_COMPLETED]);
}

static void main_hoards(hew_worker *w, void *fields, void *args)
{
    (void)fields, (void)args;
    for (;;) {
        (void)spawn_counter(w, 0);
    }
}
PROGRAM(hoards, types, main_hoards);

static void test_hoards(void)
{
    outcome o = run_program(&hoards, (run_options){.workers = 2, .heap_max = 16 << 20});
    CHECK(o.verdict == HEW_MAIN_TRAPPED && o.code == 1);
    CHECK(strstr(o.errors, "[hew] main trapped at test.hew:12:5: out of memory\n"));
}

static void main_fills_the_table(hew_worker *w, void *fields, void *args)
{
    (void)fields, (void)args;
    hew_store_relaxed(&w->region->slots_used,
                      (uint64_t)HEW_MAX_SLOTS); /* as if there were all of them */
    (void)spawn_counter(w, 0);
}
PROGRAM(fills_the_table, types, main_fills_the_table);

static void test_fills_the_table(void)
{
    outcome o = run_program(&fills_the_table, (run_options){.workers = 1});
    CHECK(o.verdict == HEW_MAIN_TRAPPED && o.code == 1);
    CHECK(strstr(o.errors, "[hew] main trapped at test.hew:12:5: too many actors\n"));
}

int main(void)
{
    results =
        mmap(NULL, sizeof *results, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    test_counts();
    test_crashes();
    test_sleeps();
    test_overflows();
    test_deadlock();
    test_many();
    test_hoards();
    test_fills_the_table();
    return 0;
}
