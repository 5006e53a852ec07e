/* test_handlers.c - times of messages per handler, against what the handlers themselves saw of the clock.
 *
 * Bounds from above leave room for what the machine may do between our look at the clock and the core's.
 */
#include "harness.h"

LOC(here, 7);

enum {
    SPINS = 40,
    NAPS = 5,
    MANY = 200000,
    SPIN_NS = 2000000,
    NAP_NS = 10000000
};

static struct results {
    uint64_t sent_after;            /* ns: main had not sent before */
    uint64_t spun, waited, longest; /* ns, as the handlers saw it */
    uint64_t pieces[2];             /* two that take turns */
    uint64_t turns;
} *seen;

static uint64_t spin(uint64_t ns)
{
    uint64_t start = hew_monotonic_ns(), now = start;
    while (now - start < ns) {
        now = hew_monotonic_ns();
    }
    return now - start;
}

static void worker_init(hew_worker *w, void *fields, void *args)
{
    (void)w, (void)fields, (void)args;
}
/* Sent at `args`: works for a known time, and says how long it waited. */
static void worker_spin(hew_worker *w, void *fields, void *args)
{
    (void)w, (void)fields;
    uint64_t wait = hew_monotonic_ns() - *(uint64_t *)args;
    seen->waited += wait;
    seen->longest = wait > seen->longest ? wait : seen->longest;
    seen->spun += spin(SPIN_NS);
}
static void worker_nap(hew_worker *w, void *fields, void *args)
{
    (void)fields, (void)args;
    hew_sleep_ns(w, NAP_NS, &here);
}
static void worker_turns(hew_worker *w, void *fields, void *args)
{
    (void)fields;
    for (int i = 0; i < 20; i++) {
        seen->pieces[*(uint64_t *)args] += spin(1000000);
        hew_safepoint(w); /* as in a loop of a program whose time is over */
    }
}
static void worker_nothing(hew_worker *w, void *fields, void *args)
{
    (void)w, (void)fields, (void)args;
}
static void worker_done(hew_worker *w, void *fields, void *args)
{
    (void)fields, (void)args;
    hew_reply(w, NULL);
}
enum {
    NOTHING,
    SPIN,
    NAP,
    TURNS,
    DONE,
    INIT
};
static const hew_handler handlers[] = {
    HANDLER(NOTHING, "nothing", worker_nothing, NULL, NULL, 0),
    HANDLER(SPIN, "spin", worker_spin, &one_int, NULL, 0),
    HANDLER(NAP, "nap", worker_nap, NULL, NULL, 0),
    HANDLER(TURNS, "turns", worker_turns, &one_int, NULL, 0),
    HANDLER(DONE, "done", worker_done, NULL, NULL, 0),
    HANDLER(INIT, "init", worker_init, NULL, NULL, HEW_HANDLER_INIT)};
static const hew_handler idle_handlers[] = {HANDLER(0, "never", worker_nothing, NULL, NULL, 0)};
ACTOR(idle, "Idle", 0, NULL, idle_handlers, 0);
ACTOR(toiler, "Worker", 1, NULL, handlers, 0);
static const hew_actor_type *const types[] = {&idle, &toiler};

static uint64_t spawn(hew_worker *w)
{
    (void)hew_spawn_begin(w, &toiler, &here);
    uint64_t made = hew_spawn_commit(w);
    hew_send0(w, made, &handlers[INIT], &here);
    return made;
}
static void wait_for(hew_worker *w, uint64_t actor)
{
    (void)hew_ask_begin(w, actor, &handlers[DONE], &here);
    hew_await_reply(w, hew_ask_commit(w), NULL, &here);
}

static uint64_t in(const hew_times *times)
{
    uint64_t n = 0;
    for (int i = 0; i < 64; i++) {
        n += times->buckets[i];
    }
    return n;
}

/* Runs it and gives what is known of a handler; *time: of the actor with that number. */
static hew_handler_totals totals_of(const hew_program *program, uint32_t workers, uint32_t handler,
                                    uint64_t id, hew_actor_row *row)
{
    hew_handler_totals totals;
    outcome out;
    hew_region *r = make_region((run_options){.workers = workers});
    memset(seen, 0, sizeof *seen);
    CHECK(!hew_inspect_handler(r, 1, handler, &totals)); /* it has not started */
    run_in(r, program, &out);
    CHECK(out.verdict == HEW_ENDED);
    hew_actor_query all = {
        .sort = HEW_SORT_ID, .type = UINT32_MAX, .state = UINT32_MAX, .limit = 1};
    for (uint64_t i = 1; i < id; i++) {
        all.limit++;
    }
    hew_actor_row rows[8];
    hew_actor_scan scan = {.query = all, .rows = rows};
    CHECK(hew_inspect_actors(r, &scan, UINT64_MAX) && scan.n == id && rows[id - 1].id == id);
    *row = rows[id - 1];
    hew_handler_totals none;
    CHECK(hew_inspect_handler(r, 1, INIT, &none) && none.count == 0 && in(&none.work) == 0);
    CHECK(hew_inspect_handler(r, 0, 0, &none) && none.count == 0 && in(&none.mailbox) == 0);
    CHECK(!hew_inspect_handler(r, 0, 1, &none) && !hew_inspect_handler(r, 2, 0, &none));
    CHECK(!hew_inspect_handler(r, 1, INIT + 1, &none));
    CHECK(hew_inspect_handler(r, 1, handler, &totals));
    hew_region_destroy(r);
    return totals;
}

/* Of times that are known: no less, and no more than 5 % more, and what may come on top. */
static void check_times(const char *what, const hew_times *times, uint64_t known, uint64_t on_top)
{
    uint64_t least = known - known / 1000; /* two clocks */
    if (times->total_ns < least || times->total_ns > known + known / 20 + on_top) {
        fprintf(stderr, "%s: %lu ns of %lu, at most %lu on top\n", what, times->total_ns, known,
                on_top);
        exit(1);
    }
}

/* ---- work and waiting ---- */

static void start_spins(hew_worker *w, void *fields, void *args)
{
    (void)fields, (void)args;
    uint64_t a = spawn(w);
    seen->sent_after = hew_monotonic_ns();
    for (int i = 0; i < SPINS; i++) {
        hew_send1(w, a, &handlers[SPIN], hew_monotonic_ns(), &here);
    }
    seen->sent_after = hew_monotonic_ns() - seen->sent_after; /* how old main's clock may be */
    hew_main_result(w, 0);
}
PROGRAM(spins, types, start_spins);

static void test_work_and_waiting_are_what_the_handlers_saw(uint32_t workers)
{
    hew_actor_row row;
    hew_handler_totals t = totals_of(&spins, workers, SPIN, 1, &row);
    CHECK(t.count == SPINS && in(&t.work) == SPINS && in(&t.mailbox) == SPINS);
    check_times("work", &t.work, seen->spun, 0);
    CHECK(row.msgs == SPINS);
    check_times("time_ns", &(hew_times){.total_ns = row.time_ns}, seen->spun, 0);
    uint64_t queue = (uint64_t)SPIN_NS * SPINS * (SPINS - 1) / 2; /* the i-th waits for i others */
    CHECK(seen->waited >= queue);
    check_times("mailbox", &t.mailbox, seen->waited, SPINS * (seen->sent_after + 1000000));
    CHECK(t.mailbox.max_ns >= seen->longest - seen->longest / 1000);
    CHECK(t.work.max_ns >= SPIN_NS - SPIN_NS / 1000 && t.work.max_ns <= t.work.total_ns);
    uint64_t from = 63 - (uint64_t)__builtin_clzll(SPIN_NS - SPIN_NS / 1000), early = 0;
    for (uint64_t i = 0; i < from; i++) {
        early += t.work.buckets[i];
    }
    CHECK(early == 0);
}

/* ---- suspension ---- */

static void start_naps(hew_worker *w, void *fields, void *args)
{
    (void)fields, (void)args;
    uint64_t a = spawn(w);
    for (int i = 0; i < NAPS; i++) {
        hew_send0(w, a, &handlers[NAP], &here);
    }
    hew_main_result(w, 0);
}
PROGRAM(naps, types, start_naps);

static void test_time_suspended_is_no_work_but_others_wait_for_it(void)
{
    hew_actor_row row;
    hew_handler_totals t = totals_of(&naps, 2, NAP, 1, &row);
    uint64_t slept = (uint64_t)NAPS * NAP_NS, queue = (uint64_t)NAP_NS * NAPS * (NAPS - 1) / 2;
    CHECK(t.count == NAPS && in(&t.work) == NAPS); /* once each, at its end */
    CHECK(t.work.total_ns < slept / 2);
    CHECK(row.blocked_ns >= slept - slept / 1000 && row.time_ns < slept / 2);
    CHECK(t.mailbox.total_ns >= queue - queue / 1000);
}

static void start_turns(hew_worker *w, void *fields, void *args)
{
    (void)fields, (void)args;
    hew_send1(w, spawn(w), &handlers[TURNS], 0, &here);
    hew_send1(w, spawn(w), &handlers[TURNS], 1, &here);
    hew_main_result(w, 0);
}
PROGRAM(turns, types, start_turns);

static void test_a_handler_that_gives_way_works_only_in_its_turns(void)
{
    hew_actor_row row;
    hew_handler_totals t = totals_of(&turns, 1, TURNS, 2, &row);
    uint64_t worked = seen->pieces[0] + seen->pieces[1];
    CHECK(t.count == 2 && in(&t.work) == 2);
    CHECK(row.blocked_ns > 0); /* they did take turns */
    check_times("turns", &t.work, worked, 0);
}

/* ---- many ---- */

static void start_many(hew_worker *w, void *fields, void *args)
{
    (void)fields, (void)args;
    uint64_t a = spawn(w);
    for (int i = 0; i < MANY; i++) {
        hew_send0(w, a, &handlers[NOTHING], &here);
    }
    wait_for(w, a);
    hew_main_result(w, 0);
}
PROGRAM(many, types, start_many);

static void test_of_many_some_are_timed_and_stand_for_all(void)
{
    hew_actor_row row;
    hew_handler_totals t = totals_of(&many, 2, NOTHING, 1, &row);
    CHECK(t.count == MANY && row.msgs == MANY + 1);
    uint64_t worked = in(&t.work), waited = in(&t.mailbox);
    CHECK(worked == waited && waited <= MANY && waited >= MANY - 2048); /* all but the last few */
    CHECK(t.work.total_ns / worked < t.mailbox.total_ns / waited + t.work.max_ns);
}

int main(void)
{
    seen = mmap(NULL, sizeof *seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(seen != MAP_FAILED);
    test_work_and_waiting_are_what_the_handlers_saw(1);
    test_work_and_waiting_are_what_the_handlers_saw(2);
    test_time_suspended_is_no_work_but_others_wait_for_it();
    test_a_handler_that_gives_way_works_only_in_its_turns();
    test_of_many_some_are_timed_and_stand_for_all();
    return 0;
}
