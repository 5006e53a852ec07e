/* test_kill.c - workers are killed at random under load, again and again; the program goes on and ends as it should. */
#include "harness.h"

LOC(here, 3);
enum {
    ACTORS = 500,
    KILLS = 40,
    WORKERS = 3
};

typedef struct fields {
    int64_t n;
    hew_string *text;
} fields;
static const hew_field field_list[] = {{.name = "n", .type = &int_type, .offset = 0},
                                       {.name = "text", .type = &text_type, .offset = 8}};
static const hew_type field_type = {
    .kind = HEW_KIND_RECORD, .align = 8, .size = 16, .n = 2, .name = "Node", .fields = field_list};
static const hew_actor_type node;
static struct results {
    uint64_t handles[ACTORS];
    uint64_t hops, asks, naps, stop;
} *results;

static void node_hop(hew_worker *w, void *f, void *args);
static void node_text(hew_worker *w, void *f, void *args);
static void node_get(hew_worker *w, void *f, void *args);
static const hew_handler handlers[] = {HANDLER(0, "hop", node_hop, &one_int, NULL, 0),
                                       HANDLER(1, "text", node_text, &one_text, NULL, 0),
                                       HANDLER(2, "get", node_get, NULL, &int_type, 0)};
ACTOR(node, "Node", 0, &field_type, handlers, 0);
static const hew_actor_type *const types[] = {&node};

static uint64_t pick(int64_t seed)
{
    return (uint64_t)(seed * 6364136223846793005ll + 1442695040888963407ll) >> 33;
}

static void node_hop(hew_worker *w, void *f, void *args)
{
    fields *self = f;
    int64_t seed = *(int64_t *)args;
    self->n++;
    __atomic_fetch_add(&results->hops, 1, __ATOMIC_RELAXED);
    uint64_t x = pick(seed);
    uint64_t to = __atomic_load_n(&results->handles[x % ACTORS], __ATOMIC_RELAXED);
    hew_string *s = hew_string_new(w, "a text that is moved along", 26);
    *(hew_string **)hew_send_begin(w, to, &handlers[1], &here) = s;
    hew_send_commit(w);
    if (x % 7 == 0) {
        hew_sleep_ns(w, 100000, &here);
        __atomic_fetch_add(&results->naps, 1, __ATOMIC_RELAXED);
    }
    if (x % 5 == 0) {
        uint64_t c = (hew_spawn_begin(w, &node, &here), hew_spawn_commit(w));
        int64_t v = 1;
        (void)hew_ask_begin(w, c, &handlers[2], &here);
        hew_await_reply(w, hew_ask_commit(w), &v, &here);
        CHECK(v == 0);
        __atomic_fetch_add(&results->asks, 1, __ATOMIC_RELAXED);
        hew_close(w, c);
    }
    hew_send1(w, to, &handlers[0], x, &here);
}
static void node_text(hew_worker *w, void *f, void *args)
{
    fields *self = f;
    hew_string *old = self->text;
    self->text = *(hew_string **)args;
    hew_drop(w, &text_type, &old);
}
static void node_get(hew_worker *w, void *f, void *args)
{
    (void)args;
    hew_reply(w, &((fields *)f)->n);
}
static void start(hew_worker *w, void *f, void *args)
{
    (void)f, (void)args;
    for (int i = 0; i < ACTORS; i++) {
        hew_spawn_begin(w, &node, &here);
        results->handles[i] = hew_spawn_commit(w);
    }
    for (int i = 0; i < ACTORS; i++) {
        hew_send1(w, results->handles[i], &handlers[0], (uint64_t)i * 1234567, &here);
    }
    while (!__atomic_load_n(&results->stop, __ATOMIC_ACQUIRE)) {
        hew_sleep_ns(w, 1000000, &here);
        for (int i = 0; i < ACTORS; i++) { /* who was killed gets a successor and something to do */
            if (!hew_is_alive(w, results->handles[i])) {
                hew_spawn_begin(w, &node, &here);
                uint64_t h = hew_spawn_commit(w);
                __atomic_store_n(&results->handles[i], h, __ATOMIC_RELAXED);
                hew_send1(w, h, &handlers[0], (uint64_t)i * 7654321, &here);
            }
        }
    }
    hew_exit(w, 5);
}
PROGRAM(program, types, start);

int main(void)
{
    results =
        mmap(NULL, sizeof *results, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    hew_region *r = make_region((run_options){.workers = WORKERS});
    hew_region_start(r, &program);
    pid_t children[WORKERS];
    uint32_t incarnation[WORKERS];
    for (uint32_t i = 0; i < WORKERS; i++) {
        incarnation[i] = 1;
        children[i] = start_worker(r, i, 1, -1);
    }
    uint64_t random = 12345, slowest = 0;
    bool main_lost = false;
    int kills = 0, idle = 0;
    for (; kills < KILLS && !main_lost; kills++) {
        uint64_t hops = __atomic_load_n(&results->hops, __ATOMIC_RELAXED),
                 more = 500 + random % 3000;
        uint64_t start_ns = hew_monotonic_ns();
        while (__atomic_load_n(&results->hops, __ATOMIC_RELAXED) <
               hops + more) { /* a condition, with a limit */
            CHECK(hew_monotonic_ns() - start_ns < 20000000000ull);
            CHECK(hew_region_verdict(r, NULL) == HEW_RUNNING);
        }
        random = random * 6364136223846793005ull + 1442695040888963407ull;
        uint32_t i = (uint32_t)(random >> 40) % WORKERS;
        int status;
        char text[256];
        kill(children[i], SIGKILL);
        CHECK(waitpid(children[i], &status, 0) == children[i]);
        CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        if (!hew_region_audit(r, text, sizeof text)) { /* the others run meanwhile */
            fprintf(stderr, "audit: %s\n", text);
            exit(1);
        }
        uint64_t t = hew_monotonic_ns();
        main_lost = hew_recover_worker(r, i, incarnation[i], text, sizeof text);
        t = hew_monotonic_ns() - t;
        slowest = t > slowest ? t : slowest;
        idle += strcmp(text, "while idle") == 0;
        children[i] = start_worker(r, i, ++incarnation[i], -1);
    }
    __atomic_store_n(&results->stop, 1, __ATOMIC_RELEASE);
    if (main_lost) {
        hew_region_decide(r, HEW_MAIN_TRAPPED, 1);
    }
    for (uint32_t i = 0; i < WORKERS; i++) {
        int status;
        CHECK(waitpid(children[i], &status, 0) == children[i]);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    int64_t code;
    uint32_t verdict = hew_region_verdict(r, &code);
    uint64_t c[HEW_C_COUNT];
    read_counters(r, c);
    printf("%d kills, %d while idle, main lost %d, slowest recovery %lu us; hops %lu asks %lu naps "
           "%lu, crashed %lu\n",
           kills, idle, main_lost, slowest / 1000, results->hops, results->asks, results->naps,
           c[HEW_C_ACTORS_CRASHED]);
    CHECK(main_lost ? code == 1 : verdict == HEW_EXITED && code == 5);
    CHECK(c[HEW_C_RESTARTS] == (uint64_t)kills);
    return 0;
}
