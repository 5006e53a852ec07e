/* test_threads.c - workers as threads: many actors send to many, are spawned and closed, crash; under TSan, ASan.
 *
 * No handler waits here: a thread has no run stack of its own (see worker.h).
 */
#include "harness.h"

#include <pthread.h>

LOC(here, 3);
enum {
    ACTORS = 200,
    ROUNDS = 40,
    THREADS = 4
};

typedef struct fields {
    int64_t n;
    hew_string *text;
} fields;
static const hew_field field_list[] = {{.name = "n", .type = &int_type, .offset = 0},
                                       {.name = "text", .type = &text_type, .offset = 8}};
static const hew_type field_type = {
    .kind = HEW_KIND_RECORD, .align = 8, .size = 16, .n = 2, .name = "Node", .fields = field_list};
static const hew_actor_type node, child;
static uint64_t handles[ACTORS];
static uint64_t got_total, children;

static void node_hop(hew_worker *w, void *f, void *args);
static void node_text(hew_worker *w, void *f, void *args);
static void child_work(hew_worker *w, void *f, void *args);
static void child_fail(hew_worker *w, void *f, void *args);

static const hew_handler node_handlers[] = {HANDLER(0, "hop", node_hop, &one_int, NULL, 0),
                                            HANDLER(1, "text", node_text, &one_text, NULL, 0)};
static const hew_handler child_handlers[] = {HANDLER(0, "work", child_work, &one_int, NULL, 0),
                                             HANDLER(1, "fail", child_fail, NULL, NULL, 0)};
ACTOR(node, "Node", 0, &field_type, node_handlers, 0);
ACTOR(child, "Child", 1, &field_type, child_handlers, 0);
static const hew_actor_type *const types[] = {&node, &child};

static void send_text(hew_worker *w, uint64_t to, const char *text)
{
    hew_string *s = hew_string_new(w, text, strlen(text));
    *(hew_string **)hew_send_begin(w, to, &node_handlers[1], &here) = s;
    hew_send_commit(w);
}

static void node_hop(hew_worker *w, void *f, void *args)
{
    fields *self = f;
    int64_t left = *(int64_t *)args;
    self->n++;
    __atomic_fetch_add(&got_total, 1, __ATOMIC_RELAXED);
    if (left == 0) {
        return;
    }
    uint64_t to = handles[(uint64_t)(self->n * 7919 + left) % ACTORS];
    hew_send1(w, to, &node_handlers[0], (uint64_t)(left - 1), &here);
    for (int i = 0; i < 3; i++) {
        send_text(w, to, "a text that is moved");
    }
    if (left % 4 == 0) {
        uint64_t c = (hew_spawn_begin(w, &child, &here), hew_spawn_commit(w));
        hew_send1(w, c, &child_handlers[0], 1, &here);
        if (left % 8 == 0) {
            hew_send0(w, c, &child_handlers[1], &here);
        }
        hew_send1(w, c, &child_handlers[0], 1, &here);
        hew_close(w, c);
        hew_send1(w, c, &child_handlers[0], 1, &here); /* too late: dropped */
    }
}
static void node_text(hew_worker *w, void *f, void *args)
{
    fields *self = f;
    hew_string *old = self->text;
    self->text = *(hew_string **)args;
    hew_drop(w, &text_type, &old);
}
static void child_work(hew_worker *w, void *f, void *args)
{
    (void)w, (void)args;
    ((fields *)f)->n++;
    __atomic_fetch_add(&children, 1, __ATOMIC_RELAXED);
}
static void child_fail(hew_worker *w, void *f, void *args)
{
    (void)f, (void)args;
    hew_trap(w, "on purpose", &here);
}

static void start(hew_worker *w, void *f, void *args)
{
    (void)f, (void)args;
    for (int i = 0; i < ACTORS; i++) {
        hew_spawn_begin(w, &node, &here);
        handles[i] = hew_spawn_commit(w);
    }
    for (int i = 0; i < ACTORS; i++) {
        hew_send1(w, handles[i], &node_handlers[0], ROUNDS, &here);
    }
    hew_main_result(w, 0);
}
PROGRAM(program, types, start);

typedef struct thread_start {
    hew_region *r;
    uint32_t index;
} thread_start;
static void *thread_main(void *p)
{
    const thread_start *s = p;
    CHECK(hew_worker_run_thread(s->r, s->index, 1) == 0);
    return NULL;
}

int main(void)
{
    CHECK(freopen("/dev/null", "w", stderr) != NULL); /* the children's crashes */
    hew_region *r = make_region((run_options){.workers = THREADS});
    hew_region_start(r, &program);
    pthread_t threads[THREADS];
    thread_start starts[THREADS];
    for (uint32_t i = 0; i < THREADS; i++) {
        starts[i] = (thread_start){r, i};
        CHECK(pthread_create(&threads[i], NULL, thread_main, &starts[i]) == 0);
    }
    for (uint32_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    uint64_t c[HEW_C_COUNT];
    read_counters(r, c);
    int64_t code;
    uint64_t spawned = ACTORS * ROUNDS / 4, crashed = ACTORS * ROUNDS / 8;
    printf("sent %lu received %lu dropped %lu steals %lu spawned %lu/%lu\n", c[HEW_C_MESSAGES_SENT],
           c[HEW_C_MESSAGES_RECEIVED], c[HEW_C_MESSAGES_DROPPED], c[HEW_C_STEALS],
           c[HEW_C_TASKS_SPAWNED], c[HEW_C_TASKS_COMPLETED]);
    if (hew_region_verdict(r, &code) != HEW_ENDED || got_total != ACTORS * (ROUNDS + 1) ||
        c[HEW_C_ACTORS_SPAWNED] != ACTORS + spawned || c[HEW_C_ACTORS_ENDED] != spawned ||
        c[HEW_C_ACTORS_CRASHED] != crashed || c[HEW_C_TASKS_SPAWNED] != c[HEW_C_TASKS_COMPLETED] ||
        children != 2 * (spawned - crashed) + crashed ||
        c[HEW_C_ALLOC_COUNT] < c[HEW_C_DEALLOC_COUNT]) {
        printf("wrong\n");
        return 1;
    }
    return 0;
}
