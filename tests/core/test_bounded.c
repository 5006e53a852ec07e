/* test_bounded.c - many senders, bounded mailboxes, naps on both sides, workers killed meanwhile: each receiver gets
 * 1, 2, 3 .. from each sender, all of them where neither was killed, and never holds more than its bound.
 */
#include "harness.h"
#include "mailbox.h"

LOC(here, 3);
enum {
    SINKS = 6,
    SENDERS = 40,
    EACH = 600, /* messages of a sender to each sink */
    WORKERS = 3,
    KILLS = 12,
    ROUNDS = 3
};

typedef struct fields {
    int64_t id;
} fields;
static const hew_field field_list[] = {{.name = "id", .type = &int_type, .offset = 0}};
static const hew_type field_type = {.kind = HEW_KIND_RECORD,
                                    .flat = 1,
                                    .align = 8,
                                    .size = 8,
                                    .n = 1,
                                    .name = "Sink",
                                    .fields = field_list};
static const hew_field number_and_text[] = {{.type = &int_type}, {.type = &text_type, .offset = 8}};
static const hew_type put_args = {.kind = HEW_KIND_TUPLE,
                                  .align = 8,
                                  .size = 16,
                                  .n = 2,
                                  .name = "(Int, String)",
                                  .fields = number_and_text};
static struct results {
    uint64_t sinks[SINKS], senders[SENDERS];
    uint64_t got[SINKS][SENDERS];
    uint64_t total, done, wrong, over;
} *results;
static const hew_actor_type sink, sender;

static void sink_put(hew_worker *w, void *f, void *args);
static void sender_run(hew_worker *w, void *f, void *args);
static const hew_handler sink_handlers[] = {HANDLER(0, "put", sink_put, &put_args, NULL, 0)};
static const hew_handler sender_handlers[] = {HANDLER(0, "run", sender_run, NULL, NULL, 0)};
ACTOR(sink, "Sink", 0, &field_type, sink_handlers, 2);
ACTOR(sender, "Sender", 1, &field_type, sender_handlers, 0);
static const hew_actor_type *const types[] = {&sink, &sender};

static void sink_put(hew_worker *w, void *f, void *args)
{
    uint64_t number = *(uint64_t *)args, from = number >> 32;
    uint64_t *got = &results->got[((fields *)f)->id][from];
    if ((uint32_t)number != *got + 1) {
        __atomic_fetch_add(&results->wrong, 1, __ATOMIC_RELAXED);
    }
    *got = (uint32_t)number;
    hew_drop(w, &put_args, args);
    if (hew_mailbox_len(w, hew_this(w)) > 2) {
        __atomic_fetch_add(&results->over, 1, __ATOMIC_RELAXED);
    }
    if (__atomic_fetch_add(&results->total, 1, __ATOMIC_RELAXED) % 199 == 0) {
        hew_sleep_ns(w, 50000, &here);
    }
}
static void sender_run(hew_worker *w, void *f, void *args)
{
    (void)args;
    uint64_t id = (uint64_t)((fields *)f)->id;
    for (uint64_t i = 1; i <= EACH; i++) {
        for (uint64_t k = 0; k < SINKS; k++) {
            uint64_t to = results->sinks[(k + id) % SINKS];
            hew_string *s = hew_string_new(w, "a text that goes with it", 24);
            struct {
                uint64_t number;
                hew_string *text;
            } *put = hew_send_begin(w, to, &sink_handlers[0], &here);
            put->number = id << 32 | i;
            put->text = s;
            hew_send_commit(w);
            if (hew_mailbox_len(w, to) > 2) {
                __atomic_fetch_add(&results->over, 1, __ATOMIC_RELAXED);
            }
        }
        if (i % 64 == id) {
            hew_sleep_ns(w, 100000, &here);
        }
    }
    __atomic_fetch_add(&results->done, 1, __ATOMIC_RELEASE);
}
static uint64_t spawn(hew_worker *w, const hew_actor_type *type, int64_t id)
{
    ((fields *)hew_spawn_begin(w, type, &here))->id = id;
    return hew_spawn_commit(w);
}
static void start(hew_worker *w, void *f, void *args)
{
    (void)f, (void)args;
    for (int i = 0; i < SINKS; i++) {
        results->sinks[i] = spawn(w, &sink, i);
    }
    for (int i = 0; i < SENDERS; i++) {
        results->senders[i] = spawn(w, &sender, i);
    }
    for (int i = 0; i < SENDERS; i++) {
        hew_send0(w, results->senders[i], &sender_handlers[0], &here);
    }
    hew_main_result(w, 3);
}
PROGRAM(program, types, start);

static bool is_there(hew_region *r, uint64_t handle)
{
    return hew_actor_at(r, hew_handle_slot(handle))->pid == hew_handle_pid(handle);
}

/* All that was sent between those that live. Returns how many were killed. */
static int check(hew_region *r)
{
    int lost = 0;
    for (int i = 0; i < SINKS; i++) {
        lost += !is_there(r, results->sinks[i]);
        for (int j = 0; j < SENDERS && is_there(r, results->sinks[i]); j++) {
            if (is_there(r, results->senders[j]) && results->got[i][j] != EACH) {
                fprintf(stderr, "sink %d has %lu of %d from sender %d\n", i, results->got[i][j],
                        EACH, j);
                exit(1);
            }
        }
    }
    for (int j = 0; j < SENDERS; j++) {
        lost += !is_there(r, results->senders[j]);
    }
    return lost;
}

static void run(int kills, uint64_t seed)
{
    memset(results, 0, sizeof *results);
    hew_region *r = make_region((run_options){.workers = WORKERS});
    hew_region_start(r, &program);
    pid_t children[WORKERS];
    uint32_t incarnation[WORKERS];
    for (uint32_t i = 0; i < WORKERS; i++) {
        incarnation[i] = 1;
        children[i] = start_worker(r, i, 1, -1);
    }
    uint64_t random = seed;
    bool main_lost = false; /* killed before it had started all the others */
    for (int k = 0; k < kills && !main_lost; k++) {
        uint64_t goal = __atomic_load_n(&results->total, __ATOMIC_RELAXED) + 1000 + random % 5000;
        while (__atomic_load_n(&results->total, __ATOMIC_RELAXED) < goal &&
               hew_region_verdict(r, NULL) == HEW_RUNNING) {
        }
        random = random * 6364136223846793005ull + 1442695040888963407ull;
        uint32_t i = (uint32_t)(random >> 40) % WORKERS;
        int status;
        char text[256];
        if (hew_region_verdict(r, NULL) != HEW_RUNNING) {
            break;
        }
        kill(children[i], SIGKILL);
        CHECK(waitpid(children[i], &status, 0) == children[i]);
        if (hew_recover_worker(r, i, incarnation[i], text, sizeof text)) {
            main_lost = hew_region_decide(r, HEW_MAIN_TRAPPED, 1);
        }
        children[i] = start_worker(r, i, ++incarnation[i], -1);
    }
    uint64_t since = hew_monotonic_ns();
    while (hew_region_verdict(r, NULL) == HEW_RUNNING) {
        if (hew_monotonic_ns() - since > 60000000000ull) {
            fprintf(stderr, "it hangs after %lu messages\n", results->total);
            exit(1);
        }
        usleep(1000);
    }
    for (uint32_t i = 0; i < WORKERS; i++) {
        int status;
        CHECK(waitpid(children[i], &status, 0) == children[i]);
    }
    if (main_lost) {
        hew_region_destroy(r);
        return;
    }
    int64_t code;
    CHECK(hew_region_verdict(r, &code) == HEW_ENDED && code == 3);
    int lost = check(r);
    printf("%d kills, %d actors lost, %lu messages\n", kills, lost, results->total);
    CHECK(lost <= kills && results->wrong == 0 && results->over == 0);
    CHECK(kills || results->done == SENDERS);
    hew_region_destroy(r);
}

int main(void)
{
    results =
        mmap(NULL, sizeof *results, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (uint64_t i = 0; i < ROUNDS; i++) {
        run(0, i);
        run(KILLS, 977 * i + 1);
    }
    return 0;
}
