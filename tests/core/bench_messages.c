/* bench_messages.c - nanoseconds per message of the core alone: counting, ping-pong, ring, spawn and end, ask.
 *
 * bench_messages [workers] [benchmark] [n]
 */
#include "harness.h"

LOC(here, 1);
enum {
    RING_SIZE = 503
};

static uint64_t N;
static uint64_t *elapsed; /* shared: ns */

typedef struct node_fields {
    int64_t n;
    uint64_t next, boss;
} node_fields;
static const hew_type node_type = {
    .kind = HEW_KIND_RECORD, .flat = 1, .align = 8, .size = 24, .name = "Node"};
static const hew_actor_type node;

static void node_count(hew_worker *w, void *fields, void *args);
static void node_produce(hew_worker *w, void *fields, void *args);
static void node_ping(hew_worker *w, void *fields, void *args);
static void node_die(hew_worker *w, void *fields, void *args);
static void node_get(hew_worker *w, void *fields, void *args);
static void node_link(hew_worker *w, void *fields, void *args);
static void node_done(hew_worker *w, void *fields, void *args);
static const hew_handler handlers[] = {
    HANDLER(0, "count", node_count, &one_int, NULL, 0),
    HANDLER(1, "produce", node_produce, &one_int, NULL, 0),
    HANDLER(2, "ping", node_ping, &one_int, NULL, 0),
    HANDLER(3, "die", node_die, &one_int, NULL, 0),
    HANDLER(4, "get", node_get, &one_int, &int_type, 0),
    HANDLER(5, "link", node_link, &one_int, NULL, 0),
    HANDLER(6, "done", node_done, &one_int, &int_type, 0),
};
ACTOR(node, "Node", 0, &node_type, handlers, 0);
static const hew_actor_type *const types[] = {&node};

static void node_count(hew_worker *w, void *fields, void *args)
{
    node_fields *f = fields;
    f->n += *(int64_t *)args;
    if ((uint64_t)f->n == N) {
        hew_close(w, hew_this(w));
    }
}
static void node_produce(hew_worker *w, void *fields, void *args)
{
    node_fields *f = fields;
    for (int64_t i = 0, n = *(int64_t *)args; i < n; i++) {
        hew_send1(w, f->next, &handlers[0], 1, &here);
    }
}
static void node_ping(hew_worker *w, void *fields, void *args)
{
    node_fields *f = fields;
    int64_t n = *(int64_t *)args;
    if (n == 0) {
        hew_close(w, f->boss);
        return;
    }
    hew_send1(w, f->next, &handlers[2], (uint64_t)(n - 1), &here);
}
static void node_die(hew_worker *w, void *fields, void *args)
{
    node_fields *f = fields;
    (void)args;
    hew_send1(w, f->boss, &handlers[0], 1, &here);
    hew_close(w, hew_this(w));
}
static void node_get(hew_worker *w, void *fields, void *args)
{
    (void)fields;
    int64_t v = *(int64_t *)args + 1;
    hew_reply(w, &v);
}
static void node_link(hew_worker *w, void *fields, void *args)
{
    (void)w;
    ((node_fields *)fields)->next = *(uint64_t *)args;
}
static void node_done(hew_worker *w, void *fields, void *args)
{
    (void)fields, (void)args;
    int64_t v = 0;
    hew_reply(w, &v);
}

static uint64_t spawn(hew_worker *w, uint64_t next, uint64_t boss)
{
    node_fields *f = hew_spawn_begin(w, &node, &here);
    f->next = next;
    f->boss = boss;
    return hew_spawn_commit(w);
}
static void await_end(hew_worker *w, uint64_t h)
{
    uint64_t reason[2];
    hew_await_exit(w, h, reason, &here);
}

static void main_counting(hew_worker *w, void *fields, void *args)
{
    (void)fields, (void)args;
    uint64_t c = spawn(w, 0, 0), p = spawn(w, c, 0), t = hew_monotonic_ns();
    hew_send1(w, p, &handlers[1], N, &here);
    await_end(w, c);
    *elapsed = hew_monotonic_ns() - t;
    hew_main_result(w, 0);
}
static void main_mpsc(hew_worker *w, void *fields, void *args)
{
    (void)fields, (void)args;
    uint64_t c = spawn(w, 0, 0), t = hew_monotonic_ns();
    for (int i = 0; i < 8; i++) {
        hew_send1(w, spawn(w, c, 0), &handlers[1], N / 8, &here);
    }
    await_end(w, c);
    *elapsed = hew_monotonic_ns() - t;
    hew_main_result(w, 0);
}
static void main_ping(hew_worker *w, void *fields, void *args)
{
    (void)fields, (void)args;
    uint64_t end = spawn(w, 0, 0), a = spawn(w, 0, end), b = spawn(w, a, end),
             t = hew_monotonic_ns();
    hew_send1(w, a, &handlers[5], b, &here);
    hew_send1(w, a, &handlers[2], N, &here);
    await_end(w, end);
    *elapsed = hew_monotonic_ns() - t;
    hew_main_result(w, 0);
}
static void main_ring(hew_worker *w, void *fields, void *args)
{
    (void)fields, (void)args;
    uint64_t end = spawn(w, 0, 0), first = spawn(w, 0, end), last = first;
    for (int i = 1; i < RING_SIZE; i++) {
        last = spawn(w, last, end);
    }
    hew_send1(w, first, &handlers[5], last, &here);
    uint64_t t = hew_monotonic_ns();
    hew_send1(w, first, &handlers[2], N, &here);
    await_end(w, end);
    *elapsed = hew_monotonic_ns() - t;
    hew_main_result(w, 0);
}
static void main_fork_join(hew_worker *w, void *fields, void *args)
{
    (void)fields, (void)args;
    uint64_t c = spawn(w, 0, 0), t = hew_monotonic_ns();
    for (uint64_t i = 0; i < N; i++) {
        hew_send1(w, spawn(w, 0, c), &handlers[3], i, &here);
    }
    await_end(w, c);
    *elapsed = hew_monotonic_ns() - t;
    hew_main_result(w, 0);
}
static void main_ask(hew_worker *w, void *fields, void *args)
{
    (void)fields, (void)args;
    uint64_t c = spawn(w, 0, 0), t = hew_monotonic_ns();
    int64_t v = 0;
    for (uint64_t i = 0; i < N; i++) {
        *(int64_t *)hew_ask_begin(w, c, &handlers[4], &here) = v;
        hew_await_reply(w, hew_ask_commit(w), &v, &here);
    }
    CHECK((uint64_t)v == N);
    *elapsed = hew_monotonic_ns() - t;
    hew_main_result(w, 0);
}
PROGRAM(counting, types, main_counting);
PROGRAM(mpsc, types, main_mpsc);
PROGRAM(ping_pong, types, main_ping);
PROGRAM(ring, types, main_ring);
PROGRAM(fork_join, types, main_fork_join);
PROGRAM(ask, types, main_ask);

static const struct {
    const char *name;
    const hew_program *program;
    uint64_t n;
} benchmarks[] = {{"counting", &counting, 8000000},   {"mpsc", &mpsc, 4000000},
                  {"ping_pong", &ping_pong, 2000000}, {"ring", &ring, 2000000},
                  {"fork_join", &fork_join, 400000},  {"ask", &ask, 1000000}};

int main(int argc, char **argv)
{
    uint32_t workers = argc > 1 ? (uint32_t)atoi(argv[1]) : 2;
    elapsed = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (size_t i = 0; i < HEW_COUNT_OF(benchmarks); i++) {
        if (argc > 2 && strcmp(argv[2], benchmarks[i].name) != 0 && strcmp(argv[2], "all") != 0) {
            continue;
        }
        N = argc > 3 ? (uint64_t)atoll(argv[3]) : benchmarks[i].n;
        outcome o = run_program(benchmarks[i].program,
                                (run_options){.workers = workers, .heap_max = 2ull << 30});
        CHECK(o.verdict == HEW_ENDED);
        printf("%-10s %u workers: %.1f ns (steals %lu, parks %lu)\n", benchmarks[i].name, workers,
               (double)*elapsed / (double)N, (unsigned long)o.counters[HEW_C_STEALS],
               (unsigned long)o.counters[HEW_C_PARKS]);
    }
    return 0;
}
